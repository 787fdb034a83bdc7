//! `OrderedJson` from JSON text, and from types that serialize to it.

use std::str::FromStr;

use serde::Serialize;

use crate::base::error::{Error, ErrorCode, ErrorKind, Result};
use crate::base::ordered::OrderedJson;

impl OrderedJson {
    /// Parses JSON text. If a name occurs twice in an object, the last value is kept.
    ///
    /// # Errors
    ///
    /// Errors with code `invalid_json` if the text is not JSON or is nested deeper than 128 levels.
    pub fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|error| {
            Error::new(ErrorKind::Encode, ErrorCode::InvalidJson, format!("the text is not JSON: {error}"))
        })
    }

    /// Returns what a type serializes to, with its fields in the order in which the type writes them.
    ///
    /// # Errors
    ///
    /// Errors with code `encode` if the value cannot be serialized as JSON.
    pub fn from_serialize<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        let unfit = |error| {
            Error::new(ErrorKind::Encode, ErrorCode::Encode, format!("the value could not be written as JSON: {error}"))
        };
        let text = serde_json::to_string(value).map_err(unfit)?;
        serde_json::from_str(&text).map_err(unfit)
    }
}

impl FromStr for OrderedJson {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        OrderedJson::parse(text)
    }
}
