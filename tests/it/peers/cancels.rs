//! CANCEL, from either side, at the awkward moments.

use std::time::Duration;

use super::House;
use crate::engine::{SOON, pause, wait_until};
use crate::wire::raw::{ANSWER, Got, OFFER, Peer};

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
    for header in ["Via", "From", "To", "Call-ID"] {
        assert_eq!(line(&invite, header), line(&cancel, header), "{header}");
    }
    assert!(!line(&cancel, "To").contains("tag="), "{cancel}");
    assert_eq!(number(&invite, "CSeq"), number(&cancel, "CSeq"));
    assert!(line(&cancel, "Require").is_empty() && line(&cancel, "Proxy-Require").is_empty(), "{cancel}");
    assert_eq!(invite.split(' ').nth(1), cancel.split(' ').nth(1), "the Request-URI");
    house.abandoned();
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
    house.abandoned();
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
    house.abandoned();
}

/// Forty callers whose CANCEL comes 0 to 7.8 ms after the INVITE, before the answer, with it and after it: each CANCEL and each
/// INVITE gets its answer, there is one record a call, and nothing is left of any.
#[test]
fn b075_b076_cancels_that_race_the_answer() {
    let house = House::new("races");
    let peer = Peer::new(house.callers, house.engine.sip);
    let (mut gone, mut taken) = (0, 0);
    for nth in 0..40 {
        let mut call = peer.exchange("3977");
        peer.send(peer.request(&call, "INVITE", "", OFFER));
        pause(Duration::from_micros(200 * nth));
        peer.send(peer.request(&call, "CANCEL", "", ""));
        let mut finals: Vec<Got> = Vec::new();
        let of = |finals: &[Got], method: &str| {
            finals.iter().find(|got| got.header("CSeq").is_some_and(|cseq| cseq.ends_with(method))).cloned()
        };
        while of(&finals, "INVITE").is_none() || of(&finals, "CANCEL").is_none() {
            let ours = |got: &Got| got.status() >= 200 && got.header("Call-ID") == Some(&*call.call_id);
            finals.push(peer.receive_where(ANSWER, ours).unwrap_or_else(|| panic!("call {nth}: only {finals:?}")));
        }
        let (invite, cancel) = (of(&finals, "INVITE").expect("found"), of(&finals, "CANCEL").expect("found"));
        assert_eq!(cancel.status(), 200, "call {nth}: {cancel:?}");
        call.learn(&invite);
        match invite.status() {
            487 => {
                gone += 1;
                peer.send(peer.request(&call, "ACK", "", ""));
            }
            200 => {
                taken += 1;
                peer.acknowledge(&call, "");
                assert_eq!(peer.bye(&mut call).status(), 200, "call {nth}");
            }
            other => panic!("call {nth}: {other}"),
        }
    }
    println!("{gone} cancelled in time, {taken} answered before");
    wait_until("each call is recorded", SOON, || house.engine.records().len() == 40);
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
