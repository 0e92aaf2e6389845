//! SIP as bytes: a peer that writes what no telephone writes, and shows every word of the answer.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use crate::engine::{SOON, own_address};

/// A UDP socket that speaks SIP to one server.
pub struct Wire {
    socket: UdpSocket,
    server: SocketAddr,
    calls: u32,
}

impl Wire {
    /// A peer with an address of its own.
    #[expect(clippy::disallowed_methods, reason = "the peer's socket")]
    pub fn to(server: SocketAddr) -> Wire {
        let socket = UdpSocket::bind((own_address(), 0)).expect("a socket");
        socket.set_read_timeout(Some(SOON)).expect("a socket");
        Wire { socket, server, calls: 0 }
    }

    /// Where it is.
    pub fn local(&self) -> SocketAddr {
        self.socket.local_addr().expect("an address")
    }

    /// Sends an INVITE to `uri`, with these lines beside the needed ones (`From` and `To` among them, or made up), and
    /// returns what follows 100; a refusal is acknowledged, an answer is acknowledged and ended.
    pub fn invite(&mut self, uri: &str, lines: &[&str]) -> String {
        self.invite_offering(uri, lines, "8 101")
    }

    /// The same, with an offer of these payload types; 101 is telephone events.
    pub fn invite_offering(&mut self, uri: &str, lines: &[&str], payload_types: &str) -> String {
        self.calls += 1;
        let (local, nth) = (self.local(), self.calls);
        let has = |name: &str| lines.iter().any(|line| line.to_ascii_lowercase().starts_with(name));
        let mut head = format!("Via: SIP/2.0/UDP {local};rport;branch=z9hG4bKinvite{nth}\r\n");
        head += &format!("Call-ID: wire-{nth}@{local}\r\nMax-Forwards: 70\r\nContact: <sip:wire@{local}>\r\n");
        if !has("from:") {
            head += "From: <sip:anonymous@anonymous.invalid>;tag=wire\r\n";
        }
        let to = lines.iter().find(|line| line.to_ascii_lowercase().starts_with("to:"));
        let to = to.map_or_else(|| format!("To: <{uri}>"), |line| (*line).to_owned());
        for line in lines.iter().filter(|line| !line.to_ascii_lowercase().starts_with("to:")) {
            head += &format!("{line}\r\n");
        }
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 30000 RTP/AVP {payload_types}\r\n\
             a=rtpmap:101 telephone-event/8000\r\n",
            ip = local.ip()
        );
        let body = format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}", sdp.len());
        self.send(&format!("INVITE {uri} SIP/2.0\r\n{head}{to}\r\nCSeq: 1 INVITE\r\n{body}"));
        let answer = self.answer("INVITE");
        let to = header(&answer, "To").unwrap_or(to);
        let nothing = "Content-Length: 0\r\n\r\n";
        if answer.starts_with("SIP/2.0 2") {
            let contact = header(&answer, "Contact").unwrap_or_default();
            let target = contact.split(['<', '>']).nth(1).unwrap_or(uri).to_owned();
            let dialog = head.replace("z9hG4bKinvite", "z9hG4bKack");
            self.send(&format!("ACK {target} SIP/2.0\r\n{dialog}{to}\r\nCSeq: 1 ACK\r\n{nothing}"));
            crate::engine::pause(Duration::from_millis(500));
            let dialog = head.replace("z9hG4bKinvite", "z9hG4bKbye");
            self.send(&format!("BYE {target} SIP/2.0\r\n{dialog}{to}\r\nCSeq: 2 BYE\r\n{nothing}"));
            self.answer("BYE");
        } else {
            self.send(&format!("ACK {uri} SIP/2.0\r\n{head}{to}\r\nCSeq: 1 ACK\r\n{nothing}"));
        }
        answer
    }

    /// Sends a request that is no INVITE and returns the answer.
    pub fn ask(&mut self, method: &str, uri: &str, lines: &[&str]) -> String {
        self.calls += 1;
        let (local, nth) = (self.local(), self.calls);
        let mut text = format!("{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {local};rport;branch=z9hG4bKask{nth}\r\n");
        text += &format!("Call-ID: ask-{nth}@{local}\r\nCSeq: {nth} {method}\r\nMax-Forwards: 70\r\n");
        for line in lines {
            text += &format!("{line}\r\n");
        }
        self.send(&(text + "Content-Length: 0\r\n\r\n"));
        self.answer(method)
    }

    /// Sends bytes as they are.
    pub fn send(&self, text: &str) {
        self.socket.send_to(text.as_bytes(), self.server).expect("a datagram leaves");
    }

    /// The next response of the last request that is not provisional; what was sent twice is passed over.
    fn answer(&self, method: &str) -> String {
        let mut bytes = [0; 8192];
        let nth = format!("-{}@", self.calls);
        loop {
            let length = self.socket.recv(&mut bytes).unwrap_or_else(|fault| panic!("no answer to {method}: {fault}"));
            let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
            let ours = header(&text, "CSeq").is_some_and(|cseq| cseq.ends_with(method))
                && header(&text, "Call-ID").is_some_and(|id| id.contains(&nth));
            if text.starts_with("SIP/2.0 ") && !text.starts_with("SIP/2.0 1") && ours {
                return text;
            }
        }
    }
}

/// The status of a response.
pub fn status(response: &str) -> u16 {
    response.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
}

/// The whole line of a header, when it is there; for `Call-ID` and `CSeq` its value ends the line.
pub fn header(message: &str, name: &str) -> Option<String> {
    let wanted = format!("{}:", name.to_ascii_lowercase());
    let head = message.split("\r\n\r\n").next()?;
    head.split("\r\n").find(|line| line.to_ascii_lowercase().starts_with(&wanted)).map(str::to_owned)
}
