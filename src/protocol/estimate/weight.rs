//! The weights of classes of text, and of the markup around texts, in tokens.

use std::ops::Add;

use super::counts::{CLASSES, ClassCounts};
use super::{Estimate, Estimator, SLACK, marks};

/// An estimate before it is rounded. `low <= tokens <= high`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Weight {
    pub(crate) tokens: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// Tokens per unit of each class: typical, minimum, maximum. Typical values are means over the larger vocabularies, and geometric
/// means of all for scripts. The others are the extremes, rounded outwards, and by more for words and accents, since the fitted
/// texts had few words other than English. For scripts other than Latin and for signs the maximum is the number of bytes (with
/// the margin), since a vocabulary made for English alone has little else for them.
const WEIGHTS: [(f64, f64, f64); CLASSES] = [
    (1.08, 1.00, 1.25), // Words
    (0.18, 0.10, 0.40), // LongWords
    (0.06, 0.00, 0.40), // Capitals
    (0.54, 0.36, 0.85), // Accented
    (1.33, 1.30, 1.50), // Numbers
    (0.57, 0.50, 0.90), // SpacedNumbers
    (0.02, 0.00, 0.40), // Digits
    (0.69, 0.60, 1.00), // Punctuation
    (0.16, 0.10, 0.30), // MorePunctuation
    (0.03, 0.00, 0.20), // Repeated
    (0.05, 0.00, 0.40), // Breaks
    (1.13, 0.00, 1.20), // Blanks
    (0.45, 0.33, 1.74), // Cyrillic
    (0.69, 0.40, 1.74), // Greek
    (0.69, 0.38, 1.74), // Arabic
    (0.75, 0.44, 1.74), // Hebrew
    (0.68, 0.33, 2.61), // Indic
    (0.70, 0.40, 2.61), // Thai
    (1.29, 0.88, 2.61), // Han
    (0.73, 0.52, 2.61), // Kana
    (1.22, 0.72, 2.61), // Hangul
    (0.00, 0.00, 0.87), // SpacedLetters
    (0.89, 0.70, 2.61), // Signs
    (2.60, 1.70, 4.20), // Emoji
    (2.00, 0.80, 4.00), // Other
];

/// The margin of the extremes, since texts differ as tokenizers do.
const MARGIN: f64 = 0.15;

impl Weight {
    /// The template around a message: its role and marks. ChatML takes 5 or 6, Llama 3 takes 5, harmony 4.
    pub(crate) const MESSAGE: Weight = Weight { tokens: 5.0, low: 3.0, high: 8.0 };
    /// The start of the response.
    pub(crate) const PROMPT: Weight = Weight { tokens: 3.0, low: 0.0, high: 8.0 };
    /// The markup of a call, besides its name and arguments.
    pub(crate) const CALL: Weight = Weight { tokens: 15.0, low: 6.0, high: 30.0 };
    /// The text of a template about tools, if there are any.
    pub(crate) const TOOLS: Weight = Weight { tokens: 80.0, low: 0.0, high: 300.0 };
    /// An image, for unknown models.
    pub(crate) const IMAGE: Weight = Weight { tokens: 768.0, low: 64.0, high: 4096.0 };

    pub(crate) fn exactly(tokens: f64) -> Weight {
        Weight { tokens, low: tokens, high: tokens }
    }

    /// The weight of a text, for unknown tokenizers.
    pub(super) fn of(tally: &ClassCounts) -> Weight {
        let sum = |weight: fn(&(f64, f64, f64)) -> f64| -> f64 {
            WEIGHTS.iter().zip(tally.0).map(|(weights, count)| weight(weights) * count as f64).sum()
        };
        Weight { tokens: sum(|w| w.0), low: sum(|w| w.1) * (1.0 - MARGIN), high: sum(|w| w.2) * (1.0 + MARGIN) }
    }

    pub(crate) fn estimate(self) -> Estimate {
        // Casts of floats saturate.
        let tokens = self.tokens.round() as u64;
        let any = if self.high > self.low { SLACK } else { 0.0 };
        Estimate {
            tokens,
            low: ((self.low - any).max(0.0).floor() as u64).min(tokens),
            high: ((self.high + any).ceil() as u64).max(tokens),
        }
    }
}

impl Add for Weight {
    type Output = Weight;
    fn add(self, other: Weight) -> Weight {
        Weight { tokens: self.tokens + other.tokens, low: self.low + other.low, high: self.high + other.high }
    }
}

impl Estimator {
    pub(crate) fn weigh(&self, text: &str) -> Weight {
        if text.is_empty() {
            return Weight::default();
        }
        let weight = self.scaled(Weight::of(&ClassCounts::of(text)));
        // A possible special token counts as one token in the lower bound.
        let low = match marks::without(text) {
            Some((rest, marks)) => self.scaled(Weight::of(&ClassCounts::of(&rest))).low + marks as f64,
            None => weight.low,
        };
        // Blanks count as at least one token. A token has at least one byte, except for the one that some tokenizers put before a text.
        let most = (text.len() + 1) as f64;
        let tokens = weight.tokens.clamp(1.0, most);
        Weight { tokens, low: low.min(tokens), high: weight.high.min(most).max(tokens) }
    }

    /// The weight of a text for the tokenizer that the estimator was calibrated to.
    fn scaled(&self, Weight { tokens, low, high }: Weight) -> Weight {
        let scaled = tokens * self.factor;
        match self.bound {
            Some(bound) => {
                Weight { tokens: scaled, low: scaled * (1.0 - bound).max(0.0), high: scaled * (1.0 + bound) }
            }
            None => Weight { tokens: scaled, low: low * self.factor, high: high * self.factor },
        }
    }
}
