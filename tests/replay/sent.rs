//! What goes out: the library's own requests beside the recorded ones.

use serde_json::{Value, json};

use crate::ask::{Ask, served};
use crate::naive::normal;
use crate::play::Player;
use crate::requests::{self, NOT_MADE};

/// Recordings whose keys this library sends otherwise, and why.
const OTHER_KEYS: [(&str, &str); 2] = [
    ("auth-bare-authorization", "`Authorization` always has its scheme"),
    ("auth-adminheader-only-on-api-endpoint", "an admin key goes into `X-API-Key` there, which works"),
];

#[test]
fn requests_go_out_as_they_were_recorded() {
    let mut compared = 0;
    for (recording, ask) in served() {
        let name = recording.name.as_str();
        let player = Player::of(recording);
        player.play(&ask, recording.reply());
        let requests = player.script.requests();
        let [sent] = requests.as_slice() else { panic!("{name}: {} requests", requests.len()) };

        assert_eq!(sent.method().as_str(), recording.exchange.method, "{name}");
        let recorded = recording.exchange.path.replace("/v1/model/list", "/v1/models");
        assert_eq!(sent.uri().to_string(), format!("http://tabby.test{recorded}"), "{name}");
        if !OTHER_KEYS.iter().any(|(other, _)| *other == name) {
            let recorded = |key: &str| recording.request_header(key).unwrap_or_default().to_lowercase();
            let keys = ["x-api-key", "x-admin-key", "authorization"];
            let sent: Vec<_> = keys.iter().filter(|key| sent.headers().contains_key(**key)).collect();
            let was_public = keys.iter().all(|key| recorded(key).is_empty());
            assert_eq!(sent.len(), usize::from(!was_public), "{name}: one key or none");
            for key in sent {
                let value = requests[0].headers()[*key].to_str().unwrap();
                // The scheme's case is free.
                assert_eq!(value.to_lowercase(), recorded(key), "{name}: {key}");
            }
        }

        let (Ask::Chat(_) | Ask::ChatStream(_) | Ask::Completion(_) | Ask::CompletionStream(_) | Ask::Load(_)) = ask
        else {
            assert!(sent.body().is_empty() && !sent.headers().contains_key("content-type"), "{name}");
            continue;
        };
        assert_eq!(sent.headers()["content-type"], "application/json", "{name}");
        let mut sent: Value = serde_json::from_slice(sent.body()).unwrap();
        let stream = sent.as_object_mut().unwrap().remove("stream");
        let streamed = matches!(ask, Ask::ChatStream(_) | Ask::CompletionStream(_));
        assert_eq!(stream, streamed.then_some(Value::Bool(true)), "{name}");
        let options = sent.as_object_mut().unwrap().remove("stream_options");
        let generates = !matches!(ask, Ask::Load(_));
        assert_eq!(options, generates.then(|| json!({"include_usage": true})), "{name}: usage is asked for");
        if recording.has_engine || NOT_MADE.iter().any(|(other, _)| *other == name) {
            continue;
        }
        let mut recorded = recording.request_json().unwrap();
        let fields = recorded.as_object_mut().unwrap();
        fields.retain(|field, _| field != "stream" && field != "stream_options");
        // Other ways to say the same, after the wire reference.
        if let Some(one @ Value::String(_)) = fields.get_mut("stop") {
            *one = json!([*one]);
        }
        if let Some(flag @ Value::Bool(true)) = fields.get_mut("logprobs") {
            *flag = json!(1);
        }
        if let Some(Value::String(ids)) = fields.get("banned_tokens") {
            let ids: Vec<u32> = ids.split(',').map(|id| id.trim().parse().unwrap()).collect();
            fields.insert("banned_tokens".into(), json!(ids));
        }
        if let Some(vars) = fields.remove("chat_template_kwargs") {
            fields.insert("template_vars".into(), vars);
        }
        assert_eq!(normal(&sent), normal(&recorded), "{name}");
        compared += 1;
    }
    assert_eq!(compared, 102);
}

#[test]
fn every_recorded_request_is_made_or_has_a_reason_not_to_be() {
    for (recording, ask) in served() {
        let name = recording.name.as_str();
        if recording.has_engine {
            continue;
        }
        let made = match ask {
            Ask::Chat(_) | Ask::ChatStream(_) => requests::chat(name).is_some(),
            Ask::Completion(_) | Ask::CompletionStream(_) => requests::completion(name).is_some(),
            Ask::Load(_) => requests::load(name).is_some(),
            _ => continue,
        };
        let not_made = NOT_MADE.iter().filter(|(other, _)| *other == name).count();
        assert_eq!(usize::from(made) + not_made, 1, "{name} is to be either in `requests` or in `NOT_MADE`");
    }
}

#[test]
fn a_recorded_request_can_be_read_and_sent_again() {
    for (recording, ask) in served() {
        let name = recording.name.as_str();
        let body = recording.exchange.request_body.0.as_ref();
        if recording.has_engine || NOT_MADE.iter().any(|(other, _)| *other == name) {
            continue;
        }
        let recorded = match &ask {
            Ask::Chat(_) => Ask::Chat(serde_json::from_slice(body).unwrap()),
            Ask::ChatStream(_) => Ask::ChatStream(serde_json::from_slice(body).unwrap()),
            // A list of ids in a string is only read by the server.
            Ask::Completion(_) if name == "completion-banned-tokens-string" => continue,
            Ask::Completion(_) => Ask::Completion(serde_json::from_slice(body).unwrap()),
            Ask::CompletionStream(_) => Ask::CompletionStream(serde_json::from_slice(body).unwrap()),
            Ask::Load(_) => Ask::Load(serde_json::from_slice(body).unwrap()),
            _ => continue,
        };
        let (made, read) = (Player::of(recording), Player::of(recording));
        assert_eq!(made.play(&ask, recording.reply()), read.play(&recorded, recording.reply()), "{name}");
        let body = |player: &Player| -> Value {
            let mut body: Value = serde_json::from_slice(player.script.requests()[0].body()).unwrap();
            let fields = body.as_object_mut().unwrap();
            if let Some(vars) = fields.remove("chat_template_kwargs") {
                fields.insert("template_vars".into(), vars);
            }
            normal(&body)
        };
        assert_eq!(body(&made), body(&read), "{name}");
    }
}
