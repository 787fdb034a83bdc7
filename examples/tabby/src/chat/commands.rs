//! The lines of a conversation that begin with a slash.

use crate::failure::Failure;

pub const HELP: &str = "\
/system TEXT   set the instructions, or remove them
/model NAME    load another model
/clear         start over
/undo          remove the last question and its response
/save FILE     write the conversation as JSON
/load FILE     continue a saved conversation
/stats         show the length; switch tokens and speed of each response on or off
/quit          quit, like Ctrl-D
Ctrl-C stops a response. A backslash at the end of a line continues it on the next line. Start text that begins with / with //.";

#[derive(Debug, PartialEq)]
pub enum Command {
    Help,
    System(String),
    Model(String),
    Clear,
    Undo,
    Save(String),
    Load(String),
    Stats,
    Quit,
}

impl Command {
    /// `None` for text for the model.
    pub fn of(line: &str) -> Option<Result<Command, Failure>> {
        let line = line.strip_prefix('/').filter(|line| !line.starts_with('/'))?;
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim().to_owned();
        let needed = |what: &str, make: fn(String) -> Command| match rest.as_str() {
            "" => Err(Failure::Usage(format!("/{name} needs {what}"))),
            _ => Ok(make(rest.clone())),
        };
        Some(match name {
            "help" | "?" => Ok(Command::Help),
            "system" => Ok(Command::System(rest)),
            "model" => needed("the name of a model", Command::Model),
            "clear" => Ok(Command::Clear),
            "undo" => Ok(Command::Undo),
            "save" => needed("the name of a file", Command::Save),
            "load" => needed("the name of a file", Command::Load),
            "stats" => Ok(Command::Stats),
            "quit" | "exit" => Ok(Command::Quit),
            _ => Err(Failure::Usage(format!("there is no command /{name}; /help lists the commands"))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_text() {
        assert!(Command::of("Hello /help").is_none());
        assert!(Command::of("//etc is a directory").is_none());
        assert_eq!(Command::of("/system  Be brief. ").unwrap().unwrap(), Command::System("Be brief.".into()));
        assert_eq!(Command::of("/model a/b").unwrap().unwrap(), Command::Model("a/b".into()));
        assert_eq!(Command::of("/save").unwrap().unwrap_err().to_string(), "/save needs the name of a file");
        assert!(Command::of("/nonsense x").unwrap().is_err());
    }
}
