//! The races of RFC 5407, one row each: what crosses what, and where both sides must come to. Alice (0) called Bob (1).
//!
//! Every row is played three ways: exactly as its section draws it, where the messages are counted; with the crossing moved
//! by a few milliseconds either way; and in storms. In none may one side be left with a call that the other has ended, may
//! anything be left behind, or may a session have two last words. The races that a well-behaved peer brings about only by
//! hand (an early BYE, an ACK that is overtaken, a REFER) follow below the table, with a telephone whose messages are
//! written here.

use std::time::Duration;

use super::network::{Faults, Network, is_last_word};
use super::raw::{Phone, field, server, status};
use crate::clock::Instant;
use crate::sip::{Command, EndpointConfig, Event, SessionId};

const ALICE: usize = 0;
const BOB: usize = 1;

/// How far the call has come when the race begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// The INVITE has left (the Preparative state).
    Dialled,
    /// Alice has seen the 180 (Early).
    Rings,
    /// Bob has the ACK (Established).
    Talks,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Answer,
    Refuse,
    HangUp,
    Reoffer,
}

/// One race.
struct Row {
    section: &'static str,
    start: Start,
    /// The INVITE has no offer, so that the ACK must bring the answer.
    late_offer: bool,
    /// Bob's owner does not answer a re-INVITE in time.
    slow: bool,
    /// What the picture crosses out: who sent it, how it begins, how many copies.
    lost: (usize, &'static str, usize),
    /// Milliseconds after the start, who, what. The network takes ten.
    deeds: &'static [(u64, usize, Deed)],
    /// Does the call go on afterwards?
    stands: bool,
    /// How often who sends what in all, as the picture shows.
    sent: &'static [(usize, &'static str, usize)],
}

const NOTHING: (usize, &str, usize) = (ALICE, "", 0);
const ACK: (usize, &str, usize) = (ALICE, "ACK", 1);

const fn row(
    section: &'static str,
    start: Start,
    deeds: &'static [(u64, usize, Deed)],
    stands: bool,
    sent: &'static [(usize, &'static str, usize)],
) -> Row {
    Row { section, start, late_offer: false, slow: false, lost: NOTHING, deeds, stands, sent }
}

use Deed::{Answer, HangUp, Refuse, Reoffer};
use Start::{Dialled, Rings, Talks};

#[rustfmt::skip]
const ROWS: &[Row] = &[
    Row { lost: (BOB, "SIP/2.0 1", 9), ..row(
        "3.1.1 an INVITE repeated crosses its 200", Dialled, &[(495, BOB, Answer)], true,
        &[(ALICE, "INVITE", 2), (BOB, "SIP/2.0 200", 1), (ALICE, "ACK", 1)]) },
    row("3.1.2 CANCEL crosses the 200", Rings, &[(0, BOB, Answer), (5, ALICE, HangUp)], false,
        &[(ALICE, "CANCEL", 1), (ALICE, "ACK", 1), (ALICE, "BYE", 1), (BOB, "BYE", 0), (BOB, "SIP/2.0 487", 0)]),
    Row { lost: ACK, ..row(
        "3.1.4 a re-INVITE overtakes a lost ACK", Rings, &[(0, BOB, Answer), (15, ALICE, Reoffer)], true,
        &[(BOB, "SIP/2.0 200", 3), (ALICE, "ACK", 3), (BOB, "SIP/2.0 491", 0)]) },
    Row { lost: ACK, late_offer: true, ..row(
        "3.1.5 a re-INVITE overtakes the lost ACK that brings the answer", Rings,
        &[(0, BOB, Answer), (15, ALICE, Reoffer)], true,
        &[(BOB, "SIP/2.0 491", 1), (ALICE, "INVITE", 3), (ALICE, "ACK", 4)]) },
    Row { lost: ACK, ..row(
        "3.1.6 BYE overtakes a lost ACK", Rings, &[(0, BOB, Answer), (15, ALICE, HangUp)], false,
        &[(ALICE, "BYE", 1), (BOB, "BYE", 0), (BOB, "SIP/2.0 200", 2)]) },
    row("3.2.1 BYE crosses BYE", Talks, &[(0, ALICE, HangUp), (5, BOB, HangUp)], false,
        &[(ALICE, "BYE", 1), (BOB, "BYE", 1), (ALICE, "SIP/2.0 200", 1), (BOB, "SIP/2.0 200", 2)]),
    row("3.2.2 a re-INVITE crosses BYE", Talks, &[(0, ALICE, HangUp), (5, BOB, Reoffer)], false,
        &[(ALICE, "SIP/2.0 481", 1), (BOB, "ACK", 1), (ALICE, "BYE", 1), (BOB, "BYE", 0)]),
    row("3.2.2 the same, the other way round", Talks, &[(0, BOB, HangUp), (5, ALICE, Reoffer)], false,
        &[(BOB, "SIP/2.0 481", 1), (ALICE, "ACK", 2), (BOB, "BYE", 1), (ALICE, "BYE", 0)]),
    row("3.2.3 the 200 of a re-INVITE crosses BYE", Talks, &[(0, ALICE, Reoffer), (15, ALICE, HangUp)], false,
        &[(ALICE, "ACK", 2), (ALICE, "BYE", 1), (BOB, "SIP/2.0 200", 3)]),
    row("3.2.3 the same, the other way round", Talks, &[(0, BOB, Reoffer), (15, BOB, HangUp)], false,
        &[(BOB, "ACK", 1), (BOB, "BYE", 1), (ALICE, "SIP/2.0 200", 2)]),
    row("3.3.1 a re-INVITE crosses a re-INVITE", Talks, &[(0, ALICE, Reoffer), (5, BOB, Reoffer)], true,
        &[(ALICE, "SIP/2.0 491", 1), (BOB, "SIP/2.0 491", 1), (BOB, "INVITE", 2)]),
    Row { slow: true, ..row(
        "B a re-INVITE is open when its sender says BYE", Talks, &[(0, ALICE, Reoffer), (20, ALICE, HangUp)], false,
        &[(BOB, "SIP/2.0 487", 1), (ALICE, "ACK", 2), (ALICE, "BYE", 1)]) },
    Row { slow: true, ..row(
        "B a re-INVITE is open when its receiver says BYE", Talks, &[(0, ALICE, Reoffer), (20, BOB, HangUp)], false,
        &[(BOB, "SIP/2.0 487", 1), (ALICE, "ACK", 2), (BOB, "BYE", 1), (ALICE, "BYE", 0)]) },
    row("C CANCEL crosses a refusal", Rings, &[(0, BOB, Refuse), (5, ALICE, HangUp)], false,
        &[(ALICE, "CANCEL", 1), (BOB, "SIP/2.0 486", 1), (ALICE, "ACK", 1), (BOB, "SIP/2.0 200", 1)]),
    row("C CANCEL, and nobody answers any more", Rings, &[(0, ALICE, HangUp), (5, BOB, HangUp)], false,
        &[(ALICE, "CANCEL", 1), (ALICE, "ACK", 1), (BOB, "BYE", 0)]),
];

/// A row being played.
struct Play {
    net: Network,
    ours: SessionId,
    seen: [usize; 2],
    slow: bool,
}

impl Play {
    fn start(row: &Row, seed: u64) -> Play {
        let mut net = Network::new(seed, 2, Faults { delay_ms: 10, ..Faults::NONE });
        let (sender, line, mut copies) = row.lost;
        net.filter = Some(Box::new(move |from, text| {
            let lost = copies > 0 && from == sender && text.starts_with(line);
            copies -= usize::from(lost);
            lost
        }));
        let ours = net.call((!row.late_offer).then_some("offer"));
        let mut play = Play { net, ours, seen: [0, 0], slow: false };
        if row.start != Dialled {
            play.run_for_ms(50);
            let theirs = play.net.ends[BOB].called();
            play.net.respond(BOB, theirs, 180, None);
            play.run_for_ms(50);
        }
        if row.start == Talks {
            play.act(BOB, Answer);
            play.run_for_ms(50);
        }
        play.slow = row.slow;
        play
    }

    fn act(&mut self, end: usize, deed: Deed) {
        let bobs = || self.net.ends[BOB].events.iter().find_map(|(_, event)| event.session());
        let Some(session) = (if end == ALICE { Some(self.ours) } else { bobs() }) else { return };
        match deed {
            Answer => self.net.respond(end, session, 200, Some("answer")),
            Refuse => self.net.respond(end, session, 486, None),
            HangUp => self.net.hangup(end, session),
            Reoffer => self.net.command(end, Command::Reoffer { session, sdp: Some(b"hold".to_vec()) }),
        }
    }

    fn run_for_ms(&mut self, ms: u64) {
        self.run_until(self.net.now + Duration::from_millis(ms));
    }

    fn run_until(&mut self, until: Instant) {
        let mut steps = 0;
        while self.net.step(until) {
            self.owners();
            steps += 1;
            assert!(steps < 100_000, "it never comes to rest");
        }
        if until < Instant::FAR {
            self.net.now = until;
        }
    }

    /// What owners must answer.
    fn owners(&mut self) {
        for end in [ALICE, BOB] {
            while let Some((_, event)) = self.net.ends[end].events.get(self.seen[end]).cloned() {
                self.seen[end] += 1;
                match event {
                    Event::Reoffer { session, .. } if !self.slow => {
                        let answer = Command::AnswerReoffer { session, status: 200, sdp: Some(b"ok".to_vec()) };
                        self.net.command(end, answer);
                    }
                    Event::Answered { session, .. } | Event::Reanswered { session, .. } => {
                        self.net.command(end, Command::Acknowledge { session, sdp: b"ok".to_vec() });
                    }
                    _ => {}
                }
            }
        }
    }

    /// Has each side had its last word?
    fn over(&self) -> [bool; 2] {
        [ALICE, BOB].map(|end| self.net.ends[end].events.iter().any(|(_, event)| is_last_word(event)))
    }

    /// The deeds with their crossing moved; then a hundred seconds; then whoever still talks hangs up.
    fn play(mut self, row: &Row, late_ms: u64, early_ms: u64, context: &str) -> Network {
        let mut deeds: Vec<(u64, usize, Deed)> = row.deeds.to_vec();
        if let [.., first, last] = deeds.as_mut_slice() {
            (first.0, last.0) = (first.0 + early_ms, last.0 + late_ms);
        }
        deeds.sort_by_key(|(at, ..)| *at);
        let start = self.net.now;
        for (at, end, deed) in deeds {
            self.run_until(start + Duration::from_millis(at));
            self.act(end, deed);
            self.owners();
        }
        self.run_for_ms(100_000);
        let over = self.over();
        assert_eq!(over[0], over[1], "{context}: one side is left with a dead call");
        self.net.faults = Faults::NONE;
        self.net.filter = None;
        if !over[0] {
            self.act(ALICE, HangUp);
            self.run_for_ms(50);
            assert_eq!(self.over(), [true, true], "{context}: a BYE ends both");
        }
        self.run_until(Instant::FAR);
        self.net.assert_settled(context);
        for end in &self.net.ends {
            let silent = end.events.iter().position(|(_, event)| is_last_word(event));
            assert_eq!(silent, Some(end.events.len() - 1), "{context}: nothing is told after the last word");
        }
        self.net
    }
}

/// Every race as its section draws it: who sends what and how often, and whether the call stands.
#[test]
fn b068_b070_b078_p005_p011_p014_each_race_as_it_is_drawn() {
    for row in ROWS {
        let mut play = Play::start(row, 1);
        let start = play.net.now;
        for (at, end, deed) in row.deeds {
            play.run_until(start + Duration::from_millis(*at));
            play.act(*end, *deed);
            play.owners();
        }
        play.run_for_ms(20_000);
        for (who, line, times) in row.sent {
            assert_eq!(play.net.sent(*who, line), *times, "{}: {line} of {who}", row.section);
        }
        assert_eq!(play.over(), [!row.stands, !row.stands], "{}", row.section);
    }
}

/// Every race with its crossing moved by 0 to 40 ms, either way.
#[test]
fn b078_p005_each_race_a_little_earlier_and_later() {
    for row in ROWS {
        for shift_ms in 0..=40 {
            let context = format!("{}, {shift_ms} ms", row.section);
            Play::start(row, 1).play(row, shift_ms, 0, &format!("{context} later"));
            Play::start(row, 1).play(row, 0, shift_ms, &format!("{context} earlier"));
        }
    }
}

/// Every race in storms: a fifth of all datagrams lost, some twice, overtaking each other; and in far worse ones.
#[test]
fn each_race_in_storms() {
    let worse = Faults { loss_percent: 30, twice_percent: 20, delay_ms: 30, jitter_ms: 400 };
    for (nth, row) in ROWS.iter().enumerate() {
        for seed in 0..60 {
            let seed = 1000 * nth as u64 + seed;
            for faults in [Faults::STORM, worse] {
                let mut play = Play::start(row, seed);
                play.net.filter = None;
                play.net.faults = faults;
                play.play(row, 0, 0, &format!("{}, seed {seed}", row.section));
            }
        }
    }
}

// ---- by hand ---------------------------------------------------------------------------------------------------------

/// A telephone has called, and its call rings.
fn ringing() -> (Network, Phone, SessionId) {
    let mut net = server(|_| {});
    let mut phone = Phone::new(&net, "odile", "race");
    phone.send_proved(&mut net, "INVITE", "Content-Type: application/sdp\r\n", "offer");
    let session = net.ends[0].called();
    net.respond(0, session, 180, None);
    let ringing = net.latest(0).to_owned();
    phone.learn(&ringing);
    (net, phone, session)
}

/// The server comes to rest, has said its last word once, and says nothing more.
fn rests(mut net: Network, context: &str) {
    let sent = net.ladder.len();
    net.run_dry();
    net.assert_settled(context);
    assert_eq!(net.ladder.len(), sent, "{context}: {:?}", net.ladder.last());
}

/// 3.1.3: the BYE of an early dialog crosses the 200. Both are true; the BYE ends the call, and the 200 is not repeated. The
/// ACK, which still comes, is answered by nothing.
#[test]
fn b068_early_bye_crosses_the_200() {
    let (mut net, mut phone, session) = ringing();
    net.respond(0, session, 200, Some("answer"));
    let said = phone.send(&mut net, "BYE", "", "");
    assert_eq!((said.len(), status(&said[0]), field(&said[0], "CSeq")), (1, 200, "3 BYE"));
    assert_eq!(net.ends[0].count("ended"), 1);
    phone.cseq = 1;
    assert!(phone.send(&mut net, "ACK", "", "").is_empty());
    net.run_for_ms(1000);
    rests(net, "3.1.3");
}

/// Appendix A: BYE where CANCEL was usual. 200 to the BYE, 487 to the INVITE.
#[test]
fn early_bye() {
    let (mut net, mut phone, _) = ringing();
    let said = phone.send(&mut net, "BYE", "", "");
    let statuses: Vec<u16> = said.iter().map(|text| status(text)).collect();
    assert_eq!(statuses, [200, 487]);
    assert_eq!(net.ends[0].count("ended"), 1);
    net.run_dry();
    net.assert_settled("A");
}

/// 3.2.4: the ACK is overtaken by the BYE. The BYE ends the call at once; the ACK is answered by nothing.
#[test]
fn an_ack_behind_its_bye() {
    let (mut net, mut phone, session) = ringing();
    net.respond(0, session, 200, Some("answer"));
    let mut late = phone.clone();
    let said = phone.send(&mut net, "BYE", "", "");
    assert_eq!(status(&said[0]), 200);
    late.cseq -= 1;
    assert!(late.send(&mut net, "ACK", "", "").is_empty());
    assert!(net.ends[0].dropped.is_empty() || net.ends[0].count("ended") == 1);
    rests(net, "3.2.4");
}

/// 3.3.2: an UPDATE with an offer crosses our re-INVITE. 491 both ways; then each in its turn, and the call stands.
#[test]
fn b111_p011_update_crosses_a_reinvite() {
    let mut net = server(|_| {});
    let mut phone = Phone::new(&net, "odile", "race");
    let session = phone.call(&mut net);
    net.command(0, Command::Reoffer { session, sdp: Some(b"hold".to_vec()) });
    let reinvite = net.latest(0).to_owned();
    let said = phone.send(&mut net, "UPDATE", "Content-Type: application/sdp\r\n", "offer");
    assert_eq!(status(&said[0]), 491);
    let said = phone.answer(&mut net, &reinvite, "491 Request Pending");
    assert!(said[0].starts_with("ACK"));
    let said = phone.send(&mut net, "UPDATE", "Content-Type: application/sdp\r\n", "offer");
    assert!(said.is_empty(), "its owner is asked");
    net.command(0, Command::AnswerReoffer { session, status: 200, sdp: Some(b"answer".to_vec()) });
    assert_eq!(status(net.latest(0)), 200);
    // Ours was made before the session changed: it is given back to its owner, who makes it anew.
    net.run_for_ms(2100);
    assert_eq!(net.ends[0].names().last(), Some(&"reoffer_rejected"));
    net.command(0, Command::Reoffer { session, sdp: Some(b"hold".to_vec()) });
    let reinvite = net.latest(0).to_owned();
    let said = phone.answer(&mut net, &reinvite, "200 OK");
    assert!(said[0].starts_with("ACK"));
    assert_eq!(net.ends[0].names().last(), Some(&"reanswered"));
    assert_eq!(status(&phone.send(&mut net, "BYE", "", "")[0]), 200);
    net.run_dry();
    net.assert_settled("3.3.2");
}

/// 3.3.3, and the same with every other request: what comes in while our BYE is under way is answered 481, changes nothing
/// and begins nothing; a BYE is answered 200.
#[test]
fn requests_that_cross_our_bye() {
    for (method, expected) in [("REFER", 481), ("UPDATE", 481), ("INFO", 481), ("INVITE", 481), ("BYE", 200)] {
        let mut net = server(|_| {});
        let mut phone = Phone::new(&net, "odile", "race");
        let session = phone.call(&mut net);
        net.command(0, Command::Hangup { session, reason: None });
        let bye = net.latest(0).to_owned();
        assert!(bye.starts_with("BYE"));
        let lines = if method == "REFER" { "Refer-To: <sip:rene@ecoute.example>\r\n" } else { "" };
        let said = phone.send(&mut net, method, lines, "");
        let last = said.last().map_or(0, |text| status(text));
        assert_eq!(last, expected, "{method}: {said:?}");
        if method == "INVITE" {
            phone.cseq -= 1;
            phone.send(&mut net, "ACK", "", "");
        }
        phone.answer(&mut net, &bye, "200 OK");
        assert_eq!(net.ends[0].names().last(), Some(&"ended"), "{method}");
        net.run_dry();
        net.assert_settled(method);
    }
}

/// A 200 that is heard late, in its seventh copy: who refreshes counts from then, and so do we; the call does not end just
/// before its first refresh (RFC 4028 §10).
#[test]
fn a_200_heard_late_and_its_session_timer() {
    let mut net = Network::empty(1, Faults::NONE);
    for _ in 0..2 {
        let config = EndpointConfig { invite_auth_required: false, session_expires_s: 90, ..EndpointConfig::default() };
        net.add(config);
    }
    let mut lost = 0;
    net.filter = Some(Box::new(move |from, text| {
        let answer = from == BOB && text.starts_with("SIP/2.0 200") && text.contains("INVITE");
        lost += usize::from(answer);
        answer && lost <= 6
    }));
    let ours = net.call(Some("offer"));
    net.run_for_ms(50);
    let theirs = net.ends[BOB].called();
    net.respond(BOB, theirs, 200, Some("answer"));
    net.run_for_ms(300_000);
    assert_eq!((net.ends[ALICE].names(), net.ends[BOB].names()), (vec!["answered"], vec!["invite", "confirmed"]));
    assert!(net.sent(ALICE, "UPDATE") >= 4, "it is refreshed all the time");
    net.hangup(ALICE, ours);
    net.run_dry();
    net.assert_settled("a late 200");
}
