//! A word that comes from elsewhere, cut down to what a label may be.

use std::fmt::{self, Debug, Write as _};

use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};

/// A word whose set is closed elsewhere: the name of a plan, or the variant of an enum. At most [`Word::LETTERS_MAX`]
/// letters, digits and low lines, lower case; whatever else was in it is gone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Word(Box<str>);

impl Word {
    /// The most letters of a word.
    pub const LETTERS_MAX: usize = 40;

    /// From a name in the configuration; an empty one is `none`.
    pub fn of_name(name: &str) -> Word {
        let word: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
            .take(Word::LETTERS_MAX)
            .collect();
        Word(if word.is_empty() { "none".into() } else { word.into() })
    }

    /// From the variant of a closed enum: `StaleToken` and `StaleToken { … }` are both `stale_token`. What a variant holds
    /// is left out, so that nothing from outside comes in with it.
    pub fn of_variant(variant: &dyn Debug) -> Word {
        let mut written = Head(String::new());
        let _ = write!(written, "{variant:?}");
        let mut word = String::new();
        for letter in written.0.chars() {
            if letter.is_ascii_uppercase() && !word.is_empty() && !word.ends_with('_') {
                word.push('_');
            }
            word.push(letter.to_ascii_lowercase());
        }
        word.truncate(Word::LETTERS_MAX);
        Word(if word.is_empty() { "other".into() } else { word.into() })
    }

    /// A word known at compile time.
    pub fn fixed(word: &'static str) -> Word {
        Word(word.into())
    }

    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl EncodeLabelValue for Word {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        encoder.write_str(&self.0)
    }
}

/// Takes the letters before the first sign that belongs to no name, and refuses the rest unseen.
struct Head(String);

impl fmt::Write for Head {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            if !(letter.is_ascii_alphanumeric() || letter == '_') || self.0.len() >= Word::LETTERS_MAX {
                return Err(fmt::Error);
            }
            self.0.push(letter);
        }
        Ok(())
    }
}
