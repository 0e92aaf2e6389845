//! Small honest values for the tests of this room.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::call::record::{Attempt, AttemptOutcome, How, LocatedBy, Party, Record, Sound, Stage, Termination};
use crate::clock::{Civil, Instant, Now};
use crate::dispatch::{Considered, Decision, DecisionKind, Outcome, Reach, Reason, Token, Verdict, Wish};
use crate::ids::{CallId, ListenerId};

use super::row::Row;

/// 25 November 2026, 14:03:20 in Paris.
pub(crate) const BEGAN: Civil = Civil::from_unix_millis(1_795_611_800_000);

/// A directory of this test's own, empty.
pub(crate) fn temporary_directory(name: &str) -> PathBuf {
    static NTH: AtomicU64 = AtomicU64::new(0);
    let nth = NTH.fetch_add(1, Relaxed);
    let path = std::env::temp_dir().join(format!("ecoute-store-{name}-{}-{nth}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).expect("a temporary directory can be made");
    path
}

pub(crate) fn record(nth: u64) -> Record {
    let began = Civil::from_unix_millis(BEGAN.as_unix_millis() + nth as i64 * 1000);
    Record {
        call: CallId::from_raw(0x6000_0000_0000_0000 | nth),
        service: "3977".into(),
        began,
        ended: Civil::from_unix_millis(began.as_unix_millis() + 1_000_000),
        answered_ms: Some(200),
        ended_ms: 1_000_000,
        queued_ms: Some(30_000),
        bridged_ms: Some(62_000),
        talked_ms: 930_000,
        department: Some("38".into()),
        located_by: Some(LocatedBy::Answer),
        language: "fr".into(),
        listener: Some(ListenerId::new("rhone")),
        attempts: vec![
            Attempt {
                listener: ListenerId::new("isere"),
                chosen_ms: 30_000,
                ended_ms: 50_000,
                outcome: AttemptOutcome::NoAnswer,
            },
            Attempt {
                listener: ListenerId::new("rhone"),
                chosen_ms: 50_010,
                ended_ms: 62_000,
                outcome: AttemptOutcome::Answered,
            },
        ],
        steps: vec!["welcome".into(), "danger".into(), "where".into(), "listener".into()],
        caller_sound: Sound { packets_in: 49_000, packets_out: 49_900, lost: 12, jitter_us: 900, gap_ms_max: 60 },
        listener_sound: Some(Sound::default()),
        termination: Termination { by: Party::Caller, how: How::HungUp, during: Stage::Bridged },
    }
}

pub(crate) fn decision(nth: u64, after_ms: u64, kind: DecisionKind) -> Decision {
    let began = record(nth).began.as_unix_millis();
    Decision {
        at: Now { at: Instant::from_millis(after_ms), civil: Civil::from_unix_millis(began + after_ms as i64) },
        call: record(nth).call,
        department: None,
        language: "fr".into(),
        tier: 0,
        reach: Some(Reach::Department),
        waited_ms: after_ms.saturating_sub(30_000),
        kind,
        candidates: vec![
            Considered {
                listener: ListenerId::new("isere"),
                verdict: Verdict::Chosen,
                reach: Some(Reach::Department),
                rested_s: Some(600),
                today: 2,
            },
            Considered {
                listener: ListenerId::new("rhone"),
                verdict: Verdict::Passed(Reason::FurtherAway),
                reach: Some(Reach::Neighbours),
                rested_s: None,
                today: 0,
            },
        ],
        others: vec![(Reason::Paused, 3)],
    }
}

/// Isère is rung and does not answer; Rhône does.
pub(crate) fn decisions(nth: u64) -> Vec<Decision> {
    let call = record(nth).call;
    let token = |name: &str, generation| Token { call, listener: ListenerId::new(name), generation };
    vec![
        decision(nth, 30_000, DecisionKind::Rang { token: token("isere", 1) }),
        decision(nth, 50_000, DecisionKind::RingEnded { token: token("isere", 1), outcome: Outcome::NoAnswer }),
        decision(nth, 50_010, DecisionKind::Rang { token: token("rhone", 2) }),
        decision(nth, 62_000, DecisionKind::Answered { token: token("rhone", 2) }),
    ]
}

pub(super) fn decision_row(nth: u64) -> Row {
    Row::Decision { decision: Box::new(decision(nth, 30_000, DecisionKind::Widened)) }
}

pub(super) fn wish_row(nth: u64) -> Row {
    Row::Wish { listener: ListenerId::new(&format!("listener{nth}")), wish: Wish::Paused, at: BEGAN }
}
