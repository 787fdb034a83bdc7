//! Common parts of resuming both kinds of generation.

use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::api::common::{ResponseFormat, ResponseFormatType, Usage, add_usage};
use crate::api::sampling::SamplingParams;
use crate::base::{ErrorCode, Extra, Text};
use crate::protocol::resume::joint::Ask;

/// Fields by which other servers constrain a response.
const CONSTRAINTS: [&str; 9] = [
    "json_schema",
    "regex_pattern",
    "grammar_string",
    "response_format",
    "grammar",
    "guided_json",
    "guided_regex",
    "guided_grammar",
    "structured_outputs",
];

/// Other names of `max_tokens`, in the server's order of precedence.
const MAX_TOKENS: [&str; 2] = ["max_completion_tokens", "max_length"];

/// The relevant properties of a request.
pub(crate) fn ask(
    choices: Option<u64>,
    format: Option<&ResponseFormat>,
    sampling: &SamplingParams,
    extra: &Extra,
) -> Ask {
    let formatted = format.is_some_and(|format| format.kind != ResponseFormatType::Text);
    let set = sampling.json_schema.is_some() || sampling.regex_pattern.is_some() || sampling.grammar_string.is_some();
    let extra_set = CONSTRAINTS.iter().any(|name| extra.get(name).is_some_and(|value| !value.is_null()));
    Ask {
        choices,
        constrained: formatted || set || extra_set,
        max_tokens: max_tokens(sampling, extra),
        opens: true,
        continues: false,
    }
}

fn max_tokens(sampling: &SamplingParams, extra: &Extra) -> Option<u64> {
    let named = || MAX_TOKENS.iter().find_map(|name| extra.get(name)?.as_u64());
    sampling.max_tokens.map(u64::from).or_else(named)
}

/// Subtracts the tokens that have arrived from those requested.
pub(crate) fn spend(sampling: &mut SamplingParams, extra: &Extra, tokens: u64) {
    let most = max_tokens(sampling, extra).filter(|most| *most > 0);
    if let Some(most) = most {
        sampling.max_tokens = Some(u32::try_from(most.saturating_sub(tokens).max(1)).unwrap_or(u32::MAX));
    }
    let spent = u32::try_from(tokens).unwrap_or(u32::MAX);
    sampling.min_tokens = sampling.min_tokens.map(|least| least.saturating_sub(spent));
}

/// Parses the body of a request.
pub(crate) fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, ErrorCode> {
    serde_json::from_slice(body).map_err(|_| ErrorCode::NotResumable)
}

/// The common fields of the chunks of a joined stream: the values of the first one, and usage that continues.
#[derive(Debug, Default)]
pub(crate) struct JoinedHead {
    id: Text,
    object: Text,
    model: Text,
    created: u64,
    /// The usage of earlier parts, and the last report of this one.
    before: Option<Usage>,
    latest: Option<Usage>,
}

impl JoinedHead {
    /// Notes the head of a chunk.
    pub(crate) fn see(&mut self, id: &Text, object: &Text, model: &Text, created: u64, usage: Option<&Usage>) {
        for (known, new) in [(&mut self.id, id), (&mut self.object, object), (&mut self.model, model)] {
            if known.is_empty() {
                known.clone_from(new);
            }
        }
        if self.created == 0 {
            self.created = created;
        }
        if let Some(usage) = usage {
            self.latest = Some(usage.clone());
        }
    }

    /// Writes it into the chunk of a later part.
    pub(crate) fn write(
        &self,
        id: &mut Text,
        object: &mut Text,
        model: &mut Text,
        created: &mut u64,
        usage: Option<&mut Usage>,
    ) {
        id.clone_from(&self.id);
        object.clone_from(&self.object);
        model.clone_from(&self.model);
        *created = self.created;
        if let (Some(usage), Some(before)) = (usage, &self.before) {
            add_usage(usage, before);
        }
    }

    /// Starts another part.
    pub(crate) fn next_part(&mut self) {
        if let Some(latest) = self.latest.take() {
            add_usage(self.before.get_or_insert_default(), &latest);
        }
    }
}
