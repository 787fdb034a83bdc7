//! Codes of status.

use std::fmt;

/// A code from 100 to 999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusCode(u16);

/// The number is no code.
#[derive(Debug)]
pub struct InvalidStatusCode;

impl StatusCode {
    pub const OK: StatusCode = StatusCode(200);
    pub const UNAUTHORIZED: StatusCode = StatusCode(401);
    pub const TOO_MANY_REQUESTS: StatusCode = StatusCode(429);
    pub const INTERNAL_SERVER_ERROR: StatusCode = StatusCode(500);
    pub const SERVICE_UNAVAILABLE: StatusCode = StatusCode(503);

    pub fn from_u16(code: u16) -> Result<Self, InvalidStatusCode> {
        match code {
            100..=999 => Ok(StatusCode(code)),
            _ => Err(InvalidStatusCode),
        }
    }

    pub fn as_u16(&self) -> u16 {
        self.0
    }

    pub fn is_success(&self) -> bool {
        self.0 / 100 == 2
    }

    pub fn is_redirection(&self) -> bool {
        self.0 / 100 == 3
    }

    pub fn is_client_error(&self) -> bool {
        self.0 / 100 == 4
    }

    pub fn is_server_error(&self) -> bool {
        self.0 / 100 == 5
    }
}

impl TryFrom<u16> for StatusCode {
    type Error = InvalidStatusCode;

    fn try_from(code: u16) -> Result<Self, InvalidStatusCode> {
        StatusCode::from_u16(code)
    }
}

impl PartialEq<u16> for StatusCode {
    fn eq(&self, other: &u16) -> bool {
        self.0 == *other
    }
}

impl Default for StatusCode {
    fn default() -> Self {
        StatusCode::OK
    }
}

impl fmt::Debug for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
