//! Channels in use: by contract a trunk carries so many calls, and some of them are kept for calls we place.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Settings;

/// One channel in use. Given back by [`Trunks::free`](super::Trunks::free), also after a reload took the trunk away.
#[must_use = "a channel that is not given back is lost to the next caller"]
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    name: Arc<str>,
    outgoing: bool,
}

/// No channel is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no channel of this trunk is left")]
pub struct Full {
    /// What the operator is answered.
    pub status: u16,
    /// When to try again, with a 503.
    pub retry_after_s: Option<u32>,
}

/// The channels of all trunks, by name: they outlive a reload.
#[derive(Debug, Default)]
pub(super) struct Channels {
    used: BTreeMap<Arc<str>, Used>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Used {
    pub incoming: u32,
    pub outgoing: u32,
}

impl Used {
    fn total(self) -> u32 {
        self.incoming.saturating_add(self.outgoing)
    }
}

impl Channels {
    /// Those of one trunk.
    pub fn of(&self, name: &str) -> Used {
        self.used.get(name).copied().unwrap_or_default()
    }

    /// Is there one for a call we place?
    pub fn has_room(&self, settings: &Settings) -> bool {
        settings.channels_max.is_none_or(|max| self.of(&settings.name).total() < max)
    }

    pub fn take_in(&mut self, settings: &Settings) -> Result<Channel, Full> {
        let used = self.of(&settings.name);
        let room = settings
            .channels_max
            .is_none_or(|max| used.total() < max && used.incoming < max.saturating_sub(settings.reserved_for_outgoing));
        if room { Ok(self.take(settings, false)) } else { Err(full(settings)) }
    }

    pub fn take_out(&mut self, settings: &Settings) -> Result<Channel, Full> {
        if self.has_room(settings) { Ok(self.take(settings, true)) } else { Err(full(settings)) }
    }

    pub fn free(&mut self, channel: Channel) {
        let Some(used) = self.used.get_mut(&channel.name) else { return };
        let side = if channel.outgoing { &mut used.outgoing } else { &mut used.incoming };
        *side = side.saturating_sub(1);
        if used.total() == 0 {
            self.used.remove(&channel.name);
        }
    }

    fn take(&mut self, settings: &Settings, outgoing: bool) -> Channel {
        let used = self.used.entry(settings.name.clone()).or_default();
        let side = if outgoing { &mut used.outgoing } else { &mut used.incoming };
        *side = side.saturating_add(1);
        Channel { name: settings.name.clone(), outgoing }
    }
}

fn full(settings: &Settings) -> Full {
    Full { status: settings.full_status, retry_after_s: (settings.full_status == 503).then_some(RETRY_AFTER_S) }
}

/// What an operator is told to wait who may try elsewhere.
const RETRY_AFTER_S: u32 = 10;
