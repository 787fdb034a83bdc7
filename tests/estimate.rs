//! Estimates against the counts of real tokenizers.
//!
//! `estimate/samples.json` holds texts with the counts of four tokenizers, without the token that starts a text:
//! cl100k and o200k as of tiktoken, and those of Llama 3 and Llama 2.

use futures::executor::block_on;
use serde::Deserialize;
use tabbyapi::Client;
use tabbyapi::estimate::{Estimate, Estimator};
use tabbyapi::transport::script::{Reply, Script};

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
fn a_tiny_vocabulary_exceeds_the_bounds_until_it_is_told() {
    // A recorded count, of a server whose vocabulary has 2,400 pieces.
    let (text, count) = ("Hello, wörld 😀", 16);
    assert!(Estimator::new().text(text).high < count);
    let told = Estimator::new().calibrate([(text, count)]).text(text);
    assert_eq!(told.tokens, count);
}
