//! Key sources.

use tabbyapi_emulator::Emulator;

use crate::support::{Run, file, keyless, start};

/// Requests the permission with these arguments and this environment.
fn asks(server: &Emulator, args: &[&str], environment: &[(&str, &str)]) -> Run {
    keyless(&server.url(), args).envs(environment.iter().copied()).output().unwrap().into()
}

#[test]
fn from_files() {
    let server = start();
    let (api_key, admin_key) = (server.api_key().to_owned(), server.admin_key().to_owned());
    let both = file("api_tokens.yml", &format!("api_key: {api_key}\nadmin_key: {admin_key}\n"));
    let api = file("api", &format!("{api_key}\n"));
    let admin = file("admin", &admin_key);
    assert_eq!(asks(&server, &["permission", "--tokens-file", &both], &[]).good(), "api\n");
    assert_eq!(asks(&server, &["permission"], &[("TABBY_TOKENS_FILE", &both)]).good(), "api\n");
    assert_eq!(asks(&server, &["unload", "--tokens-file", &both], &[]).good(), "unloaded\n");
    assert_eq!(asks(&server, &["permission", "--api-key-file", &api], &[]).good(), "api\n");
    assert_eq!(asks(&server, &["permission", "--admin-key-file", &admin], &[]).good(), "admin\n");
    assert_eq!(asks(&server, &["permission", "--bearer-file", &admin], &[]).good(), "admin\n");
    assert_eq!(asks(&server, &["templates", "--bearer-file", &admin], &[]).good(), "alpaca\nchatml\n");
    asks(&server, &["unload", "--api-key-file", &api], &[]).bad(4, "admin key");
    // With both files, each operation uses the suitable key.
    let files = ["--api-key-file", &api, "--admin-key-file", &admin];
    assert_eq!(asks(&server, &[&["permission"], &files[..]].concat(), &[]).good(), "api\n");
    assert_eq!(asks(&server, &[&["templates"], &files[..]].concat(), &[]).good(), "alpaca\nchatml\n");
}

#[test]
fn files_go_before_the_environment() {
    let server = start();
    let api = file("right", server.api_key());
    let wrong = file("wrong", "not-the-key");
    let environment = [("TABBY_API_KEY", "not-the-key")];
    assert_eq!(asks(&server, &["permission", "--api-key-file", &api], &environment).good(), "api\n");
    let right = [("TABBY_API_KEY", server.api_key())];
    let refused = asks(&server, &["permission", "--api-key-file", &wrong], &right);
    assert!(!refused.err.contains("not-the-key"), "{}", refused.err);
    refused.bad(4, "Invalid API key");
    assert_eq!(asks(&server, &["permission"], &[("TABBY_BEARER", server.admin_key())]).good(), "admin\n");
}

#[test]
fn files_that_hold_no_key() {
    let server = start();
    asks(&server, &["permission", "--api-key-file", "/nowhere/at/all"], &[]).bad(2, "cannot be read");
    asks(&server, &["permission", "--api-key-file", &file("empty", "\n")], &[]).bad(2, "is empty");
    let odd = file("odd.yml", "keys: {a: b}\n");
    let refused = asks(&server, &["permission", "--tokens-file", &odd, "--json"], &[]).error(2);
    assert_eq!((&refused["kind"], &refused["code"]), (&"credentials".into(), &"key_file_invalid".into()));
}
