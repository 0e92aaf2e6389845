//! What a shard tells, brought to those who watch: metrics, the log, and the snapshot behind the API.
//!
//! Metrics are fed here and nowhere else. The log gets closed words and call identifiers; what a line may say is what an
//! `Event` may hold, and an `Event` holds no number.

use std::collections::BTreeMap;

use crate::call::{Finished, Note};
use crate::clock::Instant;
use crate::dispatch::Decision;
use crate::ids::CallId;
use crate::ops::events::Levels;
use crate::ops::labels::{Attested, AuthFailure, Class, Method, Room, Way};
use crate::ops::{self, Metrics};
use crate::sip::Attestation;
use crate::sip::message::{Framing, Message};

use super::Event;
use super::shard::ShardCounts;
use super::tally::{Tally, Topic};

/// Feeds the metrics of one shard.
pub(super) struct Observer {
    metrics: Metrics,
    /// The service of each live call: notes do not carry it.
    services: BTreeMap<CallId, String>,
    /// When each waiting call was queued.
    queued: BTreeMap<CallId, Instant>,
    /// What strangers make us say, bounded.
    tally: Tally,
}

impl Observer {
    /// Into these metrics.
    pub fn new(metrics: Metrics) -> Observer {
        Observer { metrics, services: BTreeMap::new(), queued: BTreeMap::new(), tally: Tally::default() }
    }

    /// Something happened.
    pub fn event(&mut self, at: Instant, event: &Event) {
        match event {
            Event::CallBegan(call, service) => {
                tracing::info!(%call, %service, "call began");
                self.services.insert(*call, service.clone());
                self.metrics.on(ops::Event::CallBegan);
            }
            Event::Call(call, note) => self.note(at, *call, note),
            Event::DispatchDropped(reason) => self.metrics.dropped(Room::Dispatch, reason),
            Event::SipDropped(reason) => self.metrics.dropped(Room::Sip, reason),
            Event::Bound { bindings, new } => {
                if *new {
                    tracing::info!(bindings, "a device registered");
                }
            }
            Event::Unbound { why } => tracing::info!(?why, "a registration ended"),
            Event::Wake { provider } => tracing::info!(%provider, "a sleeping telephone is called; see /api/v1/wakes"),
            Event::AuthFailed { source, throttled } => {
                if self.tally.says(Topic::AuthFailed) {
                    tracing::warn!(%source, throttled, "authentication failed");
                }
                self.metrics.on(ops::Event::AuthFailed(AuthFailure::WrongPassword));
            }
            Event::Banned { source, why, span } => {
                if self.tally.says(Topic::Banned) {
                    let for_s = span.map(|span| span.as_secs());
                    tracing::warn!(%source, ?why, for_s, "answered with silence from now on; see `ecoute ban list`");
                }
                self.metrics.banned(why);
            }
            Event::Refused { status } => {
                if self.tally.says(Topic::Refused) {
                    tracing::info!(status, "an INVITE was refused");
                }
            }
            Event::Attested(attestation) => self.metrics.on(ops::Event::Attested(attested(*attestation))),
            Event::Panicked(call) => tracing::error!(%call, "a panic was contained to this call; please report it"),
        }
    }

    /// A SIP message on the wire, either way. Unreadable ones are counted where they are dropped.
    pub fn wire(&self, way: Way, bytes: &[u8]) {
        let Ok(message) = Message::parse(bytes, Framing::Datagram) else { return };
        let word = |method: &[u8]| Method::of(std::str::from_utf8(method).unwrap_or("other"));
        let event = match (message.method(), message.status()) {
            (Some(method), _) => ops::Event::Request(way, word(method.as_bytes())),
            (None, Some(status)) => {
                let Some((_, method)) = message.cseq() else { return };
                ops::Event::Response(way, word(method.as_bytes()), Class::of(status))
            }
            (None, None) => return,
        };
        self.metrics.on(event);
    }

    /// The dispatcher decided.
    pub fn decision(&self, decision: &Decision) {
        self.metrics.on(ops::Event::Decision(decision));
    }

    /// A call is over.
    pub fn record(&mut self, finished: &Finished) {
        let record = &finished.record;
        self.services.remove(&record.call);
        self.queued.remove(&record.call);
        let end = record.termination;
        tracing::info!(
            call = %record.call,
            by = ?end.by,
            how = ?end.how,
            during = ?end.during,
            talked_ms = record.talked_ms,
            "call ended"
        );
        self.metrics.on(ops::Event::CallEnded(record));
    }

    /// Levels, now and then.
    pub fn levels(&mut self, at: Instant, counts: &ShardCounts, inbox: usize) {
        let oldest = self.queued.values().min().map(|since| at.since(*since)).unwrap_or_default();
        for (topic, more) in self.tally.minute_over(at) {
            tracing::warn!(?topic, more, "and so many more in the last minute");
        }
        self.metrics.show_dispatch(&counts.dispatch);
        self.metrics.show_levels(&Levels {
            caller_legs: counts.calls,
            listener_legs: counts.legs.saturating_sub(counts.calls),
            transactions: [
                counts.sip.invite_client,
                counts.sip.non_invite_client,
                counts.sip.invite_server,
                counts.sip.non_invite_server,
            ],
            dialogs: counts.sip.sessions,
            registrations: counts.users,
            bindings: counts.sip.bindings,
            shard_inbox: inbox,
            queue_oldest: oldest,
        });
    }

    fn note(&mut self, at: Instant, call: CallId, note: &Note) {
        match note {
            Note::Stage(stage) => {
                use crate::call::Stage;
                match stage {
                    Stage::Waiting | Stage::Ringing => {
                        self.queued.entry(call).or_insert(at);
                    }
                    _ => {
                        self.queued.remove(&call);
                    }
                }
                tracing::debug!(%call, ?stage, "stage");
            }
            Note::Step(step) => tracing::debug!(%call, %step, "step"),
            Note::Bridged { waited, rang } => {
                tracing::info!(%call, waited_ms = waited.as_millis() as u64, rang_ms = rang.as_millis() as u64, "joined");
            }
            Note::OneWayAudio => tracing::warn!(%call, "a listener's phone answered and gave no sound"),
            Note::Answered(_) | Note::RingSent(_) | Note::Attempt(_) => {}
        }
        let service = self.services.get(&call).map_or("", String::as_str);
        self.metrics.on(ops::Event::Note(service, note));
    }
}

fn attested(attestation: Option<Attestation>) -> Attested {
    match attestation {
        Some(Attestation::A) => Attested::Full,
        Some(Attestation::B) => Attested::Partial,
        Some(Attestation::C) => Attested::Gateway,
        Some(Attestation::Unreadable) => Attested::Unreadable,
        None => Attested::None,
    }
}

/// The listeners as the API shows them.
pub fn listener_views(snapshot: &super::serve::Snapshot, roster: &crate::dispatch::Roster) -> Vec<ops::ListenerView> {
    snapshot
        .listeners
        .iter()
        .map(|(id, state)| ops::ListenerView {
            id: id.clone(),
            centre: roster
                .listeners
                .iter()
                .find(|listener| listener.id == *id)
                .map(|listener| listener.centre.as_str().to_owned())
                .unwrap_or_default(),
            state: *state,
            devices: snapshot.devices.get(id).copied().unwrap_or(0),
        })
        .collect()
}

/// The bans as the API shows them.
pub fn ban_views(snapshot: &super::serve::Snapshot, now: Instant) -> Vec<ops::BanView> {
    let holding = snapshot.bans.iter().filter(|ban| ban.until > now);
    holding
        .map(|ban| ops::BanView {
            source: ban.source.to_string(),
            why: ops::labels::Word::of_variant(&ban.why).as_str().to_owned(),
            times: ban.times,
            left_s: (ban.until != Instant::FAR).then(|| ban.until.since(now).as_secs()),
        })
        .collect()
}
