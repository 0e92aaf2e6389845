//! The open Internet: scanners, guessers, forgers and floods against an endpoint that has a call and telephones of its own.

use std::sync::Arc;
use std::time::Duration;

use super::network::{Faults, Network};
use crate::sip::auth::{Challenge, answer};
use crate::sip::message::{Framing, Message};
use crate::sip::{
    Accounts, BanReason, Command, Credentials, DropReason, EndpointConfig, Event, Flow, Input, Network as Range, Peers,
    Secret, SessionId, Transport,
};

const STRANGER: &str = "198.51.100.7:40000";
const HOME: &str = "203.0.113.5:1035";
const TRUNK: &str = "10.0.0.2:5060";

/// End 0 is an engine on the Internet with the accounts odile and rene, and end 1 its trunk.
fn scene() -> Network {
    let mut net = Network::empty(11, Faults::NONE);
    let trusted = vec![Range { addr: "10.0.0.2".parse().expect("ip"), prefix: 32 }];
    net.add(EndpointConfig {
        domains: vec!["ecoute.example".into()],
        peers: Arc::new(Peers::one(trusted)),
        ..Default::default()
    });
    net.add(EndpointConfig { invite_auth_required: false, ..Default::default() });
    let mut accounts = Accounts::none();
    accounts.insert("odile", Secret::password("secret"));
    accounts.insert("rene", Secret::password("other"));
    net.command(0, Command::Accounts(Arc::new(accounts)));
    net
}

/// A call of the trunk, confirmed: its session at the engine.
fn call(net: &mut Network) -> SessionId {
    net.call_with(1, 0, Some("offer"), |_| {});
    net.run_for_ms(20);
    let session = net.ends[0].called();
    net.respond(0, session, 200, Some("answer"));
    net.run_for_ms(20);
    assert_eq!(net.ends[0].names().last(), Some(&"confirmed"));
    session
}

/// The trunk hangs up, and it is heard.
fn still_talks(net: &mut Network, session: SessionId) {
    assert!(!net.ends[0].events.iter().any(|(_, e)| matches!(e, Event::Ended { session: s, .. } if *s == session)));
    let theirs = net.ends[1].events.iter().rev().find_map(|(_, event)| event.session()).expect("a session");
    net.hangup(1, theirs);
    net.run_for_ms(20);
    assert!(net.ends[0].events.iter().any(|(_, e)| matches!(e, Event::Ended { session: s, .. } if *s == session)));
}

fn text(method: &str, user: &str, n: u64, lines: &str) -> String {
    format!(
        "{method} sip:ecoute.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.7.20:5060;rport;branch=z9hG4bK{method}{user}{n}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:{user}@ecoute.example>;tag=f{n}\r\nTo: <sip:{user}@ecoute.example>\r\n\
         Call-ID: {user}{n}@192.168.7.20\r\nCSeq: 1 {method}\r\nContact: <sip:{user}@192.168.7.20:5060>\r\n{lines}\
         Content-Length: 0\r\n\r\n"
    )
}

fn flow_of(net: &Network, from: &str) -> Flow {
    Flow::udp(net.ends[0].addr, from.parse().expect("an address"))
}

/// What the engine answers to these bytes; nothing is `None`.
fn ask(net: &mut Network, flow: Flow, bytes: &str) -> Option<String> {
    let before = net.ladder.len();
    net.input(0, Input::Datagram { flow, bytes: bytes.as_bytes() });
    net.ladder[before..].iter().rev().find(|(_, from, _)| *from == 0).map(|(.., text)| text.clone())
}

fn status(reply: &Option<String>) -> u16 {
    reply.as_ref().and_then(|text| text.get(8..11)?.parse().ok()).unwrap_or(0)
}

/// Asks to register, answers the challenge with this password, and says what the second answer was.
fn log_in(net: &mut Network, flow: Flow, user: &str, password: &str, n: u64) -> Option<String> {
    let first = text("REGISTER", user, n, "");
    let asked = ask(net, flow, &first)?;
    let response = Message::parse(asked.as_bytes(), Framing::Datagram).expect("readable");
    let mut challenge = Challenge::choose(response.www_authenticate()).expect("a challenge");
    let mut ids = crate::ids::IdSource::from_number(n);
    let who = Credentials::new(user, password);
    let value = answer(&mut challenge, &who, "REGISTER", "sip:ecoute.example", &mut ids).expect("a password fits");
    let second = text("REGISTER", user, n, &format!("Authorization: {value}\r\n"))
        .replace("CSeq: 1", "CSeq: 2")
        .replace("branch=z9hG4bK", "branch=z9hG4bKs");
    ask(net, flow, &second)
}

fn drops(net: &Network, why: DropReason) -> usize {
    net.ends[0].dropped.iter().filter(|reason| **reason == why).count()
}

fn bans(net: &Network) -> Vec<(String, BanReason)> {
    net.ends[0].endpoint.bans().map(|ban| (ban.source.to_string(), ban.why)).collect()
}

/// Over UDP no answer to a stranger is larger than twice his request, of whatever kind and however small the request; and no
/// answer names our software or says more than the RFC asks for.
#[test]
fn b135_p182_no_amplification_and_no_banner() {
    let mut largest = (0.0, String::new());
    let small = |method: &str| {
        format!(
            "{method} sip:a SIP/2.0\r\nv:SIP/2.0/UDP a;rport;branch=z9hG4bKa\r\nf:<a:b>\r\nt:<a:b>\r\ni:a\r\nCSeq:1 {method}\r\n\r\n"
        )
    };
    let lines = "User-Agent: T\r\nExpires: 300\r\n";
    let broken =
        "INVITE sip:a SIP/2.0\r\nv:SIP/2.0/UDP a;rport;branch=z9hG4bKb\r\nContent-Length: x\r\n\r\n".to_owned();
    let mut requests = vec![broken, small("REGISTER").replace("CSeq:1", "CSeq:x")];
    for method in ["REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE", "MESSAGE", "BYE", "CANCEL", "INFO", "DANCE", "UPDATE"]
    {
        requests.push(small(method));
        requests.push(text(method, "nobody", 1, lines));
        requests.push(text(method, "nobody", 2, "Require: a,b,c\r\n"));
        requests.push(text(method, "nobody", 3, "").replace("To: <sip:nobody@ecoute.example>", "To: <sip:x@y>;tag=1"));
        requests.push(text(method, "nobody", 4, "").replace("sip:ecoute", "x:ecoute"));
        requests.push(text(method, "nobody", 5, "").replace("SIP/2.0\r\nVia", "SIP/3.0\r\nVia"));
    }
    let mut kinds = std::collections::BTreeSet::new();
    for request in &requests {
        let mut net = scene();
        let flow = flow_of(&net, STRANGER);
        let Some(reply) = ask(&mut net, flow, request) else { continue };
        kinds.insert(reply[8..11].to_owned());
        let factor = reply.len() as f64 / request.len() as f64;
        assert!(factor <= 2.0, "{factor}: {request}\n{reply}");
        for banner in ["Server:", "User-Agent:", "Accept:", "Supported:", "ecoute/"] {
            assert!(!reply.contains(banner), "{banner}\n{reply}");
        }
        assert!(!reply.contains("Allow:") || reply.starts_with("SIP/2.0 405"), "{reply}");
        if factor > largest.0 {
            largest = (factor, reply);
        }
    }
    let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
    assert_eq!(kinds, ["200", "400", "401", "405", "416", "420", "481", "501", "505"]);
    assert!(largest.0 > 1.0, "{largest:?}");
    let mut net = scene();
    let flow = flow_of(&net, TRUNK);
    let reply = ask(&mut net, flow, &small("OPTIONS")).expect("trunks are told all");
    assert!(reply.contains("Allow:") && reply.contains("Server: ecoute/"));
    let flow = flow_of(&net, STRANGER);
    assert_eq!(
        ask(&mut net, flow, &small("REGISTER").replace("t:<a:b>", "t:<sip:a@b>")),
        None,
        "its challenge would be too large"
    );
    assert_eq!(drops(&net, DropReason::Amplification), 1);
}

/// A known name, an unknown one, a name of another domain, a caller: the same words, with and without a wrong password.
#[test]
fn b140_nobody_learns_who_has_an_account() {
    let plain = |reply: Option<String>, user: &str| {
        let reply = reply.expect("an answer");
        let nonce = reply.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a nonce").to_owned();
        let tag = reply.split(";tag=").nth(2).and_then(|rest| rest.split("\r\n").next()).expect("a tag").to_owned();
        reply.replace(&nonce, "N").replace(&tag, "T").replace(user, "U")
    };
    for method in ["REGISTER", "INVITE"] {
        let answers: Vec<String> = ["odile", "renex"]
            .map(|user| {
                let mut net = scene();
                let flow = flow_of(&net, STRANGER);
                plain(ask(&mut net, flow, &text(method, user, 1, "")), user)
            })
            .to_vec();
        assert_eq!(answers[0], answers[1]);
        assert!(answers[0].starts_with("SIP/2.0 401"));
    }
    let answers: Vec<String> = ["odile", "renex"]
        .map(|user| {
            let mut net = scene();
            let flow = flow_of(&net, STRANGER);
            plain(log_in(&mut net, flow, user, "wrong", 1), user)
        })
        .to_vec();
    assert_eq!(answers[0], answers[1]);
    let mut net = scene();
    let flow = flow_of(&net, STRANGER);
    let elsewhere =
        ask(&mut net, flow, &text("REGISTER", "odile", 1, "").replace("ecoute.example>\r\nCall", "x>\r\nCall"));
    assert_eq!(status(&elsewhere), 401, "no 404 before a password");
}

/// Somebody tries passwords of odile: after a few he is answered with silence, and that is told with his address. At the
/// same moment odile registers from her own home, from a new address, and from a new one again.
#[test]
fn b144_a_guesser_is_silenced_and_the_listener_is_not() {
    let mut net = scene();
    let (guesser, home) = (flow_of(&net, STRANGER), flow_of(&net, HOME));
    assert_eq!(status(&log_in(&mut net, home, "odile", "secret", 1)), 200);
    let tries = (0..50).take_while(|n| log_in(&mut net, guesser, "odile", "wrong", 100 + n).is_some()).count();
    assert!((3..8).contains(&tries), "{tries}");
    assert_eq!(bans(&net), [("198.51.100.7/32".to_owned(), BanReason::WrongPassword)]);
    let told = net.ends[0].events.iter().find_map(|(_, event)| match event {
        Event::Banned { source, why, span } => Some((source.to_string(), *why, *span)),
        _ => None,
    });
    assert_eq!(told, Some(("198.51.100.7/32".to_owned(), BanReason::WrongPassword, Some(Duration::from_secs(60)))));
    for (n, from) in [HOME, "203.0.113.5:2000", "192.0.2.99:5060"].into_iter().enumerate() {
        let flow = flow_of(&net, from);
        assert_eq!(status(&log_in(&mut net, flow, "odile", "secret", 200 + n as u64)), 200, "{from}");
    }
    assert_eq!(log_in(&mut net, guesser, "odile", "secret", 300), None);
    net.run_for_ms(61_000);
    assert_eq!(status(&log_in(&mut net, guesser, "odile", "secret", 301)), 200, "it was a listener after all");
}

/// A telephone with an old password in the same home as odile's, and behind the same address: it is refused, slowed, and
/// nothing happens to hers, nor to rene's who comes there for the first time.
#[test]
fn b144_one_bad_phone_in_a_home_blocks_nobody() {
    let mut net = scene();
    let at = |port: u16| format!("203.0.113.5:{port}");
    let flow = flow_of(&net, &at(1035));
    assert_eq!(status(&log_in(&mut net, flow, "odile", "secret", 1)), 200);
    let bad = flow_of(&net, &at(6000));
    for n in 0..200 {
        log_in(&mut net, bad, "marie", "old", 1000 + n);
        net.run_for_ms(20);
    }
    assert!(bans(&net).is_empty());
    assert!(drops(&net, DropReason::Throttled) > 150, "{}", drops(&net, DropReason::Throttled));
    for (n, (port, user, password)) in
        [(1035, "odile", "secret"), (1036, "odile", "secret"), (1037, "rene", "other")].into_iter().enumerate()
    {
        let flow = flow_of(&net, &at(port));
        assert_eq!(status(&log_in(&mut net, flow, user, password, 5000 + n as u64)), 200, "{user}");
    }
}

/// Over a connection a guesser is told to come back later, and the connection is closed when he is banned.
#[test]
fn b144_over_a_connection() {
    let mut net = scene();
    let flow = Flow { transport: Transport::Tls, connection: 9, ..flow_of(&net, STRANGER) };
    let answers: Vec<u16> = (0..12).map(|n| status(&log_in(&mut net, flow, "odile", "wrong", n))).collect();
    assert_eq!(answers.iter().filter(|s| **s == 401).count(), 4, "{answers:?}");
    assert_eq!(answers.last(), Some(&0));
    assert_eq!(net.ends[0].closed.first(), Some(&flow));
    assert!(net.ends[0].closed.len() > 1, "and again when he still speaks");
}

/// A scanner that says its name meets silence from its first word, by UDP and over a connection; a listener's phone does not.
#[test]
fn p182_a_scanner_meets_silence() {
    for method in ["OPTIONS", "REGISTER", "INVITE"] {
        let mut net = scene();
        let flow = flow_of(&net, STRANGER);
        for n in 0..5 {
            assert_eq!(ask(&mut net, flow, &text(method, "100", n, "User-Agent: friendly-scanner\r\n")), None);
        }
        assert_eq!(bans(&net), [("198.51.100.7/32".to_owned(), BanReason::Scanner)]);
        let flow = flow_of(&net, HOME);
        assert!(ask(&mut net, flow, &text(method, "100", 9, "User-Agent: Linphone/5\r\n")).is_some());
    }
}

/// One source tries a thousand names without a password: after ten seconds it is silenced. A centre of two hundred
/// telephones that come back at once is not, though the first password comes only when all have been challenged.
#[test]
fn b135_p182_many_names_and_many_phones() {
    let mut net = scene();
    let flow = flow_of(&net, STRANGER);
    for n in 0..400 {
        ask(&mut net, flow, &text("REGISTER", &format!("{n}"), n, ""));
        net.run_for_ms(50);
    }
    assert_eq!(bans(&net), [("198.51.100.7/32".to_owned(), BanReason::ManyNames)]);
    let mut net = scene();
    let mut accounts = Accounts::none();
    (0..200).for_each(|n| accounts.insert(&format!("phone{n}"), Secret::password("p")));
    net.command(0, Command::Accounts(Arc::new(accounts)));
    let flow = |net: &Network, n: u64| flow_of(net, &format!("203.0.113.5:{}", 2000 + n));
    for n in 0..200 {
        let flow = flow(&net, n);
        assert_eq!(status(&ask(&mut net, flow, &text("REGISTER", &format!("phone{n}"), n, ""))), 401);
    }
    for n in 0..200 {
        let flow = flow(&net, n);
        assert_eq!(status(&log_in(&mut net, flow, &format!("phone{n}"), "p", n)), 200, "{n}");
    }
    assert_eq!((net.counts(0).bindings, bans(&net).len()), (200, 0));
}

/// Ten thousand REGISTER in a second from one source, and as much garbage: few are answered, nothing grows, and the call, a
/// known telephone and another stranger notice nothing.
#[test]
fn b135_p182_a_flood_from_one_source() {
    let mut net = scene();
    let session = call(&mut net);
    let home = flow_of(&net, HOME);
    assert_eq!(status(&log_in(&mut net, home, "odile", "secret", 1)), 200);
    let before = (net.counts(0), net.ladder.len());
    let flow = flow_of(&net, STRANGER);
    for n in 0..10_000u64 {
        let text = text("REGISTER", &format!("u{n}"), n, "");
        net.input(0, Input::Datagram { flow, bytes: text.as_bytes() });
        net.input(0, Input::Datagram { flow, bytes: &[0xa5; 700] });
    }
    let answered = net.ladder.len() - before.1;
    assert!(answered <= 400, "{answered}");
    assert_eq!(net.counts(0), before.0, "no state of a stranger");
    assert!(net.ends[0].events.len() < 50, "nor a word for each");
    let other = flow_of(&net, "192.0.2.50:5060");
    assert_eq!(status(&log_in(&mut net, home, "odile", "secret", 2)), 200);
    assert_eq!(status(&log_in(&mut net, other, "rene", "other", 3)), 200);
    still_talks(&mut net, session);
}

/// A source that has used up its budget and has a call with us: what belongs to the call comes through, what is new does not.
/// The same where the staff banned it.
#[test]
fn p179_a_dialog_is_never_over_budget() {
    for by_staff in [false, true] {
        let mut net = Network::new(3, 2, Faults::NONE);
        let (ours, _) = net.established();
        let flow = net.flow(1, 0);
        for n in 0..1000 {
            net.inject(1, "10.0.0.1:5060", &text("OPTIONS", "x", n, ""));
        }
        assert!(net.ends[1].dropped.contains(&DropReason::OverBudget));
        if by_staff {
            net.command(1, Command::Ban { source: flow.remote.ip(), span: None });
        }
        let count = net.ends[1].count("invite");
        net.call(Some("offer"));
        net.run_for_ms(50);
        assert_eq!(net.ends[1].count("invite"), count, "nothing new");
        net.hangup(0, ours);
        net.run_for_ms(50);
        assert_eq!(net.ends[1].count("ended"), 1);
    }
}

/// Forgers: a BYE with wrong tags, a BYE with the right ones from elsewhere than the trunk, a 200 from elsewhere, a CANCEL and
/// an ACK with a branch that was seen. Each is refused and counted, and the call goes on.
#[test]
fn p179_forgers_end_no_call() {
    let mut net = scene();
    let session = call(&mut net);
    let ack = net.ladder.iter().find(|(_, from, t)| *from == 1 && t.starts_with("ACK")).map(|(.., t)| t.clone());
    let bye =
        ack.expect("an ACK").replace("ACK sip:", "BYE sip:").replace(" ACK", " BYE").replace("CSeq: 1", "CSeq: 9");
    let forged = flow_of(&net, STRANGER);
    for (n, (reply, change)) in [(403, ("", "")), (481, (";tag=", ";tag=0"))].into_iter().enumerate() {
        let bye = bye.replace("branch=z9hG4bK", &format!("branch=z9hG4bK{n}")).replace(change.0, change.1);
        assert_eq!(status(&ask(&mut net, forged, &bye)), reply);
    }
    assert_eq!(drops(&net, DropReason::WrongSource), 1);

    // Our INVITE to the trunk, answered by somebody else; and the trunk's INVITE, cancelled by somebody else.
    let ours = net.call_with(0, 1, Some("offer"), |_| {});
    let invite = net.latest(0).to_owned();
    let line = |name: &str| invite.lines().find(|l| l.starts_with(name)).expect("a header").to_owned();
    let ok = format!(
        "SIP/2.0 200 OK\r\n{}\r\n{}\r\n{};tag=x\r\n{}\r\n{}\r\nContact: <sip:evil@198.51.100.7>\r\n\
         Content-Type: application/sdp\r\nContent-Length: 3\r\n\r\nv=0",
        line("Via:"),
        line("From:"),
        line("To:"),
        line("Call-ID:"),
        line("CSeq:")
    );
    assert_eq!(ask(&mut net, forged, &ok), None);
    assert!(!net.ends[0].events.iter().any(|(_, e)| matches!(e, Event::Answered { session, .. } if *session == ours)));
    net.hangup(0, ours);
    net.run_for_ms(50);

    net.call_with(1, 0, Some("offer"), |_| {});
    net.run_for_ms(20);
    let theirs = net.ends[0].called();
    let invite =
        net.ladder.iter().rev().find(|(_, from, t)| *from == 1 && t.starts_with("INVITE")).map(|(.., t)| t.clone());
    let invite = invite.expect("an INVITE");
    let head = invite.split("Content-Type").next().expect("a head");
    let cancel = format!("{}Content-Length: 0\r\n\r\n", head.replace("INVITE", "CANCEL"));
    assert_eq!(status(&ask(&mut net, forged, &cancel)), 481);
    assert_eq!(drops(&net, DropReason::WrongSource), 3);
    let ended = |net: &Network| {
        net.ends[0].events.iter().any(|(_, e)| matches!(e, Event::Ended { session: s, .. } if *s == theirs))
    };
    assert!(!ended(&net));
    let trunk = flow_of(&net, TRUNK);
    assert_eq!(status(&ask(&mut net, trunk, &cancel)), 487, "the trunk's own: 200, and 487 to the INVITE");
    assert!(ended(&net));
    assert!(!net.ends[0].events.iter().any(|(_, e)| matches!(e, Event::Ended { session: s, .. } if *s == session)));
}

/// An ACK with another's answer from elsewhere moves no sound.
#[test]
fn p179_a_forged_ack_brings_no_answer() {
    let mut net = scene();
    net.call_with(1, 0, None, |_| {});
    net.run_for_ms(20);
    let session = net.ends[0].called();
    net.filter = Some(Box::new(|from, text| from == 1 && text.starts_with("ACK")));
    net.respond(0, session, 200, Some("offer"));
    net.run_for_ms(20);
    let theirs = net.ends[1].events.iter().rev().find_map(|(_, event)| event.session()).expect("a session");
    net.command(1, Command::Acknowledge { session: theirs, sdp: b"answer".to_vec() });
    let ack = net.latest(1).to_owned();
    assert!(ack.starts_with("ACK"));
    let forged = flow_of(&net, STRANGER);
    assert_eq!(ask(&mut net, forged, &ack), None);
    assert_eq!((net.ends[0].count("confirmed"), drops(&net, DropReason::WrongSource)), (0, 1));
    let trunk = flow_of(&net, TRUNK);
    ask(&mut net, trunk, &ack);
    assert_eq!(net.ends[0].count("confirmed"), 1);
}

/// Nobody calls out through us: an INVITE of a stranger, of a stranger who borrows a listener's name, with any spelling of a
/// foreign number, is asked for a password and never becomes a call.
#[test]
fn p181_no_call_without_a_password() {
    let mut net = scene();
    let home = flow_of(&net, HOME);
    assert_eq!(status(&log_in(&mut net, home, "odile", "secret", 1)), 200);
    let uris = [
        "sip:+999000000000@10.0.0.1",
        "sip:00999%30@10.0.0.1",
        "sip:9@x@10.0.0.1",
        "tel:+999000000000",
        "sip:3977@10.0.0.1",
    ];
    for (n, uri) in uris.into_iter().enumerate() {
        for user in ["odile", "x"] {
            let flow = flow_of(&net, &format!("198.51.100.{n}:5060"));
            let invite =
                text("INVITE", user, n as u64, "").replace("INVITE sip:ecoute.example", &format!("INVITE {uri}"));
            let reply = status(&ask(&mut net, flow, &invite));
            assert!(matches!(reply, 401 | 400), "{uri}: {reply}");
        }
    }
    assert_eq!((net.ends[0].count("invite"), net.counts(0).sessions), (0, 0));
}

/// CANCEL and ACK are never challenged (RFC 3261 §22.1), and a stranger's cost him a token like everything else.
#[test]
fn b142_cancel_and_ack_are_never_challenged() {
    let mut net = scene();
    let flow = flow_of(&net, STRANGER);
    assert_eq!(status(&ask(&mut net, flow, &text("CANCEL", "x", 1, ""))), 481);
    assert_eq!(ask(&mut net, flow, &text("ACK", "x", 1, "")), None);
    assert_eq!(drops(&net, DropReason::StrayAck), 1);
}

/// Schemes we do not know, headers that cannot be read, a nonce of 4 kB: as if there were none, and no failure is counted.
#[test]
fn b143_unreadable_credentials_are_none() {
    let mut net = scene();
    let flow = flow_of(&net, STRANGER);
    let long = format!(
        "Digest username=\"odile\", realm=\"ecoute\", nonce=\"{}\", response=\"x\", qop=auth",
        "n".repeat(4096)
    );
    for (n, value) in ["Bearer abc", "Digest", "Digest username=odile realm", &long].into_iter().enumerate() {
        let request = text("REGISTER", "odile", n as u64, &format!("Authorization: {value}\r\n"));
        let reply = ask(&mut net, flow, &request);
        assert_eq!(status(&reply), 401, "{value:.40}");
        assert!(!reply.is_some_and(|reply| reply.contains("stale")));
    }
    assert_eq!(net.ends[0].count("auth_failed"), 0);
}

/// The same REGISTER half a second later meets the very same bytes, and the answer to the first of them is accepted.
#[test]
fn p095_a_repeated_register_meets_the_same_challenge() {
    for offset_ms in [0, 7_800, 15_900, 31_000] {
        let mut net = scene();
        net.run_for_ms(offset_ms);
        let flow = flow_of(&net, HOME);
        let first = ask(&mut net, flow, &text("REGISTER", "odile", 1, ""));
        net.run_for_ms(500);
        assert_eq!(ask(&mut net, flow, &text("REGISTER", "odile", 1, "")), first);
        assert_eq!(status(&log_in(&mut net, flow, "odile", "secret", 1)), 200);
        assert_eq!(net.ends[0].count("auth_failed"), 0);
    }
}

/// After a restart of ours, or from another network, an old nonce leads to `stale`, once, and counts against nobody.
#[test]
fn p093_an_old_nonce_is_no_attack() {
    let mut net = scene();
    let flow = flow_of(&net, HOME);
    for n in 0..40 {
        let value = "Digest username=\"odile\", realm=\"ecoute\", nonce=\"of-another-life\", uri=\"sip:ecoute.example\", \
                     response=\"00000000000000000000000000000000\", algorithm=MD5, qop=auth, nc=00000007, cnonce=\"c\"";
        let reply = ask(&mut net, flow, &text("REGISTER", "odile", n, &format!("Authorization: {value}\r\n")));
        assert!(reply.is_some_and(|reply| reply.contains("stale=true")));
    }
    assert_eq!((net.ends[0].count("auth_failed"), bans(&net).len()), (0, 0));
    assert_eq!(status(&log_in(&mut net, flow, "odile", "secret", 99)), 200);
}

/// The staff's word: for so long, or until it is lifted; an IPv6 address stands for its /64, and a trunk is not touched.
#[test]
fn bans_by_the_staff() {
    let mut net = scene();
    let (flow, trunk) = (flow_of(&net, STRANGER), flow_of(&net, TRUNK));
    net.command(0, Command::Ban { source: flow.remote.ip(), span: Some(Duration::from_secs(90)) });
    net.command(0, Command::Ban { source: trunk.remote.ip(), span: None });
    net.command(0, Command::Ban { source: "2001:db8::1".parse().expect("ip"), span: None });
    let listed: Vec<String> = bans(&net).into_iter().map(|(source, _)| source).collect();
    assert_eq!(listed, ["198.51.100.7/32", "2001:db8::/64"]);
    assert_eq!(ask(&mut net, flow, &text("OPTIONS", "x", 1, "")), None);
    assert_eq!(status(&ask(&mut net, trunk, &text("OPTIONS", "x", 1, ""))), 200);
    net.run_for_ms(90_000);
    assert_eq!(status(&ask(&mut net, flow, &text("OPTIONS", "x", 2, ""))), 200);
    let neighbour = flow_of(&net, "[2001:db8::77]:5060");
    assert_eq!(ask(&mut net, neighbour, &text("OPTIONS", "x", 3, "")), None);
    net.command(0, Command::LiftBan { source: "2001:db8::9".parse().expect("ip") });
    assert_eq!(status(&ask(&mut net, neighbour, &text("OPTIONS", "x", 4, ""))), 200);
}
