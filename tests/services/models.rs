//! Draft models, downloads, embedding models.

use std::time::Duration;

use futures::FutureExt;
use futures::executor::block_on;
use serde_json::json;
use tabbyapi::api::{DownloadRequest, Downloaded, EmbeddingLoadRequest, LoadStatus, ModelList, ModelType, RepoType};
use tabbyapi::decode::Empty;
use tabbyapi::transport::Transport;
use tabbyapi::transport::script::{Reply, Script};

use crate::harness::{Reported, assert_error, client, good, play, play_as};

fn ids(list: &ModelList) -> Vec<&str> {
    list.data.iter().map(|card| card.id.as_str()).collect()
}

#[test]
fn draft_models() {
    assert!(
        good(play("draft-list-api", |client| client
            .with(tabbyapi::Options::new().prefer_admin_key(false))
            .models()
            .drafts()))
        .data
        .is_empty()
    );
    let list = good(play("draft-list-api-loaded", |client| client.models().drafts()));
    assert_eq!(ids(&list), ["tiny-draft"]);
    assert_eq!((list.data[0].created, list.data[0].owned_by.as_str()), (1_795_359_322, "tabbyAPI"));
}

#[track_caller]
fn download(name: &str, request: DownloadRequest) -> Result<Downloaded, Reported> {
    play(name, |client| client.models().download(&request))
}

#[test]
fn downloads() {
    let lora = DownloadRequest::new("acme/some-lora").repo_type(RepoType::Lora);
    assert_eq!(good(download("hub-download-lora", lora)).download_path, "loras/some-lora");

    let result = download("hub-download-exists", DownloadRequest::new("acme/thing-exl3"));
    assert_error(result, 400, "already_exists", "The path models/thing-exl3 already exists.", "`folder_name`");
    let result = download("hub-download-no-match", DownloadRequest::new("acme/other").include("*.gguf"));
    assert_error(result, 400, "nothing_to_download", "File list for repo acme/other is empty.", "`include`");
    let result = download("hub-download-not-found", DownloadRequest::new("acme/missing"));
    assert_error(result, 400, "unknown_repo", "404 Client Error.", "`token`");
    let result = download("hub-download-timeout", DownloadRequest::new("acme/slow").timeout(2));
    assert_error(result, 400, "download_timeout", "", "longer than its `timeout`");
    let result = download("download-bad-repo", DownloadRequest::new("a/b/c/d"));
    assert_error(result, 400, "bad_request", "Repo id must be in the form", "`repo_id`");
    let unreachable = DownloadRequest::new("turboderp/does-not-exist")
        .revision("main")
        .include(["*.json"])
        .exclude(["*.bin"])
        .chunk_limit(1)
        .timeout(3);
    let result = download("download", unreachable);
    assert_error(result, 400, "bad_request", "(MaxRetryError(", "whether the server can reach the hub");

    let request = DownloadRequest::new("x/y");
    let expected = ("POST /v1/download", Some(json!({"repo_id": "x/y"})));
    let reported = play_as("download-422", expected, |client| client.models().download(&request)).unwrap_err();
    assert_eq!(
        (reported.code.as_str(), reported.message.as_str()),
        ("validation_failed", "body.repo_id: Field required")
    );
}

#[test]
fn a_download_has_no_deadline_and_is_cancelled_by_dropping_it() {
    let script =
        Script::new([Reply::json(200, "").wait(Duration::from_secs(100_000)).chunk(r#"{"download_path":"p"}"#)]);
    let request = DownloadRequest::new("a/b").token("hf_hush").folder_name("f");
    assert_eq!(block_on(client(&script).models().download(&request)).unwrap().download_path, "p");
    assert_eq!(script.now().since_epoch(), Duration::from_secs(100_000));

    let script = Script::new([Reply::json(200, "").hang()]);
    let mut call = client(&script).models().download(&request);
    assert!((&mut call).now_or_never().is_none());
    assert_eq!(script.dropped(), 0);
    drop(call);
    assert_eq!(script.dropped(), 1);
    let sent: serde_json::Value = serde_json::from_slice(script.requests()[0].body()).unwrap();
    assert_eq!(sent, json!({"repo_id": "a/b", "token": "hf_hush", "folder_name": "f"}));
    assert!(!format!("{request:?}").contains("hush"));
}

#[test]
fn embedding_models() {
    let list = good(play("embedding-list-admin", |client| client.embedding_models().list()));
    assert_eq!(ids(&list), ["all-MiniLM-L6-v2", "broken-embed", "second-embed"]);
    let list = good(play("embedding-list-api", |client| {
        client.with(tabbyapi::Options::new().prefer_admin_key(false)).embedding_models().list()
    }));
    assert_eq!(ids(&list), ["all-MiniLM-L6-v2"]);
    let card = good(play("embedding-current", |client| client.embedding_models().current()));
    assert_eq!((card.id.as_str(), card.parameters), ("all-MiniLM-L6-v2", None));

    let request = EmbeddingLoadRequest::new("second-embed").embeddings_device("cpu");
    let loaded = good(play("embedding-load", |client| client.embedding_models().load(&request)));
    assert_eq!((loaded.model_type, loaded.status), (ModelType::Embedding, LoadStatus::Finished));
    assert_eq!((loaded.module, loaded.modules), (1, 1));
    assert_eq!(good(play("embedding-unload", |client| client.embedding_models().unload())), Empty);
}

#[test]
fn embedding_models_that_cannot_be_loaded() {
    let load = |name, model| {
        let request = EmbeddingLoadRequest::new(model);
        play(name, |client| client.embedding_models().load(&request))
    };
    let result = load("embedding-load-same", "all-MiniLM-L6-v2");
    let words = "Embeddings model \"all-MiniLM-L6-v2\" is already loaded! Aborting.";
    assert_error(result, 400, "already_loaded", words, "unload it first");
    let words = "Could not find the embedding model path for load.";
    assert_error(load("embedding-load-missing", "nope"), 400, "unknown_model", words, "client.embedding_models()");
    let words = "A model name was not provided for load.";
    assert_error(load("embedding-load-empty", ""), 400, "nothing_named", words, "not empty");
    let result = play("embedding-unload-again", |client| client.embedding_models().unload());
    assert_error(result, 503, "no_embedding_model_loaded", "No embedding models", "client.embedding_models().load(..)");

    let request = EmbeddingLoadRequest::new("x");
    let expected = ("POST /v1/model/embedding/load", Some(json!({"embedding_model_name": "x"})));
    let reported =
        play_as("embedding-load-422", expected, |client| client.embedding_models().load(&request)).unwrap_err();
    assert_eq!((reported.status, reported.message.as_str()), (Some(422), "body.embedding_model_name: Field required"));
}

#[test]
fn an_embedding_model_may_load_for_ten_minutes() {
    let answer = r#"{"model_type":"embedding_model","module":1,"modules":1,"status":"finished"}"#;
    let slow = |seconds| Reply::json(200, answer).head_after(Duration::from_secs(seconds));
    let script = Script::new([slow(599), slow(601)]);
    let request = EmbeddingLoadRequest::new("x");
    assert!(block_on(client(&script).embedding_models().load(&request)).is_ok());
    assert!(block_on(client(&script).embedding_models().load(&request)).unwrap_err().is_timeout());
}
