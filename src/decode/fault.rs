//! Descriptions of decoding errors that do not quote the document, which may contain private text.

use serde_path_to_error::{Path, Segment};

use crate::base::text::cut;

/// The maximum length of a kind or a path, in bytes.
const LONGEST: usize = 256;

/// The kind of an error, and its line and column.
pub(crate) fn fault(error: &serde_json::Error) -> String {
    let at = format!(" at line {} column {}", error.line(), error.column());
    let words = error.to_string();
    // The parser's own messages do not quote the document; those of types may.
    let words = words.strip_suffix(&at).unwrap_or(&words);
    let kind = if error.is_data() { data(words) } else { words.to_owned() };
    let at = if error.line() == 0 { "" } else { &at };
    format!("{}{at}", cut(&kind, LONGEST))
}

/// The value kinds that serde distinguishes.
const VALUES: [&str; 14] = [
    "boolean",
    "integer",
    "floating point",
    "character",
    "string",
    "byte array",
    "null",
    "unit value",
    "Option value",
    "newtype struct",
    "sequence",
    "map",
    "enum",
    "unit variant",
];

fn data(words: &str) -> String {
    if words.starts_with("missing field `") {
        return words.to_owned();
    }
    for fault in ["invalid type: ", "invalid value: ", "invalid length "] {
        let Some(rest) = words.strip_prefix(fault) else { continue };
        let found = VALUES.iter().find(|value| rest.starts_with(*value)).unwrap_or(&"");
        // The expectation is last, and is the type's own text.
        let expected = rest.rfind(", expected ").and_then(|at| rest.get(at..)).unwrap_or_default();
        let fault = fault.trim_end_matches([':', ' ']);
        return if found.is_empty() { format!("{fault}{expected}") } else { format!("{fault}: {found}{expected}") };
    }
    const BASE64: &str = "not valid base64";
    const BYTES: &str = " bytes are not a whole number of 32-bit floats";
    let after_number = words.trim_start_matches(|digit: char| digit.is_ascii_digit());
    match words {
        words if words.starts_with("unknown variant `") => "a word that is not known here".to_owned(),
        words if words.starts_with(BASE64) => BASE64.to_owned(),
        words if after_number == BYTES => words.to_owned(),
        _ => "a value that cannot be taken here".to_owned(),
    }
}

/// A part of the path to a value.
pub(super) enum Part<'a> {
    Index(usize),
    Name(&'a str),
    /// A key that is not a string, or could not be read.
    Unknown,
}

/// The path of an error. `None` for the document itself. Names other than plain identifiers are shown as `*`, since keys of maps can be text.
pub(super) fn place<'a>(path: impl Iterator<Item = Part<'a>>) -> Option<String> {
    let mut place = String::new();
    let mut map_of_texts = false;
    for part in path {
        match part {
            Part::Index(index) => place.push_str(&format!("[{index}]")),
            Part::Name(name) => {
                place.push_str(if place.is_empty() { "" } else { "." });
                place.push_str(if is_name(name) && !map_of_texts { name } else { "*" });
                map_of_texts = MAPS.contains(&name);
            }
            Part::Unknown => place.push_str(if place.is_empty() { "?" } else { ".?" }),
        }
    }
    crate::base::error::place(&cut(&place, LONGEST))
}

/// The same for a path of serde_path_to_error, which reads the types of programs.
pub(crate) fn place_of(path: &Path) -> Option<String> {
    place(path.iter().map(|segment| match segment {
        Segment::Seq { index } => Part::Index(*index),
        Segment::Map { key: name } | Segment::Enum { variant: name } => Part::Name(name),
        Segment::Unknown => Part::Unknown,
    }))
}

/// Fields whose values are maps with arbitrary keys.
const MAPS: [&str; 2] = ["top_logprobs", "logit_bias"];

fn is_name(name: &str) -> bool {
    let letters = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    name.len() <= 64 && letters(name) && name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Word {
        One,
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "they are only read")]
    struct Types {
        #[serde(default)]
        number: u32,
        #[serde(default)]
        word: Option<Word>,
        #[serde(default)]
        map: BTreeMap<String, u32>,
        #[serde(default)]
        top_logprobs: Vec<BTreeMap<String, f64>>,
    }

    #[test]
    fn faults_have_kind_and_place_and_no_text() {
        for (json, kind, at) in [
            (r#"{"number":"SECRET, expected `x`"}"#, "invalid type: string, expected u32", Some("number")),
            (r#"{"number":4294967296}"#, "invalid value: integer, expected u32", Some("number")),
            (r#"{"word":"SECRET"}"#, "a word that is not known here", Some("word")),
            (r#"{"map":{"SECRET":"SECRET"}}"#, "invalid type: string, expected u32", Some("map.*")),
            (r#"{"top_logprobs":[{"secret":""}]}"#, "invalid type: string, expected f64", Some("top_logprobs[0].*")),
            (r#""SECRET""#, "invalid type: string, expected struct Types", None),
            ("{\"number\"\n:SECRET", "expected value", Some("number")),
        ] {
            let mut text = serde_json::Deserializer::from_str(json);
            let error = serde_path_to_error::deserialize::<_, Types>(&mut text).expect_err(json);
            assert_eq!(place_of(error.path()).as_deref(), at, "{json}");
            let words = fault(error.inner());
            assert!(words.starts_with(kind) && words[kind.len()..].starts_with(" at line "), "{words}");
        }
    }
}
