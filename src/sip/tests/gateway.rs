//! A gateway on a trunk whose messages the test writes by hand: it calls us, and it is called by us, under as many tags as
//! a proxy that forks would bring.

use super::network::Network;
use super::raw::{Phone, field, flow_of, server};
use crate::sip::{Command, EndpointConfig, Event, Flow, OutgoingInvite, SessionId, Target};

/// Where the gateway is.
pub(super) const TRUNK: &str = "198.51.100.7:5060";
/// What says that the body is a session description.
pub(super) const SDP: &str = "Content-Type: application/sdp\r\n";

/// A server that speaks with the gateway.
pub(super) fn trunk_server(change: impl FnOnce(&mut EndpointConfig)) -> Network {
    server(change)
}

/// A dialog of the gateway's as it begins.
pub(super) fn caller(net: &Network) -> Phone {
    Phone { flow: flow_of(net, TRUNK), ..Phone::new(net, "x", "call") }
}

/// The gateway calls, with these lines and this body.
pub(super) fn calls_in(net: &mut Network, lines: &str, body: &str) -> (Phone, SessionId) {
    let mut phone = caller(net);
    let kind = if body.is_empty() { "" } else { SDP };
    phone.send(net, "INVITE", &format!("{lines}{kind}"), body);
    let session = net.ends[0].called();
    (phone, session)
}

/// A call of the gateway's, answered and acknowledged. What we said is the latest message but the ACK.
pub(super) fn confirmed_in(net: &mut Network, lines: &str) -> (Phone, SessionId, String) {
    let (mut phone, session) = calls_in(net, lines, "offer");
    let answer = respond(net, session, 200, Some("answer")).remove(0);
    phone.learn(&answer);
    acks(net, &mut phone, 1, "");
    assert_eq!(net.ends[0].names().last(), Some(&"confirmed"));
    (phone, session, answer)
}

/// The gateway's ACK of its INVITE with this CSeq.
pub(super) fn acks(net: &mut Network, phone: &mut Phone, cseq: u32, body: &str) -> Vec<String> {
    let next = std::mem::replace(&mut phone.cseq, cseq - 1);
    let said = phone.send(net, "ACK", if body.is_empty() { "" } else { SDP }, body);
    phone.cseq = next;
    said
}

/// The owner's word to a call; what went out because of it.
pub(super) fn respond(net: &mut Network, session: SessionId, status: u16, sdp: Option<&str>) -> Vec<String> {
    let before = net.ladder.len();
    net.respond(0, session, status, sdp);
    since(net, before)
}

/// A command of the owner; what went out because of it.
pub(super) fn command(net: &mut Network, command: Command) -> Vec<String> {
    let before = net.ladder.len();
    net.command(0, command);
    since(net, before)
}

/// Lets time go by; what went out meanwhile.
pub(super) fn wait_ms(net: &mut Network, ms: u64) -> Vec<String> {
    let before = net.ladder.len();
    net.run_for_ms(ms);
    since(net, before)
}

/// Everything sent after the first `before` messages.
pub(super) fn since(net: &Network, before: usize) -> Vec<String> {
    net.ladder[before..].iter().map(|(_, _, text)| text.clone()).collect()
}

/// We call the gateway: the session and our INVITE.
pub(super) fn calls_out(
    net: &mut Network,
    sdp: Option<&str>,
    change: impl FnOnce(&mut OutgoingInvite),
) -> (SessionId, String) {
    let flow: Flow = flow_of(net, TRUNK);
    let session = net.call_with(0, 0, sdp, |invite| {
        invite.target = Target::Uri { uri: "sip:33199000111@198.51.100.7".into(), flow };
        change(invite);
    });
    (session, net.latest(0).to_owned())
}

/// A call to the gateway, answered by the fork `a`, whose answer has these lines.
pub(super) fn confirmed_out(net: &mut Network, lines: &str) -> (Phone, SessionId) {
    let (session, invite) = calls_out(net, Some("offer"), |_| {});
    say(net, &invite, "200 OK", "a", lines, "answer");
    assert_eq!(net.ends[0].names().last(), Some(&"answered"));
    (callee(net, &invite, "a"), session)
}

/// The gateway answers a request of ours, under `tag` when it begins a dialog; what we sent because of it.
pub(super) fn say(net: &mut Network, request: &str, status: &str, tag: &str, lines: &str, body: &str) -> Vec<String> {
    let mut text = format!("SIP/2.0 {status}\r\n");
    for name in ["Via", "From", "Call-ID", "CSeq"] {
        text.push_str(&format!("{name}: {}\r\n", field(request, name)));
    }
    let to = field(request, "To");
    let tagged = to.contains(";tag=") || tag.is_empty();
    text.push_str(&if tagged { format!("To: {to}\r\n") } else { format!("To: {to};tag={tag}\r\n") });
    if !lines.contains("Contact: ") {
        text.push_str(&format!("Contact: <sip:gateway@{TRUNK}>\r\n"));
    }
    text.push_str(lines);
    if !body.is_empty() {
        text.push_str(SDP);
    }
    text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    caller(net).push(net, &text)
}

/// The gateway's own side of the dialog that our INVITE began with the fork `tag`.
pub(super) fn callee(net: &Network, invite: &str, tag: &str) -> Phone {
    let ours = field(invite, "From").split(";tag=").nth(1).expect("our tag").to_owned();
    Phone { call_id: field(invite, "Call-ID").to_owned(), tag: tag.to_owned(), to_tag: ours, ..caller(net) }
}

/// The body of a message.
pub(super) fn body(text: &str) -> &str {
    text.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// The method of a request of ours with its CSeq.
pub(super) fn cseq(text: &str) -> &str {
    field(text, "CSeq")
}

/// The session descriptions the owner heard, with the event they came in.
pub(super) fn heard(net: &Network) -> Vec<(&'static str, String)> {
    let text = |sdp: &[u8]| String::from_utf8_lossy(sdp).into_owned();
    net.ends[0]
        .events
        .iter()
        .filter_map(|(_, event)| {
            let sdp = match event {
                Event::Progress { sdp, .. }
                | Event::Answered { sdp, .. }
                | Event::Confirmed { sdp, .. }
                | Event::Reoffer { sdp, .. }
                | Event::Reanswered { sdp, .. }
                | Event::ReofferConfirmed { sdp, .. } => sdp.as_deref()?,
                Event::EarlyOffer { sdp, .. } | Event::EarlyAnswer { sdp, .. } => sdp,
                _ => return None,
            };
            Some((event.name(), text(sdp)))
        })
        .collect()
}

/// The gateway answers a BYE, and nothing may be left.
pub(super) fn assert_ends(net: &mut Network, session: SessionId, context: &str) {
    let said = command(net, Command::Hangup { session, reason: None });
    assert!(said.len() == 1 && said[0].starts_with("BYE "), "{context}: {said:?}");
    say(net, &said[0], "200 OK", "", "", "");
    net.run_dry();
    net.assert_settled(context);
}
