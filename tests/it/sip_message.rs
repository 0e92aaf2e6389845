//! SIP messages: read, judged, compared with two other parsers, cut and mutated, written and read back.
#![expect(clippy::panic, reason = "a helper that cannot read its message names it")]

#[path = "sip_message/divergences.rs"]
mod divergences;
#[path = "sip_message/everyday.rs"]
mod everyday;
#[path = "sip_message/hostile.rs"]
mod hostile;
#[path = "sip_message/oracles.rs"]
mod oracles;
#[path = "sip_message/round_trip.rs"]
mod round_trip;
#[path = "sip_message/torture.rs"]
mod torture;

use std::fs;
use std::path::PathBuf;

use ecoute::sip::message::{Fault, Framing, Message, ParseError, validate};

/// The folder of the torture messages.
fn torture_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/torture")
}

/// The bytes of one message, by its name below the folder.
fn message_bytes(name: &str) -> Vec<u8> {
    fs::read(torture_folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every message of one folder, by name.
fn folder(name: &str) -> Vec<(String, Vec<u8>)> {
    let mut names: Vec<String> = fs::read_dir(torture_folder().join(name))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|file| file.ends_with(".dat"))
        .map(|file| format!("{name}/{file}"))
        .collect();
    names.sort();
    names.into_iter().map(|name| (name.clone(), message_bytes(&name))).collect()
}

/// The messages of NIST's collection, named `nist/<id>`.
fn nist() -> Vec<(String, Vec<u8>)> {
    let text = fs::read_to_string(torture_folder().join("nist-jsip/messages.jsonl")).expect("the collection");
    let mut messages = Vec::new();
    for line in text.lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("a case");
        if case["kind"] == "message" {
            let bytes = case["text"].as_str().expect("a text").as_bytes().to_vec();
            messages.push((format!("nist/{}", case["id"]), bytes));
        }
    }
    messages
}

/// All messages we have.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for name in ["rfc4475", "rfc5118", "everyday"] {
        all.extend(folder(name));
    }
    all.extend(nist());
    assert!(all.len() >= 49 + 1 + 12 + 20 + 374, "{} messages", all.len());
    all
}

/// What a user agent server makes of a datagram.
#[derive(Debug, PartialEq)]
enum Verdict {
    /// Served, or left to policy.
    Sound,
    /// Answered with this status.
    Refused(u16),
    /// Dropped without an answer.
    Dropped,
}

/// Reads and judges a datagram as the layer above would.
fn judge(bytes: &[u8]) -> Verdict {
    let answer = |answerable: bool, status: u16| if answerable { Verdict::Refused(status) } else { Verdict::Dropped };
    match Message::parse(bytes, Framing::Datagram) {
        Err(error) => answer(ParseError::is_answerable(error), error.status()),
        Ok(message) => match validate(&message) {
            Ok(()) => Verdict::Sound,
            Err(Fault { status, .. }) => answer(message.is_answerable(), status),
        },
    }
}

/// Asks a message for everything it has, so that no accessor goes untried.
fn read_everything(message: &Message<'_>) -> usize {
    let mut seen = message.headers().map(|header| header.name.as_bytes().len() + header.value.len()).sum::<usize>();
    seen += message.vias().map(|via| via.host.len() + via.received_ip().iter().count()).sum::<usize>();
    for address in message
        .from()
        .into_iter()
        .chain(message.to())
        .chain(message.contacts())
        .chain(message.route())
        .chain(message.record_route())
        .chain(message.p_asserted_identity())
    {
        seen += address.display_text().len() + address.tag().map_or(0, <[u8]>::len);
        if let Ok(uri) = address.parsed_uri() {
            seen += uri.params.iter().count() + uri.user_decoded().map_or(0, |user| user.len());
            seen += usize::from(uri.equivalent(&uri)) + usize::from(uri.host_ip().is_some());
        }
    }
    seen += message.authorization().chain(message.proxy_authorization()).filter_map(|d| d.nonce_count()).count();
    seen += message.www_authenticate().chain(message.proxy_authenticate()).filter(|c| c.offers_qop("auth")).count();
    seen += message.privacy().count() + message.require().count() + message.supported().count();
    seen += message.allow().count() + message.reason().count() + message.parts().count();
    seen += message.body_of_type("application/sdp").map_or(0, <[u8]>::len);
    for number in [
        message.expires(),
        message.min_expires(),
        message.retry_after(),
        message.min_se(),
        message.rseq(),
        message.max_forwards(),
        message.session_expires().map(|timer| timer.seconds),
        message.rack().map(|rack| rack.rseq),
        message.cseq().map(|(number, _)| number),
    ] {
        seen += usize::from(number.is_some());
    }
    seen += message.event().map_or(0, |(package, _)| package.len()) + message.call_id().map_or(0, <[u8]>::len);
    seen + format!("{message:?}").len()
}
