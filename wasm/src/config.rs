//! What JavaScript says, in JSON: settings of a client, what is wanted of a call, keys, heads.

use std::time::Duration;

use crate::document::Document;
use crate::document::string;
use crate::resume::Resuming;
use http::response::Parts;
use http::{HeaderName, HeaderValue, StatusCode, header};
use tabbyapi::auth::Credential;
use tabbyapi::call::{Settings, Time};
use tabbyapi::internal::Ask;
use tabbyapi::policy::{Balance, Breaker, Concurrency, RateLimit, Resume, Server};
use tabbyapi::{BaseUrl, Error, ErrorKind, Options, Result};

/// What is wanted of a call.
pub(crate) struct Wanted<'a> {
    /// The name of the operation.
    pub(crate) operation: String,
    pub(crate) has_body: bool,
    /// How many choices are asked for, if that is known.
    pub(crate) choices: Option<u64>,
    /// Whether usage is asked for.
    pub(crate) wants_usage: bool,
    pub(crate) request_bytes: u64,
    /// The estimated tokens of prompt and answer, if they are limited.
    pub(crate) tokens: u64,
    fields: Document<'a>,
}

impl Wanted<'_> {
    /// A field that is a string; empty if there is none.
    pub(crate) fn text(&self, name: &str) -> String {
        self.fields.string(name).unwrap_or_default()
    }

    /// How its stream is resumed, if it is to be: `resume` of `attempts`, `base`, `cap`, `any_model`, `final_message`, and of what the request
    /// asks for `constrained`, `max_tokens`, `opens` and `continues`.
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

    /// The model that the request names, if any.
    pub(crate) fn model(&self) -> Option<String> {
        self.fields.string("model")
    }

    /// The client's options with those of the call in their place, of which `server` is the only one to be asked.
    pub(crate) fn options(&self, client: &Options) -> Result<Options> {
        let mut options = options(&self.fields, client.clone());
        if let Some(server) = self.fields.string("server") {
            options.server = Some(server.parse()?);
        }
        Ok(options)
    }
}

/// Settings of a client: `base_url`, `api_key`, `admin_key`, `bearer`, `servers`, a list of further ones of these four with limits of their own,
/// `balance`, [limits], `asks_for_keys`, `seed`, and [options].
pub(crate) fn settings(json: &[u8]) -> Result<Settings> {
    let fields = object(json)?;
    let text = |name: &str| fields.string(name).unwrap_or_default();
    let mut settings = Settings::new(text("base_url").parse()?)
        .api_key(&text("api_key"))?
        .admin_key(&text("admin_key"))?
        .bearer(&text("bearer"))?
        .seed(number(&fields, "seed").unwrap_or_default().to_bits());
    #[cfg(feature = "tabbyml")]
    {
        settings = settings.registration_token(&text("registration_token"))?;
    }
    for (_, server) in inner(&fields, "servers").iter().flat_map(Document::values) {
        let given = object(server.as_bytes())?;
        let text = |name: &str| given.string(name).unwrap_or_default();
        let mut server = Server::new(text("base_url"))?
            .api_key(text("api_key"))?
            .admin_key(text("admin_key"))?
            .bearer(text("bearer"))?;
        let (concurrency, rate_limit) = limits(&given);
        if let Some(limit) = concurrency {
            server = server.concurrency(limit);
        }
        if let Some(limit) = rate_limit {
            server = server.rate_limit(limit);
        }
        settings = settings.server(server)?;
    }
    let (concurrency, rate_limit) = limits(&fields);
    if let Some(limit) = concurrency {
        settings = settings.concurrency(limit);
    }
    if let Some(limit) = rate_limit {
        settings = settings.rate_limit(limit);
    }
    if let Some(given) = inner(&fields, "breaker") {
        settings = settings.breaker(breaker(&given));
    }
    match text("balance").as_str() {
        "in_order" => settings = settings.balance(Balance::InOrder),
        "round_robin" => settings = settings.balance(Balance::RoundRobin),
        _ => {}
    }
    if fields.get("asks_for_keys") == Some("true") {
        settings = settings.ask_for_keys();
    }
    Ok(settings.options(options(&fields, Options::new())))
}

/// The options of a client that shares everything else with another one.
pub(crate) fn options_alone(json: &[u8]) -> Result<Options> {
    Ok(options(&object(json)?, Options::new()))
}

/// The model that a server has loaded: `server`, and `model`, which is null if there is none.
pub(crate) fn loaded(json: &[u8]) -> Result<(BaseUrl, Option<String>)> {
    let fields = object(json)?;
    Ok((fields.string("server").unwrap_or_default().parse()?, fields.string("model")))
}

/// The limits of a server: `concurrency` of `running` and `waiting`, and `rate_limit` of `requests`, `tokens`, `interval` and `refuses`.
fn limits(fields: &Document<'_>) -> (Option<Concurrency>, Option<RateLimit>) {
    let concurrency = inner(fields, "concurrency").map(|given| {
        let limit = Concurrency::new(number(&given, "running").map_or(u32::MAX, count));
        match number(&given, "waiting") {
            Some(waiting) => limit.waiting(count(waiting) as usize),
            None => limit,
        }
    });
    let rate_limit = inner(fields, "rate_limit").map(|given| {
        let interval = number(&given, "interval").map(|time| milliseconds(time).unwrap_or(Duration::MAX));
        let mut limit = RateLimit::requests(0, interval.unwrap_or_default());
        limit.requests = number(&given, "requests").filter(|requests| *requests >= 0.0).map(count);
        limit.tokens = number(&given, "tokens").filter(|tokens| *tokens >= 0.0).map(|tokens| tokens as u64);
        if truth(&given, "refuses") == Some(true) { limit.refuse() } else { limit }
    });
    (concurrency, rate_limit)
}

/// A breaker of `window`, `min_attempts`, `failure_rate`, `open_for` and `probes`.
fn breaker(given: &Document<'_>) -> Breaker {
    let mut breaker = Breaker::new();
    for (name, time) in [("window", &mut breaker.window), ("open_for", &mut breaker.open_for)] {
        *time = number(given, name).map_or(*time, |given| milliseconds(given).unwrap_or(Duration::MAX));
    }
    for (name, attempts) in [("min_attempts", &mut breaker.min_attempts), ("probes", &mut breaker.probes)] {
        *attempts = number(given, name).map_or(*attempts, count);
    }
    breaker.failure_rate(number(given, "failure_rate").unwrap_or(breaker.failure_rate))
}

/// A count. A negative one means no limit.
fn count(number: f64) -> u32 {
    if number < 0.0 { u32::MAX } else { number as u32 }
}

/// What is wanted of a call: `operation`, `has_body`, `choices`, `wants_usage`, `request_bytes`, `model`, `tokens`, and [options].
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

/// A key, and after how many milliseconds it expires, if it does: 0 there is none, 1 an API key, 2 an admin key, 3 a bearer, 4 no key but
/// why there is none.
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

/// The headers that calls look at. JavaScript keeps them all, since what reads any name weighs more than all that is done with them.
const LOOKED_AT: [HeaderName; if cfg!(feature = "tabbyml") { 6 } else { 5 }] = [
    header::CONTENT_TYPE,
    header::RETRY_AFTER,
    header::DATE,
    HeaderName::from_static("x-should-retry"),
    HeaderName::from_static("retry-after-ms"),
    // A server without accounts sends what it does not know to its documentation.
    #[cfg(feature = "tabbyml")]
    header::LOCATION,
];

/// The head of an answer, from its status and the values of these headers, a line each; an empty one is not there.
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

/// Options by their names, which may be absent or null: `secrets`, a list; `retry` of `max_retries`, `base`, `cap`, `retry_after_cap` and
/// `retry_generations`; `limits` of `event`, `body` and `error_excerpt`, in bytes; `timeout_policy` of `read`, `generate`, `stream`,
/// `stream_tools`, `load` and `download`, each of `head`, `first_item`, `idle` and `total`; `timeout`; `prefer_admin_key`. Times are in
/// milliseconds. A negative number means no limit.
fn options(fields: &Document<'_>, mut options: Options) -> Options {
    // JavaScript sends the headers that these are the values of. A gateway's key may be among them, so none of them shows.
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

/// A field that is true or false.
fn truth(fields: &Document<'_>, name: &str) -> Option<bool> {
    match fields.get(name) {
        Some("true") => Some(true),
        Some("false") => Some(false),
        _ => None,
    }
}

fn object(json: &[u8]) -> Result<Document<'_>> {
    let text = std::str::from_utf8(json).ok().filter(|text| text.starts_with('{'));
    text.and_then(|text| Document::read(text).ok())
        .ok_or_else(|| Error::custom(ErrorKind::Misuse, "misuse", "what came over the abi is not an object"))
}

/// A field that is an object or an array; null is as good as none.
fn inner<'a>(fields: &Document<'a>, name: &str) -> Option<Document<'a>> {
    let text = fields.get(name).filter(|text| matches!(text.as_bytes().first(), Some(b'{' | b'[')))?;
    Document::read(text).ok()
}

fn number(fields: &Document<'_>, name: &str) -> Option<f64> {
    decimal(fields.get(name)?)
}

/// A number, to the last bit but a few: they are times and counts. The library's own parser has tables as large as this module.
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

/// A time of milliseconds, which may be fractional; None if it is not a time.
pub(crate) fn milliseconds(milliseconds: f64) -> Option<Duration> {
    (milliseconds >= 0.0).then(|| Duration::from_micros((milliseconds * 1000.0) as u64))
}

#[cfg(test)]
mod tests {
    use tabbyapi::call::Shared;
    use tabbyapi::{Limits, Timeouts, policy::Retry};

    use super::*;

    #[test]
    fn settings_are_read_and_mistakes_told() {
        let given = r#"{
            "base_url": "http://h/v1",
            "secrets": ["sesame-open"],
            "retry": {"max_retries": 5, "base": 250, "cap": null, "retry_after_cap": -1, "retry_generations": true},
            "limits": {"event": 10, "body": -1},
            "timeout_policy": {"read": {"head": 1500, "first_item": null, "total": -1}}
        }"#;
        let shared = Shared::new(settings(given.as_bytes()).unwrap());
        let options = shared.options();
        assert_eq!(shared.base().to_string(), "http://h");
        let retry = options.retry.unwrap();
        assert_eq!((retry.max_retries, retry.base, retry.retry_generations), (5, Duration::from_millis(250), true));
        assert_eq!((retry.cap, retry.retry_after_cap), (Retry::default().cap, Retry::default().retry_after_cap));
        let (limits, timeout_policy) = (options.limits.as_ref().unwrap(), options.timeout_policy.unwrap());
        assert_eq!((limits.event, limits.body), (10, u32::MAX as usize));
        assert_eq!(limits.error_excerpt, Limits::default().error_excerpt);
        assert_eq!((timeout_policy.read.head, timeout_policy.read.total), (Some(Duration::from_millis(1500)), None));
        assert_eq!((timeout_policy.read.idle, timeout_policy.stream), (Timeouts::READ.idle, Timeouts::STREAM));
        assert!(!format!("{options:?}").contains("sesame"));
        for bad in ["", "[]", "{}", r#"{"base_url": "h"}"#] {
            assert!(settings(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn servers_are_read() {
        let given =
            |servers: &str| format!(r#"{{"base_url": "http://a", "balance": "in_order", "servers": [{servers}]}}"#);
        let two = r#"{"base_url": "http://b:5000/v1", "api_key": "k2", "admin_key": null}, {"base_url": "http://c"}"#;
        let shared = Shared::new(settings(given(two).as_bytes()).unwrap());
        let bases: Vec<_> = shared.servers(Time::default()).into_iter().map(|status| status.base.to_string()).collect();
        assert_eq!(bases, ["http://a", "http://b:5000", "http://c"]);
        for bad in [
            r#"{"base_url": "http://a/"}"#,
            r#"{"api_key": "k"}"#,
            "1",
            r#"{"base_url": "http://b", "bearer": "a\nb"}"#,
        ] {
            assert!(settings(given(bad).as_bytes()).is_err(), "{bad}");
        }
        let own = r#"{"operation": "x", "server": "http://b:5000/"}"#;
        let options = call(own.as_bytes()).unwrap().options(shared.options()).unwrap();
        assert_eq!(options.server.unwrap().as_str(), "http://b:5000");
        assert!(call(br#"{"server": "b"}"#).unwrap().options(shared.options()).is_err());
    }

    #[test]
    fn limits_and_breakers_are_read() {
        let read = |given: &str| {
            let document = object(given.as_bytes()).unwrap();
            (limits(&document), inner(&document, "breaker").map(|given| breaker(&given)))
        };
        assert_eq!(read("{}"), ((None, None), None));
        let given = r#"{"concurrency": {"running": 4}, "rate_limit": {"requests": 120, "tokens": -1, "interval": 60000}, "breaker": {}}"#;
        let minute = Duration::from_secs(60);
        assert_eq!(
            read(given),
            ((Some(Concurrency::new(4)), Some(RateLimit::requests(120, minute))), Some(Breaker::new()))
        );
        let given = r#"{
            "concurrency": {"running": -1, "waiting": 0},
            "rate_limit": {"requests": null, "tokens": 5000, "interval": -1, "refuses": true},
            "breaker": {"window": 60000, "min_attempts": 3, "failure_rate": 0.25, "open_for": -1, "probes": 2}
        }"#;
        let breaker =
            Breaker::new().window(minute).min_attempts(3).failure_rate(0.25).open_for(Duration::MAX).probes(2);
        let rate_limit = RateLimit::tokens(5000, Duration::MAX).refuse();
        assert_eq!(read(given), ((Some(Concurrency::new(u32::MAX).waiting(0)), Some(rate_limit)), Some(breaker)));
        let (server, model) = loaded(br#"{"server": "http://b:5000/v1", "model": "m"}"#).unwrap();
        assert_eq!((server.as_str(), model.as_deref()), ("http://b:5000", Some("m")));
        assert_eq!(loaded(br#"{"server": "http://b", "model": null}"#).unwrap().1, None);
        assert!(loaded(br#"{"model": "m"}"#).is_err());
    }

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
    fn the_options_of_a_call_are_those_of_its_client_with_its_own_in_their_place() {
        let given = |text: &str| format!(r#"{{"base_url": "http://h", "operation": "x", {text}}}"#);
        let of_client = given(
            r#""retry": {"max_retries": 7, "base": 1, "cap": 2, "retry_after_cap": 3, "retry_generations": true}"#,
        );
        let shared = Shared::new(settings(of_client.as_bytes()).unwrap());
        let own = given(
            r#""retry": {"max_retries": null, "retry_generations": false}, "timeout_policy": {"read": {"idle": 20000}}"#,
        );
        let options = call(own.as_bytes()).unwrap().options(shared.options()).unwrap();
        let retry = options.retry.unwrap();
        assert_eq!((retry.max_retries, retry.cap, retry.retry_generations), (7, Duration::from_millis(2), false));
        let timeout_policy = options.timeout_policy.unwrap();
        assert_eq!(
            (timeout_policy.read.idle, timeout_policy.read.head),
            (Some(Duration::from_secs(20)), Timeouts::READ.head)
        );
    }

    #[test]
    fn timeout_and_key_are_kept_replaced_and_taken_back() {
        let given = |more: &str| format!(r#"{{"base_url": "http://h", "operation": "x"{more}}}"#);
        let shared = Shared::new(settings(given(r#", "timeout": 1500, "prefer_admin_key": true"#).as_bytes()).unwrap());
        let own = |more: &str| {
            let options = call(given(more).as_bytes()).unwrap().options(shared.options()).unwrap();
            (options.timeout, options.prefer_admin_key)
        };
        let kept = (Some(Duration::from_millis(1500)), Some(true));
        assert_eq!(own(""), kept);
        assert_eq!(own(r#", "timeout": null, "prefer_admin_key": null"#), kept);
        assert_eq!(
            own(r#", "timeout": 20, "prefer_admin_key": false"#),
            (Some(Duration::from_millis(20)), Some(false))
        );
        assert_eq!(own(r#", "timeout": -1"#), (None, Some(true)));
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
