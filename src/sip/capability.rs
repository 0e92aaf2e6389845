//! What we say we can do: the values of Allow, Supported and Allow-Events, and the option tags a peer may require of us.
//!
//! Written once, so that an OPTIONS, a 405, a 200 and an INVITE of ours never contradict each other (RFC 3261 §11.2,
//! §8.2.1, §8.2.2.3). What is switched off in the settings is not offered.

use super::EndpointConfig;
use super::message::Method;
use super::wire::{ALLOW, Reply, SDP};

/// The event packages we serve (RFC 3842, RFC 4235).
pub(super) const ALLOW_EVENTS: &str = "message-summary, dialog";

/// The methods we take.
pub(super) fn allow(config: &EndpointConfig) -> String {
    let mut methods = ALLOW.to_owned();
    if config.transfer {
        methods.push_str(", REFER");
    }
    if config.registrar {
        methods.push_str(", SUBSCRIBE, REGISTER");
    }
    methods
}

/// The option tags of transfer we support; empty when it is off.
pub(super) fn supported(config: &EndpointConfig) -> &'static str {
    if config.transfer { "replaces, norefersub" } else { "" }
}

/// Do we know this option tag in a request of this method, as far as transfer is concerned?
pub(super) fn understands(config: &EndpointConfig, method: Method<'_>, tag: &[u8]) -> bool {
    let known: &[u8] = match method {
        Method::Invite => b"replaces",
        Method::Refer => b"norefersub",
        _ => return false,
    };
    config.transfer && tag.eq_ignore_ascii_case(known)
}

/// The answer to OPTIONS: what an INVITE would meet (RFC 3261 §11.2).
pub(super) fn reply(config: &EndpointConfig) -> Reply<'static> {
    let reply = Reply::new(200).allow().header("Accept", SDP).header("Supported", supported(config));
    if config.registrar { reply.header("Allow-Events", ALLOW_EVENTS) } else { reply }
}

/// The answer to a method we do not take: 405 when it is one of SIP's, 501 when we never heard of it (§8.2.1, §21.5.2).
pub(super) fn refusal(method: Method<'_>) -> Reply<'static> {
    Reply::new(if matches!(method, Method::Other(_)) { 501 } else { 405 }).allow()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Transfer is off unless it is switched on, and what is off is neither offered nor understood.
    #[test]
    fn what_is_off_is_not_offered() {
        let off = EndpointConfig::default();
        let on = EndpointConfig { transfer: true, ..EndpointConfig::default() };
        assert!(!allow(&off).contains("REFER") && allow(&on).contains("REFER"));
        assert!(allow(&off).contains("REGISTER"));
        assert!(supported(&off).is_empty() && supported(&on).contains("replaces"));
        assert!(!understands(&off, Method::Invite, b"replaces"));
        assert!(understands(&on, Method::Invite, b"Replaces") && !understands(&on, Method::Refer, b"replaces"));
    }
}
