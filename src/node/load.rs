//! Reading a set-up from its files: read, check, map every prompt, and only then hand it over. A bad file changes nothing
//! and says why, with its line; all faults come at once.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::call;
use crate::config::listeners::{self, Listeners, Secret as Kept};
use crate::config::trunks;
use crate::dialplan::{self, Language, Plan, PromptIndex, PromptWords};
use crate::france::Tables;
use crate::media::{Library, LibraryFault};
use crate::net::{ClientTls, TlsClient};
use crate::sip::{Accounts, Network, Secret};
use crate::trunk;

use super::setup::{Setup, Trunking};

/// Where the staff's files are.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The dialplans, one file each.
    pub dialplans: Vec<PathBuf>,
    /// The folder of prompts: `prompts.toml`, and `<language>/<name>.wav`.
    pub prompts: PathBuf,
    /// Centres and listeners.
    pub listeners: PathBuf,
    /// The trunks, one file each.
    pub trunks: Vec<PathBuf>,
    /// The networks whose calls need neither a password nor a trunk's file.
    pub trusted: Vec<Network>,
}

/// A sound set-up, and the words behind its prompts.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What a shard serves with.
    pub setup: Setup,
    /// What the prompts say, for rehearsals.
    pub words: Arc<PromptWords>,
    /// What is odd but harms nobody: a damaged prompt that no plan uses.
    pub warnings: Vec<String>,
}

/// Reads everything, or says everything that is wrong.
pub fn load(sources: &Sources, tables: &Arc<Tables>) -> Result<Loaded, Vec<String>> {
    let mut faults = Vec::new();
    let prompts = load_prompts(&sources.prompts, &mut faults);
    let listeners = load_listeners(&sources.listeners, &mut faults);
    let trunks = load_trunks(sources, &mut faults);
    let mut plans: Vec<Arc<Plan>> = Vec::new();
    if sources.dialplans.is_empty() {
        faults.push(said(
            "aucun plan d'appel n'est configuré : écrivez au moins un fichier dans `dialplans`",
            "no dialplan is configured: write at least one file into `dialplans`",
        ));
    }
    for path in &sources.dialplans {
        let name = path.display().to_string();
        let Some(text) = read(path, "dialplans", &mut faults) else { continue };
        match dialplan::read(&name, &text, &prompts.index) {
            Ok(plan) => plans.push(Arc::new(plan)),
            Err(found) => faults.extend(found.iter().map(ToString::to_string)),
        }
    }
    for (nth, plan) in plans.iter().enumerate() {
        for earlier in &plans[..nth] {
            let twice = plan.numbers.iter().find(|number| earlier.numbers.contains(number));
            if let Some(number) = twice {
                let (one, other) = (&earlier.name, &plan.name);
                faults.push(said(
                    &format!("deux plans prennent le numéro {number} : {one} et {other}"),
                    &format!("two plans claim the number {number}: {one} and {other}"),
                ));
            }
        }
    }
    // The plans have named the prompts they miss; a damaged file that none of them uses is only odd.
    let used: Vec<dialplan::PromptName> = plans.iter().flat_map(|plan| plan.prompts()).collect();
    let (harmful, odd): (Vec<_>, Vec<_>) = prompts.faults.iter().partition(|fault| {
        let stem = fault.path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        plans.len() < sources.dialplans.len() || used.iter().any(|name| **name == *stem)
    });
    if !faults.is_empty() || !harmful.is_empty() {
        faults.extend(harmful.iter().map(ToString::to_string));
        return Err(faults);
    }
    let warnings = odd.iter().map(ToString::to_string).collect();
    let setup = Setup {
        plans,
        library: Arc::new(prompts.library),
        accounts: Arc::new(accounts_of(&listeners)),
        roster: Arc::new(listeners.roster),
        call: Arc::new(call::Settings::new(tables.clone())),
        trunks: Arc::new(trunks),
    };
    Ok(Loaded { setup, words: Arc::new(prompts.words), warnings })
}

/// The accounts of a listeners' file.
pub fn accounts_of(listeners: &Listeners) -> Accounts {
    let mut accounts = Accounts::none();
    for account in &listeners.accounts {
        let secret = match &account.secret {
            Some(Kept::Password(password)) => Secret::password(password.clone()),
            Some(Kept::Digest { md5, sha256 }) => Secret::hashes(md5.clone(), sha256.clone()),
            None => continue,
        };
        accounts.insert(account.listener.as_str(), secret);
    }
    accounts
}

struct Prompts {
    library: Library,
    words: PromptWords,
    index: PromptIndex,
    faults: Vec<LibraryFault>,
}

fn load_prompts(folder: &Path, faults: &mut Vec<String>) -> Prompts {
    let path = folder.join("prompts.toml");
    let words = match read(&path, "prompts", faults) {
        Some(text) => match PromptWords::read(&path.display().to_string(), &text) {
            Ok(words) => words,
            Err(found) => {
                faults.extend(found.iter().map(ToString::to_string));
                PromptWords::default()
            }
        },
        None => PromptWords::default(),
    };
    let (library, found) = Library::load(folder);
    let mut index = PromptIndex::new(&words);
    for (language, prompt) in library.iter() {
        if let Some(language) = Language::new(language) {
            index.sound(prompt.name(), &language, Ok(prompt.duration()));
        }
    }
    for fault in &found {
        let language = fault.path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        let stem = fault.path.file_stem().and_then(|stem| stem.to_str());
        if let (Some(language), Some(stem)) = (language.and_then(Language::new), stem) {
            index.sound(stem, &language, Err(fault.why.to_string()));
        }
    }
    Prompts { library, words, index, faults: found }
}

fn load_listeners(path: &Path, faults: &mut Vec<String>) -> Listeners {
    let Some(text) = read(path, "listeners", faults) else { return Listeners::default() };
    match listeners::read(&path.display().to_string(), &text) {
        Ok(listeners) => listeners,
        Err(found) => {
            faults.extend(found.iter().map(ToString::to_string));
            Listeners::default()
        }
    }
}

/// The trunks' files and the certificates they name; the networks of `sip.trusted_peers` are a trunk of their own, the last.
fn load_trunks(sources: &Sources, faults: &mut Vec<String>) -> Trunking {
    let mut settings = trunks::load(&sources.trunks).unwrap_or_else(|found| {
        faults.extend(found.iter().map(ToString::to_string));
        Vec::new()
    });
    let mut tls = BTreeMap::new();
    for trunk in settings.iter().filter(|trunk| trunk.may_use_tls()) {
        let trunk::Tls { verify, authority, certificate, .. } = trunk.tls.clone();
        match TlsClient::load(&ClientTls { ca: authority, certificate, verify }) {
            Ok(client) => {
                tls.insert(trunk.name.clone(), client);
            }
            Err(fault) => {
                let name = &trunk.name;
                faults.push(said(
                    &format!("raccordement {name}, `tls` : {fault}"),
                    &format!("trunk {name}, `tls`: {fault}"),
                ));
            }
        }
    }
    if !sources.trusted.is_empty() {
        settings.push(trunk::Settings::local(sources.trusted.clone()));
    }
    Trunking { settings, tls }
}

fn read(path: &Path, key: &str, faults: &mut Vec<String>) -> Option<String> {
    match fs::read(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Some(text),
            Err(_) => {
                let file = path.display();
                faults.push(said(
                    &format!("{file} n'est pas un texte UTF-8 : enregistrez-le en UTF-8"),
                    &format!("{file} is not UTF-8 text: save it as UTF-8"),
                ));
                None
            }
        },
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => {
            let file = path.display();
            faults.push(said(
                &format!("le fichier {file} n'existe pas (réglage `{key}`)"),
                &format!("there is no file {file} (setting `{key}`)"),
            ));
            None
        }
        Err(fault) => {
            let file = path.display();
            faults.push(said(
                &format!("le fichier {file} ne peut être lu (réglage `{key}`) : {fault}"),
                &format!("{file} cannot be read (setting `{key}`): {fault}"),
            ));
            None
        }
    }
}

/// A fault in both languages, the staff's first.
fn said(french: &str, english: &str) -> String {
    format!("{french}\n    {english}")
}
