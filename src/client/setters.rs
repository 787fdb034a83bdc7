//! The setters of all builders that wrap the async one.

/// Setters that call those of the inner builder; `all` lists the setters that every builder has.
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
        crate::client::setters::setters! {
            /// Adds a header to every request.
            header(name: &str, value: &str);
            /// Adds a header that carries a secret, such as a gateway's `Authorization`, to every request. It is redacted like a
            /// key.
            sensitive_header(name: &str, value: &str);
            /// Adds a field to every JSON body that does not have it already.
            extra(name: impl Into<String>, value: impl Into<crate::base::OrderedJson>);
            /// Sets the timeouts, by kind of work.
            timeout_policy(timeout_policy: crate::base::TimeoutPolicy);
            /// Sets the time limit for a whole call, with its retries and waits. The other timeouts still apply. See
            /// [`Options::total`](crate::Options::total).
            total(limit: std::time::Duration);
            /// Sets how long a caller waits: until the first item, connecting and retries included, then during each silence of a
            /// stream. Whole responses and downloads are limited until their end. See
            /// [`Options::timeout`](crate::Options::timeout).
            timeout(limit: std::time::Duration);
            /// Sets the time limit for opening a connection; 10 s by default. It applies to the transport that `build` creates.
            connect_timeout(limit: std::time::Duration);
            /// Sets the caps on what is accepted.
            limits(limits: crate::base::Limits);
            /// Sets when a failed call is retried; [`Retry::GENTLE`](crate::policy::Retry::GENTLE) by default.
            retry(retry: crate::protocol::policy::Retry);
            /// Sets a custom retry policy.
            retry_policy(policy: impl crate::protocol::policy::RetryPolicy + 'static);
            /// Sets how many retries all calls may make together; [`RetryBudget::GENTLE`](crate::policy::RetryBudget::GENTLE) by default.
            retry_budget(budget: crate::protocol::policy::RetryBudget);
            /// Adds a server. Calls are load-balanced and fail over between servers; see [`policy`](crate::policy).
            server(server: crate::protocol::policy::Server);
            /// Sets how calls are spread over several servers; [`Balance::LeastInFlight`](crate::policy::Balance::LeastInFlight) by default.
            balance(balance: crate::protocol::policy::Balance);
            /// Sets the circuit breaker, which pauses calls to a server that keeps failing; off by default.
            breaker(breaker: crate::protocol::policy::Breaker);
            /// Limits the rate of calls to each server; off by default.
            rate_limit(limit: crate::protocol::policy::RateLimit);
            /// Limits the number of concurrent calls to each server; off by default.
            concurrency(limit: crate::protocol::policy::Concurrency);
            /// Sets how long before its expiry a key is renewed; 10 s by default.
            key_skew(skew: std::time::Duration);
            /// Adds a hook to all calls, after the hooks added before; see [`hooks`](crate::hooks).
            hook(hook: impl crate::protocol::hooks::Hook + Clone + crate::base::MaybeSync);
            /// Applies all settings of these options.
            options(options: crate::protocol::Options);
        }
    };
}
pub(crate) use setters;
