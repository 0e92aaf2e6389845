//! What each listener's line does, over all his devices, for the telephones that watch it (RFC 4235): idle, ringing, in a
//! conversation. With whom is not known here.

use std::collections::BTreeMap;

use crate::clock::Now;
use crate::ids::{LegId, ListenerId};
use crate::sip::{Command, LineState, Notice, SessionId};

use super::Shard;

/// The legs of each listener.
#[derive(Debug, Default)]
pub(super) struct Lines {
    listeners: BTreeMap<LegId, ListenerId>,
    legs: BTreeMap<ListenerId, BTreeMap<LegId, LineState>>,
}

/// A line that changed.
pub(super) type Change = Option<(ListenerId, LineState)>;

impl Lines {
    /// A device of `listener` rings, or calls us.
    pub fn rings(&mut self, leg: LegId, listener: ListenerId) -> Change {
        self.listeners.insert(leg, listener.clone());
        self.set(leg, listener, Some(LineState::Early))
    }

    /// A leg of a listener is answered.
    pub fn answered(&mut self, leg: LegId) -> Change {
        let listener = self.listeners.get(&leg)?.clone();
        self.set(leg, listener, Some(LineState::Confirmed))
    }

    /// A leg is over.
    pub fn over(&mut self, leg: LegId) -> Change {
        let listener = self.listeners.remove(&leg)?;
        self.set(leg, listener, None)
    }

    fn set(&mut self, leg: LegId, listener: ListenerId, state: Option<LineState>) -> Change {
        let legs = self.legs.entry(listener.clone()).or_default();
        let whole = |legs: &BTreeMap<LegId, LineState>| legs.values().copied().max().unwrap_or_default();
        let before = whole(legs);
        match state {
            Some(state) => legs.insert(leg, state),
            None => legs.remove(&leg),
        };
        let now = whole(legs);
        if legs.is_empty() {
            self.legs.remove(&listener);
        }
        (now != before).then_some((listener, now))
    }
}

impl Shard {
    /// Tells those who watch.
    pub(super) fn tell_line(&mut self, now: Now, change: Change) {
        if let Some((listener, state)) = change {
            let user = listener.as_str().to_owned();
            self.command(now, Command::Notify { user, notice: Notice::Line(state) });
        }
    }

    /// The session is over, and so is its leg's part in a line.
    pub(super) fn part(&mut self, now: Now, session: SessionId) {
        let line = self.legs.part(session).and_then(|leg| self.lines.over(leg));
        self.tell_line(now, line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::CallId;

    /// Two devices ring, one answers, the other is let go, another takes over, the last one ends: the line changes only
    /// when the listener's own state does, and nothing is kept.
    #[test]
    fn a_line_is_that_of_all_devices() {
        let leg = |nth| LegId { call: CallId::from_raw(1), nth };
        let lea = || ListenerId::new("lea");
        let mut lines = Lines::default();
        assert_eq!(lines.rings(leg(1), lea()), Some((lea(), LineState::Early)));
        assert_eq!(lines.rings(leg(2), lea()), None);
        assert_eq!(lines.answered(leg(2)), Some((lea(), LineState::Confirmed)));
        assert_eq!(lines.over(leg(1)), None);
        assert_eq!(lines.rings(leg(3), lea()), None);
        assert_eq!(lines.answered(leg(3)), None);
        assert_eq!(lines.over(leg(2)), None);
        assert_eq!(lines.over(leg(3)), Some((lea(), LineState::Idle)));
        assert_eq!((lines.over(leg(3)), lines.answered(leg(0))), (None, None));
        assert!(lines.legs.is_empty() && lines.listeners.is_empty());
    }
}
