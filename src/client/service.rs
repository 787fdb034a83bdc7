//! `Client` as a `tower_service::Service`, whose requests are endpoints.

use std::task::{Context, Poll};

use tower_service::Service;

use crate::base::{Error, Result};
use crate::client::client::Client;
use crate::client::response::{Response, ResponseFuture};
use crate::decode::{Decode, Whole};
use crate::protocol::Endpoint;

/// Calls endpoints as a tower service, for middleware such as balancers, limits and timeouts.
///
/// ```
/// use tabbyapi::api::GetPermission;
/// use tabbyapi::transport::script::{Reply, Script};
/// use tower::{ServiceBuilder, ServiceExt};
///
/// # futures::executor::block_on(async {
/// let script = Script::new([Reply::json(200, r#"{"permission": "api"}"#)]);
/// let client = tabbyapi::Client::builder("http://tabby.test").build_with(script)?;
///
/// let service = ServiceBuilder::new().concurrency_limit(4).service(client);
/// let answer = service.oneshot(GetPermission).await?;
/// assert_eq!(answer.permission, "api");
/// # Ok::<(), tabbyapi::Error>(())
/// # }).unwrap();
/// ```
///
/// It is always ready: the client's own [policies](crate::policy) delay a call when it is awaited. Its futures are calls: nothing
/// is sent before they are polled, and dropping one cancels it. Responses are whole. For streams, place the layers below the
/// client, with [`transport::Tower`](crate::transport::Tower).
///
/// A layer that repeats a request does not know whether that is safe, but the client does: leave retries to it.
impl<E> Service<E> for Client
where
    E: Endpoint,
    E::Decoder: Whole,
{
    type Response = Response<<E::Decoder as Decode>::Item>;
    type Error = Error;
    type Future = ResponseFuture<<E::Decoder as Decode>::Item>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, endpoint: E) -> Self::Future {
        Client::call(self, &endpoint)
    }
}
