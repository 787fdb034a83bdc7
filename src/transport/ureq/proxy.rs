//! The proxy of a connection, for error messages.

use std::env;

use ::ureq::config::Config;
use ::ureq::{Error, Proxy};
use http::Uri;

/// The address of the proxy for this address, without user information, if the error is a failure to connect.
pub(super) fn of(config: &Config, uri: &Uri, error: &Error) -> Option<String> {
    let proxy = config.proxy().filter(|proxy| !proxy.is_no_proxy(uri))?;
    let connecting = matches!(
        error,
        Error::Io(_) | Error::HostNotFound | Error::ConnectionFailed | Error::ConnectProxyFailed(_) | Error::Timeout(_)
    );
    let scheme = proxy.uri().scheme_str().unwrap_or("http");
    connecting.then(|| format!("{scheme}://{}:{}", proxy.host(), proxy.port()))
}

/// The variable that sets this proxy, in ureq's order, regardless of the scheme of the server.
pub(super) fn variable(proxy: &Proxy) -> Option<&'static str> {
    let all = ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];
    let names = |name: &&str| env::var(name).is_ok_and(|value| Proxy::new(&value).is_ok());
    all.into_iter().find(names).filter(|_| proxy.is_from_env())
}
