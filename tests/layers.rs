//! The rules of `src`, held against its text: what may import what, where awaiting is allowed, what the core must not touch, how large
//! files are.

#[path = "layers/imports.rs"]
mod imports;

use std::fs;
use std::path::{Path, PathBuf};

/// The floors, from the lowest on. A module imports from its own floor and from lower ones. `lib.rs` stands above all.
const FLOORS: [&str; 10] =
    ["base", "sse", "decode", "protocol", "api", "transport", "client", "toolkit", "telemetry", "guide"];

/// The shell around the core: the only files that await.
const SHELL: [&str; 14] = [
    "client/response.rs",
    "client/client.rs",
    "client/driver.rs",
    "client/services/",
    "client/tabbyml/",
    "client/response_stream.rs",
    "protocol/auth/choose.rs",
    "toolkit/batch/",
    "toolkit/doctor/mod.rs",
    "toolkit/doctor/run.rs",
    "toolkit/flow/",
    "toolkit/oauth/",
    "toolkit/tools/run.rs",
    "transport/",
];

/// Methods of services that stand with what they are about.
const METHODS: [&str; 2] = ["toolkit/conversation.rs", "toolkit/structured.rs"];

const AWAITS: [&str; 4] = [".await", "async fn", "async move", "async {"];

/// All that the blocking driver needs of threads: to park its own, and to wake a parked one. It starts none.
const PARKING: [&str; 3] = ["thread::Thread", "thread::current()", "thread::park"];

/// Clocks, randomness, threads, the environment, files, sockets, terminals.
const OUTSIDE: [&str; 14] = [
    "Instant::now",
    "SystemTime::now",
    "RandomState",
    "std::env",
    "env::var",
    "std::fs",
    "std::io",
    "std::net",
    "std::process",
    "std::thread",
    "thread_local!",
    "spawn",
    "print!",
    "println!",
];

/// Reads files for whoever asks for it, natively alone.
const FILES: &str = "api/chat/image_file.rs";

/// Sources of keys whose trade it is to read the environment or a file, natively alone.
const KEYS: [&str; 2] = ["protocol/auth/environment.rs", "protocol/auth/file/"];

const MOST_LINES: usize = 700;

struct Source {
    /// Under `src`, with slashes.
    name: String,
    text: String,
}

impl Source {
    fn all() -> Vec<Source> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut sources = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path: PathBuf = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let name = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
                    sources.push(Source { name, text: fs::read_to_string(&path).unwrap() });
                }
            }
        }
        // Modules that only tests have, in files of their own.
        let of_tests: Vec<String> = sources.iter().flat_map(Source::test_modules).collect();
        sources.retain(|source| !of_tests.contains(&source.name));
        assert!(sources.len() > 30, "the sources are not where they were: {}", sources.len());
        sources
    }

    /// The files of the modules that this one declares for tests alone.
    fn test_modules(&self) -> Vec<String> {
        let folder = match self.name.strip_suffix("mod.rs").or(self.name.strip_suffix("lib.rs")) {
            Some(folder) => folder.to_owned(),
            None => self.name.replace(".rs", "/"),
        };
        let declared =
            self.text.split("#[cfg(test)]\nmod ").skip(1).filter_map(|rest| rest.lines().next()?.strip_suffix(';'));
        declared.map(|module| format!("{folder}{module}.rs")).collect()
    }

    fn is_under(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.name == *place || place.ends_with('/') && self.name.starts_with(place))
    }

    /// Numbered lines of code: without comments, and without the unit tests at a file's end.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let code = self.text.split_once("\n#[cfg(test)]\nmod tests {").map_or(&*self.text, |(code, _)| code);
        code.lines().enumerate().map(|(index, line)| {
            // `//` inside a string follows the colon of a URL.
            let comment = line.match_indices("//").map(|(at, _)| at).find(|at| !line[..*at].ends_with(':'));
            (index + 1, line[..comment.unwrap_or(line.len())].trim_end())
        })
    }

    fn lines_with(&self, words: &[&str]) -> Vec<String> {
        let found = self.code().filter(|(_, line)| words.iter().any(|word| line.contains(word)));
        found.map(|(number, line)| format!("src/{}:{number}: {}", self.name, line.trim())).collect()
    }
}

#[track_caller]
fn assert_none(what: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}

#[test]
fn imports_go_down_the_floors() {
    let found = Source::all().iter().flat_map(|source| imports::faults(&source.name, &source.text, &FLOORS)).collect();
    assert_none("imports that a floor or a room does not allow", found);
}

#[test]
fn rooms_of_a_floor_are_in_no_circle() {
    let sources = Source::all();
    for floor in FLOORS {
        let edges = sources.iter().flat_map(|source| imports::between_rooms(&source.name, &source.text, floor));
        let circle = imports::circle(&edges.collect());
        assert!(circle.is_empty(), "rooms of `{floor}` import each other in a circle: {}", circle.join(" -> "));
    }
}

#[test]
fn only_the_shell_awaits() {
    let core = Source::all().into_iter().filter(|source| !source.is_under(&SHELL) && !source.is_under(&METHODS));
    let found = core.flat_map(|source| source.lines_with(&AWAITS)).collect();
    assert_none("the core awaits", found);
}

#[test]
fn only_transports_touch_the_world() {
    let inner =
        Source::all().into_iter().filter(|source| !source.is_under(&["transport/", FILES]) && !source.is_under(&KEYS));
    let found = inner.flat_map(|source| {
        let mut lines = source.lines_with(&OUTSIDE);
        lines.retain(|line| !source.is_under(&["client/blocking/"]) || !PARKING.iter().any(|word| line.contains(word)));
        lines
    });
    assert_none("clock, randomness, thread, environment or IO", found.collect());
}

#[test]
fn transports_for_tests_touch_nothing_either() {
    let pure = [
        "transport/mod.rs",
        "transport/seam.rs",
        "transport/exchange.rs",
        "transport/record.rs",
        "transport/script.rs",
    ];
    let found = Source::all().into_iter().filter(|source| source.is_under(&pure));
    assert_none(
        "clock, randomness, thread, environment or IO",
        found.flat_map(|source| source.lines_with(&OUTSIDE)).collect(),
    );
}

#[test]
fn files_stay_small() {
    let large = Source::all().into_iter().filter(|source| source.text.lines().count() > MOST_LINES);
    assert_none(
        "too large",
        large.map(|source| format!("src/{}: {} lines", source.name, source.text.lines().count())).collect(),
    );
}

#[test]
fn what_may_panic_says_why_it_does_not() {
    let words = [".unwrap()", ".expect(", "panic!(", "unreachable!(", "todo!(", "unimplemented!("];
    let found = Source::all().into_iter().flat_map(|source| source.lines_with(&words)).collect();
    assert_none("may panic", found);
}

/// The names of the public methods in the first block of this type, and those of its macro of setters.
fn methods(text: &str, block: &str) -> Vec<String> {
    let body = &text[text.find(block).expect(block)..];
    let body = &body[..body.find("\n}\n").expect("the end of a block")];
    let name = |line: &str| {
        let line = line.trim_start();
        let line = line.strip_prefix("pub fn ").or_else(|| line.strip_prefix("pub async fn ")).unwrap_or(line);
        let end = line.find(['(', '<'])?;
        let plain = !line.is_empty() && line[..end].bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        plain.then(|| line[..end].to_owned())
    };
    let is_setter =
        |line: &&str| line.starts_with("        ") && !line.starts_with("         ") && line.ends_with(");");
    let found = body.lines().filter(|line| line.starts_with("    pub ") || is_setter(line));
    let mut found: Vec<_> = found.filter_map(name).collect();
    found.sort();
    found.dedup();
    found
}

#[test]
fn the_blocking_client_can_be_built_like_the_async_one() {
    let read = |name: &str| fs::read_to_string(Path::new("src").join(name)).unwrap();
    let (asynchronous, blocking) = (read("client/client.rs"), read("client/blocking/mod.rs"));
    let mut builder = methods(&blocking, "impl ClientBuilder {");
    // Those that it shares with other builders: `setters!(all)`.
    let shared = read("client/setters.rs");
    let (_, shared) = shared.split_once("(all) => {").unwrap();
    builder.extend(shared.lines().filter_map(|line| {
        let name = line.trim().strip_suffix(");")?.split('(').next()?;
        Some(name.to_owned())
    }));
    builder.sort();
    assert_eq!(methods(&asynchronous, "impl ClientBuilder {"), builder);
    assert!(builder.len() >= 22, "{builder:?}");
    let client = methods(&blocking, "impl Client {");
    // Several connections at a time; the clock of its transport.
    let missing = |name: &String| !client.contains(name) && !["probes", "warm", "clock"].contains(&name.as_str());
    let missing: Vec<_> = methods(&asynchronous, "impl Client {").into_iter().filter(missing).collect();
    assert_eq!(missing, [""; 0]);
}
