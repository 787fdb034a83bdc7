//! `POST /v1/token/encode` and `POST /v1/token/decode`.

use axum::Extension;
use serde::Serialize;

use super::route::{self, Route};
use crate::call::Call;
use crate::chat_request::{self, MESSAGE_KIND, TEMPLATE_VARS};
use crate::json::Json;
use crate::refusal::{self, Outcome, Refusal, detail};
use crate::schema::{Field, Kind, Limits};
use crate::token::{self, BOS, FIRST_IMAGE};

pub(super) fn routes() -> Vec<Route> {
    vec![route::post("/v1/token/decode", decode), route::post("/v1/token/encode", encode)]
}

/// The number of tokens of every image, as in the recordings.
const IMAGE_TOKENS: u32 = 4;

static INT: Kind = Kind::Int(Limits::NONE);

static COMMON: &[Field] = &[
    Field::unset(&["add_bos_token"], Kind::Bool),
    Field::unset(&["encode_special_tokens"], Kind::Bool),
    Field::unset(&["decode_special_tokens"], Kind::Bool),
];
static TEXT: &[(&str, Kind)] = &[("str", Kind::Str), ("list[ChatCompletionMessage]", Kind::List(&MESSAGE_KIND))];
static ENCODE: &[Field] = &[Field::required(&["text"], Kind::Union(TEXT)), Field::optional(TEMPLATE_VARS, Kind::Dict)];
static DECODE: &[Field] = &[Field::required(&["tokens"], Kind::List(&INT))];

#[derive(Serialize)]
struct Encoded {
    tokens: Vec<u32>,
    length: usize,
}

#[derive(Serialize)]
struct Decoded {
    text: String,
}

async fn encode(Extension(call): Extension<Call>) -> Outcome {
    let payload = call.payload()?;
    call.api()?;
    let model = call.model()?;
    let body = payload.check(&[COMMON, ENCODE])?;
    let pieces = match body.get("text") {
        Some(Json::List(messages)) => {
            if !call.app.config.services.encodes_messages {
                return Err(detail(422, "Enable the OAI server to handle chat completion messages."));
            }
            let Some(template) = model.template() else {
                let text = "Cannot tokenize chat completion message because a prompt template is not set.";
                return Err(detail(422, text));
            };
            chat_request::check(messages)?;
            template.check()?;
            chat_request::render(messages)
        }
        text => vec![text.and_then(Json::as_str).map(str::to_owned)],
    };
    // The flag for special tokens has no effect on the server, either.
    let mut tokens = Vec::from_iter(flag(&body, "add_bos_token").then_some(BOS));
    let mut text = String::new();
    let mut image = FIRST_IMAGE;
    for piece in pieces {
        match piece {
            Some(piece) => text += &piece,
            None if model.vision => {
                tokens.extend(ids(&std::mem::take(&mut text)));
                tokens.extend(image..image + IMAGE_TOKENS);
                image += IMAGE_TOKENS;
            }
            // A model without vision drops the image.
            None => {}
        }
    }
    tokens.extend(ids(&text));
    Ok(refusal::json(&Encoded { length: tokens.len(), tokens }))
}

async fn decode(Extension(call): Extension<Call>) -> Outcome {
    let payload = call.payload()?;
    call.api()?;
    call.model()?;
    let body = payload.check(&[COMMON, DECODE])?;
    let marks = flag(&body, "decode_special_tokens");
    let mut bytes = Vec::new();
    for token in body.get("tokens").and_then(Json::as_list).unwrap_or_default() {
        let id = token.as_int().and_then(|id| i64::try_from(id).ok()).filter(|id| *id >= 0);
        // The server fails only on numbers that are out of range; other ids have no text.
        let id = id.ok_or(Refusal::Internal)?;
        let id = u32::try_from(id).ok().filter(|id| marks || !token::is_special(*id));
        bytes.extend(id.and_then(token::decode).unwrap_or_default());
    }
    Ok(refusal::json(&Decoded { text: String::from_utf8_lossy(&bytes).into_owned() }))
}

/// The ids of a text, without the start token.
pub(super) fn ids(text: &str) -> impl Iterator<Item = u32> + use<> {
    token::encode(text).into_iter().map(|token| token.id)
}

/// A flag that is true by default.
fn flag(body: &Json, name: &str) -> bool {
    body.get(name).and_then(Json::as_bool).unwrap_or(true)
}
