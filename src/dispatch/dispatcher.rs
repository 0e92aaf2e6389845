//! The dispatcher itself: what it is told, what it says, and what must always hold.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::presence::Seat;
use super::queue::{Queue, Waiting};
use super::ring::Stage;
use super::tier::Ladder;
use super::{
    Counts, DecisionKind, DropReason, ExhaustedReason, Input, ListenerState, Outcome, Output, Request, Roster,
    Settings, Wish, WithdrawReason,
};
use crate::clock::{Civil, Instant, Now};
use crate::ids::{CallId, ListenerId};

/// Finds a listener for each caller. See the room's page for the contract.
#[derive(Debug)]
pub struct Dispatcher {
    pub(super) settings: Settings,
    pub(super) roster: Arc<Roster>,
    /// One for each listener of the roster, in its order; after them, people the roster does not name.
    pub(super) seats: Vec<Seat>,
    by_id: BTreeMap<ListenerId, usize>,
    pub(super) queue: Queue,
    pub(super) now: Now,
    pub(super) next_generation: u64,
    pub(super) rings: u64,
    /// Seats whose listener may have become free since callers were last asked.
    pub(super) fresh_seats: BTreeSet<usize>,
    pub(super) places_changed: bool,
    pub(super) outputs: VecDeque<Output>,
    /// Between these moments the roster says the same about everybody's training.
    fit: (Civil, Option<Civil>),
    /// Today, where the listeners are.
    today: (Civil, Civil),
    zone: jiff::tz::TimeZone,
}

impl Dispatcher {
    /// A dispatcher with nobody waiting and nobody reachable yet.
    pub fn new(settings: Settings, roster: Arc<Roster>) -> Dispatcher {
        let start = Civil::from_unix_millis(i64::MIN);
        let mut dispatcher = Dispatcher {
            zone: jiff::tz::TimeZone::get(&settings.timezone).unwrap_or(jiff::tz::TimeZone::UTC),
            next_generation: settings.first_generation.max(1),
            settings,
            roster: Arc::default(),
            seats: Vec::new(),
            by_id: BTreeMap::new(),
            queue: Queue::default(),
            now: Now { at: Instant::ZERO, civil: start },
            rings: 0,
            fresh_seats: BTreeSet::new(),
            places_changed: false,
            outputs: VecDeque::new(),
            fit: (start, Some(start)),
            today: (start, start),
        };
        dispatcher.handle_roster(roster);
        dispatcher
    }

    /// How many of each there are now.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts { waiting: self.queue.len(), rings: self.rings, ..Counts::default() };
        counts.ringing = self.queue.iter().filter(|waiting| waiting.ringing.is_some()).count();
        let talks = |seat: &&Seat| seat.held.as_ref().is_some_and(|held| held.stage == Stage::Talking);
        counts.talking = self.seats.iter().filter(talks).count();
        for (_, state) in self.listener_states(self.now) {
            let listeners = &mut counts.listeners;
            *match state {
                ListenerState::Free => &mut listeners.free,
                ListenerState::Reserved => &mut listeners.reserved,
                ListenerState::Talking => &mut listeners.talking,
                ListenerState::WrapUp => &mut listeners.wrap_up,
                ListenerState::Cooling => &mut listeners.cooling,
                ListenerState::Paused => &mut listeners.paused,
                ListenerState::Unreachable => &mut listeners.unreachable,
                ListenerState::Untrained => &mut listeners.untrained,
                ListenerState::Suspended => &mut listeners.suspended,
            } += 1;
        }
        counts
    }

    /// What every listener is doing at `now`: those of the roster, and others as long as they hold a call.
    pub fn listener_states(&self, now: Now) -> impl Iterator<Item = (ListenerId, ListenerState)> {
        let named = self.roster.listeners.len();
        self.seats.iter().enumerate().filter(move |(place, seat)| *place < named || seat.held.is_some()).map(
            move |(_, seat)| {
                let mut then = seat.clone();
                then.lapse(now.at);
                (seat.id.clone(), then.state())
            },
        )
    }

    /// The one way in. Afterwards drain [`Dispatcher::poll_output`].
    ///
    /// The input comes before the clock: an answer that arrives with its deadline is an answer.
    pub fn handle_input(&mut self, now: Now, input: Input) {
        self.now = Now { at: now.at.max(self.now.at), civil: now.civil };
        self.turn_the_day();
        match input {
            Input::Roster(roster) => self.handle_roster(roster),
            Input::Reachable { listener, devices } => self.handle_reachable(&listener, devices),
            Input::Wish { listener, wish } => self.handle_wish(&listener, wish),
            Input::Engaged { listener, calls } => self.handle_engaged(&listener, calls),
            Input::WrapUpDone { listener } => self.handle_wrap_up_done(&listener),
            Input::Enqueue(request) => self.handle_enqueue(request),
            Input::Leave { call } => self.handle_leave(call),
            Input::Outcome { token, outcome } => self.handle_outcome(&token, outcome),
            Input::Released { token } => self.handle_released(&token),
            Input::Resumed { token } => self.handle_resumed(token),
            Input::Timeout => {}
        }
        self.lapse();
        self.settle();
    }

    /// The one way out: call until it answers [`Output::Timeout`].
    pub fn poll_output(&mut self) -> Output {
        self.outputs.pop_front().unwrap_or_else(|| Output::Timeout(self.due()))
    }

    // What comes in.

    fn handle_roster(&mut self, roster: Arc<Roster>) {
        let mut before: BTreeMap<ListenerId, Seat> = BTreeMap::new();
        for seat in self.seats.drain(..) {
            before.entry(seat.id.clone()).or_insert(seat);
        }
        for listener in &roster.listeners {
            let mut seat = before.remove(&listener.id).unwrap_or_else(|| Seat::new(listener.id.clone()));
            // The number may have been corrected, so a wrong one is forgotten.
            seat.cooling.take_if(|cooling| cooling.outcome == Outcome::Wrong);
            self.seats.push(seat);
        }
        self.seats.extend(before.into_values().filter(Seat::worth_keeping));
        // Places have changed; everybody named is looked at afresh below.
        self.fresh_seats.clear();
        self.by_id.clear();
        for (place, seat) in self.seats.iter().enumerate() {
            self.by_id.entry(seat.id.clone()).or_insert(place);
        }
        self.roster = roster;
        self.judge_fitness();
    }

    fn handle_reachable(&mut self, listener: &ListenerId, devices: u32) {
        let Some(seat) = self.seat_or_unlisted(listener) else {
            return self.drop_input(DropReason::UnknownListener);
        };
        let facts = &mut self.seats[seat];
        let more = devices > facts.devices;
        facts.devices = devices;
        if more {
            facts.cooling.take_if(|cooling| cooling.outcome == Outcome::Wrong);
            self.fresh_seats.insert(seat);
        }
        if devices == 0 {
            self.withdraw(seat, WithdrawReason::ListenerUnreachable, Outcome::Unreachable);
        }
    }

    fn handle_wish(&mut self, listener: &ListenerId, wish: Wish) {
        let Some(seat) = self.seat_or_unlisted(listener) else {
            return self.drop_input(DropReason::UnknownListener);
        };
        let facts = &mut self.seats[seat];
        if facts.wish != wish {
            facts.missed = 0;
        }
        facts.wish = wish;
        match wish {
            Wish::Ready => drop(self.fresh_seats.insert(seat)),
            Wish::Paused => self.withdraw(seat, WithdrawReason::ListenerPaused, Outcome::Declined),
        }
    }

    fn handle_engaged(&mut self, listener: &ListenerId, calls: u32) {
        let Some(seat) = self.seat_or_unlisted(listener) else {
            return self.drop_input(DropReason::UnknownListener);
        };
        let ended = calls == 0 && self.seats[seat].engaged > 0;
        self.seats[seat].engaged = calls;
        if calls > 0 {
            self.withdraw(seat, WithdrawReason::ListenerEngaged, Outcome::Busy);
        } else if ended && self.seats[seat].held.is_none() {
            self.rest(seat);
        }
    }

    fn handle_wrap_up_done(&mut self, listener: &ListenerId) {
        match self.seat_of(listener) {
            Some(seat) => {
                self.seats[seat].wrap_up_until = None;
                self.fresh_seats.insert(seat);
            }
            None => self.drop_input(DropReason::UnknownListener),
        }
    }

    fn handle_enqueue(&mut self, mut request: Request) {
        let call = request.call;
        if self.queue.contains(call) {
            return self.drop_input(DropReason::AlreadyWaiting);
        }
        // The caller asks again, so his conversation is over, whatever became of the word that said so.
        if let Some(seat) = self.seat_holding(call) {
            self.seats[seat].held = None;
            self.rest(seat);
        }
        request.language.make_ascii_lowercase();
        let ladder = Ladder::of(&request);
        let full = self.queue.len() >= self.settings.max_waiting;
        let refused =
            if full { Some(ExhaustedReason::Full) } else { ladder.is_none().then_some(ExhaustedReason::NoTier) };
        let ladder = ladder.unwrap_or_default();
        self.queue.push(Waiting::new(request, ladder, self.now.at));
        self.places_changed = true;
        if let Some(why) = refused {
            self.exhaust(call, why);
        }
    }

    fn handle_leave(&mut self, call: CallId) {
        let Some(waiting) = self.queue.get(call) else {
            return self.drop_input(DropReason::UnknownCall);
        };
        let ringing = waiting.ringing.clone();
        self.explain(call, DecisionKind::Left { ringing: ringing.as_ref().map(|token| token.listener.clone()) });
        if let Some(token) = ringing {
            self.withdraw_for_caller(&token);
        }
        self.queue.remove(call);
        self.places_changed = true;
    }

    // What time brings.

    fn lapse(&mut self) {
        let at = self.now.at;
        let (since, until) = self.fit;
        if self.now.civil < since || until.is_some_and(|until| until <= self.now.civil) {
            self.judge_fitness();
        }
        self.lapse_rings();
        for (place, seat) in self.seats.iter_mut().enumerate() {
            if seat.lapse(at) {
                self.fresh_seats.insert(place);
            }
        }
        let mut widened = Vec::new();
        for waiting in self.queue.iter_mut() {
            waiting.lapse(at, &self.settings);
            let before = waiting.open;
            while !waiting.over && waiting.tier_ends <= at {
                waiting.over = !waiting.ladder.widens(waiting.open);
                if !waiting.over {
                    waiting.open += 1;
                    waiting.tier_ends += waiting.ladder.lasts(waiting.open);
                }
            }
            if waiting.open != before {
                waiting.fresh = true;
                waiting.tell = true;
                widened.push(waiting.request.call);
            }
        }
        for call in widened {
            self.places_changed = true;
            self.explain(call, DecisionKind::Widened);
        }
    }

    pub(super) fn due(&self) -> Option<Instant> {
        let seats = self.seats.iter().filter_map(Seat::due).min();
        let callers = self.queue.iter().filter_map(|waiting| waiting.due(&self.settings)).min();
        // The calendar matters only while somebody waits for it to let a listener in.
        let calendar = self.fit.1.filter(|_| self.queue.len() > 0).map(|until| {
            let ms = until.as_unix_millis().saturating_sub(self.now.civil.as_unix_millis());
            self.now.at + Duration::from_millis(u64::try_from(ms).unwrap_or(0).max(1))
        });
        [seats, callers, calendar].into_iter().flatten().min()
    }

    /// What the roster says about everybody's training, and until when.
    fn judge_fitness(&mut self) {
        let at = self.now.civil;
        self.fit = (at, None);
        for (place, listener) in self.roster.listeners.iter().enumerate() {
            let fitness = listener.fitness(&self.roster.required_modules, at);
            self.seats[place].unfit = fitness.unfit;
            if let Some(until) = fitness.until {
                self.fit.1 = Some(self.fit.1.map_or(until, |first| first.min(until)));
            }
            self.fresh_seats.insert(place);
        }
    }

    fn turn_the_day(&mut self) {
        let (from, until) = self.today;
        if (from..until).contains(&self.now.civil) {
            return;
        }
        let instant = self.now.civil.timestamp().to_zoned_datetime(self.zone.clone());
        let noon = self.now.civil.as_unix_millis();
        let edge = |day: Result<jiff::ZonedDateTime, jiff::Error>, otherwise: i64| {
            Civil::from_unix_millis(day.map_or(otherwise, |day| day.timestamp().as_millisecond()))
        };
        let half_day_ms = 43_200_000;
        self.today = (
            edge(instant.start_of_day(), noon.saturating_sub(half_day_ms)),
            edge(instant.tomorrow().and_then(|day| day.start_of_day()), noon.saturating_add(half_day_ms)),
        );
        for seat in &mut self.seats {
            seat.today = 0;
        }
    }

    // Seats.

    pub(super) fn seat_of(&self, listener: &ListenerId) -> Option<usize> {
        self.by_id.get(listener).copied()
    }

    /// The seat of a listener; somebody the roster does not name is given one, as long as there is room.
    pub(super) fn seat_or_unlisted(&mut self, listener: &ListenerId) -> Option<usize> {
        if let Some(seat) = self.seat_of(listener) {
            return Some(seat);
        }
        if self.seats.len() - self.roster.listeners.len() >= self.settings.max_unlisted {
            return None;
        }
        self.seats.push(Seat::new(listener.clone()));
        self.by_id.insert(listener.clone(), self.seats.len() - 1);
        Some(self.seats.len() - 1)
    }

    /// The seat that holds a ring or a conversation of this call.
    pub(super) fn seat_holding(&self, call: CallId) -> Option<usize> {
        self.seats.iter().position(|seat| seat.held.as_ref().is_some_and(|held| held.token.call == call))
    }

    pub(super) fn drop_input(&mut self, why: DropReason) {
        self.outputs.push_back(Output::Dropped(why));
    }
}
