//! The story of one call, for the person who asks "what happened to her?": when it came, what was heard, who was
//! considered and passed over, who rang, how it ended. Plain French, or English; no number, for the record holds none.
//!
//! Times are those of the record: the civil instant of the INVITE, and spans measured on the monotonic clock from there.

use jiff::tz::TimeZone;

use crate::call::record::{Attempt, AttemptOutcome, LocatedBy, Record, Sound, Stage};
use crate::clock::Civil;
use crate::dispatch::{Decision, Lang};

/// The story of `record`, with what the dispatcher decided on the way.
pub fn explain(record: &Record, decisions: &[Decision], lang: Lang) -> String {
    let teller = Teller { lang, zone: TimeZone::get("Europe/Paris").unwrap_or(TimeZone::UTC) };
    let mut story = teller.title(record);
    let mut events = teller.milestones(record);
    if decisions.is_empty() {
        events.extend(record.attempts.iter().map(|attempt| teller.attempt(record, attempt)));
    }
    events.extend(
        decisions.iter().map(|decision| (decision.at.civil.as_unix_millis(), decision.in_words(lang).to_string())),
    );
    // Stable: what happened within the same millisecond stays in the order in which it is told.
    events.sort_by_key(|(at_ms, _)| *at_ms);
    for (at_ms, words) in events {
        teller.line(&mut story, at_ms, &words);
    }
    teller.close(&mut story, record);
    story
}

/// The language and the clock on the wall.
struct Teller {
    lang: Lang,
    zone: TimeZone,
}

impl Teller {
    fn say<'a>(&self, french: &'a str, english: &'a str) -> &'a str {
        match self.lang {
            Lang::Fr => french,
            Lang::En => english,
        }
    }

    fn title(&self, record: &Record) -> String {
        let began = record.began.timestamp().to_zoned_datetime(self.zone.clone());
        let service = if record.service.is_empty() { "?" } else { &record.service };
        let (day, month) =
            (usize::from(began.weekday().to_monday_zero_offset() as u8), usize::from(began.month() as u8));
        let date = match self.lang {
            Lang::Fr => format!("{} {} {} {}", JOURS[day], began.day(), MOIS[month - 1], began.year()),
            Lang::En => format!("{}, {} {} {}", DAYS[day], began.day(), MONTHS[month - 1], began.year()),
        };
        let call = self.say("Appel", "Call");
        format!("{call} {} · service {service} · {date} ({})\n\n", record.call, began.strftime("%Z"))
    }

    /// What the record itself tells, each with its moment.
    fn milestones(&self, record: &Record) -> Vec<(i64, String)> {
        let at = |ms: u64| record.began.as_unix_millis().saturating_add(i64::try_from(ms).unwrap_or(i64::MAX));
        let mut events = vec![(at(0), self.say("L'appel arrive.", "The call comes in.").to_owned())];
        if let Some(ms) = record.answered_ms {
            let words = self.say("Nous répondons", "We answer");
            events.push((at(ms), format!("{words} ({}).", self.span(ms))));
            if !record.steps.is_empty() {
                let words = self.say("Étapes parcourues", "Steps gone through");
                let arrow = record.steps.join(" → ");
                let language = self.say("langue", "language");
                events.push((at(ms), format!("{words} ({language} : {}) : {arrow}.", record.language)));
            }
        }
        if let Some(department) = &record.department {
            let words = self.say("Département de la personne concernée", "Department of the person concerned");
            let how = match record.located_by {
                Some(LocatedBy::Answer) => self.say(", donné par l'appelant", ", keyed by the caller"),
                Some(LocatedBy::ConfirmedHint) => {
                    self.say(", deviné puis confirmé par l'appelant", ", guessed, then confirmed by the caller")
                }
                None => "",
            };
            let ms = record.queued_ms.or(record.answered_ms).unwrap_or(0);
            events.push((at(ms), format!("{words} : {department}{how}.")));
        }
        if let Some(ms) = record.queued_ms {
            let words = self.say("L'appelant entre dans la file d'attente.", "The caller enters the queue.");
            events.push((at(ms), words.to_owned()));
        }
        if let Some(ms) = record.bridged_ms {
            let waited = self.span(ms.saturating_sub(record.queued_ms.unwrap_or(0)));
            let words = self.say("Les deux voix sont jointes", "The two voices are joined");
            let after = self.say("d'attente", "of waiting");
            events.push((at(ms), format!("{words} ({waited} {after}).")));
        }
        let (french, english) = record.termination.in_words();
        let words = self.say("Fin de l'appel", "The call ends");
        let ending = format!("{words} : {}, {}.", self.say(french, english), self.stage(record.termination.during));
        events.push((at(record.ended_ms), ending));
        events
    }

    /// A ring, when no decision tells of it.
    fn attempt(&self, record: &Record, attempt: &Attempt) -> (i64, String) {
        let rang = self.span(attempt.ended_ms.saturating_sub(attempt.chosen_ms));
        let outcome = match attempt.outcome {
            AttemptOutcome::Answered => self.say("répond", "answers"),
            AttemptOutcome::Declined => self.say("refuse l'appel", "declines"),
            AttemptOutcome::Busy => self.say("est occupé", "is busy"),
            AttemptOutcome::NoAnswer => self.say("ne répond pas", "does not answer"),
            AttemptOutcome::Unreachable => self.say("est injoignable", "cannot be reached"),
            AttemptOutcome::Wrong => self.say("a une adresse qui n'existe pas", "has an address that does not exist"),
            AttemptOutcome::Failed => {
                self.say("n'a pu être appelé, par notre faute", "could not be rung, by our fault")
            }
            AttemptOutcome::Withdrawn => self.say("n'a plus à répondre", "need not answer any more"),
        };
        let words = match self.lang {
            Lang::Fr => format!("{} sonne {rang} et {outcome}.", attempt.listener),
            Lang::En => format!("{} rings for {rang} and {outcome}.", attempt.listener),
        };
        let ms = i64::try_from(attempt.chosen_ms).unwrap_or(i64::MAX);
        (record.began.as_unix_millis().saturating_add(ms), words)
    }

    /// One event; what follows its first line is set in below it.
    fn line(&self, story: &mut String, at_ms: i64, words: &str) {
        let clock = Civil::from_unix_millis(at_ms)
            .timestamp()
            .to_zoned_datetime(self.zone.clone())
            .strftime("%H:%M:%S")
            .to_string();
        let lines = words.lines().flat_map(|line| wrapped(line, LINE_LETTERS));
        for (nth, line) in lines.enumerate() {
            let margin = if nth == 0 { clock.as_str() } else { "        " };
            story.push_str(format!("{margin}  {line}").trim_end());
            story.push('\n');
        }
    }

    fn close(&self, story: &mut String, record: &Record) {
        story.push('\n');
        let (lasted, talked) = (self.span(record.ended_ms), self.span(record.talked_ms));
        story.push_str(&match self.lang {
            Lang::Fr => format!("Durée : {lasted}, dont {talked} de conversation.\n"),
            Lang::En => format!("It lasted {lasted}, {talked} of it in conversation.\n"),
        });
        self.sound(story, self.say("Son de l'appelant", "The caller's sound"), &record.caller_sound);
        if let Some(sound) = &record.listener_sound {
            self.sound(story, self.say("Son de l'écoutant", "The listener's sound"), sound);
        }
    }

    fn sound(&self, story: &mut String, whose: &str, sound: &Sound) {
        let jitter_ms = f64::from(sound.jitter_us) / 1000.0;
        story.push_str(&match self.lang {
            Lang::Fr => format!(
                "{whose} : {} paquets reçus, {} perdus, gigue {}, plus long silence {} ms.\n",
                sound.packets_in,
                sound.lost,
                format!("{jitter_ms:.1} ms").replace('.', ","),
                sound.gap_ms_max
            ),
            Lang::En => format!(
                "{whose}: {} packets received, {} lost, jitter {jitter_ms:.1} ms, longest silence {} ms.\n",
                sound.packets_in, sound.lost, sound.gap_ms_max
            ),
        });
    }

    fn stage(&self, stage: Stage) -> &'static str {
        let (french, english) = match stage {
            Stage::Offered => ("avant notre réponse", "before our answer"),
            Stage::Answering => ("pendant l'établissement", "while the call was being set up"),
            Stage::Prompt => ("pendant une annonce", "during an announcement"),
            Stage::Menu => ("pendant un choix au clavier", "while a key was awaited"),
            Stage::Locating => ("pendant la recherche du département", "while the department was being found"),
            Stage::Waiting => ("dans la file d'attente", "in the queue"),
            Stage::Ringing => ("pendant qu'un écoutant était appelé", "while a listener's phone rang"),
            Stage::Bridged => ("pendant la conversation", "during the conversation"),
            Stage::Closing => ("pendant nos derniers mots", "during our last words"),
        };
        match self.lang {
            Lang::Fr => french,
            Lang::En => english,
        }
    }

    /// `0,2 s`, `32 s`, `15 min 30 s`.
    fn span(&self, ms: u64) -> String {
        let seconds = ms / 1000;
        match seconds {
            0..=9 => {
                let short = format!("{}.{} s", seconds, ms % 1000 / 100);
                if self.lang == Lang::Fr { short.replace('.', ",") } else { short }
            }
            10..=59 => format!("{seconds} s"),
            60..=3599 => format!("{} min {} s", seconds / 60, seconds % 60),
            _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        }
    }
}

/// Breaks a long line between words.
fn wrapped(line: &str, letters: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in line.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > letters {
            lines.push(String::new());
            used = 0;
        }
        let Some(last) = lines.last_mut() else { break };
        if used > 0 {
            last.push(' ');
            used += 1;
        }
        last.push_str(word);
        used += length;
    }
    lines
}

/// The width of the words beside the clock.
const LINE_LETTERS: usize = 100;

const JOURS: [&str; 7] = ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MOIS: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::samples;

    /// Without decisions the record alone tells the story, in French, in the order of the clock.
    #[test]
    fn the_record_alone_tells() {
        let story = explain(&samples::record(0), &[], Lang::Fr);
        let expected = "\
Appel 6000000000000 · service 3977 · mercredi 25 novembre 2026 (CET)

14:03:20  L'appel arrive.
14:03:20  Nous répondons (0,2 s).
14:03:20  Étapes parcourues (langue : fr) : welcome → danger → where → listener.
14:03:50  Département de la personne concernée : 38, donné par l'appelant.
14:03:50  L'appelant entre dans la file d'attente.
14:03:50  isere sonne 20 s et ne répond pas.
14:04:10  rhone sonne 11 s et répond.
14:04:22  Les deux voix sont jointes (32 s d'attente).
14:20:00  Fin de l'appel : l'appelant a raccroché, pendant la conversation.

Durée : 16 min 40 s, dont 15 min 30 s de conversation.
Son de l'appelant : 49000 paquets reçus, 12 perdus, gigue 0,9 ms, plus long silence 60 ms.
Son de l'écoutant : 0 paquets reçus, 0 perdus, gigue 0,0 ms, plus long silence 0 ms.
";
        assert_eq!(story, expected);
    }

    /// With decisions, each is told at its moment, and the rings are not told twice.
    #[test]
    fn decisions_stand_at_their_moment() {
        let decisions = samples::decisions(0);
        let story = explain(&samples::record(0), &decisions, Lang::En);
        let told = story.split_whitespace().collect::<Vec<_>>().join(" ");
        for decision in &decisions {
            let words = decision.in_words(Lang::En);
            assert!(told.contains(&words.split_whitespace().collect::<Vec<_>>().join(" ")), "{words}\n{story}");
        }
        assert!(!story.contains("isere rings for"), "{story}");
        let clocks: Vec<&str> = story.lines().filter(|l| l.as_bytes().get(2) == Some(&b':')).map(|l| &l[..8]).collect();
        assert!(clocks.is_sorted() && clocks.len() >= 10, "{story}");
        assert!(story.lines().all(|line| line.chars().count() <= 130), "{story}");
    }
}
