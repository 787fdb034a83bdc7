//! Reads the input of the user: with a line editor on a terminal, as plain lines otherwise.

use std::io::{IsTerminal, stdin};
use std::path::{Path, PathBuf};

use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin};

use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output::Output;

pub enum Line {
    Text(String),
    /// An empty line, or Ctrl-C once.
    Nothing,
    End,
}

pub struct Input {
    source: Source,
    file: Option<PathBuf>,
    output: Output,
    /// Whether Ctrl-C was just pressed.
    warned: bool,
}

enum Source {
    /// Elsewhere for as long as it waits for a line.
    Editor(Option<Box<DefaultEditor>>),
    Lines(Lines<BufReader<Stdin>>),
}

impl Input {
    pub fn new(file: Option<&Path>, output: Output) -> Result<Self, Failure> {
        let file = file.map(Path::to_owned);
        if !stdin().is_terminal() {
            let lines = BufReader::new(tokio::io::stdin()).lines();
            return Ok(Input { source: Source::Lines(lines), file, output, warned: false });
        }
        let mut editor = DefaultEditor::new().map_err(lost)?;
        if let Some(file) = file.as_deref().filter(|file| file.exists()) {
            editor
                .load_history(file)
                .map_err(|error| Failure::Usage(format!("cannot read {}: {error}", file.display())))?;
        }
        Ok(Input { source: Source::Editor(Some(Box::new(editor))), file, output, warned: false })
    }

    pub fn is_terminal(&self) -> bool {
        matches!(self.source, Source::Editor(_))
    }

    /// The next line. A backslash at its end continues it on the next line.
    pub async fn next(&mut self, interrupt: &Interrupt) -> Result<Line, Failure> {
        let mut text = String::new();
        loop {
            let prompt = if text.is_empty() { "> " } else { ". " };
            let line = self.read(prompt, interrupt).await;
            let warned = std::mem::take(&mut self.warned);
            match line {
                Ok(line) => match line.strip_suffix('\\') {
                    Some(line) => text += &format!("{line}\n"),
                    None => {
                        text += &line;
                        break;
                    }
                },
                Err(ReadlineError::Interrupted) if !warned && self.is_terminal() => {
                    self.warned = true;
                    self.output.note("(press Ctrl-C again, or Ctrl-D, to quit)");
                    return Ok(Line::Nothing);
                }
                Err(ReadlineError::Interrupted) if self.is_terminal() => return Ok(Line::End),
                Err(ReadlineError::Interrupted) => return Err(Failure::Interrupted),
                Err(ReadlineError::Eof) if text.is_empty() => return Ok(Line::End),
                Err(ReadlineError::Eof) => break,
                Err(error) => return Err(lost(error)),
            }
        }
        let line = text.trim();
        if line.is_empty() {
            return Ok(Line::Nothing);
        }
        self.remember(line)?;
        Ok(Line::Text(line.to_owned()))
    }

    async fn read(&mut self, prompt: &'static str, interrupt: &Interrupt) -> Result<String, ReadlineError> {
        let editor = match &mut self.source {
            Source::Editor(editor) => editor,
            Source::Lines(lines) => {
                return tokio::select! {
                    biased;
                    () = interrupt.wait() => Err(ReadlineError::Interrupted),
                    line = lines.next_line() => line?.ok_or(ReadlineError::Eof),
                };
            }
        };
        // On a separate thread, so that connections are served meanwhile.
        let mut busy = editor.take().ok_or(ReadlineError::Eof)?;
        let read = tokio::task::spawn_blocking(move || {
            let line = busy.readline(prompt);
            (busy, line)
        });
        let (idle, line) = read.await.map_err(std::io::Error::other)?;
        *editor = Some(idle);
        line
    }

    fn remember(&mut self, line: &str) -> Result<(), Failure> {
        let Source::Editor(Some(editor)) = &mut self.source else { return Ok(()) };
        let kept = editor.add_history_entry(line).and_then(|_| match &self.file {
            Some(file) => editor.save_history(file),
            None => Ok(()),
        });
        kept.map_err(|error| Failure::Other(format!("the history could not be saved: {error}")))
    }
}

fn lost(error: ReadlineError) -> Failure {
    Failure::Other(format!("cannot read further lines: {error}"))
}
