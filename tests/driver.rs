//! How the driver uses a transport: when it reads the clock, when it polls a timer, and that no limit is lost by that.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use futures::task::noop_waker;
use http::{Request, Response};
use tabbyapi::api::{ChatMessage, ChatRequest};
use tabbyapi::call::Time;
use tabbyapi::services::ChatStream;
use tabbyapi::transport::{Transport, TransportError};
use tabbyapi::{Client, ErrorCode, Options, Timeouts};

/// A transport that counts what is asked of it. Its body has these chunks, and waits when there are none.
#[derive(Clone, Default)]
struct Counting(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    now: Duration,
    /// How long a chunk takes.
    each: Duration,
    chunks: VecDeque<String>,
    clock_reads: u32,
    /// What the sleeps were until, in seconds.
    sleeps: Vec<u64>,
    sleep_polls: u32,
    sleeping: Vec<Waker>,
}

impl Counting {
    fn new(each: Duration, chunks: impl IntoIterator<Item = String>) -> Self {
        let state = State { each, chunks: chunks.into_iter().collect(), ..State::default() };
        Counting(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn stream(&self, timeouts: Timeouts) -> ChatStream {
        let client = Client::builder("http://tabby.test").build_with(self.clone()).unwrap();
        client.with(Options::new().timeouts(timeouts)).chat().stream(&ChatRequest::new([ChatMessage::user("Count.")]))
    }
}

impl Transport for Counting {
    type Body = Body;

    fn send(&self, _: Request<Bytes>) -> impl Future<Output = Result<Response<Body>, TransportError>> + Send + 'static {
        let response = Response::builder().header("content-type", "text/event-stream");
        std::future::ready(Ok(response.body(Body(self.clone())).unwrap()))
    }

    fn sleep_until(&self, until: Time) -> impl Future<Output = ()> + Send + 'static {
        self.state().sleeps.push(until.since_epoch().as_secs());
        let transport = self.clone();
        std::future::poll_fn(move |cx| {
            let mut state = transport.state();
            state.sleep_polls += 1;
            if state.now >= until.since_epoch() {
                return Poll::Ready(());
            }
            state.sleeping.push(cx.waker().clone());
            Poll::Pending
        })
    }

    fn now(&self) -> Time {
        let mut state = self.state();
        state.clock_reads += 1;
        Time::from_epoch(state.now)
    }

    fn seed(&self) -> u64 {
        0
    }
}

struct Body(Counting);

impl Stream for Body {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.0.state();
        let Some(chunk) = state.chunks.pop_front() else { return Poll::Pending };
        let each = state.each;
        state.now += each;
        Poll::Ready(Some(Ok(chunk.into())))
    }
}

fn event(text: &str) -> String {
    format!("data: {{\"choices\": [{{\"index\": 0, \"delta\": {{\"content\": \"{text}\"}}}}]}}\n\n")
}

/// The next item, as its text or the code of its error; `None` while there is none.
fn poll(stream: &mut ChatStream, waker: &Waker) -> Option<Result<String, ErrorCode>> {
    match Pin::new(stream).poll_next(&mut Context::from_waker(waker)) {
        Poll::Ready(item) => {
            let item = item.expect("the stream goes on");
            Some(item.map(|chunk| chunk.text().to_owned()).map_err(|error| error.code().clone()))
        }
        Poll::Pending => None,
    }
}

#[test]
fn the_clock_is_not_read_for_each_item() {
    for (per_chunk, most) in [(1, 10), (100, 10)] {
        let chunks = (0..400 / per_chunk).map(|_| event("a").repeat(per_chunk));
        let transport = Counting::new(Duration::ZERO, chunks);
        let mut stream = transport.stream(Timeouts::STREAM);
        for _ in 0..400 {
            assert_eq!(poll(&mut stream, &noop_waker()), Some(Ok("a".to_owned())));
        }
        let reads = transport.state().clock_reads;
        assert!(reads <= most, "{reads} reads");
        assert_eq!(stream.record().unwrap().items, 400);
        assert_eq!(stream.record().unwrap().attempts[0].response_bytes as usize, 400 * event("a").len());
    }
}

#[test]
fn a_limit_of_the_whole_call_ends_a_body_that_is_always_ready() {
    let transport = Counting::new(Duration::from_secs(1), (0..100).map(|_| event("a")));
    let mut stream = transport.stream(Timeouts::STREAM.total(Duration::from_secs(5)));
    for _ in 0..5 {
        assert_eq!(poll(&mut stream, &noop_waker()), Some(Ok("a".to_owned())));
    }
    assert_eq!(poll(&mut stream, &noop_waker()), Some(Err(ErrorCode::TimeoutTotal)));
    assert_eq!(transport.state().chunks.len(), 95);
}

#[test]
fn silence_counts_from_when_the_caller_waits_and_its_timer_is_polled_when_it_rings() {
    let transport = Counting::new(Duration::from_secs(1), [event("a")]);
    let mut stream = transport.stream(Timeouts::STREAM.idle(Duration::from_secs(30)));
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    assert_eq!(poll(&mut stream, &waker), Some(Ok("a".to_owned())));

    // The caller takes longer for the item than the limit of silence.
    transport.state().now = Duration::from_secs(100);
    assert_eq!(poll(&mut stream, &waker), None);
    let sleeps = transport.state().sleeps.clone();
    assert_eq!(sleeps.last(), Some(&130));
    let polls = transport.state().sleep_polls;

    // More chunks, each of which is waited for, need neither another timer nor another poll of it.
    for _ in 0..10 {
        transport.state().chunks.push_back(event("b"));
        assert_eq!(poll(&mut stream, &waker), Some(Ok("b".to_owned())));
        assert_eq!(poll(&mut stream, &waker), None);
    }
    assert_eq!(transport.state().sleeps, sleeps);
    assert_eq!(transport.state().sleep_polls, polls);

    // Another task is woken in place of the first one.
    let other = Arc::new(Woken::default());
    assert_eq!(poll(&mut stream, &Waker::from(other.clone())), None);
    assert_eq!(transport.state().sleep_polls, polls + 1);

    // It rings early, as the last chunk came at 110 s, and is armed again.
    transport.ring(Duration::from_secs(130));
    assert!(other.taken());
    assert_eq!(poll(&mut stream, &Waker::from(other.clone())), None);
    assert_eq!(transport.state().sleeps.last(), Some(&140));
    transport.ring(Duration::from_secs(140));
    assert!(other.taken());
    assert_eq!(poll(&mut stream, &Waker::from(other)), Some(Err(ErrorCode::TimeoutIdle)));
}

/// Whether a task was woken.
#[derive(Default)]
struct Woken(std::sync::atomic::AtomicBool);

impl Woken {
    fn taken(&self) -> bool {
        self.0.swap(false, std::sync::atomic::Ordering::Relaxed)
    }
}

impl std::task::Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}

impl Counting {
    /// Moves the clock, and wakes what sleeps.
    fn ring(&self, now: Duration) {
        let sleeping = {
            let mut state = self.state();
            state.now = now;
            std::mem::take(&mut state.sleeping)
        };
        sleeping.into_iter().for_each(Waker::wake);
    }
}
