//! Converts schemas to flat lists of fields, with limits on depth and size.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The maximum depth of schemas and responses.
const DEEPEST: usize = 12;
/// The maximum number of visited schemas of one document. References can name the same one repeatedly.
const MOST_STEPS: usize = 50_000;
/// The maximum length of a listed field name.
const LONGEST: usize = 80;

/// The fields of a schema by their paths, such as `choices[].message.content`.
#[derive(Debug, Default)]
pub(super) struct Flat {
    pub(super) fields: BTreeMap<String, Field>,
    /// Paths below which anything is allowed.
    open: BTreeSet<String>,
    /// Paths of objects with fields of any name.
    maps: BTreeSet<String>,
}

#[derive(Debug, Default)]
pub(super) struct Field {
    pub(super) types: BTreeSet<&'static str>,
    /// The values of an enumeration.
    pub(super) values: BTreeSet<String>,
    pub(super) is_required: bool,
}

impl Flat {
    /// Whether nothing is known below this path.
    pub(super) fn is_open(&self, path: &str) -> bool {
        self.open.contains(path) || above(path).any(|above| self.open.contains(above))
    }

    /// Whether a path leads into an object with fields of any name.
    pub(super) fn is_in_map(&self, path: &str) -> bool {
        above(path).any(|above| self.maps.contains(above))
    }
}

/// The paths that lead to this one, from the nearest on.
fn above(path: &str) -> impl Iterator<Item = &str> {
    let steps = path.rmatch_indices(['.', '[', '{']).map(|(at, _)| &path[..at]);
    steps.chain(std::iter::once(""))
}

/// A document with a budget for visiting its schemas.
pub(super) struct Document<'a> {
    root: &'a Value,
    left: usize,
}

impl<'a> Document<'a> {
    pub(super) fn new(root: &'a Value) -> Self {
        Document { root, left: MOST_STEPS }
    }

    /// The fields of a schema.
    pub(super) fn flatten(&mut self, schema: &'a Value) -> Flat {
        let mut flat = Flat::default();
        self.visit(schema, "", &mut Vec::new(), 0, &mut flat);
        flat
    }

    fn visit(&mut self, schema: &'a Value, path: &str, above: &mut Vec<&'a str>, depth: usize, flat: &mut Flat) {
        if depth > DEEPEST || self.left == 0 {
            flat.open.insert(path.to_owned());
            return;
        }
        self.left -= 1;
        let before = above.len();
        let mut is_known = false;
        if let Some(name) = schema["$ref"].as_str() {
            is_known = true;
            match name.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer)) {
                // A schema within itself: its fields are listed at the outer level.
                _ if above.contains(&name) => {
                    flat.open.insert(path.to_owned());
                }
                Some(target) => {
                    above.push(name);
                    self.visit(target, path, above, depth + 1, flat);
                }
                None => {
                    flat.open.insert(path.to_owned());
                }
            }
        }
        for word in ["anyOf", "oneOf", "allOf"] {
            for part in schema[word].as_array().into_iter().flatten() {
                is_known = true;
                self.visit(part, path, above, depth + 1, flat);
            }
        }
        let types = types(schema);
        is_known |= !types.is_empty();
        self.values(schema, path, flat);
        flat.fields.entry(path.to_owned()).or_default().types.extend(types.iter().filter(|one| **one != "null"));
        self.properties(schema, path, above, depth, flat);
        if let Some(items) = schema.get("items") {
            self.visit(items, &format!("{path}[]"), above, depth + 1, flat);
        } else if types.contains("array") {
            flat.open.insert(format!("{path}[]"));
        }
        match schema.get("additionalProperties") {
            Some(any @ Value::Object(of)) if !of.is_empty() => {
                flat.maps.insert(path.to_owned());
                self.visit(any, &format!("{path}{{}}"), above, depth + 1, flat);
            }
            Some(Value::Bool(true) | Value::Object(_)) => {
                flat.open.insert(path.to_owned());
            }
            _ if types.contains("object") && schema["properties"].is_null() => {
                flat.open.insert(path.to_owned());
            }
            _ => {}
        }
        if !is_known && schema.get("enum").is_none() && schema.get("const").is_none() {
            flat.open.insert(path.to_owned());
        }
        above.truncate(before);
    }

    fn properties(&mut self, schema: &'a Value, path: &str, above: &mut Vec<&'a str>, depth: usize, flat: &mut Flat) {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let short: String = name.chars().take(LONGEST).collect();
            let below = if path.is_empty() { short } else { format!("{path}.{short}") };
            self.visit(property, &below, above, depth + 1, flat);
            let field = flat.fields.entry(below).or_default();
            field.is_required |= required.contains(&name.as_str());
        }
    }

    fn values(&mut self, schema: &Value, path: &str, flat: &mut Flat) {
        let listed = schema["enum"].as_array().into_iter().flatten().chain(schema.get("const"));
        let texts: Vec<&str> = listed.filter_map(Value::as_str).collect();
        if !texts.is_empty() {
            let field = flat.fields.entry(path.to_owned()).or_default();
            field.types.insert("string");
            field.values.extend(texts.iter().map(|text| text.chars().take(LONGEST).collect::<String>()));
        }
    }
}

/// The fields of a response, by the same paths.
pub(super) fn paths_of(value: &Value) -> BTreeSet<String> {
    fn visit(value: &Value, path: &str, depth: usize, paths: &mut BTreeSet<String>) {
        if depth > DEEPEST || paths.len() > 2000 {
            return;
        }
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let short: String = name.chars().take(LONGEST).collect();
                    let below = if path.is_empty() { short } else { format!("{path}.{short}") };
                    visit(value, &below, depth + 1, paths);
                    paths.insert(below);
                }
            }
            Value::Array(items) => {
                items.iter().take(50).for_each(|item| visit(item, &format!("{path}[]"), depth + 1, paths));
            }
            _ => {}
        }
    }
    let mut paths = BTreeSet::new();
    visit(value, "", 0, &mut paths);
    paths
}

fn types(schema: &Value) -> BTreeSet<&'static str> {
    const TYPES: [&str; 7] = ["string", "integer", "number", "boolean", "object", "array", "null"];
    let named = |name: &str| TYPES.into_iter().find(|one| *one == name);
    match &schema["type"] {
        Value::String(name) => named(name).into_iter().collect(),
        Value::Array(names) => names.iter().filter_map(|name| named(name.as_str()?)).collect(),
        _ => BTreeSet::new(),
    }
}
