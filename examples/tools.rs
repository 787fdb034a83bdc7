//! Tools: typed functions that the model calls, run until it answers; the conversation is fitted into the context.
//!
//! `cargo run --example tools`

mod support;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tabbyapi::api::{ChatMessage, ChatRequest};
use tabbyapi::estimate::Estimator;
use tabbyapi::tools::{ToolEvent, ToolLimits, Tools};
use tabbyapi_emulator::Script;

#[derive(Deserialize)]
struct Place {
    city: String,
}

#[derive(Serialize)]
struct Weather {
    celsius: i32,
    sky: &'static str,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (client, server) = support::connect()?;
    // With the feature `schemars`, `add_derived` derives the schema from the type.
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let tools = Tools::new()
        .add("get_weather", "Tells the weather in a city.", parameters, |place: Place| async move {
            match place.city.as_str() {
                "Oslo" => Ok(Weather { celsius: 4, sky: "light rain" }),
                city => Err(format!("no station in {city}; try a larger city")),
            }
        })
        .limits(ToolLimits::new().rounds(4));

    // The script of the emulated server: two calls, the second of which fails, then a response.
    if let Some(server) = &server {
        let call = |city| {
            format!("<tool_call><function=get_weather><parameter=city>{city}</parameter></function></tool_call>")
        };
        server.script(Script::new().reply(format!("<think>I must look.</think>{}{}", call("Oslo"), call("Drøbak"))));
        server.script(Script::new().reply("It rains in Oslo; Drøbak has no station."));
    }

    let mut request = ChatRequest::new([
        ChatMessage::system("Report the weather in one sentence."),
        ChatMessage::user("What is the weather like in Oslo and in Drøbak?"),
    ])
    .max_tokens(500);
    let fitted = client.chat().fit(&request, &Estimator::new()).await?;
    println!(
        "prompt: {} to {} tokens, {} messages left out",
        fitted.estimate.low, fitted.estimate.high, fitted.dropped
    );
    request.messages = fitted.messages;

    let mut run = client.chat().run(&request, &tools);
    while let Some(event) = run.next().await {
        match event? {
            ToolEvent::Chunk(chunk) => print!("{}", chunk.text()),
            ToolEvent::Started { call } => println!("call: {}({})", call.function.name, call.function.arguments),
            ToolEvent::Finished { result: Ok(text), .. } => println!("result: {text}"),
            ToolEvent::Finished { result: Err(failure), .. } => println!("the model receives: {failure}"),
            _ => {}
        }
    }
    println!();
    let output = run.finish().await?;
    println!("{:?} after {} answers and {} calls, {} failed", output.end, output.rounds, output.calls, output.failures);
    Ok(())
}
