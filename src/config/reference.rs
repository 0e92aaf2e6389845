//! The sample file and the reference page, written from the table of keys.

use super::keys::{KEYS, Key};
use super::trunks;

/// `config/ecoute.sample.toml`: every key with its words, set to its default and commented out.
pub fn sample() -> String {
    let mut page = String::from(HEAD);
    let mut section = "";
    for key in KEYS {
        let (of, name) = parts(key);
        if of != section {
            section = of;
            page.push_str(&format!("\n[{section}]\n"));
        }
        page.push('\n');
        for words in [key.fr, key.en] {
            for line in wrapped(words, WIDTH - 2) {
                page.push_str(&format!("# {line}\n"));
            }
        }
        if let Some(line) = limits(key) {
            page.push_str(&format!("# ({line})\n"));
        }
        page.push_str(&format!("#{name} = {}\n", key.default));
    }
    page
}

/// The reference for staff.
pub fn reference_markdown() -> String {
    page_of(
        "# Les réglages / The settings\n\nUn seul fichier, `ecoute.toml`. Ce qui n'y est pas écrit a sa valeur d'usine.\n\
         One file, `ecoute.toml`. What is not written in it is at its default.\n",
        KEYS,
    )
}

/// The reference of a trunk's file, for staff.
pub fn trunks_markdown() -> String {
    page_of(TRUNKS_HEAD, trunks::KEYS)
}

fn page_of(head: &str, keys: &[Key]) -> String {
    let mut page = String::from(head);
    let mut section = None;
    for key in keys {
        let (of, _) = parts(key);
        if section != Some(of) {
            section = Some(of);
            page.push_str(&match of {
                "" => "\n## En tête du fichier / At the head of the file\n".to_owned(),
                of => format!("\n## `[{of}]`\n"),
            });
        }
        page.push_str(&format!("\n### `{}`\n\n{}\n\n*{}*\n\n", key.name, key.fr, key.en));
        page.push_str(&format!(
            "- Type : {} / {}\n- Valeur d'usine / default: `{}`\n",
            key.kind.0, key.kind.1, key.default
        ));
        if let Some(line) = limits(key) {
            page.push_str(&format!("- {line}\n"));
        }
    }
    page
}

// ---- helpers -----------------------------------------------------------------------------------------------------

const HEAD: &str = "\
# Les réglages d'écoute. Chaque ligne qui commence par `#nom` montre un réglage et sa valeur d'usine : ôtez le `#` pour la
# changer, puis lancez `ecoute check`, qui dit chaque faute avec sa ligne. Copiez ce fichier sous le nom `ecoute.toml`.
# The settings of écoute. Each line that begins with `#name` shows a setting and its default: take the `#` away to change it,
# then run `ecoute check`, which tells every fault with its line. Copy this file to `ecoute.toml`.
";

const TRUNKS_HEAD: &str = "\
# Un opérateur / A trunk

Un fichier par raccordement à un opérateur, nommé par la clé `trunks` de `ecoute.toml`. Les modèles de ce dossier montrent
les formes usuelles ; copiez celui qui ressemble à votre contrat, et lancez `ecoute check`, qui dit chaque faute avec sa ligne.

One file per trunk, named by the key `trunks` of `ecoute.toml`. The samples of this directory show the usual forms; copy the
one that is like your contract, and run `ecoute check`, which tells every fault with its line.
";

const WIDTH: usize = 120;

/// `sip.limits.calls_max` → (`sip.limits`, `calls_max`).
fn parts(key: &Key) -> (&'static str, &'static str) {
    key.name.rsplit_once('.').unwrap_or(("", key.name))
}

fn limits(key: &Key) -> Option<String> {
    let unit = if key.unit.is_empty() { String::new() } else { format!("unité / unit: {}", key.unit) };
    let bounds = key.bounds.map(|(min, max)| format!("de {min} à {max} / from {min} to {max}")).unwrap_or_default();
    match (unit.is_empty(), bounds.is_empty()) {
        (true, true) => None,
        (false, false) => Some(format!("{unit} ; {bounds}")),
        _ => Some(unit + &bounds),
    }
}

fn wrapped(words: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words.split(' ') {
        let last = lines.len() - 1;
        if !lines[last].is_empty() && lines[last].chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
            continue;
        }
        if !lines[last].is_empty() {
            lines[last].push(' ');
        }
        lines[last].push_str(word);
    }
    lines
}
