//! The requests that the library sends are those that were recorded.

use serde_json::{Value, json};

use crate::ask::{Ask, is_sent_alike, served};
use crate::play::Player;

#[test]
fn requests_are_sent_as_they_were_recorded() {
    let mut compared = 0;
    for (recording, ask) in served() {
        if !is_sent_alike(recording, &ask) {
            continue;
        }
        let player = Player::of(recording);
        player.play(&ask, &recording.reply());
        let (name, exchange) = (&recording.name, &recording.exchange);
        for request in player.script.requests() {
            let path = request.uri().path_and_query().expect("a path").as_str();
            // The server ignores all other kinds.
            let recorded = exchange.path.split_once('?').filter(|(_, query)| *query != "select_kind=line");
            let recorded = recorded.map_or(exchange.path.as_str(), |(path, _)| path);
            assert_eq!((request.method().as_str(), path), (exchange.method.as_str(), recorded), "{name}");
            let authorization = request.headers().get("authorization").map(|value| value.to_str().expect("ASCII"));
            let token = recording.token();
            assert_eq!(
                authorization.map(str::to_owned),
                (!token.is_empty()).then(|| format!("Bearer {token}")),
                "{name}"
            );
            let sent: Value = serde_json::from_slice(request.body()).unwrap_or_default();
            let mut recorded = recording.request_json().unwrap_or_default();
            without_nulls(&mut recorded);
            if let Some(fields) = recorded.as_object_mut() {
                fields.remove("stream");
                match ask {
                    Ask::Chat(_) => _ = fields.insert("stream".to_owned(), json!(true)),
                    // The agent sends it in the body, too, where the server ignores it.
                    Ask::Event(_) => _ = fields.remove("select_kind"),
                    Ask::GraphQl(..) if fields.get("variables") == Some(&json!({})) => _ = fields.remove("variables"),
                    _ => {}
                }
            }
            assert_eq!(rounded(sent), rounded(recorded), "{name}");
            compared += 1;
        }
    }
    assert!(compared > 80, "{compared}");
}

fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(without_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

/// Numbers as JSON has them: 1 and 1.0 are the same.
fn rounded(value: Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, rounded(value))).collect(),
        Value::Array(list) => list.into_iter().map(rounded).collect(),
        value => value,
    }
}
