//! A decision in sentences, for the people who answer for it (`ecoute explain`). French first, English beside.
//!
//! Listeners appear by account name. No number and no name of a caller is known here.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::{Considered, Decision, DecisionKind, ExhaustedReason, Outcome, Reach, Reason, Verdict};

/// The language of the sentences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lang {
    /// French.
    #[default]
    Fr,
    /// English.
    En,
}

impl Lang {
    fn pick<'a>(self, fr: &'a str, en: &'a str) -> &'a str {
        match self {
            Lang::Fr => fr,
            Lang::En => en,
        }
    }
}

impl Decision {
    /// The decision in sentences: who was considered, why others were passed over, who was rung, what came of it.
    pub fn in_words(&self, lang: Lang) -> String {
        let mut text = self.circumstances(lang);
        text.push_str(&self.happening(lang));
        let passed: Vec<String> = self.candidates.iter().filter_map(|one| one.passed_over(lang)).collect();
        if !passed.is_empty() {
            text.push_str(lang.pick(" Passés : ", " Passed over: "));
            text.push_str(&passed.join(", "));
            text.push('.');
        }
        let others: Vec<String> = self.others.iter().map(|(why, n)| format!("{n} × {}", reason(why, lang))).collect();
        if !others.is_empty() {
            text.push_str(lang.pick(" Les autres : ", " The others: "));
            text.push_str(&others.join(", "));
            text.push('.');
        }
        text
    }

    /// `Appel …, Isère, fr, palier 1 (département), 35 s d'attente : `
    fn circumstances(&self, lang: Lang) -> String {
        let place = self.department.map_or(lang.pick("département inconnu", "department unknown"), |d| d.name());
        let tier = match self.reach {
            Some(found) => format!(", {} {} ({})", lang.pick("palier", "tier"), self.tier + 1, reach(found, lang)),
            None => String::new(),
        };
        let language =
            if self.language.is_empty() { lang.pick("toute langue", "any language") } else { &self.language };
        let call = lang.pick("Appel", "Call");
        let waited = span(self.waited_ms / 1000);
        match lang {
            Lang::Fr => format!("{call} {}, {place}, {language}{tier}, {waited} d'attente : ", self.call),
            Lang::En => format!("{call} {}, {place}, {language}{tier}, waited {waited}: ", self.call),
        }
    }

    fn happening(&self, lang: Lang) -> String {
        match (&self.kind, lang) {
            (DecisionKind::Rang { token }, Lang::Fr) => {
                format!("on fait sonner {}{}.", token.listener, self.merits(lang))
            }
            (DecisionKind::Rang { token }, Lang::En) => format!("{} is rung{}.", token.listener, self.merits(lang)),
            (DecisionKind::Widened, Lang::Fr) => "la recherche s'élargit.".into(),
            (DecisionKind::Widened, Lang::En) => "the search widens.".into(),
            (DecisionKind::NobodyEligible, Lang::Fr) => "personne ne peut être appelé pour l'instant.".into(),
            (DecisionKind::NobodyEligible, Lang::En) => "nobody can be rung for now.".into(),
            (DecisionKind::RingEnded { token, outcome }, Lang::Fr) => {
                format!("{} {} ; la personne garde sa place.", token.listener, ending(*outcome, lang))
            }
            (DecisionKind::RingEnded { token, outcome }, Lang::En) => {
                format!("{} {}; the caller keeps the place.", token.listener, ending(*outcome, lang))
            }
            (DecisionKind::Answered { token }, Lang::Fr) => format!("{} a répondu.", token.listener),
            (DecisionKind::Answered { token }, Lang::En) => format!("{} has answered.", token.listener),
            (DecisionKind::Exhausted { why }, Lang::Fr) => match why {
                ExhaustedReason::TiersOver => "tous les paliers sont passés, la recherche est finie.".into(),
                ExhaustedReason::NoTier => "aucun palier ne s'applique, la recherche est finie.".into(),
                ExhaustedReason::Full => "la file d'attente est pleine.".into(),
            },
            (DecisionKind::Exhausted { why }, Lang::En) => match why {
                ExhaustedReason::TiersOver => "every tier had its time, the search is over.".into(),
                ExhaustedReason::NoTier => "no tier applies, the search is over.".into(),
                ExhaustedReason::Full => "the queue is full.".into(),
            },
            (DecisionKind::Left { ringing: None }, Lang::Fr) => "la personne n'attend plus.".into(),
            (DecisionKind::Left { ringing: None }, Lang::En) => "the caller waits no longer.".into(),
            (DecisionKind::Left { ringing: Some(listener) }, Lang::Fr) => {
                format!("la personne n'attend plus ; on cesse de faire sonner {listener}.")
            }
            (DecisionKind::Left { ringing: Some(listener) }, Lang::En) => {
                format!("the caller waits no longer; {listener} is rung no more.")
            }
            (DecisionKind::AutoPaused { listener, missed }, Lang::Fr) => {
                format!("{listener} a laissé passer {missed} appels de suite et est mis en pause.")
            }
            (DecisionKind::AutoPaused { listener, missed }, Lang::En) => {
                format!("{listener} missed {missed} calls in a row and is paused.")
            }
        }
    }

    /// Why the one who is rung was chosen.
    fn merits(&self, lang: Lang) -> String {
        let Some(chosen) = self.candidates.iter().find(|one| one.verdict == Verdict::Chosen) else {
            return String::new();
        };
        let mut text = String::from(" (");
        if let Some(found) = chosen.reach {
            let _ = write!(text, "{}, ", reach(found, lang));
        }
        let _ = match (chosen.rested_s, lang) {
            (None, Lang::Fr) => write!(text, "aucune conversation encore"),
            (None, Lang::En) => write!(text, "no conversation yet"),
            (Some(rested), Lang::Fr) => write!(text, "repos {}, {} aujourd'hui", span(rested), chosen.today),
            (Some(rested), Lang::En) => write!(text, "rested {}, {} today", span(rested), chosen.today),
        };
        text.push(')');
        text
    }
}

impl Considered {
    fn passed_over(&self, lang: Lang) -> Option<String> {
        match &self.verdict {
            Verdict::Chosen => None,
            Verdict::Passed(why) => Some(format!("{} ({})", self.listener, reason(why, lang))),
        }
    }
}

fn reach(reach: Reach, lang: Lang) -> &'static str {
    match reach {
        Reach::Department => lang.pick("département", "department"),
        Reach::Neighbours => lang.pick("départements voisins", "neighbouring departments"),
        Reach::Region => lang.pick("région", "region"),
        Reach::National => lang.pick("toute la France", "whole country"),
    }
}

fn ending(outcome: Outcome, lang: Lang) -> &'static str {
    match outcome {
        Outcome::Answered => lang.pick("a répondu", "answered"),
        Outcome::Declined => lang.pick("a refusé", "declined"),
        Outcome::Busy => lang.pick("était déjà en ligne", "was engaged"),
        Outcome::NoAnswer => lang.pick("n'a pas répondu", "did not answer"),
        Outcome::Unreachable => lang.pick("n'était pas joignable", "could not be reached"),
        Outcome::Wrong => lang.pick("a un numéro erroné", "has a wrong number"),
        Outcome::Failed => lang.pick("n'a pu être appelé par notre faute", "could not be called through our own fault"),
    }
}

fn reason(why: &Reason, lang: Lang) -> String {
    let words = match why {
        Reason::OtherDepartment => lang.pick("autre département", "other department"),
        Reason::OtherLanguage => lang.pick("autre langue", "other language"),
        Reason::Suspended => lang.pick("suspendu par l'équipe", "suspended by the staff"),
        Reason::Trainee => lang.pick("en formation", "in training"),
        Reason::CharterMissing => lang.pick("charte non signée", "charter not signed"),
        Reason::NotTrained { module } => {
            return format!("{} « {module} »", lang.pick("module non suivi", "module not passed"));
        }
        Reason::Expired { module } => return format!("{} « {module} »", lang.pick("module périmé", "module expired")),
        Reason::ExcludedByPlan => lang.pick("exclu par le plan d'appel", "excluded by the dialplan"),
        Reason::Unreachable => lang.pick("aucun appareil joignable", "no device can be reached"),
        Reason::Paused => lang.pick("en pause", "paused"),
        Reason::Talking => lang.pick("en conversation", "in a conversation"),
        Reason::Reserved => lang.pick("sonne déjà pour un autre appel", "being rung for another call"),
        Reason::WrapUp => lang.pick("écrit ses notes", "writing notes"),
        Reason::Cooling(Outcome::Wrong) => lang.pick("numéro erroné", "wrong number"),
        Reason::Cooling(outcome) => {
            return format!("{}, {}", lang.pick("laissé en paix", "left in peace"), ending(*outcome, lang));
        }
        Reason::ExcludedForCaller(outcome) => {
            let already = lang.pick("déjà appelé pour cette personne", "already rung for this caller");
            return format!("{already}, {}", ending(*outcome, lang));
        }
        Reason::FurtherAway => lang.pick("libre, mais plus loin", "free, but further away"),
        Reason::RestedLess => lang.pick("libre, mais moins reposé", "free, but rested less"),
        Reason::MoreToday => lang.pick("libre, mais plus de conversations aujourd'hui", "free, but more calls today"),
        Reason::LaterInRoster => lang.pick("libre, plus bas dans la liste", "free, later in the roster"),
    };
    words.to_owned()
}

/// `35 s`, `4 min`, `2 h 05`.
fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h {:02}", seconds / 3600, seconds / 60 % 60),
    }
}
