//! Matching: which transaction a message belongs to (RFC 3261 §17.1.3 and §17.2.3, with the old rules for peers of RFC
//! 2543, whose branch has no cookie).

use super::super::message::{HeaderName, Message, Method};
use super::super::reading;

/// What a response is matched by: the branch of our Via, and the method of CSeq.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sip) struct ClientKey {
    branch: Vec<u8>,
    method: Vec<u8>,
}

impl ClientKey {
    /// The key of a request of ours.
    pub fn new(branch: &[u8], method: Method<'_>) -> ClientKey {
        ClientKey { branch: branch.to_vec(), method: method.as_bytes().to_vec() }
    }

    /// The key a response asks for.
    pub fn of_response(message: &Message<'_>) -> Option<ClientKey> {
        let branch = message.via()?.branch?;
        let (_, method) = message.cseq()?;
        Some(ClientKey::new(branch, method))
    }

    /// Is it an INVITE's?
    pub fn is_invite(&self) -> bool {
        self.method == b"INVITE"
    }
}

/// What a request is matched by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sip) struct ServerKey {
    id: Vec<u8>,
    method: Vec<u8>,
}

impl ServerKey {
    /// The key of a request of the peer. An ACK has its INVITE's.
    pub fn of_request(message: &Message<'_>) -> Option<ServerKey> {
        let method = match message.method()? {
            Method::Ack => Method::Invite,
            other => other,
        };
        let via = message.via()?;
        let mut id = Vec::with_capacity(96);
        let mut add = |part: &[u8]| {
            id.extend_from_slice(part);
            id.push(0);
        };
        if via.has_rfc3261_branch() {
            add(via.branch?);
            add(&via.host.to_ascii_lowercase());
            add(&via.port.unwrap_or(0).to_be_bytes());
        } else {
            // The To tag of an ACK is the response's, so it cannot count here.
            add(b"2543");
            add(message.request_uri()?);
            add(reading::from_tag(message).unwrap_or_default());
            add(message.call_id()?);
            add(&message.cseq()?.0.to_be_bytes());
            add(message.elements(HeaderName::Via).next()?);
        }
        Some(ServerKey { id, method: method.as_bytes().to_vec() })
    }

    /// The key of the INVITE a CANCEL with this key means.
    pub fn of_invite(&self) -> ServerKey {
        ServerKey { id: self.id.clone(), method: b"INVITE".to_vec() }
    }

    /// Is it an INVITE's?
    pub fn is_invite(&self) -> bool {
        self.method == b"INVITE"
    }
}

/// What tells that two requests with different branches are the same request, forked on its way (§8.2.2.2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sip) struct MergeKey {
    call_id: Vec<u8>,
    from_tag: Vec<u8>,
    cseq: u32,
    method: Vec<u8>,
}

impl MergeKey {
    /// The key of a request without To tag and with a From tag; others are never merged.
    pub fn of_request(message: &Message<'_>) -> Option<MergeKey> {
        if reading::to_tag(message).is_some() {
            return None;
        }
        let (cseq, method) = message.cseq()?;
        Some(MergeKey {
            call_id: message.call_id()?.to_vec(),
            from_tag: reading::from_tag(message)?.to_vec(),
            cseq,
            method: method.as_bytes().to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::message::Framing;
    use super::*;

    fn key(method: &str, via: &str) -> ServerKey {
        let text = format!(
            "{method} sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP {via}\r\nFrom: <sip:c@d>;tag=1\r\nTo: <sip:a@b>\r\n\
             Call-ID: x\r\nCSeq: 5 {method}\r\n\r\n"
        );
        let message = Message::parse(text.as_bytes(), Framing::Datagram).expect("readable");
        ServerKey::of_request(&message).expect("complete")
    }

    /// Branch, sent-by and method make the key; the ACK belongs to its INVITE, the CANCEL points at it.
    #[test]
    fn b046_server_keys() {
        let invite = key("INVITE", "h:1;branch=z9hG4bKa");
        assert_eq!(invite, key("INVITE", "H:1;branch=z9hG4bKa;rport"));
        assert_ne!(invite, key("INVITE", "h:2;branch=z9hG4bKa"), "another sent-by");
        assert_ne!(invite, key("INVITE", "h:1;branch=z9hG4bKb"), "another branch");
        assert_eq!(invite, key("ACK", "h:1;branch=z9hG4bKa"));
        assert_ne!(invite, key("CANCEL", "h:1;branch=z9hG4bKa"));
        assert_eq!(invite, key("CANCEL", "h:1;branch=z9hG4bKa").of_invite());
    }

    /// Without the cookie the whole request counts, and ACK and CANCEL still find their INVITE.
    #[test]
    fn b045_old_peers() {
        let invite = key("INVITE", "h:1;branch=1");
        assert_eq!(invite, key("INVITE", "h:1;branch=1"));
        assert_eq!(invite, key("ACK", "h:1;branch=1"));
        assert_eq!(invite, key("CANCEL", "h:1;branch=1").of_invite());
        assert_ne!(invite, key("INVITE", "h:1"));
    }
}
