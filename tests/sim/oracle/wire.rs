//! What is said on the wire: everything can be read, nothing is repeated over a connection, whoever hears a 2xx says ACK,
//! whoever talked says BYE once, and who is banned hears nothing. The races of RFC 5407 are counted here by what an end
//! has already said when a message reaches it.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::time::Duration;

use ecoute::clock::Instant;
use ecoute::sip::message::{Frame, Framing, Message, Method, next_frame, validate};
use ecoute::sip::{Flow, Network};

use super::Oracle;
use crate::wires::End;
use crate::world::fork_of;

/// An INVITE and everything about it is forgotten after this long (64·T1).
const REMEMBERED: Duration = Duration::from_secs(32);

/// Everything said so far.
#[derive(Debug, Default)]
pub struct Wire {
    talks: BTreeMap<Vec<u8>, Talk>,
    /// What was written to each connection, by its hash.
    written: BTreeSet<(End, u64, u64)>,
    bans: Vec<(Network, Option<Instant>)>,
}

/// One dialog, by its Call-ID.
#[derive(Debug, Default)]
struct Talk {
    device: Option<usize>,
    /// A telephone died, or the connection broke: the one side may know nothing of the other's end.
    cut: bool,
    /// CSeq of the INVITE that began it.
    first: Option<u32>,
    confirmed: bool,
    engine: Side,
    other: Side,
}

#[derive(Debug, Default)]
struct Side {
    /// When each INVITE of this side left first.
    invited: BTreeMap<u32, Instant>,
    /// Those without a final response, and an UPDATE with an offer.
    open: BTreeSet<u32>,
    /// 2xx of this side to an INVITE, and those whose ACK came.
    answered: BTreeSet<u32>,
    acked: BTreeSet<u32>,
    /// 2xx heard and not yet acknowledged.
    owes: BTreeMap<u32, Instant>,
    byes: BTreeSet<u32>,
    heard_bye: bool,
}

impl Side {
    fn waits_for_ack(&self) -> bool {
        self.answered.iter().any(|cseq| !self.acked.contains(cseq))
    }
}

impl Talk {
    fn side(&mut self, end: End) -> &mut Side {
        if end == End::Engine { &mut self.engine } else { &mut self.other }
    }
}

impl Oracle {
    /// An end says something.
    pub fn says(&mut self, now: Instant, end: End, flow: Flow, bytes: &[u8]) {
        if keeps_alive(bytes) {
            return;
        }
        let message = match Message::parse(bytes, Framing::Stream) {
            Ok(message) => message,
            Err(error) => return self.fail(now, format!("{end:?} wrote what cannot be read: {error}")),
        };
        // What is wrong in a stranger's request comes back to him with our refusal, as it was.
        let refuses = end == End::Engine && message.status().is_some_and(|status| status >= 400);
        if !refuses && let Err(fault) = validate(&message) {
            return self.fail(now, format!("{end:?} wrote what is no sound message: {fault:?}"));
        }
        if next_frame(bytes) != (Frame::Message { bytes: bytes.len() }) {
            return self.fail(now, format!("{end:?} wrote what a stream would not be cut into"));
        }
        let banned = |(network, until): &(Network, Option<Instant>)| {
            network.contains(flow.remote.ip()) && until.is_none_or(|until| now < until)
        };
        if end == End::Engine && self.wire.bans.iter().any(banned) {
            return self.fail(now, "a message to a source that is banned".to_owned());
        }
        if fork_of(&message).is_some() {
            return;
        }
        let (Some((cseq, method)), Some(call_id)) = (message.cseq(), message.call_id()) else { return };
        let status = message.status().unwrap_or(0);
        let answers_invite = (200..300).contains(&status) && method == Method::Invite;
        if let (End::Engine, true, Some(method)) = (end, message.is_request(), message.method()) {
            let inside = if has_to_tag(&message) { " inside" } else { "" };
            self.sights.met(format!("engine says {}{inside}", String::from_utf8_lossy(method.as_bytes())));
        }
        if let (End::Device(_), true, Some(method)) = (end, message.is_request(), message.method())
            && matches!(method, Method::Update | Method::Prack)
        {
            self.sights.met(format!("a telephone says {}", String::from_utf8_lossy(method.as_bytes())));
        }
        let begins = message.is_request() && method == Method::Invite && !has_to_tag(&message);
        let known = self.wire.talks.contains_key(call_id);
        if !known && !begins {
            return;
        }
        let talk = self.wire.talks.entry(call_id.to_vec()).or_default();
        if begins {
            talk.first = Some(cseq);
        }
        if let End::Device(device) = end {
            talk.device = Some(device);
        }
        let side = talk.side(end);
        match (message.is_request(), method) {
            (true, Method::Invite) => {
                side.invited.entry(cseq).or_insert(now);
                side.open.insert(cseq);
            }
            (true, Method::Ack) => drop(side.owes.remove(&cseq)),
            (true, Method::Bye) => drop(side.byes.insert(cseq)),
            (true, Method::Update) if !message.body().is_empty() => drop(side.open.insert(cseq)),
            (false, Method::Invite) if answers_invite => drop(side.answered.insert(cseq)),
            _ => {}
        }
    }

    /// An end writes to a connection, which carries everything by itself: only what goes from end to end, a 2xx, a reliable
    /// provisional response and the ACK, may come twice.
    pub fn writes(&mut self, now: Instant, end: End, wire: u64, bytes: &[u8]) {
        let invites = (bytes.starts_with(b"SIP/2.0 2") || bytes.starts_with(b"SIP/2.0 1"))
            && crate::sip_words::of(bytes).ends_with("INVITE");
        if invites || bytes.starts_with(b"ACK") || keeps_alive(bytes) || matches!(end, End::Stranger(_)) {
            return;
        }
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        if !self.wire.written.insert((end, wire, hasher.finish())) {
            let words = crate::sip_words::of(bytes);
            self.fail(now, format!("{end:?} repeats {words} over connection {wire}"));
        }
    }

    /// Something reaches an end that can hear it.
    pub fn arrives(&mut self, now: Instant, end: End, bytes: &[u8]) {
        let Ok(message) = Message::parse(bytes, Framing::Stream) else { return };
        if fork_of(&message).is_some() {
            return;
        }
        let (Some((cseq, method)), Some(call_id)) = (message.cseq(), message.call_id()) else { return };
        let Some(talk) = self.wire.talks.get_mut(call_id) else { return };
        let first = talk.first == Some(cseq);
        let first_invite = talk.first;
        let side = talk.side(end);
        let mut met = None;
        let bye_said = !side.byes.is_empty();
        match (message.is_request(), method) {
            (true, Method::Invite) if !has_to_tag(&message) => {
                let unheard = side.answered.contains(&cseq) && !side.acked.contains(&cseq);
                met = unheard.then_some("3.1.1 an INVITE repeated, and its 200 on the way");
            }
            (true, Method::Invite) => {
                met = match () {
                    () if bye_said => Some("3.2.2 a re-INVITE crosses BYE"),
                    () if side.waits_for_ack() => Some("3.1.4 a re-INVITE before the ACK"),
                    () if !side.open.is_empty() => Some("3.3.1 a re-INVITE crosses a re-INVITE"),
                    () => None,
                };
            }
            (true, Method::Update) => {
                met = (!side.open.is_empty()).then_some("3.3.2 an UPDATE crosses a re-INVITE");
            }
            (true, Method::Cancel) => {
                met = side.answered.contains(&cseq).then_some("3.1.2 CANCEL crosses the 200");
            }
            (true, Method::Bye) => {
                met = match () {
                    () if bye_said => Some("3.2.1 BYE crosses BYE"),
                    () if side.waits_for_ack() => Some("3.1.6 BYE before the ACK"),
                    () => None,
                };
                side.heard_bye = true;
            }
            (true, Method::Ack) if side.answered.contains(&cseq) => {
                let new = side.acked.insert(cseq);
                met = (new && (bye_said || side.heard_bye)).then_some("3.2.4 an ACK behind a BYE");
                talk.confirmed = true;
            }
            (true, Method::Refer) => met = bye_said.then_some("3.3.3 REFER crosses BYE"),
            (false, Method::Invite) if message.status().is_some_and(|status| status >= 200) => {
                side.open.remove(&cseq);
                if message.status().is_some_and(|status| status < 300) {
                    met = (bye_said && !first && first_invite.is_some())
                        .then_some("3.2.3 the 200 of a re-INVITE crosses BYE");
                    let invited = side.invited.get(&cseq);
                    if invited.is_some_and(|at| now.since(*at) < REMEMBERED) {
                        side.owes.insert(cseq, now);
                    }
                }
            }
            (false, Method::Update) => drop(side.open.remove(&cseq)),
            _ => {}
        }
        if let Some(met) = met {
            self.sights.met(format!("race {met}"));
        }
    }

    /// A source is banned.
    pub(super) fn banned(&mut self, now: Instant, source: Network, span: Option<Duration>) {
        self.wire.bans.push((source, span.map(|span| now + span)));
    }

    /// A telephone's power fails.
    pub fn power_fails(&mut self, device: usize) {
        self.cut_talks(device);
    }

    /// What this telephone talks may end differently on its two sides.
    pub(super) fn cut_talks(&mut self, device: usize) {
        for talk in self.wire.talks.values_mut().filter(|talk| talk.device.is_none_or(|of| of == device)) {
            talk.cut = true;
        }
    }

    /// Whoever heard a 2xx has said ACK by now; whoever talked has said BYE, once.
    pub(super) fn judge_the_wire(&mut self, now: Instant) {
        let mut wrong = None;
        for talk in self.wire.talks.values().filter(|talk| !talk.cut) {
            let device = talk.device;
            if talk.confirmed && talk.engine.byes.is_empty() && talk.other.byes.is_empty() {
                wrong = Some(format!("a call of telephone {device:?} was confirmed, and nobody said BYE"));
            }
            for (who, side) in [("the engine", &talk.engine), ("the telephone", &talk.other)] {
                if side.byes.len() > 1 {
                    wrong = Some(format!("{who} said BYE {} times to telephone {device:?}", side.byes.len()));
                }
                if let Some((cseq, at)) = side.owes.first_key_value() {
                    wrong =
                        Some(format!("{who} never acknowledged the 2xx to {cseq} INVITE heard at {at:?} ({device:?})"));
                }
            }
        }
        if let Some(wrong) = wrong {
            self.fail(now, wrong);
        }
    }
}

/// An empty line, or a STUN request.
fn keeps_alive(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0)) || bytes[0] < 4
}

fn has_to_tag(message: &Message<'_>) -> bool {
    message.to().is_some_and(|to| to.tag().is_some())
}
