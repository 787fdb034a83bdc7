//! `Tools`: the functions that a model may call, by name.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{ToolFailure, ToolFailureKind, ToolLimits, ToolResult};
use crate::api::{Tool, ToolCall};
use crate::base::{BoxFuture, MaybeSend, MaybeSync, OrderedJson};

/// A running call. It does nothing unless polled; dropping it cancels it.
pub type ToolFuture = BoxFuture<ToolResult>;

/// Functions that a model may call, and their limits. Cheap to clone.
///
/// ```
/// use serde::Deserialize;
/// use serde_json::json;
/// use tabbyapi::tools::Tools;
///
/// #[derive(Deserialize)]
/// struct Place {
///     city: String,
/// }
///
/// let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
/// let tools = Tools::new().add("get_weather", "Tells the weather in a city.", parameters, |place: Place| async move {
///     match place.city.as_str() {
///         "Oslo" => Ok(json!({"celsius": 4, "sky": "rain"})),
///         city => Err(format!("there is no station in {city}")),
///     }
/// });
/// assert_eq!(tools.names().collect::<Vec<_>>(), ["get_weather"]);
/// ```
#[derive(Clone, Default)]
pub struct Tools {
    /// Names are unique.
    tools: Vec<Registered>,
    limits: ToolLimits,
}

#[derive(Clone)]
struct Registered {
    tool: Tool,
    handler: Arc<dyn Handler>,
}

impl Tools {
    /// Creates an empty registry with the default limits.
    pub fn new() -> Self {
        Tools::default()
    }

    /// Adds a function. `parameters` is a JSON schema of its arguments, an object. The server requires it and the description.
    /// Replaces a function of the same name.
    ///
    /// The arguments are deserialized as `A`, missing arguments as an empty object. The model receives a string result unchanged,
    /// any other result as JSON, and an error as its text. The text should explain how to correct the call, and must not contain
    /// secrets. A panic of the function propagates to the poll of the run.
    #[must_use]
    pub fn add<A, R, E, F, Fut>(
        mut self,
        name: impl Into<String>,
        description: impl Into<String>,
        parameters: impl Into<OrderedJson>,
        function: F,
    ) -> Self
    where
        A: DeserializeOwned + 'static,
        R: Serialize + 'static,
        E: fmt::Display + 'static,
        F: Fn(A) -> Fut + MaybeSend + MaybeSync + 'static,
        Fut: Future<Output = Result<R, E>> + MaybeSend + 'static,
    {
        let tool = Tool::new(name, description, parameters);
        let handler = Arc::new(Typed { function, arguments: PhantomData::<fn(A)> });
        self.tools.retain(|other| other.tool.function.name != tool.function.name);
        self.tools.push(Registered { tool, handler });
        self
    }

    /// Adds a function whose schema is derived from its arguments; see [`schema_for`](crate::structured::schema_for).
    ///
    /// ```
    /// use schemars::JsonSchema;
    /// use serde::Deserialize;
    /// use tabbyapi::tools::Tools;
    ///
    /// #[derive(Deserialize, JsonSchema)]
    /// struct Sum {
    ///     /// The numbers to add.
    ///     numbers: Vec<f64>,
    /// }
    ///
    /// let tools = Tools::new().add_derived("sum", "Adds numbers.", |sum: Sum| async move {
    ///     Ok::<_, String>(sum.numbers.iter().sum::<f64>())
    /// });
    /// let parameters = &tools.definitions()[0].function.parameters;
    /// assert_eq!(parameters["properties"]["numbers"]["description"], "The numbers to add.");
    /// ```
    #[cfg(feature = "schemars")]
    #[must_use]
    pub fn add_derived<A, R, E, F, Fut>(
        self,
        name: impl Into<String>,
        description: impl Into<String>,
        function: F,
    ) -> Self
    where
        A: DeserializeOwned + schemars::JsonSchema + 'static,
        R: Serialize + 'static,
        E: fmt::Display + 'static,
        F: Fn(A) -> Fut + MaybeSend + MaybeSync + 'static,
        Fut: Future<Output = Result<R, E>> + MaybeSend + 'static,
    {
        self.add(name, description, crate::toolkit::structured::schema_for::<A>(), function)
    }

    /// Sets the limits of runs with these tools.
    #[must_use]
    pub fn limits(mut self, limits: ToolLimits) -> Self {
        self.limits = limits;
        self
    }

    pub(super) fn get_limits(&self) -> &ToolLimits {
        &self.limits
    }

    /// Returns the names, in the order in which they were added.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tools.iter().map(|tool| tool.tool.function.name.as_str())
    }

    /// Returns their definitions, for [`ChatRequest::tools`](crate::api::ChatRequest::tools).
    pub fn definitions(&self) -> Vec<Tool> {
        self.tools.iter().map(|tool| tool.tool.clone()).collect()
    }

    /// Starts one call. An unknown name and arguments that do not match are failures of the call.
    pub fn call(&self, call: &ToolCall) -> ToolFuture {
        let name = call.function.name.as_str();
        match self.tools.iter().find(|tool| tool.tool.function.name == name) {
            Some(tool) => tool.handler.call(&call.function.arguments),
            None => {
                let names: Vec<_> = self.names().collect();
                let message = format!("there is no tool `{name}`; the tools are: {}", names.join(", "));
                Box::pin(std::future::ready(Err(ToolFailure::new(ToolFailureKind::UnknownTool, message))))
            }
        }
    }
}

impl fmt::Debug for Tools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tools").field("names", &self.names().collect::<Vec<_>>()).field("limits", &self.limits).finish()
    }
}

/// A function without its types.
trait Handler: MaybeSend + MaybeSync {
    fn call(&self, arguments: &str) -> ToolFuture;
}

struct Typed<A, F> {
    function: F,
    arguments: PhantomData<fn(A)>,
}

impl<A, R, E, F, Fut> Handler for Typed<A, F>
where
    A: DeserializeOwned + 'static,
    R: Serialize + 'static,
    E: fmt::Display + 'static,
    F: Fn(A) -> Fut + MaybeSend + MaybeSync + 'static,
    Fut: Future<Output = Result<R, E>> + MaybeSend + 'static,
{
    fn call(&self, arguments: &str) -> ToolFuture {
        match read(arguments) {
            Ok(arguments) => Box::pin(Written(Box::pin((self.function)(arguments)))),
            Err(failure) => Box::pin(std::future::ready(Err(failure))),
        }
    }
}

fn read<A: DeserializeOwned>(arguments: &str) -> Result<A, ToolFailure> {
    let text = if arguments.trim().is_empty() { "{}" } else { arguments };
    let mut json = serde_json::Deserializer::from_str(text);
    let read = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = crate::base::error::place(&error.path().to_string()).map(|path| format!("`{path}`: "));
        format!("{}{}", path.unwrap_or_default(), error.into_inner())
    });
    let whole = read.and_then(|read| json.end().map(|()| read).map_err(|error| error.to_string()));
    whole.map_err(|message| ToolFailure::new(ToolFailureKind::BadArguments, message))
}

/// The function's future, whose output is serialized as text.
struct Written<Fut>(Pin<Box<Fut>>);

impl<R: Serialize, E: fmt::Display, Fut: Future<Output = Result<R, E>>> Future for Written<Fut> {
    type Output = ToolResult;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<ToolResult> {
        let failed = |message: String| ToolFailure::new(ToolFailureKind::Failed, message);
        Poll::Ready(match std::task::ready!(self.0.as_mut().poll(cx)) {
            // Serialized as text, with fields in the order of the type.
            Ok(result) => match serde_json::to_string(&result) {
                Ok(json) if json.starts_with('"') => Ok(serde_json::from_str(&json).unwrap_or(json)),
                Ok(json) => Ok(json),
                Err(error) => Err(failed(format!("the result could not be written as JSON: {error}"))),
            },
            Err(error) => Err(failed(error.to_string())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;
    use serde::Deserialize;
    use serde_json::Value;
    use serde_json::json;

    #[derive(Deserialize)]
    struct Pair {
        left: i64,
        #[serde(default)]
        right: i64,
    }

    fn tools() -> Tools {
        Tools::new()
            .add("echo", "", json!({}), |value: Value| async move { Ok::<_, String>(value) })
            .add("divide", "", json!({}), |pair: Pair| async move {
                pair.left.checked_div(pair.right).ok_or("no division by zero")
            })
            .add("hello", "", json!({}), |_: Value| async { Ok::<_, String>("hi \"you\"") })
    }

    fn call(name: &str, arguments: &str) -> ToolResult {
        block_on(tools().call(&ToolCall::new("c", name, arguments)))
    }

    #[track_caller]
    fn assert_failure(name: &str, arguments: &str, expected: &str) {
        assert_eq!(call(name, arguments).unwrap_err().to_string(), expected);
    }

    #[test]
    fn results_are_reported_as_text_or_json() {
        assert_eq!(call("hello", "{}").unwrap(), "hi \"you\"");
        assert_eq!(call("divide", r#"{"left": 7, "right": 2}"#).unwrap(), "3");
        assert_eq!(call("echo", r#"{"a": [1, null]}"#).unwrap(), r#"{"a":[1,null]}"#);
        assert_eq!(call("echo", " ").unwrap(), "{}", "no arguments are an empty object");
    }

    #[test]
    fn failures_say_what_to_do_better() {
        assert_failure(
            "weather",
            "{}",
            r#"{"error":"unknown_tool","message":"there is no tool `weather`; the tools are: echo, divide, hello"}"#,
        );
        assert_failure(
            "divide",
            r#"{"left": "7"}"#,
            r#"{"error":"bad_arguments","message":"`left`: invalid type: string \"7\", expected i64 at line 1 column 12"}"#,
        );
        assert_failure(
            "divide",
            "",
            r#"{"error":"bad_arguments","message":"missing field `left` at line 1 column 2"}"#,
        );
        assert_eq!(call("divide", r#"{"left": 1"#).unwrap_err().kind, ToolFailureKind::BadArguments);
        assert_eq!(call("echo", "{} {}").unwrap_err().kind, ToolFailureKind::BadArguments);
        assert_failure("divide", r#"{"left": 1}"#, r#"{"error":"failed","message":"no division by zero"}"#);
    }

    #[test]
    fn a_name_stands_once() {
        let tools = tools().add("echo", "again", json!({}), |_: Value| async { Ok::<_, String>(1) });
        assert_eq!(tools.names().collect::<Vec<_>>(), ["divide", "hello", "echo"]);
        assert_eq!(block_on(tools.call(&ToolCall::new("", "echo", "{}"))).unwrap(), "1");
    }
}
