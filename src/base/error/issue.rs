//! `ValidationIssue`: one entry of a 422 response.

use std::fmt;

use crate::base::extra::Extra;

/// One entry of a 422 response.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct ValidationIssue {
    /// The location in the request, outermost first, such as `body`, `messages`, `0`, `role` (wire: `loc`).
    pub location: Vec<String>,
    /// What is wrong (wire: `msg`).
    pub message: String,
    /// The server's name for the problem, such as `missing` (wire: `type`).
    pub kind: String,
    /// The rejected value, as JSON text cut at 1 KiB (wire: `input`). It can contain the prompt, so `Debug` omits it.
    pub input: Option<String>,
    /// Other fields, such as `ctx`.
    pub extra: Extra,
}

impl fmt::Debug for ValidationIssue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValidationIssue")
            .field("location", &self.location)
            .field("message", &self.message)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
