//! Lines, indentation and similarity of code.

/// The lines of a text, each with its line end; the last one may be empty.
pub(super) fn lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    if text.is_empty() || text.ends_with('\n') {
        lines.push("");
    }
    lines
}

pub(super) fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// The indentation of a line, in characters.
pub(super) fn indent(line: &str) -> usize {
    line.chars().take_while(|c| matches!(c, ' ' | '\t')).count()
}

/// Whether a line has only closing brackets and characters that may follow them, or a word that closes a block.
pub(super) fn closes(line: &str) -> bool {
    let line = line.trim();
    let rest = line.trim_start_matches(['}', ')', ']', '>', ';', ',']);
    !line.is_empty()
        && (rest.is_empty() && line.contains(['}', ')', ']']) || matches!(line, "end" | "fi" | "done" | "esac"))
}

/// The longest text that is compared, in characters. A comparison takes time proportional to the product of both lengths.
const COMPARED: usize = 400;

/// Whether two texts differ by at most this share of the longer one, or by at most `least` characters.
pub(super) fn are_similar(a: &str, b: &str, share: f64, least: f64) -> bool {
    let a: Vec<char> = a.chars().take(COMPARED).collect();
    let b: Vec<char> = b.chars().take(COMPARED).collect();
    let most = (share * a.len().max(b.len()) as f64).max(least);
    if a.len().abs_diff(b.len()) as f64 > most {
        return false;
    }
    distance(&a, &b) as f64 <= most
}

/// The number of characters to insert, remove or replace to turn one into the other.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_compared_by_their_edits() {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        for (a, b, expected) in
            [("", "", 0), ("abc", "abc", 0), ("abc", "axc", 1), ("abc", "", 3), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(&chars(a), &chars(b)), expected, "{a} {b}");
            assert_eq!(distance(&chars(b), &chars(a)), expected, "{b} {a}");
        }
        assert!(are_similar("return a + b", "return a - b", 0.05, 1.0));
        assert!(!are_similar("return a + b", "return x - b", 0.05, 1.0));
    }

    #[test]
    fn lines_keep_their_ends() {
        assert_eq!(lines("a\r\n b"), ["a\r\n", " b"]);
        assert_eq!(lines("a\n"), ["a\n", ""]);
        assert_eq!(lines(""), [""]);
        assert_eq!((indent("  \tx"), indent("x")), (3, 0));
        assert_eq!(["});", "}", "x }", "", "end", ";"].map(closes), [true, true, false, false, true, false]);
    }
}
