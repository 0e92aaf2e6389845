//! One datagram, and one frame of a stream: read, judged, kept, answered.

use ecoute::sip::message::{Frame, Framing, HeaderName, Message, MessageWriter, NameAddr, Uri, next_frame, validate};

/// Reads `data` in every way, asks for everything, and answers what can be answered.
pub fn message(data: &[u8]) {
    for framing in [Framing::Datagram, Framing::Stream] {
        match Message::parse(data, framing) {
            Ok(message) => {
                look(&message);
                again(&message, framing);
                promised(&message);
                answer(&message);
            }
            Err(error) => {
                let salvaged = Message::salvage(data);
                assert_eq!(error.is_answerable(), salvaged.is_some(), "an error says truly whether it can be answered");
                if let Some(message) = salvaged {
                    look(&message);
                    answer(&message);
                }
            }
        }
    }
    if let Frame::Message { bytes } = next_frame(data) {
        let message = Message::parse(&data[..bytes], Framing::Stream).expect("what was framed can be read");
        assert_eq!(message.as_bytes().len(), bytes, "a frame is one message");
    }
}

/// Everything a message may be asked for.
fn look(message: &Message<'_>) {
    for address in [message.from(), message.to()].into_iter().flatten().chain(message.contacts()) {
        address_holds(&address);
    }
    let lists = message.route().chain(message.record_route()).chain(message.p_asserted_identity());
    lists.for_each(|address| address_holds(&address));
    for via in message.vias() {
        assert!(!via.host.is_empty() && !via.transport.is_empty());
        let _ = (via.host_ip(), via.received_ip(), via.has_rfc3261_branch());
    }
    if let (Some(a), Some(b)) = (message.from(), message.contact())
        && let (Ok(a), Ok(b)) = (a.parsed_uri(), b.parsed_uri())
    {
        assert_eq!(a.equivalent(&b), b.equivalent(&a), "two URIs are equal both ways, or neither");
    }
    let digests = message.authorization().chain(message.proxy_authorization());
    let _ = digests.filter_map(|digest| digest.nonce_count()).count();
    let challenges = message.www_authenticate().chain(message.proxy_authenticate());
    let _ = challenges.filter(|challenge| challenge.offers_qop("auth")).count();
    let _ = (message.expires(), message.min_expires(), message.retry_after(), message.session_expires());
    let _ = (message.min_se(), message.rseq(), message.rack(), message.max_forwards(), message.event());
    let _ = (message.wants_privacy(), message.reason().count(), message.allow().count());
    let _ = (message.require().count(), message.supports("100rel"), message.content_type());
    let parts: usize = message.parts().map(|part| part.body.len()).sum();
    assert!(parts <= message.body().len(), "parts lie in the body, one behind the other");
    let _ = format!("{message:?}");
}

fn address_holds(address: &NameAddr<'_>) {
    assert!(!address.uri.is_empty());
    assert!(!address.display_text().contains(char::is_control), "no name breaks a line of ours");
    if let Ok(uri) = address.parsed_uri() {
        assert!(uri.equivalent(&uri), "a URI is itself");
        let mut room = [0; 64];
        if let Some(short) = uri.user_unescaped(&mut room) {
            assert_eq!(uri.user_decoded().as_deref(), Some(short));
        }
        let _ = (uri.host_ip(), uri.transport(), uri.maddr(), uri.is_loose_router(), uri.params.iter().count());
    }
}

/// What was read reads the same when read again, and when kept.
fn again(message: &Message<'_>, framing: Framing) {
    let twice = Message::parse(message.as_bytes(), framing).expect("a message is one without what stood around it");
    assert_eq!(twice.header_count(), message.header_count());
    assert_eq!(twice.body(), message.body());
    assert!(twice.start() == message.start());
    let kept = message.to_owned();
    let view = kept.view();
    assert_eq!((view.as_bytes(), view.header_count()), (message.as_bytes(), message.header_count()));
    assert!(view.headers().eq(message.headers()));
}

/// What `validate` lets pass has what everybody relies on.
fn promised(message: &Message<'_>) {
    if validate(message).is_err() {
        return;
    }
    assert!(message.via().is_some() && message.from().is_some() && message.to().is_some());
    assert!(message.call_id().is_some() && message.cseq().is_some_and(|(number, _)| number < 1 << 31));
    if let Some(uri) = message.request_uri() {
        assert!(Uri::parse(uri).is_ok());
        assert_eq!(message.cseq().map(|(_, method)| method), message.method());
        assert!(message.is_answerable() || message.method().is_some_and(|method| method.as_bytes() == b"ACK"));
    }
}

/// An answer is one message, holds what it must repeat, and nothing that the peer wrote became a header of its own.
fn answer(request: &Message<'_>) {
    if !request.is_answerable() {
        return;
    }
    let source = "198.51.100.7:5060".parse().ok();
    for code in [100, 180, 400] {
        let bytes = MessageWriter::response_to(request, code, Some(b"t"), source).finish();
        let response = Message::parse(&bytes, Framing::Stream).expect("our own answer can be read");
        assert_eq!((response.status(), response.as_bytes().len()), (Some(code), bytes.len()));
        let ours = |name: HeaderName<'_>| {
            matches!(
                name,
                HeaderName::Via
                    | HeaderName::From
                    | HeaderName::To
                    | HeaderName::CallId
                    | HeaderName::CSeq
                    | HeaderName::RecordRoute
                    | HeaderName::Timestamp
                    | HeaderName::ContentLength
            )
        };
        assert!(response.headers().all(|header| ours(header.name)), "nothing of the peer's became a header");
        assert!(!bytes.windows(2).any(|pair| pair[1] == b'\n' && pair[0] != b'\r'), "lines end as they should");
        let branch = |message: &Message<'_>| message.via().and_then(|via| via.branch.map(<[u8]>::to_vec));
        // What no value may hold is not written back: whoever wrote it there cannot match the answer, and we forge no line.
        let unwritable = |byte: &u8| matches!(byte, 0..=8 | 11 | 12 | 14..=31 | 127);
        let mut vias = request.headers().filter(|header| header.name == HeaderName::Via);
        if request.via().is_some() && !vias.any(|via| via.value.iter().any(unwritable)) {
            assert_eq!(branch(&response), branch(request).map(|b| ecoute::sip::message::unfold(&b).into_owned()));
        }
    }
}
