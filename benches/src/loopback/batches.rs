//! Many calls at a time over loopback, beside a loop of reqwest's calls.

use std::{hint::black_box, process::ExitCode, time::Duration};

use futures_util::{StreamExt, stream};
use serde::Deserialize;
use tabbyapi::{
    Client,
    api::{ChatMessage, ChatRequest},
};
use tokio::runtime::Runtime;

use super::{Extent, bare, medians, ours, runtime, server::Server, timed};
use crate::{
    bars::Verdict,
    instructions::counted,
    report::{Row, Table},
};

const THEIRS: &str = "reqwest + serde_json, by hand";
const OURS: &str = "tabbyapi";
const CALLS: &str = "chats";
const TEXTS: &str = "texts to vectors";

/// How many calls run at a time, and how many texts a request for vectors has.
const AT_A_TIME: usize = 64;
const DIMENSIONS: usize = 384;

/// What one of both does, over and over.
#[derive(Clone, Copy)]
struct Job {
    name: &'static str,
    column: &'static str,
    run: fn(&Clients, &Runtime, usize),
}

const JOBS: [Job; 4] = [
    Job { name: THEIRS, column: CALLS, run: |clients, runtime, count| runtime.block_on(chats_by_hand(clients, count)) },
    Job { name: OURS, column: CALLS, run: |clients, runtime, count| runtime.block_on(chats(clients, count)) },
    Job {
        name: THEIRS,
        column: TEXTS,
        run: |clients, runtime, count| runtime.block_on(vectors_by_hand(clients, count)),
    },
    Job { name: OURS, column: TEXTS, run: |clients, runtime, count| runtime.block_on(vectors(clients, count)) },
];

/// The clients of both, and where they ask.
struct Clients {
    url: String,
    bare: reqwest::Client,
    ours: Client,
}

impl Clients {
    fn new(server: &Server, column: &str) -> Self {
        let url = match column {
            CALLS => server.url("small"),
            _ => server.url(&format!("embed/{DIMENSIONS}")),
        };
        Self { bare: bare(), ours: ours(&url), url }
    }
}

pub(super) fn times(server: &Server, runtime: &Runtime, extent: Extent) -> (Table, Vec<Verdict>) {
    let (count, rounds) = extent.pick((128, 1), (10_000, 9));
    eprintln!("batches ...");
    let columns = [CALLS, TEXTS].map(|column| {
        let clients = Clients::new(server, column);
        let runs = JOBS.iter().filter(|job| job.column == column);
        let runs: Vec<_> = runs.map(|job| || timed(|| (job.run)(&clients, runtime, count))).collect();
        medians(rounds, &runs.iter().map(|run| run as &dyn Fn() -> Duration).collect::<Vec<_>>())
    });
    let each = |at: usize| columns.iter().map(|times| times[at] / count as f64).collect();
    let table = Table {
        title: "Batches over loopback, nanoseconds of the client's processor for each".into(),
        note: format!(
            "{count} chats, {AT_A_TIME} at a time; {count} texts to vectors of {DIMENSIONS} numbers, 64 a request, two at a \
             time; the median of {rounds} interleaved rounds."
        ),
        columns: vec![CALLS, TEXTS],
        rows: vec![Row { name: THEIRS, values: each(0) }, Row { name: OURS, values: each(1) }],
        digits: 0,
    };
    let verdicts = extent.pick(Vec::new(), judge(&table));
    (table, verdicts)
}

fn judge(table: &Table) -> Vec<Verdict> {
    let verdict = |column| {
        let ratio = table.value(OURS, column) / table.value(THEIRS, column);
        Verdict { text: format!("{OURS} at most 1.2 x {THEIRS}, {column}: {ratio:.2}"), reached: ratio <= 1.2 }
    };
    [CALLS, TEXTS].map(verdict).into()
}

/// Two runs differ in the number of calls or texts alone.
const COUNTED: [usize; 2] = [640, 1_920];

pub(super) fn instructions() -> Result<(Table, Vec<Verdict>), String> {
    let mut rows: Vec<Row> = [THEIRS, OURS].map(Row::named).into();
    for job in JOBS {
        eprintln!("{}, {} ...", job.name, job.column);
        let count = |count: usize| counted(&["--one-batch", job.name, job.column, &count.to_string()]);
        let [few, many] = COUNTED;
        let each = (count(many)? - count(few)?) / (many - few) as f64;
        rows.iter_mut().filter(|row| row.name == job.name).for_each(|row| row.values.push(each));
    }
    let table = Table {
        title: "Batches over loopback, instructions of the client's process for each".into(),
        note: String::new(),
        columns: vec![CALLS, TEXTS],
        rows,
        digits: 0,
    };
    let verdicts = judge(&table);
    Ok((table, verdicts))
}

/// What a counted process does.
pub(crate) fn run_one(name: &str, column: &str, count: &str) -> ExitCode {
    let job = JOBS.iter().find(|job| job.name == name && job.column == column);
    let (Some(job), Ok(count), Ok(server), Ok(runtime)) = (job, count.parse(), Server::start(), runtime()) else {
        return ExitCode::FAILURE;
    };
    (job.run)(&Clients::new(&server, column), &runtime, count);
    ExitCode::SUCCESS
}

async fn chats(clients: &Clients, count: usize) {
    let requests = (0..count).map(|n| ChatRequest::new([ChatMessage::user(question(n))]));
    let mut batch = clients.ours.batch(requests).concurrency(AT_A_TIME);
    while let Some(done) = batch.next().await {
        black_box(done.result.expect("an answer").text());
    }
}

async fn vectors(clients: &Clients, count: usize) {
    let all = clients.ours.embeddings().many((0..count).map(question)).await;
    let all = all.map_err(tabbyapi::Error::from).expect("vectors");
    assert_eq!(all.data.len(), count);
}

fn question(n: usize) -> String {
    format!("How many birds are on roof {n}, and what do they look at?")
}

async fn chats_by_hand(Clients { bare: client, url, .. }: &Clients, count: usize) {
    #[derive(Deserialize)]
    struct Answer {
        choices: Vec<Choice>,
    }
    #[derive(Deserialize)]
    struct Choice {
        message: Message,
    }
    #[derive(Deserialize)]
    struct Message {
        content: Option<String>,
    }
    let calls = (0..count).map(|n| async move {
        let body = serde_json::json!({"messages": [{"role": "user", "content": question(n)}]}).to_string();
        let answer: Answer = post(client, &format!("{url}/v1/chat/completions"), body).await;
        black_box(answer.choices.first().and_then(|choice| choice.message.content.as_deref()).map(str::len));
    });
    stream::iter(calls).buffer_unordered(AT_A_TIME).collect::<()>().await;
}

async fn vectors_by_hand(Clients { bare: client, url, .. }: &Clients, count: usize) {
    let texts: Vec<String> = (0..count).map(question).collect();
    #[derive(Deserialize)]
    struct List {
        data: Vec<Vector>,
    }
    #[derive(Deserialize)]
    struct Vector {
        index: usize,
        embedding: String,
    }
    let requests = texts.chunks(64).map(|texts| async move {
        let body = serde_json::json!({"input": texts, "encoding_format": "base64"}).to_string();
        let mut list: List = post(client, &format!("{url}/v1/embeddings"), body).await;
        list.data.sort_by_key(|vector| vector.index);
        list.data.iter().map(|vector| numbers(&vector.embedding)).collect::<Vec<_>>()
    });
    let all: Vec<Vec<f32>> = stream::iter(requests).buffered(2).map(stream::iter).flatten().collect().await;
    assert_eq!(all.len(), texts.len());
}

fn numbers(base64: &str) -> Vec<f32> {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::STANDARD.decode(base64).expect("base64");
    bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect()
}

async fn post<T: serde::de::DeserializeOwned>(client: &reqwest::Client, url: &str, body: String) -> T {
    let response = client.post(url).header("content-type", "application/json").body(body).send().await;
    let bytes = response.expect("a response").error_for_status().expect("success").bytes().await.expect("a body");
    serde_json::from_slice(&bytes).expect("valid")
}
