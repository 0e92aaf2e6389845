//! What must hold between two inputs, swept in one go. The simulator asks after every step; a live node may ask now and
//! then, since an error here is a bug and never the fault of an input.

use std::collections::BTreeSet;

use super::dispatcher::Dispatcher;
use super::ring::Stage;

impl Dispatcher {
    /// Sweeps everything that must hold between two inputs; an error is a bug, and says which.
    pub fn check_invariants(&self) -> Result<(), String> {
        self.queue.check()?;
        if self.queue.len() > self.settings.max_waiting {
            return Err(format!("{} callers wait", self.queue.len()));
        }
        let mut calls = BTreeSet::new();
        for (place, seat) in self.seats.iter().enumerate() {
            let Some(held) = &seat.held else { continue };
            if held.token.listener != seat.id || self.seat_of(&seat.id) != Some(place) {
                return Err(format!("{} holds a ring of {}", seat.id, held.token.listener));
            }
            if held.token.generation >= self.next_generation {
                return Err(format!("generation {} comes from the future", held.token.generation));
            }
            if !calls.insert(held.token.call) {
                return Err(format!("{} has two listeners", held.token.call));
            }
            let rung = self.queue.get(held.token.call).and_then(|waiting| waiting.ringing.as_ref());
            match held.stage {
                Stage::Ringing { deadline } if rung != Some(&held.token) || deadline <= self.now.at => {
                    return Err(format!("{} is rung for nobody, or too long", seat.id));
                }
                Stage::Talking if self.queue.contains(held.token.call) => {
                    return Err(format!("{} talks and waits", held.token.call));
                }
                _ => {}
            }
        }
        for waiting in self.queue.iter() {
            let call = waiting.request.call;
            if let Some(token) = &waiting.ringing {
                let seat = self.seat_of(&token.listener).and_then(|seat| self.seats[seat].held.as_ref());
                if seat.is_none_or(|held| held.token != *token) {
                    return Err(format!("{call} waits for a ring nobody hears"));
                }
            } else if waiting.over {
                return Err(format!("{call} waits beyond the last tier"));
            } else if waiting.not_before.is_none() {
                let free = (0..self.seats.len()).find(|seat| self.preference(waiting, *seat).is_ok());
                if let Some(seat) = free {
                    return Err(format!("{call} waits although {} is free", self.seats[seat].id));
                }
            }
        }
        match self.due() {
            Some(due) if due <= self.now.at => Err(format!("something was due at {due:?} and still is")),
            _ => Ok(()),
        }
    }
}
