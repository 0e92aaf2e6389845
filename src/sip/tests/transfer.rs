//! REFER and Replaces of our users' telephones, and of those who may not.

use super::network::Network;
use super::raw::{PHONE, Phone, field, server, status};
use crate::sip::{Command, Event, SessionId};

const RENE: &str = "Refer-To: <sip:rene@ecoute.example>\r\nReferred-By: <sip:odile@ecoute.example>\r\n";

/// What the endpoint sent after a command, and nothing before it.
fn after(net: &mut Network, command: Command) -> Vec<String> {
    let before = net.ladder.len();
    net.command(0, command);
    net.ladder[before..].iter().map(|(_, _, text)| text.clone()).collect()
}

fn asked(net: &Network) -> Option<(SessionId, String, Option<SessionId>)> {
    net.ends[0].events.iter().rev().find_map(|(_, event)| match event {
        Event::Refer { session, refer_to, replaces, .. } => Some((*session, refer_to.reveal().to_owned(), *replaces)),
        _ => None,
    })
}

/// Ends the call and lets everything come to rest; nothing may be left.
fn assert_nothing_left(net: &mut Network, phone: &mut Phone) {
    let said = phone.send(net, "BYE", "", "");
    assert_eq!(status(&said[0]), 200);
    net.run_for_ms(400_000);
    net.run_dry();
    net.assert_settled("transfer");
}

/// 202, a NOTIFY with 100 at once, then the final one that ends the subscription; the asker hangs up, and nothing is left.
/// A second REFER is named by its CSeq.
#[test]
fn b151_refer_202_and_notifies() {
    let mut net = server(|_| {});
    let mut phone = Phone::new(&net, "odile", "call");
    let session = phone.call(&mut net);
    for nth in 1..=2 {
        assert!(phone.send(&mut net, "REFER", RENE, "").is_empty(), "the owner has yet to answer");
        assert_eq!(asked(&net), Some((session, "sip:rene@ecoute.example".into(), None)));
        let event = if nth == 1 { "refer".to_owned() } else { format!("refer;id={}", phone.cseq) };
        let said = after(&mut net, Command::AnswerRefer { session, status: 202 });
        assert_eq!((status(&said[0]), said.len()), (202, 2));
        assert!(!field(&said[0], "Contact").is_empty());
        let trying = said[1].clone();
        assert!(trying.starts_with("NOTIFY ") && trying.ends_with("\r\n\r\nSIP/2.0 100 Trying\r\n"), "{trying}");
        assert_eq!(field(&trying, "Event"), event);
        assert!(field(&trying, "Subscription-State").starts_with("active;expires="), "{trying}");
        assert_eq!(field(&trying, "Content-Type"), "message/sipfrag;version=2.0");
        assert!(!field(&trying, "Contact").is_empty(), "a NOTIFY refreshes the target");
        // The outcome is known before the first NOTIFY is answered: it waits, so that it cannot overtake.
        assert!(after(&mut net, Command::ReferProgress { session, status: 200 }).is_empty());
        let said = phone.answer(&mut net, &trying, "200 OK");
        assert!(said[0].ends_with("SIP/2.0 200 OK\r\n"), "{}", said[0]);
        assert_eq!(field(&said[0], "Subscription-State"), "terminated;reason=noresource");
        assert!(after(&mut net, Command::ReferProgress { session, status: 486 }).is_empty(), "the last word is said");
        phone.answer(&mut net, &said[0], "200 OK");
    }
    assert_nothing_left(&mut net, &mut phone);
}

/// A telephone that hangs up right after its 202 still hears the outcome (RFC 5057).
#[test]
fn b151_the_outcome_outlives_the_call() {
    let mut net = server(|_| {});
    let mut phone = Phone::new(&net, "odile", "call");
    let session = phone.call(&mut net);
    phone.send(&mut net, "REFER", RENE, "");
    let said = after(&mut net, Command::AnswerRefer { session, status: 202 });
    phone.answer(&mut net, &said[1], "200 OK");
    assert_eq!(status(&phone.send(&mut net, "BYE", "", "")[0]), 200);
    assert_eq!(net.ends[0].count("ended"), 1);
    let said = after(&mut net, Command::ReferProgress { session, status: 180 });
    assert!(
        said[0].ends_with("SIP/2.0 180 Ringing\r\n") && field(&said[0], "Subscription-State").starts_with("active")
    );
    phone.answer(&mut net, &said[0], "200 OK");
    let said = after(&mut net, Command::ReferProgress { session, status: 486 });
    assert!(said[0].ends_with("SIP/2.0 486 Busy Here\r\n"), "{}", said[0]);
    phone.answer(&mut net, &said[0], "200 OK");
    net.run_dry();
    net.assert_settled("outlived");
}

/// The subscription ends by itself: when the owner never tells the outcome, when no NOTIFY is answered, when the asker
/// refuses one or unsubscribes, when we hang up. Nothing is left in any case.
#[test]
fn b151_the_subscription_always_ends() {
    for way in 0..5 {
        let mut net = server(|_| {});
        let mut phone = Phone::new(&net, "odile", "call");
        let session = phone.call(&mut net);
        phone.send(&mut net, "REFER", RENE, "");
        let said = after(&mut net, Command::AnswerRefer { session, status: 202 });
        let trying = said[1].clone();
        match way {
            0 => {
                phone.answer(&mut net, &trying, "200 OK");
                net.run_for_ms(181_000);
                let last = net.latest(0).to_owned();
                assert!(last.contains("SIP/2.0 408") && last.contains("terminated"), "{last}");
            }
            1 => net.run_for_ms(40_000),
            2 => drop(phone.answer(&mut net, &trying, "481 Gone")),
            3 => {
                phone.answer(&mut net, &trying, "200 OK");
                let said = phone.send(&mut net, "SUBSCRIBE", "Event: refer\r\nExpires: 0\r\n", "");
                assert_eq!((status(&said[0]), field(&said[0], "Expires")), (200, "0"));
                assert!(said[1].starts_with("NOTIFY") && said[1].contains("terminated"), "{said:?}");
            }
            _ => {
                let said = after(&mut net, Command::Hangup { session, reason: None });
                assert!(said[0].starts_with("BYE"));
                let said = phone.answer(&mut net, &trying, "200 OK");
                assert!(said[0].contains("SIP/2.0 487"), "{said:?}");
            }
        }
        if way < 4 {
            let said = phone.send(&mut net, "SUBSCRIBE", "Event: refer\r\n", "");
            assert_eq!(status(&said[0]), 481, "way {way}: it is over");
            phone.send(&mut net, "BYE", "", "");
        }
        net.run_dry();
        net.assert_settled(&format!("way {way}"));
    }
}

/// Refer-Sub: false: 202 that says so, and not one NOTIFY.
#[test]
fn b153_refer_sub_false_has_no_subscription() {
    let mut net = server(|_| {});
    let mut phone = Phone::new(&net, "odile", "call");
    let session = phone.call(&mut net);
    phone.send(&mut net, "REFER", &format!("{RENE}Refer-Sub: false\r\nRequire: norefersub\r\n"), "");
    let said = after(&mut net, Command::AnswerRefer { session, status: 202 });
    assert_eq!((status(&said[0]), said.len(), field(&said[0], "Refer-Sub")), (202, 1, "false"));
    assert!(after(&mut net, Command::ReferProgress { session, status: 200 }).is_empty());
    assert_nothing_left(&mut net, &mut phone);
    assert_eq!(net.sent(0, "NOTIFY"), 0);
}

/// The owner's refusal goes out as it is; one who never answers is a 500 after 5 s. A second REFER meanwhile waits its
/// turn. The call goes on.
#[test]
fn b152_b151_refusals_of_the_owner() {
    let mut net = server(|_| {});
    let mut phone = Phone::new(&net, "odile", "call");
    let session = phone.call(&mut net);
    phone.send(&mut net, "REFER", "Refer-To: <sip:0899000000@elsewhere.example>\r\n", "");
    assert_eq!(status(&phone.send(&mut net, "REFER", RENE, "")[0]), 491);
    let said = after(&mut net, Command::AnswerRefer { session, status: 403 });
    assert_eq!((status(&said[0]), said.len()), (403, 1));
    phone.send(&mut net, "REFER", RENE, "");
    net.run_for_ms(5_100);
    assert_eq!(status(net.latest(0)), 500);
    for (lines, wanted) in
        [("", 400), ("Refer-To: <sip:a@b>\r\nRefer-To: <sip:c@d>\r\n", 400), ("Refer-To: <http://x>\r\n", 400)]
    {
        assert_eq!(status(&phone.send(&mut net, "REFER", lines, "")[0]), wanted, "{lines}");
    }
    assert_eq!(net.ends[0].count("refer"), 2);
    assert_nothing_left(&mut net, &mut phone);
}

/// Who may not transfer is refused without the owner hearing of it: a caller behind a trunk, anybody out of a dialog,
/// anybody in a dialog of others, and everybody while it is switched off. No call is touched, and none is placed.
#[test]
fn b157_p180_refer_of_those_who_may_not() {
    let mut net = server(|_| {});
    let mut caller =
        Phone { flow: super::raw::flow_of(&net, "198.51.100.7:5060"), ..Phone::new(&net, "odile", "trunk") };
    caller.call(&mut net);
    let premium = "Refer-To: <sip:0899000000@ecoute.example>\r\n";
    assert_eq!(status(&caller.send(&mut net, "REFER", premium, "")[0]), 403);
    let mut stranger = Phone::new(&net, "rene", "nothing");
    assert_eq!(status(&stranger.send(&mut net, "REFER", premium, "")[0]), 403);
    stranger.to_tag = "guessed".into();
    assert_eq!(status(&stranger.send(&mut net, "REFER", premium, "")[0]), 481);
    // The right Call-ID and our tag, and not the peer's.
    let mut thief = Phone { tag: "thief".into(), cseq: 50, flow: stranger.flow, ..caller.clone() };
    assert_eq!(status(&thief.send(&mut net, "REFER", premium, "")[0]), 481);
    assert_eq!((net.ends[0].count("refer"), net.sent(0, "INVITE")), (0, 0));
    assert_nothing_left(&mut net, &mut caller);

    let mut net = server(|config| config.transfer = false);
    let mut phone = Phone::new(&net, "odile", "call");
    phone.call(&mut net);
    let said = phone.send(&mut net, "REFER", RENE, "");
    assert_eq!(status(&said[0]), 405);
    assert!(!field(&said[0], "Allow").is_empty() && !field(&said[0], "Allow").contains("REFER"));
    let said = Phone::new(&net, "odile", "outside").send(&mut net, "REFER", RENE, "");
    assert_eq!(status(&said[0]), 405);
    assert_eq!(net.ends[0].count("refer"), 0);
    assert_nothing_left(&mut net, &mut phone);
}

fn replaces_of(phone: &Phone) -> String {
    // As another device names the dialog: our tag is the to-tag, the first device's its from-tag.
    format!("{};to-tag={};from-tag={}", phone.call_id, phone.to_tag, phone.tag)
}

fn invite(net: &mut Network, phone: &mut Phone, lines: &str) -> u16 {
    let lines = format!("{lines}Content-Type: application/sdp\r\n");
    status(&phone.send_proved(net, "INVITE", &lines, "offer")[0])
}

fn replaced(net: &Network) -> Option<SessionId> {
    match net.ends[0].events.last() {
        Some((_, Event::Invite { invite, .. })) => invite.replaces,
        _ => None,
    }
}

/// The user's other device names the dialog of the first: the owner is told which session it is, and after its 200 ends
/// the old one.
#[test]
fn b154_replaces_names_the_session() {
    let mut net = server(|_| {});
    let mut first = Phone::new(&net, "odile", "first");
    let old = first.call(&mut net);
    let mut second =
        Phone { flow: super::raw::flow_of(&net, "203.0.113.6:1040"), ..Phone::new(&net, "odile", "second") };
    let lines = format!("Require: replaces\r\nReplaces: {}\r\n", replaces_of(&first));
    assert_eq!(invite(&mut net, &mut second, &lines), 100);
    assert_eq!(replaced(&net), Some(old));
    let new = net.ends[0].called();
    net.respond(0, new, 200, Some("answer"));
    second.learn(net.latest(0).to_owned().as_str());
    second.cseq -= 1;
    second.send(&mut net, "ACK", "", "");
    let said = after(&mut net, Command::Hangup { session: old, reason: None });
    assert!(said[0].starts_with("BYE") && field(&said[0], "Call-ID") == "first");
    first.answer(&mut net, &said[0], "200 OK");
    assert_nothing_left(&mut net, &mut second);
}

/// Unknown dialog 481, early-only on a confirmed one 486, two of them or half a one 400, a dialog that is over 603 or 481;
/// another user's, or a trunk's wish, 403. The owner hears of none.
#[test]
fn b155_p180_replaces_refused() {
    let mut net = server(|_| {});
    let mut first = Phone::new(&net, "odile", "first");
    first.call(&mut net);
    let right = replaces_of(&first);
    let other_tag = right.replace("from-tag=phone", "from-tag=other");
    let cases = [
        ("Replaces: gone;to-tag=1;from-tag=2\r\n".to_owned(), 481),
        (format!("Replaces: {other_tag}\r\n"), 481),
        (format!("Replaces: {right};early-only\r\n"), 486),
        (format!("Replaces: {right}\r\nReplaces: {right}\r\n"), 400),
        (format!("Replaces: {right}, {right}\r\n"), 400),
        ("Replaces: first;to-tag=1\r\n".to_owned(), 400),
    ];
    for (nth, (lines, wanted)) in cases.iter().enumerate() {
        let mut second = Phone::new(&net, "odile", &format!("second{nth}"));
        assert_eq!(invite(&mut net, &mut second, lines), *wanted, "{lines}");
    }
    let lines = format!("Replaces: {right}\r\n");
    let mut rene = Phone::new(&net, "rene", "rene");
    assert_eq!(invite(&mut net, &mut rene, &lines), 403);
    let mut trunk =
        Phone { flow: super::raw::flow_of(&net, "198.51.100.7:5060"), ..Phone::new(&net, "odile", "trunk") };
    assert_eq!(invite(&mut net, &mut trunk, &lines), 403);
    assert_eq!(status(&Phone::new(&net, "odile", "b").send(&mut net, "OPTIONS", &lines, "")[0]), 400, "INVITE only");
    assert_eq!(net.ends[0].count("invite"), 1);
    first.send(&mut net, "BYE", "", "");
    let mut late = Phone::new(&net, "odile", "late");
    assert_eq!(invite(&mut net, &mut late, &lines), 481);
    net.run_dry();
    net.assert_settled("replaces");
}

/// Switched off, Replaces is a header like any other, and requiring it is refused with 420 (B053).
#[test]
fn b155_b053_replaces_switched_off() {
    let mut net = server(|config| config.transfer = false);
    let mut first = Phone::new(&net, "odile", "first");
    first.call(&mut net);
    let lines = format!("Replaces: {}\r\n", replaces_of(&first));
    let mut second = Phone::new(&net, "odile", "second");
    assert_eq!(invite(&mut net, &mut second, &lines), 100);
    assert_eq!(replaced(&net), None);
    let mut third = Phone::new(&net, "odile", "third");
    let said = third.send(&mut net, "INVITE", &format!("{lines}Require: replaces\r\n"), "");
    assert_eq!((status(&said[0]), field(&said[0], "Unsupported")), (420, "replaces"));
}

/// Attended transfer: the dialog named in Refer-To is found when it is the asker's own other call, and refused otherwise,
/// with a status that does not tell his phone that the call it is in were gone.
#[test]
fn b156_refer_names_another_call_of_the_asker() {
    let mut net = server(|_| {});
    let mut first = Phone::new(&net, "odile", "first");
    let asking = first.call(&mut net);
    let mut second = Phone::new(&net, "odile", "second");
    let consulted = second.call(&mut net);
    let mut foreign = Phone::new(&net, "rene", "foreign");
    foreign.call(&mut net);
    let refer = |of: &Phone| {
        let named = replaces_of(of).replace(';', "%3B").replace('=', "%3D");
        format!("Refer-To: <sip:rene@ecoute.example?Replaces={named}>\r\n")
    };
    assert_eq!(status(&first.send(&mut net, "REFER", &refer(&foreign), "")[0]), 403);
    assert_eq!(net.ends[0].count("refer"), 0);
    assert!(first.send(&mut net, "REFER", &refer(&second), "").is_empty());
    assert_eq!(asked(&net), Some((asking, "sip:rene@ecoute.example".into(), Some(consulted))));
}

/// A session taken up after a restart still belongs to its user.
#[test]
fn b151_a_restored_session_may_be_transferred() {
    let mut net = server(|_| {});
    let mut phone = Phone::new(&net, "odile", "call");
    phone.call(&mut net);
    let saved: Vec<_> = net.ends[0].endpoint.saved_sessions().collect();
    let mut again = server(|_| {});
    for session in saved {
        again.ends[0].endpoint.restore_session(again.now, session);
    }
    assert!(phone.send(&mut again, "REFER", RENE, "").is_empty());
    assert!(asked(&again).is_some());
}

/// No event or command of a transfer shows a number, a name or an address.
#[test]
fn b158_p183_nothing_of_a_transfer_is_printed() {
    let mut net = server(|_| {});
    let mut phone = Phone::new(&net, "odile", "call");
    phone.call(&mut net);
    phone.send(
        &mut net,
        "REFER",
        "Refer-To: <sip:0639980001@x.example>\r\nReferred-By: \"<img src=x>\" <sip:rene@y>\r\n",
        "",
    );
    let shown = format!("{:?} {:?}", net.ends[0].events, net.ends[0].endpoint);
    for word in ["0639980001", "img", "x.example", "rene@", PHONE.split(':').next().unwrap_or_default()] {
        let known = word.starts_with("203");
        assert!(known || !shown.contains(word), "{word}");
    }
}
