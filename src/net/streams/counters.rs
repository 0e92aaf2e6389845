//! What the stream transports count, for the operator's page. Figures only: no address, no name.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// One reading of the counters. All but `open` only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamFigures {
    /// Connections open now, handshakes included.
    pub open: u64,
    /// Connections accepted.
    pub accepted: u64,
    /// Closed at once: as many as allowed in all.
    pub refused_full: u64,
    /// Closed at once: as many as allowed from one source.
    pub refused_source: u64,
    /// Handshakes that failed (TLS or WebSocket), timeouts included.
    pub handshakes_failed: u64,
    /// Accepting failed for want of file descriptors or memory.
    pub accept_faults: u64,
    /// Messages received.
    pub messages_in: u64,
    /// Messages written.
    pub messages_out: u64,
    /// Times a reader had to wait because the shard's inbox was full.
    pub waits: u64,
    /// Keep-alives answered.
    pub pongs: u64,
}

macro_rules! counters {
    ($($name:ident),*) => {
        /// The counters themselves.
        #[derive(Debug, Default)]
        pub(super) struct Counters { $(pub $name: AtomicU64),* }
        impl Counters {
            /// Reads them.
            pub fn read(&self, open: u64) -> StreamFigures {
                StreamFigures { open, $($name: self.$name.load(Relaxed)),* }
            }
        }
    };
}

counters!(
    accepted,
    refused_full,
    refused_source,
    handshakes_failed,
    accept_faults,
    messages_in,
    messages_out,
    waits,
    pongs
);

/// One more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}
