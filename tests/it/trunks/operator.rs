//! A machine of an operator without a stack: it answers what it is told to answer, over UDP, TCP or TLS, and remembers what
//! it was asked. It is cut off when it is dropped, and comes back when another is opened at its address.
#![expect(clippy::disallowed_methods, reason = "a peer on real sockets, waited for on the real clock")]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use md5::{Digest, Md5};

use crate::engine::{SOON, wait_until};
use crate::wire::raw::Got;

/// How often it looks whether it shall end.
const BEAT: Duration = Duration::from_millis(20);

/// One answer: a status line, header lines each ended, a body.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: String,
    pub headers: String,
    pub body: String,
}

impl Answer {
    pub fn new(status: &str) -> Answer {
        Answer { status: status.into(), headers: String::new(), body: String::new() }
    }

    pub fn with(mut self, header: &str) -> Answer {
        self.headers.push_str(header);
        self.headers.push_str("\r\n");
        self
    }

    pub fn body(mut self, body: &str) -> Answer {
        body.clone_into(&mut self.body);
        self.with("Content-Type: application/sdp")
    }
}

/// What a machine says to a request: nothing, or answers in their order.
type Manner = dyn FnMut(&Got) -> Vec<Answer> + Send;

/// A machine of an operator.
pub struct Machine {
    pub address: SocketAddr,
    heard: Arc<Mutex<Vec<Got>>>,
    cut: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Machine {
    /// Over UDP.
    pub fn udp(address: SocketAddr, mut manner: impl FnMut(&Got) -> Vec<Answer> + Send + 'static) -> Machine {
        let socket = UdpSocket::bind(address).expect("the address is free");
        socket.set_read_timeout(Some(BEAT)).expect("a timeout");
        let address = socket.local_addr().expect("bound");
        Machine::run(address, move |heard, cut| {
            let mut buffer = vec![0; 65_536];
            while !cut.load(Ordering::Relaxed) {
                let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                for reply in hear(&heard, text, address, &mut manner) {
                    let _ = socket.send_to(reply.as_bytes(), from);
                }
            }
        })
    }

    /// Over TCP, one connection at a time.
    pub fn tcp(address: SocketAddr, manner: impl FnMut(&Got) -> Vec<Answer> + Send + 'static) -> Machine {
        Machine::streams(address, manner, Some)
    }

    /// Over TLS, with these settings; a client that cannot prove what they ask for is not heard.
    pub fn tls(
        address: SocketAddr,
        settings: Arc<rustls::ServerConfig>,
        manner: impl FnMut(&Got) -> Vec<Answer> + Send + 'static,
    ) -> Machine {
        Machine::streams(address, manner, move |stream| {
            let connection = rustls::ServerConnection::new(settings.clone()).ok()?;
            Some(rustls::StreamOwned::new(connection, stream))
        })
    }

    fn streams<S: Read + Write + 'static>(
        address: SocketAddr,
        mut manner: impl FnMut(&Got) -> Vec<Answer> + Send + 'static,
        dress: impl Fn(TcpStream) -> Option<S> + Send + 'static,
    ) -> Machine {
        let listener = TcpListener::bind(address).expect("the address is free");
        listener.set_nonblocking(true).expect("it can be asked without waiting");
        let address = listener.local_addr().expect("bound");
        Machine::run(address, move |heard, cut| {
            while !cut.load(Ordering::Relaxed) {
                let Ok((stream, _)) = listener.accept() else {
                    std::thread::sleep(BEAT);
                    continue;
                };
                stream.set_nonblocking(false).expect("it waits");
                stream.set_read_timeout(Some(BEAT)).expect("a timeout");
                let Some(mut stream) = dress(stream) else { continue };
                converse(&mut stream, &heard, &cut, address, &mut manner);
            }
        })
    }

    fn run(address: SocketAddr, live: impl FnOnce(Arc<Mutex<Vec<Got>>>, Arc<AtomicBool>) + Send + 'static) -> Machine {
        let (heard, cut) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let (ears, end) = (Arc::clone(&heard), Arc::clone(&cut));
        let thread = std::thread::spawn(move || live(ears, end));
        Machine { address, heard, cut, thread: Some(thread) }
    }

    /// The requests of this method so far.
    pub fn heard(&self, method: &str) -> Vec<Got> {
        let heard = self.heard.lock().expect("no panic");
        heard.iter().filter(|got| got.is(method)).cloned().collect()
    }

    /// Waits for the `nth` request of this method.
    pub fn wait(&self, method: &str, nth: usize) -> Got {
        wait_until(&format!("{method} number {nth}"), SOON, || self.heard(method).len() >= nth);
        self.heard(method)[nth - 1].clone()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.cut.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn converse<S: Read + Write>(
    stream: &mut S,
    heard: &Mutex<Vec<Got>>,
    cut: &AtomicBool,
    address: SocketAddr,
    manner: &mut Manner,
) {
    let (mut text, mut piece) = (String::new(), [0; 4096]);
    while !cut.load(Ordering::Relaxed) {
        match stream.read(&mut piece) {
            Ok(0) => return,
            Ok(length) => text.push_str(&String::from_utf8_lossy(&piece[..length])),
            Err(fault) if matches!(fault.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return,
        }
        while let Some(message) = cut_one(&mut text) {
            for reply in hear(heard, message, address, manner) {
                if stream.write_all(reply.as_bytes()).and_then(|()| stream.flush()).is_err() {
                    return;
                }
            }
        }
    }
}

/// One whole message off the front.
fn cut_one(text: &mut String) -> Option<String> {
    let trimmed = text.trim_start_matches("\r\n").len();
    text.drain(..text.len() - trimmed);
    let head = text.find("\r\n\r\n")? + 4;
    let length: usize = Got(text[..head].to_owned()).header("Content-Length")?.parse().ok()?;
    let whole = head + length;
    (text.len() >= whole).then(|| text.drain(..whole).collect())
}

fn hear(heard: &Mutex<Vec<Got>>, text: String, address: SocketAddr, manner: &mut Manner) -> Vec<String> {
    let got = Got(text);
    if got.status() != 0 || got.0.trim().is_empty() {
        return Vec::new();
    }
    let answers = if got.is("ACK") { Vec::new() } else { manner(&got) };
    let replies = answers.iter().map(|answer| reply(&got, answer, address)).collect();
    heard.lock().expect("no panic").push(got);
    replies
}

fn reply(request: &Got, answer: &Answer, address: SocketAddr) -> String {
    let mut text = format!("SIP/2.0 {}\r\n", answer.status);
    for line in request.0.split("\r\n").take_while(|line| !line.is_empty()) {
        let name = line.split(':').next().unwrap_or_default();
        let to = name.eq_ignore_ascii_case("To");
        if to && !line.contains("tag=") {
            text.push_str(&format!("{line};tag=operator\r\n"));
        } else if to || ["Via", "From", "Call-ID", "CSeq"].iter().any(|kept| name.eq_ignore_ascii_case(kept)) {
            text.push_str(&format!("{line}\r\n"));
        }
    }
    let Answer { headers, body, .. } = answer;
    text.push_str(&format!(
        "Contact: <sip:operator@{address}>\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    text
}

/// Does the request prove that its sender knows the password (RFC 7616, MD5, qop=auth)?
pub fn proves(request: &Got, header: &str, user: &str, password: &str) -> bool {
    let Some(written) = request.header(header).and_then(|value| value.strip_prefix("Digest ")) else { return false };
    let part = |name: &str| {
        let found = written.split(',').map(str::trim).find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        found.unwrap_or_default().trim_matches('"').to_owned()
    };
    let hash = |text: String| Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let method = request.0.split(' ').next().unwrap_or_default();
    let ha1 = hash(format!("{user}:{}:{password}", part("realm")));
    let ha2 = hash(format!("{method}:{}", part("uri")));
    let between = ["nonce", "nc", "cnonce", "qop"].map(part).join(":");
    part("username") == user && part("response") == hash(format!("{ha1}:{between}:{ha2}"))
}
