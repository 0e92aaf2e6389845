//! How calls end. Whoever was answered and stayed has spoken with a listener, or was told that nobody is free, and was let go
//! by us. Each call has one record, and it says what happened.

use std::time::Duration;

use ecoute::call::record::{AttemptOutcome, Record};
use ecoute::call::{How, Party, Stage};
use ecoute::clock::Instant;

use super::{Bridge, Oracle, Try, nth_of};
use crate::callers::POSTCODES;
use crate::house::Which;

/// An ended call waits this long for the figures of its streams.
const FIGURES: Duration = Duration::from_millis(2200);

impl Oracle {
    pub(super) fn record(&mut self, now: Instant, record: &Record) {
        self.recorded += 1;
        let call = record.call;
        let Some(told) = self.calls.get_mut(&call) else {
            return self.fail(now, format!("a record of {call}, which never began"));
        };
        if told.record.is_some() {
            return self.fail(now, format!("{call} has two records"));
        }
        let in_talk = told.stage == Stage::Bridged;
        if in_talk && let Some(bridge) = told.bridges.last_mut() {
            bridge.to = Some(now);
        }
        told.record = Some(record.clone());
        told.recorded = Some(now);
        let told = told.clone();
        let end = record.termination;
        self.sights.met(format!("end {:?} {:?} {:?}", end.by, end.how, end.during));
        self.sights.met(format!("bridges {}", told.bridges.len()));
        for attempt in &record.attempts {
            self.sights.met(format!("attempt {:?}", attempt.outcome));
        }
        if record.located_by.is_some() {
            self.sights.met(format!("located by {:?}", record.located_by));
        }
        if in_talk {
            self.bridge_over(now, call);
        }
        let listeners: Vec<usize> = told.bridges.iter().map(|bridge| bridge.listener).collect();
        for listener in listeners {
            let until = now + self.settings.wrap_up;
            self.line.rests(listener, until);
        }
        self.holds.release(call);
        self.line.gone(call);
        if let Err(why) = self.judge_record(&told, record) {
            self.fail(now, format!("{call}: {why}: {:?}", record.termination));
        }
        if let Some(of) = told.of {
            let one = self.tries[of].clone();
            if let Err(why) = self.judge_end(&one, &told, record) {
                self.fail(now, format!("{call} of caller {}: {why}: {:?}", one.caller, record.termination));
            }
        }
    }

    /// The record is true in itself.
    fn judge_record(&self, told: &super::Told, record: &Record) -> Result<(), String> {
        // Where the staff ends a call, a ring may have been decided in the same breath.
        let unheard = told.rings - record.attempts.len().min(told.rings);
        if record.attempts.len() > told.rings || unheard > usize::from(told.staff_ended) && told.rings < 50 {
            return Err(format!("{} rings were decided, {} attempts are recorded", told.rings, record.attempts.len()));
        }
        if let Some(late) = record.attempts.iter().find(|attempt| attempt.ended_ms > record.ended_ms) {
            return Err(format!("{} rang after the caller's end", late.listener));
        }
        if record.attempts.iter().any(|attempt| attempt.ended_ms < attempt.chosen_ms) {
            return Err("a ring ended before it began".into());
        }
        for pair in record.attempts.windows(2) {
            if pair[1].chosen_ms < pair[0].ended_ms {
                return Err("two listeners were rung at once".into());
            }
        }
        let answered = record.attempts.iter().filter(|attempt| attempt.outcome == AttemptOutcome::Answered).count();
        if answered != told.bridges.len() {
            return Err(format!(
                "{answered} attempts were answered, and {} times voices were joined",
                told.bridges.len()
            ));
        }
        let last = told.bridges.last().map(|bridge| bridge.listener);
        if record.listener.as_ref().map(nth_of) != last {
            return Err(format!("the listener on record is {:?}, and it was {last:?}", record.listener));
        }
        if record.bridged_ms.is_some() == told.bridges.is_empty() {
            return Err("the record does not know of the conversation".into());
        }
        let spans = |silent_too: bool| -> u64 {
            // Who is lost is counted to his last sound, which may have been before the other answered.
            let lost = record.termination.how == How::Lost;
            let unsure = |bridge: &Bridge| bridge.fell_silent || (lost && bridge.disturbed);
            let counted = told.bridges.iter().filter(|bridge| silent_too || !unsure(bridge));
            let all: Duration = counted.filter_map(|bridge| Some(bridge.to?.since(bridge.from))).sum();
            all.as_millis() as u64
        };
        let (talked_ms, sure_ms) = (spans(true), spans(false));
        // The stage ends with the record when the caller hung up: up to the time for the figures later.
        if record.talked_ms > talked_ms + 2 || record.talked_ms + 2300 < sure_ms {
            return Err(format!("{} ms of talk are on record, and it was {talked_ms}", record.talked_ms));
        }
        if record.termination.how == How::Fault {
            return Err("a fault of ours".into());
        }
        Ok(())
    }

    /// The caller got what was promised.
    fn judge_end(&self, one: &Try, told: &super::Told, record: &Record) -> Result<(), String> {
        let end = record.termination;
        if one.intent.number == "3978" {
            let fits = end.how == How::UnknownNumber || !one.stayed();
            return if fits { Ok(()) } else { Err("a number that no plan answers was answered".into()) };
        }
        if end.by == Party::Caller && one.stayed() {
            return Err("the caller stayed, and is said to have left".into());
        }
        if told.staff_ended || end.how == How::NoPorts {
            return Ok(());
        }
        if one.stayed() && one.connected.is_some() {
            // The plan came to its end; when a listener had parted from her, the end is said to be his.
            let ours = (end.by, end.how) == (Party::Us, How::Completed);
            let his = (end.by, end.how) == (Party::Listener, How::HungUp) && !told.bridges.is_empty();
            if !(ours || his) {
                return Err("the caller was answered and stayed, and was not brought to an end of ours".into());
            }
            let told_busy = record.steps.iter().any(|step| step == "busy");
            if record.bridged_ms.is_none() && !told_busy {
                return Err("the caller stayed, met nobody, and was not told that nobody is free".into());
            }
            if record.bridged_ms.is_none() && self.weather.is_smooth() && !one.heard_busy && !one.held {
                return Err("the caller was told that nobody is free, and did not hear it".into());
            }
        }
        self.judge_place(one, record)
    }

    /// In a network that loses nothing, the keys a caller pressed are the keys we heard.
    fn judge_place(&self, one: &Try, record: &Record) -> Result<(), String> {
        if !self.weather.is_whole() || record.queued_ms.is_none() || self.which == Which::Real {
            return Ok(());
        }
        let postcodes: Vec<&str> = one.pressed.iter().map(String::as_str).filter(|keys| keys.len() > 1).collect();
        let said_yes = one.intent.confirm == Some('1') && one.pressed.iter().any(|keys| keys == "1");
        let expected = match postcodes[..] {
            [keyed] => POSTCODES.iter().find(|(code, _)| *code == keyed).map(|(_, department)| *department),
            [] if one.guessed && said_yes && !one.intent.danger => Some("38"),
            _ => return Ok(()), // nothing to expect; or she took a stutter for a new question, and keyed twice
        };
        // What she keyed and did not object to is believed; silence is a yes.
        if expected.is_none() || one.intent.confirm.is_some_and(|key| key != '1') {
            return Ok(());
        }
        // She may have been sent on by the emergency words' key while she waited, or have left in the middle.
        if record.department.as_deref() != expected && one.stayed() && one.heard_confirm > 0 {
            return Err(format!("she keyed {expected:?}, and {:?} is on record", record.department));
        }
        Ok(())
    }

    /// Whoever hung up is gone for us too, as soon as the network lets us know.
    pub(super) fn look_at_leavers(&mut self, now: Instant) {
        let patience = self.repair() + FIGURES;
        let late = self.tries.iter().find(|one| {
            let live = one.call.and_then(|call| self.calls.get(&call)).is_some_and(|told| told.record.is_none());
            live && one.hung_up.is_some_and(|at| at + patience < now) && one.vanished.is_none()
        });
        if let Some(late) = late {
            let why = format!("caller {} hung up at {:?}, and her call lives on", late.caller, late.hung_up);
            self.fail(now, why);
        }
    }
}
