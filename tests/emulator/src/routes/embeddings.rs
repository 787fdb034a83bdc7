//! `POST /v1/embeddings`: vectors that depend only on the text.

use axum::Extension;
use serde::Serialize;

use super::route::{self, Route};
use crate::app::mix;
use crate::call::Call;
use crate::json::Json;
use crate::refusal::{self, Outcome, Refusal};
use crate::sampler::STR_OR_STRS;
use crate::schema::{Field, Kind};

pub(super) fn routes() -> Vec<Route> {
    vec![route::post("/v1/embeddings", embeddings)]
}

static FIELDS: &[Field] = &[
    Field::required(&["input"], Kind::Union(STR_OR_STRS)),
    Field::unset(&["encoding_format"], Kind::Str),
    Field::optional(&["model"], Kind::Str),
];

#[derive(Serialize)]
struct Response {
    object: &'static str,
    data: Vec<Object>,
    model: String,
    usage: Usage,
}

#[derive(Serialize)]
struct Object {
    object: &'static str,
    embedding: Embedding,
    index: usize,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Embedding {
    Floats(Vec<f64>),
    Base64(String),
}

#[derive(Serialize)]
struct Usage {
    prompt_tokens: usize,
    total_tokens: usize,
    completion_tokens: usize,
}

async fn embeddings(Extension(call): Extension<Call>) -> Outcome {
    let payload = call.payload()?;
    call.api()?;
    let model = super::embedding_models::loaded(&call)?;
    let body = payload.check(&[FIELDS])?;
    let inputs: Vec<&str> = match body.get("input") {
        Some(Json::List(inputs)) => inputs.iter().filter_map(Json::as_str).collect(),
        input => input.and_then(Json::as_str).into_iter().collect(),
    };
    if inputs.is_empty() {
        return Err(Refusal::Internal);
    }
    // Any other value selects numbers.
    let base64 = body.get("encoding_format").and_then(Json::as_str) == Some("base64");
    let dimension = call.app.config.services.embedding_dimension;
    let embedding = |input: &str| match (vector(input, dimension), base64) {
        // Numbers are written with the digits of the wider type.
        (vector, false) => Embedding::Floats(vector.into_iter().map(f64::from).collect()),
        (vector, true) => {
            let bytes: Vec<u8> = vector.into_iter().flat_map(f32::to_le_bytes).collect();
            Embedding::Base64(encode_base64(&bytes))
        }
    };
    let object = |(index, input): (usize, &&str)| Object { object: "embedding", embedding: embedding(input), index };
    let characters = inputs.iter().map(|input| input.chars().count()).sum();
    Ok(refusal::json(&Response {
        object: "list",
        data: inputs.iter().enumerate().map(object).collect(),
        model,
        usage: Usage { prompt_tokens: characters, total_tokens: characters, completion_tokens: 0 },
    }))
}

/// A vector of length one.
fn vector(text: &str, dimension: usize) -> Vec<f32> {
    let seed = text.bytes().fold(0, |seed, byte| mix(seed ^ u64::from(byte)));
    let value = |index| (mix(seed.wrapping_add(index)) >> 40) as f32 / (1u32 << 23) as f32 - 1.0;
    let values: Vec<f32> = (0..dimension as u64).map(value).collect();
    let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
    // Avoids a division by zero in the unlikely case that all values are zero.
    values.into_iter().map(|value| value / length.max(f32::MIN_POSITIVE)).collect()
}

fn encode_base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | u32::from(group.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            text.push(match at <= group.len() {
                true => char::from(ALPHABET[(bits >> (18 - 6 * at) & 63) as usize]),
                false => '=',
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_pads() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(encode_base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn vectors_are_of_length_one_and_tell_texts_apart() {
        let hello = vector("hello", 8);
        let length: f32 = hello.iter().map(|value| value * value).sum();
        assert!((length - 1.0).abs() < 1e-5);
        assert_eq!(hello, vector("hello", 8));
        assert_ne!(hello, vector("hellp", 8));
    }
}
