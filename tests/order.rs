//! The order of fields on the wire is the order in which they were written, whatever the features of `serde_json`. It runs with
//! `serde_json/preserve_order` (which the feature `schemars` brings) and without.

use futures::executor::block_on;
use serde::Serialize;
use tabbyapi::api::{
    ChatMessage, ChatRequest, CompletionRequest, Function, LoadRequest, Overrides, ResponseFormat, SamplerOverride,
    SamplingParams, Tool,
};
use tabbyapi::batch::jsonl::{BatchRequest, ResultLine};
use tabbyapi::hooks::{self, Outgoing};
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::{Client, ClientBuilder, Endpoint, Extra, Options, OrderedJson, StreamEndpoint, json_body, ordered_json};

/// Neither sorted, nor sorted backwards, on any level.
const SCHEMA: &str = r#"{"type":"object","properties":{"reasoning":{"type":"string"},"answer":{"minimum":0,"type":"integer","allOf":[{"b":1,"a":2}]},"zeal":{}},"required":["reasoning","answer"],"additionalProperties":false}"#;

fn schema() -> OrderedJson {
    OrderedJson::parse(SCHEMA).unwrap()
}

fn body(endpoint: &impl Endpoint) -> String {
    String::from_utf8(endpoint.body().unwrap().unwrap().to_vec()).unwrap()
}

#[track_caller]
fn assert_holds(text: &str, part: &str) {
    assert!(text.contains(part), "`{part}` is not in `{text}`");
}

/// What a client with these settings sends for a request.
fn sent(builder: ClientBuilder, request: &ChatRequest) -> String {
    let script = Script::new([Reply::json(200, r#"{"id":"x","choices":[]}"#)]);
    let client = builder.build_with(script.clone()).unwrap();
    let _ = block_on(client.call(request));
    String::from_utf8(script.requests()[0].body().to_vec()).unwrap()
}

fn builder() -> ClientBuilder {
    Client::builder("http://tabby.test")
}

fn chat() -> ChatRequest {
    ChatRequest::new([ChatMessage::user("hi")])
}

#[test]
fn schemas_go_out_as_written() {
    let chats = [
        chat().response_format(ResponseFormat::json_schema(schema())),
        chat().json_schema(schema()),
        chat().sampling(SamplingParams::new().json_schema(schema())),
        chat().tools([Tool::new("f", "d", schema())]),
        chat().functions([schema()]),
        chat().template_var("t", schema()),
        chat().extra("x", schema()),
        chat().message(ChatMessage::user("hi").extra("x", schema())),
    ];
    for request in &chats {
        assert_holds(&body(request), SCHEMA);
        assert_holds(&body(&request.streamed()), SCHEMA);
        // Written and read back, too.
        let text = serde_json::to_string(request).unwrap();
        if !text.contains("template_vars") && request.messages.len() == 1 {
            assert_holds(&body(&serde_json::from_str::<ChatRequest>(&text).unwrap()), SCHEMA);
        }
    }
    let completion = CompletionRequest::new("hi");
    assert_holds(&body(&completion.clone().json_schema(schema())), SCHEMA);
    assert_holds(&body(&completion.response_format(ResponseFormat::json_schema(schema()))), SCHEMA);
    assert_holds(&body(&LoadRequest::new("m").extra("x", schema())), SCHEMA);
    let overrides = Overrides::new().force(SamplingParams::new().json_schema(schema()));
    assert_holds(&serde_json::to_string(&overrides).unwrap(), SCHEMA);
    assert_holds(&serde_json::to_string(&Overrides::new().with("x", SamplerOverride::new(schema()))).unwrap(), SCHEMA);
}

#[test]
fn typed_answers_send_their_schema_as_written() {
    let script = Script::new([Reply::json(200, r#"{"id":"x","choices":[{"message":{"content":"[1]"}}]}"#)]);
    let client = builder().build_with(script.clone()).unwrap();
    let answer = block_on(client.chat().response_as_with_schema::<Vec<u8>>(&chat(), schema())).unwrap();
    assert_eq!(answer.value, [1]);
    assert_holds(&String::from_utf8_lossy(script.requests()[0].body()), SCHEMA);
}

#[cfg(feature = "schemars")]
#[test]
fn derived_schemas_keep_the_order_of_the_type() {
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    #[expect(dead_code)]
    struct Step {
        why: String,
        act: Option<u8>,
    }
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    #[expect(dead_code)]
    struct Verdict {
        reasoning: String,
        steps: Vec<Step>,
        #[serde(default)]
        answer: Option<u8>,
    }
    let names = |value: &OrderedJson| value["properties"].fields().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
    let schema = tabbyapi::structured::schema_for::<Verdict>();
    assert_eq!(names(&schema), ["reasoning", "steps", "answer"]);
    assert_eq!(names(&schema["properties"]["steps"]["items"]), ["why", "act"]);
    let script = Script::new([Reply::json(200, r#"{"id":"x","choices":[]}"#)]);
    let client = builder().build_with(script.clone()).unwrap();
    let _ = block_on(client.chat().response_as::<Verdict>(&chat()));
    assert_holds(&String::from_utf8_lossy(script.requests()[0].body()), &schema.to_string());
    let tools = tabbyapi::tools::Tools::new().add_derived("f", "d", |_: Verdict| async { Ok::<_, String>(1) });
    assert_eq!(tools.definitions()[0].function.parameters, schema);
}

#[test]
fn fields_of_the_client_are_appended_and_the_body_stays_as_it_is() {
    let request = chat().json_schema(schema()).extra("z", 1).extra("y", schema()).extra("a", 2);
    let alone = body(&request);
    assert_holds(&alone, &format!(r#""z":1,"y":{SCHEMA},"a":2"#));
    let client =
        builder().options(Options::new().extra("q", schema()).extra("b", 1)).extra("max_tokens", 5).extra("z", 3);
    let expected = format!(r#"{},"q":{SCHEMA},"b":1,"max_tokens":5}}"#, alone.strip_suffix('}').unwrap());
    assert_eq!(sent(client, &request), expected);
}

#[test]
fn hooks_change_a_body_and_not_its_order() {
    let request = chat().json_schema(schema()).extra("z", 1).extra("a", 2);
    let alone = body(&request);
    let set = builder().hook(hooks::on_request(|_, request: &mut Outgoing<'_>| {
        request.set_field("z", schema())?;
        request.set_field("b", 7)
    }));
    assert_eq!(
        sent(set, &request),
        format!(r#"{},"b":7}}"#, alone.replace(r#""z":1"#, &format!(r#""z":{SCHEMA}"#)).strip_suffix('}').unwrap())
    );
    let edited = builder().hook(hooks::on_request(|_, request: &mut Outgoing<'_>| {
        request.edit(|body| {
            body.remove("z");
            body["json_schema"]["properties"]["reasoning"]["maxLength"] = 9.into();
        })
    }));
    let expected = alone
        .replace(r#""z":1,"#, "")
        .replace(r#""reasoning":{"type":"string"}"#, r#""reasoning":{"type":"string","maxLength":9}"#);
    assert_eq!(sent(edited, &request), expected);
}

#[test]
fn lines_of_a_file_go_out_as_written_and_are_known_again_in_any_order() {
    let line = |body: &str| format!(r#"{{"custom_id":"a","url":"/v1/chat/completions","body":{body}}}"#);
    let sent = format!(r#"{{"messages":[],"json_schema":{SCHEMA},"best_of":1.5e1}}"#);
    let request =
        BatchRequest::read(&line(&sent.replace('}', "} ").replace("\"best_of", "\"stream\":false,\"best_of")), 1);
    assert_eq!(body(&request), sent.replace("1.5e1", "15.0"));

    // The same digests with all features of `serde_json`, as they stand in results that were written before.
    let digest = |body: &str| {
        let script = Script::new([Reply::json(200, r#"{"choices":[]}"#)]);
        let client = builder().build_with(script).unwrap();
        let mut batch = client.batch([BatchRequest::read(&line(body), 1)]);
        ResultLine::of(&block_on(batch.next()).unwrap()).request
    };
    let known = digest(r#"{"messages":[{"role":"user","content":"é\n"}],"b":{"z":1,"a":[1.5,2,-3]},"a":null}"#);
    assert_eq!(known, "1cc2151e058bb68a");
    let turned =
        r#"{"a": null, "b": {"a": [1.50, 2, -3], "z": 1}, "messages": [{"content": "\u00e9\n", "role": "user"}]}"#;
    assert_eq!(digest(turned), known);
    assert_ne!(digest(&turned.replace("-3", "-4")), known);
}

#[test]
fn results_of_tools_keep_the_order_of_their_type() {
    #[derive(Serialize)]
    struct Weather {
        sky: &'static str,
        celsius: i8,
    }
    let weather = |_: serde_json::Value| async { Ok::<_, String>(Weather { sky: "rain", celsius: 4 }) };
    let tools = tabbyapi::tools::Tools::new().add("f", "d", schema(), weather);
    let reported = block_on(tools.call(&tabbyapi::api::ToolCall::new("c", "f", "{}"))).unwrap();
    assert_eq!(reported, r#"{"sky":"rain","celsius":4}"#);
}

#[test]
fn values_of_all_kinds() {
    let text = r#"{"z":[null,true,-1,18446744073709551615,1.5,"\"é\u0001"],"a":{},"m":[]}"#;
    let value = OrderedJson::parse(text).unwrap();
    assert_eq!(value.to_string(), text);
    assert_eq!(serde_json::from_slice::<OrderedJson>(text.as_bytes()).unwrap(), value);
    assert_eq!(OrderedJson::from_serialize(&value).unwrap(), value);
    assert_eq!(json_body(&value).unwrap().unwrap(), text);
    let plain: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(value, plain);
    assert_eq!(OrderedJson::from(plain.clone()), plain);
    assert_eq!(value.to_value(), plain);
    assert_eq!((value["z"][1].as_bool(), value["z"][5].as_str()), (Some(true), Some("\"é\u{1}")));
    assert!(value["none"][3]["x"].is_null() && value["a"].is_object());
    let none: Option<u8> = None;
    assert_eq!(
        ordered_json!({"z": [null, true, -1, u64::MAX, 1.5, "\"é\u{1}"], "a": {}, "m": [], "o": none}).to_string(),
        text.replace("[]}", r#"[],"o":null}"#)
    );
    // The last value of a name, in the first place; another order is another value.
    assert_eq!(OrderedJson::parse(r#"{"a":1,"b":2,"a":3,"a":4}"#).unwrap().to_string(), r#"{"a":4,"b":2}"#);
    assert_ne!(OrderedJson::parse(r#"{"a":1,"b":2}"#).unwrap(), OrderedJson::parse(r#"{"b":2,"a":1}"#).unwrap());
    for text in ["", "{", "nul", "{} {}", "{a:1}"] {
        let error = OrderedJson::parse(text).unwrap_err();
        assert_eq!(error.code(), "invalid_json", "{text}");
    }
    let deep = "[".repeat(200) + &"]".repeat(200);
    assert_eq!(OrderedJson::parse(&deep).unwrap_err().code(), "invalid_json");
}

#[test]
fn extra_fields_that_are_changed_keep_their_place() {
    let mut extra = Extra::new();
    extra.set("z", schema());
    extra.set("b", 1);
    extra.insert("a", 2);
    extra.get_mut("z").unwrap()["properties"]["zeal"]["new"] = 1.into();
    extra.remove("b");
    let expected = format!(r#"{{"z":{},"a":2}}"#, SCHEMA.replace(r#""zeal":{}"#, r#""zeal":{"new":1}"#));
    assert_eq!(serde_json::to_string(&extra).unwrap(), expected);
    assert_eq!(serde_json::to_string(&extra.clone()).unwrap(), expected);
}

#[test]
fn functions_are_read_with_their_order() {
    let text = format!(r#"{{"name":"f","description":"","parameters":{SCHEMA},"strict":{SCHEMA}}}"#);
    let function: Function = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&function).unwrap(), text);
}
