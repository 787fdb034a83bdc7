//! Shows an answer as it comes, its reasoning apart from it.

use tabbyapi::api::ChatChunk;

use crate::failure::Failure;
use crate::output::{Line, Output};

/// Where an answer is.
pub struct Show {
    output: Output,
    reasoning: bool,
    part: Part,
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
    pub fn new(output: Output, reasoning: bool) -> Self {
        Show { output, reasoning, part: Part::Nothing, line: output.line() }
    }

    pub fn chunk(&mut self, chunk: &ChatChunk) -> Result<(), Failure> {
        if self.output.is_json() {
            return self.output.json_line(chunk);
        }
        if self.reasoning && !chunk.reasoning().is_empty() {
            if self.part != Part::Reasoning {
                self.close()?;
                self.part = Part::Reasoning;
                self.line.faint_piece("[thinking] ")?;
            }
            self.line.faint_piece(chunk.reasoning())?;
        }
        if !chunk.text().is_empty() {
            if self.part == Part::Reasoning {
                self.close()?;
                self.line.piece("\n")?;
            }
            self.part = Part::Answer;
            self.line.piece(chunk.text())?;
        }
        Ok(())
    }

    /// Ends the last line.
    pub fn close(&mut self) -> Result<(), Failure> {
        self.line.close()
    }
}
