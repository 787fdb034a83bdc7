//! What answers of every shape take in memory at most, next to their size, and how long it takes to read them: in all, and in the longest
//! step, during which no deadline is looked at. `cargo test -p tabbyapi-hostile --test peaks -- --nocapture` prints the table; its times
//! count with `--release` only, and are held to nothing. With `PEAKS_FULL=1`, the largest answers are as large as they are accepted by
//! default.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use bytes::Bytes;
use tabbyapi::api::{
    ChatMessage, ChatRequest, CompletionRequest, EmbeddingsRequest, EncodeRequest, KoboldRequest, ListModels,
    LoadRequest,
};
use tabbyapi::decode::{Decode, Json};
use tabbyapi::{Accumulate, Endpoint, Limits, StreamEndpoint};
use tabbyapi_hostile::memory::peak;

/// What every document may take, and what is kept of it until its end is there.
const FLOOR: usize = Limits::DOCUMENT_FLOOR + (1 << 20);

/// The longest step of the answer that is read, in microseconds.
static LONGEST: AtomicU64 = AtomicU64::new(0);

/// Takes one step.
fn step<T>(take: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = take();
    LONGEST.fetch_max(start.elapsed().as_micros() as u64, Relaxed);
    result
}

fn head(stream: bool) -> http::response::Parts {
    let kind = if stream { "text/event-stream" } else { "application/json" };
    http::Response::builder().header("content-type", kind).body(()).unwrap().into_parts().0
}

fn refused() -> http::response::Parts {
    let head = http::Response::builder().status(422).header("content-type", "application/json");
    head.body(()).unwrap().into_parts().0
}

/// Decodes a body that comes in pieces of 16 KiB, and drops each item; `ok`, or the code of the error.
fn decode<D: Decode>(mut decoder: D, head: &http::response::Parts, body: &[u8]) -> String {
    let mut run = || {
        decoder.start(head, &Limits::default())?;
        for piece in body.chunks(16 << 10) {
            decoder.feed(Bytes::copy_from_slice(piece));
            while step(|| decoder.next())?.is_some() {}
        }
        while step(|| decoder.finish())?.is_some() {}
        Ok::<(), tabbyapi::Error>(())
    };
    run().map_or_else(|error| error.code().to_string(), |()| "ok".to_owned())
}

/// The same of a stream whose items are added up.
fn add_up<R: StreamEndpoint>(request: &R, body: &[u8]) -> String {
    let limits = Limits::default();
    let mut decoder = request.streamed().decoder();
    let mut total = request.total(&limits);
    let mut run = || {
        decoder.start(&head(true), &limits)?;
        for piece in body.chunks(16 << 10) {
            decoder.feed(Bytes::copy_from_slice(piece));
            while let Some(item) = step(|| decoder.next())? {
                total.push(&item)?;
            }
        }
        while let Some(item) = step(|| decoder.finish())? {
            total.push(&item)?;
        }
        Ok::<(), tabbyapi::Error>(())
    };
    run().map_or_else(|error| error.code().to_string(), |()| "ok".to_owned())
}

/// `unit` again and again, between two texts, up to so many bytes.
fn filled(before: &str, unit: &str, between: &str, after: &str, size: usize) -> Vec<u8> {
    let mut body = Vec::with_capacity(size + unit.len());
    body.extend_from_slice(before.as_bytes());
    while body.len() + unit.len() + between.len() + after.len() < size {
        body.extend_from_slice(unit.as_bytes());
        body.extend_from_slice(between.as_bytes());
    }
    body.extend_from_slice(unit.as_bytes());
    body.extend_from_slice(after.as_bytes());
    body
}

fn event(data: Vec<u8>) -> Vec<u8> {
    [b"data: ", &data[..], b"\n\n"].concat()
}

struct Table {
    bad: Vec<String>,
}

impl Table {
    /// Measures one shape; `real` are those that must be read.
    fn row(&mut self, name: &str, body: Vec<u8>, real: bool, run: impl FnOnce(&[u8]) -> String) {
        self.within(name, body, real, 0, run);
    }

    /// The same, with so much more that a stream may accumulate.
    fn within(&mut self, name: &str, body: Vec<u8>, real: bool, total: usize, run: impl FnOnce(&[u8]) -> String) {
        LONGEST.store(0, Relaxed);
        let start = Instant::now();
        let (peak, outcome) = peak(|| run(&body));
        let (times, all) = (peak as f64 / body.len() as f64, start.elapsed().as_millis());
        let longest = LONGEST.load(Relaxed) / 1000;
        println!("{name:<56} {:>10} {peak:>11} {times:>6.2} {all:>7} {longest:>7}  {outcome}", body.len());
        let read = ["ok", "truncated", "generation_cut"].contains(&&*outcome);
        if peak > total + FLOOR.max(4 * body.len() + (1 << 20)) || real && !read {
            self.bad.push(format!("{name}: {peak} bytes for {}, {outcome}", body.len()));
        }
    }
}

#[test]
fn memory_is_bounded_by_what_was_sent() {
    let mut table = Table { bad: Vec::new() };
    println!("{:<56} {:>10} {:>11} {:>6} {:>7} {:>7}  outcome", "shape", "bytes", "peak", "times", "ms", "step ms");
    let chat = ChatRequest::new([ChatMessage::user("x")]);
    let completion = CompletionRequest::new("x");

    let mib = 1 << 20;
    let full = std::env::var_os("PEAKS_FULL").is_some();
    // Still above the floor below which the size of an answer does not count.
    let large = |size: usize| if full { size } else { size.min(6 << 20) };
    for size in [if full { 63 * mib } else { 5 * mib }, 100 << 10] {
        let mut whole = |name: &str, before: &str, unit: &str, between: &str, after: &str| {
            let name = format!("models: {name}");
            let body = filled(before, unit, between, after, size);
            table.row(&name, body, false, |body| decode(ListModels.decoder(), &head(false), body));
        };
        whole("small objects without a name", r#"{"data":[],"x":["#, r#"{"":0}"#, ",", "]}");
        whole("empty objects without a name", r#"{"data":[],"x":["#, "{}", ",", "]}");
        whole("empty lists without a name", r#"{"data":[],"x":["#, "[]", ",", "]}");
        whole("lists of lists", r#"{"data":[],"x":["#, "[[[[[[0]]]]]]", ",", "]}");
        whole("numbers without a name", r#"{"data":[],"x":["#, "0", ",", "]}");
        whole("strings without a name", r#"{"data":[],"x":["#, r#""a""#, ",", "]}");
        whole("strings of 24 without a name", r#"{"data":[],"x":["#, r#""aaaaaaaaaaaaaaaaaaaaaaaa""#, ",", "]}");
        whole("empty models", r#"{"data":["#, "{}", ",", "]}");
        whole("models with a field without a name", r#"{"data":["#, r#"{"x":0}"#, ",", "]}");
        whole("models with parameters", r#"{"data":["#, r#"{"parameters":{}}"#, ",", "]}");
        whole("models with drafts", r#"{"data":["#, r#"{"parameters":{"draft":{"parameters":{}}}}"#, ",", "]}");
        whole("models with values", r#"{"data":["#, r#"{"logging":[0]}"#, ",", "]}");
        whole("a string of escapes", r#"{"data":[],"x":""#, r"\n", "", "\"}");
        whole("a string with one escape", r#"{"data":[{"id":""#, "aaaaaaaaaaaaaaaa", "", "\\n\"}]}");
        whole("a string", r#"{"data":[{"id":""#, "aaaaaaaaaaaaaaaa", "", "\"}]}");
        whole("a key", r#"{"data":[],""#, "aaaaaaaaaaaaaaaa", "", "\":0}");
        whole("a key with an escape", r#"{"data":[],""#, "aaaaaaaaaaaaaaaa", "", "\\n\":0}");
        whole("blanks", "", "                ", "", r#"{"data":[]}"#);
        whole("words that are no numbers", r#"{"data":[],"x":["#, "NaN", ",", "]}");
        whole("a number of many digits", r#"{"data":[{"created":"#, "1111111111111111", "", "}]}");
        whole("a fraction of many digits", r#"{"data":[],"x":0."#, "1111111111111111", "", "}");
        whole("deep lists", r#"{"data":[],"x":["#, &("[".repeat(120) + &"]".repeat(120)), ",", "]}");
        let keys: String = (0..size / 12).map(|at| format!(",\"k{at}\":0")).collect();
        let body = format!("{{\"data\":[]{keys}}}").into_bytes();
        table
            .row("models: fields without a name", body, false, |body| decode(ListModels.decoder(), &head(false), body));
        let mut body = filled(r#"{"data":[],"x":""#, "aaaaaaaaaaaaaaaa", "", "\"}", size);
        body[20..size - 100].fill(0xff);
        table.row("models: bytes that are no UTF-8", body, false, |body| {
            decode(ListModels.decoder(), &head(false), body)
        });

        let mut other = |name: &str, before: &str, unit: &str, after: &str, run: &dyn Fn(&[u8]) -> String| {
            table.row(name, filled(before, unit, ",", after, size), false, run);
        };
        let create = |body: &[u8]| decode(Endpoint::decoder(&chat), &head(false), body);
        other("chat: empty choices", r#"{"choices":["#, r#"{"message":{}}"#, "]}", &create);
        other(
            "chat: empty tool calls",
            r#"{"choices":[{"message":{"tool_calls":["#,
            r#"{"function":{"name":"","arguments":""}}"#,
            "]}}]}",
            &create,
        );
        other("chat: empty logprobs", r#"{"choices":[{"message":{},"logprobs":{"content":["#, "{}", "]}}]}", &create);
        other("chat: empty parts", r#"{"choices":[{"message":{"content":["#, r#"{"type":"a"}"#, "]}}]}", &create);
        other(
            "chat: nested logprobs",
            r#"{"choices":[{"message":{},"logprobs":{"content":["#,
            r#"{"top_logprobs":[{}]}"#,
            "]}}]}",
            &create,
        );
        // Answers that look cut are looked at again.
        let cut = r#"{"usage":null,"choices":[{"finish_reason":"stop","eos_reason":null,"message":{}"#;
        other("chat: cut, with empty choices", &format!("{cut}}},"), r#"{"message":{}}"#, "]}", &create);
        other("chat: cut, with small objects", &format!("{cut},\"x\":["), r#"{"":0}"#, "]}]}", &create);
        let likely = r#"{"token":" the","token_id":1,"logprob":-12.3456789,"top_logprobs":[{"token":" the","token_id":1,"logprob":-12.3456789}]}"#;
        other("chat: cut, with logprobs", &format!("{cut},\"logprobs\":{{\"content\":["), likely, "]}}]}", &create);
        let streamed = |body: &[u8]| decode(chat.streamed().decoder(), &head(false), body);
        other(
            "chat in place of a stream: cut, with logprobs",
            &format!("{cut},\"logprobs\":{{\"content\":["),
            likely,
            "]}}]}",
            &streamed,
        );
        let complete = |body: &[u8]| decode(Endpoint::decoder(&completion), &head(false), body);
        other(
            "completions: one likely token each",
            r#"{"choices":[{"text":"","logprobs":{"top_logprobs":["#,
            r#"{"":0}"#,
            "]}}]}",
            &complete,
        );
        other(
            "completions: null tokens",
            r#"{"choices":[{"text":"","logprobs":{"top_logprobs":["#,
            "null",
            "]}}]}",
            &complete,
        );
        other(
            "completions: texts of 24",
            r#"{"choices":[{"text":"","logprobs":{"tokens":["#,
            r#""aaaaaaaaaaaaaaaaaaaaaaaa""#,
            "]}}]}",
            &complete,
        );
        let embed = EmbeddingsRequest::new(["x"]);
        let embed = |body: &[u8]| decode(embed.decoder(), &head(false), body);
        other("embeddings: empty vectors", r#"{"data":["#, r#"{"embedding":[],"index":0}"#, "]}", &embed);
        other("embeddings: zeroes", r#"{"data":[{"index":0,"embedding":["#, "0", "]}]}", &embed);
        let encode = EncodeRequest::new("x");
        let encode = |body: &[u8]| decode(encode.decoder(), &head(false), body);
        other("tokens: zeroes", r#"{"length":1,"tokens":["#, "0", "]}", &encode);
        let generate = KoboldRequest::new("x");
        let generate = |body: &[u8]| decode(Endpoint::decoder(&generate), &head(false), body);
        other("kobold: empty results", r#"{"results":["#, r#"{"text":""}"#, "]}", &generate);
        let any = |body: &[u8]| decode(Json::<Vec<String>>::new(), &head(false), body);
        other("a type of one's own", "[", r#""aaaaaaaaaaaa""#, "]", &any);
        let names: String =
            (0..size / 40).map(|at| format!("\"k{:016}\":-12.345678901234567,", at * 7_919 % 10_000_019)).collect();
        let body = format!(r#"{{"choices":[{{"text":"","logprobs":{{"top_logprobs":[{{{names}"k":0}}]}}}}]}}"#);
        table.row("completions: very many likely tokens in one place", body.into_bytes(), false, complete);

        let size = size.min(15 * mib);
        let mut stream = |name: &str, before: &str, unit: &str, between: &str, after: &str| {
            let body = event(filled(before, unit, between, after, size));
            // Below the floor an item and the sum of a stream may both be there.
            let total = if size < mib { 8 * mib } else { 0 };
            table.within(&format!("chat events: {name}"), body, false, total, |body| add_up(&chat, body));
            let body = event(filled(before, unit, between, after, size));
            table.within(&format!("completion events: {name}"), body, false, total, |body| add_up(&completion, body));
        };
        stream("empty choices", r#"{"choices":["#, "{}", ",", "]}");
        stream("empty tool calls", r#"{"choices":[{"delta":{"tool_calls":["#, "{}", ",", "]}}]}");
        stream("small objects without a name", r#"{"choices":[{"delta":{},"x":["#, r#"{"":0}"#, ",", "]}]}");
        stream("empty logprobs", r#"{"choices":[{"delta":{},"logprobs":{"content":["#, "{}", ",", "]}}]}");
        stream(
            "logprobs with fields without a name",
            r#"{"choices":[{"delta":{},"logprobs":{"content":["#,
            r#"{"a":0}"#,
            ",",
            "]}}]}",
        );
        stream(
            "one likely token each",
            r#"{"choices":[{"text":"","logprobs":{"top_logprobs":["#,
            r#"{"":0}"#,
            ",",
            "]}}]}",
        );
        stream("a text with escapes", r#"{"choices":[{"delta":{"content":""#, r"\u00e9aaaa", "", "\"}}]}");
        stream("lines of data", "", "\ndata: ", "", "");
        stream("errors", r#"{"error":{"message":"a","x":["#, r#"{"":0}"#, ",", "]}}");
        stream("no chunk", r#"{"detail":["#, "{}", ",", "]}");
        let mut body = filled(r#"{"choices":[{"delta":{"content":""#, "aaaaaaaaaaaaaaaa", "", "\"}}]}", size);
        body[40..size - 100].fill(0xff);
        table.row("chat events: bytes that are no UTF-8", event(body), false, |body| add_up(&chat, body));
        // Events that the halves of surrogate pairs make owned, and go through as values if they are not large.
        for (name, size) in
            [("", size), (", below 1 MiB", size.min(mib - 64))].into_iter().take(if size < mib { 1 } else { 2 })
        {
            let mut halves = |shape: &str, before: &str, unit: &str, between: &str, after: &str| {
                let name = format!("chat events: half a pair and {shape}{name}");
                let total = if size < mib { 8 * mib } else { 0 };
                table.within(&name, event(filled(before, unit, between, after, size)), false, total, |body| {
                    add_up(&chat, body)
                });
            };
            let half = r#"{"choices":[{"delta":{"content":"\ud83d"},"#;
            halves("small objects", &format!(r#"{half}"x":["#), r#"{"":0}"#, ",", "]}]}");
            halves("empty choices", &format!("{half}\"x\":0}},"), "{}", ",", "]}");
            halves("escapes", &format!(r#"{half}"x":""#), r"aaaaaaa\n", "", "\"}]}");
            halves("halves", r#"{"choices":[{"delta":{"content":""#, r"\ud83d", "", "\"}}]}");
        }
        let load = LoadRequest::new("x");
        let body = event(filled(r#"{"model_type":"model","status":"processing","x":["#, r#"{"":0}"#, ",", "]}", size));
        table.row("load events: small objects without a name", body, false, |body| add_up(&load, body));
        let kobold = KoboldRequest::new("x");
        let body = event(filled(r#"{"token":"a","x":["#, r#"{"":0}"#, ",", "]}", size));
        table.row("kobold events: small objects without a name", body, false, |body| add_up(&kobold, body));
        // Small events, each of which adds something.
        let most = Limits::default().accumulated;
        let small = |unit: &str| unit.repeat(size / unit.len()).into_bytes();
        let body =
            small("data: {\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":{\"content\":[{},{},{},{}]}}]}\n\n");
        table.within("chat events: many with empty logprobs", body, false, most, |body| add_up(&chat, body));
        let body = small(
            "data: {\"choices\":[{\"index\":0,\"text\":\"\",\"logprobs\":{\"top_logprobs\":[{\"\":0},{\"\":0},{\"\":0}]}}]}\n\n",
        );
        table.within("completion events: many with likely tokens", body, false, most, |body| add_up(&completion, body));
        let body: String = (0..size / 60)
            .map(|at| format!("data: {{\"choices\":[{{\"delta\":{{}},\"k{at}\":[[],{{\"\":0}}]}}]}}\n\n"))
            .collect();
        table.within("chat events: many fields without a name", body.into_bytes(), false, most, |body| {
            add_up(&chat, body)
        });
    }

    // As large as they are accepted by default.
    let size = large(63 * mib);
    let list = |body: &[u8]| decode(ListModels.decoder(), &head(false), body);
    let body = filled(r#"{"data":[],"x":["#, r#"{"":0}"#, ",", "]}", size);
    table.row("large: small objects without a name", body, false, list);
    table.row("large: empty models", filled(r#"{"data":["#, "{}", ",", "]}", size), false, list);
    let body = filled(r#"{"data":[{"id":""#, "aaaaaaaaaaaaaaaa", "", r#"\n"}]}"#, size);
    table.row("large: a string with one escape", body, false, list);
    let mut body = filled(r#"{"data":[],"x":""#, "aaaaaaaaaaaaaaaa", "", r#""}"#, size);
    body[20..size - 100].fill(0xff);
    table.row("large: bytes that are no UTF-8", body, false, list);
    let body = event(filled(r#"{"choices":["#, "{}", ",", "]}", large(15 * mib)));
    table.row("large: empty choices in an event", body, false, |body| add_up(&chat, body));
    let body = event(filled(r#"{"choices":[{"delta":{"tool_calls":["#, "{}", ",", "]}}]}", large(15 * mib)));
    table.row("large: empty tool calls in an event", body, false, |body| add_up(&chat, body));

    // What took seconds once.
    let errors = |body: &[u8]| decode(ListModels.decoder(), &refused(), body);
    let issue = r#"{"detail":[{"loc":["body"],"msg":"m","type":"t","input":"#;
    let deep = "[".repeat(120) + &"]".repeat(120);
    table.row(
        "errors: 422 with a deep input",
        filled(&format!("{issue}["), &deep, ",", "]}]}", 8 * mib),
        false,
        errors,
    );
    let names: String = (0..8 * mib / 12).map(|at| format!("\"k{at}\":0,")).collect();
    let body = format!("{issue}{{{names}\"k\":0}}}}]}}").into_bytes();
    table.row("errors: 422 with an input of many names", body, false, errors);
    let body = event(filled(r#"{"error":{"message":"a","x":["#, r#"{"":0}"#, ",", "]}}", 15 * mib));
    table.row("errors: a large event", body, false, |body| add_up(&chat, body));
    let body = event(filled(r#"{"error":{"message":""#, "aaaaaaa ", "", "\"}}", 15 * mib));
    table.row("errors: an event of a long message", body, false, |body| add_up(&chat, body));
    let body = filled(r#"{"error":{"message":"a","x":["#, r#"{"":0}"#, ",", "]}}", large(60 * mib));
    table.row("errors: in place of an answer", body, false, list);
    let strings = vec!["\"aaa\""; 900].join(",");
    let turn = format!(
        "data: {{\"choices\":[{{\"delta\":{{\"content\":\"a\"}}}}]}}\n\ndata: {{\"choices\":[{{\"delta\":{{\"content\":\"a\"}}}}],\"x\":[{strings}]}}\n\n"
    );
    let body = turn.repeat(3_900_000 / turn.len()).into_bytes();
    table.row("chat events: a small one and one of 900 strings", body, false, |body| add_up(&chat, body));

    // What real servers send.
    let card = r#"{"id":"alpha-7B-exl3","object":"model","created":1795359305,"owned_by":"tabbyAPI","logging":null,"parameters":null}"#;
    let body = filled(r#"{"object":"list","data":["#, card, ",", "]}", 5_000 * 112);
    table.row("real: 5,000 models", body, true, |body| decode(ListModels.decoder(), &head(false), body));
    let embed = EmbeddingsRequest::new(["x"]);
    let body = filled(
        r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":["#,
        "-0.02341234567890123",
        ", ",
        "]}]}",
        large(20 * mib),
    );
    table.row("real: one vector", body, true, |body| decode(embed.decoder(), &head(false), body));
    let body = filled(r#"{"data":[{"index":0,"embedding":["#, "0.12", ",", "]}]}", large(20 * mib));
    table.row("real: short numbers", body, true, |body| decode(embed.decoder(), &head(false), body));
    let vector =
        format!(r#"{{"object":"embedding","embedding":[{}],"index":$}}"#, vec!["-0.0234123456789"; 1024].join(","));
    let vectors: Vec<String> = (0..1_200).map(|at| vector.replace('$', &at.to_string())).collect();
    let embed = EmbeddingsRequest::new(vec!["x"; 1_200]);
    let body = format!(
        r#"{{"object":"list","data":[{}],"model":"m","usage":{{"prompt_tokens":1,"total_tokens":1}}}}"#,
        vectors.join(",")
    );
    table.row("real: 1,200 vectors", body.into_bytes(), true, |body| decode(embed.decoder(), &head(false), body));
    let embed = EmbeddingsRequest::new(["x"]);
    let body = filled(r#"{"data":[{"index":0,"embedding":""#, "AACAPwAAgD8AAIA/", "", "\"}]}", large(20 * mib));
    table.row("real: base64", body, true, |body| decode(embed.decoder(), &head(false), body));
    for mib in [33, 100] {
        let size = large(mib * (1 << 20) / 10);
        let top = r#"{"token":" the","token_id":1234,"logprob":-12.345678901234567}"#;
        let body = event(filled(
            r#"{"id":"a","choices":[{"index":0,"delta":{"content":" the"},"logprobs":{"content":[{"token":" the","logprob":-0.1,"top_logprobs":["#,
            top,
            ", ",
            "]}]}}]}",
            size,
        ));
        table.row("real: likely tokens of a chunk", body, true, |body| add_up(&chat, body));
        let tops = [top, top, top, r#"{"token":" the","token_id":1,"logprob":-Infinity}"#].join(", ");
        let body = event(filled(
            r#"{"id":"a","choices":[{"index":0,"delta":{"content":" the"},"logprobs":{"content":[{"token":" the","logprob":-0.1,"top_logprobs":["#,
            &tops,
            ", ",
            "]}]}}]}",
            size,
        ));
        table.row("real: likely tokens, some of them not", body, true, |body| add_up(&chat, body));
        let top = r#"{"token":" the","logprob":-Infinity}"#;
        let body = event(filled(
            r#"{"id":"a","choices":[{"index":0,"delta":{"content":" the"},"logprobs":{"content":[{"token":" the","logprob":-0.1,"top_logprobs":["#,
            top,
            ", ",
            "]}]}}]}",
            size.min(7 << 19),
        ));
        table.row("real: likely tokens, all of them not", body, true, |body| add_up(&chat, body));
        let tops: Vec<String> = (0..size / 32).map(|at| format!("\"token{at}\":-12.345678901234567")).collect();
        let body = format!(
            r#"{{"id":"a","choices":[{{"index":0,"text":"a","logprobs":{{"tokens":["a"],"token_logprobs":[-0.1],"top_logprobs":[{{{}}}],"text_offset":[0]}}}}]}}"#,
            tops.join(",")
        );
        table.row("real: likely tokens of a completion's chunk", event(body.into_bytes()), true, |body| {
            add_up(&completion, body)
        });
    }
    let encode = EncodeRequest::new("x");
    let body = filled(r#"{"length":1,"tokens":["#, "12345", ",", "]}", large(20 * mib));
    table.row("real: three million tokens", body, true, |body| decode(encode.decoder(), &head(false), body));
    let body = filled(
        r#"{"id":"a","choices":[{"index":0,"message":{"role":"assistant","content":""#,
        "A line of text.\\n",
        "",
        "\"}}]}",
        large(20 * mib),
    );
    table.row("real: a long answer", body, true, |body| decode(Endpoint::decoder(&chat), &head(false), body));
    let likely = r#"{"token":" the","token_id":1,"logprob":-0.1,"top_logprobs":[{"token":" the","token_id":1,"logprob":-0.1},{"token":" a","token_id":2,"logprob":-1.5},{"token":" b","token_id":3,"logprob":-2.5}]}"#;
    let body = filled(
        r#"{"id":"a","choices":[{"index":0,"message":{"role":"assistant","content":"x"},"logprobs":{"content":["#,
        likely,
        ",",
        "]}}]}",
        large(20 * mib),
    );
    table.row("real: logprobs of a whole answer", body, true, |body| {
        decode(Endpoint::decoder(&chat), &head(false), body)
    });
    let likely = r#"{"token":" the","token_id":1234,"logprob":-0.123456789,"top_logprobs":[]}"#;
    let body = filled(
        r#"{"id":"a","choices":[{"index":0,"message":{"role":"assistant","content":"x"},"logprobs":{"content":["#,
        likely,
        ",",
        "]}}]}",
        large(20 * mib),
    );
    table.row("real: logprobs without likely tokens", body, true, |body| {
        decode(Endpoint::decoder(&chat), &head(false), body)
    });
    for likely in [1, 5] {
        let top: Vec<String> = (0..likely).map(|at| format!("\" token{at}\":-12.345678901234567")).collect();
        let count = large(20 * mib) / (50 + 32 * likely);
        let list = |element: &str| vec![element; count].join(",");
        let body = format!(
            r#"{{"choices":[{{"text":"x","logprobs":{{"tokens":[{}],"token_logprobs":[{}],"top_logprobs":[{}],"text_offset":[{}]}}}}]}}"#,
            list("\" token\""),
            list("-12.345678901234567"),
            list(&format!("{{{}}}", top.join(","))),
            list("123456"),
        );
        table.row(&format!("real: logprobs of a whole completion, {likely}"), body.into_bytes(), true, |body| {
            decode(Endpoint::decoder(&completion), &head(false), body)
        });
    }
    assert!(table.bad.is_empty(), "{}", table.bad.join("\n"));
}
