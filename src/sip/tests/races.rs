//! The races of RFC 5407, one by one: messages that cross, overtake each other or get lost around the edges of a call.
//! After each, what was promised to the peer is kept, the owner hears one last word, and nothing is left.

use super::gateway::{
    SDP, acks, assert_ends, callee, calls_in, calls_out, command, confirmed_in, confirmed_out, cseq, heard, respond,
    say, trunk_server, wait_ms,
};
use super::network::Network;
use super::raw::{Phone, field, status};
use crate::sip::{Command, SessionId};

fn hangup(net: &mut Network, session: SessionId) -> Vec<String> {
    command(net, Command::Hangup { session, reason: None })
}

/// The CANCEL of the gateway's INVITE.
fn cancels(net: &mut Network, phone: &mut Phone) -> Vec<String> {
    let next = std::mem::replace(&mut phone.cseq, 0);
    let to_tag = std::mem::take(&mut phone.to_tag);
    let invite = phone.request("INVITE", "", "");
    (phone.cseq, phone.to_tag) = (next, to_tag);
    let cancel = invite.replacen("INVITE sip", "CANCEL sip", 1).replace("CSeq: 1 INVITE", "CSeq: 1 CANCEL");
    phone.push(net, &cancel)
}

/// A call of the gateway's, answered and not yet acknowledged.
fn answered(net: &mut Network, offer: &str) -> (Phone, SessionId) {
    let (mut phone, session) = calls_in(net, "", offer);
    let said = respond(net, session, 200, Some("answer"));
    phone.learn(&said[0]);
    (phone, session)
}

fn rest(net: &mut Network, context: &str) {
    net.run_dry();
    net.assert_settled(context);
}

fn shown(said: &[String]) -> Vec<(u16, &str)> {
    said.iter().map(|text| (status(text), cseq(text))).collect()
}

/// §3.1.1: CANCEL crosses our 200. It is answered 200 and has no effect; the call waits for the ACK, or for a BYE, which may
/// come without one and stops the repeats.
#[test]
fn b076_p018_cancel_crosses_our_200() {
    for bye in [false, true] {
        let mut net = trunk_server(|_| {});
        let (mut phone, session) = answered(&mut net, "offer");
        assert_eq!(shown(&cancels(&mut net, &mut phone)), [(200, "1 CANCEL")]);
        assert_eq!(net.ends[0].count("ended"), 0);
        if bye {
            assert_eq!(shown(&phone.send(&mut net, "BYE", "", "")), [(200, "2 BYE")]);
            assert!(wait_ms(&mut net, 40_000).is_empty(), "nothing is repeated to who is gone");
            acks(&mut net, &mut phone, 1, "");
            rest(&mut net, "BYE without ACK");
        } else {
            acks(&mut net, &mut phone, 1, "");
            assert_eq!(net.ends[0].names().last(), Some(&"confirmed"));
            assert_ends(&mut net, session, "CANCEL too late");
        }
    }
}

/// The ACK comes 12 s late, after five repeats of the 200: the call stands. And where the first 200s were lost, the INVITE
/// that is repeated meanwhile brings the 200 again and no second call.
#[test]
fn b037_b040_p008_p023_a_late_ack() {
    let mut net = trunk_server(|_| {});
    let (mut phone, session) = answered(&mut net, "offer");
    let start = net.now.as_millis();
    let repeats = wait_ms(&mut net, 12_000);
    assert_eq!(repeats.len(), 5);
    assert!(repeats.iter().all(|text| status(text) == 200) && net.now.as_millis() - start == 12_000);
    phone.cseq = 0;
    let to_tag = std::mem::take(&mut phone.to_tag);
    phone.send(&mut net, "INVITE", SDP, "offer");
    (phone.cseq, phone.to_tag) = (1, to_tag);
    assert_eq!(net.ends[0].count("invite"), 1);
    acks(&mut net, &mut phone, 1, "");
    assert_eq!(net.ends[0].names().last(), Some(&"confirmed"));
    assert_ends(&mut net, session, "late ACK");
}

/// §3.1.4 and §3.1.5: a re-INVITE, or an UPDATE with an offer, overtakes the ACK. If the first exchange is over (offer in the
/// INVITE) it is answered; if our offer still waits for its answer in the ACK, it is 491, and the ACK counts.
#[test]
fn b070_b110_a_change_overtakes_the_ack() {
    for method in ["INVITE", "UPDATE"] {
        let mut net = trunk_server(|_| {});
        let (mut phone, session) = answered(&mut net, "offer");
        phone.send(&mut net, method, SDP, "changed");
        assert_eq!(heard(&net), [("reoffer", "changed".into())]);
        let answer = Command::AnswerReoffer { session, status: 200, sdp: Some(b"fine".to_vec()) };
        assert_eq!(status(&command(&mut net, answer)[0]), 200);
        acks(&mut net, &mut phone, 1, "");
        assert_eq!(net.ends[0].names().last(), Some(&"confirmed"));
        if method == "INVITE" {
            acks(&mut net, &mut phone, 2, "");
        }
        assert!(wait_ms(&mut net, 40_000).is_empty(), "both are acknowledged");
        assert_ends(&mut net, session, "overtaken");

        let mut net = trunk_server(|_| {});
        let (mut phone, session) = answered(&mut net, "");
        assert_eq!(status(&phone.send(&mut net, method, SDP, "changed")[0]), 491);
        acks(&mut net, &mut phone, 2, "");
        acks(&mut net, &mut phone, 1, "their answer");
        assert_eq!(heard(&net), [("confirmed", "their answer".into())]);
        assert_ends(&mut net, session, "overtaken with an offer open");
    }
}

/// §3.1.2: BYE before the ACK, and the ACK after it: 200, one end, silence for the ACK; a repeated INVITE makes no new call.
#[test]
fn b068_p005_p019_bye_overtakes_the_ack() {
    let mut net = trunk_server(|_| {});
    let (mut phone, _) = answered(&mut net, "offer");
    assert_eq!(shown(&phone.send(&mut net, "BYE", "", "")), [(200, "2 BYE")]);
    assert!(acks(&mut net, &mut phone, 1, "").is_empty());
    let (mut again, to_tag) = (phone.clone(), String::new());
    (again.cseq, again.to_tag) = (0, to_tag);
    again.send(&mut net, "INVITE", SDP, "offer");
    assert_eq!((net.ends[0].count("invite"), net.ends[0].count("ended")), (1, 1));
    rest(&mut net, "BYE before ACK");
    for method in ["BYE", "INVITE", "UPDATE", "INFO"] {
        let said = phone.send(&mut net, method, "", "");
        assert_eq!(status(&said[0]), 481, "{method}");
    }
    assert!(acks(&mut net, &mut phone, 1, "").is_empty(), "an ACK never has an answer");
}

/// §3.2.1 to §3.2.4: our BYE crosses something of the peer's. A BYE is 200, anything else 481; one last word.
#[test]
fn b068_p005_our_bye_crosses_theirs() {
    for (method, wanted) in [("BYE", 200), ("INVITE", 481), ("UPDATE", 481), ("INFO", 481), ("PRACK", 481)] {
        let mut net = trunk_server(|_| {});
        let (mut phone, session, _) = confirmed_in(&mut net, "");
        let bye = hangup(&mut net, session).remove(0);
        let lines = if method == "PRACK" { "RAck: 1 1 INVITE\r\n".to_owned() } else { SDP.to_owned() };
        let said = phone.send(&mut net, method, &lines, if method == "INVITE" { "offer" } else { "" });
        assert_eq!(status(said.last().expect("an answer")), wanted, "{method}");
        if method == "INVITE" {
            acks(&mut net, &mut phone, 2, "");
        }
        let gone = if method == "BYE" { "481 Call/Transaction Does Not Exist" } else { "200 OK" };
        say(&mut net, &bye, gone, "", "", "");
        rest(&mut net, method);
        assert_eq!(net.ends[0].count("ended"), 1);
    }
}

/// §3.2.2: their BYE crosses our re-INVITE. Whatever they make of the re-INVITE afterwards, it is acknowledged, and nothing
/// comes of it.
#[test]
fn p014_their_bye_crosses_our_reinvite() {
    for (answer, sdp) in
        [("200 OK", "fine"), ("481 Call/Transaction Does Not Exist", ""), ("487 Request Terminated", ""), ("", "")]
    {
        let mut net = trunk_server(|_| {});
        let (mut phone, session, _) = confirmed_in(&mut net, "");
        let ours = command(&mut net, Command::Reoffer { session, sdp: Some(b"ours".to_vec()) }).remove(0);
        assert_eq!(status(&phone.send(&mut net, "BYE", "", "")[0]), 200);
        for _ in 0..2 {
            if !answer.is_empty() {
                let said = say(&mut net, &ours, answer, "", "", sdp);
                assert!(said.len() == 1 && said[0].starts_with("ACK "), "{answer}: {said:?}");
            }
        }
        rest(&mut net, answer);
        assert_eq!((net.ends[0].count("ended"), net.ends[0].count("reanswered")), (1, 0));
    }
}

/// The owner hangs up while a re-INVITE of ours, or of the peer's, is open: both get their end.
#[test]
fn b068_p014_a_hangup_with_a_change_open() {
    let mut net = trunk_server(|_| {});
    let (_, session, _) = confirmed_in(&mut net, "");
    let ours = command(&mut net, Command::Reoffer { session, sdp: Some(b"ours".to_vec()) }).remove(0);
    let bye = hangup(&mut net, session).remove(0);
    assert!(bye.starts_with("BYE "));
    say(&mut net, &bye, "200 OK", "", "", "");
    assert!(say(&mut net, &ours, "487 Request Terminated", "", "", "")[0].starts_with("ACK "));
    rest(&mut net, "ours open");

    for method in ["INVITE", "UPDATE"] {
        let mut net = trunk_server(|_| {});
        let (mut phone, session, _) = confirmed_in(&mut net, "");
        phone.send(&mut net, method, SDP, "theirs");
        let said = hangup(&mut net, session);
        assert_eq!(status(&said[0]), 487, "{method}");
        assert!(said[1].starts_with("BYE "));
        say(&mut net, &said[1], "200 OK", "", "", "");
        if method == "INVITE" {
            acks(&mut net, &mut phone, 2, "");
        }
        rest(&mut net, "theirs open");
    }
}

/// A re-INVITE of the peer's is cancelled while the owner thinks: 487, and the session goes on; cancelled after its answer:
/// no effect.
#[test]
fn b072_b076_a_reinvite_is_cancelled() {
    for late in [false, true] {
        let mut net = trunk_server(|_| {});
        let (mut phone, session, _) = confirmed_in(&mut net, "");
        let invite = phone.request("INVITE", SDP, "theirs");
        phone.push(&mut net, &invite);
        let answer = Command::AnswerReoffer { session, status: 200, sdp: Some(b"fine".to_vec()) };
        if late {
            command(&mut net, answer.clone());
        }
        let cancel = invite.replacen("INVITE sip", "CANCEL sip", 1).replace("2 INVITE", "2 CANCEL");
        let said = phone.push(&mut net, &cancel);
        assert_eq!(shown(&said), [(200, "2 CANCEL"), (487, "2 INVITE")][..2 - usize::from(late)]);
        assert!(command(&mut net, answer).is_empty(), "the owner's word comes too late");
        acks(&mut net, &mut phone, 2, "");
        assert_ends(&mut net, session, "re-INVITE cancelled");
    }
}

/// Their 200 comes again after our BYE, and after theirs: the ACK is repeated, and no second BYE is sent.
#[test]
fn b041_p007_a_200_comes_again_after_the_bye() {
    for ours in [true, false] {
        let mut net = trunk_server(|_| {});
        let (session, invite) = calls_out(&mut net, Some("offer"), |_| {});
        let ack = say(&mut net, &invite, "200 OK", "a", "", "answer");
        if ours {
            let bye = hangup(&mut net, session).remove(0);
            say(&mut net, &bye, "200 OK", "", "", "");
        } else {
            let mut phone = callee(&net, &invite, "a");
            assert_eq!(status(&phone.send(&mut net, "BYE", "", "")[0]), 200);
        }
        for _ in 0..3 {
            net.run_for_ms(1000);
            assert_eq!(say(&mut net, &invite, "200 OK", "a", "", "answer"), ack);
        }
        rest(&mut net, "200 again");
        assert_eq!(net.ends[0].count("ended"), 1);
    }
}

/// The other side's requests overtake its 200: before the dialog is known they find none (481), in an early dialog a
/// re-INVITE meets our open INVITE (491), a BYE is refused, for its answer to the INVITE is what ends that.
#[test]
fn b070_p005_requests_overtake_the_200() {
    let mut net = trunk_server(|_| {});
    let (session, invite) = calls_out(&mut net, Some("offer"), |_| {});
    let mut phone = callee(&net, &invite, "a");
    assert_eq!(status(&phone.send(&mut net, "INVITE", SDP, "new")[0]), 481);
    say(&mut net, &invite, "180 Ringing", "a", "", "");
    assert_eq!(status(&phone.send(&mut net, "INVITE", SDP, "new")[0]), 491);
    assert_eq!(status(&phone.send(&mut net, "BYE", "", "")[0]), 481);
    assert_eq!(status(&phone.send(&mut net, "INFO", "", "")[0]), 200);
    say(&mut net, &invite, "200 OK", "a", "", "answer");
    phone.cseq = 1;
    assert_eq!(status(&phone.send(&mut net, "UPDATE", "", "")[0]), 500, "its CSeqs count from the early dialog on");
    phone.cseq = 4;
    assert_eq!(status(&phone.send(&mut net, "UPDATE", "", "")[0]), 200);
    assert_ends(&mut net, session, "overtaken");
}

/// A provisional response overtaken by the 200, reliable or not: nothing comes of it.
#[test]
fn b115_p007_a_180_behind_the_200() {
    let mut net = trunk_server(|_| {});
    let (session, invite) = calls_out(&mut net, Some("offer"), |_| {});
    say(&mut net, &invite, "200 OK", "a", "", "answer");
    let events = net.ends[0].events.len();
    assert!(say(&mut net, &invite, "180 Ringing", "a", "", "").is_empty());
    assert!(say(&mut net, &invite, "183 Session Progress", "a", "Require: 100rel\r\nRSeq: 1\r\n", "x").is_empty());
    assert_eq!(net.ends[0].events.len(), events);
    assert_ends(&mut net, session, "180 behind 200");
}

/// Our late offer's answer is owed (their 200 carried the offer) when they change their mind: UPDATE is too early, re-INVITE
/// 491; and a BYE ends it.
#[test]
fn b097_b111_changes_before_our_ack() {
    let mut net = trunk_server(|_| {});
    let (session, invite) = calls_out(&mut net, None, |_| {});
    assert!(say(&mut net, &invite, "200 OK", "a", "", "their offer").is_empty());
    let mut phone = callee(&net, &invite, "a");
    assert_eq!(status(&phone.send(&mut net, "UPDATE", SDP, "new")[0]), 500);
    assert_eq!(status(&phone.send(&mut net, "INVITE", SDP, "new")[0]), 491);
    assert_eq!(status(&phone.send(&mut net, "BYE", "", "")[0]), 200);
    assert!(command(&mut net, Command::Acknowledge { session, sdp: b"answer".to_vec() }).is_empty());
    rest(&mut net, "before our ACK");
    assert_eq!(net.ends[0].count("ended"), 1);
}

/// A refusal that crosses our CANCEL is acknowledged and ends it; and so does a CANCEL that nobody answers, in time.
#[test]
fn b080_p017_a_refusal_crosses_our_cancel() {
    for answer in ["486 Busy Here", "200 OK", ""] {
        let mut net = trunk_server(|_| {});
        let (session, invite) = calls_out(&mut net, Some("offer"), |_| {});
        say(&mut net, &invite, "180 Ringing", "a", "", "");
        let cancel = hangup(&mut net, session).remove(0);
        match answer {
            "" => {}
            status => {
                let said = say(&mut net, &invite, status, "a", "", "");
                assert!(said[0].starts_with("ACK ") && said.len() == 1 + usize::from(status == "200 OK"));
                for bye in said.iter().filter(|text| text.starts_with("BYE ")) {
                    say(&mut net, bye, "200 OK", "", "", "");
                }
                say(&mut net, &cancel, "481 Call/Transaction Does Not Exist", "a", "", "");
            }
        }
        rest(&mut net, answer);
        assert_eq!(net.ends[0].count("ended"), 1);
    }
}

/// A glare of the third kind: the peer's re-INVITE is answered while ours waits after a 491. Ours, made for the session as it
/// was, is given back to its owner, who makes a new one.
#[test]
fn b070_p011_p013_their_change_while_ours_waits() {
    let mut net = trunk_server(|_| {});
    let (mut phone, session) = confirmed_out(&mut net, "");
    let ours = command(&mut net, Command::Reoffer { session, sdp: Some(b"ours".to_vec()) }).remove(0);
    say(&mut net, &ours, "491 Request Pending", "", "", "");
    phone.send(&mut net, "INVITE", SDP, "theirs");
    let answer = Command::AnswerReoffer { session, status: 200, sdp: Some(b"fine".to_vec()) };
    assert_eq!(status(&command(&mut net, answer)[0]), 200);
    acks(&mut net, &mut phone, 1, "");
    assert!(wait_ms(&mut net, 5000).is_empty(), "ours is out of date");
    assert_eq!(net.ends[0].names().last(), Some(&"reoffer_rejected"));
    let again = command(&mut net, Command::Reoffer { session, sdp: Some(b"again".to_vec()) }).remove(0);
    say(&mut net, &again, "200 OK", "", "", "fine");
    assert_eq!(heard(&net).last(), Some(&("reanswered", "fine".into())));
    assert!(field(&again, "Via") != field(&ours, "Via"));
    assert_ends(&mut net, session, "glare");
}
