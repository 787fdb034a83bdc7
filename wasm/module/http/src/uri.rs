//! Addresses.

use std::fmt;
use std::str::FromStr;

/// An absolute address: scheme, authority, path, perhaps a query. A fragment is left out.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Uri {
    text: String,
    /// Where the authority begins and ends, and the path ends.
    authority: usize,
    path: usize,
    query: usize,
}

/// The text is no such address; why.
#[derive(Debug)]
pub struct InvalidUri(&'static str);

/// A part of an address: host and port, or path and query.
#[derive(Clone, Copy)]
pub struct Part<'a>(&'a str);

impl Uri {
    /// As `ToString` has it, but without the machinery of formatting.
    #[allow(clippy::inherent_to_string_shadow_display, reason = "the same text")]
    pub fn to_string(&self) -> String {
        self.text.clone()
    }

    pub fn scheme_str(&self) -> Option<&str> {
        self.text.split_once("://").map(|(scheme, _)| scheme)
    }

    pub fn authority(&self) -> Option<Part<'_>> {
        Some(Part(&self.text[self.authority..self.path])).filter(|authority| !authority.0.is_empty())
    }

    pub fn host(&self) -> Option<&str> {
        let authority = self.authority()?.0;
        let bytes = authority.as_bytes();
        let start = bytes.iter().rposition(|byte| *byte == b'@').map_or(0, |at| at + 1);
        let end = match bytes.get(start) {
            Some(b'[') => bytes.iter().position(|byte| *byte == b']').map(|at| at + 1),
            _ => bytes[start..].iter().position(|byte| *byte == b':').map(|at| start + at),
        };
        Some(&authority[start..end.unwrap_or(bytes.len())])
    }

    pub fn path(&self) -> &str {
        &self.text[self.path..self.query]
    }

    pub fn path_and_query(&self) -> Option<Part<'_>> {
        Some(Part(&self.text[self.path..]))
    }
}

impl<'a> Part<'a> {
    pub fn as_str(&self) -> &'a str {
        self.0
    }
}

impl InvalidUri {
    /// As `ToString` has it, but without the machinery of formatting.
    #[allow(clippy::inherent_to_string_shadow_display, reason = "the same text")]
    pub fn to_string(&self) -> String {
        self.0.to_owned()
    }
}

impl FromStr for Uri {
    type Err = InvalidUri;

    // By bytes: patterns over characters weigh more than all the rest.
    fn from_str(text: &str) -> Result<Self, InvalidUri> {
        let bytes = text.as_bytes();
        let find =
            |from: usize, ends: &[u8]| from + bytes[from..].iter().take_while(|byte| !ends.contains(byte)).count();
        let colon = find(0, b":");
        let scheme = [&b"http"[..], b"https"].into_iter().find(|scheme| scheme.eq_ignore_ascii_case(&bytes[..colon]));
        let Some(scheme) = scheme.filter(|_| bytes[colon..].starts_with(b"://")) else {
            return Err(InvalidUri("invalid format"));
        };
        let authority = colon + 3;
        let path = find(authority, b"/?#");
        if authority == path {
            return Err(InvalidUri(if path == bytes.len() { "empty string" } else { "invalid format" }));
        }
        check_authority(&bytes[authority..path])?;
        let end = find(path, b"#");
        let query = find(path, b"?#");
        let is_in_path = |byte| matches!(byte, b'"' | b'{' | b'}') || is_in_query(byte) && byte != b'`';
        if !bytes[path..query].iter().copied().all(is_in_path) || !bytes[query..end].iter().copied().all(is_in_query) {
            return Err(InvalidUri("invalid uri character"));
        }
        let slash = usize::from(path == query);
        let parts = [scheme, &bytes[colon..path], &b"/"[..slash], &bytes[path..end]];
        let text = String::from_utf8(parts.concat()).map_err(|_| InvalidUri("invalid uri character"))?;
        Ok(Uri { text, authority, path, query: query + slash })
    }
}

fn check_authority(bytes: &[u8]) -> Result<(), InvalidUri> {
    let mut colons = 0;
    let (mut opened, mut closed, mut percent) = (false, false, false);
    for &byte in bytes {
        match byte {
            // More than an IPv6 address has, and a port.
            b':' if colons < 8 => colons += 1,
            b'%' => percent = true,
            b'[' if !opened && !percent => opened = true,
            b']' if opened && !closed => (closed, colons, percent) = (true, 0, false),
            b'@' => (colons, percent) = (0, false),
            b':' | b'[' | b']' => return Err(InvalidUri("invalid authority")),
            b'\\' | b'^' | b'`' | b'{'..=b'}' | 0x80.. => return Err(InvalidUri("invalid uri character")),
            _ if !is_in_query(byte) => return Err(InvalidUri("invalid uri character")),
            _ => {}
        }
    }
    match bytes {
        [.., b'@'] => Err(InvalidUri("invalid authority")),
        _ if opened != closed || colons > 1 || percent => Err(InvalidUri("invalid authority")),
        _ => Ok(()),
    }
}

fn is_in_query(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x24..=0x3b | 0x3d | 0x3f..=0x7e | 0x80..)
}

/// `/`, as `http` has it.
impl Default for Uri {
    fn default() -> Self {
        Uri { text: "/".to_owned(), authority: 0, path: 0, query: 1 }
    }
}

impl PartialEq<str> for Uri {
    fn eq(&self, other: &str) -> bool {
        self.text == other
    }
}

impl PartialEq<&str> for Uri {
    fn eq(&self, other: &&str) -> bool {
        self.text == *other
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for InvalidUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for InvalidUri {}
