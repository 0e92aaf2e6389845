//! The net thread: takes datagrams off the signalling socket and puts them into a bounded inbox. When the inbox is full a
//! datagram is dropped and counted; SIP over UDP repairs it, and a flood cannot grow our memory.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Sender, TrySendError};

use crate::net::{Buffers, UdpEndpoint};
use crate::sip::Flow;

/// A message that came in, and the way it came.
#[derive(Debug)]
pub(super) struct Arrived {
    /// The way.
    pub flow: Flow,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// How often the thread looks whether it shall end.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The thread that receives.
#[derive(Debug)]
pub(super) struct Receiver {
    stop: Arc<AtomicBool>,
    dropped: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Receiver {
    /// Receives from `socket` into `inbox` until dropped.
    pub fn spawn(name: &str, socket: UdpEndpoint, inbox: Sender<Arrived>) -> io::Result<Receiver> {
        let (stop, dropped) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopping, lost) = (stop.clone(), dropped.clone());
        let thread = std::thread::Builder::new().name(name.into()).spawn(move || {
            let (mut buffers, local) = (Buffers::default(), socket.local());
            while !stopping.load(Relaxed) {
                let mut gone = false;
                let received = socket.receive(&mut buffers, LOOK_EVERY, |datagram| {
                    let arrived = Arrived { flow: Flow::udp(local, datagram.from), bytes: datagram.bytes };
                    match inbox.try_send(arrived) {
                        Ok(()) => {}
                        Err(TrySendError::Full(_)) => {
                            lost.fetch_add(1, Relaxed);
                        }
                        Err(TrySendError::Disconnected(_)) => gone = true,
                    }
                });
                if gone {
                    return;
                }
                if let Err(fault) = received {
                    tracing::error!(%fault, "the signalling socket cannot be read");
                    return;
                }
            }
        })?;
        Ok(Receiver { stop, dropped, thread: Some(thread) })
    }

    /// Datagrams that found no place.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// Does the thread still receive?
    pub fn is_alive(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
