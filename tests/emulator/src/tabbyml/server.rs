//! Connections, each on its own thread.

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use super::http::{Reader, write};
use super::{State, routes};
use crate::log::SeenRequest;

/// How often a thread that waits for its client checks whether the server stops.
const LOOK: Duration = Duration::from_millis(50);

/// Accepts connections until the server stops, and then waits for them to end.
pub(super) fn run(listener: &TcpListener, state: &Arc<State>) {
    let mut threads = Vec::new();
    while let Ok((stream, _)) = listener.accept() {
        if state.is_stopping() {
            break;
        }
        threads.retain(|thread: &std::thread::JoinHandle<()>| !thread.is_finished());
        let state = state.clone();
        threads.push(std::thread::spawn(move || {
            // Errors of a connection are visible only to its client.
            let _ = serve(&stream, &state);
        }));
    }
    threads.into_iter().for_each(|thread| _ = thread.join());
}

fn serve(stream: &TcpStream, state: &Arc<State>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(LOOK))?;
    stream.set_write_timeout(Some(Duration::from_secs(5)))?;
    stream.set_nodelay(true)?;
    let connection = {
        let mut data = state.data();
        data.connections += 1;
        data.connections
    };
    let mut reader = Reader { stream, state, buffer: Vec::new() };
    while let Some(request) = reader.request()? {
        state.data().requests.push(SeenRequest {
            method: request.method.clone(),
            path: request.target.clone(),
            headers: request.headers.clone(),
            body: request.body.clone().unwrap_or_default(),
            connection,
        });
        let response = routes::answer(state, &request);
        let goes_on = write(stream, state, response, request.method == "HEAD")?;
        let close = request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        if !goes_on || close {
            return Ok(());
        }
    }
    Ok(())
}
