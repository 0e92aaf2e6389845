//! What editing changes, and what it leaves alone.

use super::*;
use crate::config::listeners::Secret;
use crate::ids::{IdSource, ListenerId};

const SAMPLE: &str = include_str!("../../../config/listeners.sample.toml");

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

/// A file whose last line is not ended takes another line all the same, and a file that is broken is told so.
#[test]
fn ragged_files() {
    let text = "[centre.a]\ndepartments = [\"38\"]\n[listener.zoe]\ncentre = \"a\"";
    let mut file = ListenersFile::from_text(Path::new("x"), text);
    file.suspend("zoe", true).expect("suspended");
    assert_eq!(file.text(), format!("{text}\nsuspended = true\n"));
    let mut broken = ListenersFile::from_text(Path::new("x"), "[listener.zoe\n");
    assert!(matches!(broken.add(&new("ann")), Err(AccountError::Faulty(_))));
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
    let mode = std::fs::metadata(&path).expect("is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(ListenersFile::load(&path).expect("reads").text(), file.text());
    assert_eq!(std::fs::read_dir(dir.join("var")).expect("lists").count(), 1, "nothing else is left");
    let _ = std::fs::remove_dir_all(&dir);
}
