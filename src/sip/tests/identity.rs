//! Who is said to call, in all its forms; and what a request that we end ourselves is answered.

use super::network::Network;
use super::raw::{Phone, field, flow_of, server, status};
use crate::sip::{Attestation, Event, IncomingInvite, Trust};

const TRUNK: &str = "198.51.100.7:5060";
const STRANGER: &str = "192.0.2.9:5060";

fn invite(uri: &str, from: &str, to: &str, lines: &str) -> String {
    format!(
        "INVITE {uri} SIP/2.0\r\nv: SIP/2.0/UDP 10.1.1.1;rport;branch=z9hG4bK1\r\nMax-Forwards: 12\r\nf: {from};tag=f\r\n\
         t: {to}\r\ni: c\r\nCSeq: 1 INVITE\r\nm: <sip:gw@198.51.100.7>\r\n{lines}l: 0\r\n\r\n"
    )
}

fn read(text: &str, source: &str, open: bool) -> IncomingInvite {
    let mut net = server(|config| config.invite_auth_required = !open);
    net.inject(0, source, text);
    match net.ends[0].events.last() {
        Some((_, Event::Invite { invite, .. })) => (**invite).clone(),
        _ => panic!("{}", net.latest(0)),
    }
}

const ASSERTED: &str = "P-Asserted-Identity: \"M\" <sip:+33639980001@carrier.example>, <tel:+33639980001>\r\n\
     P-Access-Network-Info: GSTN;operator-specific-GI=\"3438185000\";network-provided\r\n\
     Identity: ..x;ppt=shaken\r\n";

/// What a trunk asserts is taken, sip and tel both; the same from anybody else counts for nothing.
#[test]
fn b145_b146_who_may_assert() {
    let text = invite("sip:3977@ecoute.example", "<sip:x@h>", "<sip:3977@h>", ASSERTED);
    let trusted = read(&text, TRUNK, true);
    assert_eq!(trusted.trust, Trust::Trunk(0));
    let uris: Vec<&str> = trusted.p_asserted.iter().map(|who| who.uri.reveal()).collect();
    assert_eq!(uris, ["sip:+33639980001@carrier.example", "tel:+33639980001"]);
    assert!(trusted.access_network.is_some());
    assert_eq!(trusted.attestation, Some(Attestation::Unreadable));
    let stranger = read(&text, STRANGER, true);
    assert_eq!(stranger.trust, Trust::Nobody);
    assert!(stranger.p_asserted.is_empty() && stranger.access_network.is_none() && stranger.attestation.is_none());
}

/// An Identity header that is broken in whatever way loses no call (B149, P077); nor does a From that names nobody.
#[test]
fn b149_p077_no_identity_is_fatal() {
    let huge = "A".repeat(8_000);
    for line in ["Identity: \u{fe}\r\n", "Identity: ..;;=,\r\n", "y:\r\n", &format!("Identity: {huge}.{huge}.x\r\n")] {
        read(&invite("sip:3977@ecoute.example", "<sip:x@h>", "<sip:3977@h>", line), TRUNK, false);
    }
    for from in
        ["\"Anonymous\" <sip:anonymous@anonymous.invalid>", "<sip:unavailable@unknown.invalid>", "<sip:@h>", "<sip:h>"]
    {
        let asked = read(&invite("sip:3977@ecoute.example", from, "<sip:3977@h>", "Privacy: id\r\n"), TRUNK, false);
        assert!(asked.privacy_id);
    }
}

/// Every word of Privacy that hides the caller is heard, alone or among others, in any case; `none` hides nothing.
#[test]
fn b147_privacy_is_heard() {
    let hides = [("id", true), ("header;user;ID", true), ("critical; id", true), ("none", false), ("session", false)];
    for (value, hidden) in hides {
        let text = invite("sip:3977@h", "<sip:x@h>", "<sip:3977@h>", &format!("Privacy: {value}\r\n"));
        assert_eq!(read(&text, TRUNK, false).privacy_id, hidden, "{value}");
    }
}

/// tel: in Request-URI, From and To, with a phone-context, in compact headers; the reply is well formed.
#[test]
fn p079_tel_uris() {
    let mut net = server(|_| {});
    let text = invite("tel:+33199000112", "<tel:+33639980002>", "<tel:3977;phone-context=+33>", "");
    net.inject(0, TRUNK, &text);
    let Some((_, Event::Invite { invite: asked, .. })) = net.ends[0].events.last() else { panic!("{}", net.latest(0)) };
    assert_eq!(asked.request_uri.reveal(), "tel:+33199000112");
    assert_eq!(asked.from.uri.reveal(), "tel:+33639980002");
    assert_eq!(asked.to.uri.reveal(), "tel:3977;phone-context=+33");
    assert_eq!(asked.max_forwards, 12);
    let session = net.ends[0].called();
    net.respond(0, session, 200, Some("answer"));
    let answer = net.latest(0);
    assert_eq!((status(answer), field(answer, "From")), (200, "<tel:+33639980002>;tag=f"));
    assert!(field(answer, "To").starts_with("<tel:3977;phone-context=+33>;tag="), "{answer}");
    assert!(field(answer, "Contact").starts_with("<sip:"), "{answer}");
}

/// Diversion and History-Info are kept in order, each element whole, and no more than a few.
#[test]
fn b150_diversion_and_history() {
    let many = "Diversion: <sip:0102030405@h>;reason=unconditional, <tel:+33199000111>\r\n".to_owned()
        + &"History-Info: <sip:3977@h>;index=1\r\n".repeat(40);
    let asked = read(&invite("sip:x@h", "<sip:x@h>", "<sip:3977@h>", &many), TRUNK, false);
    assert_eq!(asked.diversion.len(), 2);
    assert_eq!(asked.diversion[1].reveal(), "<tel:+33199000111>");
    assert_eq!(asked.history_info.len(), 8);
}

/// Names with markup, control characters and ten kilobytes: the call comes in, and no debug line shows any of it.
#[test]
fn p183_strange_names_are_not_printed() {
    let long = "é".repeat(5_000);
    for name in [
        "\"<img src=x onerror=alert(1)>\"",
        "\"=cmd|' /C calc'!A0\"",
        "\"\u{1b}[31m\u{202e}x\"",
        &format!("\"{long}\""),
    ] {
        let mut net = server(|_| {});
        let lines = "User-Agent: <script>\u{1b}[2J\"'\r\n";
        net.inject(0, TRUNK, &invite("sip:3977@ecoute.example", &format!("{name} <sip:x@h>"), "<sip:3977@h>", lines));
        let Some((_, Event::Invite { invite: asked, .. })) = net.ends[0].events.last() else {
            panic!("{}", net.latest(0))
        };
        assert!(!asked.user_agent.chars().any(char::is_control) && asked.user_agent.chars().count() <= 80);
        let shown = format!("{:?} {:?}", net.ends[0].events, net.ends[0].endpoint);
        for word in ["img", "calc", "\u{1b}", "\u{202e}", "éé", "<script"] {
            assert!(!shown.contains(word), "{word}");
        }
    }
}

/// Who is no user of ours places no call through us, whatever he writes: no INVITE of ours ever leaves for it.
#[test]
fn p181_no_call_without_proof() {
    for uri in [
        "sip:+999000000000@ecoute.example",
        "sip:00999000000000@ecoute.example",
        "sip:%2B999000000000@ecoute.example",
        "sip:a@b@ecoute.example",
        "tel:+999000000000",
    ] {
        let mut net = server(|_| {});
        net.inject(0, STRANGER, &invite(uri, "<sip:odile@ecoute.example>", &format!("<{uri}>"), ""));
        assert!(matches!(status(net.latest(0)), 400 | 401), "{uri}: {}", net.latest(0));
        assert!(net.ends[0].events.is_empty());
        net.run_dry();
        assert_eq!(net.sent(0, "INVITE"), 0);
        net.assert_settled(uri);
    }
}

/// A third party who knows everything of a trunk's call ends nothing: its BYE comes from elsewhere (403), with a wrong tag
/// (481), its CANCEL guesses a branch (481), its 200 to a call of ours comes from the wrong place.
#[test]
fn p179_forged_requests_and_answers() {
    let mut net = server(|_| {});
    let mut trunk = Phone { flow: flow_of(&net, TRUNK), ..Phone::new(&net, "x", "call") };
    trunk.call(&mut net);
    let mut forger = Phone { flow: flow_of(&net, STRANGER), cseq: 40, ..trunk.clone() };
    assert_eq!(status(&forger.send(&mut net, "BYE", "", "")[0]), 403);
    let mut guess = Phone { tag: "guess".into(), ..forger.clone() };
    assert_eq!(status(&guess.send(&mut net, "BYE", "", "")[0]), 481);
    let mut guess = Phone { to_tag: String::new(), ..forger.clone() };
    assert_eq!(status(&guess.send(&mut net, "CANCEL", "", "")[0]), 481);
    assert_eq!(net.ends[0].count("ended"), 0);
    assert_eq!(
        status(&trunk.send(&mut net, "BYE", "", "")[0]),
        200,
        "the trunk's own BYE, with a lower CSeq, is heard"
    );

    let target = crate::sip::Target::Uri { uri: "sip:33199000111@198.51.100.7".into(), flow: flow_of(&net, TRUNK) };
    net.call_with(0, 0, Some("offer"), |invite| invite.target = target);
    let ours = net.latest(0).to_owned();
    assert!(ours.starts_with("INVITE"));
    let heard = net.ends[0].events.len();
    forger.answer(&mut net, &ours, "200 OK\r\nContact: <sip:forger@192.0.2.9>");
    assert_eq!((net.ends[0].events.len(), net.sent(0, "ACK")), (heard, 0), "nothing came of it");
}

fn abilities(text: &str) -> (u16, bool) {
    let headers = ["Allow", "Accept", "Allow-Events"];
    (status(text), headers.iter().all(|name| !field(text, name).is_empty()) && text.contains("\r\nSupported: "))
}

/// OPTIONS to us, to a user, inside a call, and with a tag we forgot: 200 with all we can do, and no dialog. A stranger
/// learns that somebody is there, and no more.
#[test]
fn b056_options_everywhere() {
    let mut net = server(|_| {});
    let mut stranger = Phone::new(&net, "odile", "s");
    assert_eq!(abilities(&stranger.send(&mut net, "OPTIONS", "", "")[0]), (200, false));
    let mut phone = Phone { flow: flow_of(&net, TRUNK), ..Phone::new(&net, "odile", "o") };
    for uri in ["sip:ecoute.example", "sip:odile@ecoute.example"] {
        phone.uri = uri.into();
        assert_eq!(abilities(&phone.send(&mut net, "OPTIONS", "", "")[0]), (200, true), "{}", net.latest(0));
    }
    assert!(field(net.latest(0), "Supported").contains("replaces"));
    assert!(field(net.latest(0), "Allow").contains("REFER"));
    let mut lost = Phone { to_tag: "forgotten".into(), ..phone.clone() };
    assert_eq!(abilities(&lost.send(&mut net, "OPTIONS", "", "")[0]), (200, true));
    net.run_dry();
    net.assert_settled("options");
    let mut caller = Phone::new(&net, "odile", "c");
    caller.call(&mut net);
    assert_eq!(abilities(&caller.send(&mut net, "OPTIONS", "", "")[0]), (200, true), "{}", net.latest(0));
}

/// Inside a call: MESSAGE, PUBLISH 405 with Allow, a method nobody knows 501, an option nobody knows 420, a NOTIFY nobody
/// asked for 481, another event 489. The call goes on.
#[test]
fn b052_b053_inside_a_call() {
    let mut net = server(|_| {});
    let mut phone = Phone::new(&net, "odile", "c");
    phone.call(&mut net);
    let text = "Content-Type: text/plain\r\n";
    for (method, lines, wanted, header) in [
        ("MESSAGE", text, 405, "Allow"),
        ("PUBLISH", "Event: presence\r\n", 405, "Allow"),
        ("DANCE", "", 501, "Allow"),
        ("INFO", "Require: precondition, x\r\n", 420, "Unsupported"),
        ("NOTIFY", "Event: refer\r\nSubscription-State: active\r\n", 481, "CSeq"),
        ("SUBSCRIBE", "Event: presence\r\n", 489, "Allow-Events"),
        ("SUBSCRIBE", "Event: refer\r\n", 481, "CSeq"),
    ] {
        let said = phone.send(&mut net, method, lines, "");
        assert_eq!(status(&said[0]), wanted, "{}", said[0]);
        assert!(!field(&said[0], header).is_empty(), "{}", said[0]);
    }
    assert_eq!(net.ends[0].count("ended"), 0);
    assert_eq!(status(&phone.send(&mut net, "BYE", "", "")[0]), 200);
    net.run_dry();
    net.assert_settled("inside");
}

/// MESSAGE and PUBLISH outside a call leave nothing at all.
#[test]
fn b052_message_and_publish_leave_nothing() {
    let mut net = server(|_| {});
    for method in ["MESSAGE", "PUBLISH"] {
        let said = Phone::new(&net, "odile", method).send(&mut net, method, "", "hello");
        assert_eq!(status(&said[0]), 405);
        assert!(field(&said[0], "Allow").starts_with("INVITE"));
        assert_eq!(net.counts(0), crate::sip::Counts::default());
    }
}

/// A session description is in no language, so none is refused (B054: there is no Accept-Language to give).
#[test]
fn b054_no_language_is_foreign_to_sdp() {
    let text = invite("sip:3977@h", "<sip:x@h>", "<sip:3977@h>", "Content-Language: br, oc\r\nc: application/sdp\r\n")
        .replace("l: 0\r\n\r\n", "l: 3\r\n\r\nv=0");
    assert!(read(&text, TRUNK, false).sdp.is_some());
}

/// The two sides of a call through us share nothing by which one could be known from the other: Call-ID, tags, Via,
/// Contact; and the hops of the first are spent on the second (B083, B084).
#[test]
fn b083_b084_two_legs_share_nothing() {
    let mut net = Network::empty(11, super::network::Faults::NONE);
    for _ in 0..3 {
        net.add(crate::sip::EndpointConfig { invite_auth_required: false, ..Default::default() });
    }
    net.call(Some("offer"));
    net.run_for_ms(50);
    let incoming = net.ladder.iter().find(|(_, from, _)| *from == 0).expect("sent").2.clone();
    let Some((_, Event::Invite { invite: asked, .. })) = net.ends[1].events.last() else { panic!("it rings") };
    let hops = asked.max_forwards - 1;
    net.call_with(1, 2, Some("offer"), |invite| invite.max_forwards = hops);
    let outgoing = net.latest(1).to_owned();
    assert_eq!(field(&outgoing, "Max-Forwards"), "69");
    for name in ["Call-ID", "From", "Via", "Contact"] {
        assert_ne!(field(&incoming, name), field(&outgoing, name), "{name}");
    }
    for trace in [field(&incoming, "Call-ID"), "10.0.0.1", "Record-Route"] {
        assert!(!outgoing.contains(trace), "{trace}");
    }
    // The hops are used up: 483, and nothing is sent.
    let before = net.ladder.len();
    net.call_with(1, 2, Some("offer"), |invite| invite.max_forwards = 0);
    assert!(matches!(net.ends[1].events.last(), Some((_, Event::Rejected { status: 483, .. }))));
    assert_eq!(net.ladder.len(), before);
}

/// `flow_of` and the trunk's address agree with the settings of these tests.
#[test]
fn the_trunk_is_a_trunk() {
    let net = server(|_| {});
    assert_eq!(net.ends[0].endpoint.config().trunk_of(flow_of(&net, TRUNK).remote.ip()), Some(0));
    assert_eq!(net.ends[0].endpoint.config().trunk_of(flow_of(&net, STRANGER).remote.ip()), None);
}
