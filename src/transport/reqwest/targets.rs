//! The URLs of requests in the form that reqwest takes. A client calls few URLs, and parsing one takes a tenth of the time of a small call.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::uri::Authority;
use http::{Request, Uri};
use reqwest::Url;

use super::lanes::{Lane, Lanes, Origin};
use crate::base::Secrets;

/// The number of URLs that are kept.
const KEPT: usize = 8;

/// Parsed URLs.
pub(super) struct Targets {
    lanes: Lanes,
    /// The last one used is first.
    kept: Mutex<Vec<(Uri, Target)>>,
}

/// A URL and its origin.
#[derive(Clone)]
struct Target {
    url: Arc<Url>,
    origin: Arc<Origin>,
}

/// A request to a parsed URL.
pub(super) struct Prepared {
    request: Form,
    target: Target,
}

#[allow(clippy::large_enum_variant, reason = "it is moved into the future of one request, and out of it")]
enum Form {
    Parts(Request<Bytes>),
    Converted(reqwest::Request),
}

// Without the URLs, which may contain keys.
impl fmt::Debug for Targets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Targets").finish_non_exhaustive()
    }
}

impl Targets {
    pub(super) fn new(lanes: Lanes) -> Self {
        Targets { lanes, kept: Mutex::default() }
    }

    pub(super) fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    /// Prepares a request for its conversion.
    ///
    /// # Errors
    ///
    /// Errors if reqwest does not accept the URL.
    pub(super) fn prepare(&self, mut request: Request<Bytes>) -> reqwest::Result<Prepared> {
        // Only transports that record read them.
        request.extensions_mut().remove::<Secrets>();
        // Extensions, which hooks may add, are only kept by reqwest's own conversion.
        let known = if request.extensions().is_empty() { self.find(request.uri()) } else { None };
        if let Some(target) = known {
            return Ok(Prepared { request: Form::Parts(request), target });
        }
        let uri = request.uri().clone();
        let converted = reqwest::Request::try_from(request)?;
        let target = Target { origin: self.lanes.origin(converted.url(), &uri), url: converted.url().clone().into() };
        self.keep(uri, target.clone());
        Ok(Prepared { request: Form::Converted(converted), target })
    }

    fn find(&self, uri: &Uri) -> Option<Target> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(known, _)| is_same(known, uri))?;
        kept[..=at].rotate_right(1);
        Some(kept[0].1.clone())
    }

    fn keep(&self, uri: Uri, target: Target) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _)| !is_same(known, &uri));
        kept.truncate(KEPT - 1);
        kept.insert(0, (uri, target));
    }
}

impl Prepared {
    /// The URL without a lane.
    pub(super) fn url(&self) -> Arc<Url> {
        self.target.url.clone()
    }

    pub(super) fn origin(&self) -> Arc<Origin> {
        self.target.origin.clone()
    }

    /// Converts the request, to be sent in this lane.
    pub(super) fn into_request(self, lane: &mut Lane) -> reqwest::Request {
        let url = lane.marked(&self.target.url);
        match self.request {
            Form::Converted(mut request) => {
                *request.url_mut() = url;
                request
            }
            Form::Parts(request) => {
                let (parts, body) = request.into_parts();
                let mut converted = reqwest::Request::new(parts.method, url);
                *converted.headers_mut() = parts.headers;
                *converted.version_mut() = parts.version;
                *converted.body_mut() = Some(body.into());
                converted
            }
        }
    }
}

/// Whether two URIs have the same text. This takes less time than their own comparison, which ignores the case of hosts.
fn is_same(one: &Uri, other: &Uri) -> bool {
    let [one_host, other_host] = [one, other].map(|uri| uri.authority().map(Authority::as_str));
    one.path_and_query() == other.path_and_query() && one_host == other_host && one.scheme() == other.scheme()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::reqwest::proxy::Proxies;

    fn targets() -> Targets {
        Targets::new(Lanes::new(false, Proxies::default()))
    }

    /// Without a lane.
    fn convert(targets: &Targets, request: Request<Bytes>) -> (reqwest::Request, Arc<Origin>) {
        let prepared = targets.prepare(request).unwrap();
        let origin = prepared.origin();
        let mut lane = origin.clone().enter();
        lane.abandon();
        (prepared.into_request(&mut lane), origin)
    }

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
        let targets = targets();
        let mut origins: Vec<Arc<Origin>> = Vec::new();
        for uri in ["http://127.0.0.1:5000/v1/chat", "https://Example.test/a?b=%20c", "http://user@example.test/"] {
            let expected = shown(&reqwest::Request::try_from(request(uri)).unwrap());
            for _ in 0..3 {
                let (converted, origin) = convert(&targets, request(uri));
                assert_eq!(shown(&converted), expected);
                origins.push(origin);
            }
        }
        let (_, other) = convert(&targets, request("http://127.0.0.1:5000/v1/models"));
        let is_same: Vec<bool> = origins.iter().map(|origin| Arc::ptr_eq(origin, &other)).collect();
        assert_eq!(is_same, [true, true, true, false, false, false, false, false, false]);
        assert!(targets.prepare(request("/no/host")).is_err());
    }

    #[test]
    fn extensions_of_hooks_take_the_conversion_of_reqwest() {
        let targets = targets();
        let uri = "http://example.test/";
        let mut extended = request(uri);
        extended.extensions_mut().insert(Secrets::default());
        targets.prepare(extended).unwrap();
        let mut extended = request(uri);
        extended.extensions_mut().insert(7_u8);
        let (converted, _) = convert(&targets, extended);
        assert_eq!(http::Request::<reqwest::Body>::try_from(converted).unwrap().extensions().get::<u8>(), Some(&7));
    }

    #[test]
    fn debug_shows_no_url() {
        let targets = targets();
        targets.prepare(request("http://user:geheim@example.test/?key=geheim")).unwrap();
        assert_eq!(format!("{targets:?}"), "Targets { .. }");
    }

    #[test]
    fn few_urls_are_kept() {
        let targets = targets();
        for n in 0..3 * KEPT {
            targets.prepare(request(&format!("http://example.test/{n}"))).unwrap();
        }
        let kept = targets.kept.lock().unwrap();
        let paths: Vec<&str> = kept.iter().map(|(uri, _)| uri.path()).collect();
        assert_eq!((paths.len(), paths[0]), (KEPT, &*format!("/{}", 3 * KEPT - 1)));
    }
}
