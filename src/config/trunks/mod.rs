//! The trunks' files: one per operator, named by `trunks` in `ecoute.toml`, with a table of keys of their own ([`KEYS`]).
//!
//! As with `ecoute.toml`, every fault is told at once, with its file and line, and a faulty file changes nothing. No
//! sentence repeats a password or a telephone number.

mod check;
mod keys;
mod values;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::Fault;
use super::read::written;
use crate::trunk::{Settings, Way};

pub use keys::KEYS;

/// Reads the files, in the order in which calls are placed. All faults of all files are told.
pub fn load(files: &[PathBuf]) -> Result<Vec<Settings>, Vec<Fault>> {
    let mut trunks: Vec<(&Path, Settings)> = Vec::new();
    let mut faults = Vec::new();
    for file in files {
        let read = match std::fs::read_to_string(file) {
            Ok(text) => read(&text, file, &mut |path| std::fs::read_to_string(path)),
            Err(error) => Err(vec![fault(
                file,
                format!("ce fichier (clé `trunks`) ne peut être lu : {error}"),
                format!("this file (key `trunks`) cannot be read: {error}"),
            )]),
        };
        match read {
            Ok(trunk) => trunks.push((file, trunk)),
            Err(found) => faults.extend(found),
        }
    }
    faults.extend(together(&trunks));
    if faults.is_empty() { Ok(trunks.into_iter().map(|(_, trunk)| trunk).collect()) } else { Err(faults) }
}

/// Reads `text`, which stands in `file`; `secret` reads a password's file.
pub fn read(
    text: &str,
    file: &Path,
    secret: &mut dyn FnMut(&Path) -> io::Result<String>,
) -> Result<Settings, Vec<Fault>> {
    let (all, mut faults) = written(text, file, KEYS, |source| keys::take_all(source))?;
    let trunk = check::check(all, file, secret, &mut faults);
    match trunk {
        Some(trunk) if faults.is_empty() => Ok(trunk),
        _ => Err(faults.sorted()),
    }
}

/// What trunks that are sound each by itself cannot mean together.
fn together(trunks: &[(&Path, Settings)]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut names: BTreeMap<&str, &Path> = BTreeMap::new();
    for (file, trunk) in trunks {
        if let Some(other) = names.insert(&trunk.name, file) {
            let (name, other) = (&trunk.name, other.display());
            let fr = format!("le nom `{name}` est déjà celui de {other} ; écrivez `name`");
            faults.push(fault(file, fr, format!("the name `{name}` is that of {other} already; write `name`")));
        }
    }
    for (nth, (file, trunk)) in trunks.iter().enumerate() {
        for (other_file, other) in &trunks[..nth] {
            if let Some(source) = sources(trunk).find(|source| sources(other).any(|theirs| theirs == *source)) {
                let other_file = other_file.display();
                let fr = format!(
                    "les appels de {source} seraient aussi ceux de {other_file} ; une adresse n'a qu'un raccordement"
                );
                let en =
                    format!("calls from {source} would be those of {other_file} as well; an address has one trunk");
                faults.push(fault(file, fr, en));
            }
        }
    }
    faults
}

/// The networks a trunk's calls come from, as far as they are written.
fn sources(trunk: &Settings) -> impl Iterator<Item = String> + '_ {
    let networks = trunk.accept_from.iter().map(|network| format!("{}/{}", network.addr, network.prefix));
    let peers: &[_] = match &trunk.way {
        Way::Peers(peers) if trunk.accept_from.is_empty() => peers,
        _ => &[],
    };
    let literal = |peer: &crate::trunk::Peer| {
        let (addr, _) = peer.host.literal()?;
        Some(format!("{}/{}", addr.ip(), if addr.is_ipv4() { 32 } else { 128 }))
    };
    networks.chain(peers.iter().filter_map(literal))
}

fn fault(file: &Path, fr: String, en: String) -> Fault {
    Fault { file: file.display().to_string(), line: 0, fr, en }
}

#[cfg(test)]
mod tests;
