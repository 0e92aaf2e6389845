//! A message that can be kept: by a transaction for its retransmissions, by a dialog, in a checkpoint.

use std::fmt;
use std::sync::Arc;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::index::Index;
use super::{Framing, Message, ParseError};

/// A message with its bytes. Cloning counts a reference; looking at it reads nothing again.
#[derive(Clone)]
pub struct OwnedMessage(Arc<Kept>);

struct Kept {
    bytes: Box<[u8]>,
    index: Index,
}

impl OwnedMessage {
    /// Keeps a copy of `message`.
    pub fn new(message: &Message<'_>) -> OwnedMessage {
        OwnedMessage(Arc::new(Kept { bytes: message.bytes.into(), index: message.index.clone() }))
    }

    /// Reads and keeps one message.
    pub fn parse(bytes: &[u8], framing: Framing) -> Result<OwnedMessage, ParseError> {
        Message::parse(bytes, framing).map(|message| OwnedMessage::new(&message))
    }

    /// The message.
    pub fn view(&self) -> Message<'_> {
        Message { bytes: &self.0.bytes, index: self.0.index.clone() }
    }

    /// Its bytes, as received.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0.bytes
    }
}

impl PartialEq for OwnedMessage {
    fn eq(&self, other: &OwnedMessage) -> bool {
        self.0.bytes == other.0.bytes
    }
}

impl Eq for OwnedMessage {}

impl fmt::Debug for OwnedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(f)
    }
}

impl Serialize for OwnedMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0.bytes)
    }
}

impl<'de> Deserialize<'de> for OwnedMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OwnedMessage, D::Error> {
        deserializer.deserialize_byte_buf(Bytes)
    }
}

struct Bytes;

impl<'de> Visitor<'de> for Bytes {
    type Value = OwnedMessage;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes of a SIP message")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<OwnedMessage, E> {
        let read = Message::parse(bytes, Framing::Datagram).or_else(|e| Message::salvage(bytes).ok_or(e));
        read.map(|message| OwnedMessage::new(&message)).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<OwnedMessage, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = seq.next_element()? {
            bytes.push(byte);
        }
        self.visit_bytes(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is kept looks like what was read, and survives being written down, Latin-1 included.
    #[test]
    fn kept_and_written_down() {
        let bytes = b"\r\nINVITE sip:b@h SIP/2.0\r\nFrom: H\xe9l\xe8ne <sip:a@h>\r\nContent-Length: 2\r\n\r\nabcd";
        let kept = OwnedMessage::parse(bytes, Framing::Datagram).expect("a message");
        assert_eq!((kept.view().body(), kept.view().header_count()), (b"ab".as_slice(), 2));
        let json = serde_json::to_string(&kept).expect("written");
        let back: OwnedMessage = serde_json::from_str(&json).expect("read back");
        assert_eq!(back, kept);
        assert_eq!(format!("{back:?}"), "Message(INVITE (7 bytes uri), 2 headers, 2 bytes body)");
    }
}
