//! Requests and answers: heads with bodies.

use std::fmt::Debug;

use crate::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

/// A request.
#[derive(Clone, Debug)]
pub struct Request<T> {
    head: request::Parts,
    body: T,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response<T> {
    head: response::Parts,
    body: T,
}

/// The head of a request.
pub mod request {
    use super::{HeaderMap, Method, Uri};

    #[derive(Clone, Debug)]
    #[non_exhaustive]
    pub struct Parts {
        pub method: Method,
        pub uri: Uri,
        pub headers: HeaderMap,
    }
}

/// The head of an answer.
pub mod response {
    use super::{HeaderMap, StatusCode};

    pub use super::Builder;

    #[derive(Clone, Debug, Default)]
    #[non_exhaustive]
    pub struct Parts {
        pub status: StatusCode,
        pub headers: HeaderMap,
    }
}

impl<T> Request<T> {
    pub fn new(body: T) -> Self {
        Request { head: request::Parts { method: Method::GET, uri: Uri::default(), headers: HeaderMap::new() }, body }
    }

    pub fn from_parts(head: request::Parts, body: T) -> Self {
        Request { head, body }
    }

    pub fn into_parts(self) -> (request::Parts, T) {
        (self.head, self.body)
    }

    pub fn method(&self) -> &Method {
        &self.head.method
    }

    pub fn method_mut(&mut self) -> &mut Method {
        &mut self.head.method
    }

    pub fn uri(&self) -> &Uri {
        &self.head.uri
    }

    pub fn uri_mut(&mut self) -> &mut Uri {
        &mut self.head.uri
    }

    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.head.headers
    }

    pub fn body(&self) -> &T {
        &self.body
    }

    pub fn body_mut(&mut self) -> &mut T {
        &mut self.body
    }

    pub fn into_body(self) -> T {
        self.body
    }
}

impl Response<()> {
    pub fn builder() -> Builder {
        Builder(Ok(response::Parts::default()))
    }
}

impl<T> Response<T> {
    pub fn new(body: T) -> Self {
        Response { head: response::Parts::default(), body }
    }

    pub fn from_parts(head: response::Parts, body: T) -> Self {
        Response { head, body }
    }

    pub fn into_parts(self) -> (response::Parts, T) {
        (self.head, self.body)
    }

    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Response<U> {
        Response { head: self.head, body: change(self.body) }
    }

    pub fn status(&self) -> StatusCode {
        self.head.status
    }

    pub fn status_mut(&mut self) -> &mut StatusCode {
        &mut self.head.status
    }

    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.head.headers
    }

    pub fn body(&self) -> &T {
        &self.body
    }

    pub fn into_body(self) -> T {
        self.body
    }
}

/// An answer in the making, with the first part that could be none.
#[derive(Debug)]
pub struct Builder(Result<response::Parts, String>);

impl Builder {
    pub fn status<S: TryInto<StatusCode, Error: Debug>>(self, status: S) -> Self {
        self.with(|head| {
            head.status = status.try_into().map_err(|error| format!("{error:?}"))?;
            Ok(())
        })
    }

    pub fn header<N, V>(self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName, Error: Debug>,
        V: TryInto<HeaderValue, Error: Debug>,
    {
        self.with(|head| {
            let name = name.try_into().map_err(|error| format!("{error:?}"))?;
            let value = value.try_into().map_err(|error| format!("{error:?}"))?;
            head.headers.append(name, value);
            Ok(())
        })
    }

    pub fn body<T>(self, body: T) -> Result<Response<T>, String> {
        self.0.map(|head| Response { head, body })
    }

    fn with(self, change: impl FnOnce(&mut response::Parts) -> Result<(), String>) -> Self {
        Builder(self.0.and_then(|mut head| change(&mut head).map(|()| head)))
    }
}
