//! Strangers on the open Internet: guessers, scanners, forgers and mere noise. Whatever they send, no call suffers, and who
//! is banned is sent nothing.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use ecoute::ids::IdSource;
use ecoute::sip::{Flow, Transport};

use crate::dice::Dice;
use crate::house::{self, ENGINE};
use crate::roads;

/// What one of them is after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aim {
    /// A listener's password.
    Guess,
    /// Which accounts there are.
    Scan,
    /// To call for nothing.
    Dial,
    /// To end or to take over somebody else's call.
    Forge,
    /// To send again what he has overheard.
    Replay,
    /// Nothing.
    Noise,
}

/// One of them.
#[derive(Debug)]
pub struct Stranger {
    pub address: SocketAddr,
    aim: Aim,
    transport: Transport,
    nonce: Option<String>,
    sent: u64,
    dice: IdSource,
}

/// What he sends.
pub struct Said {
    pub flow: Flow,
    pub bytes: Vec<u8>,
    /// When he sends again.
    pub again: Duration,
}

/// He gives up after so many.
const SENDS_MOST: u64 = 250;

impl Stranger {
    /// The `nth`; perhaps behind the same address as somebody of ours.
    pub fn new(nth: usize, neighbour: Option<IpAddr>, dice: &mut IdSource) -> Stranger {
        let aim = dice.one_of(&[Aim::Guess, Aim::Scan, Aim::Dial, Aim::Forge, Aim::Replay, Aim::Noise]);
        let transport = dice.one_of(&[Transport::Udp, Transport::Udp, Transport::Tcp, Transport::Ws]);
        let own = IpAddr::V4(Ipv4Addr::new(10, 9, 0, 1 + nth as u8));
        let ip = neighbour.unwrap_or(if dice.chance(300) { roads::v6(own) } else { own });
        let address = SocketAddr::new(ip, 6000 + nth as u16);
        Stranger { address, aim, transport, nonce: None, sent: 0, dice: dice.fork() }
    }

    /// What he is after, for the count of what was met.
    pub fn aim(&self) -> String {
        format!("a stranger's {:?} over {}", self.aim, self.transport.via_name())
    }

    /// An answer of the engine's.
    pub fn hears(&mut self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        if let Some((_, rest)) = text.split_once("nonce=\"") {
            self.nonce = rest.split_once('"').map(|(nonce, _)| nonce.to_owned());
        }
    }

    /// The next thing he sends; `overheard` is the latest message of a caller.
    pub fn sends(&mut self, overheard: Option<&[u8]>) -> Option<Said> {
        self.sent += 1;
        if self.sent > SENDS_MOST {
            return None;
        }
        let bytes = match self.aim {
            Aim::Guess => self.guess(),
            Aim::Scan => {
                let method = self.dice.one_of(&["OPTIONS", "REGISTER", "SUBSCRIBE", "PUBLISH", "MESSAGE", "XYZZY"]);
                let agent = if self.dice.chance(50) { "User-Agent: friendly-scanner\r\n" } else { "" };
                let name = self.dice.below(10_000);
                self.request(method, &name.to_string(), "", agent, "")
            }
            Aim::Dial => self.request("INVITE", "3977", "", "Content-Type: application/sdp\r\n", "v=0\r\n"),
            Aim::Forge => self.forge(),
            Aim::Replay => match overheard {
                Some(heard) => self.replay(heard),
                None => self.noise(),
            },
            Aim::Noise => self.noise(),
        };
        let six = self.address.is_ipv6();
        let door = roads::door(ENGINE, self.transport, six);
        let flow = Flow { transport: self.transport, local: self.address, remote: door, connection: 0 };
        // Bursts, and pauses between them.
        let again = if self.dice.chance(850) { self.dice.span_ms(0, 20) } else { self.dice.span_ms(100, 2500) };
        Some(Said { flow, bytes, again })
    }

    fn guess(&mut self) -> Vec<u8> {
        let account = house::account(self.dice.below(4) as usize);
        let lines = match &self.nonce {
            Some(nonce) => {
                let response = self.dice.hex(16);
                format!(
                    "Contact: <sip:{account}@{0}>\r\nAuthorization: Digest username=\"{account}\", realm=\"ecoute\", \
                     nonce=\"{nonce}\", uri=\"sip:{1}\", response=\"{response}\", algorithm=MD5, qop=auth, nc=00000001, \
                     cnonce=\"c\"\r\n",
                    self.address,
                    ENGINE.ip()
                )
            }
            None => format!("Contact: <sip:{account}@{}>\r\n", self.address),
        };
        self.request("REGISTER", &account, "", &lines, "")
    }

    fn forge(&mut self) -> Vec<u8> {
        let tag = format!(";tag={}", self.dice.hex(10));
        let branch = self.dice.hex(10);
        match self.dice.below(4) {
            0 => self.request("BYE", "ecoute", &tag, "", ""),
            1 => self.request("CANCEL", "3977", "", "", ""),
            2 => self.request("INVITE", "ecoute", &tag, "Replaces: a;to-tag=b;from-tag=c\r\n", ""),
            _ => format!(
                "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP {ENGINE};branch=z9hG4bK{branch}\r\nFrom: <sip:3977@{0}>;tag=x\r\n\
                 To: <sip:l0@{0}>{tag}\r\nCall-ID: {branch}\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
                ENGINE.ip()
            )
            .into_bytes(),
        }
    }

    /// The same message under another branch, from here.
    fn replay(&mut self, heard: &[u8]) -> Vec<u8> {
        let branch = format!("branch=z9hG4bK{}", self.dice.hex(6));
        let text = String::from_utf8_lossy(heard).into_owned();
        let Some((before, rest)) = text.split_once("branch=") else { return heard.to_vec() };
        let end = rest.find([';', '\r', ',']).unwrap_or(rest.len());
        format!("{before}{branch}{}", &rest[end..]).into_bytes()
    }

    fn noise(&mut self) -> Vec<u8> {
        let length = self.dice.between(1, 400) as usize;
        match self.dice.below(4) {
            0 => b"\r\n\r\n".to_vec(),
            1 => (0..length).map(|_| self.dice.below(256) as u8).collect(),
            2 => {
                let whole = self.request("INVITE", "3977", "", "", "");
                whole[..length.min(whole.len())].to_vec()
            }
            _ => {
                let mut whole = self.request("OPTIONS", "ecoute", "", "", "");
                let at = self.dice.below(whole.len() as u64) as usize;
                whole[at] = self.dice.below(256) as u8;
                whole
            }
        }
    }

    fn request(&mut self, method: &str, user: &str, to_tag: &str, lines: &str, body: &str) -> Vec<u8> {
        let (branch, call_id, host) = (self.dice.hex(8), self.dice.hex(8), ENGINE.ip());
        let Stranger { address, transport, sent, .. } = self;
        let kind = transport.via_name();
        let contact =
            if lines.contains("Contact:") { String::new() } else { format!("Contact: <sip:x@{address}>\r\n") };
        format!(
            "{method} sip:{user}@{host} SIP/2.0\r\nVia: SIP/2.0/{kind} {address};rport;branch=z9hG4bK{branch}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@{host}>;tag=s{sent}\r\nTo: <sip:{user}@{host}>{to_tag}\r\n\
             Call-ID: {call_id}\r\nCSeq: 1 {method}\r\n{contact}{lines}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}
