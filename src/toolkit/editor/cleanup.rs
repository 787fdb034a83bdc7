//! Which part of a completion is shown.

use super::lines::{are_similar, closes, indent, is_blank, lines};
use super::session::Cursor;

/// Rules that remove parts of a completion that a user would have to remove.
///
/// Each can be disabled. They use lines, indentation and brackets, and are independent of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cleanup {
    /// In the middle of a line, keeps a completion of one line and removes the rest of the line from its end. Drops a completion
    /// of several lines.
    pub single_line: bool,
    /// Drops a completion whose first lines equal those after the cursor, except for up to 5 % of their characters.
    pub similar: bool,
    /// Removes lines at the end that equal the next lines after the cursor.
    pub suffix: bool,
    /// Removes brackets and lines that close a block that is already closed after the cursor.
    pub closed_blocks: bool,
    /// Removes lines after the block in which the cursor is, by indentation.
    pub scope: bool,
    /// Removes a repetitive end: a pattern within a line, five similar lines, three similar blocks.
    pub repetition: bool,
    /// Removes whitespace at both ends where the code already has some, and at the end of the line.
    pub blanks: bool,
    /// The minimum number of characters of a completion that is shown, not counting whitespace; 4 by default.
    pub least: usize,
}

impl Cleanup {
    /// All rules.
    pub const DEFAULT: Cleanup = Cleanup {
        single_line: true,
        similar: true,
        suffix: true,
        closed_blocks: true,
        scope: true,
        repetition: true,
        blanks: true,
        least: 4,
    };

    /// No rules: completions are shown unchanged, unless they are blank.
    pub const NONE: Cleanup = Cleanup {
        single_line: false,
        similar: false,
        suffix: false,
        closed_blocks: false,
        scope: false,
        repetition: false,
        blanks: false,
        least: 0,
    };

    /// Returns the part of the completion to show at this position. `None` if there is none.
    ///
    /// ```
    /// use tabbyapi::tabbyml::editor::{Cleanup, Cursor};
    ///
    /// let cursor = Cursor::new("rust", "a.rs", "fn f() {\n    ", "\n}\n");
    /// let shown = Cleanup::DEFAULT.clean("g();\n}\n\nfn h() {\n    g();\n}", &cursor);
    /// assert_eq!(shown.as_deref(), Some("g();"));
    /// ```
    pub fn clean(&self, text: &str, cursor: &Cursor) -> Option<String> {
        let mut text = text.to_owned();
        let rules: [(bool, Rule); 7] = [
            (self.single_line, single_line),
            (self.repetition, repetition),
            (self.scope, scope),
            (self.closed_blocks, closed_blocks),
            (self.similar, similar),
            (self.suffix, suffix),
            (self.blanks, blanks),
        ];
        for (_, rule) in rules.iter().filter(|(on, _)| *on) {
            let kept = rule(&text, cursor);
            text.truncate(kept.end);
            text.drain(..kept.start);
        }
        let solid = text.chars().filter(|c| !c.is_whitespace()).count();
        (solid > 0 && solid >= self.least).then_some(text)
    }
}

impl Default for Cleanup {
    fn default() -> Self {
        Cleanup::DEFAULT
    }
}

/// Returns the range of the text that is kept.
type Rule = fn(&str, &Cursor) -> std::ops::Range<usize>;

/// Several lines cannot be inserted into the middle of a line, unless the first one ends with the rest of the line.
fn single_line(text: &str, cursor: &Cursor) -> std::ops::Range<usize> {
    let rest = cursor.rest().trim();
    if cursor.is_at_line_end() || rest.is_empty() {
        return 0..text.len();
    }
    let (first, more) = match text.split_once('\n') {
        Some((first, _)) => (first.trim_end(), true),
        None => (text.trim_end(), false),
    };
    match first.strip_suffix(rest) {
        Some(kept) => 0..kept.len(),
        None if more => 0..0,
        None => 0..text.len(),
    }
}

/// Small models often repeat themselves at the end.
fn repetition(text: &str, _: &Cursor) -> std::ops::Range<usize> {
    let all = lines(text);
    if let Some(last) = all.iter().rposition(|line| !is_blank(line)) {
        let line: Vec<char> = all[last].trim_end().chars().collect();
        if ends_with_repetition(&line, 3, 6) || ends_with_repetition(&line, 10, 4) {
            return 0..end_of(&all[..last]);
        }
    }
    // The last line may be unfinished.
    let solid: Vec<usize> = (0..all.len().saturating_sub(1)).filter(|at| !is_blank(all[*at])).collect();
    if let Some(first) = first_of_similar(&solid, 5, |at| all[at].trim()) {
        return 0..end_of(&all[..=first]);
    }
    let blocks: Vec<(usize, &str)> = blocks(text);
    let at: Vec<usize> = (0..blocks.len().saturating_sub(1)).collect();
    match first_of_similar(&at, 2, |at| blocks[at].1.trim()) {
        Some(first) => 0..blocks[first].0 + blocks[first].1.trim_end().len(),
        None => 0..text.len(),
    }
}

/// Whether a line ends with the same part of at least `least` characters, repeated `times` times.
fn ends_with_repetition(line: &[char], least: usize, times: usize) -> bool {
    let longest = line.len() / times;
    (least..=longest).any(|size| {
        let (end, rest) = (&line[line.len() - size..], &line[line.len() - size * times..]);
        end.iter().any(|c| !c.is_whitespace()) && rest.chunks(size).all(|part| part == end)
    })
}

/// Returns the first of a series of similar parts at the end, if at least `more` similar ones follow it.
fn first_of_similar<'a>(parts: &[usize], more: usize, text: impl Fn(usize) -> &'a str) -> Option<usize> {
    let alike = |pair: &&[usize]| are_similar(text(pair[0]), text(pair[1]), 0.1, 0.0);
    let count = parts.windows(2).rev().take_while(alike).count();
    (count >= more).then(|| parts[parts.len() - 1 - count])
}

/// Parts between blank lines, with their positions.
fn blocks(text: &str) -> Vec<(usize, &str)> {
    let (mut found, mut start, mut at) = (Vec::new(), 0, 0);
    for line in lines(text) {
        if is_blank(line) && at > start {
            found.push((start, &text[start..at]));
        }
        at += line.len();
        if is_blank(line) {
            start = at;
        }
    }
    if start < text.len() {
        found.push((start, &text[start..]));
    }
    found
}

/// Lines that are indented less than the start of the completion do not belong to it, except the line that closes the block.
fn scope(text: &str, cursor: &Cursor) -> std::ops::Range<usize> {
    let all = lines(text);
    let before = cursor.line_before();
    let Some(first) = all.iter().position(|line| !is_blank(line)) else { return 0..text.len() };
    let base = match (first, is_blank(before)) {
        (0, _) => indent(&[before, all[0]].concat()),
        _ => indent(all[first]),
    };
    // The rest of a statement may open a block, whose content is deeper.
    let opens = first == 0 && !is_blank(before) && opens_block(all[0]);
    let limit = if is_blank(before) || first > 0 { base } else { base + 1 };
    for (at, line) in all.iter().enumerate().skip(first + 1).filter(|(_, line)| !is_blank(line)) {
        if indent(line) >= limit {
            continue;
        }
        // Such as `} else {`.
        if line.trim_start().starts_with(['}', ')', ']']) && opens_block(line) {
            continue;
        }
        let end = end_of(&all[..at]);
        let closing = closes(line) && (opens || indent(line) < base || is_blank(before)) && !closed_after(cursor, line);
        return 0..if closing { end + line.trim_end().len() } else { text[..end].trim_end().len() };
    }
    0..text.len()
}

fn opens_block(line: &str) -> bool {
    line.trim_end().ends_with(['{', '(', '[', ':']) || line.trim_end().ends_with("=>")
}

/// Whether the next line after the cursor closes the same block as this line.
fn closed_after(cursor: &Cursor, line: &str) -> bool {
    let next = cursor.suffix.split_inclusive('\n').skip(1).find(|next| !is_blank(next));
    next.is_some_and(|next| closes(next) && indent(next) <= indent(line) && next.trim()[..1] == line.trim()[..1])
}

/// A bracket that closes more than the completion opens belongs to a block around it. The code after the cursor closes that block
/// if it begins with the same bracket.
fn closed_blocks(text: &str, cursor: &Cursor) -> std::ops::Range<usize> {
    let next = cursor.suffix.trim_start().chars().next();
    let mut open = Vec::new();
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            // A quote that is not closed in its line is not a quote.
            (Some(_), '\n') => quote = None,
            (Some(mark), c) if c == mark => quote = None,
            (Some(_), _) => {}
            (None, '"' | '`') => quote = Some(c),
            (None, '(' | '[' | '{') => open.push(c),
            (None, ')' | ']' | '}') => {
                let matching = match c {
                    ')' => '(',
                    ']' => '[',
                    _ => '{',
                };
                if open.last() == Some(&matching) {
                    open.pop();
                } else if open.is_empty() && next == Some(c) {
                    return 0..text[..at].trim_end().len();
                }
            }
            (None, _) => {}
        }
    }
    0..text.len()
}

/// Up to three lines are compared.
fn similar(text: &str, cursor: &Cursor) -> std::ops::Range<usize> {
    let solid = |text: &str| {
        text.lines().filter(|line| !is_blank(line)).take(3).map(|line| line.trim().to_owned()).collect::<Vec<_>>()
    };
    let (ours, theirs) = (solid(text), solid(&cursor.suffix));
    let count = ours.len().min(theirs.len());
    let alike = count > 0 && are_similar(&ours[..count].concat(), &theirs[..count].concat(), 0.05, 1.0);
    if alike { 0..0 } else { 0..text.len() }
}

/// Lines at the end that equal those after the cursor. The first line of a completion is the rest of a line, and is kept.
fn suffix(text: &str, cursor: &Cursor) -> std::ops::Range<usize> {
    let all = lines(text);
    let after = cursor.suffix.split_once('\n').map_or("", |(_, after)| after);
    let next: Vec<&str> = after.lines().map(str::trim_end).filter(|line| !is_blank(line)).take(all.len()).collect();
    let solid: Vec<usize> = (1..all.len()).filter(|at| !is_blank(all[*at])).collect();
    for (skipped, at) in solid.iter().enumerate() {
        let ours = &solid[skipped..];
        if ours.len() <= next.len() && ours.iter().zip(&next).all(|(at, next)| all[*at].trim_end() == *next) {
            return 0..text[..end_of(&all[..*at])].trim_end().len();
        }
    }
    0..text.len()
}

/// Whitespace that the code already has, or that is invisible.
fn blanks(text: &str, cursor: &Cursor) -> std::ops::Range<usize> {
    let before = cursor.line_before();
    let start = if !is_blank(before) && before.ends_with([' ', '\t']) {
        text.len() - text.trim_start_matches([' ', '\t']).len()
    } else {
        0
    };
    let rest = cursor.rest();
    let end = if cursor.is_at_line_end() || rest.starts_with([' ', '\t']) { text.trim_end().len() } else { text.len() };
    start.min(end)..end
}

fn end_of(lines: &[&str]) -> usize {
    lines.iter().map(|line| line.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_shown(before: &str, after: &str, text: &str, shown: Option<&str>) {
        assert_eq!(Cleanup::DEFAULT.clean(text, &Cursor::new("x", "x", before, after)).as_deref(), shown);
    }

    #[test]
    fn the_rest_of_the_line_is_not_repeated() {
        assert_shown("let a = f(", "x, y);\n", "first, x, y);", Some("first, "));
        assert_shown("let a = f(", "x, y);\n", "first, x, y);\nlet b = 1;", Some("first, "));
        assert_shown("let a = f(", "x, y);\n", "first,\n    second", None);
        assert_shown("let a = f(", ");\n", "first, second);", Some("first, second"));
        assert_shown("a = [", "]\n", "1, 2, 3]", Some("1, 2, 3"));
    }

    #[test]
    fn what_follows_is_not_repeated() {
        assert_shown("fn f() {\n    ", "\n    done();\n}\n", "work();\n    done();\n}", Some("work();"));
        assert_shown("fn f() {\n    ", "\n    return work(1, 2);\n}\n", "return work(1, 3);", None);
        assert_shown("def f():\n    ", "\n\nprint(f())\n", "return 1\n\nprint(f())", Some("return 1"));
    }

    #[test]
    fn blocks_are_closed_once() {
        assert_shown("if x {\n    ", "\n}\n", "work();\n}", Some("work();"));
        assert_shown("fn f() ", "\n", "{\n    work();\n}\n\nfn g() {}", Some("{\n    work();\n}"));
        assert_shown(
            "    if x ",
            "\n",
            "{\n        a();\n    } else {\n        b();\n    }\n    c();",
            Some("{\n        a();\n    } else {\n        b();\n    }"),
        );
        assert_shown("    let s = ", ";\n", "call(\"a)\", b);\n", Some("call(\"a)\", b);"));
    }

    #[test]
    fn the_scope_ends_where_it_is_indented_less() {
        assert_shown(
            "def f(n):\n    ",
            "\n",
            "if n < 2:\n        return n\n    return g(n)\n\ndef h():\n    pass",
            Some("if n < 2:\n        return n\n    return g(n)"),
        );
        assert_shown("def f(n):", "\n", "\n    return n\n\nprint(f(1))", Some("\n    return n"));
    }

    #[test]
    fn repetition_is_cut() {
        assert_shown("x = ", "\n", "abcabcabcabcabcabcabc", None);
        let rows = "a = one(1)\n".to_owned() + &"b = same()\n".repeat(7) + "b = sa";
        assert_shown("", "\n", &rows, Some("a = one(1)\nb = same()"));
        assert_shown(
            "",
            "\n",
            "start()\n\nrun(a)\nrun(b)\n\nrun(a)\nrun(b)\n\nrun(a)\nrun(b)\n\nru",
            Some("start()\n\nrun(a)\nrun(b)"),
        );
    }

    #[test]
    fn blanks_and_little_are_left_out() {
        assert_shown("a = ", "\n", " value\n\n", Some("value"));
        assert_shown("a = ", "\n", "  \n\t", None);
        assert_shown("a = ", "\n", "xyz", None);
        assert_eq!(Cleanup::NONE.clean(" x ", &Cursor::new("x", "x", "", "")).as_deref(), Some(" x "));
        assert_eq!(Cleanup::NONE.clean("  ", &Cursor::new("x", "x", "", "")), None);
    }
}
