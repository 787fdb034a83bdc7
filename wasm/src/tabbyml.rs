//! The operations of TabbyML/tabby, by the names `tabbyml.SERVICE.METHOD`.

use http::StatusCode;
use tabbyapi::internal::{Beginnings, OPERATIONS, Operation, TABBYML_OPERATIONS, collected_timeouts, segment};
use tabbyapi::{Error, ErrorKind, Result};

use crate::config::Wanted;
use crate::document::Document;
use crate::format::Kind;
use crate::operations::Row;

/// Returns the row of an operation. `tabbyapi` requests the health of the other server, for detection.
pub(crate) fn find(name: &str, wanted: &Wanted<'_>) -> Result<Row> {
    // A custom document is sent like those of the table.
    let name = if name == "graphql.query" { "graphql.me" } else { name };
    let is_other = name == "tabbyapi";
    let (tables, name) = if is_other { (OPERATIONS, "health.check") } else { (TABBYML_OPERATIONS, name) };
    let named = |operation: &&Operation| {
        name.split_once('.').is_some_and(|(service, method)| (operation.service, operation.method) == (service, method))
    };
    let operation =
        tables.iter().copied().flatten().find(named).ok_or_else(|| {
            Error::custom(ErrorKind::Misuse, "misuse", format!("there is no operation `tabbyml.{name}`"))
        })?;
    let kind = match (operation.service, operation.streams) {
        ("graphql", _) => Kind::GraphQl,
        // The server only streams; JavaScript accumulates the stream.
        ("chat", _) => Kind::Assistant,
        _ => Kind::Body(operation.fields),
    };
    Ok(Row {
        verb: operation.verb.clone(),
        path: path(operation, wanted)?,
        scope: operation.scope,
        idempotency: operation.idempotency,
        map_error: operation.map_error,
        timeouts: match name {
            "chat.create" => collected_timeouts,
            "chat.stream" if wanted.text("variant") == "tools" => |policy| policy.stream_tools,
            _ => operation.timeouts,
        },
        kind,
        // An unhealthy server of the other kind reports its health with this status.
        also: is_other.then_some(StatusCode::SERVICE_UNAVAILABLE),
    })
}

/// Returns the path, including texts of the caller.
fn path(operation: &Operation, wanted: &Wanted<'_>) -> Result<String> {
    let mut path = operation.path.to_owned();
    for name in ["source", "id"] {
        let place = ["{", name, "}"].concat();
        if path.contains(&place) {
            path = path.replace(&place, &segment(&wanted.text(name))?);
        }
    }
    if operation.service == "events" && wanted.text("select_kind") == "line" {
        path.push_str("?select_kind=line");
    }
    Ok(path)
}

/// Checks a chunk for a second beginning of the stream.
pub(crate) fn see(beginnings: &mut Beginnings, chunk: &Document<'_>, choices: &[Document<'_>]) -> Result<()> {
    let begun = choices.iter().map(|choice| {
        let index = choice.get("index").and_then(|index| index.trim_matches('"').parse().ok()).unwrap_or_default();
        let delta =
            choice.get("delta").filter(|delta| delta.starts_with('{')).and_then(|delta| Document::read(delta).ok());
        (index, delta.and_then(|delta| delta.string("role")).is_some_and(|role| !role.is_empty()))
    });
    beginnings.see(&chunk.string("id").unwrap_or_default(), begun)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tabbyapi::internal::TABBYML_DOCUMENTS;

    #[test]
    fn the_documents_in_javascript_are_those_of_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/js/tabbyml-documents.js");
        let mut text = String::from(
            "// The queries of the service for GraphQL, written by `UPDATE=1 cargo test -p tabbyapi-js --features tabbyml`: the field of the answer, and\n\
             // the document.\nexport const DOCUMENTS = {\n",
        );
        for (method, field, document) in TABBYML_DOCUMENTS {
            text += &format!("  {method}: [{field:?}, {document:?}],\n");
        }
        text += "};\n";
        if std::env::var_os("UPDATE").is_some() {
            fs::write(path, &text).unwrap();
        }
        assert_eq!(fs::read_to_string(path).unwrap(), text);
    }
}
