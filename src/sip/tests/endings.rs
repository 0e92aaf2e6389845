//! Every way a call can end, hundreds of times: nothing is left of any (P176, P177), and whoever leaves while it rings is
//! heard at once (P151).

use std::time::Duration;

use super::network::{Faults, Network};
use crate::sip::{Command, Event, SessionId};

/// How a call ends.
#[derive(Clone, Copy, Debug)]
enum Ending {
    /// The caller hangs up in the conversation.
    CallerLeaves,
    /// The called side does.
    CalledLeaves,
    /// Both at once.
    BothLeave,
    /// The caller gives up while it rings.
    Cancelled,
    /// … before anything was heard.
    CancelledAtOnce,
    /// … as it is answered.
    CancelledAsAnswered,
    /// The called side refuses.
    Refused(u16),
    /// Nobody answers in time.
    RingsOut,
    /// The called side is not there.
    Nobody,
    /// The 200 is never acknowledged.
    NoAck,
    /// The other end vanished: its BYE has no answer.
    Vanished,
    /// It knows nothing of the call any more.
    Forgotten,
}

const ENDINGS: [Ending; 15] = [
    Ending::CallerLeaves,
    Ending::CalledLeaves,
    Ending::BothLeave,
    Ending::Cancelled,
    Ending::CancelledAtOnce,
    Ending::CancelledAsAnswered,
    Ending::Refused(302),
    Ending::Refused(404),
    Ending::Refused(486),
    Ending::Refused(603),
    Ending::RingsOut,
    Ending::Nobody,
    Ending::NoAck,
    Ending::Vanished,
    Ending::Forgotten,
];

/// Fifty calls at a time, all of which end so; then a minute of calm.
fn fifty(net: &mut Network, ending: Ending) {
    let lost = |net: &mut Network, percent| net.faults = Faults { loss_percent: percent, ..Faults::NONE };
    if matches!(ending, Ending::Nobody) {
        lost(net, 100);
    }
    let heard = net.ends[1].events.len();
    let ours: Vec<SessionId> = (0..50)
        .map(|_| net.call_with(0, 1, Some("offer"), |invite| invite.ring_timeout = Duration::from_secs(20)))
        .collect();
    let hang_up = |net: &mut Network, end: usize, which: &[SessionId]| which.iter().for_each(|id| net.hangup(end, *id));
    if matches!(ending, Ending::CancelledAtOnce) {
        hang_up(net, 0, &ours);
    }
    net.run_for_ms(50);
    let invited = |(_, event): &(u64, Event)| match event {
        Event::Invite { session, .. } => Some(*session),
        _ => None,
    };
    let theirs: Vec<SessionId> = net.ends[1].events[heard..].iter().filter_map(invited).collect();
    let all = |net: &mut Network, status: u16| {
        theirs.iter().for_each(|id| net.respond(1, *id, status, (status == 200).then_some("answer")));
    };
    all(net, 180);
    net.run_for_ms(50);
    match ending {
        Ending::Cancelled => hang_up(net, 0, &ours),
        Ending::CancelledAsAnswered => {
            all(net, 200);
            hang_up(net, 0, &ours);
        }
        Ending::Refused(status) => all(net, status),
        Ending::CancelledAtOnce | Ending::RingsOut | Ending::Nobody => {}
        Ending::NoAck => {
            net.filter = Some(Box::new(|_, text| text.starts_with("ACK")));
            all(net, 200);
            net.run_for_ms(33_000);
            net.filter = None;
        }
        Ending::CallerLeaves | Ending::CalledLeaves | Ending::BothLeave | Ending::Vanished | Ending::Forgotten => {
            all(net, 200);
            net.run_for_ms(2000);
        }
    }
    match ending {
        Ending::CallerLeaves => hang_up(net, 0, &ours),
        Ending::CalledLeaves => hang_up(net, 1, &theirs),
        Ending::BothLeave => {
            hang_up(net, 0, &ours);
            hang_up(net, 1, &theirs);
        }
        Ending::Vanished => {
            lost(net, 100);
            hang_up(net, 0, &ours);
            hang_up(net, 1, &theirs);
        }
        Ending::Forgotten => {
            net.filter = Some(Box::new(|_, text| text.starts_with("BYE")));
            hang_up(net, 1, &theirs);
            net.run_for_ms(40_000);
            net.filter = None;
            for id in &ours {
                net.command(0, Command::Reoffer { session: *id, sdp: Some(b"are you there".to_vec()) });
            }
        }
        _ => {}
    }
    net.run_for_ms(70_000);
    lost(net, 0);
}

/// Every ending, five hundred calls of each, fifty at a time: after each fifty every table of both ends is empty again, and
/// each call had one last word on each side that knew of it.
#[test]
fn p118_p176_no_ending_leaves_anything() {
    for ending in ENDINGS {
        let mut net = Network::new(1, 2, Faults::NONE);
        for round in 0..10 {
            fifty(&mut net, ending);
            net.assert_settled(&format!("{ending:?}, round {round}"));
            for end in &mut net.ends {
                end.events.clear();
                end.dropped.clear();
            }
            net.ladder.clear();
        }
    }
}

/// A thousand attempts begun and given up after 100 ms, while the other side's first word takes 300 ms and its answer
/// comes right behind it: half a minute later every place is free.
#[test]
fn p177_attempts_given_up_before_the_first_word() {
    let mut net = Network::new(2, 2, Faults { delay_ms: 150, ..Faults::NONE });
    let mut answered = 0;
    for _ in 0..100 {
        let ours: Vec<SessionId> = (0..10).map(|_| net.call(Some("offer"))).collect();
        net.run_for_ms(100);
        ours.iter().for_each(|id| net.hangup(0, *id));
        net.run_for_ms(60);
        for (_, event) in net.ends[1].events.clone().iter().skip(answered) {
            if let Event::Invite { session, .. } = event {
                net.respond(1, *session, 200, Some("answer"));
            }
        }
        answered = net.ends[1].events.len();
    }
    assert_eq!(net.ends[1].count("invite"), 1000);
    net.run_for_ms(33_000);
    net.assert_settled("given up");
    assert_eq!((net.ends[0].count("answered"), net.sent(0, "INVITE")), (0, 1000));
}

/// The caller leaves at any moment of the first five seconds of ringing, in steps of 20 ms: the CANCEL is on its way within
/// 200 ms, and nothing rings on.
#[test]
fn b082_p151_the_ringing_stops_when_the_caller_leaves() {
    for left_ms in (0..5000).step_by(20) {
        let mut net = Network::new(3, 2, Faults { delay_ms: 20, ..Faults::NONE });
        let ours = net.call(Some("offer"));
        let rings = 40.min(left_ms);
        net.run_for_ms(rings);
        if net.ends[1].count("invite") == 1 {
            let theirs = net.ends[1].called();
            net.respond(1, theirs, 180, None);
        }
        net.run_for_ms(left_ms - rings);
        let left_at = net.now.as_millis();
        net.hangup(0, ours);
        net.run_for_ms(1000);
        let cancels: Vec<u64> =
            net.ladder.iter().filter(|(.., l)| l.starts_with("CANCEL")).map(|(at, ..)| *at).collect();
        assert!(matches!(cancels[..], [at] if at - left_at <= 200), "left after {left_ms} ms: {cancels:?}, {left_at}");
        assert_eq!(net.ends[1].count("ended"), 1, "left after {left_ms} ms");
        net.run_dry();
        net.assert_settled("left while it rang");
    }
}
