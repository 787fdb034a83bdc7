//! Detects which of the two servers called TabbyAPI is at an address.

use super::HealthState;
use crate::api::health::HealthReport;
use crate::base::{Error, ErrorKind, Result};

/// The server at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ServerKind {
    /// TabbyML/tabby, the self-hosted coding assistant: use [`tabbyml::Client`](crate::tabbyml::Client).
    TabbyMl,
    /// theroyallab/tabbyAPI, the server for ExLlama models: use [`tabbyapi::Client`](crate::Client).
    TabbyApi,
    /// Something else.
    Other,
}

/// Interprets the response to `GET /v1/health`. `None` if `GET /health` is needed, too. Errors if there was no response.
pub(crate) fn after_health(health: Result<&HealthState, Error>) -> Result<Option<ServerKind>> {
    match health {
        Ok(_) => Ok(Some(ServerKind::TabbyMl)),
        // Only this server rejects a request with neither a body nor a `WWW-Authenticate` header.
        Err(error) if is_silent_refusal(&error) => Ok(Some(ServerKind::TabbyMl)),
        Err(error) if error.status().is_some() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Interprets the response to `GET /health`. Errors if there was no response.
pub(crate) fn after_tabbyapi(health: Result<&HealthReport, Error>) -> Result<ServerKind> {
    match health {
        Ok(_) => Ok(ServerKind::TabbyApi),
        Err(error) if error.status().is_some() => Ok(ServerKind::Other),
        Err(error) => Err(error),
    }
}

fn is_silent_refusal(error: &Error) -> bool {
    let header = |name| error.headers().is_some_and(|headers| headers.contains_key(name));
    error.kind() == ErrorKind::Server
        && error.status().is_some_and(|status| status == 401)
        && error.body().is_none_or(|body| body.is_empty())
        && !header(http::header::WWW_AUTHENTICATE)
        && !header(http::header::CONTENT_TYPE)
}
