//! Examinations over sockets in real time: a server that generates slowly, with and without a proxy that collects its streams.

use std::collections::VecDeque;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, Iter};
use http::{Request, Response};
use tabbyapi::auth::Credential;
use tabbyapi::call::Time;
use tabbyapi::doctor::{Doctor, Report};
use tabbyapi::transport::{Reqwest, Transport, TransportError};
use tabbyapi_emulator::Emulator;

/// Passes a body on once it has come to its end, as a proxy with a buffer does.
struct Collecting(Reqwest);

type Chunks = VecDeque<Result<Bytes, TransportError>>;

impl Transport for Collecting {
    type Body = Iter<<Chunks as IntoIterator>::IntoIter>;

    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Self::Body>, TransportError>> + Send + 'static {
        let sending = self.0.send(request);
        async move {
            let (head, body) = sending.await?.into_parts();
            let chunks: Chunks = body.collect().await;
            Ok(Response::from_parts(head, stream::iter(chunks)))
        }
    }

    fn sleep_until(&self, until: Time) -> impl Future<Output = ()> + Send + 'static {
        self.0.sleep_until(until)
    }

    fn now(&self) -> Time {
        self.0.now()
    }

    fn seed(&self) -> u64 {
        self.0.seed()
    }
}

fn slow_server() -> (Emulator, Doctor) {
    let emulator = Emulator::builder().token_delay(Duration::from_millis(60)).start().unwrap();
    let key = Credential::api_key(emulator.api_key()).unwrap();
    let doctor = Doctor::new(&emulator.url()).unwrap().api_key(key).generate(true);
    (emulator, doctor)
}

fn run(work: impl Future<Output = Report> + Send) -> Report {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

#[test]
fn a_stream_that_arrives_as_it_is_generated() {
    let (_emulator, doctor) = slow_server();
    let transport = Reqwest::new(Default::default()).unwrap();
    let report = run(doctor.run(&transport));
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_stream_that_is_collected_on_the_way() {
    let (_emulator, doctor) = slow_server();
    let transport = Collecting(Reqwest::new(Default::default()).unwrap());
    let report = run(doctor.run(&transport));
    let ids: Vec<&str> = report.findings.iter().map(|finding| finding.check.id).collect();
    assert_eq!(ids, ["stream-buffered", "stream-buffered"], "{report}");
}

#[test]
fn a_server_that_dies_and_one_that_hangs() {
    let (emulator, doctor) = slow_server();
    let transport = Reqwest::new(Default::default()).unwrap();
    emulator.answer(tabbyapi_emulator::CannedResponse::hang().on("/v1/models"));
    let report = run(doctor.clone().generate(false).timeout(Duration::from_secs(4)).run(&transport));
    assert!(report.has("answer-late") && report.probes.len() > 20, "{report}");
    emulator.kill();
    let report = run(doctor.run(&transport));
    assert!(report.has("unreachable") && report.probes.len() == 1, "{report}");
}
