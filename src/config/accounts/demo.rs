//! The first start: two demonstration listeners with random passwords, so that `ecoute run` answers a call and rings a phone
//! before anyone has written a line.

use std::fmt;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use super::{AccountError, quoted, write_private};
use crate::ids::IdSource;

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

impl fmt::Debug for DemoAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DemoAccount").field("id", &self.id).finish_non_exhaustive()
    }
}

// ---- helpers -----------------------------------------------------------------------------------------------------

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
