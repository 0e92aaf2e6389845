//! `Opening`: the INVITE is here and the caller's ports are being opened. Nothing has been promised yet: what fails here
//! is refused with a status that tells the operator's network to try elsewhere, or not at all.

use std::time::Duration;

use crate::clock::{Instant, Now};

use super::super::context::Context;
use super::super::engine::refuse;
use super::super::leg::Signalling;
use super::super::{How, LegAct, Note, Party};
use super::{Signal, State, answering, closing};

/// Opening a port pair takes microseconds; a worker that does not reply at all must not hold a caller.
const OPEN_WITHIN: Duration = Duration::from_secs(2);

/// What a full house says in Retry-After.
const RETRY_AFTER_S: u32 = 5;

pub(in super::super) struct Opening {
    pub deadline: Instant,
}

impl Opening {
    pub fn new(now: Instant) -> Opening {
        Opening { deadline: now + OPEN_WITHIN }
    }

    pub fn handle(self, cx: &mut Context, now: Now, signal: Signal) -> State {
        match signal {
            Signal::Opened { leg, offer } if leg.is_caller() => {
                let reply = match offer {
                    Some(offer) => cx.answer(leg, &offer),
                    None => cx.offer(leg),
                };
                match reply {
                    Ok(sdp) => {
                        if let Some(leg) = cx.legs.get_mut(&leg) {
                            leg.signalling = Signalling::Established;
                        }
                        cx.act(leg, LegAct::Answer { sdp });
                        cx.times.answered = Some(now.at);
                        cx.note(Note::Answered(now.at.since(cx.times.began.at)));
                        answering::enter(cx, now)
                    }
                    Err(refused) => {
                        cx.terminate(Party::Caller, How::NoCodec);
                        refuse(cx, refused.status, None, refused.warning);
                        closing::settle(cx, now)
                    }
                }
            }
            Signal::OpenFailed { leg } if leg.is_caller() => self.no_ports(cx, now),
            Signal::Deadline => self.no_ports(cx, now),
            _ => State::Opening(self),
        }
    }

    fn no_ports(self, cx: &mut Context, now: Now) -> State {
        cx.terminate(Party::Us, How::NoPorts);
        refuse(cx, 503, Some(RETRY_AFTER_S), None);
        closing::settle(cx, now)
    }
}
