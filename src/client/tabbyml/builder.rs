//! The builders: those of the crate's clients, with the tokens of this server in place of keys.

use super::Client;
use crate::base::Result;
use crate::client::client;
use crate::protocol::auth::KeySource;
use crate::transport::Transport;

/// Builds a [`Client`]. Mistakes are reported by `build` or [`build_with`](ClientBuilder::build_with).
#[derive(Debug)]
#[must_use]
pub struct ClientBuilder(client::ClientBuilder);

/// The setters of both builders, which call those of the builder that they wrap.
macro_rules! setters {
    ($($(#[$meta:meta])* $name:ident($($arg:ident: $type:ty),*);)*) => {
        $(
            $(#[$meta])*
            pub fn $name(self, $($arg: $type),*) -> Self {
                ClientBuilder(self.0.$name($($arg),*))
            }
        )*
    };
    (all) => {
        crate::client::tabbyml::builder::setters! {
            /// Adds a header to every request.
            header(name: &str, value: &str);
            /// Adds a header that carries a secret, such as a gateway's, to every request; it is redacted like a token.
            sensitive_header(name: &str, value: &str);
            /// Adds a field to every JSON body that does not have it already.
            extra(name: impl Into<String>, value: impl Into<crate::base::OrderedJson>);
            /// Sets the deadlines, by kind of work.
            timeout_policy(timeout_policy: crate::base::TimeoutPolicy);
            /// Sets how long a whole call may take, with its retries and waits. See [`Options::total`](crate::Options::total).
            total(limit: std::time::Duration);
            /// Sets how long a call may keep its caller waiting. See [`Options::timeout`](crate::Options::timeout).
            timeout(limit: std::time::Duration);
            /// Sets how long opening a connection may take; 10 s by default. It holds for the transport that `build` makes.
            connect_timeout(limit: std::time::Duration);
            /// Sets the caps on what is accepted.
            limits(limits: crate::base::Limits);
            /// Sets when a failed call is tried again; [`Retry::GENTLE`](crate::policy::Retry::GENTLE) by default.
            retry(retry: crate::protocol::policy::Retry);
            /// Sets what decides in its place when a failed call is tried again.
            retry_policy(policy: impl crate::protocol::policy::RetryPolicy + 'static);
            /// Sets how many retries all calls may make together; [`RetryBudget::GENTLE`](crate::policy::RetryBudget::GENTLE) by default.
            retry_budget(budget: crate::protocol::policy::RetryBudget);
            /// Adds a server. Calls are load-balanced and fail over between servers; see [`policy`](crate::policy). Its tokens are
            /// [`Server::bearer`](crate::policy::Server::bearer) and
            /// [`Server::registration_token`](crate::policy::Server::registration_token).
            server(server: crate::protocol::policy::Server);
            /// Sets how calls are spread over several servers;
            /// [`Balance::LeastInFlight`](crate::policy::Balance::LeastInFlight) by default.
            balance(balance: crate::protocol::policy::Balance);
            /// Sets when a server that keeps failing is left out; off by default.
            breaker(breaker: crate::protocol::policy::Breaker);
            /// Sets how much is sent to each server in a time; off by default. [`RATE_LIMIT`](crate::tabbyml::RATE_LIMIT) is what the
            /// server allows to each user.
            rate_limit(limit: crate::protocol::policy::RateLimit);
            /// Sets how many calls run at each server at a time; off by default.
            concurrency(limit: crate::protocol::policy::Concurrency);
            /// Sets how long before it expires a token is asked for again; 10 s by default.
            key_skew(skew: std::time::Duration);
            /// Adds a hook to all calls, after those that are there; see [`hooks`](crate::hooks).
            hook(hook: impl crate::protocol::hooks::Hook + Clone + crate::base::MaybeSync);
            /// Sets whatever these options set.
            options(options: crate::protocol::Options);
        }
    };
}
pub(super) use setters;

impl ClientBuilder {
    pub(super) fn new(inner: client::ClientBuilder) -> Self {
        ClientBuilder(inner)
    }

    /// Sets the token of a user (wire: `Authorization: Bearer`), which the server's home page shows; or an access token of
    /// [`sign_in`](crate::tabbyml::services::GraphQl::sign_in). A blank one is unset. Servers without accounts ignore it.
    pub fn token(self, token: impl AsRef<str>) -> Self {
        ClientBuilder(self.0.bearer(token))
    }

    /// Sets the registration token, which ingestion requires and which is sent for nothing else. A blank one is unset.
    pub fn registration_token(self, token: impl AsRef<str>) -> Self {
        ClientBuilder(self.0.registration_token(token.as_ref()))
    }

    /// Sets what the server logs as the client, such as `my-editor/1.2` (wire: `User-Agent`). Browsers send their own.
    pub fn user_agent(self, agent: &str) -> Self {
        self.header("user-agent", agent)
    }

    /// Sets where tokens come from, in place of fixed ones: asked once for all calls, kept until they expire, and asked again after a 401,
    /// upon which the request is sent once more. [`Scope::Api`](crate::Scope::Api) is the token of a user,
    /// [`Scope::Admin`](crate::Scope::Admin) the registration token; both are [`Credential::bearer`](crate::auth::Credential::bearer).
    pub fn key_source(self, source: impl KeySource + 'static) -> Self {
        ClientBuilder(self.0.key_source(source))
    }

    setters!(all);

    /// Returns the client, on reqwest. Errors of kind [`Config`](crate::ErrorKind::Config) say what cannot work.
    #[cfg(all(feature = "reqwest", not(target_arch = "wasm32")))]
    pub fn build(self) -> Result<Client> {
        self.0.build().map(|inner| Client { inner })
    }

    /// Returns the client, on the host's `fetch`. Errors of kind [`Config`](crate::ErrorKind::Config) say what cannot work.
    #[cfg(all(feature = "fetch", target_arch = "wasm32"))]
    pub fn build(self) -> Result<Client> {
        self.0.build().map(|inner| Client { inner })
    }

    /// Returns the client, on a transport of your choice.
    pub fn build_with(self, transport: impl Transport) -> Result<Client> {
        self.0.build_with(transport).map(|inner| Client { inner })
    }

    #[cfg(all(feature = "blocking", not(target_arch = "wasm32")))]
    pub(super) fn into_inner(self) -> client::ClientBuilder {
        self.0
    }
}
