//! Input from JavaScript, in JSON: settings of a client, calls, keys, heads.

use std::time::Duration;

use crate::document::Document;
use crate::document::string;
use crate::resume::Resuming;
use http::response::Parts;
use http::{HeaderName, HeaderValue, StatusCode, header};
use tabbyapi::auth::Credential;
use tabbyapi::call::Time;
use tabbyapi::internal::Ask;
use tabbyapi::policy::Resume;
use tabbyapi::{Error, ErrorKind, Options, Result};

/// The description of a call.
pub(crate) struct Wanted<'a> {
    /// The name of the operation.
    pub(crate) operation: String,
    pub(crate) has_body: bool,
    /// The requested number of choices, if known.
    pub(crate) choices: Option<u64>,
    /// Whether usage was requested.
    pub(crate) wants_usage: bool,
    pub(crate) request_bytes: u64,
    /// The estimated tokens of prompt and response, if tokens are limited.
    pub(crate) tokens: u64,
    fields: Document<'a>,
}

impl Wanted<'_> {
    /// Returns a field that is a string. Empty if there is none.
    pub(crate) fn text(&self, name: &str) -> String {
        self.fields.string(name).unwrap_or_default()
    }

    /// Returns how the stream is resumed, if enabled: `resume` with `attempts`, `base`, `cap`, `any_model`, `final_message`, and
    /// the properties of the request `constrained`, `max_tokens`, `opens` and `continues`.
    pub(crate) fn resuming(&self) -> Option<Resuming> {
        let given = inner(&self.fields, "resume")?;
        let (amount, is) = (|name| number(&given, name), |name| truth(&given, name).unwrap_or(false));
        let time = |name| amount(name).and_then(milliseconds);
        let mut resume = Resume::new().any_model(is("any_model")).final_message(is("final_message"));
        if let Some(attempts) = amount("attempts") {
            resume = resume.attempts(if attempts < 0.0 { u32::MAX } else { attempts as u32 });
        }
        if let Some(base) = time("base") {
            resume = resume.base(base);
        }
        if let Some(cap) = time("cap") {
            resume = resume.cap(cap);
        }
        let ask = Ask {
            choices: self.choices,
            constrained: is("constrained"),
            max_tokens: amount("max_tokens").map(|tokens| tokens as u64),
            opens: is("opens"),
            continues: is("continues"),
        };
        Some(Resuming { resume, ask })
    }

    /// Returns the model that the request names, if any.
    pub(crate) fn model(&self) -> Option<String> {
        self.fields.string("model")
    }

    /// Returns the client's options, overridden by those of the call. Only calls can set `server`.
    pub(crate) fn options(&self, client: &Options) -> Result<Options> {
        let mut options = options(&self.fields, client.clone());
        if let Some(server) = self.fields.string("server") {
            options.server = Some(server.parse()?);
        }
        Ok(options)
    }
}

/// Returns the options of a client that shares everything else with another one.
pub(crate) fn options_alone(json: &[u8]) -> Result<Options> {
    Ok(options(&object(json)?, Options::new()))
}

/// Reads the description of a call: `operation`, `has_body`, `choices`, `wants_usage`, `request_bytes`, `model`, `tokens`, and
/// [options].
pub(crate) fn call(json: &[u8]) -> Result<Wanted<'_>> {
    let fields = object(json)?;
    Ok(Wanted {
        operation: fields.string("operation").unwrap_or_default(),
        has_body: fields.get("has_body") == Some("true"),
        choices: number(&fields, "choices").map(|choices| choices as u64),
        wants_usage: fields.get("wants_usage") == Some("true"),
        request_bytes: number(&fields, "request_bytes").unwrap_or_default() as u64,
        tokens: number(&fields, "tokens").unwrap_or_default() as u64,
        fields,
    })
}

/// Reads a key that expires after this many milliseconds, if at all. `kind` is 0 for no key, 1 for an API key, 2 for an admin
/// key, 3 for a bearer key, 4 for an error, whose message is the text.
pub(crate) fn key(kind: u32, text: &[u8], expires_in: f64, now: Time) -> Result<Option<Credential>> {
    let text = String::from_utf8_lossy(text);
    let credential = match kind {
        0 => return Ok(None),
        1 => Credential::api_key(&text)?,
        2 => Credential::admin_key(&text)?,
        3 => Credential::bearer(&text)?,
        _ => return Err(Error::custom(ErrorKind::Credentials, "credentials", text)),
    };
    Ok(Some(match milliseconds(expires_in) {
        Some(after) => credential.expires(now + after),
        None => credential,
    }))
}

/// The headers that calls read. JavaScript keeps all of them, since code that parses any name would be larger than all code that
/// uses the values.
const LOOKED_AT: [HeaderName; if cfg!(feature = "tabbyml") { 6 } else { 5 }] = [
    header::CONTENT_TYPE,
    header::RETRY_AFTER,
    header::DATE,
    HeaderName::from_static("x-should-retry"),
    HeaderName::from_static("retry-after-ms"),
    // A server without accounts redirects unknown paths to its documentation.
    #[cfg(feature = "tabbyml")]
    header::LOCATION,
];

/// Creates the head of a response from its status and the values of these headers, one per line. An empty value means that the
/// header is missing.
pub(crate) fn head(status: u32, values: &[u8]) -> Option<Parts> {
    let (mut head, ()) = http::Response::new(()).into_parts();
    head.status = StatusCode::from_u16(u16::try_from(status).ok()?).ok()?;
    for (name, value) in LOOKED_AT.into_iter().zip(values.split(|byte| *byte == b'\n')) {
        if let Ok(value) = HeaderValue::from_bytes(value.trim_ascii())
            && !value.is_empty()
        {
            head.headers.append(name, value);
        }
    }
    Some(head)
}

/// Reads options by name, which may be absent or null: `secrets`, a list; `retry` with `max_retries`, `base`, `cap`,
/// `retry_after_cap` and `retry_generations`; `limits` with `event`, `body` and `error_excerpt`, in bytes; `timeout_policy` with
/// `read`, `generate`, `stream`, `stream_tools`, `load` and `download`, each with `head`, `first_item`, `idle` and `total`;
/// `timeout`; `prefer_admin_key`. Times are in milliseconds. A negative number means no limit.
pub(crate) fn options(fields: &Document<'_>, mut options: Options) -> Options {
    // The values of headers that JavaScript sends. One may be the key of a gateway, so all of them are redacted.
    for (_, secret) in inner(fields, "secrets").iter().flat_map(Document::values) {
        options = options.secret(&string(secret).unwrap_or_default());
    }
    let mut retry = options.retry.unwrap_or_default();
    if let Some(given) = inner(fields, "retry") {
        retry.max_retries = number(&given, "max_retries").map_or(retry.max_retries, count);
        for (name, time) in
            [("base", &mut retry.base), ("cap", &mut retry.cap), ("retry_after_cap", &mut retry.retry_after_cap)]
        {
            *time = number(&given, name).and_then(milliseconds).unwrap_or(*time);
        }
        retry.retry_generations = truth(&given, "retry_generations").unwrap_or(retry.retry_generations);
    }
    let mut limits = options.limits.take().unwrap_or_default();
    if let Some(given) = inner(fields, "limits") {
        for (name, size) in
            [("event", &mut limits.event), ("body", &mut limits.body), ("error_excerpt", &mut limits.error_excerpt)]
        {
            *size = number(&given, name).map_or(*size, |bytes| count(bytes) as usize);
        }
    }
    let mut timeout_policy = options.timeout_policy.unwrap_or_default();
    if let Some(given) = inner(fields, "timeout_policy") {
        let kinds = [
            ("read", &mut timeout_policy.read),
            ("generate", &mut timeout_policy.generate),
            ("stream", &mut timeout_policy.stream),
            ("stream_tools", &mut timeout_policy.stream_tools),
            ("load", &mut timeout_policy.load),
            ("download", &mut timeout_policy.download),
        ];
        for (kind, timeouts) in kinds {
            let Some(given) = inner(&given, kind) else { continue };
            let times = [
                ("head", &mut timeouts.head),
                ("first_item", &mut timeouts.first_item),
                ("idle", &mut timeouts.idle),
                ("total", &mut timeouts.total),
            ];
            for (name, time) in times {
                *time = number(&given, name).map_or(*time, milliseconds);
            }
        }
    }
    if let Some(limit) = number(fields, "timeout") {
        options.timeout = milliseconds(limit);
    }
    options.prefer_admin_key = truth(fields, "prefer_admin_key").or(options.prefer_admin_key);
    options.retry(retry).limits(limits).timeout_policy(timeout_policy)
}

/// Returns a field that is a boolean.
pub(crate) fn truth(fields: &Document<'_>, name: &str) -> Option<bool> {
    match fields.get(name) {
        Some("true") => Some(true),
        Some("false") => Some(false),
        _ => None,
    }
}

pub(crate) fn object(json: &[u8]) -> Result<Document<'_>> {
    let text = std::str::from_utf8(json).ok().filter(|text| text.starts_with('{'));
    text.and_then(|text| Document::read(text).ok())
        .ok_or_else(|| Error::custom(ErrorKind::Misuse, "misuse", "the input of the ABI is not an object"))
}

/// Returns a field that is an object or an array. Null counts as missing.
pub(crate) fn inner<'a>(fields: &Document<'a>, name: &str) -> Option<Document<'a>> {
    let text = fields.get(name).filter(|text| matches!(text.as_bytes().first(), Some(b'{' | b'[')))?;
    Document::read(text).ok()
}

pub(crate) fn number(fields: &Document<'_>, name: &str) -> Option<f64> {
    decimal(fields.get(name)?)
}

/// Parses a number, exact except for the last few bits: it is a time or a count. The standard parser has tables as large as this
/// module.
fn decimal(text: &str) -> Option<f64> {
    let (mut number, mut exponent, mut step) = (0.0, 0_i32, 0);
    let mut bytes = text.bytes();
    for byte in bytes.by_ref() {
        match byte {
            b'0'..=b'9' => {
                number = number * 10.0 + f64::from(byte - b'0');
                exponent -= step;
            }
            b'.' => step = 1,
            b'-' => {}
            b'e' | b'E' => break,
            _ => return None,
        }
    }
    let (mut given, mut sign) = (0_i32, 1);
    for byte in bytes {
        match byte {
            b'0'..=b'9' => given = (given * 10 + i32::from(byte - b'0')).min(400),
            b'-' => sign = -1,
            _ => {}
        }
    }
    exponent += sign * given;
    for _ in 0..exponent.unsigned_abs() {
        number = if exponent > 0 { number * 10.0 } else { number / 10.0 };
    }
    Some(if text.starts_with('-') { -number } else { number })
}

/// Converts milliseconds, which may be fractional. None if they are not a duration.
pub(crate) fn milliseconds(milliseconds: f64) -> Option<Duration> {
    (milliseconds >= 0.0).then(|| Duration::from_micros((milliseconds * 1000.0) as u64))
}

/// Converts a count. A negative one means no limit.
pub(crate) fn count(number: f64) -> u32 {
    if number < 0.0 { u32::MAX } else { number as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "tabbyml")]
    #[test]
    fn the_preset_of_the_package_is_that_of_the_library() {
        let limit = tabbyapi::tabbyml::RATE_LIMIT;
        let preset = format!("{{ requests: {}, interval: {} }}", limit.requests.unwrap(), limit.interval.as_millis());
        assert!(include_str!("../js/tabbyml.js").contains(&preset), "{preset}");
        assert_eq!((limit.tokens, limit.when_full), (None, tabbyapi::policy::WhenFull::Wait));
    }

    #[test]
    fn numbers_are_read() {
        for (text, number) in
            [("0", 0.0), ("-12", -12.0), ("1500.25", 1500.25), ("1e3", 1000.0), ("2.5E-1", 0.25), ("1e+21", 1e21)]
        {
            assert_eq!(decimal(text), Some(number), "{text}");
        }
        assert_eq!((decimal("null"), decimal("\"1\"")), (None, None));
    }

    #[test]
    fn heads_are_read() {
        let parts = head(200, b"text/plain\n\n\xe4\n true \n\n\nmore").unwrap();
        assert_eq!(parts.headers.len(), 3);
        assert_eq!(
            (parts.headers[header::DATE].as_bytes(), &parts.headers["x-should-retry"]),
            (&b"\xe4"[..], &HeaderValue::from_static("true"))
        );
        assert!(head(200, b"").unwrap().headers.is_empty());
        assert!(head(0, b"").is_none() && head(70000, b"").is_none());
    }

    #[test]
    fn keys_are_read() {
        let now = Time::default();
        for kind in 1..4 {
            assert!(key(kind, b"k", 1000.0, now).unwrap().is_some());
        }
        assert!(key(0, b"", -1.0, now).unwrap().is_none());
        assert_eq!(key(4, b"no vault", -1.0, now).unwrap_err().kind(), ErrorKind::Credentials);
        assert!(key(3, b"\n", -1.0, now).is_err());
    }
}
