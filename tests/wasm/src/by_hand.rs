//! A call without a transport.

use std::time::Duration;

use bytes::Bytes;
use tabbyapi::StreamEndpoint;
use tabbyapi::api::{ChatMessage, ChatRequest};
use tabbyapi::call::{Call, Input, Output, Settings, Shared, Time};

use crate::hold;

pub(crate) fn run() -> Result<(), u32> {
    let settings = Settings::new("http://127.0.0.1:5000".parse().map_err(|_| line!())?);
    let shared = Shared::new(settings.api_key("key").map_err(|_| line!())?);
    let request = ChatRequest::new([ChatMessage::user("hello")]);
    let mut call = Call::new(&shared, &request.streamed()).map_err(|_| line!())?;
    let at = |seconds| Time::from_epoch(Duration::from_secs(seconds));

    let Output::Send { request, .. } = call.poll_output(at(0)) else { return Err(line!()) };
    hold!(request.uri() == "http://127.0.0.1:5000/v1/chat/completions");
    hold!(request.headers()["x-api-key"] == "key");

    let response = http::Response::builder().header("content-type", "text/event-stream").body(());
    let (head, ()) = response.map_err(|_| line!())?.into_parts();
    call.handle_input(at(1), Input::Head(head));
    // Byte by byte: what a browser may do, and worse.
    let mut text = String::new();
    for byte in crate::by_client::STREAM.chunks(1) {
        call.handle_input(at(2), Input::Chunk(Bytes::from_static(byte)));
        loop {
            match call.poll_output(at(2)) {
                Output::Item(chunk) => {
                    text.extend(chunk.choices.iter().filter_map(|choice| choice.delta.content.as_deref()))
                }
                Output::Read { .. } => break,
                Output::Done(result) => {
                    hold!(result.is_ok());
                    hold!(text == "Hello");
                    return Ok(());
                }
                _ => return Err(line!()),
            }
        }
    }
    Err(line!())
}
