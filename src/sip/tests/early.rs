//! Calls of ours that are forked: early dialogs, their session descriptions, and answers of more than one telephone.

use super::gateway::{assert_ends, calls_out, command, cseq, heard, say, trunk_server};
use super::network::Network;
use super::raw::field;
use crate::sip::{Command, Event, Reason};

const RINGING: &str = "180 Ringing";
const PROGRESS: &str = "183 Session Progress";

/// The forks the owner heard of, with their statuses.
fn forks(net: &Network) -> Vec<(u8, u16)> {
    let fork = |event: &Event| match event {
        Event::Progress { fork, status, .. } => Some((*fork, *status)),
        _ => None,
    };
    net.ends[0].events.iter().filter_map(|(_, event)| fork(event)).collect()
}

/// Two telephones ring under one INVITE, each with its own session description and its own way back; the second answers, and
/// what counts is its own: description, Contact, route set and CSeq. The first one's PRACK does not disturb it.
#[test]
fn b067_p034_the_fork_that_answers_counts() {
    let mut net = trunk_server(|_| {});
    let (session, invite) = calls_out(&mut net, Some("offer"), |_| {});
    let a = "Require: 100rel\r\nRSeq: 70\r\nContact: <sip:a@198.51.100.21>\r\nRecord-Route: <sip:198.51.100.11;lr>\r\n";
    let prack = say(&mut net, &invite, PROGRESS, "a", a, "ringback server").remove(0);
    assert!(prack.starts_with("PRACK sip:a@198.51.100.21 ") && field(&prack, "Route").contains("198.51.100.11"));
    say(&mut net, &prack, "200 OK", "", "", "");
    let b = "Contact: <sip:b@198.51.100.22>\r\nRecord-Route: <sip:198.51.100.12;lr>\r\n";
    say(&mut net, &invite, RINGING, "b", b, "");
    assert_eq!(forks(&net), [(0, 183), (1, 180)]);
    let ack = say(&mut net, &invite, "200 OK", "b", b, "the telephone").remove(0);
    assert!(ack.starts_with("ACK sip:b@198.51.100.22 ") && field(&ack, "Route").contains("198.51.100.12"), "{ack}");
    assert_eq!(heard(&net), [("progress", "ringback server".into()), ("answered", "the telephone".into())]);
    let bye = command(&mut net, Command::Hangup { session, reason: None }).remove(0);
    assert!(bye.starts_with("BYE sip:b@198.51.100.22 ") && cseq(&bye) == "2 BYE", "{bye}");
    say(&mut net, &bye, "200 OK", "", "", "");
    net.run_dry();
    net.assert_settled("forks");
}

/// One telephone describes itself in a 183 and otherwise in the 200: what it said first counts. When only the 200 says
/// something, that counts; and so does what another telephone says.
#[test]
fn b085_b109_p034_p039_the_first_description_of_a_fork_counts() {
    let cases = [
        (&[(PROGRESS, "a", "first")][..], ("a", "second"), "first"),
        (&[(RINGING, "a", "first")][..], ("a", "first"), "first"),
        (&[(RINGING, "a", ""), (PROGRESS, "a", "early")][..], ("a", ""), "early"),
        (&[(PROGRESS, "a", "early"), (RINGING, "a", "")][..], ("a", "early"), "early"),
        (&[(RINGING, "a", "")][..], ("a", "final"), "final"),
        (&[(PROGRESS, "a", "early")][..], ("b", "final"), "final"),
        (&[(PROGRESS, "", "early"), (PROGRESS, "b", "other")][..], ("a", "final"), "final"),
    ];
    for (early, (tag, sdp), wanted) in cases {
        let mut net = trunk_server(|_| {});
        let (session, invite) = calls_out(&mut net, Some("offer"), |_| {});
        for (status, tag, sdp) in early {
            say(&mut net, &invite, status, tag, "", sdp);
        }
        let ack = say(&mut net, &invite, "200 OK", tag, "", sdp);
        assert!(ack.len() == 1 && ack[0].starts_with("ACK "), "{early:?}");
        assert_eq!(heard(&net).last(), Some(&("answered", wanted.into())), "{early:?}");
        assert_ends(&mut net, session, "first description");
    }
}

/// 183 with a session description, then a 180 without: the owner hears of both, in their order, and the 180 brings none.
#[test]
fn b085_p035_ringing_after_early_media() {
    let mut net = trunk_server(|_| {});
    let (_, invite) = calls_out(&mut net, Some("offer"), |_| {});
    say(&mut net, &invite, PROGRESS, "a", "", "early");
    say(&mut net, &invite, RINGING, "a", "", "");
    assert_eq!(forks(&net), [(0, 183), (0, 180)]);
    assert_eq!(heard(&net), [("progress", "early".into())]);
}

/// Two telephones answer: the first is kept, the second acknowledged and hung up, with a CSeq above that of the PRACK it had
/// from us; its repeated 200 gets its ACK again and no second BYE.
#[test]
fn b041_b066_two_telephones_answer() {
    let mut net = trunk_server(|_| {});
    let (session, invite) = calls_out(&mut net, Some("offer"), |_| {});
    let prack = say(&mut net, &invite, RINGING, "b", "Require: 100rel\r\nRSeq: 1\r\n", "").remove(0);
    say(&mut net, &prack, "200 OK", "", "", "");
    say(&mut net, &invite, "200 OK", "a", "", "from a");
    let b = "Contact: <sip:b@198.51.100.22>\r\n";
    let said = say(&mut net, &invite, "200 OK", "b", b, "from b");
    assert_eq!(said.iter().map(|text| cseq(text)).collect::<Vec<_>>(), ["1 ACK", "3 BYE"]);
    assert!(said.iter().all(|text| field(text, "To").ends_with(";tag=b") && text.contains(" sip:b@198.51.100.22 ")));
    let again = say(&mut net, &invite, "200 OK", "b", b, "from b");
    assert_eq!(again, said[..1]);
    say(&mut net, &said[1], "200 OK", "", "", "");
    assert_eq!(heard(&net), [("answered", "from a".into())]);
    let mut other = super::gateway::callee(&net, &invite, "b");
    assert_eq!(super::raw::status(&other.send(&mut net, "BYE", "", "")[0]), 481, "its own BYE ends nothing of ours");
    assert_eq!(net.ends[0].count("ended"), 0);
    assert_ends(&mut net, session, "two answers");
}

/// 180 without a tag, 183 with one, 180 with another, 199 of the first: a hang-up after any of them sends a CANCEL that
/// fits the INVITE, without a tag, with the reason; a 200 that crosses it is acknowledged and ended, whoever it comes from.
#[test]
fn b078_b080_b081_p015_p016_cancel_after_any_18x() {
    let early = [(RINGING, ""), (PROGRESS, "a"), (RINGING, "b"), ("199 Early Dialog Terminated", "a")];
    for heard_of in 1..=early.len() {
        for answered in ["", "a", "b", "c"] {
            let mut net = trunk_server(|_| {});
            let (session, invite) = calls_out(&mut net, Some("offer"), |_| {});
            for (status, tag) in &early[..heard_of] {
                let reliable = if *tag == "b" { "Require: 100rel\r\nRSeq: 1\r\n" } else { "" };
                for prack in say(&mut net, &invite, status, tag, reliable, "") {
                    say(&mut net, &prack, "200 OK", "", "", "");
                }
            }
            let hangup = Command::Hangup { session, reason: Some(Reason::COMPLETED_ELSEWHERE) };
            let cancel = command(&mut net, hangup).remove(0);
            assert!(cancel.starts_with("CANCEL sip:33199000111@198.51.100.7 ") && cseq(&cancel) == "1 CANCEL");
            for name in ["Via", "From", "To", "Call-ID"] {
                assert_eq!(field(&cancel, name), field(&invite, name));
            }
            assert!(!field(&cancel, "To").contains("tag="));
            assert_eq!(field(&cancel, "Reason"), "SIP;cause=200;text=\"Call completed elsewhere\"");
            assert!(field(&cancel, "Require").is_empty() && field(&cancel, "Session-Expires").is_empty());
            say(&mut net, &cancel, "200 OK", "x", "", "");
            if answered.is_empty() {
                assert!(say(&mut net, &invite, "487 Request Terminated", "x", "", "")[0].starts_with("ACK "));
            } else {
                let said = say(&mut net, &invite, "200 OK", answered, "", "answer");
                assert!(said[0].starts_with("ACK ") && said[1].starts_with("BYE "), "{said:?}");
                let pracked = answered == "b" && heard_of >= 3;
                assert_eq!(cseq(&said[1]), if pracked { "3 BYE" } else { "2 BYE" });
                say(&mut net, &said[1], "200 OK", "", "", "");
            }
            net.run_dry();
            net.assert_settled("cancelled");
            assert_eq!((net.ends[0].count("ended"), net.ends[0].count("answered")), (1, 0));
        }
    }
}

/// More forks than are followed: the rest ring unheard, and any of them may answer.
#[test]
fn b067_more_forks_than_are_followed() {
    let mut net = trunk_server(|_| {});
    let (session, invite) = calls_out(&mut net, Some("offer"), |_| {});
    for fork in 0..40 {
        say(&mut net, &invite, RINGING, &format!("f{fork}"), "", "");
    }
    assert_eq!(forks(&net).len(), crate::sip::session::EARLY_FORKS_MAX);
    say(&mut net, &invite, "200 OK", "f39", "", "answer");
    assert_eq!(net.ends[0].names().last(), Some(&"answered"));
    assert_ends(&mut net, session, "many forks");
}
