//! The generation of one choice, token by token.

use crate::app::mix;
use crate::python::Logprob;
use crate::token::{self, Token};

/// The text so far, and its tokens.
#[derive(Clone, Debug, Default)]
pub(crate) struct Piece {
    pub(crate) text: String,
    pub(crate) tokens: Vec<Sampled>,
}

#[derive(Clone, Debug)]
pub(crate) struct Sampled {
    pub(crate) text: String,
    pub(crate) id: u32,
    pub(crate) logprob: Logprob,
    /// Text, id and log probability of the most likely tokens.
    pub(crate) top: Vec<(String, u32, Logprob)>,
}

impl Piece {
    fn append(&mut self, next: Piece) {
        self.text.push_str(&next.text);
        self.tokens.extend(next.tokens);
    }
}

/// How a choice ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct End {
    /// Text that was held back until now.
    pub(crate) rest: Piece,
    pub(crate) finish_reason: String,
    pub(crate) eos_reason: Option<String>,
    pub(crate) stop_str: Option<String>,
}

pub(crate) enum Step {
    Piece(Piece),
    /// A token without text that can be shown yet.
    Held,
    Failed,
    End(End),
}

/// The input of a job.
#[derive(Clone, Debug, Default)]
pub(crate) struct Task {
    pub(crate) tokens: Vec<Token>,
    /// The maximum number of tokens.
    pub(crate) limit: usize,
    pub(crate) stops: Vec<String>,
    pub(crate) stop_ids: Vec<u32>,
    pub(crate) fail_at: Option<usize>,
    pub(crate) no_eos: bool,
    /// The reason and the token of its end when the tokens are used up.
    pub(crate) eos_reason: &'static str,
    pub(crate) eos_token: Option<String>,
    pub(crate) top_logprobs: usize,
    pub(crate) first_logprob: Option<f64>,
}

pub(crate) struct Job {
    task: Task,
    filler: Vec<Token>,
    /// The number of tokens so far, including the one that ends it.
    pub(crate) made: usize,
    /// The bytes of an incomplete character.
    partial: Vec<u8>,
    /// Text that may be the start of a stop string.
    held: Piece,
}

impl Job {
    pub(crate) fn new(task: Task) -> Job {
        let filler = match task.no_eos {
            true => token::encode(" the quick brown fox jumps over the lazy dog"),
            false => Vec::new(),
        };
        Job { task, filler, made: 0, partial: Vec::new(), held: Piece::default() }
    }

    /// Makes the next step a failure.
    pub(crate) fn fail(&mut self) {
        self.task.fail_at = Some(self.made);
    }

    /// Generates up to this many tokens at once. A failure follows the text before it.
    pub(crate) fn steps(&mut self, tokens: usize) -> Step {
        let mut piece = Piece::default();
        for _ in 0..tokens.max(1) {
            match self.step() {
                Step::Piece(next) => piece.append(next),
                Step::Held => {}
                Step::Failed if piece.text.is_empty() => return Step::Failed,
                Step::Failed => break,
                Step::End(mut end) => {
                    piece.append(std::mem::take(&mut end.rest));
                    end.rest = piece;
                    return Step::End(end);
                }
            }
        }
        if piece.text.is_empty() { Step::Held } else { Step::Piece(piece) }
    }

    fn step(&mut self) -> Step {
        if self.task.fail_at == Some(self.made) {
            return Step::Failed;
        }
        if self.made >= self.task.limit {
            let lost = "\u{FFFD}".repeat(self.partial.len());
            self.held.text.push_str(&lost);
            return self.end("length", "max_new_tokens", None);
        }
        let Some(token) = self.token() else {
            self.made += 1;
            return self.end("stop", self.task.eos_reason, self.task.eos_token.clone());
        };
        self.made += 1;
        if self.task.stop_ids.contains(&token.id) {
            return self.end("stop", "stop_token", Some(token.text()));
        }
        let sampled = self.sample(&token);
        self.partial.extend_from_slice(&token.bytes);
        self.held.text.push_str(&take_characters(&mut self.partial));
        self.held.tokens.push(sampled);
        if let Some((at, stop)) = self.stop_found() {
            self.held.text.truncate(at);
            return self.end("stop", "stop_string", Some(stop));
        }
        if self.held.text.is_empty() || self.may_become_stop() {
            return Step::Held;
        }
        Step::Piece(std::mem::take(&mut self.held))
    }

    fn token(&self) -> Option<Token> {
        let past = self.made.checked_sub(self.task.tokens.len());
        match past {
            None => self.task.tokens.get(self.made).cloned(),
            Some(_) if self.filler.is_empty() => None,
            Some(past) => Some(self.filler[past % self.filler.len()].clone()),
        }
    }

    fn end(&mut self, finish: &str, reason: &str, stop_str: Option<String>) -> Step {
        Step::End(End {
            rest: std::mem::take(&mut self.held),
            finish_reason: finish.to_owned(),
            eos_reason: Some(reason.to_owned()),
            stop_str,
        })
    }

    fn stop_found(&self) -> Option<(usize, String)> {
        let found = |stop: &String| Some((self.held.text.find(stop.as_str())?, stop.clone()));
        self.task.stops.iter().filter_map(found).min_by_key(|(at, _)| *at)
    }

    fn may_become_stop(&self) -> bool {
        let text = &self.held.text;
        let begins = |stop: &String| {
            let tails = text.char_indices().map(|(at, _)| &text[at..]);
            tails.into_iter().any(|tail| stop.starts_with(tail))
        };
        self.task.stops.iter().any(begins)
    }

    /// Invents probabilities, always the same for a token.
    fn sample(&self, token: &Token) -> Sampled {
        let own = match self.task.first_logprob {
            Some(value) if self.made == 1 => value,
            _ => -0.1 - (mix(u64::from(token.id)) % 1000) as f64 / 4096.0,
        };
        let top = (0..self.task.top_logprobs).map(|rank| match rank {
            0 => (token.text(), token.id, Logprob(own)),
            _ => {
                let id = (token.id + 7 * rank as u32) % 90;
                let bytes = token::decode(id).unwrap_or_default();
                let other = Logprob(own.clamp(-1000.0, 0.0) - 6.0 * rank as f64);
                (Token { bytes, id }.text(), id, other)
            }
        });
        Sampled { text: token.text(), id: token.id, logprob: Logprob(own), top: top.collect() }
    }
}

/// Takes the whole characters at the start of the bytes, and leaves a partial one.
fn take_characters(bytes: &mut Vec<u8>) -> String {
    let whole = match std::str::from_utf8(bytes) {
        Ok(_) => bytes.len(),
        Err(error) => error.valid_up_to(),
    };
    let rest = bytes.split_off(whole);
    String::from_utf8(std::mem::replace(bytes, rest)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(task: Task) -> (Vec<String>, End) {
        let (mut job, mut pieces) = (Job::new(task), Vec::new());
        loop {
            match job.step() {
                Step::Piece(piece) => pieces.push(piece.text),
                Step::Held => {}
                Step::Failed => panic!("failed"),
                Step::End(end) => return (pieces, end),
            }
        }
    }

    fn task(text: &str, limit: usize) -> Task {
        Task { tokens: token::encode(text), limit, eos_reason: "stop_token", ..Task::default() }
    }

    #[test]
    fn holds_back_what_may_become_a_stop_string() {
        let stops = vec!["gamma".to_owned()];
        let (pieces, end) = run(Task { stops, ..task("alpha beta gamma delta", 50) });
        assert_eq!(pieces.concat() + &end.rest.text, "alpha beta ");
        assert_eq!(end.eos_reason.as_deref(), Some("stop_string"));
    }

    #[test]
    fn a_cut_character_becomes_replacement_characters() {
        let tokens = token::encode_bytes("ab 😀");
        let (pieces, end) = run(Task { tokens, limit: 5, ..Task::default() });
        assert_eq!(pieces.concat() + &end.rest.text, "ab \u{FFFD}\u{FFFD}");
        assert_eq!(end.finish_reason, "length");
    }
}
