//! Serves every trial for clients that are not written in Rust, each on a port of its own, and prints them as one line of JSON: what
//! to call where, and how it must end. A line on standard input, or its end, asks for how many requests came to each, and ends it.

use std::io::{self, Write};
use std::sync::Arc;

use serde_json::{Value, json};
use tabbyapi_hostile::server::Server;
use tabbyapi_hostile::trials::{BODY, EVENT, QUIET, SPARE, Stack, TOTAL, cuts, trials};

fn main() -> io::Result<()> {
    let mut servers = Vec::new();
    let mut serve = |script| {
        let server = Server::start(script)?;
        let url = server.url();
        servers.push(server);
        io::Result::Ok(url)
    };
    let (mut listed, mut cut) = (Vec::new(), Vec::new());
    for trial in trials() {
        for (call, ends) in &trial.calls {
            let (end, why) = ends.on(Stack::Node);
            let url = serve(Arc::clone(&trial.script))?;
            listed.push(json!({"name": trial.name, "call": call.as_str(), "url": url, "end": end, "why": why}));
        }
    }
    for one in cuts() {
        for at in one.places() {
            let url = serve(one.script(at))?;
            let kinds = one.kinds(at);
            cut.push(json!({"call": one.call.as_str(), "reset": one.reset, "at": at, "url": url, "kinds": kinds, "text": one.text}));
        }
    }
    let millis = |time: std::time::Duration| time.as_millis() as u64;
    print(&json!({
        "quiet": millis(QUIET),
        "total": millis(TOTAL),
        "spare": millis(SPARE),
        "limits": {"body": BODY, "event": EVENT},
        "trials": listed,
        "cuts": cut,
    }))?;
    io::stdin().read_line(&mut String::new())?;
    let requests: Vec<usize> = servers.iter().map(Server::requests).collect();
    print(&json!({"requests": requests}))
}

fn print(value: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{value}")?;
    out.flush()
}
