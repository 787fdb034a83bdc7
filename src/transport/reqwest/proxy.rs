//! The proxies that reqwest takes from the environment. reqwest does not report which one a connection uses.

use std::env;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

use crate::base::TransportError;

/// The environment when the client was built.
#[derive(Debug, Default)]
pub(super) struct Proxies {
    /// Whether the builder has its own proxies.
    own: bool,
    /// None if the builder has its own proxies, or disables them.
    environment: Option<Matcher>,
    /// The variables that name proxies for `http` and for `https`.
    variables: [Option<&'static str>; 2],
}

impl Proxies {
    /// Reads both from the `Debug` of the client and its builder, since there is no other way.
    pub(super) fn of(builder: &str, client: &reqwest::Client) -> Self {
        let client = format!("{client:?}");
        let own = has_proxies(builder);
        let environment = !own && has_proxies(&client);
        Proxies {
            own,
            // Reads the environment with the same crate as reqwest.
            environment: environment.then(Matcher::from_system),
            variables: [["HTTP_PROXY", "http_proxy"], ["HTTPS_PROXY", "https_proxy"]].map(variable),
        }
    }

    /// Whether a connection to this address may use a proxy.
    pub(super) fn may_apply(&self, uri: &Uri) -> bool {
        self.own || self.environment.as_ref().is_some_and(|environment| environment.intercept(uri).is_some())
    }

    /// Converts a failure to connect to this address into one of the proxy, if there is one.
    pub(super) fn blamed(&self, failure: TransportError, uri: &Uri) -> TransportError {
        match self.environment.as_ref().and_then(|environment| environment.intercept(uri)) {
            // Certificates belong to the server, at the end of a tunnel through the proxy.
            Some(proxy) if !failure.is_about_certificate() => {
                let [http, https] = self.variables;
                let variable = if uri.scheme_str() == Some("https") { https } else { http };
                failure.through_proxy(address(proxy.uri()), variable)
            }
            _ => failure,
        }
    }
}

/// They precede the headers, which can have any value.
fn has_proxies(shown: &str) -> bool {
    shown.split("default_headers").next().is_some_and(|shown| shown.contains(" proxies: ["))
}

/// The variable that names the proxy: the first one that is set, unless it cannot be parsed.
fn variable(own: [&'static str; 2]) -> Option<&'static str> {
    let first = |names: [&'static str; 2]| names.into_iter().find_map(|name| Some((name, env::var(name).ok()?)));
    let names = [first(own), first(["ALL_PROXY", "all_proxy"])];
    let known = |value: &str| {
        Matcher::builder().all(value.to_owned()).build().intercept(&Uri::from_static("http://host")).is_some()
    };
    names.into_iter().flatten().find_map(|(name, value)| known(&value).then_some(name))
}

/// The address without user information.
fn address(proxy: &Uri) -> String {
    let (host, port) = (proxy.host().unwrap_or_default(), proxy.port());
    let scheme = proxy.scheme_str().unwrap_or("http");
    port.map_or_else(|| format!("{scheme}://{host}"), |port| format!("{scheme}://{host}:{port}"))
}
