//! Completes code at a position in a file.

use std::path::Path;

use tabbyapi::tabbyml::editor::{Cleanup, Cursor, SegmentBudget};
use tabbyapi::tabbyml::{Client, CompletionRequest, Segments};

use crate::args::MlComplete;
use crate::failure::Failure;
use crate::generate::text;
use crate::output::Output;

pub async fn complete(client: &Client, what: &MlComplete, output: &Output) -> Result<(), Failure> {
    let code = match what.file.as_os_str() == "-" {
        true => text("-").await?,
        false => std::fs::read_to_string(&what.file).map_err(|error| Failure::file("read", &what.file, &error))?,
    };
    let at = place(&code, what.line, what.column)?;
    let (prefix, suffix) = code.split_at(at);
    let language = what.language.clone().unwrap_or_else(|| language(&what.file).to_owned());
    let filepath = what.file.display().to_string();
    let mut segments = Segments::new(prefix).suffix(suffix).filepath(filepath.as_str());
    segments.git_url.clone_from(&what.git_url);
    let mut request = CompletionRequest::new(language.as_str(), SegmentBudget::DEFAULT.trim(segments));
    (request.temperature, request.seed) = (what.temperature, what.seed);
    let completion = client.completions().create(&request).await?.into_inner();
    if output.is_json() {
        return output.print(&completion, |_| String::new());
    }
    let cursor = Cursor::new(language, filepath, prefix, suffix);
    let mut cleanup = Cleanup::DEFAULT;
    cleanup.least = 0;
    let shown = if what.raw { Some(completion.text().to_owned()) } else { cleanup.clean(completion.text(), &cursor) };
    match shown.filter(|text| !text.is_empty()) {
        Some(text) => output.line().piece(&text),
        None => Err(Failure::Undone(
            "no_completion",
            "there is no completion; the server also answers in this way if its model backend failed: see its console"
                .to_owned(),
        )),
    }
}

/// The position of the cursor in bytes: the end of the line, or this many characters from its start.
fn place(code: &str, line: Option<usize>, column: Option<usize>) -> Result<usize, Failure> {
    let Some(line) = line else { return Ok(code.trim_end_matches(['\n', '\r']).len()) };
    let mut start = 0;
    let mut lines = code.split_inclusive('\n');
    for _ in 1..line {
        start += lines.next().map_or(0, str::len);
    }
    let missing = || Failure::Usage(format!("there is no line {line}; the file has {}", code.lines().count()));
    let text = match lines.next() {
        Some(text) => text.trim_end_matches(['\n', '\r']),
        // After the last line end, the last line is empty.
        None if line > 0 && start == code.len() && line == code.matches('\n').count() + 1 => "",
        None => return Err(missing()),
    };
    if line == 0 {
        return Err(missing());
    }
    match column {
        None => Ok(start + text.len()),
        Some(column) => match text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(column) {
            Some(at) => Ok(start + at),
            None => Err(Failure::Usage(format!(
                "there is no column {column} in line {line}; it has {} characters",
                text.chars().count()
            ))),
        },
    }
}

/// The language of a file, as a VS Code language id.
fn language(file: &Path) -> &str {
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match extension {
        "py" => "python",
        "rs" => "rust",
        "js" | "mjs" | "cjs" => "javascript",
        "jsx" => "javascriptreact",
        "ts" | "mts" => "typescript",
        "tsx" => "typescriptreact",
        "rb" => "ruby",
        "kt" => "kotlin",
        "cc" | "cxx" | "hpp" => "cpp",
        "h" => "c",
        "cs" => "csharp",
        "sh" => "shellscript",
        "md" => "markdown",
        "yml" => "yaml",
        "" => "unknown",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found() {
        let code = "ab\r\n\u{e9}\u{1f600}x\n";
        for (line, column, at) in [
            (None, None, code.len() - 1),
            (Some(1), None, 2),
            (Some(1), Some(0), 0),
            (Some(2), Some(2), 10),
            (Some(2), None, 11),
            (Some(3), None, 12),
        ] {
            assert_eq!(place(code, line, column).unwrap(), at, "{line:?} {column:?}");
        }
        for (line, column, words) in [(4, None, "no line 4"), (0, None, "no line 0"), (1, Some(3), "no column 3")] {
            assert!(place(code, Some(line), column).unwrap_err().to_string().contains(words));
        }
        assert_eq!(place("", Some(1), None).unwrap(), 0);
    }

    #[test]
    fn languages_have_the_ids_of_vs_code() {
        for (file, id) in
            [("a.py", "python"), ("b/c.rs", "rust"), ("Makefile", "unknown"), ("x.go", "go"), ("-", "unknown")]
        {
            assert_eq!(language(Path::new(file)), id);
        }
    }
}
