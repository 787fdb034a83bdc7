//! The Hugging Face token in the body of a download. It is not shown or recorded.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::base::Secrets;
use crate::base::secrets::REMOVED;

/// The body of a download without its hub token. `None` if there is none.
pub(crate) fn without_token(path: &str, body: &[u8]) -> Option<Bytes> {
    let text = download(path, body)?;
    let token = token(text).filter(|token| token.starts_with('"'))?;
    let start = (token.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let (before, after) = (text.get(..start)?, text.get(start + token.len()..)?);
    Some([before, "\"", REMOVED, "\"", after].concat().into())
}

/// Adds the token of `whole` to a body from [`without_token`], which may have been edited since.
pub(crate) fn with_token(body: Bytes, whole: &[u8]) -> Bytes {
    let put_back = || {
        let token_there = token(std::str::from_utf8(whole).ok()?)?;
        let text = std::str::from_utf8(&body).ok()?;
        let shown = token(text)?;
        let start = (shown.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
        let (before, after) = (text.get(..start)?, text.get(start + shown.len()..)?);
        (shown == ["\"", REMOVED, "\""].concat()).then(|| [before, token_there, after].concat())
    };
    put_back().map_or_else(|| body.clone(), Bytes::from)
}

/// The token in the body of a download, as text.
fn token(body: &str) -> Option<&str> {
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(body).ok()?;
    Some(fields.get("token")?.get())
}

/// The body of a download, as text.
fn download<'a>(path: &str, body: &'a [u8]) -> Option<&'a str> {
    if path.ends_with("/download") { std::str::from_utf8(body).ok() } else { None }
}

impl Secrets {
    /// Adds the hub token in the body of a download to the secrets.
    pub(crate) fn add_token(&mut self, path: &str, body: &[u8]) {
        let token = download(path, body).and_then(|body| serde_json::from_str::<String>(token(body)?).ok());
        if let Some(token) = token.map(Zeroizing::new).filter(|token| !self.cover(token.as_bytes())) {
            self.add(&token);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_that_of_a_download_alone() {
        let body = Bytes::from_static(br#"{"repo_id":"a/b","token":"hf_planted","z":1}"#);
        let shown = without_token("/v1/download", &body).unwrap();
        assert_eq!(shown, r#"{"repo_id":"a/b","token":"[removed]","z":1}"#);
        assert_eq!(with_token(shown, &body), body);
        assert_eq!(with_token(Bytes::from_static(br#"{"token":"mine"}"#), &body), r#"{"token":"mine"}"#);
        assert_eq!(without_token("/v1/token/encode", &body), None);
        let mut secrets = Secrets::default();
        secrets.add_token("/v1/download", &body);
        assert!(secrets.are_in(b"hf_planted"));
    }
}
