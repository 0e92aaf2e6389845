//! Flows kept by the device itself: RFC 5626 as the registrar sees it. A phone numbers its flows (`reg-id`), keeps each open
//! by asking often enough, and is reached over another when one fails.

use super::super::Transport;
use super::super::message::{HeaderName, Message, NameAddr};

/// Flows kept of one device; when it opens one more, the oldest is forgotten.
pub(in crate::sip) const FLOWS_MAX: usize = 4;

/// How often a phone on such a flow is to say that it is there (RFC 5626 §4.4.1): a connection is watched by TCP as well;
/// what opens the way back for datagrams closes after half a minute in many homes.
pub(in crate::sip) const fn flow_timer_s(transport: Transport) -> u32 {
    match transport {
        Transport::Udp => 25,
        _ => 120,
    }
}

/// Can the first hop of this REGISTER keep a flow (§6)? We can, when it came from the phone itself; a proxy in between says
/// so by `ob` in the address it put into Path first.
pub(super) fn first_hop_can(message: &Message<'_>) -> bool {
    message.elements(HeaderName::Via).count() < 2 || by_edge_proxy(message)
}

fn by_edge_proxy(message: &Message<'_>) -> bool {
    let Some(first) = message.elements(HeaderName::Path).last() else { return false };
    let marked = |address: NameAddr<'_>| address.parsed_uri().is_ok_and(|uri| uri.params.has("ob"));
    NameAddr::parse(first).is_ok_and(marked)
}
