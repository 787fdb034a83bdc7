//! Usage: sums, signs, plausibility.

use serde_json::Value;

use super::super::check::*;
use super::super::report::Notes;
use super::whole::choices_asked;

/// Whether the request asks for usage.
pub(super) fn is_asked(asked: &Value) -> bool {
    asked["stream_options"]["include_usage"] == true
}

/// Judges the usage of a response. `has_text` is whether anything was generated.
pub(super) fn check(usage: &Value, asked: &Value, has_text: bool, notes: &mut Notes) {
    let Some(fields) = usage.as_object() else {
        if is_asked(asked) {
            notes.add(USAGE_MISSING, "`include_usage` was set");
        }
        return;
    };
    let times = fields.iter().filter(|(name, _)| name.ends_with("_tokens") || name.ends_with("_time"));
    let mut is_negative = false;
    for (name, value) in times {
        if value.as_f64().is_some_and(|value| value < 0.0) {
            is_negative = true;
            notes.add(USAGE_NEGATIVE, format!("`{name}` is {value}"));
        }
    }
    let number = |name: &str| usage[name].as_u64();
    let (Some(prompt), Some(completion), Some(total)) =
        (number("prompt_tokens"), number("completion_tokens"), number("total_tokens"))
    else {
        return;
    };
    if is_negative {
        return;
    }
    if prompt.checked_add(completion) != Some(total) {
        notes.add(USAGE_SUM, format!("{prompt} + {completion} is not {total}"));
    }
    if has_text && completion == 0 {
        notes.add(USAGE_IMPLAUSIBLE, "there is text, and no completion tokens");
    }
    let cached = usage["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap_or_default();
    if cached > prompt {
        notes.add(USAGE_IMPLAUSIBLE, format!("{cached} of {prompt} prompt tokens were cached"));
    }
    // The server adds a few tokens to the limit of each further choice of a stream.
    let most = asked["max_tokens"].as_u64().filter(|most| *most > 0);
    if let Some(most) = most
        && completion > (most.saturating_add(8)).saturating_mul(choices_asked(asked)).saturating_add(64)
    {
        notes.add(LIMIT_IGNORED, format!("{completion} tokens, and `max_tokens` is {most}"));
    }
}
