//! Real telephones whose signalling travels over connections: baresip over TCP and TLS, linphone over TLS. What they heard is
//! judged from their own recordings.
#![expect(clippy::print_stdout, reason = "what was heard is shown")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::certificate::Certificate;
use super::{CALLER_HZ, House, LISTENER_HZ, accounts};
use crate::engine::{PASSWORD, SOON, free_port, own_address, pause, wait_until};
use crate::softphones::baresip::{Account, Baresip, Microphone, Over};
use crate::softphones::linphone::{Line, Linphone};
use crate::softphones::sound::tone_s;

/// How long two people talk here.
const TALK: Duration = Duration::from_secs(4);
/// Of which each must have heard so much of the other, seconds.
const HEARD_S: f32 = 2.0;

/// Two baresips over TCP, in an engine that listens to nothing else: one registers and is rung over the connection it opened,
/// the other calls; both hear each other, and not themselves.
#[test]
fn baresip_calls_and_answers_over_tcp() {
    let ip = own_address();
    let tcp = SocketAddr::new(ip, free_port(ip));
    let house = House::with("baresip-tcp", |setup| setup.set("sip.listen", &format!("[\"tcp:{tcp}\"]")));
    baresips(&house, tcp, Over::Tcp);
}

/// The same over TLS, with a certificate that only these telephones believe.
#[test]
fn baresip_calls_and_answers_over_tls() {
    let ip = own_address();
    let tls = SocketAddr::new(ip, free_port(ip));
    let certificate = Certificate::new("baresip", ip);
    let house =
        House::with("baresip-tls", |setup| certificate.shown_by(setup).set("sip.listen", &format!("[\"tls:{tls}\"]")));
    baresips(&house, tls, Over::Tls(&certificate.path()));
}

/// Two linphones over TLS, who look at the certificate and at the name in it: one registers and answers, the other calls; the
/// caller hangs up. A third, who believes another certificate, says nothing to the engine.
#[test]
fn linphone_calls_and_answers_over_tls() {
    let local = IpAddr::from(Ipv4Addr::LOCALHOST);
    let tls = SocketAddr::new(local, free_port(local));
    let (certificate, other) = (Certificate::new("linphone", local), Certificate::new("linphone-other", local));
    let house = House::with("linphone-tls", |setup| {
        let listen = setup.set("sip.listen", &format!("[\"tls:{tls}\"]")).set("sip.domains", "[\"localhost\"]");
        // The caller has an account, because a linphone without one announces its sound at any address of the machine; but
        // who has not signed the charter is not rung.
        let accounts = accounts(&["isere", "rhone"]);
        let (before, after) = accounts.rsplit_once("charter = true").expect("the caller's charter");
        certificate.shown_by(listen).listeners(&format!("{before}charter = false{after}"))
    });
    let (believed, strange) = (certificate.path(), other.path());
    let line = |user, password, hz| Line { user, password, port: tls.port(), certificate: &believed, hz };
    let doubting = Line { certificate: &strange, ..line("rhone", PASSWORD, 660) };
    let doubting = Linphone::start(&doubting);
    let mut isere = Linphone::start(&line("isere", PASSWORD, LISTENER_HZ));
    wait_until("isere is registered", SOON, || house.engine.metric("ecoute_bindings") == 1.0);
    wait_until("the other certificate is refused", SOON, || doubting.log().contains("Certificate verification failed"));
    assert_eq!(house.engine.metric("ecoute_bindings"), 1.0, "who believes another certificate has registered");
    let mut caller = Linphone::start(&line("rhone", PASSWORD, CALLER_HZ));
    wait_until("the caller is registered", SOON, || house.engine.metric("ecoute_bindings") == 2.0);
    caller.dial("3977");
    isere.wait("Receiving new incoming call");
    isere.answer();
    isere.wait("Media streams established");
    pause(TALK);
    caller.hang_up();
    isere.wait("ended");
    house.recorded("caller", "hung_up");
    heard(&caller.finish(), LISTENER_HZ, CALLER_HZ);
    heard(&isere.finish(), CALLER_HZ, LISTENER_HZ);
}

// ---- helpers -----------------------------------------------------------------------------------------------------

/// A call between two baresips, ended by the listener.
fn baresips(house: &House, server: SocketAddr, over: Over<'_>) {
    let phone = |user, password, hz| {
        Baresip::over(over, server, &Account { user, name: user, password }, &Microphone::Tone(hz))
    };
    let mut isere = phone("isere", Some(PASSWORD), LISTENER_HZ);
    wait_until("isere is registered", SOON, || house.engine.metric("ecoute_bindings") == 1.0);
    let mut caller = phone("0476000102", None, CALLER_HZ);
    caller.dial("3977");
    caller.wait("CALL_ESTABLISHED", SOON);
    isere.wait("CALL_INCOMING", SOON);
    isere.answer();
    isere.wait("CALL_ESTABLISHED", SOON);
    pause(TALK);
    isere.hang_up();
    caller.wait("CALL_CLOSED", SOON);
    house.recorded("listener", "hung_up");
    heard(&caller.finish(), LISTENER_HZ, CALLER_HZ);
    heard(&isere.finish(), CALLER_HZ, LISTENER_HZ);
}

/// What a telephone recorded: the other for long enough, and hardly itself.
fn heard(recording: &[f32], other_hz: u16, own_hz: u16) {
    let (other_s, own_s) = (tone_s(recording, other_hz), tone_s(recording, own_hz));
    println!("{other_hz} Hz for {other_s} s, its own {own_hz} Hz for {own_s} s");
    assert!(other_s >= HEARD_S, "the other was heard for {other_s} s");
    assert!(own_s < 0.5, "it heard itself for {own_s} s");
}
