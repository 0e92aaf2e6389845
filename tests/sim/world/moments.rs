//! The worst moment: what a telephone does in the very instant in which the engine sends it something, so that the two cross.
//! By chance alone this would happen once in thousands of seeds.

use ecoute::sip::message::{Framing, Message, Method};

use super::World;
use super::queue::Coming;
use crate::deeds::Deed;
use crate::dice::Dice;

impl World {
    /// The engine has just said this to a telephone.
    pub(super) fn crosses(&mut self, device: usize, bytes: &[u8]) {
        if !self.nature.roads.moments {
            return;
        }
        let Ok(message) = Message::parse(bytes, Framing::Datagram) else { return };
        let inside = message.is_request() && message.to().is_some_and(|to| to.tag().is_some());
        let Some(method) = message.method().filter(|_| inside) else { return };
        let call = Some(self.devices[device].calls);
        let dice = &mut self.nature.roads.dice;
        let deeds: &[Deed] = match method {
            Method::Invite | Method::Update if dice.chance(400) => &[Deed::Hold(true), Deed::Hold(false)],
            Method::Bye if dice.chance(60) => &[Deed::Hangup],
            Method::Bye if dice.chance(60) => &[Deed::Hold(true), Deed::Hangup],
            Method::Bye if dice.chance(60) => &[Deed::Refer],
            _ => return,
        };
        let mut at = self.now;
        for deed in deeds {
            self.put(at, Coming::Deed { device, call, deed: deed.clone() });
            at += self.nature.roads.dice.span_ms(2, 1500);
        }
    }
}
