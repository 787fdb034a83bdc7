//! A chat request: its fields, its prompt, its tools.

use crate::constrain;
use crate::generate::Prompt;
use crate::json::Json;
use crate::refusal::{Refusal, detail};
use crate::sampler::field;
use crate::schema::{Field, Kind, Limits};

static DICT: Kind = Kind::Dict;

static IMAGE_URL: &[Field] = &[Field::required(&["url"], Kind::Str)];
static PART: &[Field] = &[
    Field::unset(&["type"], Kind::Literal(&["text", "image_url"], "'text' or 'image_url'")),
    Field::optional(&["text"], Kind::Str),
    Field::optional(&["image_url"], Kind::Model(IMAGE_URL)),
];
static PART_KIND: Kind = Kind::Model(PART);
static CONTENT: &[(&str, Kind)] = &[("str", Kind::Str), ("list[ChatCompletionMessagePart]", Kind::List(&PART_KIND))];
static CALL_FUNCTION: &[Field] = &[Field::required(&["name"], Kind::Str), Field::required(&["arguments"], Kind::Str)];
static CALL: &[Field] = &[
    Field::unset(&["id"], Kind::Str),
    Field::required(&["function"], Kind::Model(CALL_FUNCTION)),
    Field::unset(&["type"], Kind::Literal(&["function"], "'function'")),
    Field::optional(&["index"], Kind::Int(Limits::NONE)),
];
static CALL_KIND: Kind = Kind::Model(CALL);
static MESSAGE: &[Field] = &[
    Field::unset(&["role"], Kind::Str),
    Field::optional(&["content"], Kind::Union(CONTENT)),
    Field::optional(&["reasoning_content"], Kind::Str),
    Field::optional(&["tool_calls"], Kind::List(&CALL_KIND)),
    Field::optional(&["tool_call_id"], Kind::Str),
];
pub(crate) static MESSAGE_KIND: Kind = Kind::Model(MESSAGE);
static REASONING: &[Field] = &[
    Field::optional(&["effort"], Kind::Str),
    Field::optional(&["enabled"], Kind::Bool),
    Field::optional(&["max_tokens"], Kind::Int(Limits::NONE)),
];
static FUNCTION: &[Field] = &[
    Field::required(&["name"], Kind::Str),
    Field::required(&["description"], Kind::Str),
    Field::required(&["parameters"], Kind::Dict),
];
static TOOL: &[Field] = &[
    Field::required(&["function"], Kind::Model(FUNCTION)),
    Field::required(&["type"], Kind::Literal(&["function"], "'function'")),
];
static TOOL_KIND: Kind = Kind::Model(TOOL);
static NAMED_FUNCTION: &[Field] = &[Field::required(&["name"], Kind::Str)];
static NAMED_CHOICE: &[Field] = &[
    Field::required(&["function"], Kind::Model(NAMED_FUNCTION)),
    Field::unset(&["type"], Kind::Literal(&["function"], "'function'")),
];
static TOOL_CHOICE: &[(&str, Kind)] = &[
    ("literal['none','auto','required']", Kind::Literal(&["none", "auto", "required"], "'none', 'auto' or 'required'")),
    ("NamedToolChoice", Kind::Model(NAMED_CHOICE)),
];
pub(crate) const TEMPLATE_VARS: &[&str] = &["template_vars", "chat_template_kwargs"];

/// The fields of chat besides those of all generations.
pub(crate) static FIELDS: &[Field] = &[
    Field::required(&["messages"], Kind::List(&MESSAGE_KIND)),
    Field::optional(&["prompt_template"], Kind::Str),
    Field::optional(&["add_generation_prompt"], Kind::Bool),
    Field::optional(TEMPLATE_VARS, Kind::Dict),
    Field::optional(&["reasoning_effort"], Kind::Str),
    Field::optional(&["enable_thinking"], Kind::Bool),
    Field::optional(&["verbosity"], Kind::Str),
    Field::optional(&["reasoning"], Kind::Model(REASONING)),
    Field::optional(
        &["reasoning_budget_tokens", "reasoning_budget", "thinking_budget", "thinking_token_budget"],
        Kind::Int(Limits::NONE),
    ),
    Field::optional(&["reasoning_budget_message"], Kind::Str),
    Field::optional(&["response_prefix"], Kind::Str),
    Field::optional(&["continue_final_message"], Kind::Bool),
    Field::optional(&["tools"], Kind::List(&TOOL_KIND)),
    Field::optional(&["functions"], Kind::List(&DICT)),
    Field::optional(&["tool_choice"], Kind::Union(TOOL_CHOICE)),
    Field::optional(&["parallel_tool_calls"], Kind::Bool),
];

pub(crate) struct Request {
    messages: Vec<Json>,
    pub(crate) tools: Json,
    /// The template starts the response with reasoning.
    pub(crate) thinking: bool,
    no_tools: bool,
    prefix: String,
    /// The last message is continued.
    continues: bool,
    /// The template starts a response.
    opens: bool,
}

impl Request {
    /// Reads a body that was validated.
    pub(crate) fn read(body: &Json) -> Result<Request, Refusal> {
        let messages = body.get("messages").and_then(Json::as_list).unwrap_or_default();
        if field(body, TEMPLATE_VARS) == Some(&Json::Null) {
            return Err(Refusal::Internal);
        }
        let continues = body.get("continue_final_message").and_then(Json::as_bool);
        let prompts = body.get("add_generation_prompt").and_then(Json::as_bool).unwrap_or(true);
        if continues == Some(true) && prompts {
            let text = "continue_final_message requires add_generation_prompt to be false.";
            return Err(detail(422, text));
        }
        if continues == Some(true) {
            continuable(messages)?;
        }
        check(messages)?;
        let vars = field(body, TEMPLATE_VARS).and_then(|vars| vars.get("enable_thinking"));
        let reasoning = body.get("reasoning").and_then(|reasoning| reasoning.get("enabled"));
        let thinking = [vars, body.get("enable_thinking"), reasoning];
        let tool_choice = body.get("tool_choice").and_then(Json::as_str);
        Ok(Request {
            messages: messages.to_vec(),
            tools: body.get("tools").cloned().unwrap_or(Json::Null),
            // A continued message already contains its reasoning.
            thinking: thinking.into_iter().flatten().find_map(Json::as_bool).unwrap_or(false)
                && continues != Some(true),
            no_tools: tool_choice == Some("none"),
            prefix: body.get("response_prefix").and_then(Json::as_str).unwrap_or("").to_owned(),
            continues: continues == Some(true),
            opens: prompts,
        })
    }

    /// Whether the response is searched for tool calls.
    pub(crate) fn calls_tools(&self) -> bool {
        !self.no_tools && self.tools.as_list().is_some_and(|tools| !tools.is_empty())
    }

    pub(crate) fn prompt(&self) -> Prompt {
        let mut rendered: Vec<_> = render(&self.messages).into_iter().flatten().collect();
        let asked = self.messages.iter().rev().map(text).find(|(role, _)| role == "user");
        let echo = asked.or_else(|| self.messages.last().map(text)).unwrap_or_default().1;
        let mut said = String::new();
        if self.continues {
            // Removes the markup after the message.
            rendered.pop();
            said = self.messages.last().map(text).unwrap_or_default().1;
        } else if self.opens {
            rendered.push("<|im_start|>assistant\n".to_owned());
        }
        // Without the start of a response there is nothing to continue.
        if self.continues || self.opens {
            rendered.push(self.prefix.clone());
            said += &self.prefix;
        }
        Prompt { text: rendered.concat(), call: self.call(&echo), echo, said }
    }

    /// A call of the first tool whose name the last message of the user contains.
    fn call(&self, asked: &str) -> Option<String> {
        if !self.calls_tools() || text(self.messages.last()?).0 != "user" {
            return None;
        }
        let functions = self.tools.as_list()?.iter().filter_map(|tool| tool.get("function"));
        let name = |function: &Json| function.get("name")?.as_str().map(str::to_owned);
        let named = |function: &&Json| name(function).is_some_and(|name| asked.contains(&name));
        let function = functions.into_iter().find(named)?;
        let arguments = function.get("parameters").map(constrain::value);
        let mut call = format!("<tool_call><function={}>", name(function)?);
        if let Some(Json::Dict(arguments)) = arguments {
            for (key, value) in arguments {
                let value = match value {
                    Json::Str(text) => text,
                    other => String::from_utf8(crate::python::spaced(&other)).ok()?,
                };
                call += &format!("<parameter={key}>{value}</parameter>");
            }
        }
        Some(call + "</function></tool_call>")
    }
}

/// Renders the messages as the template does, without the start of a response. `None` is an image.
pub(crate) fn render(messages: &[Json]) -> Vec<Option<String>> {
    let mut rendered = Vec::new();
    for message in messages {
        let (role, text) = text(message);
        rendered.push(Some(format!("<|im_start|>{role}\n")));
        match message.get("content") {
            Some(Json::List(parts)) => {
                let is_image = |part: &Json| part.get("type").and_then(Json::as_str) == Some("image_url");
                let said = |part: &Json| part.get("text").and_then(Json::as_str).unwrap_or_default().to_owned();
                rendered.extend(parts.iter().map(|part| (!is_image(part)).then(|| said(part))));
            }
            _ => rendered.push(Some(text)),
        }
        rendered.push(Some("<|im_end|>\n".to_owned()));
    }
    rendered
}

/// Errors if the last message has no text to continue.
fn continuable(messages: &[Json]) -> Result<(), Refusal> {
    let refused = |why: &str| Err(detail(422, format!("continue_final_message is set but {why}")));
    let is_text = |part: &Json| part.get("text").and_then(Json::as_str).is_some();
    match messages.last().map(|message| message.get("content")) {
        None => refused("there are no messages to continue"),
        Some(Some(Json::Str(_))) => Ok(()),
        Some(Some(Json::List(parts))) if parts.iter().any(is_text) => Ok(()),
        Some(Some(Json::List(_))) => refused("the final message has no text content to continue"),
        Some(_) => refused("the final message has no content to continue"),
    }
}

/// Errors for messages on which a template or the fetching of images fails.
pub(crate) fn check(messages: &[Json]) -> Result<(), Refusal> {
    messages.iter().filter_map(|m| m.get("content")?.as_list()).flatten().try_for_each(check_part)?;
    match messages.is_empty() {
        true => Err(detail(400, "TemplateError: list object has no element -1")),
        false => Ok(()),
    }
}

/// Role and text of a message. Other parts are ignored.
fn text(message: &Json) -> (String, String) {
    let role = message.get("role").and_then(Json::as_str).unwrap_or("user").to_owned();
    let text = match message.get("content") {
        Some(Json::Str(text)) => text.clone(),
        Some(Json::List(parts)) => parts.iter().filter_map(|part| part.get("text")?.as_str()).collect(),
        _ => String::new(),
    };
    (role, text)
}

/// The starts of PNG, JPEG, GIF, WebP and BMP in base64.
const IMAGES: &[&str] = &["iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR", "Qk"];

/// Images are neither fetched nor decoded. A `data:` URL is checked by the start of its data. Any other address counts as not
/// found.
fn check_part(part: &Json) -> Result<(), Refusal> {
    let kind = part.get("type").and_then(Json::as_str).unwrap_or("text");
    if kind == "text" {
        return match part.get("text").and_then(Json::as_str) {
            Some(_) => Ok(()),
            None => Err(Refusal::Internal),
        };
    }
    let url = part.get("image_url").and_then(|image| image.get("url")).and_then(Json::as_str);
    match url {
        None => Err(Refusal::Internal),
        Some(url) if url.starts_with("data:image/") => match url.split_once(";base64,") {
            Some((_, data)) if IMAGES.iter().any(|magic| data.starts_with(magic)) => Ok(()),
            _ => Err(Refusal::Internal),
        },
        Some(url) => Err(detail(400, format!("Failed to fetch image from {url}."))),
    }
}
