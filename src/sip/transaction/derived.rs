//! The two requests that are made from an INVITE's own bytes: the ACK of a refusal (§17.1.1.3) and the CANCEL (§9.1).
//! Same Request-URI, top Via, From, Call-ID, CSeq number and Route; the ACK takes To from the response.

use super::super::message::{Framing, HeaderName, Message, MessageWriter, Method};
use super::super::{Bytes, Reason};
use super::ClientKey;

/// The ACK for a final response other than 2xx.
pub(in crate::sip) fn ack_for(invite: &[u8], response: &Message<'_>) -> Option<Bytes> {
    let invite = Message::parse(invite, Framing::Datagram).ok()?;
    let mut writer = begin(&invite, Method::Ack)?;
    writer.copy(response, HeaderName::To);
    Some(finish(&mut writer, &invite, Method::Ack)?.finish().into())
}

/// The CANCEL of an INVITE of ours, and its key.
pub(in crate::sip) fn cancel_for(invite: &[u8], reason: Option<Reason>) -> Option<(Bytes, ClientKey)> {
    let invite = Message::parse(invite, Framing::Datagram).ok()?;
    let key = ClientKey::new(invite.via()?.branch?, Method::Cancel);
    let mut writer = begin(&invite, Method::Cancel)?;
    writer.copy(&invite, HeaderName::To);
    finish(&mut writer, &invite, Method::Cancel)?;
    if let Some(reason) = reason {
        writer.header(HeaderName::Reason, reason.to_value().as_bytes());
    }
    Some((writer.finish().into(), key))
}

fn begin(invite: &Message<'_>, method: Method<'_>) -> Option<MessageWriter> {
    let mut writer = MessageWriter::request(method, invite.request_uri()?);
    writer.copy(invite, HeaderName::Via).max_forwards(70).copy(invite, HeaderName::Route);
    writer.copy(invite, HeaderName::From);
    Some(writer)
}

fn finish<'w>(
    writer: &'w mut MessageWriter,
    invite: &Message<'_>,
    method: Method<'_>,
) -> Option<&'w mut MessageWriter> {
    Some(writer.copy(invite, HeaderName::CallId).cseq(invite.cseq()?.0, method))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITE: &str = "INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP me:5060;rport;branch=z9hG4bKx\r\n\
        Max-Forwards: 70\r\nRoute: <sip:p1;lr>\r\nRoute: <sip:p2;lr>\r\nFrom: \"A\" <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n\
        Call-ID: c\r\nCSeq: 7 INVITE\r\nRequire: x\r\nContact: <sip:a@me>\r\nContent-Length: 0\r\n\r\n";

    /// Both as the RFC wants them, line by line; neither carries Require or Contact.
    #[test]
    fn b047_b080_golden() {
        let response = "SIP/2.0 486 Busy Here\r\nVia: SIP/2.0/UDP me:5060;branch=z9hG4bKx;received=1.2.3.4\r\n\
            From: \"A\" <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=zz\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\n\r\n";
        let response = Message::parse(response.as_bytes(), Framing::Datagram).expect("readable");
        let ack = ack_for(INVITE.as_bytes(), &response).expect("built");
        let same = "sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP me:5060;rport;branch=z9hG4bKx\r\nMax-Forwards: 70\r\n\
            Route: <sip:p1;lr>\r\nRoute: <sip:p2;lr>\r\nFrom: \"A\" <sip:a@h>;tag=1\r\n";
        let expected =
            format!("ACK {same}To: <sip:b@h>;tag=zz\r\nCall-ID: c\r\nCSeq: 7 ACK\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(String::from_utf8_lossy(&ack), expected);
        let (cancel, key) = cancel_for(INVITE.as_bytes(), Some(Reason::COMPLETED_ELSEWHERE)).expect("built");
        let expected = format!(
            "CANCEL {same}To: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 7 CANCEL\r\n\
             Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\nContent-Length: 0\r\n\r\n"
        );
        assert_eq!(String::from_utf8_lossy(&cancel), expected);
        assert_eq!(key, ClientKey::new(b"z9hG4bKx", Method::Cancel));
    }
}
