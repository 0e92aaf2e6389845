//! What `node` tells `ops`, as it happens, and what each thing does to the metrics.
//!
//! Small values in the words of the rooms they come from; nothing in them is kept. Figures that are levels rather than
//! events (how many of what there are now) come as snapshots: [`Levels`], the dispatcher's [`Counts`], the store's figures.

use std::time::Duration;

use crate::call::Note;
use crate::call::record::Record;
use crate::dispatch::{Counts, Decision, DecisionKind, ListenerState};
use crate::store::StoreFigures;

use super::labels::{
    Attested, AuthFailure, ByAttestation, ByAuthFailure, ByClass, ByDecision, ByEnd, ByListenerState, ByLoad, ByMethod,
    ByOutcome, ByPortState, ByService, BySide, ByStoreFault, ByStorePlace, ByTransaction, ByWaitEnd, ByWay, Class,
    DecisionWord, LoadResult, Loaded, Method, PortState, Side, StoreFault, StorePlace, Transaction, WaitEnd, Way, Word,
};
use super::metrics::{Metrics, follow};

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// An INVITE began a call.
    CallBegan,
    /// A call is over: its record.
    CallEnded(&'a Record),
    /// A call tells of itself; with the name of the plan that serves it.
    Note(&'a str, &'a Note),
    /// The dispatcher decided.
    Decision(&'a Decision),
    /// A SIP request went by for the first time.
    Request(Way, Method),
    /// A SIP response went by for the first time.
    Response(Way, Method, Class),
    /// A request could not prove who it is.
    AuthFailed(AuthFailure),
    /// What a trunk's network signed about a caller's number.
    Attested(Attested),
    /// Something was loaded anew, or refused.
    Loaded(Loaded, LoadResult),
    /// A turn of the call loop took this long.
    Turn(Duration),
}

/// How many of what there are now. What a node does not know stays 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Levels {
    /// Legs not settled, callers'.
    pub caller_legs: usize,
    /// Legs not settled, listeners'.
    pub listener_legs: usize,
    /// Transactions alive, in the order of [`Transaction`].
    pub transactions: [usize; 4],
    /// Dialogs alive.
    pub dialogs: usize,
    /// Listeners with a device.
    pub registrations: usize,
    /// Devices.
    pub bindings: usize,
    /// Messages waiting for the call loop.
    pub shard_inbox: usize,
    /// The oldest caller's wait.
    pub queue_oldest: Duration,
}

/// The media workers' figures, all together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MediaFigures {
    /// Threads alive.
    pub workers: usize,
    /// Streams open.
    pub streams: usize,
    /// Port pairs that could be given out.
    pub ports_free: usize,
    /// Port pairs in use.
    pub ports_used: usize,
    /// Port pairs at rest.
    pub ports_resting: usize,
    /// RTP packets received since the beginning.
    pub packets_in: u64,
    /// RTP packets sent since the beginning.
    pub packets_out: u64,
    /// Beats more than 5 ms late, since the beginning.
    pub beats_late: u64,
    /// The latest beat since the figures were last read.
    pub beat_late_max: Duration,
}

impl Metrics {
    /// Counts what happened.
    pub fn on(&self, event: Event<'_>) {
        match event {
            Event::CallBegan => {
                self.calls_active.inc();
            }
            Event::CallEnded(record) => self.call_ended(record),
            Event::Note(service, note) => self.note(service, note),
            Event::Decision(decision) => self.decision(decision),
            Event::Request(way, method) => {
                self.sip_requests.get_or_create(&ByMethod { way, method }).inc();
            }
            Event::Response(way, method, class) => {
                self.sip_responses.get_or_create(&ByClass { way, method, class }).inc();
            }
            Event::AuthFailed(cause) => {
                self.auth_failures.get_or_create(&ByAuthFailure { cause }).inc();
            }
            Event::Attested(attestation) => {
                self.attestations.get_or_create(&ByAttestation { attestation }).inc();
            }
            Event::Loaded(what, result) => {
                self.reloads.get_or_create(&ByLoad { what, result }).inc();
            }
            Event::Turn(span) => self.shard_turn.observe(span.as_secs_f64()),
        }
    }

    /// Shows the dispatcher's counts.
    pub fn show_dispatch(&self, counts: &Counts) {
        self.queue_callers.set(whole(counts.waiting));
        self.reservations.set(whole(counts.ringing));
        let by = &counts.listeners;
        for (state, number) in [
            (ListenerState::Free, by.free),
            (ListenerState::Reserved, by.reserved),
            (ListenerState::Talking, by.talking),
            (ListenerState::WrapUp, by.wrap_up),
            (ListenerState::Cooling, by.cooling),
            (ListenerState::Paused, by.paused),
            (ListenerState::Unreachable, by.unreachable),
            (ListenerState::Untrained, by.untrained),
            (ListenerState::Suspended, by.suspended),
        ] {
            self.listeners.get_or_create(&ByListenerState { state }).set(whole(number));
        }
    }

    /// Shows the levels.
    pub fn show_levels(&self, levels: &Levels) {
        self.legs_active.get_or_create(&BySide { side: Side::Caller }).set(whole(levels.caller_legs));
        self.legs_active.get_or_create(&BySide { side: Side::Listener }).set(whole(levels.listener_legs));
        let machines = [Transaction::InviteClient, Transaction::Client, Transaction::InviteServer, Transaction::Server];
        for (kind, number) in machines.into_iter().zip(levels.transactions) {
            self.sip_transactions.get_or_create(&ByTransaction { kind }).set(whole(number));
        }
        self.sip_dialogs.set(whole(levels.dialogs));
        self.registrations.set(whole(levels.registrations));
        self.bindings.set(whole(levels.bindings));
        self.shard_inbox.set(whole(levels.shard_inbox));
        self.queue_oldest.set(levels.queue_oldest.as_secs_f64());
    }

    /// Shows the media workers' figures.
    pub fn show_media(&self, figures: &MediaFigures) {
        self.media_workers.set(whole(figures.workers));
        self.media_streams.set(whole(figures.streams));
        for (state, number) in [
            (PortState::Free, figures.ports_free),
            (PortState::Used, figures.ports_used),
            (PortState::Resting, figures.ports_resting),
        ] {
            self.media_ports.get_or_create(&ByPortState { state }).set(whole(number));
        }
        follow(&self.media_packets.get_or_create(&ByWay { way: Way::In }), figures.packets_in);
        follow(&self.media_packets.get_or_create(&ByWay { way: Way::Out }), figures.packets_out);
        follow(&self.media_beats_late, figures.beats_late);
        self.media_beat_late.set(figures.beat_late_max.as_secs_f64());
    }

    /// Shows the store's figures.
    pub fn show_store(&self, figures: &StoreFigures) {
        self.store_open.set(i64::from(figures.open));
        for (place, number) in [
            (StorePlace::Queue, figures.queue_now),
            (StorePlace::Spool, figures.spool_now),
            (StorePlace::Memory, figures.ring_now),
        ] {
            self.store_waiting.get_or_create(&ByStorePlace { place }).set(i64::try_from(number).unwrap_or(i64::MAX));
        }
        follow(&self.store_records, figures.records);
        follow(&self.store_decisions, figures.decisions);
        follow(&self.store_duplicates, figures.duplicates);
        follow(&self.store_lost, figures.lost);
        follow(&self.store_damaged, figures.damaged);
        follow(&self.store_errors.get_or_create(&ByStoreFault { part: StoreFault::Database }), figures.errors);
        follow(&self.store_errors.get_or_create(&ByStoreFault { part: StoreFault::Spool }), figures.spool_errors);
        follow(&self.store_numbers_deleted, figures.numbers_deleted);
    }

    fn call_ended(&self, record: &Record) {
        self.calls_active.dec();
        let lost = record.caller_sound.lost + record.listener_sound.map_or(0, |sound| sound.lost);
        self.media_lost.inc_by(lost);
        let end = record.termination;
        let service = Word::of_name(&record.service);
        self.calls
            .get_or_create(&ByEnd { service: service.clone(), by: end.by, how: end.how, during: end.during })
            .inc();
        if let Some(bridged_ms) = record.bridged_ms {
            self.calls_bridged.get_or_create(&ByService { service }).inc();
            self.to_human.observe(seconds(bridged_ms));
            self.conversation.observe(seconds(record.talked_ms));
        }
        if let Some(queued_ms) = record.queued_ms {
            // A caller who is not answered leaves the queue when she leaves, or earlier, when the tiers are over; the
            // latter is counted when it is decided.
            let until = match record.bridged_ms {
                Some(bridged_ms) => Some((WaitEnd::Answered, bridged_ms)),
                None if left_while_waiting(record) => Some((WaitEnd::Left, record.ended_ms)),
                None => None,
            };
            if let Some((end, until_ms)) = until {
                let waited = seconds(until_ms.saturating_sub(queued_ms));
                self.queue_wait.get_or_create(&ByWaitEnd { end }).observe(waited);
            }
        }
    }

    fn decision(&self, decision: &Decision) {
        self.decisions.get_or_create(&ByDecision { kind: DecisionWord::of(&decision.kind) }).inc();
        if matches!(decision.kind, DecisionKind::Exhausted { .. }) {
            let waited = seconds(decision.waited_ms);
            self.queue_wait.get_or_create(&ByWaitEnd { end: WaitEnd::Exhausted }).observe(waited);
        }
    }

    fn note(&self, service: &str, note: &Note) {
        match note {
            Note::Answered(after) => {
                self.calls_answered.get_or_create(&ByService { service: Word::of_name(service) }).inc();
                self.answer.observe(after.as_secs_f64());
            }
            Note::RingSent(after) => self.ring_sent.observe(after.as_secs_f64()),
            Note::Attempt(outcome) => {
                self.rings.get_or_create(&ByOutcome { outcome: *outcome }).inc();
            }
            Note::OneWayAudio => {
                self.one_way_audio.inc();
            }
            // Told by the record once, at the end.
            Note::Stage(_) | Note::Step(_) | Note::Bridged { .. } => {}
        }
    }
}

fn left_while_waiting(record: &Record) -> bool {
    use crate::call::record::Stage;
    matches!(record.termination.during, Stage::Waiting | Stage::Ringing)
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

fn whole(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::record::AttemptOutcome;
    use crate::store::samples;

    /// A call that reached a listener shows in the figures that matter: answered, joined, waited, and none left active.
    #[test]
    fn one_good_call() {
        let metrics = Metrics::new();
        metrics.on(Event::CallBegan);
        metrics.on(Event::Note("3977", &Note::Answered(Duration::from_millis(200))));
        for decision in samples::decisions(0) {
            metrics.on(Event::Decision(&decision));
        }
        metrics.on(Event::Note("3977", &Note::Attempt(AttemptOutcome::Answered)));
        metrics.on(Event::CallEnded(&samples::record(0)));
        let page = metrics.page();
        for line in [
            "ecoute_calls_active 0",
            "ecoute_calls_total{service=\"3977\",by=\"caller\",how=\"hung_up\",during=\"bridged\"} 1",
            "ecoute_calls_answered_total{service=\"3977\"} 1",
            "ecoute_calls_bridged_total{service=\"3977\"} 1",
            "ecoute_rings_total{outcome=\"answered\"} 1",
            "ecoute_decisions_total{kind=\"rang\"} 2",
            "ecoute_queue_wait_seconds_sum{end=\"answered\"} 32.0",
            "ecoute_to_human_seconds_sum 62.0",
        ] {
            assert!(page.lines().any(|shown| shown == line), "{line} is missing in\n{page}");
        }
    }

    /// Levels and figures taken from elsewhere show as they were given.
    #[test]
    fn levels_show() {
        let metrics = Metrics::new();
        metrics.show_levels(&Levels { transactions: [1, 2, 3, 4], dialogs: 5, ..Levels::default() });
        metrics.show_media(&MediaFigures { packets_in: 50, ports_free: 9, ..MediaFigures::default() });
        metrics.show_store(&StoreFigures { open: true, spool_now: 3, ..StoreFigures::default() });
        metrics.show_dispatch(&Counts { waiting: 2, ..Counts::default() });
        let page = metrics.page();
        for line in [
            "ecoute_sip_transactions{kind=\"invite_server\"} 3",
            "ecoute_media_packets_total{way=\"in\"} 50",
            "ecoute_media_ports{state=\"free\"} 9",
            "ecoute_store_waiting{place=\"spool\"} 3",
            "ecoute_queue_callers 2",
        ] {
            assert!(page.lines().any(|shown| shown == line), "{line} is missing in\n{page}");
        }
    }
}
