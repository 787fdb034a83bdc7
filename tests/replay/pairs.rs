//! The same answer in two forms: streamed and whole.

use serde_json::Value;
use tabbyapi::Outcome;

use crate::ask::{Ask, served};
use crate::naive::normal;
use crate::play::{Player, Seen};
use crate::recording::named;

/// Plain and streamed recordings of the same question.
const PAIRS: [(&str, &str); 5] = [
    ("chat", "chat-stream"),
    ("chat-logprobs", "chat-logprobs-stream"),
    ("chat-reasoning", "chat-reasoning-stream"),
    ("logprob-minus-infinity-stream-false", "logprob-minus-infinity-stream-true"),
    ("chat-tools", "chat-tools-stream"),
];

fn answer(seen: &Seen) -> Value {
    normal(&serde_json::from_str(seen.total.as_ref().expect("an answer")).unwrap())
}

#[test]
fn a_stream_adds_up_to_the_shape_of_the_plain_answer() {
    for (plain, streamed) in PAIRS {
        let [mut plain, mut streamed] = [plain, streamed].map(|name| {
            let recording = named(name);
            answer(&Player::of(recording).play(&Ask::of(recording).unwrap(), recording.reply()))
        });
        // What differs from one generation to the next, and what is not streamed.
        for answer in [&mut plain, &mut streamed] {
            assert!(answer["id"].as_str().unwrap().contains("cmpl-"));
            for field in ["id", "created"] {
                answer.as_object_mut().unwrap().remove(field);
            }
            if let Some(usage) = answer.get_mut("usage") {
                usage
                    .as_object_mut()
                    .unwrap()
                    .retain(|field, _| !field.contains("_time") && !field.contains("per_sec"));
            }
            for choice in answer["choices"].as_array_mut().unwrap() {
                let choice = choice.as_object_mut().unwrap();
                choice.remove("stop_str");
                for call in choice["message"].get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten()
                {
                    call.as_object_mut().unwrap().remove("id");
                }
            }
        }
        let has_usage = plain.get("usage").is_some();
        let choice = &mut plain["choices"][0];
        if has_usage {
            // With usage, the server keeps the reason to itself.
            assert_eq!(choice.as_object_mut().unwrap().remove("eos_reason"), Some("stop_token".into()));
        }
        if streamed["choices"][0]["message"].get("tool_calls").is_some() {
            // This one was made to think.
            let message = streamed["choices"][0]["message"].as_object_mut().unwrap();
            assert_eq!(message.remove("reasoning_content"), Some("hm".into()));
        }
        assert_eq!(streamed, plain);
    }
}

#[test]
fn a_plain_answer_to_a_streaming_call_adds_up_to_itself() {
    let mut answers = 0;
    for (recording, ask) in served() {
        if recording.is_stream() {
            continue;
        }
        let (create, stream) = match ask {
            Ask::Chat(request) | Ask::ChatStream(request) => (Ask::Chat(request.clone()), Ask::ChatStream(request)),
            Ask::Completion(request) | Ask::CompletionStream(request) => {
                (Ask::Completion(request.clone()), Ask::CompletionStream(request))
            }
            _ => continue,
        };
        let name = recording.name.as_str();
        let player = Player::of(recording);
        let created = player.play(&create, recording.reply());
        for reply in [recording.reply(), recording.reply().byte_by_byte()] {
            let streamed = player.play(&stream, reply);
            assert_eq!(streamed.status, created.status, "{name}");
            match &created.error {
                None => {
                    assert_eq!(streamed.outcome, Some(Outcome::Complete), "{name}");
                    assert_eq!(streamed.total, created.total, "{name}");
                    let choices = answer(&created)["choices"].as_array().unwrap().len();
                    assert_eq!(streamed.items.len(), choices, "{name}: a chunk for each choice");
                    answers += 1;
                }
                Some(fault) => {
                    let cut = fault.kind == tabbyapi::ErrorKind::Truncated;
                    let outcome = if cut { Outcome::Truncated } else { Outcome::ServerError };
                    assert_eq!(streamed.outcome, Some(outcome), "{name}");
                    assert_eq!(streamed.error.as_ref(), Some(fault), "{name}");
                }
            }
        }
    }
    assert_eq!(answers, 2 * 65);
}
