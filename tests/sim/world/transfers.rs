//! What listeners' telephones do beside calls: one takes a conversation over from the other (Replaces, RFC 3891), and asks
//! for a transfer that is refused (REFER, RFC 3515).
//!
//! The softphone knows no REFER, so it is written here into its dialog; from then on its own requests there are numbered
//! one higher, as if it had sent it itself.

use ecoute::node::PhoneEvent;
use ecoute::sip::message::{Framing, Message, Method};

use super::queue::Coming;
use super::{Owner, World};
use crate::deeds::Deed;
use crate::device::Line;
use crate::dice::Dice;

/// A telephone's conversation, as its own messages show it.
#[derive(Clone, Debug, Default)]
pub struct Dialog {
    call_id: String,
    own_tag: String,
    engine_tag: String,
    /// The highest CSeq of its own.
    cseq: u32,
    /// A REFER stands at this CSeq.
    refer: Option<u32>,
}

impl World {
    /// A listener's telephone is connected: perhaps the other shall take over, or a transfer be asked for.
    pub(super) fn tempts(&mut self, device: usize, event: &PhoneEvent) {
        let Owner::Listener(nth) = self.owners[device] else { return };
        if !self.nature.roads.transfer || *event != PhoneEvent::Connected {
            return;
        }
        let dice = &mut self.nature.roads.dice;
        let other = self.listeners[nth].devices.iter().copied().find(|other| *other != device);
        let (takes, asks) = (dice.chance(400), dice.chance(150));
        let after = if dice.chance(300) { dice.span_ms(0, 60) } else { dice.span_ms(50, 2500) };
        if let (Some(other), true) = (other, takes) {
            self.put(self.now + after, Coming::Deed { device: other, call: None, deed: Deed::TakeOver(device) });
        } else if asks {
            let call = Some(self.devices[device].calls);
            self.put(self.now + after, Coming::Deed { device, call, deed: Deed::Refer });
        }
    }

    /// Replaces for the conversation of `other`, if it has one.
    pub(super) fn replaces(&self, other: usize) -> Option<String> {
        let phone = &self.devices[other];
        let Dialog { call_id, own_tag, engine_tag, .. } = &phone.dialog;
        let talks = phone.alive && matches!(phone.line, Line::Connected { .. }) && !engine_tag.is_empty();
        talks.then(|| format!("{call_id};to-tag={engine_tag};from-tag={own_tag}"))
    }

    /// A telephone asks in its conversation to hand the caller to somebody else.
    pub(super) fn asks_for_transfer(&mut self, device: usize) {
        let phone = &mut self.devices[device];
        let (flow, user) = (phone.phone_flow(), phone.user().to_owned());
        let dialog = &mut phone.dialog;
        if dialog.refer.is_some() || dialog.engine_tag.is_empty() {
            return;
        }
        let cseq = dialog.cseq + 1;
        dialog.refer = Some(cseq);
        let Dialog { call_id, own_tag, engine_tag, .. } = &*dialog;
        let bytes = format!(
            "REFER sip:ecoute@{0} SIP/2.0\r\nVia: SIP/2.0/{1} {2};rport;branch=z9hG4bKrefer{own_tag}\r\nMax-Forwards: 70\r\n\
             From: <sip:{user}@{3}>;tag={own_tag}\r\nTo: <sip:3977@{3}>;tag={engine_tag}\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} REFER\r\nContact: <sip:{user}@{2}>\r\nRefer-To: <sip:l0@{3}>\r\nContent-Length: 0\r\n\r\n",
            flow.remote,
            flow.transport.via_name(),
            flow.local,
            crate::house::ENGINE.ip(),
        );
        self.oracle.meets("a telephone asks for a transfer".to_owned());
        self.send_on(crate::wires::End::Device(device), flow, bytes.into_bytes().into());
    }
}

impl Dialog {
    /// A message of the telephone's own, or one that reached it; in which form it goes on. `None`: it is not for the
    /// softphone.
    pub fn passes(&mut self, out: bool, bytes: &[u8]) -> Option<Vec<u8>> {
        let same = || Some(bytes.to_vec());
        let Ok(message) = Message::parse(bytes, Framing::Datagram) else { return same() };
        let (Some((cseq, method)), Some(call_id)) = (message.cseq(), message.call_id()) else { return same() };
        let tag = |who: Option<ecoute::sip::message::NameAddr<'_>>| {
            who.and_then(|who| who.tag()).map(|tag| String::from_utf8_lossy(tag).into_owned()).unwrap_or_default()
        };
        let (from, to) = (tag(message.from()), tag(message.to()));
        let call_id = String::from_utf8_lossy(call_id).into_owned();
        if method == Method::Register {
            return same();
        }
        // The telephone is at the From of its own requests and of the answers to them.
        let own_is_from = out == message.is_request();
        if !from.is_empty() && !to.is_empty() && method == Method::Invite && self.call_id != call_id {
            let (own_tag, engine_tag) = if own_is_from { (from, to) } else { (to, from) };
            let cseq = if own_is_from { cseq } else { 0 };
            *self = Dialog { call_id, own_tag, engine_tag, cseq, refer: None };
            return same();
        }
        if self.call_id != call_id || !own_is_from {
            return same();
        }
        let renumbered = |from: u32, to: u32| {
            let text = String::from_utf8_lossy(bytes);
            let (before, after) = (format!("CSeq: {from} "), format!("CSeq: {to} "));
            Some(text.replacen(&before, &after, 1).into_bytes())
        };
        match (out, self.refer) {
            (true, Some(at)) if cseq >= at => {
                self.cseq = self.cseq.max(cseq + 1);
                renumbered(cseq, cseq + 1)
            }
            (false, Some(at)) if cseq == at => None,
            (false, Some(at)) if cseq > at => renumbered(cseq, cseq - 1),
            (true, _) => {
                self.cseq = self.cseq.max(cseq);
                same()
            }
            _ => same(),
        }
    }
}
