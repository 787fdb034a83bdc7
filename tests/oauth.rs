//! Keys from OAuth 2.0: the grants over scripted answers, where waiting takes no time, and with an OpenID provider.

mod common;

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::is_ready;
use common::ops::Read;
use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::join_all;
use tabbyapi::auth::KeySource;
use tabbyapi::call::Time;
use tabbyapi::oauth::{OAuth, Provider, Tokens};
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::transport::{Transport, TransportError};
use tabbyapi::{Client, Error, ErrorKind, Scope};

const TOKEN: &str = "https://login.test/token";

fn provider() -> Provider {
    Provider::new("my program", TOKEN).unwrap().secret("the secret/planted").scope("tabby")
}

fn token(name: &str, rest: &str) -> Reply {
    Reply::json(200, format!(r#"{{"access_token": "{name}", "token_type": "bearer"{rest}}}"#))
}

fn refused(code: &str) -> Reply {
    Reply::json(400, format!(r#"{{"error": "{code}", "error_description": "no."}}"#))
}

fn bodies(script: &Script) -> Vec<String> {
    script.requests().iter().map(|request| String::from_utf8_lossy(request.body()).into_owned()).collect()
}

fn key(source: &OAuth, rejected: bool) -> Result<String, Error> {
    let credential = block_on(source.key(Scope::Api, rejected))?.unwrap();
    // What it is shows only where it is sent.
    let script = Script::new([Reply::json(200, "{}")]);
    let fixed = move |_, _| {
        let credential = credential.clone();
        async move { Ok(Some(credential)) }
    };
    let client = Client::builder("http://tabby.test").key_source(fixed).build_with(script.clone())?;
    block_on(client.call(&Read))?;
    Ok(script.requests()[0].headers()["authorization"].to_str().unwrap().trim_start_matches("Bearer ").to_owned())
}

/// Lets time pass on the script's clock.
fn wait(script: &Script, seconds: u64) {
    block_on(Transport::sleep_until(script, script.now() + Duration::from_secs(seconds)));
}

#[test]
fn client_credentials_are_sent_as_the_server_wants_them() {
    let script = Script::new([token("a", ""), token("b", "")]);
    let header = OAuth::client_credentials(provider().param("resource", "urn:x"), script.clone());
    assert_eq!(key(&header, false).unwrap(), "a");
    let body = OAuth::client_credentials(provider().secret_in_body(), script.clone());
    assert_eq!(key(&body, false).unwrap(), "b");

    let requests = script.requests();
    assert_eq!(requests[0].uri(), TOKEN);
    assert!(requests[0].headers()["authorization"].is_sensitive());
    assert!(requests[0].headers()["authorization"].to_str().unwrap().starts_with("Basic "));
    assert!(!requests[1].headers().contains_key("authorization"));
    assert_eq!(bodies(&script)[0], "grant_type=client_credentials&scope=tabby&resource=urn%3Ax");
    assert!(
        bodies(&script)[1].contains("client_id=my+program&client_secret=the+secret%2Fplanted"),
        "{:?}",
        bodies(&script)
    );
}

#[test]
fn a_token_is_kept_for_all_scopes_until_shortly_before_its_end() {
    let script = Script::new([token("a", r#", "expires_in": 100"#), token("b", r#", "expires_in": 100"#)]);
    let source = OAuth::client_credentials(provider(), script.clone());
    assert_eq!(key(&source, false).unwrap(), "a");
    wait(&script, 89);
    assert_eq!(key(&source, false).unwrap(), "a");
    block_on(source.key(Scope::Admin, false)).unwrap();
    assert_eq!(script.requests().len(), 1);
    wait(&script, 1);
    assert_eq!(key(&source, false).unwrap(), "b");
    assert_eq!(script.requests().len(), 2);
}

#[test]
fn only_the_token_that_was_given_can_have_been_refused() {
    let script = Script::new([token("a", ""), token("b", ""), token("c", "")]);
    let source = OAuth::client_credentials(provider(), script.clone());
    let ask = |scope, rejected| block_on(source.key(scope, rejected)).map(|_| script.requests().len()).unwrap();
    assert_eq!(ask(Scope::Api, false), 1);
    assert_eq!(ask(Scope::Admin, false), 1);
    assert_eq!(ask(Scope::Api, true), 2, "refused: a new one");
    assert_eq!(ask(Scope::Admin, true), 2, "the one that was refused here is gone already");
    assert_eq!(ask(Scope::Admin, true), 3);
}

#[test]
fn fifty_calls_of_three_scopes_make_one_request() {
    let scopes = [Scope::Api, Scope::PreferAdmin, Scope::Admin];
    for (reply, code) in [(token("a", ""), None), (refused("invalid_client"), Some("invalid_client"))] {
        let (open, held) = oneshot::channel();
        let script = Script::new([reply, token("b", "")]);
        let held = Held { script: script.clone(), until: Mutex::new(Some(held)) };
        let source = OAuth::client_credentials(provider(), held);
        let mut asked: Vec<_> = (0..50).map(|n| source.key(scopes[n % 3], false)).collect();
        assert!(!asked.iter_mut().any(is_ready));
        open.send(()).unwrap();
        for key in block_on(join_all(asked)) {
            assert_eq!(key.as_ref().err().map(|error| error.code().as_str()), code, "a failure is returned to all");
        }
        assert_eq!(script.requests().len(), 1);
        assert_eq!(key(&source, false).unwrap(), if code.is_some() { "b" } else { "a" }, "but not kept");
    }
}

/// A transport whose first answer waits for a word.
struct Held {
    script: Script,
    until: Mutex<Option<oneshot::Receiver<()>>>,
}

impl Transport for Held {
    type Body = tabbyapi::transport::script::Body;

    fn send(
        &self,
        request: http::Request<bytes::Bytes>,
    ) -> impl Future<Output = Result<http::Response<Self::Body>, TransportError>> + Send + 'static {
        let (until, sending) = (self.until.lock().unwrap().take(), self.script.send(request));
        async move {
            if let Some(until) = until {
                until.await.unwrap();
            }
            sending.await
        }
    }

    /// Never: nothing here is to run into a deadline.
    fn sleep_until(&self, _: Time) -> impl Future<Output = ()> + Send + 'static {
        std::future::pending()
    }

    fn now(&self) -> Time {
        self.script.now()
    }

    fn seed(&self) -> u64 {
        0
    }
}

#[test]
fn a_dropped_leader_loses_no_refresh_token() {
    let script =
        Script::new([token("a", r#", "refresh_token": "second""#).head_after(Duration::from_secs(5)), token("b", "")]);
    let source = OAuth::refresh_token(provider(), script.clone(), "first");
    let mut leader = source.key(Scope::Api, false);
    assert!(!is_ready(&mut leader));
    drop(leader);
    assert_eq!(key(&source, false).unwrap(), "a", "the request was taken up, not made again");
    assert_eq!(script.requests().len(), 1);
    assert_eq!(key(&source, true).unwrap(), "b");
    assert!(bodies(&script)[1].contains("refresh_token=second"));
}

#[test]
fn refresh_tokens_are_rotated_and_handed_out_to_be_kept() {
    let script = Script::new([
        token("a", r#", "expires_in": 60, "refresh_token": "second""#),
        token("b", r#", "expires_in": 60"#),
        token("c", r#", "expires_in": 60, "refresh_token": "third""#),
        refused("invalid_grant"),
    ]);
    let kept = Arc::new(Mutex::new(Vec::new()));
    let sink = kept.clone();
    let source = OAuth::refresh_token(provider(), script.clone(), "first")
        .on_tokens(move |tokens: &Tokens| sink.lock().unwrap().push(tokens.refresh_token.clone().unwrap()));
    for name in ["a", "b", "c"] {
        assert_eq!(key(&source, false).unwrap(), name);
        wait(&script, 60);
    }
    assert_eq!(*kept.lock().unwrap(), ["second", "second", "third"]);
    let sent: Vec<_> = bodies(&script)
        .into_iter()
        .map(|body| body.split('&').find(|pair| pair.starts_with("refresh")).unwrap().to_owned())
        .collect();
    assert_eq!(sent, ["refresh_token=first", "refresh_token=second", "refresh_token=second"]);

    let error = key(&source, false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert_eq!(
        error.to_string(),
        "the authorization server at https://login.test/token refused the refresh token: invalid_grant (no); sign in again: the code or \
         token was used, has expired or was revoked"
    );
    assert_eq!(key(&source, false).unwrap_err().code(), "sign_in_needed", "it is not presented again");
    assert_eq!(script.requests().len(), 4);
}

fn device_answer(rest: &str) -> Reply {
    Reply::json(
        200,
        format!(
            r#"{{"device_code": "dev-planted", "user_code": "WDJB-MJHT", "verification_uri": "https://login.test/device",
                "verification_uri_complete": "https://login.test/device?user_code=WDJB-MJHT", "expires_in": 60{rest}}}"#
        ),
    )
}

fn device(script: &Script, reported: &Arc<Mutex<Vec<String>>>) -> OAuth {
    let reported = reported.clone();
    let provider = provider().device_url("https://login.test/device/auth").unwrap();
    OAuth::device(provider, script.clone(), move |prompt| {
        assert_eq!(prompt.verification_uri_complete.as_deref(), Some("https://login.test/device?user_code=WDJB-MJHT"));
        reported
            .lock()
            .unwrap()
            .push(format!("{} {} {:?}", prompt.verification_uri, prompt.user_code, prompt.expires_in));
    })
}

#[test]
fn a_device_code_is_polled_at_the_servers_pace() {
    let pending = || refused("authorization_pending");
    let script = Script::new([
        device_answer(r#", "interval": 2"#),
        pending(),
        refused("slow_down"),
        Reply::reset("cut"),
        pending(),
        token("a", r#", "expires_in": 60, "refresh_token": "second""#),
        // The refresh token is not good: the user is asked again, and does not answer in time.
        refused("invalid_grant"),
        device_answer(""),
    ]);
    let reported = Arc::new(Mutex::new(Vec::new()));
    let source = device(&script, &reported);
    assert_eq!(key(&source, false).unwrap(), "a");
    // 2, 2, then 2 + 5, then for the failure twice that up to 10, then again.
    assert_eq!(script.now(), Time::from_epoch(Duration::from_secs(2 + 2 + 7 + 10 + 10)));
    assert_eq!(*reported.lock().unwrap(), ["https://login.test/device WDJB-MJHT 60s"]);
    assert!(bodies(&script)[1].contains("device_code=dev-planted"));

    for _ in 0..40 {
        script.push(pending());
    }
    wait(&script, 60);
    let error = key(&source, false).unwrap_err();
    assert_eq!(error.code(), "expired_token");
    assert_eq!(error.hint(), Some("start again: the user did not confirm in time"));
    assert_eq!(reported.lock().unwrap().len(), 2);
}

#[test]
fn a_device_code_waits_no_longer_than_the_call_and_the_next_call_takes_it_up() {
    let script = Script::new([device_answer(r#", "interval": 20"#), refused("authorization_pending"), token("a", "")]);
    let reported = Arc::new(Mutex::new(Vec::new()));
    let source = device(&script, &reported);
    let client = Client::builder("http://tabby.test")
        .key_source(source)
        .timeout_policy(tabbyapi::TimeoutPolicy::DEFAULT.read(tabbyapi::Timeouts::READ.total(Duration::from_secs(30))))
        .build_with(script.clone())
        .unwrap();
    let error = block_on(client.call(&Read)).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    script.push(Reply::json(200, "{}"));
    block_on(client.call(&Read)).unwrap();
    assert_eq!(reported.lock().unwrap().len(), 1, "the user is not asked again");
    assert_eq!(script.requests()[3].headers()["authorization"], "Bearer a");
}

#[test]
fn what_a_server_should_not_answer_is_an_error_and_no_panic() {
    let strange = [
        device_answer(r#", "interval": 18446744073709551615"#),
        device_answer(r#", "expires_in": -1"#),
        Reply::json(200, "[]"),
        Reply::json(200, "\u{feff}{"),
        Reply::status(302).header("location", "https://elsewhere.test/"),
        Reply::status(500).header("content-type", "text/html").chunk("<html>"),
        Reply::json(200, r#"{"access_token": "planted", "token_type": "mac"}"#),
        Reply::json(200, "{\"access_token\": \"plan\\u0001ted\", \"token_type\": \"bearer\"}"),
        Reply::json(200, vec![b' '; 2 << 20]),
        Reply::json(200, r#"{"access_token": {"planted": 1}, "token_type": "bearer"}"#),
        Reply::refused("no route"),
        Reply::json(200, "{").fail("cut"),
        Reply::status(200).hang(),
    ];
    for reply in strange {
        let (what, script) = (format!("{reply:?}"), Script::new([reply.clone(), reply]));
        for source in [
            OAuth::client_credentials(provider(), script.clone()),
            OAuth::device(provider().device_url("https://login.test/d").unwrap(), script.clone(), |_| {}),
        ] {
            let error = key(&source, false).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Credentials, "{what:.300}");
            assert!(error.hint().is_some() && error.to_string().contains("https://login.test/"), "{error}");
            assert!(!format!("{error} {error:?}").contains("plan"), "{error:?}");
            assert_eq!(
                error.is_retryable(),
                matches!(error.code().as_str(), "oauth_connect" | "oauth_timeout"),
                "{error}"
            );
        }
    }
    // A long life must not overflow either.
    let script = Script::new([token("a", r#", "expires_in": 18446744073709551615"#)]);
    assert_eq!(key(&OAuth::client_credentials(provider(), script), false).unwrap(), "a");
}

#[test]
fn secrets_go_to_encrypted_or_loopback_addresses_alone() {
    for fine in
        ["https://h/t", "http://localhost:1/t", "http://127.9.9.9/t", "http://[::1]:1/t", "http://a.localhost/t"]
    {
        assert!(Provider::new("p", fine).is_ok(), "{fine}");
    }
    let cases = [
        ("http://login.test/t", "is not encrypted; use `https`; `http` is only for loopback addresses"),
        ("http://127.0.0.1.evil.test/t", "is not encrypted; use `https`; `http` is only for loopback addresses"),
        (
            "http://localhost@evil.test/t",
            "carries a user name or password; give the client id and `Provider::secret` instead",
        ),
        ("https://me:hush@h/t", "carries a user name or password; give the client id and `Provider::secret` instead"),
        ("https://h/t#f", "has a fragment; leave out `#` and what follows"),
        ("ftp://localhost/t", "is not encrypted; use `https`; `http` is only for loopback addresses"),
        ("h/t", "is not valid; write it like `https://login.example.org/token`"),
    ];
    for (url, reported) in cases {
        let error = Provider::new("p", url).unwrap_err();
        assert_eq!(error.to_string(), format!("the token address of the authorization server {reported}"), "{url}");
    }
    assert!(provider().device_url("http://login.test/d").is_err());
    assert!(provider().authorize_url("http://login.test/a").is_err());
}

#[test]
fn a_browser_that_comes_back_from_elsewhere_is_not_believed() {
    let provider = provider().authorize_url("https://login.test/auth?tenant=x").unwrap();
    let login = provider.login("http://127.0.0.1:7777/back").unwrap();
    let other = provider.login("http://127.0.0.1:7777/back").unwrap();
    let query = |url: &str| -> std::collections::HashMap<String, String> {
        oauth2::url::Url::parse(url).unwrap().query_pairs().into_owned().collect()
    };
    let (sent, others) = (query(login.url()), query(other.url()));
    assert_eq!((&*sent["tenant"], &*sent["code_challenge_method"], &*sent["scope"]), ("x", "S256", "tabby"));
    assert!(sent["state"] != others["state"] && sent["code_challenge"] != others["code_challenge"]);

    let script = Script::new([token("a", r#", "refresh_token": "r""#), token("b", "")]);
    let back = |rest: String| block_on(login.finish(script.clone(), &rest));
    for wrong in [
        format!("/back?code=c&state={}", others["state"]),
        "/back?code=c".to_owned(),
        "/back?error=access_denied".to_owned(),
        format!("/back?error=x&state={}0", sent["state"]),
    ] {
        assert_eq!(back(wrong).unwrap_err().code(), "state_mismatch");
    }
    assert_eq!(back("http://[".to_owned()).unwrap_err().code().as_str(), "oauth_answer");
    let state = &sent["state"];
    assert_eq!(back(format!("/back?state={state}")).unwrap_err().code().as_str(), "oauth_answer");
    let declined = back(format!("/back?state={state}&error=access_denied&error_description=not%20me")).unwrap_err();
    assert_eq!((declined.code().as_str(), declined.kind()), ("access_denied", ErrorKind::Credentials));
    assert!(declined.message().ends_with("access_denied (not me)"));
    assert!(script.requests().is_empty(), "none of this is followed");

    let source = back(format!("http://127.0.0.1:7777/back?code=the%2Bcode&state={state}")).unwrap();
    assert!(bodies(&script)[0].starts_with("grant_type=authorization_code&code=the%2Bcode&code_verifier="));
    assert!(bodies(&script)[0].contains("redirect_uri=http%3A%2F%2F127.0.0.1%3A7777%2Fback"));
    assert_eq!(key(&source, false).unwrap(), "a");
    assert_eq!(source.current_refresh_token().as_deref(), Some("r"));
    assert_eq!(key(&source, true).unwrap(), "b");
}

/// With a real provider and over sockets; `tests/run oauth` installs and starts it.
#[cfg(all(feature = "reqwest", not(target_arch = "wasm32")))]
mod provider {
    use std::io::{BufRead, BufReader};
    use std::process::{Child, ChildStdout, Command, Stdio};

    use tabbyapi::transport::Reqwest;

    use super::*;

    struct Node {
        child: Child,
        /// Kept open: what it goes on to say would break it else.
        _stdout: BufReader<ChildStdout>,
        issuer: String,
        gateway: String,
    }

    impl Node {
        fn start() -> Node {
            let mut child = Command::new("node")
                .arg("tests/oauth/provider.mjs")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .expect("Node.js runs the provider");
            let (mut stdout, mut line) = (BufReader::new(child.stdout.take().unwrap()), String::new());
            while !line.starts_with('{') {
                line.clear();
                assert_ne!(stdout.read_line(&mut line).unwrap(), 0, "the provider did not start");
            }
            let started: serde_json::Value = serde_json::from_str(&line).unwrap();
            let text = |name: &str| started[name].as_str().unwrap().to_owned();
            Node { issuer: text("issuer"), gateway: text("gateway"), child, _stdout: stdout }
        }

        fn provider(&self, client: &str) -> Provider {
            Provider::new(client, &format!("{}/token", self.issuer))
                .unwrap()
                .device_url(&format!("{}/device/auth", self.issuer))
                .unwrap()
                .authorize_url(&format!("{}/auth", self.issuer))
                .unwrap()
        }

        fn client(&self, source: OAuth) -> Client {
            Client::builder(&*self.gateway).key_source(source).build_with(transport()).unwrap()
        }

        async fn get(&self, path: &str) -> serde_json::Value {
            let body = reqwest::get(format!("{}{path}", self.gateway)).await.unwrap().bytes().await.unwrap();
            serde_json::from_slice(&body).unwrap()
        }
    }

    impl Drop for Node {
        fn drop(&mut self) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }

    fn transport() -> Reqwest {
        Reqwest::new(reqwest::Client::builder()).unwrap()
    }

    /// A user who does what the pages ask; where the browser ends up.
    fn user(arguments: &[&str]) -> String {
        let output = Command::new("node").arg("tests/oauth/user.mjs").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    async fn model(client: &Client) -> u32 {
        let card = client.models().current().await.unwrap();
        assert_eq!(card.id, "alpha");
        card.meta().record().key_refreshes
    }

    #[tokio::test]
    #[ignore = "needs the provider: tests/run oauth"]
    async fn a_program_gets_tokens_renews_them_and_survives_revocation() {
        let node = Node::start();
        let robot = || node.provider("robot").scope("tabby");
        let client = node.client(OAuth::client_credentials(robot().secret("robot-secret-planted"), transport()));
        let together = join_all((0..50).map(|_| model(&client))).await;
        assert_eq!(together, [0; 50]);
        assert_eq!(node.get("/_given").await["client_credentials.saved"], 1, "one token for fifty calls");

        node.get("/_revoke").await;
        assert_eq!(model(&client).await, 1, "refused, replaced, sent again");
        assert_eq!(node.get("/_given").await["client_credentials.saved"], 2);

        tokio::time::sleep(Duration::from_millis(4500)).await;
        assert_eq!(model(&client).await, 0, "it expired and was renewed before it was sent");
        assert_eq!(node.get("/_given").await["client_credentials.saved"], 3);

        let poster = node.provider("poster").secret("poster-secret-planted").secret_in_body();
        assert_eq!(model(&node.client(OAuth::client_credentials(poster, transport()))).await, 0);

        let wrong =
            OAuth::client_credentials(robot().secret("not-the-secret"), transport()).sign_in().await.unwrap_err();
        assert_eq!((wrong.kind(), wrong.code().as_str()), (ErrorKind::Credentials, "invalid_client"));
        let unfit = OAuth::refresh_token(robot().secret("robot-secret-planted"), transport(), "any");
        assert_eq!(unfit.sign_in().await.unwrap_err().code().as_str(), "invalid_request");
    }

    #[tokio::test]
    #[ignore = "needs the provider: tests/run oauth"]
    async fn a_user_confirms_on_another_device_and_stays_signed_in() {
        let node = Node::start();
        let kept = Arc::new(Mutex::new(Vec::new()));
        let (sink, page) = (kept.clone(), format!("{}/device", node.issuer));
        let person = || node.provider("person").scope("openid").scope("offline_access");
        let source = OAuth::device(person(), transport(), move |prompt| {
            assert_eq!(prompt.verification_uri, page);
            let (uri, code) = (prompt.verification_uri.clone(), prompt.user_code.clone());
            std::thread::spawn(move || user(&[&uri, &code]));
        })
        .on_tokens(move |tokens| sink.lock().unwrap().push(tokens.refresh_token.clone().unwrap()));
        let client = node.client(source);
        assert_eq!(model(&client).await, 0);
        node.get("/_revoke").await;
        assert_eq!(model(&client).await, 1);
        let refresh = kept.lock().unwrap().clone();
        assert!(refresh.len() == 2 && refresh[0] != refresh[1], "the refresh token was replaced");

        // The last one goes on in another program; one that was used does not.
        let again = OAuth::refresh_token(person(), transport(), &*refresh[1]);
        assert_eq!(model(&node.client(again)).await, 0);
        let used = OAuth::refresh_token(person(), transport(), &*refresh[0]).sign_in().await.unwrap_err();
        assert_eq!(used.code(), "invalid_grant", "{used}");
    }

    #[tokio::test]
    #[ignore = "needs the provider: tests/run oauth"]
    async fn a_user_signs_in_by_a_browser() {
        let node = Node::start();
        let person = node.provider("person").scope("openid").scope("offline_access").param("prompt", "consent");
        let login = person.login("http://127.0.0.1:7777/back").unwrap();
        let other = person.login("http://127.0.0.1:7777/back").unwrap();
        let back = user(&[login.url()]);
        assert!(back.starts_with("http://127.0.0.1:7777/back?code="), "{back}");
        assert_eq!(other.finish(transport(), &back).await.unwrap_err().code(), "state_mismatch");
        let source = login.finish(transport(), &back).await.unwrap();
        let client = node.client(source.clone());
        assert_eq!(model(&client).await, 0);
        let first = source.current_refresh_token().unwrap();
        tokio::time::sleep(Duration::from_millis(4500)).await;
        assert_eq!(model(&client).await, 0);
        assert_ne!(source.current_refresh_token().unwrap(), first);
        // A code is good once.
        assert_eq!(login.finish(transport(), &back).await.unwrap_err().code(), "invalid_grant");
    }
}
