//! What it costs to read a trunk's INVITE of 1.3 kB, to judge it, and to write the answer: nanoseconds, best and middle of
//! 60 batches. `cargo bench --bench sip_message`.
#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
#![expect(clippy::print_stdout, reason = "the figures are for the person who asked")]

use std::hint::black_box;
use std::time::Instant;

use ecoute::sip::message::{Framing, Message, MessageWriter, OwnedMessage, validate};

fn main() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/torture/everyday/01-trunk-invite.dat");
    let bytes = std::fs::read(path).expect("the INVITE is in the test data");
    let read = || Message::parse(black_box(&bytes), Framing::Datagram).expect("a sound INVITE");
    let message = read();
    let kept = OwnedMessage::new(&message);
    let source = "203.0.113.10:5060".parse().ok();
    println!("INVITE: {} bytes, {} header lines", bytes.len(), message.header_count());
    measure("parse", || read().header_count());
    measure("parse + typed Via From To Call-ID CSeq Contact", || {
        let m = read();
        let tags =
            m.from().and_then(|a| a.tag()).map_or(0, <[u8]>::len) + m.to().and_then(|a| a.tag()).map_or(0, <[u8]>::len);
        let via = m.via().and_then(|v| v.branch).map_or(0, <[u8]>::len);
        let contact = m.contact().and_then(|c| c.parsed_uri().ok()).map_or(0, |u| u.host.len());
        tags + via + contact + m.call_id().map_or(0, <[u8]>::len) + m.cseq().map_or(0, |(n, _)| n as usize)
    });
    measure("parse + validate", || usize::from(validate(&read()).is_ok()));
    measure("response_to(180)", || {
        MessageWriter::response_to(black_box(&message), 180, Some(b"t"), source).finish().len()
    });
    measure("OwnedMessage::new", || OwnedMessage::new(black_box(&message)).as_bytes().len());
    measure("OwnedMessage::view", || black_box(&kept).view().header_count());
}

fn measure(what: &str, mut work: impl FnMut() -> usize) {
    const ROUNDS: u32 = 5_000;
    let mut batches: Vec<u128> = (0..60)
        .map(|_| {
            let begun = Instant::now();
            for _ in 0..ROUNDS {
                black_box(work());
            }
            begun.elapsed().as_nanos() / u128::from(ROUNDS)
        })
        .collect();
    batches.sort_unstable();
    println!("{what:<50} best {:>5} ns, middle {:>5} ns", batches[0], batches[batches.len() / 2]);
}
