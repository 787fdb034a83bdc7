//! The fields by which each kind of response is recognized.

use crate::decode::{Empty, Json};

/// A response of this API.
pub(crate) trait Kind: Sized {
    /// A response has at least one of these fields.
    const FIELDS: &'static [&'static str];
    /// See [`Json::sure`].
    const SURE: Option<fn(&Self) -> bool> = None;
}

/// A decoder of such a response.
pub(crate) const fn json<T: Kind>() -> Json<T> {
    Json::new().with_fields(T::FIELDS).sure(T::SURE)
}

/// Sets the fields by which responses are recognized: `Type: "field", "another";`. Optionally, a method by which one is surely no error.
macro_rules! kinds {
    ($($answer:ty: $($field:literal),* $(, sure if $sure:ident)?;)*) => {
        $(impl crate::api::kinds::Kind for $answer {
            const FIELDS: &'static [&'static str] = &[$($field),*];
            $(const SURE: Option<fn(&Self) -> bool> = Some(Self::$sure);)?
        })*
    };
}
pub(crate) use kinds;

kinds! {
    // Empty, null, or ignored.
    Empty: ;
}
