//! A parser for `api_tokens.yml` as TabbyAPI writes it or users edit it: two top-level keys with a string each, and `api_key` also with a
//! list of strings. This is a small part of YAML, and a YAML crate would outweigh the core. Anything else is an error.

use zeroize::Zeroize;

/// The keys in the file, empty if missing. Wiped on drop.
#[derive(Default, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Tokens {
    pub(super) api_key: String,
    pub(super) admin_key: String,
}

impl Drop for Tokens {
    fn drop(&mut self) {
        self.api_key.zeroize();
        self.admin_key.zeroize();
    }
}

/// Returns the keys, or the number of the first line that is not understood.
pub(super) fn parse(text: &str) -> Result<Tokens, usize> {
    let mut tokens = Tokens::default();
    // The name whose list may follow.
    let mut open: Option<&str> = None;
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let bad = index + 1;
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') || content == "---" {
            continue;
        }
        let value = if let Some(item) = content.strip_prefix("- ") {
            scalar(item).ok_or(bad)?
        } else if line.starts_with([' ', '\t']) {
            return Err(bad);
        } else {
            let (name, value) = content.split_once(':').ok_or(bad)?;
            if !value.is_empty() && !value.starts_with([' ', '\t']) {
                return Err(bad);
            }
            open = Some(name.trim_matches(['"', '\'']));
            match value.trim().strip_prefix('[') {
                Some(list) => first(list).ok_or(bad)?,
                None => scalar(value).ok_or(bad)?,
            }
        };
        let place = match open {
            Some("api_key") => &mut tokens.api_key,
            Some("admin_key") => &mut tokens.admin_key,
            Some(_) => continue,
            None => return Err(bad),
        };
        // The first entry of a list is used.
        if place.is_empty() {
            *place = value;
        }
    }
    Ok(tokens)
}

/// The first entry of a list in brackets.
fn first(list: &str) -> Option<String> {
    let inner = without_comment(list).strip_suffix(']')?;
    scalar(inner.split(',').next().unwrap_or_default())
}

/// A plain or quoted string. Keys do not contain quotes, escapes or blanks.
fn scalar(text: &str) -> Option<String> {
    let text = without_comment(text);
    let inner = match text.chars().next() {
        Some(quote @ ('"' | '\'')) => text.get(1..)?.strip_suffix(quote)?,
        _ => text,
    };
    let odd = |c: char| c.is_whitespace() || "\"'\\{}[]|>&*!%@`".contains(c);
    match inner {
        "null" | "~" if inner == text => Some(String::new()),
        _ => (!inner.contains(odd)).then(|| inner.to_owned()),
    }
}

fn without_comment(text: &str) -> &str {
    let end = text.find(" #").unwrap_or(text.len());
    text[..end].trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_reads(text: &str, api_key: &str, admin_key: &str) {
        assert_eq!(parse(text), Ok(Tokens { api_key: api_key.to_owned(), admin_key: admin_key.to_owned() }), "{text}");
    }

    #[test]
    fn what_the_server_writes_and_people_make_of_it() {
        assert_reads("admin_key: adm\napi_key: api\n", "api", "adm");
        assert_reads("# keys\r\n\r\napi_key:\r\n- one\r\n- two\r\nadmin_key: 'adm' # mine\r\n", "one", "adm");
        assert_reads("---\n\"api_key\": [ \"one\", two ]\nadmin_key:\n", "one", "");
        assert_reads("api_key:\n  - one\nother: x\n", "one", "");
        assert_reads("api_key: null\nadmin_key: a#b:c\n", "", "a#b:c");
        assert_reads("", "", "");
    }

    #[test]
    fn what_is_not_understood_is_reported_by_its_line() {
        for (text, line) in [
            ("api_key api", 1),
            ("api_key:api", 1),
            ("admin_key: adm\napi_key: {a: b}", 2),
            ("api_key: 'open", 1),
            ("api_key: [a", 1),
            ("- stray", 1),
            ("api_key:\n  nested: x", 2),
            ("api_key: |\n  text", 1),
            ("api_key: two words", 1),
            ("api_key: \"", 1),
        ] {
            assert_eq!(parse(text), Err(line), "{text}");
        }
    }
}
