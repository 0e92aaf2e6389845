//! What is to come, in one order: by time, and at one instant by the order in which it was put there.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ecoute::clock::Instant;
use ecoute::dispatch::Wish;
use ecoute::media;
use ecoute::sip::Flow;

use crate::deeds::Deed;
use crate::wires::End;

/// Something that is to come.
pub(super) enum Coming {
    Datagram {
        from: SocketAddr,
        to: SocketAddr,
        bytes: Arc<[u8]>,
    },
    Packet {
        from: SocketAddr,
        to: SocketAddr,
        bytes: Vec<u8>,
    },
    /// For the engine's media worker.
    Command(media::Command),
    /// From the engine's media worker.
    Report(media::Report),
    /// On this telephone; only if it still has its `call`-th call, where one is named.
    Deed {
        device: usize,
        call: Option<u32>,
        deed: Deed,
    },
    Fate(Fate),
    /// Bytes of a connection reach one of its ends.
    Chunk {
        wire: u64,
        to: End,
        bytes: Vec<u8>,
    },
    /// An end learns that a connection is no more.
    Closed {
        wire: u64,
        end: End,
    },
    /// An end is told that a flow is no more.
    FlowClosed {
        end: End,
        flow: Flow,
    },
    /// A watcher's time has come.
    Watch(usize),
}

/// What happens to all.
#[derive(Clone, Debug)]
pub(super) enum Fate {
    /// A host is cut off for so long.
    Cut(IpAddr, Duration),
    /// A listener pauses, or is back.
    Wish(usize, Wish),
    /// One of a telephone's connections breaks.
    Break(usize),
    /// A stranger sends something.
    Stranger(usize),
    /// The staff ends a call.
    EndOneCall,
    /// The staff hands in a new set-up, perhaps without one of the listeners.
    Reload { without: Option<usize> },
    /// The node is told to stop.
    Drain { end_calls: bool },
    /// The judge looks around.
    Look,
    /// Everybody unregisters.
    GoHome,
}

/// All that is to come.
#[derive(Default)]
pub(super) struct Queue {
    waiting: BTreeMap<(Instant, u64), Coming>,
    put: u64,
}

impl Queue {
    /// `coming` comes at `at`, after whatever comes then already.
    pub fn put(&mut self, at: Instant, coming: Coming) {
        self.put += 1;
        self.waiting.insert((at, self.put), coming);
    }

    /// When the next comes.
    pub fn next_at(&self) -> Instant {
        self.waiting.first_key_value().map_or(Instant::FAR, |((at, _), _)| *at)
    }

    /// The next.
    pub fn take(&mut self) -> Option<Coming> {
        self.waiting.pop_first().map(|(_, coming)| coming)
    }
}
