//! Shows a response as it arrives, with its reasoning set apart.

use tabbyapi::api::{ChatChunk, ChatCompletion, ToolCall};

use crate::failure::Failure;
use crate::output::{Line, Output, safe};

/// The part of the response that is being shown.
pub struct Show {
    output: Output,
    reasoning: bool,
    /// There are several responses, whose pieces are interleaved. They are shown whole, one after another.
    several: bool,
    part: Part,
    /// The whitespace before the first word of a part.
    blanks: String,
    line: Line,
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Nothing,
    Reasoning,
    Answer,
}

impl Show {
    /// With or without the reasoning.
    pub fn new(output: Output, reasoning: bool, several: bool) -> Self {
        Show { output, reasoning, several, part: Part::Nothing, blanks: String::new(), line: output.line() }
    }

    pub fn chunk(&mut self, chunk: &ChatChunk) -> Result<(), Failure> {
        if self.output.is_json() {
            return self.output.json_line(chunk);
        }
        if self.several {
            return Ok(());
        }
        self.think(chunk.reasoning())?;
        self.say(chunk.text())
    }

    /// Shows the parts of a response that are shown only at its end.
    pub fn rest(&mut self, answer: &ChatCompletion) -> Result<(), Failure> {
        if self.output.is_json() {
            return Ok(());
        }
        if !self.several {
            return self.calls(answer.tool_calls());
        }
        for choice in &answer.choices {
            self.close()?;
            self.part = Part::Nothing;
            self.line.piece(&format!("--- {}\n", choice.index))?;
            self.think(choice.message.reasoning_content.as_deref().unwrap_or_default())?;
            self.say(choice.message.text().unwrap_or_default())?;
            self.calls(&choice.message.tool_calls)?;
        }
        self.close()
    }

    /// Ends the last line.
    pub fn close(&mut self) -> Result<(), Failure> {
        self.line.close()
    }

    fn think(&mut self, text: &str) -> Result<(), Failure> {
        let Some(text) = self.worded(text, Part::Reasoning).filter(|_| self.reasoning) else { return Ok(()) };
        if self.part != Part::Reasoning {
            self.close()?;
            self.part = Part::Reasoning;
            self.line.faint_piece("[thinking] ")?;
        }
        self.line.faint_piece(&safe::text(&text))
    }

    fn say(&mut self, text: &str) -> Result<(), Failure> {
        let Some(text) = self.worded(text, Part::Answer) else { return Ok(()) };
        if self.part == Part::Reasoning {
            self.close()?;
            self.line.piece("\n")?;
        }
        self.part = Part::Answer;
        self.line.piece(&safe::text(&text))
    }

    /// The text without the blank lines before the first word of this part; `None` while there is no word.
    fn worded(&mut self, text: &str, part: Part) -> Option<String> {
        if text.is_empty() || self.part == part {
            return Some(text.to_owned()).filter(|text| !text.is_empty());
        }
        let text = std::mem::take(&mut self.blanks) + text;
        let blank = text.len() - text.trim_start().len();
        if blank == text.len() {
            self.blanks = text;
            return None;
        }
        // Indentation of the first line stays.
        let line = text[..blank].rfind(['\n', '\r']).map_or(0, |at| at + 1);
        Some(text[line..].to_owned())
    }

    /// The tool calls of the model, which this program does not run.
    fn calls(&mut self, calls: &[ToolCall]) -> Result<(), Failure> {
        for call in calls {
            self.close()?;
            let (name, arguments) = (safe::line(&call.function.name), safe::line(&call.function.arguments));
            self.line.piece(&format!("[tool call] {name}({arguments})\n"))?;
        }
        Ok(())
    }
}
