//! Keys from sources: when they are asked for, who gets them, and which server. Time is a number here.

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::is_ready;
use common::ops::{Generate, Read};
use futures::executor::block_on;
use tabbyapi::auth::{Chain, Credential, KeySource, PerServer};
use tabbyapi::call::{Call, Input, Output, Settings, Shared, Time};
use tabbyapi::decode::Decode;
use tabbyapi::policy::Server;
use tabbyapi::transport::BoxFuture;
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::{BaseUrl, Client, Error, ErrorKind, Result, Scope, Timeouts};

const OTHERS: usize = 49;

fn at(seconds: f64) -> Time {
    Time::from_epoch(Duration::from_secs_f64(seconds))
}

fn shared() -> Shared {
    Shared::new(Settings::new("http://tabby.test".parse().unwrap()).ask_for_keys())
}

fn read(shared: &Shared) -> Call<<Read as tabbyapi::Endpoint>::Decoder> {
    Call::new(shared, &Read).unwrap()
}

fn bearer(key: &str) -> Credential {
    Credential::bearer(key).unwrap()
}

/// Whether the call asks for a key, and then with which word about the last one.
fn asks<D: Decode>(call: &mut Call<D>, now: f64) -> Option<bool> {
    match call.poll_output(at(now)) {
        Output::Authorize { rejected, .. } => Some(rejected),
        _ => None,
    }
}

fn bring<D: Decode>(call: &mut Call<D>, now: f64, credential: Credential) {
    call.handle_input(at(now), Input::Key(Ok(Some(credential))));
}

#[track_caller]
fn sends<D: Decode>(call: &mut Call<D>, now: f64) -> String {
    match call.poll_output(at(now)) {
        Output::Send { request, .. } => request.headers()["authorization"].to_str().unwrap().to_owned(),
        _ => panic!("it does not send"),
    }
}

fn answer<D: Decode>(call: &mut Call<D>, now: f64, status: u16) {
    let head = http::Response::builder().status(status).header("content-type", "application/json").body(()).unwrap();
    call.handle_input(at(now), Input::Head(head.into_parts().0));
}

#[test]
fn a_key_is_renewed_before_it_expires_on_its_way() {
    for (skew, last, first) in
        [(None, 89.9, 90.0), (Some(Duration::from_secs(30)), 69.9, 70.0), (Some(Duration::ZERO), 99.9, 100.0)]
    {
        let settings = Settings::new("http://tabby.test".parse().unwrap()).ask_for_keys();
        let shared = Shared::new(skew.into_iter().fold(settings, Settings::key_skew));
        let mut call = read(&shared);
        assert_eq!(asks(&mut call, 0.0), Some(false));
        bring(&mut call, 0.0, bearer("one").expires(at(100.0)));
        assert_eq!(sends(&mut call, 0.0), "Bearer one");
        assert_eq!(sends(&mut read(&shared), last), "Bearer one", "{skew:?}");
        assert_eq!(asks(&mut read(&shared), first), Some(false), "{skew:?}");
    }
}

#[test]
fn a_short_life_is_used_to_its_half_whatever_the_margin() {
    let shared = shared();
    let mut call = read(&shared);
    assert_eq!(asks(&mut call, 50.0), Some(false));
    bring(&mut call, 50.0, bearer("short").lasts(Duration::from_secs(8)));
    assert_eq!(sends(&mut call, 50.0), "Bearer short");
    assert_eq!(sends(&mut read(&shared), 53.9), "Bearer short");
    assert_eq!(asks(&mut read(&shared), 54.0), Some(false));

    // A long one loses the margin and no more.
    let mut call = read(&shared);
    assert_eq!(asks(&mut call, 60.0), Some(false));
    bring(&mut call, 60.0, bearer("long").lasts(Duration::from_secs(100)));
    assert_eq!(sends(&mut read(&shared), 149.9), "Bearer long");
    assert_eq!(asks(&mut read(&shared), 150.0), Some(false));
}

#[test]
fn a_key_that_is_about_to_expire_is_used_by_the_call_that_brought_it() {
    let shared = shared();
    let mut call = read(&shared);
    assert_eq!(asks(&mut call, 0.0), Some(false));
    bring(&mut call, 0.0, bearer("late").expires(at(1.0)));
    assert_eq!(sends(&mut call, 0.0), "Bearer late");
    assert_eq!(asks(&mut read(&shared), 0.0), Some(false), "but by no other");
}

#[test]
fn fifty_calls_ask_once() {
    let shared = shared();
    let mut leader = read(&shared);
    assert_eq!(asks(&mut leader, 0.0), Some(false));
    let mut others: Vec<_> = (0..OTHERS).map(|_| read(&shared)).collect();
    let waits: Vec<_> = others
        .iter_mut()
        .map(|call| match call.poll_output(at(0.0)) {
            Output::Wait { changed: Some(mut changed), .. } => {
                assert!(!is_ready(&mut changed));
                changed
            }
            _ => panic!("a second call asks"),
        })
        .collect();
    bring(&mut leader, 1.0, bearer("one"));
    for wait in waits {
        assert!(is_ready(wait), "whoever waits is woken");
    }
    for call in others.iter_mut().chain([&mut leader]) {
        assert_eq!(sends(call, 1.0), "Bearer one");
    }
}

#[test]
fn fifty_calls_that_are_refused_ask_once_and_are_sent_once_more() {
    let shared = shared();
    let mut first = read(&shared);
    assert_eq!(asks(&mut first, 0.0), Some(false));
    bring(&mut first, 0.0, bearer("old"));
    let mut calls: Vec<_> = std::iter::once(first).chain((0..OTHERS).map(|_| read(&shared))).collect();
    for call in &mut calls {
        assert_eq!(sends(call, 0.0), "Bearer old");
    }
    // Half of them are refused before the new key is there, the others after it.
    let (early, late) = calls.split_at_mut(OTHERS / 2);
    for call in early.iter_mut() {
        answer(call, 1.0, 401);
    }
    let asked: Vec<bool> = early.iter_mut().filter_map(|call| asks(call, 1.0)).collect();
    assert_eq!(asked, [true]);
    bring(&mut early[0], 2.0, bearer("new"));
    for call in late.iter_mut() {
        answer(call, 3.0, 401);
    }
    for call in &mut calls {
        assert_eq!(sends(call, 4.0), "Bearer new");
    }
    for call in &mut calls {
        answer(call, 5.0, 401);
        call.handle_input(at(5.0), Input::End);
        let Output::Done(Err(error)) = call.poll_output(at(5.0)) else { panic!("the second 401 is the error") };
        let record = error.record().unwrap();
        assert_eq!((error.code().as_str(), record.attempt_count, record.key_refreshes), ("invalid_key", 2, 1));
    }
}

#[test]
fn leaders_that_are_dropped_hand_on_what_they_know() {
    let shared = shared();
    let mut call = read(&shared);
    assert_eq!(asks(&mut call, 0.0), Some(false));
    bring(&mut call, 0.0, bearer("old"));
    assert_eq!(sends(&mut call, 0.0), "Bearer old");
    answer(&mut call, 1.0, 401);

    let mut others: Vec<_> = (0..OTHERS).map(|_| read(&shared)).collect();
    assert_eq!(asks(&mut call, 1.0), Some(true));
    drop(call);
    while let Some(mut leader) = others.pop() {
        assert_eq!(asks(&mut leader, 2.0), Some(true), "the last key is still the refused one");
        let waiting = others.last_mut().map(|next| match next.poll_output(at(2.0)) {
            Output::Wait { changed: Some(changed), .. } => changed,
            _ => panic!("two calls ask"),
        });
        drop(leader);
        assert!(waiting.is_none_or(is_ready), "the next one is woken");
    }
}

#[test]
fn a_generation_is_sent_again_after_a_401_and_no_more_often() {
    let script = Script::new([Reply::status(401), Reply::json(401, r#"{"detail":"Invalid API key"}"#)]);
    let asked = Arc::new(Mutex::new(Vec::new()));
    let client =
        Client::builder("http://tabby.test").key_source(Numbered::new("key", &asked)).build_with(script.clone());
    let error = block_on(client.unwrap().stream(&Generate::new(Timeouts::STREAM)).finish()).unwrap_err().error;
    assert_eq!((error.code().as_str(), error.kind()), ("invalid_key", ErrorKind::Server));
    assert_eq!(keys(&script), ["key-1", "key-2"]);
    assert_eq!(*asked.lock().unwrap(), ["key false", "key true"]);
}

#[test]
fn rotation_reaches_every_server_with_its_own_key_and_no_other() {
    let replies = (0..30).map(|n| if n % 3 == 1 { Reply::status(401) } else { Reply::json(200, "{}") });
    let script = Script::new(replies);
    let asked = Arc::new(Mutex::new(Vec::new()));
    let servers: Vec<BaseUrl> = ["a", "b", "c"].map(|name| format!("http://{name}.test").parse().unwrap()).into();
    let sources = PerServer::new()
        .server(&servers[0], Numbered::new("a", &asked))
        .server(&servers[1], Numbered::new("b", &asked));
    let mut builder = Client::builder("http://a.test").key_source(sources);
    for server in &servers[1..] {
        builder = builder.server(Server::from(server.clone()));
    }
    let client = builder.build_with(script.clone()).unwrap();
    block_on(async {
        for turn in 0..12 {
            let _ = client.at(&servers[turn % 3]).call(&Read).await;
        }
    });
    let mut sent = 0;
    for request in script.requests() {
        let name = request.uri().host().unwrap().split('.').next().unwrap().to_owned();
        match request.headers().get("authorization") {
            Some(key) => {
                assert!(key.to_str().unwrap().starts_with(&format!("Bearer {name}-")), "{key:?} went to {name}")
            }
            None => assert_eq!(name, "c", "a server that is not named gets no key"),
        }
        sent += 1;
    }
    assert!(sent > 12, "some were refused and sent again");
    assert!(asked.lock().unwrap().contains(&"b true".to_owned()), "{asked:?}");
}

#[test]
fn scopes_have_keys_of_their_own() {
    let script = Script::new([Reply::json(200, r#"{"data":[]}"#), Reply::json(200, "{}"), Reply::json(200, "null")]);
    let source = |scope: Scope, _| async move { Credential::bearer(&format!("{scope:?}")).map(Some) };
    let client = Client::builder("http://tabby.test").key_source(source).build_with(script.clone()).unwrap();
    block_on(async {
        client.models().list().await.unwrap();
        client.call(&Read).await.unwrap();
        client.models().unload().await.unwrap();
    });
    assert_eq!(keys(&script), ["PreferAdmin", "Api", "Admin"]);
}

#[test]
fn a_chain_gives_the_first_key_there_is_and_stops_at_an_error() {
    let none = |_: Scope, _: bool| async { Ok(None) };
    let some = |_: Scope, _: bool| async { Credential::bearer("some").map(Some) };
    let broken =
        |_: Scope, _: bool| async { Err(Error::custom(ErrorKind::Credentials, "sealed", "the vault is sealed")) };
    let ask = |chain: Chain| block_on(chain.key(Scope::Api, false));
    assert!(ask(Chain::new()).unwrap().is_none());
    assert!(ask(Chain::new().then(none)).unwrap().is_none());
    assert!(ask(Chain::new().then(none).then(some).then(broken)).unwrap().is_some());
    assert_eq!(ask(Chain::new().then(none).then(broken).then(some)).unwrap_err().code(), "sealed");

    // A source that tells servers apart does so in a chain too.
    let server: BaseUrl = "http://a.test".parse().unwrap();
    let chain = Chain::new().then(PerServer::new().server(&server, some));
    assert!(block_on(chain.key_for(&server, Scope::Api, false)).unwrap().is_some());
    assert!(ask(chain).unwrap().is_none());
}

/// Returns a new key each time, and records its arguments.
struct Numbered {
    name: &'static str,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Numbered {
    fn new(name: &'static str, asked: &Arc<Mutex<Vec<String>>>) -> Self {
        Numbered { name, asked: asked.clone() }
    }
}

impl KeySource for Numbered {
    fn key(&self, _: Scope, rejected: bool) -> BoxFuture<Result<Option<Credential>>> {
        let mut asked = self.asked.lock().unwrap();
        asked.push(format!("{} {rejected}", self.name));
        let count = asked.iter().filter(|entry| entry.starts_with(self.name)).count();
        let key = format!("{}-{count}", self.name);
        Box::pin(async move { Credential::bearer(&key).map(Some) })
    }
}

fn keys(script: &Script) -> Vec<String> {
    let value = |request: &http::Request<_>| request.headers()["authorization"].to_str().unwrap().to_owned();
    script.requests().iter().map(|request| value(request).trim_start_matches("Bearer ").to_owned()).collect()
}

#[cfg(not(target_arch = "wasm32"))]
mod files {
    use std::fs;
    use std::path::PathBuf;

    use tabbyapi::auth::KeyFile;

    use super::*;

    /// A folder of its own, removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("tabbyapi-keys-{}-{name}", std::process::id()));
            fs::create_dir_all(&folder).unwrap();
            Folder(folder)
        }

        fn write(&self, text: &str) -> PathBuf {
            let path = self.0.join("keys");
            fs::write(&path, text).unwrap();
            path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_changed_file_is_seen_after_its_time_and_at_once_after_a_401() {
        let folder = Folder::new("changed");
        let path = folder.write("first-key\n");
        let script = Script::new([
            Reply::json(200, "{}"),
            Reply::json(200, "{}").head_after(Duration::from_secs(20)),
            Reply::json(200, "{}"),
            Reply::status(401),
            Reply::json(200, "{}"),
        ]);
        let source = KeyFile::bearer(&path).fresh_within(Duration::from_secs(30));
        let client = Client::builder("http://tabby.test").key_source(source).build_with(script.clone()).unwrap();
        block_on(async {
            client.call(&Read).await.unwrap();
            folder.write("the-second-key\n");
            client.call(&Read).await.unwrap(); // 20 s, the margin of 10 s included, are within its time
            client.call(&Read).await.unwrap();
            // Of the same size, perhaps within the same tick of the file system's clock: only reading can tell.
            folder.write("the-third-keys\n");
            client.call(&Read).await.unwrap();
        });
        assert_eq!(keys(&script), ["first-key", "first-key", "the-second-key", "the-second-key", "the-third-keys"]);
    }

    #[test]
    fn the_servers_own_file_gives_each_scope_its_key() {
        let folder = Folder::new("tokens");
        let path = folder.write("admin_key: the-admin-key\napi_key:\n- the-api-key\n- another\n");
        let script = Script::new([Reply::json(200, "{}"), Reply::json(200, "null")]);
        let client =
            Client::builder("http://tabby.test").key_source(KeyFile::tokens(path)).build_with(script.clone()).unwrap();
        block_on(async {
            client.call(&Read).await.unwrap();
            client.models().unload().await.unwrap();
        });
        let requests = script.requests();
        assert_eq!(requests[0].headers()["x-api-key"], "the-api-key");
        assert_eq!(requests[1].headers()["x-admin-key"], "the-admin-key");
    }

    #[test]
    fn what_is_wrong_with_a_file_is_reported_without_what_is_in_it() {
        let folder = Folder::new("wrong");
        let ask = |source: &KeyFile| block_on(source.key(Scope::Api, false)).unwrap_err();
        let path = folder.write("planted\u{1}key");
        let cases = [
            (
                KeyFile::api_key(&path),
                "planted\u{1}key",
                "has characters that are not valid in a key; it should contain only a key",
            ),
            (KeyFile::api_key(&path), " \n", "is empty; it should contain only a key"),
            (
                KeyFile::tokens(&path),
                "a: 1\nplanted",
                "cannot be read at line 2; it should be the server's `api_tokens.yml`",
            ),
            (
                KeyFile::tokens(&path),
                "planted: 1",
                "has neither `api_key` nor `admin_key`; it should be the server's `api_tokens.yml`",
            ),
        ];
        for (source, text, reported) in cases {
            folder.write(text);
            let error = ask(&source);
            assert_eq!(error.kind(), ErrorKind::Credentials);
            assert_eq!(error.to_string(), format!("the key file `{}` {reported}", path.display()));
        }
        folder.write(&"x".repeat(70_000));
        assert!(ask(&KeyFile::api_key(&path)).message().ends_with("is larger than 64 KiB"));
        fs::write(&path, [0xff, 0xfe]).unwrap();
        assert_eq!(ask(&KeyFile::api_key(&path)).code(), "key_file_unreadable");

        let missing = folder.0.join("missing");
        assert_eq!(ask(&KeyFile::api_key(&missing)).code(), "key_file_unreadable");
        let optional = KeyFile::api_key(&missing).optional();
        assert!(block_on(optional.key(Scope::Api, false)).unwrap().is_none());
        fs::write(&missing, "there").unwrap();
        assert!(block_on(optional.key(Scope::Api, false)).unwrap().is_some());
    }
}
