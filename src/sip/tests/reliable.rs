//! Reliable provisional responses, RFC 3262: ours to a caller, and those of a telephone that we call.

use super::gateway::{
    SDP, acks, assert_ends, body, callee, calls_in, calls_out, command, cseq, heard, respond, say, trunk_server,
    wait_ms,
};
use super::network::{Faults, Network};
use super::raw::{Phone, field, status};
use crate::sip::{CauseKind, Command, Event, Headers};

const REQUIRED: &str = "Require: 100rel\r\n";
const SUPPORTED: &str = "Supported: 100rel, timer\r\n";

/// The PRACK of a reliable response; what came of it.
fn prack(net: &mut Network, phone: &mut Phone, response: &str, body: &str) -> Vec<String> {
    phone.learn(response);
    let lines = format!("RAck: {} 1 INVITE\r\n", field(response, "RSeq"));
    phone.send(net, "PRACK", &format!("{lines}{}", if body.is_empty() { "" } else { SDP }), body)
}

fn rseq(text: &str) -> u32 {
    field(text, "RSeq").parse().expect("an RSeq")
}

fn cause(net: &Network) -> Option<CauseKind> {
    net.ends[0].events.iter().rev().find_map(|(_, event)| match event {
        Event::Ended { cause, .. } | Event::Rejected { cause, .. } => Some(cause.kind),
        _ => None,
    })
}

/// A 183 to a caller who requires it carries RSeq and is repeated on a doubling beat until its PRACK; the 200 waits for the
/// PRACK, since the 183 carried the answer, and then carries none.
#[test]
fn b112_p032_p038_reliable_183_is_repeated_until_prack() {
    let mut net = trunk_server(|_| {});
    let (mut phone, session) = calls_in(&mut net, REQUIRED, "offer");
    let said = respond(&mut net, session, 183, Some("answer"));
    let first = said[0].clone();
    assert_eq!((status(&first), field(&first, "Require"), body(&first)), (183, "100rel", "answer"));
    assert!((1..=i32::MAX as u32).contains(&rseq(&first)) && !field(&first, "Contact").is_empty());
    let start = net.now.as_millis();
    assert!(wait_ms(&mut net, 8000).iter().all(|again| *again == first));
    let beat: Vec<u64> = net.ladder.iter().filter(|(.., text)| *text == first).map(|(at, ..)| at - start).collect();
    assert_eq!(beat, [0, 500, 1500, 3500, 7500]);
    assert!(respond(&mut net, session, 200, Some("answer")).is_empty(), "it waits");
    let said = prack(&mut net, &mut phone, &first, "");
    assert_eq!(
        said.iter().map(|text| (status(text), cseq(text))).collect::<Vec<_>>(),
        [(200, "2 PRACK"), (200, "1 INVITE")]
    );
    assert_eq!((body(&said[0]), body(&said[1])), ("", ""), "the answer was given");
    acks(&mut net, &mut phone, 1, "");
    assert_eq!(net.ends[0].names().last(), Some(&"confirmed"));
    assert!(wait_ms(&mut net, 60_000).is_empty(), "no more 183, no more 200");
    assert_ends(&mut net, session, "reliable");
}

/// No PRACK within 64·T1: the INVITE is refused with a 5xx, the owner hears why, and nothing stays behind.
#[test]
fn b112_p038_no_prack_ends_in_504() {
    let mut net = trunk_server(|_| {});
    let (mut phone, session) = calls_in(&mut net, REQUIRED, "offer");
    respond(&mut net, session, 180, None);
    let said = wait_ms(&mut net, 32_100);
    assert_eq!(said.iter().map(|text| status(text)).collect::<Vec<_>>(), [180, 180, 180, 180, 180, 180, 504]);
    assert_eq!(cause(&net), Some(CauseKind::NoAck));
    phone.learn(&said[6]);
    acks(&mut net, &mut phone, 1, "");
    net.run_dry();
    net.assert_settled("no PRACK");
}

/// A caller who gives up, and an owner who refuses, in the middle of it all: nothing is repeated afterwards.
#[test]
fn b112_p038_nothing_reliable_outlives_the_call() {
    for refuse in [false, true] {
        let mut net = trunk_server(|_| {});
        let (mut phone, session) = calls_in(&mut net, REQUIRED, "offer");
        let first = respond(&mut net, session, 183, Some("answer")).remove(0);
        respond(&mut net, session, 180, None);
        respond(&mut net, session, 200, Some("answer"));
        if refuse {
            assert_eq!(status(&respond(&mut net, session, 486, None)[0]), 486);
        } else {
            let cancel = phone.request("INVITE", "", "").replace("INVITE2", "INVITE1").replace("INVITE ", "CANCEL ");
            let cancel = cancel.replace("CSeq: 2 INVITE", "CSeq: 1 CANCEL");
            let said = phone.push(&mut net, &cancel);
            assert_eq!((status(&said[0]), status(&said[1])), (200, 487));
        }
        assert_eq!(status(&prack(&mut net, &mut phone, &first, "")[0]), 481);
        let said = wait_ms(&mut net, 60_000);
        assert!(said.iter().all(|text| status(text) >= 400), "only the refusal is repeated, nobody acknowledged it");
        net.run_dry();
        net.assert_settled("given up");
    }
}

/// A PRACK that names another response, another INVITE or another method, or that comes a second time, is answered 481 and
/// acknowledges nothing; the right one is 200.
#[test]
fn b113_p038_wrong_rack_is_481() {
    let mut net = trunk_server(|_| {});
    let (mut phone, session) = calls_in(&mut net, REQUIRED, "offer");
    let first = respond(&mut net, session, 183, Some("answer")).remove(0);
    phone.learn(&first);
    let right = rseq(&first);
    for rack in [
        format!("RAck: {} 1 INVITE\r\n", right + 1),
        format!("RAck: {} 1 INVITE\r\n", right - 1),
        format!("RAck: {right} 2 INVITE\r\n"),
        format!("RAck: {right} 1 UPDATE\r\n"),
    ] {
        assert_eq!(status(&phone.send(&mut net, "PRACK", &rack, "")[0]), 481, "{rack}");
    }
    assert!(status(&phone.send(&mut net, "PRACK", "", "")[0]) >= 400, "without RAck");
    assert!(wait_ms(&mut net, 500).contains(&first), "still repeated");
    assert_eq!(status(&prack(&mut net, &mut phone, &first, "")[0]), 200);
    assert_eq!(status(&prack(&mut net, &mut phone, &first, "")[0]), 481, "a second time");
    let ok = respond(&mut net, session, 200, Some("answer")).remove(0);
    assert_eq!(status(&ok), 200);
    acks(&mut net, &mut phone, 1, "");
    assert_ends(&mut net, session, "wrong RAck");
}

/// Who merely supports it gets plain responses; where the settings say so, those with a session description go reliably.
#[test]
fn b114_p032_supported_only_is_plain() {
    for chosen in [false, true] {
        let mut net = trunk_server(|config| config.reliable_provisional = chosen);
        let (mut phone, session) = calls_in(&mut net, SUPPORTED, "offer");
        let ringing = respond(&mut net, session, 180, None).remove(0);
        assert_eq!((status(&ringing), field(&ringing, "RSeq"), field(&ringing, "Require")), (180, "", ""));
        let early = respond(&mut net, session, 183, Some("answer")).remove(0);
        assert_eq!((field(&early, "Require") == "100rel", !field(&early, "RSeq").is_empty()), (chosen, chosen));
        if chosen {
            prack(&mut net, &mut phone, &early, "");
        }
        let ok = respond(&mut net, session, 200, Some("answer")).remove(0);
        assert_eq!(body(&ok), if chosen { "" } else { "answer" });
        phone.learn(&ok);
        acks(&mut net, &mut phone, 1, "");
        assert_ends(&mut net, session, "supported");
        let mut net = trunk_server(|config| config.reliable_provisional = chosen);
        let (_, session) = calls_in(&mut net, "", "offer");
        assert_eq!(field(&respond(&mut net, session, 183, Some("answer"))[0], "RSeq"), "", "who knows nothing of it");
    }
}

/// INVITE without an offer: a reliable response must carry ours. Who merely supports it gets a plain 180 without one, who
/// requires it none at all, before the one that carries it.
#[test]
fn b114_p033_no_reliable_response_without_the_offer_it_needs() {
    let mut net = trunk_server(|config| config.reliable_provisional = true);
    let (_, session) = calls_in(&mut net, SUPPORTED, "");
    let ringing = respond(&mut net, session, 180, None).remove(0);
    assert_eq!((status(&ringing), field(&ringing, "RSeq"), body(&ringing)), (180, "", ""));
    let mut net = trunk_server(|_| {});
    let (mut phone, session) = calls_in(&mut net, REQUIRED, "");
    assert!(respond(&mut net, session, 180, None).is_empty());
    let early = respond(&mut net, session, 183, Some("our offer")).remove(0);
    assert_eq!((status(&early), body(&early), field(&early, "Require")), (183, "our offer", "100rel"));
    assert!(respond(&mut net, session, 200, Some("our offer")).is_empty(), "the answer has not come");
    let said = prack(&mut net, &mut phone, &early, "their answer");
    assert_eq!(said.iter().map(|text| (status(text), body(text))).collect::<Vec<_>>(), [(200, ""), (200, "")]);
    assert_eq!(heard(&net), [("early_answer", "their answer".to_owned())]);
    acks(&mut net, &mut phone, 1, "");
    assert_eq!(net.ends[0].names().last(), Some(&"confirmed"), "the ACK owes nothing");
    assert_ends(&mut net, session, "late offer");
}

/// Our offer in a reliable 183 whose PRACK brings no answer: there can be no session, and the INVITE is refused.
#[test]
fn b112_p033_prack_without_the_answer() {
    let mut net = trunk_server(|_| {});
    let (mut phone, session) = calls_in(&mut net, REQUIRED, "");
    let early = respond(&mut net, session, 183, Some("our offer")).remove(0);
    let said = prack(&mut net, &mut phone, &early, "");
    assert_eq!(said.iter().map(|text| status(text)).collect::<Vec<_>>(), [200, 400]);
    assert_eq!(cause(&net), Some(CauseKind::ProtocolError));
    net.run_dry();
    net.assert_settled("no answer");
}

/// Two responses at once: the second leaves when the first is acknowledged, with the next RSeq; a 200 does not wait for one
/// without a session description, and its late PRACK is still answered.
#[test]
fn b112_two_reliable_responses_in_turn() {
    let mut net = trunk_server(|_| {});
    let (mut phone, session) = calls_in(&mut net, REQUIRED, "offer");
    let first = respond(&mut net, session, 180, None).remove(0);
    assert!(
        respond(&mut net, session, 183, Some("answer")).is_empty() && respond(&mut net, session, 181, None).is_empty()
    );
    let said = prack(&mut net, &mut phone, &first, "");
    assert_eq!((said.len(), status(&said[0]), status(&said[1])), (2, 200, 183));
    assert_eq!(rseq(&said[1]), rseq(&first) + 1);
    let said = prack(&mut net, &mut phone, &said[1], "");
    assert_eq!((status(&said[0]), status(&said[1]), body(&said[1])), (200, 181, ""));
    let last = said[1].clone();
    let ok = respond(&mut net, session, 200, Some("answer")).remove(0);
    assert_eq!((status(&ok), body(&ok)), (200, ""));
    assert_eq!(status(&prack(&mut net, &mut phone, &last, "")[0]), 200);
    acks(&mut net, &mut phone, 1, "");
    assert_ends(&mut net, session, "in turn");
}

/// An owner who says more than a caller acknowledges: so much waits, the rest is left out, and the 200 comes at once.
#[test]
fn b112_more_than_can_wait() {
    let mut net = trunk_server(|_| {});
    let (mut phone, session) = calls_in(&mut net, REQUIRED, "offer");
    let mut said = respond(&mut net, session, 180, None);
    for _ in 0..30 {
        assert!(respond(&mut net, session, 182, None).is_empty());
    }
    let mut heard = 0;
    while let Some(next) = said.pop().filter(|text| (180..=182).contains(&status(text))) {
        heard += 1;
        said = prack(&mut net, &mut phone, &next, "");
    }
    assert_eq!(heard, 1 + crate::sip::session::WAITING_MAX);
    assert_eq!(status(&respond(&mut net, session, 200, Some("answer"))[0]), 200);
    acks(&mut net, &mut phone, 1, "");
    assert_ends(&mut net, session, "a queue");
}

/// A new offer in a PRACK, once the first exchange is over: the owner answers it, and the 200 to the INVITE waits for that.
#[test]
fn b110_b112_an_offer_in_a_prack() {
    let mut net = trunk_server(|_| {});
    let (mut phone, session) = calls_in(&mut net, REQUIRED, "offer");
    let early = respond(&mut net, session, 183, Some("answer")).remove(0);
    assert!(prack(&mut net, &mut phone, &early, "second offer").is_empty(), "the owner is asked");
    assert_eq!(heard(&net), [("reoffer", "second offer".to_owned())]);
    assert!(respond(&mut net, session, 200, Some("answer")).is_empty());
    let answer = Command::AnswerReoffer { session, status: 200, sdp: Some(b"second answer".to_vec()) };
    let said = command(&mut net, answer);
    let shown: Vec<_> = said.iter().map(|text| (status(text), cseq(text), body(text))).collect();
    assert_eq!(shown, [(200, "2 PRACK", "second answer"), (200, "1 INVITE", "")]);
    acks(&mut net, &mut phone, 1, "");
    assert_ends(&mut net, session, "offer in PRACK");
}

/// A telephone that we call answers reliably: each response is acknowledged once and in order, whatever comes twice or out
/// of turn; the requests of the confirmed session go on counting where the PRACKs stopped.
#[test]
fn b115_reliable_18x_of_an_agent_in_order() {
    let mut net = trunk_server(|_| {});
    let (session, invite) = calls_out(&mut net, Some("offer"), |_| {});
    assert!(field(&invite, "Supported").contains("100rel") && field(&invite, "Allow").contains("PRACK"));
    let reliably = |n: u32| format!("Require: 100rel\r\nRSeq: {n}\r\nRecord-Route: <sip:198.51.100.9;lr>\r\n");
    let prack = say(&mut net, &invite, "183 Session Progress", "a", &reliably(500), "answer").remove(0);
    assert_eq!((cseq(&prack), field(&prack, "RAck"), body(&prack)), ("2 PRACK", "500 1 INVITE", ""));
    assert!(prack.starts_with("PRACK sip:gateway@198.51.100.7:5060 SIP/2.0\r\n"), "{prack}");
    assert_eq!(field(&prack, "Route"), "<sip:198.51.100.9;lr>");
    assert!(field(&prack, "To").ends_with(";tag=a"));
    assert!(say(&mut net, &invite, "183 Session Progress", "a", &reliably(500), "answer").is_empty(), "a repeat");
    assert!(say(&mut net, &invite, "180 Ringing", "a", &reliably(502), "").is_empty(), "out of turn");
    say(&mut net, &prack, "200 OK", "", "", "");
    let prack = say(&mut net, &invite, "180 Ringing", "a", &reliably(501), "").remove(0);
    assert_eq!((cseq(&prack), field(&prack, "RAck")), ("3 PRACK", "501 1 INVITE"));
    say(&mut net, &prack, "200 OK", "", "", "");
    assert!(say(&mut net, &invite, "180 Ringing", "a", "", "").is_empty(), "a plain one asks for nothing");
    let ack = say(&mut net, &invite, "200 OK", "a", "Record-Route: <sip:198.51.100.9;lr>\r\n", "").remove(0);
    assert_eq!(cseq(&ack), "1 ACK");
    assert_eq!(heard(&net), [("progress", "answer".into()), ("answered", "answer".into())]);
    let bye = command(&mut net, Command::Hangup { session, reason: None }).remove(0);
    assert_eq!(cseq(&bye), "4 BYE");
    say(&mut net, &bye, "200 OK", "", "", "");
    net.run_dry();
    net.assert_settled("an agent's 18x");
}

/// A PRACK that gets lost is repeated by its transaction, and one that is never answered loses nobody: the 200 decides.
#[test]
fn b115_a_lost_prack_is_repeated() {
    let mut net = trunk_server(|_| {});
    let (session, invite) = calls_out(&mut net, Some("offer"), |_| {});
    let prack = say(&mut net, &invite, "180 Ringing", "a", "Require: 100rel\r\nRSeq: 1\r\n", "").remove(0);
    assert_eq!(wait_ms(&mut net, 1600).iter().filter(|text| **text == prack).count(), 2);
    say(&mut net, &invite, "200 OK", "a", "", "answer");
    assert_eq!(net.ends[0].names().last(), Some(&"answered"));
    assert_ends(&mut net, session, "lost PRACK");
}

/// Without 100rel in the settings we do not offer it; what comes reliably all the same is acknowledged.
#[test]
fn b115_what_is_not_offered() {
    let mut net = trunk_server(|config| config.offer_100rel = false);
    let (_, invite) = calls_out(&mut net, Some("offer"), |_| {});
    assert!(!field(&invite, "Supported").contains("100rel"));
    let said = say(&mut net, &invite, "180 Ringing", "a", "Require: 100rel\r\nRSeq: 1\r\n", "");
    assert!(said[0].starts_with("PRACK"));
}

/// An INVITE of ours without an offer: it comes in a reliable 183, the owner answers it, the PRACK carries the answer, and
/// the ACK of the 200 none. An owner who never answers it ends in a CANCEL.
#[test]
fn b097_b115_a_late_offer_in_a_reliable_183() {
    let reliably = "Require: 100rel\r\nRSeq: 9\r\n";
    let mut net = trunk_server(|_| {});
    let (session, invite) = calls_out(&mut net, None, |_| {});
    assert!(say(&mut net, &invite, "183 Session Progress", "a", reliably, "their offer").is_empty());
    assert_eq!(heard(&net), [("early_offer", "their offer".into())]);
    let said = command(&mut net, Command::AnswerEarly { session, fork: 0, sdp: b"our answer".to_vec() });
    assert_eq!((cseq(&said[0]), field(&said[0], "RAck"), body(&said[0])), ("2 PRACK", "9 1 INVITE", "our answer"));
    say(&mut net, &said[0], "200 OK", "", "", "");
    let ack = say(&mut net, &invite, "200 OK", "a", "", "").remove(0);
    assert_eq!((cseq(&ack), body(&ack)), ("1 ACK", ""));
    assert_eq!(net.ends[0].names().last(), Some(&"answered"));
    assert_ends(&mut net, session, "early offer");

    let mut net = trunk_server(|_| {});
    let (_, invite) = calls_out(&mut net, None, |_| {});
    say(&mut net, &invite, "183 Session Progress", "a", reliably, "their offer");
    let said = wait_ms(&mut net, 30_100);
    let cancel = said.iter().find(|text| text.starts_with("CANCEL")).expect("given up");
    assert!(net.ends[0].count("rejected") == 1);
    say(&mut net, cancel, "200 OK", "a", "", "");
    say(&mut net, &invite, "487 Request Terminated", "a", "", "");
    net.run_dry();
    net.assert_settled("no answer to an early offer");
}

/// Cancelled in the middle of it: what comes reliably afterwards is still acknowledged, so that nobody repeats it.
#[test]
fn b115_p016_acknowledged_after_the_cancel() {
    let mut net = trunk_server(|_| {});
    let (session, invite) = calls_out(&mut net, Some("offer"), |_| {});
    say(&mut net, &invite, "180 Ringing", "", "", "");
    let cancel = command(&mut net, Command::Hangup { session, reason: None }).remove(0);
    let prack =
        say(&mut net, &invite, "183 Session Progress", "a", "Require: 100rel\r\nRSeq: 1\r\n", "answer").remove(0);
    assert!(prack.starts_with("PRACK"));
    say(&mut net, &prack, "200 OK", "", "", "");
    say(&mut net, &cancel, "200 OK", "a", "", "");
    say(&mut net, &invite, "487 Request Terminated", "a", "", "");
    net.run_dry();
    net.assert_settled("cancelled");
    assert_eq!(net.ends[0].count("progress"), 1, "the owner hears no more");
}

/// PRACK outside a dialog, and in a session that never had a reliable response: 481.
#[test]
fn b113_prack_of_nothing() {
    let mut net = trunk_server(|_| {});
    let (_, invite) = calls_out(&mut net, Some("offer"), |_| {});
    say(&mut net, &invite, "200 OK", "a", "", "answer");
    let mut phone = callee(&net, &invite, "a");
    assert_eq!(status(&phone.send(&mut net, "PRACK", "RAck: 1 1 INVITE\r\n", "")[0]), 481);
    phone.to_tag = "nobody".into();
    assert_eq!(status(&phone.send(&mut net, "PRACK", "RAck: 1 1 INVITE\r\n", "")[0]), 481);
}

/// Two of our endpoints on a network that loses a fifth of everything: with reliable responses, as without, each call is
/// set up and ended, and nothing is left.
#[test]
fn b050_b112_b115_reliable_responses_in_a_storm() {
    let mut confirmed = 0;
    for seed in 0..60 {
        let mut net = Network::new(seed, 2, Faults::STORM);
        let ours = net.call_with(0, 1, Some("offer"), |invite| {
            invite.headers = Headers::none();
            invite.headers.push("Require", "100rel");
        });
        net.run_for_ms(3000);
        if net.ends[1].count("invite") > 0 {
            let theirs = net.ends[1].called();
            net.respond(1, theirs, 180, None);
            net.respond(1, theirs, 183, Some("answer"));
            net.run_for_ms(500 * (seed % 8));
            net.respond(1, theirs, 200, Some("answer"));
            net.run_for_ms(20_000);
            assert!(net.ends[0].count("early_offer") == 0 && net.ends[1].count("early_answer") == 0);
            confirmed += net.ends[1].count("confirmed");
        }
        net.hangup(0, ours);
        net.run_dry();
        net.assert_settled(&format!("seed {seed}"));
    }
    assert!(confirmed > 50, "{confirmed} of 60");
}
