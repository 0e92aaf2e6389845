//! WebSocket: the upgrade, the frames, the keep-alives, the ends. The peer is written by hand, so that it may misbehave.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::version::TLS13;
use rustls::{ClientConnection, StreamOwned};

use super::certificates::Authority;
use super::*;

const UPGRADE: &str = "GET /any/path HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
const SIP: &str = "Sec-WebSocket-Protocol: sip\r\n";

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const FINAL: u8 = 0x80;

fn bench(limits: StreamLimits) -> Bench {
    Bench::of(limits, &[listen(Kind::Ws)])
}

/// A frame as a client sends it.
fn frame(first: u8, payload: &[u8], masked: bool) -> Vec<u8> {
    let mask_bit = if masked { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..126 => bytes.push(mask_bit | short as u8),
        middle @ 126..65_536 => {
            bytes.push(mask_bit | 126);
            bytes.extend((middle as u16).to_be_bytes());
        }
        long => {
            bytes.push(mask_bit | 127);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    let mask = if masked { [1, 2, 3, 4] } else { [0; 4] };
    if masked {
        bytes.extend(mask);
    }
    bytes.extend(payload.iter().enumerate().map(|(n, byte)| byte ^ mask[n % 4]));
    bytes
}

/// A frame as a server sends it: first byte and payload.
fn answer(stream: &mut impl Read) -> (u8, Vec<u8>) {
    let head = exactly(stream, 2);
    assert_eq!(head[1] & 0x80, 0, "a server never masks");
    let length = match head[1] {
        126 => usize::from(u16::from_be_bytes(exactly(stream, 2).try_into().expect("two"))),
        127 => u64::from_be_bytes(exactly(stream, 8).try_into().expect("eight")) as usize,
        short => usize::from(short),
    };
    (head[0], exactly(stream, length))
}

fn head(stream: &mut impl Read) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        text.extend(exactly(stream, 1));
    }
    String::from_utf8(text).expect("ASCII")
}

fn upgraded(bench: &Bench) -> (TcpStream, u64) {
    let mut peer = bench.dial();
    put(&mut peer, format!("{UPGRADE}{SIP}\r\n").as_bytes());
    let answer = head(&mut peer);
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    (peer, bench.opened())
}

fn close_code(stream: &mut impl Read) -> u16 {
    let (first, payload) = answer(stream);
    assert_eq!(first, FINAL | CLOSE);
    u16::from_be_bytes([payload[0], payload[1]])
}

/// The subprotocol `sip` is required and echoed, among others too; the accept key is that of RFC 6455's example.
#[test]
fn b031_the_subprotocol_is_required_and_echoed() {
    let bench = bench(StreamLimits::default());
    let mut open = Vec::new();
    for offer in [
        SIP,
        "Sec-WebSocket-Protocol: chat, sip\r\n",
        "sec-websocket-protocol: chat\r\nSec-WebSocket-Protocol: SIP\r\n",
    ] {
        let mut peer = bench.dial();
        put(&mut peer, format!("{UPGRADE}{offer}\r\n").as_bytes());
        let answer = head(&mut peer);
        assert!(
            answer.starts_with("HTTP/1.1 101 ") && answer.contains("\r\nSec-WebSocket-Protocol: sip\r\n"),
            "{answer}"
        );
        assert!(answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
        bench.opened();
        open.push(peer);
    }
    for offer in ["", "Sec-WebSocket-Protocol: chat\r\n", "Sec-WebSocket-Protocol: sips\r\n"] {
        let mut peer = bench.dial();
        put(&mut peer, format!("{UPGRADE}{offer}\r\n").as_bytes());
        let answer = String::from_utf8(rest(&mut peer)).expect("ASCII");
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("Sec-WebSocket-Protocol"), "{answer}");
    }
    assert!(bench.events.is_empty(), "a refused upgrade is no connection");
}

/// Whoever opens the port without WebSocket is told what it is; rubbish is refused; both are closed.
#[test]
fn b031_plain_http_is_told_what_this_is() {
    let bench = bench(StreamLimits::default());
    let told = |text: &str| {
        let mut peer = bench.dial();
        put(&mut peer, text.as_bytes());
        String::from_utf8(rest(&mut peer)).expect("ASCII")
    };
    let page = told("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(page.starts_with("HTTP/1.1 426 ") && page.contains("Upgrade: websocket\r\n") && page.contains("SIP"));
    assert!(told("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").starts_with("HTTP/1.1 426 "));
    let old = UPGRADE.replace("Version: 13", "Version: 8");
    assert!(told(&format!("{old}{SIP}\r\n")).contains("Sec-WebSocket-Version: 13\r\n"));
    assert!(told("OPTIONS sip:x SIP/2.0\r\n\r\n").starts_with("HTTP/1.1 400 "));
    assert!(told(&format!("GET / HTTP/1.1\r\nX: {}\r\n", "y".repeat(10_000))).starts_with("HTTP/1.1 400 "));
    bench.figures_become(|figures| figures.handshakes_failed == 5 && figures.open == 0);
    assert!(bench.events.is_empty());
}

/// Pages of other origins are kept out where a list says so; who is no browser names none.
#[test]
fn b031_origins_are_held_to_the_list() {
    let listen = Listen { origins: vec!["https://helpline.example".into()], ..listen(Kind::Ws) };
    let bench = Bench::of(StreamLimits::default(), &[listen]);
    for (origin, expected) in
        [("Origin: https://helpline.example\r\n", "101"), ("", "101"), ("Origin: https://evil.example\r\n", "403")]
    {
        let mut peer = bench.dial();
        put(&mut peer, format!("{UPGRADE}{SIP}{origin}\r\n").as_bytes());
        let answer = head(&mut peer);
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected} ")), "{origin}: {answer}");
    }
}

/// Text and binary frames each carry a message; one in three fragments with a ping between them is put together; what
/// came in one segment with the upgrade is not lost.
#[test]
fn b031_b033_p063_frames_of_every_sort() {
    let bench = bench(StreamLimits::default());
    let mut peer = bench.dial();
    let message = request("REGISTER", "x");
    let mut first = format!("{UPGRADE}{SIP}\r\n").into_bytes();
    first.extend(frame(FINAL | TEXT, &message, true));
    put(&mut peer, &first);
    head(&mut peer);
    let connection = bench.opened();
    assert_eq!(bench.message(), (connection, message.clone()));
    put(&mut peer, &frame(FINAL | BINARY, &message, true));
    assert_eq!(bench.message(), (connection, message.clone()));
    put(&mut peer, &frame(TEXT, &message[..5], true));
    put(&mut peer, &frame(0, &message[5..9], true));
    put(&mut peer, &frame(FINAL | PING, b"alive?", true));
    assert_eq!(answer(&mut peer), (FINAL | PONG, b"alive?".to_vec()));
    put(&mut peer, &frame(FINAL, &message[9..], true));
    assert_eq!(bench.message(), (connection, message));
    bench.send(connection, "200 écouté".as_bytes());
    assert_eq!(answer(&mut peer), (FINAL | TEXT, "200 écouté".as_bytes().to_vec()));
    bench.send(connection, b"\xff\xfe");
    assert_eq!(answer(&mut peer), (FINAL | BINARY, b"\xff\xfe".to_vec()), "what is no text goes as it is");
}

/// CR LF CR LF in a frame gets a CR LF in a frame and reaches nobody; CR LF asks for nothing.
#[test]
fn b025_p063_keep_alive_over_websocket() {
    let bench = bench(StreamLimits::default());
    let (mut peer, connection) = upgraded(&bench);
    put(&mut peer, &frame(FINAL | TEXT, b"\r\n\r\n", true));
    assert_eq!(answer(&mut peer), (FINAL | TEXT, b"\r\n".to_vec()));
    put(&mut peer, &frame(FINAL | TEXT, b"\r\n", true));
    put(&mut peer, &frame(FINAL | BINARY, b"\r\n\r\n", true));
    assert_eq!(answer(&mut peer), (FINAL | TEXT, b"\r\n".to_vec()));
    let message = request("OPTIONS", "");
    put(&mut peer, &frame(FINAL | TEXT, &message, true));
    assert_eq!(bench.message(), (connection, message));
}

/// A frame of a megabyte is refused by its head with 1009; so are fragments that grow too large together.
#[test]
fn b033_a_megabyte_is_refused_with_1009() {
    let bench = bench(StreamLimits { linger: Duration::from_millis(200), ..StreamLimits::default() });
    let (mut peer, connection) = upgraded(&bench);
    put(&mut peer, &frame(FINAL | TEXT, &vec![b'x'; 1 << 20], true));
    assert_eq!(close_code(&mut peer), 1009);
    assert_eq!(bench.closed(), (connection, CloseReason::TooLarge));
    let (mut peer, connection) = upgraded(&bench);
    put(&mut peer, &frame(TEXT, &vec![b'x'; 40_000], true));
    put(&mut peer, &frame(FINAL, &vec![b'x'; 40_000], true));
    assert_eq!(close_code(&mut peer), 1009);
    assert_eq!(bench.closed(), (connection, CloseReason::TooLarge));
    let (mut peer, connection) = upgraded(&bench);
    let largest = vec![b'x'; 65_535];
    put(&mut peer, &frame(FINAL | TEXT, &largest, true));
    assert_eq!(bench.message(), (connection, largest));
}

/// An unmasked frame, and a frame against the rules, end with 1002.
#[test]
fn b033_an_unmasked_frame_is_refused_with_1002() {
    let bench = bench(StreamLimits { linger: Duration::from_millis(200), ..StreamLimits::default() });
    for wrong in
        [frame(FINAL | TEXT, b"hello", false), frame(FINAL | 0x40 | TEXT, b"hello", true), frame(PING, b"", true)]
    {
        let (mut peer, connection) = upgraded(&bench);
        put(&mut peer, &wrong);
        assert_eq!(close_code(&mut peer), 1002);
        assert_eq!(bench.closed(), (connection, CloseReason::Protocol));
    }
}

/// A close frame is answered and the end told at once; so is a reset; so is an end without a frame.
#[test]
fn b033_p090_close_and_reset_are_told_at_once() {
    let bench = bench(StreamLimits::default());
    let (mut peer, connection) = upgraded(&bench);
    let began = Instant::now();
    put(&mut peer, &frame(FINAL | CLOSE, &1001u16.to_be_bytes(), true));
    assert_eq!(close_code(&mut peer), 1001);
    drop(peer);
    assert_eq!(bench.closed(), (connection, CloseReason::PeerClosed));
    let (peer, connection) = upgraded(&bench);
    socket2::SockRef::from(&peer).set_linger(Some(Duration::ZERO)).expect("set");
    drop(peer);
    assert_eq!(bench.closed(), (connection, CloseReason::Reset));
    let (peer, connection) = upgraded(&bench);
    drop(peer);
    assert_eq!(bench.closed().0, connection);
    assert!(began.elapsed() < Duration::from_millis(800), "{:?}", began.elapsed());
}

/// A silent peer is pinged; one that answers stays, one that answers nothing is gone within its limit.
#[test]
fn p090_silence_is_found_by_pings() {
    let limits =
        StreamLimits { ping: Duration::from_millis(100), silence: Duration::from_millis(400), ..Default::default() };
    assert!(StreamLimits::default().silence <= Duration::from_secs(45));
    let bench = bench(limits);
    let (mut peer, connection) = upgraded(&bench);
    for _ in 0..8 {
        let (first, payload) = answer(&mut peer);
        assert_eq!(first, FINAL | PING);
        put(&mut peer, &frame(FINAL | PONG, &payload, true));
    }
    assert!(bench.events.is_empty(), "a peer that answers stays");
    let began = Instant::now(); // and now it says nothing any more
    assert_eq!(bench.closed(), (connection, CloseReason::Silent));
    assert!(began.elapsed() > Duration::from_millis(300) && began.elapsed() < Duration::from_secs(3));
}

/// The peer's own pings alone keep the connection over many idle limits.
#[test]
fn p094_pings_alone_keep_a_websocket() {
    let limits = StreamLimits {
        idle: Duration::from_millis(1500),
        ping: Duration::from_secs(20),
        silence: Duration::from_millis(1500),
        ..StreamLimits::default()
    };
    let bench = bench(limits);
    let (mut peer, _) = upgraded(&bench);
    put(&mut peer, &frame(FINAL | TEXT, &request("REGISTER", ""), true));
    bench.message();
    for _ in 0..20 {
        std::thread::sleep(Duration::from_millis(100));
        put(&mut peer, &frame(FINAL | PING, b"", true));
        assert_eq!(answer(&mut peer).0, FINAL | PONG);
    }
    assert!(bench.events.is_empty());
}

/// A frame that dribbles, and an upgrade that dribbles, are cut off; another connection is served meanwhile.
#[test]
fn b035_slow_loris_over_websocket() {
    let limits = StreamLimits {
        message: Duration::from_millis(400),
        handshake: Duration::from_millis(400),
        linger: Duration::from_millis(100),
        ..StreamLimits::default()
    };
    let bench = bench(limits);
    let mut early = bench.dial();
    put(&mut early, b"GET / HT");
    let (mut slow, loris) = upgraded(&bench);
    let (mut quick, served) = upgraded(&bench);
    let bytes = frame(FINAL | TEXT, &[b'x'; 100], true);
    let mut ended = None;
    for byte in bytes.iter().take(40) {
        let _ = slow.write_all(std::slice::from_ref(byte));
        put(&mut quick, &frame(FINAL | TEXT, &request("hello", ""), true));
        match bench.event() {
            StreamEvent::Closed { connection, why, .. } => ended = Some((connection, why)),
            StreamEvent::Message { connection, .. } => assert_eq!(connection, served),
            other => panic!("{other:?}"),
        }
        if ended.is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(ended, Some((loris, CloseReason::SlowMessage)));
    assert!(rest(&mut early).is_empty());
}

/// Secure WebSocket: TLS, then the upgrade, then a message each way.
#[test]
fn b031_secure_websocket() {
    let authority = Authority::new();
    let files = authority.server("server", &["phone.example.org"], &[]);
    let bench = Bench::of(StreamLimits::default(), &[Listen { tls: Some(files), ..listen(Kind::Wss) }]);
    let name = ServerName::try_from("phone.example.org").expect("a name");
    let mut config = (*authority.raw_client(&[&TLS13])).clone();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let client = ClientConnection::new(config.into(), name).expect("a client");
    let mut peer = StreamOwned::new(client, bench.dial());
    put(&mut peer, format!("{UPGRADE}{SIP}\r\n").as_bytes());
    assert!(head(&mut peer).starts_with("HTTP/1.1 101 "));
    assert_eq!(peer.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
    let StreamEvent::Opened { connection, kind: Kind::Wss, .. } = bench.event() else { panic!("not opened") };
    let message = request("REGISTER", "");
    put(&mut peer, &frame(FINAL | TEXT, &message, true));
    assert_eq!(bench.message(), (connection, message));
    bench.send(connection, b"200");
    assert_eq!(answer(&mut peer), (FINAL | TEXT, b"200".to_vec()));
}

/// We can be the client of a WebSocket too, plain and secure, and insist on the subprotocol.
#[test]
fn b031_as_a_client() {
    let authority = Authority::new();
    let files = authority.server("server", &["phone.example.org"], &[]);
    let listens = [listen(Kind::Ws), Listen { tls: Some(files), ..listen(Kind::Wss) }];
    let server = Bench::of(StreamLimits::default(), &listens);
    let client = Bench::of(StreamLimits::default(), &[]);
    for &(kind, remote) in server.streams.listening() {
        let server_name = Some("phone.example.org".to_owned());
        let to = Connect { kind, local: None, remote, server_name, tls: Some(authority.client()) };
        let ours = client.streams.handle().connect(to).expect("begun");
        client.send(ours, b"INVITE x\r\n\r\n");
        let theirs = server.opened();
        assert_eq!(client.opened(), ours);
        assert_eq!(server.message(), (theirs, b"INVITE x\r\n\r\n".to_vec()));
        server.send(theirs, b"SIP/2.0 100 Trying\r\n\r\n");
        assert_eq!(client.message(), (ours, b"SIP/2.0 100 Trying\r\n\r\n".to_vec()));
        client.streams.handle().close(ours);
        assert_eq!(server.closed(), (theirs, CloseReason::PeerClosed));
        assert_eq!(client.closed(), (ours, CloseReason::Asked));
    }
    let mute = std::net::TcpListener::bind("127.0.0.1:0").expect("listens");
    client.connect(Kind::Ws, mute.local_addr().expect("bound"));
    let (mut stream, _) = mute.accept().expect("dialled");
    head(&mut stream);
    put(&mut stream, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    assert!(matches!(client.event(), StreamEvent::ConnectFailed { why: ConnectFault::Handshake, .. }));
}
