//! 3xx to calls of ours: refused or followed as the owner chose (RFC 3261 §8.1.3.4).

use super::gateway::{assert_ends, calls_out, command, cseq, say, trunk_server, wait_ms};
use super::network::Network;
use super::raw::field;
use crate::sip::{Command, Credentials, Event, OutgoingInvite, Redirect, SessionId};

const MOVED: &str = "302 Moved Temporarily";

fn follow(max: u8) -> impl Fn(&mut OutgoingInvite) {
    move |invite| invite.redirect = Redirect::Follow { max }
}

/// The next INVITE after a response, which must have been acknowledged first.
fn next(net: &mut Network, invite: &str, status: &str, lines: &str) -> Option<String> {
    let said = say(net, invite, status, "x", lines, "");
    assert!(said[0].starts_with("ACK "), "{said:?}");
    said.into_iter().find(|text| text.starts_with("INVITE "))
}

fn rejected(net: &Network) -> Option<(SessionId, u16)> {
    net.ends[0].events.iter().find_map(|(_, event)| match event {
        Event::Rejected { session, status, .. } => Some((*session, *status)),
        _ => None,
    })
}

/// The policy to refuse: a 3xx is a refusal like any other, wherever it points.
#[test]
fn b074_refused_by_policy() {
    let mut net = trunk_server(|_| {});
    let (session, invite) = calls_out(&mut net, Some("offer"), |_| {});
    assert_eq!(next(&mut net, &invite, MOVED, "Contact: <sip:elsewhere@198.51.100.8>\r\n"), None);
    assert_eq!(rejected(&net), Some((session, 302)));
    net.run_dry();
    net.assert_settled("refused");
}

/// The policy to follow: the Contact is tried as a new INVITE of the same call (next CSeq, same Call-ID, To and tag), over
/// the same way; the owner hears of its answer alone.
#[test]
fn b074_followed_once() {
    let mut net = trunk_server(|_| {});
    let (session, first) = calls_out(&mut net, Some("offer"), follow(3));
    let second = next(&mut net, &first, MOVED, "Contact: <sip:mobile@198.51.100.8:5070>\r\n").expect("followed");
    assert!(second.starts_with("INVITE sip:mobile@198.51.100.8:5070 SIP/2.0\r\n"), "{second}");
    assert_eq!(cseq(&second), "2 INVITE");
    for name in ["Call-ID", "From", "To"] {
        assert_eq!(field(&second, name), field(&first, name));
    }
    assert!(second.ends_with("offer") && field(&second, "Via") != field(&first, "Via"));
    assert_eq!(net.last_remote, Some(super::gateway::TRUNK.parse().expect("an address")));
    let ack = say(&mut net, &second, "200 OK", "m", "", "answer").remove(0);
    assert_eq!(cseq(&ack), "2 ACK");
    assert_eq!(net.ends[0].names(), ["answered"]);
    assert_ends(&mut net, session, "followed");
}

/// Two that point at each other, one that points at itself in other letters, and one that points ever further: no URI has a
/// second turn, and there is an end to it.
#[test]
fn b074_no_loop() {
    let mut net = trunk_server(|_| {});
    let (_, first) = calls_out(&mut net, Some("offer"), follow(10));
    let to_b = "Contact: <sip:b@198.51.100.8>\r\n";
    let back = "Contact: <SIP:33199000111@198.51.100.7>, <sip:%62@198.51.100.8>\r\n";
    let second = next(&mut net, &first, MOVED, to_b).expect("followed");
    assert_eq!(next(&mut net, &second, MOVED, back), None);
    assert_eq!(rejected(&net).map(|(_, status)| status), Some(302));
    net.run_dry();
    net.assert_settled("in a circle");

    let mut net = trunk_server(|_| {});
    let (_, mut invite) = calls_out(&mut net, Some("offer"), follow(4));
    let mut turns = 0;
    while let Some(further) = next(&mut net, &invite, MOVED, &format!("Contact: <sip:n{turns}@198.51.100.8>\r\n")) {
        invite = further;
        turns += 1;
    }
    assert_eq!(turns, 4);
    net.run_dry();
    net.assert_settled("ever further");
}

/// Several Contacts: the best first; whoever is busy hands on to the next. What is no SIP address is passed over, and a list
/// longer than the limit is cut. Who declines for everybody is heeded.
#[test]
fn b074_several_contacts_by_q() {
    let list = "Contact: <sip:c@198.51.100.8>;q=0.2, <tel:+33199000222>, <sip:a@198.51.100.8>;q=0.9\r\n\
                Contact: <mailto:x@h>;q=1.0, <sip:b@198.51.100.8>;q=0.5\r\n";
    let mut net = trunk_server(|_| {});
    let (_, first) = calls_out(&mut net, Some("offer"), follow(9));
    let mut invite = next(&mut net, &first, "300 Multiple Choices", list);
    let mut tried = Vec::new();
    while let Some(one) = invite {
        tried.push(one[7..12].to_owned());
        invite = next(&mut net, &one, "486 Busy Here", "");
    }
    assert_eq!(tried, ["sip:a", "sip:b", "sip:c"]);
    assert_eq!(rejected(&net).map(|(_, status)| status), Some(486));

    let mut net = trunk_server(|_| {});
    let (_, first) = calls_out(&mut net, Some("offer"), follow(9));
    let second = next(&mut net, &first, "300 Multiple Choices", list).expect("followed");
    assert_eq!(next(&mut net, &second, "603 Decline", ""), None);

    let mut net = trunk_server(|_| {});
    let (_, first) = calls_out(&mut net, Some("offer"), follow(255));
    let long: Vec<String> = (0..40).map(|n| format!("<sip:n{n}@198.51.100.8>")).collect();
    let lines = long.chunks(8).map(|some| format!("Contact: {}\r\n", some.join(", "))).collect::<String>();
    let mut invite = next(&mut net, &first, MOVED, &lines);
    let mut turns = 0;
    while let Some(one) = invite {
        turns += 1;
        invite = next(&mut net, &one, "404 Not Found", "");
    }
    assert_eq!(turns, crate::sip::session::LEFT_MAX);
    net.run_dry();
    net.assert_settled("many");
}

/// 380 without Contact, and one whose Contact cannot be read: a refusal, with the policy to follow.
#[test]
fn b074_nowhere_to_go() {
    for lines in ["Contact: *\r\n", "Contact: <sip:>\r\n", "Contact: nonsense\r\n", "X-No-Contact: \r\n"] {
        let mut net = trunk_server(|_| {});
        let (_, invite) = calls_out(&mut net, Some("offer"), follow(3));
        assert_eq!(next(&mut net, &invite, "380 Alternative Service", lines), None, "{lines}");
        assert_eq!(rejected(&net).map(|(_, status)| status), Some(380));
    }
}

/// Given up while it is being diverted, and rung too long over all: the caller is not kept waiting, and nothing is left.
#[test]
fn b074_a_hangup_and_a_limit_on_the_way() {
    let mut net = trunk_server(|_| {});
    let (session, first) = calls_out(&mut net, Some("offer"), follow(3));
    command(&mut net, Command::Hangup { session, reason: None });
    assert_eq!(next(&mut net, &first, MOVED, "Contact: <sip:b@198.51.100.8>\r\n"), None, "nobody wants it any more");
    net.run_dry();
    net.assert_settled("hung up");

    let mut net = trunk_server(|_| {});
    let (_, first) = calls_out(&mut net, Some("offer"), follow(3));
    wait_ms(&mut net, 20_000);
    let second = next(&mut net, &first, MOVED, "Contact: <sip:b@198.51.100.8>\r\n").expect("followed");
    say(&mut net, &second, "180 Ringing", "b", "", "");
    let said = wait_ms(&mut net, 40_100);
    assert!(said.iter().any(|text| text.starts_with("CANCEL sip:b@198.51.100.8 ")), "60 s in all");
    assert_eq!(rejected(&net).map(|(_, status)| status), Some(408));
}

/// A telephone behind a diversion that asks for a password is answered as the first one was.
#[test]
fn b074_b087_a_challenge_behind_a_diversion() {
    let mut net = trunk_server(|_| {});
    let (_, first) = calls_out(&mut net, Some("offer"), |invite| {
        follow(3)(invite);
        invite.credentials = Some(Credentials::new("odile", "secret"));
    });
    let asks = "WWW-Authenticate: Digest realm=\"x\", nonce=\"n\"\r\n";
    let second = next(&mut net, &first, "401 Unauthorized", asks).expect("answered");
    assert!(!field(&second, "Authorization").is_empty());
    let third = next(&mut net, &second, MOVED, "Contact: <sip:b@198.51.100.8>\r\n").expect("followed");
    let asks = "WWW-Authenticate: Digest realm=\"y\", nonce=\"m\"\r\n";
    let fourth = next(&mut net, &third, "401 Unauthorized", asks).expect("answered");
    assert!(field(&fourth, "Authorization").contains("realm=\"y\"") && cseq(&fourth) == "4 INVITE");
    assert_eq!(next(&mut net, &fourth, "401 Unauthorized", asks), None, "once each");
}
