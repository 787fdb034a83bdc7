//! Estimates against the counts of real tokenizers.
//!
//! `estimate/samples.json` holds texts with the counts of four tokenizers, without the token that starts a text:
//! cl100k and o200k as of tiktoken, and those of Llama 3 and Llama 2.

use futures::executor::block_on;
use serde::Deserialize;
use serde_json::{Value, json};
use tabbyapi::api::{ChatRequest, CompletionRequest, EmbeddingsRequest};
use tabbyapi::estimate::{Estimate, Estimator};
use tabbyapi::transport::script::{Reply, Script};
use tabbyapi::{Client, Endpoint};

#[derive(Deserialize)]
struct Sample {
    name: String,
    text: String,
    counts: Counts,
}

#[derive(Deserialize)]
struct Counts {
    cl100k: u64,
    o200k: u64,
    llama3: u64,
    llama2: u64,
}

impl Sample {
    fn all() -> Vec<Sample> {
        serde_json::from_str(include_str!("estimate/samples.json")).unwrap()
    }

    fn counts(&self) -> [u64; 4] {
        [self.counts.cl100k, self.counts.o200k, self.counts.llama3, self.counts.llama2]
    }

    /// English, code and markup.
    fn is_plain(&self) -> bool {
        !self.name.starts_with("language-") && self.name != "emoji"
    }
}

/// How far the middle is off, as a part of the count.
fn error(estimate: Estimate, count: u64) -> f64 {
    estimate.tokens.abs_diff(count) as f64 / count as f64
}

fn median(mut errors: Vec<f64>) -> f64 {
    errors.sort_by(f64::total_cmp);
    errors[errors.len() / 2]
}

#[test]
fn counts_lie_within_the_stated_bounds() {
    let samples = Sample::all();
    assert_eq!(samples.len(), 39);
    for sample in &samples {
        let estimate = Estimator::new().text(&sample.text);
        for count in sample.counts() {
            assert!((estimate.low..=estimate.high).contains(&count), "{}: {count} is not in {estimate:?}", sample.name);
        }
    }
}

/// `estimate/estimates.json`: what other implementations are held to.
#[test]
fn estimates_are_those_that_are_written_down() {
    let samples = Sample::all();
    let estimator = Estimator::new();
    let numbers = |Estimate { tokens, low, high, .. }: Estimate| json!([low, tokens, high]);
    let calibrated = estimator.calibrate(samples.iter().step_by(3).map(|sample| (&sample.text, sample.counts.llama3)));
    let scaled = estimator.calibrate([(&samples[0].text, samples[0].counts.llama2)]).image_tokens(256);
    let odd = [
        "",
        " ",
        "\n\n",
        "a",
        "é",
        "字",
        "😀👩‍👩‍👧",
        "\u{0}\u{7f}",
        "<|im_start|>user",
        "<>x>",
        "[INST] [inst] <a b> <<s>é",
        "camelCaseHTTPServer",
        "3.14 1234567 x 12",
        "naïve ÉTÉ Ǆ ß",
        "\u{a0}x \u{3000} мир",
        "-----==!?",
        "  \t  \r\n x",
    ];
    let long = [
        "<x".repeat(40),
        format!("<{}>", "y".repeat(62)),
        format!("<{}>", "y".repeat(63)),
        format!("<{}>", "é".repeat(31)),
    ];
    let texts: Vec<&str> =
        samples.iter().map(|sample| &*sample.text).chain(odd).chain(long.iter().map(String::as_str)).collect();
    let of_texts: Vec<_> = texts
        .iter()
        .map(|text| {
            json!([text, numbers(estimator.text(text)), numbers(calibrated.text(text)), numbers(scaled.text(text))])
        })
        .collect();
    let written: Vec<Value> = serde_json::from_str(include_str!("estimate/requests.json")).unwrap();
    let of_requests: Vec<_> = written
        .iter()
        .map(|written| {
            let request: ChatRequest = serde_json::from_value(written.clone()).unwrap();
            let fits: Vec<_> = (0..12)
                .map(|step| 40 << step)
                .map(|context| json!([context, request.fit(context, &estimator).map(|fitted| fitted.dropped).ok()]))
                .collect();
            let model = serde_json::from_value(json!({"max_seq_len": 4096, "cache_size": 4352, "chunk_size": 2048})).unwrap();
            let fitted = request.fit_into(&model, &estimator).ok().map(|fitted| json!([fitted.dropped, numbers(fitted.estimate)]));
            json!({"estimate": numbers(estimator.request(&request)), "images": numbers(scaled.request(&request)), "fits": fits, "fitted": fitted})
        })
        .collect();
    let bound = calibrated.bound();
    let actual = json!({"factor": calibrated.factor(), "bound": bound, "texts": of_texts, "requests": of_requests});
    let expected: Value = serde_json::from_str(include_str!("estimate/estimates.json")).unwrap();
    assert!(actual == expected, "estimates changed; if they were meant to, estimates.json is now\n{actual}");
}

/// `estimate/tokens.json`: what requests take out of a rate limit on tokens; the npm package is held to the same numbers.
#[test]
fn rate_limits_count_prompt_and_responses() {
    let written: Vec<(String, Value, u64)> = serde_json::from_str(include_str!("estimate/tokens.json")).unwrap();
    assert!(!written.is_empty());
    for (service, request, expected) in written {
        let given = request.clone();
        let tokens = match &*service {
            "chat" => serde_json::from_value::<ChatRequest>(given).unwrap().tokens(),
            "completions" => serde_json::from_value::<CompletionRequest>(given).unwrap().tokens(),
            _ => serde_json::from_value::<EmbeddingsRequest>(given).unwrap().tokens(),
        };
        assert_eq!(tokens, expected, "{service} {request}");
    }
}

#[test]
fn the_middle_is_as_near_as_stated() {
    let samples = Sample::all();
    let estimator = Estimator::new();
    for tokenizer in 0..3 {
        let off = |sample: &Sample| error(estimator.text(&sample.text), sample.counts()[tokenizer]);
        for sample in samples.iter().filter(|sample| sample.is_plain()) {
            assert!(off(sample) <= 0.16, "{}: {:.2}", sample.name, off(sample));
        }
        assert!(median(samples.iter().map(off).collect()) < 0.11);
    }
}

#[test]
fn calibration_narrows_the_bounds_and_they_hold_for_the_same_kind_of_text() {
    let samples = Sample::all();
    let plain: Vec<_> = samples.iter().filter(|sample| sample.is_plain()).collect();
    for tokenizer in 0..4 {
        let pair = |sample: &&Sample| (sample.text.clone(), sample.counts()[tokenizer]);
        let estimator = Estimator::new().calibrate(plain.iter().step_by(2).map(pair));
        let bound = estimator.bound().unwrap();
        assert!((0.05..0.62).contains(&bound), "{tokenizer}: {bound}");
        for sample in &plain {
            let (wide, narrow) = (Estimator::new().text(&sample.text), estimator.text(&sample.text));
            let count = sample.counts()[tokenizer];
            assert!((narrow.low..=narrow.high).contains(&count), "{}: {count} is not in {narrow:?}", sample.name);
            assert!(
                tokenizer == 3 || narrow.high - narrow.low < wide.high - wide.low,
                "{}: {narrow:?} {wide:?}",
                sample.name
            );
        }
    }
}

#[test]
fn one_language_calibrates_well() {
    // What the tokenizers differ in most is how they treat a script, and that is what a factor tells.
    let korean =
        "어제 저녁에 친구들과 함께 바닷가를 걸었습니다. 바람이 조금 차가웠지만 하늘이 맑아서 별이 아주 잘 보였습니다.";
    let sample = Sample::all().into_iter().find(|sample| sample.name == "language-ko").unwrap();
    let estimator = Estimator::new().calibrate([(&sample.text, sample.counts.o200k)]);
    let (before, after) = (Estimator::new().text(korean), estimator.text(korean));
    assert!(after.tokens < before.tokens * 3 / 4);
}

#[test]
fn the_server_counts_for_the_calibration() {
    let script = Script::new([6, 8, 10].map(|n| Reply::json(200, format!(r#"{{"tokens":[1],"length":{n}}}"#))));
    let client = Client::builder("http://tabby.test").build_with(script.clone()).unwrap();
    let texts = ["one two three", "one two three four", "one two three four five"];
    let calibrated = block_on(client.tokens().calibrate(&Estimator::new(), texts)).unwrap();
    assert_eq!(calibrated, Estimator::new().calibrate(texts.into_iter().zip([6, 8, 10])));
    let sent: serde_json::Value = serde_json::from_slice(script.requests()[1].body()).unwrap();
    assert_eq!((&sent["text"], &sent["add_bos_token"]), (&texts[1].into(), &false.into()));
    assert!(block_on(client.tokens().calibrate(&Estimator::new(), texts)).is_err(), "there are no more replies");
}

#[test]
fn a_tiny_vocabulary_is_reported_by_one_count() {
    // A recorded count, of a server whose vocabulary has 2,400 pieces.
    let (text, count) = ("Hello, wörld 😀", 16);
    assert!(Estimator::new().text(text).tokens < count);
    let reported = Estimator::new().calibrate([(text, count)]).text(text);
    assert_eq!(reported.tokens, count);
}

#[test]
fn bounds_hold_for_blank_and_tiny_texts() {
    let estimator = Estimator::new();
    let calibrated = estimator.calibrate([("one two three", 9), ("four five six", 9), ("seven eight nine", 9)]);
    for estimator in [&estimator, &calibrated] {
        assert_eq!(estimator.text(""), Estimate::default());
        for text in [
            " ", "  ", "\n", "\t", " \n \n", "\r\n", "\u{a0}", "\u{3000}", "a", ".", "0", "é", "я", "字", "😀", "\0",
            "<s>",
        ] {
            let Estimate { tokens, low, high, .. } = estimator.text(text);
            let bytes = text.len() as u64;
            assert!(
                low >= 1 && low <= tokens && tokens <= high && high <= bytes + 1,
                "{text:?}: {low} {tokens} {high}"
            );
            // Whole bytes of one character are as many tokens at most.
            assert!(high >= bytes.min(2), "{text:?}: {high}");
        }
    }
    assert_eq!((estimator.text(" ").low, estimator.text(" ").tokens), (1, 1));
}

/// A tokenizer that knows no letters but ASCII's: a token for each byte, as byte-level ones fall back to.
#[test]
fn letters_of_other_scripts_are_bounded_by_their_bytes() {
    for sample in Sample::all() {
        let letters: Vec<&str> = sample
            .text
            .split(' ')
            .filter(|word| !word.is_empty() && word.chars().all(|c| !c.is_ascii() && !latin(c)))
            .collect();
        let text = letters.join(" ");
        let estimate = Estimator::new().text(&text);
        let bytes = text.len() as u64;
        assert!(estimate.high >= bytes && estimate.high <= bytes + 1, "{}: {estimate:?}, {bytes} bytes", sample.name);
        assert!(text.is_empty() || estimate.low >= 1);
    }
    // A count of a vocabulary of 49,152 pieces, made for English: of letters and blanks, 0.87 tokens each.
    let russian = "Привет! Расскажи мне, пожалуйста, о погоде в Осло.";
    assert!(Estimator::new().text(russian).high >= 50);
}

fn latin(c: char) -> bool {
    matches!(c, '\u{aa}' | '\u{ba}' | '\u{c0}'..='\u{24f}' | '\u{300}'..='\u{36f}' | '\u{1e00}'..='\u{1eff}')
}

#[test]
fn special_tokens_count_as_one_at_least() {
    let estimator = Estimator::new();
    // Each with the count of a tokenizer that has them.
    for (text, count) in [
        ("<|im_start|>user\nHi<|im_end|>", 5),
        ("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n", 9),
        ("<|start_header_id|>system<|end_header_id|>\n\n<|eot_id|>", 5),
        ("[INST] Hi [/INST]</s>", 5),
        ("<start_of_turn>model\n<end_of_turn>", 4),
        ("<｜User｜>Hi<｜Assistant｜>", 3),
        ("<think></think>", 2),
    ] {
        let Estimate { low, tokens, high, .. } = estimator.text(text);
        assert!(low <= count && count <= high && low <= tokens, "{text}: {low} {tokens} {high}");
        let marks = estimator.text(&text.repeat(50));
        assert!(marks.low <= count * 50 && count * 50 <= marks.high, "{text}: {marks:?}");
        assert!(marks.low >= 50);
    }
}

/// What any texts keep to: order, bytes, and no less for more text.
#[test]
fn bounds_are_bounds_for_any_text() {
    let alphabet: Vec<char> = "aZ9 \n\t.-<|>[]_éяα字かกन한😀\u{200d}\u{0}“".chars().collect();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let plain = Estimator::new();
    let calibrated = plain.calibrate([("one two", 2), ("three four five", 4), ("six seven", 2)]);
    for _ in 0..20_000 {
        let length = next() % 40;
        let text: String = (0..length).map(|_| alphabet[(next() % alphabet.len() as u64) as usize]).collect();
        for estimator in [&plain, &calibrated] {
            let Estimate { tokens, low, high, .. } = estimator.text(&text);
            assert!(low <= tokens && tokens <= high, "{text:?}: {low} {tokens} {high}");
            assert_eq!(low == 0, text.is_empty());
            assert!(high <= text.len() as u64 + u64::from(!text.is_empty()), "{text:?}: {high}");
        }
    }
}
