//! The owner's end of a media worker: commands in, reports out, counters to look at.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, TrySendError};

use super::{Command, DropReason, Report};

/// The ring of commands is full, or the worker is gone: the command was not taken.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the media worker takes no more commands")]
pub struct Full(pub Command);

/// The owner's end of a worker. Dropping it ends the thread, and closes its ports without a goodbye.
#[derive(Debug)]
pub struct WorkerHandle {
    pub(super) commands: Option<Sender<Command>>,
    pub(super) reports: Receiver<Report>,
    pub(super) wake: Arc<OwnedFd>,
    pub(super) counters: Arc<Counters>,
    pub(super) thread: Option<JoinHandle<()>>,
}

impl WorkerHandle {
    /// Hand a command over. Never waits.
    pub fn send(&self, command: Command) -> Result<(), Full> {
        let Some(commands) = &self.commands else { return Err(Full(command)) };
        match commands.try_send(command) {
            Ok(()) => {
                self.wake();
                Ok(())
            }
            Err(TrySendError::Full(command) | TrySendError::Disconnected(command)) => Err(Full(command)),
        }
    }

    /// Where reports come out.
    pub fn reports(&self) -> &Receiver<Report> {
        &self.reports
    }

    /// What the worker counts.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Does the thread still run? It ends only with its handle, so otherwise it has broken down.
    pub fn is_alive(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// End the thread and wait until it has ended.
    pub fn stop(mut self) {
        self.end();
        if let Some(thread) = self.thread.take() {
            // It says nothing on its way out, not even whether it broke down.
            let _ = thread.join();
        }
    }

    fn end(&mut self) {
        self.commands = None;
        self.wake();
    }

    fn wake(&self) {
        // Fails only when it has been rung 2⁶⁴ times without being heard; then it rings already.
        let _ = rustix::io::write(&*self.wake, &1u64.to_ne_bytes());
    }
}

impl Drop for WorkerHandle {
    fn drop(&mut self) {
        self.end();
    }
}

/// What a worker counts, to be read by whoever draws the metrics. Written about every 20 ms.
#[derive(Debug, Default)]
pub struct Counters {
    pub(super) streams: AtomicU64,
    pub(super) ports_free: AtomicU64,
    pub(super) packets_in: AtomicU64,
    pub(super) packets_out: AtomicU64,
    pub(super) dropped: [AtomicU64; DropReason::ALL.len()],
    pub(super) reports_lost: AtomicU64,
    pub(super) beat_late_us: AtomicU64,
    pub(super) beat_late_us_max: AtomicU64,
    pub(super) realtime: AtomicU64,
    pub(super) ticking: AtomicU64,
}

impl Counters {
    /// Streams open now.
    pub fn streams(&self) -> u64 {
        self.streams.load(Relaxed)
    }

    /// Pairs of ports not in use now.
    pub fn ports_free(&self) -> u64 {
        self.ports_free.load(Relaxed)
    }

    /// RTP packets received and understood.
    pub fn packets_in(&self) -> u64 {
        self.packets_in.load(Relaxed)
    }

    /// RTP packets sent.
    pub fn packets_out(&self) -> u64 {
        self.packets_out.load(Relaxed)
    }

    /// Packets dropped for this reason.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize].load(Relaxed)
    }

    /// Reports that nobody took.
    pub fn reports_lost(&self) -> u64 {
        self.reports_lost.load(Relaxed)
    }

    /// How late the last beat was, in microseconds.
    pub fn beat_late_us(&self) -> u64 {
        self.beat_late_us.load(Relaxed)
    }

    /// How late a beat was at most since this was last asked, in microseconds.
    pub fn take_beat_late_us_max(&self) -> u64 {
        self.beat_late_us_max.swap(0, Relaxed)
    }

    /// Was the wish for realtime priority granted?
    pub fn is_realtime(&self) -> bool {
        self.realtime.load(Relaxed) == 1
    }

    /// Is the load so high that the worker wakes by the millisecond?
    pub fn is_ticking(&self) -> bool {
        self.ticking.load(Relaxed) == 1
    }
}
