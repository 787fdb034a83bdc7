//! `Debug` of calls and their steps. Prints neither keys nor bodies, which contain prompts, responses and hub tokens.

use std::fmt;

use super::machine::State;
use super::{Call, Input, Output};
use crate::decode::Decode;

impl<D: Decode> fmt::Debug for Call<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.machine.state {
            State::Ready { .. } => "Ready",
            State::Keying(_) => "Keying",
            State::Sending { .. } => "Sending",
            State::Reading(_) => "Reading",
            State::Done(_) => "Done",
        };
        f.debug_struct("Call")
            .field("operation", &format_args!("{} {}", self.machine.operation.method, self.machine.operation.path))
            .field("state", &state)
            .field("record", &self.machine.record)
            .finish_non_exhaustive()
    }
}

impl<T: fmt::Debug> fmt::Debug for Output<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Output::Send { request, deadline } => f
                .debug_struct("Send")
                .field("method", request.method())
                .field("uri", request.uri())
                .field("headers", request.headers())
                .field("body_bytes", &request.body().len())
                .field("deadline", deadline)
                .finish(),
            Output::Read { deadline } => f.debug_struct("Read").field("deadline", deadline).finish(),
            Output::Wait { until, changed } => {
                f.debug_struct("Wait").field("until", until).field("changed", changed).finish()
            }
            Output::Authorize { server, scope, rejected, deadline } => f
                .debug_struct("Authorize")
                .field("server", server)
                .field("scope", scope)
                .field("rejected", rejected)
                .field("deadline", deadline)
                .finish(),
            Output::Item(item) => f.debug_tuple("Item").field(item).finish(),
            Output::Done(result) => f.debug_tuple("Done").field(result).finish(),
        }
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Input::Head(head) => {
                let mut headers = head.headers.clone();
                crate::base::secrets::mark(&mut headers);
                f.debug_struct("Head").field("status", &head.status).field("headers", &headers).finish()
            }
            Input::Chunk(chunk) => f.debug_struct("Chunk").field("bytes", &chunk.len()).finish(),
            Input::End => f.write_str("End"),
            Input::Failed(error) => f.debug_tuple("Failed").field(error).finish(),
            Input::Key(key) => f.debug_tuple("Key").field(key).finish(),
        }
    }
}
