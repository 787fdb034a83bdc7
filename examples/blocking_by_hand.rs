//! Drives a call by hand with a blocking HTTP client: no runtime, no futures, no executor of this library.
//!
//! `cargo run --example blocking_by_hand --no-default-features`

use std::io::Read;
use std::time::Instant;

use tabbyapi::api::CurrentModel;
use tabbyapi::call::{Call, Input, Output, Settings, Shared, Time};
use tabbyapi::decode::Decode;
use tabbyapi::transport::{Sent, TransportError};
use tabbyapi_emulator::Emulator;

/// Runs a call to its end. `each` receives the items as they arrive.
fn drive<D: Decode>(agent: &ureq::Agent, mut call: Call<D>, mut each: impl FnMut(D::Item)) -> tabbyapi::Result<()> {
    let epoch = Instant::now();
    let now = || Time::from_epoch(epoch.elapsed());
    let mut body = None;
    let mut buffer = [0; 8192];
    loop {
        let input = match call.poll_output(now()) {
            Output::Item(item) => {
                each(item);
                continue;
            }
            Output::Done(result) => return result,
            Output::Wait { until, .. } => {
                std::thread::sleep(until.map_or_else(Default::default, |until| until.since(now())));
                continue;
            }
            Output::Send { request, .. } => match agent.run(request.map(|body| body.to_vec())) {
                Ok(response) => {
                    let (head, received) = response.into_parts();
                    body = Some(received.into_reader());
                    Input::Head(head)
                }
                Err(error) => {
                    let sent = if matches!(error, ureq::Error::ConnectionFailed) { Sent::No } else { Sent::Maybe };
                    Input::Failed(TransportError::new(sent, error))
                }
            },
            Output::Read { .. } => match body.as_mut().map(|body| body.read(&mut buffer)) {
                Some(Ok(0)) | None => Input::End,
                Some(Ok(n)) => Input::Chunk(buffer[..n].to_vec().into()),
                Some(Err(error)) => Input::Failed(TransportError::new(Sent::Maybe, error)),
            },
            // Only requested if `Settings::ask_for_keys` is set.
            _ => Input::Key(Ok(None)),
        };
        call.handle_input(now(), input);
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Emulator::builder().start()?;
    let shared = Shared::new(Settings::new(server.url().parse()?).api_key(server.api_key())?);
    // The call handles statuses and redirects.
    let agent = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().new_agent();

    drive(&agent, Call::new(&shared, &CurrentModel)?, |model| println!("loaded: {}", model.id))?;
    Ok(())
}
