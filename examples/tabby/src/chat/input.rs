//! What the person types: with a line editor on a terminal, as plain lines elsewhere.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin};

use crate::failure::Failure;

pub enum Line {
    Text(String),
    /// An empty line, or Ctrl-C once.
    Nothing,
    End,
}

pub struct Input {
    source: Source,
    file: Option<PathBuf>,
    /// Ctrl-C was just pressed.
    warned: bool,
}

enum Source {
    Editor(Box<DefaultEditor>),
    Lines(Lines<BufReader<Stdin>>),
}

impl Input {
    pub fn new(file: Option<&Path>) -> Result<Self, Failure> {
        let file = file.map(Path::to_owned);
        if !std::io::stdin().is_terminal() {
            let lines = BufReader::new(tokio::io::stdin()).lines();
            return Ok(Input { source: Source::Lines(lines), file, warned: false });
        }
        let other = |error: ReadlineError| Failure::Other(format!("the line editor does not start: {error}"));
        let mut editor = DefaultEditor::new().map_err(other)?;
        if let Some(file) = file.as_deref().filter(|file| file.exists()) {
            editor
                .load_history(file)
                .map_err(|error| Failure::Usage(format!("cannot read {}: {error}", file.display())))?;
        }
        Ok(Input { source: Source::Editor(Box::new(editor)), file, warned: false })
    }

    pub fn is_terminal(&self) -> bool {
        matches!(self.source, Source::Editor(_))
    }

    pub async fn next(&mut self) -> Result<Line, Failure> {
        let read = match &mut self.source {
            // Nothing else runs meanwhile, so it may block.
            Source::Editor(editor) => editor.readline("> "),
            Source::Lines(lines) => tokio::select! {
                line = lines.next_line() => match line? {
                    Some(line) => Ok(line),
                    None => return Ok(Line::End),
                },
                _ = tokio::signal::ctrl_c() => return Err(Failure::Interrupted),
            },
        };
        let warned = std::mem::take(&mut self.warned);
        match read {
            Ok(line) if line.trim().is_empty() => Ok(Line::Nothing),
            Ok(line) => {
                self.remember(&line)?;
                Ok(Line::Text(line.trim().to_owned()))
            }
            Err(ReadlineError::Interrupted) if !warned => {
                self.warned = true;
                eprintln!("(Ctrl-C again, or Ctrl-D, ends)");
                Ok(Line::Nothing)
            }
            Err(ReadlineError::Interrupted | ReadlineError::Eof) => Ok(Line::End),
            Err(error) => Err(Failure::Other(error.to_string())),
        }
    }

    fn remember(&mut self, line: &str) -> Result<(), Failure> {
        let Source::Editor(editor) = &mut self.source else { return Ok(()) };
        let kept = editor.add_history_entry(line).and_then(|_| match &self.file {
            Some(file) => editor.save_history(file),
            None => Ok(()),
        });
        kept.map_err(|error| Failure::Other(format!("the history could not be kept: {error}")))
    }
}
