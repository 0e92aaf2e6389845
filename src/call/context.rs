//! What every state of a call shares: its legs, its facts, and the queue of what shall be done.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Instant, Now};
use crate::dialplan::{Key, Plan, PromptName};
use crate::dispatch::{Outcome, Token};
use crate::ids::{CallId, LegId, ListenerId};

use super::facts::{CallerIdentity, Facts, Milestones};
use super::leg::{DigitSource, Leg, Signalling, Stream};
use super::record::{ATTEMPTS_MAX, Attempt, AttemptOutcome, STEPS_MAX, Sound};
use super::{
    DispatchAct, HangupReason, How, LegAct, MediaAct, Note, Output, Party, Playback, Settings, Stage, Termination,
};

/// Keys kept for a step that has not begun yet; more are dropped, oldest first.
const DIGITS_MAX: usize = 32;

/// How long after a full answer its end key may still come: people press `#` after five digits too.
const SPARE_END: Duration = Duration::from_secs(3);

pub(super) struct Context {
    pub call: CallId,
    pub plan: Arc<Plan>,
    pub settings: Arc<Settings>,
    pub caller: CallerIdentity,
    pub facts: Facts,
    pub times: Milestones,
    pub legs: BTreeMap<LegId, Leg>,
    pub digits: VecDeque<Key>,
    pub outputs: VecDeque<Output>,
    pub attempts: Vec<Attempt>,
    pub steps: Vec<String>,
    pub stage: Stage,
    pub talked: Duration,
    pub listener: Option<ListenerId>,
    pub caller_sound: Sound,
    pub listener_sound: Option<Sound>,
    pub termination: Option<Termination>,
    /// When the caller's leg ended.
    pub caller_ended: Option<Instant>,
    /// The last conversation ended because the listener hung up: what follows are only our last words.
    pub listener_hung_up: bool,
    /// The caller lost a listener through no fault of hers: she goes first.
    pub priority_raise: u8,
    /// Listeners that failed this caller.
    pub excluded: Vec<ListenerId>,
    /// A key that would end an answer which ended by itself: dropped until then, once.
    spare_end: Option<(Key, Instant)>,
    next_leg: u16,
    next_playback: u32,
    /// Steps entered since the caller was last waited for: a loop guard behind the dialplan's own check.
    pub hops: u32,
}

impl Context {
    pub fn new(
        call: CallId,
        plan: Arc<Plan>,
        settings: Arc<Settings>,
        caller: CallerIdentity,
        facts: Facts,
        now: Now,
    ) -> Context {
        Context {
            call,
            plan,
            settings,
            caller,
            facts,
            times: Milestones { began: now, answered: None, queued: None, bridged: None },
            legs: BTreeMap::new(),
            digits: VecDeque::new(),
            outputs: VecDeque::new(),
            attempts: Vec::new(),
            steps: Vec::new(),
            stage: Stage::Offered,
            talked: Duration::ZERO,
            listener: None,
            caller_sound: Sound::default(),
            listener_sound: None,
            termination: None,
            caller_ended: None,
            listener_hung_up: false,
            priority_raise: 0,
            excluded: Vec::new(),
            spare_end: None,
            next_leg: 1,
            next_playback: 1,
            hops: 0,
        }
    }

    // ---- what the states ask -------------------------------------------------------------------------------------

    /// The caller's leg.
    pub fn caller_leg(&self) -> LegId {
        LegId::caller(self.call)
    }

    /// A leg that is still there.
    pub fn leg(&self, id: LegId) -> Option<&Leg> {
        self.legs.get(&id)
    }

    // ---- what the states do --------------------------------------------------------------------------------------

    pub fn note(&mut self, note: Note) {
        self.outputs.push_back(Output::Note(note));
    }

    pub fn act(&mut self, leg: LegId, act: LegAct) {
        self.outputs.push_back(Output::Leg { leg, act });
    }

    pub fn media(&mut self, leg: LegId, act: MediaAct) {
        self.outputs.push_back(Output::Media { leg, act });
    }

    pub fn dispatch(&mut self, act: DispatchAct) {
        self.outputs.push_back(Output::Dispatch(act));
    }

    /// A new stage begins.
    pub fn stage(&mut self, stage: Stage) {
        if self.stage != stage {
            self.stage = stage;
            self.note(Note::Stage(stage));
        }
    }

    /// Writes down that a step was entered.
    pub fn step_entered(&mut self, name: &str) {
        if self.steps.len() < STEPS_MAX {
            self.steps.push(name.to_owned());
        }
        self.note(Note::Step(name.into()));
    }

    /// The next unused leg; `None` when a call has used up all of them.
    pub fn new_leg_id(&mut self) -> Option<LegId> {
        let nth = self.next_leg;
        self.next_leg = nth.checked_add(1)?;
        Some(LegId { call: self.call, nth })
    }

    /// The leg that [`Context::new_leg_id`] would give.
    pub fn next_leg_id(&self) -> Option<LegId> {
        (self.next_leg < u16::MAX).then_some(LegId { call: self.call, nth: self.next_leg })
    }

    /// Says `prompts` to `leg`, in place of what it hears.
    pub fn play(&mut self, leg: LegId, prompts: Vec<PromptName>, repeat: Option<Duration>) -> Playback {
        let playback = Playback(self.next_playback);
        self.next_playback = self.next_playback.wrapping_add(1);
        let language = self.facts.language.clone();
        if let Some(leg) = self.legs.get_mut(&leg) {
            leg.playing = Some(playback);
        }
        self.media(leg, MediaAct::Play { playback, language, prompts, repeat });
        playback
    }

    /// Says `prompts` to the caller, once.
    pub fn say(&mut self, prompts: Vec<PromptName>) -> Playback {
        self.play(self.caller_leg(), prompts, None)
    }

    /// Ends what `leg` hears, if anything.
    pub fn hush(&mut self, leg: LegId) {
        let playing = self.legs.get_mut(&leg).and_then(|leg| leg.playing.take());
        if let Some(playback) = playing {
            self.media(leg, MediaAct::Stop(playback));
        }
    }

    /// Takes a key into the call's one buffer, unless it is the same press come a second way.
    pub fn press(&mut self, leg: LegId, digit: char, source: DigitSource, now: Instant) -> bool {
        let (Some(key), Some(leg)) = (Key::new(digit), self.legs.get_mut(&leg)) else { return false };
        let window = self.settings.digit_double;
        leg.presses.retain(|(_, _, at)| now.since(*at) < window);
        let twin = leg.presses.iter().position(|(known, from, _)| *known == digit && *from != source);
        if let Some(twin) = twin {
            leg.presses.remove(twin); // each press pairs once, so that two quick presses both count
            return false;
        }
        if leg.presses.len() == DIGITS_MAX {
            leg.presses.pop_front();
        }
        leg.presses.push_back((digit, source, now));
        if self.spare_end.take().is_some_and(|(end, until)| end == key && now < until) {
            return false;
        }
        if self.digits.len() == DIGITS_MAX {
            self.digits.pop_front();
        }
        self.digits.push_back(key);
        true
    }

    /// An answer ended because it was full; the key that would have ended it may still come, and means nothing any more.
    pub fn answer_full(&mut self, end: Option<Key>, now: Instant) {
        let Some(end) = end else { return };
        if self.digits.front() == Some(&end) {
            self.digits.pop_front();
        } else if self.digits.is_empty() {
            self.spare_end = Some((end, now + SPARE_END));
        }
    }

    /// Ends a leg's signalling and closes its stream, whatever state it is in.
    pub fn drop_leg(&mut self, id: LegId, reason: HangupReason) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let live = matches!(leg.signalling, Signalling::Inviting | Signalling::Established)
            || (leg.signalling == Signalling::Fresh && leg.incoming);
        leg.signalling = Signalling::Over;
        if live {
            self.act(id, LegAct::Hangup(reason));
        }
        self.close_stream(id);
    }

    /// The peer ended the leg: nothing more is said on it.
    pub fn leg_over(&mut self, id: LegId) {
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.signalling = Signalling::Over;
        }
        self.close_stream(id);
    }

    fn close_stream(&mut self, id: LegId) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.playing = None;
        if matches!(leg.stream, Stream::Opening | Stream::Open) {
            leg.stream = Stream::Closing;
            self.media(id, MediaAct::Close);
        }
    }

    /// Writes down what came of ringing a listener.
    pub fn attempt_over(&mut self, token: &Token, chosen: Instant, now: Instant, outcome: AttemptOutcome) {
        if self.attempts.len() < ATTEMPTS_MAX {
            self.attempts.push(Attempt {
                listener: token.listener.clone(),
                chosen_ms: self.times.since_invite_ms(chosen),
                ended_ms: self.times.since_invite_ms(now),
                outcome,
            });
        }
        self.note(Note::Attempt(outcome));
    }

    /// Decides how the call ended; the first word stands.
    pub fn terminate(&mut self, by: Party, how: How) {
        if self.termination.is_none() {
            self.termination = Some(Termination { by, how, during: self.stage });
        }
    }
}

/// The outcome of a ring in the record's words.
pub(super) fn outcome_in_record(outcome: Outcome) -> AttemptOutcome {
    match outcome {
        Outcome::Answered => AttemptOutcome::Answered,
        Outcome::Declined => AttemptOutcome::Declined,
        Outcome::Busy => AttemptOutcome::Busy,
        Outcome::NoAnswer => AttemptOutcome::NoAnswer,
        Outcome::Unreachable => AttemptOutcome::Unreachable,
        Outcome::Wrong => AttemptOutcome::Wrong,
        Outcome::Failed => AttemptOutcome::Failed,
    }
}
