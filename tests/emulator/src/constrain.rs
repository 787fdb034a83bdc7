//! JSON that satisfies a simple schema. It depends only on the schema, not on the prompt.

use crate::json::Json;

/// The maximum depth of schemas. Values below it are null.
const MAX_DEPTH: usize = 16;
/// The maximum number of items of an array, even if the schema requires more.
const MAX_ITEMS: usize = 32;

/// Creates a value that satisfies the schema.
pub(crate) fn value(schema: &Json) -> Json {
    at(schema, schema, 0)
}

fn at(schema: &Json, root: &Json, depth: usize) -> Json {
    if depth > MAX_DEPTH {
        return Json::Null;
    }
    let first = |key| schema.get(key).and_then(Json::as_list).and_then(<[Json]>::first);
    if let Some(value) = schema.get("const").or_else(|| first("enum")) {
        return value.clone();
    }
    if let Some(target) = schema.get("$ref").and_then(Json::as_str) {
        let mut path = target.trim_start_matches('#').split('/').filter(|key| !key.is_empty());
        let found = path.try_fold(root, |at, key| at.get(key));
        return found.map_or(Json::Null, |found| at(found, root, depth + 1));
    }
    if let Some(choice) = first("anyOf").or_else(|| first("oneOf")).or_else(|| first("allOf")) {
        return at(choice, root, depth + 1);
    }
    let int = |key| schema.get(key).and_then(Json::as_int);
    let kind = match schema.get("type") {
        Some(Json::List(kinds)) => kinds.first().and_then(Json::as_str),
        Some(kind) => kind.as_str(),
        None if schema.get("properties").is_some() => Some("object"),
        None => None,
    };
    match kind {
        Some("boolean") => Json::Bool(true),
        Some("integer") => {
            let low = int("minimum").unwrap_or(i128::MIN);
            let high = int("maximum").unwrap_or(i128::MAX);
            Json::Int(7.max(low).min(high))
        }
        Some("number") => {
            let bound = |key| schema.get(key).and_then(Json::as_float);
            let low = bound("minimum").unwrap_or(f64::MIN);
            let high = bound("maximum").unwrap_or(f64::MAX);
            Json::Float(1.5_f64.max(low).min(high))
        }
        Some("string") => string(int("minLength"), int("maxLength")),
        Some("array") => {
            let least = int("minItems").and_then(|n| usize::try_from(n).ok()).unwrap_or(1);
            let item = schema.get("items").map_or(Json::Null, |items| at(items, root, depth + 1));
            Json::List(vec![item; least.min(MAX_ITEMS)])
        }
        Some("object") => {
            let Some(Json::Dict(properties)) = schema.get("properties") else {
                return Json::Dict(Vec::new());
            };
            let member = |(key, schema): &(String, Json)| (key.clone(), at(schema, root, depth + 1));
            Json::Dict(properties.iter().map(member).collect())
        }
        _ => Json::Null,
    }
}

fn string(least: Option<i128>, most: Option<i128>) -> Json {
    let bound = |n: Option<i128>| n.and_then(|n| usize::try_from(n).ok());
    let mut text = "text".to_owned();
    while text.len() < bound(least).unwrap_or(0).min(1000) {
        text.push('x');
    }
    text.truncate(bound(most).unwrap_or(usize::MAX));
    Json::Str(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python;

    #[test]
    fn follows_simple_schemas() {
        let schema = r##"{"type":"object","properties":{"ok":{"type":"boolean"},"n":{"type":"integer",
            "minimum":9},"items":{"type":"array","items":{"$ref":"#/$defs/s"},"minItems":2},
            "e":{"enum":["x","y"]}},"$defs":{"s":{"type":"string"}}}"##;
        let made = value(&Json::parse(schema).unwrap());
        let text = String::from_utf8(python::spaced(&made)).unwrap();
        assert_eq!(text, r#"{"ok": true, "n": 9, "items": ["text", "text"], "e": "x"}"#);
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let schema = Json::parse(r##"{"properties":{"a":{"$ref":"#"}}}"##).unwrap();
        assert!(matches!(value(&schema), Json::Dict(_)));
    }
}
