//! Serializes requests.

use std::io;

use bytes::Bytes;
use serde::Serialize;

use crate::base::{Error, ErrorCode, ErrorKind, Result};

/// Requests up to this size, in bytes, are written into a buffer that grows. The length of larger ones is counted before they are
/// written, because a buffer that grows takes up to three times their size.
const COUNTED: usize = 1 << 20;

/// Serializes a request as JSON, for [`Endpoint::body`](crate::Endpoint::body).
///
/// Requests of more than 1 MiB may be serialized twice, first to count their length, so that they do not take twice the memory of their
/// text.
///
/// # Errors
///
/// Errors with code `encode` if the request cannot be serialized.
pub fn json_body<T: Serialize + ?Sized>(request: &T) -> Result<Option<Bytes>> {
    let mut body = Body::up_to(COUNTED);
    let mut written = serde_json::to_writer(&mut body, request);
    if let (Ok(()), Some(length)) = (&written, body.counted) {
        body = Body::of(length);
        written = serde_json::to_writer(&mut body, request);
    }
    match written {
        Ok(()) => Ok(Some(body.bytes.into())),
        Err(error) => Err(Error::new(
            ErrorKind::Encode,
            ErrorCode::Encode,
            format!("the request could not be written as JSON: {error}"),
        )),
    }
}

/// The text of a request, or only its length.
struct Body {
    bytes: Vec<u8>,
    /// The length up to which `bytes` grows.
    most: usize,
    /// The length of the text, once it is only counted. Then `bytes` has no capacity.
    counted: Option<usize>,
}

impl Body {
    /// Longer texts are counted.
    fn up_to(most: usize) -> Self {
        Body { bytes: Vec::with_capacity(128), most, counted: None }
    }

    /// Expects a text of this length. Grows if it is longer, since a type may serialize differently each time.
    fn of(length: usize) -> Self {
        Body { bytes: Vec::with_capacity(length), most: usize::MAX, counted: None }
    }

    /// Adds a text for which `bytes` has no room.
    #[cold]
    fn grow(&mut self, text: &[u8]) {
        let length = self.counted.unwrap_or(self.bytes.len()) + text.len();
        if length <= self.most {
            self.bytes.extend_from_slice(text);
        } else if self.counted.is_none() && text.len() >= self.bytes.len() {
            // Most of the request is one text, such as an image. The rest probably fits behind it.
            self.bytes.reserve_exact(text.len() + length / 16);
            self.bytes.extend_from_slice(text);
        } else {
            self.bytes = Vec::new();
            self.counted = Some(length);
        }
    }
}

impl io::Write for Body {
    #[inline]
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.write_all(text).map(|()| text.len())
    }

    #[inline]
    fn write_all(&mut self, text: &[u8]) -> io::Result<()> {
        if text.len() <= self.bytes.capacity() - self.bytes.len() {
            self.bytes.extend_from_slice(text);
        } else {
            self.grow(text);
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use serde::Serializer;

    use super::*;

    #[test]
    fn requests_of_any_size_are_written_as_serde_json_writes_them() {
        for size in [0, 100, COUNTED - 4, COUNTED - 3, 2 * COUNTED] {
            for request in [
                vec!["x".repeat(size)],
                vec!["a \"quoted\"\nline".to_owned(); size / 20],
                vec![String::new(), "x".repeat(size)],
            ] {
                let body = json_body(&request).unwrap().unwrap();
                assert!(body == serde_json::to_vec(&request).unwrap(), "{size}");
            }
        }
    }

    #[test]
    fn large_requests_take_little_more_memory_than_their_length() {
        let image = ["x".repeat(4 * COUNTED), "in one piece".to_owned()];
        let mut body = Body::up_to(COUNTED);
        serde_json::to_writer(&mut body, &image).unwrap();
        assert!(body.counted.is_none() && body.bytes.capacity() < body.bytes.len() * 17 / 16);

        let request = vec!["0123456789"; COUNTED / 5];
        let mut body = Body::up_to(COUNTED);
        serde_json::to_writer(&mut body, &request).unwrap();
        assert_eq!((body.counted, body.bytes.capacity()), (Some(13 * request.len() + 1), 0));
        let mut body = Body::of(13 * request.len() + 1);
        serde_json::to_writer(&mut body, &request).unwrap();
        assert_eq!((body.bytes.len(), body.bytes.capacity()), (13 * request.len() + 1, 13 * request.len() + 1));
    }

    #[test]
    fn a_type_may_serialize_differently_each_time() {
        struct Growing(Cell<usize>);
        impl Serialize for Growing {
            fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                self.0.set(self.0.get() + 1);
                serializer.collect_seq(std::iter::repeat_n(1, self.0.get() * COUNTED))
            }
        }
        assert_eq!(json_body(&Growing(Cell::new(0))).unwrap().unwrap().len(), 4 * COUNTED + 1);
    }

    #[test]
    fn what_cannot_be_written_is_an_error() {
        let request = std::collections::HashMap::from([((1, 2), 3)]);
        assert_eq!(json_body(&request).unwrap_err().code(), &ErrorCode::Encode);
    }
}
