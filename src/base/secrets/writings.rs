//! Which parts of a header's value are secret, and how servers encode them.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::header::{AUTHORIZATION, HeaderName, PROXY_AUTHORIZATION};
use zeroize::Zeroizing;

use super::escape::undone;
use super::search::LAYERS;

/// The minimum length of a secret that is removed. Removing a key of three letters would damage ordinary words and protect
/// nothing.
pub(super) const SHORTEST: usize = 6;

const ANY_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY_PADDING);

/// Parameters of header values that are not secret.
const PUBLIC: [&str; 12] = [
    "realm",
    "uri",
    "qop",
    "nc",
    "algorithm",
    "charset",
    "path",
    "domain",
    "expires",
    "max-age",
    "samesite",
    "signedheaders",
];

/// The texts of one or several secrets, without duplicates.
#[derive(Default)]
pub(super) struct Writings(Vec<Zeroizing<Vec<u8>>>);

impl Writings {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.0.iter().map(|text| text.as_slice())
    }

    /// Adds the value of a header and its parts: the text after a scheme, user and password of `Basic`, parameters, cookies.
    pub(super) fn header(&mut self, name: &HeaderName, value: &[u8]) {
        let value = value.trim_ascii();
        let (scheme, rest) = match value.iter().position(|byte| *byte == b' ') {
            Some(at) => (&value[..at], value[at..].trim_ascii()),
            None => (&[][..], value),
        };
        let is_scheme = *name == AUTHORIZATION || *name == PROXY_AUTHORIZATION;
        if scheme.is_empty() || !is_scheme {
            self.secret(value);
        }
        self.secret(rest);
        if scheme.eq_ignore_ascii_case(b"basic") {
            self.basic(rest);
        }
        self.token(rest);
        self.parameters(if is_scheme { rest } else { value });
    }

    /// Adds a secret in all its encodings.
    pub(super) fn secret(&mut self, text: &[u8]) {
        let text = text.trim_ascii();
        if text.len() < SHORTEST {
            return;
        }
        self.written(text.to_vec());
        if text.contains(&b' ') {
            // As in HTML forms.
            self.written(text.iter().map(|&byte| if byte == b' ' { b'+' } else { byte }).collect());
        }
        if !text.is_ascii() {
            self.foreign(text);
        }
        self.base64(text);
    }

    /// Adds variants of characters beyond ASCII: UTF-8 read as Latin-1, the reverse, or replaced.
    fn foreign(&mut self, text: &[u8]) {
        let as_latin = Zeroizing::new(text.iter().copied().map(char::from).collect::<String>());
        self.written(as_latin.as_bytes().to_vec());
        if let Ok(utf8) = std::str::from_utf8(text) {
            let latin: Option<Vec<u8>> = utf8.chars().map(|letter| u8::try_from(u32::from(letter)).ok()).collect();
            if let Some(latin) = latin {
                self.written(replaced(&latin));
                self.written(latin);
            }
            self.legible(utf8.chars().map(|letter| if letter.is_ascii() { letter } else { '?' }).collect());
            self.legible(utf8.chars().map(|letter| if letter.is_ascii() { letter } else { '\u{fffd}' }).collect());
        }
        self.written(replaced(text));
        self.legible(as_latin.chars().map(|letter| if letter.is_ascii() { letter } else { '?' }).collect());
        self.legible(as_latin.chars().map(|letter| if letter.is_ascii() { letter } else { '\u{fffd}' }).collect());
    }

    /// Adds the Base64 encodings at each alignment, without the digits that depend on neighbouring bytes.
    fn base64(&mut self, text: &[u8]) {
        for before in 0..3 {
            let mut padded = Zeroizing::new(vec![0; before]);
            padded.extend_from_slice(text);
            for engine in [STANDARD, URL_SAFE] {
                let digits = Zeroizing::new(engine.encode(&*padded));
                let own = &digits.as_bytes()[(before * 8).div_ceil(6)..padded.len() * 8 / 6];
                if own.len() > SHORTEST {
                    self.written(own.to_vec());
                }
            }
        }
    }

    fn basic(&mut self, digits: &[u8]) {
        let end = digits.iter().rposition(|byte| *byte != b'=').map_or(0, |at| at + 1);
        self.secret(&digits[..end]);
        let plain = STANDARD.decode(&digits[..end]).or_else(|_| URL_SAFE.decode(&digits[..end]));
        let Ok(plain) = plain.map(Zeroizing::new) else { return };
        self.secret(&plain);
        plain.splitn(2, |byte| *byte == b':').for_each(|part| self.secret(part));
    }

    /// Adds the parts of a JSON Web Token.
    fn token(&mut self, text: &[u8]) {
        if text.starts_with(b"eyJ") && text.iter().filter(|byte| **byte == b'.').count() >= 2 {
            text.split(|byte| *byte == b'.').for_each(|part| self.secret(part));
        }
    }

    /// Adds the values of `name=value`, quoted or not, as in cookies, `Digest` and signatures.
    fn parameters(&mut self, value: &[u8]) {
        for part in value.split(|byte| matches!(byte, b';' | b',')) {
            let part = part.trim_ascii();
            let Some(at) = part.iter().position(|byte| *byte == b'=') else { continue };
            let name = part[..at].trim_ascii().rsplit(|byte| *byte == b' ').next().unwrap_or_default();
            let value = part[at + 1..].trim_ascii();
            let value = value.strip_prefix(b"\"").map_or(value, |rest| rest.strip_suffix(b"\"").unwrap_or(rest));
            // Base64 may end in `=`, which does not make it a parameter.
            let is_name = !name.is_empty() && value.iter().any(|byte| *byte != b'=');
            if is_name && !PUBLIC.iter().any(|public| name.eq_ignore_ascii_case(public.as_bytes())) {
                self.secret(value);
                self.token(value);
            }
        }
    }

    /// Adds a variant with replaced characters, if enough of it is left to be distinctive.
    fn legible(&mut self, text: String) {
        if text.chars().filter(|letter| letter.is_ascii() && *letter != '?').count() >= SHORTEST {
            self.written(text.into_bytes());
        }
    }

    /// Adds one encoding, and the result of undoing apparent escapes in it.
    fn written(&mut self, text: Vec<u8>) {
        let mut text = Zeroizing::new(text);
        for _ in 0..LAYERS {
            if text.len() < SHORTEST || self.0.contains(&text) {
                return;
            }
            let plain = Zeroizing::new(undone(&text));
            self.0.push(std::mem::replace(&mut text, plain));
        }
    }
}

/// The text with everything that is not UTF-8 replaced.
fn replaced(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text).into_owned();
    if text.bytes().filter(u8::is_ascii).count() >= SHORTEST { text.into_bytes() } else { Vec::new() }
}
