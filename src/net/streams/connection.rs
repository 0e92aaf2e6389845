//! One open connection: its reader, its writer, its end. The same for TCP and TLS; WebSocket has its own reader and writer.
//!
//! Reader and writer run side by side in one task; whichever ends first ends both. A stream's messages are cut by the
//! framing function; the time a message may take, and how often an unfinished one is looked at, are bounded, so that a
//! peer that dribbles costs nothing.
#![expect(clippy::disallowed_methods, reason = "the control runtime waits here: back-pressure and dribbling peers")]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Sender, TrySendError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::counters::{Counters, count};
use super::gate::Gate;
use super::table::{Place, Queue, Table};
use super::{CloseReason, Cut, Framing, Kind, StreamEvent, StreamLimits};

/// A reader whose event found no place asks again this soon.
const RETRY: Duration = Duration::from_millis(5);
/// Bytes read at once.
const CHUNK: usize = 4096;
/// An unfinished message is looked at this often without ado …
const LOOKS_FREE: u32 = 1000;
/// … and then only this often, whatever the peer does.
const LOOK_PAUSE: Duration = Duration::from_millis(50);
/// A message written so long ago with no reset since has arrived as far as TCP can tell.
const IN_DOUBT: Duration = Duration::from_secs(1);
/// At most so many messages are handed back.
const RETURNED_MAX: usize = 32;
/// The first byte of a TLS handshake; no text begins with it.
const TLS_HANDSHAKE: u8 = 0x16;

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub limits: StreamLimits,
    pub framing: Framing,
    pub events: Sender<StreamEvent>,
    pub table: Table,
    pub counters: Counters,
}

/// Who is at the other end.
#[derive(Clone, Debug)]
pub(super) struct Ends {
    pub kind: Kind,
    pub local: SocketAddr,
    pub remote: SocketAddr,
    pub outbound: bool,
    pub names: Vec<String>,
}

impl Shared {
    /// Hands an event over, waiting while there is no place. False: nobody listens any more.
    pub async fn tell(&self, event: StreamEvent) -> bool {
        let mut event = event;
        let mut waited = false;
        loop {
            match self.events.try_send(event) {
                Ok(()) => return true,
                Err(TrySendError::Disconnected(_)) => return false,
                Err(TrySendError::Full(back)) => event = back,
            }
            if !std::mem::replace(&mut waited, true) {
                count(&self.counters.waits);
            }
            sleep(RETRY).await;
        }
    }
}

/// What reader and writer of one connection tell each other.
#[derive(Debug)]
pub(super) struct Life {
    pub number: u64,
    pub outbound: bool,
    pub gate: Arc<Gate>,
    pub queue: Queue,
    state: Mutex<Traffic>,
}

#[derive(Debug)]
struct Traffic {
    opened: Instant,
    heard: Instant,
    moved: Instant,
    worked: bool,
    spoke: bool,
    in_doubt: VecDeque<(Instant, Vec<u8>)>,
    unsent: Vec<Vec<u8>>,
}

impl Life {
    fn with<T>(&self, change: impl FnOnce(&mut Traffic) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Something came in, be it a keep-alive.
    pub fn heard(&self) {
        let now = Instant::now();
        self.with(|t| {
            (t.heard, t.moved, t.worked) = (now, now, true);
            t.in_doubt.clear();
        });
    }

    /// When something last came in.
    pub fn last_heard(&self) -> Instant {
        self.with(|t| t.heard)
    }

    /// A whole message came in.
    pub fn spoke(&self) {
        self.with(|t| t.spoke = true);
    }

    /// `bytes` went out.
    pub fn wrote(&self, bytes: Vec<u8>) {
        let now = Instant::now();
        self.queue.written(bytes.len());
        self.with(|t| {
            t.moved = now;
            while t.in_doubt.front().is_some_and(|(at, _)| now - *at > IN_DOUBT) || t.in_doubt.len() >= RETURNED_MAX {
                t.in_doubt.pop_front();
            }
            if bytes.len() > 4 {
                t.in_doubt.push_back((now, bytes)); // a keep-alive is not worth repeating
            }
        });
    }

    /// `bytes` could not be written.
    pub fn failed(&self, bytes: Vec<u8>) {
        self.with(|t| t.unsent.push(bytes));
    }

    /// The next moment at which silence ends the connection, and the reason it would have.
    pub fn deadline(&self, limits: &StreamLimits) -> (Instant, CloseReason) {
        self.with(|t| match !t.spoke && !self.outbound {
            true => (t.opened + limits.first_message.min(limits.idle), CloseReason::NeverSpoke),
            false => (t.moved + limits.idle, CloseReason::Idle),
        })
    }

    /// What a dead connection may have swallowed, oldest first. One that never worked gives nothing back: a peer that resets
    /// every fresh connection must not be asked again and again.
    fn returned(&self, rest: &mut mpsc::Receiver<Vec<u8>>) -> Vec<Vec<u8>> {
        if !self.with(|t| t.worked) {
            return Vec::new();
        }
        let now = Instant::now();
        let mut all: Vec<Vec<u8>> = self.with(|t| {
            let doubtful = std::mem::take(&mut t.in_doubt).into_iter().filter(|(at, _)| now - *at <= IN_DOUBT);
            doubtful.map(|(_, bytes)| bytes).chain(std::mem::take(&mut t.unsent)).collect()
        });
        while let Ok(bytes) = rest.try_recv() {
            all.push(bytes);
        }
        all.retain(|bytes| bytes.len() > 4);
        all.truncate(RETURNED_MAX);
        all
    }
}

/// A connection's life from `Opened` to `Closed`; `pump` moves bytes until it ends.
pub(super) async fn live<S, P>(shared: &Arc<Shared>, place: Place, ends: Ends, io: S, pump: P)
where
    P: AsyncFnOnce(&Arc<Shared>, &Arc<Life>, &mut mpsc::Receiver<Vec<u8>>, S) -> CloseReason,
{
    let Place { number, gate, queue, mut messages, slot } = place;
    let Ends { kind, local, remote, outbound, names } = ends;
    let now = Instant::now();
    let life = Arc::new(Life {
        number,
        outbound,
        gate,
        queue,
        state: Mutex::new(Traffic {
            opened: now,
            heard: now,
            moved: now,
            worked: false,
            spoke: false,
            in_doubt: VecDeque::new(),
            unsent: Vec::new(),
        }),
    });
    shared.tell(StreamEvent::Opened { connection: number, kind, local, remote, outbound, names }).await;
    let why = pump(shared, &life, &mut messages, io).await;
    let why = life.gate.reason().unwrap_or(why);
    shared.table.leave(number);
    let returned = life.returned(&mut messages);
    drop(slot);
    shared.tell(StreamEvent::Closed { connection: number, why, returned }).await;
}

/// Moves bytes over TCP or TLS.
pub(super) async fn pump_stream<S>(
    shared: &Arc<Shared>,
    life: &Arc<Life>,
    messages: &mut mpsc::Receiver<Vec<u8>>,
    io: S,
) -> CloseReason
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut reading, mut writing) = tokio::io::split(io);
    let linger = shared.limits.linger;
    let why = tokio::select! {
        biased;
        why = life.gate.wait(linger) => why,
        why = read_all(shared, life, &mut reading) => why,
        why = write_all(shared, life, messages, &mut writing) => why,
    };
    if !matches!(why, CloseReason::Reset | CloseReason::WriteTimeout | CloseReason::QueueFull) {
        let _ = timeout(linger, writing.shutdown()).await;
    }
    why
}

async fn write_all<W>(
    shared: &Shared,
    life: &Life,
    messages: &mut mpsc::Receiver<Vec<u8>>,
    writing: &mut W,
) -> CloseReason
where
    W: AsyncWrite + Unpin,
{
    while let Some(bytes) = messages.recv().await {
        let write = async {
            writing.write_all(&bytes).await?;
            writing.flush().await
        };
        match timeout(shared.limits.write, write).await {
            Ok(Ok(())) => {
                count(&shared.counters.messages_out);
                life.wrote(bytes);
            }
            Ok(Err(_)) => {
                life.failed(bytes);
                return CloseReason::Reset;
            }
            Err(_) => {
                life.failed(bytes);
                return CloseReason::WriteTimeout;
            }
        }
    }
    life.gate.reason().unwrap_or(CloseReason::Asked)
}

async fn read_all<R: AsyncRead + Unpin>(shared: &Shared, life: &Life, reading: &mut R) -> CloseReason {
    let limits = &shared.limits;
    let mut buffer: Vec<u8> = Vec::new();
    let mut chunk = [0u8; CHUNK];
    let mut begun: Option<Instant> = None;
    let mut looks = 0u32;
    loop {
        let (at, why) = life.deadline(limits);
        let slow = begun.map(|begun| begun + limits.message);
        let until = slow.map_or(at, |slow| slow.min(at));
        let count_read = match timeout_at(until, reading.read(&mut chunk)).await {
            Ok(Ok(0)) => return CloseReason::PeerClosed,
            Ok(Ok(count_read)) => count_read,
            Ok(Err(fault)) if fault.kind() == std::io::ErrorKind::UnexpectedEof => return CloseReason::PeerClosed,
            Ok(Err(_)) => return CloseReason::Reset,
            Err(_) if slow == Some(until) => return CloseReason::SlowMessage,
            Err(_) if life.deadline(limits).0 <= until => return why,
            Err(_) => continue, // something was written meanwhile
        };
        life.heard();
        if buffer.is_empty() && chunk[0] == TLS_HANDSHAKE {
            return CloseReason::Protocol;
        }
        buffer.extend_from_slice(&chunk[..count_read]);
        match cut_all(shared, life, &mut buffer).await {
            Cutting::Unfinished => {}
            Cutting::Messages => (begun, looks) = (None, 0),
            Cutting::Broken(why) => {
                linger_broken(shared, life, std::mem::take(&mut buffer), why, reading).await;
                return why;
            }
        }
        if buffer.is_empty() {
            buffer = Vec::new(); // an idle connection holds no memory
        }
        // A lone line end may be half a keep-alive: it is waited for without haste.
        if buffer.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
            (begun, looks) = (None, 0);
        } else {
            begun.get_or_insert_with(Instant::now);
            looks += 1;
            if looks > LOOKS_FREE {
                sleep(LOOK_PAUSE).await;
            }
        }
    }
}

enum Cutting {
    /// What is left began before.
    Unfinished,
    /// At least one whole message or keep-alive was taken.
    Messages,
    Broken(CloseReason),
}

/// Takes everything whole from the beginning of `buffer`.
async fn cut_all(shared: &Shared, life: &Life, buffer: &mut Vec<u8>) -> Cutting {
    let mut done = 0;
    let end = loop {
        let rest = &buffer[done..];
        if rest.is_empty() {
            break Cutting::Messages;
        }
        match (shared.framing)(rest) {
            Cut::Incomplete if rest.len() > shared.limits.message_bytes => {
                break Cutting::Broken(CloseReason::TooLarge);
            }
            Cut::Incomplete if done == 0 => break Cutting::Unfinished,
            Cut::Incomplete => break Cutting::Messages,
            Cut::KeepAlive { bytes, ping } => {
                done += bytes.clamp(1, rest.len());
                if ping {
                    count(&shared.counters.pongs);
                    life.queue.pong();
                }
            }
            Cut::Message { bytes } => {
                let bytes = bytes.clamp(1, rest.len());
                count(&shared.counters.messages_in);
                life.spoke();
                shared.tell(StreamEvent::Message { connection: life.number, bytes: rest[..bytes].to_vec() }).await;
                done += bytes;
            }
            Cut::Broken => break Cutting::Broken(CloseReason::Broken),
        }
    };
    buffer.drain(..done);
    end
}

/// Says that the stream is broken and leaves the shard a moment to answer. What still comes is read and forgotten, for a
/// socket closed with unread bytes would take the answer with it.
async fn linger_broken<R>(shared: &Shared, life: &Life, mut bytes: Vec<u8>, why: CloseReason, reading: &mut R)
where
    R: AsyncRead + Unpin,
{
    life.gate.note(why);
    bytes.truncate(shared.limits.message_bytes);
    shared.tell(StreamEvent::Broken { connection: life.number, bytes }).await;
    let mut chunk = [0u8; CHUNK];
    let forget = async { while matches!(reading.read(&mut chunk).await, Ok(1..)) {} };
    let _ = timeout(shared.limits.linger, forget).await;
}
