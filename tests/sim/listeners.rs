//! The people who listen: what they do when a telephone rings, and how they end a talk.

use std::time::Duration;

use ecoute::clock::Instant;
use ecoute::ids::IdSource;
use ecoute::node::PhoneEvent;

use crate::deeds::Deed;
use crate::dice::Dice;
use crate::nature::Habits;

/// How long a telephone rings in the short plan.
const RING_MS: u64 = 5000;

/// A listener, with all his telephones.
#[derive(Debug)]
pub struct Listener {
    /// His telephones' places in the world.
    pub devices: Vec<usize>,
    habits: Habits,
    /// Until then a ring of another of his telephones is the same ring to him.
    minded_until: Instant,
    dice: IdSource,
}

/// What a listener does about a ring.
#[derive(Debug, Default)]
pub struct Reaction {
    /// Deeds on the telephone the event came from (`None`), or on that one.
    pub deeds: Vec<(Option<usize>, Duration, Deed)>,
    /// He will answer after this long: a caller may choose this very moment to leave.
    pub answers_in: Option<Duration>,
}

impl Listener {
    /// A listener who owns these telephones.
    pub fn new(devices: Vec<usize>, habits: Habits, dice: IdSource) -> Listener {
        Listener { devices, habits, minded_until: Instant::ZERO, dice }
    }

    /// Something happens to one of his telephones. In the calm nobody vanishes.
    pub fn sees(&mut self, now: Instant, event: &PhoneEvent, calm: bool) -> Reaction {
        let mut reaction = Reaction::default();
        match event {
            PhoneEvent::Rings => self.rings(now, calm, &mut reaction),
            PhoneEvent::Connected => self.connected(calm, &mut reaction),
            _ => {}
        }
        reaction
    }

    fn rings(&mut self, now: Instant, calm: bool, reaction: &mut Reaction) {
        if now < self.minded_until {
            return; // the other telephone of the same ring
        }
        self.minded_until = now + Duration::from_millis(900);
        let habits = self.habits;
        let dice = &mut self.dice;
        let deeds = &mut reaction.deeds;
        if habits.listeners_decline && dice.chance(200) {
            return deeds.push((None, dice.span_ms(0, 3000), Deed::Decline(dice.one_of(&[603, 603, 480]))));
        }
        if habits.listeners_are_busy && dice.chance(150) {
            return deeds.push((None, dice.span_ms(0, 200), Deed::Decline(486)));
        }
        if habits.listeners_ring_out && dice.chance(200) {
            return;
        }
        if habits.listeners_vanish && !calm && dice.chance(150) {
            return self.vanish(5000, reaction);
        }
        let span = if habits.listeners_answer_late && dice.chance(350) {
            dice.span_ms(RING_MS - 120, RING_MS + 120)
        } else if dice.chance(150) {
            dice.span_ms(0, 20)
        } else {
            dice.span_ms(100, 3500)
        };
        reaction.answers_in = Some(span);
        if habits.listeners_answer_twice && self.devices.len() > 1 && dice.chance(600) {
            let span = span.max(Duration::from_millis(60));
            let apart = if dice.chance(500) { Duration::ZERO } else { dice.span_ms(0, 40) };
            let both = [(self.devices[0], span), (self.devices[1], span + apart)];
            deeds.extend(both.map(|(device, span)| (Some(device), span, Deed::Answer)));
        } else {
            deeds.push((None, span, Deed::Answer));
        }
    }

    fn connected(&mut self, calm: bool, reaction: &mut Reaction) {
        let dice = &mut self.dice;
        if self.habits.listeners_hold && dice.chance(400) {
            let from = dice.span_ms(50, 1500);
            reaction.deeds.push((None, from, Deed::Hold(true)));
            reaction.deeds.push((None, from + dice.span_ms(50, 1500), Deed::Hold(false)));
        }
        let span = if dice.chance(150) { dice.span_ms(0, 60) } else { dice.span_ms(500, 5000) };
        reaction.deeds.push((None, span, Deed::Hangup));
        if self.habits.listeners_vanish && !calm && dice.chance(150) {
            self.vanish(3000, reaction);
        }
    }

    /// One of his telephones dies, or all, and comes back.
    fn vanish(&mut self, within_ms: u64, reaction: &mut Reaction) {
        let dice = &mut self.dice;
        let from = dice.span_ms(0, within_ms);
        let back = from + dice.span_ms(300, 9000);
        if dice.chance(600) {
            for device in &self.devices {
                reaction.deeds.push((Some(*device), from, Deed::Vanish));
                reaction.deeds.push((Some(*device), back, Deed::ComeBack));
            }
        } else {
            reaction.deeds.push((None, from, Deed::Vanish));
            reaction.deeds.push((None, back, Deed::ComeBack));
        }
    }
}
