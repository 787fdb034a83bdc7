//! Messages of a conversation, in requests and responses.

use std::fmt;

use base64::Engine as _;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::chunk::unify_reasoning;
use super::{Delta, ToolCall};
use crate::base::text::from_texts;
use crate::base::{Extra, OrderedJson, Text};
use crate::decode::in_place::{filled, in_place_objects, or_default};
use crate::decode::open_enum::open_enum;

open_enum! {
    /// The author of a message; the user by default.
    #[derive(Default)]
    Role {
        /// Instructions.
        System = "system",
        /// Instructions, under the name that newer templates use.
        Developer = "developer",
        /// The user.
        #[default]
        User = "user",
        /// The model.
        Assistant = "assistant",
        /// The result of a tool call.
        Tool = "tool",
    }
}

/// One message of a conversation. The message of a response can be sent in the next request unchanged.
///
/// ```
/// use tabbyapi::api::{ChatMessage, ContentPart};
///
/// let question = ChatMessage::user("What is in this picture?");
/// let both = ChatMessage::user(vec![
///     ContentPart::text("What is in this picture?"),
///     ContentPart::image_url("https://example.org/cat.png"),
/// ]);
/// assert_eq!(question.text(), Some("What is in this picture?"));
/// assert_eq!(both.text(), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ChatMessage {
    /// The role. The server accepts any string; the chat template interprets it.
    #[serde(default, deserialize_with = "or_default")]
    pub role: Role,
    /// The content. A response without content, such as one with only tool calls, has none.
    #[serde(default, deserialize_with = "content", skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// The reasoning of the model, if the server separates it. In responses `reasoning` is read as well.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<String>,
    /// The tool calls of the model.
    #[cfg_attr(feature = "schemars", schemars(with = "Option<Vec<ToolCall>>"))]
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// The id of the tool call that this message answers.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<Text>,
    /// Other fields. The server ignores those of requests, including `name`.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ChatMessage {
    /// Creates a message with this role.
    pub fn new(role: impl Into<Role>, content: impl Into<Content>) -> Self {
        ChatMessage { role: role.into(), content: Some(content.into()), ..ChatMessage::default() }
    }

    /// Creates instructions.
    pub fn system(content: impl Into<Content>) -> Self {
        ChatMessage::new(Role::System, content)
    }

    /// Creates a message of the user.
    pub fn user(content: impl Into<Content>) -> Self {
        ChatMessage::new(Role::User, content)
    }

    /// Creates a message of the model: an earlier response, or the beginning to continue (see
    /// [`continue_final_message`](super::ChatRequest::continue_final_message)).
    pub fn assistant(content: impl Into<Content>) -> Self {
        ChatMessage::new(Role::Assistant, content)
    }

    /// Creates the result of the tool call with this id.
    pub fn tool(id: impl Into<Text>, result: impl Into<Content>) -> Self {
        ChatMessage::new(Role::Tool, result).tool_call_id(id)
    }

    /// Sets `reasoning_content`.
    #[must_use]
    pub fn reasoning_content(mut self, reasoning: impl Into<String>) -> Self {
        self.reasoning_content = Some(reasoning.into());
        self
    }

    /// Sets `tool_calls`.
    #[must_use]
    pub fn tool_calls(mut self, calls: impl Into<Vec<ToolCall>>) -> Self {
        self.tool_calls = calls.into();
        self
    }

    /// Sets `tool_call_id`.
    #[must_use]
    pub fn tool_call_id(mut self, id: impl Into<Text>) -> Self {
        self.tool_call_id = Some(id.into());
        self
    }

    /// Adds a field that this library does not define.
    #[must_use]
    pub fn extra(mut self, name: impl Into<String>, value: impl Into<OrderedJson>) -> Self {
        self.extra.set(name, value);
        self
    }

    /// Returns the content, if it is plain text. In responses it always is. Parts are joined if all of them are text.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Some(Content::Text(text)) => Some(text),
            _ => None,
        }
    }
}

in_place_objects!(ChatMessage);

impl ChatMessage {
    /// Returns the reasoning. Empty if there is none.
    pub fn reasoning(&self) -> &str {
        self.reasoning_content.as_deref().unwrap_or_default()
    }

    /// Normalizes the message of a response: joins text parts, and merges the names of reasoning.
    pub(super) fn unified(mut self) -> Self {
        unify_reasoning(&mut self.reasoning_content, &mut self.extra);
        if let Some(Content::Parts(parts)) = &self.content
            && parts.iter().all(|part| matches!(part, ContentPart::Text { .. }))
        {
            self.content = Delta::from(ChatMessage { content: self.content.take(), ..ChatMessage::default() })
                .content
                .map(Content::from);
        }
        self
    }
}

/// Reads the content of a message. `None` if the value has none.
fn content<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Content>, D::Error> {
    crate::decode::in_place::in_place(deserializer, Saying)
}

struct Saying;

impl<'de> Visitor<'de> for Saying {
    type Value = Option<Content>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text or a list of parts")
    }
    fn visit_str<E>(self, text: &str) -> Result<Option<Content>, E> {
        Ok(Some(Content::Text(text.to_owned())))
    }
    fn visit_string<E>(self, text: String) -> Result<Option<Content>, E> {
        Ok(Some(Content::Text(text)))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Option<Content>, A::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Text(String),
            Part(ContentPart),
        }
        let parts = Vec::<Form>::deserialize(SeqAccessDeserializer::new(seq))?;
        let part = |part| match part {
            Form::Text(text) => ContentPart::Text { text },
            Form::Part(part) => part,
        };
        Ok(Some(Content::Parts(parts.into_iter().map(part).collect())))
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Option<Content>, A::Error> {
        let part = ContentPart::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Some(Content::Parts(vec![part])))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Option<Content>, E> {
        Ok(Some(Content::Text(number.to_string())))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Option<Content>, E> {
        Ok(Some(Content::Text(number.to_string())))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Option<Content>, E> {
        Ok(Some(Content::Text(number.to_string())))
    }
    fn visit_bool<E>(self, _: bool) -> Result<Option<Content>, E> {
        Ok(None)
    }
    fn visit_unit<E>(self) -> Result<Option<Content>, E> {
        Ok(None)
    }
    fn visit_none<E>(self) -> Result<Option<Content>, E> {
        Ok(None)
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Content>, D::Error> {
        crate::decode::in_place::in_place(deserializer, self)
    }
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Content>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// The content of a message.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(untagged)]
#[non_exhaustive]
pub enum Content {
    /// Text.
    Text(String),
    /// A sequence of text and images.
    Parts(Vec<ContentPart>),
}

// A derived implementation would hold a long text three times.
impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Content;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or a list of parts")
            }
            fn visit_str<E>(self, text: &str) -> Result<Content, E> {
                Ok(Content::Text(text.to_owned()))
            }
            fn visit_string<E>(self, text: String) -> Result<Content, E> {
                Ok(Content::Text(text))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Content, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(seq)).map(Content::Parts)
            }
            fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
                deserializer.deserialize_any(self)
            }
        }
        crate::decode::in_place::in_place(deserializer, Visit)
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Content::Text(text.to_owned())
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Content::Text(text)
    }
}

impl From<Text> for Content {
    fn from(text: Text) -> Self {
        Content::Text(text.into())
    }
}

from_texts!(Content);

impl From<serde_json::Value> for Content {
    /// A string is text, a list of parts is parts. Any other value becomes its JSON text.
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::String(text) => Content::Text(text),
            value => serde_json::from_value(value.clone()).unwrap_or_else(|_| Content::Text(value.to_string())),
        }
    }
}

impl From<Vec<ContentPart>> for Content {
    fn from(parts: Vec<ContentPart>) -> Self {
        Content::Parts(parts)
    }
}

impl<const N: usize> From<[ContentPart; N]> for Content {
    fn from(parts: [ContentPart; N]) -> Self {
        Content::Parts(parts.into())
    }
}

/// A part of a message. If the model was loaded without vision, the server drops images silently.
///
/// ```
/// use tabbyapi::api::{ChatMessage, ContentPart};
///
/// let parts = vec![ContentPart::text("What is this?"), ContentPart::image_url("https://example.org/a.png")];
/// assert_eq!(ChatMessage::user(parts).text(), None);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ContentPart {
    /// Text.
    #[non_exhaustive]
    Text {
        /// The text.
        text: String,
    },
    /// An image.
    #[non_exhaustive]
    ImageUrl {
        /// The address of the image, or the image itself.
        image_url: ImageUrl,
    },
    /// A kind that this library does not know, kept as it was received.
    #[doc(hidden)]
    #[serde(untagged)]
    _Other(OrderedJson),
}

impl ContentPart {
    /// Creates a text part.
    pub fn text(text: impl Into<String>) -> Self {
        ContentPart::Text { text: text.into() }
    }

    /// Creates an image part from an address that the server fetches (`http`, `https`, unless its configuration forbids it), or from a data URL.
    pub fn image_url(url: impl Into<String>) -> Self {
        ContentPart::ImageUrl { image_url: ImageUrl { url: url.into(), extra: Extra::new() } }
    }

    /// Creates an image part of this media type, such as `image/png`, that is sent inside the request. The server accepts only types of letters
    /// and digits, so not `image/svg+xml`.
    pub fn image_bytes(media_type: &str, image: impl AsRef<[u8]>) -> Self {
        let mut url = format!("data:{media_type};base64,");
        base64::engine::general_purpose::STANDARD.encode_string(image, &mut url);
        ContentPart::image_url(url)
    }
}

/// The image of a message part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ImageUrl {
    /// An address, or `data:image/TYPE;base64,…`.
    pub url: String,
    /// Other fields, which the server ignores.
    #[serde(flatten)]
    pub extra: Extra,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json, to_value};

    #[test]
    fn messages_leave_out_what_they_lack() {
        assert_eq!(to_value(ChatMessage::user("hi")).unwrap(), json!({"role": "user", "content": "hi"}));
        assert_eq!(
            to_value(ChatMessage::tool("call_a", "12C")).unwrap(),
            json!({"role": "tool", "content": "12C", "tool_call_id": "call_a"})
        );
    }

    #[test]
    fn an_answer_goes_back_without_nulls() {
        let answer = json!({"role": "assistant", "content": null, "reasoning_content": null, "tool_call_id": null,
            "tool_calls": [{"id": "call_a", "function": {"name": "f", "arguments": "{}"}, "type": "function", "index": 0}]});
        let message: ChatMessage = from_value(answer).unwrap();
        assert_eq!(
            to_value(&message).unwrap(),
            json!({"role": "assistant",
                "tool_calls": [{"id": "call_a", "function": {"name": "f", "arguments": "{}"}, "type": "function", "index": 0}]})
        );
    }

    #[test]
    fn parts() {
        let message =
            ChatMessage::user([ContentPart::text("What?"), ContentPart::image_bytes("image/png", b"\x89PNG")]);
        let wire = json!({"role": "user", "content": [
            {"type": "text", "text": "What?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}},
        ]});
        assert_eq!(to_value(&message).unwrap(), wire);
        assert_eq!(from_value::<ChatMessage>(wire).unwrap(), message);
        let unknown = json!({"type": "input_audio", "input_audio": {"data": ""}});
        let part: ContentPart = from_value(unknown.clone()).unwrap();
        assert_eq!(to_value(part).unwrap(), unknown);
    }

    #[test]
    fn unknown_roles_and_fields_are_kept() {
        let wire = json!({"role": "critic", "content": "no", "name": "Ada"});
        let message: ChatMessage = from_value(wire.clone()).unwrap();
        assert_eq!(message.role, "critic");
        assert_eq!(message.extra["name"], "Ada");
        assert_eq!(to_value(message).unwrap(), wire);
    }
}
