//! The settings of a client, from JSON: its servers, their keys and limits.

use std::time::Duration;

use tabbyapi::call::Settings;
use tabbyapi::policy::{Balance, Breaker, Concurrency, RateLimit, Server};
use tabbyapi::{BaseUrl, Options, Result};

use crate::config::{count, inner, milliseconds, number, object, options, truth};
use crate::document::Document;

/// Reads the settings of a client: `base_url`, `api_key`, `admin_key`, `bearer`, `servers`, a list of further servers with these
/// four and their own limits, `balance`, [limits], `asks_for_keys`, `seed`, and [options].
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

/// Reads the model that a server has loaded: `server`, and `model`, which is null if there is none.
pub(crate) fn loaded(json: &[u8]) -> Result<(BaseUrl, Option<String>)> {
    let fields = object(json)?;
    Ok((fields.string("server").unwrap_or_default().parse()?, fields.string("model")))
}

/// Reads the limits of a server: `concurrency` with `running` and `waiting`, and `rate_limit` with `requests`, `tokens`,
/// `interval` and `refuses`.
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

/// Reads a breaker with `window`, `min_attempts`, `failure_rate`, `open_for` and `probes`.
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

#[cfg(test)]
mod tests {
    use super::*;
    use tabbyapi::call::{Shared, Time};
    use tabbyapi::{Limits, Timeouts, policy::Retry};

    use crate::config::call;

    #[test]
    fn settings_are_read_and_mistakes_reported() {
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
}
