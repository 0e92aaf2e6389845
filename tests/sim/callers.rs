//! The people who call: when, what they key, and how they leave. They react to what they hear, as a person does.

use std::time::Duration;

use ecoute::clock::Instant;
use ecoute::ids::IdSource;
use ecoute::node::PhoneEvent;

use crate::deeds::Deed;
use crate::dice::Dice;
use crate::house;
use crate::nature::{Habits, Nature};

/// A tone is heard when this much of the sound is it.
pub const HEARD: f32 = 0.5;

/// How a caller means to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// She stays until the other side hangs up.
    Never,
    /// This long after she dialled, wherever she is then.
    After(Duration),
    /// As a listener's telephone is being answered, a little before or after.
    AtAnswer,
    /// So long after she first heard a listener.
    AfterTalk(Duration),
    /// Her telephone dies this long after she dialled.
    Vanish(Duration),
}

/// What she means to do in one call.
#[derive(Clone, Copy, Debug)]
pub struct Intent {
    /// What she dials.
    pub number: &'static str,
    /// Does she press 1 for danger?
    pub danger: bool,
    /// What she keys when she is asked for the postcode.
    pub postcode: Option<&'static str>,
    /// What she keys when she is asked whether the place is right.
    pub confirm: Option<char>,
    /// Does she put the listener on hold?
    pub hold: bool,
    pub leave: Leave,
}

/// Somebody who calls.
#[derive(Debug)]
pub struct Caller {
    /// Her number, which nobody may ever see.
    pub number: String,
    pub intent: Intent,
    /// Calls she will still place, this one included.
    pub todo: usize,
    /// When she last heard what.
    heard: Option<(Instant, u16)>,
    talks: bool,
    dice: IdSource,
}

/// What a postcode means, as far as the callers' postcodes go.
pub const POSTCODES: [(&str, &str); 6] =
    [("38000", "38"), ("75011", "75"), ("29200", "29"), ("73000", "73"), ("20137", "2A"), ("97400", "974")];

/// Keys that mean nothing.
const NONSENSE: [&str; 5] = ["99999", "00000", "3*8#", "20#", "0"];

impl Caller {
    /// The `nth` caller.
    pub fn new(nth: usize, nature: &Nature, mut dice: IdSource) -> Caller {
        // Every third has a number of Isère, from which the department is guessed; the others call from mobiles.
        let number = if nth % 3 == 2 { format!("+334766123{nth:02}") } else { format!("+336126612{nth:02}") };
        let todo = 1 + if nature.habits.callers_call_again { dice.between(0, 2) as usize } else { 0 };
        let intent = intent(&mut dice, &nature.habits);
        Caller { number, intent, todo, heard: None, talks: false, dice }
    }

    /// Is her department guessed from her number?
    pub fn is_guessed(&self) -> bool {
        self.number.starts_with("+33476")
    }

    /// She dials: what she does about it by herself.
    pub fn dials(&mut self, deeds: &mut Vec<(Duration, Deed)>) {
        (self.heard, self.talks) = (None, false);
        match self.intent.leave {
            Leave::After(span) => deeds.push((span, Deed::Hangup)),
            Leave::Vanish(span) => deeds.push((span, Deed::Vanish)),
            Leave::Never | Leave::AtAnswer | Leave::AfterTalk(_) => {}
        }
    }

    /// Something happens to her telephone.
    pub fn sees(&mut self, now: Instant, event: &PhoneEvent, deeds: &mut Vec<(Duration, Deed)>) {
        let PhoneEvent::Tone { hz, share } = event else { return };
        if *share < HEARD {
            return;
        }
        let goes_on = self.heard.is_some_and(|(at, last)| last == *hz && now.since(at) < Duration::from_millis(700));
        self.heard = Some((now, *hz));
        if goes_on {
            return;
        }
        match *hz {
            house::DANGER_HZ if self.intent.danger => self.press(deeds, "1"),
            house::ASK_HZ => {
                if let Some(postcode) = self.intent.postcode {
                    self.press(deeds, postcode);
                }
            }
            house::CONFIRM_HZ => {
                if let Some(key) = self.intent.confirm {
                    self.press(deeds, key.encode_utf8(&mut [0; 4]));
                }
            }
            hz if hz >= house::listener_hz(0) => self.talks_now(deeds),
            _ => {}
        }
    }

    /// Another call, with other intentions.
    pub fn thinks_again(&mut self, habits: &Habits) {
        self.intent = intent(&mut self.dice, habits);
        self.intent.number = "3977";
    }

    /// How long she waits before she dials again.
    pub fn pause(&mut self) -> Duration {
        if self.dice.chance(400) { self.dice.span_ms(0, 50) } else { self.dice.span_ms(200, 3000) }
    }

    fn press(&mut self, deeds: &mut Vec<(Duration, Deed)>, keys: &str) {
        deeds.push((self.dice.span_ms(0, 700), Deed::Press(keys.to_owned())));
    }

    fn talks_now(&mut self, deeds: &mut Vec<(Duration, Deed)>) {
        if std::mem::replace(&mut self.talks, true) {
            return;
        }
        if let Leave::AfterTalk(span) = self.intent.leave {
            deeds.push((span, Deed::Hangup));
        }
        if self.intent.hold {
            let from = self.dice.span_ms(100, 1500);
            deeds.push((from, Deed::Hold(true)));
            deeds.push((from + self.dice.span_ms(50, 1500), Deed::Hold(false)));
        }
    }
}

fn intent(dice: &mut IdSource, habits: &Habits) -> Intent {
    let nonsense = habits.callers_key_nonsense && dice.chance(300);
    let postcode = match dice.below(3) {
        _ if nonsense => Some(dice.one_of(&NONSENSE)),
        0 => None,
        _ => Some(dice.one_of(&POSTCODES).0),
    };
    let mut leave = if dice.chance(400) { Leave::AfterTalk(dice.span_ms(0, 4000)) } else { Leave::Never };
    if habits.callers_hang_up_anywhere && dice.chance(450) {
        let span = match dice.below(4) {
            0 => dice.span_ms(0, 60),
            1 => dice.span_ms(0, 1000),
            _ => dice.span_ms(0, 20_000),
        };
        leave = Leave::After(span);
    } else if habits.callers_hang_up_at_answer && dice.chance(500) {
        leave = Leave::AtAnswer;
    } else if habits.callers_vanish && dice.chance(250) {
        leave = Leave::Vanish(dice.span_ms(0, 15_000));
    }
    Intent {
        number: if habits.callers_dial_wrong && dice.chance(100) { "3978" } else { "3977" },
        danger: dice.chance(200),
        postcode,
        confirm: if dice.chance(700) {
            Some(if nonsense { dice.one_of(&['2', '7', '0', '#']) } else { '1' })
        } else {
            None
        },
        hold: habits.callers_hold && dice.chance(500),
        leave,
    }
}
