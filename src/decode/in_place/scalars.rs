//! Scalars. Values of another type are converted, or treated as absent.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::{DeserializeInPlace, lists_are_nothing, null_is_nothing};
use crate::base::Text;

/// The name of a number if a crate of the program enables `arbitrary_precision` of serde_json.
pub(super) const NUMBER: &str = "$serde_json::private::Number";

/// Skips an object. Returns the digits, if it represents a number.
#[cold]
pub(crate) fn digits<'de, A: MapAccess<'de>>(mut map: A) -> Result<Option<String>, A::Error> {
    let mut digits = None;
    while let Some(key) = map.next_key::<String>()? {
        if key == NUMBER {
            digits = Some(map.next_value()?);
        } else {
            map.next_value::<IgnoredAny>()?;
        }
    }
    Ok(digits)
}

/// `DeserializeInPlace` for types made from a string. Each has its own visitor, so that the compiler writes the result
/// directly into the place.
macro_rules! fill_from_str {
    ($type:ty, $make:expr) => {
        impl<'de> crate::decode::in_place::DeserializeInPlace<'de> for $type {
            #[inline]
            fn fill<D: ::serde::Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
                struct Visit<'a>(&'a mut $type);
                impl<'de> ::serde::de::Visitor<'de> for Visit<'_> {
                    type Value = ();
                    fn expecting(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                        f.write_str("a string")
                    }
                    #[inline]
                    fn visit_str<E>(self, value: &str) -> Result<(), E> {
                        *self.0 = $make(value);
                        Ok(())
                    }
                    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
                        Ok(())
                    }
                    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
                        *self.0 = $make(value.to_string().as_str());
                        Ok(())
                    }
                    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
                        *self.0 = $make(value.to_string().as_str());
                        Ok(())
                    }
                    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
                        *self.0 = $make(value.to_string().as_str());
                        Ok(())
                    }
                    fn visit_map<A: ::serde::de::MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
                        if let Some(digits) = crate::decode::in_place::digits(map)? {
                            *self.0 = $make(digits.as_str());
                        }
                        Ok(())
                    }
                    crate::decode::in_place::null_is_nothing!();
                    crate::decode::in_place::lists_are_nothing!();
                }
                crate::decode::in_place::in_place(deserializer, Visit(self))
            }
        }
    };
}
pub(crate) use fill_from_str;

fill_from_str!(Text, Text::from);
fill_from_str!(Option<Text>, |text: &str| Some(Text::from(text)));
fill_from_str!(String, |text: &str| text.to_owned());
fill_from_str!(Option<String>, |text: &str| Some(text.to_owned()));

/// Conversions to a number. `None` if the value does not fit the type.
trait Number: Copy {
    fn of_u64(value: u64) -> Option<Self>;
    fn of_i64(value: i64) -> Option<Self>;
    fn of_f64(value: f64) -> Option<Self>;
    fn of_str(text: &str) -> Option<Self>;
}

macro_rules! integer {
    ($($type:ty),*) => {
        $(
            impl Number for $type {
                #[inline]
                fn of_u64(value: u64) -> Option<Self> {
                    value.try_into().ok()
                }
                #[inline]
                fn of_i64(value: i64) -> Option<Self> {
                    value.try_into().ok()
                }
                /// Drops the fraction, since times can have one.
                fn of_f64(value: f64) -> Option<Self> {
                    let whole = value.trunc();
                    // Casts saturate, so the result is checked against the range.
                    if whole.is_finite() && whole.abs() < 2f64.powi(64) { (whole as i128).try_into().ok() } else { None }
                }
                fn of_str(text: &str) -> Option<Self> {
                    let text = text.trim();
                    text.parse().ok().or_else(|| Self::of_f64(text.parse().ok()?))
                }
            }
        )*
    };
}

integer!(u32, u64, i64);

impl Number for f64 {
    fn of_u64(value: u64) -> Option<Self> {
        Some(value as f64)
    }
    fn of_i64(value: i64) -> Option<Self> {
        Some(value as f64)
    }
    fn of_f64(value: f64) -> Option<Self> {
        value.is_finite().then_some(value)
    }
    fn of_str(text: &str) -> Option<Self> {
        text.trim().parse().ok().and_then(Self::of_f64)
    }
}

/// `DeserializeInPlace` for numbers of this type.
macro_rules! fill_from_number {
    ($type:ty, $number:ty, $make:expr) => {
        impl<'de> DeserializeInPlace<'de> for $type {
            #[inline]
            fn fill<D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
                struct Visit<'a>(&'a mut $type);
                impl Visit<'_> {
                    #[inline]
                    fn set(self, value: Option<$number>) {
                        if let Some(value) = value {
                            *self.0 = $make(value);
                        }
                    }
                }
                impl<'de> Visitor<'de> for Visit<'_> {
                    type Value = ();
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(stringify!($number))
                    }
                    #[inline]
                    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
                        self.set(Number::of_u64(value));
                        Ok(())
                    }
                    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
                        self.set(Number::of_i64(value));
                        Ok(())
                    }
                    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
                        self.set(Number::of_f64(value));
                        Ok(())
                    }
                    fn visit_str<E>(self, value: &str) -> Result<(), E> {
                        self.set(Number::of_str(value));
                        Ok(())
                    }
                    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
                        Ok(())
                    }
                    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
                        self.set(digits(map)?.and_then(|digits| Number::of_str(&digits)));
                        Ok(())
                    }
                    null_is_nothing!();
                    lists_are_nothing!();
                }
                crate::decode::in_place::in_place(deserializer, Visit(self))
            }
        }
    };
}

fill_from_number!(u32, u32, |number| number);
fill_from_number!(u64, u64, |number| number);
fill_from_number!(i64, i64, |number| number);
fill_from_number!(Option<u32>, u32, Some);
fill_from_number!(Option<u64>, u64, Some);
fill_from_number!(Option<i64>, i64, Some);
fill_from_number!(Option<f64>, f64, Some);

/// `DeserializeInPlace` for booleans.
macro_rules! fill_from_bool {
    ($type:ty, $make:expr) => {
        impl<'de> DeserializeInPlace<'de> for $type {
            fn fill<D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
                struct Visit<'a>(&'a mut $type);
                impl<'de> Visitor<'de> for Visit<'_> {
                    type Value = ();
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("true or false")
                    }
                    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
                        *self.0 = $make(value);
                        Ok(())
                    }
                    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
                        if value < 2 {
                            *self.0 = $make(value == 1);
                        }
                        Ok(())
                    }
                    fn visit_str<E>(self, value: &str) -> Result<(), E> {
                        if let Ok(value) = value.trim().to_ascii_lowercase().parse::<bool>() {
                            *self.0 = $make(value);
                        }
                        Ok(())
                    }
                    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
                        Ok(())
                    }
                    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
                        Ok(())
                    }
                    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
                        digits(map).map(|_| ())
                    }
                    null_is_nothing!();
                    lists_are_nothing!();
                }
                crate::decode::in_place::in_place(deserializer, Visit(self))
            }
        }
    };
}

fill_from_bool!(bool, |value| value);
fill_from_bool!(Option<bool>, Some);

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: for<'de> DeserializeInPlace<'de>>(json: &str) -> T {
        let mut json = serde_json::Deserializer::from_str(json);
        let value = crate::decode::in_place::filled(&mut json).unwrap();
        json.end().unwrap();
        value
    }

    #[test]
    fn numbers_count_for_what_they_mean() {
        for (json, number) in [
            ("7", Some(7)),
            ("7.0", Some(7)),
            ("7.9", Some(7)),
            ("\"7\"", Some(7)),
            ("\" 7.0 \"", Some(7)),
            ("7e2", Some(700)),
            ("-1", None),
            ("-1.5", None),
            ("4294967296", None),
            ("1e300", None),
            ("18446744073709551616", None),
            ("\"\"", None),
            ("\"NaN\"", None),
            ("\"2024-05-01\"", None),
            ("true", None),
            ("null", None),
            ("[7]", None),
            ("{\"a\": [7, {}]}", None),
            (r#"{"$serde_json::private::Number": "7.0"}"#, Some(7)),
        ] {
            assert_eq!(read::<Option<u32>>(json), number, "{json}");
            assert_eq!(read::<u32>(json), number.unwrap_or_default(), "{json}");
        }
        assert_eq!(read::<u64>("18446744073709551615"), u64::MAX);
        assert_eq!(read::<u64>("18446744073709551616"), 0);
        assert_eq!(read::<i64>("-9223372036854775808"), i64::MIN);
        assert_eq!(read::<i64>("-1.5"), -1);
        assert_eq!(read::<Option<f64>>("\"0.5\""), Some(0.5));
        assert_eq!(read::<Option<f64>>("\"inf\""), None);
        assert_eq!(read::<Option<f64>>("3"), Some(3.0));
    }

    #[test]
    fn texts_and_truths_too() {
        for (json, text) in [
            ("\"a\"", "a"),
            ("7", "7"),
            ("-7", "-7"),
            ("7.5", "7.5"),
            ("true", ""),
            ("null", ""),
            ("[\"a\"]", ""),
            ("{}", ""),
        ] {
            assert_eq!(read::<Text>(json), text, "{json}");
            assert_eq!(read::<Option<String>>(json).unwrap_or_default(), text, "{json}");
        }
        for (json, truth) in [
            ("true", Some(true)),
            ("0", Some(false)),
            ("1", Some(true)),
            ("2", None),
            ("\"True\"", Some(true)),
            ("\"no\"", None),
            ("[]", None),
        ] {
            assert_eq!(read::<Option<bool>>(json), truth, "{json}");
        }
    }
}
