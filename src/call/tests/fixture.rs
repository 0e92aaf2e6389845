//! What the worlds of the tests are made of: a plan, descriptions, a caller.

use std::sync::Arc;

use crate::dialplan::{self, Plan, PromptIndex};
use crate::ids::{LegId, PhoneNumber};

use super::super::{CallerIdentity, MediaEvent, Settings, record};

/// A plan in which every verb and every way out occurs.
const PLAN: &str = r#"
[plan]
numbers = ["3977"]
start = "welcome"
languages = ["fr", "en"]
timezone = "Europe/Paris"
no_input = { after = "6s", tries = 2 }
emergency = "emergency"
[hours.listening]
weekdays = "00:00-24:00"
weekend = "00:00-24:00"
[step.welcome]
play = "welcome"
next = "danger"
[step.danger]
menu = "in_danger"
keys.1 = "emergency"
keys.3 = "case"
no_input = "place"
after = "3s"
[step.emergency]
play = "emergency"
skip = false
next = "open"
[step.open]
when = [ { hours = "listening", next = "listener" } ]
otherwise = "busy"
[step.case]
ask = "ask_case"
fact = "case"
digits = "2-4"
next = "listener"
no_input = "listener"
[step.place]
locate = "ask_postcode"
confirm = "place_is"
confirm_keys = "place_keys"
corsica = "ask_corsica"
wrong = "place_wrong"
found = "listener"
unknown = "listener"
[step.listener]
dispatch = "department"
ring = "20s"
hold = "please_wait"
keys.1 = "emergency"
keys.2 = "english"
keys.3 = "case"
tiers = [ { reach = "department", for = "30s" }, { reach = "national", for = "4m" } ]
answered = "goodbye"
overflow = "busy"
[step.english]
play = "now_english"
language = "en"
next = "listener"
[step.goodbye]
play = "goodbye"
next = "end"
[step.busy]
play = "busy"
next = "end"
[step.end]
hangup = true
"#;

/// A caller of a softphone or a trunk: A-law, telephone events.
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n\
                   m=audio 7000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";

pub(super) fn sdp() -> Option<Vec<u8>> {
    Some(SDP.into())
}

/// The same with another direction (`sendonly` is what a phone says that holds).
pub(super) fn sdp_with(direction: &str) -> Option<Vec<u8>> {
    Some(format!("{SDP}a={direction}\r\n").into_bytes())
}

/// A description without a codec of ours.
pub(super) fn foreign_sdp() -> Option<Vec<u8>> {
    Some(SDP.replace("8 101", "18 101").into_bytes())
}

pub(super) fn plan(text: &str) -> Arc<Plan> {
    match dialplan::read("3977.toml", text, &PromptIndex::unchecked()) {
        Ok(plan) => Arc::new(plan),
        Err(faults) => panic!("the plan of the tests: {faults:#?}"),
    }
}

impl Made {
    /// With the plan of the tests.
    pub fn new(caller: CallerIdentity, offer: Option<Vec<u8>>) -> Made {
        Made { caller, offer, plan: plan(PLAN) }
    }
}

/// Settings shared by all tests: the tables are read once.
pub(super) fn settings() -> Arc<Settings> {
    static SHARED: std::sync::OnceLock<Arc<Settings>> = std::sync::OnceLock::new();
    SHARED.get_or_init(|| Arc::new(Settings::default())).clone()
}

pub(super) fn number(text: &str) -> CallerIdentity {
    CallerIdentity::Number(PhoneNumber::from_e164(text).expect("a number"))
}

/// What a caller's leg and its surroundings are like.
pub(super) struct Made {
    pub caller: CallerIdentity,
    pub offer: Option<Vec<u8>>,
    pub plan: Arc<Plan>,
}

pub(super) fn opened(leg: LegId) -> MediaEvent {
    let port = 10_000 + leg.nth * 2;
    MediaEvent::Opened { rtp: ([203, 0, 113, 1], port).into(), rtcp: ([203, 0, 113, 1], port + 1).into() }
}

pub(super) fn sound(leg: LegId) -> record::Sound {
    record::Sound { packets_in: 100 + u64::from(leg.nth), packets_out: 200, ..record::Sound::default() }
}
