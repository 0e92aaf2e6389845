//! The tests of a call: a [`World`] in virtual time around one call. It opens and closes streams as a media worker would,
//! keeps [`books::Books`] of everything the call asked for, and writes a [`ladder`] that a person can read.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::clock::{Civil, Instant, Now};
use crate::dispatch::Token;
use crate::ids::{CallId, LegId, ListenerId};

use super::*;

mod books;
mod clocks;
mod crossing;
mod fixture;
mod golden;
mod hold;
mod keys;
mod ladder;
mod leaving;
mod listener;
mod locate;
mod monkey;
mod offers;
mod patience;
mod takeover;

use fixture::*;

struct World {
    call: Call,
    now: Now,
    wake: Option<Instant>,
    books: books::Books,
    ladder: Vec<String>,
    finished: Vec<Finished>,
    /// What each leg hears.
    playing: BTreeMap<LegId, (Playback, String)>,
    /// Legs opened since the last ring, in order.
    rung: Vec<LegId>,
    generation: u64,
    /// Streams open and close at once; otherwise the test says when.
    media_replies: bool,
    /// What came of streams that were asked for while `media_replies` was off.
    asked: VecDeque<(LegId, bool)>,
}

impl World {
    // ---- beginnings ----------------------------------------------------------------------------------------------

    fn make(made: Made, media_replies: bool) -> World {
        let now = Now { at: Instant::ZERO, civil: Civil::from_unix_millis(1_780_000_000_000) };
        let arrival = Arrival {
            call: CallId::from_raw(7),
            now,
            plan: made.plan,
            caller: made.caller,
            located: None,
            offer: made.offer,
        };
        let mut world = World {
            call: Call::new(arrival, settings()),
            now,
            wake: None,
            books: books::Books::default(),
            ladder: Vec::new(),
            finished: Vec::new(),
            playing: BTreeMap::new(),
            rung: Vec::new(),
            generation: 0,
            media_replies,
            asked: VecDeque::new(),
        };
        let mut replies = VecDeque::new();
        world.drain(&mut replies);
        replies.into_iter().for_each(|reply| world.give(reply));
        world
    }

    /// The INVITE is here and no port is open yet.
    fn offered() -> World {
        World::make(Made::new(CallerIdentity::Hidden, sdp()), false)
    }

    /// 200 is sent.
    fn answering(caller: CallerIdentity) -> World {
        World::make(Made::new(caller, sdp()), true)
    }

    /// The welcome is being said, to `caller`.
    fn welcomed_as(caller: CallerIdentity) -> World {
        let mut world = World::answering(caller);
        world.caller(LegEvent::Confirmed { sdp: None });
        world.caller_media(MediaEvent::Started);
        world
    }

    fn welcomed() -> World {
        World::welcomed_as(CallerIdentity::Hidden)
    }

    /// The first words of `locate` are being said.
    fn locating_as(caller: CallerIdentity) -> World {
        let mut world = World::welcomed_as(caller);
        world.said();
        world.press("0");
        world
    }

    fn locating() -> World {
        World::locating_as(CallerIdentity::Hidden)
    }

    /// In the queue, by way of the emergency words.
    fn queued() -> World {
        let mut world = World::welcomed();
        world.said();
        world.press("1");
        world.said();
        assert_eq!(world.call.stage(), Stage::Waiting);
        world
    }

    /// A listener's `devices` phones are invited.
    fn ringing(devices: u32) -> World {
        let mut world = World::queued();
        world.ring("lea", devices);
        world
    }

    /// The caller and lea talk.
    fn bridged() -> World {
        let mut world = World::ringing(1);
        world.wait_ms(4000);
        world.answers(0);
        world.media(world.rung[0], MediaEvent::Started);
        world
    }

    // ---- what happens --------------------------------------------------------------------------------------------

    fn give(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            if let Some(line) = ladder::input(&input) {
                self.write(line);
            }
            self.books.told(&input);
            self.call.handle_input(self.now, input);
            self.drain(&mut inputs);
        }
    }

    fn leg(&mut self, leg: LegId, event: LegEvent) {
        self.give(Input::Leg { leg, event });
    }

    fn media(&mut self, leg: LegId, event: MediaEvent) {
        self.give(Input::Media { leg, event });
    }

    fn caller(&mut self, event: LegEvent) {
        self.leg(LegId::caller(self.call.id()), event);
    }

    fn caller_media(&mut self, event: MediaEvent) {
        self.media(LegId::caller(self.call.id()), event);
    }

    fn hangs_up(&mut self) {
        self.caller(LegEvent::Ended(LegEnd::HungUp));
    }

    /// What the caller hears has come to its end.
    fn said(&mut self) {
        let (playback, words) = self.playing.remove(&LegId::caller(self.call.id())).expect("something is being said");
        assert!(!words.ends_with('…'), "what is repeated has no end");
        self.caller_media(MediaEvent::PlaybackEnded(playback));
    }

    /// Keys by RTP, a fifth of a second apart.
    fn press(&mut self, keys: &str) {
        for key in keys.chars() {
            self.caller_media(MediaEvent::Digit(key));
            self.wait_ms(200);
        }
    }

    /// The dispatcher reserves `listener`, who has that many devices.
    fn ring(&mut self, listener: &str, devices: u32) -> Token {
        self.generation += 1;
        let token = Token { call: self.call.id(), listener: ListenerId::new(listener), generation: self.generation };
        self.rung.clear();
        let devices = (0..devices).map(Device).collect();
        let ring = Duration::from_secs(20);
        self.give(Input::Dispatch(DispatchEvent::Ring { token: token.clone(), ring, devices }));
        token
    }

    fn withdraws(&mut self, token: Token) {
        self.give(Input::Dispatch(DispatchEvent::Withdraw { token }));
    }

    /// The nth phone of the last ring answers.
    fn answers(&mut self, nth: usize) {
        self.leg(self.rung[nth], LegEvent::Answered { sdp: sdp() });
    }

    /// The listener's other device calls to take the place of `of`; its leg, when it may.
    fn takes_over(&mut self, of: LegId, offer: Option<Vec<u8>>) -> Option<LegId> {
        let leg = self.call.leg_to_take_over(of)?;
        self.books.comes(leg);
        self.leg(leg, LegEvent::TakesOver { of, offer });
        Some(leg)
    }

    fn rejects(&mut self, nth: usize, status: u16) {
        self.leg(self.rung[nth], LegEvent::Rejected { status });
    }

    fn wait_ms(&mut self, span_ms: u64) {
        let until = self.now.at + Duration::from_millis(span_ms);
        let mut wakes = 0;
        while let Some(at) = self.wake.filter(|at| *at <= until) {
            self.go_to(at);
            self.give(Input::Timeout);
            wakes += 1;
            assert!(wakes < 1000, "the call wants to be woken again and again at {:?}", self.now.at);
        }
        self.go_to(until);
    }

    /// To the deadline that the call has named.
    fn next_deadline(&mut self) {
        let at = self.wake.expect("a deadline");
        self.go_to(at);
        self.give(Input::Timeout);
    }

    fn go_to(&mut self, at: Instant) {
        let span_ms = at.since(self.now.at).as_millis() as i64;
        let civil = Civil::from_unix_millis(self.now.civil.as_unix_millis() + span_ms);
        self.now = Now { at: at.max(self.now.at), civil };
    }

    /// The streams that were asked for while the media worker was slow: opened or failed, closed.
    fn media_catches_up(&mut self, ports: bool) {
        while let Some((leg, open)) = self.asked.pop_front() {
            let event = if open { opened(leg) } else { MediaEvent::Closed(sound(leg)) };
            self.media(leg, if open && !ports { MediaEvent::OpenFailed } else { event });
        }
    }

    // ---- what can be seen ----------------------------------------------------------------------------------------

    /// What the caller hears now.
    fn words(&self) -> &str {
        self.heard_by(LegId::caller(self.call.id()))
    }

    fn heard_by(&self, leg: LegId) -> &str {
        self.playing.get(&leg).map_or("", |(_, words)| words)
    }

    /// The record, once everything of the call is settled.
    fn record(&mut self) -> Record {
        self.wait_ms(10_000);
        self.books.check_settled();
        assert_eq!(self.call.live_legs(), 0);
        assert_eq!(self.wake, None);
        assert_eq!(self.finished.len(), 1, "{}", self.ladder.join("\n"));
        self.finished[0].record.clone()
    }

    /// The same, in one line: by, how, during.
    fn end(&mut self) -> (Party, How, Stage) {
        let Termination { by, how, during } = self.record().termination;
        (by, how, during)
    }

    fn outcomes(&mut self) -> Vec<(String, record::AttemptOutcome)> {
        self.record().attempts.iter().map(|attempt| (attempt.listener.to_string(), attempt.outcome)).collect()
    }

    /// Whether the ladder holds such a line.
    fn saw(&self, part: &str) -> bool {
        self.ladder.iter().any(|line| line.contains(part))
    }

    // ---- helpers -------------------------------------------------------------------------------------------------

    fn write(&mut self, line: String) {
        self.ladder.push(format!("{:>8.3} {line}", self.now.at.as_millis() as f64 / 1000.0));
    }

    fn drain(&mut self, replies: &mut VecDeque<Input>) {
        let (outputs, wake) = drain(&mut self.call);
        self.wake = wake;
        assert_eq!(wake.is_none(), self.call.is_finished(), "a call that lives names a deadline");
        for output in outputs {
            if let Some(line) = ladder::output(&output) {
                self.write(line);
            }
            self.books.asked(&output);
            match output {
                Output::Media { leg, act } => self.media_act(leg, act, replies),
                Output::Finished(finished) => self.finished.push(*finished),
                _ => {}
            }
        }
    }

    fn media_act(&mut self, leg: LegId, act: MediaAct, replies: &mut VecDeque<Input>) {
        match act {
            MediaAct::Play { playback, prompts, repeat, .. } => {
                let again = if repeat.is_some() { " …" } else { "" };
                self.playing.insert(leg, (playback, prompts.join(" ") + again));
            }
            MediaAct::Stop(playback) if self.playing.get(&leg).is_some_and(|(known, _)| *known == playback) => {
                self.playing.remove(&leg);
            }
            MediaAct::Open => {
                if !leg.is_caller() {
                    self.rung.push(leg);
                }
                if self.media_replies {
                    replies.push_back(Input::Media { leg, event: opened(leg) });
                } else {
                    self.asked.push_back((leg, true));
                }
            }
            MediaAct::Close => {
                self.playing.remove(&leg);
                if self.media_replies {
                    replies.push_back(Input::Media { leg, event: MediaEvent::Closed(sound(leg)) });
                } else {
                    self.asked.push_back((leg, false));
                }
            }
            _ => {}
        }
    }
}
