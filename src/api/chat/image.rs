//! Image parts whose media type is detected by their first bytes.

use super::ContentPart;
use crate::base::{Advice, Error, ErrorCode, ErrorKind, Remedy, Result};

impl ContentPart {
    /// Creates an image part that is sent inside the request. The type is detected by the first bytes: PNG, JPEG, GIF, WebP or BMP. For
    /// other types use [`image_bytes`](ContentPart::image_bytes), which takes the type as an argument.
    ///
    /// # Errors
    ///
    /// Errors with code `image_unknown` if the type is not one of these.
    ///
    /// ```
    /// use tabbyapi::api::ContentPart;
    ///
    /// assert!(ContentPart::image(b"\x89PNG\r\n\x1a\n...").is_ok());
    /// assert_eq!(ContentPart::image(b"%PDF-1.7").unwrap_err().code(), "image_unknown");
    /// ```
    pub fn image(image: impl AsRef<[u8]>) -> Result<Self> {
        let image = image.as_ref();
        match media_type(image) {
            Some(media_type) => Ok(ContentPart::image_bytes(media_type, image)),
            None => Err(unknown("the image")),
        }
    }
}

/// The error for bytes of an unknown type.
pub(super) fn unknown(what: &str) -> Error {
    Error::new(ErrorKind::Encode, ErrorCode::ImageUnknown, format!("{what} is not PNG, JPEG, GIF, WebP or BMP"))
        .with_advice(Advice::new(
            Remedy::Change,
            "convert it, or name its type with {setting:content_part.image_bytes}",
        ))
}

/// The type that the first bytes indicate.
pub(super) fn media_type(image: &[u8]) -> Option<&'static str> {
    match image {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        // Two letters are too short: the four reserved bytes after the size are zero in every writer.
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => Some("image/bmp"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_by_their_first_bytes() {
        let cases: [(&[u8], Option<&str>); 9] = [
            (b"\x89PNG\r\n\x1a\n", Some("image/png")),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", Some("image/jpeg")),
            (b"GIF87a", Some("image/gif")),
            (b"GIF89a,", Some("image/gif")),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Some("image/webp")),
            (b"RIFF\x10\0\0\0WAVEfmt ", None),
            (b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0", Some("image/bmp")),
            (b"BMW is a car maker", None),
            (b"", None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(media_type(bytes), expected, "{bytes:?}");
        }
        assert_eq!(
            ContentPart::image("<svg/>").unwrap_err().to_string(),
            "the image is not PNG, JPEG, GIF, WebP or BMP; convert it, or name its type with \
             `ContentPart::image_bytes`"
        );
    }
}
