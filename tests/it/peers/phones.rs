//! A thousand telephones in one thread: they register with digest, say again what is not answered, ring, are answered, and hang
//! up after a moment. Their sound is somewhere else: the address in their descriptions belongs to the test.
#![expect(clippy::disallowed_methods, reason = "telephones on real sockets, waited for on the real clock")]

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use md5::Digest as _;

use crate::engine::PASSWORD;
use crate::wire::raw::Got;

/// All of them, until they are dropped.
pub struct Phones {
    shared: Arc<Mutex<Shared>>,
    thread: Option<JoinHandle<()>>,
}

/// What the test and the telephones tell each other.
#[derive(Default)]
struct Shared {
    stop: bool,
    /// All register anew, each at its own moment between these two.
    again: Option<(Instant, Instant)>,
    registered: usize,
    rung: usize,
    unexpected: Vec<String>,
}

struct Phone {
    user: String,
    socket: usize,
    cseq: u32,
    nonce: Option<String>,
    registered: bool,
    /// The REGISTER under way, and when it is said next.
    request: Option<Again>,
    call: Option<Call>,
}

/// What is said again until it is answered (RFC 3261 §17.1.2.2).
struct Again {
    text: String,
    at: Instant,
    wait: Duration,
}

struct Call {
    invite: Got,
    /// The answer or the BYE, until somebody reacts to it.
    said: Option<Again>,
    hangs_up: Option<Instant>,
    leaving: bool,
}

/// How long a telephone rings, and how long its listener then speaks.
const RING: Duration = Duration::from_millis(150);
const TALK: Duration = Duration::from_millis(1500);
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);

impl Phones {
    /// Telephones of these accounts, spread over addresses, that register within `spread`; their sound is at `sound`.
    pub fn start(server: SocketAddr, ips: &[IpAddr], names: &[String], sound: SocketAddr, spread: Duration) -> Phones {
        let open = |ip: &IpAddr| {
            let socket = UdpSocket::bind((*ip, 0)).expect("a socket");
            socket.set_nonblocking(true).expect("it can be asked without waiting");
            socket
        };
        let sockets: Vec<UdpSocket> = ips.iter().map(open).collect();
        let phone = |(nth, user): (usize, &String)| Phone {
            user: user.clone(),
            socket: nth % sockets.len(),
            cseq: 0,
            nonce: None,
            registered: false,
            request: None,
            call: None,
        };
        let phones: Vec<Phone> = names.iter().enumerate().map(phone).collect();
        let now = Instant::now();
        let shared = Arc::new(Mutex::new(Shared { again: Some((now, now + spread)), ..Shared::default() }));
        let house = Household { server, sound, sockets, phones, shared: shared.clone() };
        Phones { shared, thread: Some(std::thread::spawn(move || house.live())) }
    }

    /// All have noticed that nobody knows them any more: each registers at a moment of its own in this span.
    pub fn register_again(&self, from: Duration, until: Duration) {
        let now = Instant::now();
        let mut shared = self.shared();
        shared.registered = 0;
        shared.again = Some((now + from, now + until));
    }

    pub fn registered(&self) -> usize {
        self.shared().registered
    }

    /// How often one of them rang.
    pub fn rung(&self) -> usize {
        self.shared().rung
    }

    /// Answers that no telephone should get.
    pub fn unexpected(&self) -> Vec<String> {
        self.shared().unexpected.clone()
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Phones {
    fn drop(&mut self) {
        self.shared().stop = true;
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

// ---- helpers -----------------------------------------------------------------------------------------------------

struct Household {
    server: SocketAddr,
    sound: SocketAddr,
    sockets: Vec<UdpSocket>,
    phones: Vec<Phone>,
    shared: Arc<Mutex<Shared>>,
}

impl Household {
    fn live(mut self) {
        let mut buffer = vec![0; 65_536];
        let shared = self.shared.clone();
        loop {
            let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
            if shared.stop {
                return;
            }
            let now = Instant::now();
            if let Some((from, until)) = shared.again.take() {
                self.register_all(from, until);
            }
            for nth in 0..self.sockets.len() {
                while let Ok(length) = self.sockets[nth].recv(&mut buffer) {
                    let got = Got(String::from_utf8_lossy(&buffer[..length]).into_owned());
                    self.take(now, &got, &mut shared);
                }
            }
            drop(shared);
            self.say_again(now);
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn register_all(&mut self, from: Instant, until: Instant) {
        let count = self.phones.len() as u32;
        for nth in 0..self.phones.len() {
            // Neighbours on a list are no neighbours in time.
            let turn = (nth as u32).wrapping_mul(7919) % count;
            self.phones[nth].registered = false;
            self.register(nth, from + (until - from) * turn / count);
        }
    }

    /// A REGISTER, to be sent at `at`.
    fn register(&mut self, nth: usize, at: Instant) {
        let (server, phone) = (self.server, &mut self.phones[nth]);
        let local = self.sockets[phone.socket].local_addr().expect("an address");
        phone.cseq += 1;
        let Phone { user, cseq, nonce, .. } = phone;
        let proof = nonce.as_ref().map(|nonce| proof(user, nonce, server)).unwrap_or_default();
        let text = format!(
            "REGISTER sip:{server} SIP/2.0\r\nVia: SIP/2.0/UDP {local};rport;branch=z9hG4bKr{nth}x{cseq}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@{server}>;tag=r{nth}x{cseq}\r\nTo: <sip:{user}@{server}>\r\n\
             Call-ID: register-{nth}@{local}\r\nCSeq: {cseq} REGISTER\r\nContact: <sip:{user}@{local}>\r\nExpires: 600\r\n\
             {proof}Content-Length: 0\r\n\r\n"
        );
        phone.request = Some(Again { text, at, wait: T1 });
    }

    fn take(&mut self, now: Instant, got: &Got, shared: &mut Shared) {
        let method = got.header("CSeq").and_then(|cseq| cseq.split(' ').nth(1)).unwrap_or_default().to_owned();
        // In a request to a telephone the account is in To, in the answer to its BYE it is in From.
        let named = if method == "BYE" && got.status() > 0 { "From" } else { "To" };
        let user = |got: &Got| Some(got.header(named)?.split_once("sip:")?.1.split('@').next()?.to_owned());
        let user = user(got).unwrap_or_default();
        let Some(nth) = self.phones.iter().position(|phone| phone.user == user) else { return };
        match (got.status(), &*method) {
            (0, _) => self.asked(now, nth, got, shared),
            (status, "REGISTER") => self.answered(now, nth, status, got, shared),
            (200.., "BYE") => self.phones[nth].call = None,
            _ => {}
        }
    }

    fn answered(&mut self, now: Instant, nth: usize, status: u16, got: &Got, shared: &mut Shared) {
        let phone = &mut self.phones[nth];
        let ours = got.header("CSeq") == Some(&format!("{} REGISTER", phone.cseq));
        if !ours || phone.request.take().is_none() {
            return;
        }
        match status {
            200 => {
                phone.registered = true;
                shared.registered += 1;
            }
            401 => {
                let challenge = got.0.lines().find(|line| line.contains("WWW-Authenticate") && line.contains("MD5"));
                let nonce =
                    challenge.and_then(|line| line.split_once("nonce=\"")?.1.split('"').next().map(str::to_owned));
                phone.nonce = nonce;
                self.register(nth, now);
            }
            other => {
                shared.unexpected.push(format!("{}: {other}", phone.user));
                self.register(nth, now + T2);
            }
        }
    }

    fn asked(&mut self, now: Instant, nth: usize, got: &Got, shared: &mut Shared) {
        let phone = &mut self.phones[nth];
        let same = phone.call.as_ref().is_some_and(|call| call.invite.header("Call-ID") == got.header("Call-ID"));
        if got.is("INVITE") && same {
            return;
        }
        if got.is("INVITE") && phone.call.is_some() {
            shared.unexpected.push(format!("{}: rung during a call", phone.user));
            return self.reply(nth, got, "486 Busy Here", "");
        }
        if got.is("INVITE") {
            shared.rung += 1;
            let text = self.response(nth, got, "200 OK", &self.description());
            let said = Some(Again { text, at: now + RING, wait: T1 });
            self.phones[nth].call = Some(Call { invite: got.clone(), said, hangs_up: None, leaving: false });
            return self.reply(nth, got, "180 Ringing", "");
        }
        if got.is("ACK") {
            if let Some(call) = phone.call.as_mut().filter(|call| same && !call.leaving) {
                call.said = None;
                call.hangs_up.get_or_insert(now + TALK);
            }
            return;
        }
        let status = if same { "200 OK" } else { "481 Call/Transaction Does Not Exist" };
        self.reply(nth, got, status, "");
        if same && got.is("CANCEL") {
            let invite = self.phones[nth].call.take().map(|call| call.invite);
            invite.iter().for_each(|invite| self.reply(nth, invite, "487 Request Terminated", ""));
        } else if same && got.is("BYE") {
            self.phones[nth].call = None;
        }
    }

    fn say_again(&mut self, now: Instant) {
        for nth in 0..self.phones.len() {
            let leaves = self.phones[nth].call.as_ref().is_some_and(|call| call.hangs_up.is_some_and(|at| at <= now));
            if leaves {
                let text = self.bye(nth);
                if let Some(call) = self.phones[nth].call.as_mut() {
                    (call.hangs_up, call.leaving) = (None, true);
                    call.said = Some(Again { text, at: now, wait: T1 });
                }
            }
            let phone = &mut self.phones[nth];
            let socket = &self.sockets[phone.socket];
            let said = phone.call.as_mut().and_then(|call| call.said.as_mut());
            for again in phone.request.as_mut().into_iter().chain(said).filter(|again| again.at <= now) {
                let _ = socket.send_to(again.text.as_bytes(), self.server);
                (again.at, again.wait) = (now + again.wait, (again.wait * 2).min(T2));
            }
        }
    }

    fn reply(&self, nth: usize, request: &Got, status: &str, body: &str) {
        let text = self.response(nth, request, status, body);
        let _ = self.sockets[self.phones[nth].socket].send_to(text.as_bytes(), self.server);
    }

    fn response(&self, nth: usize, request: &Got, status: &str, body: &str) -> String {
        let phone = &self.phones[nth];
        let local = self.sockets[phone.socket].local_addr().expect("an address");
        let mut text = format!("SIP/2.0 {status}\r\n");
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            for line in request.lines_of(name) {
                let tag = if name == "To" && !line.contains(";tag=") { format!(";tag=p{nth}") } else { String::new() };
                text += &format!("{line}{tag}\r\n");
            }
        }
        text += &format!("Contact: <sip:{}@{local}>\r\n", phone.user);
        if !body.is_empty() {
            text += "Content-Type: application/sdp\r\n";
        }
        text + &format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }

    fn bye(&self, nth: usize) -> String {
        let phone = &self.phones[nth];
        let local = self.sockets[phone.socket].local_addr().expect("an address");
        let Some(call) = &phone.call else { return String::new() };
        let value = |name| call.invite.header(name).unwrap_or_default();
        let target = value("Contact").split(['<', '>']).nth(1).unwrap_or_default();
        let (own, peer, call_id) = (value("To"), value("From"), value("Call-ID"));
        format!(
            "BYE {target} SIP/2.0\r\nVia: SIP/2.0/UDP {local};rport;branch=z9hG4bKb{nth}x{call_id}\r\nMax-Forwards: 70\r\n\
             From: {own};tag=p{nth}\r\nTo: {peer}\r\nCall-ID: {call_id}\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n"
        )
    }

    fn description(&self) -> String {
        let (ip, port) = (self.sound.ip(), self.sound.port());
        format!(
            "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\na=ptime:20\r\n"
        )
    }
}

/// RFC 2617, MD5: what the accounts of [`super::accounts`] are kept as.
fn proof(user: &str, nonce: &str, server: SocketAddr) -> String {
    let hash = |text: String| md5::Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let (who, what) = (hash(format!("{user}:ecoute:{PASSWORD}")), hash(format!("REGISTER:sip:{server}")));
    let cnonce = format!("{:016x}", nonce.len() * 7 + user.len());
    let response = hash(format!("{who}:{nonce}:00000001:{cnonce}:auth:{what}"));
    format!(
        "Authorization: Digest username=\"{user}\", realm=\"ecoute\", nonce=\"{nonce}\", uri=\"sip:{server}\", \
         response=\"{response}\", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"{cnonce}\"\r\n"
    )
}
