//! The running engine, met on the wire by a peer without a stack: torture, odd offers, lost and repeated messages, noise.
//! Whatever comes, the right answer goes back where RFC 3261 says, and the next caller is served.
#![expect(clippy::disallowed_methods, reason = "a peer on real sockets waits on the real clock")]

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::engine::{Engine, own_address, pause, repository, wait_until};

pub mod raw;

use raw::{ANSWER, Exchange, Got, NOTHING, OFFER, Peer};

/// RFC 4475, RFC 5118: every message from the port its Via names, judged by `expected.csv`; after each one the engine answers.
#[test]
fn torture() {
    let engine = Engine::start("torture");
    let from = own_address();
    let table = fs::read_to_string(repository().join("tests/data/torture/expected.csv")).expect("the table");
    let mut faults = Vec::new();
    for line in table.lines().skip(1) {
        let fields: Vec<&str> = line.splitn(6, ',').collect();
        let (file, accepted) = (fields[0], fields[4].trim_matches('"'));
        let bytes = fs::read(repository().join("tests/data/torture").join(file)).expect("a message");
        let peer = Peer::at(SocketAddr::new(from, via_port(&bytes)), engine.sip);
        peer.send(&bytes);
        let wait = if accepted.split('|').any(|word| word == "none" || word == "any") { NOTHING } else { ANSWER };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        // An unacknowledged answer to an earlier message may come once more: it names another call.
        let ours = |got: &Got| got.header("Call-ID").is_none_or(|id| text.contains(id));
        let got = peer.receive_where(wait, |got| got.status() >= 200 && ours(got)).map(|got| got.status());
        if !is_accepted(accepted, got) {
            faults.push(format!("{file}: {got:?}, and {accepted} was right"));
        }
        if !Peer::is_served(engine.sip) {
            faults.push(format!("{file}: the engine does not answer any more"));
            break;
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    engine.quiet();
}

/// What trunks and telephones send every day, and NIST's collection, without an eye for the answers: nothing of it does harm.
#[test]
fn everyday_and_strange_messages() {
    let engine = Engine::start("everyday");
    let folder = repository().join("tests/data/torture");
    let mut messages: Vec<Vec<u8>> = fs::read_dir(folder.join("everyday"))
        .expect("the folder")
        .map(|entry| fs::read(entry.expect("an entry").path()).expect("a message"))
        .collect();
    for line in fs::read_to_string(folder.join("nist-jsip/messages.jsonl")).expect("the collection").lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("a case");
        messages.push(case["text"].as_str().unwrap_or_default().as_bytes().to_vec());
    }
    let peer = Peer::new(own_address(), engine.sip);
    for (nth, bytes) in messages.iter().enumerate() {
        peer.send(bytes);
        assert!(!nth.is_multiple_of(20) || Peer::is_served(engine.sip), "not after message {nth}");
    }
    assert!(messages.len() > 390 && Peer::is_served(engine.sip));
}

/// Every real-world offer is answered by RFC 3264, or 488 where it holds nothing for us; plain G.711 is always taken.
#[test]
fn offers_of_the_field() {
    let engine = Engine::start("offers");
    let peer = Peer::new(own_address(), engine.sip);
    let folder = repository().join("tests/data/sdp");
    let index = fs::read_to_string(folder.join("index.csv")).expect("the index");
    let (mut taken, mut refused) = (0, 0);
    for line in index.lines().filter(|line| line.split(',').nth(1) == Some("offer")) {
        let file = line.split(',').next().expect("a name");
        let offer = String::from_utf8(fs::read(folder.join(file)).expect("an offer")).expect("text");
        let (mut call, got) = peer.dial("3977", &offer);
        match got.status() {
            200 => {
                taken += 1;
                assert_eq!(got.header("Content-Type"), Some("application/sdp"), "{file}");
                judge_answer(file, &offer, got.body());
                peer.acknowledge(&call, "");
                assert_eq!(peer.bye(&mut call).status(), 200, "{file}");
            }
            488 => {
                refused += 1;
                assert!(!is_plain_g711(&offer), "{file} holds G.711 over RTP, and was refused");
                assert!(got.header("Warning").is_some(), "{file}: a 488 says why: {got:?}");
            }
            other => panic!("{file}: {other}"),
        }
    }
    assert_eq!(taken + refused, 44, "{taken} taken, {refused} refused");
    engine.quiet();
}

/// An INVITE without an offer gets ours in the 200; with the answer in the ACK the call goes on, without one it is ended.
#[test]
fn late_offers() {
    let engine = Engine::start("late");
    let peer = Peer::new(own_address(), engine.sip);
    let (mut call, got) = peer.dial("3977", "");
    assert_eq!(got.status(), 200);
    assert!(got.body().contains("m=audio ") && got.body().contains(" RTP/AVP "), "{got:?}");
    peer.acknowledge(&call, OFFER);
    assert!(peer.receive_where(NOTHING, |got| got.is("BYE")).is_none(), "the call goes on");
    assert_eq!(peer.bye(&mut call).status(), 200);

    let (call, got) = peer.dial("3977", "");
    assert_eq!(got.status(), 200);
    peer.acknowledge(&call, "");
    let bye =
        peer.receive_where(ANSWER, |got| got.is("BYE")).expect("the engine hangs up: there is no answer to its offer");
    assert_eq!(bye.header("Call-ID"), Some(&*call.call_id));
    peer.reply(&bye, "200 OK");
    engine.quiet();
}

/// The short answers: OPTIONS, unknown methods, extensions we lack, dialogs that are not there, versions not yet written.
#[test]
fn short_answers() {
    let engine = Engine::start("answers");
    let peer = Peer::new(own_address(), engine.sip);
    let ask = |method: &str, headers: &str| peer.ask(&peer.exchange("3977"), method, headers, "");
    let options = ask("OPTIONS", "");
    assert_eq!(options.status(), 200);
    for header in ["Allow", "Accept", "Supported"] {
        assert!(options.header(header).is_some(), "OPTIONS tells {header}: {options:?}");
    }
    for method in ["PUBLISH", "MESSAGE", "REFER", "BREW"] {
        let got = ask(method, "");
        assert!(matches!(got.status(), 405 | 501) && got.header("Allow").is_some(), "{method}: {got:?}");
    }
    let extension = ask("OPTIONS", "Require: foo\r\n");
    assert_eq!((extension.status(), extension.header("Unsupported")), (420, Some("foo")), "{extension:?}");
    let extension = ask("INVITE", "Require: foo\r\n");
    assert_eq!((extension.status(), extension.header("Unsupported")), (420, Some("foo")), "{extension:?}");
    for method in ["BYE", "CANCEL", "INFO", "UPDATE", "PRACK"] {
        let mut stray = peer.exchange("3977");
        stray.to_tag = Some("nobody".into());
        assert_eq!(peer.ask(&stray, method, "", "").status(), 481, "{method}");
    }
    let mut stray = peer.exchange("3977");
    stray.to_tag = Some("nobody".into());
    assert_eq!(peer.ask(&stray, "INVITE", "", OFFER).status(), 481, "an INVITE of a lost dialog is not a new call");
    let future = peer.exchange("3977");
    peer.send(peer.request(&future, "OPTIONS", "", "").replacen("SIP/2.0\r\n", "SIP/3.0\r\n", 1));
    assert_eq!(peer.answer(&future, "OPTIONS").status(), 505);
    assert!(engine.records().is_empty(), "none of it was a call");
}

/// A number nobody serves: 404, and one record that says so.
#[test]
fn an_unknown_number() {
    let engine = Engine::start("unknown");
    let peer = Peer::new(own_address(), engine.sip);
    let (_, got) = peer.dial("3978", OFFER);
    assert_eq!(got.status(), 404);
    let record = engine.record(1);
    assert_eq!(
        (&record["termination"]["how"], &record["termination"]["by"]),
        (&"unknown_number".into(), &"caller".into())
    );
    engine.quiet();
}

/// CANCEL on the heels of the INVITE: 200 for itself, and 487 for the INVITE if it came in time; after the 200 it changes
/// nothing.
#[test]
fn cancel_before_and_after() {
    let engine = Engine::start("cancel");
    let peer = Peer::new(own_address(), engine.sip);
    let mut call = peer.exchange("3977");
    let both = [peer.request(&call, "INVITE", "", OFFER), peer.request(&call, "CANCEL", "", "")];
    both.iter().for_each(|text| peer.send(text));
    let answers = [0; 2].map(|_| peer.receive_where(ANSWER, |got| got.status() >= 200).expect("two answers"));
    let of = |method: &str| answers.iter().find(|got| got.header("CSeq").is_some_and(|cseq| cseq.ends_with(method)));
    assert_eq!(of("CANCEL").expect("an answer to CANCEL").status(), 200);
    let invite = of("INVITE").expect("an answer to INVITE");
    call.learn(invite);
    if invite.status() == 200 {
        peer.acknowledge(&call, "");
        peer.bye(&mut call);
    } else {
        assert_eq!(invite.status(), 487);
        peer.send(peer.request(&call, "ACK", "", ""));
    }
    engine.record(1);

    let (mut call, got) = peer.dial("3977", OFFER);
    assert_eq!(got.status(), 200);
    let stray = Exchange { to_tag: None, target: format!("sip:3977@{}", engine.sip), ..call.clone() };
    let cancel = peer.ask(&stray, "CANCEL", "", "");
    assert!(matches!(cancel.status(), 200 | 481), "{cancel:?}");
    peer.acknowledge(&call, "");
    assert!(peer.receive_where(NOTHING, |got| got.is("BYE")).is_none(), "too late to cancel: the call goes on");
    assert_eq!(peer.bye(&mut call).status(), 200);
    assert_eq!(engine.record(2)["termination"]["how"], "hung_up");
    engine.quiet();
}

/// The same INVITE five times is one call, also when it comes by two ways (482), and also after its answer.
#[test]
fn repeated_invites() {
    let engine = Engine::start("repeated");
    let peer = Peer::new(own_address(), engine.sip);
    let mut call = peer.exchange("3977");
    let text = peer.request(&call, "INVITE", "", OFFER);
    (0..5).for_each(|_| peer.send(&text));
    let got = peer.answer(&call, "INVITE");
    assert_eq!(got.status(), 200);
    call.learn(&got);
    let merged = Exchange { branch: format!("{}other", call.branch), to_tag: None, ..call.clone() };
    let first_way = format!("sip:3977@{}", engine.sip);
    peer.send(peer.request(&Exchange { target: first_way, ..merged.clone() }, "INVITE", "", OFFER));
    let other = peer.receive_where(ANSWER, |got| got.status() >= 300).expect("an answer to the other way");
    assert_eq!(other.status(), 482, "{other:?}");
    peer.acknowledge(&call, "");
    peer.send(&text);
    pause(NOTHING);
    assert_eq!(engine.metric("ecoute_calls_active"), 1.0);
    assert_eq!(peer.bye(&mut call).status(), 200);
    engine.record(1);
    peer.send(&text);
    pause(NOTHING);
    engine.record(1);
    engine.quiet();
}

/// The ACK never comes: the 200 is said again and again, for 32 seconds; then the engine hangs up and records why.
#[test]
fn a_lost_ack() {
    let engine = Engine::start("no-ack");
    let peer = Peer::new(own_address(), engine.sip);
    let (call, got) = peer.dial("3977", OFFER);
    assert_eq!(got.status(), 200);
    let began = Instant::now();
    let mut repeated = 0;
    let bye = loop {
        let got = peer.receive(Duration::from_secs(50)).expect("the engine hangs up");
        if got.is("BYE") {
            break got;
        }
        repeated += u32::from(got.status() == 200);
    };
    let after = began.elapsed();
    peer.reply(&bye, "200 OK");
    assert_eq!(bye.header("Call-ID"), Some(&*call.call_id));
    assert!((8..=12).contains(&repeated), "the 200 was repeated {repeated} times");
    assert!((31.0..40.0).contains(&after.as_secs_f64()), "hung up after {after:?}");
    assert_eq!(engine.record(1)["termination"]["how"], "no_ack");
    engine.quiet();
}

/// Datagrams that are nothing: empty, one byte, line ends, zeros, 64 kB of noise, 64 kB that begin like an INVITE.
#[test]
fn datagrams_that_are_nothing() {
    let engine = Engine::start("nothing");
    let peer = Peer::new(own_address(), engine.sip);
    // Nobody's number: where such an INVITE is read at all, it is refused.
    let long = peer.request(&peer.exchange("3978"), "INVITE", &format!("X-Long: {}\r\n", "a".repeat(64_000)), OFFER);
    let many = peer.request(&peer.exchange("3978"), "INVITE", &"X-Many: a\r\n".repeat(5_500), OFFER);
    let noise: Vec<u8> = (0..65_507u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for bytes in [
        b"".as_slice(),
        b"a",
        b"\r\n\r\n",
        b"\0\0\0\0",
        &[0; 1_000],
        &[0xff; 65_507],
        &noise,
        long.as_bytes(),
        many.as_bytes(),
        b"INVITE",
        b"INVITE sip:3977 SIP/2.0\r\n",
        b"SIP/2.0 200 OK\r\n\r\n",
        b"INVITE \0 SIP/2.0\r\nVia: \0\r\n\r\n",
        "INVITE sip:\u{1f4de}@ SIP/2.0\r\n\r\n".as_bytes(),
    ] {
        peer.send(bytes);
        assert!(Peer::is_served(engine.sip), "not after {:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(40)]));
    }
    engine.quiet();
}

/// A Contact or a Via that names somebody else does not make the engine send there: answers go where the request came from.
#[test]
fn answers_go_back_where_the_request_came_from() {
    let engine = Engine::start("spoofed");
    let (peer, victim) = (Peer::new(own_address(), engine.sip), Peer::new(own_address(), engine.sip));
    let exchange = peer.exchange("3977");
    let text = peer.request(&exchange, "OPTIONS", "", "");
    peer.send(text.replace(&format!("UDP {};", peer.local()), &format!("UDP {};", victim.local())));
    let got = peer.answer(&exchange, "OPTIONS");
    let via = got.header("Via").expect("a Via").to_owned();
    assert!(via.contains(&format!("received={}", peer.local().ip())), "{via}");
    assert!(victim.receive(NOTHING).is_none());
}

/// Asking for a registration tells nobody which accounts exist.
#[test]
fn accounts_are_not_told_apart() {
    let engine = Engine::start("accounts");
    let peer = Peer::new(own_address(), engine.sip);
    let heads = ["isere", "nobody"].map(|account| {
        let got = peer.ask(&peer.exchange(account), "REGISTER", "Expires: 60\r\n", "");
        assert_eq!(got.status(), 401, "{account}: {got:?}");
        let names = got.0.lines().filter_map(|line| Some(line.split_once(':')?.0.to_owned()));
        names.collect::<Vec<_>>()
    });
    assert_eq!(heads[0], heads[1]);
    wait_until("nothing is registered", ANSWER, || engine.metric("ecoute_bindings") == 0.0);
}

// ---- helpers -----------------------------------------------------------------------------------------------------

/// The port in the first Via, where RFC 3261 §18.2.2 sends the answer.
fn via_port(bytes: &[u8]) -> u16 {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.split("\r\n");
    let is_via = |line: &&str| {
        matches!(line.split(':').next().map(|n| n.trim().to_ascii_lowercase()).as_deref(), Some("via" | "v"))
    };
    let Some(line) = lines.find(is_via) else { return 5060 };
    // A folded header goes on in the next line.
    let value = match line.split_once(':') {
        Some((_, value)) if !value.trim().is_empty() => value.to_owned(),
        _ => lines.next().unwrap_or_default().to_owned(),
    };
    let sent_by = value.split([';', ',']).next().unwrap_or_default();
    let after_host = sent_by.rsplit(']').next().unwrap_or(sent_by);
    after_host.rsplit_once(':').and_then(|(_, port)| port.trim().parse().ok()).filter(|port| *port != 0).unwrap_or(5060)
}

fn is_accepted(accepted: &str, got: Option<u16>) -> bool {
    accepted.split('|').any(|word| match word {
        "any" => true,
        "none" => got.is_none(),
        "not 400" => got.is_some_and(|status| status != 400),
        code => got.is_some_and(|status| status.to_string() == code),
    })
}

/// Does the offer hold G.711 over plain RTP and IPv4, in a stream that is on?
fn is_plain_g711(offer: &str) -> bool {
    offer.contains("IN IP4")
        && lines(offer, "m=").iter().any(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words[0] == "audio"
                && words[1] != "0"
                && words[2] == "RTP/AVP"
                && words[3..].iter().any(|f| matches!(*f, "0" | "8"))
        })
}

fn lines<'a>(text: &'a str, kind: &str) -> Vec<&'a str> {
    text.lines().filter_map(|line| line.strip_prefix(kind)).collect()
}

/// What RFC 3264 §6 asks of an answer: as many streams, in order, of the same sort; formats that were offered; one of them
/// voice; a refused stream stays refused; a direction the offer allows.
fn judge_answer(file: &str, offer: &str, answer: &str) {
    let (offered, answered) = (lines(offer, "m="), lines(answer, "m="));
    assert_eq!(offered.len(), answered.len(), "{file}: as many streams: {answer}");
    let mut on = 0;
    for (theirs, ours) in offered.iter().zip(&answered) {
        let (theirs, ours): (Vec<&str>, Vec<&str>) =
            (theirs.split_whitespace().collect(), ours.split_whitespace().collect());
        assert_eq!((theirs[0], theirs[2]), (ours[0], ours[2]), "{file}: the same sort");
        if ours[1] == "0" {
            continue;
        }
        on += 1;
        assert_ne!(theirs[1], "0", "{file}: a stream that was off stays off");
        assert!(
            ours[3..].iter().all(|format| theirs[3..].contains(format)),
            "{file}: formats that were offered: {ours:?}"
        );
        let voice = |format: &&str| matches!(*format, "0" | "8") || answer.contains(&format!("a=rtpmap:{format} PCM"));
        assert!(ours[3..].iter().any(voice), "{file}: a voice: {ours:?}");
    }
    assert_eq!(on, 1, "{file}: one stream: {answer}");
    let direction = |text: &str| {
        let known = ["sendrecv", "sendonly", "recvonly", "inactive"];
        lines(text, "a=").into_iter().find(|line| known.contains(line)).unwrap_or("sendrecv").to_owned()
    };
    let allowed: &[&str] = match direction(offer).as_str() {
        "sendonly" => &["recvonly", "inactive"],
        "recvonly" => &["sendonly", "inactive"],
        "inactive" => &["inactive"],
        _ => &["sendrecv", "sendonly", "recvonly", "inactive"],
    };
    assert!(allowed.contains(&direction(answer).as_str()), "{file}: {} to {}", direction(answer), direction(offer));
    assert!(!answer.contains("a=crypto") || offer.contains("a=crypto"), "{file}");
}
