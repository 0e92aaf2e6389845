//! Trunks that register: the endpoint keeps the registration, this room chooses where and tells who must see to it.

use super::*;
use crate::sip::RegistrationState::{Failed, Gone, Registered};

fn registered(world: &mut World, registrar: &[(&str, u16, u16)]) -> Vec<Register> {
    let query = world.asked().first().map(|(query, _)| *query).expect("a question");
    world.resolve(query, registrar);
    let sent = world.registers();
    assert_eq!(sent.len(), 1);
    let state = Registered { expires_s: 1800 };
    world.give(Input::Registration { account: 0, state });
    sent
}

/// What is registered, where, and with what.
#[test]
fn a_registration_says_what_was_agreed() {
    let mut world = World::new(vec![account("a", "sip.operateur.example")]);
    let sent = registered(&mut world, &[("192.0.2.1:5060", 1, 1)]);
    let register = &sent[0];
    assert_eq!((register.account, register.expires_s), (0, 1800));
    assert_eq!(register.aor.reveal(), "sip:0033199000110@sip.operateur.example");
    assert_eq!(register.contact_user.reveal(), "0033199000110");
    assert_eq!(register.registrar.remote, hop("192.0.2.1:5060").remote);
    assert_eq!(world.state("a"), State::Up);
    assert_eq!(world.trunks.status(world.now)[0].registered, Some(true));
}

/// No call is placed before the registrar knows us, nor after it forgot us.
#[test]
fn calls_wait_for_the_registration() {
    let mut world = World::new(vec![account("a", "sip.operateur.example")]);
    assert!(matches!(world.hops(), Err(NoRoute::Down { .. })));
    registered(&mut world, &[("192.0.2.1:5060", 1, 1)]);
    assert_eq!(world.hops().map(|hops| hops.len()), Ok(1));
    // The refresh fails, and the lease is still good for a while.
    world.give(Input::Registration { account: 0, state: Failed { status: 500 } });
    assert_eq!(world.hops().map(|hops| hops.len()), Ok(1));
    world.pass(seconds(1801), |_| true);
    assert!(matches!(world.hops(), Err(NoRoute::Down { .. })));
    assert_ne!(world.state("a"), State::Up);
}

/// A registrar that fails hands over to the next address at once, to each once; then the registration waits by itself.
#[test]
fn p080_each_registrar_is_tried_once_a_round() {
    let mut world = World::new(vec![account("a", "sip.operateur.example")]);
    let query = world.asked()[0].0;
    world.resolve(query, &[("192.0.2.1:5060", 1, 1), ("192.0.2.2:5060", 2, 1), ("192.0.2.3:5060", 3, 1)]);
    let mut tried: Vec<SocketAddr> = world.registers().iter().map(|register| register.registrar.remote).collect();
    for status in [408, 503, 500] {
        world.give(Input::Registration { account: 0, state: Failed { status } });
        tried.extend(world.registers().iter().map(|register| register.registrar.remote));
    }
    let port = |n: u8| SocketAddr::from(([192, 0, 2, n], 5060));
    assert_eq!(tried, [port(1), port(2), port(3)], "the third failure ends the round");
    assert_eq!(world.state("a"), State::Unknown);
    // The endpoint's own next attempt fails too: another round.
    world.give(Input::Registration { account: 0, state: Failed { status: 503 } });
    assert_eq!(world.registers().len(), 1);
}

/// A refused password is told to staff, once, and nothing is hurried: no other registrar is bothered with it.
#[test]
fn p081_a_refused_password_is_told_and_not_hurried() {
    let mut world = World::new(vec![account("a", "sip.operateur.example")]);
    let query = world.asked()[0].0;
    world.resolve(query, &[("192.0.2.1:5060", 1, 1), ("192.0.2.2:5060", 2, 1)]);
    world.take();
    let told = |world: &mut World| -> Vec<bool> {
        let alert = |output| match output {
            Output::Register(_) => panic!("nothing is hurried"),
            Output::Alert { alert: Alert::Credentials, raised, .. } => Some(raised),
            _ => None,
        };
        world.take().into_iter().filter_map(alert).collect()
    };
    for status in [401, 403, 407] {
        world.give(Input::Registration { account: 0, state: Failed { status } });
    }
    assert_eq!(told(&mut world), [true]);
    assert_eq!(world.state("a"), State::Down);
    world.give(Input::Registration { account: 0, state: Registered { expires_s: 1800 } });
    assert_eq!(told(&mut world), [false]);
    assert_eq!(world.state("a"), State::Up);
}

/// One account that is refused, and another trunk that serves.
#[test]
fn a_refused_account_blocks_nobody() {
    let mut world = World::new(vec![account("a", "192.0.2.1:5060"), fixed("b", &[("192.0.2.2:5060", 1, 1)])]);
    world.give(Input::Registration { account: 0, state: Failed { status: 403 } });
    assert_eq!(world.hops(), Ok(vec![hop("192.0.2.2:5060").remote]));
}

/// Taken out of the set-up, a trunk is unregistered; changed, it registers anew over what it had.
#[test]
fn p084_a_trunk_taken_away_is_unregistered() {
    let mut world = World::new(vec![account("a", "192.0.2.1:5060")]);
    assert_eq!(world.registers().len(), 1);
    world.give(Input::Registration { account: 0, state: Registered { expires_s: 1800 } });
    world.give(Input::SetUp { trunks: vec![account("a", "192.0.2.1:5060")], locals: locals() });
    assert!(world.registers().is_empty(), "nothing changed");
    world.give(Input::SetUp { trunks: vec![account("a", "192.0.2.9:5060")], locals: locals() });
    assert_eq!(world.registers()[0].registrar.remote, hop("192.0.2.9:5060").remote);
    world.give(Input::SetUp { trunks: Vec::new(), locals: locals() });
    let ended = |output: &Output| matches!(output, Output::Unregister { account: 0 });
    assert!(world.take().iter().any(ended));
    world.give(Input::Registration { account: 0, state: Gone });
}

/// When the address we are registered at leaves the DNS, we register at the new one.
#[test]
fn a_registrar_that_moves_is_followed() {
    let mut world = World::new(vec![account("a", "sip.operateur.example")]);
    registered(&mut world, &[("192.0.2.1:5060", 1, 1)]);
    let query = world.until_asked();
    world.resolve(query, &[("192.0.2.2:5060", 1, 1)]);
    assert_eq!(world.registers()[0].registrar.remote, hop("192.0.2.2:5060").remote);
}
