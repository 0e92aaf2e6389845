//! Phones and the registrar, both of them real endpoints: registration, digest, calls both ways.

use std::sync::Arc;

use super::network::{Faults, Network};
use crate::sip::message::{Framing, Message};
use crate::sip::{
    Accounts, CauseKind, Command, Credentials, EndpointConfig, Event, Flow, Input, Register, RegistrationState, Secret,
    Target, Transport, Trust, Unbound,
};

/// End 0 is the server with the accounts odile and rene; end 1 is a phone.
pub(super) fn scene(faults: Faults) -> Network {
    let mut net = Network::empty(5, faults);
    net.add(EndpointConfig { domains: vec!["ecoute.example".into()], ..Default::default() });
    net.add(EndpointConfig::default());
    let mut accounts = Accounts::none();
    accounts.insert("odile", Secret::password("secret"));
    accounts.insert("rene", Secret::password("other"));
    net.command(0, Command::Accounts(Arc::new(accounts)));
    net
}

fn register(net: &mut Network, phone: usize, user: &str, password: &str) {
    let register = Register {
        account: 1,
        registrar: net.flow(phone, 0),
        aor: format!("sip:{user}@ecoute.example").into(),
        credentials: Some(Credentials::new(user, password)),
        expires_s: 300,
        contact_user: user.into(),
        instance: None,
    };
    net.command(phone, Command::Register(Box::new(register)));
}

fn states(net: &Network, end: usize) -> Vec<RegistrationState> {
    let state = |event: &Event| match event {
        Event::Registration { state, .. } => Some(*state),
        _ => None,
    };
    net.ends[end].events.iter().filter_map(|(_, event)| state(event)).collect()
}

/// A phone registers over a challenge, refreshes by itself before the lease ends (without being asked again, as long as
/// the nonce lives), and leaves: one binding, then none.
#[test]
fn b122_register_refresh_leave() {
    let mut net = scene(Faults::NONE);
    register(&mut net, 1, "odile", "secret");
    net.run_for_ms(100);
    assert_eq!(states(&net, 1), [RegistrationState::Registered { expires_s: 300 }]);
    assert_eq!(net.ends[0].endpoint.bindings("Odile").count(), 1);
    assert_eq!(net.sent(1, "REGISTER"), 2);
    net.run_for_ms(3_600_000);
    assert_eq!(net.ends[0].count("unbound"), 0);
    assert_eq!((net.counts(0).bindings, net.ends[0].count("auth_failed")), (1, 0));
    assert!(net.ends[0].count("bound") >= 12, "{}", net.ends[0].count("bound"));
    net.command(1, Command::Unregister { account: 1 });
    net.run_for_ms(100);
    assert_eq!(states(&net, 1).last(), Some(&RegistrationState::Gone));
    assert!(matches!(net.ends[0].events.last(), Some((_, Event::Unbound { bindings: 0, why: Unbound::Removed, .. }))));
    net.run_dry();
    net.assert_settled("unregistered");
}

/// In a storm the phone stays registered, and nobody counts a failed password.
#[test]
fn registering_in_a_storm() {
    for seed in 0..20 {
        let mut net = scene(Faults::STORM);
        for _ in 0..seed {
            net.ends[1].endpoint.new_session();
        }
        net.run_for_ms(seed * 7);
        register(&mut net, 1, "odile", "secret");
        net.run_for_ms(120_000);
        assert_eq!((net.counts(0).bindings, net.ends[0].count("auth_failed")), (1, 0), "seed {seed}");
    }
}

/// A wrong password and an unknown user get the same answer, at most twice per attempt; then the phone waits, and the
/// source is ignored after too many failures.
#[test]
fn b140_wrong_password() {
    let mut answers = Vec::new();
    for user in ["odile", "nobody"] {
        let mut net = scene(Faults::NONE);
        register(&mut net, 1, user, "wrong");
        net.run_for_ms(100);
        assert_eq!(states(&net, 1), [RegistrationState::Failed { status: 401 }]);
        assert_eq!((net.sent(1, "REGISTER"), net.ends[0].count("auth_failed")), (2, 1));
        let plain = |text: &str| text.split("nonce=").next().map(|t| t.lines().next().map(str::to_owned));
        answers.push(plain(net.latest(0)));
        net.run_for_ms(600_000);
        assert!(net.sent(1, "REGISTER") < 20, "{}", net.sent(1, "REGISTER"));
        assert_eq!(net.counts(0).bindings, 0);
    }
    assert_eq!(answers[0], answers[1]);
}

/// Both hashes are offered, the stronger first; to a phone known to stumble over SHA-256, MD5 alone.
#[test]
fn b137_what_a_phone_can_read() {
    for (agent, offered) in [("Linphone/5", 2), ("baresip v1.0.0 (x86_64/linux)", 1)] {
        let mut net = scene(Faults::NONE);
        let text = format!(
            "REGISTER sip:ecoute.example SIP/2.0\r\nVia: SIP/2.0/UDP h;rport;branch=z9hG4bK1\r\n\
             From: <sip:odile@ecoute.example>;tag=1\r\nTo: <sip:odile@ecoute.example>\r\nCall-ID: c\r\n\
             CSeq: 1 REGISTER\r\nUser-Agent: {agent}\r\nMax-Forwards: 70\r\nExpires: 300\r\n\
             Contact: <sip:odile@192.168.7.20:5060;transport=udp>\r\nContent-Length: 0\r\n\r\n"
        );
        net.inject(0, "203.0.113.5:1035", &text);
        assert_eq!(net.latest(0).matches("WWW-Authenticate").count(), offered, "{}", net.latest(0));
    }
}

/// Somebody else's address of record, with one's own password: 403. Another domain: 404.
#[test]
fn b127_b128_not_yours() {
    for (aor, status) in [("sip:rene@ecoute.example", 403), ("sip:odile@elsewhere.example", 404)] {
        let mut net = scene(Faults::NONE);
        let register = Register {
            account: 1,
            registrar: net.flow(1, 0),
            aor: aor.into(),
            credentials: Some(Credentials::new("odile", "secret")),
            expires_s: 300,
            contact_user: "odile".into(),
            instance: None,
        };
        net.command(1, Command::Register(Box::new(register)));
        net.run_for_ms(100);
        assert_eq!(states(&net, 1), [RegistrationState::Failed { status }]);
    }
}

/// A call to a registered phone rings there, over its flow; the phone trusts its registrar. A call of the phone is
/// challenged once and then known to be hers. Strangers are challenged.
#[test]
fn b087_calls_both_ways() {
    let mut net = scene(Faults::NONE);
    register(&mut net, 1, "odile", "secret");
    net.run_for_ms(100);
    let binding = net.ends[0].endpoint.bindings("odile").next().cloned().expect("registered");
    let ours = net.call_with(0, 1, Some("offer"), |invite| invite.target = Target::Binding(Box::new(binding)));
    net.run_for_ms(50);
    let theirs = net.ends[1].called();
    let Some((_, Event::Invite { invite, .. })) = net.ends[1].events.last() else { panic!("rings") };
    assert_eq!(invite.trust, Trust::Registrar(1));
    net.respond(1, theirs, 200, Some("answer"));
    net.run_for_ms(50);
    net.hangup(0, ours);
    net.run_for_ms(50);

    let call = net.call_with(1, 0, Some("offer"), |invite| {
        invite.credentials = Some(Credentials::new("odile", "secret"));
    });
    net.run_for_ms(50);
    let Some((_, Event::Invite { invite, session })) = net.ends[0].events.last() else { panic!("rings") };
    assert_eq!(invite.trust, Trust::User("odile".into()));
    let session = *session;
    net.respond(0, session, 200, Some("answer"));
    net.run_for_ms(50);
    net.hangup(1, call);
    net.run_for_ms(50);
    assert_eq!(net.ends[0].count("ended"), 2);

    net.call_with(1, 0, Some("offer"), |_| {});
    net.run_for_ms(50);
    let Some((_, Event::Rejected { status: 401, cause, .. })) = net.ends[1].events.last() else { panic!("challenged") };
    assert_eq!(cause.kind, CauseKind::Unauthorized);
    net.command(1, Command::Unregister { account: 1 });
    net.run_dry();
    net.assert_settled("both ways");
}

pub(super) fn raw_register(net: &mut Network, flow: Flow, call_id: &str, cseq: u32, lines: &str) -> String {
    // Over a server that asks for no password a raw REGISTER would need none; here the digest is computed as a phone would.
    let mut text = format!(
        "REGISTER sip:ecoute.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.7.20;rport;branch=z9hG4bK{call_id}{cseq}a\r\n\
         From: <sip:odile@ecoute.example>;tag=1\r\nTo: <sip:odile@ecoute.example>\r\nCall-ID: {call_id}\r\n\
         CSeq: {cseq} REGISTER\r\n{lines}Content-Length: 0\r\n\r\n"
    );
    net.input(0, Input::Datagram { flow, bytes: text.as_bytes() });
    let asked = net.latest(0).to_owned();
    if !asked.starts_with("SIP/2.0 401") {
        return asked;
    }
    let response = Message::parse(asked.as_bytes(), Framing::Datagram).expect("readable");
    let mut challenge = crate::sip::auth::Challenge::choose(response.www_authenticate()).expect("a challenge");
    let who = Credentials::new("odile", "secret");
    let mut ids = crate::ids::IdSource::from_number(u64::from(cseq));
    let value = crate::sip::auth::answer(&mut challenge, &who, "REGISTER", "sip:ecoute.example", &mut ids);
    text = text
        .replace("a\r\nFrom", "b\r\nFrom")
        .replace("Content-Length", &format!("Authorization: {}\r\nContent-Length", value.expect("a password fits")));
    net.input(0, Input::Datagram { flow, bytes: text.as_bytes() });
    net.latest(0).to_owned()
}

pub(super) fn phone_flow(net: &Network, port: u16) -> Flow {
    Flow::udp(net.ends[0].addr, format!("203.0.113.5:{port}").parse().expect("an address"))
}

/// Expiry: the Contact's parameter over the header over the default; too short 423, too long shortened (B124, P089).
#[test]
fn b124_p089_how_long() {
    let cases = [
        ("Contact: <sip:odile@192.168.7.20>;expires=300\r\n", "expires=300"),
        ("Expires: 0\r\nContact: <sip:odile@192.168.7.20>;expires=200\r\n", "expires=200"),
        ("Expires: 120\r\nContact: <sip:odile@192.168.7.20>\r\n", "expires=120"),
        ("Contact: <sip:odile@192.168.7.20>\r\n", "expires=300"),
        ("Contact: <sip:odile@192.168.7.20>;expires=999999\r\n", "expires=3600"),
        ("Contact: <sip:odile@192.168.7.20>;expires=10\r\n", "Min-Expires: 60"),
    ];
    for (lines, wanted) in cases {
        let mut net = scene(Faults::NONE);
        let flow = phone_flow(&net, 1035);
        let reply = raw_register(&mut net, flow, "c", 1, lines);
        assert!(reply.contains(wanted), "{lines}{reply}");
    }
}

/// Star only alone and with Expires 0; an old CSeq changes nothing; too many contacts change nothing (B123, B125, B126).
#[test]
fn b122_b123_b125_b126_all_or_nothing() {
    let mut net = scene(Faults::NONE);
    let flow = phone_flow(&net, 1035);
    let contact = |n: u32, q: &str| format!("Contact: <sip:odile@192.168.7.{n}>;q={q}\r\n");
    let reply = raw_register(&mut net, flow, "c", 5, &(contact(20, "0.2") + &contact(21, "0.9")));
    assert!(reply.starts_with("SIP/2.0 200"), "{reply}");
    let order: Vec<u16> = net.ends[0].endpoint.bindings("odile").map(|b| b.q).collect();
    assert_eq!(order, [900, 200]);
    for (cseq, lines, status) in [
        (6, "Contact: *\r\nExpires: 60\r\n".to_owned(), "400"),
        (6, "Contact: *\r\nExpires: 0\r\nContact: <sip:odile@192.168.7.9>\r\n".to_owned(), "400"),
        (4, contact(20, "0.5"), "500"),
        (5, contact(20, "0.5") + "X: 1\r\n", "500"),
        (6, (22..26).map(|n| contact(n, "1")).collect(), "403"),
        (7, "Contact: <tel:3977>\r\n".to_owned(), "400"),
    ] {
        let reply = raw_register(&mut net, flow, "c", cseq, &lines);
        assert!(reply.starts_with(&format!("SIP/2.0 {status}")), "{lines}{reply}");
        assert_eq!(net.counts(0).bindings, 2);
        // Until the transaction is over, the same CSeq and branch would be a mere repeat.
        net.run_for_ms(40_000);
    }
    let reply = raw_register(&mut net, flow, "c", 9, "");
    assert_eq!(reply.matches("Contact: ").count(), 2, "a question lists all: {reply}");
    let reply = raw_register(&mut net, flow, "c", 10, "Contact: *\r\nExpires: 0\r\n");
    assert!(reply.starts_with("SIP/2.0 200") && !reply.contains("Contact: "), "{reply}");
    assert_eq!(net.counts(0).bindings, 0);
}

/// One device, one binding: by +sip.instance over new ports and Call-IDs, by its flow after a restart; and the INVITE
/// goes to the source, not to the private Contact (P086, P088).
#[test]
fn b134_p086_p088_one_device_one_binding() {
    let mut net = scene(Faults::NONE);
    let lines =
        "Contact: <sip:odile@192.168.7.20:5060>;+sip.instance=\"<urn:uuid:1>\";reg-id=1\r\nSupported: outbound\r\n";
    for port in 1035..1041 {
        let flow = phone_flow(&net, port);
        let reply = raw_register(&mut net, flow, &format!("c{port}"), 1, lines);
        assert!(reply.contains("Require: outbound"), "{reply}");
    }
    let flows: Vec<u16> = net.ends[0].endpoint.bindings("odile").map(|b| b.flow.remote.port()).collect();
    assert_eq!(flows, [1040]);
    let flow = phone_flow(&net, 1040);
    raw_register(&mut net, flow, "fresh", 1, "Contact: <sip:odile@192.168.7.20:5999>\r\n");
    assert_eq!(net.counts(0).bindings, 1, "the same flow is the same phone");
    let binding = net.ends[0].endpoint.bindings("odile").next().cloned().expect("registered");
    assert_eq!(binding.flow.remote.to_string(), "203.0.113.5:1040");
}

/// A binding that is not refreshed ends on time; one on a connection ends with it; one of a user who is taken away ends
/// on reload. Each is said once.
#[test]
fn b133_p090_how_bindings_end() {
    let mut net = scene(Faults::NONE);
    let flow = phone_flow(&net, 1035);
    raw_register(&mut net, flow, "c", 1, "Contact: <sip:odile@192.168.7.20>;expires=60\r\n");
    net.run_for_ms(59_900);
    assert_eq!(net.counts(0).bindings, 1);
    net.run_for_ms(200);
    assert!(matches!(net.ends[0].events.last(), Some((_, Event::Unbound { why: Unbound::Expired, bindings: 0, .. }))));

    let web = Flow { transport: Transport::Ws, connection: 7, ..flow };
    raw_register(&mut net, web, "w", 1, "Contact: <sip:odile@x.invalid;transport=ws>\r\n");
    net.input(0, Input::FlowClosed(web));
    assert!(matches!(net.ends[0].events.last(), Some((_, Event::Unbound { why: Unbound::FlowClosed, .. }))));

    raw_register(&mut net, flow, "d", 1, "Contact: <sip:odile@192.168.7.20>\r\n");
    net.command(0, Command::Accounts(Arc::new(Accounts::none())));
    assert!(matches!(net.ends[0].events.last(), Some((_, Event::Unbound { why: Unbound::Revoked, .. }))));
    net.run_dry();
    net.assert_settled("bindings");
}

/// A browser's tab closes in the middle of a call: the session and the binding end at once, and nothing is left.
#[test]
fn p090_b092_a_connection_is_lost() {
    let mut net = scene(Faults::NONE);
    let web = Flow { transport: Transport::Wss, connection: 7, ..phone_flow(&net, 1035) };
    raw_register(&mut net, web, "w", 1, "Contact: <sip:odile@x.invalid;transport=ws>\r\n");
    let binding = net.ends[0].endpoint.bindings("odile").next().cloned().expect("registered");
    net.call_with(0, 0, Some("offer"), |invite| invite.target = Target::Binding(Box::new(binding)));
    net.run_for_ms(100);
    assert!(net.latest(0).starts_with("INVITE sip:odile@x.invalid;transport=ws"), "{}", net.latest(0));
    net.input(0, Input::FlowClosed(web));
    assert!(net.ends[0].events.iter().any(|(_, e)| matches!(e, Event::Rejected { status: 503, .. })));
    assert_eq!(net.ends[0].count("unbound"), 1);
    net.run_dry();
    net.assert_settled("lost connection");
}

/// A nonce that is too old is answered `stale=true`, and the phone goes on with the new one without a failure (P093).
#[test]
fn b138_p093_stale_nonce() {
    let mut net = scene(Faults::NONE);
    register(&mut net, 1, "odile", "secret");
    net.run_for_ms(1000);
    // The lease is as long as the nonce lives, so the second or third refresh meets an old nonce.
    net.run_for_ms(1_000_000);
    let stale = net.ladder.iter().filter(|(_, from, text)| *from == 0 && text.contains("stale=true")).count();
    assert!(stale >= 1);
    assert_eq!((net.ends[0].count("auth_failed"), net.ends[0].count("unbound")), (0, 0));
}

/// A probe is answered with the status, and its absence after 32 s.
#[test]
fn probes() {
    let mut net = scene(Faults::NONE);
    let flow = net.flow(0, 1);
    net.command(0, Command::Options { probe: 3, flow, uri: "sip:10.0.0.2".into() });
    net.run_for_ms(50);
    assert!(matches!(net.ends[0].events.last(), Some((_, Event::OptionsReply { probe: 3, status: Some(200), .. }))));
    net.faults.loss_percent = 100;
    net.command(0, Command::Options { probe: 4, flow, uri: "sip:10.0.0.2".into() });
    net.run_for_ms(33_000);
    assert!(matches!(net.ends[0].events.last(), Some((_, Event::OptionsReply { probe: 4, status: None, .. }))));
    net.run_dry();
    net.assert_settled("probes");
}
