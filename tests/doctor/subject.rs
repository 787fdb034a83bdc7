//! The emulated server, under a transport that changes its answers in memory. Its clock is virtual.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http::{Request, Response};
use tabbyapi::auth::Credential;
use tabbyapi::call::Time;
use tabbyapi::doctor::{Doctor, Report};
use tabbyapi::transport::script::{Body, Reply, Script};
use tabbyapi::transport::{Chunk, Exchange, Reqwest, Transport, TransportError};
use tabbyapi_emulator::{Emulator, EmulatorBuilder};

/// What is done to an answer.
pub type Edit = fn(&mut Exchange);

/// A server, and the way to it.
pub struct Subject {
    pub emulator: Emulator,
    way: Arc<Way>,
}

struct Way {
    /// The answers to requests that were sent before: an examination asks the same each time.
    known: Mutex<HashMap<String, Exchange>>,
    runtime: tokio::runtime::Runtime,
    transport: Reqwest,
}

impl Subject {
    pub fn new(builder: EmulatorBuilder) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let way =
            Arc::new(Way { known: Mutex::default(), runtime, transport: Reqwest::new(Default::default()).unwrap() });
        Subject { emulator: builder.start().unwrap(), way }
    }

    /// An examination with both keys, an origin, and generation.
    pub fn doctor(&self) -> Doctor {
        let key = |key| Credential::api_key(key).unwrap();
        Doctor::new(&self.emulator.url())
            .unwrap()
            .api_key(key(self.emulator.api_key()))
            .admin_key(key(self.emulator.admin_key()))
            .origin("https://chat.example.org")
            .unwrap()
            .generate(true)
    }

    pub fn examine(&self, doctor: &Doctor, on: &str, edit: Edit) -> Report {
        let transport = Mutated { way: self.way.clone(), script: Script::new([]), on: on.to_owned(), edit };
        futures::executor::block_on(doctor.run(&transport))
    }

    /// Sends one request to the server itself.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> Exchange {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.emulator.url()));
        let request =
            request.header("content-type", "application/json").header("x-admin-key", self.emulator.admin_key());
        self.way.ask(request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap())
    }
}

impl Way {
    fn ask(&self, request: Request<Bytes>) -> Exchange {
        let headers: Vec<_> = request.headers().iter().map(|(name, value)| (name, value.as_bytes())).collect();
        let key = format!("{} {} {headers:?} {:?}", request.method(), request.uri(), request.body());
        if let Some(exchange) = self.known.lock().unwrap().get(&key) {
            return exchange.clone();
        }
        let exchange = self.send(request);
        self.known.lock().unwrap().insert(key, exchange.clone());
        exchange
    }

    fn send(&self, request: Request<Bytes>) -> Exchange {
        self.runtime.block_on(async {
            let mut head = format!("{} {} HTTP/1.1\r\n", request.method(), request.uri().path());
            for (name, value) in request.headers() {
                head += &format!("{name}: {}\r\n", value.to_str().unwrap());
            }
            let asked = [head.as_bytes(), b"\r\n", request.body()].concat();
            let response = self.transport.send(request).await.unwrap();
            let mut head = format!("HTTP/1.1 {}\r\n", response.status());
            for (name, value) in response.headers() {
                head += &format!("{name}: {}\r\n", value.to_str().unwrap());
            }
            let mut exchange = Exchange::from_http(&asked, format!("{head}\r\n").as_bytes()).unwrap();
            let mut body = std::pin::pin!(response.into_body());
            while let Some(chunk) = body.next().await {
                exchange.chunks.push(Chunk::new(Duration::ZERO, chunk.unwrap()));
            }
            exchange
        })
    }
}

struct Mutated {
    way: Arc<Way>,
    script: Script,
    /// Which answers: method, path, and words that the request has.
    on: String,
    edit: Edit,
}

impl Mutated {
    fn is_meant(&self, exchange: &Exchange) -> bool {
        let mut words = self.on.split(' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap_or("*"));
        let text = format!("{:?} {}", exchange.request_headers, String::from_utf8_lossy(&exchange.request_body.0));
        (method == "*" || method == exchange.method)
            && (path == "*" || path == exchange.path)
            && words.all(|word| match word.strip_prefix('!') {
                Some(word) => !text.contains(word),
                None => text.contains(word),
            })
    }
}

impl Transport for Mutated {
    type Body = Body;

    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Body>, TransportError>> + Send + 'static {
        // At once, so that the virtual clock stands still meanwhile.
        let mut exchange = self.way.ask(request.clone());
        if self.is_meant(&exchange) {
            (self.edit)(&mut exchange);
        }
        self.script.push(Reply::from(&exchange));
        self.script.send(request)
    }

    fn sleep_until(&self, until: Time) -> impl Future<Output = ()> + Send + 'static {
        self.script.sleep_until(until)
    }

    fn now(&self) -> Time {
        self.script.now()
    }

    fn seed(&self) -> u64 {
        0
    }
}
