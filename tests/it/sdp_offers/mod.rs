//! What is answered to descriptions of the field, to every variant we could think of, and to noise.

use std::net::{IpAddr, Ipv4Addr};

use ecoute::sdp::{Audio, Capabilities, Direction, Local, Move, Refusal, Session, negotiate, parse};

mod answers;
mod chance;
mod corpus;
mod steps;

const LOCAL: Local = Local { address: IpAddr::V4(Ipv4Addr::new(198, 51, 100, 9)), rtp_port: 20_000, rtcp_port: 20_001 };

fn local_ip6() -> Local {
    Local { address: "2001:db8:9::9".parse().expect("an address"), ..LOCAL }
}

fn caps() -> Capabilities {
    Capabilities::default()
}

type Step = Result<(Session, Option<Vec<u8>>), Refusal>;

fn step(session: &Session, step: Move<'_>) -> Step {
    negotiate(&caps(), &LOCAL, session, step)
}

fn answer_to(offer: &str) -> Step {
    step(&Session::new(1), Move::TakeOffer(offer.as_bytes()))
}

fn text(body: Option<Vec<u8>>) -> String {
    String::from_utf8(body.expect("a description to send")).expect("plain text")
}

/// A description around the given stream lines, from 192.0.2.1.
fn sdp(lines: &str) -> String {
    format!(
        "v=0\r\no=- 5 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n{}\r\n",
        lines.replace('\n', "\r\n")
    )
}

/// The `m=` lines of a description, shortened: `audio 20000 RTP/AVP 8 101`.
fn streams(body: &str) -> Vec<&str> {
    body.lines().filter_map(|line| line.strip_prefix("m=")).collect()
}

fn direction(body: &str) -> Direction {
    body.lines().filter_map(|line| line.strip_prefix("a=")).find_map(Direction::from_token).expect("a direction")
}

/// An agreement on one line, for tables.
fn told(audio: &Audio) -> String {
    let receive: Vec<String> = audio.receive_payload_types.iter().map(|(n, codec)| format!("{n}={codec}")).collect();
    let number = |number: Option<u8>| number.map_or("-".to_owned(), |number| number.to_string());
    let at = |address: Option<std::net::SocketAddr>| address.map_or("-".to_owned(), |address| address.to_string());
    format!(
        "{}/{} [{}] te {}>{} {}ms {}{} {} {}",
        audio.codec,
        audio.send_payload_type,
        receive.join(" "),
        number(audio.send_event_type),
        number(audio.receive_event_type),
        audio.ptime_ms,
        audio.direction,
        if audio.held { " held" } else { "" },
        at(audio.remote_rtp),
        at(audio.remote_rtcp),
    )
}

fn outcome(result: &Step) -> String {
    match result {
        Ok((session, _)) => told(session.audio.as_ref().expect("an agreement")),
        Err(refusal) => match refusal.warning() {
            Some((code, _)) => format!("{} {code}", refusal.status()),
            None => refusal.status().to_string(),
        },
    }
}

fn offer_with_events() -> String {
    sdp("m=audio 4000 RTP/AVP 8 101\na=rtpmap:101 telephone-event/8000")
}

/// What every answer owes to its offer.
fn check_answer(offer: &[u8], answer: &str, context: &str) {
    let offer = parse(offer).expect("a readable offer");
    let read = parse(answer.as_bytes()).expect("a readable answer");
    assert_eq!(offer.media.len(), read.media.len(), "{context}: as many lines");
    assert_eq!(read.media.iter().filter(|media| media.port != 0).count(), 1, "{context}: one stream");
    for (ours, theirs) in read.media.iter().zip(&offer.media) {
        assert_eq!((&ours.kind, &ours.protocol), (&theirs.kind, &theirs.protocol), "{context}: line kept");
        assert!(!ours.formats.is_empty(), "{context}: a format");
        if theirs.formats.is_empty() {
            assert_eq!(ours.port, 0, "{context}");
            continue;
        }
        let subset = ours.formats.iter().all(|format| theirs.formats.contains(format));
        assert!(subset, "{context}: formats are a subset");
        if ours.port != 0 {
            assert!(theirs.port != 0, "{context}: no stream brought to life");
            let allowed = offer.direction(theirs).reversed();
            assert_eq!(read.direction(ours).and(allowed), read.direction(ours), "{context}: direction");
            let voice =
                |format: &String| format == "8" || format == "0" || answer.contains(&format!("rtpmap:{format} PCM"));
            assert!(voice(&ours.formats[0]), "{context}: voice first");
        }
    }
}
