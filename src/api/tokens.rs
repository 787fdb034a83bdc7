//! `POST /v1/token/encode` and `POST /v1/token/decode`: converting text to tokens and back.

use serde::{Deserialize, Serialize};

use crate::api::chat::ChatMessage;
use crate::api::fields::request;
use crate::api::kinds::{json, kinds};
use crate::api::operation::{described, endpoints};
use crate::base::text::from_texts;
use crate::base::{Advice, Error, ErrorCode, Extra, Remedy};
use crate::decode::Json;
use crate::decode::in_place::{filled, listed, meant};
use crate::protocol::Endpoint;

/// The table of this service. See [`operation`](crate::api::operation).
macro_rules! service {
    ($make:ident) => {
        $make! {
            /// Tokens of the loaded model: `client.tokens()`.
            ///
            /// `cargo run --example tokens` runs them against an emulated server.
            ///
            /// ```no_run
            /// # async fn run(client: tabbyapi::Client) -> tabbyapi::Result<()> {
            /// use tabbyapi::api::{DecodeRequest, EncodeRequest};
            ///
            /// let request = EncodeRequest::new("Once upon a time");
            /// println!("{} tokens", client.tokens().count(&request).await?.length);
            /// let encoded = client.tokens().encode(&request).await?.into_inner();
            /// println!("{}", client.tokens().decode(&DecodeRequest::new(encoded.tokens)).await?.text);
            /// # Ok(())
            /// # }
            /// ```
            tokens: Tokens {
                /// Returns the tokens of a text, or of a conversation as the chat template writes it.
                ///
                /// # Errors
                ///
                /// * `no_template`: a conversation requires a chat template.
                /// * `oai_disabled`: the server's configuration does not list its APIs, which a conversation requires.
                call encode(request: &EncodeRequest) -> Encoded = request =>
                    json [EncodeRequest]: POST "/v1/token/encode", Api, Idempotent, read;
                /// Returns the text of tokens.
                ///
                /// # Errors
                ///
                /// `invalid_token`: an id is negative or too large.
                call decode(request: &DecodeRequest) -> Decoded = request =>
                    json [DecodeRequest]: POST "/v1/token/decode", Api, Idempotent, read, map_decode_error;
                /// Returns the number of tokens of a text or a conversation.
                ///
                /// The server encodes it as for [`encode`](Tokens::encode). The tokens are discarded.
                call count(request: &EncodeRequest) -> TokenCount = &CountTokens(request) =>
                    own [CountTokens<'_>]: POST "/v1/token/encode", Api, Idempotent, read;
            }
        }
    };
}
pub(crate) use service;

service!(endpoints);

request! {
    /// A text or a conversation to encode.
    ///
    /// ```
    /// use tabbyapi::api::{ChatMessage, EncodeRequest};
    ///
    /// let text = EncodeRequest::new("Once upon a time").add_bos_token(false);
    /// let chat = EncodeRequest::new([ChatMessage::user("Who are you?")]);
    /// # let _ = (text, chat);
    /// ```
    pub struct EncodeRequest {
        required {
            /// The input. A conversation is rendered by the chat template, without the start of a response.
            text: EncodeInput,
        }
        optional {
            /// Whether the model's begin token is prepended, if it has one; default true.
            add_bos_token: bool,
            /// Whether the texts of special tokens, such as `<|im_end|>`, are encoded as those tokens; default true. Models whose vocabulary
            /// contains them as ordinary tokens always do so.
            encode_special_tokens: bool,
            /// No effect on encoding; default true.
            decode_special_tokens: bool,
            /// Variables for the chat template. Not supported by servers of 2025.
            template_vars: Extra as impl Into<Extra>,
        }
    }
}

impl EncodeRequest {
    /// Creates a request for this text or these messages.
    pub fn new(text: impl Into<EncodeInput>) -> Self {
        EncodeRequest::blank(text.into())
    }
}

/// The input of an encoding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(untagged)]
#[non_exhaustive]
pub enum EncodeInput {
    /// A text.
    Text(String),
    /// A conversation.
    Messages(Vec<ChatMessage>),
}

impl From<&str> for EncodeInput {
    fn from(text: &str) -> Self {
        EncodeInput::Text(text.to_owned())
    }
}

impl From<String> for EncodeInput {
    fn from(text: String) -> Self {
        EncodeInput::Text(text)
    }
}

from_texts!(EncodeInput);

impl From<Vec<ChatMessage>> for EncodeInput {
    fn from(messages: Vec<ChatMessage>) -> Self {
        EncodeInput::Messages(messages)
    }
}

impl<const N: usize> From<[ChatMessage; N]> for EncodeInput {
    fn from(messages: [ChatMessage; N]) -> Self {
        EncodeInput::Messages(messages.into())
    }
}

impl From<&[ChatMessage]> for EncodeInput {
    fn from(messages: &[ChatMessage]) -> Self {
        EncodeInput::Messages(messages.to_vec())
    }
}

/// The tokens of a text or a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Encoded {
    /// The token ids. Ids from 1 000 000 000 on are parts of images, and are valid only in this response.
    #[serde(default, deserialize_with = "listed")]
    pub tokens: Vec<u32>,
    /// The number of tokens.
    #[serde(default, deserialize_with = "filled")]
    pub length: u64,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The number of tokens of a text or a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TokenCount {
    /// The number of tokens.
    #[serde(deserialize_with = "meant")]
    pub length: u64,
}

request! {
    /// Tokens to decode.
    ///
    /// Ids are not negative, because the server fails on those. It skips ids that the model does not have.
    ///
    /// ```
    /// use tabbyapi::api::DecodeRequest;
    ///
    /// let request = DecodeRequest::new([2400, 39, 335]).decode_special_tokens(false);
    /// # assert_eq!(serde_json::to_string(&request).unwrap(), r#"{"tokens":[2400,39,335],"decode_special_tokens":false}"#);
    /// ```
    pub struct DecodeRequest {
        required {
            /// The ids of the tokens.
            tokens: Vec<u32>,
        }
        optional {
            /// Whether special tokens, such as `<|im_end|>`, appear as text; default true.
            decode_special_tokens: bool,
            /// No effect on decoding; default true.
            encode_special_tokens: bool,
            /// No effect on decoding; default true.
            add_bos_token: bool,
        }
    }
}

impl DecodeRequest {
    /// Creates a request for these tokens.
    pub fn new(tokens: impl Into<Vec<u32>>) -> Self {
        DecodeRequest::blank(tokens.into())
    }
}

/// The text of tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Decoded {
    /// The text.
    #[serde(deserialize_with = "meant")]
    pub text: String,
    /// Fields that this library does not define.
    #[serde(flatten)]
    pub extra: Extra,
}

fn map_decode_error(error: Error) -> Error {
    if error.status().is_some_and(|status| status == 500) {
        return error.with_code(ErrorCode::InvalidToken).with_advice(Advice::new(
            Remedy::Change,
            "the server fails this way on ids that are negative or too large",
        ));
    }
    error
}

/// A text or a conversation whose tokens are counted.
///
/// The operation of [`Tokens::count`](crate::services::Tokens::count).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema), schemars(transparent))]
pub struct CountTokens<'a>(pub &'a EncodeRequest);

impl Endpoint for CountTokens<'_> {
    type Decoder = Json<TokenCount>;

    described!();

    fn body(&self) -> crate::base::Result<Option<bytes::Bytes>> {
        self.0.body()
    }

    fn decoder(&self) -> Self::Decoder {
        json()
    }
}

kinds! {
    Decoded: "text";
    Encoded: "tokens", "length";
    TokenCount: "length";
}
