//! Keys: whether one is required, which are rejected, and whether the reported permissions are correct.

use super::check::*;
use super::examine::{Examination, Seen};
use super::plan::Key;
use super::report::{Notes, quote};

/// The key to read the routes with. `None` if the server requires one and accepts none of those that were set.
pub(super) fn usable(examination: &Examination) -> Option<Key> {
    let accepts = |name: &str| examination.of(name).is_some_and(is_ok);
    if accepts("permission-api") {
        Some(Key::Api)
    } else if accepts("permission-admin") {
        Some(Key::Admin)
    } else if accepts("permission-none") {
        Some(Key::None)
    } else {
        None
    }
}

pub(super) fn judge(examination: &Examination, facts: &mut Vec<(String, String)>, notes: &mut Notes) {
    let Some(none) = examination.of("permission-none") else { return };
    notes.at = "GET /v1/auth/permission".to_owned();
    let mut fact = |name: &str, value: String| facts.push((name.to_owned(), value));
    let is_open = is_ok(none);
    let wrong_is_accepted = examination.of("permission-wrong").is_some_and(is_ok);
    fact("key required", if is_open { "no" } else { "yes" }.to_owned());
    if is_open {
        notes.add(AUTH_DISABLED, "a request without a key was answered");
    } else if wrong_is_accepted {
        notes.add(AUTH_ACCEPTS_ANYTHING, "a made-up key was accepted");
    }
    for seen in [Some(none), examination.of("permission-wrong")].into_iter().flatten() {
        refused_by_401(seen, notes);
    }
    let permission = |name: &str| examination.good(name)?["permission"].as_str().map(str::to_owned);
    let (api, admin) = (permission("permission-api"), permission("permission-admin"));
    let given = [("permission-api", "key", KEY_REFUSED), ("permission-admin", "admin key", ADMIN_KEY_REFUSED)];
    for (name, word, check) in given {
        let Some(seen) = examination.of(name) else { continue };
        match (seen.exchange.status, permission(name)) {
            (_, Some(permission)) => fact(word, format!("permission {}", quote(&permission).replace('`', ""))),
            (Some(200) | None, _) => {}
            (Some(status), _) => {
                let text = String::from_utf8_lossy(&seen.exchange.body()).into_owned();
                notes.add(check, format!("status {status} with {}", quote(&text)));
            }
        }
    }
    let has_key = examination.doctor().api_key.is_some() || examination.doctor().admin_key.is_some();
    if !has_key && !is_open {
        notes.add(NO_KEY, "a request without a key was refused");
    }
    if admin.as_deref().is_some_and(|permission| permission != "admin") && !is_open {
        notes.add(ADMIN_KEY_NOT_ADMIN, format!("its permission is {}", quote(&admin.clone().unwrap_or_default())));
    }
    // The permission of the key with which the routes are read.
    let in_use = if usable(examination) == Some(Key::Admin) { admin } else { api };
    truth(examination, in_use, notes);
}

/// Whether the key was accepted. A login page is a success, too.
fn is_ok(seen: &Seen) -> bool {
    seen.exchange.status == Some(200) && seen.json.is_object()
}

/// A missing or wrong key is 401, and nothing else.
fn refused_by_401(seen: &Seen, notes: &mut Notes) {
    if let Some(status @ (400 | 402..500)) = seen.exchange.status {
        notes.add(AUTH_STATUS, format!("status {status} for {}", seen.ask.purpose));
    }
}

/// Checks whether an operation for admins is rejected according to the permission.
fn truth(examination: &Examination, permission: Option<String>, notes: &mut Notes) {
    let Some(seen) = examination.of("admin-route") else { return };
    let is_refused = seen.exchange.status == Some(401);
    let is_let_in = matches!(seen.exchange.status, Some(200 | 422 | 503));
    match permission.as_deref() {
        Some("admin") if is_refused => {
            notes.add(PERMISSION_LIES, "it says `admin`, and an operation for admins refuses the key");
        }
        Some("api") if is_let_in => {
            notes.add(PERMISSION_LIES, "it says `api`, and an operation for admins accepts the key");
        }
        _ => {}
    }
}
