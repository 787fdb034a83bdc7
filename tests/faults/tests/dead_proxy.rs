//! A proxy in the environment that is not there: it is blamed, and not the server. The environment is that of a process, so each case
//! runs in one of its own.

use std::process::Command;

use tabbyapi::transport::{Reqwest, Ureq};
use tabbyapi::{Client, Error, ErrorKind, Options, blocking, policy::Retry};

/// Names the server, in the processes that [`reported`] runs.
const SERVER: &str = "TABBYAPI_TEST_SERVER";
const NAMES: [&str; 8] =
    ["ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"];

/// The errors of both clients, in a process with these variables and no others.
fn reported(server: &str, variables: &[(&str, &str)]) -> [String; 2] {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "child", "--nocapture"]).env(SERVER, server);
    NAMES.iter().for_each(|name| _ = child.env_remove(name));
    let output = child.envs(variables.iter().copied()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text} {}", String::from_utf8_lossy(&output.stderr));
    assert!(!text.contains("hush"), "{text}");
    ["reqwest", "ureq"].map(|client| {
        let line = text.lines().find_map(|line| line.split_once(&format!("{client} says: ")));
        line.unwrap_or_else(|| panic!("{client}: {text}")).1.to_owned()
    })
}

/// Does nothing but in the processes of [`reported`].
#[test]
fn child() {
    let Ok(server) = std::env::var(SERVER) else { return };
    let options = Options::new().retry(Retry::NEVER);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let reqwest = Reqwest::new(reqwest::Client::builder()).unwrap();
    let client = Client::builder(&*server).options(options.clone()).build_with(reqwest).unwrap();
    tell("reqwest", runtime.block_on(client.health().check()).unwrap_err());
    let client =
        blocking::Client::builder(&*server).options(options).build_with(Ureq::with_defaults().unwrap()).unwrap();
    tell("ureq", client.health().check().unwrap_err());
}

fn tell(client: &str, error: Error) {
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Connect, "connect"));
    println!("\n{client} says: {error}");
}

/// A port at which nobody listens.
fn dead() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[test]
fn a_dead_proxy_is_blamed() {
    let proxy = dead();
    let address = format!("http://me:hush@{proxy}/");
    let bare = proxy.as_str();
    for (server, variables, variable) in [
        ("http://tabby.test", &[("http_proxy", &*address)][..], "http_proxy"),
        ("http://tabby.test", &[("HTTP_PROXY", bare)], "HTTP_PROXY"),
        ("http://127.0.0.1:5000", &[("ALL_PROXY", &*address)], "ALL_PROXY"),
        ("https://tabby.test", &[("all_proxy", bare)], "all_proxy"),
        ("https://tabby.test:8443/v1", &[("https_proxy", &*address), ("no_proxy", "other.test")], "https_proxy"),
        ("https://tabby.test", &[("HTTPS_PROXY", bare)], "HTTPS_PROXY"),
    ] {
        for text in reported(server, variables) {
            let blamed = format!(
                "no connection could be made: connecting through the proxy http://{proxy} (from {variable}) failed: "
            );
            assert!(text.contains(&blamed), "{variable}: {text}");
            let hint =
                "; check that the proxy is running, or unset that variable; hosts in `NO_PROXY` are reached without it";
            assert!(text.ends_with(hint), "{variable}: {text}");
        }
    }
}

#[test]
fn a_dead_server_is_not_blamed_on_a_proxy_that_is_not_used() {
    let (proxy, server) = (dead(), format!("http://{}", dead()));
    for variables in [
        &[][..],
        &[("http_proxy", ""), ("HTTPS_PROXY", "")],
        &[("http_proxy", &*proxy), ("NO_PROXY", "127.0.0.1")],
        &[("ALL_PROXY", &*proxy), ("no_proxy", "other.test,127.0.0.1")],
    ] {
        for text in reported(&server, variables) {
            assert!(!text.contains("proxy"), "{variables:?}: {text}");
            assert!(
                text.ends_with("check that the server is running and that the base URL has its host and port"),
                "{text}"
            );
        }
    }
    // Only one client takes the proxy of the other scheme.
    let [reqwest, _] = reported(&server, &[("https_proxy", &proxy)]);
    assert!(!reqwest.contains("proxy"), "{reqwest}");
}

/// A builder that wants no proxy gets none, whatever the environment says; that of one's own is not read.
#[test]
fn proxies_of_the_builder() {
    let proxy = dead();
    let ask = |builder| {
        let client = Client::builder("http://tabby.test").retry(Retry::NEVER);
        let client = client.build_with(Reqwest::new(builder).unwrap()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(client.health().check()).unwrap_err().to_string()
    };
    let own = ask(reqwest::Client::builder().proxy(reqwest::Proxy::all(format!("http://{proxy}")).unwrap()));
    assert!(!own.contains("variable"), "{own}");
    let own = ureq::Agent::config_builder().proxy(Some(ureq::Proxy::new(&format!("http://me:hush@{proxy}")).unwrap()));
    let client = blocking::Client::builder("http://tabby.test").retry(Retry::NEVER);
    let text = client.build_with(Ureq::new(own).unwrap()).unwrap().health().check().unwrap_err().to_string();
    assert!(text.contains(&format!("connecting through the proxy http://{proxy} failed: ")), "{text}");
    assert!(text.ends_with("; check that the proxy is running and that it is the right one"), "{text}");
}
