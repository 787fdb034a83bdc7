//! Embeddings of many texts, over scripted answers: split and joined, part by part, resumed by their records.

use std::time::Duration;

use futures::StreamExt;
use futures::executor::block_on;
use serde_json::{Value, json};
use tabbyapi::Client;
use tabbyapi::batch::{EmbedMany, EmbedPart, PartJournal, PartRecord};
use tabbyapi::call::Retry;
use tabbyapi::transport::script::{Reply, Script};

fn client(script: &Script) -> Client {
    Client::builder("http://tabby.test").retry(Retry::NEVER).build_with(script.clone()).unwrap()
}

fn vectors(model: &str, numbers: &[f32]) -> Reply {
    let data: Vec<_> = numbers.iter().enumerate().map(|(at, n)| json!({"index": at, "embedding": [n, 1.0]})).collect();
    let usage = json!({"prompt_tokens": 10, "completion_tokens": 0, "total_tokens": 10});
    Reply::json(200, json!({"data": data, "model": model, "usage": usage}).to_string())
}

#[test]
fn embeddings_are_split_and_joined_in_order() {
    let slow = |reply: Reply| reply.head_after(Duration::from_secs(5));
    let script = Script::new([slow(vectors("e", &[0.0, 1.0])), vectors("e", &[2.0, 3.0]), vectors("e", &[4.0])]);
    let texts: Vec<_> = (0..5).map(|n| format!("text {n}")).collect();
    let all = block_on(client(&script).embeddings().many(texts).per_request(2).concurrency(3)).unwrap();
    assert_eq!(
        all.data.iter().map(|item| (item.index, item.embedding[0])).collect::<Vec<_>>(),
        [(0, 0.0), (1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0)]
    );
    assert_eq!((all.usage.unwrap().prompt_tokens, &*all.model), (30, "e"));
    let sent: Vec<Value> =
        script.requests().iter().map(|request| serde_json::from_slice(request.body()).unwrap()).collect();
    assert_eq!(sent[0]["input"], json!(["text 0", "text 1"]));
    assert_eq!(sent[2]["input"], json!(["text 4"]));
}

#[test]
fn embeddings_that_came_are_kept_if_others_fail() {
    let script =
        Script::new([vectors("e", &[0.0]), Reply::status(500), vectors("other", &[2.0]), vectors("e", &[3.0])]);
    let partial = block_on(client(&script).embeddings().many(["a", "b", "c", "d"]).per_request(1)).unwrap_err();
    let came: Vec<_> = partial.vectors.iter().map(Option::is_some).collect();
    assert_eq!(came, [true, false, false, true]);
    let errors: Vec<_> = partial.errors.iter().map(|(texts, error)| (texts.clone(), error.code().as_str())).collect();
    assert_eq!(errors, [(1..2, "server_error"), (2..3, "inconsistent_answer")]);
    assert!(partial.to_string().starts_with("2 of 4 texts have no vector: POST http://tabby.test/v1/embeddings: "));
    let none = block_on(client(&script).embeddings().many(Vec::<String>::new())).unwrap_err();
    assert_eq!(none.errors[0].1.code().as_str(), "no_input");
}

/// The texts of the requests, in the order in which they were sent.
fn inputs(script: &Script) -> Vec<Vec<String>> {
    let input = |body: &[u8]| serde_json::from_value(serde_json::from_slice::<Value>(body).unwrap()["input"].take());
    script.requests().iter().map(|request| input(request.body()).unwrap()).collect()
}

fn many(script: &Script, texts: &[&str], per_request: usize) -> EmbedMany {
    client(script).embeddings().many(texts.iter().copied()).per_request(per_request)
}

/// The first number of each vector with the place of its text, or the code of the error.
fn brief(part: &EmbedPart) -> Result<Vec<(usize, f32)>, String> {
    let answer = part.result.as_ref().map_err(|error| error.code().to_string())?;
    Ok(answer.data.iter().map(|item| (item.index, item.embedding[0])).collect())
}

fn read_parts(file: &[u8]) -> PartJournal {
    let mut journal = PartJournal::new();
    file.chunks(7).for_each(|bytes| journal.feed(bytes));
    journal.end();
    journal
}

/// The lines of all parts of these texts, one a request, whose vectors begin with 0, 1, ...
fn lines_of(texts: &[&str]) -> String {
    let script = Script::new((0..texts.len()).map(|n| vectors("e", &[n as f32])));
    let parts = block_on(many(&script, texts, 1).concurrency(1).parts().collect::<Vec<_>>());
    parts.iter().map(|part| PartRecord::of(part).unwrap().to_line()).collect()
}

#[test]
fn parts_come_as_they_arrive_or_in_order() {
    let texts = ["a", "b", "c", "d", "e"];
    let slow = |reply: Reply, seconds| reply.head_after(Duration::from_secs(seconds));
    for (ordered, expected) in [(false, [2..4, 4..5, 0..2]), (true, [0..2, 2..4, 4..5])] {
        let script = Script::new([
            slow(vectors("e", &[0.0, 1.0]), 9),
            slow(vectors("e", &[2.0, 3.0]), 1),
            slow(vectors("e", &[4.0]), 3),
        ]);
        let mut parts = many(&script, &texts, 2).concurrency(3).parts();
        if ordered {
            parts = parts.ordered();
        }
        assert_eq!((parts.progress(), script.requests().len()), ((0, 5), 0), "nothing is sent before it is polled");
        let (mut ranges, mut done) = (Vec::new(), 0);
        while let Some(part) = block_on(parts.next()) {
            let range = part.range.clone();
            assert_eq!(part.texts, &texts[range.clone()]);
            assert_eq!(brief(&part).unwrap(), range.clone().map(|n| (n, n as f32)).collect::<Vec<_>>());
            done += range.len();
            assert_eq!(parts.progress(), (done, 5));
            ranges.push(range);
        }
        assert_eq!(ranges, expected);
    }
}

#[test]
fn not_polling_holds_parts_back() {
    let script = Script::new((0..20u8).map(|n| vectors("e", &[f32::from(n)])));
    let mut parts = many(&script, &["t"; 20], 1).concurrency(2).parts();
    assert!(block_on(parts.next()).is_some());
    assert!(script.requests().len() <= 2);
    drop(parts);
    assert!(script.requests().len() <= 2);
    assert!(block_on(many(&script, &[], 1).parts().next()).is_none());
}

#[test]
fn an_error_ends_neither_the_parts_nor_their_record() {
    let texts = ["a", "b", "c", "d"];
    let script =
        Script::new([vectors("e", &[0.0]), Reply::status(500), vectors("other", &[2.0]), vectors("e", &[3.0])]);
    let parts = block_on(many(&script, &texts, 1).concurrency(1).parts().collect::<Vec<_>>());
    let came: Vec<_> = parts.iter().map(brief).collect();
    let failed = |code: &str| Err(code.to_owned());
    assert_eq!(came, [Ok(vec![(0, 0.0)]), failed("server_error"), failed("inconsistent_answer"), Ok(vec![(3, 3.0)])]);
    let records: Vec<_> = parts.iter().filter_map(PartRecord::of).collect();
    assert_eq!(records.iter().map(|record| record.range.clone()).collect::<Vec<_>>(), [0..1, 3..4]);

    // What is missing is neighbouring now, and goes into one request.
    let script = Script::new([vectors("e", &[1.0, 2.0])]);
    let all = block_on(many(&script, &texts, 2).resume(records)).unwrap();
    assert_eq!(inputs(&script), [["b", "c"]]);
    let places: Vec<_> = all.data.iter().map(|item| (item.index, item.embedding.clone())).collect();
    assert_eq!(places, (0..4u8).map(|n| (usize::from(n), vec![f32::from(n), 1.0])).collect::<Vec<_>>());
    assert_eq!((&*all.model, all.usage.unwrap().prompt_tokens), ("e", 30));
}

#[test]
fn a_partial_result_can_be_resumed() {
    let texts: Vec<String> = (0..200).map(|n| format!("text {n}")).collect();
    let numbers: Vec<f32> = (0..200u8).map(f32::from).collect();
    let script = Script::new([vectors("e", &numbers[..130]), Reply::status(500), vectors("e", &numbers[140..])]);
    let run = client(&script).embeddings().many(&texts).per_request(130).tokens_per_request(u64::MAX);
    let partial = block_on(run).unwrap_err();
    assert_eq!((partial.missing(), script.requests().len()), (70, 2));
    let records = partial.records(&texts);
    assert_eq!(records.iter().map(|record| record.range.clone()).collect::<Vec<_>>(), [0..64, 64..128, 128..130]);
    assert!(records.iter().all(|record| record.matches(&texts) && &*record.model == "e"));

    let script = Script::new([vectors("e", &numbers[130..])]);
    let all = block_on(client(&script).embeddings().many(&texts).per_request(99).resume(records)).unwrap();
    assert_eq!(inputs(&script), [&texts[130..]]);
    assert_eq!(all.into_vectors().iter().map(|vector| vector[0]).collect::<Vec<_>>(), numbers);
}

#[test]
fn killed_at_any_byte_embeddings_ask_only_for_what_is_missing() {
    let texts = ["a", "b\n", "ü", ""];
    let file = lines_of(&texts);
    for cut in 0..=file.len() {
        let journal = read_parts(&file.as_bytes()[..cut]);
        assert!(journal.is_part_file() && journal.damaged() == 0, "cut at {cut}");
        let done = journal.records().len();
        assert!(done == file[..cut].matches('\n').count() + usize::from(!journal.glue().is_empty()), "cut at {cut}");
        let left = &texts[done..];

        // Appended to, the file is whole again.
        let script = Script::new((done..4).map(|n| vectors("e", &[n as f32])));
        let mut whole = file[..usize::try_from(journal.whole_bytes()).unwrap()].to_owned() + journal.glue();
        let mut parts = many(&script, &texts, 1).resume(journal).parts();
        assert_eq!(parts.progress(), (done, 4));
        while let Some(part) = block_on(parts.next()) {
            whole += &PartRecord::of(&part).unwrap().to_line();
        }
        assert_eq!(inputs(&script).concat(), left, "cut at {cut}");
        let journal = read_parts(whole.as_bytes());
        assert_eq!((journal.records().len(), journal.whole_bytes()), (4, whole.len() as u64));
        let nothing = Script::new(Vec::<Reply>::new());
        let all = block_on(many(&nothing, &texts, 1).resume(journal)).unwrap();
        assert_eq!(all.into_vectors(), [[0.0, 1.0], [1.0, 1.0], [2.0, 1.0], [3.0, 1.0]]);
        assert!(nothing.requests().is_empty());
    }
    assert!(!read_parts(b"{\"custom_id\":\"a\",\"request\":\"aa\"}\n").is_part_file());
}

#[test]
fn changed_texts_and_records_that_do_not_fit_are_asked_for_again() {
    let journal = || read_parts(lines_of(&["a", "b", "c", "d"]).as_bytes()).records().to_vec();
    let asked = |texts: &[&str], records: Vec<PartRecord>| {
        let script = Script::new((0..9u8).map(|_| vectors("e", &[9.0])));
        let _ = block_on(many(&script, texts, 1).resume(records.clone()));
        let awaited = inputs(&script).concat();
        let script = Script::new((0..9u8).map(|_| vectors("e", &[9.0])));
        let _ = block_on(many(&script, texts, 1).resume(records).parts().collect::<Vec<_>>());
        (awaited, inputs(&script).concat())
    };
    let both = |texts: &[&str]| {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        (texts.clone(), texts)
    };
    assert_eq!(asked(&["a", "B", "c", "d"], journal()), both(&["B"]));
    assert_eq!(asked(&["a", "b", "c"], journal()), both(&[]));
    assert_eq!(asked(&["new", "a", "b", "c"], journal()), both(&["new", "a", "b", "c"]), "places count");
    assert_eq!(asked(&["a", "b", "c", "d", "e"], journal()), both(&["e"]));

    // Of several records the latest one counts; of several models that of the latest one.
    let mut records = journal();
    for (place, model) in [(1, "old"), (2, "old")] {
        let mut old = records[place].clone();
        old.model = model.into();
        records.insert(0, old);
    }
    records.remove(3);
    assert_eq!(asked(&["a", "b", "c", "d"], records), both(&["b"]));

    // Records that come twice count once.
    let twice = [journal(), journal()].concat();
    let all =
        block_on(many(&Script::new([vectors("e", &[4.0])]), &["a", "b", "c", "d", "e"], 1).resume(twice)).unwrap();
    assert_eq!((all.usage.unwrap().prompt_tokens, all.data.len()), (50, 5));

    // Damaged ones are of no use.
    let damages: [fn(&mut PartRecord); 5] = [
        |record| record.range = 1..usize::MAX,
        |record| record.range = 1..1,
        |record| record.digest.clear(),
        |record| record.dimension = 3,
        |record| record.vectors = Some(Vec::new()),
    ];
    for damage in damages {
        let mut records = journal();
        damage(&mut records[1]);
        assert_eq!(asked(&["a", "b", "c", "d"], records), both(&["b"]));
    }

    // Vectors that the user has are not asked for again, but an await needs them.
    let mut records = journal();
    records[1] = records[1].clone().stored_at("vectors.bin, row 1");
    let again: PartRecord = serde_json::from_str(&records[1].to_line()).unwrap();
    assert_eq!((again.stored_at.as_deref(), &again), (Some("vectors.bin, row 1"), &records[1]));
    assert_eq!(asked(&["a", "b", "c", "d"], records), (vec!["b".to_owned()], Vec::new()));
}

#[test]
fn new_vectors_must_be_like_those_of_the_records() {
    let records = || read_parts(lines_of(&["a"]).as_bytes());
    for (reply, message) in [
        (vectors("new", &[1.0]), "new made these vectors, but e made earlier ones"),
        (
            Reply::json(200, r#"{"data":[{"index":0,"embedding":[1]}],"model":"e"}"#),
            "these vectors have 1 numbers, but earlier ones have 2",
        ),
    ] {
        let partial = block_on(many(&Script::new([reply]), &["a", "b"], 1).resume(records())).unwrap_err();
        let (range, error) = &partial.errors[0];
        assert_eq!((range.clone(), error.code().as_str(), error.message()), (1..2, "inconsistent_answer", message));
        assert!(partial.vectors[0].is_some() && partial.missing() == 1);
    }
}

#[test]
fn records_keep_each_bit_and_read_decimals_too() {
    let numbers = [f32::MIN_POSITIVE / 2.0, -0.0, 0.1, f32::MAX];
    let reply = json!({"data": [{"index": 0, "embedding": numbers}], "model": "e"});
    let script = Script::new([Reply::json(200, reply.to_string())]);
    let part = block_on(many(&script, &["a"], 1).parts().next()).unwrap();
    let record = PartRecord::of(&part).unwrap();
    let line = record.to_line();
    assert_eq!(
        line,
        "{\"range\":{\"start\":0,\"end\":1},\"digest\":\"089bc907b544c769\",\"model\":\"e\",\"dimension\":4,\
         \"vectors\":[\"AABAAAAAAIDNzMw9//9/fw==\"]}\n"
    );
    let read: PartRecord = serde_json::from_str(&line).unwrap();
    let bits =
        |record: &PartRecord| record.vectors.as_ref().unwrap()[0].iter().map(|n| n.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&read), numbers.map(f32::to_bits));
    let decimals = line.replace("\"AABAAAAAAIDNzMw9//9/fw==\"", &json!(numbers).to_string());
    assert_eq!(bits(&serde_json::from_str(&decimals).unwrap()), numbers.map(f32::to_bits));
    assert!(!format!("{record:?} {part:?}").contains("vectors"));
}
