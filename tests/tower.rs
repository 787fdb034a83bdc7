//! Tower above the client and below it, over real sockets.

#![cfg(not(target_arch = "wasm32"))]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use http::{Request, Response};
use tabbyapi::api::{ChatMessage, ChatRequest, CurrentModel};
use tabbyapi::policy::Retry;
use tabbyapi::transport::{BoxFuture, Reqwest, Tower, TransportError, Wire};
use tabbyapi::{Client, ErrorKind, Outcome};
use tabbyapi_emulator::{CannedResponse, Emulator, Script};
use tower::balance::p2c::Balance;
use tower::discover::ServiceList;
use tower::load::{CompleteOnResponse, PendingRequests};
use tower::{BoxError, Service, ServiceBuilder, ServiceExt, service_fn};

/// Longer than anything here takes on a slow machine; only a failure waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

fn reqwest_transport() -> Reqwest {
    Reqwest::new(reqwest::Client::builder()).unwrap()
}

fn ask(text: &str) -> ChatRequest {
    ChatRequest::new([ChatMessage::user(text)]).max_tokens(20)
}

fn client_of(server: &Emulator) -> Client {
    Client::builder(server.url()).api_key(server.api_key()).build().unwrap()
}

/// A client whose requests go through this service.
fn client_over<S, B>(server: &Emulator, service: S) -> Client
where
    S: Service<Request<Bytes>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let builder = Client::builder(server.url()).api_key(server.api_key()).retry(Retry::GENTLE.base(Duration::ZERO));
    builder.build_with(Tower::new(service, reqwest_transport())).unwrap()
}

#[tokio::test]
async fn streams_pass_through_layers_token_by_token_and_dropping_them_cancels() {
    let server = Emulator::builder().start().unwrap();
    let wire = Wire::new(reqwest_transport());
    let service = ServiceBuilder::new().buffer(8).concurrency_limit(2).timeout(PATIENCE).service(wire);
    let client = client_over(&server, service);
    for (n, whole) in [true, false].into_iter().enumerate() {
        server.script(Script::new().tokens(["One", " two", " three"]).gate());
        let mut stream = client.chat().stream(&ask("count"));
        for token in ["One", " two"] {
            server.release(1);
            assert_eq!(stream.next().await.unwrap().unwrap().text(), token);
        }
        if whole {
            server.release(2);
            assert_eq!(stream.finish().await.unwrap().text(), "One two three");
            continue;
        }
        drop(stream);
        assert!(server.until_disconnect(PATIENCE).await, "stream {n}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_leaves_the_partial_answer() {
    let server = Emulator::builder().start().unwrap();
    let client = client_over(&server, Wire::new(reqwest_transport()));
    server.script(Script::new().tokens(["a", "b"]).cut_after(1));
    let broken = client.chat().stream(&ask("x")).finish().await.unwrap_err();
    assert_eq!((broken.outcome, broken.partial.text()), (Outcome::Truncated, "a"));
}

/// Not ready so often, and then as the inner service is.
#[derive(Clone)]
struct Unready<S>(S, Arc<AtomicUsize>);

impl<S: Service<Request<Bytes>, Error = TransportError>> Service<Request<Bytes>> for Unready<S> {
    type Response = S::Response;
    type Error = BoxError;
    type Future = futures::future::ErrInto<S::Future, BoxError>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match self.1.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)) {
            Ok(_) => Poll::Ready(Err("the pool is being rebuilt".into())),
            Err(_) => self.0.poll_ready(cx).map_err(Into::into),
        }
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        futures::TryFutureExt::err_into(self.0.call(request))
    }
}

#[tokio::test]
async fn what_a_service_was_not_ready_for_was_not_sent() {
    let server = Emulator::builder().start().unwrap();
    let client = client_over(&server, Unready(Wire::new(reqwest_transport()), Arc::new(1.into())));
    let answer = client.chat().create(&ask("x")).await.unwrap();
    assert_eq!((answer.meta().record().attempt_count, server.requests().len()), (2, 1), "it may be sent again");

    let client = client_over(&server, Unready(Wire::new(reqwest_transport()), Arc::new(9.into())));
    let error = client.chat().create(&ask("x")).await.unwrap_err();
    assert_eq!((error.kind(), error.record().unwrap().attempt_count), (ErrorKind::Connect, 3));
    assert!(error.to_string().contains("the pool is being rebuilt"), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn what_a_layer_gave_up_may_have_been_begun() {
    let server = Emulator::builder().start().unwrap();
    let wire = Wire::new(reqwest_transport());
    let client = client_over(&server, ServiceBuilder::new().timeout(Duration::from_millis(200)).service(wire));
    server.answer(CannedResponse::hang().on("/v1/chat/completions"));
    let error = client.chat().create(&ask("x")).await.unwrap_err();
    assert_eq!((error.kind(), error.record().unwrap().attempt_count), (ErrorKind::Transport, 1), "{error}");
    assert!(server.until_disconnect(PATIENCE).await);
    assert_eq!(server.requests().len(), 1);

    // A cause of ours knows better, however deep it is wrapped.
    server.kill();
    let wire = Wire::new(reqwest_transport());
    let client = client_over(&server, ServiceBuilder::new().timeout(PATIENCE).buffer(4).service(wire));
    let error = client.chat().create(&ask("x")).await.unwrap_err();
    assert_eq!((error.kind(), error.record().unwrap().attempt_count), (ErrorKind::Connect, 3), "{error}");
}

#[tokio::test]
async fn any_service_will_do() {
    let server = Emulator::builder().start().unwrap();
    let service = service_fn(|request: Request<Bytes>| async move {
        assert_eq!(request.uri().path(), "/v1/model");
        Ok::<_, BoxError>(Response::new(reqwest::Body::from(r#"{"id": "made up", "object": "model"}"#)))
    });
    assert_eq!(client_over(&server, service).models().current().await.unwrap().id, "made up");
}

#[tokio::test]
async fn towers_balancer_spreads_calls_over_servers() {
    let servers: Vec<_> =
        (0..3).map(|_| Emulator::builder().token_delay(Duration::from_millis(2)).start().unwrap()).collect();
    let clients = servers.iter().map(|server| PendingRequests::new(client_of(server), CompleteOnResponse::default()));
    let balanced = Balance::new(ServiceList::new::<ChatRequest>(clients.collect::<Vec<_>>()));
    let service = ServiceBuilder::new().buffer(64).concurrency_limit(6).service(balanced);
    let answers = join_all((0..60).map(|n| {
        let mut service = service.clone();
        async move { service.ready().await.unwrap().call(ask(&format!("number {n} please"))).await.unwrap() }
    }))
    .await;
    for (n, answer) in answers.iter().enumerate() {
        assert!(answer.text().contains(&format!("number {n} please")), "{:?}", answer.text());
    }
    let seen: Vec<_> = servers.iter().map(|server| server.requests().len()).collect();
    assert_eq!(seen.iter().sum::<usize>(), 60, "{seen:?}");
    assert!(seen.iter().all(|count| *count >= 5), "{seen:?}");
    let at_once: usize = servers.iter().map(|server| server.log().most_in_flight).max().unwrap();
    assert!(at_once <= 6, "{at_once}");
}

#[tokio::test]
async fn towers_deadline_cancels_a_call() {
    let server = Emulator::builder().start().unwrap();
    server.answer(CannedResponse::hang().on("/v1/model"));
    let service = ServiceBuilder::new().timeout(Duration::from_millis(200)).service(client_of(&server));
    let error = service.clone().oneshot(CurrentModel).await.unwrap_err();
    assert!(error.is::<tower::timeout::error::Elapsed>(), "{error}");
    assert!(server.until_disconnect(PATIENCE).await);

    // An error of the client comes through as it is.
    server.answer(CannedResponse::status(404).on("/v1/model"));
    let error = service.clone().oneshot(CurrentModel).await.unwrap_err();
    assert_eq!(error.downcast_ref::<tabbyapi::Error>().unwrap().status().unwrap().as_u16(), 404);
}

#[test]
fn nothing_is_sent_before_it_is_awaited() {
    fn is_service<S: Service<E, Future: Send>, E>(_: &S) {}
    let server = Emulator::builder().start().unwrap();
    let mut client = client_of(&server);
    is_service::<_, CurrentModel>(&client);
    let future: BoxFuture<_> = Box::pin(Service::call(&mut client, CurrentModel));
    drop(future);
    assert_eq!(server.log().connections_opened, 0);
}
