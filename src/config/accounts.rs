//! `listeners.toml` as staff edit it by command: `ecoute listener add | list | show | pause | remove | password`. What a person
//! wrote in the file, comments and order, stays as it is; only the lines meant are touched.
//!
//! Every edit is made on the text, read back by [`listeners::read`], and refused when the result would not be sound. The file
//! is replaced whole (a new file, then a rename), readable by its owner only, for it holds passwords.
//!
//! Also here: the two demonstration listeners of a first start ([`ensure_demo`]). Deliberately not here: whether somebody
//! takes calls at this moment (that is the listener's own wish, and the dispatcher's).

use std::fmt;
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::Fault;
use super::listeners::{self, Listeners};
use crate::ids::IdSource;

/// The listeners' file, open for editing.
#[derive(Clone)]
pub struct ListenersFile {
    path: PathBuf,
    text: String,
}

/// A listener to be added.
#[derive(Clone, Default)]
pub struct NewListener {
    /// The account: letters, digits, `-`, `_`, `.`; lower case.
    pub id: String,
    /// The person's name, for staff.
    pub name: String,
    /// The centre, which must be in the file.
    pub centre: String,
    /// Departments served, by code; empty: those of the centre.
    pub departments: Vec<String>,
    /// Languages spoken; empty: French.
    pub languages: Vec<String>,
    /// The charter is signed.
    pub charter: bool,
    /// The password; see [`password`].
    pub password: String,
}

/// A demonstration account as it was made.
#[derive(Clone, PartialEq, Eq)]
pub struct DemoAccount {
    /// The account.
    pub id: &'static str,
    /// The department's code.
    pub department: &'static str,
    /// The password, to be shown to the person at the terminal once.
    pub password: String,
}

/// Why the file was not changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Nobody of that name is in the file. The asker's fault.
    #[error("`{0}` n'est pas dans le fichier / `{0}` is not in the file")]
    Unknown(String),
    /// Somebody of that name is in the file. The asker's fault.
    #[error("`{0}` est déjà dans le fichier / `{0}` is in the file already")]
    Exists(String),
    /// The account's name cannot be one.
    #[error(
        "`{0}` ne peut être un compte : lettres, chiffres, `-`, `_` et `.` / `{0}` cannot be an account: letters, digits, `-`, `_` and `.`"
    )]
    BadName(String),
    /// The listener is written in a form this command does not edit.
    #[error(
        "`{0}` est écrit autrement que par une section `[listener.{0}]` ; modifiez-le à la main / `{0}` is not written as a section `[listener.{0}]`; edit it by hand"
    )]
    Unusual(String),
    /// With the change the file would not be sound; it stays as it was.
    #[error("{}", list(.0))]
    Faulty(Vec<Fault>),
}

impl ListenersFile {
    /// Reads the file.
    pub fn load(path: &Path) -> Result<ListenersFile, AccountError> {
        let text = std::fs::read_to_string(path).map_err(|source| AccountError::File { path: path.into(), source })?;
        Ok(ListenersFile { path: path.into(), text })
    }

    /// From a text, to be saved at `path`.
    pub fn from_text(path: &Path, text: &str) -> ListenersFile {
        ListenersFile { path: path.into(), text: text.to_owned() }
    }

    /// The text as it stands.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the file means.
    pub fn listeners(&self) -> Result<Listeners, Vec<Fault>> {
        listeners::read(&self.path.display().to_string(), &self.text)
    }

    /// Adds a listener at the end.
    pub fn add(&mut self, new: &NewListener) -> Result<(), AccountError> {
        let id = account_name(&new.id)?;
        if self.section(&id).is_ok() || matches!(self.section(&id), Err(AccountError::Unusual(_))) {
            return Err(AccountError::Exists(id));
        }
        let mut text = self.text.trim_end().to_owned();
        text.push_str(&format!("\n\n[listener.{}]\n", key(&id)));
        if !new.name.is_empty() {
            text.push_str(&format!("name = {}\n", quoted(&new.name)));
        }
        text.push_str(&format!("centre = {}\n", quoted(&new.centre)));
        for (name, values) in [("departments", &new.departments), ("languages", &new.languages)] {
            if !values.is_empty() {
                let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
                text.push_str(&format!("{name} = [{}]\n", values.join(", ")));
            }
        }
        text.push_str(&format!("charter = {}\npassword = {}\n", new.charter, quoted(&new.password)));
        self.accept(text)
    }

    /// Takes a listener out, with the comment right above the section.
    pub fn remove(&mut self, id: &str) -> Result<(), AccountError> {
        let section = self.section(&account_name(id)?)?;
        let mut text = self.text.clone();
        let from = comment_above(&text, section.lines.start);
        text.replace_range(from..section.lines.end, "");
        // No gap is left behind.
        while text[..from].ends_with("\n\n") && text[from..].starts_with('\n') {
            text.remove(from);
        }
        self.accept(text)
    }

    /// Suspends a listener, or takes the suspension back: `suspended` in the file.
    pub fn suspend(&mut self, id: &str, suspended: bool) -> Result<(), AccountError> {
        self.set(id, "suspended", &suspended.to_string())
    }

    /// Gives a listener another password. Digests of the old one are taken out.
    pub fn set_password(&mut self, id: &str, password: &str) -> Result<(), AccountError> {
        let mut edited = self.clone();
        for digest in ["ha1_md5", "ha1_sha256"] {
            edited.unset_unchecked(id, digest)?;
        }
        edited.set(id, "password", &quoted(password))?;
        *self = edited;
        Ok(())
    }

    /// Writes the file: whole, under another name first, readable by its owner only.
    pub fn save(&self) -> Result<(), AccountError> {
        let fault = |source| AccountError::File { path: self.path.clone(), source };
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let new = self.path.with_file_name(name);
        let _ = std::fs::remove_file(&new);
        write_private(&new, &self.text).map_err(fault)?;
        std::fs::rename(&new, &self.path).map_err(fault)
    }

    // ---- helpers -------------------------------------------------------------------------------------------------

    /// Sets a key of a listener to a value written as TOML.
    fn set(&mut self, id: &str, name: &str, value: &str) -> Result<(), AccountError> {
        let section = self.section(&account_name(id)?)?;
        let mut text = self.text.clone();
        match section.keys.iter().find(|key| key.name == name) {
            Some(key) => text.replace_range(key.value.clone(), value),
            None => {
                let line = format!("{name} = {value}\n");
                if section.lines.end == text.len() && !text.ends_with('\n') {
                    text.push('\n');
                }
                text.insert_str(section.lines.end.min(text.len()).max(section.lines.start), &line);
            }
        }
        self.accept(text)
    }

    /// Takes the line of a key out, without judging the whole: the next step completes it.
    fn unset_unchecked(&mut self, id: &str, name: &str) -> Result<(), AccountError> {
        let section = self.section(&account_name(id)?)?;
        if let Some(key) = section.keys.iter().find(|key| key.name == name) {
            let lines = whole_lines(&self.text, key.at.start..key.value.end);
            self.text.replace_range(lines, "");
        }
        Ok(())
    }

    /// Takes `text` as the new one, if it is sound.
    fn accept(&mut self, text: String) -> Result<(), AccountError> {
        listeners::read(&self.path.display().to_string(), &text).map_err(AccountError::Faulty)?;
        self.text = text;
        Ok(())
    }

    /// Where the section `[listener.<id>]` stands.
    fn section(&self, id: &str) -> Result<Section, AccountError> {
        let unknown = || AccountError::Unknown(id.to_owned());
        let tree = DeTable::parse(&self.text)
            .map_err(|_| self.listeners().err().map_or_else(unknown, AccountError::Faulty))?;
        let listeners = tree.get_ref().get("listener").ok_or_else(unknown)?.get_ref().as_table().ok_or_else(unknown)?;
        let (name, value) =
            listeners.iter().find(|(name, _)| name.get_ref().eq_ignore_ascii_case(id)).ok_or_else(unknown)?;
        let table = value.get_ref().as_table().ok_or_else(unknown)?;
        let header = whole_lines(&self.text, name.span());
        // `marie = { … }` or `listener.marie.centre = …` are TOML too, but not what these commands write.
        if !self.text[header.clone()].trim_start().starts_with('[') {
            return Err(AccountError::Unusual(id.to_owned()));
        }
        let keys: Vec<KeySpan> = table
            .iter()
            .map(|(key, value)| KeySpan {
                name: key.get_ref().to_string(),
                at: key.span(),
                value: last_of(value.get_ref(), value.span()),
            })
            .collect();
        let end = keys.iter().map(|key| whole_lines(&self.text, key.value.clone()).end).max();
        Ok(Section { lines: header.start..end.unwrap_or(header.end).max(header.end), keys })
    }
}

impl fmt::Debug for ListenersFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text holds passwords.
        f.debug_struct("ListenersFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl fmt::Debug for NewListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewListener").field("id", &self.id).field("centre", &self.centre).finish_non_exhaustive()
    }
}

impl fmt::Debug for DemoAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DemoAccount").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A password nobody guesses and everybody can type: five groups of four letters and digits, 100 bits.
pub fn password(ids: &mut IdSource) -> String {
    let group = |ids: &mut IdSource| -> String {
        (0..4).map(|_| char::from(PASSWORD_LETTERS[ids.below(PASSWORD_LETTERS.len() as u64) as usize])).collect()
    };
    (0..5).map(|_| group(ids)).collect::<Vec<_>>().join("-")
}

/// On a first start, makes the file with two demonstration listeners (Isère and Rhône) whose passwords are random, and
/// answers with them. When the file is there, nothing is done.
pub fn ensure_demo(path: &Path, ids: &mut IdSource) -> Result<Option<[DemoAccount; 2]>, AccountError> {
    if path.exists() {
        return Ok(None);
    }
    let accounts = [
        DemoAccount { id: "isere", department: "38", password: password(ids) },
        DemoAccount { id: "rhone", department: "69", password: password(ids) },
    ];
    let fault = |source| AccountError::File { path: path.into(), source };
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(fault)?;
    }
    match write_private(path, &demo_text(&accounts)) {
        Ok(()) => Ok(Some(accounts)),
        // Somebody was quicker.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(fault(error)),
    }
}

/// A section of the file.
struct Section {
    /// From the line of its header to the end of its last line, without comments below it.
    lines: Range<usize>,
    keys: Vec<KeySpan>,
}

struct KeySpan {
    name: String,
    at: Range<usize>,
    value: Range<usize>,
}

/// No 0, O, 1, l, I: they are mistaken for each other on paper and on the telephone.
const PASSWORD_LETTERS: &[u8] = b"23456789abcdefghijkmnpqrstuvwxyz";

fn demo_text(accounts: &[DemoAccount; 2]) -> String {
    let [isere, rhone] = accounts;
    format!(
        "\
# Deux écoutants de démonstration, faits au premier démarrage. Remplacez-les par les vôtres (`ecoute listener add`) ;
# `config/listeners.sample.toml` montre tout ce qui peut être écrit ici. Ce fichier contient des mots de passe.
# Two demonstration listeners, made at the first start. Replace them by your own (`ecoute listener add`);
# `config/listeners.sample.toml` shows all that may be written here. This file holds passwords.

timezone = \"Europe/Paris\"

[centre.alma-38]
name = \"ALMA Isère (démonstration)\"
departments = [\"38\"]

[centre.alma-69]
name = \"ALMA Rhône (démonstration)\"
departments = [\"69\"]

[listener.isere]
name = \"Écoutant de démonstration, Isère\"
centre = \"alma-38\"
charter = true
password = {}

[listener.rhone]
name = \"Écoutant de démonstration, Rhône\"
centre = \"alma-69\"
charter = true
password = {}
",
        quoted(&isere.password),
        quoted(&rhone.password)
    )
}

/// Makes a new file, readable by its owner only, and brings it to the disk.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// The account's name in the form in which it is kept.
fn account_name(id: &str) -> Result<String, AccountError> {
    let id = id.to_ascii_lowercase();
    let sound = !id.is_empty()
        && id.len() <= 64
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if sound { Ok(id) } else { Err(AccountError::BadName(id)) }
}

/// As a key of TOML: a dot needs quotes.
fn key(id: &str) -> String {
    if id.contains('.') { quoted(id) } else { id.to_owned() }
}

/// As a string of TOML.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// The span of a value, dotted keys (`modules.initial = …`) followed to the last of what they hold.
fn last_of(value: &DeValue<'_>, span: Range<usize>) -> Range<usize> {
    match value.as_table() {
        Some(table) => {
            let inner = table.iter().map(|(_, value)| last_of(value.get_ref(), value.span()));
            inner.chain([span]).max_by_key(|span| span.end).unwrap_or(0..0)
        }
        None => span,
    }
}

/// The whole lines on which `span` lies, with the end of the last one.
fn whole_lines(text: &str, span: Range<usize>) -> Range<usize> {
    let start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[span.end..].find('\n').map_or(text.len(), |at| span.end + at + 1);
    start..end
}

/// Where the comment that stands right above `at` begins.
fn comment_above(text: &str, at: usize) -> usize {
    let mut from = at;
    while from > 0 {
        let line = whole_lines(text, from - 1..from - 1);
        if !text[line.clone()].trim_start().starts_with('#') {
            break;
        }
        from = line.start;
    }
    from
}

fn list(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::listeners::Secret;
    use crate::ids::ListenerId;

    const SAMPLE: &str = include_str!("../../config/listeners.sample.toml");

    fn sample() -> ListenersFile {
        ListenersFile::from_text(Path::new("listeners.toml"), SAMPLE)
    }

    fn new(id: &str) -> NewListener {
        NewListener {
            id: id.into(),
            name: "Zoé \"Z\" Q.".into(),
            centre: "alma-38".into(),
            languages: vec!["fr".into(), "en".into()],
            charter: true,
            password: password(&mut IdSource::from_number(1)),
            ..NewListener::default()
        }
    }

    /// The lines of `before` that are not in `after`, and the other way round.
    fn changes(before: &str, after: &str) -> (Vec<String>, Vec<String>) {
        let lines = |a: &str, b: &str| {
            let mut rest: Vec<&str> = b.lines().collect();
            let mut left = Vec::new();
            for line in a.lines() {
                match rest.iter().position(|other| *other == line) {
                    Some(at) => drop(rest.remove(at)),
                    None => left.push(line.to_owned()),
                }
            }
            left
        };
        (lines(before, after), lines(after, before))
    }

    /// A listener who is added stands at the end; all that was there stays.
    #[test]
    fn add_keeps_the_rest() {
        let mut file = sample();
        file.add(&new("Zoe")).expect("added");
        assert!(file.text().starts_with(SAMPLE.trim_end()));
        let listeners = file.listeners().expect("sound");
        let zoe = listeners.roster.listeners.last().expect("somebody");
        assert_eq!((zoe.id.as_str(), zoe.name.as_str()), ("zoe", "Zoé \"Z\" Q."));
        assert!(matches!(file.add(&new("ZOE")), Err(AccountError::Exists(_))));
        assert!(matches!(file.add(&new("z o")), Err(AccountError::BadName(_))));
        let stranger = NewListener { centre: "nowhere".into(), ..new("ann") };
        assert!(matches!(file.add(&stranger), Err(AccountError::Faulty(_))));
        assert!(!file.text().contains("nowhere"), "a refused change leaves the file as it was");
        file.add(&new("ann.b")).expect("a dot is quoted");
        assert!(file.text().contains("[listener.\"ann.b\"]"));
    }

    /// A listener who is removed leaves no line behind, and no other line changes.
    #[test]
    fn remove_takes_one_section() {
        for id in ["marie", "jean", "lucie", "paul"] {
            let mut file = sample();
            file.remove(id).expect("removed");
            let (gone, come) = changes(SAMPLE, file.text());
            assert!(come.is_empty(), "{come:?}");
            assert!(gone[0].starts_with(&format!("[listener.{id}]")), "{gone:?}");
            assert!(gone.iter().filter(|line| line.starts_with('[')).count() == 1, "{gone:?}");
            let listeners = file.listeners().expect("sound");
            assert_eq!(listeners.roster.listeners.len(), 3);
            assert!(listeners.roster.listener(&ListenerId::new(id)).is_none());
        }
        assert!(matches!(sample().remove("nobody"), Err(AccountError::Unknown(_))));
    }

    /// The comment right above a section goes with it; a comment above that, parted by an empty line, stays.
    #[test]
    fn the_comment_above_goes_too() {
        let mut file = sample();
        file.add(&new("zoe")).expect("added");
        let text = file.text().replace("[listener.zoe]", "# Les nouveaux.\n\n# Zoé vient le mardi.\n[listener.zoe]");
        let mut file = ListenersFile::from_text(Path::new("x"), &text);
        file.remove("zoe").expect("removed");
        assert!(file.text().contains("# Les nouveaux.") && !file.text().contains("mardi"));
    }

    /// Suspending changes one line, or adds one; comments on the line stay.
    #[test]
    fn suspend_changes_one_line() {
        let mut file = sample();
        file.suspend("lucie", true).expect("suspended");
        let (gone, come) = changes(SAMPLE, file.text());
        assert_eq!((gone.len(), come.len()), (1, 1));
        assert!(come[0].starts_with("suspended = true ") && come[0].contains('#'), "{come:?}");
        let mut file = sample();
        file.suspend("marie", true).expect("suspended");
        let (gone, come) = changes(SAMPLE, file.text());
        assert_eq!((gone.len(), come), (0, vec!["suspended = true".to_owned()]));
        assert!(file.listeners().expect("sound").roster.listeners[0].suspended);
        file.suspend("marie", false).expect("taken back");
        assert!(!file.listeners().expect("sound").roster.listeners[0].suspended);
    }

    /// A new password takes the place of the old one, or of its digests.
    #[test]
    fn a_new_password() {
        let secret = password(&mut IdSource::from_number(7));
        for (nth, id) in [(0, "marie"), (2, "lucie"), (3, "paul")] {
            let mut file = sample();
            file.set_password(id, &secret).expect("set");
            let listeners = file.listeners().expect("sound");
            assert_eq!(listeners.accounts[nth].secret, Some(Secret::Password(secret.clone())), "{id}");
        }
        let mut file = sample();
        assert!(file.set_password("lucie", "short").is_err(), "a short one is refused");
        assert_eq!(file.text(), SAMPLE);
    }

    /// A listener written in another form of TOML is left to the hand.
    #[test]
    fn other_forms_are_left_alone() {
        let text = "[centre.a]\ndepartments = [\"38\"]\n[listener]\nzoe = { centre = \"a\" }\n";
        let mut file = ListenersFile::from_text(Path::new("x"), text);
        assert!(matches!(file.suspend("zoe", true), Err(AccountError::Unusual(_))));
        assert!(matches!(file.add(&new("zoe")), Err(AccountError::Exists(_))));
    }

    /// Passwords differ, can be typed, and nothing prints one.
    #[test]
    fn passwords() {
        let mut ids = IdSource::from_number(3);
        let (one, other) = (password(&mut ids), password(&mut ids));
        assert_ne!(one, other);
        assert_eq!((one.len(), one.matches('-').count()), (24, 4));
        let listener = NewListener { password: one.clone(), ..new("zoe") };
        let demo = DemoAccount { id: "isere", department: "38", password: one.clone() };
        let mut file = sample();
        file.set_password("marie", &one).expect("set");
        assert!(!format!("{listener:?} {demo:?} {file:?}").contains(&one));
    }

    /// The first start makes a sound file of two listeners, private; the second start leaves it alone.
    #[test]
    fn the_first_start() {
        use std::os::unix::fs::PermissionsExt;
        let dir = std::env::temp_dir().join(format!("ecoute-accounts-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        let path = dir.join("var/listeners.toml");
        let mut ids = IdSource::from_number(5);
        let made = ensure_demo(&path, &mut ids).expect("made").expect("a first start");
        let mut file = ListenersFile::load(&path).expect("reads");
        let listeners = file.listeners().expect("sound");
        assert_eq!(listeners.roster.listeners.len(), 2);
        assert!(listeners.roster.listeners.iter().all(|one| one.charter_signed && one.takes_national));
        assert_eq!(listeners.accounts[0].secret, Some(Secret::Password(made[0].password.clone())));
        assert!(ensure_demo(&path, &mut ids).expect("looks").is_none());
        file.add(&NewListener { centre: "alma-69".into(), ..new("zoe") }).expect("added");
        file.save().expect("saved");
        for path in [&path] {
            let mode = std::fs::metadata(path).expect("is there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert_eq!(ListenersFile::load(&path).expect("reads").text(), file.text());
        assert_eq!(std::fs::read_dir(dir.join("var")).expect("lists").count(), 1, "nothing else is left");
        let _ = std::fs::remove_dir_all(&dir);
    }
}
