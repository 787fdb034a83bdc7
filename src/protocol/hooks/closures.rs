//! Hooks from closures, for one point of a call each.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use http::response::Parts;

use super::{Hook, Outgoing, View};
use crate::base::{Error, MaybeSend, MaybeSync, Result};

/// Calls a closure before each attempt is sent. See [`Hook::request`].
pub fn on_request<F>(call: F) -> OnRequest<F>
where
    F: Fn(&View<'_>, &mut Outgoing<'_>) -> Result<()> + MaybeSend + MaybeSync + 'static,
{
    OnRequest(Arc::new(call))
}

/// Calls a closure when the head of a response arrives. See [`Hook::response`].
pub fn on_response<F>(call: F) -> OnResponse<F>
where
    F: Fn(&View<'_>, &mut Parts) -> Result<()> + MaybeSend + MaybeSync + 'static,
{
    OnResponse(Arc::new(call))
}

/// Calls a closure before each item of one type is returned, such as [`ChatChunk`](crate::api::ChatChunk). See [`Hook::item`].
pub fn on_item<T, F>(call: F) -> OnItem<T, F>
where
    T: 'static,
    F: Fn(&View<'_>, &mut T) -> Result<()> + MaybeSend + MaybeSync + 'static,
{
    OnItem(Arc::new(call), PhantomData)
}

/// Calls a closure at the end of a call. See [`Hook::outcome`].
pub fn on_outcome<F>(call: F) -> OnOutcome<F>
where
    F: Fn(&View<'_>, Option<&mut Error>) -> Result<()> + MaybeSend + MaybeSync + 'static,
{
    OnOutcome(Arc::new(call))
}

/// The hook of [`on_request`].
pub struct OnRequest<F>(Arc<F>);

/// The hook of [`on_response`].
pub struct OnResponse<F>(Arc<F>);

/// The hook of [`on_item`].
pub struct OnItem<T, F>(Arc<F>, PhantomData<fn(&mut T)>);

/// The hook of [`on_outcome`].
pub struct OnOutcome<F>(Arc<F>);

impl<F> Hook for OnRequest<F>
where
    F: Fn(&View<'_>, &mut Outgoing<'_>) -> Result<()> + MaybeSend + MaybeSync + 'static,
{
    fn request(&mut self, call: &View<'_>, request: &mut Outgoing<'_>) -> Result<()> {
        (self.0)(call, request)
    }
}

impl<F> Hook for OnResponse<F>
where
    F: Fn(&View<'_>, &mut Parts) -> Result<()> + MaybeSend + MaybeSync + 'static,
{
    fn response(&mut self, call: &View<'_>, head: &mut Parts) -> Result<()> {
        (self.0)(call, head)
    }
}

impl<T: 'static, F> Hook for OnItem<T, F>
where
    F: Fn(&View<'_>, &mut T) -> Result<()> + MaybeSend + MaybeSync + 'static,
{
    fn item(&mut self, call: &View<'_>, item: &mut dyn Any) -> Result<()> {
        match item.downcast_mut() {
            Some(item) => (self.0)(call, item),
            None => Ok(()),
        }
    }
}

impl<F> Hook for OnOutcome<F>
where
    F: Fn(&View<'_>, Option<&mut Error>) -> Result<()> + MaybeSend + MaybeSync + 'static,
{
    fn outcome(&mut self, call: &View<'_>, error: Option<&mut Error>) -> Result<()> {
        (self.0)(call, error)
    }
}

// Derives would require closures that implement `Clone` and `Debug`.
macro_rules! shared {
    ($($name:ident),*) => {$(
        impl<F> Clone for $name<F> {
            fn clone(&self) -> Self {
                $name(self.0.clone())
            }
        }

        impl<F> fmt::Debug for $name<F> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    )*};
}

shared!(OnRequest, OnResponse, OnOutcome);

impl<T, F> Clone for OnItem<T, F> {
    fn clone(&self) -> Self {
        OnItem(self.0.clone(), PhantomData)
    }
}

impl<T, F> fmt::Debug for OnItem<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OnItem<{}>", std::any::type_name::<T>())
    }
}
