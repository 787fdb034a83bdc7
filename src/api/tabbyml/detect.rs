//! Which of the two servers that are called TabbyAPI is there.

use super::HealthState;
use crate::api::health::HealthReport;
use crate::base::{Error, ErrorKind, Result};

/// Which server answers at an address.
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

/// What `GET /v1/health` says of it; `None` if `GET /health` has to be asked, too. Errors if nothing was answered.
pub(crate) fn after_health(health: Result<&HealthState, Error>) -> Result<Option<ServerKind>> {
    match health {
        Ok(_) => Ok(Some(ServerKind::TabbyMl)),
        // Only this server refuses without a word; any other sends a body or says how to authenticate.
        Err(error) if is_silent_refusal(&error) => Ok(Some(ServerKind::TabbyMl)),
        Err(error) if error.status().is_some() => Ok(None),
        Err(error) => Err(error),
    }
}

/// What `GET /health` says of it. Errors if nothing was answered.
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
