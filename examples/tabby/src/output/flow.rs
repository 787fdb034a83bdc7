//! Wraps text between words as it is written piece by piece to a terminal.

use console::measure_text_width as width_of;

/// The state of the current line.
#[derive(Debug, Default)]
pub struct Flow {
    column: usize,
    /// The word at its end.
    word: String,
    /// The line, as long as it may be a code fence.
    head: String,
    /// Lines between fences are not wrapped, so that they can be copied.
    code: bool,
}

const FENCE: &str = "```";

impl Flow {
    /// The next piece for a terminal of this width. A word that does not fit is erased and moved to the next line.
    pub fn put(&mut self, text: &str, width: usize) -> String {
        let mut out = String::new();
        for c in text.chars() {
            match c {
                '\n' => self.end_line(),
                // The end of the line counts as a space.
                ' ' if self.column >= width && !self.code => {
                    self.begin_line(&mut out);
                    continue;
                }
                ' ' => self.space(1),
                '\t' => self.space(8 - self.column % 8),
                _ => self.letter(c, width, &mut out),
            }
            out.push(c);
        }
        out
    }

    fn letter(&mut self, c: char, width: usize, out: &mut String) {
        let own = width_of(c.encode_utf8(&mut [0; 4]));
        let word = width_of(&self.word);
        if self.column + own > width && !self.code {
            if word < self.column {
                if word > 0 {
                    *out += &format!("\x1b[{word}D\x1b[K");
                }
                let word_so_far = std::mem::take(&mut self.word);
                self.begin_line(out);
                *out += &word_so_far;
                self.word = word_so_far;
                self.column = word;
            } else {
                // Longer than a line: the terminal breaks it.
                self.column = 0;
                self.word.clear();
            }
        }
        self.column += own;
        self.word.push(c);
        if self.head.len() < FENCE.len() {
            self.head.push(c);
        }
        // These scripts have no spaces, and break anywhere.
        if own > 1 {
            self.word.clear();
        }
    }

    fn space(&mut self, columns: usize) {
        self.column += columns;
        self.word.clear();
        // A fence may be indented.
        if !self.head.is_empty() {
            self.head.push(' ');
        }
    }

    /// A line of the text ends.
    fn end_line(&mut self) {
        self.code ^= self.head.starts_with(FENCE);
        (self.column, self.head) = (0, String::new());
        self.word.clear();
    }

    /// A line is broken.
    fn begin_line(&mut self, out: &mut String) {
        out.push('\n');
        self.column = 0;
        self.word.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contents of the screen after these pieces.
    fn shown(pieces: &[&str], width: usize) -> String {
        let mut flow = Flow::default();
        let out: String = pieces.iter().map(|piece| flow.put(piece, width)).collect();
        let mut lines = vec![String::new()];
        let mut rest = out.as_str();
        while let Some(c) = rest.chars().next() {
            let line = lines.last_mut().unwrap();
            if let Some(after) = rest.strip_prefix("\x1b[") {
                let (count, after) = after.split_once("D\x1b[K").unwrap();
                line.truncate(line.len() - count.parse::<usize>().unwrap());
                rest = after;
                continue;
            }
            match c {
                '\n' => lines.push(String::new()),
                _ => line.push(c),
            }
            rest = &rest[c.len_utf8()..];
        }
        lines.join("\n")
    }

    #[test]
    fn words_go_to_the_next_line_whole() {
        assert_eq!(shown(&["one t", "wo th", "ree"], 9), "one two \nthree");
        assert_eq!(shown(&["one two"], 7), "one two");
        assert_eq!(shown(&["one two", " three"], 7), "one two\nthree");
        assert_eq!(shown(&["a\nbb cc"], 4), "a\nbb \ncc");
        assert_eq!(shown(&["日本日本", "日本"], 5), "日本\n日本\n日本");
    }

    #[test]
    fn what_cannot_be_broken_is_left_to_the_terminal() {
        assert_eq!(shown(&["abcdefghij k"], 4), "abcdefghij k");
        assert_eq!(shown(&["x abcdefghij"], 4), "x \nabcdefghij");
        let code = "```sh\nlong line of code\n```\n";
        assert_eq!(shown(&[code, "one two"], 5), format!("{code}one \ntwo"));
    }
}
