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

/// The option tags we support.
pub(super) fn supported(config: &EndpointConfig) -> String {
    let offered: [(bool, &str); 3] =
        [(config.offer_100rel, "100rel"), (has_timer(config), "timer"), (config.transfer, "replaces, norefersub")];
    let tags: Vec<&str> = offered.iter().filter(|(on, _)| *on).map(|(_, tag)| *tag).collect();
    tags.join(", ")
}

/// Do we know this option tag in a request of this method?
pub(super) fn understands(config: &EndpointConfig, method: Method<'_>, tag: &[u8]) -> bool {
    let known: &[(bool, &str)] = match method {
        Method::Invite => &[(true, "100rel"), (has_timer(config), "timer"), (config.transfer, "replaces")],
        Method::Update => &[(true, "100rel"), (has_timer(config), "timer")],
        // Of the exchange it acknowledges (RFC 3262 §4).
        Method::Prack => &[(true, "100rel")],
        Method::Refer => &[(config.transfer, "norefersub")],
        Method::Register => &[(true, "path"), (true, "outbound")],
        _ => &[],
    };
    known.iter().any(|(on, name)| *on && tag.eq_ignore_ascii_case(name.as_bytes()))
}

fn has_timer(config: &EndpointConfig) -> bool {
    config.session_expires_s > 0
}

/// The answer to OPTIONS: what an INVITE would meet (RFC 3261 §11.2).
pub(super) fn reply(config: &EndpointConfig) -> Reply<'static> {
    let reply = Reply::new(200).contact().header("Accept", SDP);
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
        assert!(!supported(&off).contains("replaces") && supported(&on).contains("replaces"));
        let bare = EndpointConfig { offer_100rel: false, session_expires_s: 0, ..EndpointConfig::default() };
        assert!(supported(&bare).is_empty());
        assert_eq!(supported(&off), "100rel, timer");
        assert!(understands(&bare, Method::Invite, b"100rel"), "what is required is honoured, offered or not");
        assert!(!understands(&bare, Method::Invite, b"timer") && understands(&off, Method::Update, b"Timer"));
        assert!(!understands(&off, Method::Invite, b"replaces"));
        assert!(understands(&on, Method::Invite, b"Replaces") && !understands(&on, Method::Refer, b"replaces"));
    }
}
