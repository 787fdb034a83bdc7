//! Counts the parts of a text by class.

/// The number of classes.
pub(super) const CLASSES: usize = Class::Other as usize + 1;

/// Parts of texts that tokenizers treat differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// ASCII words; `camelCase` is two.
    Words,
    /// Letters of such words from the seventh on, because rare words are split.
    LongWords,
    /// Letters of words in capitals, from the second on.
    Capitals,
    /// Letters of words with accents or other Latin letters beyond ASCII.
    Accented,
    /// Groups of up to three digits.
    Numbers,
    /// Numbers after a single blank, which many tokenizers do not join to them as to words.
    SpacedNumbers,
    /// Digits.
    Digits,
    /// Runs of ASCII punctuation.
    Punctuation,
    /// Characters of such a run from the second on, unless they repeat the one before.
    MorePunctuation,
    /// Repeated characters in such a run.
    Repeated,
    /// Line breaks. Several in a row count as one.
    Breaks,
    /// Two or more blanks in a row, such as indentation.
    Blanks,
    /// Letters by script.
    Cyrillic,
    Greek,
    Arabic,
    Hebrew,
    /// The scripts of India.
    Indic,
    /// Thai and its neighbours.
    Thai,
    Han,
    Kana,
    Hangul,
    /// Single blanks before a letter of another script, a sign or an emoji, which small vocabularies do not join to it.
    SpacedLetters,
    /// Typographic signs, such as quotation marks and dashes.
    Signs,
    /// Emoji and their parts.
    Emoji,
    /// Everything else.
    Other,
}

/// The amount of each [`Class`] in a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ClassCounts(pub(super) [u64; CLASSES]);

/// The run that the last character belongs to.
#[derive(Clone, Copy, PartialEq)]
enum Run {
    Start,
    Lower,
    Upper,
    Punctuation(char),
    Break,
    Blank,
    Digits(u64),
    Else,
}

impl ClassCounts {
    /// Counts in one pass, without allocation.
    pub(super) fn of(text: &str) -> Self {
        let mut tally = ClassCounts::default();
        let mut run = Run::Start;
        let mut word = Word::default();
        let mut blanks = 0u64;
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            // Most of most texts. Such a run neither ends a word within it nor has a capital.
            let lower = rest.bytes().take_while(u8::is_ascii_lowercase).count();
            if lower > 0 {
                if !matches!(run, Run::Lower | Run::Upper) {
                    tally.end(&mut word);
                }
                word.letters += lower as u64;
                run = Run::Lower;
                blanks = 0;
                rest = &rest[lower..];
                continue;
            }
            rest = &rest[c.len_utf8()..];
            if c.is_ascii_alphabetic() || is_latin(c) {
                let upper = c.is_uppercase();
                // A hump of camelCase is a separate word, as is a letter after anything but a letter.
                if !matches!(run, Run::Lower | Run::Upper) || upper && run == Run::Lower {
                    tally.end(&mut word);
                }
                word.letters += 1;
                word.capitals += u64::from(upper);
                word.accented |= !c.is_ascii();
                run = if upper { Run::Upper } else { Run::Lower };
                blanks = 0;
                continue;
            }
            tally.end(&mut word);
            if c == ' ' || c == '\t' {
                blanks += 1;
                if blanks == 2 {
                    tally.add(Class::Blanks);
                }
                run = Run::Blank;
                continue;
            }
            let blanks = std::mem::take(&mut blanks);
            run = match c {
                '\n' | '\r' => {
                    if run != Run::Break {
                        tally.add(Class::Breaks);
                    }
                    Run::Break
                }
                '0'..='9' => {
                    let before = if let Run::Digits(before) = run { before } else { 0 };
                    tally.add(Class::Digits);
                    if before % 3 == 0 {
                        tally.add(Class::Numbers);
                    }
                    if blanks == 1 {
                        tally.add(Class::SpacedNumbers);
                    }
                    Run::Digits(before + 1)
                }
                _ if c.is_ascii_punctuation() => {
                    tally.add(match run {
                        Run::Punctuation(before) if before == c => Class::Repeated,
                        Run::Punctuation(_) => Class::MorePunctuation,
                        _ => Class::Punctuation,
                    });
                    Run::Punctuation(c)
                }
                _ => {
                    if blanks == 1 {
                        tally.add(Class::SpacedLetters);
                    }
                    tally.add(class(c));
                    Run::Else
                }
            };
        }
        tally.end(&mut word);
        tally
    }

    fn add(&mut self, class: Class) {
        self.0[class as usize] += 1;
    }

    fn end(&mut self, word: &mut Word) {
        let Word { letters, capitals, accented } = std::mem::take(word);
        match letters {
            0 => {}
            _ if accented => self.0[Class::Accented as usize] += letters,
            _ => {
                self.0[Class::Words as usize] += 1;
                if capitals == letters {
                    self.0[Class::Capitals as usize] += letters - 1;
                } else {
                    self.0[Class::LongWords as usize] += letters.saturating_sub(6);
                }
            }
        }
    }
}

#[derive(Default)]
struct Word {
    letters: u64,
    capitals: u64,
    accented: bool,
}

/// Latin letters beyond ASCII, and marks that combine with letters.
fn is_latin(c: char) -> bool {
    matches!(c, '\u{AA}' | '\u{BA}' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{24F}'
        | '\u{300}'..='\u{36F}' | '\u{1E00}'..='\u{1EFF}')
}

fn class(c: char) -> Class {
    match c {
        '\u{370}'..='\u{3FF}' | '\u{1F00}'..='\u{1FFF}' => Class::Greek,
        '\u{400}'..='\u{52F}' => Class::Cyrillic,
        '\u{590}'..='\u{5FF}' | '\u{FB1D}'..='\u{FB4F}' => Class::Hebrew,
        '\u{600}'..='\u{7BF}' | '\u{8A0}'..='\u{8FF}' | '\u{FB50}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}' => {
            Class::Arabic
        }
        '\u{900}'..='\u{DFF}' => Class::Indic,
        '\u{E00}'..='\u{EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' => Class::Thai,
        '\u{1100}'..='\u{11FF}' | '\u{3130}'..='\u{318F}' | '\u{AC00}'..='\u{D7AF}' => Class::Hangul,
        '\u{3040}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}' | '\u{FF66}'..='\u{FF9F}' => Class::Kana,
        '\u{2E80}'..='\u{2FDF}' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{323AF}' => {
            Class::Han
        }
        '\u{80}'..='\u{BF}'
        | '\u{D7}'
        | '\u{F7}'
        | '\u{2000}'..='\u{214F}'
        | '\u{3000}'..='\u{303F}'
        | '\u{FF00}'..='\u{FF65}' => Class::Signs,
        '\u{2190}'..='\u{2BFF}' | '\u{FE00}'..='\u{FE0F}' | '\u{1F000}'..='\u{1FAFF}' | '\u{E0020}'..='\u{E007F}' => {
            Class::Emoji
        }
        _ => Class::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_tally(text: &str, expected: &[(Class, u64)]) {
        let mut tally = ClassCounts::default();
        for (class, count) in expected {
            tally.0[*class as usize] = *count;
        }
        assert_eq!(ClassCounts::of(text), tally, "{text:?}");
    }

    #[test]
    fn words_and_their_length() {
        assert_tally("", &[]);
        assert_tally("a quick fox", &[(Class::Words, 3)]);
        assert_tally("getWeatherReport", &[(Class::Words, 3), (Class::LongWords, 1)]);
        assert_tally("understanding HTTP", &[(Class::Words, 2), (Class::LongWords, 7), (Class::Capitals, 3)]);
        assert_tally("naïve été", &[(Class::Accented, 8)]);
    }

    #[test]
    fn punctuation_digits_and_blanks() {
        assert_tally(
            "});\n\n    x",
            &[
                (Class::Punctuation, 1),
                (Class::MorePunctuation, 2),
                (Class::Breaks, 1),
                (Class::Blanks, 1),
                (Class::Words, 1),
            ],
        );
        assert_tally("----", &[(Class::Punctuation, 1), (Class::Repeated, 3)]);
        assert_tally("3.14", &[(Class::Numbers, 2), (Class::Digits, 3), (Class::Punctuation, 1)]);
        assert_tally(
            "a 1234  5",
            &[
                (Class::Words, 1),
                (Class::SpacedNumbers, 1),
                (Class::Numbers, 3),
                (Class::Digits, 5),
                (Class::Blanks, 1),
            ],
        );
    }

    #[test]
    fn scripts() {
        assert_tally("日本のテスト", &[(Class::Han, 2), (Class::Kana, 4)]);
        let spaced = |count| (Class::SpacedLetters, count);
        assert_tally("мир 안녕 αβ", &[(Class::Cyrillic, 3), (Class::Hangul, 2), (Class::Greek, 2), spaced(2)]);
        assert_tally("“😀”", &[(Class::Signs, 2), (Class::Emoji, 1)]);
        assert_tally(
            "שלום नम ไทย ሰላም",
            &[(Class::Hebrew, 4), (Class::Indic, 2), (Class::Thai, 3), (Class::Other, 3), spaced(3)],
        );
    }
}
