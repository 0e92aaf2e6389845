//! The closed sets of words, each written once: those made for a metric, and the enums of other rooms.

use std::fmt::{self, Write as _};

use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};

use super::Words;
use crate::call::record::{AttemptOutcome, How, Party, Stage};
use crate::dispatch::{DecisionKind, ListenerState};

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
    /// What a calling network signed about the caller's number (RFC 8588).
    enum Attested { /// It knows the caller, and the number is hers.
        Full = "a", /// It knows the caller.
        Partial = "b", /// It let the call in.
        Gateway = "c", /// It signed nothing.
        None = "none", /// It signed something that cannot be read.
        Unreadable = "unreadable", }
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
    /// Which way a call over a trunk goes.
    enum Course { /// It was received.
        Incoming = "incoming", /// It was placed.
        Outgoing = "outgoing", }
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
        Listeners = "listeners", }
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
