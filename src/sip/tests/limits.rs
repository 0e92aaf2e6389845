//! Every limit of `sip::limits` at its edge, where all is as usual, and one beyond, where the answer is the one that the
//! table promises.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::network::{Faults, Network};
use super::registering;
use crate::sip::message::{
    MAX_CONTACTS, MAX_HEADERS, MAX_IDENTIFIER, MAX_LINE, MAX_MESSAGE, MAX_ROUTES, MAX_URI, MAX_VIAS,
};
use crate::sip::{Accounts, Command, EndpointConfig, Event, Secret, limits};

const STRANGER: &str = "198.51.100.7:40000";

/// The limits tried in this file.
const TRIED: [&str; 15] = [
    "message",
    "headers",
    "line",
    "uri",
    "vias",
    "routes",
    "contacts",
    "identifier",
    "display",
    "values",
    "user_agent",
    "unsupported",
    "forks",
    "devices",
    "bindings",
];
/// And those tried in `sip/auth/guard.rs` and in `early`, `outbound`, `redirects`, `reliable` and `wild` beside this file.
const TRIED_ELSEWHERE: [&str; 10] = [
    "nonce",
    "nonces",
    "sessions",
    "transactions",
    "early_forks",
    "redirections",
    "provisional",
    "flows",
    "path",
    "push",
];

/// An OPTIONS with these lines behind the ones it must have, or with one of those replaced.
fn options(more: &str) -> String {
    format!(
        "OPTIONS sip:3977@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.5:5060;rport;branch=z9hG4bKo\r\n\
         Max-Forwards: 70\r\nFrom: <sip:x@h>;tag=f1\r\nTo: <sip:3977@10.0.0.1>\r\nCall-ID: c1\r\nCSeq: 1 OPTIONS\r\n\
         {more}Content-Length: 0\r\n\r\n"
    )
}

/// The status of the answer to a datagram; 0 for none.
fn status_of(text: &str) -> u16 {
    let mut net = Network::new(1, 1, Faults::NONE);
    net.inject(0, STRANGER, text);
    let status = net.latest(0).get(8..11).and_then(|code| code.parse().ok()).unwrap_or(0);
    net.run_dry();
    net.assert_settled("a limit");
    status
}

/// The invite that an INVITE with these lines becomes.
fn invite(more: &str) -> crate::sip::IncomingInvite {
    let mut net = Network::empty(1, Faults::NONE);
    net.add(EndpointConfig { invite_auth_required: false, ..EndpointConfig::default() });
    net.inject(0, STRANGER, &options(&format!("Contact: <sip:x@h>\r\n{more}")).replace("OPTIONS", "INVITE"));
    match net.ends[0].events.pop() {
        Some((_, Event::Invite { invite, .. })) => *invite,
        other => panic!("let in: {other:?}, {}", net.latest(0)),
    }
}

/// Every limit of the table is tried.
#[test]
fn b016_every_limit_is_tried() {
    let named: BTreeSet<&str> = limits().iter().map(|limit| limit.key).collect();
    assert_eq!(named, TRIED.into_iter().chain(TRIED_ELSEWHERE).collect());
}

/// Bytes of a message, of a line, of the Request-URI; header lines.
#[test]
fn b016_sizes_of_a_message() {
    let lines = "X: y\r\n".repeat(MAX_HEADERS - options("").matches("\r\n").count() + 2);
    assert_eq!((status_of(&options(&lines)), status_of(&options(&format!("{lines}X: y\r\n")))), (200, 513));
    let line = |length: usize| options(&format!("Subject: {}\r\n", "s".repeat(length)));
    assert_eq!((status_of(&line(MAX_LINE)), status_of(&line(MAX_LINE + 1))), (200, 513));
    let uri = |length: usize| {
        options("").replace("sip:3977@10.0.0.1 SIP", &format!("sip:{}@10.0.0.1 SIP", "3".repeat(length - 13)))
    };
    assert_eq!((status_of(&uri(MAX_URI)), status_of(&uri(MAX_URI + 1))), (200, 414));
    // A whole message of the largest size, in lines of the largest size; one byte more is a 513.
    let whole = |length: usize| {
        let mut more = String::new();
        let room = length - options("").len();
        for nth in 0..5 {
            let wanted = (room - more.len()).min(MAX_LINE);
            if nth < 4 || wanted > 5 {
                more += &format!("X: {}\r\n", "x".repeat(wanted - 5));
            }
        }
        let text = options(&more);
        assert_eq!(text.len(), length);
        text
    };
    assert_eq!((status_of(&whole(MAX_MESSAGE)), status_of(&whole(MAX_MESSAGE + 1))), (200, 513));
}

/// Vias, routes, contacts, identifiers.
#[test]
fn b016_numbers_of_things() {
    let vias = |count: usize| options(&"Via: SIP/2.0/UDP p\r\n".repeat(count - 1));
    assert_eq!((status_of(&vias(100)), status_of(&vias(MAX_VIAS)), status_of(&vias(MAX_VIAS + 1))), (200, 200, 483));
    for name in ["Record-Route", "Route"] {
        let routes = |count: usize| options(&format!("{name}: {}\r\n", vec!["<sip:p;lr>"; count].join(", ")));
        assert_eq!((status_of(&routes(MAX_ROUTES)), status_of(&routes(MAX_ROUTES + 1))), (200, 400), "{name}");
    }
    let contacts = |count: usize| options(&"m: <sip:a@h>\r\n".repeat(count));
    assert_eq!((status_of(&contacts(MAX_CONTACTS)), status_of(&contacts(MAX_CONTACTS + 1))), (200, 400));
    let long = |length: usize| "i".repeat(length);
    for (from, to) in [("Call-ID: c1", "Call-ID: "), (";tag=f1", ";tag="), (";branch=z9hG4bKo", ";branch=")] {
        let with = |length: usize| status_of(&options("").replace(from, &format!("{to}{}", long(length))));
        assert_eq!((with(MAX_IDENTIFIER), with(MAX_IDENTIFIER + 1)), (200, 400), "{to}");
    }
    let to = |length: usize| {
        status_of(&options("").replace("To: <sip:3977@10.0.0.1>", &format!("To: <sip:3977@h>;tag={}", long(length))))
    };
    assert_eq!((to(MAX_IDENTIFIER), to(MAX_IDENTIFIER + 1)), (200, 400));
}

/// What is kept of names, and how many further identities are read.
#[test]
fn b016_what_is_kept_of_a_call() {
    let value = |key: &str| limits().into_iter().find(|limit| limit.key == key).expect("in the table").value;
    for length in [value("display"), value("display") + 1] {
        let text = options("Contact: <sip:x@h>\r\n")
            .replace("OPTIONS", "INVITE")
            .replace("From: <", &format!("From: \"{}\" <", "é".repeat(length)));
        let mut net = Network::new(1, 1, Faults::NONE);
        net.inject(0, STRANGER, &text);
        let Some((_, Event::Invite { invite, .. })) = net.ends[0].events.first() else { panic!("let in") };
        assert_eq!(invite.from.display.reveal().chars().count(), value("display"));
    }
    for length in [value("user_agent"), value("user_agent") + 1] {
        assert_eq!(invite(&format!("User-Agent: {}\r\n", "u".repeat(length))).user_agent.len(), value("user_agent"));
    }
    for count in [value("values"), value("values") + 1] {
        assert_eq!(invite(&"Diversion: <sip:d@h>\r\n".repeat(count)).diversion.len(), value("values"));
    }
    for (count, named) in
        [(value("unsupported"), value("unsupported")), (value("unsupported") + 1, value("unsupported"))]
    {
        let tags: Vec<String> = (0..count).map(|nth| format!("tag{nth}")).collect();
        let mut net = Network::new(1, 1, Faults::NONE);
        net.inject(0, STRANGER, &options(&format!("Require: {}\r\n", tags.join(", "))));
        assert!(net.latest(0).starts_with("SIP/2.0 420"));
        assert_eq!(net.latest(0).matches("tag").count() - net.latest(0).matches(";tag=").count(), named);
    }
}

/// Devices of one account: as many as the limit says, and one more is refused and changes nothing. A device that is
/// there already may always come back.
#[test]
fn b016_devices_of_an_account() {
    let most = EndpointConfig::default().contacts_per_user;
    let mut net = registering::scene(Faults::NONE);
    let contacts =
        |count: usize| (0..count).map(|n| format!("Contact: <sip:odile@192.168.7.{}>\r\n", n + 20)).collect();
    let lines: [String; 3] = [contacts(most), contacts(most + 1), contacts(1)];
    for (nth, (lines, status)) in lines.iter().zip(["200", "403", "200"]).enumerate() {
        let flow = registering::phone_flow(&net, 1035);
        let reply = registering::raw_register(&mut net, flow, "c", nth as u32 + 1, lines);
        assert!(reply.starts_with(&format!("SIP/2.0 {status}")), "{reply}");
        assert_eq!(net.counts(0).bindings, most);
        net.run_for_ms(40_000);
    }
}

/// Devices in all: the same, whoever's they are.
#[test]
fn b016_devices_in_all() {
    let mut net = Network::empty(5, Faults::NONE);
    net.add(EndpointConfig { domains: vec!["ecoute.example".into()], bindings_max: 2, ..EndpointConfig::default() });
    let mut accounts = Accounts::none();
    accounts.insert("odile", Secret::password("secret"));
    net.command(0, Command::Accounts(Arc::new(accounts)));
    for (nth, status) in [(1, "200"), (2, "200"), (3, "403"), (2, "200")] {
        let flow = registering::phone_flow(&net, 1035 + nth);
        let contact = format!("Contact: <sip:odile@192.168.7.{nth}>\r\n");
        let cseq = net.now.as_millis() as u32;
        let reply = registering::raw_register(&mut net, flow, &format!("c{nth}"), cseq, &contact);
        assert!(reply.starts_with(&format!("SIP/2.0 {status}")), "{nth}: {reply}");
        net.run_for_ms(40_000);
    }
    assert_eq!(net.counts(0).bindings, 2);
}

/// Answers of one outgoing call that forked: so many are acknowledged, and all but the first hung up; one more is left to
/// itself.
#[test]
fn b016_answers_of_a_forked_call() {
    let most = limits().into_iter().find(|limit| limit.key == "forks").expect("in the table").value;
    let mut net = Network::new(1, 2, Faults { loss_percent: 100, ..Faults::NONE });
    net.call(Some("v=0"));
    let invite = net.latest(0).to_owned();
    let line = |name: &str| invite.lines().find(|line| line.starts_with(name)).expect("a header").to_owned();
    for nth in 0..=most {
        let text = format!(
            "SIP/2.0 200 OK\r\n{}\r\n{}\r\n{};tag=t{nth}\r\n{}\r\n{}\r\nContact: <sip:fork{nth}@10.0.0.2>\r\n\
             Content-Type: application/sdp\r\nContent-Length: 3\r\n\r\nv=0",
            line("Via:"),
            line("From:"),
            line("To:"),
            line("Call-ID:"),
            line("CSeq:")
        );
        net.inject(0, "10.0.0.2:5060", &text);
    }
    assert_eq!(
        (net.sent(0, &format!("ACK sip:fork{}@", most - 1)), net.sent(0, &format!("ACK sip:fork{most}@"))),
        (1, 0)
    );
    assert_eq!(net.sent(0, "ACK sip:fork"), most);
    net.run_for_ms(100);
    assert!(net.sent(0, "BYE sip:fork0@") == 0 && net.sent(0, "BYE sip:fork1@") >= 1);
}
