//! `Options`: settings of a client that calls can override.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::base::secrets::{mark, secret_value};
use crate::base::{BaseUrl, Error, Extra, Limits, MaybeSync, OrderedJson, Result, Secrets, TimeoutPolicy, Timeouts};
use crate::protocol::hooks::{Hook, Hooks};
use crate::protocol::policy::{Retry, RetryPolicy};

/// Settings of a client that a call may override: headers, extra body fields, deadlines, caps, retries.
///
/// Set them for a client with [`ClientBuilder::options`](crate::ClientBuilder::options), and override them for some calls with
/// [`Client::with`](crate::Client::with).
///
/// ```
/// use std::time::Duration;
/// use tabbyapi::{Options, Timeouts};
///
/// let options = Options::new()
///     .header("x-team", "search")?
///     .extra("user", "u-17")
///     .timeouts(Timeouts::STREAM.idle(Duration::from_secs(20)));
/// # assert!(options.timeouts.is_some());
/// # Ok::<(), tabbyapi::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// Headers of every request.
    pub headers: HeaderMap,
    /// The header that the [id of a call](crate::call::Record::id) is sent in; not sent by default.
    pub correlation_header: Option<HeaderName>,
    /// Fields that are added to every JSON body that does not have them.
    pub extra: Extra,
    /// Timeouts by kind of work.
    pub timeout_policy: Option<TimeoutPolicy>,
    /// Timeouts that replace those of the policy, for any kind of work.
    pub timeouts: Option<Timeouts>,
    /// The time limit for a whole call, which replaces that of the timeouts.
    pub total: Option<Duration>,
    /// The longest wait for the next data, which replaces those of the timeouts; see [`Options::timeout`].
    pub timeout: Option<Duration>,
    /// Caps on what is accepted.
    pub limits: Option<Limits>,
    /// When a failed call is retried.
    pub retry: Option<Retry>,
    /// A custom policy, instead of `retry`.
    pub retry_policy: Option<Arc<dyn RetryPolicy>>,
    /// Whether calls send the admin key or the API key if both are accepted. See [`Options::prefer_admin_key`].
    pub prefer_admin_key: Option<bool>,
    /// The only server of the client to which calls are sent.
    pub server: Option<BaseUrl>,
    /// Hooks of the calls. Overriding adds to them.
    pub hooks: Hooks,
    /// Secrets to redact, besides keys and sensitive headers. Overriding adds to them.
    pub(crate) secrets: Secrets,
}

/// The retry policy of a call. The library's own is not boxed.
#[derive(Clone, Debug)]
pub(crate) enum Retrying {
    Own(Retry),
    Custom(Arc<dyn RetryPolicy>),
}

impl Retrying {
    pub(crate) fn policy(&self) -> &dyn RetryPolicy {
        match self {
            Retrying::Own(retry) => retry,
            Retrying::Custom(policy) => &**policy,
        }
    }
}

impl Options {
    /// Creates options with nothing set.
    pub fn new() -> Self {
        Options::default()
    }

    /// Adds a header.
    ///
    /// # Errors
    ///
    /// Errors with code `config` if the name or the value is not valid in a header.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self> {
        let (name, value) = header(name, value)?;
        self.headers.insert(name, value);
        mark(&mut self.headers);
        Ok(self)
    }

    /// Adds a header that carries a secret, such as a gateway's `Authorization`. It is redacted like a key.
    ///
    /// # Errors
    ///
    /// Errors with code `config` if the name or the value is not valid in a header.
    pub fn sensitive_header(mut self, name: &str, value: &str) -> Result<Self> {
        let name = header_name(name)?;
        let value = secret_value("", value).ok_or_else(|| bad_value(&name))?;
        self.headers.insert(name, value);
        Ok(self)
    }

    /// Adds a secret that is sent elsewhere than in a header, such as a password in a prompt or in the path of a gateway. It is
    /// redacted like a key: errors and recordings contain `[removed]` instead. Texts of fewer than 6 bytes are not redacted.
    ///
    /// ```
    /// let options = tabbyapi::Options::new().secret("correct horse battery staple");
    /// assert!(!format!("{options:?}").contains("horse"));
    /// ```
    pub fn secret(mut self, text: &str) -> Self {
        self.secrets.add(text);
        self
    }

    /// Sends the [id of each call](crate::call::Record::id) in this header, such as `x-request-id`. It is the same for all attempts.
    ///
    /// # Errors
    ///
    /// Errors with code `config` if the name is not valid for a header.
    pub fn correlation_header(mut self, name: &str) -> Result<Self> {
        self.correlation_header = Some(header_name(name)?);
        Ok(self)
    }

    /// Adds a field to every JSON body that does not have it.
    pub fn extra(mut self, name: impl Into<String>, value: impl Into<OrderedJson>) -> Self {
        self.extra.set(name, value);
        self
    }

    /// Sets the timeouts by kind of work.
    pub fn timeout_policy(mut self, timeout_policy: TimeoutPolicy) -> Self {
        self.timeout_policy = Some(timeout_policy);
        self
    }

    /// Sets the timeouts for any kind of work, for single calls.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = Some(timeouts);
        self
    }

    /// Sets the time limit for a whole call, with its retries and waits: until the end of a stream or a download. All other timeouts still apply.
    /// A call that takes longer fails with code `timeout_total`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tabbyapi::{Client, Options};
    ///
    /// # fn quick(client: &Client) -> Client {
    /// let quick = client.with(Options::new().total(Duration::from_secs(5)));
    /// # quick
    /// # }
    /// ```
    pub fn total(mut self, limit: Duration) -> Self {
        self.total = Some(limit);
        self
    }

    /// Sets how long a caller waits. It replaces the limits of the timeout policy, longer or shorter.
    ///
    /// * Until the first item, from the first poll of the call: the queue, the key, connecting, all attempts and the delays
    ///   between them, the head of the response. A whole response is one item, so it is limited until its end, and so are
    ///   downloads.
    /// * After that, during each silence of a stream of generated text: the longest time without another item. Keep-alive
    ///   comments do not count.
    ///
    /// It does not limit how long a stream takes while items arrive, or a model load after its first event, because loads are
    /// silent while they progress. [`total`](Options::total) limits these, too. Time in which the caller does not poll is not
    /// counted. Tool calls arrive whole after a silence of minutes, so a short timeout is not suitable for requests with tools.
    ///
    /// A call that takes longer ends with an error of kind [`Timeout`](crate::ErrorKind::Timeout). Its code is `timeout_head`,
    /// `timeout_first_item`, `timeout_idle`, or `timeout_total` for a whole response. Unset by default: the timeout policy
    /// applies. The [`timeouts`](Options::timeouts) of a call replace the timeout of its client.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tabbyapi::{Client, Options};
    ///
    /// # fn impatient(client: &Client) -> Client {
    /// let impatient = client.with(Options::new().timeout(Duration::from_secs(20)));
    /// # impatient
    /// # }
    /// ```
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Sets the caps.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Sets when a failed call is retried.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self.retry_policy = None;
        self
    }

    /// Sets a custom retry policy.
    pub fn retry_policy(mut self, policy: impl RetryPolicy + 'static) -> Self {
        self.retry_policy = Some(Arc::new(policy));
        self
    }

    /// Sets which key is sent as `X-API-Key` if both are accepted. By default lists use the admin key, which sees everything,
    /// and other operations use the API key.
    ///
    /// With `false`, lists use the API key, too, and return what it may see: the loaded model, the active template.
    ///
    /// With `true`, everything uses the admin key.
    /// A server with `inline_model_loading` loads the `model` that a generation names, but only for the admin key. With both
    /// keys set, generations use the API key by default and are rejected with 401. Without an admin key the API key is sent. A
    /// [`KeySource`](crate::auth::KeySource) is asked for a key of [`Scope::PreferAdmin`](crate::Scope::PreferAdmin).
    ///
    /// ```no_run
    /// # async fn run(client: tabbyapi::Client) -> tabbyapi::Result<()> {
    /// use tabbyapi::Options;
    /// use tabbyapi::api::{ChatMessage, ChatRequest};
    ///
    /// let request = ChatRequest::new([ChatMessage::user("Hi")]).model("beta-3B-exl3");
    /// let answer = client.with(Options::new().prefer_admin_key(true)).chat().create(&request).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn prefer_admin_key(mut self, prefer: bool) -> Self {
        self.prefer_admin_key = Some(prefer);
        self
    }

    /// Sends the calls to this server only. It must be one of the client's servers.
    pub fn server(mut self, server: BaseUrl) -> Self {
        self.server = Some(server);
        self
    }

    /// Adds a hook, after the hooks added before; see [`hooks`](crate::hooks).
    pub fn hook(mut self, hook: impl Hook + Clone + MaybeSync) -> Self {
        self.hooks.push(hook);
        self
    }

    /// These options, overridden by those that are set in `over`.
    pub(crate) fn overridden(&self, over: Options) -> Options {
        let mut merged = self.clone();
        for name in over.headers.keys() {
            merged.headers.remove(name);
        }
        merged.headers.extend(over.headers);
        merged.correlation_header = over.correlation_header.or(merged.correlation_header);
        merged.extra.take_over(over.extra);
        merged.timeout_policy = over.timeout_policy.or(merged.timeout_policy);
        // Whole timeouts include a total limit.
        merged.total = if over.timeouts.is_some() { over.total } else { over.total.or(merged.total) };
        merged.timeout = if over.timeouts.is_some() { over.timeout } else { over.timeout.or(merged.timeout) };
        merged.timeouts = over.timeouts.or(merged.timeouts);
        merged.limits = over.limits.or(merged.limits);
        // Both set the retry policy, so the later one takes precedence.
        if over.retry.is_some() || over.retry_policy.is_some() {
            (merged.retry, merged.retry_policy) = (over.retry, over.retry_policy);
        }
        merged.prefer_admin_key = over.prefer_admin_key.or(merged.prefer_admin_key);
        merged.server = over.server.or(merged.server);
        merged.hooks.extend(over.hooks);
        merged.secrets.join(&over.secrets);
        merged
    }

    pub(crate) fn retrying(&self) -> Retrying {
        match &self.retry_policy {
            Some(policy) => Retrying::Custom(policy.clone()),
            None => Retrying::Own(self.retry.unwrap_or_default()),
        }
    }
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue)> {
    let name = header_name(name)?;
    let value = HeaderValue::from_str(value).map_err(|_| bad_value(&name))?;
    Ok((name, value))
}

/// The message omits the value, which may be a secret.
fn bad_value(name: &HeaderName) -> Error {
    Error::config(format!("the value of the header `{name}` has characters that are not valid in a header"))
}

fn header_name(name: &str) -> Result<HeaderName> {
    name.parse().map_err(|_| Error::config(format!("`{}` is not a valid header name", name.escape_debug())))
}
