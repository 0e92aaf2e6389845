//! The shield by itself: edges of the budgets, who is spared, what a flood costs.

use super::*;

fn source(n: u32) -> Source {
    Source::of(std::net::IpAddr::V4(n.into()))
}

fn taken(shield: &mut Shield, now: Instant, source: Source, tries: usize) -> usize {
    (0..tries).filter(|_| shield.charge(now, source)).count()
}

const NOW: Instant = Instant::from_millis(1000);

/// The edge of each budget: a stranger's, a known source's, and that of all strangers together, which known sources do not
/// share.
#[test]
fn b135_budgets_at_their_edge() {
    let mut shield = Shield::new(ShieldConfig::default());
    assert_eq!(taken(&mut shield, NOW, source(1), 1000), 400);
    assert_eq!(shield.look(NOW, source(1)), Look::OverBudget);
    assert_eq!(shield.look(NOW, source(2)), Look::Welcome);
    assert_eq!(taken(&mut shield, NOW + Duration::from_secs(1), source(1), 1000), 100);
    shield.proved(NOW, source(3));
    assert_eq!(taken(&mut shield, NOW, source(3), 10_000), 4000);
    let mut shield = Shield::new(ShieldConfig::default());
    let all: usize = (10..1000).map(|n| taken(&mut shield, NOW, source(n), 20)).sum();
    assert_eq!(all, 8000);
    assert_eq!(shield.look(NOW, source(9999)), Look::OverBudget, "strangers have had theirs");
    shield.proved(NOW, source(5));
    assert_eq!(shield.look(NOW, source(5)), Look::Welcome);
    assert!(shield.charge(NOW, source(5)));
}

/// Nobody who is known or near is banned, whatever comes from there; a stranger is.
#[test]
fn b144_no_ban_where_a_phone_of_ours_lives() {
    let mut shield = Shield::new(ShieldConfig::default());
    shield.proved(NOW, source(1));
    shield.set_near(NOW, BTreeSet::from([source(2)]), BTreeSet::new());
    for n in [1, 2] {
        for _ in 0..100 {
            assert_eq!(shield.offend(NOW, source(n), Offence::WrongPassword), None);
        }
        assert_eq!(shield.look(NOW, source(n)), Look::Welcome);
    }
    let banned = (0..100).find_map(|_| shield.offend(NOW, source(3), Offence::WrongPassword));
    assert_eq!(banned, Some((BanReason::WrongPassword, Duration::from_secs(60))));
    assert_eq!(shield.look(NOW, source(3)), Look::Banned);
    let week = NOW + KNOWN_FOR;
    assert!((0..100).any(|_| shield.offend(week, source(1), Offence::WrongPassword).is_some()), "known for a week");
}

/// Switched off is off, and the staff's word counts all the same.
#[test]
fn switched_off() {
    let mut shield = Shield::new(ShieldConfig { requests_per_second: 0, ban: false, ..Default::default() });
    assert_eq!(taken(&mut shield, NOW, source(1), 100_000), 100_000);
    assert!((0..100).all(|_| shield.offend(NOW, source(1), Offence::Scanner).is_none()));
    shield.order(NOW, source(1), None);
    assert_eq!(shield.look(NOW, source(1)), Look::Banned);
    assert!(shield.lift(source(1)));
    assert_eq!(shield.look(NOW, source(1)), Look::Welcome);
}

/// A flood from a million addresses: the table of sources stays within its bound, and a ban and a known source survive it.
#[test]
fn b135_p182_memory_is_bounded() {
    let mut shield = Shield::new(ShieldConfig { requests_per_second: 1_000_000, ..Default::default() });
    shield.proved(NOW, source(1));
    shield.offend(NOW, source(2), Offence::Scanner);
    for n in 0..200_000 {
        shield.charge(NOW, source(1000 + n));
    }
    assert!(shield.sources.len() <= SOURCES_MAX);
    assert!(shield.is_known(NOW, source(1)));
    assert_eq!(shield.look(NOW, source(2)), Look::Banned);
}
