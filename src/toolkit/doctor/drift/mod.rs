//! `Drift`: how the operations of a server differ from known ones.

mod flatten;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::base::{Error, Result};
use flatten::{Document, Field, Flat, paths_of};

/// The differences between the OpenAPI document of a server and a known one.
///
/// Compares routes, methods, fields of requests and responses, their types, whether they are required, and values of
/// enumerations. Descriptions are not compared. Fields that only newer servers have, such as the numbers of cached and predicted
/// tokens in `usage`, are not a difference if a server lacks them.
///
/// ```
/// use tabbyapi::doctor::Drift;
///
/// let known = r#"{"paths": {"/health": {"get": {}}}}"#;
/// let theirs = r#"{"paths": {"/health": {"get": {}}, "/metrics": {"get": {}}}}"#;
/// let drift = Drift::compare(known, theirs)?;
/// assert_eq!(drift.new[0].at, "GET /metrics");
/// assert!(drift.gone.is_empty());
/// # Ok::<(), tabbyapi::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Drift {
    /// What the server has and the known document does not.
    pub new: Vec<Change>,
    /// What the known document has and the server does not.
    pub gone: Vec<Change>,
    /// What both have, but differently.
    pub changed: Vec<Change>,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Change {
    /// The operation, such as `POST /v1/completions`.
    pub at: String,
    /// What differs, such as "request field `seed`".
    pub what: String,
}

/// The maximum number of listed differences of a kind.
const MOST: usize = 200;

/// Routes that are equivalent to another one.
const SAME: [(&str, &str); 6] = [
    ("/v1/model/list", "/v1/models"),
    ("/v1/lora/list", "/v1/loras"),
    ("/v1/template/list", "/v1/templates"),
    ("/v1/sampling/override/list", "/v1/sampling/overrides"),
    ("/api/latest/", "/api/v1/"),
    ("/v1/lora", "/v1/loras"),
];

/// Fields that only newer or only older servers have, or that are read although only other responses have them.
const NOT_EVERYWHERE: [&str; 13] = [
    "usage.prompt_tokens_details",
    "usage.completion_tokens_details",
    "timings",
    "cfg_scale",
    "generate_window",
    "negative_prompt",
    "skip_special_tokens",
    "speculative_ngram",
    "usage.prompt_time",
    "usage.prompt_tokens_per_sec",
    "usage.completion_time",
    "usage.completion_tokens_per_sec",
    "usage.total_time",
];

/// Fields of the server that the known document omits: the kind of an object, and whether to stream, which is another operation
/// there.
const LEFT_OUT: [&str; 2] = ["object", "stream"];

/// Lists that the server also accepts as text.
const ALSO_TEXT: [&str; 2] = ["banned_tokens", "allowed_tokens"];

impl Drift {
    /// Compares the document of a server with a known one, such as the `openapi.json` of this library's repository. Both are
    /// JSON.
    ///
    /// # Errors
    ///
    /// Errors with code `config` if one of them is not an OpenAPI document.
    pub fn compare(known: &str, theirs: &str) -> Result<Self> {
        Ok(between(&parse(known)?, &parse(theirs)?))
    }

    /// Returns whether there is no difference.
    pub fn is_empty(&self) -> bool {
        self.new.is_empty() && self.gone.is_empty() && self.changed.is_empty()
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("The server's document does not differ.\n");
        }
        for (title, changes) in [("New", &self.new), ("Gone", &self.gone), ("Changed", &self.changed)] {
            if !changes.is_empty() {
                writeln!(f, "{title}:")?;
            }
            for change in changes {
                let colon = if change.what.is_empty() { "" } else { ": " };
                writeln!(f, "  {}{colon}{}", change.at, change.what)?;
            }
        }
        Ok(())
    }
}

/// Parses an OpenAPI document.
pub(super) fn parse(text: &str) -> Result<Value> {
    let value: Value = serde_json::from_str(text)
        .map_err(|error| Error::config(["the OpenAPI document is not JSON: ", &error.to_string()].concat()))?;
    match value["paths"].is_object() {
        true => Ok(value),
        false => Err(Error::config("the document has no `paths`, so it is not an OpenAPI document")),
    }
}

/// One operation of a document.
struct Operation<'a> {
    request: Option<&'a Value>,
    answer: Option<&'a Value>,
}

pub(super) fn between(known: &Value, theirs: &Value) -> Drift {
    let (ours, others) = (operations(known), operations(theirs));
    let (mut known, mut theirs) = (Document::new(known), Document::new(theirs));
    let mut drift = Drift::default();
    for (at, other) in &others {
        let Some(our) = find(&ours, at) else {
            add(&mut drift.new, at, String::new());
            continue;
        };
        if let (Some(our), Some(other)) = (our.request, other.request) {
            fields(at, "request", &known.flatten(our), &theirs.flatten(other), &mut drift);
        }
        if let (Some(our), Some(other)) = (our.answer, other.answer) {
            fields(at, "answer", &known.flatten(our), &theirs.flatten(other), &mut drift);
        }
    }
    // Kobold's routes exist only if the server enables them, and its document never has them under both prefixes.
    let has_kobold = others.keys().any(|at| at.contains(" /api/"));
    for at in ours.keys() {
        if find(&others, at).is_none() && (has_kobold || !at.contains(" /api/")) {
            add(&mut drift.gone, at, String::new());
        }
    }
    drift
}

/// Adds the fields of a response that the known document does not have.
pub(super) fn seen(known: &Value, at: &str, answer: &Value, drift: &mut Drift) {
    let ours = operations(known);
    let Some(schema) = find(&ours, at).and_then(|operation| operation.answer) else { return };
    let flat = Document::new(known).flatten(schema);
    for path in paths_of(answer) {
        let parent = path.rfind(['.', '[']).map_or("", |end| &path[..end]);
        let is_known = is_known(&path, &LEFT_OUT)
            || flat.fields.contains_key(&path)
            || flat.is_in_map(&path)
            || flat.is_open(&path);
        if !is_known && (parent.is_empty() || flat.fields.contains_key(parent)) {
            let what = format!("answer field `{path}`, seen in an answer");
            let is_listed = drift.new.iter().any(|one| one.at == at && one.what == format!("answer field `{path}`"));
            if !is_listed {
                add(&mut drift.new, at, what);
            }
        }
    }
}

fn operations(document: &Value) -> BTreeMap<String, Operation<'_>> {
    let mut operations = BTreeMap::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (verb, operation) in item.as_object().into_iter().flatten() {
            if !["get", "post", "put", "patch", "delete", "head", "options"].contains(&verb.as_str()) {
                continue;
            }
            let json = "content/application~1json/schema";
            let request = operation.pointer(&format!("/requestBody/{json}"));
            let answer = operation.pointer(&format!("/responses/200/{json}"));
            operations.insert(format!("{} {path}", verb.to_ascii_uppercase()), Operation { request, answer });
        }
    }
    operations
}

/// Returns the operation at a route, or at an equivalent one.
fn find<'m, 'a>(operations: &'m BTreeMap<String, Operation<'a>>, at: &str) -> Option<&'m Operation<'a>> {
    operations.get(at).or_else(|| {
        let other = SAME.iter().flat_map(|(one, other)| {
            [at.contains(one).then(|| at.replace(one, other)), at.contains(other).then(|| at.replace(other, one))]
        });
        other.flatten().find_map(|at| operations.get(&at))
    })
}

fn fields(at: &str, side: &str, ours: &Flat, theirs: &Flat, drift: &mut Drift) {
    let is_request = side == "request";
    for (path, other) in theirs.fields.iter().filter(|(path, _)| !path.is_empty()) {
        match ours.fields.get(path) {
            Some(_) if is_known(path, &ALSO_TEXT) => {}
            Some(our) => field(at, &format!("{side} field `{path}`"), is_request, our, other, drift),
            None if ours.is_open(path) || ours.is_in_map(path) || is_known(path, &LEFT_OUT) => {}
            // Fields below a new one are not listed.
            None if parent(path).is_some_and(|above| !ours.fields.contains_key(above)) => {}
            None => add(&mut drift.new, at, format!("{side} field `{path}`")),
        }
    }
    for path in ours.fields.keys().filter(|path| !path.is_empty() && !theirs.fields.contains_key(*path)) {
        let is_below_gone = parent(path).is_some_and(|above| !theirs.fields.contains_key(above));
        if !theirs.is_open(path) && !theirs.is_in_map(path) && !is_below_gone && !is_known(path, &NOT_EVERYWHERE) {
            add(&mut drift.gone, at, format!("{side} field `{path}`"));
        }
    }
}

fn field(at: &str, what: &str, is_request: bool, our: &Field, other: &Field, drift: &mut Drift) {
    let wide = |field: &Field| -> BTreeSet<&str> {
        // An integer is a number.
        field
            .types
            .iter()
            .flat_map(|one| if *one == "number" { vec!["integer", "number"] } else { vec![*one] })
            .collect()
    };
    let (ours, others) = (wide(our), wide(other));
    let is_typed = !ours.is_empty() && !others.is_empty();
    let list = |types: &BTreeSet<&'static str>| types.iter().copied().collect::<Vec<_>>().join(" or ");
    if is_typed && (!others.is_subset(&ours) || is_request && ours.is_disjoint(&others)) {
        add(&mut drift.changed, at, format!("{what} is {}, and was {}", list(&other.types), list(&our.types)));
    }
    if is_request && other.is_required && !our.is_required {
        add(&mut drift.changed, at, format!("{what} is required"));
    }
    if our.values.is_empty() || other.values.is_empty() {
        return;
    }
    for value in other.values.difference(&our.values) {
        add(&mut drift.new, at, format!("{what}, value `{value}`"));
    }
    for value in our.values.difference(&other.values) {
        add(&mut drift.gone, at, format!("{what}, value `{value}`"));
    }
}

fn parent(path: &str) -> Option<&str> {
    let end = path.rfind('.')?;
    Some(&path[..end])
}

fn is_known(path: &str, known: &[&str]) -> bool {
    known.iter().any(|one| path == *one || path.ends_with(&format!(".{one}")) || path.contains(&format!("{one}.")))
}

fn add(changes: &mut Vec<Change>, at: &str, what: String) {
    if changes.len() < MOST {
        changes.push(Change { at: at.chars().take(120).collect(), what });
    }
}
