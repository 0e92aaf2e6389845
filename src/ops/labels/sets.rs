//! The sets of labels, each written once.

use prometheus_client::encoding::EncodeLabelSet;

use super::words::{
    Attested, AuthFailure, Class, Course, DecisionWord, LoadResult, Loaded, Method, PortState, Room, Side, StoreFault,
    StorePlace, Transaction, WaitEnd, Way,
};
use super::{LabelDoc, LabelValue, Labels, SERIES_MAX, Word};
use crate::call::record::{AttemptOutcome, How, Party, Stage};
use crate::dispatch::ListenerState;

/// A struct with public fields, its documents and its combinations.
macro_rules! set {
    ($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident: $value:ty,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
        pub struct $name { $($(#[$fdoc])* pub $field: $value,)+ }

        impl Labels for $name {
            fn docs() -> Vec<LabelDoc> {
                vec![$(<$value as LabelValue>::doc(stringify!($field)),)+]
            }
            fn all() -> Vec<$name> {
                let number: usize = [$(<$value as LabelValue>::all().len(),)+].iter().product();
                let mut sets = Vec::new();
                if number <= SERIES_MAX {
                    set!(each sets, $name, [$($field)+] $($field: $value,)+);
                }
                sets
            }
            fn any() -> $name {
                $name { $($field: <$value as LabelValue>::any(),)+ }
            }
        }
    };
    (each $sets:ident, $name:ident, [$($all:ident)+] $field:ident: $value:ty, $($rest:tt)*) => {
        for $field in <$value as LabelValue>::all() {
            set!(each $sets, $name, [$($all)+] $($rest)*);
        }
    };
    (each $sets:ident, $name:ident, [$($all:ident)+]) => {
        $sets.push($name { $($all: $all.clone(),)+ });
    };
}

set! { /// Whose leg.
BySide { /// Whose.
    side: Side, } }
set! { /// Which way.
ByWay { /// To us or from us.
    way: Way, } }
set! { /// By transaction machine.
ByTransaction { /// Which.
    kind: Transaction, } }
set! { /// Why a request was not believed.
ByAuthFailure { /// Why.
    cause: AuthFailure, } }
set! { /// By what the calling network signed.
ByAttestation { /// What.
    attestation: Attested, } }
set! { /// By how the waiting ended.
ByWaitEnd { /// How.
    end: WaitEnd, } }
set! { /// By what a port does.
ByPortState { /// What.
    state: PortState, } }
set! { /// By what failed.
ByStoreFault { /// What.
    part: StoreFault, } }
set! { /// By where it waits.
ByStorePlace { /// Where.
    place: StorePlace, } }
set! { /// By what was decided.
ByDecision { /// What.
    kind: DecisionWord, } }
set! { /// By what came of a ring.
ByOutcome { /// What.
    outcome: AttemptOutcome, } }
set! { /// By what a listener does.
ByListenerState { /// What.
    state: ListenerState, } }
set! { /// A SIP request.
ByMethod { /// To us or from us.
    way: Way, /// Its method.
    method: Method, } }
set! { /// A SIP response.
ByClass { /// To us or from us.
    way: Way, /// The method of its request.
    method: Method, /// The class of its status code.
    class: Class, } }
set! { /// The plan that served a call.
ByService { /// The plan's name, from the configuration.
    service: Word, } }
set! { /// How a call ended.
ByEnd { /// The plan's name, from the configuration.
    service: Word, /// Who ended it.
    by: Party, /// What ended it.
    how: How, /// Where it stood.
    during: Stage, } }
set! { /// Something set aside in silence.
ByDrop { /// By whom.
    room: Room, /// Why: a variant of that room's `DropReason`.
    reason: Word, } }
set! { /// A source that is answered with silence.
ByBan { /// Why: a variant of the signalling's `BanReason`.
    why: Word, } }
set! { /// A trunk.
ByTrunk { /// Its name, from the configuration.
    trunk: Word, } }
set! { /// How a trunk is.
ByTrunkState { /// Its name, from the configuration.
    trunk: Word, /// One of the states of a trunk.
    state: Word, } }
set! { /// Calls over a trunk.
ByCourse { /// Its name, from the configuration.
    trunk: Word, /// Received or placed.
    course: Course, } }
set! { /// What staff must see to.
ByTrunkAlert { /// The trunk's name, from the configuration.
    trunk: Word, /// What.
    alert: Word, } }
set! { /// Something loaded anew.
ByLoad { /// What.
    what: Loaded, /// What came of it.
    result: LoadResult, } }
set! { /// Which program this is.
BuildInfo { /// The version.
    version: Word, /// Built with optimisation?
    profile: Word, } }

impl BuildInfo {
    /// This program.
    pub fn ours() -> BuildInfo {
        BuildInfo {
            version: Word::fixed(env!("CARGO_PKG_VERSION")),
            profile: Word::fixed(if cfg!(debug_assertions) { "debug" } else { "release" }),
        }
    }
}
