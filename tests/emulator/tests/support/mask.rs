//! JSON text with what differs from run to run blotted out; keys, order, spacing and types stay.

/// Keys whose values are not compared.
const MASKED: &[&str] = &[
    "id",
    "created",
    "time",
    "trace",
    "description",
    "prompt_template_content",
    "chat_template",
    "prompt_tokens",
    "prompt_time",
    "prompt_tokens_per_sec",
    "completion_tokens",
    "completion_time",
    "completion_tokens_per_sec",
    "total_tokens",
    "total_time",
    "token_id",
    "logprob",
    "token_logprobs",
];

/// Blots out a document. `more` are further keys whose values are not compared.
pub fn mask(text: &str, more: &[&str]) -> String {
    let mut out = String::new();
    let mut rest = text;
    let mut key = String::new();
    // For each open bracket: whether it is an object, and under which key it stands.
    let mut open: Vec<(bool, String)> = Vec::new();
    while let Some(c) = rest.chars().next() {
        if c == '"' {
            let end = string_end(rest);
            let string = &rest[..end];
            rest = &rest[end..];
            let in_top = open.iter().any(|(_, under)| under == "top_logprobs");
            if rest.trim_start().starts_with(':') && open.last().is_some_and(|(object, _)| *object) {
                key = string.trim_matches('"').to_owned();
                // The completion's lists of likely tokens have them as keys.
                let token = in_top && !["token", "token_id", "logprob"].contains(&key.as_str());
                out += if token { "\"…\"" } else { string };
                if token {
                    key = "logprob".to_owned();
                }
            } else if is_masked(&key, more) || (in_top && key == "token") {
                out += &shape(&key, string);
            } else {
                out += &digits(string);
            }
        } else if c == '-' || c.is_ascii_digit() {
            let end = rest.find(|c: char| !"+-.eE0123456789".contains(c)).unwrap_or(rest.len());
            let infinite = rest.starts_with("-Infinity");
            let end = if infinite { "-Infinity".len() } else { end };
            // A rate is a word or a number, as the clock will have it.
            out += match is_masked(&key, more) && !infinite {
                true if key.ends_with("_per_sec") => "RATE",
                true => "0",
                false => &rest[..end],
            };
            rest = &rest[end..];
        } else {
            match c {
                '{' | '[' => open.push((c == '{', key.clone())),
                '}' | ']' => key = open.pop().map(|(_, under)| under).unwrap_or_default(),
                _ => {}
            }
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

fn is_masked(key: &str, more: &[&str]) -> bool {
    MASKED.contains(&key) || more.contains(&key)
}

/// The form of an id is kept, of other texts only that they are texts.
fn shape(key: &str, string: &str) -> String {
    match key {
        "id" if string.contains("cmpl-") || string.contains("call_") => {
            let form = |c: char| if c.is_ascii_hexdigit() { 'x' } else { c };
            let (prefix, digits) = string.split_at(string.find(['-', '_']).unwrap_or(0));
            format!("{prefix}{}", digits.chars().map(form).collect::<String>())
        }
        "id" => string.to_owned(),
        _ if key.ends_with("_per_sec") => "RATE".to_owned(),
        _ => "\"…\"".to_owned(),
    }
}

/// Ids and figures within a message.
fn digits(string: &str) -> String {
    if !string.contains("aborted.") && !string.contains("context size") {
        return string.to_owned();
    }
    let words = string.split(' ').map(|word| {
        let id = word.len() == 32 && word.chars().all(|c| c.is_ascii_hexdigit());
        let number = word.chars().all(|c| c.is_ascii_digit());
        if id || number { "#" } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}
