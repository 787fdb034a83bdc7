//! Keys never show. Keys are planted wherever one can be, the server and the network repeat them wherever they can, and whatever
//! can be printed is searched for them.

mod common;

use std::fmt::Debug;
use std::future::Future;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use common::ops::{Generate, Read};
use futures::executor::block_on;
use http::{Request, Response};
use tabbyapi::api::{ChatMessage, ChatRequest, DownloadRequest, HubToken};
use tabbyapi::auth::{Chain, Credential, PerServer};
use tabbyapi::call::{Call, Input, Output, Retry, Settings, Shared, Time};
use tabbyapi::policy::Server;
use tabbyapi::transport::record::Recorder;
use tabbyapi::transport::script::{Body, Reply, Script};
use tabbyapi::transport::{Exchange, MaybeSend, Sent, Transport, TransportError};
use tabbyapi::{BaseUrl, Client, Error, Options, Result, Scope, Timeouts};

/// All planted keys have this in them, and nothing else does.
const MARK: &str = "PLANTED";

/// What was printed, by what it was.
#[derive(Default)]
struct Printed(Vec<(String, String)>);

impl Printed {
    fn text(&mut self, what: &str, text: impl ToString) {
        self.0.push((what.to_owned(), text.to_string()));
    }

    fn debug(&mut self, what: &str, value: &impl Debug) {
        self.text(what, format!("{value:?} {value:#?}"));
    }

    fn error(&mut self, what: &str, error: &Error) {
        self.text(what, format!("{error} {error:#} {error:?} {error:#?}"));
        let mut cause = error.cause();
        while let Some(source) = cause {
            self.text(&format!("{what}, its cause"), format!("{source} {source:?}"));
            cause = source.source();
        }
        self.debug(
            &format!("{what}, its parts"),
            &(error.code(), error.message(), error.hint(), error.path(), error.trace()),
        );
        self.debug(&format!("{what}, its place"), &error.endpoint());
        self.debug(&format!("{what}, its headers"), &error.headers());
        self.debug(&format!("{what}, its body"), &error.body());
        self.debug(&format!("{what}, its record"), &error.record());
        for issue in error.validation() {
            self.debug(&format!("{what}, its validation"), &(issue, &issue.input, &issue.extra));
        }
    }

    /// Nothing that was printed has a planted key in it, not even in another writing.
    #[track_caller]
    fn assert_clean(self, context: &str) {
        assert!(!self.0.is_empty(), "nothing was printed");
        for (what, text) in self.0 {
            assert!(!text.contains(MARK) && !text.contains(&base64(MARK)), "{context}: {what} shows a key: {text}");
        }
    }
}

/// Of a text that starts at a multiple of three bytes, which is how the mark is planted in `Basic` headers.
fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(&text[..6])
}

/// A small generator of choices; splitmix64.
struct Choices(u64);

impl Choices {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// A new key, with characters that keys have and patterns and escapes make something of.
    fn key(&mut self) -> String {
        let odd = ["", ".*", "$1", "%41", "+/=", "~", "key "][self.below(7)].trim();
        format!("{:x}{MARK}{odd}{:x}", self.below(99), self.next())
    }
}

/// A network and a server that repeat the secrets of each request in their answers.
#[derive(Clone)]
struct Parrot {
    shape: usize,
    /// Waiting takes no time.
    clock: Arc<Mutex<Time>>,
}

/// How many ways of repeating it knows.
const SHAPES: usize = 16;

impl Parrot {
    fn new(shape: usize) -> Self {
        Parrot { shape, clock: Arc::default() }
    }

    fn secrets(request: &Request<Bytes>) -> Vec<String> {
        let names = ["authorization", "x-api-key", "x-admin-key", "cookie", "x-gate"];
        let headers = names.iter().filter_map(|name| Some(request.headers().get(*name)?.to_str().ok()?.to_owned()));
        let body: Option<serde_json::Value> = serde_json::from_slice(request.body()).ok();
        headers.chain(body.and_then(|body| Some(body.get("token")?.as_str()?.to_owned()))).collect()
    }

    fn reply(&self, said: &str) -> Reply {
        let json = |status: u16, value: serde_json::Value| Reply::json(status, value.to_string());
        match self.shape {
            0 => json(401, serde_json::json!({"detail": format!("Invalid API key: {said}")})),
            1 => json(400, serde_json::json!({"error": {"message": said, "code": said, "type": said, "trace": said}})),
            2 => {
                let issue = serde_json::json!({"loc": ["header", said], "msg": said, "type": said, "input": said, "ctx": {said: said}});
                json(422, serde_json::json!({"detail": [issue]}))
            }
            3 => Reply::status(500).chunk(format!("Internal Server Error: {said}")),
            4 => Reply::status(502).header("content-type", "text/html").chunk(format!("<title>{said}</title>")),
            5 => Reply::json(503, "{}").header("x-echo", said).header("set-cookie", said).header("x-request-id", said),
            6 => json(200, serde_json::json!([said])),
            7 => json(
                200,
                serde_json::json!({"id": {said: said}, "choices": said, "data": said, "download_path": [said]}),
            ),
            8 => Reply::json(200, format!("{{\"{said}\": {said}")),
            9 => Reply::events()
                .chunk(format!("data: {}\n\n", serde_json::json!({"error": {"message": said, "trace": said}}))),
            10 => Reply::events().chunk(format!("data: {{\"choices\": \"{said}\"}}\n\n")).fail("cut"),
            11 => Reply::status(307).header("location", &format!("https://elsewhere.test/{said}")),
            12 => Reply::refused(&format!("could not send {said}")),
            13 => Reply::reset(&format!("lost {said}")),
            14 => Reply::json(200, "{").fail(&format!("broke off at {said}")).header("x-echo", said),
            _ => json(429, serde_json::json!({"detail": said})).header("retry-after", said),
        }
    }
}

impl Transport for Parrot {
    type Body = Body;

    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Body>, TransportError>> + MaybeSend + 'static {
        let said = Parrot::secrets(&request).join(" and ");
        let script = Script::new([self.reply(&said)]);
        async move {
            // Transports of others may well put the request into the cause.
            Transport::send(&script, request)
                .await
                .map_err(|error| TransportError::new(error.sent(), &error).with_source(format!("while sending {said}")))
        }
    }

    fn sleep_until(&self, until: Time) -> impl Future<Output = ()> + MaybeSend + 'static {
        let clock = self.clock.clone();
        async move {
            let mut now = clock.lock().unwrap();
            *now = until.max(*now);
        }
    }

    fn now(&self) -> Time {
        *self.clock.lock().unwrap()
    }

    fn seed(&self) -> u64 {
        0
    }
}

/// Plants keys by one of the ways to set them.
fn plant(choices: &mut Choices, way: usize) -> tabbyapi::ClientBuilder {
    let builder = Client::builder("http://one.test").retry(Retry::GENTLE.max_retries(1));
    let gate = format!("Basic {}", {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(format!("{MARK}:{}", choices.key()))
    });
    let builder = match choices.below(4) {
        0 => builder.sensitive_header("x-gate", &choices.key()),
        1 => builder.sensitive_header("authorization", &gate),
        // By its name this is a secret, whoever forgot to say so.
        2 => builder.header("authorization", &gate).header("cookie", &format!("session={}", choices.key())),
        _ => builder,
    };
    let source = |key: String, bearer: bool| {
        move |_: Scope, _: bool| {
            let credential = if bearer { Credential::bearer(&key) } else { Credential::api_key(&key) };
            async move { credential.map(Some) }
        }
    };
    match way {
        0 => builder.api_key(choices.key()),
        1 => builder.admin_key(choices.key()),
        2 => builder.bearer(choices.key()),
        3 => builder.api_key(choices.key()).admin_key(choices.key()).bearer(choices.key()),
        4 => builder.key_source(source(choices.key(), false)),
        5 => builder.key_source(Chain::new().then(source(choices.key(), true))),
        6 => {
            let one: BaseUrl = "http://one.test".parse().unwrap();
            builder.key_source(PerServer::new().server(&one, source(choices.key(), true)))
        }
        _ => {
            let server = Server::new("http://two.test").unwrap().api_key(choices.key()).unwrap();
            let server = server.admin_key(choices.key()).unwrap().bearer(choices.key()).unwrap();
            builder.server(server).api_key(choices.key())
        }
    }
}

const WAYS: usize = 8;

/// The calls of a client, and all that can be printed of them.
async fn use_up(client: &Client, token: &str, printed: &mut Printed) {
    printed.debug("the client", client);
    printed.debug("its options", client.options());
    printed.debug("what its calls share", client.shared());
    let request = ChatRequest::new([ChatMessage::user("hello")]);
    let download = DownloadRequest::new("a/b").token(token);
    printed.debug("the download", &download);

    macro_rules! make {
        ($what:expr, $calling:expr) => {{
            let calling = $calling;
            printed.debug(concat!($what, ", not awaited"), &calling);
            match calling.await {
                Ok(answer) => printed.debug(
                    concat!($what, ", its record and headers"),
                    &(answer.meta().record(), answer.meta().headers()),
                ),
                Err(error) => printed.error($what, &error),
            }
        }};
    }
    make!("a read", client.call(&Read));
    make!("a list", client.models().list());
    make!("an unload", client.models().unload());
    make!("a chat", client.chat().create(&request));
    make!("a download", client.models().download(&download));
    make!("a permission", client.auth().permission());
    for stream in [client.chat().stream(&request)] {
        printed.debug("a stream", &stream);
        match stream.finish().await {
            Ok(answer) => printed.debug("the record of a stream", &answer.meta().record()),
            Err(broken) => {
                printed.debug("a broken stream", &broken);
                printed.text("a broken stream", &broken.error);
                printed.error("the error of a stream", &broken.error);
                printed.text("a panic", panicked(broken.error));
            }
        }
    }
    if let Err(broken) = client.stream(&Generate::new(Timeouts::STREAM)).finish().await {
        printed.error("the error of a generation", &broken.error);
    }
    printed.debug("its servers", &client.servers());
}

fn failing(error: Error) -> Result<()> {
    Err(error)
}

/// What a program would say that unwraps an error.
#[cfg(panic = "unwind")]
fn panicked(error: Error) -> String {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| failing(error).unwrap())).unwrap_err();
    std::panic::set_hook(hook);
    payload.downcast_ref::<String>().expect("a panic with a message").clone()
}

/// The same where a panic cannot be caught: those are its words.
#[cfg(not(panic = "unwind"))]
fn panicked(error: Error) -> String {
    format!("called `Result::unwrap()` on an `Err` value: {:?}", failing(error).err())
}

#[test]
fn whatever_the_server_repeats() {
    let mut choices = Choices(7);
    for round in 0..SHAPES * WAYS * 4 {
        let (shape, way) = (round % SHAPES, round / SHAPES % WAYS);
        let mut printed = Printed::default();
        let builder = plant(&mut choices, way);
        printed.debug("the builder", &builder);
        let tape: Arc<Mutex<Vec<Exchange>>> = Arc::default();
        let sink = tape.clone();
        let recorder = Recorder::new(Parrot::new(shape), move |exchange| sink.lock().unwrap().push(exchange));
        let client = builder.build_with(recorder).unwrap();
        block_on(use_up(&client, &format!("hf_{}", choices.key()), &mut printed));
        let tape = tape.lock().unwrap();
        assert!(tape.len() >= 8, "all calls were sent: {}", tape.len());
        for exchange in tape.iter() {
            printed.text("a recording", exchange.to_json_line());
            printed.debug("a recorded exchange", exchange);
        }
        printed.assert_clean(&format!("shape {shape}, way {way}"));
    }
}

/// What options name as a secret shows neither in errors nor in recordings, whichever of client and call names it.
#[test]
fn secrets_that_options_name() {
    let password = format!("correct {MARK} battery");
    let request = ChatRequest::new([ChatMessage::user(format!("the password is {password}"))]);
    for (of_client, of_call) in [(true, false), (false, true)] {
        let echo = serde_json::json!({"detail": format!("cannot render: {password}")}).to_string();
        let tape: Arc<Mutex<Vec<Exchange>>> = Arc::default();
        let sink = tape.clone();
        let script = Script::new([Reply::json(400, echo)]);
        let recorder = Recorder::new(script.clone(), move |exchange| sink.lock().unwrap().push(exchange));
        let options = |named: bool| if named { Options::new().secret(&password) } else { Options::new() };
        let client = Client::builder("http://one.test").options(options(of_client)).build_with(recorder).unwrap();
        let error = block_on(client.with(options(of_call)).chat().create(&request)).unwrap_err();
        assert_eq!(error.message(), "cannot render: [removed]");
        let mut printed = Printed::default();
        printed.error("the error", &error);
        printed.debug("the client", &client);
        for exchange in tape.lock().unwrap().iter() {
            printed.text("a recording", exchange.to_json_line());
        }
        printed.assert_clean("a named secret");
        // It was sent.
        assert!(String::from_utf8_lossy(script.requests()[0].body()).contains(&password));
    }
}

/// The search finds what it should: each shape of answer does repeat keys, and each way of planting sends them.
#[test]
fn the_parrot_repeats_and_the_search_finds() {
    let mut choices = Choices(1);
    for way in 0..WAYS {
        let script = Script::new([Reply::json(200, "{}")]);
        let client = plant(&mut choices, way).build_with(script.clone()).unwrap();
        let _ = block_on(client.models().list());
        let said = Parrot::secrets(&script.requests()[0]).join(" ");
        assert!(said.contains(MARK) || said.contains(&base64(MARK)), "way {way} sends no key");
    }
    for shape in 0..SHAPES {
        let reply = format!("{:?}", Parrot::new(shape).reply(&choices.key()));
        assert!(reply.contains(MARK), "shape {shape} does not repeat: {reply}");
    }
    let mut printed = Printed::default();
    printed.text("a key", choices.key());
    #[cfg(panic = "unwind")]
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| printed.assert_clean("on purpose"))).is_err());
}

#[test]
fn whatever_a_hand_driven_call_hands_out() {
    let mut choices = Choices(3);
    for asks in [false, true] {
        let mut printed = Printed::default();
        let options = Options::new().sensitive_header("x-gate", &choices.key()).unwrap();
        printed.debug("the options", &options);
        let mut settings = Settings::new("http://one.test".parse().unwrap()).options(options);
        settings = settings.api_key(&choices.key()).unwrap().admin_key(&choices.key()).unwrap();
        if asks {
            settings = settings.ask_for_keys();
        }
        printed.debug("the settings", &settings);
        let shared = Shared::new(settings);
        let mut call = Call::new(&shared, &DownloadRequest::new("a/b").token(HubToken::new(choices.key()))).unwrap();
        let now = Time::default();
        let mut said = String::new();
        for _ in 0..8 {
            printed.debug("the call", &call);
            let output = call.poll_output(now);
            printed.debug("an output", &output);
            let input = match output {
                Output::Authorize { .. } => Input::Key(Credential::bearer(&choices.key()).map(Some)),
                Output::Send { request, .. } => {
                    said = Parrot::secrets(&request).join(" ");
                    let head =
                        Response::builder().status(400).header("set-cookie", &said).body(()).unwrap().into_parts().0;
                    Input::Head(head)
                }
                Output::Read { .. } => {
                    let body = serde_json::json!({"detail": said}).to_string();
                    let chunk = Input::Chunk(body.into());
                    printed.debug("a chunk", &chunk);
                    call.handle_input(now, chunk);
                    Input::End
                }
                Output::Done(Err(error)) => {
                    printed.error("the error", &error);
                    break;
                }
                other => panic!("{other:?}"),
            };
            printed.debug("an input", &input);
            call.handle_input(now, input);
        }
        assert!(said.contains(MARK));
        printed.debug("the call's headers", &call.headers());
        printed.debug("an input", &Input::Failed(TransportError::new(Sent::No, "refused")));
        printed.debug("a shared", &shared);
        printed.assert_clean(if asks { "asked" } else { "fixed" });
    }
}

#[test]
fn mistakes_in_keys_and_addresses() {
    let mut printed = Printed::default();
    let mut choices = Choices(5);
    let bad = format!("{}\u{1}", choices.key());
    let builders = [
        Client::builder(format!("http://user:{}@one.test", choices.key())),
        Client::builder(format!("{}@one.test", choices.key())),
        Client::builder(format!("ftp://{}@one.test/?x#y", choices.key())),
        Client::builder("http://one.test").api_key(&bad),
        Client::builder("http://one.test").admin_key(&bad),
        Client::builder("http://one.test").bearer(&bad),
        Client::builder("http://one.test").sensitive_header("x-gate", &bad),
        Client::builder("http://one.test").header("authorization", &bad),
    ];
    for builder in builders {
        printed.debug("a builder", &builder);
        printed.error("its error", &builder.build_with(Script::new([])).unwrap_err());
    }
    for credential in [Credential::api_key(&bad), Credential::admin_key(&bad), Credential::bearer(&bad)] {
        printed.error("a bad key", &credential.unwrap_err());
    }
    let fine = choices.key();
    for credential in [Credential::api_key(&fine), Credential::admin_key(&fine), Credential::bearer(&fine)] {
        printed.debug("a key", &credential);
    }
    printed.debug("a server", &Server::new("http://one.test").unwrap().api_key(&fine).unwrap());
    printed.debug("a token", &HubToken::new(&fine));
    printed.debug("a chain", &Chain::new().then(|_, _| async { Ok(None) }));
    printed.debug("keys of servers", &PerServer::new());
    printed.assert_clean("mistakes");
}

#[cfg(not(target_arch = "wasm32"))]
#[test]
fn sources_that_read_files() {
    use tabbyapi::auth::{KeyFile, KeySource};
    let mut printed = Printed::default();
    let mut choices = Choices(11);
    let path = std::env::temp_dir().join(format!("tabbyapi-secrets-{}", std::process::id()));
    for text in [
        choices.key(),
        format!("{}\u{1}", choices.key()),
        format!("api_key: {}\nadmin_key: {{{}}}", choices.key(), choices.key()),
        format!("api_key: [{}", choices.key()),
        format!("{}: {}", choices.key(), choices.key()),
    ] {
        std::fs::write(&path, text).unwrap();
        for source in [KeyFile::api_key(&path), KeyFile::tokens(&path)] {
            match block_on(source.key(Scope::Api, false)) {
                Ok(key) => printed.debug("a key", &key),
                Err(error) => printed.error("an error", &error),
            }
            printed.debug("the source", &source);
        }
    }
    let _ = std::fs::remove_file(&path);
    printed.assert_clean("files");
}

#[cfg(feature = "oauth2")]
#[test]
fn what_an_authorization_server_repeats() {
    use tabbyapi::auth::KeySource;
    use tabbyapi::oauth::{OAuth, Provider};
    let mut choices = Choices(13);
    for shape in 0..9 {
        let mut printed = Printed::default();
        let (secret, refresh, code) = (choices.key(), choices.key(), choices.key());
        let (access, device, kept) = (choices.key(), choices.key(), Arc::new(Mutex::new(Vec::new())));
        let granted = format!(
            r#"{{"access_token":"{access}","token_type":"Bearer","refresh_token":"{refresh}","expires_in":60}}"#
        );
        // Each time it repeats what the request has.
        let reply = |of: &[&str]| {
            let all = of.join(" ");
            let said = serde_json::json!(all).to_string();
            match shape {
                0 => Reply::json(200, granted.clone()),
                1 => Reply::json(400, format!(r#"{{"error": "invalid_client", "error_description": {said}}}"#)),
                2 => Reply::json(400, format!(r#"{{"error": {said}}}"#)),
                3 => Reply::json(200, format!(r#"{{"access_token": [{said}]}}"#)),
                4 => Reply::status(500).header("content-type", &all).chunk(all.clone()),
                5 => Reply::status(200).header("content-type", &all).chunk(all.clone()),
                6 => Reply::refused(&all),
                7 => Reply::json(200, format!(r#"{{"access_token": "{access}", "token_type": {said}}}"#)),
                _ => Reply::json(200, "").header("x", &all),
            }
        };
        let handed = format!(
            r#"{{"device_code":"{device}","user_code":"{MARK}","verification_uri":"https://h.test/","expires_in":60,"interval":1}}"#
        );
        let provider = Provider::new("program", "https://h.test/token").unwrap().secret(&secret);
        let provider = provider.device_url("https://h.test/d").unwrap().authorize_url("https://h.test/a").unwrap();
        let provider = if shape % 2 == 0 { provider.secret_in_body() } else { provider };
        let login = provider.login("http://127.0.0.1/back").unwrap();
        let state = login.url().split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
        let back = format!("/back?code={}&state={state}", code.replace('%', "%25").replace('+', "%2B"));
        let sink = kept.clone();
        let at = |replies: Vec<Reply>| {
            let recorder_sink = kept.clone();
            Recorder::new(Script::new(replies), move |exchange: Exchange| {
                recorder_sink.lock().unwrap().push(format!("{exchange:?} {}", exchange.to_json_line()));
            })
        };
        let mut sources = vec![
            OAuth::client_credentials(provider.clone(), at(vec![reply(&[&secret])])),
            OAuth::refresh_token(provider.clone(), at(vec![reply(&[&secret, &refresh])]), &refresh),
            OAuth::device(
                provider.clone(),
                at(vec![Reply::json(200, handed.clone()), reply(&[&secret, &device])]),
                move |prompt| {
                    sink.lock().unwrap().push(format!("{prompt:?}"));
                },
            ),
        ];
        match block_on(login.finish(at(vec![reply(&[&secret, &code])]), &back)) {
            Ok(source) => sources.push(source),
            Err(error) => printed.error("the error of a login", &error),
        }
        let tokens = kept.clone();
        for source in sources {
            let tokens = tokens.clone();
            let source = source.on_tokens(move |given| tokens.lock().unwrap().push(format!("{given:?}")));
            match block_on(source.key(Scope::Api, false)) {
                Ok(key) => printed.debug("a token", &key),
                Err(error) => printed.error("an error", &error),
            }
            printed.debug("the source", &source);
        }
        printed.debug("the provider", &provider);
        printed.debug("the login", &login);
        for text in kept.lock().unwrap().iter() {
            printed.text("what callbacks print", text);
        }
        printed.assert_clean(&format!("shape {shape}"));
    }
}

/// Where texts of servers are cut: codes, addresses, parts of paths, echoed input, messages, what is looked at and kept.
const CUTS: [usize; 7] = [64, 200, 256, 300, 1024, 2048, 64 << 10];

/// Answers that repeat a text, which stands behind so many letters.
fn cut_answers(said: &str, before: usize) -> Vec<Reply> {
    let pad = "x".repeat(before);
    let json = |status: u16, body: String| Reply::json(status, body);
    let event = |data: String| Reply::events().chunk(format!("data: {data}\n\n"));
    vec![
        json(400, format!(r#"{{"detail": "{pad}{said} and more"}}"#)),
        json(
            422,
            format!(
                r#"{{"detail": [{{"loc": ["body", "{pad}{said}x"], "msg": "{pad}{said} x", "type": "{pad}{said}", "input": "{pad}{said}x", "ctx": {{"a": "{pad}{said}"}}}}]}}"#
            ),
        ),
        json(
            500,
            format!(r#"{{"error": {{"message": "{pad}{said}x", "code": "{pad}{said}", "trace": "{pad}{said}xxx"}}}}"#),
        ),
        Reply::status(502).header("content-type", "text/plain").chunk(format!("{pad}{said} and more")),
        Reply::status(502).header("content-type", "text/html").chunk(format!("<title>{pad}{said} more</title>")),
        Reply::status(307)
            .header("location", &format!("https://elsewhere.test/{pad}{}", "path"))
            .chunk(said.to_owned()),
        json(200, format!(r#"{{"id": {{"{pad}{said}x": "{pad}{said}x"}}, "choices": {{"{pad}{said}": 1}}}}"#)),
        json(200, format!(r#"{{"error": {{"message": "{pad}{said} and more"}}}}"#)),
        json(200, format!(r#"{{"{pad}{said}"#)),
        event(format!(r#"{{"error": {{"message": "{pad}{said} more", "trace": "{pad}{said} more"}}}}"#)),
        event(format!(r#"{{"choices": [{{"{pad}{said}": {{"{pad}{said}": 1}}, "index": "{pad}{said}"}}]}}"#)),
        event(format!(r#"{{"choices": "{pad}{said}"#)),
    ]
}

/// No head of a key is left where a text is cut, be it the key that was sent, one of another scope or one of another server.
#[test]
fn keys_where_texts_are_cut() {
    let keys = ["PLANTED-api/key", "PLANTED \"admin\" key", "PLANTED-\u{e9}t\u{e9}-elsewhere", "PLANTED%41key\\u0042"];
    let builder = Client::builder("http://one.test").api_key(keys[0]).admin_key(keys[1]).retry(Retry::NEVER);
    let server = Server::new("http://two.test").unwrap().bearer(keys[2]).unwrap();
    let mut limits = tabbyapi::Limits::default();
    limits.error_excerpt = 300;
    let script = Script::new([]);
    let client = builder.server(server).sensitive_header("x-gate", keys[3]).limits(limits).build_with(script.clone());
    let client = client.unwrap().at(&"http://one.test".parse().unwrap());
    let request = ChatRequest::new([ChatMessage::user("hello")]);
    for (at, key) in keys.into_iter().enumerate() {
        let json = serde_json::to_string(key).unwrap();
        let json = json[1..json.len() - 1].to_owned();
        let units: String = key.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        let percent: String = key.bytes().map(|byte| format!("%{byte:02x}")).collect();
        // Each in two of the writings.
        for said in [json, if at % 2 == 0 { units } else { percent }] {
            for (at, cut) in CUTS.into_iter().enumerate() {
                // Of the long ones a few.
                let step = if cut > 3000 { said.len() } else { 1 + said.len() / 3 + at % 3 };
                for before in (cut - said.len().min(cut)..=cut).step_by(step) {
                    for reply in cut_answers(&said, before) {
                        let mut printed = Printed::default();
                        script.push(reply.clone());
                        if let Err(error) = block_on(client.models().current()) {
                            printed.error("a read", &error);
                        }
                        script.push(reply.clone());
                        match block_on(client.chat().stream(&request).finish()) {
                            Ok(answer) => printed.debug("its record", answer.meta().record()),
                            Err(broken) => printed.error("a stream", &broken.error),
                        }
                        for (what, text) in &printed.0 {
                            let shows = ["PLA", "\\u0050\\u004c", "%50%4c"].iter().any(|head| text.contains(head));
                            assert!(!shows, "{what} of {reply:?} shows a head: {text}");
                        }
                    }
                }
            }
        }
    }
}

/// Hooks see the body of a download without its token, which is sent all the same, and heads of answers without keys.
#[test]
fn what_hooks_see() {
    use tabbyapi::hooks;
    let mut choices = Choices(17);
    let (key, token) = (choices.key(), format!("hf_{}", choices.key()));
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let (requests, responses, outcomes) = (seen.clone(), seen.clone(), seen.clone());
    let said = format!("{key} {token}");
    let reply = || Reply::json(400, serde_json::json!({"detail": said}).to_string()).header("x-echo", &said);
    let script = Script::new([reply(), reply()]);
    let client = Client::builder("http://one.test")
        .admin_key(&key)
        .hook(hooks::on_request(move |call, request| {
            let seen = format!("{call:?} {:?} {request:?} {:?}", call.body, request.body);
            requests.lock().unwrap().push(seen);
            match request.headers.contains_key("x-changed") {
                true => request.set_field("chunk_limit", 1),
                false => Ok(()),
            }
        }))
        .hook(hooks::on_response(move |call, head| {
            responses.lock().unwrap().push(format!("{call:?} {head:?}"));
            Ok(())
        }))
        .hook(hooks::on_outcome(move |call, error| {
            outcomes.lock().unwrap().push(format!("{call:?} {error:?}"));
            Ok(())
        }))
        .build_with(script.clone())
        .unwrap();
    let download = DownloadRequest::new("a/b").token(token.as_str());
    block_on(client.models().download(&download)).unwrap_err();
    block_on(client.with(Options::new().header("x-changed", "1").unwrap()).models().download(&download)).unwrap_err();
    let mut printed = Printed::default();
    seen.lock().unwrap().iter().for_each(|text| printed.text("what a hook sees", text));
    assert_eq!(printed.0.len(), 6);
    printed.assert_clean("hooks");
    for request in script.requests() {
        let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
        assert_eq!(body["token"], token.as_str());
    }
    assert!(script.requests()[1].body().windows(11).any(|window| window == b"chunk_limit"));
}
