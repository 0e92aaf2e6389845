//! TCP: cutting, keep-alives, limits.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A message cut at every byte boundary comes out whole and once, whatever the cut.
#[test]
fn b022_split_at_every_byte() {
    let bench = Bench::tcp(StreamLimits::default());
    let sent = request("OPTIONS", "v=0\r\n\r\nbody");
    let mut peer = bench.dial();
    peer.set_nodelay(true).expect("set");
    let connection = bench.opened();
    for cut in 1..sent.len() {
        put(&mut peer, &sent[..cut]);
        std::thread::yield_now();
        put(&mut peer, &sent[cut..]);
        assert_eq!(bench.message(), (connection, sent.clone()), "cut at {cut}");
    }
    for byte in &sent {
        put(&mut peer, std::slice::from_ref(byte));
    }
    assert_eq!(bench.message(), (connection, sent));
    assert!(bench.events.is_empty(), "nothing comes twice");
}

/// Three messages in one segment come out as three, in order.
#[test]
fn b023_three_messages_in_one_segment() {
    let bench = Bench::tcp(StreamLimits::default());
    let mut peer = bench.dial();
    let connection = bench.opened();
    let three: Vec<_> = ["one", "two", "three"].map(|word| request(word, "x")).into();
    put(&mut peer, &three.concat());
    for sent in three {
        assert_eq!(bench.message(), (connection, sent));
    }
}

/// A message that cannot be cut is shown once; the answer still leaves, then the connection ends.
#[test]
fn b024_unframed_message_is_answered_and_closed() {
    let bench = Bench::tcp(StreamLimits::default());
    let mut peer = bench.dial();
    let connection = bench.opened();
    put(&mut peer, b"OPTIONS x\r\nNo: length\r\n\r\nand more of it");
    let StreamEvent::Broken { connection: same, bytes } = bench.event() else { panic!("not broken") };
    assert!(same == connection && bytes.starts_with(b"OPTIONS x"));
    bench.send(connection, b"400 Bad Request\r\n\r\n");
    assert!(bench.streams.handle().close(connection));
    assert_eq!(rest(&mut peer), b"400 Bad Request\r\n\r\n");
    assert_eq!(bench.closed(), (connection, CloseReason::Broken));
}

/// A broken stream is closed even when nobody answers it.
#[test]
fn b024_unanswered_broken_stream_ends() {
    let bench = Bench::tcp(StreamLimits { linger: ms(100), ..StreamLimits::default() });
    let mut peer = bench.dial();
    bench.opened();
    put(&mut peer, b"OPTIONS x\r\n\r\n");
    assert!(matches!(bench.event(), StreamEvent::Broken { .. }));
    assert_eq!(bench.closed().1, CloseReason::Broken);
    assert!(rest(&mut peer).is_empty());
}

/// CR LF CR LF is answered with CR LF at once and is no event; a lone CR LF asks for nothing and ends nothing.
#[test]
fn b025_p063_keep_alive_over_tcp() {
    let bench = Bench::tcp(StreamLimits { message: ms(50), ..StreamLimits::default() });
    let mut peer = bench.dial();
    let connection = bench.opened();
    for _ in 0..3 {
        put(&mut peer, b"\r\n\r\n");
        assert_eq!(exactly(&mut peer, 2), b"\r\n");
    }
    put(&mut peer, b"\r\n");
    std::thread::sleep(ms(150)); // three times what a begun message is given
    let sent = request("after", "");
    put(&mut peer, &sent);
    assert_eq!(bench.message(), (connection, sent));
    assert_eq!(bench.streams.handle().figures().pongs, 3);
}

/// A message begun must end: one that dribbles is cut off, while a peer beside it is served.
#[test]
fn b035_slow_loris_is_cut_off_and_others_are_served() {
    let bench = Bench::tcp(StreamLimits { message: ms(300), ..StreamLimits::default() });
    let mut slow = bench.dial();
    let loris = bench.opened();
    let mut quick = bench.dial();
    let served = bench.opened();
    let began = Instant::now();
    let ended = loop {
        let _ = slow.write_all(b"O"); // each byte is traffic, and yet no excuse
        put(&mut quick, &request("hello", ""));
        match bench.event() {
            StreamEvent::Closed { connection, why, .. } => break (connection, why),
            StreamEvent::Message { connection, .. } => assert_eq!(connection, served),
            other => panic!("{other:?}"),
        }
        assert!(began.elapsed() < PATIENCE);
        std::thread::sleep(ms(20));
    };
    assert_eq!(ended, (loris, CloseReason::SlowMessage));
}

/// A thousand silent connections: as many as allowed from one source are kept, the rest closed at once, another source is
/// served all the while, and in the end the silent ones go.
#[test]
fn b035_a_thousand_idle_connections() {
    let mut files = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    files.current = files.maximum; // both ends of a thousand connections live in this process
    rustix::process::setrlimit(rustix::process::Resource::Nofile, files).expect("raised");
    let limits = StreamLimits { per_source: 300, first_message: ms(1500), ..StreamLimits::default() };
    let bench = Bench::tcp(limits);
    let idle: Vec<TcpStream> = (0..1000).map(|_| bench.dial()).collect();
    let from = "127.0.0.2:0".parse::<SocketAddr>().expect("an address");
    let mut other = dial_from(from, bench.address());
    let sent = request("served", "");
    put(&mut other, &sent);
    let (mut opened, mut served) = (0, false);
    while !served {
        match bench.event() {
            StreamEvent::Opened { .. } => opened += 1,
            StreamEvent::Message { bytes, .. } => served = bytes == sent,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(opened, 301);
    let figures = bench.streams.handle().figures();
    assert_eq!((figures.open, figures.refused_source), (301, 700));
    for _ in 0..300 {
        assert_eq!(bench.closed().1, CloseReason::NeverSpoke);
    }
    put(&mut other, &sent);
    assert_eq!(bench.message().1, sent);
    bench.figures_become(|figures| figures.open == 1);
    drop(idle);
}

fn dial_from(from: SocketAddr, to: SocketAddr) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.bind(&from.into()).expect("bound");
    socket.connect(&to.into()).expect("connects");
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    stream
}

/// The limit over all sources holds, and a place that falls free is given again.
#[test]
fn b035_the_limit_over_all_holds() {
    let bench = Bench::tcp(StreamLimits { inbound: 2, ..StreamLimits::default() });
    let first = bench.dial();
    let (_second, mut third) = (bench.dial(), bench.dial());
    assert!(rest(&mut third).is_empty(), "closed at once");
    let one = bench.opened();
    bench.opened();
    drop(first);
    assert_eq!(bench.closed(), (one, CloseReason::PeerClosed));
    let mut fourth = bench.dial();
    let four = bench.opened();
    put(&mut fourth, &request("hello", ""));
    assert_eq!(bench.message().0, four);
    assert_eq!(bench.streams.handle().figures().refused_full, 1);
}

/// Traffic of any sort keeps a connection: pings alone, or our own messages alone. Without any it ends.
#[test]
fn p094_idle_counts_every_traffic() {
    let bench = Bench::tcp(StreamLimits { idle: ms(1500), ..StreamLimits::default() });
    let mut peer = bench.dial();
    let connection = bench.opened();
    put(&mut peer, &request("REGISTER", ""));
    bench.message();
    // Longer than the limit by either kind alone, each pause ten times shorter than it.
    for turn in 0..40 {
        std::thread::sleep(ms(100));
        match turn < 20 {
            true => put(&mut peer, b"\r\n\r\n"),
            false => bench.send(connection, b"NOTIFY\r\n\r\n"),
        }
        assert!(bench.events.is_empty(), "closed although there was traffic");
    }
    assert_eq!(bench.closed(), (connection, CloseReason::Idle));
}

/// When the shard's inbox is full the reader waits: nothing is lost, nothing is out of order, and a peer of another
/// connection still gets its keep-alive answered.
#[test]
fn a_full_inbox_loses_nothing() {
    let (sender, events) = bounded(4);
    let streams = Streams::start(StreamLimits::default(), &[listen(Kind::Tcp)], framing, sender).expect("starts");
    let bench = Bench { streams, events };
    let mut fast = bench.dial();
    let mut calm = bench.dial();
    std::thread::sleep(ms(50)); // both are opened: two places of four are taken
    let writer = std::thread::spawn(move || {
        for nth in 0..500 {
            put(&mut fast, &request(&format!("m{nth}"), ""));
        }
        fast
    });
    std::thread::sleep(ms(50));
    put(&mut calm, b"\r\n\r\n");
    assert_eq!(exactly(&mut calm, 2), b"\r\n");
    let (one, _two) = (bench.opened(), bench.opened());
    for nth in 0..500 {
        assert_eq!(bench.message(), (one, request(&format!("m{nth}"), "")));
    }
    drop(writer.join().expect("written"));
    assert!(bench.streams.handle().figures().waits > 0);
}

/// A TLS hello on the TCP port is closed at once, without an event for the shard to parse.
#[test]
fn b029_tls_on_the_tcp_port() {
    let bench = Bench::tcp(StreamLimits::default());
    let mut peer = bench.dial();
    let connection = bench.opened();
    put(&mut peer, &[0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]);
    assert_eq!(bench.closed(), (connection, CloseReason::Protocol));
    assert!(rest(&mut peer).is_empty());
}

/// A message over the limit is broken, not stored.
#[test]
fn b035_a_message_over_the_limit_is_broken() {
    let bench = Bench::tcp(StreamLimits { message_bytes: 2000, linger: ms(50), ..StreamLimits::default() });
    let mut peer = bench.dial();
    bench.opened();
    let _ = peer.write_all(&request("big", &"x".repeat(10_000)));
    let StreamEvent::Broken { bytes, .. } = bench.event() else { panic!("not broken") };
    assert_eq!(bytes.len(), 2000);
    assert_eq!(bench.closed().1, CloseReason::TooLarge);
}

/// A taken port is told in a sentence that names the setting.
#[test]
fn a_taken_port_is_told() {
    let bench = Bench::tcp(StreamLimits::default());
    let again = Listen { address: bench.address(), key: "sip.tcp.listen", ..listen(Kind::Tcp) };
    let (sender, _events) = bounded(1);
    let fault = Streams::start(StreamLimits::default(), &[again], framing, sender).expect_err("taken").to_string();
    assert!(fault.contains("in use") && fault.contains("TCP") && fault.contains("sip.tcp.listen"), "{fault}");
}

/// When the system has no descriptor left, accepting pauses (it neither spins nor dies), and goes on when there are some
/// again. Done in a process of its own, whose limit is lowered.
#[test]
fn b035_no_descriptor_left() {
    const CHILD: &str = "ECOUTE_TEST_FEW_FILES";
    if std::env::var_os(CHILD).is_none() {
        let program = std::env::current_exe().expect("this test");
        let name = std::thread::current().name().expect("the test's name").to_owned();
        let mut child = std::process::Command::new(program);
        child.args([&name, "--exact", "--test-threads=1"]).env(CHILD, "1");
        let output = child.output().expect("runs");
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && told.contains("1 passed"), "{told}");
        return;
    }
    let mut files = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    files.current = Some(48);
    rustix::process::setrlimit(rustix::process::Resource::Nofile, files).expect("lowered");
    let bench = Bench::tcp(StreamLimits { accept_pause: ms(50), ..StreamLimits::default() });
    let mut held = Vec::new();
    while let Ok(stream) = TcpStream::connect(bench.address()) {
        held.push(stream);
    }
    bench.figures_become(|figures| figures.accept_faults > 0);
    let (before, began) = (bench.streams.handle().figures().accept_faults, Instant::now());
    std::thread::sleep(ms(300));
    let tries = bench.streams.handle().figures().accept_faults - before;
    assert!(tries >= 1 && u128::from(tries) <= began.elapsed().as_millis() / 50 + 1, "{tries} tries");
    held.clear();
    bench.figures_become(|figures| figures.open == 0);
    let mut peer = bench.dial();
    put(&mut peer, &request("served", ""));
    while !matches!(bench.event(), StreamEvent::Message { .. }) {}
}
