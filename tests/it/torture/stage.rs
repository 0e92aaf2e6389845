//! The engine that all messages of this folder are sent to, and the two who talk on it. The tests share it; the last one
//! ends it.
#![expect(clippy::panic, reason = "a verdict that is not the RFC's is shown with its message")]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::bad_things::Conversation;
use crate::engine::{listeners_of, own_address};
use crate::wire::raw::{ANSWER, Got, NOTHING, Peer};

/// A description that can be answered.
pub const SDP: &str = "v=0\no=- 7 7 IN IP4 {I}\ns=-\nc=IN IP4 {I}\nt=0 0\nm=audio 45000 RTP/AVP 8\n";

/// The engine, its address, and the conversation.
pub struct Stage {
    pub sip: SocketAddr,
    talk: Mutex<Conversation>,
}

/// The stage of all tests that run now.
pub fn stage() -> Arc<Stage> {
    static SHARED: Mutex<Weak<Stage>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let accounts = [("isere", "38"), ("ain", "01"), ("aisne", "02"), ("allier", "03"), ("rhone", "69")];
        let talk = Conversation::start("own-torture", |setup| setup.listeners(&listeners_of(&accounts)));
        let stage = Arc::new(Stage { sip: talk.engine.sip, talk: Mutex::new(talk) });
        *shared = Arc::downgrade(&stage);
        stage
    })
}

/// A message to send, and who sends it.
pub struct Letter {
    pub peer: Peer,
    pub bytes: Vec<u8>,
}

impl Stage {
    /// Fills in a text: `{E}` the engine's address and port, `{H}` its address, `{M}` and `{I}` ours, `{N}` a number never
    /// used before, `{L}` the length of the body. Lines end in LF here and in CR LF on the wire.
    pub fn letter(&self, text: impl AsRef<[u8]>) -> Letter {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let peer = Peer::new(own_address(), self.sip);
        let mut bytes = Vec::new();
        for byte in text.as_ref() {
            if *byte == b'\n' && bytes.last() != Some(&b'\r') {
                bytes.push(b'\r');
            }
            bytes.push(*byte);
        }
        let nth = NEXT.fetch_add(1, Ordering::Relaxed);
        for (word, value) in [
            ("{E}", self.sip.to_string()),
            ("{H}", self.sip.ip().to_string()),
            ("{M}", peer.local().to_string()),
            ("{I}", peer.local().ip().to_string()),
            ("{N}", nth.to_string()),
        ] {
            bytes = replace(&bytes, word, &value);
        }
        let before = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let body = find(&bytes[before..], b"\r\n\r\n").map_or(0, |at| bytes.len() - before - at - 4);
        Letter { peer, bytes: replace(&bytes, "{L}", &body.to_string()) }
    }

    /// Sends the message; it must be answered with one of these statuses.
    pub fn answered(&self, text: impl AsRef<[u8]>, statuses: &[u16]) -> Got {
        let letter = self.letter(text);
        letter.peer.send(&letter.bytes);
        let got = letter.peer.receive_where(ANSWER, |got| got.status() >= 200);
        let got = got.unwrap_or_else(|| panic!("no answer to {}", shown(&letter.bytes)));
        assert!(
            statuses.contains(&got.status()),
            "{statuses:?} was right for\n{}\nand not\n{got:?}",
            shown(&letter.bytes)
        );
        if letter.bytes.trim_ascii_start().starts_with(b"INVITE") && got.status() >= 300 {
            letter.peer.send(ack(&got, &self.sip.to_string()));
        }
        self.goes_on();
        got
    }

    /// Sends the message; it must be answered 400 with these words in the reason.
    pub fn refused(&self, text: impl AsRef<[u8]>, why: &str) -> Got {
        let got = self.answered(text, &[400]);
        let line = got.0.lines().next().unwrap_or_default().to_ascii_lowercase();
        assert!(line.contains(&why.to_ascii_lowercase()), "`{why}` is not in `{line}`");
        got
    }

    /// Sends the message; nothing may come back.
    pub fn dropped(&self, text: impl AsRef<[u8]>) {
        let letter = self.letter(text);
        letter.peer.send(&letter.bytes);
        let got = letter.peer.receive(NOTHING);
        assert!(got.is_none(), "{} was answered: {got:?}", shown(&letter.bytes));
        self.goes_on();
    }

    /// Sends an INVITE that must be served: answered 200, acknowledged, and hung up. Returns the 200.
    pub fn served(&self, text: impl AsRef<[u8]>) -> Got {
        let letter = self.letter(text);
        letter.peer.send(&letter.bytes);
        let got = letter.peer.receive_where(ANSWER, |got| got.status() >= 200);
        let got = got.unwrap_or_else(|| panic!("no answer to {}", shown(&letter.bytes)));
        assert_eq!(got.status(), 200, "to\n{}\ncame\n{got:?}", shown(&letter.bytes));
        let contact = got.header("Contact").and_then(|c| Some(c.split_once('<')?.1.split('>').next()?.to_owned()));
        let target = contact.expect("a 200 to INVITE has a Contact");
        letter.peer.send(inside(&got, "ACK", &target, 0, &letter.peer));
        letter.peer.send(inside(&got, "BYE", &target, 1, &letter.peer));
        let bye = letter.peer.receive_where(ANSWER, |got| got.header("CSeq").is_some_and(|cseq| cseq.ends_with("BYE")));
        assert_eq!(bye.map(|got| got.status()), Some(200), "the call is ended");
        self.goes_on();
        got
    }

    /// The next caller is served, and the two who talk hear each other.
    pub fn goes_on(&self) {
        assert!(Peer::is_served(self.sip), "the engine does not answer any more");
        self.talk.lock().unwrap_or_else(PoisonError::into_inner).goes_on();
    }
}

/// The ACK of a refusal: in the transaction of its INVITE.
fn ack(got: &Got, target: &str) -> String {
    let line = |name: &str| got.header(name).unwrap_or_default().to_owned();
    let number = line("CSeq").split(' ').next().unwrap_or("1").to_owned();
    format!(
        "ACK sip:{target} SIP/2.0\r\nVia: {}\r\nMax-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\n\
         CSeq: {number} ACK\r\nContent-Length: 0\r\n\r\n",
        line("Via"),
        line("From"),
        line("To"),
        line("Call-ID")
    )
}

/// A request of the caller's in the dialog that a 200 made.
fn inside(got: &Got, method: &str, target: &str, more: u32, peer: &Peer) -> String {
    let line = |name: &str| got.header(name).unwrap_or_default().to_owned();
    let number: u32 = line("CSeq").split(' ').next().and_then(|n| n.parse().ok()).expect("a CSeq");
    format!(
        "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bK{method}{}\r\nMax-Forwards: 70\r\nFrom: {}\r\n\
         To: {}\r\nCall-ID: {}\r\nCSeq: {} {method}\r\nContent-Length: 0\r\n\r\n",
        peer.local(),
        peer.local().port(),
        line("From"),
        line("To"),
        line("Call-ID"),
        number + more
    )
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn replace(bytes: &[u8], word: &str, value: &str) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), bytes);
    while let Some(at) = find(rest, word.as_bytes()) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(value.as_bytes());
        rest = &rest[at + word.len()..];
    }
    out.extend_from_slice(rest);
    out
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(1500)]).into_owned()
}
