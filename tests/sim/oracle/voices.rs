//! Who hears whom. Each person's voice is a tone of its own, so a telephone tells who is heard in it: exactly the one who is
//! joined with its owner, both ways, and nobody else ever.

use std::time::Duration;

use ecoute::clock::Instant;
use ecoute::ids::CallId;
use ecoute::node::PhoneEvent;

use super::Oracle;
use crate::callers::HEARD;
use crate::house;
use crate::world::Owner;

/// A tone is measured over this long before it is told, and a little.
const MEASURED: Duration = Duration::from_millis(450);
/// Who is joined this long in a network that loses nothing has heard the other.
const HEARS_WITHIN: Duration = Duration::from_millis(1500);

impl Oracle {
    pub(super) fn hear(&mut self, now: Instant, owner: Owner, device: usize, event: &PhoneEvent) {
        let PhoneEvent::Tone { hz, share } = event else { return };
        // What is measured begins where the last measure ended, which may be long ago when the network stood still.
        let since = self.measured.insert((device, *hz), now).unwrap_or(now);
        if *share < HEARD || *hz < house::caller_hz(0) {
            return;
        }
        let grace = MEASURED + self.weather.longest() * 2;
        let (caller, listener) = match owner {
            Owner::Caller(caller) => (caller, (0..8).find(|nth| house::listener_hz(*nth) == *hz)),
            Owner::Listener(listener) => match (0..8).find(|nth| house::caller_hz(*nth) == *hz) {
                Some(caller) => (caller, Some(listener)),
                None => return,
            },
        };
        let Some(listener) = listener else { return };
        let is_caller = matches!(owner, Owner::Caller(_));
        let tries = &self.tries;
        let mut twice = false;
        let mut joined = false;
        for told in self.calls.values_mut() {
            if told.of.is_none_or(|of| tries[of].caller != caller) {
                continue;
            }
            for bridge in told.bridges.iter_mut().filter(|bridge| bridge.listener == listener) {
                if bridge.to.is_some_and(|to| to + grace < now && to + grace < since) {
                    continue;
                }
                joined = true;
                if is_caller {
                    bridge.caller_heard = true;
                } else {
                    bridge.listener_heard = true;
                    twice |= *bridge.on.get_or_insert(device) != device && bridge.to.is_none() && !bridge.taken_over;
                }
            }
        }
        if !joined {
            let (who, whom) = if is_caller {
                (format!("caller {caller}"), format!("listener {listener}"))
            } else {
                (format!("listener {listener}"), format!("caller {caller}"))
            };
            self.fail(now, format!("{who} hears {whom}, and they are not joined"));
        }
        if twice {
            self.fail(now, format!("listener {listener} hears caller {caller} in two telephones"));
        }
    }

    /// Two people part: did they hear each other?
    pub(super) fn bridge_over(&mut self, now: Instant, call: CallId) {
        if !self.weather.is_smooth() {
            return;
        }
        let Some(told) = self.calls.get(&call) else { return };
        let Some(bridge) = told.bridges.last() else { return };
        // The end of the talk is known here a little after it is over for those who talked.
        let known = told.of.and_then(|of| self.tries[of].hung_up).unwrap_or(now).min(now);
        let long = known.since(bridge.from) >= HEARS_WITHIN + self.weather.longest() * 2;
        let both = bridge.caller_heard && bridge.listener_heard;
        if long && both {
            self.sights.met("both heard each other");
        }
        if long && !both && !bridge.disturbed {
            let (caller, listener) = (bridge.caller_heard, bridge.listener_heard);
            self.fail(
                now,
                format!(
                    "{call} was joined since {:?}; caller heard: {caller}, listener heard: {listener}",
                    bridge.from
                ),
            );
        }
    }
}
