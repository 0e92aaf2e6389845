//! `config/listeners.toml`: the centres, the listeners, their training and how they log in. What was written becomes a
//! [`Roster`] (which may be shown to staff) and, apart from it, [`Account`]s (which hold secrets and may not).
//!
//! Every fault is collected, with its line and a sentence in French and English; a file with a fault changes nothing.
//! No sentence repeats a password or a telephone number. Listeners keep the order of the file, which decides between
//! people who have never been called. Deliberately not here: who is on duty, and anything about the moment.

mod values;

use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use self::values::{hint_en, hint_fr, nearest};
use crate::dispatch::{Centre, CentreId, Certification, Listener, Roster};
use crate::ids::{ListenerId, PhoneNumber};

/// What the file says, sound in every respect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listeners {
    /// Who listens, where, and with which training.
    pub roster: Roster,
    /// How each of them logs in or is telephoned; one for each listener, in the same order.
    pub accounts: Vec<Account>,
}

/// How a listener is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The account: also the user name of his telephone.
    pub listener: ListenerId,
    /// What his telephone proves itself with; none: it cannot log in.
    pub secret: Option<Secret>,
    /// His ordinary telephone, if calls go there.
    pub telephone: Option<PhoneNumber>,
}

/// What a telephone proves itself with (RFC 8760).
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// The password itself.
    Password(String),
    /// Digests of `user:realm:password`, so that the file need not hold the password.
    Digest {
        /// MD5, 32 hexadecimal digits.
        md5: Option<String>,
        /// SHA-256, 64 hexadecimal digits.
        sha256: Option<String>,
    },
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// One thing that is wrong in the file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The file, as it was named by whoever had it read.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
    /// What is wrong, in French.
    pub fr: String,
    /// What is wrong, in English.
    pub en: String,
}

/// `file:line: ` in French, and the English on a line of its own below.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}\n    {}", self.file, self.line, self.fr, self.en)
    }
}

impl std::error::Error for Fault {}

/// Reads `text`, which stands in the file named `file`.
pub fn read(file: &str, text: &str) -> Result<Listeners, Vec<Fault>> {
    let mut reader = Reader::new(file, text);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let what = error.message();
        let at = error.span().unwrap_or(0..0);
        reader.fault(at, format!("ce n'est pas lisible comme TOML : {what}"), format!("this is not TOML: {what}"));
    }
    let listeners = if errors.is_empty() { reader.file(table.get_ref()) } else { Listeners::default() };
    reader.faults.sort();
    if reader.faults.is_empty() { Ok(listeners) } else { Err(reader.faults) }
}

/// Listeners a file may name; six hundred volunteers are three times within it.
const LISTENERS_MAX: usize = 2000;
/// Faults told at once.
const FAULTS_MAX: usize = 50;

const TOP_KEYS: &[&str] = &["timezone", "module", "centre", "listener"];
const MODULE_KEYS: &[&str] = &["required", "valid_months"];
const CENTRE_KEYS: &[&str] = &["name", "departments"];
const LISTENER_KEYS: &[&str] = &[
    "name",
    "centre",
    "departments",
    "languages",
    "role",
    "charter",
    "suspended",
    "national",
    "modules",
    "password",
    "ha1_md5",
    "ha1_sha256",
    "telephone",
];
const CERTIFICATION_KEYS: &[&str] = &["passed", "expires"];
type Value<'t> = Spanned<DeValue<'t>>;

struct Module {
    name: String,
    valid_months: Option<i32>,
}

struct Reader<'f> {
    file: &'f str,
    /// Where each line begins, in bytes.
    begins: Vec<usize>,
    faults: Vec<Fault>,
    zone: jiff::tz::TimeZone,
}

impl<'f> Reader<'f> {
    fn new(file: &'f str, text: &str) -> Reader<'f> {
        let begins = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let zone = jiff::tz::TimeZone::get("Europe/Paris").unwrap_or(jiff::tz::TimeZone::UTC);
        Reader { file, begins, faults: Vec::new(), zone }
    }

    fn fault(&mut self, at: Range<usize>, fr: String, en: String) {
        let line = u32::try_from(self.begins.partition_point(|begin| *begin <= at.start).max(1)).unwrap_or(u32::MAX);
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Fault { file: self.file.to_owned(), line, fr, en });
        }
    }

    // The tables of the file.

    fn file(&mut self, table: &DeTable<'_>) -> Listeners {
        self.keys("le fichier", "the file", table, TOP_KEYS);
        if let Some(value) = table.get("timezone") {
            let name = self.text("timezone", value);
            match name.as_deref().map(jiff::tz::TimeZone::get) {
                Some(Ok(zone)) => self.zone = zone,
                Some(Err(_)) => self.fault(
                    value.span(),
                    "ce fuseau horaire n'existe pas (exemple : « Europe/Paris »)".into(),
                    "there is no such time zone (example: `Europe/Paris`)".into(),
                ),
                None => {}
            }
        }
        let mut roster = Roster::default();
        let mut modules = Vec::new();
        for (name, _, value) in self.entries("module", table) {
            let Some(table) = self.table(name, value) else { continue };
            self.keys(name, name, table, MODULE_KEYS);
            if self.flag(table, "required", false) {
                roster.required_modules.push(name.to_owned());
            }
            let valid_months = table.get("valid_months").and_then(|value| self.months(value));
            modules.push(Module { name: name.to_owned(), valid_months });
        }
        for (id, at, value) in self.entries("centre", table) {
            let Some(table) = self.table(id, value) else { continue };
            self.keys(id, id, table, CENTRE_KEYS);
            self.short_name(id, at);
            let name = table.get("name").and_then(|value| self.text("name", value)).unwrap_or_else(|| id.to_owned());
            let departments = table.get("departments").map_or_else(Vec::new, |value| self.departments(value));
            roster.centres.push(Centre { id: CentreId::new(id), name, departments });
        }
        let mut accounts = Vec::new();
        for (nth, (id, at, value)) in self.entries("listener", table).into_iter().enumerate() {
            if nth >= LISTENERS_MAX {
                let (fr, en) = ("écoutants au plus", "listeners at most");
                self.fault(at, format!("{LISTENERS_MAX} {fr}"), format!("{LISTENERS_MAX} {en}"));
                break;
            }
            let Some(table) = self.table(id, value) else { continue };
            self.short_name(id, at.clone());
            if let Some((listener, account)) = self.listener(id, at, table, &roster.centres, &modules) {
                roster.listeners.push(listener);
                accounts.push(account);
            }
        }
        Listeners { roster, accounts }
    }

    fn listener(
        &mut self,
        id: &str,
        at: Range<usize>,
        table: &DeTable<'_>,
        centres: &[Centre],
        modules: &[Module],
    ) -> Option<(Listener, Account)> {
        self.keys(id, id, table, LISTENER_KEYS);
        let Some(value) = table.get("centre") else {
            self.fault(at, format!("« {id} » n'a pas de `centre`"), format!("`{id}` has no `centre`"));
            return None;
        };
        let centre = self.text("centre", value)?;
        let Some(home) = centres.iter().find(|known| known.id.as_str() == centre) else {
            let hint = nearest(&centre, centres.iter().map(|known| known.id.as_str()));
            self.fault(
                value.span(),
                format!("le centre « {centre} » n'existe pas{}", hint_fr(hint)),
                format!("there is no centre `{centre}`{}", hint_en(hint)),
            );
            return None;
        };
        let mut listener = Listener::new(ListenerId::new(id), home.id.clone(), home.departments.clone());
        if let Some(value) = table.get("departments") {
            listener.departments = self.departments(value);
        }
        if let Some(name) = table.get("name").and_then(|value| self.text("name", value)) {
            listener.name = name;
        }
        if let Some(value) = table.get("languages") {
            listener.languages = self.languages(value);
        }
        if let Some(value) = table.get("role") {
            listener.role = self.role(value).unwrap_or(listener.role);
        }
        listener.charter_signed = self.flag(table, "charter", false);
        listener.suspended = self.flag(table, "suspended", false);
        listener.takes_national = self.flag(table, "national", true);
        for (module, at, value) in self.entries("modules", table) {
            listener.modules.extend(self.certification(module, at, value, modules));
        }
        let telephone = table.get("telephone").and_then(|value| self.telephone(value));
        let account = Account { listener: listener.id.clone(), secret: self.secret(table), telephone };
        Some((listener, account))
    }

    /// `initial = 2025-03-10`, or `initial = { passed = 2025-03-10, expires = 2027-03-10 }`: the last day it counts.
    fn certification(
        &mut self,
        module: &str,
        at: Range<usize>,
        value: &Value<'_>,
        modules: &[Module],
    ) -> Option<Certification> {
        let Some(known) = modules.iter().find(|known| known.name == module) else {
            let hint = nearest(module, modules.iter().map(|known| known.name.as_str()));
            self.fault(
                at,
                format!("le module « {module} » n'existe pas{}", hint_fr(hint)),
                format!("there is no module `{module}`{}", hint_en(hint)),
            );
            return None;
        };
        let (passed, expires) = match value.get_ref() {
            DeValue::Table(table) => {
                self.keys(module, module, table, CERTIFICATION_KEYS);
                let Some(passed) = table.get("passed") else {
                    self.fault(
                        value.span(),
                        format!("« {module} » n'a pas de date `passed`"),
                        format!("`{module}` has no date `passed`"),
                    );
                    return None;
                };
                (self.date(passed)?, table.get("expires").and_then(|value| self.date(value)))
            }
            _ => (self.date(value)?, None),
        };
        // Written as the last day it counts; valid months count to the eve of the same day.
        let ends = match (expires, known.valid_months) {
            (Some(last), _) => last.tomorrow().ok(),
            (None, Some(months)) => passed.checked_add(jiff::Span::new().months(months)).ok(),
            (None, None) => None,
        };
        if expires.is_some_and(|last| last < passed) {
            self.fault(
                value.span(),
                format!("« {module} » expire avant d'être suivi"),
                format!("`{module}` expires before it is passed"),
            );
        }
        let passed = self.midnight(passed)?;
        Some(Certification { module: module.to_owned(), passed, expires: ends.and_then(|day| self.midnight(day)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Civil;
    use crate::dispatch::Role;

    fn day(year: i16, month: i8, day: i8) -> Civil {
        let zone = jiff::tz::TimeZone::get("Europe/Paris").expect("Paris");
        let date = jiff::civil::Date::new(year, month, day).expect("a date");
        let begin = date.to_zoned_datetime(zone).expect("a day in Paris");
        Civil::from_unix_millis(begin.timestamp().as_millisecond())
    }

    /// The sample that ships with the program is sound, and says what its comments say.
    #[test]
    fn the_sample_is_sound() {
        let sample = include_str!("../../config/listeners.sample.toml");
        let read = read("config/listeners.sample.toml", sample).expect("a sound sample");
        let roster = &read.roster;
        assert_eq!(roster.required_modules, ["initial"]);
        let ids: Vec<&str> = roster.listeners.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(ids, ["marie", "jean", "lucie", "paul"], "in the order of the file");
        assert_eq!(read.accounts.len(), 4);
        let marie = roster.listener(&ListenerId::new("marie")).expect("Marie");
        assert_eq!(marie.departments, roster.centre(&marie.centre).expect("her centre").departments);
        assert_eq!(marie.modules[0].expires, Some(day(2028, 3, 10)), "24 months later");
        assert_eq!(read.accounts[0].secret, Some(Secret::Password("remplacez-moi-vite".into())));
        assert!(read.accounts[1].telephone.is_some() && read.accounts[1].secret.is_none());
        assert_eq!(roster.listeners[3].role, Role::Trainee);
    }

    /// A training module counts to the end of the last day written, in the zone of the file.
    #[test]
    fn the_last_day_counts() {
        let text = "[module.initial]\n[centre.a]\n[listener.x]\ncentre = \"a\"\n\
                    modules.initial = { passed = 2025-03-30, expires = \"2026-03-29\" }";
        let read = read("l.toml", text).expect("sound");
        let held = &read.roster.listeners[0].modules[0];
        assert_eq!((held.passed, held.expires), (day(2025, 3, 30), Some(day(2026, 3, 30))));
        assert!(!read.roster.listeners[0].charter_signed, "a signature is written down, never assumed");
    }

    /// All faults are told at once, each with its line, and what was probably meant.
    #[test]
    fn every_fault_has_its_line() {
        let cases: &[(&str, &[(u32, &str)])] = &[
            ("x = ", &[(1, "not TOML")]),
            ("timezone = \"Paris\"\nmodul = 1", &[(1, "no such time zone"), (2, "did you mean `module`?")]),
            (
                "[centre.Alma]\nname = 3\ndepartments = [\"20\", \"38\", \"38\", \"96\"]",
                &[
                    (1, "short name"),
                    (2, "a text in quotes"),
                    (3, "`2A` and `2B`"),
                    (3, "no department `96`"),
                    (3, "written twice"),
                ],
            ),
            (
                "[centre.alma-38]\n[listener.x]\ncentre = \"alma-83\"\n[listener.y]",
                &[(3, "did you mean `alma-38`?"), (4, "has no `centre`")],
            ),
            ("[module.initial]\nvalid_months = 0", &[(2, "1 to 240")]),
            (
                "[centre.a]\n[module.initial]\n[listener.x]\ncentre = \"a\"\nrole = \"boss\"\ncharter = \"yes\"\n\
                 languages = []\ntelephone = \"12\"\npassword = \"secret\"\nha1_md5 = \"zz\"\n\
                 modules.inital = 2025-01-01\nmodules.initial = { passed = 2025-01-02, expires = 2025-01-01 }",
                &[
                    (5, "trainee"),
                    (6, "`true` or `false`"),
                    (7, "at least one language"),
                    (8, "a number"),
                    (9, "too short"),
                    (10, "32 hexadecimal"),
                    (11, "did you mean `initial`?"),
                    (12, "expires before"),
                ],
            ),
            ("[module.m]\n[centre.a]\n[listener.x]\ncentre = \"a\"\nmodules.m = 2025-02-30", &[(5, "TOML")]),
            ("[module.m]\n[centre.a]\n[listener.x]\ncentre = \"a\"\nmodules.m = {}", &[(5, "no date `passed`")]),
            ("listener = 3", &[(1, "a table")]),
        ];
        for (text, expected) in cases {
            let faults = read("l.toml", text).expect_err(text);
            let lines: Vec<u32> = faults.iter().map(|fault| fault.line).collect();
            assert_eq!(lines, expected.iter().map(|(line, _)| *line).collect::<Vec<_>>(), "{text}\n{faults:#?}");
            for (line, words) in *expected {
                let told = faults.iter().any(|fault| fault.line == *line && fault.en.contains(words));
                assert!(told, "line {line} should say {words}: {faults:#?}");
            }
        }
    }

    /// Neither a fault nor a debug print repeats a password, a digest or a telephone number.
    #[test]
    fn secrets_stay_secret() {
        let text = "[centre.a]\n[listener.x]\ncentre = \"a\"\npassword = \"hunter2\"\ntelephone = \"0612345\"";
        let faults = read("l.toml", text).expect_err("too short");
        assert!(faults.iter().all(|fault| !format!("{fault}{fault:?}").contains("hunter2")));
        assert!(faults.iter().all(|fault| !format!("{fault}{fault:?}").contains("0612345")));
        let sound = text.replace("hunter2", "hunter2hunter2").replace("0612345", "06 12 34 56 78");
        let read = read("l.toml", &sound).expect("sound");
        assert!(!format!("{read:?}").contains("hunter2") && !format!("{read:?}").contains("123"));
        assert_eq!(read.accounts[0].telephone.as_ref().map(PhoneNumber::reveal), Some("+33612345678"));
    }
}
