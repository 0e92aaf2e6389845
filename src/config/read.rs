//! Reads `ecoute.toml`: walks the tree with its places, so that every fault is told with its line, and all of them at once.

use std::collections::BTreeMap;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::keys::{self, Key, Source, Written};
use super::near::nearest;
use super::values::{Said, Setting};
use super::{Config, Fault, check};

/// See [`Config::read`].
pub(super) fn read(text: &str, file: &Path) -> Result<Config, Vec<Fault>> {
    let (all, mut faults) = written(text, file, keys::KEYS, |source| keys::take_all(source))?;
    let config = check::check(all, file.parent().unwrap_or(Path::new("")), &mut faults);
    if faults.is_empty() { Ok(config) } else { Err(faults.sorted()) }
}

/// What `text` says under the keys of a table, and the faults so far. `take_all` is that table's.
pub(super) fn written<A>(
    text: &str,
    file: &Path,
    keys: &'static [Key],
    take_all: impl FnOnce(&mut Reader<'_, '_>) -> A,
) -> Result<(A, Faults), Vec<Fault>> {
    let mut faults = Faults::new(text, file);
    let (tree, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let at = error.span().map_or(0, |span| span.start);
        let what = error.message();
        faults.at(at, (format!("ceci n'est pas du TOML : {what}"), format!("this is not TOML: {what}")));
    }
    if !errors.is_empty() {
        // What follows a broken line may be read wrongly; put right what is said first.
        return Err(faults.sorted());
    }
    let mut source = Reader { keys, found: BTreeMap::new(), faults };
    source.walk(tree.get_ref(), "");
    let all = take_all(&mut source);
    Ok((all, source.faults))
}

/// The faults found so far.
pub(super) struct Faults {
    file: String,
    begins: Vec<usize>,
    found: Vec<Fault>,
}

impl Faults {
    fn new(text: &str, file: &Path) -> Faults {
        let begins = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Faults { file: file.display().to_string(), begins, found: Vec::new() }
    }

    fn line(&self, at: usize) -> u32 {
        u32::try_from(self.begins.partition_point(|begin| *begin <= at).max(1)).unwrap_or(u32::MAX)
    }

    /// None yet?
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Tells a fault at a place, in bytes from the beginning.
    pub fn at(&mut self, at: usize, said: Said) {
        self.on(self.line(at), said);
    }

    /// Tells a fault on a line.
    pub fn on(&mut self, line: u32, (fr, en): Said) {
        if self.found.len() < FAULTS_MAX {
            self.found.push(Fault { file: self.file.clone(), line, fr, en });
        }
    }

    /// In the order of the file.
    pub fn sorted(mut self) -> Vec<Fault> {
        self.found.sort();
        self.found.dedup();
        self.found
    }
}

/// What was written, by the full name of its key.
pub(super) struct Reader<'a, 't> {
    keys: &'static [Key],
    found: BTreeMap<&'static str, (&'a DeValue<'t>, usize)>,
    faults: Faults,
}

impl<'a, 't> Reader<'a, 't> {
    /// Sorts what was written under `section` into known and unknown.
    fn walk(&mut self, table: &'a DeTable<'t>, section: &str) {
        for (key, value) in table.iter() {
            let name =
                if section.is_empty() { key.get_ref().to_string() } else { format!("{section}.{}", key.get_ref()) };
            if let Some(known) = self.keys.iter().find(|known| known.name == name) {
                self.found.insert(known.name, (value.get_ref(), value.span().start));
                continue;
            }
            match value.get_ref() {
                DeValue::Table(inner) if is_section(self.keys, &name) => self.walk(inner, &name),
                _ => self.unknown(&name, key.span().start),
            }
        }
    }

    fn unknown(&mut self, name: &str, at: usize) {
        let sections = self.keys.iter().filter_map(|key| key.name.rsplit_once('.')).map(|(section, _)| section);
        let names = self.keys.iter().map(|key| key.name).chain(sections);
        let (hint_fr, hint_en) = match nearest(name, names) {
            Some(near) => (format!(" ; vouliez-vous écrire `{near}` ?"), format!("; did you mean `{near}`?")),
            None => (String::new(), String::new()),
        };
        self.faults
            .at(at, (format!("`{name}` n'est pas un réglage{hint_fr}"), format!("`{name}` is not a setting{hint_en}")));
    }
}

impl Source for Reader<'_, '_> {
    fn take<T: Setting>(&mut self, key: &Key) -> Written<T> {
        let default = default_of::<T>(key);
        let Some((value, at)) = self.found.get(key.name).copied() else {
            return Written { value: default, line: None, faulty: false };
        };
        let line = Some(self.faults.line(at));
        match T::read(value).and_then(|read| within(key, value).map(|()| read)) {
            Ok(value) => Written { value, line, faulty: false },
            Err((fr, en)) => {
                self.faults.at(at, (format!("`{}` : {fr}", key.name), format!("`{}`: {en}", key.name)));
                Written { value: default, line, faulty: true }
            }
        }
    }
}

// ---- helpers -----------------------------------------------------------------------------------------------------

/// The default goes the same way as what is written; a test reads them all.
fn default_of<T: Setting>(key: &Key) -> T {
    let read = DeValue::parse(key.default).map_err(|error| (error.to_string(), error.to_string()));
    match read.and_then(|value| T::read(value.get_ref())) {
        Ok(value) => value,
        Err((_, why)) => unreachable!("the default of `{}` cannot be read: {why}", key.name),
    }
}

fn within(key: &Key, value: &DeValue<'_>) -> Result<(), Said> {
    let (Some((min, max)), Ok(number)) = (key.bounds, u32::read(value)) else { return Ok(()) };
    if (min..=max).contains(&number) {
        return Ok(());
    }
    Err((format!("{number} n'est pas entre {min} et {max}"), format!("{number} is not between {min} and {max}")))
}

/// Does a known key stand below this name?
fn is_section(keys: &[Key], name: &str) -> bool {
    keys.iter().any(|key| key.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
}

/// Faults told at once.
const FAULTS_MAX: usize = 50;
