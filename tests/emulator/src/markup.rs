//! The markup in the text of a chat model: reasoning and tool calls.

use serde::Serialize;

use crate::app::App;
use crate::json::Json;
use crate::python;

const THINK: (&str, &str) = ("<think>", "</think>");
const TOOL: (&str, &str) = ("<tool_call>", "</tool_call>");

/// Sorts text into content, reasoning and tool calls as it arrives.
pub(crate) struct Markup {
    place: Place,
    tools: bool,
    /// Text that may be the start of a tag.
    held: String,
    /// The raw text of all tool calls.
    calls: String,
    /// Whether a tool call has started.
    pub(crate) called: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Content,
    Reasoning,
    Call,
}

/// The sorted parts of a text.
#[derive(Default)]
pub(crate) struct Sorted {
    pub(crate) content: String,
    pub(crate) reasoning: String,
    /// A tag was found, or nothing was content.
    pub(crate) tagged: bool,
}

/// A tool call in its wire form.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ToolCall {
    pub(crate) id: String,
    pub(crate) function: Function,
    pub(crate) r#type: &'static str,
    pub(crate) index: usize,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) arguments: String,
}

impl Markup {
    /// `thinking`: the template has already started the reasoning. `tools`: calls are searched for.
    pub(crate) fn new(thinking: bool, tools: bool) -> Markup {
        let place = if thinking { Place::Reasoning } else { Place::Content };
        Markup { place, tools, held: String::new(), calls: String::new(), called: false }
    }

    pub(crate) fn feed(&mut self, text: &str) -> Sorted {
        let mut sorted = Sorted::default();
        self.held.push_str(text);
        while let Some((at, tag, place)) = self.next_tag() {
            let before = self.held[..at].to_owned();
            self.held.drain(..at + tag.len());
            self.put(&before, &mut sorted);
            if place == Place::Call || self.place == Place::Call {
                self.calls.push_str(tag);
                self.called = true;
            }
            self.place = place;
            sorted.tagged = true;
        }
        let keep = self.tail();
        let ready: String = self.held.drain(..self.held.len() - keep).collect();
        self.put(&ready, &mut sorted);
        sorted
    }

    /// Returns the text that was held back, at the end.
    pub(crate) fn finish(&mut self) -> Sorted {
        let mut sorted = Sorted::default();
        let rest = std::mem::take(&mut self.held);
        self.put(&rest, &mut sorted);
        sorted
    }

    /// Returns the calls that can be parsed, with generated ids. `tools` are those of the request.
    pub(crate) fn tool_calls(&self, app: &App, tools: &Json) -> Vec<ToolCall> {
        let bodies = self.calls.split(TOOL.0).filter_map(|call| call.split_once(TOOL.1));
        let functions = bodies.filter_map(|(body, _)| function(body, tools));
        let numbered = functions.enumerate().map(|(index, function)| ToolCall {
            id: format!("call_{}", app.hex(24)),
            function,
            r#type: "function",
            index,
        });
        numbered.collect()
    }

    fn put(&mut self, text: &str, sorted: &mut Sorted) {
        match self.place {
            Place::Content => sorted.content.push_str(text),
            Place::Reasoning => sorted.reasoning.push_str(text),
            Place::Call => self.calls.push_str(text),
        }
    }

    /// The tags that are recognized in the current state, and the states to which they lead.
    fn tags(&self) -> Vec<(&'static str, Place)> {
        match self.place {
            Place::Reasoning => vec![(THINK.1, Place::Content)],
            Place::Call => vec![(TOOL.1, Place::Content)],
            Place::Content if self.tools => {
                vec![(THINK.0, Place::Reasoning), (TOOL.0, Place::Call)]
            }
            Place::Content => vec![(THINK.0, Place::Reasoning)],
        }
    }

    fn next_tag(&self) -> Option<(usize, &'static str, Place)> {
        let found = |(tag, place)| Some((self.held.find(tag)?, tag, place));
        self.tags().into_iter().filter_map(found).min_by_key(|(at, _, _)| *at)
    }

    /// The length of the longest end of the held text that may start a tag.
    fn tail(&self) -> usize {
        let begins = |tail: &str| self.tags().iter().any(|(tag, _)| tag.starts_with(tail));
        let starts = self.held.char_indices().map(|(at, _)| at);
        starts.map(|at| &self.held[at..]).find(|tail| begins(tail)).map_or(0, str::len)
    }
}

/// `<function=NAME><parameter=KEY>VALUE</parameter></function>`
fn function(text: &str, tools: &Json) -> Option<Function> {
    let (_, rest) = text.split_once("<function=")?;
    let (name, mut rest) = rest.split_once('>')?;
    let mut arguments = Vec::new();
    while let Some((_, parameter)) = rest.split_once("<parameter=") {
        let (key, after) = parameter.split_once('>')?;
        let (value, after) = after.split_once("</parameter>")?;
        arguments.push((key.to_owned(), argument(value, parameter_type(tools, name, key))));
        rest = after;
    }
    let arguments = String::from_utf8(python::spaced(&Json::Dict(arguments))).ok()?;
    Some(Function { name: name.to_owned(), arguments })
}

fn argument(text: &str, kind: Option<&str>) -> Json {
    match kind {
        Some("string") | None => text.into(),
        Some(_) => Json::parse(text.trim()).unwrap_or_else(|_| text.into()),
    }
}

fn parameter_type<'a>(tools: &'a Json, name: &str, key: &str) -> Option<&'a str> {
    let functions = tools.as_list()?.iter().filter_map(|tool| tool.get("function"));
    let mut named = functions.filter(|f| f.get("name").and_then(Json::as_str) == Some(name));
    named.next()?.get("parameters")?.get("properties")?.get(key)?.get("type")?.as_str()
}
