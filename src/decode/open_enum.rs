//! Open string enums of the API, and null as absence.

use serde::{Deserialize, Deserializer};

/// Declares a string enum that keeps unknown values and is read in place.
macro_rules! open_enum {
    ($(#[$meta:meta])* $name:ident { $($values:tt)* }) => {
        crate::base::open_enum::open_enum! {
            $(#[$meta])*
            $name { $($values)* }
        }

        crate::decode::in_place::fill_from_str!(Option<$name>, |value: &str| Some($name::from(value)));
    };
}
pub(crate) use open_enum;

/// `#[serde(default, deserialize_with = "null_as_default")]`: null equals absent.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}
