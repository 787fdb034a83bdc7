//! A tokenizer of word pieces: the longest known piece, else one byte.

/// Pieces of more than one byte. Ids follow this order: they are stable within one build, no more.
const PIECES: &[&str] = &[
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
    " world",
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

/// Where ids of pieces begin; bytes have the ids below.
const FIRST_PIECE: u32 = 256;

/// One token: its bytes, which may be a part of a character only, and its id.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub(crate) bytes: Vec<u8>,
    pub(crate) id: u32,
}

impl Token {
    /// A token with the text as it is, whether or not the vocabulary has it.
    pub(crate) fn literal(text: &str) -> Token {
        let id = match (PIECES.iter().position(|piece| *piece == text), text.as_bytes()) {
            (Some(index), _) => FIRST_PIECE + index as u32,
            (None, [byte]) => byte_id(*byte),
            (None, bytes) => {
                let sum = bytes.iter().fold(7u32, |n, b| n.wrapping_mul(31) + u32::from(*b));
                FIRST_PIECE + PIECES.len() as u32 + sum % 1000
            }
        };
        Token { bytes: text.as_bytes().to_vec(), id }
    }

    fn byte(byte: u8) -> Token {
        Token { bytes: vec![byte], id: byte_id(byte) }
    }

    /// The text of the token, U+FFFD for a part of a character.
    pub(crate) fn text(&self) -> String {
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => "\u{FFFD}".to_owned(),
        }
    }
}

/// Takes a text apart.
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

/// Takes a text apart byte by byte.
pub(crate) fn encode_bytes(text: &str) -> Vec<Token> {
    text.bytes().map(Token::byte).collect()
}

/// The bytes of an id, none for an id that is not in the vocabulary.
pub(crate) fn decode(id: u32) -> Option<Vec<u8>> {
    match id.checked_sub(FIRST_PIECE) {
        Some(index) => PIECES.get(index as usize).map(|piece| piece.as_bytes().to_vec()),
        None => (0..=255u8).find(|byte| byte_id(*byte) == id).map(|byte| vec![byte]),
    }
}

/// Printable bytes come first, as in the byte-level vocabularies of the models served.
fn byte_id(byte: u8) -> u32 {
    match byte {
        33..=126 => u32::from(byte) - 33,
        0..=32 => u32::from(byte) + 94,
        127..=255 => u32::from(byte),
    }
}

#[cfg(test)]
mod tests {
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
    fn pieces_are_those_of_the_recordings() {
        let pieces: Vec<String> = encode("Echo: Once upon a time").iter().map(Token::text).collect();
        assert_eq!(pieces, ["E", "ch", "o", ":", " On", "ce", " up", "on", " a", " time"]);
    }
}
