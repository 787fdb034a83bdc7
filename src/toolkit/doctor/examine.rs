//! `Examination`: the state machine of an examination. It returns the next request, takes the response, and ends in a report.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use http::{HeaderMap, Request};
use serde_json::Value;

use crate::base::secrets::{Secrets, X_ADMIN_KEY, X_API_KEY, is_secret};
use crate::protocol::auth::Credential;
use crate::toolkit::doctor::check::*;
use crate::toolkit::doctor::drift::{self, Drift};
use crate::toolkit::doctor::plan::{self, Ask, Body, Key};
use crate::toolkit::doctor::report::{Notes, Probe, Report, quote};
use crate::toolkit::doctor::{Doctor, cors, judge, keys, model, server};
use crate::transport::{Data, End, Exchange};

/// A key that no server has.
const WRONG_KEY: &str = "tabbyapi-doctor-wrong-key";
/// Responses without generation that take longer are slow.
const SLOW: Duration = Duration::from_secs(2);

/// A request and its response.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) ask: Ask,
    pub(super) exchange: Exchange,
    /// The body as JSON. Null if it is not JSON.
    pub(super) json: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Identify,
    OtherDialect,
    Keys,
    Reads,
    Kobold,
    Decode,
    Document,
    Cors,
    Generation,
    End,
}

#[derive(Debug)]
pub(super) struct Examination {
    doctor: Doctor,
    secrets: Secrets,
    stage: Stage,
    queue: VecDeque<Ask>,
    asked: Option<(Ask, Duration)>,
    seen: Vec<Seen>,
    /// The key with which the routes are read.
    key: Key,
    out_of_time: bool,
    /// When the first response arrived after the start, and its `date`.
    date: Option<(Duration, String)>,
}

impl Examination {
    pub(super) fn new(doctor: Doctor) -> Self {
        let mut secrets = Secrets::default();
        let mut headers = HeaderMap::new();
        for key in [&doctor.api_key, &doctor.admin_key].into_iter().flatten() {
            key.apply(&mut headers);
            secrets.add_headers(&headers);
        }
        let queue = plan::identify().into();
        let (stage, key) = (Stage::Identify, Key::None);
        Examination {
            doctor,
            secrets,
            stage,
            queue,
            asked: None,
            seen: Vec::new(),
            key,
            out_of_time: false,
            date: None,
        }
    }

    /// Returns the next request and the time limit of its response. `elapsed` is the time since the start.
    pub(super) fn next_request(&mut self, elapsed: Duration) -> Option<(Request<Bytes>, Duration)> {
        let left = self.doctor.timeout.saturating_sub(elapsed);
        while self.queue.is_empty() && self.stage != Stage::End {
            self.advance();
        }
        let ask = self.queue.pop_front()?;
        if left.is_zero() {
            self.out_of_time = true;
            return None;
        }
        let most = if ask.generates { self.doctor.timeout / 2 } else { self.doctor.timeout / 4 };
        let request = self.request(&ask)?;
        self.asked = Some((ask, elapsed));
        Some((request, left.min(most)))
    }

    /// Records the response to the last request.
    pub(super) fn observe(&mut self, mut exchange: Exchange) {
        let Some((ask, at)) = self.asked.take() else { return };
        // Without the server's path prefix.
        ask.path.clone_into(&mut exchange.path);
        let is_lost = exchange.status.is_none();
        let date = exchange.headers.iter().find(|(name, _)| name == "date");
        if let (None, Some((_, date))) = (&self.date, date) {
            self.date = Some((at + Duration::from_millis(exchange.head_ms), date.clone()));
        }
        let json = serde_json::from_slice(&exchange.body()).unwrap_or(Value::Null);
        self.seen.push(Seen { ask, exchange, json });
        // The server is unreachable: the other requests would fail, too.
        if is_lost && self.seen.len() == 1 {
            self.queue.clear();
            self.stage = Stage::End;
        }
    }

    /// Judges all recorded exchanges.
    pub(super) fn report(self) -> Report {
        let mut report = Report { url: self.doctor.base.as_str().to_owned(), ..Report::default() };
        let mut whole = Notes::default();
        server::judge(&self, &mut report.facts, &mut whole);
        let is_ours = server::is_tabbyapi(&self.seen);
        for seen in &self.seen {
            let mut notes = Notes::new(format!("{} {}", seen.ask.method, seen.ask.path));
            if is_ours || seen.ask.name == "health" {
                judge::exchange(&seen.exchange, &mut notes);
            }
            match is_ours {
                true => status(seen, &mut notes),
                // It has pages for people, and another response identifies it.
                false if server::tabbyml(&self).is_some() => notes.findings.clear(),
                // The responses of another server are irrelevant, except that it is another one, or an HTML page.
                false if seen.exchange.status.is_some() => {
                    notes.findings.retain(|finding| [HTML.id, REDIRECT.id].contains(&finding.check.id));
                }
                false => {}
            }
            report.findings.append(&mut notes.findings);
            report.probes.push(probe(seen));
        }
        if is_ours {
            keys::judge(&self, &mut report.facts, &mut whole);
            model::judge(&self, &mut report.facts, &mut whole);
            cors::judge(&self, &mut whole);
            report.drift = self.drift(&mut whole);
        }
        if self.out_of_time {
            whole.add(TIME_LIMIT, format!("after {} s", self.doctor.timeout.as_secs()));
        }
        report.findings.append(&mut whole.findings);
        report.finish(&self.secrets);
        report
    }

    pub(super) fn doctor(&self) -> &Doctor {
        &self.doctor
    }

    pub(super) fn seen(&self) -> &[Seen] {
        &self.seen
    }

    /// Returns the exchange of this name.
    pub(super) fn of(&self, name: &str) -> Option<&Seen> {
        self.seen.iter().find(|seen| seen.ask.name == name)
    }

    /// Returns its body as JSON, if it succeeded.
    pub(super) fn good(&self, name: &str) -> Option<&Value> {
        self.of(name).filter(|seen| seen.exchange.status == Some(200)).map(|seen| &seen.json)
    }

    /// Returns when the first response arrived, and its date.
    pub(super) fn date(&self) -> Option<(Duration, &str)> {
        self.date.as_ref().map(|(at, date)| (*at, date.as_str()))
    }

    /// Goes to the next stage.
    fn advance(&mut self) {
        let (stage, asks) = match self.stage {
            Stage::Identify if server::is_tabbyapi(&self.seen) => {
                let doctor = &self.doctor;
                (Stage::Keys, plan::permissions(doctor.api_key.is_some(), doctor.admin_key.is_some()))
            }
            Stage::Identify => {
                // Its tokens are bearer keys, so an API key is not sent to it.
                let is_bearer = self.doctor.api_key.as_ref().is_some_and(|key| *key.header().0 == AUTHORIZATION);
                (Stage::OtherDialect, plan::other_dialect(if is_bearer { Key::Api } else { Key::None }))
            }
            Stage::Keys => match keys::usable(self) {
                Some(key) => {
                    self.key = key;
                    (Stage::Reads, plan::reads(key))
                }
                None => (Stage::Decode, Vec::new()),
            },
            Stage::Reads => {
                let has_kobold = self.good("kobold").is_some();
                (Stage::Kobold, if has_kobold { plan::kobold(self.key) } else { Vec::new() })
            }
            Stage::Kobold => {
                let tokens = self.good("encode").map(|json| &json["tokens"]).filter(|tokens| tokens.is_array());
                (Stage::Decode, tokens.map(|tokens| plan::decode(self.key, tokens)).into_iter().collect())
            }
            Stage::Decode => {
                let asks = self.doctor.document.is_some().then(plan::document);
                (Stage::Document, asks.into_iter().collect())
            }
            Stage::Document => match &self.doctor.origin {
                Some(origin) => {
                    // A route that needs no key, if the server rejects the rest.
                    let path = if keys::usable(self).is_some() { "/v1/models" } else { "/health" };
                    (Stage::Cors, plan::cors(self.key, self.key_header().as_str(), origin, path))
                }
                None => (Stage::Cors, Vec::new()),
            },
            Stage::Cors if self.doctor.generate && self.good("model").is_some() => {
                let has_embeddings = self.good("embedding-model").is_some();
                (Stage::Generation, plan::generation(self.key, model::has_template(self), has_embeddings))
            }
            _ => (Stage::End, Vec::new()),
        };
        self.stage = stage;
        self.queue = asks.into();
    }

    fn request(&self, ask: &Ask) -> Option<Request<Bytes>> {
        let body = match &ask.body {
            Some(Body::Json(json)) => Bytes::from(json.to_string()),
            Some(Body::Text(text)) => Bytes::from_static(text.as_bytes()),
            None => Bytes::new(),
        };
        let uri = self.doctor.base.join(ask.path).ok()?;
        let mut request = Request::builder().method(ask.method).uri(uri).body(body).ok()?;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("tabbyapi-doctor/", env!("CARGO_PKG_VERSION"))));
        if ask.body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        for (name, value) in &ask.headers {
            headers.insert(HeaderName::from_static(name), value.parse().ok()?);
        }
        if let Some((name, value)) = self.key_of(ask.key) {
            headers.insert(name, value);
        }
        Some(request)
    }

    fn key_of(&self, key: Key) -> Option<(HeaderName, HeaderValue)> {
        let (api, admin) = (self.doctor.api_key.as_ref(), self.doctor.admin_key.as_ref());
        let of = |credential: Option<&Credential>, plain: HeaderName| {
            let (name, value) = credential?.header();
            // A bearer key is the same for all operations; the others have a header for each kind of operation.
            Some((if *name == AUTHORIZATION { AUTHORIZATION } else { plain }, value.clone()))
        };
        match key {
            Key::None => None,
            Key::Wrong => Some((X_API_KEY, HeaderValue::from_static(WRONG_KEY))),
            Key::Api => of(api, X_API_KEY),
            Key::Admin => of(admin, X_API_KEY),
            Key::ApiAsAdmin => of(if self.key == Key::Admin { admin } else { api }, X_ADMIN_KEY),
        }
    }

    /// Returns the differences from the known document.
    fn drift(&self, notes: &mut Notes) -> Option<Drift> {
        let known = self.doctor.document.as_ref()?;
        notes.at = "GET /openapi.json".to_owned();
        let theirs = self.good("document").filter(|json| json["paths"].is_object());
        let mut found = match theirs {
            Some(theirs) => drift::between(known, theirs),
            None => {
                let status = self.of("document").and_then(|seen| seen.exchange.status);
                let status = status.map_or("no answer".to_owned(), |status| format!("status {status}"));
                notes.add(DRIFT_UNREADABLE, format!("{status}, and no OpenAPI document"));
                Drift::default()
            }
        };
        for seen in self.seen.iter().filter(|seen| seen.exchange.status == Some(200) && seen.ask.name != "document") {
            drift::seen(known, &format!("{} {}", seen.ask.method, seen.ask.path), &seen.json, &mut found);
        }
        (theirs.is_some() || !found.is_empty()).then_some(found)
    }

    fn key_header(&self) -> HeaderName {
        self.key_of(self.key).map_or(X_API_KEY, |(name, _)| name)
    }
}

/// The request of an exchange, without keys.
pub(super) fn exchange_of(request: &Request<Bytes>) -> Exchange {
    let header = |(name, value): (&HeaderName, &HeaderValue)| {
        let text = if is_secret(name, value) { "[removed]".into() } else { String::from_utf8_lossy(value.as_bytes()) };
        (name.as_str().to_owned(), text.into_owned())
    };
    Exchange {
        method: request.method().as_str().to_owned(),
        path: request.uri().path().to_owned(),
        request_headers: request.headers().iter().map(header).collect(),
        request_body: Data(request.body().clone()),
        status: None,
        headers: Vec::new(),
        head_ms: 0,
        chunks: Vec::new(),
        end: End::Complete,
    }
}

/// Adds a finding if the status is not an expected one.
fn status(seen: &Seen, notes: &mut Notes) {
    let (ask, exchange) = (&seen.ask, &seen.exchange);
    let Some(status) = exchange.status else { return };
    let is_slow = Duration::from_millis(exchange.head_ms) > SLOW;
    if is_slow && !ask.generates {
        notes.add(SLOW_ANSWERS, format!("{:.1} s until the head", exchange.head_ms as f64 / 1000.0));
    }
    if ask.expected.is_empty() || ask.expected.contains(&status) || (300..400).contains(&status) {
        return;
    }
    let text = String::from_utf8_lossy(&exchange.body()).into_owned();
    // Rejected keys have findings of their own.
    if ask.path == "/v1/auth/permission" && status < 500 {
        return;
    }
    let check = match status {
        404 => ROUTE_MISSING,
        500.. => SERVER_ERROR,
        _ => STATUS_UNEXPECTED,
    };
    let expected: Vec<String> = ask.expected.iter().map(u16::to_string).collect();
    notes.add(check, format!("status {status} where {} is right: {}", expected.join(" or "), quote(&text)));
}

fn probe(seen: &Seen) -> Probe {
    let exchange = &seen.exchange;
    Probe {
        at: format!("{} {}", seen.ask.method, seen.ask.path),
        purpose: seen.ask.purpose,
        status: exchange.status,
        ms: exchange.chunks.last().map_or(exchange.head_ms, |chunk| chunk.at_ms),
    }
}
