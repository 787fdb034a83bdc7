//! Reads event streams line by line, including what a parser tolerates.

use std::borrow::Cow;

/// An event with data.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) data: String,
    pub(super) name: String,
    /// The number of `data` lines.
    pub(super) lines: usize,
    /// The position of its end in the body.
    pub(super) end: usize,
}

/// The parts of an event stream.
#[derive(Debug, Default)]
pub(super) struct Frames {
    pub(super) events: Vec<Event>,
    /// The positions of the ends of comments.
    pub(super) comments: Vec<usize>,
    /// Lines that are not fields.
    pub(super) odd_lines: Vec<String>,
    pub(super) has_bom: bool,
    /// Whether the body ends inside an event.
    pub(super) is_unfinished: bool,
    pub(super) crlf: usize,
    pub(super) lf: usize,
    pub(super) cr: usize,
}

impl Frames {
    pub(super) fn read(body: &[u8]) -> Frames {
        let mut frames = Frames::default();
        let bom: &[u8] = b"\xef\xbb\xbf";
        frames.has_bom = body.starts_with(bom);
        let mut at = if frames.has_bom { bom.len() } else { 0 };
        let mut open = Event { data: String::new(), name: String::new(), lines: 0, end: 0 };
        while at < body.len() {
            let rest = &body[at..];
            let length = memchr::memchr2(b'\r', b'\n', rest);
            let line = &rest[..length.unwrap_or(rest.len())];
            at += line.len();
            let Some(_) = length else {
                frames.is_unfinished = true;
                frames.line(line, at, &mut open);
                break;
            };
            match &body[at..] {
                [b'\r', b'\n', ..] => (frames.crlf, at) = (frames.crlf + 1, at + 2),
                [b'\n', ..] => (frames.lf, at) = (frames.lf + 1, at + 1),
                _ => (frames.cr, at) = (frames.cr + 1, at + 1),
            }
            if line.is_empty() {
                open.end = at;
                frames.close(&mut open);
            } else {
                frames.line(line, at, &mut open);
            }
        }
        if open.lines > 0 {
            frames.is_unfinished = true;
            open.end = body.len();
            frames.close(&mut open);
        }
        frames
    }

    fn line(&mut self, line: &[u8], end: usize, open: &mut Event) {
        let text = String::from_utf8_lossy(line);
        let (field, value): (&str, Cow<'_, str>) = match text.split_once(':') {
            Some((field, value)) => (field, value.strip_prefix(' ').unwrap_or(value).into()),
            None => (&text, "".into()),
        };
        match field {
            "" => self.comments.push(end),
            "data" => {
                if open.lines > 0 {
                    open.data.push('\n');
                }
                open.data.push_str(&value);
                open.lines += 1;
            }
            "event" => open.name = value.into_owned(),
            "id" | "retry" => {}
            _ => self.odd_lines.push(text.into_owned()),
        }
    }

    fn close(&mut self, open: &mut Event) {
        let empty = Event { data: String::new(), name: String::new(), lines: 0, end: 0 };
        let event = std::mem::replace(open, empty);
        if event.lines > 0 {
            self.events.push(event);
        }
    }
}
