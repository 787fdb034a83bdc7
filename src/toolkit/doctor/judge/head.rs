//! Headers: encodings, lengths, content types, charsets.

use super::super::check::*;
use super::super::report::{Notes, quote};
use super::header;
use crate::transport::{End, Exchange};

pub(super) fn check(exchange: &Exchange, body: &[u8], notes: &mut Notes) {
    encoding(exchange, body, notes);
    length(exchange, body, notes);
    charset(exchange, body, notes);
    if header(exchange, "date").is_none() {
        notes.add(DATE_MISSING, "no `date` header");
    }
}

/// Whether the content type is that of an event stream.
pub(super) fn is_events(exchange: &Exchange) -> bool {
    media_type(exchange) == "text/event-stream"
}

/// Whether the content type is JSON.
pub(super) fn is_json(exchange: &Exchange) -> bool {
    let kind = media_type(exchange);
    kind == "application/json" || kind.ends_with("+json")
}

fn media_type(exchange: &Exchange) -> String {
    let kind = header(exchange, "content-type").unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn encoding(exchange: &Exchange, body: &[u8], notes: &mut Notes) {
    let announced = header(exchange, "content-encoding").unwrap_or("identity").trim().to_ascii_lowercase();
    let accepted = exchange.request_headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("accept-encoding"));
    let accepted = accepted.map(|(_, value)| value.to_ascii_lowercase()).unwrap_or_default();
    if announced != "identity" && !announced.is_empty() {
        if !accepted.contains(&announced) {
            notes.add(ENCODING_UNASKED, format!("`content-encoding` is {}", quote(&announced)));
        }
        return;
    }
    let magic: [(&[u8], &str); 3] =
        [(&[0x1f, 0x8b], "gzip"), (&[0x28, 0xb5, 0x2f, 0xfd], "zstd"), (&[0x78, 0x9c], "deflate")];
    if let Some((_, name)) = magic.iter().find(|(magic, _)| body.starts_with(magic)) {
        notes.add(ENCODING_UNANNOUNCED, format!("the body starts as {name} does"));
    }
}

fn length(exchange: &Exchange, body: &[u8], notes: &mut Notes) {
    let lengths = exchange.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let mut lengths: Vec<&str> = lengths.map(|(_, value)| value.trim()).collect();
    lengths.dedup();
    let Some(first) = lengths.first() else { return };
    if header(exchange, "transfer-encoding").is_some() {
        notes.add(LENGTH_CONFLICT, "`content-length` and `transfer-encoding` are both there");
        return;
    }
    if lengths.len() > 1 {
        notes.add(LENGTH_CONFLICT, "`content-length` is there twice, with different values");
        return;
    }
    let has_body = exchange.method != "HEAD" && exchange.end == End::Complete;
    if has_body && first.parse() != Ok(body.len()) {
        notes.add(LENGTH_WRONG, format!("`content-length` is {} and the body has {} bytes", quote(first), body.len()));
    }
}

fn charset(exchange: &Exchange, body: &[u8], notes: &mut Notes) {
    let kind = header(exchange, "content-type").unwrap_or_default().to_ascii_lowercase();
    let charset = kind.split(';').filter_map(|part| part.trim().strip_prefix("charset=")).next();
    if let Some(charset) = charset
        && !["utf-8", "utf8", "us-ascii"].contains(&charset.trim_matches('"'))
    {
        notes.add(CHARSET, format!("the content type is {}", quote(&kind)));
    }
    let is_whole = matches!(exchange.end, End::Complete);
    if let Err(error) = std::str::from_utf8(body)
        && (error.error_len().is_some() || is_whole)
        && !notes.has(ENCODING_UNANNOUNCED)
        && !notes.has(ENCODING_UNASKED)
    {
        notes.add(NOT_UTF8, format!("byte {} of the body", error.valid_up_to()));
    }
}
