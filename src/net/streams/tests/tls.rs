//! TLS on both sides: versions, names, files that change, peers that do not speak it.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, StreamOwned};

use super::certificates::{Authority, certificate};
use super::*;

type Tls = StreamOwned<ClientConnection, TcpStream>;

fn bench(authority: &Authority, dns: &[&str]) -> Bench {
    bench_with(StreamLimits::default(), authority.server("server", dns, &[]))
}

fn bench_with(limits: StreamLimits, files: ServerTls) -> Bench {
    Bench::of(limits, &[Listen { tls: Some(files), ..listen(Kind::Tls) }])
}

fn shake(bench: &Bench, config: &Arc<ClientConfig>, name: &str) -> Tls {
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let mut stream = StreamOwned::new(ClientConnection::new(config.clone(), name).expect("a client"), bench.dial());
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).expect("the handshake");
    }
    stream
}

fn call(bench: &Bench, remote: SocketAddr, name: Option<&str>, tls: TlsClient) -> StreamEvent {
    let server_name = name.map(str::to_owned);
    let to = Connect { kind: Kind::Tls, local: None, remote, server_name, tls: Some(tls) };
    let connection = bench.streams.handle().connect(to).expect("begun");
    loop {
        match bench.event() {
            StreamEvent::Opened { outbound: false, .. } => {} // the other end, in the same process
            event @ StreamEvent::Opened { connection: same, .. } if same == connection => return event,
            event @ StreamEvent::ConnectFailed { connection: same, .. } if same == connection => return event,
            StreamEvent::Closed { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

fn fault(event: &StreamEvent) -> Option<ConnectFault> {
    match event {
        StreamEvent::ConnectFailed { why, .. } => Some(*why),
        _ => None,
    }
}

/// Both versions are spoken, messages and keep-alives go both ways, and the close is in order.
#[test]
fn b029_b025_tls_1_2_and_1_3() {
    let authority = Authority::new();
    let bench = bench(&authority, &["sip.example.org"]);
    for (version, expected) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        let mut peer = shake(&bench, &authority.raw_client(&[version]), "sip.example.org");
        assert_eq!(peer.conn.protocol_version(), Some(expected));
        let connection = bench.opened();
        put(&mut peer, b"\r\n\r\n");
        assert_eq!(exactly(&mut peer, 2), b"\r\n");
        let sent = request("OPTIONS", "x");
        put(&mut peer, &sent);
        assert_eq!(bench.message(), (connection, sent));
        bench.send(connection, b"200 OK");
        assert_eq!(exactly(&mut peer, 6), b"200 OK");
        bench.streams.handle().close(connection);
        let mut end = [0];
        assert_eq!(peer.read(&mut end).expect("close_notify, not a torn stream"), 0);
        assert_eq!(bench.closed(), (connection, CloseReason::Asked));
    }
}

/// What is older than TLS 1.2 gets an alert and the end.
#[test]
fn b029_tls_1_0_is_refused() {
    let authority = Authority::new();
    let bench = bench(&authority, &["sip.example.org"]);
    let mut body = vec![3, 1];
    body.extend([7; 32]); // random
    body.extend([0, 0, 4, 0, 0x2f, 0, 0x35, 1, 0]); // no session, two old suites, no compression
    let mut hello = vec![0x16, 3, 1, 0, body.len() as u8 + 4, 1, 0, 0, body.len() as u8];
    hello.extend(body);
    let mut peer = bench.dial();
    put(&mut peer, &hello);
    let answer = rest(&mut peer);
    assert_eq!(answer.first(), Some(&0x15), "an alert: {answer:?}");
    assert!(bench.events.is_empty());
}

/// Plain text on the TLS port is closed at once, and no event tells of a connection that never was; a handshake that does
/// not go on is closed in its time; a peer beside them is served meanwhile.
#[test]
fn b029_plain_text_and_slow_handshake_on_the_tls_port() {
    let authority = Authority::new();
    let limits = StreamLimits { handshake: Duration::from_millis(600), ..StreamLimits::default() };
    let bench = bench_with(limits, authority.server("server", &["sip.example.org"], &[]));
    let mut slow = bench.dial();
    put(&mut slow, &[0x16, 3, 1]);
    let began = Instant::now();
    let mut plain = bench.dial();
    put(&mut plain, &request("OPTIONS", ""));
    rest(&mut plain);
    assert!(began.elapsed() < Duration::from_millis(500), "not at once: {:?}", began.elapsed());
    let mut good = shake(&bench, &authority.raw_client(&[&TLS13]), "sip.example.org");
    let connection = bench.opened();
    put(&mut good, &request("REGISTER", ""));
    assert_eq!(bench.message().0, connection);
    rest(&mut slow);
    let waited = began.elapsed();
    assert!(waited >= Duration::from_millis(500) && waited < Duration::from_secs(3), "{waited:?}");
    assert!(bench.events.is_empty());
    bench.figures_become(|figures| figures.handshakes_failed == 2 && figures.open == 1);
}

/// Two phones behind one address, each on its own connection: what is sent to one never reaches the other.
#[test]
fn p020_two_connections_from_one_address_stay_apart() {
    let authority = Authority::new();
    let bench = bench(&authority, &["sip.example.org"]);
    let config = authority.raw_client(&[&TLS13]);
    let mut one = shake(&bench, &config, "sip.example.org");
    let first = bench.opened();
    let mut two = shake(&bench, &config, "sip.example.org");
    let second = bench.opened();
    assert_ne!(first, second);
    bench.send(first, b"BYE one");
    bench.send(second, b"BYE two");
    assert_eq!(exactly(&mut one, 7), b"BYE one");
    assert_eq!(exactly(&mut two, 7), b"BYE two");
    bench.streams.handle().close(first);
    bench.streams.handle().close(second);
    assert!(rest(&mut one).is_empty() && rest(&mut two).is_empty());
}

/// A new certificate is shown from the next connection on, without a restart and without harm to the connection that
/// stands; a bad file changes nothing and says why.
#[test]
fn certificates_are_read_again_without_restart() {
    let authority = Authority::new();
    let bench = bench(&authority, &["sip.example.org"]);
    let config = authority.raw_client(&[&TLS13]);
    let shown = |peer: &Tls| peer.conn.peer_certificates().expect("shown")[0].clone().into_owned();
    let mut old = shake(&bench, &config, "sip.example.org");
    let connection = bench.opened();
    let first = certificate(&authority.folder.path("server.pem"));
    assert_eq!(shown(&old), first);

    authority.issue("server", &["sip.example.org"], &[]);
    let second = certificate(&authority.folder.path("server.pem"));
    assert_ne!(first, second);
    assert!(bench.streams.handle().reload_certificates().is_empty());
    assert_eq!(shown(&shake(&bench, &config, "sip.example.org")), second);
    put(&mut old, &request("OPTIONS", ""));
    let heard = std::iter::from_fn(|| Some(bench.event())).find(|e| matches!(e, StreamEvent::Message { .. }));
    assert!(matches!(heard, Some(StreamEvent::Message { connection: same, .. }) if same == connection));

    for (file, text, word) in [
        ("server.pem", "nothing of use", "no certificate"),
        ("server.key", "nothing of use", "no private key"),
        ("server.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be used"),
    ] {
        let (pem, key) = authority.issue("server", &["sip.example.org"], &[]);
        authority.folder.write(file, text);
        let faults = bench.streams.handle().reload_certificates();
        assert!(faults.len() == 1 && faults[0].to_string().contains(word), "{faults:?}");
        assert!(pem.exists() && key.exists());
        assert_eq!(shown(&shake(&bench, &config, "sip.example.org")), second, "the old one stays");
    }
    let (_, foreign) = authority.issue("other", &["sip.example.org"], &[]);
    authority.issue("server", &["sip.example.org"], &[]);
    std::fs::copy(foreign, authority.folder.path("server.key")).expect("copied");
    let faults = bench.streams.handle().reload_certificates();
    assert!(faults.len() == 1 && faults[0].to_string().contains("cannot be used with its key"), "{faults:?}");
    assert_eq!(shown(&shake(&bench, &config, "sip.example.org")), second, "the old one stays");
}

/// Files that are missing at the start are told, and nothing is started.
#[test]
fn missing_files_are_told_at_the_start() {
    let (sender, _events) = bounded(1);
    let start = |listen: Listen| Streams::start(StreamLimits::default(), &[listen], framing, sender.clone());
    let fault = start(listen(Kind::Tls)).expect_err("no files").to_string();
    assert!(fault.contains("certificate"), "{fault}");
    let authority = Authority::new();
    let files = ServerTls { key: "no/such/file.key".into(), ..authority.server("s", &["x.example"], &[]) };
    let fault = start(Listen { tls: Some(files), ..listen(Kind::Wss) }).expect_err("no key").to_string();
    assert!(fault.contains("no/such/file.key"), "{fault}");
}

/// As a client we hold the peer to its name: a DNS name, a `sip:` URI, a wildcard of its own domain; anything else is
/// refused, unless the configuration says not to look.
#[test]
fn b030_the_certificate_must_name_the_domain() {
    let authority = Authority::new();
    let stranger = Authority::new();
    let verdict = |dns: &[&str], uris: &[&str], name: Option<&str>, tls: TlsClient| {
        let bench = bench_with(StreamLimits::default(), authority.server("server", dns, uris));
        fault(&call(&bench, bench.address(), name, tls))
    };
    let known = || authority.client();
    let blind = TlsClient::load(&ClientTls { verify: false, ..ClientTls::default() }).expect("loads");
    let refused = Some(ConnectFault::Certificate);
    let name = Some("example.org");
    assert_eq!(verdict(&["example.org"], &[], name, known()), None);
    assert_eq!(verdict(&["EXAMPLE.org"], &[], name, known()), None);
    assert_eq!(verdict(&[], &["sip:example.org"], name, known()), None);
    assert_eq!(verdict(&[], &["sip:example.org;transport=tls"], name, known()), None);
    assert_eq!(verdict(&["*.example.org"], &[], Some("edge.example.org"), known()), None);
    assert_eq!(verdict(&["127.0.0.1"], &[], None, known()), None, "a bare address, named as one");
    assert_eq!(verdict(&["other.example"], &[], name, known()), refused);
    assert_eq!(verdict(&["*.example.org"], &[], name, known()), refused);
    assert_eq!(verdict(&["example.org.evil.example"], &[], name, known()), refused);
    assert_eq!(verdict(&[], &["sip:alice@example.org"], name, known()), refused, "a person is not a domain");
    assert_eq!(verdict(&["example.org"], &["sip:other.example"], name, known()), refused, "URIs go before names");
    assert_eq!(verdict(&["example.org"], &[], None, known()), refused, "the address is not in it");
    assert_eq!(verdict(&["example.org"], &[], name, stranger.client()), refused, "an unknown authority");
    assert_eq!(verdict(&["other.example"], &[], name, blind), None, "configured not to look");
    let system = TlsClient::load(&ClientTls::default());
    if let Ok(system) = system {
        assert_eq!(verdict(&["example.org"], &[], name, system), refused, "not an authority of the system");
    }
}

/// A client's certificate is asked for where configured: the names of a good one are told, a client without one is
/// refused where it must have one and welcome where it may.
#[test]
fn client_certificates_are_asked_for_and_named() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue("trunk", &["trunk.example"], &["sip:carrier.example"]);
    let shows = ClientTls { ca: Some(authority.ca.clone()), certificate: Some((certificate, key)), verify: true };
    let shows = TlsClient::load(&shows).expect("loads");
    for required in [true, false] {
        let server = authority.server("server", &["example.org"], &[]);
        let files = ServerTls { client_ca: Some(authority.ca.clone()), client_required: required, ..server };
        let bench = bench_with(StreamLimits::default(), files);
        let to = |tls: &TlsClient| Connect {
            kind: Kind::Tls,
            local: None,
            remote: bench.address(),
            server_name: Some("example.org".into()),
            tls: Some(tls.clone()),
        };
        let inbound = || {
            std::iter::from_fn(|| bench.events.recv_timeout(Duration::from_millis(600)).ok()).find_map(|e| match e {
                StreamEvent::Opened { outbound: false, names, .. } => Some(names),
                _ => None,
            })
        };
        bench.streams.handle().connect(to(&shows)).expect("begun");
        assert_eq!(inbound(), Some(vec!["trunk.example".to_owned(), "sip:carrier.example".to_owned()]));
        bench.streams.handle().connect(to(&authority.client())).expect("begun");
        assert_eq!(inbound(), (!required).then(Vec::new));
        let stranger = Authority::new();
        let (certificate, key) = stranger.issue("x", &["trunk.example"], &[]);
        let forged = ClientTls { ca: Some(authority.ca.clone()), certificate: Some((certificate, key)), verify: true };
        bench.streams.handle().connect(to(&TlsClient::load(&forged).expect("loads"))).expect("begun");
        assert_eq!(inbound(), None, "a certificate of another authority");
    }
}

/// A peer that accepts and then says nothing does not hold us: the handshake has its limit, and is told.
#[test]
fn b209_a_silent_tls_peer_is_given_up() {
    let authority = Authority::new();
    let limits = StreamLimits { handshake: Duration::from_millis(200), ..StreamLimits::default() };
    let bench = bench_with(limits, authority.server("server", &["example.org"], &[]));
    let silent = TcpListener::bind("127.0.0.1:0").expect("listens");
    let remote = silent.local_addr().expect("bound");
    let event = call(&bench, remote, Some("example.org"), authority.client());
    assert_eq!(fault(&event), Some(ConnectFault::Timeout));
    let plain = Connect { kind: Kind::Tls, local: None, remote, server_name: None, tls: None };
    bench.streams.handle().connect(plain).expect("begun");
    assert_eq!(fault(&bench.event()), Some(ConnectFault::NotConfigured));
}
