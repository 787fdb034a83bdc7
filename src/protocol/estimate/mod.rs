//! Token estimates without a server: how much of the context a text or a conversation takes.
//!
//! The vocabulary of the tokenizer is not required. A text is split into words, numbers, punctuation, blanks and scripts, and each
//! class has the weight that it has in common tokenizers. An [`Estimate`] includes bounds.
//!
//! The weights were fitted to 239 texts (program sources, documentation, licences, logs, tables, numbers, and a paragraph
//! in each of 28 languages). The bounds were widened until they held for 39 other texts, which are in `tests/estimate`, with
//! four tokenizers: cl100k (whose splitting Qwen uses), o200k (gpt-oss), Llama 3, and Llama 2 with an older, small vocabulary.
//! All of these 156 counts are within `low..=high`. Of the 956 counts of the fitted texts 99 % are; the others are encoded data
//! and two languages in the small vocabulary. For the larger vocabularies, the median error of `tokens` is 9 %, and at most 16 % for
//! English, code or markup without emoji. For the small one, `tokens` is low by a fifth. Scripts other than Latin differ up to
//! threefold among tokenizers, and `low..=high` is as wide there: `high` is what a vocabulary for English alone needs, the bytes of
//! the letters.
//!
//! A possible special token, such as `<|im_start|>`, counts as one token in `low`, and as text otherwise. A text that is not empty
//! takes at least one token. No text takes more tokens than it has bytes, plus one. Tokenizers with a smaller vocabulary than these may
//! exceed the bounds for texts of rare words.
//!
//! [`Estimator::calibrate`] narrows the bounds for the loaded model, with counts of `POST /v1/token/encode`.

mod counts;
mod marks;
mod weight;

use std::iter::Sum;
use std::ops::Add;

use counts::ClassCounts;
pub(crate) use weight::Weight;

/// An estimated number of tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Estimate {
    /// The most likely count.
    pub tokens: u64,
    /// The lower bound; `low <= tokens`.
    pub low: u64,
    /// The upper bound; `tokens <= high`. Use it to check whether something fits.
    pub high: u64,
}

impl Add for Estimate {
    type Output = Estimate;
    fn add(self, other: Estimate) -> Estimate {
        Estimate {
            tokens: self.tokens.saturating_add(other.tokens),
            low: self.low.saturating_add(other.low),
            high: self.high.saturating_add(other.high),
        }
    }
}

impl Sum for Estimate {
    fn sum<I: Iterator<Item = Estimate>>(estimates: I) -> Estimate {
        estimates.fold(Estimate::default(), Add::add)
    }
}

/// Estimates tokens. The same text always gives the same estimate.
///
/// ```
/// use tabbyapi::estimate::Estimator;
///
/// let estimator = Estimator::new();
/// let estimate = estimator.text("The quick brown fox jumps over the lazy dog.");
/// assert_eq!((estimate.low, estimate.tokens, estimate.high), (6, 10, 17));
///
/// // Counts of the loaded model, without the token that starts a text.
/// let calibrated = estimator.calibrate([
///     ("The rain in Spain stays mainly in the plain.", 11),
///     ("A stitch in time saves nine, as tailors say.", 11),
///     ("Where there is a will, there is a way out.", 12),
/// ]);
/// assert!(calibrated.bound().unwrap() < 0.2);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Estimator {
    factor: f64,
    /// The calibrated bound, as a fraction of `tokens`.
    bound: Option<f64>,
    pub(crate) image: Weight,
}

impl Default for Estimator {
    fn default() -> Self {
        Estimator { factor: 1.0, bound: None, image: Weight::IMAGE }
    }
}

/// The lowest calibrated bound, since samples are never complete.
const LEAST_BOUND: f64 = 0.05;
/// The number of samples from which a bound is derived.
const SAMPLES: usize = 3;
/// An additional error in tokens of any estimate, since short texts depend on single words.
const SLACK: f64 = 2.0;

impl Estimator {
    /// Creates an estimator for unknown tokenizers.
    pub fn new() -> Self {
        Estimator::default()
    }

    /// Calibrates the estimator to a tokenizer with these counts. Tokens are scaled to them. The bound is the largest error when
    /// estimating each sample from all others, and at least 5 %.
    ///
    /// The bound holds for texts like the samples. Use some pages of the kind of text to estimate, in its languages, with a few
    /// hundred words each, and get their counts from `client.tokens()` without the token that starts a text. With fewer
    /// than three samples, tokens are scaled and the bounds of unknown tokenizers are scaled with them. Samples without
    /// tokens are ignored.
    #[must_use]
    pub fn calibrate<S: AsRef<str>>(&self, samples: impl IntoIterator<Item = (S, u64)>) -> Estimator {
        let middle = |text: &str| Weight::of(&ClassCounts::of(text)).tokens;
        let pairs: Vec<(f64, f64)> = samples
            .into_iter()
            .map(|(text, tokens)| (middle(text.as_ref()), tokens as f64))
            .filter(|(estimate, tokens)| *estimate > 0.0 && *tokens > 0.0)
            .collect();
        let (estimates, tokens) = pairs.iter().fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
        if pairs.is_empty() {
            return self.clone();
        }
        let error = |(estimate, count): &(f64, f64)| {
            let scaled = estimate * (tokens - count) / (estimates - estimate);
            ((count - scaled).abs() - SLACK).max(0.0) / scaled
        };
        let bound = (pairs.len() >= SAMPLES).then(|| pairs.iter().map(error).fold(LEAST_BOUND, f64::max));
        Estimator { factor: tokens / estimates, bound, image: self.image }
    }

    /// Sets the number of tokens of an image, which depends on the model. If unset, it is from 64 to 4096, with 768 as the most likely
    /// value. A model without vision takes none: the server drops images.
    #[must_use]
    pub fn image_tokens(mut self, tokens: u32) -> Self {
        self.image = Weight::exactly(f64::from(tokens));
        self
    }

    /// Returns the scaling factor of tokens; 1 unless calibrated.
    pub fn factor(&self) -> f64 {
        self.factor
    }

    /// Returns the calibrated bound: counts differ from `tokens` by at most this fraction, plus or minus two tokens. `None` unless calibrated.
    pub fn bound(&self) -> Option<f64> {
        self.bound
    }

    /// Estimates a text, without the token that starts it.
    pub fn text(&self, text: &str) -> Estimate {
        let Estimate { tokens, low, high } = self.weigh(text).estimate();
        // The slack does not apply to the absolute minimum and maximum of a text.
        let (least, most) = (u64::from(!text.is_empty()), text.len() as u64 + u64::from(!text.is_empty()));
        Estimate { tokens, low: low.max(least).min(tokens), high: high.min(most).max(tokens) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_are_ordered_and_finite() {
        for text in ["", " ", "\n\n\n", "a", "€", "\u{0}\u{0}", "👩‍👩‍👧", &"x".repeat(100_000), &" ".repeat(1000)]
        {
            let Estimate { tokens, low, high } = Estimator::new().text(text);
            assert!(low <= tokens && tokens <= high, "{text:.10?}: {low} {tokens} {high}");
        }
        assert_eq!(Estimator::new().text("").tokens, 0);
    }

    #[test]
    fn calibration_takes_over_the_counts() {
        let texts =
            ["one two three four five six seven", "red green blue white black", "up and down and left and right again"];
        let estimator = Estimator::new();
        let twice = estimator.calibrate(texts.map(|text| (text, 2 * estimator.text(text).tokens)));
        assert!((1.9..2.1).contains(&twice.factor()), "{twice:?}");
        assert_eq!(twice.bound(), Some(LEAST_BOUND));
        let text = "north south east west and all the seas between them, more or less the same";
        let (before, after) = (estimator.text(text), twice.text(text));
        assert!(after.tokens.abs_diff(2 * before.tokens) <= 2);
        assert!(after.high - after.low < before.high - before.low);
    }

    #[test]
    fn few_samples_scale_and_keep_the_bounds_wide() {
        let estimator = Estimator::new().calibrate([("one two three", 6)]);
        assert_eq!(estimator.bound(), None);
        let (wide, plain) = (estimator.text("a b c d e f g"), Estimator::new().text("a b c d e f g"));
        assert!(wide.tokens > plain.tokens && wide.high > plain.high);
        assert_eq!(Estimator::new().calibrate([("", 3), ("x", 0)]), Estimator::new());
    }

    #[test]
    fn samples_that_disagree_widen_the_bound() {
        let estimator = Estimator::new().calibrate([
            ("one two three four five six", 6),
            ("one two three four five six", 6),
            ("one two three four five six", 30),
        ]);
        assert!(estimator.bound().unwrap() > 1.0);
        let estimate = estimator.text("one two three four five six seven eight nine ten");
        assert_eq!(estimate.low, 1);
    }
}
