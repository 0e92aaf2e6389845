//! What one message costs, in instructions: the number that no other program on the machine changes. This does the work a
//! given number of times; `benches/count` (by `make count`) runs it under callgrind twice and takes the difference.
#![expect(clippy::print_stdout, reason = "the names are for the script that asked")]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

use ecoute::sdp::{Capabilities, Local, Move, Session, negotiate};
use ecoute::sip::message::{Framing, Message, MessageWriter, OwnedMessage, next_frame, validate};

type Work = fn(&Sample) -> usize;

const WORKS: [(&str, Work); 8] = [
    ("parse_invite", |s| s.read().header_count()),
    ("parse_invite_typed", |s| {
        let m = s.read();
        let tags =
            m.from().and_then(|a| a.tag()).map_or(0, <[u8]>::len) + m.to().and_then(|a| a.tag()).map_or(0, <[u8]>::len);
        let via = m.via().and_then(|v| v.branch).map_or(0, <[u8]>::len);
        let contact = m.contact().and_then(|c| c.parsed_uri().ok()).map_or(0, |u| u.host.len());
        tags + via + contact + m.call_id().map_or(0, <[u8]>::len) + m.cseq().map_or(0, |(n, _)| n as usize)
    }),
    ("parse_and_validate_invite", |s| usize::from(validate(&s.read()).is_ok())),
    ("frame_invite", |s| usize::from(next_frame(black_box(&s.invite)) == next_frame(b""))),
    ("keep_invite", |s| OwnedMessage::new(&s.read()).as_bytes().len()),
    ("write_200", |s| {
        let mut writer = MessageWriter::response_to(&s.read(), 200, Some(b"0123456789abcdef0123"), s.source);
        writer.contact(b"sip:ecoute@192.0.2.10:5060");
        writer.finish_with_body("application/sdp", black_box(s.sdp())).len()
    }),
    ("parse_sdp", |s| ecoute::sdp::parse(black_box(s.sdp())).map_or(0, |sdp| sdp.media.len())),
    ("answer_sdp", |s| {
        let local = Local { address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10)), rtp_port: 20_000, rtcp_port: 20_001 };
        let offer = Move::TakeOffer(black_box(s.sdp()));
        let agreed = negotiate(&Capabilities::default(), &local, &Session::new(1), offer);
        agreed.ok().and_then(|(_, answer)| answer).map_or(0, |answer| answer.len())
    }),
];

/// A trunk's INVITE.
struct Sample {
    invite: Vec<u8>,
    body_at: usize,
    source: Option<std::net::SocketAddr>,
}

impl Sample {
    fn read(&self) -> Message<'_> {
        Message::parse(black_box(&self.invite), Framing::Stream).expect("a sound INVITE")
    }

    fn sdp(&self) -> &[u8] {
        &self.invite[self.body_at..]
    }
}

fn main() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/torture/everyday/01-trunk-invite.dat");
    let invite = std::fs::read(path).expect("the INVITE is in the test data");
    let body = Message::parse(&invite, Framing::Stream).expect("sound").body().len();
    let sample = Sample { body_at: invite.len() - body, source: "203.0.113.10:5060".parse().ok(), invite };
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let Some(name) = arguments.next() else {
        println!("{}", WORKS.map(|(name, _)| name).join("\n"));
        return;
    };
    let rounds: u32 = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(100);
    let work = WORKS.iter().find(|(known, _)| *known == name).expect("one of the names").1;
    for _ in 0..rounds {
        black_box(work(black_box(&sample)));
    }
}
