//! Large bodies: whether the time grows with their size alone, and how much memory they take at most.

use std::{hint::black_box, pin::pin, sync::Arc, time::Instant};

use bytes::Bytes;
use futures_util::FutureExt;
use tabbyapi::{
    Endpoint,
    api::{ChatMessage, ChatRequest, EmbeddingsRequest},
};

use crate::{
    allocations,
    bars::Verdict,
    loopback::Extent,
    memory,
    report::{Row, Table},
};

/// What arrives from a socket at a time, about.
const PIECE: usize = 16 << 10;
/// Twice the size may take so many times as long.
const LINEAR: f64 = 2.6;
/// So many times the body may be in memory, itself included.
const MEMORY: f64 = 2.0;
/// The same for the small ones of a quick run: what is reached, so that it does not become more.
const QUICK_MEMORY: f64 = 3.0;

/// The bytes of a body, and what handles it.
type Made = (usize, Box<dyn Fn()>);

struct Case {
    name: &'static str,
    /// In bytes; of the request in messages.
    size: usize,
    /// Makes what is measured, of this size.
    make: fn(usize) -> Made,
}

const CASES: [Case; 4] = [
    Case { name: "vectors as numbers, 63 MiB", size: 63 << 20, make: numbers },
    Case { name: "vectors as base64, 63 MiB", size: 63 << 20, make: base64 },
    Case { name: "an event of 10 MB", size: 10_000_000, make: event },
    Case { name: "a request of 5,000 messages", size: 5_000, make: messages },
];

pub(crate) fn measure(extent: Extent) -> (Table, Vec<Verdict>) {
    let (part, rounds) = extent.pick((16, 1), (1, 5));
    let mut rows = Vec::new();
    let mut verdicts = Vec::new();
    for case in &CASES {
        eprintln!("{} ...", case.name);
        let size = case.size / part;
        let [half, whole] = [size / 2, size].map(|size| {
            let (_, run) = (case.make)(size);
            let times = (0..rounds).map(|_| {
                let start = Instant::now();
                run();
                start.elapsed().as_secs_f64() * 1_000.0
            });
            times.fold(f64::INFINITY, f64::min)
        });
        let (length, run) = (case.make)(size);
        let ((), peak) = allocations::peak(run);
        let (times, growth) = (peak as f64 / length as f64, whole / half);
        rows.push(Row { name: case.name, values: vec![length as f64 / 1e6, whole, growth, times] });
        if let Extent::Full = extent {
            verdicts.push(Verdict {
                text: format!("{}: twice the size at most {LINEAR} x the time: {growth:.2}", case.name),
                reached: growth <= LINEAR,
            });
        }
        let most = extent.pick(QUICK_MEMORY, MEMORY);
        verdicts.push(Verdict {
            text: format!("{}: at most {most} x the body in memory: {times:.2}", case.name),
            reached: times <= most,
        });
    }
    let table = Table {
        title: "Large bodies".into(),
        note: format!(
            "In pieces of {PIECE} bytes, without sockets; the best of {rounds} runs, its ratio to that of half the size, and \
             the most memory in bytes of the body."
        ),
        columns: vec!["MB", "ms", "to half", "memory"],
        rows,
        digits: 2,
    };
    (table, verdicts)
}

/// The body in pieces, each of which is freed when it is read. It does not count as memory that is measured.
fn pieces(body: &Arc<[u8]>) -> impl Iterator<Item = Bytes> + Send + 'static {
    let body = body.clone();
    (0..body.len()).step_by(PIECE).map(move |at| Bytes::copy_from_slice(&body[at..body.len().min(at + PIECE)]))
}

fn numbers(size: usize) -> Made {
    let vector = (0..384).map(|n| format!("{:.8}", f64::from(n) / 1_931.0 - 0.1)).collect::<Vec<_>>().join(", ");
    vectors(size, &format!("[{vector}]"))
}

fn base64(size: usize) -> Made {
    vectors(size, &format!("\"{}\"", "AACAPwAA".repeat(256)))
}

fn vectors(size: usize, vector: &str) -> Made {
    let mut body = String::from(r#"{"object": "list", "data": ["#);
    let mut count = 0;
    loop {
        let next = format!(r#"{{"object": "embedding", "embedding": {vector}, "index": {count}}}, "#);
        if body.len() + next.len() > size {
            break;
        }
        body.push_str(&next);
        count += 1;
    }
    body.truncate(body.len() - 2);
    body.push_str(r#"], "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1}}"#);
    let body: Arc<[u8]> = body.into_bytes().into();
    let (length, request) = (body.len(), EmbeddingsRequest::new(vec!["a".to_owned(); count]));
    let run = move || {
        let client = memory::answering(body.len(), pieces(&body));
        black_box(now(client.embeddings().create(&request)).expect("vectors"));
    };
    (length, Box::new(run))
}

fn event(size: usize) -> Made {
    let text = "A long line of text, as a tool call may have. ".repeat(size / 46);
    let body = format!(
        "data: {{\"id\": \"a\", \"object\": \"chat.completion.chunk\", \"created\": 1, \"model\": \"m\", \"choices\": \
         [{{\"index\": 0, \"delta\": {{\"content\": \"{text}\"}}, \"finish_reason\": \"stop\"}}]}}\n\ndata: [DONE]\n\n"
    );
    let body: Arc<[u8]> = body.into_bytes().into();
    let length = body.len();
    let run = move || {
        let client = memory::streaming(pieces(&body));
        let mut stream = client.chat().stream(&ChatRequest::new([ChatMessage::user("Why?")]));
        while let Some(chunk) = now(stream.next()) {
            black_box(chunk.expect("a chunk").text().len());
        }
    };
    (length, Box::new(run))
}

fn messages(count: usize) -> Made {
    let text = "A paragraph of a long conversation, with \"quotes\" and\nlines in it. ".repeat(15);
    let request = ChatRequest::new((0..count).map(|_| ChatMessage::user(text.clone())).collect::<Vec<_>>());
    let length = request.body().ok().flatten().map_or(0, |body| body.len());
    let answer: Arc<[u8]> = ANSWER.as_bytes().into();
    let run = move || {
        let client = memory::answering(answer.len(), pieces(&answer));
        black_box(now(client.chat().create(&request)).expect("an answer"));
    };
    (length, Box::new(run))
}

const ANSWER: &str = r#"{"id": "a", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0, "message":
    {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}]}"#;

/// The output of a future that waits for nothing.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        // A call yields now and then.
        if let Some(output) = future.as_mut().now_or_never() {
            return output;
        }
    }
}
