//! What sessions, registrar and registrations share: settings, chance, the time of the input being handled, the
//! transactions, the alarms, and the outgoing queue.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use super::super::message::{Message, OwnedMessage};
use super::super::timers::Timers;
use super::super::transaction::{ClientKey, Layer, Note, Request, Smaller, Times, TransactionId, User};
use super::super::wire::{Draft, Reply, reply_flow};
use super::super::{Binding, Bytes, DropReason, EndpointConfig, Event, Flow, Output, SessionId, Transport, reading};
use crate::clock::Instant;
use crate::ids::IdSource;

/// A deadline above the transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sip) enum Alarm {
    /// An INVITE rang long enough.
    Ring(SessionId),
    /// An INVITE had no response at all for long enough.
    Patience(SessionId),
    /// A cancelled INVITE was never finished by its peer.
    CancelGuard(SessionId),
    /// Repeat a 2xx.
    Resend(SessionId, u32),
    /// A 2xx was never acknowledged.
    GiveUp(SessionId, u32),
    /// A re-INVITE of ours had a provisional response and nothing after it.
    ReinviteGuard(SessionId),
    /// Try a re-INVITE again after glare.
    Glare(SessionId),
    /// The owner owes an answer to a re-INVITE.
    OwnerGuard(SessionId),
    /// The owner owes the answer that goes into an ACK.
    AnswerGuard(SessionId),
    /// Repeat a reliable provisional response.
    Reliable(SessionId),
    /// A reliable provisional response was never acknowledged.
    ReliableGuard(SessionId),
    /// A session is to be refreshed.
    SessionRefresh(SessionId),
    /// A session was not refreshed.
    SessionExpiry(SessionId),
    /// The owner owes an answer to a REFER, or its outcome was never told.
    Referral(SessionId),
    /// A subscription runs out.
    Subscription(u64),
    /// A binding runs out.
    Bindings,
    /// The ways to phones behind a NAT are to be kept open.
    KeepAlive,
    /// The registrar is to hear that we are there.
    Ping(u32),
    /// A registration of ours is to be refreshed, or tried again.
    Refresh(u32),
}

/// How long a peer without TCP is remembered as such, and …
const NO_TCP_FOR: Duration = Duration::from_secs(600);
/// … how many are; what more there are cost their callers a connection's time.
const NO_TCP_MAX: usize = 256;

#[derive(Debug)]
pub(in crate::sip) struct Core {
    pub config: EndpointConfig,
    pub ids: IdSource,
    pub now: Instant,
    pub out: VecDeque<Output>,
    pub layer: Layer,
    /// What the transaction layer told while something else was going on.
    pub notes: VecDeque<Note>,
    pub alarms: Timers<Alarm>,
    /// Sessions by our tag.
    pub local_tags: BTreeMap<String, SessionId>,
    /// Peers that took no TCP connection when one was wanted for a large message, and until when none is tried again.
    no_tcp: BTreeMap<SocketAddr, Instant>,
    /// Bindings whose flow is gone, by the word of the proxy that kept it.
    pub failed_flows: Vec<Binding>,
    /// The message in hand is a stranger's: its answer is plain, and this is the most bytes it may have.
    pub answer_max: Option<usize>,
}

impl Core {
    pub fn new(config: EndpointConfig, ids: IdSource) -> Core {
        Core {
            config,
            ids,
            now: Instant::ZERO,
            out: VecDeque::new(),
            layer: Layer::default(),
            notes: VecDeque::new(),
            alarms: Timers::default(),
            local_tags: BTreeMap::new(),
            no_tcp: BTreeMap::new(),
            failed_flows: Vec::new(),
            answer_max: None,
        }
    }

    /// A tag of ours, which no stranger can guess.
    pub fn tag(&mut self) -> String {
        self.ids.hex(10)
    }

    /// A Call-ID of ours.
    pub fn call_id(&mut self) -> Vec<u8> {
        self.ids.hex(16).into_bytes()
    }

    /// The durations of a transaction over `flow`.
    pub fn times(&self, flow: &Flow) -> Times {
        let EndpointConfig { t1, t2, t4, .. } = self.config;
        Times { t1, t2, t4, reliable: flow.transport.is_reliable() }
    }

    /// Wakes us after `span`.
    pub fn alarm(&mut self, alarm: Alarm, span: Duration) {
        self.alarms.set(alarm, self.now + span);
    }

    /// Tells the owner.
    pub fn tell(&mut self, event: Event) {
        self.out.push_back(Output::Event(event));
    }

    /// Counts a message dropped.
    pub fn dropped(&mut self, reason: DropReason) {
        self.out.push_back(Output::Dropped(reason));
    }

    /// Sends a request in a transaction of its own.
    pub fn send_request(&mut self, user: User, draft: &Draft, flow: Flow) -> TransactionId {
        let branch = self.branch();
        let key = ClientKey::new(branch.as_bytes(), draft.method);
        let bytes: Bytes = draft.write(&self.config, &flow, &branch).into();
        match self.larger_way(draft, &flow, bytes.len()) {
            Some(tcp) => {
                let over_tcp = draft.write_via(&self.config, &flow, &tcp, &branch).into();
                let smaller = Smaller { flow, bytes, times: self.times(&flow) };
                let request = Request { user, key, flow: tcp, bytes: over_tcp, smaller: Some(smaller) };
                self.layer.request(self.now, self.times(&tcp), request, &mut self.out)
            }
            None => self.send_bytes(user, key, flow, bytes),
        }
    }

    /// Sends a request that is written already.
    pub fn send_bytes(&mut self, user: User, key: ClientKey, flow: Flow, bytes: Bytes) -> TransactionId {
        let times = self.times(&flow);
        self.layer.request(self.now, times, Request { user, key, flow, bytes, smaller: None }, &mut self.out)
    }

    /// The TCP flow for a request too large for UDP (§18.1.1): to an address that may be called, never to a telephone that
    /// only its own datagrams keep within reach.
    fn larger_way(&self, draft: &Draft, flow: &Flow, len: usize) -> Option<Flow> {
        let large = flow.transport == Transport::Udp && draft.to_address && len > self.config.mtu_bytes_max;
        let refuses = self.no_tcp.get(&flow.remote).is_some_and(|until| *until > self.now);
        (large && !refuses).then(|| self.config.flow_to(Transport::Tcp, flow.remote)).flatten()
    }

    /// No connection could be had to a peer. If it was for a message's size alone, that message goes over UDP, and the next
    /// ones do so at once: a carrier that drops what asks for a connection would cost every caller seconds.
    pub fn no_connection(&mut self, flow: &Flow) {
        if flow.is_pinned() || !self.layer.was_for_size(flow) {
            return;
        }
        let now = self.now;
        self.no_tcp.retain(|_, until| *until > now);
        if self.no_tcp.len() < NO_TCP_MAX {
            self.no_tcp.insert(flow.remote, now + NO_TCP_FOR);
        }
    }

    /// Sends the ACK of a 2xx, which has no transaction; returns its bytes for when it is needed again.
    pub fn send_ack(&mut self, draft: &Draft, flow: Flow) -> Bytes {
        let branch = self.branch();
        let bytes: Bytes = draft.write(&self.config, &flow, &branch).into();
        self.out.push_back(Output::Transmit { flow, bytes: bytes.clone() });
        bytes
    }

    /// Answers a request; returns the bytes when they left.
    pub fn reply(
        &mut self,
        id: TransactionId,
        request: &Message<'_>,
        source: Flow,
        reply: &Reply<'_>,
    ) -> Option<Bytes> {
        let bytes: Bytes = reply.write(&self.config, request, &source).into();
        let (sent, notes) = self.layer.respond(self.now, id, reply.status(), bytes.clone(), &mut self.out);
        self.notes.extend(notes);
        sent.then_some(bytes)
    }

    /// Answers a request that was kept.
    pub fn reply_later(
        &mut self,
        id: TransactionId,
        request: &OwnedMessage,
        source: Flow,
        reply: &Reply<'_>,
    ) -> Option<Bytes> {
        self.reply(id, &request.view(), source, reply)
    }

    /// Answers a request without keeping anything. The To tag follows from the request, so that a repeat of it gets the
    /// same answer (§8.2.7).
    pub fn reply_stateless(&mut self, request: &Message<'_>, source: Flow, reply: Reply<'_>) {
        let branch = request.via().and_then(|via| via.branch).unwrap_or_default();
        let from_tag = reading::from_tag(request).unwrap_or_default();
        let call_id = request.call_id().unwrap_or_default();
        let tag = format!("{:016x}", reading::hash(&[branch, from_tag, call_id]));
        let reply = reply.tag(&tag);
        let Some(most) = self.answer_max else {
            let bytes = reply.write(&self.config, request, &source).into();
            return self.out.push_back(Output::Transmit { flow: reply_flow(&source, request), bytes });
        };
        // A stranger's: without our name, and never much larger than what he sent.
        let mut reply = reply.plain();
        let mut bytes = reply.write(&self.config, request, &source);
        if bytes.len() > most && reply.drop_first_challenge() {
            bytes = reply.write(&self.config, request, &source);
        }
        if bytes.len() > most {
            return self.dropped(DropReason::Amplification);
        }
        self.out.push_back(Output::Transmit { flow: reply_flow(&source, request), bytes: bytes.into() });
    }

    fn branch(&mut self) -> String {
        format!("z9hG4bK{}", self.ids.hex(10))
    }
}
