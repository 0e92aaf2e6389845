//! What a listener is doing, computed from facts and never stored.
//!
//! The facts: the wish (his own), the living devices (the registrar's), what he holds (a ring, a conversation, calls of
//! his own), the time for notes, and the peace he is left in after a ring that came to nothing. Free means: wish ∧
//! reachable ∧ not busy ∧ not cooling ∧ certified. Since no flag says "busy", no lost message can leave him so.

use serde::{Deserialize, Serialize};

use super::ring::{Held, Stage};
use super::{Outcome, Reason, Wish};
use crate::clock::Instant;
use crate::ids::ListenerId;

/// What a listener is doing, for screens and gauges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListenerState {
    /// Could be rung now.
    Free,
    /// Being rung.
    Reserved,
    /// In a conversation.
    Talking,
    /// Writing notes.
    WrapUp,
    /// Left in peace after a ring that came to nothing.
    Cooling,
    /// Takes no calls for now.
    Paused,
    /// No device can be reached.
    Unreachable,
    /// Training, charter or role does not allow it.
    Untrained,
    /// Suspended by the staff.
    Suspended,
}

/// The facts about one listener, and nothing derived from them.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub id: ListenerId,
    /// Why the roster does not let him be rung; worked out again whenever roster or calendar change it.
    pub unfit: Option<Reason>,
    pub wish: Wish,
    pub devices: u32,
    /// The ring or conversation he holds.
    pub held: Option<Held>,
    /// Conversations outside the queue.
    pub engaged: u32,
    pub wrap_up_until: Option<Instant>,
    pub cooling: Option<Cooling>,
    /// Rings missed in a row.
    pub missed: u8,
    /// When his last conversation ended.
    pub rested_at: Option<Instant>,
    /// Conversations today.
    pub today: u32,
}

/// Peace after a ring that came to nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cooling {
    pub outcome: Outcome,
    /// None: until he registers again.
    pub until: Option<Instant>,
}

impl Seat {
    pub(super) fn new(id: ListenerId) -> Seat {
        Seat {
            id,
            unfit: None,
            wish: Wish::Ready,
            devices: 0,
            held: None,
            engaged: 0,
            wrap_up_until: None,
            cooling: None,
            missed: 0,
            rested_at: None,
            today: 0,
        }
    }

    /// What keeps him from being rung at this moment, whoever the caller is.
    pub(super) fn hindrance(&self) -> Option<Reason> {
        match &self.held {
            Some(Held { stage: Stage::Talking, .. }) => Some(Reason::Talking),
            Some(Held { stage: Stage::Ringing { .. }, .. }) => Some(Reason::Reserved),
            None if self.engaged > 0 => Some(Reason::Talking),
            None if self.devices == 0 => Some(Reason::Unreachable),
            None if self.wish == Wish::Paused => Some(Reason::Paused),
            None if self.wrap_up_until.is_some() => Some(Reason::WrapUp),
            None => self.cooling.map(|cooling| Reason::Cooling(cooling.outcome)),
        }
    }

    /// Everything at once, in one word. A conversation is named before anything the roster says about him.
    pub(super) fn state(&self) -> ListenerState {
        let hindrance = self.hindrance();
        match (&hindrance, &self.unfit) {
            (Some(Reason::Talking), _) => ListenerState::Talking,
            (Some(Reason::Reserved), _) => ListenerState::Reserved,
            (_, Some(Reason::Suspended)) => ListenerState::Suspended,
            (_, Some(_)) => ListenerState::Untrained,
            (Some(Reason::Unreachable), None) => ListenerState::Unreachable,
            (Some(Reason::Paused), None) => ListenerState::Paused,
            (Some(Reason::WrapUp), None) => ListenerState::WrapUp,
            (Some(_), None) => ListenerState::Cooling,
            (None, None) => ListenerState::Free,
        }
    }

    /// Whether there is anything to remember about somebody the roster does not name.
    pub(super) fn worth_keeping(&self) -> bool {
        self.held.is_some() || self.engaged > 0 || self.devices > 0 || self.wish != Wish::Ready
    }

    /// Ends what has had its time; true when he may have become free by it.
    pub(super) fn lapse(&mut self, at: Instant) -> bool {
        let notes = self.wrap_up_until.take_if(|until| *until <= at).is_some();
        let peace = self.cooling.take_if(|cooling| cooling.until.is_some_and(|until| until <= at)).is_some();
        notes || peace
    }

    /// The next moment something of his lapses.
    pub(super) fn due(&self) -> Option<Instant> {
        let ring = self.held.as_ref().and_then(|held| held.deadline());
        let peace = self.cooling.and_then(|cooling| cooling.until);
        [ring, self.wrap_up_until, peace].into_iter().flatten().min()
    }
}
