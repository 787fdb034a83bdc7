//! HTTP/2 servers that go away or refuse: a request is sent again only if the protocol says that it was not begun.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tabbyapi::api::{ChatMessage, ChatRequest, GetPermission};
use tabbyapi::policy::Retry;
use tabbyapi::transport::Reqwest;
use tabbyapi::{Client, ErrorKind};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const NO_ERROR: u32 = 0;
const INTERNAL_ERROR: u32 = 2;
const REFUSED_STREAM: u32 = 7;

/// What the server does with the first request; all others it answers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Plan {
    /// `GOAWAY` that does not count it among those that were taken, then the end of the connection.
    GoneBefore,
    /// The reset that says that nothing was begun.
    Refused,
    /// `GOAWAY` that counts it among those that were taken, then its answer.
    GoingAfter,
    /// The same, then the end of the connection.
    GoneAfter,
    /// A reset that says nothing of the kind.
    Failed,
    /// The end of the connection.
    Closed,
}

/// Speaks just enough HTTP/2 to count requests and to go away.
struct Server {
    url: String,
    requests: Arc<AtomicUsize>,
}

impl Server {
    fn start(plan: Plan) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = requests.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counter = counter.clone();
                // A client that closes its connection ends the thread with an error that is none.
                std::thread::spawn(move || serve(stream, plan, &counter));
            }
        });
        Server { url, requests }
    }

    fn client(&self) -> Client {
        let transport = Reqwest::new(reqwest::Client::builder().http2_prior_knowledge()).unwrap();
        let quick = Retry::GENTLE.base(std::time::Duration::from_millis(1));
        Client::builder(&*self.url).api_key("k").retry(quick).build_with(transport).unwrap()
    }
}

fn serve(mut stream: TcpStream, plan: Plan, requests: &AtomicUsize) -> io::Result<()> {
    stream.read_exact(&mut [0; 24])?;
    write(&mut stream, SETTINGS, 0, 0, &[])?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head)?;
        let (kind, flags) = (head[3], head[4]);
        let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7fff_ffff;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        stream.read_exact(&mut payload)?;
        match kind {
            SETTINGS if flags & 1 == 0 => write(&mut stream, SETTINGS, 1, 0, &[])?,
            DATA | HEADERS if flags & END_STREAM != 0 => {
                let first = requests.fetch_add(1, Ordering::SeqCst) == 0;
                let go_away = |last: u32| [last.to_be_bytes(), NO_ERROR.to_be_bytes()].concat();
                match plan {
                    Plan::GoneBefore if first => return leave(&mut stream, &go_away(0)),
                    Plan::GoneAfter if first => return leave(&mut stream, &go_away(id)),
                    Plan::Closed if first => return Ok(()),
                    Plan::Refused if first => write(&mut stream, RST_STREAM, 0, id, &REFUSED_STREAM.to_be_bytes())?,
                    Plan::Failed if first => write(&mut stream, RST_STREAM, 0, id, &INTERNAL_ERROR.to_be_bytes())?,
                    Plan::GoingAfter if first => {
                        write(&mut stream, GOAWAY, 0, 0, &go_away(id))?;
                        answer(&mut stream, id)?;
                    }
                    _ => answer(&mut stream, id)?,
                }
            }
            _ => {}
        }
    }
}

/// Says `GOAWAY`, and ends this side. What still comes is read: a socket that is closed over unread bytes resets the connection, and a
/// reset can overtake what was said.
fn leave(stream: &mut TcpStream, go_away: &[u8]) -> io::Result<()> {
    write(stream, GOAWAY, 0, 0, go_away)?;
    stream.shutdown(Shutdown::Write)?;
    io::copy(stream, &mut io::sink()).map(drop)
}

/// An answer that either request can make something of.
fn answer(stream: &mut TcpStream, id: u32) -> io::Result<()> {
    let body = r#"{"permission": "api", "id": "1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}]}"#;
    // 0x88 is `:status: 200` in the static table of header fields.
    write(stream, HEADERS, END_HEADERS, id, &[0x88])?;
    write(stream, DATA, END_STREAM, id, body.as_bytes())
}

fn write(stream: &mut TcpStream, kind: u8, flags: u8, id: u32, payload: &[u8]) -> io::Result<()> {
    let length = (payload.len() as u32).to_be_bytes();
    let head = [&length[1..], &[kind, flags], &id.to_be_bytes()].concat();
    stream.write_all(&[&head, payload].concat())
}

fn ask() -> ChatRequest {
    ChatRequest::new([ChatMessage::user("x")]).max_tokens(20)
}

#[tokio::test]
async fn what_was_not_begun_is_sent_again() {
    for plan in [Plan::GoneBefore, Plan::Refused] {
        let server = Server::start(plan);
        let answer = server.client().chat().create(&ask()).await.unwrap_or_else(|error| panic!("{plan:?}: {error}"));
        assert_eq!((answer.text(), server.requests.load(Ordering::SeqCst)), ("ok", 2), "{plan:?}");
    }
}

#[tokio::test]
async fn what_was_taken_is_answered_although_the_server_goes() {
    let server = Server::start(Plan::GoingAfter);
    let client = server.client();
    assert_eq!(client.chat().create(&ask()).await.unwrap().text(), "ok");
    assert_eq!(server.requests.load(Ordering::SeqCst), 1);
    // On another connection.
    assert_eq!(client.chat().create(&ask()).await.unwrap().meta().record().attempt_count, 1);
}

#[tokio::test]
async fn what_may_have_been_begun_is_not_sent_again() {
    for plan in [Plan::GoneAfter, Plan::Failed, Plan::Closed] {
        let server = Server::start(plan);
        let client = server.client();
        let error = client.chat().create(&ask()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.record().unwrap().attempt_count),
            (ErrorKind::Transport, 1),
            "{plan:?}: {error}"
        );
        assert_eq!(server.requests.load(Ordering::SeqCst), 1, "{plan:?}");
        assert_eq!(client.chat().create(&ask()).await.unwrap().text(), "ok", "{plan:?}: the next call");

        let server = Server::start(plan);
        let answer = server.client().call(&GetPermission).await.unwrap();
        assert_eq!((answer.meta().record().attempt_count, server.requests.load(Ordering::SeqCst)), (2, 2), "{plan:?}");
    }
}
