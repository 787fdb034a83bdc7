//! Wraps lines between words, which terminals do not do.

use console::measure_text_width as width_of;

/// The text in lines of at most this width, as far as its words allow. A line with two columns continues in the second one.
pub fn wrap(text: &str, width: usize) -> String {
    text.split('\n').map(|line| wrap_line(line, width)).collect::<Vec<_>>().join("\n")
}

fn wrap_line(line: &str, width: usize) -> String {
    if width_of(line) <= width {
        return line.to_owned();
    }
    let indent = second_column(line).filter(|indent| *indent <= width / 2).unwrap_or(0);
    let mut wrapped = String::new();
    let mut column = 0;
    for word in line.split_inclusive(' ') {
        let bare = word.trim_end_matches(' ');
        if column > indent && column + width_of(bare) > width {
            wrapped.truncate(wrapped.trim_end_matches(' ').len());
            wrapped += &format!("\n{:indent$}", "");
            column = indent;
        }
        wrapped += word;
        column += width_of(word);
    }
    wrapped
}

/// Where the second column begins, if there are two.
fn second_column(line: &str) -> Option<usize> {
    let (first, rest) = line.split_once("  ")?;
    Some(width_of(first) + 2 + rest.len() - rest.trim_start_matches(' ').len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrap("one two three", 13), "one two three");
        assert_eq!(wrap("one two three", 9), "one two\nthree");
        assert_eq!(wrap("one two three\n\nfour five", 7), "one two\nthree\n\nfour\nfive");
        assert_eq!(wrap("a unbreakable", 5), "a\nunbreakable");
        assert_eq!(wrap("日本 日本", 8), "日本\n日本");
    }

    #[test]
    fn a_second_column_stays_one() {
        assert_eq!(wrap("/a B   one two three", 15), "/a B   one two\n       three");
        assert_eq!(wrap("much too wide  one two", 16), "much too wide\none two");
    }
}
