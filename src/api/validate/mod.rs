//! `validate()`: checks a request for everything that the server would reject, before it is sent.
//!
//! Never called automatically: servers differ, and overrides on the server can change the result.

mod load;
mod request;
mod sampling;

use std::fmt;
use std::ops::Deref;

use crate::base::{Error, ErrorCode, ErrorKind};

/// All problems of a request. Dereferences to a list of at least one [`Fault`].
///
/// ```
/// use tabbyapi::api::{CompletionRequest, Effect};
///
/// let request = CompletionRequest::new("Once").temperature(11.0).top_p(-1.0);
/// let faults = request.validate().unwrap_err();
/// assert_eq!(faults[0].field, "temperature");
/// assert_eq!(faults[0].effect, Effect::Refused);
/// assert_eq!(
///     faults.to_string(),
///     "the server would refuse or fail on this request: `temperature` is 11, but must be from 0 to 10; `top_p` is -1, but must \
///      be from 0 to 1"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

/// A problem of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// The path of the field in the request, by its name on the wire, such as `temperature` or `tools[0].function.parameters`.
    pub field: String,
    /// A description that follows the name of the field: `is 11, but must be from 0 to 10`.
    pub message: String,
    /// The effect on the server.
    pub effect: Effect,
}

/// The effect of a [`Fault`] on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Effect {
    /// The server rejects the request with a status from 400 to 422, or this library does because it cannot serialize it.
    Refused,
    /// The server does not check this, and fails: 500, 503, an error in the stream, or a stream that never ends.
    Fails,
    /// The effect depends on the version of the server or on the template of the model, or the server silently ignores the field.
    Warning,
}

impl Faults {
    /// Returns whether there are only warnings.
    pub fn only_warnings(&self) -> bool {
        self.0.iter().all(|fault| fault.effect == Effect::Warning)
    }

    /// Returns the faults as a list.
    pub fn into_vec(self) -> Vec<Fault> {
        self.0
    }
}

impl Deref for Faults {
    type Target = [Fault];
    fn deref(&self) -> &[Fault] {
        &self.0
    }
}

impl IntoIterator for Faults {
    type Item = Fault;
    type IntoIter = std::vec::IntoIter<Fault>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.field, self.message)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server would refuse or fail on this request: ")?;
        for (at, fault) in self.0.iter().enumerate() {
            write!(f, "{}{fault}", if at == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

impl From<Faults> for Error {
    /// Converts to an error of kind [`Encode`](ErrorKind::Encode) with code `invalid_request`, so that `request.validate()?` works.
    fn from(faults: Faults) -> Self {
        Error::new(ErrorKind::Encode, ErrorCode::InvalidRequest, faults.to_string()).with_source(faults)
    }
}

/// Collects faults.
#[derive(Default)]
struct Findings(Vec<Fault>);

impl Findings {
    fn add(&mut self, effect: Effect, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(Fault { field: field.into(), message: message.into(), effect });
    }

    fn result(self) -> Result<(), Faults> {
        if self.0.is_empty() { Ok(()) } else { Err(Faults(self.0)) }
    }
}
