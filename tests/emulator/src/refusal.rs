//! The server's error responses.

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::json::Json;
use crate::python;

/// The result of a handler.
pub(crate) type Outcome = Result<Response, Refusal>;

#[derive(Debug)]
pub(crate) enum Refusal {
    /// `{"detail":"TEXT"}`
    Detail(u16, String),
    /// `{"detail":[…]}`, 422
    Invalid(Vec<Invalid>),
    /// `{"error":{…,"code":"context_length_exceeded"}}`, 400
    ContextLength(String),
    /// A response that a script set.
    Scripted { status: u16, headers: Vec<(String, String)>, body: String },
    /// `Internal Server Error` in plain text
    Internal,
}

/// One entry of a validation error.
#[derive(Debug, Serialize)]
pub(crate) struct Invalid {
    pub(crate) r#type: &'static str,
    pub(crate) loc: Vec<Json>,
    pub(crate) msg: String,
    pub(crate) input: Json,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ctx: Option<Json>,
}

pub(crate) fn detail(status: u16, text: impl Into<String>) -> Refusal {
    Refusal::Detail(status, text.into())
}

/// Creates a JSON response with status 200.
pub(crate) fn json(value: &impl Serialize) -> Response {
    with_body(200, "application/json", python::compact(value))
}

pub(crate) fn with_body(status: u16, content_type: &'static str, body: Vec<u8>) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    response
}

#[derive(Serialize)]
struct DetailBody<T> {
    detail: T,
}

#[derive(Serialize)]
pub(crate) struct ErrorBody<T> {
    pub(crate) error: T,
}

#[derive(Serialize)]
struct ContextError {
    message: String,
    r#type: &'static str,
    param: (),
    code: &'static str,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let json = "application/json";
        match self {
            Refusal::Detail(status, detail) => with_body(status, json, python::compact(&DetailBody { detail })),
            // A value that is not valid JSON cannot be echoed: the server fails.
            Refusal::Invalid(errors) if errors.iter().any(|e| e.input.has_non_finite()) => {
                Refusal::Internal.into_response()
            }
            Refusal::Invalid(detail) => with_body(422, json, python::compact(&DetailBody { detail })),
            Refusal::ContextLength(message) => {
                let error = ContextError {
                    message,
                    r#type: "invalid_request_error",
                    param: (),
                    code: "context_length_exceeded",
                };
                with_body(400, json, python::compact(&ErrorBody { error }))
            }
            Refusal::Scripted { status, headers, body } => crate::front::plain(status, &headers, body.into_bytes()),
            Refusal::Internal => with_body(500, "text/plain; charset=utf-8", b"Internal Server Error".to_vec()),
        }
    }
}
