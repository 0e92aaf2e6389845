//! The words that may stand in a metric's label. Each set is closed: the number of series does not grow with the number of
//! calls, and no word comes from outside text.

use std::fmt::{self, Debug, Write as _};

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

use crate::call::record::{AttemptOutcome, How, Party, Stage};
use crate::dispatch::{DecisionKind, ListenerState};

/// A closed set of words.
pub trait Words: Sized + 'static {
    /// All of them.
    const ALL: &'static [Self];
    /// The word as it stands in the label.
    fn word(&self) -> &'static str;
}

/// Gives an enum its words, in one place: an enum made here, or one of another room.
macro_rules! words {
    ($(#[$doc:meta])* enum $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }
        words!(for $name { $($variant = $word,)+ });
    };
    (for $name:ident { $($variant:ident = $word:literal,)+ }) => {
        impl Words for $name {
            const ALL: &'static [$name] = &[$($name::$variant,)+];
            fn word(&self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }
        }
        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
                encoder.write_str(self.word())
            }
        }
    };
}

/// What a label may be: its name and, when the set is closed at compile time, its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelDoc {
    /// The label's name.
    pub name: &'static str,
    /// Its words; empty when they come from the configuration (names of plans) or from another room's closed enum.
    pub words: Vec<&'static str>,
}

/// A set of labels.
pub trait Labels: Sized {
    /// What the labels are.
    fn docs() -> Vec<LabelDoc>;
    /// Every combination, when there are few; these series exist from the start, so that a first event is seen as a rise.
    fn all() -> Vec<Self>;
    /// Any one of them, to show the metric in a test.
    fn any() -> Self;
}

/// One label with a closed set of words.
macro_rules! one_label {
    ($(#[$doc:meta])* $set:ident { $label:ident: $words:ident }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
        pub struct $set {
            /// The one label.
            pub $label: $words,
        }
        impl Labels for $set {
            fn docs() -> Vec<LabelDoc> { vec![doc::<$words>(stringify!($label))] }
            fn all() -> Vec<$set> { $words::ALL.iter().map(|word| $set { $label: *word }).collect() }
            fn any() -> $set { $set { $label: $words::ALL[0] } }
        }
    };
}

words! {
    /// Which leg of a call.
    enum Side { /// The person who called.
        Caller = "caller", /// A listener's device.
        Listener = "listener", }
}
words! {
    /// Which way a message or packet went.
    enum Way { /// To us.
        In = "in", /// From us.
        Out = "out", }
}
words! {
    /// SIP methods; what is none of these is `other`.
    enum Method { /// INVITE.
        Invite = "invite", /// ACK.
        Ack = "ack", /// BYE.
        Bye = "bye", /// CANCEL.
        Cancel = "cancel", /// REGISTER.
        Register = "register", /// OPTIONS.
        Options = "options", /// PRACK.
        Prack = "prack", /// UPDATE.
        Update = "update", /// INFO.
        Info = "info", /// REFER.
        Refer = "refer", /// NOTIFY.
        Notify = "notify", /// SUBSCRIBE.
        Subscribe = "subscribe", /// MESSAGE.
        Message = "message", /// PUBLISH.
        Publish = "publish", /// Anything else.
        Other = "other", }
}
words! {
    /// The first digit of a status code.
    enum Class { /// 1xx.
        Provisional = "1xx", /// 2xx.
        Success = "2xx", /// 3xx.
        Redirection = "3xx", /// 4xx.
        RequestFailure = "4xx", /// 5xx.
        ServerFailure = "5xx", /// 6xx.
        GlobalFailure = "6xx", }
}
words! {
    /// The four transaction machines of RFC 3261 §17.
    enum Transaction { /// §17.1.1.
        InviteClient = "invite_client", /// §17.1.2.
        Client = "client", /// §17.2.1.
        InviteServer = "invite_server", /// §17.2.2.
        Server = "server", }
}
words! {
    /// Why a request was not believed.
    enum AuthFailure { /// No account of that name.
        UnknownAccount = "unknown_account", /// The digest does not fit the password.
        WrongPassword = "wrong_password", /// A nonce we did not make, or an old one used again.
        BadNonce = "bad_nonce", /// A header that cannot be read.
        Malformed = "malformed", /// Not from a trusted peer.
        Untrusted = "untrusted", }
}
words! {
    /// The rooms that drop things in silence.
    enum Room { /// Sockets.
        Net = "net", /// Signalling.
        Sip = "sip", /// The dispatcher.
        Dispatch = "dispatch", /// Sound.
        Media = "media", /// The loop between them.
        Node = "node", }
}
words! {
    /// How a caller's waiting ended.
    enum WaitEnd { /// A listener answered.
        Answered = "answered", /// The caller hung up.
        Left = "left", /// Every tier was over.
        Exhausted = "exhausted", }
}
words! {
    /// What a media port is doing.
    enum PortState { /// Could be given out.
        Free = "free", /// In a call.
        Used = "used", /// Resting after a call, so that late packets are not heard in the next one.
        Resting = "resting", }
}
words! {
    /// Where the store failed.
    enum StoreFault { /// SQLite.
        Database = "database", /// The spool file.
        Spool = "spool", }
}
words! {
    /// Where entries wait for the database.
    enum StorePlace { /// In the queue to the thread.
        Queue = "queue", /// In the spool file.
        Spool = "spool", /// In memory, because the file failed too.
        Memory = "memory", }
}
words! {
    /// What can be loaded anew while calls go on.
    enum Loaded { /// A dialplan.
        Dialplan = "dialplan", /// The listeners.
        Listeners = "listeners", /// The configuration.
        Config = "config", }
}
words! {
    /// What came of it.
    enum LoadResult { /// In force.
        Taken = "taken", /// Faults were found; what was in force stays.
        Refused = "refused", }
}
words! {
    /// What the dispatcher decided.
    enum DecisionWord { /// A listener is rung.
        Rang = "rang", /// The next tier is open.
        Widened = "widened", /// Nobody can be rung now.
        NobodyEligible = "nobody_eligible", /// A ring ended without an answer.
        RingEnded = "ring_ended", /// A listener answered.
        Answered = "answered", /// The search is over.
        Exhausted = "exhausted", /// The caller left.
        Left = "left", /// A listener was paused after missed rings.
        AutoPaused = "auto_paused", }
}
words!(for Party { Caller = "caller", Listener = "listener", Trunk = "trunk", Us = "us", });
words!(for How { Cancelled = "cancelled", HungUp = "hung_up", Completed = "completed", NoCodec = "no_codec",
    UnknownNumber = "unknown_number", NoPorts = "no_ports", NoAck = "no_ack", Lost = "lost", Drained = "drained",
    Fault = "fault", });
words!(for Stage { Offered = "offered", Answering = "answering", Prompt = "prompt", Menu = "menu", Locating = "locating",
    Waiting = "waiting", Ringing = "ringing", Bridged = "bridged", Closing = "closing", });
words!(for AttemptOutcome { Answered = "answered", Declined = "declined", Busy = "busy", NoAnswer = "no_answer",
    Unreachable = "unreachable", Wrong = "wrong", Failed = "failed", Withdrawn = "withdrawn", });
words!(for ListenerState { Free = "free", Reserved = "reserved", Talking = "talking", WrapUp = "wrap_up",
    Cooling = "cooling", Paused = "paused", Unreachable = "unreachable", Untrained = "untrained",
    Suspended = "suspended", });

one_label! { /// By side.
BySide { side: Side } }
one_label! { /// By way.
ByWay { way: Way } }
one_label! { /// By transaction machine.
ByTransaction { kind: Transaction } }
one_label! { /// By cause.
ByAuthFailure { cause: AuthFailure } }
one_label! { /// By how the waiting ended.
ByWaitEnd { end: WaitEnd } }
one_label! { /// By what a port does.
ByPortState { state: PortState } }
one_label! { /// By what failed.
ByStoreFault { part: StoreFault } }
one_label! { /// By where it waits.
ByStorePlace { place: StorePlace } }
one_label! { /// By what was decided.
ByDecision { kind: DecisionWord } }
one_label! { /// By what came of a ring.
ByOutcome { outcome: AttemptOutcome } }
one_label! { /// By what a listener does.
ByListenerState { state: ListenerState } }

/// A SIP request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByMethod {
    /// To us or from us.
    pub way: Way,
    /// Its method.
    pub method: Method,
}

/// A SIP response.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByClass {
    /// To us or from us.
    pub way: Way,
    /// The method of its request.
    pub method: Method,
    /// The class of its status code.
    pub class: Class,
}

/// The plan that served a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByService {
    /// The plan's name, from the configuration.
    pub service: Word,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByEnd {
    /// The plan's name, from the configuration.
    pub service: Word,
    /// Who ended it.
    pub by: Party,
    /// What ended it.
    pub how: How,
    /// Where it stood.
    pub during: Stage,
}

/// Something set aside in silence.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByDrop {
    /// By whom.
    pub room: Room,
    /// Why: a variant of that room's `DropReason`.
    pub reason: Word,
}

/// Something loaded anew.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ByLoad {
    /// What.
    pub what: Loaded,
    /// What came of it.
    pub result: LoadResult,
}

/// Which program this is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct BuildInfo {
    /// The version.
    pub version: &'static str,
    /// Built with optimisation?
    pub profile: &'static str,
}

/// A word whose set is closed elsewhere: the name of a plan, or the variant of an enum. At most [`Word::LETTERS_MAX`]
/// letters, digits and low lines, lower case; whatever else was in it is gone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Word(Box<str>);

impl Word {
    /// The most letters of a word.
    pub const LETTERS_MAX: usize = 40;

    /// From a name in the configuration; an empty one is `none`.
    pub fn of_name(name: &str) -> Word {
        let word: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
            .take(Word::LETTERS_MAX)
            .collect();
        Word(if word.is_empty() { "none".into() } else { word.into() })
    }

    /// From the variant of a closed enum: `StaleToken` and `StaleToken { … }` are both `stale_token`. What a variant holds
    /// is left out, so that nothing from outside comes in with it.
    pub fn of_variant(variant: &dyn Debug) -> Word {
        let mut written = Head(String::new());
        let _ = write!(written, "{variant:?}");
        let mut word = String::new();
        for letter in written.0.chars() {
            if letter.is_ascii_uppercase() && !word.is_empty() && !word.ends_with('_') {
                word.push('_');
            }
            word.push(letter.to_ascii_lowercase());
        }
        word.truncate(Word::LETTERS_MAX);
        Word(if word.is_empty() { "other".into() } else { word.into() })
    }

    /// A word known at compile time.
    pub fn fixed(word: &'static str) -> Word {
        Word(word.into())
    }

    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl EncodeLabelValue for Word {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        encoder.write_str(&self.0)
    }
}

/// Takes the letters before the first sign that belongs to no name, and refuses the rest unseen.
struct Head(String);

impl fmt::Write for Head {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            if !(letter.is_ascii_alphanumeric() || letter == '_') || self.0.len() >= Word::LETTERS_MAX {
                return Err(fmt::Error);
            }
            self.0.push(letter);
        }
        Ok(())
    }
}

impl Method {
    /// From the method as it stands in the message.
    pub fn of(method: &str) -> Method {
        Method::ALL.iter().find(|known| known.word().eq_ignore_ascii_case(method)).copied().unwrap_or(Method::Other)
    }
}

impl Class {
    /// From a status code.
    pub fn of(status: u16) -> Class {
        match status {
            0..=199 => Class::Provisional,
            200..=299 => Class::Success,
            300..=399 => Class::Redirection,
            400..=499 => Class::RequestFailure,
            500..=599 => Class::ServerFailure,
            _ => Class::GlobalFailure,
        }
    }
}

impl DecisionWord {
    /// From a decision.
    pub fn of(kind: &DecisionKind) -> DecisionWord {
        match kind {
            DecisionKind::Rang { .. } => DecisionWord::Rang,
            DecisionKind::Widened => DecisionWord::Widened,
            DecisionKind::NobodyEligible => DecisionWord::NobodyEligible,
            DecisionKind::RingEnded { .. } => DecisionWord::RingEnded,
            DecisionKind::Answered { .. } => DecisionWord::Answered,
            DecisionKind::Exhausted { .. } => DecisionWord::Exhausted,
            DecisionKind::Left { .. } => DecisionWord::Left,
            DecisionKind::AutoPaused { .. } => DecisionWord::AutoPaused,
        }
    }
}

// ---- sets of several labels ------------------------------------------------------------------------------------------

fn doc<W: Words>(name: &'static str) -> LabelDoc {
    LabelDoc { name, words: W::ALL.iter().map(Words::word).collect() }
}

fn open_doc(name: &'static str) -> LabelDoc {
    LabelDoc { name, words: Vec::new() }
}

impl BuildInfo {
    /// This program.
    pub const OURS: BuildInfo = BuildInfo {
        version: env!("CARGO_PKG_VERSION"),
        profile: if cfg!(debug_assertions) { "debug" } else { "release" },
    };
}

impl Labels for BuildInfo {
    fn docs() -> Vec<LabelDoc> {
        vec![open_doc("version"), LabelDoc { name: "profile", words: vec!["debug", "release"] }]
    }
    fn all() -> Vec<BuildInfo> {
        vec![BuildInfo::OURS]
    }
    fn any() -> BuildInfo {
        BuildInfo::OURS
    }
}

impl Labels for ByMethod {
    fn docs() -> Vec<LabelDoc> {
        vec![doc::<Way>("way"), doc::<Method>("method")]
    }
    fn all() -> Vec<ByMethod> {
        Way::ALL
            .iter()
            .flat_map(|way| Method::ALL.iter().map(|method| ByMethod { way: *way, method: *method }))
            .collect()
    }
    fn any() -> ByMethod {
        ByMethod { way: Way::In, method: Method::Invite }
    }
}

impl Labels for ByClass {
    fn docs() -> Vec<LabelDoc> {
        vec![doc::<Way>("way"), doc::<Method>("method"), doc::<Class>("class")]
    }
    fn all() -> Vec<ByClass> {
        Vec::new()
    }
    fn any() -> ByClass {
        ByClass { way: Way::In, method: Method::Invite, class: Class::Success }
    }
}

impl Labels for ByService {
    fn docs() -> Vec<LabelDoc> {
        vec![open_doc("service")]
    }
    fn all() -> Vec<ByService> {
        Vec::new()
    }
    fn any() -> ByService {
        ByService { service: Word::fixed("3977") }
    }
}

impl Labels for ByEnd {
    fn docs() -> Vec<LabelDoc> {
        vec![open_doc("service"), doc::<Party>("by"), doc::<How>("how"), doc::<Stage>("during")]
    }
    fn all() -> Vec<ByEnd> {
        Vec::new()
    }
    fn any() -> ByEnd {
        ByEnd { service: Word::fixed("3977"), by: Party::Caller, how: How::HungUp, during: Stage::Bridged }
    }
}

impl Labels for ByDrop {
    fn docs() -> Vec<LabelDoc> {
        vec![doc::<Room>("room"), open_doc("reason")]
    }
    fn all() -> Vec<ByDrop> {
        Vec::new()
    }
    fn any() -> ByDrop {
        ByDrop { room: Room::Sip, reason: Word::fixed("garbage") }
    }
}

impl Labels for ByLoad {
    fn docs() -> Vec<LabelDoc> {
        vec![doc::<Loaded>("what"), doc::<LoadResult>("result")]
    }
    fn all() -> Vec<ByLoad> {
        let results = |what: Loaded| LoadResult::ALL.iter().map(move |result| ByLoad { what, result: *result });
        Loaded::ALL.iter().flat_map(|what| results(*what)).collect()
    }
    fn any() -> ByLoad {
        ByLoad { what: Loaded::Dialplan, result: LoadResult::Taken }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
