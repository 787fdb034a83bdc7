//! Which server it is, and how it is reached.

use std::time::Duration;

use serde_json::Value;

use super::check::*;
use super::examine::{Examination, Seen};
use super::judge::{header, is_html};
use super::report::{Notes, quote};

/// A larger difference is not caused by network delay.
const SKEW: Duration = Duration::from_secs(60);

/// Whether theroyallab/tabbyAPI responds.
pub(super) fn is_tabbyapi(seen: &[Seen]) -> bool {
    let of = |name: &str| seen.iter().find(|seen| seen.ask.name == name).map(|seen| &seen.json);
    let is_named = of("service").is_some_and(|service| {
        service["software"]["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case("tabbyapi"))
    });
    let is_alike = of("health").is_some_and(|health| health["issues"].is_array());
    is_named || is_alike
}

pub(super) fn judge(examination: &Examination, facts: &mut Vec<(String, String)>, notes: &mut Notes) {
    let Some(health) = examination.of("health") else { return };
    if health.exchange.status.is_none() {
        return;
    }
    let mut fact = |name: &str, value: String| facts.push((name.to_owned(), value));
    if is_tabbyapi(examination.seen()) {
        fact("server", "theroyallab/tabbyAPI".to_owned());
    } else if let Some(version) = tabbyml(examination) {
        fact("server", format!("TabbyML/tabby {version}"));
        notes.add(TABBYML, format!("`/v1/health` is that of TabbyML/tabby {version}"));
    } else if !is_html(&health.exchange.body()) && !health.exchange.status.is_some_and(|s| (300..400).contains(&s)) {
        let status = health.exchange.status.unwrap_or_default();
        let body = health.exchange.body();
        let guess = guess(health, &body);
        fact("server", guess.clone());
        let text = String::from_utf8_lossy(&body);
        notes.add(OTHER_SERVER, format!("{guess}; `/health` is {status} with {}", quote(&text)));
    }
    if let Some(software) = header(&health.exchange, "server") {
        fact("http server", quote(software).replace('`', ""));
    }
    if let Some(via) = header(&health.exchange, "via") {
        fact("proxy", quote(via).replace('`', ""));
    }
    clock(examination, &mut fact, notes);
    plain_keys(examination, notes);
    fact("time to answer", format!("{} ms", health.exchange.head_ms));
}

/// The version of the other server of this name.
pub(super) fn tabbyml(examination: &Examination) -> Option<String> {
    let seen = examination.of("tabbyml")?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    if let Some(version) = text(&seen.json["version"]["git_describe"]) {
        return Some(quote(&version).replace('`', ""));
    }
    let wants_key = seen.exchange.status == Some(401) && seen.exchange.body().is_empty();
    wants_key.then(|| "(a token is required to see the version)".to_owned())
}

fn guess(health: &Seen, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body).to_ascii_lowercase();
    let server = header(&health.exchange, "server").unwrap_or_default().to_ascii_lowercase();
    let known = [
        ("ollama", "ollama"),
        ("llama.cpp", "llama.cpp"),
        ("kobold", "koboldcpp"),
        ("nginx", "nginx"),
        ("caddy", "Caddy"),
        ("cloudflare", "Cloudflare"),
        ("apache", "Apache"),
        ("traefik", "Traefik"),
        ("uvicorn", "another server in Python"),
    ];
    let found = known.iter().find(|(word, _)| server.contains(word) || text.contains(word));
    found.map_or("an unknown server".to_owned(), |(_, name)| format!("probably {name}"))
}

/// Compares the clock of the server with that of the caller.
fn clock(examination: &Examination, fact: &mut impl FnMut(&str, String), notes: &mut Notes) {
    let (Some(wall), Some((at, date))) = (examination.doctor().wall_clock, examination.date()) else { return };
    let Ok(date) = httpdate::parse_http_date(date) else { return };
    let Ok(theirs) = date.duration_since(std::time::UNIX_EPOCH) else { return };
    let ours = wall + at;
    let skew = ours.abs_diff(theirs);
    fact("clock", format!("differs by {} s", skew.as_secs()));
    if skew > SKEW {
        let which = if theirs > ours { "ahead" } else { "behind" };
        notes.add(CLOCK_SKEW, format!("the server is {} s {which}", skew.as_secs()));
    }
}

/// Keys that leave this machine without TLS.
fn plain_keys(examination: &Examination, notes: &mut Notes) {
    let doctor = examination.doctor();
    let has_key = doctor.api_key.is_some() || doctor.admin_key.is_some();
    let base = doctor.base.as_str();
    if has_key && base.starts_with("http://") && !is_local(base) {
        notes.add(PLAIN_KEY, "the address starts with `http://`");
    }
}

/// Whether an address is on this machine.
pub(super) fn is_local(base: &str) -> bool {
    let host = base.split("://").nth(1).unwrap_or_default().split('/').next().unwrap_or_default();
    let name = if host.starts_with('[') { host } else { host.split(':').next().unwrap_or_default() };
    name == "localhost" || name.ends_with(".localhost") || name.starts_with("127.") || name.starts_with("[::1]")
}
