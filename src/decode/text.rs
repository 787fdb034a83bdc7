//! Decodes JSON text within limits. Errors name the position.

use serde::de::DeserializeOwned;

use crate::base::{Error, ErrorKind, Result};
use crate::decode::charge::{self, Account, Bounds};
use crate::decode::fault::fault;
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
    let mut value = None;
    read(text, bounds, &mut |text, account| {
        value = Some(charge::read(text, account)?);
        Ok(())
    })?;
    value.ok_or_else(|| Error::misuse("nothing was decoded"))
}

/// The same for the types of long streams. Small documents are read by serde_json alone, which takes a decoder of its own per type.
pub(crate) fn from_small_json<T: DeserializeOwned>(text: &str, bounds: &Bounds) -> Result<T> {
    if !bounds.concern(text.len())
        && let Ok(value) = serde_json::from_str(text)
    {
        return Ok(value);
    }
    from_json_within(text, bounds)
}

/// The same in one attempt: `None` if the document has to be mended, or if there is an error.
pub(crate) fn read_once<T: DeserializeOwned>(text: &str, bounds: &Bounds) -> Option<T> {
    if !bounds.concern(text.len()) {
        return serde_json::from_str(text).ok();
    }
    charge::read(text, &Account::new(bounds, text.len(), 0)).ok()
}

/// Decodes a document that was read before, as a type that keeps little of it.
pub(crate) fn look<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok().or_else(|| serde_json::from_str(&mended(text)?).ok())
}

/// Decodes one document and keeps its value, for [`read`], which is compiled once for all types.
type Read<'a> = dyn FnMut(&str, &Account) -> serde_json::Result<()> + 'a;

/// Decodes a document: as it is, or mended. After an error, once more for its path.
fn read(text: &str, bounds: &Bounds, decode: &mut Read<'_>) -> Result<()> {
    let account = Account::new(bounds, text.len(), 0);
    let Err(error) = decode(text, &account) else { return Ok(()) };
    if let Some(error) = account.error() {
        return Err(error);
    }
    let Some(mended) = mended(text) else { return Err(located(text, error, decode)) };
    let account = Account::new(bounds, text.len(), mended.len());
    if decode(&mended, &account).is_ok() {
        return Ok(());
    }
    Err(account.error().unwrap_or_else(|| located(&mended, error, decode)))
}

/// Repeats an error with its path.
fn located(text: &str, plain: serde_json::Error, decode: &mut Read<'_>) -> Error {
    let account = Account::tracing();
    let error = decode(text, &account).err().unwrap_or(plain);
    let code = if error.is_data() { "unexpected_json" } else { "invalid_json" };
    // Omits the parser's error, which quotes the text.
    Error::new(ErrorKind::Decode, code, format!("the answer could not be read: {}", fault(&error)))
        .with_path(account.place().unwrap_or_default())
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
