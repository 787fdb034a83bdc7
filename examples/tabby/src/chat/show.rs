//! Shows an answer as it comes, its reasoning apart from it.

use tabbyapi::api::ChatChunk;

use crate::failure::Failure;
use crate::output::Output;

/// Where an answer is.
pub struct Show {
    output: Output,
    reasoning: bool,
    part: Part,
    /// Whether the last line is open.
    open: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Nothing,
    Reasoning,
    Answer,
}

impl Show {
    /// With or without the reasoning.
    pub fn new(output: Output, reasoning: bool) -> Self {
        Show { output, reasoning, part: Part::Nothing, open: false }
    }

    pub fn chunk(&mut self, chunk: &ChatChunk) -> Result<(), Failure> {
        if self.output.is_json() {
            return self.output.json_line(chunk);
        }
        if self.reasoning && !chunk.reasoning().is_empty() {
            if self.part != Part::Reasoning {
                self.close()?;
                self.part = Part::Reasoning;
                self.output.faint_piece("[thinking] ")?;
            }
            self.output.faint_piece(chunk.reasoning())?;
            self.open = !chunk.reasoning().ends_with('\n');
        }
        if !chunk.text().is_empty() {
            if self.part == Part::Reasoning {
                self.close()?;
                self.output.piece("\n")?;
            }
            self.part = Part::Answer;
            self.output.piece(chunk.text())?;
            self.open = !chunk.text().ends_with('\n');
        }
        Ok(())
    }

    /// Ends the last line.
    pub fn close(&mut self) -> Result<(), Failure> {
        match std::mem::take(&mut self.open) {
            true => self.output.piece("\n"),
            false => Ok(()),
        }
    }
}
