//! LoRAs and templates; the key that each list is asked with.

use futures::executor::block_on;
use serde_json::json;
use tabbyapi::Client;
use tabbyapi::api::{LoraLoad, LoraLoadRequest};
use tabbyapi::decode::Empty;
use tabbyapi::transport::script::{Reply, Script};

use crate::harness::{assert_error, client, good, play, play_as};

#[test]
fn loras() {
    let list = good(play("lora-list-admin", |client| client.loras().list()));
    let cards: Vec<_> = list.data.iter().map(|card| (card.id.as_str(), card.scaling)).collect();
    assert_eq!(cards, [("lora-one", None), ("lora-two", None)]);
    assert_eq!((list.data[0].created, list.data[0].owned_by.as_str()), (1_795_359_302, "tabbyAPI"));
    assert!(
        good(play("empty-loras-api", |client| client
            .with(tabbyapi::Options::new().prefer_admin_key(false))
            .loras()
            .list()))
        .data
        .is_empty()
    );
    assert!(good(play("lora-active", |client| client.loras().active())).data.is_empty());
    let result = play("empty-lora", |client| client.loras().active());
    assert_error(result, 503, "no_model_loaded", "No models are currently loaded.", "client.models().load(..)");
}

#[test]
fn loading_loras_tells_which_failed() {
    let request =
        LoraLoadRequest::new([LoraLoad::new("lora-one").scaling(0.5), LoraLoad::new("lora-two")]).skip_queue(false);
    let report = good(play("lora-load", |client| client.loras().load(&request)));
    assert!(report.success.is_empty());
    assert_eq!(report.failure, ["lora-one", "lora-two"]);
    let request = LoraLoadRequest::new(Vec::<LoraLoad>::new());
    let result = play("lora-load-empty", |client| client.loras().load(&request));
    assert_error(result, 400, "nothing_named", "List of loras to load is not found.", "not empty");
}

/// What servers with exllamav2 answer, on which LoRAs work.
#[test]
fn older_servers_load_loras() {
    let active =
        r#"{"object":"list","data":[{"id":"a","object":"lora","created":1,"owned_by":"tabbyAPI","scaling":0.5}]}"#;
    let script = Script::new([
        Reply::json(200, r#"{"success":["a"],"failure":null}"#),
        Reply::json(200, active),
        Reply::json(200, "null"),
    ]);
    let client = client(&script);
    block_on(async {
        let report = client.loras().load(&LoraLoadRequest::new(["a"])).await.unwrap();
        assert_eq!((report.success.len(), report.failure.len()), (1, 0));
        assert_eq!(client.loras().active().await.unwrap().data[0].scaling, Some(0.5));
        assert_eq!(*client.loras().unload().await.unwrap(), Empty);
    });
    assert_eq!(script.requests()[2].uri().path(), "/v1/lora/unload");
}

#[test]
fn templates() {
    let list = good(play("templates-admin", |client| client.templates().list()));
    assert_eq!(list.data, ["alpaca", "chatml", "raiser", "trimmer"]);
    assert!(
        good(play("empty-templates-api", |client| client
            .with(tabbyapi::Options::new().prefer_admin_key(false))
            .templates()
            .list()))
        .data
        .is_empty()
    );
    assert_eq!(good(play("template-switch-ok", |client| client.templates().switch("raiser"))), Empty);
    assert_eq!(good(play("template-switch-with-suffix", |client| client.templates().switch("chatml.jinja"))), Empty);
    assert_eq!(good(play("template-unload", |client| client.templates().unload())), Empty);
}

#[test]
fn templates_that_cannot_be_switched_to() {
    let result = play("template-switch-unknown", |client| client.templates().switch("nope"));
    assert_error(result, 500, "unknown_template", "Internal Server Error", "client.templates().list()");
    let result = play("template-switch-empty", |client| client.templates().switch(""));
    assert_error(result, 400, "nothing_named", "New template name not found.", "not empty");
    let expected = ("POST /v1/template/switch", Some(json!({"prompt_template_name": "x"})));
    let reported = play_as("template-switch-422", expected, |client| client.templates().switch("x")).unwrap_err();
    assert_eq!((reported.status, reported.message.as_str()), (Some(422), "body.prompt_template_name: Field required"));
}

/// The answer of each of them depends on the key.
#[test]
fn lists_are_asked_with_the_admin_key_unless_the_other_view_is_named() {
    let both = |builder: tabbyapi::ClientBuilder| {
        let script = Script::new((0..12).map(|_| Reply::json(200, r#"{"data":[],"presets":[]}"#)));
        let client = builder.build_with(script.clone()).unwrap();
        block_on(async {
            client.models().list().await.unwrap();
            client.with(tabbyapi::Options::new().prefer_admin_key(false)).models().list().await.unwrap();
            client.models().drafts().await.unwrap();
            client.with(tabbyapi::Options::new().prefer_admin_key(false)).models().drafts().await.unwrap();
            client.embedding_models().list().await.unwrap();
            client.with(tabbyapi::Options::new().prefer_admin_key(false)).embedding_models().list().await.unwrap();
            client.loras().list().await.unwrap();
            client.with(tabbyapi::Options::new().prefer_admin_key(false)).loras().list().await.unwrap();
            client.templates().list().await.unwrap();
            client.with(tabbyapi::Options::new().prefer_admin_key(false)).templates().list().await.unwrap();
            client.sampling().overrides().await.unwrap();
            client.with(tabbyapi::Options::new().prefer_admin_key(false)).sampling().overrides().await.unwrap();
        });
        let key = |request: &http::Request<_>| {
            assert!(!request.headers().contains_key("x-admin-key") && !request.headers().contains_key("authorization"));
            request.headers()["x-api-key"].to_str().unwrap().to_owned()
        };
        let requests = script.requests();
        for pair in requests.chunks(2) {
            assert_eq!(pair[0].uri(), pair[1].uri());
        }
        requests.iter().map(key).collect::<Vec<_>>()
    };
    let builder = || Client::builder("http://tabby.test");
    assert_eq!(both(builder().api_key("api").admin_key("adm")), ["adm", "api"].repeat(6));
    assert_eq!(both(builder().admin_key("adm")), ["adm"; 12]);
    assert_eq!(both(builder().api_key("api")), ["api"; 12]);
}
