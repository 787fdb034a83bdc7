//! Hints are for programs in other languages, too: what has another name there is a place, and never a word of the sentence.
//!
//! All hints of the sources are read here, for most of them take a server or a setting of its own to come about. The terminal's program and
//! the npm package hold their own names against the same sources.

use std::fs;
use std::path::{Path, PathBuf};

/// What stands before a literal that is a hint: a remedy, or the setter for plain ones.
const BEFORE: [&str; 4] = ["with_hint(", "with_hint(format!(", "let hint =", "=> Some("];

/// Words that look like Rust's and are of the server, of HTTP or of everyone.
const COMMON: [&str; 14] = [
    "api_tokens.yml",
    "config.yml",
    "api_servers",
    "Kobold",
    "Authorization",
    "EventSource",
    "Retry-After",
    "NO_PROXY",
    "TabbyAPI",
    "KoboldAI",
    "custom_id",
    "content-encoding",
    "POST",
    "URL",
];

struct Hint {
    file: String,
    text: String,
}

#[test]
fn hints_name_things_of_rust_as_places_alone() {
    let hints = hints();
    assert!(hints.len() > 60, "{} hints", hints.len());
    let mut wrong = Vec::new();
    for Hint { file, text } in &hints {
        let plain = outside_of_places(text);
        let words = plain.split(|c: char| !(c.is_ascii_alphanumeric() || "_:-.".contains(c)));
        let words = words.map(|word| word.trim_matches(['.', ':', '-'])).filter(|word| !COMMON.contains(word));
        let odd: Vec<_> = words.filter(|word| is_rust(word)).collect();
        if !odd.is_empty() || plain.contains("(..)") || plain.contains("()") {
            wrong.push(format!("src/{file}: {odd:?} in {text:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // The check sees what it is for.
    for word in ["Timeouts::idle", "first_item", "RateLimit", "TlsProvider", "client.models", "Options"] {
        assert!(is_rust(word), "{word}");
    }
    for word in ["wait", "8.5", "its", "The", "HTTP", "e.g", "keep-alive", "127.0.0.1"] {
        assert!(!is_rust(word), "{word}");
    }
}

/// A path, a name of several words, a type, or a call on a client.
fn is_rust(word: &str) -> bool {
    let inner_capital =
        word.chars().skip(1).any(|c| c.is_ascii_uppercase()) && word.chars().any(|c| c.is_ascii_lowercase());
    let of_types = ["Options", "Timeouts", "TimeoutPolicy", "Limits", "Error", "Client", "Retry"];
    word.contains("::")
        || word.contains('_')
        || inner_capital
        || word.starts_with("client.")
        || of_types.contains(&word)
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn outside_of_places(template: &str) -> String {
    let texts = template.split('}').map(|part| part.split_once('{').map_or(part, |(text, _)| text));
    texts.collect::<Vec<_>>().join(" ")
}

fn hints() -> Vec<Hint> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut hints) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = fs::read_to_string(&path).unwrap();
                let code = source.split_once("#[cfg(test)]\nmod tests").map_or(&*source, |(code, _)| code);
                let file = path.strip_prefix(&root).unwrap().display().to_string();
                let found = literals(code).into_iter().filter(|(before, text)| is_hint(before, text));
                hints.extend(found.map(|(_, text)| Hint { file: file.clone(), text }));
            }
        }
    }
    hints
}

fn is_hint(before: &str, text: &str) -> bool {
    let before = before.trim_end();
    // Such as `Remedy::Check,` and what a sentence with a place begins with.
    let remedy = before.strip_suffix(',').and_then(|rest| rest.rsplit_once("Remedy::"));
    remedy.is_some_and(|(_, name)| name.chars().all(char::is_alphabetic))
        || BEFORE.iter().any(|words| before.ends_with(words)) && text.contains(' ')
        // Whatever quotes a path or a type may be the end of a sentence; fields of the wire have words like settings. Docs in macros are none.
        || quoted(text).any(|word| is_rust(word) && !word.contains(['_', '(', '[', '{'])) && !text.contains("[`")
        || ["{setting:", "{method:", "{field:", "{key:", "{url}"].iter().any(|place| text.contains(place))
}

/// The string literals of code, each with what stands before it.
fn literals(code: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n");
    let mut rest = &*code;
    let mut before = String::new();
    while let Some(at) = rest.find('"') {
        before.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        // A character, not a string.
        if before.ends_with('\'') || before.ends_with("'\\") {
            continue;
        }
        let mut text = String::new();
        let mut chars = rest.char_indices();
        let mut end = rest.len();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    end = at + 1;
                    break;
                }
                '\\' => match chars.next() {
                    // The line goes on, without what it is indented by.
                    Some((_, '\n')) => {
                        while chars.clone().next().is_some_and(|(_, c)| c == ' ') {
                            chars.next();
                        }
                    }
                    Some((_, c)) => text.push(c),
                    None => {}
                },
                c => text.push(c),
            }
        }
        found.push((std::mem::take(&mut before), text));
        rest = &rest[end..];
    }
    found
}
