//! The words that may stand in a metric's label. Each set is closed: the number of series does not grow with the number of
//! calls, and no word comes from outside text.

mod sets;
mod word;
mod words;

pub use sets::{
    BuildInfo, ByAttestation, ByAuthFailure, ByBan, ByClass, ByCourse, ByDecision, ByDrop, ByEnd, ByListenerState,
    ByLoad, ByMethod, ByOutcome, ByPortState, ByService, BySide, ByStoreFault, ByStorePlace, ByTransaction, ByTrunk,
    ByTrunkAlert, ByTrunkState, ByWaitEnd, ByWay,
};
pub use word::Word;
pub use words::{
    Attested, AuthFailure, Class, Course, DecisionWord, LoadResult, Loaded, Method, PortState, Room, Side, StoreFault,
    StorePlace, Transaction, WaitEnd, Way,
};

/// A closed set of words.
pub trait Words: Sized + 'static {
    /// All of them.
    const ALL: &'static [Self];
    /// The word as it stands in the label.
    fn word(&self) -> &'static str;
}

/// What a label may be: its name and, when the set is closed at compile time, its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelDoc {
    /// The label's name.
    pub name: &'static str,
    /// Its words; empty when they come from the configuration (names of plans) or from another room's closed enum.
    pub words: Vec<&'static str>,
}

/// A value of a label: a word of a closed set, or one that is closed elsewhere.
pub trait LabelValue: Sized {
    /// What the label `name` may be.
    fn doc(name: &'static str) -> LabelDoc;
    /// All it may be; empty when only another room or the configuration knows.
    fn all() -> Vec<Self>;
    /// Any one of them, to show a metric in a test.
    fn any() -> Self;
}

/// A set of labels.
pub trait Labels: Sized {
    /// What the labels are.
    fn docs() -> Vec<LabelDoc>;
    /// Every combination, when all are known and there are few ([`SERIES_MAX`]); these series exist from the start, so that
    /// a first event is seen as a rise.
    fn all() -> Vec<Self>;
    /// Any one of them, to show the metric in a test.
    fn any() -> Self;
}

/// Combinations that are made before anything happened.
pub const SERIES_MAX: usize = 64;

impl<W: Words + Copy> LabelValue for W {
    fn doc(name: &'static str) -> LabelDoc {
        LabelDoc { name, words: W::ALL.iter().map(Words::word).collect() }
    }
    fn all() -> Vec<W> {
        W::ALL.to_vec()
    }
    fn any() -> W {
        W::ALL[0]
    }
}

impl LabelValue for Word {
    fn doc(name: &'static str) -> LabelDoc {
        LabelDoc { name, words: Vec::new() }
    }
    fn all() -> Vec<Word> {
        Vec::new()
    }
    fn any() -> Word {
        Word::fixed("any")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::record::{AttemptOutcome, How, Party, Stage};
    use crate::dispatch::ListenerState;

    /// A label says the same word as the record and the API do.
    #[test]
    fn one_word_for_one_thing() {
        fn same<W: Words + serde::Serialize>() {
            for value in W::ALL {
                assert_eq!(serde_json::to_value(value).expect("a word"), value.word());
            }
        }
        same::<Party>();
        same::<How>();
        same::<Stage>();
        same::<AttemptOutcome>();
        same::<ListenerState>();
    }

    /// Of an enum's variant only its name becomes a label; what it holds, which may come from outside, does not.
    #[test]
    fn a_variant_keeps_its_content_to_itself() {
        #[derive(Debug)]
        #[expect(dead_code, reason = "only their Debug form is looked at")]
        enum Drop {
            StaleToken,
            Malformed(&'static str),
            Late { from: &'static str },
        }
        assert_eq!(Word::of_variant(&Drop::StaleToken).as_str(), "stale_token");
        assert_eq!(Word::of_variant(&Drop::Malformed("+33612345678")).as_str(), "malformed");
        assert_eq!(Word::of_variant(&Drop::Late { from: "+33612345678" }).as_str(), "late");
        assert_eq!(Word::of_variant(&"+33612345678").as_str(), "other");
        assert_eq!(Word::of_name("Écoute 3977\n").as_str(), "_coute_3977_");
        assert_eq!(Word::of_name("").as_str(), "none");
    }

    /// Methods and status codes outside the standard land in a word of the set.
    #[test]
    fn outside_words_are_folded() {
        assert_eq!(Method::of("INVITE"), Method::Invite);
        assert_eq!(Method::of("X-EVIL\u{7}"), Method::Other);
        assert_eq!(Class::of(486), Class::RequestFailure);
        assert_eq!(Class::of(999), Class::GlobalFailure);
    }
}
