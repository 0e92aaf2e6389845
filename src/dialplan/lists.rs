//! The fields of a table that hold several values: keys of the telephone and their steps, lists of words, tables within the
//! table. The getters of single values are in `fields`.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::DeValue;

use super::fault::said;
use super::fields::{Fields, WORDS, no_key, one_key, type_word, wants};
use super::keys::{Absent, Kind};
use super::plan::{Key, StepId};

impl<'t, 'i> Fields<'_, 't, 'i> {
    /// Keys of the telephone and where each leads.
    pub fn keys(&mut self, name: &'static str) -> BTreeMap<Key, StepId> {
        let mut keys = BTreeMap::new();
        let Some(value) = self.written(name) else {
            if matches!(self.doc(name).absent, Absent::Required) {
                self.missing(name);
            }
            return keys;
        };
        let Some(table) = value.get_ref().as_table() else {
            let hint = said!("écrivez {name}.1 = \"nom_d_une_etape\"", "write {name}.1 = \"name_of_a_step\"");
            let sentence = said!("`{name}` veut des touches et des étapes", "`{name}` wants keys and steps");
            self.fault(name, &sentence, Some(hint));
            self.reader.lost = true;
            return keys;
        };
        for (pressed, step) in table.iter() {
            let line = self.reader.faults.line(pressed.span().start);
            let text: &str = pressed.get_ref();
            let Some(key) = one_key(text) else {
                self.reader.faults.on(line, self.title.then(&no_key(text)), None);
                continue;
            };
            match step.get_ref().as_str() {
                Some(step) => {
                    let to = self.resolve(text, step, line);
                    keys.insert(key, to);
                }
                None => {
                    self.reader.lost = true;
                    let sentence = said!(
                        "la touche {key} veut le nom d'une étape entre guillemets",
                        "key {key} wants the name of a step in quotes"
                    );
                    self.reader.faults.on(line, self.title.then(&sentence), None);
                }
            }
        }
        keys
    }

    /// Words, one or several: `"fr"`, or `["fr", "en"]`, each with its place in the file.
    pub fn texts(&mut self, name: &'static str) -> Vec<(&'t str, Range<usize>)> {
        let Some(value) = self.written(name) else {
            return match self.doc(name).absent {
                Absent::Default(text) => vec![(text, 0..0)],
                _ => {
                    self.missing(name);
                    Vec::new()
                }
            };
        };
        let items: Vec<&'t Spanned<DeValue<'i>>> = match value.get_ref() {
            DeValue::Array(items) => items.iter().collect(),
            _ => vec![value],
        };
        let mut texts = Vec::new();
        for item in items {
            match item.get_ref().as_str() {
                Some(text) => texts.push((text, item.span())),
                None => {
                    let sentence = wants(name, WORDS, type_word(item.get_ref()));
                    self.reader.faults.at(&item.span(), self.title.then(&sentence), None);
                }
            }
        }
        texts
    }

    /// A table of its own.
    pub fn table(&mut self, name: &'static str) -> Option<Fields<'_, 't, 'i>> {
        let Kind::Table(keys) = self.doc(name).kind else { return None };
        let value = self.written(name)?;
        let Some(table) = value.get_ref().as_table() else {
            let sentence = said!("`{name}` veut une table : {{ … }}", "`{name}` wants a table: {{ … }}");
            self.fault(name, &sentence, None);
            return None;
        };
        let line = self.line_of(name);
        let title = self.title_of(name);
        Some(Fields::new(self.reader, table, keys, line, title))
    }

    /// A list of tables; `each` reads one.
    pub fn tables<T>(&mut self, name: &'static str, mut each: impl FnMut(&mut Fields<'_, 't, 'i>) -> T) -> Vec<T> {
        let Kind::Tables(keys) = self.doc(name).kind else { return Vec::new() };
        let Some(value) = self.written(name) else {
            self.missing(name);
            return Vec::new();
        };
        let Some(items) = value.get_ref().as_array() else {
            let sentence = said!(
                "`{name}` veut une liste de tables : [ {{ … }}, {{ … }} ]",
                "`{name}` wants a list of tables: [ {{ … }}, {{ … }} ]"
            );
            self.fault(name, &sentence, None);
            self.reader.lost = true;
            return Vec::new();
        };
        if items.is_empty() {
            self.fault(name, &said!("`{name}` est vide", "`{name}` is empty"), None);
        }
        let mut read = Vec::new();
        for item in items.iter() {
            let line = self.reader.faults.line(item.span().start);
            match item.get_ref().as_table() {
                Some(table) => {
                    let title = self.title_of(name);
                    read.push(each(&mut Fields::new(self.reader, table, keys, line, title)));
                }
                None => {
                    self.reader.lost = true;
                    let sentence =
                        said!("la liste `{name}` veut des tables : {{ … }}", "the list `{name}` wants tables: {{ … }}");
                    self.reader.faults.on(line, self.title.then(&sentence), None);
                }
            }
        }
        read
    }
}
