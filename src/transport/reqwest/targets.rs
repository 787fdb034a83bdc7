//! The URLs of requests in the form that reqwest takes. A client calls few URLs, and parsing one takes a tenth of the time of a small call.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Request, Uri};
use reqwest::Url;

use crate::base::Secrets;

/// The number of URLs that are kept.
const KEPT: usize = 8;

/// Parsed URLs. The last one used is first.
#[derive(Default)]
pub(super) struct Targets(Mutex<Vec<(Uri, Target)>>);

/// A URL and its origin.
#[derive(Clone)]
struct Target {
    url: Url,
    origin: Arc<str>,
}

// Without the URLs, which may contain keys.
impl fmt::Debug for Targets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Targets").finish_non_exhaustive()
    }
}

impl Target {
    fn of(url: Url) -> Self {
        let origin = url.origin().ascii_serialization().into();
        Target { url, origin }
    }
}

impl Targets {
    /// Converts a request, and returns it with the origin of its URL.
    ///
    /// # Errors
    ///
    /// Errors if reqwest does not accept the URL.
    pub(super) fn convert(&self, mut request: Request<Bytes>) -> reqwest::Result<(reqwest::Request, Arc<str>)> {
        // Only transports that record read them.
        request.extensions_mut().remove::<Secrets>();
        // Extensions, which hooks may add, are only kept by reqwest's own conversion.
        let known = if request.extensions().is_empty() { self.find(request.uri()) } else { None };
        let Some(Target { url, origin }) = known else {
            let uri = request.uri().clone();
            let converted = reqwest::Request::try_from(request)?;
            let target = Target::of(converted.url().clone());
            let origin = target.origin.clone();
            self.keep(uri, target);
            return Ok((converted, origin));
        };
        let (parts, body) = request.into_parts();
        let mut converted = reqwest::Request::new(parts.method, url);
        *converted.headers_mut() = parts.headers;
        *converted.version_mut() = parts.version;
        *converted.body_mut() = Some(body.into());
        Ok((converted, origin))
    }

    fn find(&self, uri: &Uri) -> Option<Target> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(known, _)| known == uri)?;
        kept[..=at].rotate_right(1);
        Some(kept[0].1.clone())
    }

    fn keep(&self, uri: Uri, target: Target) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _)| *known != uri);
        kept.truncate(KEPT - 1);
        kept.insert(0, (uri, target));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str) -> Request<Bytes> {
        let request = Request::post(uri).version(http::Version::HTTP_10).header("x-a", "1");
        request.body(Bytes::from_static(b"{}")).unwrap()
    }

    fn shown(request: &reqwest::Request) -> String {
        let body = request.body().and_then(reqwest::Body::as_bytes);
        format!("{request:?} {:?} {body:?}", request.version())
    }

    #[test]
    fn a_known_url_is_converted_as_a_new_one() {
        let targets = Targets::default();
        for uri in ["http://127.0.0.1:5000/v1/chat", "https://Example.test/a?b=%20c", "http://user@example.test/"] {
            let expected = shown(&reqwest::Request::try_from(request(uri)).unwrap());
            for _ in 0..3 {
                let (converted, origin) = targets.convert(request(uri)).unwrap();
                assert_eq!(shown(&converted), expected);
                assert_eq!(*origin, *converted.url().origin().ascii_serialization());
            }
        }
        assert!(targets.convert(request("/no/host")).is_err());
    }

    #[test]
    fn extensions_of_hooks_take_the_conversion_of_reqwest() {
        let targets = Targets::default();
        let uri = "http://example.test/";
        let mut extended = request(uri);
        extended.extensions_mut().insert(Secrets::default());
        targets.convert(extended).unwrap();
        let mut extended = request(uri);
        extended.extensions_mut().insert(7_u8);
        let (converted, _) = targets.convert(extended).unwrap();
        assert_eq!(http::Request::<reqwest::Body>::try_from(converted).unwrap().extensions().get::<u8>(), Some(&7));
    }

    #[test]
    fn debug_shows_no_url() {
        let targets = Targets::default();
        targets.convert(request("http://user:geheim@example.test/?key=geheim")).unwrap();
        assert_eq!(format!("{targets:?}"), "Targets { .. }");
    }

    #[test]
    fn few_urls_are_kept() {
        let targets = Targets::default();
        for n in 0..3 * KEPT {
            targets.convert(request(&format!("http://example.test/{n}"))).unwrap();
        }
        let kept = targets.0.lock().unwrap();
        let paths: Vec<&str> = kept.iter().map(|(uri, _)| uri.path()).collect();
        assert_eq!((paths.len(), paths[0]), (KEPT, &*format!("/{}", 3 * KEPT - 1)));
    }
}
