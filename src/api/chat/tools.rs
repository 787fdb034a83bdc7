//! Tools that the model may call, and its calls.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::base::{Extra, OrderedJson, Result, Text};
use crate::decode::in_place::{filled, in_place_objects, json_text, or_default};
use crate::decode::open_enum::open_enum;

open_enum! {
    /// The kind of a tool.
    #[derive(Default)]
    ToolKind {
        /// A function. Currently the only kind.
        #[default]
        Function = "function",
    }
}

/// A tool that the model may call.
///
/// ```
/// use serde_json::json;
/// use tabbyapi::api::Tool;
///
/// let weather = Tool::new(
///     "get_weather",
///     "Weather for a city",
///     json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}),
/// );
/// assert_eq!(weather.function.name, "get_weather");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Tool {
    /// The kind (wire: `type`).
    #[serde(rename = "type", default)]
    pub kind: ToolKind,
    /// The function.
    pub function: Function,
    /// Other fields.
    #[serde(flatten, deserialize_with = "crate::api::fields::ordered")]
    pub extra: Extra,
}

impl Tool {
    /// Creates a function tool. `parameters` is a JSON schema of its arguments. The server requires all three.
    pub fn new(name: impl Into<String>, description: impl Into<String>, parameters: impl Into<OrderedJson>) -> Self {
        let function = Function {
            name: name.into(),
            description: description.into(),
            parameters: parameters.into(),
            extra: Extra::new(),
        };
        Tool { kind: ToolKind::Function, function, extra: Extra::new() }
    }
}

/// A function that the model may call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Function {
    /// The name.
    pub name: String,
    /// The description. Required by the server.
    pub description: String,
    /// A JSON schema of the arguments, which must be an object. Required by the server.
    pub parameters: OrderedJson,
    /// Other fields, for the template.
    #[serde(flatten, deserialize_with = "crate::api::fields::ordered")]
    pub extra: Extra,
}

/// Which tools the model should call. Only `none` has an effect on the server: the text of tool calls
/// then stays in the content. The others are only passed to the template.
///
/// ```
/// use tabbyapi::api::{ChatMessage, ChatRequest, ToolChoice};
///
/// let request = ChatRequest::new([ChatMessage::user("Hi")]).tool_choice(ToolChoice::None);
/// assert_eq!(request.tool_choice, Some(ToolChoice::None));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(from = "ChoiceForm", into = "ChoiceForm")]
#[non_exhaustive]
pub enum ToolChoice {
    /// None.
    None,
    /// The model decides; the default.
    Auto,
    /// At least one. Not enforced.
    Required,
    /// This function. Not enforced.
    Function(Text),
    /// A word that this library does not know.
    #[doc(hidden)]
    _Other(Text),
}

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(untagged)]
enum ChoiceForm {
    /// A word.
    #[cfg_attr(feature = "schemars", schemars(extend("examples" = ["none", "auto", "required"])))]
    Word(Text),
    /// One function.
    Named {
        #[serde(rename = "type", default)]
        kind: ToolKind,
        function: NamedFunction,
    },
}

/// The function to call.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
struct NamedFunction {
    /// The name.
    name: Text,
}

impl From<ChoiceForm> for ToolChoice {
    fn from(form: ChoiceForm) -> Self {
        match form {
            ChoiceForm::Named { function, .. } => ToolChoice::Function(function.name),
            ChoiceForm::Word(word) => match word.as_str() {
                "none" => ToolChoice::None,
                "auto" => ToolChoice::Auto,
                "required" => ToolChoice::Required,
                _ => ToolChoice::_Other(word),
            },
        }
    }
}

impl From<ToolChoice> for ChoiceForm {
    fn from(choice: ToolChoice) -> Self {
        match choice {
            ToolChoice::None => ChoiceForm::Word("none".into()),
            ToolChoice::Auto => ChoiceForm::Word("auto".into()),
            ToolChoice::Required => ChoiceForm::Word("required".into()),
            ToolChoice::Function(name) => {
                ChoiceForm::Named { kind: ToolKind::Function, function: NamedFunction { name } }
            }
            ToolChoice::_Other(word) => ChoiceForm::Word(word),
        }
    }
}

/// One tool call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ToolCall {
    /// The id of the call, which its result refers to. The server generates one if it is empty in a request.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "str::is_empty")]
    pub id: Text,
    /// The kind (wire: `type`).
    #[serde(rename = "type", default, deserialize_with = "or_default")]
    pub kind: ToolKind,
    /// The function and its arguments.
    #[serde(default, deserialize_with = "or_default")]
    pub function: FunctionCall,
    /// The index of the call among the calls of a response.
    #[serde(default, deserialize_with = "filled", skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// Other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ToolCall {
    /// Creates a call of `name` with `arguments` as JSON text.
    pub fn new(id: impl Into<Text>, name: impl Into<Text>, arguments: impl Into<String>) -> Self {
        ToolCall {
            id: id.into(),
            function: FunctionCall { name: name.into(), arguments: arguments.into(), extra: Extra::new() },
            ..ToolCall::default()
        }
    }

    /// Parses the arguments as `T`. The model may not have followed the schema.
    ///
    /// # Errors
    ///
    /// Errors with kind [`Decode`](crate::ErrorKind::Decode) if the arguments are not JSON or not a `T`.
    ///
    /// ```
    /// use tabbyapi::api::ToolCall;
    ///
    /// let call = ToolCall::new("call_1", "get_weather", r#"{"city": "Oslo"}"#);
    /// let arguments: serde_json::Value = call.arguments()?;
    /// assert_eq!(arguments["city"], "Oslo");
    /// # Ok::<(), tabbyapi::Error>(())
    /// ```
    pub fn arguments<T: DeserializeOwned>(&self) -> Result<T> {
        crate::decode::from_json(&self.function.arguments)
    }
}

in_place_objects!(ToolCall, FunctionCall);

/// The function of a [`ToolCall`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct FunctionCall {
    /// The name.
    #[serde(default, deserialize_with = "filled")]
    pub name: Text,
    /// The arguments as JSON text, as the server requires. Objects from other servers are converted.
    ///
    /// [`ToolCall::arguments`] parses them.
    #[serde(default, deserialize_with = "json_text")]
    pub arguments: String,
    /// Other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use serde_json::{from_value, json, to_value};

    #[test]
    fn choices_on_the_wire() {
        for (choice, wire) in [
            (ToolChoice::None, json!("none")),
            (ToolChoice::Auto, json!("auto")),
            (ToolChoice::Required, json!("required")),
            (ToolChoice::Function("f".into()), json!({"type": "function", "function": {"name": "f"}})),
        ] {
            assert_eq!(to_value(&choice).unwrap(), wire);
            assert_eq!(from_value::<ToolChoice>(wire).unwrap(), choice);
        }
    }

    #[test]
    fn tools_on_the_wire() {
        let wire = json!({"type": "function",
            "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}});
        let tool = Tool::new("f", "d", json!({"type": "object"}));
        assert_eq!(to_value(&tool).unwrap(), wire);
        assert_eq!(from_value::<Tool>(wire).unwrap(), tool);
    }

    #[test]
    fn arguments_stay_text() {
        let call = ToolCall::new("", "f", r#"{"a":1}"#);
        assert_eq!(
            to_value(&call).unwrap(),
            json!({"type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}})
        );
        assert_eq!(call.arguments::<Value>().unwrap(), json!({"a": 1}));
        assert!(ToolCall::new("", "f", "{\"a\":").arguments::<Value>().is_err());
    }
}
