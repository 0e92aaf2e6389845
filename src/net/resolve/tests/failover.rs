//! The next hop after a failure.

use super::*;

fn hops(count: u8) -> Vec<Hop> {
    (1..=count)
        .map(|n| Hop { way: Way::Udp, address: SocketAddr::from(([192, 0, 2, n], 5060)), server_name: None })
        .collect()
}

/// After silence or 503 the next hop is tried, the dead one is behind the others for a while, and a healed one is back.
#[test]
fn b208_p069_the_next_hop_after_a_failure() {
    let hops = hops(3);
    let mut ill = Quarantine::default();
    let now = Instant::from_millis(0);
    assert_eq!(ill.next(now, &hops, &[]), Some(&hops[0]));
    ill.failed(now, &hops[0], None);
    assert_eq!(ill.next(now, &hops, &hops[..1]), Some(&hops[1]));
    ill.failed(now, &hops[1], None);
    assert_eq!(ill.next(now, &hops, &hops[..2]), Some(&hops[2]));
    assert_eq!(ill.next(now, &hops, &hops), None, "all were tried");
    assert_eq!(ill.order(now, hops.clone()), [hops[2].clone(), hops[0].clone(), hops[1].clone()]);
    ill.well(&hops[0]);
    assert_eq!(ill.order(now, hops.clone())[0], hops[0]);
    assert_eq!(ill.order(now + Duration::from_secs(30), hops.clone()), hops, "the time is over");
}

/// Retry-After is kept, within reason; when all are ill the one that is well first is tried all the same.
#[test]
fn b208_retry_after_is_respected() {
    let hops = hops(2);
    let mut ill = Quarantine::default();
    let now = Instant::from_millis(0);
    ill.failed(now, &hops[0], Some(Duration::from_secs(120)));
    assert!(ill.is_ill(now + Duration::from_secs(119), &hops[0]));
    assert!(!ill.is_ill(now + Duration::from_secs(120), &hops[0]));
    ill.failed(now, &hops[1], Some(Duration::from_secs(7)));
    assert_eq!(ill.next(now, &hops, &[]), Some(&hops[1]));
    ill.failed(now, &hops[0], Some(Duration::from_secs(1_000_000)));
    assert!(!ill.is_ill(now + Duration::from_secs(300), &hops[0]), "nobody is gone for ever");
}

/// However many hops fail, what is remembered is bounded.
#[test]
fn b208_the_quarantine_is_bounded() {
    let mut ill = Quarantine::default();
    let now = Instant::from_millis(0);
    let hop = |n: u16| Hop { way: Way::TCP, address: SocketAddr::from(([192, 0, 2, 1], n)), server_name: None };
    for n in 0..5000 {
        ill.failed(now + Duration::from_millis(n.into()), &hop(n), None);
    }
    let remembered = (0..5000).filter(|&n| ill.is_ill(now + Duration::from_secs(5), &hop(n))).count();
    assert_eq!(remembered, 1024);
}
