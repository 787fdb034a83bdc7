//! Where a call calls its hooks. A call without any only looks whether there are some.

use std::any::Any;

use bytes::Bytes;
use http::Request;
use http::response::Parts;

use super::{Call, Time};
use crate::decode::Decode;
use crate::hooks::{Hook, Hooks, Outgoing, View, put_back, take_secrets};
use crate::{Error, Result};

/// The hooks of one call that is not over.
pub(super) struct Hooked {
    list: Box<[Box<dyn Hook>]>,
    /// The latest time that the call was told: dropping it tells none.
    now: Time,
}

impl Hooked {
    pub(super) fn new(hooks: &Hooks) -> Option<Self> {
        Some(Hooked { list: hooks.for_call()?, now: Time::default() })
    }
}

impl<D: Decode> Call<D> {
    pub(super) fn tell_hooks(&mut self, now: Time) {
        if let Some(hooks) = &mut self.hooks {
            hooks.now = hooks.now.max(now);
        }
    }

    pub(super) fn hook_start(&mut self, now: Time) -> Result<()> {
        self.run_hooks(now, |hooks, view| hooks.iter_mut().try_for_each(|hook| hook.start(view)))
    }

    /// The request as the hooks want it. They do not get to see the secrets in it.
    pub(super) fn hook_request(&mut self, now: Time, request: Request<Bytes>) -> Result<Request<Bytes>> {
        if self.hooks.is_none() {
            return Ok(request);
        }
        let (mut head, mut body) = request.into_parts();
        let secrets = take_secrets(&mut head.headers);
        self.run_hooks(now, |hooks, view| {
            hooks.iter_mut().try_for_each(|hook| {
                let (method, uri, headers) = (&head.method, &head.uri, &mut head.headers);
                hook.request(view, &mut Outgoing { method, uri, headers, body: &mut body })
            })
        })?;
        put_back(&mut head.headers, secrets);
        Ok(Request::from_parts(head, body))
    }

    pub(super) fn hook_response(&mut self, now: Time, head: &mut Parts) -> Result<()> {
        self.run_hooks(now, |hooks, view| hooks.iter_mut().rev().try_for_each(|hook| hook.response(view, head)))
    }

    pub(super) fn hook_item(&mut self, now: Time, item: &mut dyn Any) -> Result<()> {
        self.run_hooks(now, |hooks, view| hooks.iter_mut().rev().try_for_each(|hook| hook.item(view, item)))
    }

    /// The last attempt of the record is over.
    pub(super) fn hook_attempt(&mut self, now: Time, error: Option<&Error>) -> Result<()> {
        self.run_hooks(now, |hooks, view| match view.record.attempts.last() {
            Some(attempt) => hooks.iter_mut().rev().try_for_each(|hook| hook.attempt(view, attempt, error)),
            None => Ok(()),
        })
    }

    /// The call is over, and so are its hooks. All of them hear it, each what the ones before made of it.
    pub(super) fn hook_outcome(&mut self, now: Time, mut error: Option<Error>) -> Option<Error> {
        let Some(mut hooks) = self.hooks.take() else { return error };
        let view = self.view(now);
        for hook in hooks.list.iter_mut().rev() {
            if let Err(other) = hook.outcome(&view, error.as_mut()) {
                error = Some(other);
            }
        }
        // It may be another one by now.
        error.map(|error| self.placed(self.answered(error)))
    }

    /// The hooks are out of the call while they run: if one panics, none is called again.
    fn run_hooks(&mut self, now: Time, run: impl FnOnce(&mut [Box<dyn Hook>], &View<'_>) -> Result<()>) -> Result<()> {
        let Some(mut hooks) = self.hooks.take() else { return Ok(()) };
        let result = run(&mut hooks.list, &self.view(now));
        self.hooks = Some(hooks);
        result
    }

    fn view(&self, now: Time) -> View<'_> {
        View {
            now,
            method: &self.operation.method,
            path: &self.operation.path,
            model: self.want.model.as_deref(),
            body: self.operation.body.as_ref(),
            record: &self.record,
        }
    }
}

impl<D: Decode> Drop for Call<D> {
    /// Tells the hooks of a call that was begun and not brought to its end.
    fn drop(&mut self) {
        let Some(now) = self.hooks.as_ref().map(|hooks| hooks.now).filter(|_| self.record.started.is_some()) else {
            return;
        };
        let error = self.answered(Error::cancelled());
        // Nobody is left to be told of a veto.
        let _ = self.close(now, Some(&error));
        let error = self.placed(error);
        self.hook_outcome(now, Some(error));
    }
}
