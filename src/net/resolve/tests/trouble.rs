//! A name system that is slow, wrong or away; the cache; the budget.

use super::*;

const TWO_SECONDS: Duration = Duration::from_secs(2);

/// A name system that never answers costs the budget once, not more, and what asks next is told at once.
#[test]
fn b209_p071_silence_is_bounded() {
    let mut world = World::new();
    for kind in [RecordKind::Naptr, RecordKind::A, RecordKind::Aaaa] {
        world.is_silent("example.org", kind);
    }
    let slow = world.ask(host("example.org"));
    world.settle();
    let plain = world.ask(host("192.0.2.1"));
    assert_eq!(
        world.result(plain),
        (
            Ok(vec![Hop { way: Way::Udp, address: "192.0.2.1:5060".parse().expect("an address"), server_name: None }]),
            Duration::ZERO
        )
    );
    assert_eq!(world.result(slow), (Err(ResolveFault::Unavailable), TWO_SECONDS));
    let again = world.ask(Target { port: Some(5060), ..host("example.org") });
    assert_eq!(world.result(again), (Err(ResolveFault::Unavailable), TWO_SECONDS), "addresses were never asked before");
    let third = world.ask(Target { port: Some(5060), ..host("example.org") });
    assert_eq!(world.result(third), (Err(ResolveFault::Unavailable), Duration::ZERO), "the failure is fresh");
}

/// IPv6 answers that never come do not delay a call beyond the short wait, once.
#[test]
fn b209_a_missing_aaaa_answer_is_not_waited_for() {
    let mut world = World::new();
    world.a("example.org", &["192.0.2.1"]);
    world.is_silent("example.org", RecordKind::Aaaa);
    let target = || Target { port: Some(5060), ..host("example.org") };
    let first = world.ask(target());
    let (hops, took) = world.result(first);
    assert_eq!(hops.expect("hops").iter().map(text).collect::<Vec<_>>(), ["UDP 192.0.2.1:5060"]);
    assert_eq!(took, ResolveSettings::default().settle);
    let second = world.ask(target());
    assert_eq!(world.result(second).1, Duration::ZERO);
}

/// A server that fails on NAPTR, as old ones do, still gives SRV and addresses.
#[test]
fn b209_failing_on_naptr_is_not_the_end() {
    let mut world = World::new();
    world.fails("example.org", RecordKind::Naptr);
    world.fails("_sip._tcp.example.org", RecordKind::Srv);
    world.srv("_sip._udp.example.org", &[(1, 1, 5060, "a.example.org")]);
    world.a("a.example.org", &["192.0.2.1"]);
    assert_eq!(world.hops(host("example.org")), ["UDP 192.0.2.1:5060"]);
}

/// Answers are kept for their time, within our least and most; then they are asked for again.
#[test]
fn b209_answers_are_cached_for_their_time() {
    let mut world = World::new();
    let target = || Target { port: Some(5060), ..host("example.org") };
    for (ttl, kept) in [(60, 60), (0, 5), (1_000_000, 3600)] {
        let records = vec![Record::A("192.0.2.1".parse().expect("IPv4"))];
        let answer = Answer::Records(records, Duration::from_secs(ttl));
        world.zone.insert(question("example.org", RecordKind::A), answer);
        world.now += Duration::from_secs(10_000);
        world.hops(target());
        world.questions();
        let began = world.now;
        world.now = began + Duration::from_secs(kept) - Duration::from_millis(1);
        world.hops(target());
        assert!(!world.questions().iter().any(|q| q.ends_with(" A")), "TTL {ttl}");
        world.now = began + Duration::from_secs(kept);
        world.hops(target());
        assert!(world.questions().iter().any(|q| q.ends_with(" A")), "TTL {ttl}");
    }
}

/// "There are none" is kept as the zone says, or half a minute, and never for long.
#[test]
fn b209_negative_answers_are_cached() {
    let mut world = World::new();
    let target = || Target { port: Some(5060), ..host("nobody.example") };
    for (said, kept) in [(None, 30), (Some(60), 60), (Some(86_400), 300)] {
        for kind in [RecordKind::A, RecordKind::Aaaa] {
            world.zone.insert(question("nobody.example", kind), Answer::None(said.map(Duration::from_secs)));
        }
        world.now += Duration::from_secs(10_000);
        assert_eq!(world.resolve(target()), Err(ResolveFault::NotFound));
        assert_eq!(world.questions().len(), 2);
        world.now += Duration::from_secs(kept) - Duration::from_millis(1);
        assert_eq!(world.resolve(target()), Err(ResolveFault::NotFound));
        assert_eq!(world.questions().len(), 0, "{said:?}");
        world.now += Duration::from_millis(1);
        assert_eq!(world.resolve(target()), Err(ResolveFault::NotFound));
        assert_eq!(world.questions().len(), 2, "{said:?}");
    }
}

/// When the name system is down, the last good answer serves for half an hour; asking is tried again now and then, not
/// with every call; a recovery is taken up.
#[test]
fn b209_the_last_good_answer_outlives_an_outage() {
    let mut world = World::new();
    let target = || Target { port: Some(5060), ..host("example.org") };
    world.a("example.org", &["192.0.2.1"]);
    world.hops(target());
    world.questions();
    world.is_silent("example.org", RecordKind::A);
    world.is_silent("example.org", RecordKind::Aaaa);
    world.now += Duration::from_secs(61);
    let first = world.ask(target());
    let (hops, took) = world.result(first);
    assert_eq!((hops.expect("the old answer").len(), took), (1, TWO_SECONDS));
    let second = world.ask(target());
    assert_eq!(world.result(second).1, Duration::ZERO, "spared the wait");
    assert_eq!(world.questions().len(), 2);
    world.now += Duration::from_secs(6);
    world.silent.clear();
    world.a("example.org", &["192.0.2.99"]);
    assert_eq!(world.hops(target()), ["UDP 192.0.2.99:5060"]);
    world.fails("example.org", RecordKind::A);
    world.fails("example.org", RecordKind::Aaaa);
    world.now += Duration::from_secs(60 + 30 * 60 - 1);
    assert_eq!(world.hops(target()), ["UDP 192.0.2.99:5060"], "a second before the end of its grace");
    world.now += Duration::from_secs(1);
    assert_eq!(world.resolve(target()), Err(ResolveFault::Unavailable));
}

/// The same question of many askers goes out once; each gets the answer.
#[test]
fn b209_a_question_goes_out_once() {
    let mut world = World::new();
    world.a("example.org", &["192.0.2.1"]);
    let tickets: Vec<u64> = (0..20).map(|_| world.ask(Target { port: Some(5060), ..host("example.org") })).collect();
    for ticket in tickets {
        assert!(world.result(ticket).0.is_ok());
    }
    assert_eq!(world.questions().len(), 2);
}

/// A domain cannot make us ask or try without end: questions, hops, look-ups and cache are bounded.
#[test]
fn b209_the_budget_holds() {
    let settings = ResolveSettings { questions: 6, hops: 3, lookups: 2, cache: 10, ..ResolveSettings::default() };
    let mut world = World::with(settings);
    let many: Vec<String> = (0..100).map(|n| format!("h{n}.example.org")).collect();
    let records: Vec<_> = many.iter().map(|name| (1, 1, 5060, name.as_str())).collect();
    world.srv("_sip._udp.example.org", &records);
    for name in &many {
        world.a(name, &["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"]);
    }
    let hops = world.hops(Target { way: Some(Way::Udp), ..host("example.org") });
    assert!(hops.len() <= 3 && !hops.is_empty());
    assert!(world.questions().len() <= 6);
    for n in 0..50 {
        let _ = world.resolve(Target { port: Some(5060), ..host(&format!("n{n}.example")) });
        assert!(world.desk.cached() <= 10);
    }
    for name in ["x.example", "y.example", "z.example"] {
        world.is_silent(name, RecordKind::A);
        world.is_silent(name, RecordKind::Aaaa);
    }
    world.ask(Target { port: Some(1), ..host("x.example") });
    world.ask(Target { port: Some(1), ..host("y.example") });
    world.settle();
    assert_eq!(world.desk.lookups(), 2);
    assert_eq!(world.resolve(Target { port: Some(1), ..host("z.example") }), Err(ResolveFault::Full));
}

/// An answer that comes too late for its asker still fills the cache; one nobody asked for harms nothing.
#[test]
fn b209_late_answers_are_kept() {
    let mut world = World::new();
    world.is_silent("example.org", RecordKind::A);
    let target = || Target { port: Some(5060), ..host("example.org") };
    assert_eq!(world.resolve(target()), Err(ResolveFault::Unavailable));
    let answer = Answer::Records(vec![Record::A("192.0.2.1".parse().expect("IPv4"))], Duration::from_secs(60));
    world.desk.handle_input(world.now, DeskInput::Answer { question: question("example.org", RecordKind::A), answer });
    assert_eq!(world.hops(target()), ["UDP 192.0.2.1:5060"]);
}
