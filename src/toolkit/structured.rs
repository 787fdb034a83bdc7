//! Structured output: a schema in the request, a typed value from the response.
//!
//! [`Chat::response_as`](crate::services::Chat) does both for a type with a derived schema (feature `schemars`), and
//! [`Chat::response_as_with_schema`](crate::services::Chat::response_as_with_schema) for a custom schema. For streams, set
//! [`ResponseFormat::json_schema`](crate::api::ResponseFormat::json_schema) and read the whole response with
//! [`ChatCompletion::parsed`].
//!
//! The server enforces `response_format` with the type `json_schema`, either a bare schema or OpenAI's wrapper, and with the type
//! `json`, any JSON object. It silently ignores the type `json_object`, schemas that it cannot compile, and unknown types: the
//! response is then free text. Which keywords of JSON schema it compiles depends on the server's llguidance. Types, `properties`,
//! `required`, `items` and `minItems` were observed to work. The response is therefore always checked here against the Rust type.
//! Limits that only the schema has, such as a `minimum`, are not checked.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::api::{ChatCompletion, ChatRequest, FinishReason, ResponseFormat};
use crate::base::{Error, ErrorCode, ErrorKind, OrderedJson};
use crate::client::Response;
use crate::client::services::Chat;

/// A typed response.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Structured<T> {
    /// The value.
    pub value: T,
    /// The text of the model, from which the value was parsed.
    pub raw: String,
    /// The whole response. Its reasoning is separate from the text.
    pub answer: Response<ChatCompletion>,
}

/// Why there is no typed response.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StructuredError {
    /// The call failed.
    #[error(transparent)]
    Call(Error),
    /// The response does not match the schema.
    #[error(transparent)]
    Unparsed(Box<Unparsed>),
}

/// A response that does not match the schema, with its text unchanged.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Unparsed {
    /// Why it does not match.
    pub reason: UnparsedReason,
    /// A description of the problem.
    pub message: String,
    /// The location in the JSON, such as `items[0].price`. `None` if it is unknown or the document itself.
    pub path: Option<String>,
    /// The text of the response, unchanged.
    pub raw: String,
    /// The whole response.
    pub answer: ChatCompletion,
}

/// Why a response is [`Unparsed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnparsedReason {
    /// It has no text: only tool calls, only reasoning, or nothing.
    Empty,
    /// It was cut by `max_tokens`, and is not valid JSON.
    CutOff,
    /// It is not JSON, or has other text after it.
    NotJson,
    /// It is JSON of another shape.
    Unexpected,
}

impl StructuredError {
    /// Returns the text of the response, if there is one.
    pub fn raw(&self) -> Option<&str> {
        match self {
            StructuredError::Unparsed(unparsed) => Some(&unparsed.raw),
            StructuredError::Call(_) => None,
        }
    }

    /// Returns the location of the problem in the JSON, if there is one.
    pub fn path(&self) -> Option<&str> {
        match self {
            StructuredError::Unparsed(unparsed) => unparsed.path.as_deref(),
            StructuredError::Call(error) => error.path(),
        }
    }
}

impl From<Error> for StructuredError {
    fn from(error: Error) -> Self {
        StructuredError::Call(error)
    }
}

impl From<Box<Unparsed>> for StructuredError {
    fn from(unparsed: Box<Unparsed>) -> Self {
        StructuredError::Unparsed(unparsed)
    }
}

impl From<Box<Unparsed>> for Error {
    /// Drops the raw text, which may contain data that should not be in logs.
    fn from(unparsed: Box<Unparsed>) -> Self {
        StructuredError::Unparsed(unparsed).into()
    }
}

impl From<StructuredError> for Error {
    /// Drops the raw text, which may contain data that should not be in logs.
    fn from(error: StructuredError) -> Self {
        match error {
            StructuredError::Call(error) => error,
            StructuredError::Unparsed(unparsed) => {
                let error = Error::new(ErrorKind::Decode, ErrorCode::Unstructured, unparsed.to_string());
                error.with_path(unparsed.path.unwrap_or_default())
            }
        }
    }
}

impl ChatCompletion {
    /// Parses the text of the first choice as JSON of this type.
    ///
    /// Whitespace around the JSON is accepted, anything else is not: a model that writes it between ```` ``` ```` was not
    /// constrained by a schema.
    ///
    /// ```
    /// use serde::Deserialize;
    /// use tabbyapi::api::ChatCompletion;
    /// use tabbyapi::structured::UnparsedReason;
    ///
    /// #[derive(Deserialize)]
    /// struct City {
    ///     name: String,
    /// }
    ///
    /// let mut answer: ChatCompletion =
    ///     serde_json::from_str(r#"{"choices": [{"message": {"content": "{\"name\": \"Oslo\"}"}}]}"#)?;
    /// assert_eq!(answer.parsed::<City>().unwrap().name, "Oslo");
    ///
    /// answer.choices[0].message.content = Some("Oslo, I think.".into());
    /// let unparsed = answer.parsed::<City>().err().unwrap();
    /// assert_eq!(unparsed.reason, UnparsedReason::NotJson);
    /// assert_eq!(unparsed.raw, "Oslo, I think.");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Errors with an [`Unparsed`], which has the raw text, if the text is not JSON of this type.
    pub fn parsed<T: DeserializeOwned>(&self) -> Result<T, Box<Unparsed>> {
        let raw = self.text();
        let unparsed = |reason, message: String, path| {
            Box::new(Unparsed { reason, message, path, raw: raw.to_owned(), answer: self.clone() })
        };
        if raw.trim().is_empty() {
            return Err(unparsed(UnparsedReason::Empty, "the response has no text".to_owned(), None));
        }
        let mut json = serde_json::Deserializer::from_str(raw);
        let (error, path) = match serde_path_to_error::deserialize(&mut json) {
            Ok(value) => match json.end() {
                Ok(()) => return Ok(value),
                Err(error) => (error, None),
            },
            Err(error) => {
                let path = crate::decode::place_of(error.path());
                (error.into_inner(), path)
            }
        };
        let cut = self.choices.first().and_then(|choice| choice.finish_reason.as_ref()) == Some(&FinishReason::Length);
        let reason = match error.is_data() {
            _ if cut && error.is_eof() => UnparsedReason::CutOff,
            true => UnparsedReason::Unexpected,
            false => UnparsedReason::NotJson,
        };
        Err(unparsed(reason, crate::decode::fault(&error), path))
    }
}

impl fmt::Display for Unparsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unparsed { message, .. } = self;
        match self.reason {
            UnparsedReason::Empty => f.write_str("the answer has no text to read JSON from")?,
            UnparsedReason::CutOff => {
                write!(f, "the answer was cut off by `max_tokens` before its JSON was whole: {message}")?;
            }
            UnparsedReason::NotJson => write!(f, "the answer is not JSON: {message}")?,
            UnparsedReason::Unexpected => write!(f, "the answer's JSON has another shape: {message}")?,
        }
        if let Some(path) = &self.path {
            write!(f, " (at `{path}`)")?;
        }
        match self.reason {
            UnparsedReason::Empty => Ok(()),
            UnparsedReason::CutOff => f.write_str("; raise `max_tokens`"),
            _ => f.write_str("; the server silently ignores schemas that it cannot use"),
        }
    }
}

impl fmt::Debug for Unparsed {
    // Omits the texts, which are the model's and should not be in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unparsed")
            .field("reason", &self.reason)
            .field("message", &self.message)
            .field("path", &self.path)
            .field("raw_bytes", &self.raw.len())
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Unparsed {}

/// Returns the JSON schema of a type in the form that suits the server best: references are inlined, unless the type is
/// recursive.
///
/// ```
/// #[derive(schemars::JsonSchema)]
/// struct City {
///     /// Its name in English.
///     name: String,
///     people: Option<u64>,
/// }
///
/// let schema = tabbyapi::structured::schema_for::<City>();
/// assert_eq!(schema["properties"]["name"]["description"], "Its name in English.");
/// assert_eq!(schema["required"], serde_json::json!(["name"]));
/// ```
#[cfg(feature = "schemars")]
pub fn schema_for<T: schemars::JsonSchema>() -> OrderedJson {
    let settings = schemars::generate::SchemaSettings::draft2020_12().with(|settings| {
        settings.meta_schema = None;
        settings.inline_subschemas = true;
    });
    settings.into_generator().into_root_schema_for::<T>().to_value().into()
}

/// Returns the request, constrained by a schema.
pub(crate) fn held_to(request: &ChatRequest, schema: OrderedJson) -> ChatRequest {
    request.clone().response_format(ResponseFormat::json_schema(schema))
}

/// Parses the typed response.
pub(crate) fn typed<T: DeserializeOwned>(answer: Response<ChatCompletion>) -> Result<Structured<T>, StructuredError> {
    let value = answer.parsed()?;
    Ok(Structured { value, raw: answer.text().to_owned(), answer })
}

impl Chat<'_> {
    /// Returns the response as a value of a type. The model is constrained to the derived schema of the type.
    ///
    /// Replaces the request's `response_format`. A `response_prefix` would be missing from the JSON. See
    /// [`structured`](crate::structured) for how the server handles schemas.
    ///
    /// ```no_run
    /// # async fn run(client: tabbyapi::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use tabbyapi::api::{ChatMessage, ChatRequest};
    ///
    /// #[derive(serde::Deserialize, schemars::JsonSchema)]
    /// struct City {
    ///     name: String,
    ///     people: u64,
    /// }
    ///
    /// let request = ChatRequest::new([ChatMessage::user("The largest city of Norway?")]).max_tokens(200);
    /// let city = client.chat().response_as::<City>(&request).await?.value;
    /// println!("{} has {} people", city.name, city.people);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Errors with the error of the call, or with code `unstructured` and the raw text if the response does not match the schema.
    #[cfg(feature = "schemars")]
    pub async fn response_as<T: DeserializeOwned + schemars::JsonSchema>(
        &self,
        request: &ChatRequest,
    ) -> Result<Structured<T>, StructuredError> {
        self.response_as_with_schema(request, schema_for::<T>()).await
    }

    /// Returns the response as a value of a type. The model is constrained to this schema.
    ///
    /// # Errors
    ///
    /// Errors with the error of the call, or with code `unstructured` and the raw text if the response does not match the schema.
    pub async fn response_as_with_schema<T: DeserializeOwned>(
        &self,
        request: &ChatRequest,
        schema: impl Into<OrderedJson>,
    ) -> Result<Structured<T>, StructuredError> {
        typed(self.create(&held_to(request, schema.into())).await?)
    }
}

#[cfg(all(feature = "blocking", not(target_arch = "wasm32")))]
impl crate::client::blocking::Chat<'_> {
    /// Returns the response as a value of a type. The model is constrained to the derived schema of the type.
    ///
    /// See [`response_as`](crate::services::Chat::response_as) of the async client.
    ///
    /// # Errors
    ///
    /// Errors with the error of the call, or with code `unstructured` and the raw text if the response does not match the schema.
    #[cfg(feature = "schemars")]
    pub fn response_as<T: DeserializeOwned + schemars::JsonSchema>(
        &self,
        request: &ChatRequest,
    ) -> Result<Structured<T>, StructuredError> {
        self.response_as_with_schema(request, schema_for::<T>())
    }

    /// Returns the response as a value of a type. The model is constrained to this schema.
    ///
    /// See [`response_as_with_schema`](crate::services::Chat::response_as_with_schema) of the async client.
    ///
    /// # Errors
    ///
    /// Errors with the error of the call, or with code `unstructured` and the raw text if the response does not match the schema.
    pub fn response_as_with_schema<T: DeserializeOwned>(
        &self,
        request: &ChatRequest,
        schema: impl Into<crate::base::OrderedJson>,
    ) -> Result<Structured<T>, StructuredError> {
        typed(self.create(&held_to(request, schema.into()))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Order {
        items: Vec<Item>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Item {
        price: f64,
    }

    fn answer(content: &str, finish: &str) -> ChatCompletion {
        let choice = json!({"finish_reason": finish, "message": {"content": content, "reasoning_content": "{}"}});
        serde_json::from_value(json!({"choices": [choice]})).unwrap()
    }

    #[track_caller]
    fn assert_unparsed(content: &str, finish: &str, reason: UnparsedReason, text: &str) {
        let unparsed = answer(content, finish).parsed::<Order>().unwrap_err();
        assert_eq!((unparsed.reason, unparsed.to_string().as_str()), (reason, text));
        assert_eq!(unparsed.raw, content);
        assert!(!format!("{unparsed:?}").contains("Sure"));
    }

    #[test]
    fn what_was_asked_for() {
        let order = answer(" {\"items\": [{\"price\": 1.5}]}\n", "stop").parsed::<Order>().unwrap();
        assert_eq!(order, Order { items: vec![Item { price: 1.5 }] });
    }

    #[test]
    fn what_was_not_keeps_its_text_and_says_where() {
        assert_unparsed(
            r#"{"items": [{"price": "much"}]}"#,
            "stop",
            UnparsedReason::Unexpected,
            "the answer's JSON has another shape: invalid type: string, expected f64 at line 1 column 27 (at \
             `items[0].price`); the server silently ignores schemas that it cannot use",
        );
        assert_unparsed(
            "Sure! {\"items\": []}",
            "stop",
            UnparsedReason::NotJson,
            "the answer is not JSON: expected value at line 1 column 1; the server silently ignores schemas that it cannot use",
        );
        assert_unparsed(
            "{\"items\": []} Sure!",
            "stop",
            UnparsedReason::NotJson,
            "the answer is not JSON: trailing characters at line 1 column 15; the server silently ignores schemas that it cannot use",
        );
        assert_unparsed(
            "{\"items\": [",
            "length",
            UnparsedReason::CutOff,
            "the answer was cut off by `max_tokens` before its JSON was whole: EOF while parsing a list at line 1 column \
             11 (at `items`); raise `max_tokens`",
        );
        assert_unparsed(" ", "tool_calls", UnparsedReason::Empty, "the answer has no text to read JSON from");
    }

    #[test]
    fn as_an_error_it_has_the_path_and_no_text() {
        let unparsed = answer(r#"{"items": [{"price": {}}]}"#, "stop").parsed::<Order>().unwrap_err();
        let error = Error::from(StructuredError::from(unparsed));
        assert_eq!(
            (error.kind(), error.code().as_str(), error.path()),
            (ErrorKind::Decode, "unstructured", Some("items[0].price"))
        );
        assert!(error.body().is_none());
    }
}
