//! Who is connected: numbers, queues and counts. The one thing the shard's thread and the runtime share; it is locked for
//! a look-up only, never across a wait.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::gate::Gate;
use super::{CloseReason, Connect, SendFault, StreamLimits};

/// Never 0, never twice in the life of the process, whoever asks.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// One queue of messages to be written, with the bytes that lie in it.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    messages: mpsc::WeakSender<Vec<u8>>,
    bytes: Arc<AtomicUsize>,
}

impl Queue {
    /// Queues a keep-alive's answer; one that finds no place is not missed.
    pub fn pong(&self) {
        if let Some(sender) = self.messages.upgrade()
            && sender.try_send(b"\r\n".to_vec()).is_ok()
        {
            self.bytes.fetch_add(2, Relaxed);
        }
    }

    /// `bytes` have been written.
    pub fn written(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Relaxed);
    }
}

/// What a connection's task holds.
#[derive(Debug)]
pub(super) struct Place {
    pub number: u64,
    pub gate: Arc<Gate>,
    pub queue: Queue,
    pub messages: mpsc::Receiver<Vec<u8>>,
    pub slot: Slot,
}

#[derive(Debug)]
struct Entry {
    sender: mpsc::Sender<Vec<u8>>,
    bytes: Arc<AtomicUsize>,
    gate: Arc<Gate>,
    /// For connections of our own: whom they lead to.
    target: Option<Connect>,
}

#[derive(Debug, Default)]
struct Inner {
    connections: BTreeMap<u64, Entry>,
    sources: BTreeMap<IpAddr, usize>,
    inbound: usize,
    outbound: usize,
}

/// Why there is no place for one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// As many as allowed in all.
    Full,
    /// As many as allowed from this source.
    Source,
}

/// The table.
#[derive(Clone, Debug, Default)]
pub(super) struct Table(Arc<Mutex<Inner>>);

/// A counted connection; its end gives the place back.
#[derive(Debug)]
pub(super) struct Slot {
    table: Table,
    source: Option<IpAddr>,
}

impl Table {
    /// A place for a connection from `remote`.
    pub fn admit(&self, remote: SocketAddr, limits: &StreamLimits) -> Result<Slot, NoPlace> {
        let source = source_of(remote.ip());
        let mut inner = self.lock();
        if inner.inbound >= limits.inbound {
            return Err(NoPlace::Full);
        }
        let held = inner.sources.entry(source).or_default();
        if *held >= limits.per_source {
            return Err(NoPlace::Source);
        }
        *held += 1;
        inner.inbound += 1;
        Ok(Slot { table: self.clone(), source: Some(source) })
    }

    /// A place for a connection of our own.
    pub fn reserve(&self, limits: &StreamLimits) -> Result<Slot, NoPlace> {
        let mut inner = self.lock();
        if inner.outbound >= limits.outbound {
            return Err(NoPlace::Full);
        }
        inner.outbound += 1;
        Ok(Slot { table: self.clone(), source: None })
    }

    /// Gives a connection its number and its queue.
    pub fn enter(&self, slot: Slot, limits: &StreamLimits, target: Option<&Connect>) -> Place {
        let number = NEXT.fetch_add(1, Relaxed);
        let (sender, messages) = mpsc::channel(limits.queue.max(1));
        let (gate, bytes) = (Arc::new(Gate::default()), Arc::new(AtomicUsize::new(0)));
        let queue = Queue { messages: sender.downgrade(), bytes: bytes.clone() };
        let target = target.cloned();
        self.lock().connections.insert(number, Entry { sender, bytes, gate: gate.clone(), target });
        Place { number, gate, queue, messages, slot }
    }

    /// A live connection of our own to the same peer under the same name.
    pub fn find(&self, to: &Connect) -> Option<u64> {
        let inner = self.lock();
        inner.connections.iter().rev().find(|(_, entry)| entry.target.as_ref() == Some(to)).map(|(number, _)| *number)
    }

    /// Queues `bytes`; a full queue ends its connection.
    pub fn send(&self, connection: u64, bytes: Vec<u8>, limits: &StreamLimits) -> Result<(), SendFault> {
        let mut inner = self.lock();
        let entry = inner.connections.get(&connection).ok_or(SendFault::Gone)?;
        let length = bytes.len();
        let fits = entry.bytes.fetch_add(length, Relaxed) + length <= limits.queue_bytes;
        let fault = match fits.then(|| entry.sender.try_send(bytes)) {
            Some(Ok(())) => return Ok(()),
            Some(Err(mpsc::error::TrySendError::Closed(_))) => SendFault::Gone,
            Some(Err(mpsc::error::TrySendError::Full(_))) | None => SendFault::Full,
        };
        if fault == SendFault::Full {
            entry.gate.close(CloseReason::QueueFull);
        }
        inner.connections.remove(&connection);
        Err(fault)
    }

    /// Ends a connection; what is queued may still leave. Says whether there was one.
    pub fn close(&self, connection: u64, reason: CloseReason) -> bool {
        let entry = self.lock().connections.remove(&connection);
        if let Some(entry) = &entry {
            entry.gate.close(reason);
        }
        entry.is_some()
    }

    /// Ends all connections.
    pub fn close_all(&self, reason: CloseReason) {
        let all = std::mem::take(&mut self.lock().connections);
        for entry in all.values() {
            entry.gate.close(reason);
        }
    }

    /// Forgets a connection that has ended.
    pub fn leave(&self, connection: u64) {
        self.lock().connections.remove(&connection);
    }

    /// Connections counted now.
    pub fn open(&self) -> usize {
        let inner = self.lock();
        inner.inbound + inner.outbound
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut inner = self.table.lock();
        let Some(source) = self.source else {
            inner.outbound -= 1;
            return;
        };
        inner.inbound -= 1;
        if let Some(held) = inner.sources.get_mut(&source) {
            *held -= 1;
            if *held == 0 {
                inner.sources.remove(&source);
            }
        }
    }
}

/// Who is counted as one: an IPv4 address, or the /64 an IPv6 host may choose its addresses from.
fn source_of(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(six) => match six.to_ipv4_mapped() {
            Some(four) => IpAddr::V4(four),
            None => IpAddr::V6(Ipv6Addr::from(u128::from(six) & !u128::from(u64::MAX))),
        },
    }
}
