//! Streams in flow, over scripted answers and hand-fed streams: turns, pauses, lag, budgets, hedges.

mod common;

use std::cell::RefCell;
use std::collections::HashMap;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use common::ops::Read;
use futures::channel::mpsc;
use futures::executor::block_on;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, SinkExt, Stream, StreamExt};
use serde_json::json;
use tabbyapi::api::{ChatMessage, ChatRequest};
use tabbyapi::call::Retry;
use tabbyapi::flow::{Budget, EndReason, LagPolicy, Mux, MuxEvent, Pausable, tee};
use tabbyapi::policy::{RetryBudget, Server};
use tabbyapi::transport::Transport;
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::{Client, Error, ErrorKind, Outcome, Result};

fn client(script: &Script) -> Client {
    Client::builder("http://tabby.test").build_with(script.clone()).unwrap()
}

fn ask() -> ChatRequest {
    ChatRequest::new([ChatMessage::user("q")])
}

fn token(text: &str) -> String {
    format!("data: {}\n\n", json!({"choices": [{"delta": {"content": text}}]}))
}

/// A stream of these tokens, one at a time.
fn tokens(count: usize, apart: Duration) -> Reply {
    (0..count)
        .fold(Reply::events(), |reply, n| reply.wait(apart).chunk(token(&format!("w{n} "))))
        .chunk("data: [DONE]\n\n")
}

fn poll<S: Stream + Unpin>(stream: &mut S) -> Poll<Option<S::Item>> {
    stream.poll_next_unpin(&mut Context::from_waker(Waker::noop()))
}

/// Numbers as results.
fn numbers(range: std::ops::Range<u32>) -> stream::Iter<std::vec::IntoIter<Result<u32>>> {
    stream::iter(range.map(Ok).collect::<Vec<_>>())
}

#[test]
fn ready_streams_take_turns_and_come_back_at_their_end() {
    let mut mux = Mux::new();
    mux.add("endless", numbers(0..1000));
    mux.add("short", numbers(0..3));
    mux.add("other", numbers(0..3));
    let mut seen = Vec::new();
    let mut ended = Vec::new();
    while let Some((tag, event)) = block_on(mux.next()) {
        match event {
            MuxEvent::Item(item) => seen.push((tag, item.unwrap())),
            MuxEvent::End(_) => ended.push(tag),
            _ => {}
        }
    }
    let turns: Vec<_> = (0..3).flat_map(|n| [("endless", n), ("short", n), ("other", n)]).collect();
    assert_eq!(seen[..9], turns);
    assert_eq!(seen.len(), 1006);
    assert_eq!(ended, ["short", "other", "endless"]);
}

#[test]
fn streams_come_and_go_while_others_run() {
    let mut mux: Mux<u32, BoxStream<'_, u32>> = Mux::new();
    assert!(block_on(mux.next()).is_none(), "it has no streams");
    let (mut sender, receiver) = mpsc::channel(4);
    mux.add(1, receiver.boxed());
    mux.add(2, stream::pending().boxed());
    assert!(poll(&mut mux).is_pending());
    mux.add(3, stream::iter([7]).boxed());
    assert!(matches!(poll(&mut mux), Poll::Ready(Some((3, MuxEvent::Item(7))))));
    assert!(matches!(poll(&mut mux), Poll::Ready(Some((3, MuxEvent::End(_))))));
    assert!(mux.remove(&2).is_some() && mux.remove(&2).is_none());
    block_on(sender.send(5)).unwrap();
    assert!(matches!(poll(&mut mux), Poll::Ready(Some((1, MuxEvent::Item(5))))));
    assert_eq!(mux.iter().map(|(tag, _)| *tag).collect::<Vec<_>>(), [1]);
    drop(sender);
    assert!(matches!(poll(&mut mux), Poll::Ready(Some((1, MuxEvent::End(_))))));
    assert!(mux.is_empty());
}

#[test]
fn only_those_that_woke_are_polled() {
    let polls = Rc::new(RefCell::new(HashMap::new()));
    let mut mux = Mux::new();
    let mut senders = Vec::new();
    for n in 0..100 {
        let (sender, mut receiver) = mpsc::unbounded::<u32>();
        let polls = polls.clone();
        senders.push(sender);
        mux.add(
            n,
            stream::poll_fn(move |cx| {
                *polls.borrow_mut().entry(n).or_insert(0) += 1;
                receiver.poll_next_unpin(cx)
            }),
        );
    }
    assert!(poll(&mut mux).is_pending());
    for _ in 0..50 {
        senders[7].unbounded_send(1).unwrap();
        assert!(matches!(poll(&mut mux), Poll::Ready(Some((7, MuxEvent::Item(1))))));
        assert!(poll(&mut mux).is_pending());
    }
    let polls = polls.borrow();
    assert!((0..100).filter(|n| *n != 7).all(|n| polls[&n] == 1), "{polls:?}");
}

#[test]
fn a_cancelled_stream_ends_on_the_wire_and_the_others_go_on() {
    let script = Script::new((0..3).map(|_| tokens(5, Duration::from_millis(10))));
    let client = client(&script);
    let mut mux = Mux::new();
    for tag in ["a", "b", "c"] {
        mux.add(tag, client.chat().stream(&ask()));
    }
    let mut texts: HashMap<&str, String> = HashMap::new();
    while let Some((tag, event)) = block_on(mux.next()) {
        match event {
            MuxEvent::Item(chunk) => texts.entry(tag).or_default().push_str(chunk.unwrap().text()),
            MuxEvent::End(stream) => assert_eq!(stream.outcome(), Some(Outcome::Complete)),
            _ => {}
        }
        if tag == "b" && mux.remove(&"b").is_some() {
            assert_eq!(script.dropped(), 1);
        }
    }
    assert_eq!(texts["a"], "w0 w1 w2 w3 w4 ");
    assert_eq!(texts["c"], texts["a"]);
    assert_eq!(texts["b"], "w0 ");
}

#[test]
fn a_paused_stream_polls_nothing_and_wakes_when_it_goes_on() {
    let mut stream = Pausable::new(numbers(0..4));
    let pause = stream.handle();
    assert!(matches!(poll(&mut stream), Poll::Ready(Some(Ok(0)))));
    pause.pause();
    let (waker, woken) = counting_waker();
    let mut cx = Context::from_waker(&waker);
    assert!(stream.poll_next_unpin(&mut cx).is_pending() && pause.is_paused());
    assert_eq!(stream.get_ref().size_hint().0, 3, "nothing was taken");
    pause.resume();
    assert_eq!(woken(), 1);
    let rest: Vec<_> = block_on(stream.map(Result::unwrap).collect());
    assert_eq!(rest, [1, 2, 3]);
}

#[test]
fn two_readers_get_all_and_the_faster_one_is_held_back() {
    let (mut a, mut b) = tee(numbers(0..100), 10, LagPolicy::Block);
    for n in 0..10 {
        assert!(matches!(poll(&mut a), Poll::Ready(Some(Ok(m))) if m == n));
    }
    let (waker, woken) = counting_waker();
    assert!(a.poll_next_unpin(&mut Context::from_waker(&waker)).is_pending());
    assert!(matches!(poll(&mut b), Poll::Ready(Some(Ok(0)))));
    assert_eq!(woken(), 1, "there is room again");
    let (a, b) = block_on(futures::future::join(a.collect::<Vec<_>>(), b.collect::<Vec<_>>()));
    assert_eq!(a.into_iter().map(Result::unwrap).collect::<Vec<_>>(), (10..100).collect::<Vec<_>>());
    assert_eq!(b.into_iter().map(Result::unwrap).collect::<Vec<_>>(), (1..100).collect::<Vec<_>>());
}

#[test]
fn or_the_slower_one_loses_with_an_error() {
    let (a, mut b) = tee(numbers(0..100), 10, LagPolicy::Drop);
    assert!(matches!(poll(&mut b), Poll::Ready(Some(Ok(0)))));
    assert_eq!(block_on(a.filter(|item| futures::future::ready(item.is_ok())).count()), 100);
    let Poll::Ready(Some(Err(error))) = poll(&mut b) else { panic!("it has not lost") };
    assert_eq!((error.code().as_str(), error.kind()), ("lagged", ErrorKind::TooLarge));
    assert!(matches!(poll(&mut b), Poll::Ready(None)));
}

#[test]
fn errors_come_to_both_readers_and_dropping_both_cancels() {
    let script = Script::new([Reply::events().chunk(token("a")).fail("gone"), tokens(3, Duration::ZERO)]);
    let client = client(&script);
    let (a, b) = tee(client.chat().stream(&ask()), 4, LagPolicy::Block);
    let (a, b) = block_on(futures::future::join(a.collect::<Vec<_>>(), b.collect::<Vec<_>>()));
    for items in [a, b] {
        assert_eq!(items.len(), 2);
        assert_eq!(items[1].as_ref().unwrap_err().kind(), ErrorKind::Truncated);
    }
    let (mut a, b) = tee(client.chat().stream(&ask()), 1, LagPolicy::Block);
    block_on(a.next()).unwrap().unwrap();
    drop(b);
    block_on(a.next()).unwrap().unwrap();
    let before = script.dropped();
    drop(a);
    assert_eq!(script.dropped(), before + 1);
}

#[test]
fn a_reader_that_waits_is_woken_though_the_other_one_polled_last() {
    let (mut sender, receiver) = mpsc::channel::<Result<u32>>(4);
    let (mut a, mut b) = tee(receiver, 4, LagPolicy::Block);
    let (waker_a, woken_a) = counting_waker();
    assert!(a.poll_next_unpin(&mut Context::from_waker(&waker_a)).is_pending());
    assert!(poll(&mut b).is_pending());
    sender.try_send(Ok(1)).unwrap();
    assert!(woken_a() >= 1);
    assert!(matches!(poll(&mut a), Poll::Ready(Some(Ok(1)))));
    // Two that wait must not wake each other for ever.
    let (count, both) =
        (woken_a(), [poll(&mut a).is_pending(), { poll(&mut b).is_ready() }, poll(&mut b).is_pending()]);
    assert_eq!((both, woken_a()), ([true; 3], count));
}

#[test]
fn a_budget_of_tokens_ends_the_stream_well_and_cancels() {
    let script = Script::new([tokens(50, Duration::from_millis(10)), tokens(2, Duration::ZERO)]);
    let client = client(&script);
    let (answer, ended) = block_on(client.chat().stream(&ask()).limited(Budget::new().tokens(10)).finish()).unwrap();
    assert_eq!(ended, EndReason::Tokens);
    let words = answer.text().split_whitespace().count();
    assert!((1..=10).contains(&words), "{words}");
    assert_eq!((answer.meta().status().as_u16(), answer.meta().record().items), (200, words as u64));
    assert_eq!(script.dropped(), 1);
    let (answer, ended) = block_on(client.chat().stream(&ask()).limited(Budget::new().tokens(1000)).finish()).unwrap();
    assert_eq!((ended, answer.text()), (EndReason::Completed, "w0 w1 "));
}

#[test]
fn a_budget_of_time_goes_by_the_clock_of_the_client() {
    let script = Script::new([
        tokens(100, Duration::from_secs(1)),
        Reply::events().chunk(token("a")).hang(),
        Reply::events().chunk(token("a")).wait(Duration::from_secs(2)).fail("gone"),
    ]);
    let client = client(&script);
    let budget = Budget::new().time(Duration::from_millis(4500));
    let mut stream = client.chat().stream(&ask()).limited(budget);
    while let Some(item) = block_on(stream.next()) {
        item.unwrap();
    }
    assert_eq!((stream.ended(), stream.get_ref().outcome()), (Some(EndReason::Time), Some(Outcome::Stopped)));
    assert_eq!(script.now().since_epoch(), Duration::from_millis(4500));
    assert_eq!(stream.get_ref().so_far().text(), "w0 w1 w2 w3 ");
    assert_eq!(script.dropped(), 1);
    let (answer, ended) = block_on(client.chat().stream(&ask()).limited(budget).finish()).unwrap();
    assert_eq!((answer.text(), ended), ("a", EndReason::Time));
    let broken = block_on(client.chat().stream(&ask()).limited(budget).finish()).unwrap_err();
    assert_eq!((broken.partial.text(), broken.outcome), ("a", Outcome::Truncated));
}

#[test]
fn a_late_read_is_asked_elsewhere_and_the_first_answer_counts() {
    let slow = || Reply::json(200, "1").head_after(Duration::from_secs(20));
    let quick = || Reply::json(200, "2").head_after(Duration::from_secs(1));
    let script = Script::new([slow(), quick()]);
    let client = Client::builder("http://one.test")
        .server(Server::new("http://two.test").unwrap())
        .build_with(script.clone())
        .unwrap();
    let answer = block_on(client.hedged(&Read, Duration::from_secs(3))).unwrap();
    assert_eq!(answer.into_inner(), 2);
    assert_eq!(script.now().since_epoch(), Duration::from_secs(4));
    let hosts: Vec<_> = script.requests().iter().map(|request| request.uri().host().unwrap().to_owned()).collect();
    assert!(hosts.contains(&"one.test".to_owned()) && hosts.contains(&"two.test".to_owned()), "{hosts:?}");
    assert!(client.servers().iter().all(|server| server.in_flight == 0));

    script.push(quick());
    let answer = block_on(client.hedged(&Read, Duration::from_secs(3))).unwrap();
    assert_eq!((answer.into_inner().as_u64(), script.requests().len()), (Some(2), 3), "in time, so it was asked once");
}

#[test]
fn a_hedge_is_paid_for_and_its_failure_is_not_the_end() {
    let slow = || Reply::json(200, "1").head_after(Duration::from_secs(20));
    let script = Script::new([slow(), Reply::status(404)]);
    let build = |budget| {
        let builder = Client::builder("http://one.test").retry(Retry::NEVER).retry_budget(budget);
        builder.build_with(script.clone()).unwrap()
    };
    let client = build(RetryBudget::GENTLE);
    assert_eq!(block_on(client.hedged(&Read, Duration::from_secs(3))).unwrap().into_inner(), 1);
    assert_eq!(script.requests().len(), 2);

    for reply in [Reply::status(404).head_after(Duration::from_secs(5)), Reply::status(405)] {
        script.push(reply);
    }
    let mut hedged = pin!(client.hedged(&Read, Duration::from_secs(3)));
    let error: Error = block_on(hedged.as_mut()).unwrap_err();
    assert_eq!(error.status().unwrap(), 404, "of two errors the first call's is reported");
    assert!(hedged.is_hedged() && hedged.now_or_never().unwrap().unwrap_err().kind() == ErrorKind::Misuse);

    let poor = build(RetryBudget::new(0.0, 0.0));
    script.push(slow());
    assert_eq!(block_on(poor.hedged(&Read, Duration::from_secs(3))).unwrap().into_inner(), 1);
    assert_eq!(script.remaining(), 0);
    assert_eq!(script.requests().len(), 5, "there was nothing to pay the second call with");
}

/// Wakes that got lost would hang here.
#[cfg(not(target_arch = "wasm32"))]
#[test]
fn between_threads_no_wake_is_lost() {
    const ITEMS: u32 = 20_000;
    let feed = |mut sender: mpsc::Sender<Result<u32>>| {
        std::thread::spawn(move || {
            for n in 0..ITEMS {
                block_on(sender.send(Ok(n))).unwrap();
            }
        })
    };
    let in_order = |items: Vec<Result<u32>>| items.into_iter().map(Result::unwrap).eq(0..ITEMS);
    for lag in [1, 3, 64] {
        let (sender, receiver) = mpsc::channel(2);
        let (a, b) = tee(receiver, lag, LagPolicy::Block);
        let writer = feed(sender);
        let readers = [a, b].map(|reader| std::thread::spawn(|| block_on(reader.collect::<Vec<_>>())));
        for reader in readers {
            assert!(in_order(reader.join().unwrap()));
        }
        writer.join().unwrap();
    }
    let mut mux = Mux::new();
    let writers: Vec<_> = (0..4)
        .map(|n| {
            let (sender, receiver) = mpsc::channel(2);
            mux.add(n, receiver);
            feed(sender)
        })
        .collect();
    let mut counts = [0; 4];
    while let Some((n, event)) = block_on(mux.next()) {
        if let MuxEvent::Item(item) = event {
            assert_eq!(item.unwrap(), counts[n]);
            counts[n] += 1;
        }
    }
    assert_eq!(counts, [ITEMS; 4]);
    writers.into_iter().for_each(|writer| writer.join().unwrap());
}

fn counting_waker() -> (Waker, impl Fn() -> usize) {
    struct Count(std::sync::atomic::AtomicUsize);
    impl std::task::Wake for Count {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
    }
    let count = std::sync::Arc::new(Count(0.into()));
    (Waker::from(count.clone()), move || count.0.load(std::sync::atomic::Ordering::SeqCst))
}
