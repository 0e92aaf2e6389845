//! How connections end, how the dead are found, and connections of our own.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A peer that reads nothing is found by the write timeout; the others go on.
#[test]
fn b034_a_peer_that_takes_nothing_is_closed() {
    let limits = StreamLimits { write: ms(300), queue: 10_000, queue_bytes: 64 << 20, ..StreamLimits::default() };
    let bench = Bench::tcp(limits);
    let mut deaf = bench.dial();
    let connection = bench.opened();
    put(&mut deaf, &request("once", "it worked"));
    bench.message();
    let mut good = bench.dial();
    let other = bench.opened();
    let big = vec![b'x'; 60_000];
    for _ in 0..200 {
        bench.send(connection, &big);
    }
    put(&mut good, &request("hello", ""));
    assert_eq!(bench.message().0, other);
    let StreamEvent::Closed { connection: gone, why, returned } = bench.event() else { panic!("not closed") };
    assert_eq!((gone, why), (connection, CloseReason::WriteTimeout));
    assert!(!returned.is_empty(), "what never left is handed back");
    drop(deaf);
}

/// A queue that is full ends its connection and says so to the sender.
#[test]
fn b034_a_full_queue_ends_its_connection() {
    let bench = Bench::tcp(StreamLimits { queue_bytes: 8 << 20, queue: 10_000, ..StreamLimits::default() });
    let _deaf = bench.dial();
    let connection = bench.opened();
    let big = vec![b'x'; 1 << 20];
    let fault = (0..100).find_map(|_| bench.streams.handle().send(connection, big.clone()).err());
    assert_eq!(fault, Some(SendFault::Full));
    assert_eq!(bench.closed(), (connection, CloseReason::QueueFull));
    assert_eq!(bench.streams.handle().send(connection, big), Err(SendFault::Gone));
}

/// A reset and an orderly end are told at once, each by its name.
#[test]
fn p090_the_end_of_a_connection_is_told_at_once() {
    let bench = Bench::tcp(StreamLimits::default());
    let orderly = bench.dial();
    let one = bench.opened();
    orderly.shutdown(Shutdown::Both).expect("closed");
    assert_eq!(bench.closed(), (one, CloseReason::PeerClosed));
    let rude = bench.dial();
    let two = bench.opened();
    socket2::SockRef::from(&rude).set_linger(Some(Duration::ZERO)).expect("set");
    drop(rude);
    assert_eq!(bench.closed(), (two, CloseReason::Reset));
}

/// A connection of our own: what is sent before it stands arrives, and the same peer is not dialled twice.
#[test]
fn an_outbound_connection_is_opened_once() {
    let bench = Bench::tcp(StreamLimits::default());
    let peer = TcpListener::bind("127.0.0.1:0").expect("listens");
    let to = Connect {
        kind: Kind::Tcp,
        local: Some("127.0.0.1".parse().expect("an address")),
        remote: peer.local_addr().expect("bound"),
        server_name: None,
        tls: None,
    };
    let connection = bench.streams.handle().reach(to.clone()).expect("begun");
    bench.send(connection, b"INVITE");
    assert_eq!(bench.streams.handle().reach(to.clone()), Ok(connection));
    let (mut stream, from) = peer.accept().expect("dialled");
    assert_eq!(exactly(&mut stream, 6), b"INVITE");
    let StreamEvent::Opened { connection: opened, outbound, local, remote, .. } = bench.event() else { panic!("what") };
    assert_eq!((opened, outbound, local, remote), (connection, true, from, to.remote));
    put(&mut stream, &request("SIP/2.0", ""));
    assert_eq!(bench.message().0, connection);
    drop(stream);
    assert_eq!(bench.closed(), (connection, CloseReason::PeerClosed));
    assert_ne!(bench.streams.handle().reach(to).expect("begun"), connection);
}

/// A refused connection is told by its number, and nothing is left open.
#[test]
fn p080_a_refused_connection_is_told() {
    let bench = Bench::tcp(StreamLimits::default());
    let nobody = TcpListener::bind("127.0.0.1:0").expect("listens").local_addr().expect("bound");
    let connection = bench.connect(Kind::Tcp, nobody);
    let _ = bench.streams.handle().send(connection, b"REGISTER".to_vec()); // it may be refused already
    let failed = StreamEvent::ConnectFailed { connection, kind: Kind::Tcp, remote: nobody, why: ConnectFault::Refused };
    assert_eq!(bench.event(), failed);
    assert_eq!(bench.streams.handle().figures().open, 0);
}

/// A request written to a connection that turns out dead is handed back with the end of the connection, so that it can be
/// sent once more over a fresh one.
#[test]
fn p065_a_request_into_a_dead_connection_comes_back() {
    let bench = Bench::tcp(StreamLimits::default());
    let peer = TcpListener::bind("127.0.0.1:0").expect("listens");
    let connection = bench.connect(Kind::Tcp, peer.local_addr().expect("bound"));
    let (mut stream, _) = peer.accept().expect("dialled");
    bench.opened();
    put(&mut stream, &request("SIP/2.0", "of an earlier call"));
    bench.message();
    bench.send(connection, b"INVITE sip:x");
    stream.peek(&mut [0]).expect("it has come");
    let restart = |stream: TcpStream| {
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("set");
        drop(stream); // RST, the request unread
    };
    restart(stream);
    let StreamEvent::Closed { connection: gone, why, returned } = bench.event() else { panic!("not closed") };
    assert_eq!((gone, why), (connection, CloseReason::Reset));
    assert_eq!(returned, vec![b"INVITE sip:x".to_vec()]);
    // A fresh connection that never worked gives nothing back: once more means once.
    let again = bench.connect(Kind::Tcp, peer.local_addr().expect("bound"));
    let (stream, _) = peer.accept().expect("dialled");
    bench.opened();
    bench.send(again, b"INVITE sip:x");
    stream.peek(&mut [0]).expect("it has come");
    restart(stream);
    let StreamEvent::Closed { returned, .. } = bench.event() else { panic!("not closed") };
    assert!(returned.is_empty());
}

/// Accepted and opened connections ask a silent peer whether it lives, and bound what is never acknowledged.
#[test]
fn b034_keep_alive_and_user_timeout_are_set() {
    let limits = StreamLimits::default();
    let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
    let stream = TcpStream::connect(listener.local_addr().expect("bound")).expect("connects");
    stream.set_nonblocking(true).expect("set");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _inside = runtime.enter();
    let stream = tokio::net::TcpStream::from_std(stream).expect("taken");
    super::super::accept::prepare(&stream, &limits);
    let socket = socket2::SockRef::from(&stream);
    assert!(socket.keepalive().expect("read"));
    let found = socket.tcp_keepalive_time().expect("read")
        + socket.tcp_keepalive_interval().expect("read") * socket.tcp_keepalive_retries().expect("read");
    assert!(found <= Duration::from_secs(45), "{found:?}");
    assert_eq!(socket.tcp_user_timeout().expect("read"), Some(limits.user_timeout));
    assert!(limits.user_timeout <= Duration::from_secs(45));
}

/// The end of the program ends connections in order, within its limit.
#[test]
fn shutdown_is_bounded_and_in_order() {
    let bench = Bench::tcp(StreamLimits::default());
    let mut peer = bench.dial();
    let connection = bench.opened();
    bench.send(connection, b"BYE");
    let began = Instant::now();
    let Bench { streams, events } = bench;
    streams.stop(Duration::from_secs(2));
    assert!(began.elapsed() < ms(2500));
    assert_eq!(rest(&mut peer), b"BYE");
    let last = events.recv_timeout(PATIENCE).expect("told");
    assert!(matches!(last, StreamEvent::Closed { why: CloseReason::Shutdown, .. }), "{last:?}");
}

/// A peer that vanished without a word (its end forgets the connection, and no FIN is sent) is found by the keep-alive.
#[test]
fn b034_a_vanished_peer_is_found() {
    let limits = StreamLimits {
        keepalive: Duration::from_secs(1),
        keepalive_interval: Duration::from_secs(1),
        user_timeout: Duration::from_secs(2),
        ..StreamLimits::default()
    };
    let bench = Bench::tcp(limits);
    let mut peer = bench.dial();
    let connection = bench.opened();
    put(&mut peer, &request("REGISTER", ""));
    bench.message();
    if !vanish(&peer) {
        eprintln!("not shown: only the superuser can make a connection vanish");
        return;
    }
    drop(peer);
    let began = Instant::now();
    assert_eq!(bench.closed(), (connection, CloseReason::Reset));
    assert!(began.elapsed() > ms(500) && began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

/// Puts a socket into the mode in which closing it says nothing to the other end. False: not permitted.
#[expect(unsafe_code, reason = "this option has no safe wrapper")]
fn vanish(stream: &TcpStream) -> bool {
    use std::os::fd::AsRawFd;
    let on: libc::c_int = 1;
    // SAFETY: the descriptor is open, and the option takes one c_int.
    let set = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_REPAIR,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    set == 0
}

/// A connection of our own that was reset is opened anew at the next need, again and again.
#[test]
fn p072_a_reset_connection_is_opened_anew() {
    let bench = Bench::tcp(StreamLimits::default());
    let peer = TcpListener::bind("127.0.0.1:0").expect("listens");
    let remote = peer.local_addr().expect("bound");
    let to = Connect { kind: Kind::Tcp, local: None, remote, server_name: None, tls: None };
    let mut numbers = Vec::new();
    for _ in 0..3 {
        let connection = bench.streams.handle().reach(to.clone()).expect("begun");
        let (stream, _) = peer.accept().expect("dialled");
        assert_eq!(bench.opened(), connection);
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("set");
        drop(stream);
        assert_eq!(bench.closed(), (connection, CloseReason::Reset));
        numbers.push(connection);
    }
    numbers.dedup();
    assert_eq!(numbers.len(), 3);
}

/// What is sent on a connection that came in goes out on it, though nobody listens at the peer's address; a phone that
/// comes back on a new connection has a number of its own.
#[test]
fn p074_p087_answers_take_the_connection_that_came_in() {
    let bench = Bench::tcp(StreamLimits::default());
    let mut old = bench.dial();
    let first = bench.opened();
    put(&mut old, &request("REGISTER", "1"));
    assert_eq!(bench.message().0, first);
    let mut new = bench.dial();
    let second = bench.opened();
    put(&mut new, &request("REGISTER", "2"));
    assert_eq!(bench.message().0, second);
    bench.send(second, b"INVITE");
    assert_eq!(exactly(&mut new, 6), b"INVITE");
    bench.streams.handle().close(first);
    assert!(rest(&mut old).is_empty(), "nothing went to the old one");
}

/// A response whose connection is gone can be sent over a fresh one to the port the peer listens on.
#[test]
fn p064_a_fresh_connection_to_the_peers_own_port() {
    let bench = Bench::tcp(StreamLimits::default());
    let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
    let mut caller = bench.dial();
    let gone = bench.opened();
    put(&mut caller, &request("INVITE", ""));
    bench.message();
    drop(caller);
    assert_eq!(bench.closed().0, gone);
    assert_eq!(bench.streams.handle().send(gone, b"200 OK".to_vec()), Err(SendFault::Gone));
    let fresh = bench.connect(Kind::Tcp, listener.local_addr().expect("bound"));
    bench.send(fresh, b"200 OK");
    assert_eq!(exactly(&mut listener.accept().expect("dialled").0, 6), b"200 OK");
}
