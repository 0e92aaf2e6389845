//! A listener's desk lamp: a telephone that subscribes to his line (RFC 4235) and his messages (RFC 3842), in messages
//! written by hand. It repeats what is not answered, answers every NOTIFY, and unsubscribes at the end.

use std::net::SocketAddr;
use std::time::Duration;

use ecoute::clock::Instant;
use ecoute::ids::IdSource;
use md5::{Digest, Md5};

use crate::dice::Dice;
use crate::house::{self, ENGINE};

/// A datagram to the engine.
#[derive(Debug)]
pub struct Out {
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
}

/// One of them.
#[derive(Debug)]
pub struct Watcher {
    pub address: SocketAddr,
    listener: usize,
    package: &'static str,
    /// From here on it wants nothing any more.
    until: Instant,
    call_id: String,
    cseq: u32,
    to_tag: String,
    challenge: Option<(String, String)>,
    /// The request that is not answered yet, and how long until it is sent again.
    open: Option<(Vec<u8>, Duration)>,
    refresh: Instant,
    ended: bool,
    next: Instant,
    pub notified: u32,
    dice: IdSource,
}

const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
const EXPIRES_S: u64 = 60;

impl Watcher {
    /// A lamp of the `nth` listener, until then.
    pub fn new(listener: usize, until: Instant, mut dice: IdSource) -> Watcher {
        let ip = std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 3, 0, 1 + listener as u8));
        let package = dice.one_of(&["dialog", "dialog", "message-summary"]);
        Watcher {
            address: SocketAddr::new(ip, 5060),
            listener,
            package,
            until,
            call_id: dice.hex(8),
            cseq: 0,
            to_tag: String::new(),
            challenge: None,
            open: None,
            refresh: Instant::ZERO,
            ended: false,
            next: Instant::ZERO,
            notified: 0,
            dice,
        }
    }

    /// When it wants to be woken.
    pub fn next(&self) -> Instant {
        self.next
    }

    /// Its time has come: it subscribes, repeats, refreshes or unsubscribes.
    pub fn wakes(&mut self, now: Instant, outs: &mut Vec<Out>) {
        match &mut self.open {
            Some((bytes, again)) => {
                outs.push(Out { to: ENGINE, bytes: bytes.clone() });
                *again = (*again * 2).min(T2);
                self.next = now + *again;
            }
            None if self.ended => self.next = Instant::FAR,
            None if now >= self.until && self.to_tag.is_empty() => self.next = Instant::FAR,
            None if now >= self.refresh || now >= self.until => self.subscribe(now, outs),
            None => self.next = self.refresh.min(self.until),
        }
    }

    /// Something comes.
    pub fn hears(&mut self, now: Instant, bytes: &[u8], outs: &mut Vec<Out>) {
        let text = String::from_utf8_lossy(bytes).into_owned();
        if text.starts_with("NOTIFY") {
            self.notified += 1;
            let known = field(&text, "Call-ID") == self.call_id;
            let status = if known { "200 OK" } else { "481 Call/Transaction Does Not Exist" };
            return outs.push(Out { to: ENGINE, bytes: answer(&text, status) });
        }
        let ours = text.starts_with("SIP/2.0") && field(&text, "CSeq") == format!("{} SUBSCRIBE", self.cseq);
        if !ours || self.open.is_none() {
            return;
        }
        self.open = None;
        match text.get(8..11) {
            Some("200") => {
                if let Some((_, tag)) = field(&text, "To").split_once(";tag=") {
                    self.to_tag = tag.to_owned();
                }
                self.ended = now >= self.until;
                self.refresh = now + Duration::from_secs(EXPIRES_S / 2);
                self.next = self.refresh.min(self.until);
            }
            Some("401") if self.cseq < 200 => {
                let part = |name: &str| {
                    let (_, rest) = text.rsplit_once(&format!("{name}=\""))?;
                    Some(rest.split_once('"')?.0.to_owned())
                };
                self.challenge = part("realm").zip(part("nonce"));
                self.subscribe(now, outs);
            }
            // It begins anew after a while, as a lamp does.
            _ => {
                self.to_tag.clear();
                self.call_id = self.dice.hex(8);
                self.refresh = now + Duration::from_secs(3);
                self.ended = now >= self.until;
                self.next = self.refresh;
            }
        }
    }

    fn subscribe(&mut self, now: Instant, outs: &mut Vec<Out>) {
        self.cseq += 1;
        let (user, host) = (house::account(self.listener), ENGINE.ip());
        let uri = format!("sip:{user}@{host}");
        let branch = self.dice.hex(8);
        let expires = if now >= self.until { 0 } else { EXPIRES_S };
        let to_tag = if self.to_tag.is_empty() { String::new() } else { format!(";tag={}", self.to_tag) };
        let proof = self.challenge.as_ref().map_or(String::new(), |(realm, nonce)| {
            let hash = |text: String| -> String {
                Md5::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
            };
            let ha1 = hash(format!("{user}:{realm}:{}", house::password(self.listener)));
            let ha2 = hash(format!("SUBSCRIBE:{uri}"));
            let (count, cnonce) = (format!("{:08x}", self.cseq), "lamp");
            let response = hash(format!("{ha1}:{nonce}:{count}:{cnonce}:auth:{ha2}"));
            format!(
                "Authorization: Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
                 response=\"{response}\", algorithm=MD5, qop=auth, nc={count}, cnonce=\"{cnonce}\"\r\n"
            )
        });
        let Watcher { address, package, call_id, cseq, .. } = self;
        let bytes = format!(
            "SUBSCRIBE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {address};rport;branch=z9hG4bK{branch}\r\nMax-Forwards: 70\r\n\
             From: <{uri}>;tag=lamp\r\nTo: <{uri}>{to_tag}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} SUBSCRIBE\r\n\
             Contact: <sip:{user}@{address}>\r\nEvent: {package}\r\nExpires: {expires}\r\n{proof}Content-Length: 0\r\n\r\n"
        )
        .into_bytes();
        outs.push(Out { to: ENGINE, bytes: bytes.clone() });
        self.open = Some((bytes, T1));
        self.next = now + T1;
    }
}

fn field<'t>(text: &'t str, name: &str) -> &'t str {
    let prefix = format!("{name}: ");
    text.split("\r\n").find_map(|line| line.strip_prefix(prefix.as_str())).unwrap_or_default()
}

fn answer(request: &str, status: &str) -> Vec<u8> {
    let mut text = format!("SIP/2.0 {status}\r\n");
    for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
        text.push_str(&format!("{name}: {}\r\n", field(request, name)));
    }
    text.push_str("Content-Length: 0\r\n\r\n");
    text.into_bytes()
}
