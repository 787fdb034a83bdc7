//! The table of record, `src/guide/coverage.md`, against the library, the emulator and the recordings.
//!
//! What the table has to say of an operation is not written here a second time: it is derived from the `Endpoint`, and the
//! accessor's method is called to see that it sends just that.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use futures::executor::block_on;
use tabbyapi::api::*;
use tabbyapi::internal::OPERATIONS;
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::{Client, Endpoint, Idempotency, ResponseFuture, ResponseStream, Scope, StreamEndpoint};

const TABLE: &str = include_str!("../src/guide/coverage.md");

/// Routes of the server for people, which the emulator does without.
const FOR_PEOPLE: [&str; 3] = ["GET /docs", "GET /openapi.json", "GET /redoc"];

/// What a method of a service gives: a whole answer or a stream.
trait Asked {
    const ANSWER: &'static str;
    /// Sends what it has to send.
    fn send(self);
}

impl<T> Asked for ResponseFuture<T> {
    const ANSWER: &'static str = "whole";
    fn send(self) {
        block_on(self).map(drop).expect_err("what is no answer is refused");
    }
}

impl<T, O> Asked for ResponseStream<T, O> {
    const ANSWER: &'static str = "stream";
    fn send(mut self) {
        block_on(self.next()).expect("an item or an error").map(drop).expect_err("what is no answer is refused");
    }
}

/// A line of the table for each pair of a method and its endpoint.
macro_rules! lines {
    ($( $service:ident.$method:ident($($arg:expr),*), $endpoint:expr; )*) => {
        vec![$( line(
            &format!("client.{}().{}()", stringify!($service), stringify!($method)),
            service_of(|client: &Client| client.$service()),
            &$endpoint,
            |client: &Client| client.$service().$method($($arg),*),
        ) ),*]
    };
}

/// The table as it has to be.
fn derived() -> Vec<String> {
    let chat = ChatRequest::new([ChatMessage::user("x")]);
    let completion = CompletionRequest::new("x").max_tokens(1);
    let (load, embedding) = (LoadRequest::new("m"), EmbeddingLoadRequest::new("m"));
    let (download, embed) = (DownloadRequest::new("a/b"), EmbeddingsRequest::new("x"));
    let (encode, decode) = (EncodeRequest::new("x"), DecodeRequest::new([1]));
    let (loras, overrides) = (LoraLoadRequest::new(["l"]), Overrides::new().force(SamplingParams::new().top_p(0.5)));
    let kobold = KoboldRequest::new("x");
    lines! {
        completions.create(&completion), completion;
        completions.stream(&completion), completion.streamed();
        chat.create(&chat), chat;
        chat.stream(&chat), chat.streamed();
        embeddings.create(&embed), embed;
        models.list(), ListModels;
        models.current(), CurrentModel;
        models.props(), GetProps;
        models.drafts(), ListDrafts;
        models.load(&load), load;
        models.unload(), UnloadModel;
        models.download(&download), download;
        embedding_models.list(), ListEmbeddingModels;
        embedding_models.current(), CurrentEmbeddingModel;
        embedding_models.load(&embedding), embedding;
        embedding_models.unload(), UnloadEmbeddingModel;
        loras.list(), ListLoras;
        loras.active(), ActiveLoras;
        loras.load(&loras), loras;
        loras.unload(), UnloadLoras;
        templates.list(), ListTemplates;
        templates.switch("t"), SwitchTemplate::new("t");
        templates.unload(), UnloadTemplate;
        tokens.encode(&encode), encode;
        tokens.decode(&decode), decode;
        tokens.count(&encode), CountTokens(&encode);
        sampling.overrides(), ListOverrides;
        sampling.switch_preset("p"), SwitchPreset::new("p");
        sampling.set_overrides(&overrides), SetOverrides(&overrides);
        sampling.unload(), UnloadOverrides;
        health.check(), CheckHealth;
        health.service_info(), GetServiceInfo;
        auth.permission(), GetPermission;
        kobold.generate(&kobold), kobold;
        kobold.stream(&kobold), kobold.streamed();
        kobold.model(), GetKoboldModel;
        kobold.max_length(), GetKoboldMaxLength;
        kobold.max_context_length(), GetKoboldMaxContextLength;
        kobold.true_max_context_length(), GetKoboldTrueMaxContextLength;
        kobold.version(), GetKoboldVersion;
        kobold.extra_version(), GetKoboldExtraVersion;
        kobold.soft_prompts(), ListKoboldSoftPrompts;
        kobold.soft_prompt(), GetKoboldSoftPrompt;
        kobold.abort("k"), KoboldAbort::new("k");
        kobold.check("k"), KoboldCheck::new("k");
        kobold.count_tokens("x"), KoboldCountTokens::new("x");
        kobold.set_soft_prompt("s"), SetKoboldSoftPrompt::new("s");
    }
}

/// The name of a service's type, without its module.
fn service_of<S>(_: impl FnOnce(&'static Client) -> S) -> &'static str {
    let name = std::any::type_name::<S>();
    let name = name.split('<').next().unwrap_or(name);
    name.rsplit("::").next().unwrap_or(name)
}

/// Errors that come with a status of success.
const NO_ANSWERS: [&str; 6] = [
    r#"{"error":{"message":"no","type":"t","code":400}}"#,
    r#"{"error":"no"}"#,
    r#"{"detail":"no"}"#,
    r#"{"message":"no"}"#,
    r#"{"object":"error","message":"no","type":"t","code":400}"#,
    r#"[{"error":{"message":"no"}}]"#,
];
/// Bodies that are no answer where one is wanted.
const NOTHING_OF_THE_KIND: [&str; 5] = [r#"{"unrelated":1}"#, "{}", "[]", "7", r#"{"object":"list"}"#];

/// The line of one method, after the endpoint; the method has to send the endpoint's request, with the key of its scope, and
/// to send it again only as its replay safety says.
fn line<E: Endpoint, A: Asked>(name: &str, service: &str, endpoint: &E, call: impl Fn(&Client) -> A) -> String {
    let ask = |reply: &dyn Fn() -> Reply| {
        let script = Script::new((0..9).map(|_| reply()));
        let builder = Client::builder("http://tabby.test").api_key("api").admin_key("adm");
        call(&builder.build_with(script.clone()).expect("a client")).send();
        script.requests()
    };
    let sent = ask(&|| Reply::json(404, r#"{"detail":"Not Found"}"#)).remove(0);
    assert_eq!((sent.method(), sent.uri().path()), (&E::METHOD, &*endpoint.path()), "{name}");
    let body = endpoint.body().expect("a body").unwrap_or_default();
    assert_eq!(sent.body(), &body, "{name}");

    let key = |header: &str| sent.headers().get(header).map(|key| key.to_str().expect("ASCII"));
    let scope = match (key("x-api-key"), key("x-admin-key")) {
        (None, None) => Scope::Public,
        (Some("api"), None) => Scope::Api,
        (Some("adm"), None) => Scope::PreferAdmin,
        (None, Some("adm")) => Scope::Admin,
        other => panic!("{name} sends {other:?}"),
    };
    assert_eq!(E::SCOPE, scope, "{name}");

    // What is no answer of its kind is none, whatever its status.
    let says_nothing = std::any::type_name::<E::Decoder>().contains("Empty");
    for body in NO_ANSWERS.iter().chain(NOTHING_OF_THE_KIND.iter().filter(|_| !says_nothing)) {
        assert!(!ask(&|| Reply::json(200, *body)).is_empty(), "{name}");
    }

    let again = |reply: fn() -> Reply| ask(&reply).len() > 1;
    let replay = match (again(|| Reply::status(502)), again(|| Reply::refused("no"))) {
        (true, true) => Idempotency::Idempotent,
        (false, true) => Idempotency::IfUnsent,
        (false, false) => Idempotency::Never,
        other => panic!("{name} is sent again: {other:?}"),
    };
    assert_eq!(E::IDEMPOTENCY, replay, "{name}");

    let route = format!("{} {}", E::METHOD, endpoint.path());
    let method = name.rsplit_once('.').expect("a method").1.trim_end_matches("()");
    let scope = match scope {
        Scope::PreferAdmin => "prefer admin".to_owned(),
        scope => format!("{scope:?}").to_lowercase(),
    };
    let replay = match replay {
        Idempotency::Idempotent => "idempotent",
        Idempotency::IfUnsent => "if unsent",
        _ => "never",
    };
    format!("| `{route}` | [`{name}`](crate::services::{service}::{method}) | {scope} | {replay} | {} |", A::ANSWER)
}

/// The rows under a heading, without the table's own head.
fn rows<'a>(document: &'a str, heading: &str) -> Vec<&'a str> {
    let section = document.split("\n## ").find(|section| section.starts_with(heading)).expect("the heading is there");
    section.lines().filter(|line| line.starts_with('|')).skip(2).collect()
}

fn cells(row: &str) -> Vec<&str> {
    row.trim_matches('|').split(" | ").map(str::trim).collect()
}

/// All in which the document differs from what is true.
fn faults(document: &str, derived: &[String], served: &BTreeSet<String>) -> Vec<String> {
    let mut faults = Vec::new();
    let methods = rows(document, "Methods");
    for line in derived {
        match methods.iter().filter(|row| *row == line).count() {
            1 => {}
            count => faults.push(format!("{count} times: {line}")),
        }
    }
    faults.extend(
        methods.iter().filter(|row| !derived.iter().any(|line| line == *row)).map(|row| format!("no such: {row}")),
    );
    let mut routes: BTreeSet<String> =
        derived.iter().filter_map(|line| Some(line.split('`').nth(1)?.to_owned())).collect();
    for row in rows(document, "Routes without a method of their own") {
        let [route, why] = cells(row)[..] else {
            faults.push(format!("two cells: {row}"));
            continue;
        };
        if why.len() < 8 {
            faults.push(format!("no reason: {row}"));
        }
        if !routes.insert(route.trim_matches('`').to_owned()) {
            faults.push(format!("listed twice: {row}"));
        }
    }
    faults.extend(served.difference(&routes).map(|route| format!("no method: {route}")));
    faults.extend(routes.difference(served).map(|route| format!("no route: {route}")));
    faults
}

fn served() -> BTreeSet<String> {
    let routes = tabbyapi_emulator::routes().into_iter().map(|(verb, path)| format!("{verb} {path}"));
    routes.chain(FOR_PEOPLE.map(str::to_owned)).collect()
}

/// The document with these rows under the heading of methods.
fn updated(document: &str, derived: &[String]) -> String {
    let (before, rest) = document.split_once("\n## Methods\n").expect("the heading is there");
    let (section, after) = rest.split_once("\n## ").expect("another heading follows");
    let kept: Vec<&str> = section.lines().filter(|line| !line.starts_with("| `")).collect();
    let table = kept.join("\n").trim_end().to_owned() + "\n" + &derived.join("\n");
    format!("{before}\n## Methods\n{table}\n\n## {after}")
}

#[test]
fn every_route_has_its_method_and_every_method_its_route() {
    if std::env::var_os("UPDATE").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/guide/coverage.md");
        fs::write(path, updated(TABLE, &derived())).expect("the table is written");
        return;
    }
    assert_eq!(
        updated(TABLE, &derived()),
        TABLE,
        "`UPDATE=1 cargo test --test files coverage` writes src/guide/coverage.md"
    );
    let faults = faults(TABLE, &derived(), &served());
    assert!(faults.is_empty(), "src/guide/coverage.md:\n{}", faults.join("\n"));
}

#[test]
fn a_row_more_or_less_is_noticed() {
    let (derived, served) = (derived(), served());
    let all: Vec<&str> = ["Methods", "Routes without"].iter().flat_map(|heading| rows(TABLE, heading)).collect();
    assert!(all.len() > 60, "{}", all.len());
    for row in all {
        for other in [String::new(), format!("{row}\n{row}\n"), format!("{}\n", row.replace("/", "/x"))] {
            let changed = TABLE.replacen(&format!("{row}\n"), &other, 1);
            assert!(!faults(&changed, &derived, &served).is_empty(), "{row} as {other:?}");
        }
    }
    for (from, to) in [("| api |", "| admin |"), ("| idempotent |", "| never |"), ("| stream |", "| whole |")] {
        assert!(!faults(&TABLE.replacen(from, to, 1), &derived, &served).is_empty(), "{from} as {to}");
    }
    let mut fewer = served.clone();
    fewer.remove("GET /props");
    assert_eq!(faults(TABLE, &derived, &fewer), ["no route: GET /props"]);
    let mut more = served;
    more.insert("GET /v1/new".to_owned());
    assert_eq!(faults(TABLE, &derived, &more), ["no method: GET /v1/new"]);
}

/// The texts of all files below a folder.
fn texts(folder: &Path) -> Vec<String> {
    let paths = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let texts = paths.flat_map(|path| match path.is_dir() {
        true => texts(&path),
        false => vec![fs::read_to_string(path).expect("a text")],
    });
    texts.collect()
}

/// Methods of services that are made of others, as `Service::method`; some stand with what they are about, in the toolkit.
fn composed_methods() -> BTreeSet<String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let places = [texts(&src.join("client/services")), texts(&src.join("toolkit"))].concat();
    let services: BTreeSet<&str> = OPERATIONS.iter().copied().flatten().map(|row| row.service_type).collect();
    let methods = services.iter().flat_map(|name| {
        let heads = ["", "super::", "services::"].map(|path| format!("\nimpl {path}{name}<'_> {{\n"));
        let bodies = places
            .iter()
            .flat_map(|text| heads.iter().filter_map(|head| text.split(head.as_str()).nth(1)?.split("\n}\n").next()));
        let named = bodies.flat_map(str::lines).filter_map(|line| {
            let line = line.strip_prefix("    pub ")?;
            let line = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ")?;
            line.split(['(', '<']).next()
        });
        named.map(|method| format!("{name}::{method}")).collect::<Vec<_>>()
    });
    methods.collect()
}

#[test]
fn every_operation_is_driven_and_every_public_method_is_listed() {
    let linked = |heading| {
        let rows = rows(TABLE, heading).into_iter();
        rows.map(|row| row.split("](crate::services::").nth(1).expect("a link").split(')').next().unwrap().to_owned())
            .collect::<BTreeSet<String>>()
    };
    let operations: BTreeSet<String> =
        OPERATIONS.iter().copied().flatten().map(|row| format!("{}::{}", row.service_type, row.method)).collect();
    assert_eq!(linked("Methods"), operations);
    let composed = linked("Composite methods").into_iter().map(|method| method.replace("#method.", "::"));
    assert_eq!(composed.collect::<BTreeSet<_>>(), composed_methods());
}

#[test]
fn every_service_has_an_example_that_its_documentation_names() {
    let services: BTreeSet<&str> = OPERATIONS.iter().copied().flatten().map(|row| row.service).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = texts(&root.join("src/api")).concat();
    for service in services {
        let example = fs::read_to_string(root.join(format!("examples/{service}.rs"))).expect(service);
        assert!(example.contains(&format!(".{service}()")), "{service}: the example is of something else");
        assert!(
            sources.contains(&format!("`cargo run --example {service}` runs ")),
            "{service}: its documentation does not name the example"
        );
    }
}

#[test]
fn every_recorded_route_is_served() {
    let index = include_str!("transcripts/tabbyapi/INDEX.tsv");
    let served = served();
    let mut routes = BTreeSet::new();
    for row in index.lines().skip(1) {
        let cells: Vec<&str> = row.split('\t').collect();
        let route = format!("{} {}", cells[1], cells[2]);
        // What the server has no route for says so; preflights are no route.
        if !matches!(cells[3], "307" | "404" | "405") && cells[1] != "OPTIONS" {
            assert!(served.contains(&route), "{row}");
            routes.insert(route);
        }
    }
    assert!(routes.len() > 40, "{}", routes.len());
}

#[test]
fn every_example_is_in_the_index() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let index = fs::read_to_string(examples.join("README.md")).unwrap();
    let names = fs::read_dir(&examples).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let is_program = |name: &String| name.ends_with(".rs") || !name.contains('.') && name != "support";
    let missing: Vec<_> = names.filter(is_program).filter(|name| !index.contains(&format!("]({name})"))).collect();
    assert_eq!(missing, [""; 0]);
}
