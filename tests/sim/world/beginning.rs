//! How a world begins: who is there, and what is in store for them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ecoute::dispatch::Wish;
use ecoute::media::Prompt;

use super::queue::{Coming, Fate};
use super::{LOOK_EVERY, Owner, World};
use crate::callers::Caller;
use crate::deeds::Deed;
use crate::device::Device;
use crate::dice::Dice;
use crate::house::{self, ENGINE};
use crate::listeners::Listener;
use crate::strangers::Stranger;
use crate::watchers::Watcher;

impl World {
    /// Callers and listeners, with their telephones.
    pub(super) fn people(&mut self) {
        let voices: Vec<u16> = (0..self.nature.callers).map(house::caller_hz).collect();
        let mut prompts: Vec<u16> = (0..self.nature.listeners.len()).map(house::listener_hz).collect();
        prompts.extend([house::DANGER_HZ, house::ASK_HZ, house::CONFIRM_HZ, house::BUSY_HZ]);
        for nth in 0..self.nature.callers {
            let caller = Caller::new(nth, &self.nature, self.dice.fork());
            let account = (caller.number.as_str(), None);
            let voice = (voice(house::caller_hz(nth)), prompts.clone());
            let way = (house::caller_ip(nth), self.nature.roads.callers[nth]);
            let device = Device::new(format!("c{nth}"), way, account, nth as u32, voice, &mut self.dice);
            self.devices.push(device);
            self.owners.push(Owner::Caller(nth));
            self.callers.push(caller);
            let at = self.now + self.dice.span_ms(1500, self.nature.calm_at.as_millis() as u64 + 2000);
            self.put(at, Coming::Deed { device: nth, call: None, deed: Deed::Dial });
        }
        for nth in 0..self.nature.listeners.len() {
            let mut devices = Vec::new();
            for which in 0..self.nature.listeners[nth] {
                let device = self.devices.len();
                let name = format!("l{nth}{}", ["a", "b"][which]);
                let (user, password) = (house::account(nth), Some(house::password(nth)));
                let voice = (voice(house::listener_hz(nth)), voices.clone());
                let way = (house::device_ip(nth, which), self.nature.roads.devices[nth][which]);
                let mut phone = Device::new(name, way, (&user, password), device as u32, voice, &mut self.dice);
                phone.looked_into = self.nature.roads.transfer;
                self.devices.push(phone);
                self.owners.push(Owner::Listener(nth));
                devices.push(device);
                let at = self.now + self.dice.span_ms(0, 2000);
                self.put(at, Coming::Deed { device, call: None, deed: Deed::Register });
            }
            let listener = Listener::new(devices, self.nature.habits, self.dice.fork());
            self.listeners.push(listener);
        }
    }

    /// What will happen to all.
    pub(super) fn fates(&mut self) {
        let span = self.nature.calm_at.as_millis() as u64;
        let hosts: Vec<IpAddr> = self.devices.iter().map(|device| device.ip).collect();
        if self.nature.weather.cuts {
            for _ in 0..self.dice.between(1, 4) {
                let at = self.now + self.dice.span_ms(1000, span);
                let host = if self.dice.chance(150) { ENGINE.ip() } else { self.dice.one_of(&hosts) };
                let fate = Fate::Cut(host, self.dice.span_ms(100, 6000));
                self.put(at, Coming::Fate(fate));
            }
        }
        if self.nature.habits.listeners_pause {
            for nth in 0..self.listeners.len() {
                for wish in [Wish::Paused, Wish::Ready] {
                    let at = self.now + self.dice.span_ms(3000, span);
                    self.put(at, Coming::Fate(Fate::Wish(nth, wish)));
                }
            }
        }
        let end_calls = self.dice.chance(500);
        for (often, fate) in [
            (self.nature.habits.staff_ends_calls, Fate::EndOneCall),
            (self.nature.habits.staff_reloads, Fate::Reload { without: None }),
            (self.nature.habits.staff_drains, Fate::Drain { end_calls }),
        ] {
            if often {
                let at = self.now + self.dice.span_ms(4000, span);
                self.put(at, Coming::Fate(fate));
            }
        }
        if self.nature.habits.staff_reloads && !self.listeners.is_empty() && self.dice.chance(600) {
            let nth = self.dice.below(self.listeners.len() as u64) as usize;
            let from = self.now + self.dice.span_ms(2500, span);
            let back = from + self.dice.span_ms(0, 8000);
            self.put(from, Coming::Fate(Fate::Reload { without: Some(nth) }));
            self.put(back, Coming::Fate(Fate::Reload { without: None }));
        }
        for nth in 0..self.listeners.len() {
            self.put(self.calm_at, Coming::Fate(Fate::Wish(nth, Wish::Ready)));
        }
        self.put(self.now + LOOK_EVERY, Coming::Fate(Fate::Look));
        self.roads_and_strangers(span);
    }

    /// What happens to connections, who watches, and who else is about.
    fn roads_and_strangers(&mut self, span: u64) {
        let mut dice = self.nature.roads.dice.fork();
        if self.nature.roads.breaks {
            for device in 0..self.devices.len() {
                for _ in 0..dice.between(0, 3) {
                    let at = self.now + dice.span_ms(1500, span);
                    self.put(at, Coming::Fate(Fate::Break(device)));
                }
            }
        }
        for nth in 0..self.nature.roads.strangers {
            let neighbour = self.devices.last().filter(|_| !self.listeners.is_empty() && dice.chance(200));
            self.strangers.push(Stranger::new(nth, neighbour.map(|device| device.ip), &mut dice));
            let at = self.now + dice.span_ms(0, span / 2);
            self.put(at, Coming::Fate(Fate::Stranger(nth)));
        }
        if self.nature.roads.watchers {
            for nth in 0..self.listeners.len() {
                let until = self.calm_at + Duration::from_secs(1);
                let at = self.now + dice.span_ms(100, 4000);
                self.watchers.push(Watcher::new(nth, until, dice.fork()));
                self.put(at, Coming::Watch(nth));
            }
        }
    }
}

/// What somebody says: always the same tone.
fn voice(hz: u16) -> Arc<Prompt> {
    Arc::new(Prompt::tone("voice", hz, Duration::from_secs(1)))
}
