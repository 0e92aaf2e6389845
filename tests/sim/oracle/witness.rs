//! What the judge sees of people: what they do with their telephones, and what these show them.

use std::time::Duration;

use ecoute::clock::Instant;
use ecoute::dispatch::Wish;
use ecoute::ids::CallId;
use ecoute::node::PhoneEvent;

use super::{Oracle, Try, holds_number};
use crate::callers::{Caller, HEARD};
use crate::deeds::Deed;
use crate::house;
use crate::world::Owner;

impl Oracle {
    /// Somebody does something with a telephone.
    pub fn did(&mut self, now: Instant, owner: Owner, deed: &Deed, callers: &[Caller]) {
        match owner {
            Owner::Caller(nth) => {
                if *deed == Deed::Dial {
                    return self.tries.push(Try {
                        caller: nth,
                        intent: callers[nth].intent,
                        guessed: callers[nth].is_guessed(),
                        dialled: now,
                        sip_call: None,
                        call: None,
                        connected: None,
                        hung_up: None,
                        vanished: None,
                        over: None,
                        refused: None,
                        heard_busy: false,
                        held: false,
                        heard_confirm: 0,
                        pressed: Vec::new(),
                    });
                }
                if let Some(last) = self.last_try(nth) {
                    match deed {
                        Deed::Hangup => last.hung_up = Some(now),
                        Deed::Vanish if last.over.is_none() && last.hung_up.is_none() => last.vanished = Some(now),
                        Deed::Press(keys) => last.pressed.push(keys.clone()),
                        Deed::Hold(_) => last.held = true,
                        _ => {}
                    }
                    let (call, connected) = (last.call, last.connected.is_some());
                    let stage = call.and_then(|call| self.calls.get(&call)).map(|told| told.stage);
                    match deed {
                        Deed::Hangup if !connected => self.sights.met("a caller hung up before she was answered"),
                        Deed::Hangup | Deed::Vanish | Deed::Hold(_) => {
                            self.sights.met(format!("a caller {deed} in {stage:?}"));
                        }
                        _ => {}
                    }
                    if matches!(deed, Deed::Vanish | Deed::Hold(_)) {
                        self.disturb(|told, _| call == told);
                    }
                }
            }
            Owner::Listener(nth) => {
                if *deed == Deed::Answer {
                    if !self.holds.is_held(nth) {
                        self.sights.met("a listener answered a ring already taken back");
                    }
                    let before = self.answered.insert(nth, now);
                    if before.is_some_and(|before| now.since(before) < Duration::from_millis(50)) {
                        self.sights.met("a listener answered with two telephones");
                    }
                    if self
                        .tries
                        .iter()
                        .any(|one| one.hung_up.is_some_and(|at| now.since(at) < Duration::from_millis(60)))
                    {
                        self.sights.met("a caller hung up as a listener answered");
                    }
                }
                if matches!(deed, Deed::Vanish | Deed::Hold(_)) {
                    let stage = if self.holds.is_held(nth) { "while held" } else { "while free" };
                    self.sights.met(format!("a listener {deed} {stage}"));
                }
                if matches!(deed, Deed::Vanish | Deed::Hold(_) | Deed::TakeOver(_)) {
                    self.disturb(|_, listener| listener == nth);
                }
                if let Deed::TakeOver(_) = deed {
                    self.sights.met("a telephone takes a conversation over");
                    for told in self.calls.values_mut() {
                        let bridges = told.bridges.iter_mut().filter(|bridge| bridge.listener == nth);
                        bridges.for_each(|bridge| bridge.taken_over |= bridge.to.is_none());
                    }
                }
                self.line.did(nth, deed);
            }
        }
    }

    /// Something happens to somebody's telephone.
    pub fn seen(&mut self, now: Instant, owner: Owner, device: usize, event: &PhoneEvent) {
        match owner {
            Owner::Caller(nth) => {
                if let Some(last) = self.last_try(nth) {
                    match event {
                        PhoneEvent::Connected => last.connected = Some(now),
                        PhoneEvent::Over { .. } => last.over = Some(now),
                        PhoneEvent::Refused(status) => (last.over, last.refused) = (Some(now), Some(*status)),
                        PhoneEvent::Tone { hz, share } if *share >= HEARD => {
                            last.heard_busy |= *hz == house::BUSY_HZ;
                            last.heard_confirm += u32::from(*hz == house::CONFIRM_HZ);
                        }
                        _ => {}
                    }
                }
            }
            Owner::Listener(nth) => self.line.seen(nth, device, event),
        }
        match event {
            PhoneEvent::Refused(status) => self.sights.met(format!("phone refused with {status}")),
            PhoneEvent::RegistrationFailed(status) => self.sights.met(format!("registration failed {status}")),
            _ => {}
        }
        self.hear(now, owner, device, event);
    }

    /// A telephone sends a datagram.
    pub fn sent(&mut self, owner: Owner, sip_call: Option<String>) {
        if let (Owner::Caller(nth), Some(sip_call)) = (owner, sip_call)
            && let Some(last) = self.last_try(nth)
        {
            last.sip_call.get_or_insert(sip_call);
        }
    }

    /// The engine is about to be handed the INVITE of this Call-ID, or something else.
    pub fn cause(&mut self, cause: Option<String>) {
        self.cause = cause;
    }

    /// A datagram reaches a telephone. No listener's ever holds a caller's number.
    pub fn on_the_wire(&mut self, now: Instant, owner: Owner, bytes: &[u8]) {
        if matches!(owner, Owner::Listener(_)) && holds_number(bytes) {
            self.fail(now, "a listener's telephone was sent a caller's number".into());
        }
    }

    /// A telephone's connection breaks: for a caller as if her power had failed, unless her operator's gateway knows better;
    /// a listener is unreachable until he has registered anew.
    pub fn cut_off(&mut self, now: Instant, owner: Owner, device: usize) {
        self.sights.met("a connection breaks");
        self.cut_talks(device);
        match owner {
            Owner::Caller(nth) => {
                if let Some(last) = self.last_try(nth) {
                    let call = last.call;
                    if last.over.is_none() && last.hung_up.is_none() {
                        last.vanished.get_or_insert(now);
                        self.sights.met("a connection breaks in a caller's call");
                    }
                    self.disturb(|told, _| call == told);
                }
            }
            Owner::Listener(nth) => {
                self.line.unreachable(nth, device);
                if self.holds.is_held(nth) {
                    self.sights.met("a connection breaks while its listener is held");
                }
                self.disturb(|_, listener| listener == nth);
            }
        }
    }

    /// Something comes between a listener and whom he talks with.
    pub fn disturbs(&mut self, nth: usize) {
        self.disturb(|_, listener| listener == nth);
        self.doubted.insert(nth);
    }

    /// The staff, or a listener by the console, changes his wish.
    pub fn wished(&mut self, listener: usize, wish: Wish) {
        self.line.wished(listener, wish);
    }

    /// The staff ends this call.
    pub fn staff_ends(&mut self, call: CallId) {
        if let Some(told) = self.calls.get_mut(&call) {
            told.staff_ended = true;
        }
    }

    /// The staff hands in a new set-up, perhaps without one of the listeners.
    pub fn reloads(&mut self, without: Option<usize>) {
        self.line.reloads(without);
    }

    /// The node is told to stop.
    pub fn drains(&mut self) {
        self.draining = true;
    }

    // ---- helpers -------------------------------------------------------------------------------------------------

    fn last_try(&mut self, caller: usize) -> Option<&mut Try> {
        self.tries.iter_mut().rev().find(|one| one.caller == caller)
    }

    fn disturb(&mut self, which: impl Fn(Option<CallId>, usize) -> bool) {
        for (call, told) in &mut self.calls {
            for bridge in told.bridges.iter_mut().filter(|bridge| bridge.to.is_none()) {
                bridge.disturbed |= which(Some(*call), bridge.listener);
            }
        }
    }
}
