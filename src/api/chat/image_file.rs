//! Image parts from files. Not available in browsers.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::ContentPart;
use super::image::{media_type, unknown};
use crate::base::{Advice, Error, ErrorCode, ErrorKind, Remedy, Result};

/// The default size limit of an image file.
const CAP: u64 = 20 * 1024 * 1024;

impl ContentPart {
    /// Creates an image part from a file of at most 20 MiB, like [`image`](ContentPart::image). Reads the file at once and blocks. In async
    /// code, read the file yourself.
    ///
    /// # Errors
    ///
    /// Errors with code `image_unreadable`, `image_too_large` or `image_unknown`.
    ///
    /// ```no_run
    /// use tabbyapi::api::{ChatMessage, ContentPart};
    ///
    /// let question = ChatMessage::user([ContentPart::text("What is this?"), ContentPart::image_file("cat.png")?]);
    /// # Ok::<(), tabbyapi::Error>(())
    /// ```
    pub fn image_file(path: impl AsRef<Path>) -> Result<Self> {
        ContentPart::image_file_within(path, CAP)
    }

    /// Creates an image part from a file of at most `bytes` bytes.
    ///
    /// # Errors
    ///
    /// Errors with code `image_unreadable`, `image_too_large` or `image_unknown`.
    pub fn image_file_within(path: impl AsRef<Path>, bytes: u64) -> Result<Self> {
        let path = path.as_ref();
        let unreadable = |error: std::io::Error| {
            let message = format!("the image `{}` could not be read: {error}", path.display());
            Error::new(ErrorKind::Encode, ErrorCode::ImageUnreadable, message).with_source(error)
        };
        let file = File::open(path).map_err(unreadable)?;
        // Reads one more byte to detect larger files, even if the length is unknown, such as for a pipe.
        let mut image = Vec::new();
        file.take(bytes.saturating_add(1)).read_to_end(&mut image).map_err(unreadable)?;
        if image.len() as u64 > bytes {
            let message = format!("the image `{}` is larger than the cap of {bytes} bytes", path.display());
            return Err(Error::new(ErrorKind::Encode, ErrorCode::ImageTooLarge, message).with_advice(Advice::new(
                Remedy::Raise,
                "scale it down, or raise the cap with {setting:content_part.image_file_within}",
            )));
        }
        match media_type(&image) {
            Some(media_type) => Ok(ContentPart::image_bytes(media_type, image)),
            None => Err(unknown(&format!("the image `{}`", path.display()))),
        }
    }
}
