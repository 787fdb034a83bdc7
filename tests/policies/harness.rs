//! Calls driven by hand, on several servers.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use tabbyapi::call::{Call, Changed, Input, Output, Settings, Shared, Time};
use tabbyapi::decode::Decode;
use tabbyapi::policy::Server;
use tabbyapi::transport::{Sent, TransportError};
use tabbyapi::{BaseUrl, Endpoint, Error};

pub fn at(seconds: f64) -> Time {
    Time::from_epoch(Duration::from_secs_f64(seconds))
}

pub fn base(name: &str) -> BaseUrl {
    format!("http://{name}.test").parse().unwrap()
}

/// The settings for servers of these names.
pub fn servers(names: &[&str]) -> Settings {
    let settings = Settings::new(base(names[0]));
    names[1..].iter().fold(settings, |settings, name| settings.server(Server::new(base(name)).unwrap()).unwrap())
}

pub fn call<E: Endpoint>(shared: &Shared, endpoint: &E) -> Call<E::Decoder> {
    Call::new(shared, endpoint).unwrap()
}

pub fn json(status: u16, headers: &[(&str, &str)]) -> Input {
    let mut response = http::Response::builder().status(status).header("content-type", "application/json");
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    Input::Head(response.body(()).unwrap().into_parts().0)
}

pub fn refused() -> Input {
    Input::Failed(TransportError::new(Sent::No, "connection refused"))
}

pub fn reset() -> Input {
    Input::Failed(TransportError::new(Sent::Maybe, "connection reset by peer"))
}

fn name<T>(output: &Output<T>) -> String {
    match output {
        Output::Send { request, .. } => format!("Send to {}", request.uri()),
        Output::Read { deadline } => format!("Read until {deadline:?}"),
        Output::Wait { until, changed } => format!("Wait until {until:?}, changed {}", changed.is_some()),
        Output::Authorize { server, .. } => format!("Authorize for {server}"),
        Output::Item(_) => "Item".to_owned(),
        Output::Done(result) => format!("Done: {result:?}"),
        _ => "something new".to_owned(),
    }
}

/// Expects a request, and gives the name of the server that it goes to.
#[track_caller]
pub fn sends<D: Decode>(call: &mut Call<D>, now: f64) -> String {
    request(call, now).uri().host().unwrap().trim_end_matches(".test").to_owned()
}

#[track_caller]
pub fn request<D: Decode>(call: &mut Call<D>, now: f64) -> Request<Bytes> {
    match call.poll_output(at(now)) {
        Output::Send { request, .. } => request,
        other => panic!("expected a request, got {}", name(&other)),
    }
}

/// Expects a wait, and gives until when at the latest, and for what.
#[track_caller]
pub fn waits<D: Decode>(call: &mut Call<D>, now: f64) -> (Option<Time>, Option<Woken>) {
    match call.poll_output(at(now)) {
        Output::Wait { until, changed } => (until, changed.map(Woken::new)),
        other => panic!("expected to wait, got {}", name(&other)),
    }
}

#[track_caller]
pub fn fails<D: Decode>(call: &mut Call<D>, now: f64) -> Error {
    match call.poll_output(at(now)) {
        Output::Done(Err(error)) => error,
        other => panic!("expected an error, got {}", name(&other)),
    }
}

/// Answers a read that was sent, and expects its end.
#[track_caller]
pub fn answers<D: Decode>(call: &mut Call<D>, now: f64) {
    call.handle_input(at(now), json(200, &[]));
    call.handle_input(at(now), Input::Chunk(Bytes::from_static(b"{}")));
    call.handle_input(at(now), Input::End);
    let item = call.poll_output(at(now));
    assert!(matches!(item, Output::Item(_)), "{}", name(&item));
    let done = call.poll_output(at(now));
    assert!(matches!(done, Output::Done(Ok(()))), "{}", name(&done));
}

/// Answers with a status and an empty object.
pub fn answers_with<D: Decode>(call: &mut Call<D>, now: f64, status: u16, headers: &[(&str, &str)], body: &str) {
    call.handle_input(at(now), json(status, headers));
    call.handle_input(at(now), Input::Chunk(Bytes::copy_from_slice(body.as_bytes())));
    call.handle_input(at(now), Input::End);
}

/// A change that is waited for, and how often its waker was called.
pub struct Woken {
    changed: Pin<Box<Changed>>,
    count: Arc<Count>,
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Woken {
    #[track_caller]
    fn new(changed: Changed) -> Self {
        let mut woken = Woken { changed: Box::pin(changed), count: Arc::default() };
        assert!(!woken.is_ready(), "there is something to wait for");
        woken
    }

    pub fn is_ready(&mut self) -> bool {
        let waker = Waker::from(self.count.clone());
        self.changed.as_mut().poll(&mut Context::from_waker(&waker)) == Poll::Ready(())
    }

    pub fn was_woken(&self) -> bool {
        self.count.0.load(Ordering::SeqCst) > 0
    }
}
