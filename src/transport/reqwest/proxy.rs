//! The proxies that reqwest takes from the environment: it does not say which one a connection was to go through.

use std::env;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

use crate::base::TransportError;

/// What the environment said when the client was built.
#[derive(Debug)]
pub(super) struct Proxies {
    /// Nothing if the builder has proxies of its own, or wants none.
    environment: Option<Matcher>,
    /// The variables that name proxies for `http` and for `https`.
    variables: [Option<&'static str>; 2],
}

impl Proxies {
    /// Of a client and its builder, as that showed itself: there is no other way to learn whether it looks at the environment.
    pub(super) fn of(builder: &str, client: &reqwest::Client) -> Self {
        let client = format!("{client:?}");
        let environment = !has_proxies(builder) && has_proxies(&client);
        Proxies {
            // By what reqwest itself reads it with.
            environment: environment.then(Matcher::from_system),
            variables: [["HTTP_PROXY", "http_proxy"], ["HTTPS_PROXY", "https_proxy"]].map(variable),
        }
    }

    /// The failure to connect to this address, as that of the proxy on the way to it, if there is one.
    pub(super) fn blamed(&self, failure: TransportError, uri: &Uri) -> TransportError {
        match self.environment.as_ref().and_then(|environment| environment.intercept(uri)) {
            // Certificates are the server's, in a tunnel that the proxy has made.
            Some(proxy) if !failure.is_about_certificate() => {
                let [http, https] = self.variables;
                let variable = if uri.scheme_str() == Some("https") { https } else { http };
                failure.through_proxy(address(proxy.uri()), variable)
            }
            _ => failure,
        }
    }
}

/// They come before the headers, whose values can be anything.
fn has_proxies(shown: &str) -> bool {
    shown.split("default_headers").next().is_some_and(|shown| shown.contains(" proxies: ["))
}

/// The variable that names the proxy: the first of its own that is set, unless nothing can be read in it.
fn variable(own: [&'static str; 2]) -> Option<&'static str> {
    let first = |names: [&'static str; 2]| names.into_iter().find_map(|name| Some((name, env::var(name).ok()?)));
    let names = [first(own), first(["ALL_PROXY", "all_proxy"])];
    let known = |value: &str| {
        Matcher::builder().all(value.to_owned()).build().intercept(&Uri::from_static("http://host")).is_some()
    };
    names.into_iter().flatten().find_map(|(name, value)| known(&value).then_some(name))
}

/// Without what is before the host.
fn address(proxy: &Uri) -> String {
    let (host, port) = (proxy.host().unwrap_or_default(), proxy.port());
    let scheme = proxy.scheme_str().unwrap_or("http");
    port.map_or_else(|| format!("{scheme}://{host}"), |port| format!("{scheme}://{host}:{port}"))
}
