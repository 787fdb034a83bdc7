//! By which fields each kind of answer is known.

use crate::decode::{Empty, Json};

/// An answer of this API.
pub(crate) trait Kind: Sized {
    /// At least one of them is there.
    const FIELDS: &'static [&'static str];
}

/// A decoder of such an answer.
pub(crate) const fn json<T: Kind>() -> Json<T> {
    Json::new().with_fields(T::FIELDS)
}

/// Says by which fields answers are known: `Type: "field", "another";`.
macro_rules! kinds {
    ($($answer:ty: $($field:literal),*;)*) => {
        $(impl crate::api::kinds::Kind for $answer {
            const FIELDS: &'static [&'static str] = &[$($field),*];
        })*
    };
}
pub(crate) use kinds;

kinds! {
    // Nothing, null, or what this library does not look at.
    Empty: ;
}
