//! The committed document is the one that the library gives, and it is true of what servers were seen to send.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use jsonschema::Validator;
use serde_json::{Value, json};
use tabbyapi::internal::OPERATIONS;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

#[test]
fn the_committed_document_is_fresh() {
    let committed = fs::read_to_string(root().join("openapi.json")).unwrap();
    let document = serde_json::to_string_pretty(&tabbyapi_openapi::document()).unwrap() + "\n";
    assert!(committed == document, "openapi.json is stale: `cargo run -p tabbyapi-openapi` writes it");
}

#[test]
fn each_operation_is_in_the_document_once() {
    let document = tabbyapi_openapi::document();
    let routes = document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    let mut ids: Vec<&str> = routes
        .flat_map(|route| match route.get("x-tabbyapi-operations") {
            Some(operations) => operations.as_array().unwrap().iter().collect(),
            None => vec![route],
        })
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    let rows = OPERATIONS.iter().copied().flatten();
    let mut named: Vec<String> = rows.map(|row| format!("{}.{}", row.service, row.method)).collect();
    ids.sort_unstable();
    named.sort_unstable();
    assert_eq!(ids, named);
}

/// A validator of the schema at this place.
fn validator(document: &Value, pointer: &str) -> Option<Validator> {
    document.pointer(pointer)?;
    let schema =
        json!({ "$ref": format!("#{pointer}"), "components": document["components"], "paths": document["paths"] });
    Some(jsonschema::draft202012::new(&schema).unwrap_or_else(|error| panic!("{pointer}: {error}")))
}

#[derive(Default)]
struct Validators(BTreeMap<String, Option<Validator>>);

impl Validators {
    /// Why the value is not what the document says; none if it says nothing.
    fn fault(&mut self, document: &Value, pointer: &str, value: &Value) -> Option<Option<String>> {
        let validator = self.0.entry(pointer.to_owned()).or_insert_with(|| validator(document, pointer)).as_ref()?;
        Some(validator.iter_errors(value).next().map(|error| format!("{} at {}", error, error.instance_path)))
    }
}

/// The folders of recordings, without and with a real engine.
const FOLDERS: [&str; 2] = ["tabbyapi", "tabbyapi-engine"];

/// The body of a recorded request or response, which is kept without its transfer encoding.
fn body(folder: &str, name: &str, kind: &str) -> Option<String> {
    let bytes = fs::read(root().join(format!("tests/transcripts/{folder}/{name}.{kind}"))).ok()?;
    let at = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some(String::from_utf8_lossy(&bytes[at + 4..]).into_owned())
}

/// Requests that the server accepts although they are not as they should be.
const LENIENT: [&str; 4] = [
    // Overrides that are bare values; every generation fails from then on.
    "override-switch-malformed",
    // Numbers in a text.
    "completion-banned-tokens-string",
    // A flag where a number is expected.
    "chat-logprobs",
    "chat-logprobs-stream",
];

#[test]
fn recorded_exchanges_are_as_the_document_says() {
    let document = tabbyapi_openapi::document();
    let index = |folder| fs::read_to_string(root().join(format!("tests/transcripts/{folder}/INDEX.tsv"))).unwrap();
    let (mut validators, mut faults, mut seen) = (Validators::default(), Vec::new(), BTreeMap::<&str, usize>::new());
    let rows = FOLDERS.map(|folder| (folder, index(folder)));
    let rows = rows.iter().flat_map(|(folder, rows)| rows.lines().skip(1).map(move |row| (*folder, row)));
    // A line without an exchange.
    for (folder, row) in rows.filter(|(_, row)| !row.starts_with("name\t")) {
        let cells: Vec<&str> = row.split('\t').collect();
        let [name, verb, path, status, kind, ..] = cells[..] else { panic!("{row}") };
        let route = format!("/paths/{}/{}", path.replace('/', "~1"), verb.to_ascii_lowercase());
        if document.pointer(&route).is_none() {
            continue;
        }
        let response = match document.pointer(&format!("{route}/responses/{status}/$ref")) {
            Some(reference) => reference.as_str().unwrap().trim_start_matches('#').to_owned(),
            None => format!("{route}/responses/{status}"),
        };
        let kind = kind.split(';').next().unwrap_or_default();
        let pointer = format!("{response}/content/{}/schema", kind.replace('/', "~1"));
        if status == "200"
            && !LENIENT.contains(&name)
            && let Some(sent) = body(folder, name, "req").and_then(|text| serde_json::from_str(&text).ok())
            && let Some(fault) =
                validators.fault(&document, &format!("{route}/requestBody/content/application~1json/schema"), &sent)
        {
            match fault {
                None => *seen.entry("requests").or_default() += 1,
                Some(fault) => faults.push(format!("{name}, as sent: {fault}")),
            }
        }
        let Some(text) = body(folder, name, "resp") else { continue };
        let values: Vec<Value> = match kind {
            "application/json" => serde_json::from_str(&text).into_iter().collect(),
            "text/event-stream" => {
                text.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data:")?.trim()).ok()).collect()
            }
            _ => continue,
        };
        for value in values {
            match validators.fault(&document, &pointer, &value) {
                Some(None) => *seen.entry(if status == "200" { kind } else { "errors" }).or_default() += 1,
                Some(Some(fault)) => faults.push(format!("{name}: {fault}")),
                None => faults
                    .push(format!("{name}: {verb} {path} answers {status} {kind}, which the document does not have")),
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    let seen = ["application/json", "text/event-stream", "errors", "requests"]
        .map(|kind| seen.get(kind).copied().unwrap_or_default());
    assert!(seen[0] > 60 && seen[1] > 200 && seen[2] > 30 && seen[3] > 60, "{seen:?}");
}
