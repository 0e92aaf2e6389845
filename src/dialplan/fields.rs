//! The fields of one table of a plan: each getter looks its key up in the key tables (`keys`), reads the value, checks its
//! type and bounds, and reports what is wrong. It always gives a value back, so that one slip does not hide the next.
//! Values made of several (lists, tables, keys and their steps) are read in `lists`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::france::Department;

use super::fault::{Faults, Said, did_you_mean, said};
use super::keys::{Absent, KeyDoc, Kind};
use super::plan::{Key, Language, NoInput, PromptName, StepId};
use super::prompts::PromptIndex;
use super::values;

/// A step that does not exist: given where a name led nowhere, and never part of a [`super::Plan`].
pub(super) const NOWHERE: StepId = StepId(u16::MAX);

/// What is known of the whole file while its tables are read.
pub(super) struct Reader<'t> {
    pub faults: Faults,
    pub prompts: &'t PromptIndex,
    pub steps: BTreeMap<&'t str, StepId>,
    pub hours: BTreeSet<&'t str>,
    pub languages: Vec<Language>,
    pub no_input: NoInput,
    /// A step's next could not be understood: what is reachable cannot be judged.
    pub lost: bool,
}

/// One table, and which keys it may hold.
pub(super) struct Fields<'r, 't, 'i> {
    pub reader: &'r mut Reader<'t>,
    table: &'t DeTable<'i>,
    keys: &'static [KeyDoc],
    line: u32,
    /// How the table is called in a sentence: "step `danger` (menu)".
    pub(super) title: Said,
}

/// A value that is not a table or a list.
enum Scalar<'t> {
    Text(&'t str),
    Whole(i64),
    Flag(bool),
}

impl<'r, 't, 'i> Fields<'r, 't, 'i> {
    /// The table `table`, whose unknown keys are reported at once.
    pub fn new(
        reader: &'r mut Reader<'t>,
        table: &'t DeTable<'i>,
        keys: &'static [KeyDoc],
        line: u32,
        title: Said,
    ) -> Fields<'r, 't, 'i> {
        for (key, _) in table.iter() {
            let name: &str = key.get_ref();
            if !keys.iter().any(|doc| doc.name == name) {
                let hint = did_you_mean(name, keys.iter().map(|doc| doc.name))
                    .or_else(|| Some(said!("elle peut avoir : {all}", "it may hold: {all}", all = names(keys))));
                let unknown = said!("la clé `{name}` n'existe pas ici", "there is no key `{name}` here");
                reader.faults.at(&key.span(), title.then(&unknown), hint);
            }
        }
        Fields { reader, table, keys, line, title }
    }

    /// Is the key written?
    pub fn has(&self, name: &str) -> bool {
        self.written(name).is_some()
    }

    /// Reports something that is wrong with `name`.
    pub fn fault(&mut self, name: &str, sentence: &Said, hint: Option<Said>) {
        let line = self.line_of(name);
        let sentence = self.title.then(sentence);
        self.reader.faults.on(line, sentence, hint);
    }

    // ---- one getter per kind -------------------------------------------------------------------------------------

    /// Free words or a plain word.
    pub fn text(&mut self, name: &'static str) -> Option<Box<str>> {
        let text = self.scalar_text(name, WORDS)?;
        let checked = match self.doc(name).kind {
            Kind::Word => values::word(text),
            Kind::Digits if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) => {
                Err(said!("`{text}` n'est pas fait de chiffres", "`{text}` is not digits"))
            }
            _ => Ok(()),
        };
        self.accept(name, checked)?;
        Some(text.into())
    }

    /// The name of a prompt, which must exist in every language of the plan.
    pub fn prompt(&mut self, name: &'static str) -> PromptName {
        let Some(prompt) =
            self.scalar_text(name, ("le nom d'un message entre guillemets", "the name of a prompt in quotes"))
        else {
            return "".into();
        };
        let line = self.line_of(name);
        self.require_prompt(prompt, line);
        prompt.into()
    }

    /// Reports what is wrong with the prompt `prompt`.
    pub fn require_prompt(&mut self, prompt: &str, line: u32) {
        for (sentence, hint) in self.reader.prompts.judge(prompt, &self.reader.languages) {
            self.reader.faults.on(line, self.title.then(&sentence), hint);
        }
    }

    /// The step a name leads to.
    pub fn step(&mut self, name: &'static str) -> StepId {
        if let (false, Absent::Like(other)) = (self.has(name), self.doc(name).absent) {
            return self.step(other);
        }
        match self.scalar_text(name, ("le nom d'une étape entre guillemets", "the name of a step in quotes")) {
            Some(step) => {
                let line = self.line_of(name);
                self.resolve(name, step, line)
            }
            None => {
                self.reader.lost = true;
                NOWHERE
            }
        }
    }

    /// The step a name leads to, where the plan may do without.
    pub fn step_if_any(&mut self, name: &'static str) -> Option<StepId> {
        self.has(name).then(|| self.step(name))
    }

    /// A length of time within its bounds.
    pub fn time(&mut self, name: &'static str) -> Duration {
        if let (false, Absent::Plan(_)) = (self.has(name), self.doc(name).absent) {
            return self.reader.no_input.after;
        }
        let Some(text) = self.scalar_text(name, TIME) else {
            return Duration::ZERO;
        };
        let read = values::time(text).and_then(|time| match self.doc(name).kind {
            Kind::Time { min_ms, max_ms } if !(min_ms..=max_ms).contains(&millis(time)) => Err(said!(
                "{text} n'est pas raisonnable ici : entre {min} et {max}",
                "{text} is not sensible here: between {min} and {max}",
                min = values::time_text(min_ms),
                max = values::time_text(max_ms)
            )),
            _ => Ok(time),
        });
        self.accept(name, read).unwrap_or(Duration::ZERO)
    }

    /// A whole number within its bounds.
    pub fn count(&mut self, name: &'static str) -> u8 {
        if let (false, Absent::Plan(_)) = (self.has(name), self.doc(name).absent) {
            return self.reader.no_input.tries;
        }
        let Some(scalar) = self.scalar(name, ("un nombre entier", "a whole number")) else { return 1 };
        let (Kind::Count { min, max }, Scalar::Whole(number)) = (self.doc(name).kind, scalar) else {
            let sentence = said!(
                "`{name}` veut un nombre entier, sans guillemets",
                "`{name}` wants a whole number, without quotes"
            );
            self.fault(name, &sentence, None);
            return 1;
        };
        match u8::try_from(number) {
            Ok(count) if (min..=max).contains(&count) => count,
            _ => {
                let sentence = said!(
                    "`{name} = {number}` n'est pas raisonnable : entre {min} et {max}",
                    "`{name} = {number}` is not sensible: between {min} and {max}"
                );
                self.fault(name, &sentence, None);
                min
            }
        }
    }

    /// yes or no.
    pub fn flag(&mut self, name: &'static str) -> bool {
        match self.scalar(name, ("true ou false", "true or false")) {
            Some(Scalar::Flag(flag)) => {
                if let (false, Kind::Mark) = (flag, self.doc(name).kind) {
                    let sentence = said!(
                        "`{name}` ne peut être que true ; sinon, ne l'écrivez pas",
                        "`{name}` can only be true; leave it out otherwise"
                    );
                    self.fault(name, &sentence, None);
                }
                flag
            }
            Some(_) => {
                let sentence = said!(
                    "`{name}` veut true ou false, sans guillemets",
                    "`{name}` wants true or false, without quotes"
                );
                self.fault(name, &sentence, None);
                false
            }
            None => false,
        }
    }

    /// One of a few words.
    pub fn choice(&mut self, name: &'static str) -> &'static str {
        let Kind::Choice(words) = self.doc(name).kind else { return "" };
        let Some(text) = self.scalar_text(name, WORDS) else { return words[0] };
        if let Some(word) = words.iter().find(|word| **word == text) {
            return word;
        }
        let hint = did_you_mean(text, words.iter().copied());
        let sentence = said!(
            "`{name}` ne peut pas être `{text}` : {all}",
            "`{name}` cannot be `{text}`: one of {all}",
            all = words.join(", ")
        );
        self.fault(name, &sentence, hint);
        words[0]
    }

    /// A language of the plan.
    pub fn language(&mut self, name: &'static str) -> Option<Language> {
        let text = self.scalar_text(name, WORDS)?;
        if let Some(language) = self.reader.languages.iter().find(|language| language.as_str() == text) {
            return Some(language.clone());
        }
        let spoken: Vec<&str> = self.reader.languages.iter().map(Language::as_str).collect();
        let sentence = said!(
            "le plan ne parle pas `{text}`, seulement {all}",
            "the plan does not speak `{text}`, only {all}",
            all = spoken.join(", ")
        );
        let hint = said!("ajoutez-la à `languages` de [plan]", "add it to `languages` of [plan]");
        self.fault(name, &sentence, Some(hint));
        None
    }

    /// The name of opening hours of the plan.
    pub fn hours(&mut self, name: &'static str) -> Option<Box<str>> {
        let text = self.scalar_text(name, WORDS)?;
        if !self.reader.hours.contains(text) {
            let hint = did_you_mean(text, self.reader.hours.iter().copied())
                .or_else(|| Some(said!("écrivez une table [hours.{text}]", "write a table [hours.{text}]")));
            let sentence =
                said!("aucune heure d'ouverture ne s'appelle `{text}`", "no opening hours are called `{text}`");
            self.fault(name, &sentence, hint);
        }
        Some(text.into())
    }

    /// A department, by its code.
    pub fn department(&mut self, name: &'static str) -> Option<Department> {
        let text = self
            .scalar_text(name, ("le code d'un département entre guillemets", "the code of a department in quotes"))?;
        let department = Department::from_code(text);
        if department.is_none() {
            let hint = said!(
                "écrivez son code entre guillemets : \"38\", \"2A\", \"974\"",
                "write its code in quotes: \"38\", \"2A\", \"974\""
            );
            let sentence =
                said!("`{text}` n'est pas le code d'un département", "`{text}` is not the code of a department");
            self.fault(name, &sentence, Some(hint));
        }
        department
    }

    /// A key of the telephone.
    pub fn key(&mut self, name: &'static str) -> Option<Key> {
        let text =
            self.scalar_text(name, ("une touche du téléphone entre guillemets", "a key of the telephone in quotes"))?;
        let key = one_key(text);
        if key.is_none() {
            self.fault(name, &no_key(text), None);
        }
        key
    }

    /// How many digits are an answer.
    pub fn digit_count(&mut self, name: &'static str) -> RangeInclusive<u8> {
        let read = match self.scalar(name, ("un nombre de chiffres", "a number of digits")) {
            Some(Scalar::Whole(number)) => values::digit_count(&number.to_string()),
            Some(Scalar::Text(text)) => values::digit_count(text),
            Some(Scalar::Flag(flag)) => values::digit_count(&flag.to_string()),
            None => return 1..=1,
        };
        self.accept(name, read).unwrap_or(1..=1)
    }

    // ---- helpers -------------------------------------------------------------------------------------------------

    pub(super) fn doc(&self, name: &str) -> &'static KeyDoc {
        let found = self.keys.iter().find(|doc| doc.name == name);
        debug_assert!(found.is_some(), "no key table holds `{name}`");
        found.unwrap_or(&UNKNOWN)
    }

    pub(super) fn written(&self, name: &str) -> Option<&'t Spanned<DeValue<'i>>> {
        self.table.get(name)
    }
    pub(super) fn title_of(&self, name: &str) -> Said {
        Said { fr: format!("{}, {name}", self.title.fr), en: format!("{}, {name}", self.title.en) }
    }

    /// The line of the key's value, or of the table when it is not written.
    pub fn line_of(&self, name: &str) -> u32 {
        self.written(name).map_or(self.line, |value| self.reader.faults.line(value.span().start))
    }

    pub(super) fn missing(&mut self, name: &str) {
        if matches!(self.doc(name).kind, Kind::Step | Kind::Tables(_) | Kind::Keys) {
            self.reader.lost = true;
        }
        let line = self.line;
        let sentence = self.title.then(&said!("`{name}` n'est pas écrit", "`{name}` is not written"));
        let doc = self.doc(name);
        self.reader.faults.on(line, sentence, Some(Said { fr: doc.fr.to_owned(), en: doc.en.to_owned() }));
    }

    fn scalar(&mut self, name: &'static str, wanted: Pair) -> Option<Scalar<'t>> {
        let doc = self.doc(name);
        let Some(value) = self.written(name) else {
            return match (doc.absent, doc.kind) {
                (Absent::Default(text), Kind::Count { .. }) => text.parse().ok().map(Scalar::Whole),
                (Absent::Default(text), Kind::Flag) => text.parse().ok().map(Scalar::Flag),
                (Absent::Default(text), _) => Some(Scalar::Text(text)),
                (Absent::Required, _) => {
                    self.missing(name);
                    None
                }
                _ => None,
            };
        };
        match value.get_ref() {
            DeValue::String(text) => Some(Scalar::Text(text)),
            DeValue::Boolean(flag) => Some(Scalar::Flag(*flag)),
            DeValue::Integer(number) => {
                Some(Scalar::Whole(i64::from_str_radix(number.as_str(), number.radix()).unwrap_or(i64::MAX)))
            }
            other => {
                self.fault(name, &wants(name, wanted, type_word(other)), None);
                None
            }
        }
    }

    fn scalar_text(&mut self, name: &'static str, wanted: Pair) -> Option<&'t str> {
        match self.scalar(name, wanted)? {
            Scalar::Text(text) => Some(text),
            Scalar::Whole(number) => {
                self.fault(name, &wants(name, wanted, (&number.to_string(), &number.to_string())), None);
                None
            }
            Scalar::Flag(flag) => {
                self.fault(name, &wants(name, wanted, (&flag.to_string(), &flag.to_string())), None);
                None
            }
        }
    }

    fn accept<T>(&mut self, name: &str, read: Result<T, Said>) -> Option<T> {
        read.map_err(|sentence| self.fault(name, &said!("`{name}`", "`{name}`").then(&sentence), None)).ok()
    }

    pub(super) fn resolve(&mut self, name: &str, step: &str, line: u32) -> StepId {
        if let Some(id) = self.reader.steps.get(step) {
            return *id;
        }
        self.reader.lost = true;
        let hint = did_you_mean(step, self.reader.steps.keys().copied());
        let sentence = said!(
            "`{name}` ne mène nulle part : l'étape `{step}` n'existe pas",
            "`{name}` leads nowhere: step `{step}` does not exist"
        );
        self.reader.faults.on(line, self.title.then(&sentence), hint);
        NOWHERE
    }
}

pub(super) fn one_key(text: &str) -> Option<Key> {
    let mut letters = text.chars();
    let key = letters.next().and_then(Key::new)?;
    letters.next().is_none().then_some(key)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn names(keys: &[KeyDoc]) -> String {
    keys.iter().map(|doc| doc.name).collect::<Vec<_>>().join(", ")
}

/// What a value is, in a person's words.
pub(super) fn type_word(value: &DeValue<'_>) -> Pair {
    match value {
        DeValue::String(_) => ("des mots", "words"),
        DeValue::Integer(_) | DeValue::Float(_) => ("un nombre", "a number"),
        DeValue::Boolean(_) => ("true ou false", "true or false"),
        DeValue::Datetime(_) => ("une date", "a date"),
        DeValue::Array(_) => ("une liste", "a list"),
        DeValue::Table(_) => ("une table", "a table"),
    }
}

/// "`name` wants this, not that."
pub(super) fn wants(name: &str, wanted: (&str, &str), found: (&str, &str)) -> Said {
    Said {
        fr: format!("`{name}` veut {}, pas {}", wanted.0, found.0),
        en: format!("`{name}` wants {}, not {}", wanted.1, found.1),
    }
}

pub(super) fn no_key(text: &str) -> Said {
    said!(
        "`{text}` n'est pas une touche du téléphone : 0 à 9, * ou #",
        "`{text}` is not a key of a telephone: 0 to 9, * or #"
    )
}

/// The same few words in French and English.
pub(super) type Pair = (&'static str, &'static str);

pub(super) const WORDS: Pair = ("des mots entre guillemets", "words in quotes");
const TIME: Pair = ("une durée entre guillemets, comme \"6s\"", "a length of time in quotes, like \"6s\"");
const UNKNOWN: KeyDoc = KeyDoc::optional("", Kind::Note, "", "");
