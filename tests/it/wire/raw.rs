//! A SIP peer without a stack: it sends what it is told, byte for byte, and reads what comes, with a parser of its own.
#![expect(clippy::disallowed_methods, reason = "a peer on a real socket, waited for on the real clock")]
#![expect(clippy::panic, reason = "a peer that gets no answer says to what")]

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// How long an answer may take. Ten times a loopback's worst, for a machine that has much else to do.
pub const ANSWER: Duration = Duration::from_secs(5);
/// How long one waits where nothing must come.
pub const NOTHING: Duration = Duration::from_millis(300);

/// A description of the base case: G.711 A-law and key events, at a port that nobody listens on.
pub const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 45000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\n";

/// A peer.
pub struct Peer {
    socket: UdpSocket,
    server: SocketAddr,
    serial: Cell<u32>,
}

/// One message, as it came.
#[derive(Clone, Debug)]
pub struct Got(pub String);

/// One call of a peer's, or one request outside any call.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The number dialled, or the account.
    pub user: String,
    pub call_id: String,
    pub from_tag: String,
    pub to_tag: Option<String>,
    pub branch: String,
    pub cseq: u32,
    /// The Request-URI; the Contact of the answer, once there is one.
    pub target: String,
}

impl Peer {
    /// A peer at any port of `ip`.
    pub fn new(ip: IpAddr, server: SocketAddr) -> Peer {
        Peer::at(SocketAddr::new(ip, 0), server)
    }

    /// A peer at this very address.
    pub fn at(local: SocketAddr, server: SocketAddr) -> Peer {
        let socket = UdpSocket::bind(local).unwrap_or_else(|fault| panic!("{local} cannot be had: {fault}"));
        Peer { socket, server, serial: Cell::new(0) }
    }

    pub fn local(&self) -> SocketAddr {
        self.socket.local_addr().expect("an address")
    }

    pub fn send(&self, bytes: impl AsRef<[u8]>) {
        self.socket.send_to(bytes.as_ref(), self.server).expect("the loopback takes it");
    }

    /// The next message, within a time.
    pub fn receive(&self, within: Duration) -> Option<Got> {
        let until = Instant::now() + within;
        let mut buffer = vec![0; 65_536];
        loop {
            let left = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
            self.socket.set_read_timeout(Some(left)).expect("a timeout");
            match self.socket.recv(&mut buffer) {
                Ok(length) if length > 4 => return Some(Got(String::from_utf8_lossy(&buffer[..length]).into_owned())),
                // A keep-alive; or the port it was sent from is closed, as ICMP tells.
                Ok(_) => {}
                Err(fault) if fault.kind() == std::io::ErrorKind::ConnectionRefused => {}
                Err(_) => return None,
            }
        }
    }

    /// The next message that is wanted; others are passed over.
    pub fn receive_where(&self, within: Duration, wanted: impl Fn(&Got) -> bool) -> Option<Got> {
        let until = Instant::now() + within;
        loop {
            let left = until.checked_duration_since(Instant::now())?;
            let got = self.receive(left)?;
            if wanted(&got) {
                return Some(got);
            }
        }
    }

    /// The next final answer to this request of the exchange.
    pub fn answer(&self, exchange: &Exchange, method: &str) -> Got {
        self.try_answer(exchange, method, ANSWER).unwrap_or_else(|| panic!("no final answer to {method}"))
    }

    pub fn try_answer(&self, exchange: &Exchange, method: &str, within: Duration) -> Option<Got> {
        let cseq = format!("{} {method}", exchange.cseq);
        self.receive_where(within, |got| {
            got.status() >= 200 && got.header("Call-ID") == Some(&exchange.call_id) && got.header("CSeq") == Some(&cseq)
        })
    }

    /// A fresh exchange with `user` at the engine.
    pub fn exchange(&self, user: &str) -> Exchange {
        self.serial.set(self.serial.get() + 1);
        let (local, nth) = (self.local(), self.serial.get());
        let mark = format!("{}x{nth}", local.port());
        Exchange {
            user: user.to_owned(),
            call_id: format!("{mark}@{}", local.ip()),
            from_tag: format!("f{mark}"),
            to_tag: None,
            branch: format!("z9hG4bK{mark}"),
            cseq: 1,
            target: format!("sip:{user}@{}", self.server),
        }
    }

    /// The text of a request. `headers` are whole lines, each ended.
    pub fn request(&self, exchange: &Exchange, method: &str, headers: &str, body: &str) -> String {
        let Exchange { user, call_id, from_tag, branch, cseq, target, .. } = exchange;
        let (local, server) = (self.local(), self.server);
        let to_tag = exchange.to_tag.as_ref().map(|tag| format!(";tag={tag}")).unwrap_or_default();
        let sort = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch={branch};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:0199001234@{ip}>;tag={from_tag}\r\nTo: <sip:{user}@{server}>{to_tag}\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} {method}\r\nContact: <sip:caller@{local}>\r\n{headers}{sort}Content-Length: {length}\r\n\r\n{body}",
            ip = local.ip(),
            length = body.len(),
        )
    }

    /// Sends a request of the exchange and waits for its final answer.
    pub fn ask(&self, exchange: &Exchange, method: &str, headers: &str, body: &str) -> Got {
        self.send(self.request(exchange, method, headers, body));
        self.answer(exchange, method)
    }

    /// Dials, and acknowledges a refusal. With a 200 the exchange learns its other half; the ACK is still owed.
    pub fn dial(&self, user: &str, body: &str) -> (Exchange, Got) {
        let mut exchange = self.exchange(user);
        let got = self.ask(&exchange, "INVITE", "", body);
        exchange.learn(&got);
        if got.status() >= 300 {
            self.send(self.request(&exchange, "ACK", "", ""));
        }
        (exchange, got)
    }

    /// The ACK of a 200: a transaction of its own.
    pub fn acknowledge(&self, exchange: &Exchange, body: &str) {
        let ack = Exchange { branch: format!("{}a", exchange.branch), ..exchange.clone() };
        self.send(self.request(&ack, "ACK", "", body));
    }

    /// The next request of the call.
    pub fn next(&self, exchange: &mut Exchange) {
        exchange.cseq += 1;
        exchange.branch = format!("{}n{}", exchange.branch, exchange.cseq);
    }

    /// Hangs up.
    pub fn bye(&self, exchange: &mut Exchange) -> Got {
        self.next(exchange);
        self.ask(exchange, "BYE", "", "")
    }

    /// Answers a request of the engine's.
    pub fn reply(&self, request: &Got, status: &str) {
        let line = |name: &str| request.lines_of(name).map(|line| format!("{line}\r\n")).collect::<String>();
        let head: String = ["Via", "From", "To", "Call-ID", "CSeq"].into_iter().map(line).collect();
        self.send(format!("SIP/2.0 {status}\r\n{head}Content-Length: 0\r\n\r\n"));
    }

    /// Is the engine there, and at once? From a peer of its own, so that nothing else is read.
    pub fn is_served(server: SocketAddr) -> bool {
        let peer = Peer::new(server.ip(), server);
        let exchange = peer.exchange("3977");
        peer.send(peer.request(&exchange, "OPTIONS", "", ""));
        peer.try_answer(&exchange, "OPTIONS", ANSWER).is_some_and(|got| got.status() == 200)
    }
}

impl Exchange {
    /// What an answer tells: the To tag, and where the rest of the call goes.
    pub fn learn(&mut self, got: &Got) {
        self.to_tag = got.header("To").and_then(|to| Some(to.split_once(";tag=")?.1.to_owned()));
        if got.status() < 300
            && let Some((_, rest)) = got.header("Contact").and_then(|contact| contact.split_once('<'))
        {
            self.target = rest.split('>').next().unwrap_or_default().to_owned();
        }
    }
}

impl Got {
    /// The status of an answer; 0 for a request.
    pub fn status(&self) -> u16 {
        self.0.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)?.parse().ok()).unwrap_or(0)
    }

    /// Is it a request of this method?
    pub fn is(&self, method: &str) -> bool {
        self.0.strip_prefix(method).is_some_and(|rest| rest.starts_with(' '))
    }

    /// The value of the first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let line = self.lines_of(name).next()?;
        Some(line.split_once(':')?.1.trim())
    }

    pub fn body(&self) -> &str {
        self.0.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }

    pub fn lines_of<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let head = self.0.split("\r\n\r\n").next().unwrap_or_default();
        head.split("\r\n")
            .filter(move |line| line.split(':').next().is_some_and(|n| n.trim().eq_ignore_ascii_case(name)))
    }
}
