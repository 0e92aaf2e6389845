//! What the checker knows of prompts: their words (`prompts/prompts.toml`), and what is wrong with their sound files. A pure
//! room reads no file: whoever does (`node`, `cli`) hands the finding in as a [`PromptIndex`].

use std::collections::BTreeMap;
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::fault::{Fault, Faults, Said, did_you_mean, nearest, said};
use super::fields::{type_word, wants};
use super::plan::{Language, PromptName};
use super::{syntax, values};

/// The words of every prompt, as written in `prompts/prompts.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PromptWords {
    words: BTreeMap<PromptName, BTreeMap<Language, Box<str>>>,
}

impl PromptWords {
    /// Reads `prompts.toml`, or says everything that is wrong with it.
    pub fn read(file: &str, text: &str) -> Result<PromptWords, Vec<Fault>> {
        let mut faults = Faults::new(file, text);
        let mut all = PromptWords::default();
        let (tree, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            syntax::report(text, &errors, &mut faults);
            return Err(faults.into_sorted());
        }
        for (key, value) in tree.get_ref().iter() {
            match (&**key.get_ref(), value.get_ref()) {
                ("prompt", DeValue::Table(prompts)) => {
                    for (name, value) in prompts.iter() {
                        all.read_prompt(&mut faults, name.get_ref(), name.span().start, value.get_ref());
                    }
                }
                (other, _) => {
                    let hint = said!("écrivez [prompt.NOM]", "write [prompt.NAME]");
                    let sentence =
                        said!("le fichier n'a pas de place pour `{other}`", "the file has no place for `{other}`");
                    faults.at(&key.span(), sentence, Some(hint));
                }
            }
        }
        if faults.is_empty() { Ok(all) } else { Err(faults.into_sorted()) }
    }

    fn read_prompt(&mut self, faults: &mut Faults, name: &str, at: usize, value: &DeValue<'_>) {
        let line = faults.line(at);
        if let Err(sentence) = values::word(name) {
            faults.on(line, sentence, None);
        }
        let DeValue::Table(table) = value else {
            faults.on(line, wants(name, ("une table", "a table"), type_word(value)), None);
            return;
        };
        let mut spoken = BTreeMap::new();
        for (key, value) in table.iter() {
            match (Language::new(key.get_ref()), value.get_ref()) {
                (_, DeValue::String(_)) if &**key.get_ref() == "note" => {}
                (Some(language), DeValue::String(words)) if !words.trim().is_empty() => {
                    spoken.insert(language, words.trim().into());
                }
                (Some(language), _) => {
                    faults.at(&key.span(), no_words(name, &language), None);
                }
                (None, _) => {
                    let hint = did_you_mean(key.get_ref(), ["note"]).or_else(|| {
                        Some(said!("écrivez une langue (fr, en) ou `note`", "write a language (fr, en) or `note`"))
                    });
                    let sentence = said!(
                        "message `{name}` : la clé `{key}` n'existe pas",
                        "prompt `{name}`: there is no key `{key}`",
                        key = key.get_ref()
                    );
                    faults.at(&key.span(), sentence, hint);
                }
            }
        }
        self.words.insert(name.into(), spoken);
    }

    /// Every prompt with its words, in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&PromptName, &BTreeMap<Language, Box<str>>)> {
        self.words.iter()
    }

    /// The words of `name` in `language`.
    pub fn get(&self, name: &str, language: &str) -> Option<&str> {
        self.words.get(name)?.get(language).map(|words| &**words)
    }
}

/// Names × languages × what is wrong with the file. A prompt that was never mentioned does not exist.
#[derive(Clone, Debug, Default)]
pub struct PromptIndex {
    known: BTreeMap<PromptName, BTreeMap<Language, Entry>>,
    unchecked: bool,
}

#[derive(Clone, Debug, Default)]
struct Entry {
    words: bool,
    sound: Option<Result<Duration, Box<str>>>,
}

impl PromptIndex {
    /// An index that knows the words, and no sound yet.
    pub fn new(words: &PromptWords) -> PromptIndex {
        let mut index = PromptIndex::default();
        for (name, spoken) in words.iter() {
            for language in spoken.keys() {
                index.entry(name, language).words = true;
            }
        }
        index
    }

    /// An index that finds nothing wrong with any prompt: to judge a graph before its prompts are recorded.
    pub fn unchecked() -> PromptIndex {
        PromptIndex { unchecked: true, ..PromptIndex::default() }
    }

    /// What whoever reads files found of one sound file: how long it lasts, or what is wrong with it ("is stereo").
    pub fn sound(&mut self, name: &str, language: &Language, found: Result<Duration, String>) {
        self.entry(name, language).sound = Some(found.map_err(String::into_boxed_str));
    }

    /// What is wrong with `name` for a plan in `languages`: sentences, with hints.
    pub(super) fn judge(&self, name: &str, languages: &[Language]) -> Vec<(Said, Option<Said>)> {
        if self.unchecked {
            return Vec::new();
        }
        let Some(spoken) = self.known.get(name) else {
            let hint = match nearest(name, self.known.keys().map(|known| &**known)) {
                Some(near) => said!("vouliez-vous écrire `{near}` ?", "did you mean `{near}`?"),
                None => said!(
                    "écrivez ses mots dans prompts.toml : [prompt.{name}]",
                    "write its words in prompts.toml: [prompt.{name}]"
                ),
            };
            return vec![(said!("le message `{name}` n'existe pas", "there is no prompt `{name}`"), Some(hint))];
        };
        let mut wrong = Vec::new();
        for language in languages {
            let entry = spoken.get(language).cloned().unwrap_or_default();
            if !entry.words {
                let hint = said!(
                    "écrivez {language} = \"…\" sous [prompt.{name}] dans prompts.toml",
                    "write {language} = \"…\" below [prompt.{name}] in prompts.toml"
                );
                wrong.push((no_words(name, language), Some(hint)));
            }
            match entry.sound {
                None => wrong.push((
                    said!(
                        "le message `{name}` n'a pas de son en `{language}`",
                        "prompt `{name}` has no sound in `{language}`"
                    ),
                    Some(said!(
                        "enregistrez prompts/{language}/{name}.wav, ou faites-le lire : voir prompts/README.md",
                        "record prompts/{language}/{name}.wav, or have it spoken: see prompts/README.md"
                    )),
                )),
                Some(Err(fault)) => wrong.push((
                    said!(
                        "le son du message `{name}` en `{language}` ne peut pas servir : {fault}",
                        "the sound of prompt `{name}` in `{language}` cannot be used: {fault}"
                    ),
                    None,
                )),
                Some(Ok(lasts)) if lasts > LASTS_MAX => wrong.push((
                    said!(
                        "le message `{name}` en `{language}` dure {seconds} s",
                        "prompt `{name}` in `{language}` lasts {seconds} s",
                        seconds = lasts.as_secs()
                    ),
                    Some(said!(
                        "personne n'écoute plus de {seconds} s",
                        "nobody listens for longer than {seconds} s",
                        seconds = LASTS_MAX.as_secs()
                    )),
                )),
                Some(Ok(_)) => {}
            }
        }
        wrong
    }

    fn entry(&mut self, name: &str, language: &Language) -> &mut Entry {
        self.known.entry(name.into()).or_default().entry(language.clone()).or_default()
    }
}

fn no_words(name: &str, language: &Language) -> Said {
    said!("le message `{name}` n'a pas de mots en `{language}`", "prompt `{name}` has no words in `{language}`")
}

const LASTS_MAX: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    /// The words are read with their notes left out, and what is wrong with them is told with its line.
    #[test]
    fn words() {
        let text = "[prompt.hello]\nfr = \" Bonjour. \"\nen = \"Hello.\"\nnote = \"x\"\n[prompt.\"dept.38\"]\nfr = \"l'Isère\"\n";
        let words = PromptWords::read("p.toml", text).expect("sound");
        assert_eq!(words.get("hello", "fr"), Some("Bonjour."));
        assert_eq!((words.get("dept.38", "en"), words.get("hello", "note")), (None, None));

        let text = "[prompt.hello]\nfr = \"\"\nEnglish = \"x\"\n[promt.bye]\nfr = \"x\"\n[prompt]\nbye = 3\n";
        let faults = PromptWords::read("p.toml", text).expect_err("unsound");
        let lines: Vec<u32> = faults.iter().map(|fault| fault.line).collect();
        assert_eq!(lines, [2, 3, 4, 7], "{faults:?}");
    }

    /// An index judges by language: words, sound, length.
    #[test]
    fn index() {
        let words = PromptWords::read("p.toml", "[prompt.a]\nfr = \"a\"\n").expect("sound");
        let (fr, en) = (Language::new("fr").expect("fr"), Language::new("en").expect("en"));
        let mut index = PromptIndex::new(&words);
        assert_eq!(index.judge("a", std::slice::from_ref(&fr)).len(), 1, "no sound");
        index.sound("a", &fr, Ok(Duration::from_secs(3)));
        assert!(index.judge("a", std::slice::from_ref(&fr)).is_empty());
        assert_eq!(index.judge("a", &[fr.clone(), en]).len(), 2, "neither words nor sound in English");
        index.sound("a", &fr, Ok(Duration::from_secs(61)));
        assert_eq!(index.judge("a", &[fr]).len(), 1, "too long");
        assert!(PromptIndex::unchecked().judge("b", &[]).is_empty());
    }
}
