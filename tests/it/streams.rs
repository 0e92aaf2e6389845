//! Signalling over connections, against a running engine: TCP in pieces and in one piece, TLS with openssl as the peer,
//! WebSocket frame by frame.
#![expect(clippy::disallowed_methods, reason = "a test is a peer: it opens its own sockets")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::engine::{Engine, free_port, own_address};

fn options(transport: &str, nth: u32) -> String {
    format!(
        "OPTIONS sip:3977@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{transport} 127.0.0.1:9;branch=z9hG4bKs{nth}\r\nMax-Forwards: 70\r\n\
         From: <sip:probe@127.0.0.1>;tag=s{nth}\r\nTo: <sip:3977@127.0.0.1>\r\nCall-ID: stream-{transport}-{nth}\r\n\
         CSeq: {nth} OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
}

fn dial(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).expect("the engine listens");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("set");
    stream.set_nodelay(true).expect("set");
    stream
}

/// Reads until `count` responses have come.
fn responses(stream: &mut TcpStream, count: usize) -> String {
    let (mut text, mut piece) = (String::new(), [0; 4096]);
    while text.matches("SIP/2.0 200").count() < count {
        let length = stream.read(&mut piece).expect("an answer in time");
        assert!(length > 0, "closed after: {text}");
        text.push_str(&String::from_utf8_lossy(&piece[..length]));
    }
    text
}

/// One message in single bytes is answered once; three in one segment are answered in order; a ping gets its pong.
#[test]
fn b022_b023_b025_split_and_merged_over_tcp() {
    let engine = Engine::start("streams-tcp");
    let mut stream = dial(engine.sip);
    for byte in options("TCP", 1).as_bytes() {
        stream.write_all(std::slice::from_ref(byte)).expect("sends");
    }
    assert_eq!(responses(&mut stream, 1).matches("CSeq: 1 OPTIONS").count(), 1);
    let three: String = (2..5).map(|nth| options("TCP", nth)).collect();
    stream.write_all(three.as_bytes()).expect("sends");
    let text = responses(&mut stream, 3);
    let order: Vec<usize> = (2..5).map(|nth| text.find(&format!("CSeq: {nth} OPTIONS")).expect("answered")).collect();
    assert!(order.is_sorted(), "{text}");
    stream.write_all(b"\r\n\r\n").expect("sends");
    let mut pong = [0; 2];
    stream.read_exact(&mut pong).expect("a pong");
    assert_eq!(&pong, b"\r\n");
}

/// A request without Content-Length cannot be framed: 400, and the connection ends; the next one is served.
#[test]
fn b024_without_content_length_400_and_close() {
    let engine = Engine::start("streams-length");
    let mut stream = dial(engine.sip);
    stream.write_all(options("TCP", 1).replace("Content-Length: 0\r\n", "").as_bytes()).expect("sends");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("the connection ends");
    assert!(text.starts_with("SIP/2.0 400"), "{text}");
    let mut stream = dial(engine.sip);
    stream.write_all(options("TCP", 2).as_bytes()).expect("sends");
    responses(&mut stream, 1);
}

/// openssl speaks TLS 1.2 and 1.3 to the engine and believes its certificate; plain text on that port gets nothing.
#[test]
fn b029_tls_1_2_and_1_3_and_plain_text_on_the_tls_port() {
    let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let dir = std::env::temp_dir().join(format!("ecoute-it-tls-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a folder");
    let (certificate, private) = (dir.join("cert.pem"), dir.join("key.pem"));
    std::fs::write(&certificate, key.cert.pem()).expect("written");
    std::fs::write(&private, key.signing_key.serialize_pem()).expect("written");
    let ip = own_address();
    let (udp, tls) = (SocketAddr::new(ip, free_port(ip)), SocketAddr::new(ip, free_port(ip)));
    let engine = Engine::with("streams-tls", |setup| {
        setup
            .set("sip.listen", &format!("[\"udp:{udp}\", \"tls:{tls}\"]"))
            .set("sip.tls.certificate", &format!("\"{}\"", certificate.display()))
            .set("sip.tls.key", &format!("\"{}\"", private.display()))
    });
    let mut plain = dial(tls);
    plain.write_all(options("TCP", 9).as_bytes()).expect("sends");
    let mut bytes = Vec::new();
    let _ = plain.read_to_end(&mut bytes);
    assert!(!bytes.windows(7).any(|w| w == b"SIP/2.0"), "plain text was answered on the TLS port");
    for version in ["-tls1_2", "-tls1_3"] {
        let mut peer = Command::new("openssl")
            .args([
                "s_client",
                "-quiet",
                "-verify_return_error",
                "-servername",
                "localhost",
                "-verify_hostname",
                "localhost",
            ])
            .args([version, "-CAfile"])
            .arg(&certificate)
            .args(["-connect", &tls.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl");
        let request = options("TLS", 1).replace("stream-TLS", version);
        peer.stdin.take().expect("piped").write_all(request.as_bytes()).expect("sends");
        let mut answer = vec![0; 11];
        peer.stdout.take().expect("piped").read_exact(&mut answer).expect("an answer");
        assert_eq!(answer, b"SIP/2.0 200", "{version}");
        let _ = peer.kill();
        let _ = peer.wait();
    }
    drop(engine);
    let _ = std::fs::remove_dir_all(dir);
}

/// One client frame with `payload`, masked as RFC 6455 §5.3 asks.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let (mask, length) = ([1, 2, 3, 4], u16::try_from(payload.len()).expect("a short message"));
    let mut bytes = vec![first];
    match length {
        0..126 => bytes.push(0x80 | length as u8),
        _ => {
            bytes.push(0x80 | 126);
            bytes.extend(length.to_be_bytes());
        }
    }
    bytes.extend(mask);
    bytes.extend(payload.iter().enumerate().map(|(nth, byte)| byte ^ mask[nth % 4]));
    bytes
}

/// A WebSocket needs the subprotocol `sip`; a browser's message with its `.invalid` Via is answered on its connection, and
/// a ping gets its pong.
#[test]
fn b031_b032_b033_a_browser_over_websocket() {
    let ip = own_address();
    let (udp, ws) = (SocketAddr::new(ip, free_port(ip)), SocketAddr::new(ip, free_port(ip)));
    let _engine = Engine::with("streams-ws", |setup| setup.set("sip.listen", &format!("[\"udp:{udp}\", \"ws:{ws}\"]")));
    let upgrade = |protocol: &str| {
        let mut stream = dial(ws);
        let request = format!(
            "GET / HTTP/1.1\r\nHost: {ws}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{protocol}\r\n"
        );
        stream.write_all(request.as_bytes()).expect("sends");
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).expect("an answer");
            head.push(byte[0]);
        }
        (stream, String::from_utf8_lossy(&head).into_owned())
    };
    assert!(upgrade("").1.starts_with("HTTP/1.1 400"));
    let (mut stream, head) = upgrade("Sec-WebSocket-Protocol: sip\r\n");
    assert!(head.starts_with("HTTP/1.1 101") && head.to_lowercase().contains("sec-websocket-protocol: sip"), "{head}");
    let request = options("WS", 1).replace("127.0.0.1:9", "df7jal23ls0d.invalid");
    stream.write_all(&frame(0x81, request.as_bytes())).expect("sends");
    assert!(responses(&mut stream, 1).contains("df7jal23ls0d.invalid"));
    stream.write_all(&frame(0x89, b"")).expect("sends");
    let mut pong = [0; 2];
    stream.read_exact(&mut pong).expect("a pong");
    assert_eq!(pong, [0x8a, 0]);
}
