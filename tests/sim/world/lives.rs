//! What people do, and what happens to all of them.

use std::time::Duration;

use ecoute::ids::ListenerId;
use ecoute::node::{Control, Input, PhoneAction, PhoneEvent};

use super::queue::{Coming, Fate};
use super::{CALLS_END_WITHIN, LOOK_EVERY, Owner, SETTLE, World};
use crate::callers::Leave;
use crate::deeds::Deed;
use crate::device::Line;
use crate::dice::Dice;
use crate::house;
use crate::oracle::View;

impl World {
    /// The owner of a telephone sees or hears something.
    pub(super) fn seen(&mut self, device: usize, event: &PhoneEvent) {
        let sound = matches!(event, PhoneEvent::Tone { .. } | PhoneEvent::Closed(_));
        if !sound || self.trace.is_full() {
            note!(self, "{:>4}         {event:?}", self.devices[device].name);
        }
        self.oracle.seen(self.now, self.owners[device], device, event);
        match self.owners[device] {
            Owner::Caller(nth) => {
                let mut deeds = Vec::new();
                self.callers[nth].sees(self.now, event, &mut deeds);
                for (after, deed) in deeds {
                    self.later(device, after, deed);
                }
                if matches!(event, PhoneEvent::Over { .. } | PhoneEvent::Refused(_)) {
                    self.call_over(nth, device);
                }
            }
            Owner::Listener(nth) => {
                let calm = self.now >= self.calm_at;
                let reaction = self.listeners[nth].sees(self.now, event, calm);
                for (other, after, deed) in reaction.deeds {
                    match other {
                        Some(other) => {
                            self.put(self.now + after, Coming::Deed { device: other, call: None, deed });
                        }
                        None => self.later(device, after, deed),
                    }
                }
                if let Some(after) = reaction.answers_in {
                    self.temptation(after);
                }
                self.tempts(device, event);
            }
        }
    }

    /// A caller's call is over, as she sees it.
    fn call_over(&mut self, nth: usize, device: usize) {
        self.callers[nth].todo = self.callers[nth].todo.saturating_sub(1);
        if self.callers[nth].todo > 0 {
            self.callers[nth].thinks_again(&self.nature.habits);
            let at = self.now + self.callers[nth].pause();
            self.put(at, Coming::Deed { device, call: None, deed: Deed::Dial });
        }
    }

    /// A listener will answer: who means to leave at that very moment makes ready.
    fn temptation(&mut self, after: Duration) {
        for nth in 0..self.callers.len() {
            let device = nth; // callers' telephones come first
            if self.callers[nth].intent.leave == Leave::AtAnswer
                && matches!(self.devices[device].line, Line::Connected { .. })
            {
                let at = self.now + after + self.dice.span_ms(0, 120);
                let at = at - Duration::from_millis(60);
                let call = Some(self.devices[device].calls);
                self.put(at.max(self.now), Coming::Deed { device, call, deed: Deed::Hangup });
            }
        }
    }

    fn later(&mut self, device: usize, after: Duration, deed: Deed) {
        let call = deed.belongs_to_a_call().then_some(self.devices[device].calls);
        self.put(self.now + after, Coming::Deed { device, call, deed });
    }

    /// Somebody does something with a telephone, if he still can.
    pub(super) fn deed(&mut self, device: usize, call: Option<u32>, deed: Deed) {
        let phone = &mut self.devices[device];
        if deed == Deed::ComeBack {
            if !phone.alive {
                phone.come_back(&mut self.dice);
                note!(self, "{:>4}         comes back", self.devices[device].name);
                if self.home.is_none() {
                    self.deed(device, None, Deed::Register);
                }
            }
            return;
        }
        if !phone.alive || call.is_some_and(|call| call != phone.calls) {
            return;
        }
        let fits = match deed {
            Deed::Answer | Deed::Decline(_) => matches!(phone.line, Line::Ringing { .. }),
            Deed::Dial | Deed::TakeOver(_) => phone.line == Line::Idle,
            Deed::Hangup => phone.line != Line::Idle,
            Deed::Register => self.home.is_none(),
            Deed::Hold(_) | Deed::Refer => matches!(phone.line, Line::Connected { .. }),
            _ => true,
        };
        if !fits {
            return;
        }
        note!(self, "{:>4}         {deed}", self.devices[device].name);
        self.oracle.did(self.now, self.owners[device], &deed, &self.callers);
        let owner = self.owners[device];
        if deed == Deed::Vanish {
            self.devices[device].vanish();
            self.power_fails(device);
            self.oracle.power_fails(device);
            self.cut_forks(device);
            if let Owner::Caller(nth) = owner {
                self.callers[nth].todo = 0;
            }
            return;
        }
        if deed == Deed::Refer {
            return self.asks_for_transfer(device);
        }
        if let Deed::TakeOver(other) = deed {
            if let Some(replaces) = self.replaces(other) {
                let action = PhoneAction::TakeOver { to: "ecoute".to_owned(), replaces };
                self.at_device(device, |phone, now, outs| phone.act(now, action, outs));
            }
            return;
        }
        let deed = match deed {
            // "Try me there instead": nobody follows a listener's telephone.
            Deed::Decline(603) if self.nature.roads.forks => Deed::Decline(302),
            deed => deed,
        };
        let number = match owner {
            Owner::Caller(nth) => self.callers[nth].intent.number,
            Owner::Listener(_) => "",
        };
        if let Some(action) = deed.action(number) {
            self.at_device(device, |phone, now, outs| phone.act(now, action, outs));
            if let (Owner::Caller(nth), Deed::Dial) = (owner, deed) {
                let mut deeds = Vec::new();
                self.callers[nth].dials(&mut deeds);
                for (after, deed) in deeds {
                    self.later(device, after, deed);
                }
            }
        }
    }

    /// Something happens to all.
    pub(super) fn fate(&mut self, fate: Fate) {
        if !matches!(fate, Fate::Look | Fate::Stranger(_)) {
            note!(self, "     world   {fate:?}");
        }
        match fate {
            Fate::Break(device) => self.break_one(device),
            Fate::Stranger(nth) => self.stranger(nth),
            Fate::Cut(host, span) => self.net.cut(host, self.now + span),
            Fate::Wish(nth, wish) => {
                let listener = ListenerId::new(&house::account(nth));
                self.oracle.wished(nth, wish);
                self.tell_engine(Input::Control(Control::Wish(listener, wish)));
            }
            Fate::EndOneCall => {
                let call = self.engine.shard.stages().next().map(|(call, _)| call);
                if let Some(call) = call {
                    self.oracle.staff_ends(call);
                    self.tell_engine(Input::Control(Control::EndCall(call)));
                }
            }
            Fate::Drain { end_calls } => {
                if end_calls {
                    let calls: Vec<_> = self.engine.shard.stages().map(|(call, _)| call).collect();
                    calls.into_iter().for_each(|call| self.oracle.staff_ends(call));
                }
                self.oracle.drains();
                self.tell_engine(Input::Control(Control::Drain { end_calls }));
            }
            Fate::Reload { without } => {
                self.oracle.reloads(without);
                let setup = house::setup(self.which, &self.nature, without);
                self.tell_engine(Input::Control(Control::Reload(Box::new(setup))));
            }
            Fate::Look => {
                ask_judge!(self, look);
                if self.home.is_none() && self.now > self.calm_at + Duration::from_secs(3) && self.is_quiet() {
                    self.fate(Fate::GoHome);
                }
                self.over = self.home.is_some_and(|at| self.now.since(at) > SETTLE);
                if self.home.is_none() && self.now > self.calm_at + CALLS_END_WITHIN {
                    let counts = self.engine.shard.counts();
                    self.oracle.fail(self.now, format!("calls do not end in the calm: {counts:?}"));
                }
                self.put(self.now + LOOK_EVERY, Coming::Fate(Fate::Look));
            }
            Fate::GoHome => {
                self.home = Some(self.now);
                for device in 0..self.devices.len() {
                    if matches!(self.owners[device], Owner::Listener(_)) {
                        self.deed(device, None, Deed::Unregister);
                    }
                }
            }
        }
    }
}
