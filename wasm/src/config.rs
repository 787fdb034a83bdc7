//! What JavaScript says, in JSON: settings of a client, what is wanted of a call, keys, heads.

use std::time::Duration;

use http::response::Parts;
use http::{HeaderName, HeaderValue, StatusCode, header};
use tabbyapi::auth::Credential;
use tabbyapi::call::{Settings, Shared, Time};
use tabbyapi::decode::Document;
use tabbyapi::decode::document::string;
use tabbyapi::{Error, ErrorKind, Options, Pace, Result};

/// Carries what must not show of a request, and is not sent.
pub(crate) const SECRET: HeaderName = HeaderName::from_static("x-tabbyapi-secret");

/// What is wanted of a call.
pub(crate) struct Wanted<'a> {
    /// The name of the operation.
    pub(crate) operation: String,
    pub(crate) has_body: bool,
    pub(crate) request_bytes: u64,
    fields: Document<'a>,
}

impl Wanted<'_> {
    /// The client's options with those of the call in their place.
    pub(crate) fn options(&self, shared: &Shared) -> Result<Options> {
        options(&self.fields, shared.options().clone(), true)
    }
}

/// Settings of a client: `base_url`, `api_key`, `admin_key`, `bearer`, `asks_for_keys`, `seed`, and [options].
pub(crate) fn settings(json: &[u8]) -> Result<Settings> {
    let fields = object(json)?;
    let text = |name: &str| fields.string(name).unwrap_or_default();
    let mut settings = Settings::new(text("base_url").parse()?)
        .api_key(&text("api_key"))?
        .admin_key(&text("admin_key"))?
        .bearer(&text("bearer"))?
        .seed(number(&fields, "seed").unwrap_or_default().to_bits());
    if fields.get("asks_for_keys") == Some("true") {
        settings = settings.ask_for_keys();
    }
    Ok(settings.options(options(&fields, Options::new(), false)?))
}

/// What is wanted of a call: `operation`, `has_body`, `request_bytes`, and [options].
pub(crate) fn call(json: &[u8]) -> Result<Wanted<'_>> {
    let fields = object(json)?;
    Ok(Wanted {
        operation: fields.string("operation").unwrap_or_default(),
        has_body: fields.get("has_body") == Some("true"),
        request_bytes: number(&fields, "request_bytes").unwrap_or_default() as u64,
        fields,
    })
}

/// A key: `{"api_key"}`, `{"admin_key"}`, `{"bearer"}`, with `expires_in` in milliseconds; `{"error"}`, or nothing.
pub(crate) fn key(json: &[u8], now: Time) -> Result<Option<Credential>> {
    let fields = object(json)?;
    let text = |name: &str| fields.string(name);
    if let Some(message) = text("error") {
        return Err(Error::custom(ErrorKind::Credentials, "credentials", message));
    }
    let credential = match (text("api_key"), text("admin_key"), text("bearer")) {
        (Some(key), ..) => Credential::api_key(&key)?,
        (_, Some(key), _) => Credential::admin_key(&key)?,
        (.., Some(key)) => Credential::bearer(&key)?,
        _ => return Ok(None),
    };
    let expires = number(&fields, "expires_in").and_then(milliseconds);
    Ok(Some(match expires {
        Some(after) => credential.expires(now + after),
        None => credential,
    }))
}

/// The headers that calls look at. JavaScript keeps them all, since what reads any name weighs more than all that is done with them.
const LOOKED_AT: [(&str, HeaderName); 4] = [
    ("content-type", header::CONTENT_TYPE),
    ("retry-after", header::RETRY_AFTER),
    ("date", header::DATE),
    ("x-should-retry", HeaderName::from_static("x-should-retry")),
];

/// The head of an answer, from its status and its headers as lines `name: value`, whose names are lowercase.
pub(crate) fn head(status: u32, headers: &[u8]) -> Option<Parts> {
    let (mut head, ()) = http::Response::new(()).into_parts();
    head.status = StatusCode::from_u16(u16::try_from(status).ok()?).ok()?;
    for line in headers.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let Some((_, name)) = LOOKED_AT.into_iter().find(|(name, _)| name.as_bytes() == &line[..colon]) else {
            continue;
        };
        if let Ok(value) = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()) {
            head.headers.append(name, value);
        }
    }
    Some(head)
}

/// `secrets`, `retry`, `paces` by kind of work, `pace` (of single calls), `limits`. `unbounded` and such are no business
/// of this.
fn options(fields: &Document<'_>, mut options: Options, single: bool) -> Result<Options> {
    for (_, secret) in inner(fields, "secrets").iter().flat_map(Document::values) {
        // JavaScript sends the headers that these are the values of. A gateway's key may be among them, so none of them shows.
        if let Ok(mut value) = HeaderValue::from_bytes(string(secret).unwrap_or_default().as_bytes()) {
            value.set_sensitive(true);
            options.headers.append(SECRET, value);
        }
    }
    if let Some(given) = inner(fields, "retry") {
        let mut retry = options.retry.unwrap_or_default();
        let set =
            |name: &str, field: &mut Duration| *field = number(&given, name).and_then(milliseconds).unwrap_or(*field);
        retry.max_retries = number(&given, "max_retries").map_or(retry.max_retries, |count| count as u32);
        set("base", &mut retry.base);
        set("cap", &mut retry.cap);
        set("retry_after_cap", &mut retry.retry_after_cap);
        retry.replay_generations |= given.get("replay_generations") == Some("true");
        options = options.retry(retry);
    }
    if let Some(given) = inner(fields, "paces") {
        let mut paces = options.paces.unwrap_or_default();
        for (name, field) in [
            ("read", &mut paces.read),
            ("generate", &mut paces.generate),
            ("stream", &mut paces.stream),
            ("stream_tools", &mut paces.stream_tools),
            ("load", &mut paces.load),
            ("download", &mut paces.download),
        ] {
            if let Some(given) = inner(&given, name) {
                *field = pace(&given, *field);
            }
        }
        options = options.paces(paces);
    }
    if let Some(given) = inner(fields, "pace")
        && single
    {
        // What is not given stays as it is for this kind of work, whichever that is.
        let mut paces = options.paces.unwrap_or_default();
        let kinds = [
            &mut paces.read,
            &mut paces.generate,
            &mut paces.stream,
            &mut paces.stream_tools,
            &mut paces.load,
            &mut paces.download,
        ];
        for field in kinds {
            *field = pace(&given, *field);
        }
        options = options.paces(paces);
    }
    if let Some(given) = inner(fields, "limits") {
        let mut limits = options.limits.take().unwrap_or_default();
        for (name, field) in
            [("event", &mut limits.event), ("body", &mut limits.body), ("error_excerpt", &mut limits.error_excerpt)]
        {
            *field = number(&given, name).map_or(*field, |bytes| bytes as usize);
        }
        options = options.limits(limits);
    }
    Ok(options)
}

/// A pace with some parts replaced; null is for ever.
fn pace(given: &Document<'_>, mut pace: Pace) -> Pace {
    let parts = [
        ("head", &mut pace.head),
        ("first_item", &mut pace.first_item),
        ("stall", &mut pace.stall),
        ("total", &mut pace.total),
    ];
    for (name, part) in parts {
        match given.get(name) {
            Some("null") => *part = None,
            Some(value) => *part = decimal(value).and_then(milliseconds).or(*part),
            None => {}
        }
    }
    pace
}

fn object(json: &[u8]) -> Result<Document<'_>> {
    let text = std::str::from_utf8(json).ok().filter(|text| text.starts_with('{'));
    text.and_then(|text| Document::read(text).ok())
        .ok_or_else(|| Error::custom(ErrorKind::Misuse, "misuse", "what came over the border is no object"))
}

/// A field that is an object or an array; null is as good as none.
fn inner<'a>(fields: &Document<'a>, name: &str) -> Option<Document<'a>> {
    let text = fields.get(name).filter(|text| text.starts_with(['{', '[']))?;
    Document::read(text).ok()
}

fn number(fields: &Document<'_>, name: &str) -> Option<f64> {
    decimal(fields.get(name)?)
}

/// A number, to the last bit but a few: they are times and counts. The library's own parser has tables as large as this module.
fn decimal(text: &str) -> Option<f64> {
    let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (mut number, mut places) = (0.0, 0_i32);
    for byte in digits.bytes() {
        match byte {
            b'0'..=b'9' => {
                number = number * 10.0 + f64::from(byte - b'0');
                places += i32::from(places > 0);
            }
            b'.' => places = 1,
            b'-' => {}
            _ => return None,
        }
    }
    let exponent = exponent.parse::<i32>().ok()?.clamp(-400, 400) - (places - 1).max(0);
    for _ in 0..exponent.unsigned_abs() {
        number = if exponent > 0 { number * 10.0 } else { number / 10.0 };
    }
    Some(if text.starts_with('-') { -number } else { number })
}

/// A time of milliseconds, which may be fractional; None if it is no time.
pub(crate) fn milliseconds(milliseconds: f64) -> Option<Duration> {
    (milliseconds >= 0.0).then(|| Duration::from_micros((milliseconds * 1000.0) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_and_mistakes_told() {
        let given = r#"{"base_url": "http://h/v1", "retry": {"max_retries": 5}, "paces": {"read": {"total": null, "head": 1500}},
            "secrets": ["a"], "limits": {"event": 10}}"#;
        let shared = Shared::new(settings(given.as_bytes()).unwrap());
        let options = shared.options();
        assert_eq!(shared.base().to_string(), "http://h");
        assert_eq!(options.retry.unwrap().max_retries, 5);
        let read = options.paces.unwrap().read;
        assert_eq!((read.head, read.total), (Some(Duration::from_millis(1500)), None));
        assert_eq!(read.stall, Pace::READ.stall);
        assert_eq!(options.limits.as_ref().unwrap().event, 10);
        assert!(options.headers[SECRET].is_sensitive());
        for bad in ["", "[]", "{}", r#"{"base_url": "h"}"#] {
            assert!(settings(bad.as_bytes()).is_err(), "{bad}");
        }
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
    fn the_pace_of_a_call_replaces_parts_of_its_kind() {
        let shared = Shared::new(settings(br#"{"base_url": "http://h"}"#).unwrap());
        let wanted = call(br#"{"operation": "x", "pace": {"stall": 20000}}"#).unwrap();
        let paces = wanted.options(&shared).unwrap().paces.unwrap();
        assert_eq!(paces.stream.stall, Some(Duration::from_secs(20)));
        assert_eq!(paces.stream.head, Pace::STREAM.head);
    }

    #[test]
    fn heads_are_read_and_other_lines_left_out() {
        let parts = head(200, b"content-type: text/plain\nx: y\ndate: \xe4\nno colon\na b: c\n: d\n").unwrap();
        assert_eq!(parts.headers.len(), 2);
        assert_eq!(parts.headers[header::DATE].as_bytes(), b"\xe4");
        assert!(head(0, b"").is_none() && head(70000, b"").is_none());
    }

    #[test]
    fn keys_are_read() {
        let now = Time::default();
        assert!(key(br#"{"api_key": "k", "expires_in": 1000}"#, now).unwrap().is_some());
        assert!(key(b"{}", now).unwrap().is_none());
        assert_eq!(key(br#"{"error": "no vault"}"#, now).unwrap_err().kind(), ErrorKind::Credentials);
        assert!(key(br#"{"bearer": "\n"}"#, now).is_err());
    }
}
