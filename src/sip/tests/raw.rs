//! A telephone whose messages the test writes by hand: what it sends, and how it answers a request of ours.

use std::sync::Arc;

use super::network::Network;
use crate::ids::IdSource;
use crate::sip::message::{Framing, Message};
use crate::sip::{Accounts, Command, Credentials, EndpointConfig, Flow, Input, Peers, Secret};

/// Where the telephone is.
pub(super) const PHONE: &str = "203.0.113.5:1035";

/// A server with the accounts odile and rene, whose trunk is at 198.51.100.0/24; transfer is on.
pub(super) fn server(change: impl FnOnce(&mut EndpointConfig)) -> Network {
    let mut net = Network::empty(7, super::network::Faults::NONE);
    let trunk = crate::sip::Network { addr: "198.51.100.0".parse().expect("ip"), prefix: 24 };
    let mut config = EndpointConfig {
        domains: vec!["ecoute.example".into()],
        peers: Arc::new(Peers::one([trunk])),
        transfer: true,
        ..EndpointConfig::default()
    };
    change(&mut config);
    net.add(config);
    let mut accounts = Accounts::none();
    accounts.insert("odile", Secret::password("secret"));
    accounts.insert("rene", Secret::password("other"));
    net.command(0, Command::Accounts(std::sync::Arc::new(accounts)));
    net
}

/// The value of a header in a message, the first of its name.
pub(super) fn field<'t>(text: &'t str, name: &str) -> &'t str {
    let prefix = format!("{name}: ");
    text.split("\r\n").find_map(|line| line.strip_prefix(prefix.as_str())).unwrap_or_default()
}

/// The status of a response, 0 for a request.
pub(super) fn status(text: &str) -> u16 {
    text.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok()).unwrap_or(0)
}

/// A flow to the telephone at `from`.
pub(super) fn flow_of(net: &Network, from: &str) -> Flow {
    Flow::udp(net.ends[0].addr, from.parse().expect("an address"))
}

/// One dialog (or a request outside one) as the telephone sees it.
#[derive(Clone)]
pub(super) struct Phone {
    pub flow: Flow,
    pub user: &'static str,
    pub password: &'static str,
    pub uri: String,
    pub call_id: String,
    pub tag: String,
    /// Ours, once there is one.
    pub to_tag: String,
    pub cseq: u32,
}

impl Phone {
    pub fn new(net: &Network, user: &'static str, call_id: &str) -> Phone {
        let password = if user == "rene" { "other" } else { "secret" };
        Phone {
            flow: flow_of(net, PHONE),
            user,
            password,
            uri: format!("sip:{user}@ecoute.example"),
            call_id: call_id.to_owned(),
            tag: "phone".to_owned(),
            to_tag: String::new(),
            cseq: 0,
        }
    }

    /// A request as text, with the next CSeq.
    pub fn request(&mut self, method: &str, lines: &str, body: &str) -> String {
        self.cseq += 1;
        let Phone { flow, user, uri, call_id, tag, to_tag, cseq, .. } = self;
        let to_tag = if to_tag.is_empty() { String::new() } else { format!(";tag={to_tag}") };
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {};rport;branch=z9hG4bK{call_id}{method}{cseq}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@ecoute.example>;tag={tag}\r\nTo: <sip:{user}@ecoute.example>{to_tag}\r\n\
             Call-ID: {call_id}\r\nCSeq: {cseq} {method}\r\nContact: <sip:{user}@{}>\r\n{lines}Content-Length: {}\r\n\r\n{body}",
            flow.remote,
            flow.remote,
            body.len(),
        )
    }

    /// Sends a request; what the endpoint sent because of it.
    pub fn send(&mut self, net: &mut Network, method: &str, lines: &str, body: &str) -> Vec<String> {
        let text = self.request(method, lines, body);
        self.push(net, &text)
    }

    /// Sends a request, and once more with a password when it is asked for one.
    pub fn send_proved(&mut self, net: &mut Network, method: &str, lines: &str, body: &str) -> Vec<String> {
        let said = self.send(net, method, lines, body);
        let Some(asked) = said.iter().find(|text| status(text) == 401) else { return said };
        let proof = self.proof(asked, method);
        self.send(net, method, &format!("{lines}{proof}"), body)
    }

    /// The Authorization line that answers a challenge.
    pub fn proof(&self, asked: &str, method: &str) -> String {
        let response = Message::parse(asked.as_bytes(), Framing::Datagram).expect("readable");
        let mut challenge = crate::sip::auth::Challenge::choose(response.www_authenticate()).expect("a challenge");
        let who = Credentials::new(self.user, self.password);
        let mut ids = IdSource::from_number(u64::from(self.cseq));
        let value = crate::sip::auth::answer(&mut challenge, &who, method, &self.uri, &mut ids).expect("it fits");
        format!("Authorization: {value}\r\n")
    }

    /// A confirmed call from this telephone: the INVITE, the owner's 200, the ACK.
    pub fn call(&mut self, net: &mut Network) -> crate::sip::SessionId {
        self.send_proved(net, "INVITE", "Content-Type: application/sdp\r\n", "offer");
        let session = net.ends[0].called();
        net.respond(0, session, 200, Some("answer"));
        self.learn(net.latest(0).to_owned().as_str());
        self.cseq -= 1;
        self.send(net, "ACK", "", "");
        assert_eq!(net.ends[0].names().last(), Some(&"confirmed"));
        session
    }

    /// Takes our tag from a response.
    pub fn learn(&mut self, response: &str) {
        let tag = field(response, "To").split(";tag=").nth(1).unwrap_or_default();
        self.to_tag = tag.to_owned();
    }

    /// Answers a request of ours; what the endpoint sent because of it.
    pub fn answer(&self, net: &mut Network, request: &str, status: &str) -> Vec<String> {
        let mut text = format!("SIP/2.0 {status}\r\n");
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            text.push_str(&format!("{name}: {}\r\n", field(request, name)));
        }
        text.push_str("Content-Length: 0\r\n\r\n");
        self.push(net, &text)
    }

    /// Sends these very bytes; what the endpoint sent because of them.
    pub fn push(&self, net: &mut Network, text: &str) -> Vec<String> {
        let before = net.ladder.len();
        net.input(0, Input::Datagram { flow: self.flow, bytes: text.as_bytes() });
        net.ladder[before..].iter().map(|(_, _, text)| text.clone()).collect()
    }
}
