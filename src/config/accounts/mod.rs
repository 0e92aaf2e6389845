//! `listeners.toml` as staff edit it by command: `ecoute listener add | list | show | pause | remove | password`. What a person
//! wrote in the file, comments and order, stays as it is; only the lines meant are touched.
//!
//! Every edit is made on the text, read back by [`listeners::read`], and refused when the result would not be sound. The file
//! is replaced whole (a new file, then a rename), readable by its owner only, for it holds passwords.
//!
//! Also here: the two demonstration listeners of a first start ([`ensure_demo`]). Deliberately not here: whether somebody
//! takes calls at this moment (that is the listener's own wish, and the dispatcher's).

mod demo;
mod section;

use std::fmt;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::Fault;
use super::listeners::{self, Listeners};
use section::{comment_above, section, whole_lines};

pub use demo::{DemoAccount, ensure_demo, password};

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
        self.listeners().map_err(AccountError::Faulty)?;
        if !matches!(section(&self.text, &id), Err(AccountError::Unknown(_))) {
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
        let section = section(&self.text, &account_name(id)?)?;
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
        let section = section(&self.text, &account_name(id)?)?;
        let mut text = self.text.clone();
        match section.keys.iter().find(|key| key.name == name) {
            Some(key) => text.replace_range(key.value.clone(), value),
            None => {
                let mut at = section.lines.end;
                if !text[..at].ends_with('\n') {
                    text.insert(at, '\n');
                    at += 1;
                }
                text.insert_str(at, &format!("{name} = {value}\n"));
            }
        }
        self.accept(text)
    }

    /// Takes the line of a key out, without judging the whole: the next step completes it.
    fn unset_unchecked(&mut self, id: &str, name: &str) -> Result<(), AccountError> {
        let section = section(&self.text, &account_name(id)?)?;
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

fn list(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
