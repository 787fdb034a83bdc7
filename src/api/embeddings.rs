//! `POST /v1/embeddings`: embedding vectors of texts.

use std::fmt;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize};

use crate::api::common::Usage;
use crate::api::fields::request;
use crate::api::kinds::{json, kinds};
use crate::api::one_or_many::OneOrMany;
use crate::api::operation::{described, endpoints};
use crate::api::written;
use crate::base::{Error, ErrorCode, ErrorKind, Extra, Result, Text};
use crate::decode::Json;
use crate::decode::in_place::{DeserializeInPlace, filled, in_place_objects, listed, push};
use crate::decode::open_enum::open_enum;
use crate::protocol::estimate::Estimator;
use crate::protocol::{Endpoint, json_body_of};

/// The table of this service. See [`operation`](crate::api::operation).
macro_rules! service {
    ($make:ident) => {
        $make! {
            /// Embedding vectors of texts: `client.embeddings()`.
            ///
            /// An embedding model must be loaded, by the server's configuration or by [`client.embedding_models()`](Client::embedding_models).
            /// `cargo run --example embeddings` runs it against an emulated server.
            ///
            /// ```no_run
            /// # async fn run(client: tabbyapi::Client) -> tabbyapi::Result<()> {
            /// use tabbyapi::api::EmbeddingsRequest;
            ///
            /// let vectors = client.embeddings().create(&EmbeddingsRequest::new(["sun", "moon"])).await?.into_vectors();
            /// println!("{} vectors", vectors.len());
            /// # Ok(())
            /// # }
            /// ```
            embeddings: Embeddings {
                /// Returns one vector per text, in the order of the texts.
                ///
                /// # Errors
                ///
                /// * `no_embedding_model_loaded`: no embedding model is loaded.
                /// * `inconsistent_answer`: the response does not have one vector for each text, or their dimensions differ.
                call create(request: &EmbeddingsRequest) -> EmbeddingList = request =>
                    own [EmbeddingsRequest]: POST "/v1/embeddings", Api, Idempotent, generate;
            }
        }
    };
}
pub(crate) use service;

service!(endpoints);

request! {
    /// Texts to embed.
    ///
    /// ```
    /// use tabbyapi::api::{EmbeddingsRequest, EncodingFormat};
    ///
    /// let one = EmbeddingsRequest::new("hello");
    /// let two = EmbeddingsRequest::new(["hello", "world"]).encoding_format(EncodingFormat::Base64);
    /// # assert_eq!(serde_json::to_string(&two).unwrap(), r#"{"input":["hello","world"],"encoding_format":"base64"}"#);
    /// # let _ = one;
    /// ```
    pub struct EmbeddingsRequest {
        required {
            /// The texts; at least one. The server does not accept token ids.
            input: OneOrMany<String>,
        }
        optional {
            /// The encoding of the vectors; decimals by default. Base64 has the same values in a quarter of the size.
            encoding_format: EncodingFormat,
            /// Ignored by the server, which uses the loaded embedding model.
            model: String as impl Into<String>,
        }
    }
}

impl EmbeddingsRequest {
    /// Creates a request for one text or several.
    pub fn new(input: impl Into<OneOrMany<String>>) -> Self {
        EmbeddingsRequest::blank(input.into())
    }
}

open_enum! {
    /// The encoding of vectors. The server treats unknown values as `float`.
    EncodingFormat {
        /// Lists of decimals.
        Float = "float",
        /// Base64 of 32-bit floats, little-endian.
        Base64 = "base64",
    }
}

impl Endpoint for EmbeddingsRequest {
    type Decoder = Json<EmbeddingList>;

    described!();

    fn body(&self) -> Result<Option<Bytes>> {
        if self.input.is_empty() {
            return Err(Error::new(ErrorKind::Encode, ErrorCode::NoInput, "the list of texts is empty")
                .with_hint("the server fails on it"));
        }
        json_body_of(self, written::REST + written::texts(self.input.iter().map(String::as_str)))
    }

    fn tokens(&self) -> u64 {
        let estimator = Estimator::new();
        self.input.iter().map(|text| estimator.text(text).tokens).sum()
    }

    fn decoder(&self) -> Self::Decoder {
        let count = self.input.len();
        json().checked(move |answer: &mut EmbeddingList| answer.put_in_order(count))
    }
}

/// The vectors of texts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct EmbeddingList {
    /// One vector per text, in order.
    #[serde(deserialize_with = "listed")]
    pub data: Vec<Embedding>,
    /// The model.
    #[serde(default, deserialize_with = "filled")]
    pub model: Text,
    /// `list`.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "str::is_empty")]
    pub object: Text,
    /// Usage. The server counts **characters** here, although the names say tokens.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

impl EmbeddingList {
    /// Returns the length of every vector.
    pub fn dimension(&self) -> usize {
        self.data.first().map_or(0, |first| first.embedding.len())
    }

    /// Returns the vectors, in the order of the texts.
    pub fn into_vectors(self) -> Vec<Vec<f32>> {
        self.data.into_iter().map(|item| item.embedding).collect()
    }

    /// Whether it has vectors and no sign of an error.
    fn is_sure(&self) -> bool {
        !self.data.is_empty() && self.object != "error" && !self.extra.contains_key("error")
    }

    /// Sorts the vectors by index. Errors unless there is one vector of the same dimension for each of `count` texts.
    fn put_in_order(&mut self, count: usize) -> Result<()> {
        let refuse = |message: String| Err(Error::new(ErrorKind::Decode, ErrorCode::InconsistentAnswer, message));
        if self.data.len() != count {
            return refuse(format!("the answer has {} vectors for {count} texts", self.data.len()));
        }
        for (at, item) in self.data.iter_mut().enumerate().filter(|(_, item)| item.index == no_index()) {
            item.index = at;
        }
        self.data.sort_by_key(|item| item.index);
        if let Some((at, item)) = self.data.iter().enumerate().find(|(at, item)| item.index != *at) {
            return refuse(format!(
                "the indices of the vectors are not those of the {count} texts: {} is in the place of {at}",
                item.index
            ));
        }
        let dimension = self.dimension();
        if dimension == 0 && count > 0 {
            return refuse("the vector of text 0 is empty".to_owned());
        }
        match self.data.iter().find(|item| item.embedding.len() != dimension) {
            Some(item) => refuse(format!(
                "the vectors differ in dimension: {} for text {}, {dimension} for text 0",
                item.embedding.len(),
                item.index
            )),
            None => Ok(()),
        }
    }
}

/// The vector of one text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Embedding {
    /// The vector, decoded from either encoding.
    #[serde(deserialize_with = "vector")]
    #[cfg_attr(feature = "schemars", schemars(schema_with = "vector_schema"))]
    pub embedding: Vec<f32>,
    /// The index of its text in the request.
    #[serde(default = "no_index", deserialize_with = "index")]
    pub index: usize,
    /// `embedding`.
    // In `extra`, it would take about half as much memory as the vector in base64.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "str::is_empty")]
    pub object: Text,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

in_place_objects!(Embedding);

#[cfg(feature = "schemars")]
fn vector_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "anyOf": [
            { "type": "array", "items": { "type": "number" } },
            { "type": "string", "contentEncoding": "base64", "description": "32-bit floats, little-endian." },
        ],
    })
}

/// The index of a vector that has none. Its position is used instead.
const fn no_index() -> usize {
    usize::MAX
}

fn index<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let mut index: Option<u32> = None;
    index.fill(deserializer)?;
    Ok(index.map_or(no_index(), |index| index as usize))
}

/// A vector that is serialized as base64, which keeps each bit, and deserialized from both encodings.
#[derive(Deserialize)]
pub(crate) struct PackedVector(#[serde(deserialize_with = "vector")] pub(crate) Vec<f32>);

impl PackedVector {
    /// The vector as base64 of 32-bit floats, little-endian.
    pub(crate) fn pack(vector: &[f32]) -> String {
        BASE64.encode(vector.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>())
    }
}

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A list of decimals, or base64 of little-endian 32-bit floats.
fn vector<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f32>, D::Error> {
    struct Visit;

    impl<'de> serde::de::Visitor<'de> for Visit {
        type Value = Vec<f32>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of numbers, or base64 of 32-bit floats")
        }

        fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<f32>, D::Error> {
            deserializer.deserialize_any(self)
        }

        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<f32>, A::Error> {
            let mut vector = Vec::new();
            while let Some(number) = seq.next_element()? {
                push(&mut vector, number);
            }
            Ok(vector)
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<f32>, E> {
            let bytes = BASE64.decode(text).map_err(|error| E::custom(format_args!("not valid base64: {error}")))?;
            let (floats, rest) = bytes.as_chunks::<4>();
            if !rest.is_empty() {
                return Err(E::custom(format_args!("{} bytes are not a whole number of 32-bit floats", bytes.len())));
            }
            Ok(floats.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
        }
    }

    crate::decode::in_place::in_list(deserializer, Visit)
}

kinds! {
    EmbeddingList: "data", sure if is_sure;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::from_json;

    #[track_caller]
    fn read(count: usize, data: &str) -> Result<Vec<Vec<f32>>> {
        let mut answer: EmbeddingList = from_json(&format!(r#"{{"object":"list","data":{data}}}"#))?;
        answer.put_in_order(count)?;
        Ok(answer.into_vectors())
    }

    #[test]
    fn both_ways_of_writing_give_the_same() {
        let expected = vec![vec![1.0, -2.5]];
        for vector in ["[1,-2.5]", r#""AACAPwAAIMA=""#, r#""AACAPwAAIMA""#] {
            assert_eq!(read(1, &format!(r#"[{{"embedding":{vector},"index":0}}]"#)).unwrap(), expected);
        }
    }

    #[test]
    fn what_every_server_sends_is_not_extra() {
        let text = r#"{"data":[{"embedding":[1.0],"index":0,"object":"embedding"}],"model":"m","object":"list"}"#;
        let answer: EmbeddingList = from_json(text).unwrap();
        assert_eq!((&*answer.object, &*answer.data[0].object), ("list", "embedding"));
        assert!(answer.extra.is_empty() && answer.data[0].extra.is_empty());
        assert_eq!(serde_json::to_string(&answer).unwrap(), text);
        let answer: EmbeddingList = from_json(r#"{"data":[{"embedding":[1.0],"object":null}],"object":7}"#).unwrap();
        assert_eq!((&*answer.object, &*answer.data[0].object), ("7", ""));
    }

    #[test]
    fn vectors_come_in_the_order_of_the_texts() {
        let data = r#"[{"embedding":[2],"index":2},{"embedding":[0],"index":0},{"embedding":[1],"index":1}]"#;
        assert_eq!(read(3, data).unwrap(), [[0.0], [1.0], [2.0]]);
    }

    #[test]
    fn what_does_not_fit_the_texts_is_refused() {
        let cases = [
            (1, "[]", "the answer has 0 vectors for 1 texts"),
            (1, r#"[{"embedding":[],"index":0}]"#, "the vector of text 0 is empty"),
            (
                2,
                r#"[{"embedding":[1],"index":1},{"embedding":[1],"index":1}]"#,
                "the indices of the vectors are not those of the 2 texts: 1 is in the place of 0",
            ),
            (
                2,
                r#"[{"embedding":[1],"index":0},{"embedding":[1,2],"index":1}]"#,
                "the vectors differ in dimension: 2 for text 1, 1 for text 0",
            ),
        ];
        for (count, data, message) in cases {
            let error = read(count, data).unwrap_err();
            assert_eq!((error.kind(), error.message()), (ErrorKind::Decode, message));
        }
    }

    #[test]
    fn vectors_that_cannot_be_read_are_reported_with_their_place() {
        for (vector, words) in [
            (r#""AAA=""#, "2 bytes are not a whole number of 32-bit floats"),
            (r#""A*==""#, "not valid base64"),
            ("[1,null]", "invalid type: null"),
            ("7", "expected a list of numbers, or base64"),
        ] {
            let error = read(1, &format!(r#"[{{"embedding":{vector},"index":0}}]"#)).unwrap_err();
            assert!(error.message().contains(words), "{error}");
            assert!(error.path().unwrap().starts_with("data[0].embedding"), "{error}");
        }
    }
}
