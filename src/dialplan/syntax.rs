//! Telling what is wrong with a text that is not TOML. One bracket left open makes everything after it wrong, so each table
//! of the file is read on its own, and only the first fault of each is told.

use std::ops::Range;

use toml::de::{DeTable, Error};

use super::fault::{Faults, said};

/// Reports the `errors` that reading `text` as a whole gave.
pub(super) fn report(text: &str, errors: &[Error], faults: &mut Faults) {
    // What is written twice shows only in the whole; its first fault is the one to trust.
    if let Some(error) = errors.first() {
        tell(text, error, error.span().unwrap_or(0..0), faults);
    }
    for section in sections(text) {
        let (_, errors) = DeTable::parse_recoverable(&text[section.clone()]);
        if let Some(error) = errors.first() {
            let span = error.span().unwrap_or(0..0);
            tell(text, error, section.start + span.start..section.start + span.end, faults);
        }
    }
}

fn tell(text: &str, error: &Error, span: Range<usize>, faults: &mut Faults) {
    if error.message().starts_with("duplicate key") {
        let name = text.get(span.clone()).unwrap_or_default();
        let hint = said!("donnez un autre nom à l'un des deux", "give one of them another name");
        faults.at(&span, said!("`{name}` est écrit deux fois", "`{name}` is written twice"), Some(hint));
        return;
    }
    // The parser says "what happened, what it expected": the first half is enough for a person.
    let what = error.message().split(", expected").next().unwrap_or_default();
    let french = FRENCH.iter().find(|(en, _)| *en == what).map_or(what, |(_, fr)| fr);
    let sentence = said!("ce n'est pas lisible comme TOML : {french}", "this cannot be read as TOML: {what}");
    let hint = said!(
        "les noms et les mots sont entre guillemets ; chaque guillemet, [ et {{ est refermé",
        "names and words stand in quotes; every quote, [ and {{ is closed"
    );
    faults.at(&span, sentence, Some(hint));
}

/// The text from one line that begins with `[` to the next.
fn sections(text: &str) -> Vec<Range<usize>> {
    let mut begins: Vec<usize> = vec![0];
    begins.extend(text.match_indices("\n[").map(|(at, _)| at + 1));
    let ends = begins.iter().skip(1).copied().chain([text.len()]);
    begins.iter().copied().zip(ends).map(|(begin, end)| begin..end).collect()
}

/// What the TOML parser says most often; the rest stays English.
const FRENCH: &[(&str, &str)] = &[
    ("missing comma between array elements", "il manque une virgule dans une liste"),
    ("string values must be quoted", "les mots doivent être entre guillemets"),
    ("unclosed array", "une liste n'est pas refermée"),
    ("unclosed table", "une table n'est pas refermée"),
    ("unclosed inline table", "une table n'est pas refermée"),
    ("invalid basic string", "un guillemet n'est pas refermé"),
    ("invalid literal string", "un guillemet n'est pas refermé"),
    ("missing value for key", "il manque une valeur"),
    ("key with no value", "il manque une valeur"),
];
