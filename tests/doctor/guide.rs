//! The table of findings in the guide.

use std::fs;

use tabbyapi::doctor::CHECKS;

#[test]
fn the_guide_lists_all_findings() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/doctor.md");
    let guide = fs::read_to_string(path).unwrap().replace("\r\n", "\n");
    let (prose, _) = guide.split_once("\n|---|---|---|---|---|\n").unwrap();
    let rows = CHECKS.iter().map(|check| {
        let severity = check.severity.as_str();
        format!("| `{}` | {severity} | {} | {} | {} |\n", check.id, check.why, check.breaks, check.fix)
    });
    let fresh = format!("{prose}\n|---|---|---|---|---|\n{}", rows.collect::<String>());
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, &fresh).unwrap();
    }
    assert_eq!(
        fs::read_to_string(path).unwrap().replace("\r\n", "\n"),
        fresh,
        "`UPDATE=1 cargo test --test doctor guide` writes it"
    );
}

#[test]
fn texts_are_sentences() {
    for check in CHECKS {
        let is_plain = |text: &str| !text.is_empty() && !text.ends_with('.') && !text.contains('|');
        assert!(
            check.why.ends_with('.') && check.why.starts_with(|c: char| c.is_uppercase() || c == '`'),
            "{}",
            check.id
        );
        assert!(is_plain(check.breaks) && is_plain(check.fix), "{}", check.id);
        assert!(
            check.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte.is_ascii_digit()),
            "{}",
            check.id
        );
    }
}
