//! What a call came to, in one or a few lines that a person can check.

use std::fmt::Write;

use serde::de::DeserializeOwned;
use tabbyapi::api::{
    ChatCompletion, Completion, HealthReport, LoadReport, ModelCard, ModelList, ModelProps, PermissionResponse, Rate,
    ServiceInfo, Usage,
};

use crate::ask::Ask;
use crate::play::{Fault, Seen};

/// The answer, and after it the error if there was one.
pub(crate) fn digest(ask: &Ask, seen: &Seen) -> String {
    let mut out = String::new();
    if let Some(outcome) = seen.outcome {
        write!(out, "{outcome:?} after {}: ", seen.items.len()).unwrap();
    }
    if let Some(total) = &seen.total {
        out += &match ask {
            Ask::Chat(_) | Ask::ChatStream(_) => chat(&read(total)),
            Ask::Completion(_) | Ask::CompletionStream(_) => completion(&read(total)),
            Ask::Load(_) => load(&read(total)),
            Ask::Unload => "done".to_owned(),
            Ask::Models => models(&read(total)),
            Ask::Current => card(&read(total)),
            Ask::Props => props(&read(total)),
            Ask::Health => health(&read(total)),
            Ask::ServiceInfo => service_info(&read(total)),
            Ask::Permission => read::<PermissionResponse>(total).permission.to_string(),
        };
    }
    if let Some(fault) = &seen.error {
        if seen.total.is_some() {
            out += "\n";
        }
        out += &error(fault);
    }
    out
}

fn read<T: DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).expect("answers are read back")
}

fn word(value: Option<impl std::fmt::Display>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn named(model: &str) -> &str {
    if model.is_empty() { "no model" } else { model }
}

fn chat(answer: &ChatCompletion) -> String {
    let mut out = format!("{} {}", named(&answer.model), answer.object);
    for choice in &answer.choices {
        let (finish, eos, stop) =
            (word(choice.finish_reason.as_ref()), word(choice.eos_reason.as_ref()), &choice.stop_str);
        write!(out, "; {} {} {finish} {eos} {}", choice.index, choice.message.role, word(stop.as_ref())).unwrap();
        if let Some(reasoning) = &choice.message.reasoning_content {
            write!(out, " thinks {reasoning:?}").unwrap();
        }
        match choice.message.text() {
            Some(text) => write!(out, " says {text:?}").unwrap(),
            None => out += " says nothing",
        }
        for call in &choice.message.tool_calls {
            let (id, index) = (&call.id, word(call.index));
            write!(out, " calls {index} {id} {}({})", call.function.name, call.function.arguments).unwrap();
        }
        for token in choice.logprobs.iter().flat_map(|logprobs| &logprobs.content) {
            write!(out, " {:?}/{} {}", token.token, word(token.token_id), word(token.logprob)).unwrap();
            for top in &token.top_logprobs {
                write!(out, " ({:?}/{} {})", top.token, word(top.token_id), word(top.logprob)).unwrap();
            }
        }
    }
    out + &usage(answer.usage.as_ref())
}

fn completion(answer: &Completion) -> String {
    let mut out = format!("{} {}", named(&answer.model), answer.object);
    for choice in &answer.choices {
        let (finish, eos) = (word(choice.finish_reason.as_ref()), word(choice.eos_reason.as_ref()));
        write!(out, "; {} {finish} {eos} {:?}", choice.index, choice.text).unwrap();
        let Some(logprobs) = &choice.logprobs else { continue };
        let lists = logprobs.tokens.iter().zip(&logprobs.token_logprobs).zip(&logprobs.top_logprobs);
        for (((token, logprob), top), offset) in lists.zip(&logprobs.text_offset) {
            write!(out, " {token:?}@{offset} {}", word(*logprob)).unwrap();
            for (token, logprob) in top.iter().flatten() {
                write!(out, " ({token:?} {})", word(*logprob)).unwrap();
            }
        }
    }
    out + &usage(answer.usage.as_ref())
}

fn usage(usage: Option<&Usage>) -> String {
    let Some(usage) = usage else { return String::new() };
    let (prompt, completion, total) = (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens);
    let times = [usage.prompt_time, usage.completion_time, usage.total_time].map(word);
    let rates = [&usage.prompt_tokens_per_sec, &usage.completion_tokens_per_sec].map(|rate| {
        word(rate.as_ref().map(|rate| rate.per_second().map_or_else(|| Rate::to_string(rate), |n| n.to_string())))
    });
    format!(
        "; {prompt} + {completion} = {total} tokens, {} + {} = {} s, {} and {} per s",
        times[0], times[1], times[2], rates[0], rates[1]
    )
}

fn load(report: &LoadReport) -> String {
    let part = |part: &tabbyapi::api::LoadPart| {
        format!("{} {}/{}{}", part.model_type, part.module, part.modules, if part.finished { " finished" } else { "" })
    };
    let parts: Vec<_> = report.parts.iter().map(part).collect();
    let parts = if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") };
    parts + if report.was_loaded_already() { " (was loaded already)" } else { "" }
}

fn models(list: &ModelList) -> String {
    assert!(
        list.data.iter().all(|card| card.owned_by == "tabbyAPI" && card.parameters.is_none() && card.logging.is_none())
    );
    let ids: Vec<_> = list.data.iter().map(|card| card.id.as_str()).collect();
    format!("{} models {}", ids.len(), ids.join(" ")).trim_end().to_owned()
}

fn card(card: &ModelCard) -> String {
    let mut out = format!("{} of {} at {}", card.id, card.owned_by, card.created);
    if let Some(p) = &card.parameters {
        let template = p.prompt_template_content.as_ref().map(|content| content.chars().count());
        write!(
            out,
            ": context {}, cache {} {}, rope {} {}, batch {}, chunk {}, template {} of {} characters, vision {}, draft {}",
            word(p.max_seq_len),
            word(p.cache_size),
            word(p.cache_mode.as_ref()),
            word(p.rope_scale),
            word(p.rope_alpha),
            word(p.max_batch_size),
            word(p.chunk_size),
            word(p.prompt_template.as_ref()),
            word(template),
            word(p.use_vision),
            word(p.draft.as_ref().map(|draft| &draft.id)),
        )
        .unwrap();
    }
    out
}

fn props(props: &ModelProps) -> String {
    let template = props.chat_template.chars().count();
    format!(
        "context {}, slots {}, template of {template} characters",
        word(props.context_size()),
        word(props.total_slots)
    )
}

fn health(health: &HealthReport) -> String {
    let issues: Vec<_> = health.issues.iter().map(|issue| format!("{} {}", issue.time, issue.description)).collect();
    format!("{}{}", health.status, issues.iter().map(|issue| format!("\n{issue}")).collect::<String>())
}

fn service_info(info: &ServiceInfo) -> String {
    let mut out = format!("{} {} {}", word(info.version), info.software.name, word(info.software.repository.as_ref()));
    for (name, api) in &info.api {
        let (url, docs) = (word(api.relative_url.as_ref()), word(api.documentation.as_ref()));
        write!(out, "; {name}: {} {url} {docs} {}", api.name, word(api.version)).unwrap();
    }
    out
}

fn error(fault: &Fault) -> String {
    let retryable = if fault.retryable { ", retryable" } else { "" };
    let phase = fault.phase.map(|phase| format!(", {phase:?}")).unwrap_or_default();
    let mut out = format!("{:?} {}{phase}{retryable}: {}", fault.kind, fault.code, fault.text);
    for issue in &fault.issues {
        write!(out, "\n{issue}").unwrap();
    }
    if let Some(trace) = &fault.trace {
        let lines: Vec<_> = trace.lines().collect();
        write!(out, "\ntrace of {} lines from {:?} to {:?}", lines.len(), lines[0], lines[lines.len() - 1]).unwrap();
    }
    out
}
