//! A name server with a few records, and one that never answers.
#![expect(clippy::disallowed_methods, reason = "a name server on a real socket")]

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// A record: its name, its type, its data as RFC 1035 writes it.
pub type Record = (String, u16, Vec<u8>);

/// Answers what its records say, and that there is nothing else; it ends with its owner.
pub struct NameServer {
    pub address: SocketAddr,
    cut: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl NameServer {
    pub fn new(address: SocketAddr, records: Vec<Record>) -> NameServer {
        NameServer::run(address, move |query| answer(query, &records))
    }

    /// Hears and says nothing.
    pub fn silent(address: SocketAddr) -> NameServer {
        NameServer::run(address, |_| None)
    }

    fn run(address: SocketAddr, say: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + 'static) -> NameServer {
        let socket = UdpSocket::bind(address).expect("the address is free");
        socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout");
        let cut = Arc::new(AtomicBool::new(false));
        let end = cut.clone();
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 1500];
            while !end.load(Ordering::Relaxed) {
                let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
                if let Some(answer) = say(&buffer[..length]) {
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        NameServer { address, cut, thread: Some(thread) }
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.cut.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

pub fn a(name: &str, ip: IpAddr) -> Record {
    let IpAddr::V4(ip) = ip else { return (name.into(), 28, Vec::new()) };
    (name.into(), 1, ip.octets().to_vec())
}

pub fn srv(name: &str, priority: u16, port: u16, target: &str) -> Record {
    let mut data: Vec<u8> = [priority, 1, port].into_iter().flat_map(u16::to_be_bytes).collect();
    for label in target.split('.') {
        data.push(label.len() as u8);
        data.extend(label.as_bytes());
    }
    data.push(0);
    (name.into(), 33, data)
}

fn answer(query: &[u8], records: &[Record]) -> Option<Vec<u8>> {
    let (mut at, mut labels) = (12, Vec::new());
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(query.get(at..at + length)?).to_ascii_lowercase());
        at += length;
    }
    let kind = u16::from_be_bytes([*query.get(at)?, *query.get(at + 1)?]);
    let (question, name) = (query.get(12..at + 4)?, labels.join("."));
    let found: Vec<&Record> = records.iter().filter(|(n, k, _)| *n == name && *k == kind).collect();
    let mut answer = query.get(..2)?.to_vec();
    answer.extend([0x85, 0x80, 0, 1, 0, found.len() as u8, 0, 0, 0, 0]);
    answer.extend(question);
    for (_, kind, data) in found {
        answer.extend([0xC0, 0x0C]);
        answer.extend(kind.to_be_bytes());
        answer.extend([0, 1, 0, 0, 0, 60]);
        answer.extend((data.len() as u16).to_be_bytes());
        answer.extend(data);
    }
    Some(answer)
}
