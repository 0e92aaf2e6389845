//! A proxy between us and a listener's telephone that forks: a second telephone, which nobody sees, answers the same INVITE
//! with 200. The engine must acknowledge it and hang up (RFC 3261 §13.2.2.4); if it comes first, the other is hung up.

use std::collections::BTreeMap;

use ecoute::sip::Flow;
use ecoute::sip::message::{Framing, Message, Method};

use super::{Owner, World};
use crate::device::Line;
use crate::dice::Dice;
use crate::wires::End;

/// Every tag of such a telephone begins like this.
const TAG: &str = "fork";

/// What became of each second answer.
#[derive(Debug, Default)]
pub struct Forks(BTreeMap<String, Fork>);

#[derive(Debug, Default)]
struct Fork {
    device: usize,
    heard: bool,
    acknowledged: bool,
    hung_up: bool,
    cut: bool,
}

impl World {
    /// A telephone says this; perhaps a second one says the same.
    pub(super) fn forks(&mut self, device: usize, flow: Flow, bytes: &[u8]) {
        let answering = self.devices[device].line == Line::Answering;
        if !self.nature.roads.forks || !answering || !bytes.starts_with(b"SIP/2.0 200") {
            return;
        }
        let Ok(message) = Message::parse(bytes, Framing::Datagram) else { return };
        let tag = message.to().and_then(|to| to.tag()).map(|tag| String::from_utf8_lossy(tag).into_owned());
        let invite = message.cseq().is_some_and(|(_, method)| method == Method::Invite);
        let (Some(tag), true, Owner::Listener(nth)) = (tag, invite, self.owners[device]) else { return };
        let fork = format!("{TAG}{tag}");
        if self.forked.0.contains_key(&fork) || !self.nature.roads.dice.chance(150) {
            return;
        }
        self.oracle.disturbs(nth);
        self.oracle.meets("a second telephone answers the same INVITE".to_owned());
        let bytes = String::from_utf8_lossy(bytes).replacen(&format!(";tag={tag}"), &format!(";tag={fork}"), 1);
        self.forked.0.insert(fork, Fork { device, ..Fork::default() });
        self.send_on(End::Device(device), flow, bytes.into_bytes().into());
    }

    /// A message of a second telephone's dialog passes: is it for nobody else? Then it is dealt with here.
    pub(super) fn is_forked(&mut self, to: End, flow: Flow, bytes: &[u8]) -> bool {
        if self.forked.0.is_empty() {
            return false;
        }
        let Ok(message) = Message::parse(bytes, Framing::Datagram) else { return false };
        let Some(fork) = fork_of(&message).and_then(|tag| self.forked.0.get_mut(&tag)) else { return false };
        if to == End::Engine {
            fork.heard |= message.cseq().is_some_and(|(_, method)| method == Method::Invite);
            return false;
        }
        let device = fork.device;
        if message.is_request() && message.method() != Some(Method::Ack) {
            let status = if message.method() == Some(Method::Bye) { "200 OK" } else { "481 Gone" };
            let mut text = format!("SIP/2.0 {status}\r\n");
            let whole = String::from_utf8_lossy(bytes);
            let copied = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"];
            for line in whole.split("\r\n").filter(|line| copied.iter().any(|name| line.starts_with(name))) {
                text.push_str(&format!("{line}\r\n"));
            }
            text.push_str("Content-Length: 0\r\n\r\n");
            if self.devices[device].alive {
                self.send_on(End::Device(device), flow, text.into_bytes().into());
            }
        }
        true
    }

    /// The engine says something to a second telephone.
    pub(super) fn at_fork(&mut self, bytes: &[u8]) {
        if self.forked.0.is_empty() {
            return;
        }
        let Ok(message) = Message::parse(bytes, Framing::Datagram) else { return };
        let Some(fork) = fork_of(&message).and_then(|tag| self.forked.0.get_mut(&tag)) else { return };
        match message.method() {
            Some(Method::Ack) => fork.acknowledged = true,
            Some(Method::Bye) => fork.hung_up = true,
            _ => {}
        }
    }

    /// Second telephones of this one are gone as well.
    pub(super) fn cut_forks(&mut self, device: usize) {
        self.forked.0.values_mut().filter(|fork| fork.device == device).for_each(|fork| fork.cut = true);
    }

    /// Has every second answer been acknowledged and hung up?
    pub(super) fn judge_forks(&mut self) {
        let left = self.forked.0.values().find(|fork| fork.heard && !fork.cut && !(fork.acknowledged && fork.hung_up));
        if let Some(left) = left {
            let why = format!("a second telephone was left in its call: {left:?}");
            self.oracle.fail(self.now, why);
        }
    }
}

/// The tag of a second telephone, if the message is of its dialog.
pub fn fork_of(message: &Message<'_>) -> Option<String> {
    let ends = [message.to(), message.from()];
    let mut tags = ends.into_iter().flatten().filter_map(|end| end.tag());
    tags.find(|tag| tag.starts_with(TAG.as_bytes())).map(|tag| String::from_utf8_lossy(tag).into_owned())
}
