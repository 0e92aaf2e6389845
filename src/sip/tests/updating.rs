//! UPDATE, RFC 3311: before the answer and after it, from the caller and from the telephone we call, and when two changes
//! meet.

use super::gateway::{
    SDP, acks, assert_ends, body, callee, calls_in, calls_out, command, confirmed_in, cseq, heard, respond, say,
    trunk_server, wait_ms,
};
use super::network::Network;
use super::raw::{Phone, field, status};
use crate::sip::{Command, SessionId};

const REQUIRED: &str = "Require: 100rel\r\n";

/// A call of the gateway's whose offer was answered in a reliable 183, and acknowledged.
fn agreed_early(net: &mut Network) -> (Phone, SessionId) {
    let (mut phone, session) = calls_in(net, REQUIRED, "offer");
    let early = respond(net, session, 183, Some("answer")).remove(0);
    phone.learn(&early);
    let rack = format!("RAck: {} 1 INVITE\r\n", field(&early, "RSeq"));
    assert_eq!(status(&phone.send(net, "PRACK", &rack, "")[0]), 200);
    (phone, session)
}

/// A call of ours that a fork answered in a reliable 183.
fn agreed_by_fork(net: &mut Network) -> (Phone, SessionId, String) {
    let (session, invite) = calls_out(net, Some("offer"), |_| {});
    let prack = say(net, &invite, "183 Session Progress", "a", &format!("{REQUIRED}RSeq: 1\r\n"), "early").remove(0);
    say(net, &prack, "200 OK", "", "", "");
    (callee(net, &invite, "a"), session, invite)
}

fn answers(net: &mut Network, session: SessionId, status: u16, sdp: Option<&str>) -> Vec<String> {
    command(net, Command::AnswerReoffer { session, status, sdp: sdp.map(|sdp| sdp.as_bytes().to_vec()) })
}

fn update(net: &mut Network, phone: &mut Phone, sdp: &str) -> Vec<String> {
    phone.send(net, "UPDATE", if sdp.is_empty() { "" } else { SDP }, sdp)
}

fn retry_after(text: &str) -> Option<u32> {
    field(text, "Retry-After").parse().ok()
}

/// Once offer and answer are said reliably, the caller may change the session before it is answered: the owner answers, the
/// 200 to the INVITE waits for that, and later requests go to the new Contact.
#[test]
fn b065_b110_the_caller_updates_before_the_answer() {
    let mut net = trunk_server(|_| {});
    let (mut phone, session) = agreed_early(&mut net);
    let moved = phone.request("UPDATE", SDP, "moved").replace("Contact: <sip:x@", "Contact: <sip:moved@");
    assert!(phone.push(&mut net, &moved).is_empty());
    assert_eq!(heard(&net), [("reoffer", "moved".into())]);
    assert!(respond(&mut net, session, 200, Some("answer")).is_empty(), "first things first");
    let said = answers(&mut net, session, 200, Some("moved answer"));
    assert_eq!(
        said.iter().map(|text| (cseq(text), body(text))).collect::<Vec<_>>(),
        [("3 UPDATE", "moved answer"), ("1 INVITE", "")]
    );
    acks(&mut net, &mut phone, 1, "");
    let bye = command(&mut net, Command::Hangup { session, reason: None }).remove(0);
    assert!(bye.starts_with("BYE sip:moved@198.51.100.7:5060 "), "{bye}");
    say(&mut net, &bye, "200 OK", "", "", "");
    net.run_dry();
    net.assert_settled("early UPDATE");
}

/// While the INVITE's own offer has no answer, another one may not come: 500 with Retry-After. While ours has none: 491. One
/// without a body changes nothing but the Contact, and is welcome.
#[test]
fn b110_b111_an_update_before_its_time() {
    let mut net = trunk_server(|_| {});
    let (mut phone, session) = calls_in(&mut net, "", "offer");
    phone.learn(&respond(&mut net, session, 180, None)[0]);
    let refusal = update(&mut net, &mut phone, "too early").remove(0);
    assert_eq!(status(&refusal), 500);
    assert!(retry_after(&refusal).is_some_and(|seconds| seconds <= 10));
    assert_eq!(status(&update(&mut net, &mut phone, "")[0]), 200);
    assert!(heard(&net).is_empty());

    let mut net = trunk_server(|_| {});
    let (mut phone, session) = calls_in(&mut net, REQUIRED, "");
    phone.learn(&respond(&mut net, session, 183, Some("our offer"))[0]);
    assert_eq!(status(&update(&mut net, &mut phone, "across")[0]), 491);
    assert!(heard(&net).is_empty());
}

/// The owner does not answer an early UPDATE in time: 504, and everything is as before; the caller hangs up or is refused
/// meanwhile: it is answered all the same.
#[test]
fn b110_an_update_nobody_answers() {
    let mut net = trunk_server(|_| {});
    let (mut phone, session) = agreed_early(&mut net);
    update(&mut net, &mut phone, "new");
    respond(&mut net, session, 200, Some("answer"));
    let said = wait_ms(&mut net, 4000);
    assert_eq!(
        said.iter().map(|text| (status(text), cseq(text))).collect::<Vec<_>>(),
        [(504, "3 UPDATE"), (200, "1 INVITE")]
    );
    acks(&mut net, &mut phone, 1, "");
    assert_ends(&mut net, session, "504");

    for bye in [true, false] {
        let mut net = trunk_server(|_| {});
        let (mut phone, session) = agreed_early(&mut net);
        update(&mut net, &mut phone, "new");
        let said = match bye {
            true => phone.send(&mut net, "BYE", "", ""),
            false => respond(&mut net, session, 486, None),
        };
        assert!(said.iter().any(|text| cseq(text) == "3 UPDATE" && status(text) == 487), "{said:?}");
        assert!(said.iter().any(|text| cseq(text) == "1 INVITE" && status(text) >= 486));
        net.run_dry();
        net.assert_settled("given up");
    }
}

/// The telephone that we call changes the session before it answers: the owner is asked once offer and answer are said
/// reliably, before that it is 491; what it said last is what the owner hears in the end.
#[test]
fn b110_the_telephone_updates_before_it_answers() {
    let mut net = trunk_server(|_| {});
    let (mut phone, session, invite) = agreed_by_fork(&mut net);
    assert!(update(&mut net, &mut phone, "moved").is_empty());
    let ok = answers(&mut net, session, 200, Some("fine")).remove(0);
    assert_eq!((status(&ok), body(&ok)), (200, "fine"));
    say(&mut net, &invite, "200 OK", "a", "", "");
    assert_eq!(heard(&net), [("progress", "early".into()), ("reoffer", "moved".into()), ("answered", "moved".into())]);
    assert_ends(&mut net, session, "callee's UPDATE");

    let mut net = trunk_server(|_| {});
    let (_, invite) = calls_out(&mut net, Some("offer"), |_| {});
    say(&mut net, &invite, "183 Session Progress", "a", "", "early");
    let mut phone = callee(&net, &invite, "a");
    assert_eq!(status(&update(&mut net, &mut phone, "new")[0]), 491, "our offer has no reliable answer");
    assert_eq!(status(&update(&mut net, &mut phone, "")[0]), 200);
    let mut stranger = Phone { cseq: 10, ..callee(&net, &invite, "z") };
    assert_eq!(status(&update(&mut net, &mut stranger, "new")[0]), 481);
}

/// The owner has yet to answer a telephone's early UPDATE when the call is given up, when another telephone answers, or when
/// nobody does: it is refused at once, and nothing is left.
#[test]
fn b110_an_early_update_when_the_call_ends() {
    for how in ["hangup", "another", "refused", "ring timeout"] {
        let mut net = trunk_server(|_| {});
        let (mut phone, session, invite) = agreed_by_fork(&mut net);
        if how == "ring timeout" {
            net.run_for_ms(58_000);
        }
        update(&mut net, &mut phone, "new");
        let said = match how {
            "hangup" => command(&mut net, Command::Hangup { session, reason: None }),
            "another" => say(&mut net, &invite, "200 OK", "b", "", "answer"),
            "refused" => say(&mut net, &invite, "486 Busy Here", "a", "", ""),
            _ => wait_ms(&mut net, 2100),
        };
        let refusal = said.iter().find(|text| cseq(text) == "1 UPDATE").expect("an answer");
        assert!(matches!(status(refusal), 481 | 487), "{how}: {refusal}");
        match how {
            "another" => assert_ends(&mut net, session, how),
            "refused" => {}
            _ => {
                let cancel = said.iter().find(|text| text.starts_with("CANCEL")).expect("a CANCEL");
                say(&mut net, cancel, "200 OK", "a", "", "");
                say(&mut net, &invite, "487 Request Terminated", "a", "", "");
            }
        }
        net.run_dry();
        net.assert_settled(how);
    }
}

/// In a confirmed session: an UPDATE is answered by the owner; one that meets a change of ours gets 491, one behind a change
/// of the peer's own 500 with Retry-After, with a body or without; and after each the next one succeeds.
#[test]
fn b071_b111_p011_p013_changes_that_meet() {
    let mut net = trunk_server(|_| {});
    let (mut phone, session, _) = confirmed_in(&mut net, "");
    for round in ["hold", "resume"] {
        assert!(update(&mut net, &mut phone, round).is_empty());
        for sdp in ["second", ""] {
            let refusal = update(&mut net, &mut phone, sdp).remove(0);
            assert!(status(&refusal) == 500 && retry_after(&refusal).is_some_and(|seconds| seconds <= 10));
        }
        let refusal = phone.send(&mut net, "INVITE", SDP, "third").remove(0);
        assert!(status(&refusal) == 500 && retry_after(&refusal).is_some_and(|seconds| seconds <= 10));
        let cseq_of_it = phone.cseq;
        acks(&mut net, &mut phone, cseq_of_it, "");
        let ok = answers(&mut net, session, 200, Some("fine")).remove(0);
        assert_eq!((status(&ok), body(&ok)), (200, "fine"));
        assert!(!field(&ok, "Contact").is_empty());
    }
    // A re-INVITE of the peer waits for the owner: an UPDATE with an offer is too early, one without is not in its way.
    assert_eq!(status(&phone.send(&mut net, "INVITE", SDP, "offer")[0]), 100);
    let reinvite = phone.cseq;
    assert_eq!(status(&update(&mut net, &mut phone, "new")[0]), 500);
    assert_eq!(status(&update(&mut net, &mut phone, "")[0]), 200);
    assert_eq!(status(&answers(&mut net, session, 488, None)[0]), 488);
    acks(&mut net, &mut phone, reinvite, "");
    // Ours is out.
    let ours = command(&mut net, Command::Reoffer { session, sdp: Some(b"ours".to_vec()) }).remove(0);
    assert_eq!(status(&update(&mut net, &mut phone, "theirs")[0]), 491);
    assert_eq!(status(&phone.send(&mut net, "INVITE", SDP, "theirs")[0]), 491);
    let cseq_of_it = phone.cseq;
    acks(&mut net, &mut phone, cseq_of_it, "");
    say(&mut net, &ours, "200 OK", "", "", "fine");
    assert_eq!(heard(&net).last(), Some(&("reanswered", "fine".into())));
    assert!(update(&mut net, &mut phone, "theirs").is_empty());
    assert_eq!(status(&answers(&mut net, session, 488, None)[0]), 488, "refused, and nothing is changed");
    assert!(update(&mut net, &mut phone, "theirs").is_empty());
    assert_eq!(status(&answers(&mut net, session, 200, Some("ok"))[0]), 200);
    assert_ends(&mut net, session, "changes");
}

/// Our re-INVITE meets one of the peer's and is answered 491; we were called, so ours comes again within 2 s, by itself.
#[test]
fn b070_p024_ours_comes_again_after_glare() {
    let mut net = trunk_server(|_| {});
    let (_, session, _) = confirmed_in(&mut net, "");
    let ours = command(&mut net, Command::Reoffer { session, sdp: Some(b"ours".to_vec()) }).remove(0);
    say(&mut net, &ours, "491 Request Pending", "", "", "");
    let again = wait_ms(&mut net, 2000).into_iter().find(|text| text.starts_with("INVITE ")).expect("again");
    assert_eq!((body(&again), cseq(&again)), ("ours", "2 INVITE"));
    say(&mut net, &again, "200 OK", "", "", "fine");
    assert_eq!(heard(&net).last(), Some(&("reanswered", "fine".into())));
    assert_ends(&mut net, session, "glare");
}

/// An UPDATE whose CSeq is not above the last, one that requires what we do not know, and one of a dialog that is over.
#[test]
fn b053_b054_b062_b110_updates_that_are_refused() {
    let mut net = trunk_server(|_| {});
    let (mut phone, session, _) = confirmed_in(&mut net, "");
    phone.cseq = 0;
    assert_eq!(status(&update(&mut net, &mut phone, "old")[0]), 500);
    phone.cseq = 1;
    let refusal = phone.send(&mut net, "UPDATE", "Require: precondition, timer\r\n", "").remove(0);
    assert_eq!((status(&refusal), field(&refusal, "Unsupported")), (420, "precondition"));
    assert_eq!(status(&phone.send(&mut net, "UPDATE", "Require: timer\r\n", "")[0]), 200);
    let refusal = phone.send(&mut net, "UPDATE", "Content-Type: text/plain\r\n", "hold me").remove(0);
    assert_eq!((status(&refusal), field(&refusal, "Accept")), (415, "application/sdp"), "no offer that can be read");
    command(&mut net, Command::Hangup { session, reason: None });
    assert_eq!(status(&update(&mut net, &mut phone, "")[0]), 481);
}

/// `Require: precondition` is refused with 420 before anything is made of the call, alone or beside what we know.
#[test]
fn b116_preconditions_are_refused() {
    for required in ["precondition", "100rel, precondition", "timer,precondition"] {
        let mut net = trunk_server(|_| {});
        let mut phone = super::gateway::caller(&net);
        let said = phone.send(&mut net, "INVITE", &format!("Require: {required}\r\n{SDP}"), "offer");
        assert_eq!((status(&said[0]), field(&said[0], "Unsupported")), (420, "precondition"));
        assert!(net.ends[0].events.is_empty());
    }
}
