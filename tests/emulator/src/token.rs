//! A tokenizer of word pieces: the longest known piece, or else one byte.
//!
//! The ids of bytes, and of the pieces in recordings, are those of the recorded model.

/// Pieces of more than one byte. Their ids follow this order unless they are in [`RECORDED`], and are stable only within one
/// build.
const PIECES: &[&str] = &[
    "<|bos|>",
    "<|eos|>",
    "<think>",
    "</think>",
    "<tool_call>",
    "</tool_call>",
    "<|im_start|>",
    "<|im_end|>",
    "<|channel|>",
    "<|message|>",
    "<|start|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "ch",
    " H",
    "el",
    "lo",
    " there",
    " On",
    "ce",
    " up",
    "on",
    " a",
    " b",
    " c",
    " d",
    " e",
    " f",
    " g",
    " h",
    " i",
    " j",
    " k",
    " l",
    " m",
    " n",
    " q",
    " time",
    "The",
    " user",
    " want",
    " an",
    "et",
    " me",
    " look",
    "be",
    "fore",
    "fter",
    "ate",
    " the",
    "ick",
    "ro",
    "er",
    "in",
    "th",
    "he",
    "an",
    "re",
    "nd",
    "at",
    "or",
    "es",
    "is",
    "en",
    "it",
    "ar",
    "te",
    "st",
    "ing",
    "ion",
    "al",
    "ed",
    "ou",
    "ent",
    "ly",
    " to",
    " of",
    " and",
    " in",
    " is",
    " it",
    " you",
    " for",
    " on",
    " that",
    " with",
    " as",
    " be",
    " we",
    " are",
    " was",
    " this",
    " have",
    " not",
    " or",
    " at",
    " by",
    " from",
    " word",
    "ll",
    "ve",
    "'s",
    "n't",
    " one",
    " two",
    " three",
    " four",
    "\n\n",
    "  ",
    " T",
    " S",
    " A",
    " I",
    " W",
    " Y",
    " wh",
    " st",
    " th",
    " re",
    " do",
    " can",
    " will",
    " your",
    " what",
    " how",
    " hello",
    " w",
    "hel",
    "user",
    "What",
    "{\"",
    "\":",
    "\"}",
    "\", \"",
    "\": \"",
    " \"",
    "get",
    "_we",
    "ather",
    " say",
    " sure",
    " model",
    " server",
];

/// The ids of pieces in the recordings.
const RECORDED: &[(&str, u32)] = &[
    ("or", 271),
    ("lo", 289),
    ("el", 335),
    ("ch", 349),
    (" w", 361),
    (" is", 380),
    (" this", 929),
    ("user", 957),
    ("What", 1795),
    ("hel", 2139),
    ("<|bos|>", BOS),
    ("<|eos|>", 2401),
    ("<|im_start|>", 2402),
    ("<|im_end|>", 2403),
];

/// The start token of every prompt.
pub(crate) const BOS: u32 = 2400;

/// The first id of other pieces.
const FIRST_PIECE: u32 = 3000;

/// The first id that is not a piece of text. Such ids decode to nothing.
const FIRST_UNKNOWN: u32 = 4000;

/// The first id of parts of images.
pub(crate) const FIRST_IMAGE: u32 = 1_000_000_000;

/// One token: its bytes, which may be only a part of a character, and its id.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub(crate) bytes: Vec<u8>,
    pub(crate) id: u32,
}

impl Token {
    /// Creates a token with this text, whether or not the vocabulary has it.
    pub(crate) fn literal(text: &str) -> Token {
        let recorded = RECORDED.iter().find(|(piece, _)| *piece == text).map(|(_, id)| *id);
        let own = || Some(FIRST_PIECE + PIECES.iter().position(|piece| *piece == text)? as u32);
        let id = match (recorded.or_else(own), text.as_bytes()) {
            (Some(id), _) => id,
            (None, [byte]) => byte_id(*byte),
            (None, bytes) => {
                let sum = bytes.iter().fold(7u32, |n, b| n.wrapping_mul(31).wrapping_add(u32::from(*b)));
                FIRST_UNKNOWN + sum % 1000
            }
        };
        Token { bytes: text.as_bytes().to_vec(), id }
    }

    fn byte(byte: u8) -> Token {
        Token { bytes: vec![byte], id: byte_id(byte) }
    }

    /// Returns the text of the token. U+FFFD for a part of a character.
    pub(crate) fn text(&self) -> String {
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => "\u{FFFD}".to_owned(),
        }
    }
}

/// Returns the tokens after this many bytes.
pub(crate) fn after(tokens: Vec<Token>, bytes: usize) -> Vec<Token> {
    let mut said = bytes;
    let mut left = Vec::new();
    for mut token in tokens {
        let skip = said.min(token.bytes.len());
        said -= skip;
        if skip < token.bytes.len() {
            token.bytes.drain(..skip);
            left.push(token);
        }
    }
    left
}

/// Splits a text into tokens.
pub(crate) fn encode(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let piece = PIECES.iter().filter(|p| rest.starts_with(**p)).max_by_key(|p| p.len());
        match piece {
            Some(piece) => {
                tokens.push(Token::literal(piece));
                rest = &rest[piece.len()..];
            }
            None => {
                let length = rest.chars().next().map_or(1, char::len_utf8);
                tokens.extend(rest[..length].bytes().map(Token::byte));
                rest = &rest[length..];
            }
        }
    }
    tokens
}

/// Splits a text into bytes.
pub(crate) fn encode_bytes(text: &str) -> Vec<Token> {
    text.bytes().map(Token::byte).collect()
}

/// Returns the bytes of an id. None if it is not in the vocabulary.
pub(crate) fn decode(id: u32) -> Option<Vec<u8>> {
    if let Some(byte) = (0..=255u8).find(|byte| byte_id(*byte) == id) {
        return Some(vec![byte]);
    }
    let recorded = RECORDED.iter().find(|(_, known)| *known == id).map(|(piece, _)| *piece);
    let piece = recorded.or_else(|| PIECES.get(id.checked_sub(FIRST_PIECE)? as usize).copied())?;
    Some(piece.as_bytes().to_vec())
}

/// Whether an id is that of a special token.
pub(crate) fn is_special(id: u32) -> bool {
    decode(id).is_some_and(|bytes| bytes.starts_with(b"<|") && bytes.ends_with(b"|>"))
}

/// Printable bytes come first, as in the byte-level vocabularies of the models served.
fn byte_id(byte: u8) -> u32 {
    match byte {
        33..=126 => u32::from(byte) - 33,
        161..=172 => u32::from(byte) - 67,
        174..=255 => u32::from(byte) - 68,
        0..=32 => u32::from(byte) + 188,
        127..=160 => u32::from(byte) + 94,
        173 => 255,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn texts_come_back_whole() {
        for text in ["Echo: Once upon a time", "naïve 日本語 😀", "", "<think>hm</think>"] {
            let tokens = encode(text);
            let bytes: Vec<u8> = tokens.iter().flat_map(|t| t.bytes.clone()).collect();
            assert_eq!(bytes, text.as_bytes());
            let decoded: Vec<u8> = tokens.iter().filter_map(|t| decode(t.id)).flatten().collect();
            assert_eq!(decoded, text.as_bytes());
        }
    }

    #[test]
    fn every_id_stands_for_one_text() {
        let ids: HashSet<u32> = (0..FIRST_UNKNOWN).filter(|id| decode(*id).is_some()).collect();
        let own = PIECES.iter().map(|piece| Token::literal(piece).id);
        let own: HashSet<u32> = own.chain((0..=255).map(byte_id)).collect();
        assert_eq!(own.len(), PIECES.len() + 256);
        assert!(own.is_subset(&ids));
    }

    #[test]
    fn pieces_are_those_of_the_recordings() {
        let pieces: Vec<String> = encode("Echo: Once upon a time").iter().map(Token::text).collect();
        assert_eq!(pieces, ["E", "ch", "o", ":", " On", "ce", " up", "on", " a", " time"]);
    }
}
