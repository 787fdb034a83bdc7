//! Where a call runs its hooks.

use std::any::Any;

use bytes::Bytes;
use http::Request;
use http::response::Parts;

use super::machine::Machine;
use crate::base::{Error, Result, Time};
use crate::protocol::hooks::{Hooks, View, Watch};
use crate::protocol::hub_token::with_token;

/// The hooks of a call that has not ended.
pub(super) struct Hooked {
    watch: Box<dyn Watch>,
    /// The latest time that the call received, for its drop.
    now: Time,
}

impl Hooked {
    pub(super) fn new(hooks: &Hooks) -> Option<Self> {
        Some(Hooked { watch: hooks.for_call()?, now: Time::default() })
    }
}

impl Machine {
    pub(super) fn notify_hooks(&mut self, now: Time) {
        if let Some(hooks) = &mut self.hooks {
            hooks.now = hooks.now.max(now);
        }
    }

    pub(super) fn hook_start(&mut self, now: Time) -> Result<()> {
        self.run_hooks(now, |hooks, view| hooks.start(view))
    }

    /// The request after the hooks.
    pub(super) fn hook_request(&mut self, now: Time, request: Request<Bytes>) -> Result<Request<Bytes>> {
        let Some(mut hooks) = self.hooks.take() else { return Ok(request) };
        let whole = request.body().clone();
        let shown = self.operation.shown.clone();
        let request = request.map(|body| shown.clone().unwrap_or(body));
        let request = hooks.watch.request(&self.view(now), request);
        self.hooks = Some(hooks);
        // Puts the token of a download back.
        Ok(match shown {
            Some(shown) => request?.map(|body| if body == shown { whole } else { with_token(body, &whole) }),
            None => request?,
        })
    }

    pub(super) fn hook_response(&mut self, now: Time, head: &mut Parts) -> Result<()> {
        self.run_hooks(now, |hooks, view| hooks.response(view, head))
    }

    pub(super) fn hook_item(&mut self, now: Time, item: &mut dyn Any) -> Result<()> {
        self.run_hooks(now, |hooks, view| hooks.item(view, item))
    }

    /// Runs the hooks at the end of an attempt.
    pub(super) fn hook_attempt(&mut self, now: Time, error: Option<&Error>) -> Result<()> {
        self.run_hooks(now, |hooks, view| hooks.attempt(view, error))
    }

    /// Runs the hooks at the end of the call, and drops them.
    pub(super) fn hook_outcome(&mut self, now: Time, error: Option<Error>) -> Option<Error> {
        let Some(mut hooks) = self.hooks.take() else { return error };
        let error = hooks.watch.outcome(&self.view(now), error);
        // A hook may have replaced the error.
        error.map(|error| self.placed(self.cleaned(self.answered(error))))
    }

    /// The hooks are taken out of the call while they run. If one panics, none is called again.
    fn run_hooks(&mut self, now: Time, run: impl FnOnce(&mut dyn Watch, &View<'_>) -> Result<()>) -> Result<()> {
        let Some(mut hooks) = self.hooks.take() else { return Ok(()) };
        let result = run(&mut *hooks.watch, &self.view(now));
        self.hooks = Some(hooks);
        result
    }

    fn view(&self, now: Time) -> View<'_> {
        View {
            now,
            method: &self.operation.method,
            path: &self.operation.path,
            model: self.want.model.as_deref(),
            body: self.operation.shown_body(),
            record: &self.record,
        }
    }
}

impl Drop for Machine {
    /// Runs the hooks of a call that was started and dropped before its end.
    fn drop(&mut self) {
        let Some(now) = self.hooks.as_ref().map(|hooks| hooks.now).filter(|_| self.record.started.is_some()) else {
            return;
        };
        let error = self.answered(Error::cancelled());
        // There is no caller that could receive the error of a hook.
        let _ = self.close(now, Some(&error));
        let error = self.placed(error);
        self.hook_outcome(now, Some(error));
    }
}
