//! Errors of attempts, with context and advice.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, header};

use super::gate::Refusal;
use super::machine::Machine;
use crate::base::error::Answered;
use crate::base::text::{decimal, without_end};
use crate::base::{Advice, Error, ErrorCode, ErrorKind, Phase, Remedy, Sent, Time, TransportError};
use crate::protocol::auth::Which;

impl Machine {
    /// Adds the response to errors that occur after its head.
    pub(super) fn answered(&self, error: Error) -> Error {
        match &self.answer {
            Some((status, headers)) => {
                error.answered(Answered { status: *status, headers: (**headers).clone(), body: Bytes::new() })
            }
            None => error,
        }
    }

    /// Removes keys that the server or the transport may have repeated.
    pub(super) fn cleaned(&self, error: Error) -> Error {
        error.without(&self.secrets())
    }

    /// Releases the slot at the server, with the result of the attempt.
    pub(super) fn release(&mut self, now: Time, succeeded: Option<bool>) {
        if let Some(permit) = self.permit.take() {
            // A status below 500 shows that the server works.
            let answered = self.answer.as_ref().is_some_and(|(status, _)| !status.is_server_error());
            permit.end(succeeded.or(answered.then_some(true)), now);
        }
    }

    /// Adds advice that depends on the request: which key was sent, and whether it named a model.
    pub(super) fn advised(&self, error: Error) -> Error {
        if error.kind() != ErrorKind::Server {
            return error;
        }
        let status = error.status().map_or(0, |status| status.as_u16());
        match (status, self.which, error.code()) {
            (401 | 403, Some(which), code) if code != "missing_key" => {
                let error = match which {
                    // There is no other key to try.
                    Which::Admin if code == "invalid_key" => error.with_advice(Advice::new(
                        Remedy::Check,
                        "check {key:admin_key}, which the server refused; the right one is in its `api_tokens.yml`",
                    )),
                    _ => error,
                };
                error.with_remark(&format!("the {} was sent", which.as_str()))
            }
            (401 | 403, None, code) if code != "missing_key" => error.with_remark("no key was sent"),
            _ => error,
        }
    }

    /// Adds the operation and the record.
    pub(super) fn placed(&self, error: Error) -> Error {
        let error = match self.shared.base_of(self.at).join(&self.operation.path) {
            Ok(url) => error.at(&self.operation.method, &url.to_string()),
            Err(_) => error,
        };
        error.with_record(self.record.clone())
    }
}

/// The error of a failed exchange.
pub(super) fn lost(failure: TransportError, answered: bool, sent: Sent) -> Error {
    let (kind, code, what, hint) = match (answered, sent) {
        (true, _) => (
            ErrorKind::Truncated,
            "connection_lost",
            "the connection was lost before the answer was complete",
            "the server was stopped or a proxy cut the connection; a stream keeps what arrived",
        ),
        (false, Sent::No) if failure.is_about_certificate() => (
            ErrorKind::Connect,
            "certificate",
            "no secure connection could be made, because a certificate was refused",
            "check that {url} has the name in the server's certificate, and add the certificate of a private authority to the transport",
        ),
        (false, Sent::No) if failure.is_about_proxy() => (
            ErrorKind::Connect,
            "connect",
            "no connection could be made",
            match failure.is_about_variable() {
                true => {
                    "check that the proxy is running, or unset that variable; hosts in `NO_PROXY` are reached without it"
                }
                false => "check that the proxy is running and that it is the right one",
            },
        ),
        (false, Sent::No) => (
            ErrorKind::Connect,
            "connect",
            "no connection could be made",
            "check that the server is running and that {url} has its host and port",
        ),
        (false, Sent::Maybe) => (
            ErrorKind::Transport,
            "transport",
            "the connection failed while the request was under way",
            "the server may have seen the request",
        ),
    };
    Error::new(kind, code, [what, ": ", failure.message()].concat())
        .with_advice(Advice::new(Remedy::Check, hint))
        .with_failure(failure)
}

/// The content encodings of a body, although none was requested. None if the body is readable.
pub(super) fn encoding(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(header::CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let codings = values.flat_map(|value| value.split(',')).map(str::trim_ascii);
    let codings: Vec<_> =
        codings.filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity")).collect();
    (!codings.is_empty()).then(|| codings.join(", ").chars().take(64).collect())
}

/// The error of a body with a content encoding.
pub(super) fn encoded(encoding: &str) -> Error {
    let message =
        format!("the answer is encoded with `{encoding}`, although the request said `accept-encoding: identity`");
    Error::new(ErrorKind::Decode, ErrorCode::EncodedBody, message).with_advice(Advice::new(
        Remedy::Configure,
        "switch compression off in the proxy in front of the server; or give {setting:client_builder.build_with} a transport that \
         decodes it and removes the header `content-encoding`",
    ))
}

/// Whether an error is caused by the server or the network, and not by the request.
pub(super) fn faults_server(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Connect | ErrorKind::Transport | ErrorKind::Truncated => true,
        ErrorKind::Timeout => error.phase() != Some(Phase::Total),
        ErrorKind::Server => {
            error.status().is_some_and(|status| status.is_server_error())
                && !matches!(error.code(), ErrorCode::NoModelLoaded | ErrorCode::NoEmbeddingModelLoaded)
        }
        _ => false,
    }
}

/// The error of a call that was not admitted.
pub(super) fn refused(refusal: Refusal, now: Time) -> Error {
    let error = |code, message: String, hint| {
        Error::new(ErrorKind::Policy, code, message).with_advice(Advice::new(Remedy::Wait, hint))
    };
    match refusal {
        Refusal::Open { until } => error(
            "circuit_open",
            format!("not sent: the server has failed too often; the circuit is open for {}", span(until.since(now))),
            "wait, or check its state with {method:servers}",
        )
        .with_retry_at(until, now),
        Refusal::Full { until } => error(
            "rate_limited",
            format!(
                "nothing was sent, because the client's own rate limit is reached; the next request can be sent in {}",
                span(until.since(now))
            ),
            "wait, or raise {setting:client_builder.rate_limit}",
        )
        .with_retry_at(until, now),
        Refusal::Queue { waiting } => error(
            "queue_full",
            format!("nothing was sent, because {waiting} calls are waiting already"),
            "send fewer calls at a time, or raise {setting:concurrency.waiting}",
        ),
    }
}

/// Formats a duration as `Debug` does, such as `1.5s` or `20ms`, with a fraction of the code.
pub(super) fn span(time: Duration) -> String {
    let nanos = time.subsec_nanos();
    let (whole, rest, places, unit) = match (time.as_secs(), nanos) {
        (seconds @ 1.., _) => (seconds, nanos, 9, "s"),
        (0, 1_000_000..) => (u64::from(nanos / 1_000_000), nanos % 1_000_000, 6, "ms"),
        (0, 1_000..) => (u64::from(nanos / 1_000), nanos % 1_000, 3, "µs"),
        (0, _) => (u64::from(nanos), 0, 0, "ns"),
    };
    // Includes leading zeros.
    let digits = decimal(1_000_000_000 + u64::from(rest));
    let digits = without_end(&digits[10 - places..], "0");
    [&*decimal(whole), if digits.is_empty() { "" } else { "." }, digits, unit].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_reported_as_their_debug_does() {
        for nanos in [0, 1, 999, 1_000, 1_500, 20_000_000, 999_999_999, 1_000_000_000, 1_500_000_000, 90_000_000_001] {
            let time = Duration::from_nanos(nanos);
            assert_eq!(span(time), format!("{time:?}"));
        }
    }
}
