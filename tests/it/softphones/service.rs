//! The staff's hand on the product: `check`, `try`, a plan taken up while it serves, a listener added, a listener paused.

use std::fs;
use std::io::Write;
use std::process::{Output, Stdio};
use std::time::Duration;

use ecoute::node::{PhoneAction, PhoneEvent, SystemClock};
use rustix::process::Signal;

use super::phone::Phone;
use super::wire::{Wire, status};
use crate::engine::{Engine, SOON, command, pause, wait_until};

/// `ecoute try` plays the shipped plan at a keyboard: a conversation, danger, nobody answers, a caller who gives up, a
/// closed line.
#[test]
fn try_at_the_keyboard() {
    let engine = Engine::start("try");
    let day = ["try", "--at", "2026-11-25T10:00"];
    let conversation = keyboard(&engine, &day, "\n\n38000\n1\nd\nf\n");
    in_order(
        &conversation,
        &[
            "[welcome]",
            "« Bonjour. Vous êtes au 39 77",
            "[danger]",
            "[place]",
            "l'Isère",
            "[listener]",
            "on fait sonner isere",
            "☎ isere",
            "isere a répondu",
            "[goodbye]",
            "l'écoutant a raccroché",
        ],
    );
    let danger = keyboard(&engine, &day, "1\n\nr\n");
    in_order(&danger, &["[danger]", "[emergency]", "appelez la police, au 17", "[listener]", "l'appelant a raccroché"]);
    let refused = keyboard(&engine, &day, "2\n69001\n1\nn\n\n\n\n\nr\n");
    in_order(&refused, &["on fait sonner rhone", "rhone a refusé", "la recherche s'élargit", "l'appelant a raccroché"]);
    let silent = keyboard(&engine, &day, "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n");
    in_order(&silent, &["[place]", "[listener]", "[busy]", "[end]", "le plan d'appel est arrivé à son terme"]);
    let english = keyboard(&engine, &["try", "--at", "2026-11-25T10:00", "--english"], "r\n");
    in_order(&english, &["[welcome]", "the caller hung up"]);
    let unfinished = run_keyboard(&engine, &day, "q\n");
    assert_eq!(unfinished.status.code(), Some(1), "a story without an end");
    let badly = run_keyboard(&engine, &["try", "--at", "demain"], "");
    assert!(!badly.status.success() && String::from_utf8_lossy(&badly.stderr).contains("--at demain"));
}

/// Broken files: `ecoute check` names every fault with its line, a SIGHUP changes nothing, and the service goes on. Sound
/// files: the next SIGHUP takes them up.
#[test]
fn a_plan_is_taken_up_or_left() {
    let engine = Engine::start("plan");
    let mut wire = Wire::to(engine.sip);
    let sound = fs::read_to_string(engine.dir.join("plan.toml")).expect("the plan");
    let listeners = fs::read_to_string(engine.dir.join("listeners.toml")).expect("the listeners");
    assert_eq!(engine.command(&["check"]).status.code(), Some(0));

    let broken = sound
        .replace("next = \"danger\"", "next = \"dangre\"")
        .replace("play = \"busy\"", "play = \"bussy\"")
        .replace("ring       = \"20s\"", "ring       = \"20 parsecs\"");
    fs::write(engine.dir.join("plan.toml"), &broken).expect("written");
    fs::write(engine.dir.join("listeners.toml"), listeners.replace("[\"69\"]", "[\"99\"]")).expect("written");
    let checked = engine.command(&["check"]);
    let words = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert_eq!(checked.status.code(), Some(1), "{words}");
    for (file, text, fault) in [
        ("plan.toml", &broken, "dangre"),
        ("plan.toml", &broken, "bussy"),
        ("plan.toml", &broken, "parsecs"),
        ("listeners.toml", &listeners.replace("[\"69\"]", "[\"99\"]"), "99"),
    ] {
        let needle = format!("\"{fault}");
        let needle = if fault.len() == 2 { format!("{needle}\"") } else { needle.replace("parsecs", "20 parsecs") };
        let line = 1 + text.lines().position(|line| line.contains(&needle)).expect("the broken line");
        assert!(words.contains(&format!("{file}:{line}:")), "{file}:{line} is not in:\n{words}");
        assert!(words.contains(fault), "`{fault}` is not in:\n{words}");
    }

    let uri = |number: &str| format!("sip:{number}@{}", engine.sip);
    engine.signal(Signal::HUP);
    wait_until("the broken plan is refused", SOON, || reloads(&engine, "refused") == 1.0);
    assert_eq!(status(&wire.invite(&uri("3977"), &[])), 200, "the old plan answers");
    assert_eq!(status(&wire.invite(&uri("3919"), &[])), 404);

    fs::write(engine.dir.join("listeners.toml"), &listeners).expect("written");
    fs::write(engine.dir.join("plan.toml"), sound.replace("[\"3977\"]", "[\"3977\", \"3919\"]")).expect("written");
    assert_eq!(engine.command(&["check"]).status.code(), Some(0));
    engine.signal(Signal::HUP);
    wait_until("the sound plan is taken up", SOON, || reloads(&engine, "taken") == 1.0);
    wait_until("the new number answers", SOON, || status(&wire.invite(&uri("3919"), &[])) == 200);
    engine.quiet();
}

/// A listener added by command can register at once; a paused one is not rung.
#[test]
fn listeners_come_and_pause() {
    let engine = Engine::start("listeners");
    let clock = SystemClock::start();
    let added = engine.command(&["listener", "add", "paul", "--centre", "c-isere", "--name", "Paul"]);
    let words = String::from_utf8_lossy(&added.stdout).into_owned();
    assert!(added.status.success(), "{words}{}", String::from_utf8_lossy(&added.stderr));
    let password = words.lines().find_map(|line| line.split("password: ").nth(1)).expect("a password, once").trim();
    assert!(engine.command(&["check"]).status.success(), "the file is still sound");
    wait_until("the node has read it", SOON, || reloads(&engine, "taken") == 1.0);
    let mut paul = Phone::start(engine.sip, clock, "paul", Some(password), 660);
    paul.act(PhoneAction::Register { expires_s: 300 });
    paul.wait("the registration", |event| *event == PhoneEvent::Registered);
    let mut isere = Phone::listener(&engine, clock, "isere", 440);

    assert!(engine.command(&["listener", "pause", "isere"]).status.success());
    assert!(!engine.command(&["listener", "pause", "personne"]).status.success());
    // The charter is not signed yet: nobody may be rung.
    let mut caller = Phone::caller(&engine, clock, "0476000102", 1000);
    caller.dial("3977");
    caller.key_isere();
    pause(Duration::from_secs(2));
    assert!(!isere.saw(|event| *event == PhoneEvent::Rings), "a paused listener was rung");
    assert!(!paul.saw(|event| *event == PhoneEvent::Rings), "a listener without charter was rung");
    assert!(engine.command(&["listener", "ready", "isere"]).status.success());
    isere.answer_after(Duration::ZERO);
    caller.hear(440);
    caller.act(PhoneAction::Hangup);
    isere.wait_over();
    let told = engine.command(&["explain", engine.record(1)["call"].as_str().expect("a name")]);
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains("en pause"), "{told}");
    engine.quiet();
}

// ---- helpers -----------------------------------------------------------------------------------------------------

fn reloads(engine: &Engine, result: &str) -> f64 {
    engine.metric(&format!("ecoute_reloads_total{{what=\"dialplan\",result=\"{result}\"}}"))
}

fn run_keyboard(engine: &Engine, arguments: &[&str], typed: &str) -> Output {
    let mut rehearsal = command(&engine.dir, arguments);
    rehearsal.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = rehearsal.spawn().expect("the product runs");
    // A rehearsal that is over reads no further.
    let _ = child.stdin.take().expect("a keyboard").write_all(typed.as_bytes());
    child.wait_with_output().expect("it ends")
}

/// Plays a story to its end.
fn keyboard(engine: &Engine, arguments: &[&str], typed: &str) -> String {
    let output = run_keyboard(engine, arguments, typed);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{shown}{}", String::from_utf8_lossy(&output.stderr));
    shown
}

fn in_order(shown: &str, words: &[&str]) {
    let mut rest = shown;
    for word in words {
        let at = rest.find(word).unwrap_or_else(|| panic!("`{word}` does not follow in:\n{shown}"));
        rest = &rest[at + word.len()..];
    }
}
