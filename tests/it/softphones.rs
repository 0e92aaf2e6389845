//! The product met from outside: by real telephones (baresip), by softphones of ours, and by a hand on its command line.
//!
//! Each test starts an engine of its own; what was heard is judged from recordings, not from what the engine says of itself.
#![expect(clippy::panic, reason = "a test that cannot go on says why")]

pub mod baresip;
mod leaving;
pub mod linphone;
mod phone;
mod service;
pub mod sound;
mod stopping;
pub mod wire;

use std::path::PathBuf;
use std::time::Duration;

use ecoute::node::{PhoneAction, SystemClock};

use crate::engine::{Engine, PASSWORD, SOON, pause, repository, wait_until};
use baresip::{Account, Baresip, Microphone};
pub use phone::{Phone, join};

/// Three real telephones: the caller hears the welcome, keys a postcode, the listener near by rings and no other, both hear
/// each other and not themselves, and after the listener hung up the caller hears a goodbye and is taken leave of.
#[test]
fn a_call_between_real_telephones() {
    let engine = Engine::start("real");
    let words = prompt("en/closed");
    let mut isere = listener(&engine, "isere", &Microphone::File(&prompt_path("en/closed")));
    let mut rhone = listener(&engine, "rhone", &Microphone::Tone(660));
    let mut caller = caller(&engine, &Microphone::Tone(1000));
    caller.dial("3977");
    caller.wait("CALL_ESTABLISHED", SOON);
    pause(Duration::from_secs_f32(prompt("fr/welcome").len() as f32 / sound::RATE as f32 + 1.0));
    for keys in ["2", "2", "38000", "1"] {
        caller.press(keys);
        pause(Duration::from_secs(1));
    }
    isere.wait("CALL_INCOMING", SOON);
    pause(Duration::from_secs(1));
    isere.answer();
    isere.wait("CALL_ESTABLISHED", SOON);
    pause(Duration::from_secs(6));
    isere.hang_up();
    caller.wait("CALL_CLOSED", SOON);
    assert!(!rhone.saw("CALL_INCOMING"), "the listener of another department rang");
    let record = engine.record(1);
    engine.quiet();

    let (caller_heard, isere_heard) = (caller.finish(), isere.finish());
    let welcome = sound::find(&caller_heard, &prompt("fr/welcome"));
    let goodbye = sound::find(&caller_heard, &prompt("fr/goodbye"));
    let said = sound::find(&caller_heard, &words[..5 * sound::RATE]);
    println!("welcome {welcome:?}\ngoodbye {goodbye:?}\nlistener {said:?}");
    assert!(welcome.share() >= 0.8 && welcome.likeness >= 0.8, "{welcome:?}");
    assert!(goodbye.share() >= 0.8 && goodbye.begins_s > welcome.begins_s + 15.0, "{goodbye:?}");
    assert!(said.share() >= 0.8 && said.begins_s < goodbye.begins_s, "{said:?}");
    let (heard_s, own_s) = (sound::tone_s(&isere_heard, 1000), sound::tone_s(&caller_heard, 1000));
    println!("the listener heard the caller for {heard_s} s; the caller himself for {own_s} s");
    assert!(heard_s >= 4.0, "the listener heard the caller for {heard_s} s");
    assert!(own_s < 0.5, "the caller hears himself for {own_s} s");
    let own = sound::find(&isere_heard, &words[..5 * sound::RATE]);
    assert!(own.share() < 0.3, "the listener hears himself: {own:?}");

    assert_eq!(record["listener"], "isere");
    assert_eq!(record["department"], "38");
    assert_eq!(record["located_by"], "answer");
    assert_eq!((&record["termination"]["by"], &record["termination"]["how"]), (&"listener".into(), &"hung_up".into()));
    let told = engine.command(&["explain", record["call"].as_str().expect("a name")]);
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    for words in ["on fait sonner isere", "isere a répondu", "l'écoutant a raccroché"] {
        assert!(told.contains(words), "`{words}` is not in:\n{told}");
    }
}

/// A real telephone puts the caller on hold: he hears music, and after it the listener again.
#[test]
fn hold_is_music() {
    let engine = Engine::start("hold");
    let mut isere = listener(&engine, "isere", &Microphone::Tone(440));
    let mut caller = caller(&engine, &Microphone::Tone(1000));
    caller.dial("3977");
    caller.wait("CALL_ESTABLISHED", SOON);
    pause(Duration::from_millis(500));
    for keys in ["2", "2", "38000", "1"] {
        caller.press(keys);
        pause(Duration::from_millis(900));
    }
    isere.wait("CALL_INCOMING", SOON);
    isere.answer();
    isere.wait("CALL_ESTABLISHED", SOON);
    pause(Duration::from_secs(3));
    isere.hold();
    pause(Duration::from_secs(6));
    isere.resume();
    pause(Duration::from_secs(5));
    caller.hang_up();
    isere.wait("CALL_CLOSED", SOON);
    engine.record(1);
    engine.quiet();
    let (caller_heard, isere_heard) = (caller.finish(), isere.finish());
    let music = sound::find(&caller_heard, &prompt("fr/hold_music"));
    println!("music {music:?}");
    assert!(music.found >= 8 && music.likeness >= 0.8, "{music:?}");
    let from = (music.begins_s.max(0.0) * sound::RATE as f32) as usize;
    let (before, after) = caller_heard.split_at((from + 5 * sound::RATE).min(caller_heard.len()));
    let (before_s, after_s) = (sound::tone_s(before, 440), sound::tone_s(after, 440));
    let heard_s = sound::tone_s(&isere_heard, 1000);
    println!("the listener is heard {before_s} s before and {after_s} s after; the caller {heard_s} s");
    assert!(before_s >= 2.0 && after_s >= 1.5, "the listener is heard {before_s} s before and {after_s} s after");
    // This telephone may begin its recording anew when it resumes: three seconds of six are sure.
    assert!(heard_s >= 2.0, "the caller is heard for {heard_s} s");
}

/// A telephone with a wrong password is refused and counted, and those who talk notice nothing of it.
#[test]
fn a_wrong_password_disturbs_nobody() {
    let engine = Engine::start("password");
    let clock = SystemClock::start();
    let mut isere = Phone::listener(&engine, clock, "isere", 440);
    let mut caller = Phone::caller(&engine, clock, "0476000102", 1000);
    join(&mut caller, 1000, &mut isere, 440);
    let account = Account { user: "rhone", name: "Rhône", password: Some("un-mauvais-mot-de-passe") };
    let stranger = Baresip::start(engine.sip, &account, &Microphone::Tone(660));
    wait_until("the registration is refused", SOON, || {
        let log = stranger.log();
        log.contains("403 Forbidden") || log.contains("401 Unauthorized")
    });
    assert!(engine.metric("ecoute_auth_failures_total") >= 1.0);
    assert_eq!(devices(&engine, "rhone"), 0, "nobody has registered");
    caller.hear(440);
    isere.hear(1000);
    caller.act(PhoneAction::Hangup);
    isere.wait_over();
    assert_eq!(engine.record(1)["termination"]["by"], "caller");
    engine.quiet();
}

// ---- helpers -----------------------------------------------------------------------------------------------------

fn prompt_path(name: &str) -> PathBuf {
    repository().join("prompts").join(format!("{name}.wav"))
}

fn prompt(name: &str) -> Vec<f32> {
    sound::read(&prompt_path(name))
}

/// A real telephone that has registered.
fn listener(engine: &Engine, account: &str, microphone: &Microphone<'_>) -> Baresip {
    let phone =
        Baresip::start(engine.sip, &Account { user: account, name: account, password: Some(PASSWORD) }, microphone);
    wait_until(&format!("{account} is registered"), SOON, || devices(engine, account) == 1);
    phone
}

/// A real telephone that calls in from the operator's side.
fn caller(engine: &Engine, microphone: &Microphone<'_>) -> Baresip {
    let account = Account { user: "0476000102", name: "Une personne", password: None };
    Baresip::start(engine.sip, &account, microphone)
}

/// Registered devices of a listener, as the API shows them.
fn devices(engine: &Engine, account: &str) -> u64 {
    let listeners = engine.json("/api/v1/listeners");
    let one = listeners.as_array().and_then(|all| all.iter().find(|one| one["id"] == account).cloned());
    one.and_then(|one| one["devices"].as_u64()).unwrap_or(0)
}
