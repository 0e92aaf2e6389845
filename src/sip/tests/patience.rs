//! What a caller of trunks must learn of a call that fails: soon, that a peer says nothing; and what a refusal asks for.

use std::sync::Arc;
use std::time::Duration;

use super::network::{Faults, Network};
use crate::sip::{Cause, CauseKind, Command, Event, Headers, Network as Range, Peers, SessionId, Trust};

/// When, with what status and cause, when again, and where else.
type Refusal = (u64, u16, Cause, Option<u32>, Option<String>);

fn rejected(net: &Network) -> Option<Refusal> {
    net.ends[0].events.iter().find_map(|(at, event)| match event {
        Event::Rejected { status, cause, retry_after_s, moved_to, .. } => {
            Some((*at, *status, *cause, *retry_after_s, moved_to.as_ref().map(|to| to.reveal().to_owned())))
        }
        _ => None,
    })
}

fn patient(net: &mut Network, seconds: u64) -> SessionId {
    net.call_with(0, 1, Some("offer"), |invite| invite.patience = Some(Duration::from_secs(seconds)))
}

/// A peer that says nothing at all is given up long before Timer B, so that the next can be tried; nothing is left.
#[test]
fn b208_p069_a_peer_that_says_nothing_is_given_up_soon() {
    let mut net = Network::new(81, 2, Faults { loss_percent: 100, ..Faults::NONE });
    patient(&mut net, 4);
    net.run_dry();
    let (at, status, cause, ..) = rejected(&net).expect("told");
    assert_eq!((at, status, cause.kind), (1000 + 4000, 408, CauseKind::Timeout));
    assert_eq!(net.sent(0, "CANCEL"), 0, "no CANCEL before a provisional response");
    net.assert_settled("silence");
}

/// One 100 Trying is a sign of life: the call may ring for as long as it was going to.
#[test]
fn b208_a_peer_that_says_anything_is_waited_for() {
    let mut net = Network::new(82, 2, Faults::NONE);
    patient(&mut net, 4);
    net.run_for_ms(30_000);
    assert!(rejected(&net).is_none());
    let theirs = net.ends[1].called();
    net.respond(1, theirs, 200, Some("answer"));
    net.run_for_ms(50);
    assert_eq!(net.ends[0].names(), ["answered"]);
}

/// A peer that answers after it was given up leaves nobody in an empty call: ACK and BYE.
#[test]
fn b078_an_answer_after_we_lost_patience_is_hung_up() {
    let mut net = Network::new(83, 2, Faults::NONE);
    net.filter = Some(Box::new(|from, text| from == 1 && !text.starts_with("SIP/2.0 200")));
    patient(&mut net, 4);
    net.run_for_ms(5000);
    assert!(rejected(&net).is_some());
    let theirs = net.ends[1].called();
    net.respond(1, theirs, 200, Some("answer"));
    net.filter = None;
    net.run_dry();
    assert_eq!((net.sent(0, "ACK"), net.sent(0, "BYE")), (1, 1));
    net.assert_settled("late");
}

/// A refusal tells when to try again, and a 3xx where else.
#[test]
fn b074_b208_what_a_refusal_asks_for() {
    for (status, retry_after_s, contact) in
        [(503, Some(7), None), (486, None, None), (302, None, Some("sip:+33199000113@10.0.0.9:5070"))]
    {
        let mut net = Network::new(84, 2, Faults::NONE);
        patient(&mut net, 4);
        net.run_for_ms(50);
        let session = net.ends[1].called();
        let mut headers = Headers::none();
        if let Some(contact) = contact {
            headers.push("Contact", format!("<{contact}>;q=1"));
        }
        net.command(1, Command::Respond { session, status, reason: None, sdp: None, retry_after_s, headers });
        net.run_dry();
        let told = rejected(&net).expect("told");
        assert_eq!((told.1, told.3, told.4.as_deref()), (status, retry_after_s, contact));
        net.assert_settled("refused");
    }
}

/// Whose calls are believed changes at a word, without a restart, and what is under way goes on.
#[test]
fn peers_change_under_way() {
    let mut net = Network::new(85, 2, Faults::NONE);
    let one = Range { addr: net.ends[0].addr.ip(), prefix: 32 };
    let peers = |trunk| Command::Peers(Arc::new(Peers::new([(one, trunk)])));
    let trusts = |net: &Network| -> Vec<Trust> {
        let invites = net.ends[1].events.iter().filter_map(|(_, event)| match event {
            Event::Invite { invite, .. } => Some(invite.trust.clone()),
            _ => None,
        });
        invites.collect()
    };
    net.command(1, peers(7));
    net.established();
    assert_eq!(trusts(&net), [Trust::Trunk(7)]);
    net.command(1, peers(9));
    net.call(Some("offer"));
    net.run_for_ms(50);
    assert_eq!(trusts(&net), [Trust::Trunk(7), Trust::Trunk(9)]);
    net.command(1, Command::Peers(Arc::default()));
    net.call(Some("offer"));
    net.run_for_ms(50);
    assert_eq!(trusts(&net).last(), Some(&Trust::Nobody));
    assert!(net.ends[0].names().iter().all(|name| *name == "answered"), "{:?}", net.ends[0].names());
}
