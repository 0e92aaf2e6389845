//! The values of the file: texts, flags, dates, departments, secrets; each with the sentence it is refused with.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::{Reader, Secret, Value};
use crate::clock::Civil;
use crate::dispatch::Role;
use crate::france::Department;
use crate::ids::PhoneNumber;

/// A shorter password is guessed within days by those who try every telephone on the internet.
const PASSWORD_MIN: usize = 12;

const ROLES: &[(&str, Role)] = &[
    ("listener", Role::Listener),
    ("referent", Role::Referent),
    ("coordinator", Role::Coordinator),
    ("trainee", Role::Trainee),
];

/// A name, where it stands, and what is said about it.
pub(super) type Entry<'a, 't> = (&'a str, Range<usize>, &'a Value<'t>);

impl Reader<'_> {
    /// The entries of the table `name` in the order of the file.
    pub(super) fn entries<'a, 't>(&mut self, name: &str, table: &'a DeTable<'t>) -> Vec<Entry<'a, 't>> {
        let Some(inner) = table.get(name).and_then(|value| self.table(name, value)) else { return Vec::new() };
        let mut entries: Vec<Entry<'a, 't>> =
            inner.iter().map(|(key, value)| (key.get_ref().as_ref(), key.span(), value)).collect();
        entries.sort_by_key(|(_, at, _)| at.start);
        entries
    }

    pub(super) fn keys(&mut self, fr: &str, en: &str, table: &DeTable<'_>, known: &[&str]) {
        for key in table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let name: &str = key.get_ref();
            let hint = nearest(name, known.iter().copied());
            self.fault(
                key.span(),
                format!("« {fr} » ne connaît pas la clé `{name}`{}", hint_fr(hint)),
                format!("`{en}` knows no key `{name}`{}", hint_en(hint)),
            );
        }
    }

    pub(super) fn expected(&mut self, at: Range<usize>, name: &str, fr: &str, en: &str) {
        self.fault(at, format!("`{name}` attend {fr}"), format!("`{name}`: {en} is expected"));
    }

    pub(super) fn table<'a, 't>(&mut self, name: &str, value: &'a Value<'t>) -> Option<&'a DeTable<'t>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.expected(value.span(), name, "une table", "a table");
        }
        table
    }

    pub(super) fn text(&mut self, name: &str, value: &Value<'_>) -> Option<String> {
        let text = value.get_ref().as_str().map(str::trim).filter(|text| !text.is_empty());
        if text.is_none() {
            self.expected(value.span(), name, "un texte entre guillemets", "a text in quotes");
        }
        text.map(str::to_owned)
    }

    pub(super) fn flag(&mut self, table: &DeTable<'_>, name: &str, otherwise: bool) -> bool {
        let Some(value) = table.get(name) else { return otherwise };
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.expected(value.span(), name, "`true` (oui) ou `false` (non)", "`true` or `false`");
            otherwise
        })
    }

    pub(super) fn months(&mut self, value: &Value<'_>) -> Option<i32> {
        let months = value.get_ref().as_integer().and_then(|number| number.as_str().parse().ok());
        let months = months.filter(|months| (1..=240).contains(months));
        if months.is_none() {
            self.expected(value.span(), "valid_months", "un nombre de mois (1 à 240)", "a number of months (1 to 240)");
        }
        months
    }

    pub(super) fn list(&mut self, name: &str, value: &Value<'_>) -> Vec<(String, Range<usize>)> {
        let Some(items) = value.get_ref().as_array() else {
            self.expected(value.span(), name, "une liste entre crochets", "a list in brackets");
            return Vec::new();
        };
        items.iter().filter_map(|item| Some((self.text(name, item)?, item.span()))).collect()
    }

    pub(super) fn departments(&mut self, value: &Value<'_>) -> Vec<Department> {
        let mut departments = Vec::new();
        for (code, at) in self.list("departments", value) {
            match Department::from_code(&code) {
                Some(department) if departments.contains(&department) => self.fault(
                    at,
                    format!("le département « {code} » est écrit deux fois"),
                    format!("department `{code}` is written twice"),
                ),
                Some(department) => departments.push(department),
                None if code == "20" => self.fault(
                    at,
                    "la Corse a deux départements : « 2A » et « 2B »".into(),
                    "Corsica has two departments: `2A` and `2B`".into(),
                ),
                None => self.fault(
                    at,
                    format!("le département « {code} » n'existe pas (exemples : « 01 », « 2A », « 974 »)"),
                    format!("there is no department `{code}` (examples: `01`, `2A`, `974`)"),
                ),
            }
        }
        departments
    }

    pub(super) fn languages(&mut self, value: &Value<'_>) -> Vec<String> {
        let found = self.list("languages", value);
        for (code, at) in &found {
            if !(2..=3).contains(&code.len()) || !code.bytes().all(|b| b.is_ascii_lowercase()) {
                let (fr, en) = ("un code de langue (« fr », « en »)", "a language code (`fr`, `en`)");
                self.expected(at.clone(), "languages", fr, en);
            }
        }
        if found.is_empty() {
            self.expected(value.span(), "languages", "au moins une langue", "at least one language");
        }
        found.into_iter().map(|(code, _)| code).collect()
    }

    pub(super) fn role(&mut self, value: &Value<'_>) -> Option<Role> {
        let name = self.text("role", value)?;
        let role = ROLES.iter().find(|(known, _)| *known == name).map(|(_, role)| *role);
        if role.is_none() {
            let (fr, en) = (
                "listener (écoutant), referent (référent), coordinator (coordinateur) ou trainee (en formation)",
                "listener, referent, coordinator or trainee",
            );
            self.expected(value.span(), "role", fr, en);
        }
        role
    }

    pub(super) fn date(&mut self, value: &Value<'_>) -> Option<jiff::civil::Date> {
        let written = match value.get_ref() {
            DeValue::Datetime(found) if found.time.is_none() => found.date,
            DeValue::String(text) => text.parse::<toml::value::Datetime>().ok().and_then(|found| found.date),
            _ => None,
        };
        let date = written.and_then(|date| {
            let (month, day) = (i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?);
            jiff::civil::Date::new(i16::try_from(date.year).ok()?, month, day).ok()
        });
        if date.is_none() {
            let (fr, en) = ("une date (année-mois-jour, 2026-01-31)", "a date (year-month-day, 2026-01-31)");
            self.expected(value.span(), "date", fr, en);
        }
        date
    }

    pub(super) fn midnight(&self, day: jiff::civil::Date) -> Option<Civil> {
        let begin = day.to_zoned_datetime(self.zone.clone()).ok()?;
        Some(Civil::from_unix_millis(begin.timestamp().as_millisecond()))
    }

    pub(super) fn telephone(&mut self, value: &Value<'_>) -> Option<PhoneNumber> {
        let text: String = self.text("telephone", value)?.split([' ', '.']).collect();
        let number = match text.strip_prefix('0') {
            Some(national) if national.len() == 9 => PhoneNumber::from_e164(&format!("+33{national}")),
            _ => PhoneNumber::from_e164(&text),
        };
        if number.is_none() {
            let (fr, en) = ("un numéro (0x xx xx xx xx ou +33…)", "a number (0x xx xx xx xx or +33…)");
            self.expected(value.span(), "telephone", fr, en);
        }
        number
    }

    pub(super) fn secret(&mut self, table: &DeTable<'_>) -> Option<Secret> {
        let password = table.get("password").and_then(|value| Some((self.text("password", value)?, value.span())));
        let md5 = self.digest(table, "ha1_md5", 32);
        let sha256 = self.digest(table, "ha1_sha256", 64);
        match password {
            Some((_, at)) if md5.is_some() || sha256.is_some() => {
                self.fault(
                    at,
                    "un mot de passe ou ses empreintes (`ha1_…`), pas les deux".into(),
                    "a password or its digests (`ha1_…`), not both".into(),
                );
                None
            }
            Some((word, at)) if word.chars().count() < PASSWORD_MIN => {
                self.fault(
                    at,
                    format!("le mot de passe est trop court : {PASSWORD_MIN} signes au moins"),
                    format!("the password is too short: at least {PASSWORD_MIN} characters"),
                );
                None
            }
            Some((word, _)) => Some(Secret::Password(word)),
            None if md5.is_none() && sha256.is_none() => None,
            None => Some(Secret::Digest { md5, sha256 }),
        }
    }

    pub(super) fn digest(&mut self, table: &DeTable<'_>, name: &str, digits: usize) -> Option<String> {
        let value = table.get(name)?;
        let text = self.text(name, value)?.to_ascii_lowercase();
        if text.len() != digits || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            let (fr, en) = (format!("{digits} chiffres hexadécimaux"), format!("{digits} hexadecimal digits"));
            self.expected(value.span(), name, &fr, &en);
            return None;
        }
        Some(text)
    }

    pub(super) fn short_name(&mut self, name: &str, at: Range<usize>) {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.');
        if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
            self.fault(
                at,
                format!("le nom court « {name} » n'a que des lettres minuscules sans accent, chiffres, - _ ."),
                format!("the short name `{name}` has only lower-case letters without accents, digits, - _ ."),
            );
        }
    }
}

pub(super) fn hint_fr(near: Option<&str>) -> String {
    near.map_or_else(String::new, |name| format!(" ; vouliez-vous écrire `{name}` ?"))
}

pub(super) fn hint_en(near: Option<&str>) -> String {
    near.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

/// The name written most like `wrong`, when it is near enough to be a slip of the hand.
pub(super) fn nearest<'n>(wrong: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let reach = (wrong.chars().count() / 3).clamp(1, 3);
    names.map(|name| (distance(wrong, name), name)).filter(|(far, _)| *far <= reach).min().map(|(_, name)| name)
}

/// Letters to change, add or leave out (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}
