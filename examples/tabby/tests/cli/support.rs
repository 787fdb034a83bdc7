//! Runs the program.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tabbyapi_emulator::{Emulator, EmulatorBuilder};

/// The time limit for events that should occur at once.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Run {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Run {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Run {
    /// The output of a successful run without notes.
    #[track_caller]
    pub fn good(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{}", self.out);
        self.out
    }

    /// The output and the notes of a successful run.
    #[track_caller]
    pub fn noted(self) -> (String, String) {
        assert_eq!(self.code, Some(0), "{} {}", self.out, self.err);
        (self.out, self.err)
    }

    #[track_caller]
    pub fn json(self) -> Value {
        serde_json::from_str(&self.good()).unwrap()
    }

    #[track_caller]
    pub fn json_lines(self) -> Vec<Value> {
        self.good().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[track_caller]
    pub fn bad(self, code: i32, text: &str) {
        assert_eq!(self.code, Some(code), "{} {}", self.out, self.err);
        assert!(self.err.contains(text), "{}", self.err);
        assert_eq!(self.err.matches("error:").count(), 1, "one sentence: {}", self.err);
    }

    /// The error as JSON.
    #[track_caller]
    pub fn error(self, code: i32) -> Value {
        assert_eq!(self.code, Some(code), "{} {}", self.out, self.err);
        let last = self.err.lines().last().unwrap();
        serde_json::from_str::<Value>(last).unwrap()["error"].take()
    }
}

pub fn start() -> Emulator {
    start_with(Emulator::builder())
}

pub fn start_with(builder: EmulatorBuilder) -> Emulator {
    builder.token_delay(Duration::ZERO).load_delay(Duration::ZERO).start().unwrap()
}

/// The program with only these arguments, and no keys.
pub fn keyless(url: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tabby"));
    command.args(args).env_clear().env("TABBY_URL", url).stdin(Stdio::null());
    command
}

pub fn command(server: &Emulator, args: &[&str]) -> Command {
    let mut command = keyless(&server.url(), args);
    command.env("TABBY_API_KEY", server.api_key()).env("TABBY_ADMIN_KEY", server.admin_key());
    command
}

pub fn run(server: &Emulator, args: &[&str]) -> Run {
    command(server, args).output().unwrap().into()
}

/// Starts the program, with pipes.
pub fn spawn(mut command: Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Runs the program with lines on standard input.
pub fn feed(server: &Emulator, args: &[&str], lines: &str) -> Run {
    let mut child = spawn(command(server, args));
    // It may end before it has read all of them.
    let _ = child.stdin.take().unwrap().write_all(lines.as_bytes());
    child.wait_with_output().unwrap().into()
}

/// Sends Ctrl-C.
#[cfg(unix)]
pub fn interrupt(child: &Child) {
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
}

/// The bodies that were sent to this path.
pub fn sent(server: &Emulator, path: &str) -> Vec<Value> {
    server.requests().iter().filter(|request| request.path == path).map(|request| request.json()).collect()
}

/// A folder for this test.
pub fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A file for this test, with these contents.
pub fn file(name: &str, text: &str) -> String {
    let path = folder("files").join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}
