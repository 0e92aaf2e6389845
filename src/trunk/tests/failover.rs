//! Peers that fail and come back.

use super::*;

const A: &str = "192.0.2.1:5060";
const B: &str = "192.0.2.2:5060";
const C: &str = "192.0.2.3:5060";

fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn refused(status: u16, retry_after_s: Option<u32>) -> Outcome {
    Outcome::Refused { status, retry_after_s }
}

/// Two targets that both answer 503: two attempts, each to an address of the list, then the failure is told; and none of
/// port 5060 or elsewhere that the operator did not name.
#[test]
fn p025_two_targets_two_attempts_and_no_other() {
    let mut world = World::new(vec![fixed("a", &[("operateur.example", 1, 1)])]);
    let asked = world.asked();
    assert_eq!(asked.len(), 1);
    world.resolve(asked[0].0, &[("192.0.2.1:5080", 1, 1), ("192.0.2.2:5080", 2, 1)]);
    assert_eq!(world.hops(), Ok(vec![addr("192.0.2.1:5080"), addr("192.0.2.2:5080")]));
    assert_eq!(world.outcome("192.0.2.1:5080", refused(503, None)), Next::Attempt);
    assert_eq!(world.outcome("192.0.2.2:5080", refused(503, None)), Next::Attempt);
    assert!(matches!(world.hops(), Err(NoRoute::Down { back_at: Some(_) })), "all said no: a clear answer");
}

/// Three SRV targets: the first is silent, the second says 503, the third works. The next call begins with what works.
#[test]
fn p069_b208_the_third_target_takes_the_call() {
    let mut world = World::new(vec![fixed("a", &[("operateur.example", 1, 1)])]);
    let query = world.asked()[0].0;
    world.resolve(query, &[(A, 1, 1), (B, 2, 1), (C, 3, 1)]);
    let listed = world.trunks.route(world.now, &call()).expect("three ways");
    assert_eq!(listed.iter().map(|one| one.hop.remote).collect::<Vec<_>>(), [addr(A), addr(B), addr(C)]);
    assert!(listed.iter().all(|one| one.patience < seconds(32)), "no caller waits for Timer B");
    assert_eq!(world.outcome(A, Outcome::TimedOut), Next::Attempt);
    assert_eq!(world.outcome(B, refused(503, Some(60))), Next::Attempt);
    assert_eq!(world.outcome(C, Outcome::Alive), Next::Stop);
    assert_eq!(world.hops(), Ok(vec![addr(C)]));
}

/// Retry-After is honoured: not asked of before, asked of again after, and capped.
#[test]
fn b208_retry_after_is_honoured() {
    let mut world = World::new(vec![fixed("a", &[(A, 1, 1), (B, 2, 1)])]);
    let there = |_| true;
    world.pass(seconds(2), there);
    world.outcome(A, refused(503, Some(60)));
    assert_eq!(world.hops(), Ok(vec![addr(B)]));
    world.pass(seconds(57), there);
    assert_eq!(world.hops(), Ok(vec![addr(B)]), "a probe that is answered does not shorten what it asked for");
    world.pass(seconds(4), there);
    assert_eq!(world.hops(), Ok(vec![addr(A), addr(B)]));
    world.outcome(A, refused(503, Some(1_000_000)));
    world.pass(seconds(301), there);
    assert_eq!(world.hops(), Ok(vec![addr(A), addr(B)]), "nobody asks to be left alone for days");
}

/// What each outcome means for the next attempt.
#[test]
fn outcomes() {
    let mut world = World::new(vec![fixed("a", &[(A, 1, 1)])]);
    for (outcome, next) in [
        (Outcome::Alive, Next::Stop),
        (Outcome::TimedOut, Next::Attempt),
        (Outcome::Fault, Next::Attempt),
        (refused(302, None), Next::Attempt),
        (refused(403, None), Next::Trunk),
        (refused(404, None), Next::Stop),
        (refused(407, None), Next::Trunk),
        (refused(408, None), Next::Attempt),
        (refused(480, None), Next::Stop),
        (refused(486, None), Next::Stop),
        (refused(488, None), Next::Stop),
        (refused(500, None), Next::Attempt),
        (refused(503, None), Next::Attempt),
        (refused(504, None), Next::Attempt),
        (refused(505, None), Next::Stop),
        (refused(603, None), Next::Stop),
    ] {
        assert_eq!(world.outcome(A, outcome), next, "{outcome:?}");
    }
}

/// A name and password that a call finds refused are an alert, and it ends with the next call that goes through.
#[test]
fn b087_refused_credentials_are_told() {
    let mut world = World::new(vec![fixed("a", &[(A, 1, 1)])]);
    world.take();
    assert_eq!(world.outcome(A, refused(407, None)), Next::Trunk);
    let told = |said: Vec<Output>| {
        said.into_iter().find_map(|output| match output {
            Output::Alert { alert: Alert::Credentials, raised, .. } => Some(raised),
            _ => None,
        })
    };
    assert_eq!(told(world.take()), Some(true));
    world.outcome(A, refused(407, None));
    assert_eq!(told(world.take()), None, "once is enough");
    world.outcome(A, Outcome::Alive);
    assert_eq!(told(world.take()), Some(false));
}

/// A peer that answered probes and stops is down after three; the first answer brings it back.
#[test]
fn probes_find_out_and_bring_back() {
    let mut world = World::new(vec![fixed("a", &[(A, 1, 1)]), fixed("b", &[(B, 1, 1)])]);
    world.pass(seconds(2), |_| true);
    assert_eq!((world.state("a"), world.state("b")), (State::Up, State::Up));
    world.take();
    world.pass(seconds(90), |hop| hop.remote == addr(B));
    assert_eq!((world.state("a"), world.state("b")), (State::Down, State::Up), "one does not take the other along");
    let missed = world.take().iter().filter(|output| matches!(output, Output::ProbeMissed { .. })).count();
    assert!(missed >= 3, "{missed}");
    assert_eq!(world.hops(), Ok(vec![addr(B)]));
    world.pass(seconds(34), |_| true);
    assert_eq!(world.state("a"), State::Up, "within one probe");
    assert_eq!(world.hops(), Ok(vec![addr(A), addr(B)]));
    world.pass(seconds(86_400), |hop| hop.remote == addr(B));
    world.pass(seconds(42), |_| true);
    assert_eq!(world.state("a"), State::Up, "it is asked for ever");
}

/// One lost probe, or two, is no reason to call a peer down.
#[test]
fn a_lost_probe_is_not_an_outage() {
    let mut world = World::new(vec![fixed("a", &[(A, 1, 1)])]);
    world.pass(seconds(2), |_| true);
    world.pass(seconds(45), |_| false);
    assert_eq!(world.state("a"), State::Up);
}

/// An operator that never answers OPTIONS takes calls all the same; one that is known to be there goes first.
#[test]
fn silence_to_options_is_no_proof() {
    let mut world = World::new(vec![fixed("a", &[(A, 1, 1), (B, 2, 1)])]);
    let there = |hop: Hop| hop.remote == addr(B);
    world.pass(seconds(120), there);
    assert_eq!(world.hops(), Ok(vec![addr(B), addr(A)]));
    world.outcome(A, Outcome::Alive);
    world.pass(seconds(600), there);
    assert_eq!(world.hops(), Ok(vec![addr(A), addr(B)]), "it took a call: its silence means nothing");
}

/// A 503 to OPTIONS says "not here"; any other answer, even 404 or 401, that somebody is.
#[test]
fn what_a_probe_may_answer() {
    for (status, state) in [(200, State::Up), (401, State::Up), (404, State::Up), (503, State::Unknown)] {
        let mut world = World::new(vec![fixed("a", &[(A, 1, 1)])]);
        world.now += seconds(1);
        world.give(Input::Timeout);
        let probe = world.take().iter().find_map(|output| match output {
            Output::Probe { probe, uri, .. } => {
                assert_eq!(uri, "sip:192.0.2.1:5060");
                Some(*probe)
            }
            _ => None,
        });
        world.give(Input::OptionsReply { probe: probe.expect("a probe"), status: Some(status) });
        assert_eq!(world.state("a"), state, "{status}");
    }
}

/// Traffic from a peer is as good as an answer.
#[test]
fn traffic_counts() {
    let mut world = World::new(vec![fixed("a", &[(A, 1, 1)])]);
    world.pass(seconds(2), |_| true);
    world.pass(seconds(120), |_| false);
    assert_eq!(world.state("a"), State::Down);
    let trunk = world.trunks.named("a").expect("a trunk");
    // From a port of its own choice: the address is its alone.
    world.give(Input::Heard { trunk, hop: hop("192.0.2.1:49152") });
    assert_eq!(world.state("a"), State::Up);
}

/// A peer that answers probes and was not there for a call is not tried again before it answers one; it is asked at once.
#[test]
fn after_a_failed_call_only_an_answer_brings_it_back() {
    let mut world = World::new(vec![fixed("a", &[(A, 1, 1), (B, 2, 1)])]);
    world.pass(seconds(2), |_| true);
    world.outcome(A, Outcome::TimedOut);
    let asked = |output: &Output| matches!(output, Output::Probe { flow, .. } if flow.remote == addr(A));
    assert!(world.said.iter().any(asked));
    world.pass(seconds(31), |hop| hop.remote == addr(B));
    assert_eq!(world.hops(), Ok(vec![addr(B)]), "its pause is over, and it said nothing");
    world.outcome(B, Outcome::TimedOut);
    world.pass(seconds(1), |hop| hop.remote == addr(B));
    assert_eq!(world.hops(), Ok(vec![addr(B)]), "one answer ends the pause");
}

/// Without probes a peer that was not there for a call is tried again after half a minute.
#[test]
fn without_probes_time_brings_it_back() {
    let settings = Settings { probe_every: Duration::ZERO, ..fixed("a", &[(A, 1, 1), (B, 2, 1)]) };
    let mut world = World::new(vec![settings]);
    world.outcome(A, Outcome::Fault);
    assert_eq!(world.hops(), Ok(vec![addr(B)]));
    world.pass(seconds(29), |_| false);
    assert_eq!(world.hops(), Ok(vec![addr(B)]));
    world.pass(seconds(2), |_| false);
    assert_eq!(world.hops(), Ok(vec![addr(A), addr(B)]));
    assert!(!world.take().iter().any(|output| matches!(output, Output::Probe { .. })));
}

/// When every peer is down, one is tried all the same once its pause is over; while they pause, the answer is clear.
#[test]
fn the_last_resort() {
    let mut world = World::new(vec![fixed("a", &[(A, 1, 1)])]);
    world.pass(seconds(2), |_| true);
    world.pass(seconds(120), |_| false);
    assert_eq!(world.state("a"), State::Down);
    assert_eq!(world.hops(), Ok(vec![addr(A)]));
    world.outcome(A, Outcome::TimedOut);
    assert!(matches!(world.hops(), Err(NoRoute::Down { .. })));
}

/// Other 5xx pass the call on; only several in a row set the peer aside.
#[test]
fn one_500_is_about_one_call() {
    let mut world = World::new(vec![fixed("a", &[(A, 1, 1), (B, 2, 1)])]);
    for _ in 0..2 {
        world.outcome(A, refused(500, None));
        assert_eq!(world.hops(), Ok(vec![addr(A), addr(B)]));
    }
    world.outcome(A, refused(500, None));
    assert_eq!(world.hops(), Ok(vec![addr(B)]));
}

/// Peers of one priority share the calls by weight; the others wait for their failure.
#[test]
fn calls_are_shared_by_weight() {
    let mut world = World::new(vec![fixed("a", &[(A, 1, 60), (B, 1, 40), (C, 2, 100)])]);
    let mut first = [0; 2];
    for _ in 0..1000 {
        let hops = world.hops().expect("three ways");
        assert_eq!(hops[2], addr(C));
        first[usize::from(hops[0] == addr(B))] += 1;
    }
    assert!((550..650).contains(&first[0]), "{first:?}");
}

/// A name is asked again when its time is over, an answer that stays away costs nothing that was known, and what is known is
/// not forgotten with it.
#[test]
fn p071_what_the_dns_said_last_stays_good() {
    let mut world = World::new(vec![fixed("a", &[("operateur.example", 1, 1)]), fixed("b", &[(B, 1, 1)])]);
    assert_eq!(world.hops(), Ok(vec![addr(B)]), "nobody waits for the DNS");
    let query = world.asked()[0].0;
    world.resolve(query, &[(A, 1, 1)]);
    world.until_asked();
    world.outcome(A, refused(503, Some(60)));
    // No answer at all: it is asked again, and the old address is used.
    let there = |_| true;
    world.pass(seconds(3600), there);
    assert_eq!(world.hops(), Ok(vec![addr(A), addr(B)]));
    let asked = world.asked();
    assert!(asked.iter().all(|(_, name)| name == "operateur.example"), "an address is not asked for");
    assert!((40..70).contains(&asked.len()), "for ever, but about once a minute: {}", asked.len());
    // The same address again, and what is known of it: it still rests.
    world.outcome(A, refused(503, Some(290)));
    let query = world.until_asked();
    world.resolve(query, &[(A, 1, 1)]);
    assert_eq!(world.hops(), Ok(vec![addr(B)]));
    // Another address: the old one is gone at once.
    let query = world.until_asked();
    world.resolve(query, &[(C, 1, 1)]);
    assert_eq!(world.hops(), Ok(vec![addr(C), addr(B)]));
}

/// A host that nobody knows is an alert, and the trunk is down; the others go on.
#[test]
fn an_unknown_host_is_told() {
    let mut world = World::new(vec![fixed("a", &[("nowhere.example", 1, 1)]), fixed("b", &[(B, 1, 1)])]);
    let query = world.asked()[0].0;
    world.resolve(query, &[]);
    assert_eq!(world.state("a"), State::Down);
    let told = |output: &Output| matches!(output, Output::Alert { alert: Alert::Unresolved, raised: true, .. });
    assert!(world.take().iter().any(told));
    assert_eq!(world.hops(), Ok(vec![addr(B)]));
}

/// A peer for which we have no socket is an alert, not an attempt.
#[test]
fn a_peer_without_a_socket_is_told() {
    let mut world = World::new(vec![fixed("a", &[("192.0.2.1", 1, 1)])]);
    let locals = locals().into_iter().filter(|local| local.transport == Transport::Tls).collect();
    world.give(Input::SetUp { trunks: vec![fixed("a", &[("192.0.2.1", 1, 1)])], locals });
    let told = |output: &Output| matches!(output, Output::Alert { alert: Alert::NoSocket, raised: true, .. });
    assert!(world.take().iter().any(told));
    assert!(matches!(world.hops(), Err(NoRoute::Down { .. })));
}

/// Channels: received calls leave the reserve alone, placed calls may use all, and what is given back is there again.
#[test]
fn channels_and_their_reserve() {
    let settings =
        Settings { channels_max: Some(5), reserved_for_outgoing: 2, full_status: 486, ..fixed("a", &[(A, 1, 1)]) };
    let mut world = World::new(vec![settings]);
    let trunk = world.trunks.named("a").expect("a trunk");
    let mut held: Vec<Channel> = (0..3).map(|_| world.trunks.take_in(trunk).expect("a channel")).collect();
    assert_eq!(world.trunks.take_in(trunk), Err(Full { status: 486, retry_after_s: None }));
    held.extend((0..2).map(|_| world.trunks.take_out(trunk).expect("the reserve")));
    assert!(world.trunks.take_out(trunk).is_err());
    assert_eq!(world.hops(), Err(NoRoute::Full));
    // A reload takes the trunk away and brings it back; what was held still counts.
    world.give(Input::SetUp { trunks: Vec::new(), locals: locals() });
    assert!(world.trunks.take_out(trunk).is_err(), "there is no such trunk");
    let again = Settings { channels_max: Some(5), ..fixed("a", &[(A, 1, 1)]) };
    world.give(Input::SetUp { trunks: vec![again], locals: locals() });
    assert!(world.trunks.take_out(trunk).is_err());
    for channel in held {
        world.trunks.free(channel);
    }
    let status = &world.trunks.status(world.now)[0];
    assert_eq!((status.incoming, status.outgoing), (0, 0));
}

/// A reload that changes nothing about the peers forgets nothing about them.
#[test]
fn a_reload_forgets_nothing() {
    let mut world = World::new(vec![fixed("b", &[(B, 1, 1)]), fixed("a", &[(A, 1, 1)])]);
    let (a, b) = (world.trunks.named("a"), world.trunks.named("b"));
    assert_eq!((a, b), (Some(TrunkId(0)), Some(TrunkId(1))), "numbered by name, used in the order of the set-up");
    assert_eq!(world.hops(), Ok(vec![addr(B), addr(A)]));
    world.outcome(B, refused(503, Some(60)));
    world.take();
    let more = Settings { channels_max: Some(3), ..fixed("b", &[(B, 1, 1)]) };
    let new = fixed("aa", &[(C, 1, 1)]);
    world.give(Input::SetUp { trunks: vec![more, fixed("a", &[(A, 1, 1)]), new], locals: locals() });
    assert_eq!((world.trunks.named("a"), world.trunks.named("aa")), (a, Some(TrunkId(2))));
    assert_eq!(world.hops(), Ok(vec![addr(A), addr(C)]), "B still rests");
}

/// Whose calls are believed: what is written, or else the addresses of the peers, as they change.
#[test]
fn believed_networks_follow_the_addresses() {
    let network = |text: &str, prefix| Network { addr: text.parse().expect("an address"), prefix };
    let listed = Settings { accept_from: vec![network("198.51.100.0", 24)], ..fixed("a", &[(A, 1, 1)]) };
    let mut world = World::new(vec![listed, fixed("b", &[("operateur.example", 1, 1)])]);
    let query = world
        .said
        .iter()
        .find_map(|output| match output {
            Output::Resolve { query, .. } => Some(*query),
            _ => None,
        })
        .expect("a question");
    world.resolve(query, &[("198.51.100.7:5060", 1, 1), ("[2001:db8::7]:5060", 1, 1)]);
    let last = world.take().into_iter().rev().find_map(|output| match output {
        Output::Peers(peers) => Some(peers),
        _ => None,
    });
    let (a, b) = (TrunkId(0), TrunkId(1));
    let expected =
        [(network("2001:db8::7", 128), b), (network("198.51.100.7", 32), b), (network("198.51.100.0", 24), a)];
    assert_eq!(last.as_deref(), Some(expected.as_slice()));
    assert_eq!(world.trunks.trunk_of("198.51.100.7".parse().expect("an address")), Some(b), "the narrowest counts");
    assert_eq!(
        world.trunks.trunk_of("192.0.2.1".parse().expect("an address")),
        None,
        "where we call is not whom we believe"
    );
    world.give(Input::Timeout);
    assert!(!world.take().iter().any(|output| matches!(output, Output::Peers(_))), "said when it changes");
}
