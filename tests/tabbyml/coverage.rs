//! The table of this dialect in `src/guide/tabbyml.md`, against the library and the recordings.

use std::collections::BTreeSet;

use tabbyapi::api::ChatMessage;
use tabbyapi::tabbyml::*;
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::{Endpoint, Idempotency, ResponseFuture, ResponseStream, Scope, StreamEndpoint};

use crate::play::bounded;
use crate::recording::all;

const GUIDE: &str = include_str!("../../src/guide/tabbyml.md");

trait Asked {
    const ANSWER: &'static str;
    fn send(self);
}

impl<T> Asked for ResponseFuture<T> {
    const ANSWER: &'static str = "whole";
    fn send(self) {
        bounded(self).map(drop).expect_err("404 is an error");
    }
}

impl<T, O> Asked for ResponseStream<T, O> {
    const ANSWER: &'static str = "stream";
    fn send(mut self) {
        bounded(self.next()).expect("an error").map(drop).expect_err("404 is an error");
    }
}

macro_rules! lines {
    ($( $service:ident.$method:ident($($arg:expr),*), $type:ident, $route:literal, $endpoint:expr; )*) => {
        vec![$( line(
            stringify!($service), stringify!($method), stringify!($type), $route, &$endpoint,
            |client: &Client| client.$service().$method($($arg),*),
        ) ),*]
    };
}

/// A line of the table. The method sends the request of the endpoint, with the token of its scope.
fn line<E: Endpoint, A: Asked>(
    service: &str,
    method: &str,
    service_type: &str,
    route: &str,
    endpoint: &E,
    call: impl Fn(&Client) -> A,
) -> String {
    let script = Script::new([Reply::status(404)]);
    let builder = Client::builder("http://tabby.test").token("user").registration_token("registration");
    call(&builder.build_with(script.clone()).expect("a client")).send();
    let sent = script.requests().remove(0);
    assert_eq!(
        (sent.method(), sent.uri().path()),
        (&E::METHOD, endpoint.path().split('?').next().unwrap()),
        "{method}"
    );
    assert_eq!(sent.body(), &endpoint.body().expect("a body").unwrap_or_default(), "{method}");
    let token = sent.headers().get("authorization").map(|value| value.to_str().expect("ASCII").replace("Bearer ", ""));
    let expected = match E::SCOPE {
        Scope::Public => None,
        Scope::Admin => Some("registration"),
        _ => Some("user"),
    };
    assert_eq!(token.as_deref(), expected, "{method}");
    let again = match E::IDEMPOTENCY {
        Idempotency::Idempotent => "idempotent",
        Idempotency::IfUnsent => "if unsent",
        _ => "never",
    };
    let name = format!("[`client.{service}().{method}()`](crate::tabbyml::services::{service_type}::{method})");
    format!("| `{} {route}` | {name} | {} | {again} | {} |", E::METHOD, token.as_deref().unwrap_or("none"), A::ANSWER)
}

fn derived() -> Vec<String> {
    let completion = CompletionRequest::new("rust", Segments::new("x"));
    let chat = ChatRequest::new([ChatMessage::user("x")]);
    let event = LogEvent::new("cmpl-1");
    let document = IngestionRequest::new("s", "i", "t", "b");
    let (files, grep) = (SearchFiles::new("GIT", "1", "x"), Grep::new("GIT", "1", "x"));
    let (threads, messages) = (MyThreads::new(), ThreadMessages::new("t"));
    lines! {
        completions.create(&completion), Completions, "/v1/completions", completion;
        chat.create(&chat), Chat, "/v1/chat/completions", chat;
        chat.stream(&chat), Chat, "/v1/chat/completions", chat.streamed();
        events.view(&event), Events, "/v1/events", event;
        events.select(&event), Events, "/v1/events", event.clone().kind(EventType::Select);
        events.dismiss(&event), Events, "/v1/events", event.clone().kind(EventType::Dismiss);
        events.log(&event), Events, "/v1/events", event;
        health.check(), Health, "/v1/health", GetHealth;
        models.list(), Models, "/v1beta/models", ListModels;
        server_setting.get(), ServerSettings, "/v1beta/server_setting", GetServerSetting;
        ingestion.add(&document), Ingestion, "/v1beta/ingestion", document;
        ingestion.delete("s", "i"), Ingestion, "/v1beta/ingestion/{source}/{id}", DeleteDocument::new("s", "i");
        ingestion.delete_source("s"), Ingestion, "/v1beta/ingestion/{source}", DeleteSource::new("s");
        graphql.query(&GraphQlQuery::<u32>::new("{x}")), GraphQl, "/graphql", GraphQlQuery::<u32>::new("{x}");
        graphql.me(), GraphQl, "/graphql", GetMe::new();
        graphql.context_info(), GraphQl, "/graphql", GetContextInfo::new();
        graphql.repositories(), GraphQl, "/graphql", ListRepositories::new();
        graphql.search_files(&files), GraphQl, "/graphql", files;
        graphql.grep(&grep), GraphQl, "/graphql", grep;
        graphql.my_threads(&threads), GraphQl, "/graphql", threads;
        graphql.thread_messages(&messages), GraphQl, "/graphql", messages;
        graphql.ingestion_status(), GraphQl, "/graphql", GetIngestionStatus::new();
        graphql.sign_in("a", "b"), GraphQl, "/graphql", SignIn::new("a", "b");
        graphql.refresh("r"), GraphQl, "/graphql", RefreshTokens::new("r");
    }
}

fn rows(heading: &str) -> Vec<&'static str> {
    let section = GUIDE.split("\n## ").find(|section| section.starts_with(heading)).expect("the heading is there");
    section.lines().filter(|line| line.starts_with('|')).skip(2).collect()
}

#[test]
fn the_table_of_methods_is_that_of_the_library() {
    let derived = derived();
    assert_eq!(rows("Methods\n"), derived, "the table has to be:\n{}", derived.join("\n"));
}

#[test]
fn every_recorded_route_is_in_a_table() {
    let listed: BTreeSet<String> = rows("Methods\n")
        .into_iter()
        .chain(rows("Routes without a method"))
        .filter_map(|row| Some(row.split('`').nth(1)?.to_owned()))
        .collect();
    for recording in all() {
        let exchange = &recording.exchange;
        // What was sent wrongly on purpose.
        let status = exchange.status.unwrap_or(200);
        if matches!(status, 307 | 404 | 405) || ["HEAD", "OPTIONS"].contains(&&*exchange.method) {
            continue;
        }
        let path = exchange.path.split('?').next().unwrap();
        let path = match path.strip_prefix("/v1beta/ingestion/").map(|rest| rest.split('/').count()) {
            Some(1) => "/v1beta/ingestion/{source}",
            Some(_) => "/v1beta/ingestion/{source}/{id}",
            None => path,
        };
        let route = format!("{} {path}", exchange.method);
        assert!(listed.contains(&route), "{}: {route}", recording.name);
    }
}
