//! All hooks of one call, in order.

use std::any::Any;

use bytes::Bytes;
use http::Request;
use http::response::Parts;

use super::outgoing::{put_back, take_secrets};
use super::{Hook, Outgoing, View};
use crate::base::{Error, MaybeSend, Result};

/// All hooks of a call, as one.
pub(crate) trait Watch: MaybeSend {
    fn start(&mut self, view: &View<'_>) -> Result<()>;
    /// The request after the hooks. They do not see the secrets in it.
    fn request(&mut self, view: &View<'_>, request: Request<Bytes>) -> Result<Request<Bytes>>;
    fn response(&mut self, view: &View<'_>, head: &mut Parts) -> Result<()>;
    fn item(&mut self, view: &View<'_>, item: &mut dyn Any) -> Result<()>;
    /// Runs at the end of the last attempt of the record.
    fn attempt(&mut self, view: &View<'_>, error: Option<&Error>) -> Result<()>;
    /// Runs all hooks. Each receives the error that the previous one left.
    fn outcome(&mut self, view: &View<'_>, error: Option<Error>) -> Option<Error>;
}

pub(super) struct Watched(pub(super) Vec<Box<dyn Hook>>);

impl Watch for Watched {
    fn start(&mut self, view: &View<'_>) -> Result<()> {
        self.0.iter_mut().try_for_each(|hook| hook.start(view))
    }

    fn request(&mut self, view: &View<'_>, request: Request<Bytes>) -> Result<Request<Bytes>> {
        let (mut head, mut body) = request.into_parts();
        let secrets = take_secrets(&mut head.headers);
        self.0.iter_mut().try_for_each(|hook| {
            let (method, uri, headers) = (&head.method, &head.uri, &mut head.headers);
            hook.request(view, &mut Outgoing { method, uri, headers, body: &mut body })
        })?;
        put_back(&mut head.headers, secrets);
        Ok(Request::from_parts(head, body))
    }

    fn response(&mut self, view: &View<'_>, head: &mut Parts) -> Result<()> {
        self.0.iter_mut().rev().try_for_each(|hook| hook.response(view, head))
    }

    fn item(&mut self, view: &View<'_>, item: &mut dyn Any) -> Result<()> {
        self.0.iter_mut().rev().try_for_each(|hook| hook.item(view, item))
    }

    fn attempt(&mut self, view: &View<'_>, error: Option<&Error>) -> Result<()> {
        match view.record.attempts.last() {
            Some(attempt) => self.0.iter_mut().rev().try_for_each(|hook| hook.attempt(view, attempt, error)),
            None => Ok(()),
        }
    }

    fn outcome(&mut self, view: &View<'_>, mut error: Option<Error>) -> Option<Error> {
        for hook in self.0.iter_mut().rev() {
            if let Err(other) = hook.outcome(view, error.as_mut()) {
                error = Some(other);
            }
        }
        error
    }
}
