//! CORS, as a browser sees it.

use super::check::*;
use super::examine::{Examination, Seen};
use super::report::{Notes, quote};
use super::server::is_local;

pub(super) fn judge(examination: &Examination, notes: &mut Notes) {
    let Some(origin) = &examination.doctor().origin else { return };
    let base = examination.doctor().base.as_str();
    if origin.starts_with("https://") && base.starts_with("http://") && !is_local(base) {
        notes.at = String::new();
        notes.add(MIXED_CONTENT, format!("the page is at {} and the server at {}", quote(origin), quote(base)));
    }
    if let Some(seen) = examination.of("preflight").filter(|seen| seen.exchange.status.is_some()) {
        preflight(seen, origin, notes);
    }
    for name in ["cors-answer", "cors-error"] {
        let Some(seen) = examination.of(name).filter(|seen| seen.exchange.status.is_some()) else { continue };
        notes.at = format!("{} {}", seen.ask.method, seen.ask.path);
        if let Some(why) = allowed(seen, origin, notes) {
            notes.add(CORS_ANSWER, why);
        }
    }
}

fn preflight(seen: &Seen, origin: &str, notes: &mut Notes) {
    notes.at = format!("OPTIONS {}", seen.ask.path);
    let status = seen.exchange.status.unwrap_or_default();
    if !(200..300).contains(&status) {
        return notes.add(CORS_PREFLIGHT, format!("status {status}"));
    }
    if let Some(why) = allowed(seen, origin, notes) {
        return notes.add(CORS_ORIGIN, why);
    }
    let methods = list(seen, "access-control-allow-methods");
    // POST is always allowed, and so is the wildcard without credentials.
    if !methods.is_empty() && !methods.iter().any(|one| one == "post" || one == "*") {
        notes.add(CORS_METHOD, format!("allowed are {}", quote(&methods.join(", "))));
    }
    let headers = list(seen, "access-control-allow-headers");
    let asked = seen.ask.headers.iter().find(|(name, _)| *name == "access-control-request-headers");
    let asked = asked.map(|(_, value)| value.as_str()).unwrap_or_default();
    // The wildcard does not cover `authorization`.
    let covers = |name: &str| headers.iter().any(|one| one == name || one == "*" && name != "authorization");
    let missing: Vec<&str> = asked.split(',').filter(|name| !covers(name)).collect();
    if !missing.is_empty() {
        notes.add(CORS_HEADERS, format!("not allowed are {}", quote(&missing.join(", "))));
    }
}

/// Returns why a browser withholds this response. `None` if it does not.
fn allowed(seen: &Seen, origin: &str, notes: &mut Notes) -> Option<String> {
    let name = "access-control-allow-origin";
    let values: Vec<&str> =
        seen.exchange.headers.iter().filter(|(one, _)| one == name).map(|(_, value)| &**value).collect();
    match values[..] {
        [] => Some(format!("no `{name}`")),
        ["*"] => None,
        [one] if one == origin => {
            let vary = list(seen, "vary");
            if !vary.iter().any(|one| one == "origin" || one == "*") {
                notes.add(CORS_VARY, format!("`vary` is {}", quote(&vary.join(", "))));
            }
            None
        }
        [one] => Some(format!("`{name}` is {}, and the origin is {}", quote(one), quote(origin))),
        _ => {
            notes.add(CORS_TWICE, format!("{} times", values.len()));
            None
        }
    }
}

/// The words of a header, in lower case.
fn list(seen: &Seen, name: &str) -> Vec<String> {
    let values = seen.exchange.headers.iter().filter(|(one, _)| one == name);
    let words = values.flat_map(|(_, value)| value.split(','));
    words.map(|word| word.trim().to_ascii_lowercase()).filter(|word| !word.is_empty()).collect()
}
