//! What a shard tells, brought to those who watch: metrics, the log, and the snapshot behind the API.
//!
//! Metrics are fed here and nowhere else. The log gets closed words and call identifiers; what a line may say is what an
//! `Event` may hold, and an `Event` holds no number.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::call::{Finished, Note};
use crate::clock::Instant;
use crate::dispatch::Decision;
use crate::ids::CallId;
use crate::ops::events::Levels;
use crate::ops::labels::{
    Attested, AuthFailure, ByCourse, ByTrunk, ByTrunkAlert, ByTrunkState, Class, Course, Method, Room, Way, Word,
};
use crate::ops::{self, Metrics};
use crate::sip::Attestation;
use crate::sip::message::{Framing, Message, reason_phrase};
use crate::trunk::{Alert, PeerStatus, State, Status};

use super::Event;
use super::shard::ShardCounts;
use super::tally::{Tally, Topic};
use super::trial::{Tried, TriedEnd, TriedStep};

/// Feeds the metrics of one shard.
pub(super) struct Observer {
    metrics: Metrics,
    /// The service of each live call: notes do not carry it.
    services: BTreeMap<CallId, String>,
    /// When each waiting call was queued.
    queued: BTreeMap<CallId, Instant>,
    /// What strangers make us say, bounded.
    tally: Tally,
    /// The trunks that were shown last, and their alerts.
    trunks: Vec<Arc<str>>,
    alerts: BTreeSet<(Arc<str>, Alert)>,
}

impl Observer {
    /// Into these metrics.
    pub fn new(metrics: Metrics) -> Observer {
        let (services, queued, alerts) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Observer { metrics, services, queued, tally: Tally::default(), trunks: Vec::new(), alerts }
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
            Event::TrunkChanged { name, state } => {
                let trunk = &**name;
                match state {
                    State::Down => {
                        tracing::error!(trunk, "the trunk is down; it is tried for ever, see `ecoute trunk list`")
                    }
                    State::Up => tracing::info!(trunk, "the trunk is up"),
                    State::Unknown => tracing::info!(trunk, "nothing is known of the trunk yet"),
                }
            }
            Event::TrunkAlert { name, alert, raised } => self.trunk_alert(name, *alert, *raised),
            Event::ProbeMissed { name } => {
                tracing::debug!(trunk = &**name, "a peer did not answer OPTIONS");
                self.metrics.trunk_probes_missed.get_or_create(&by_trunk(name)).inc();
            }
            Event::TrunkFull { name } => {
                if self.tally.says(Topic::Refused) {
                    tracing::warn!(trunk = &**name, "a caller was refused: every channel of the trunk is in use");
                }
                self.metrics.trunk_full.get_or_create(&by_trunk(name)).inc();
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

    /// How the trunks are. Those that a reload took away leave no series behind.
    pub fn trunks(&mut self, trunks: &[Status]) {
        let names: Vec<Arc<str>> = trunks.iter().map(|status| status.name.clone()).collect();
        if names != self.trunks {
            self.metrics.trunk_state.clear();
            self.metrics.trunk_registered.clear();
            self.metrics.trunk_channels.clear();
            self.metrics.trunk_channels_max.clear();
            self.alerts.retain(|(name, _)| names.contains(name));
            self.metrics.trunk_alert.clear();
            self.trunks = names;
        }
        for status in trunks {
            let trunk = || Word::of_name(&status.name);
            for state in [State::Unknown, State::Up, State::Down] {
                let labels = ByTrunkState { trunk: trunk(), state: Word::of_variant(&state) };
                self.metrics.trunk_state.get_or_create(&labels).set(i64::from(state == status.state));
            }
            if let Some(registered) = status.registered {
                self.metrics.trunk_registered.get_or_create(&ByTrunk { trunk: trunk() }).set(registered.into());
            }
            for (course, used) in [(Course::Incoming, status.incoming), (Course::Outgoing, status.outgoing)] {
                self.metrics.trunk_channels.get_or_create(&ByCourse { trunk: trunk(), course }).set(used.into());
            }
            if let Some(max) = status.channels_max {
                self.metrics.trunk_channels_max.get_or_create(&ByTrunk { trunk: trunk() }).set(max.into());
            }
            for alert in [Alert::Credentials, Alert::Unresolved, Alert::NoSocket] {
                let labels = ByTrunkAlert { trunk: trunk(), alert: Word::of_variant(&alert) };
                let raised = self.alerts.contains(&(status.name.clone(), alert));
                self.metrics.trunk_alert.get_or_create(&labels).set(raised.into());
            }
        }
    }

    fn trunk_alert(&mut self, name: &Arc<str>, alert: Alert, raised: bool) {
        let trunk = &**name;
        if !raised {
            self.alerts.remove(&(name.clone(), alert));
            tracing::info!(trunk, ?alert, "the alert is over");
            return;
        }
        self.alerts.insert((name.clone(), alert));
        match alert {
            Alert::Credentials => {
                tracing::error!(
                    trunk,
                    "the operator refuses our name or password: see `register.*` in the trunk's file"
                );
            }
            Alert::Unresolved => {
                tracing::error!(
                    trunk,
                    "the name system knows none of the trunk's machines: see `peers`, `register.registrar`"
                );
            }
            Alert::NoSocket => {
                tracing::error!(trunk, "a machine of the trunk cannot be reached from our addresses: see `sip.listen`");
            }
        }
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

fn by_trunk(name: &str) -> ByTrunk {
    ByTrunk { trunk: Word::of_name(name) }
}

/// The trunks as the API shows them.
pub fn trunk_views(snapshot: &super::serve::Snapshot) -> Vec<ops::TrunkView> {
    let word = |value: &dyn std::fmt::Debug| Word::of_variant(value).as_str().to_owned();
    let peer = |peer: &PeerStatus| ops::PeerView {
        transport: peer.transport.via_name().to_ascii_lowercase(),
        address: peer.remote.to_string(),
        health: word(&peer.health),
        left_alone: peer.shunned,
    };
    let view = |status: &Status| ops::TrunkView {
        name: status.name.to_string(),
        state: word(&status.state),
        registered: status.registered,
        incoming: status.incoming,
        outgoing: status.outgoing,
        channels_max: status.channels_max,
        peers: status.peers.iter().map(peer).collect(),
    };
    snapshot.trunks.iter().map(view).collect()
}

/// The result of a test call as the API shows it.
pub fn tried_view(tried: &Tried) -> ops::TrunkCallView {
    let (fr, en) = tried.end.in_words();
    let step = |step: &TriedStep| ops::TrunkCallStep {
        peer: format!("{:?}", step.hop),
        status: step.status,
        words: match (step.status, step.unreachable) {
            (Some(status), _) => reason_phrase(status).to_owned(),
            (None, true) => "injoignable / unreachable".to_owned(),
            (None, false) => "pas de réponse / no answer".to_owned(),
        },
        after_ms: step.after_ms,
    };
    ops::TrunkCallView {
        answered: tried.end == TriedEnd::Answered,
        steps: tried.steps.iter().map(step).collect(),
        end_fr: fr.to_owned(),
        end_en: en.to_owned(),
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
