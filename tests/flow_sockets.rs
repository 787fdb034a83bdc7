//! Streams in flow over real sockets: what the server gets rid of while a client does not read.

#![cfg(feature = "reqwest")]

use std::time::Duration;

use futures::StreamExt;
use tabbyapi::Client;
use tabbyapi::api::{ChatMessage, ChatRequest};
use tabbyapi::flow::{Mux, MuxEvent, Pausable};
use tabbyapi_emulator::{Emulator, Script};

const PATIENCE: Duration = Duration::from_secs(60);
/// More than the buffers of both ends of a connection grow to.
const TOKENS: usize = 1600;
const TOKEN_BYTES: usize = 16 << 10;

fn client(server: &Emulator) -> Client {
    Client::builder(server.url()).api_key(server.api_key()).build().unwrap()
}

fn ask() -> ChatRequest {
    ChatRequest::new([ChatMessage::user("q")]).max_tokens(TOKENS as u32 + 10)
}

/// The count of accepted bytes, once it stands still.
async fn settled(server: &Emulator) -> u64 {
    let mut last = server.log().all_bytes_accepted();
    let (mut still, begun) = (0, std::time::Instant::now());
    while still < 5 && begun.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = server.log().all_bytes_accepted();
        still = if now == last { still + 1 } else { 0 };
        last = now;
    }
    last
}

#[tokio::test]
async fn a_paused_stream_holds_the_server_back_and_loses_nothing() {
    let server = Emulator::builder().start().unwrap();
    let token = "x".repeat(TOKEN_BYTES);
    server.script(Script::new().tokens(vec![token.as_str(); TOKENS]));
    let mut stream = Pausable::new(client(&server).chat().stream(&ask()));
    let pause = stream.handle();
    let first = stream.next().await.unwrap().unwrap();
    let mut bytes = first.text().len();
    pause.pause();
    // Polling a paused stream is not polling the socket.
    assert!(tokio::time::timeout(Duration::from_millis(100), stream.next()).await.is_err());
    let held = settled(&server).await;
    let whole = TOKENS * TOKEN_BYTES;
    assert!((held as usize) < whole / 2, "the server got rid of {held} bytes of {whole} while nobody read");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(server.log().all_bytes_accepted(), held, "nothing more was taken from it");

    pause.resume();
    while let Some(chunk) = stream.next().await {
        bytes += chunk.unwrap().text().len();
    }
    assert_eq!(bytes, whole, "nothing was lost");
    assert!(server.log().all_bytes_accepted() as usize > whole);
}

#[tokio::test]
async fn a_stream_that_is_cancelled_among_others_is_closed() {
    let server = Emulator::builder().start().unwrap();
    let client = client(&server);
    let mut mux = Mux::new();
    for n in 0..4 {
        server.script(Script::new().tokens(["a"; 200]).token_delay(Duration::from_millis(2)));
        mux.add(n, client.chat().stream(&ask()));
    }
    let mut counts = [0; 4];
    while let Some((n, event)) = mux.next().await {
        match event {
            MuxEvent::Item(chunk) => counts[n] += chunk.unwrap().text().len(),
            MuxEvent::End(stream) => assert!(stream.finish().await.is_ok()),
            _ => {}
        }
        if n == 2 {
            mux.remove(&2);
        }
    }
    assert_eq!((counts[0], counts[1], counts[3]), (200, 200, 200));
    assert!(counts[2] < 200);
    assert!(server.until_disconnect(PATIENCE).await);
}
