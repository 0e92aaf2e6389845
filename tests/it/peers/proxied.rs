//! Calls that come through an operator's proxy, which stays on their path: two transports, two Record-Routes.

use std::net::SocketAddr;

use super::certificate::Certificate;
use super::kamailio::Kamailio;
use super::sipp::{Play, Sipp};
use super::voice::Voice;
use super::{CALLER_HZ, House, LISTENER_HZ};
use crate::engine::{SOON, free_port, own_address, wait_until};
use ecoute::node::{PhoneAction, PhoneEvent};

/// A caller over UDP, Kamailio, the engine over TCP. Her re-INVITEs, ACKs and BYE come to the engine through the proxy; of the
/// next call, which the listener ends, the engine's BYE goes through it to her. In both they hear each other.
#[test]
fn b063_record_route_over_udp_and_tcp() {
    let house = House::new("kamailio-tcp");
    let kamailio = Kamailio::start(&house.engine.dir, house.engine.sip, None);
    through(&house, &kamailio, "tcp");
}

/// The same with TLS between the proxy and the engine.
#[test]
fn b063_record_route_over_udp_and_tls() {
    let ip = own_address();
    let (udp, tls) = (SocketAddr::new(ip, free_port(ip)), SocketAddr::new(ip, free_port(ip)));
    let certificate = Certificate::new("kamailio", ip);
    let mut house = House::with("kamailio-tls", |setup| {
        certificate.shown_by(setup).set("sip.listen", &format!("[\"udp:{udp}\", \"tls:{tls}\"]"))
    });
    house.engine.sip = udp;
    let kamailio = Kamailio::start(&house.engine.dir, tls, Some(&certificate));
    through(&house, &kamailio, "tls");
}

// ---- helpers -----------------------------------------------------------------------------------------------------

fn through(house: &House, kamailio: &Kamailio, inside: &str) {
    let mut isere = house.phone();
    let call = |scenario, isere: &mut crate::softphones::Phone| {
        let voice = Voice::start(house.callers, CALLER_HZ);
        let play = Play {
            scenario,
            ip: house.callers,
            port: 0,
            server: kamailio.callers,
            sound: voice.port(),
            transport: "u1",
            more: &[],
        };
        let mut caller = Sipp::start(&house.engine.dir, &play);
        isere.wait("the ring", |event| *event == PhoneEvent::Rings);
        isere.act(PhoneAction::Answer);
        isere.wait("the conversation", |event| *event == PhoneEvent::Connected);
        caller.wait("ANSWERED");
        voice.hear(LISTENER_HZ);
        isere.hear(CALLER_HZ);
        (caller, voice)
    };
    let (mut caller, voice) = call("hold", &mut isere);
    caller.wait("RESUMED");
    voice.hear(LISTENER_HZ);
    isere.hear(CALLER_HZ);
    isere.wait_over();
    caller.finish();
    house.recorded("caller", "hung_up");
    let routes = caller.messages();
    let routes = routes.lines().filter(|line| line.starts_with("Record-Route:")).count();
    assert!(routes >= 2, "the proxy has written {routes} Record-Routes");

    let (mut caller, voice) = call("talk", &mut isere);
    isere.act(PhoneAction::Hangup);
    caller.finish();
    drop(voice);
    wait_until("the second call is recorded", SOON, || house.engine.records().len() == 2);
    assert_eq!(house.engine.records()[0]["termination"]["by"], "listener");
    house.engine.quiet();

    let log = kamailio.log();
    assert!(!log.contains("ASTRAY"), "{log}");
    // Two re-INVITEs and their ACKs, the first ACK of both calls, and her BYE; then the engine's.
    let counted = |method| (kamailio.inside(method, "udp"), kamailio.inside(method, inside));
    assert_eq!(counted("INVITE"), (2, 0), "{log}");
    assert_eq!(counted("ACK"), (4, 0), "{log}");
    assert_eq!(counted("BYE"), (1, 1), "{log}");
}
