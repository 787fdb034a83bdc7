//! Chat: a conversation with a tool, streamed; the partial response of a stream that breaks.
//!
//! `cargo run --example chat`

mod support;

use serde_json::json;
use tabbyapi::api::{ChatMessage, ChatRequest, Tool};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (client, server) = support::connect()?;
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let weather = Tool::new("get_weather", "Tells the weather in a city.", parameters);
    // The directive sets the response of the emulated server. A real server treats it as part of the question.
    let question = r#"What is the weather in Oslo? [[fake:{"reply":"<think>I must look.</think><tool_call><function=get_weather><parameter=city>Oslo</parameter></function></tool_call>"}]]"#;
    let request = ChatRequest::new([ChatMessage::user(question)]).tools([weather]).max_tokens(500);

    // Tool calls arrive complete, at the end of the stream.
    let answer = client.chat().stream(&request).finish().await?;
    let Some(message) = answer.message() else { return Err("the server gave no choice".into()) };
    println!("reasoning: {:?}", message.reasoning_content.as_deref().unwrap_or_default());
    let mut next = request.message(message.clone());
    for call in answer.tool_calls() {
        println!("call: {}({})", call.function.name, call.function.arguments);
        next = next.message(ChatMessage::tool(call.id.clone(), "4 °C, light rain"));
    }
    let mut next = next.message(ChatMessage::user("And in one sentence?"));
    next.tools = None;
    println!("answer: {}", client.chat().create(&next).await?.text());

    // A stream that breaks keeps the received part, and reports how it ended.
    if let Some(server) = &server {
        server.script(tabbyapi_emulator::Script::new().tokens(["It", " was", " a", " dark"]).cut_after(3));
    }
    match client
        .chat()
        .stream(&ChatRequest::new([ChatMessage::user("Tell me a story.")]).max_tokens(100))
        .finish()
        .await
    {
        Ok(answer) => println!("story: {}", answer.text()),
        Err(broken) => println!("story: {:?} and then {:?}: {}", broken.partial.text(), broken.outcome, broken.error),
    }
    Ok(())
}
