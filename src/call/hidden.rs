//! What is never printed: a peer's session description. Some telephones write their own number into its `o=` line, so
//! `Debug` tells its length and no more.

use std::fmt;

use super::{Arrival, LegEvent};

impl fmt::Debug for LegEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with = |f: &mut fmt::Formatter<'_>, name: &str, sdp: &Option<Vec<u8>>| match sdp {
            Some(sdp) => write!(f, "{name}({} bytes)", sdp.len()),
            None => f.write_str(name),
        };
        match self {
            LegEvent::Progress { status } => write!(f, "Progress({status})"),
            LegEvent::Answered { sdp } => with(f, "Answered", sdp),
            LegEvent::Rejected { status } => write!(f, "Rejected({status})"),
            LegEvent::Confirmed { sdp } => with(f, "Confirmed", sdp),
            LegEvent::ReofferConfirmed { sdp } => with(f, "ReofferConfirmed", sdp),
            LegEvent::Reoffer { sdp } => with(f, "Reoffer", sdp),
            LegEvent::Reanswered { sdp } => with(f, "Reanswered", sdp),
            LegEvent::ReofferRejected => f.write_str("ReofferRejected"),
            LegEvent::TakesOver { of, offer } => {
                f.debug_struct("TakesOver").field("of", of).field("offer", &offer.is_some()).finish()
            }
            LegEvent::Digit(_) => f.write_str("Digit"), // keys may spell a number
            LegEvent::Ended(end) => write!(f, "Ended({end:?})"),
        }
    }
}

impl fmt::Debug for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrival")
            .field("call", &self.call)
            .field("now", &self.now)
            .field("plan", &self.plan.name)
            .field("caller", &self.caller)
            .field("offer_bytes", &self.offer.as_ref().map(Vec::len))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No byte of a description and no key shows in what is printed of an event.
    #[test]
    fn a_description_is_not_printed() {
        let sdp = Some(b"v=0\r\no=+33476000102 1 1 IN IP4 192.0.2.9\r\n".to_vec());
        let bytes = format!("{:?}", sdp.as_deref().unwrap_or_default());
        let shown = format!("{:?} {:?}", LegEvent::Answered { sdp: sdp.clone() }, LegEvent::Confirmed { sdp });
        assert_eq!(shown, "Answered(42 bytes) Confirmed(42 bytes)");
        assert!(!shown.contains(&bytes[1..9]));
        assert_eq!(format!("{:?}", LegEvent::Digit('7')), "Digit");
    }
}
