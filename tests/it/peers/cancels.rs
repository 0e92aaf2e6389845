//! CANCEL, from either side, at the awkward moments.

use super::House;
use crate::engine::{SOON, wait_until};

/// The caller gives up while the listener's telephone rings: CANCEL with the INVITE's own branch, numbers and tags, and the
/// 487 is acknowledged; the listener is free at once.
#[test]
fn b075_b080_b082_cancel_while_ringing() {
    let house = House::new("cancelled");
    let (mut listener, _) = house.listener("listener_cancelled");
    let (mut caller, _voice) = house.caller("leave");
    listener.wait("RUNG");
    caller.finish();
    listener.finish();
    let wire = received(&listener.messages());
    let one = |method: &str| wire.iter().find(|text| text.starts_with(method)).expect("it was received").clone();
    let (invite, cancel) = (one("INVITE"), one("CANCEL"));
    for header in ["Via", "From", "To", "Call-ID", "Max-Forwards"] {
        assert_eq!(line(&invite, header), line(&cancel, header), "{header}");
    }
    assert!(!line(&cancel, "To").contains("tag="), "{cancel}");
    assert_eq!(number(&invite, "CSeq"), number(&cancel, "CSeq"));
    assert!(line(&cancel, "Require").is_empty() && line(&cancel, "Proxy-Require").is_empty(), "{cancel}");
    assert_eq!(invite.split(' ').nth(1), cancel.split(' ').nth(1), "the Request-URI");
    house.recorded("caller", "abandoned");
}

/// The telephone has said nothing yet when the caller gives up: the CANCEL waits for its first word.
#[test]
fn b077_cancel_waits_for_a_provisional_answer() {
    let house = House::new("slow");
    let (mut listener, _) = house.listener("listener_slow");
    let (mut caller, _voice) = house.caller("leave");
    caller.finish();
    listener.wait("SILENT_SO_FAR");
    listener.finish();
    house.recorded("caller", "abandoned");
}

/// The listener answers in the moment the caller gives up: his 200 is acknowledged and ended by BYE.
#[test]
fn b078_cancel_crosses_the_answer() {
    let house = House::new("crossed");
    let (mut listener, _) = house.listener("listener_crossing");
    let (mut caller, _voice) = house.caller("leave");
    caller.finish();
    listener.wait("ACKNOWLEDGED");
    listener.finish();
    house.recorded("caller", "abandoned");
}

/// Forty callers who cancel between 0 and 12 ms after their INVITE: each CANCEL and each INVITE gets its answer, there is
/// one record a call, and nothing is left of any.
#[test]
fn b075_b076_cancels_that_race_the_answer() {
    let house = House::new("races");
    let voice = super::Voice::start(house.callers, super::CALLER_HZ);
    let play = super::Play {
        scenario: "cancel_race",
        ip: house.callers,
        port: 0,
        server: house.engine.sip,
        voice: Some(&voice),
        transport: "u1",
        more: &["-m", "40", "-r", "20"],
    };
    let mut callers = super::Sipp::start(&house.engine.dir, &play);
    callers.finish();
    assert_eq!(callers.log().matches("OVER").count(), 40);
    wait_until("each call is recorded", SOON, || house.engine.records().len() == 40);
    let (gone, taken) =
        (callers.messages().matches("SIP/2.0 487").count(), callers.messages().matches("\nBYE ").count());
    assert!(gone + taken >= 40, "{gone} cancelled in time, {taken} answered before");
    house.engine.quiet();
}

// ---- helpers -----------------------------------------------------------------------------------------------------

/// The messages that SIPp has received, out of what it wrote down.
fn received(messages: &str) -> Vec<String> {
    let parts = messages.split("-----------------------------------------------");
    let ours = parts.filter(|part| part.lines().nth(1).is_some_and(|line| line.contains("message received")));
    ours.filter_map(|part| Some(part.split_once(":\n\n")?.1.replace('\r', ""))).collect()
}

fn line(message: &str, name: &str) -> String {
    let wanted = format!("{}:", name.to_ascii_lowercase());
    let lines = message.lines().take_while(|line| !line.is_empty());
    lines.filter(|line| line.to_ascii_lowercase().starts_with(&wanted)).collect()
}

fn number(message: &str, name: &str) -> Option<u32> {
    line(message, name).split_whitespace().nth(1)?.parse().ok()
}
