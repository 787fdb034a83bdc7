//! The fields by which each kind of response is recognized.

use crate::decode::{Empty, Json};

/// A response of this API.
pub(crate) trait Kind: Sized {
    /// A response has at least one of these fields.
    const FIELDS: &'static [&'static str];
}

/// A decoder of such a response.
pub(crate) const fn json<T: Kind>() -> Json<T> {
    Json::new().with_fields(T::FIELDS)
}

/// Sets the fields by which responses are recognized: `Type: "field", "another";`.
macro_rules! kinds {
    ($($answer:ty: $($field:literal),*;)*) => {
        $(impl crate::api::kinds::Kind for $answer {
            const FIELDS: &'static [&'static str] = &[$($field),*];
        })*
    };
}
pub(crate) use kinds;

kinds! {
    // Empty, null, or ignored.
    Empty: ;
}
