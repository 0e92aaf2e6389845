//! What a dialplan means, once it was read and found sound: the types that a call walks along.
//!
//! Only [`super::read`] makes a [`Plan`], so whoever holds one need not doubt it: every [`StepId`] leads to a step, every
//! prompt exists, every silence leads on. A live call keeps the plan it began with (an `Arc`).

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Civil;

use super::hours::Hours;
use super::verbs::{Ask, Dispatch, Hangup, Locate, Menu, Play, When};

/// The name of a prompt in `prompts/prompts.toml`, which is also the name of its sound file in every language.
pub type PromptName = Arc<str>;

/// One plan: what a caller meets who dials one of its numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The name of its file without `.toml`, for people.
    pub name: String,
    /// The numbers that reach it, as written: a short code (`3977`) or E.164 (`+33…`). `node` matches them.
    pub numbers: Vec<Box<str>>,
    /// Where a call begins.
    pub start: StepId,
    /// The languages every prompt exists in; a call begins in the first.
    pub languages: Vec<Language>,
    /// The time zone of its opening hours (IANA, `Europe/Paris`).
    pub zone: String,
    /// What a step waits for where it does not say so itself.
    pub no_input: NoInput,
    /// The step that says the emergency numbers.
    pub emergency: Option<StepId>,
    pub(super) steps: Vec<Step>,
    pub(super) hours: BTreeMap<Box<str>, Hours>,
}

impl Plan {
    /// The step `id` of this plan. An identifier of another plan gives this plan's start: a call goes on all the same.
    pub fn step(&self, id: StepId) -> &Step {
        let found = self.steps.get(usize::from(id.0)).or_else(|| self.steps.get(usize::from(self.start.0)));
        found.unwrap_or_else(|| &self.steps[0]) // a plan without a step is not sound
    }

    /// The step called `name`: how a call that outlived the program finds its place again.
    pub fn step_named(&self, name: &str) -> Option<StepId> {
        let place = self.steps.iter().position(|step| &*step.name == name)?;
        u16::try_from(place).ok().map(StepId)
    }

    /// Every step, in the order of the file.
    pub fn steps(&self) -> impl Iterator<Item = (StepId, &Step)> {
        self.steps.iter().enumerate().map(|(place, step)| (StepId(place as u16), step))
    }

    /// Are the opening hours `hours` open at `civil`? A name the plan does not know is open: a slip refuses nobody.
    pub fn is_open(&self, hours: &str, civil: Civil) -> bool {
        self.hours.get(hours).is_none_or(|hours| hours.is_open(civil))
    }

    /// The opening hours, by name.
    pub fn hours(&self) -> impl Iterator<Item = (&str, &Hours)> {
        self.hours.iter().map(|(name, hours)| (&**name, hours))
    }

    /// The language a call begins in.
    pub fn first_language(&self) -> &Language {
        &self.languages[0] // a plan without a language is not sound
    }

    /// Every prompt the plan can say, each once, in order of name.
    pub fn prompts(&self) -> Vec<PromptName> {
        let mut names: Vec<PromptName> = self.steps.iter().flat_map(|step| step.verb.prompts()).collect();
        names.sort();
        names.dedup();
        names
    }
}

/// One step: one verb, and where the call goes from there.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The staff's word for it.
    pub name: Box<str>,
    /// What it does.
    pub verb: Verb,
    pub(super) line: u32,
}

impl Step {
    /// The line of the plan's file on which the step begins.
    pub fn line(&self) -> u32 {
        self.line
    }
}

/// What a step does. One file per verb in `verbs/`.
#[derive(Clone, Debug, PartialEq)]
pub enum Verb {
    /// Says a prompt.
    Play(Play),
    /// Says a prompt and waits for one key.
    Menu(Menu),
    /// Says a prompt and waits for several digits.
    Ask(Ask),
    /// Chooses the next step by what is known.
    When(When),
    /// Finds the department of the person concerned.
    Locate(Locate),
    /// Finds a listener.
    Dispatch(Dispatch),
    /// Ends the call.
    Hangup(Hangup),
}

/// A step of a plan: an index that only its plan gives out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub(super) u16);

/// A language a plan speaks: `fr`, `en`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Language(Box<str>);

impl Language {
    /// Two or three small letters (ISO 639); anything else is not a language.
    pub fn new(text: &str) -> Option<Language> {
        let sound = (2..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase());
        sound.then(|| Language(text.into()))
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Language {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key of a telephone: `0` to `9`, `*`, `#`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(char);

impl Key {
    /// The key that always leads to a person.
    pub const PERSON: Key = Key('0');
    /// The key that ends what is keyed.
    pub const HASH: Key = Key('#');

    /// The key `c`; `None` for what no ordinary telephone has.
    pub fn new(c: char) -> Option<Key> {
        matches!(c, '0'..='9' | '*' | '#').then_some(Key(c))
    }

    /// As printed on the telephone.
    pub const fn as_char(self) -> char {
        self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Write::write_char(f, self.0)
    }
}

/// How long a step waits for a key, and how often it says its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoInput {
    /// The silence after the words.
    pub after: Duration,
    /// How often the words are said before the silence is taken for an answer; at least 1.
    pub tries: u8,
}

impl Default for NoInput {
    /// Six seconds, twice: many callers are over eighty, and some look for their glasses first.
    fn default() -> NoInput {
        NoInput { after: Duration::from_secs(6), tries: 2 }
    }
}

/// The prompt that says the name of the department `code` ("38": `dept.38`, "l'Isère").
pub fn department_prompt(code: &str) -> PromptName {
    format!("dept.{code}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key is what an ordinary telephone has; a language is two or three small letters.
    #[test]
    fn keys_and_languages() {
        let keys: String = ('\0'..='\u{ff}').filter(|c| Key::new(*c).is_some()).collect();
        assert_eq!(keys, "#*0123456789");
        assert_eq!(Language::new("fr").map(|language| language.to_string()), Some("fr".to_owned()));
        for text in ["", "f", "FR", "fr-FR", "français", "12"] {
            assert_eq!(Language::new(text), None, "{text}");
        }
    }
}
