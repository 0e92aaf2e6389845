//! The whole way down to datagrams: a name server of the tests' own on loopback, the library in between.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Instant as Clock;

use crossbeam_channel::{Receiver, bounded};
use hickory_resolver::proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, NAPTR, SOA, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record as DnsRecord};
use hickory_resolver::proto::serialize::binary::{BinDecodable, BinEncodable};

use super::*;

type Zone = BTreeMap<(String, &'static str), Vec<RData>>;

/// A name server: it answers from its zone, says that there are none with an SOA of 60 s, and counts.
struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    mute: Arc<AtomicBool>,
}

impl Server {
    fn start(zone: Zone) -> Server {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback");
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("set");
        let address = socket.local_addr().expect("bound");
        let (asked, stop, mute) =
            (Arc::<Mutex<Vec<String>>>::default(), Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let server = Server { address, asked: asked.clone(), stop: stop.clone(), mute: mute.clone() };
        std::thread::spawn(move || {
            let mut buffer = [0u8; 1500];
            while !stop.load(Relaxed) {
                let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
                let Ok(query) = Message::from_bytes(&buffer[..length]) else { continue };
                asked.lock().expect("not poisoned").push(query.queries[0].to_string());
                if !mute.load(Relaxed) {
                    let answer = answer(&query, &zone).to_bytes().expect("written");
                    socket.send_to(&answer, from).expect("sent");
                }
            }
        });
        server
    }

    fn count(&self) -> usize {
        self.asked.lock().expect("not poisoned").len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
    }
}

fn answer(query: &Message, zone: &Zone) -> Message {
    let question = query.queries[0].clone();
    let mut message = Message::new(query.id, MessageType::Response, OpCode::Query);
    let name = question.name().to_ascii().trim_end_matches('.').to_ascii_lowercase();
    let kind = question.query_type().to_string();
    message.queries.push(question.clone());
    match zone.iter().find(|((n, k), _)| *n == name && *k == kind) {
        Some((_, records)) => {
            for data in records {
                message.answers.push(DnsRecord::from_rdata(question.name().clone(), 60, data.clone()));
            }
        }
        None => {
            message.metadata.response_code = ResponseCode::NXDomain;
            let host = Name::from_ascii("ns.example.org.").expect("a name");
            let soa = SOA::new(host.clone(), host, 1, 60, 60, 60, 60);
            let zone = Name::from_ascii("example.org.").expect("a name");
            message.authorities.push(DnsRecord::from_rdata(zone, 60, RData::SOA(soa)));
        }
    }
    message
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).expect("a name")
}

fn zone() -> Zone {
    let text = |text: &str| text.as_bytes().to_vec().into_boxed_slice();
    let pointer = NAPTR::new(10, 50, text("s"), text("SIP+D2T"), text(""), name("_sip._tcp.example.org."));
    BTreeMap::from([
        (("example.org".to_owned(), "NAPTR"), vec![RData::NAPTR(pointer)]),
        (
            ("_sip._tcp.example.org".to_owned(), "SRV"),
            vec![
                RData::SRV(SRV::new(20, 1, 5062, name("second.example.org."))),
                RData::SRV(SRV::new(10, 1, 5061, name("first.example.org."))),
            ],
        ),
        (("first.example.org".to_owned(), "A"), vec![RData::A(A::new(192, 0, 2, 1))]),
        (("second.example.org".to_owned(), "AAAA"), vec![RData::AAAA(AAAA::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2))]),
    ])
}

struct Shell {
    resolver: Resolver,
    results: Receiver<Resolved>,
    _runtime: Runtime,
}

struct Runtime {
    handle: tokio::runtime::Handle,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
}

impl Runtime {
    fn start() -> Runtime {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let handle = runtime.handle().clone();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || runtime.block_on(stopped));
        Runtime { handle, stop: Some(stop) }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        drop(self.stop.take());
    }
}

impl Shell {
    fn new(servers: &[SocketAddr]) -> Shell {
        let runtime = Runtime::start();
        let (sender, results) = bounded(8);
        let source = Arc::new(DnsSource::of_servers(servers).expect("a source"));
        let chance = IdSource::from_number(1);
        let resolver = Resolver::start(&runtime.handle, ResolveSettings::default(), source, chance, sender);
        Shell { resolver, results, _runtime: runtime }
    }

    fn resolve(&self, ticket: u64, target: Target) -> Result<Vec<Hop>, ResolveFault> {
        self.resolver.ask(ticket, target).expect("room");
        let resolved = self.results.recv_timeout(Duration::from_secs(5)).expect("a result in time");
        assert_eq!(resolved.ticket, ticket);
        resolved.result
    }
}

/// NAPTR, SRV and both kinds of addresses over real datagrams; the second time nothing is asked; what is not there is not
/// found, and that is kept too.
#[test]
fn b207_over_real_datagrams() {
    let server = Server::start(zone());
    let shell = Shell::new(&[server.address]);
    let hops = shell.resolve(1, host("example.org")).expect("hops");
    let texts: Vec<_> = hops.iter().map(text).collect();
    assert_eq!(texts, ["TCP 192.0.2.1:5061", "TCP [2001:db8::2]:5062"]);
    let asked = server.count();
    assert_eq!(asked, 6, "NAPTR, SRV, and A and AAAA of two hosts");
    assert_eq!(shell.resolve(2, host("example.org")).expect("hops"), hops);
    assert_eq!(server.count(), asked);
    let nobody = || Target { port: Some(5060), ..host("nobody.example.org") };
    assert_eq!(shell.resolve(3, nobody()), Err(ResolveFault::NotFound));
    let asked = server.count();
    assert_eq!(shell.resolve(4, nobody()), Err(ResolveFault::NotFound));
    assert_eq!(server.count(), asked);
    assert_eq!(shell.resolve(5, host("x.invalid")), Err(ResolveFault::NoName));
    assert_eq!(server.count(), asked);
}

/// A name server that says nothing: the asker is not held, has his answer within the budget, and a bare address beside it
/// is answered at once.
#[test]
fn b209_p071_a_mute_name_server_holds_nobody() {
    let server = Server::start(zone());
    server.mute.store(true, Relaxed);
    let shell = Shell::new(&[server.address]);
    let began = Clock::now();
    shell.resolver.ask(1, host("example.org")).expect("room");
    assert!(began.elapsed() < Duration::from_millis(50), "asking waited");
    assert!(shell.resolve(2, host("192.0.2.1")).is_ok());
    assert!(began.elapsed() < Duration::from_millis(500), "a bare address waited");
    let resolved = shell.results.recv_timeout(Duration::from_secs(5)).expect("a result in time");
    assert_eq!(resolved, Resolved { ticket: 1, result: Err(ResolveFault::Unavailable) });
    assert!(began.elapsed() < Duration::from_millis(3500), "{:?}", began.elapsed());
}

/// The second name server answers when the first is dead.
#[test]
fn b209_the_second_name_server_answers() {
    let dead = UdpSocket::bind("127.0.0.1:0").expect("loopback").local_addr().expect("bound");
    let server = Server::start(zone());
    let shell = Shell::new(&[dead, server.address]);
    let hops = shell.resolve(1, Target { way: Some(Way::TCP), ..host("example.org") }).expect("hops");
    assert_eq!(hops.len(), 2);
}
