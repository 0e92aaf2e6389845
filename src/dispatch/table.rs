//! The rules of the dispatcher, one test for each.

use std::sync::Arc;

use super::fixture::{NOON_MS, Rig, call, dept, listener, name, request, secs, tier};
use super::*;
use crate::clock::Civil;

/// Choosing is reserving: of two callers in the same instant, the second gets the second listener, and a third waits.
#[test]
fn one_listener_one_caller() {
    let mut rig = Rig::new(vec![listener("anne", "38"), listener("bruno", "38")]);
    assert_eq!(rig.enqueue(1, "38").rings(), [(1, "anne")]);
    assert_eq!(rig.enqueue(2, "38").rings(), [(2, "bruno")]);
    assert_eq!(rig.enqueue(3, "38").rings(), []);
    assert_eq!(rig.dispatcher.counts().waiting, 3);
    assert_eq!(rig.dispatcher.counts().listeners.reserved, 2);
}

/// A caller who hangs up while a telephone rings frees the listener at once, and the next caller gets him.
#[test]
fn the_caller_leaves_while_it_rings() {
    let mut rig = Rig::new(vec![listener("anne", "38")]);
    let first = rig.enqueue(1, "38").ring();
    rig.enqueue(2, "38");
    rig.wait(secs(5));
    let said = rig.leave(1);
    assert!(said.has(&Output::Withdraw { token: first.clone(), why: WithdrawReason::CallerLeft }));
    assert_eq!(said.rings(), [(2, "anne")]);
    let late = rig.outcome(&first, Outcome::Answered);
    assert_eq!(late.0, [Output::Dropped(DropReason::StaleToken)]);
    assert_eq!(rig.leave(1).0, [Output::Dropped(DropReason::UnknownCall)]);
}

/// After a conversation there is time for notes; then the first caller in the queue is served without anybody asking.
#[test]
fn wrap_up_then_the_next_caller() {
    let mut rig = Rig::new(vec![listener("anne", "38")]);
    let token = rig.enqueue(1, "38").ring();
    rig.outcome(&token, Outcome::Answered);
    rig.enqueue(2, "38");
    rig.enqueue(3, "38");
    rig.wait(secs(60));
    assert_eq!(rig.released(&token).rings(), []);
    assert_eq!(rig.wait(secs(29)).rings(), []);
    assert_eq!(rig.wait(secs(1)).rings(), [(2, "anne")]);
    assert_eq!(rig.released(&token).0, [Output::Dropped(DropReason::StaleToken)]);
}

/// A listener who has finished his notes early says so.
#[test]
fn wrap_up_may_be_ended() {
    let mut rig = Rig::new(vec![listener("anne", "38")]);
    let token = rig.enqueue(1, "38").ring();
    rig.outcome(&token, Outcome::Answered);
    rig.released(&token);
    rig.enqueue(2, "38");
    assert_eq!(rig.send(Input::WrapUpDone { listener: name("anne") }).rings(), [(2, "anne")]);
}

/// Each unhappy outcome keeps the listener from this caller, and from every caller, for its own time.
#[test]
fn each_outcome_has_its_own_time() {
    let cases = [
        (Outcome::Declined, 10, 60),
        (Outcome::Busy, 15, 30),
        (Outcome::NoAnswer, 20, 60),
        (Outcome::Unreachable, 15, 30),
        (Outcome::Failed, 2, 5),
    ];
    for (outcome, cool_down_s, exclusion_s) in cases {
        let mut rig = Rig::new(vec![listener("anne", "38")]);
        let token = rig.enqueue(1, "38").ring();
        rig.outcome(&token, outcome);
        assert_eq!(rig.enqueue(2, "38").rings(), [], "{outcome:?}");
        assert_eq!(rig.wait(secs(cool_down_s) - Duration::from_millis(1)).rings(), [], "{outcome:?}");
        assert_eq!(rig.wait(Duration::from_millis(1)).rings(), [(2, "anne")], "{outcome:?}");
        rig.leave(2);
        let left = secs(exclusion_s - cool_down_s);
        assert_eq!(rig.wait(left - Duration::from_millis(1)).rings(), [], "{outcome:?}");
        assert_eq!(rig.wait(Duration::from_millis(1)).rings(), [(1, "anne")], "{outcome:?}");
    }
}

/// A listener who refused is not rung for that caller again while another can be, however long it takes; only when
/// nobody came for a minute is he asked once more.
#[test]
fn a_refusal_lasts_while_others_come() {
    let mut rig = Rig::new(vec![listener("anne", "38"), listener("bruno", "38")]);
    let token = rig.enqueue(1, "38").ring();
    let mut token = match rig.outcome(&token, Outcome::Declined) {
        said if said.rings() == [(1, "bruno")] => said.ring(),
        said => panic!("{said:?}"),
    };
    for _ in 0..5 {
        assert_eq!(rig.outcome(&token, Outcome::Busy).rings(), []);
        token = rig.wait(secs(30)).ring();
        assert_eq!(token.listener, name("bruno"));
    }
    rig.devices("bruno", 0);
    assert_eq!(rig.wait(secs(59)).rings(), []);
    assert_eq!(rig.wait(secs(1)).rings(), [(1, "anne")]);
}

/// A wrong number is not rung again by anybody until its device registers anew or the roster is corrected.
#[test]
fn a_wrong_number_rests() {
    let mut rig = Rig::new(vec![listener("anne", "38")]);
    let token = rig.enqueue(1, "38").ring();
    rig.outcome(&token, Outcome::Wrong);
    rig.enqueue(2, "38");
    assert_eq!(rig.wait(secs(200)).rings(), []);
    rig.devices("anne", 0);
    assert_eq!(rig.devices("anne", 1).rings(), [(2, "anne")]);
    rig.leave(2);
    // For the caller who met the wrong number it stays wrong.
    assert_eq!(rig.wait(secs(90)).rings(), []);
}

/// Three missed rings in a row pause a listener and say so; his own word brings him back.
#[test]
fn three_missed_rings_pause() {
    let mut rig = Rig::new(vec![listener("anne", "38")]);
    for number in 1..=3 {
        rig.enqueue(number, "38").ring();
        let said = rig.wait(secs(20));
        let paused = said.0.iter().any(|output| {
            matches!(output, Output::Decision(d) if matches!(d.kind, DecisionKind::AutoPaused { missed: 3, .. }))
        });
        assert_eq!(paused, number == 3);
        rig.leave(number);
        rig.wait(secs(20));
    }
    assert_eq!(rig.enqueue(4, "38").rings(), []);
    assert_eq!(rig.dispatcher.counts().listeners.paused, 1);
    assert_eq!(rig.send(Input::Wish { listener: name("anne"), wish: Wish::Ready }).rings(), [(4, "anne")]);
}

/// The ring deadline is kept here: the ring is taken back, counts as missed, and a later answer is void.
#[test]
fn the_ring_deadline() {
    let mut rig = Rig::new(vec![listener("anne", "38"), listener("bruno", "38")]);
    let token = rig.enqueue(1, "38").ring();
    assert_eq!(rig.wait(secs(19)).0, []);
    let said = rig.wait(secs(1));
    assert!(said.has(&Output::Withdraw { token: token.clone(), why: WithdrawReason::RingDeadline }));
    assert_eq!(said.rings(), [(1, "bruno")]);
    for outcome in [Outcome::Answered, Outcome::Busy, Outcome::Declined] {
        assert_eq!(rig.outcome(&token, outcome).0, [Output::Dropped(DropReason::StaleToken)]);
    }
}

/// An answer that comes in the very instant of the deadline is an answer.
#[test]
fn an_answer_at_the_deadline_counts() {
    let mut rig = Rig::new(vec![listener("anne", "38")]);
    let token = rig.enqueue(1, "38").ring();
    rig.pass(secs(20));
    rig.outcome(&token, Outcome::Answered);
    assert_eq!(rig.dispatcher.counts().talking, 1);
}

/// Tiers widen and never narrow: department, then neighbours, then the country; each opens at its time.
#[test]
fn tiers_widen() {
    let roster = vec![listener("near", "38"), listener("next", "73"), listener("far", "29")];
    let mut rig = Rig::new(roster);
    rig.devices("near", 0);
    assert_eq!(rig.enqueue(1, "38").rings(), []);
    assert_eq!(rig.wait(secs(29)).rings(), []);
    let token = rig.wait(secs(1)).ring();
    assert_eq!(token.listener, name("next"));
    rig.outcome(&token, Outcome::Declined);
    let token = rig.wait(secs(30)).ring();
    assert_eq!(token.listener, name("far"));
    rig.outcome(&token, Outcome::Busy);
    assert_eq!(rig.devices("near", 1).rings(), [(1, "near")]);
}

/// Of those free at once the nearest is rung, then who was never called, then who rested longest.
#[test]
fn preference() {
    let mut rig = Rig::new(vec![listener("far", "29"), listener("anne", "38"), listener("bruno", "38")]);
    let national = |number| Request {
        tiers: vec![tier(Reach::Department, 0), tier(Reach::National, 60)],
        ..request(number, "38")
    };
    for (number, expected) in [(1, "anne"), (2, "bruno"), (3, "anne"), (4, "bruno")] {
        let said = rig.send(Input::Enqueue(national(number)));
        let token = said.ring();
        assert_eq!(token.listener, name(expected));
        let rang = said.decision(|kind| matches!(kind, DecisionKind::Rang { .. }));
        let far = rang.candidates.iter().find(|one| one.listener == name("far")).expect("considered");
        assert_eq!(far.verdict, Verdict::Passed(Reason::FurtherAway));
        rig.outcome(&token, Outcome::Answered);
        rig.wait(secs(10));
        rig.released(&token);
        rig.wait(secs(30));
    }
}

/// Of two equally rested, the one with fewer conversations today; the day ends at midnight in Paris.
#[test]
fn fewer_conversations_today() {
    let mut rig = Rig::new(vec![listener("anne", "38"), listener("bruno", "38")]);
    let end_together = |rig: &mut Rig, tokens: &[Token]| tokens.iter().for_each(|token| drop(rig.released(token)));
    let anne = rig.enqueue(1, "38").ring();
    rig.outcome(&anne, Outcome::Answered);
    rig.released(&anne);
    rig.wait(secs(30));
    let bruno = rig.enqueue(2, "38").ring();
    rig.outcome(&bruno, Outcome::Answered);
    let anne = rig.enqueue(3, "38").ring();
    rig.outcome(&anne, Outcome::Answered);
    end_together(&mut rig, &[anne, bruno]);
    rig.wait(secs(30));
    assert_eq!(rig.enqueue(4, "38").rings(), [(4, "bruno")]);
    rig.leave(4);
    rig.wait(secs(13 * 3600));
    assert_eq!(rig.enqueue(5, "38").rings(), [(5, "anne")]);
}

/// Language, training, charter, suspension, wish, devices, the plan's exclusions: each passes a listener over, by name.
#[test]
fn every_reason_has_a_name() {
    let mut crowd = vec![];
    for id in ["english", "suspended", "trainee", "unsigned", "untrained", "expired", "excluded", "gone", "paused"] {
        crowd.push(listener(id, "38"));
    }
    let passed = |expires| Certification { module: "initial".into(), passed: Civil::from_unix_millis(0), expires };
    for one in &mut crowd {
        one.modules = vec![passed(None)];
        match one.id.as_str() {
            "english" => one.languages = vec!["en".into()],
            "suspended" => one.suspended = true,
            "trainee" => one.role = Role::Trainee,
            "unsigned" => one.charter_signed = false,
            "untrained" => one.modules.clear(),
            "expired" => one.modules = vec![passed(Some(Civil::from_unix_millis(NOON_MS)))],
            _ => {}
        }
    }
    crowd.push(listener("away", "29"));
    let roster = Roster { listeners: crowd, required_modules: vec!["initial".into()], ..Roster::default() };
    let mut rig = Rig::with(Settings::default(), roster);
    rig.devices("gone", 0);
    rig.send(Input::Wish { listener: name("paused"), wish: Wish::Paused });
    let said = rig.send(Input::Enqueue(Request { excluded: vec![name("excluded")], ..request(1, "38") }));
    let decision = said.decision(|kind| *kind == DecisionKind::NobodyEligible);
    let initial = || "initial".to_owned();
    let expected = [
        ("paused", Reason::Paused),
        ("gone", Reason::Unreachable),
        ("excluded", Reason::ExcludedByPlan),
        ("expired", Reason::Expired { module: initial() }),
        ("untrained", Reason::NotTrained { module: initial() }),
        ("unsigned", Reason::CharterMissing),
        ("trainee", Reason::Trainee),
        ("suspended", Reason::Suspended),
        ("english", Reason::OtherLanguage),
    ];
    let found: Vec<(&str, Reason)> = decision
        .candidates
        .iter()
        .filter_map(|one| match &one.verdict {
            Verdict::Passed(reason) => Some((one.listener.as_str(), reason.clone())),
            Verdict::Chosen => None,
        })
        .collect();
    assert_eq!(found, expected);
    assert_eq!(decision.others, [(Reason::OtherDepartment, 1)]);
}

/// Training that expires during a conversation does not cut it, and is looked at before the next ring.
#[test]
fn expiry_never_cuts() {
    let mut anne = listener("anne", "38");
    let expires = Some(Civil::from_unix_millis(NOON_MS + 60_000));
    anne.modules = vec![Certification { module: "initial".into(), passed: Civil::from_unix_millis(0), expires }];
    let roster = Roster { listeners: vec![anne], required_modules: vec!["initial".into()], ..Roster::default() };
    let mut rig = Rig::with(Settings::default(), roster);
    let token = rig.enqueue(1, "38").ring();
    rig.outcome(&token, Outcome::Answered);
    rig.wait(secs(120));
    assert_eq!(rig.dispatcher.counts().talking, 1);
    rig.released(&token);
    rig.wait(secs(60));
    assert_eq!(rig.enqueue(2, "38").rings(), []);
    assert_eq!(rig.dispatcher.counts().listeners.untrained, 1);
}

/// Training that begins to count while a caller waits lets the listener in at that moment.
#[test]
fn training_begins_to_count() {
    let mut anne = listener("anne", "38");
    let passed = Civil::from_unix_millis(NOON_MS + 20_000);
    anne.modules = vec![Certification { module: "initial".into(), passed, expires: None }];
    let roster = Roster { listeners: vec![anne], required_modules: vec!["initial".into()], ..Roster::default() };
    let mut rig = Rig::with(Settings::default(), roster);
    assert_eq!(rig.enqueue(1, "38").rings(), []);
    assert_eq!(rig.wait(secs(19)).rings(), []);
    assert_eq!(rig.wait(secs(1)).rings(), [(1, "anne")]);
}

/// Nobody is cut by a new roster: a ring and a conversation go on, even of a listener it no longer names.
#[test]
fn a_new_roster_cuts_nobody() {
    let mut rig = Rig::new(vec![listener("anne", "38"), listener("bruno", "38")]);
    let talk = rig.enqueue(1, "38").ring();
    rig.outcome(&talk, Outcome::Answered);
    let ring = rig.enqueue(2, "38").ring();
    let said =
        rig.send(Input::Roster(Arc::new(Roster { listeners: vec![listener("zoe", "38")], ..Roster::default() })));
    assert_eq!(said.0, []);
    assert_eq!(rig.dispatcher.listener_states(rig.now).count(), 3);
    rig.outcome(&ring, Outcome::Answered);
    assert_eq!(rig.dispatcher.counts().talking, 2);
    rig.released(&ring);
    rig.released(&talk);
    assert_eq!(rig.dispatcher.listener_states(rig.now).count(), 1);
}

/// A telephone that registered before the roster knew its owner is not forgotten.
#[test]
fn a_stranger_is_remembered() {
    let mut rig = Rig::new(Vec::new());
    rig.devices("anne", 1);
    rig.enqueue(1, "38");
    let roster = Roster { listeners: vec![listener("anne", "38")], ..Roster::default() };
    assert_eq!(rig.send(Input::Roster(Arc::new(roster))).rings(), [(1, "anne")]);
}

/// Nobody certified, nobody reachable: the caller waits his tiers, is told why in a decision, and then goes on.
#[test]
fn nobody_comes() {
    let mut rig = Rig::new(Vec::new());
    let said = rig.enqueue(1, "38");
    said.decision(|kind| *kind == DecisionKind::NobodyEligible);
    assert_eq!(rig.wait(secs(299)).exhausted(), []);
    assert_eq!(rig.wait(secs(1)).exhausted(), [(1, 300, ExhaustedReason::TiersOver)]);
    assert_eq!(rig.dispatcher.counts(), Counts::default());
    assert_eq!(rig.dispatcher.poll_output(), Output::Timeout(None));
}

/// A ring under way when the last tier ends may still be answered; if it is not, the search is over at once.
#[test]
fn a_ring_outlives_the_last_tier() {
    for answered in [true, false] {
        let mut rig = Rig::new(vec![listener("anne", "38"), listener("bruno", "38")]);
        let short = Request { tiers: vec![tier(Reach::Department, 10)], ..request(1, "38") };
        let token = rig.send(Input::Enqueue(short)).ring();
        assert_eq!(rig.wait(secs(15)).exhausted(), []);
        let outcome = if answered { Outcome::Answered } else { Outcome::Declined };
        let said = rig.outcome(&token, outcome);
        assert_eq!(said.exhausted().len(), usize::from(!answered));
        assert_eq!(said.rings(), []);
    }
}

/// With an unknown department the search begins at the tier that reaches the whole country, and without one it ends.
#[test]
fn department_unknown() {
    let mut rig = Rig::new(vec![listener("anne", "38")]);
    let said = rig.send(Input::Enqueue(Request { department: None, ..request(1, "38") }));
    assert_eq!(said.rings(), [(1, "anne")]);
    assert_eq!(said.decision(|kind| matches!(kind, DecisionKind::Rang { .. })).tier, 2);
    let local = vec![tier(Reach::Department, 10), tier(Reach::Region, 10)];
    let said = rig.send(Input::Enqueue(Request { department: None, tiers: local, ..request(2, "38") }));
    assert_eq!(said.exhausted(), [(2, 0, ExhaustedReason::NoTier)]);
    let said = rig.send(Input::Enqueue(Request { tiers: Vec::new(), ..request(3, "38") }));
    assert_eq!(said.exhausted(), [(3, 0, ExhaustedReason::NoTier)]);
}

/// A listener who does not take national calls is not rung for them, but is for neighbours.
#[test]
fn takes_national() {
    let mut far = listener("far", "29");
    far.takes_national = false;
    let mut next = listener("next", "73");
    next.takes_national = false;
    let mut rig = Rig::new(vec![far, next]);
    rig.enqueue(1, "38");
    assert_eq!(rig.wait(secs(30)).rings(), [(1, "next")]);
    assert!(rig.wait(secs(270)).rings().iter().all(|(_, who)| *who == "next"));
}

/// The region reaches its departments and no others.
#[test]
fn the_region() {
    let mut rig = Rig::new(vec![listener("brest", "29"), listener("moulins", "03")]);
    let regional = Request { tiers: vec![tier(Reach::Region, 60)], ..request(1, "38") };
    assert_eq!(rig.send(Input::Enqueue(regional)).rings(), [(1, "moulins")]);
}

/// An overseas department without neighbours is helped by the one that stands in for it.
#[test]
fn overseas() {
    let home = crate::france::Department::from_code("974").expect("La Réunion");
    let backup = *home.overseas_backup().first().expect("somebody stands in");
    let mut helper = listener("helper", "38");
    helper.departments = vec![backup];
    let mut rig = Rig::new(vec![listener("other", "38"), helper]);
    rig.send(Input::Enqueue(Request { department: Some(home), ..request(1, "38") }));
    assert_eq!(rig.wait(secs(30)).rings(), [(1, "helper")]);
}

/// Urgent callers come first, and within a priority the first to arrive.
#[test]
fn priority_then_arrival() {
    let mut rig = Rig::new(vec![listener("anne", "38")]);
    rig.devices("anne", 0);
    for (number, priority) in [(1, 0), (2, 0), (3, 5), (4, 5)] {
        rig.send(Input::Enqueue(Request { priority, ..request(number, "38") }));
    }
    rig.devices("anne", 1);
    let mut served = vec![3];
    for number in [3, 4, 1] {
        served.extend(rig.leave(number).rings().into_iter().map(|(call, _)| call));
    }
    assert_eq!(served, [3, 4, 1, 2]);
}

/// The queue is bounded, and full is an answer.
#[test]
fn full_is_an_answer() {
    let mut rig = Rig::with(Settings { max_waiting: 2, ..Settings::default() }, Roster::default());
    rig.enqueue(1, "38");
    rig.enqueue(2, "38");
    assert_eq!(rig.enqueue(2, "38").0, [Output::Dropped(DropReason::AlreadyWaiting)]);
    assert_eq!(rig.enqueue(3, "38").exhausted(), [(3, 0, ExhaustedReason::Full)]);
    rig.leave(1);
    assert_eq!(rig.enqueue(3, "38").exhausted(), []);
}

/// Pausing, losing the last device or taking another call while it rings takes the ring back and asks the next; a
/// pause stays a pause whatever else happens, and the last word counts.
#[test]
fn the_listener_goes_away_while_it_rings() {
    let paused = Input::Wish { listener: name("anne"), wish: Wish::Paused };
    let gone = Input::Reachable { listener: name("anne"), devices: 0 };
    let engaged = Input::Engaged { listener: name("anne"), calls: 1 };
    for (input, why) in [
        (paused, WithdrawReason::ListenerPaused),
        (gone, WithdrawReason::ListenerUnreachable),
        (engaged, WithdrawReason::ListenerEngaged),
    ] {
        let mut rig = Rig::new(vec![listener("anne", "38"), listener("bruno", "38")]);
        let token = rig.enqueue(1, "38").ring();
        let said = rig.send(input);
        assert!(said.has(&Output::Withdraw { token, why }));
        assert_eq!(said.rings(), [(1, "bruno")]);
    }
    let mut rig = Rig::new(vec![listener("anne", "38")]);
    let token = rig.enqueue(1, "38").ring();
    rig.outcome(&token, Outcome::Answered);
    rig.send(Input::Wish { listener: name("anne"), wish: Wish::Paused });
    rig.released(&token);
    rig.wait(secs(60));
    assert_eq!(rig.enqueue(2, "38").rings(), []);
}

/// A new registration or a second device during the ring changes nothing about it.
#[test]
fn registering_again_does_not_disturb() {
    let mut rig = Rig::new(vec![listener("anne", "38")]);
    let token = rig.enqueue(1, "38").ring();
    for devices in [1, 2, 1] {
        assert_eq!(rig.devices("anne", devices).0, []);
    }
    rig.outcome(&token, Outcome::Answered);
    assert_eq!(rig.dispatcher.counts().talking, 1);
}

/// A listener who flutters between ready and paused is asked once in a while, not in a loop.
#[test]
fn fluttering_is_not_a_loop() {
    let mut rig = Rig::new(vec![listener("anne", "38")]);
    rig.enqueue(1, "38");
    let mut rings = 0;
    for step in 0..600 {
        let wish = if step % 2 == 0 { Wish::Paused } else { Wish::Ready };
        rings += rig.send(Input::Wish { listener: name("anne"), wish }).rings().len();
        rings += rig.wait(Duration::from_millis(100)).rings().len();
        if step == 300 {
            rig.enqueue(2, "38");
        }
    }
    assert!((1..=2).contains(&rings), "{rings} rings in a minute");
}

/// A conversation outside the queue makes a listener busy, and is followed by time for notes.
#[test]
fn calls_of_his_own() {
    let mut rig = Rig::new(vec![listener("anne", "38")]);
    rig.send(Input::Engaged { listener: name("anne"), calls: 1 });
    assert_eq!(rig.enqueue(1, "38").rings(), []);
    assert_eq!(rig.send(Input::Engaged { listener: name("anne"), calls: 0 }).rings(), []);
    assert_eq!(rig.wait(secs(30)).rings(), [(1, "anne")]);
}

/// A conversation taken up after a restart keeps its listener busy, and its generation is not given out again.
#[test]
fn resumed() {
    let mut rig = Rig::new(vec![listener("anne", "38")]);
    let token = Token { call: call(9), listener: name("anne"), generation: 41 };
    rig.send(Input::Resumed { token: token.clone() });
    let other = Token { call: call(8), ..token.clone() };
    assert_eq!(rig.send(Input::Resumed { token: other }).0, [Output::Dropped(DropReason::ListenerTaken)]);
    assert_eq!(rig.send(Input::Resumed { token: token.clone() }).0, [Output::Dropped(DropReason::CallTaken)]);
    assert_eq!(rig.enqueue(1, "38").rings(), []);
    rig.released(&token);
    assert_eq!(rig.wait(secs(30)).ring().generation, 42);
}

/// A caller who asks again during his conversation is no longer in it: he waits, and his listener writes notes.
#[test]
fn asking_again_ends_the_conversation() {
    let mut rig = Rig::new(vec![listener("anne", "38"), listener("bruno", "38")]);
    let token = rig.enqueue(1, "38").ring();
    rig.outcome(&token, Outcome::Answered);
    assert_eq!(rig.leave(1).0, [Output::Dropped(DropReason::UnknownCall)], "leaving the queue does not end the talk");
    assert_eq!(rig.dispatcher.counts().talking, 1);
    assert_eq!(rig.enqueue(1, "38").rings(), [(1, "bruno")]);
    assert_eq!(rig.released(&token).0, [Output::Dropped(DropReason::StaleToken)]);
}

/// When everything of ours fails, the caller tries one listener a second, and not all of them in a millisecond.
#[test]
fn our_own_failure_is_paced() {
    let mut rig = Rig::new((0..50).map(|n| listener(&format!("l{n:02}"), "38")).collect());
    let mut token = rig.enqueue(1, "38").ring();
    for _ in 0..10 {
        assert_eq!(rig.outcome(&token, Outcome::Failed).rings(), []);
        assert_eq!(rig.wait(Duration::from_millis(999)).rings(), []);
        token = rig.wait(Duration::from_millis(1)).ring();
    }
    // Nothing is held against a listener: the next caller rings one of those tried before.
    assert_eq!(rig.enqueue(2, "38").rings(), [(2, "l01")]);
}

/// Places are told when they change, per language, and only then.
#[test]
fn positions() {
    let mut rig = Rig::with(Settings::default(), Roster::default());
    let place = |number, position, tier| Output::Position { call: call(number), position, tier };
    assert!(rig.enqueue(1, "38").has(&place(1, 1, 0)));
    assert!(rig.enqueue(2, "38").has(&place(2, 2, 0)));
    let english = Request { language: "EN".into(), ..request(3, "38") };
    assert!(rig.send(Input::Enqueue(english)).has(&place(3, 1, 0)));
    assert!(rig.wait(secs(30)).has(&place(1, 1, 1)));
    let said = rig.leave(1);
    assert!(said.has(&place(2, 1, 1)) && !said.has(&place(3, 1, 1)));
}

/// A dispatcher woken far too late still gives the caller his chance before it gives up.
#[test]
fn late_is_not_never() {
    let mut rig = Rig::new(vec![listener("far", "29")]);
    rig.enqueue(1, "38");
    rig.pass(secs(3600));
    let said = rig.send(Input::Timeout);
    assert_eq!((said.rings(), said.exhausted()), (vec![(1, "far")], vec![]));
}

/// Every decision survives being written down, and reads as a sentence in both languages.
#[test]
fn decisions_are_values_and_sentences() {
    let mut rig = Rig::new(vec![listener("anne", "38"), listener("bruno", "38"), listener("far", "29")]);
    rig.send(Input::Wish { listener: name("bruno"), wish: Wish::Paused });
    let said = rig.enqueue(1, "38");
    let decision = said.decision(|kind| matches!(kind, DecisionKind::Rang { .. }));
    let written = serde_json::to_string(decision).expect("plain values");
    assert_eq!(serde_json::from_str::<Decision>(&written).expect("the same"), *decision);
    assert_eq!(
        decision.in_words(Lang::Fr),
        "Appel 0000000000001, Isère, fr, palier 1 (département), 0 s d'attente : on fait sonner anne (département, \
         aucune conversation encore). Passés : bruno (en pause). Les autres : 1 × autre département."
    );
    assert_eq!(
        decision.in_words(Lang::En),
        "Call 0000000000001, Isère, fr, tier 1 (department), waited 0 s: anne is rung (department, no conversation \
         yet). Passed over: bruno (paused). The others: 1 × other department."
    );
    assert_eq!(dept("38").name(), "Isère");
}
