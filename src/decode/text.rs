//! Decodes JSON text within limits. Errors name the position.

use serde::de::DeserializeOwned;

use crate::base::{Error, ErrorKind, Result};
use crate::decode::charge::{self, Account, Bounds};
use crate::decode::fault::{fault, place};
use crate::decode::mend::mended;

/// Decodes a JSON document. Errors include the path inside it.
///
/// Bare `-Infinity`, `Infinity` and `NaN`, which the server writes into log probabilities, are read as null, and unpaired
/// surrogates as U+FFFD. The memory of the document is limited by the defaults of [`Limits`](crate::Limits).
///
/// # Errors
///
/// Errors with code `unexpected_json` or `invalid_json` if the text is not a `T` or not JSON, or with kind
/// [`TooLarge`](crate::ErrorKind::TooLarge) if a limit is exceeded.
pub fn from_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    from_json_within(text, &Bounds::default())
}

/// The same within other limits.
pub(crate) fn from_json_within<T: DeserializeOwned>(text: &str, bounds: &Bounds) -> Result<T> {
    if bounds.concern(text.len()) {
        return charged(text, bounds);
    }
    let error = match serde_json::from_str(text) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    if let Some(finite) = mended(text) {
        return serde_json::from_str(&finite).map_err(|_| located::<T>(&finite, error));
    }
    Err(located::<T>(text, error))
}

/// The same with memory accounting.
#[inline(never)]
fn charged<T: DeserializeOwned>(text: &str, bounds: &Bounds) -> Result<T> {
    let account = Account::new(*bounds, text.len(), 0);
    let error = match charge::read(text, &account) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    if let Some(error) = account.error() {
        return Err(error);
    }
    let Some(mended) = mended(text) else { return Err(located::<T>(text, error)) };
    let account = Account::new(*bounds, text.len(), mended.len());
    charge::read(&mended, &account).map_err(|_| account.error().unwrap_or_else(|| located::<T>(&mended, error)))
}

/// Decodes a document that was read before, as a type that keeps little of it.
pub(crate) fn look<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok().or_else(|| serde_json::from_str(&mended(text)?).ok())
}

/// Repeats the error with its path. Separate from the fast path of valid documents.
fn located<T: DeserializeOwned>(text: &str, plain: serde_json::Error) -> Error {
    let mut json = serde_json::Deserializer::from_str(text);
    let (path, error) = match serde_path_to_error::deserialize::<_, T>(&mut json) {
        Err(error) => (place(error.path()), error.into_inner()),
        Ok(_) => (None, plain),
    };
    let code = if error.is_data() { "unexpected_json" } else { "invalid_json" };
    // Omits the parser's error, which quotes the text.
    Error::new(ErrorKind::Decode, code, format!("the answer could not be read: {}", fault(&error)))
        .with_path(path.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_exactly() {
        for text in ["-0.11536954343318939", "-0.22147056460380554", "366.24", "5e-324"] {
            assert_eq!(serde_json::to_string(&from_json::<f64>(text).unwrap()).unwrap(), text);
        }
    }

    #[test]
    fn errors_name_the_path() {
        #[derive(Debug, serde::Deserialize)]
        #[allow(dead_code)]
        struct Inner {
            n: u32,
        }
        let error =
            from_json::<std::collections::BTreeMap<String, Vec<Inner>>>(r#"{"list":[{"n":1},{"n":"x"}]}"#).unwrap_err();
        assert_eq!(error.path(), Some("list[1].n"));
        assert_eq!(error.code().as_str(), "unexpected_json");
    }
}
