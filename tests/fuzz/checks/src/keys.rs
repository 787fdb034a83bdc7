//! Keys, headers and addresses.

use std::error::Error as _;

use futures::executor::block_on;
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::{BaseUrl, Client};

const KEY: &str = "0123456789abcdef-\"\\/<key>-fedcba9876543210";

/// A server repeats the key, raw, escaped and cut, in the body of an error: it is nowhere in what is printed.
pub(crate) fn redaction(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let (before, after) = rest.split_at(usize::from(*first).min(rest.len()));
    let mut escaped = serde_json::to_string(KEY).unwrap_or_default();
    escaped = escaped.trim_matches('"').replace('/', if first % 2 == 0 { "/" } else { "\\/" });
    let key = if first % 3 == 0 { KEY } else { &escaped };
    let body = [before, key.as_bytes(), after].concat();
    let status = [400, 401, 422, 500][usize::from(first % 4)];
    let script = Script::new([Reply::json(status, body)]);
    let Ok(client) = Client::builder("http://tabby.test").api_key(KEY).build_with(script) else { return };
    let Err(error) = block_on(async { client.models().current().await }) else { return };
    let mut said = format!("{error} {error:?} {:?}", error.validation());
    let mut source = error.source();
    while let Some(cause) = source {
        said += &format!(" {cause} {cause:?}");
        source = cause.source();
    }
    assert!(!said.contains(KEY), "{said}");
    assert!(!error.body().is_some_and(|body| String::from_utf8_lossy(body).contains(KEY)));
}

/// Any `Retry-After` and `Date`: a wait, or none.
pub(crate) fn retry_after(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if http::HeaderValue::from_str(&text).is_err() {
        return;
    }
    let refusal = Reply::json(429, "{}").header("retry-after", &text).header("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    let script = Script::new([refusal, Reply::json(200, r#"{"data":[]}"#)]);
    let Ok(client) = Client::builder("http://tabby.test").build_with(script) else { return };
    _ = block_on(async { client.models().list().await.is_ok() });
}

/// Any base URL: refused, or one that means the same when it is written and read again.
pub(crate) fn base_url(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match text.parse::<BaseUrl>() {
        Ok(url) => {
            assert_eq!(url.as_str().parse::<BaseUrl>().ok().as_ref(), Some(&url), "{text:?}");
            let joined = url.join("/v1/models").map(|joined| joined.to_string());
            assert!(joined.as_ref().is_ok_and(|joined| joined.ends_with("/v1/models")), "{text:?}: {joined:?}");
            assert!(url.as_str().starts_with(url.origin()) && !url.as_str().contains(['?', '#']), "{text:?}");
            // In a path it is one character of many.
            assert!(!url.origin().contains('@'), "{text:?}");
        }
        Err(error) => assert!(error.hint().is_some(), "{text:?}"),
    }
}
