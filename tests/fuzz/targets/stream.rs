//! A connection: the same bytes give the same messages, however they are cut on their way (RFC 3261 §18.3).

use ecoute::sip::message::{Frame, Framing, Message, next_frame};

use super::Feed;

/// The first byte says how many cuts follow, two bytes each; the rest is the stream.
pub fn stream(data: &[u8]) {
    let mut feed = Feed(data);
    let count = feed.below(16);
    let cuts: Vec<usize> = (0..count).map(|_| usize::from(feed.byte()) << 8 | usize::from(feed.byte())).collect();
    let bytes = feed.0;
    let whole = read(&[bytes]);
    let mut places: Vec<usize> = cuts.into_iter().map(|cut| cut % (bytes.len() + 1)).collect();
    places.sort_unstable();
    let mut pieces = Vec::new();
    let mut from = 0;
    for at in places {
        pieces.push(&bytes[from..at]);
        from = at;
    }
    pieces.push(&bytes[from..]);
    assert!(whole == read(&pieces), "cuts change nothing");
    if bytes.len() <= 600 {
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert!(whole == read(&single), "byte by byte");
    }
}

/// The messages, and whether the stream broke behind them.
fn read(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, bool) {
    let (mut buffer, mut messages) = (Vec::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match next_frame(&buffer) {
                Frame::Incomplete => break,
                Frame::KeepAlive { bytes, .. } => {
                    assert!(bytes > 0 && buffer[..bytes].iter().all(|b| matches!(b, b'\r' | b'\n')));
                    buffer.drain(..bytes);
                }
                Frame::Message { bytes } => {
                    assert!(bytes > 0);
                    let message = Message::parse(&buffer[..bytes], Framing::Stream).expect("what was framed is read");
                    messages.push(message.as_bytes().to_vec());
                    buffer.drain(..bytes);
                }
                Frame::Broken(error) => {
                    assert_eq!(error.is_answerable(), Message::salvage(&buffer).is_some());
                    return (messages, true);
                }
            }
        }
    }
    (messages, false)
}
