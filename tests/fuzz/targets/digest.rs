//! Passwords: the headers read, the registrar's judgement, and the answer of our own client to a challenge (RFC 7616).
//!
//! A user agent of ours registers with a registrar of ours; what travels between them is changed on its way. Whatever is
//! changed, nobody is let in who did not answer our own challenge with the right secret.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ecoute::clock::Instant;
use ecoute::ids::IdSource;
use ecoute::sip::message::{Challenge, Digest, Framing, HeaderName, Message};
use ecoute::sip::{
    Accounts, Command, Credentials, Endpoint, EndpointConfig, Event, Flow, Input, Output, Register, Secret,
};

use super::Feed;

/// The first byte chooses what is changed: the header read alone, the challenge, or the credentials.
pub fn digest(data: &[u8]) {
    let mut feed = Feed(data);
    match feed.byte() % 4 {
        0 => alone(feed.0),
        1 => challenged(feed.0),
        2 => credentials(feed, true),
        _ => credentials(feed, false),
    }
}

fn alone(value: &[u8]) {
    if let Some(digest) = Digest::parse(value) {
        assert!(
            [digest.username, digest.realm, digest.nonce, digest.uri, digest.response].iter().all(|v| !v.is_empty())
        );
        let _ = (digest.nonce_count(), format!("{digest:?}"));
    }
    if let Some(challenge) = Challenge::parse(value) {
        assert!(!challenge.realm.is_empty() && !challenge.nonce.is_empty());
        let _ = (challenge.offers_qop("auth"), format!("{challenge:?}"));
    }
}

/// A registrar that challenges with anything at all: our client answers once, or gives up, and never with its password.
fn challenged(value: &[u8]) {
    let mut scene = Scene::new(7);
    let first = scene.register();
    for code in ["401 Unauthorized", "407 Proxy Authentication Required"] {
        let mut response = answer_to(&first, code);
        response.extend(if code.starts_with("401") { &b"WWW-Authenticate: "[..] } else { b"Proxy-Authenticate: " });
        response.extend(value.iter().map(|b| if matches!(b, b'\r' | b'\n') { b' ' } else { *b }));
        response.extend(b"\r\nContent-Length: 0\r\n\r\n");
        let sent = scene.at_client(&response);
        assert!(sent.len() <= 2, "one answer, and no storm");
        for bytes in sent {
            assert!(!bytes.windows(SECRET.len()).any(|w| w == SECRET.as_bytes()), "the password stays at home");
            Message::parse(&bytes, Framing::Stream).expect("our own request can be read");
        }
    }
}

/// The second REGISTER of our client with its credentials changed (a few bytes of them, or all).
fn credentials(mut feed: Feed<'_>, a_few: bool) {
    let mut scene = Scene::new(u64::from(feed.byte()));
    let first = scene.register();
    let asked = scene.at_registrar(&first).pop().expect("the registrar asks");
    let second = scene.at_client(&asked).pop().expect("the client answers");
    let message = Message::parse(&second, Framing::Stream).expect("our own request can be read");
    let value = message.header(HeaderName::Authorization).expect("with credentials");
    let genuine = Digest::parse(value).expect("of ours");
    let mut changed = value.to_vec();
    if a_few {
        feed.edit(&mut changed, 6);
    } else {
        changed = feed.0.to_vec();
    }
    let at = value.as_ptr() as usize - second.as_ptr() as usize;
    let mut sent = second[..at].to_vec();
    sent.extend(changed.iter().map(|b| if matches!(b, b'\r' | b'\n') { b' ' } else { *b }));
    sent.extend(&second[at + value.len()..]);
    scene.at_registrar(&sent);
    if scene.bound == 0 {
        return;
    }
    let read = Message::parse(&sent, Framing::Stream).expect("whoever was let in could be read");
    let shown = read.authorization().next().expect("with credentials");
    assert!(shown.username.eq_ignore_ascii_case(genuine.username), "the user who proved it");
    assert_eq!(
        (shown.realm, shown.nonce, shown.nc, shown.cnonce),
        (genuine.realm, genuine.nonce, genuine.nc, genuine.cnonce)
    );
    assert!(shown.response.eq_ignore_ascii_case(genuine.response));
    // And once only.
    scene.bound = 0;
    let branch = |bytes: &[u8]| String::from_utf8_lossy(bytes).replacen("z9hG4bK", "z9hG4bKx", 1).into_bytes();
    scene.at_registrar(&branch(&sent));
    assert_eq!(scene.bound, 0, "the same words a second time prove nothing");
}

const SECRET: &str = "mot-de-passe-a-deviner";

struct Scene {
    now: Instant,
    client: Endpoint,
    registrar: Endpoint,
    up: Flow,
    bound: usize,
}

impl Scene {
    fn new(seed: u64) -> Scene {
        let at = |text: &str| -> SocketAddr { text.parse().expect("an address") };
        let mut ids = IdSource::from_number(seed);
        let config = EndpointConfig { domains: vec!["example.org".into()], ..EndpointConfig::default() };
        let mut registrar = Endpoint::new(config, ids.fork());
        let now = Instant::from_millis(10_000);
        let mut accounts = Accounts::none();
        accounts.insert("isere", Secret::password(SECRET));
        registrar.handle_input(now, Input::Command(Command::Accounts(Arc::new(accounts))));
        let client = Endpoint::new(EndpointConfig { registrar: false, ..EndpointConfig::default() }, ids);
        let up = Flow::udp(at("192.0.2.5:5060"), at("192.0.2.1:5060"));
        let mut scene = Scene { now, client, registrar, up, bound: 0 };
        let _ = drain(&mut scene.registrar, &mut scene.bound);
        scene
    }

    fn register(&mut self) -> Vec<u8> {
        let register = Register {
            account: 1,
            registrar: self.up,
            aor: "sip:isere@example.org".into(),
            credentials: Some(Credentials::new("isere", SECRET)),
            expires_s: 300,
            contact_user: "isere".into(),
            instance: None,
        };
        self.client.handle_input(self.now, Input::Command(Command::Register(Box::new(register))));
        drain(&mut self.client, &mut 0).pop().expect("a REGISTER leaves")
    }

    fn at_registrar(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        self.now += Duration::from_millis(20);
        let flow = Flow { local: self.up.remote, remote: self.up.local, ..self.up };
        self.registrar.handle_input(self.now, Input::Datagram { flow, bytes });
        drain(&mut self.registrar, &mut self.bound)
    }

    fn at_client(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        self.now += Duration::from_millis(20);
        self.client.handle_input(self.now, Input::Datagram { flow: self.up, bytes });
        drain(&mut self.client, &mut 0)
    }
}

fn drain(endpoint: &mut Endpoint, bound: &mut usize) -> Vec<Vec<u8>> {
    let mut sent = Vec::new();
    loop {
        match endpoint.poll_output() {
            Output::Transmit { bytes, .. } => sent.push(bytes.to_vec()),
            Output::Event(Event::Bound { .. }) => *bound += 1,
            Output::Timeout(_) => return sent,
            _ => {}
        }
    }
}

/// The first lines of an answer to a request of ours.
fn answer_to(request: &[u8], status: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(request);
    let mut out = format!("SIP/2.0 {status}\r\n");
    for line in text.lines().filter(|l| ["Via", "From", "To", "Call-ID", "CSeq"].iter().any(|n| l.starts_with(n))) {
        out += &format!("{line}\r\n");
    }
    out.into_bytes()
}
