//! The shell around a shard: its thread, the sockets, the media workers, the store, the operator's port.
//!
//! The shard's thread waits on everything at once (datagrams, reports, control, its own deadline), takes what lies ready,
//! and hands out what the shard says. It never waits for a disk, a name or a peer.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, Select, Sender, TrySendError, bounded};

use crate::clock::Instant;
use crate::dispatch::ListenerState;
use crate::ids::{CallId, IdSource, ListenerId};
use crate::media::{self, Report, Worker, WorkerHandle, WorkerOptions};
use crate::net::{BindError, ServerTls, StreamLimits, StreamsError};
use crate::ops::events::MediaFigures;
use crate::ops::labels::{ByDrop, Room, Way, Word};
use crate::ops::metrics::follow;
use crate::ops::{Health, Metrics, Part};
use crate::sip::{self, Transport};
use crate::store::{Entry, Store, StoreError, StoreHandle, StoreSettings};
use crate::trunk;

use super::clock::SystemClock;
use super::observe::Observer;
use super::receiver::Arrived;
use super::resolving::{NameSettings, Resolving};
use super::setup::{Setup, Trunking};
use super::shard::{Shard, ShardCounts, ShardSettings};
use super::transports::{Certified, Listening, OpenError, Transports};
use super::{Control, Input, Output};

/// Datagrams that may wait for the shard; more are dropped and repaired by SIP's own repetition.
const INBOX: usize = 8192;
/// Control requests that may wait.
const CONTROLS: usize = 64;
/// Inputs taken from one source before the others are looked at again.
const BATCH: usize = 64;
/// A media beat this late is counted.
const BEAT_LATE: Duration = Duration::from_millis(5);
/// The latest beat of this span is shown.
const BEAT_SHOWN: Duration = Duration::from_secs(15);
/// How often levels and the snapshot are drawn.
const SHOW_EVERY: Duration = Duration::from_millis(200);

/// What a node is started with.
#[derive(Debug)]
pub struct ServeSettings {
    /// The SIP sockets.
    pub listen: Vec<Listening>,
    /// The bounds of TCP, TLS and WebSocket.
    pub streams: StreamLimits,
    /// The certificate of TLS and secure WebSocket.
    pub tls: Option<ServerTls>,
    /// The web pages that may open a WebSocket; empty: all.
    pub web_origins: Vec<String>,
    /// Names to addresses.
    pub names: NameSettings,
    /// The shard; what peers write to reach the sockets is filled in when they are open.
    pub shard: ShardSettings,
    /// Plans, prompts, listeners, accounts.
    pub setup: Setup,
    /// Media addresses and ports; the workers share the range.
    pub media: media::Settings,
    /// Media threads; at least one.
    pub workers: usize,
    /// Where the store lives.
    pub state_dir: PathBuf,
    /// The store.
    pub store: StoreSettings,
}

/// Why a node cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The SIP socket.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The connections.
    #[error(transparent)]
    Streams(#[from] StreamsError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A thread, or the media sockets.
    #[error("the system refused a thread or a socket: {0}")]
    System(#[from] io::Error),
}

impl From<OpenError> for ServeError {
    fn from(fault: OpenError) -> ServeError {
        match fault {
            OpenError::Bind(fault) => ServeError::Bind(fault),
            OpenError::Streams(fault) => ServeError::Streams(fault),
            OpenError::System(fault) => ServeError::System(fault),
        }
    }
}

/// What others may look at while the shard works.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The shard's gauges.
    pub counts: ShardCounts,
    /// What each listener does.
    pub listeners: Vec<(ListenerId, ListenerState)>,
    /// Registered devices of each listener who has some.
    pub devices: std::collections::BTreeMap<ListenerId, u32>,
    /// Where each call stands.
    pub calls: Vec<(CallId, crate::call::Stage)>,
    /// How each trunk is.
    pub trunks: Vec<trunk::Status>,
    /// Whose calls are believed without a password.
    pub peers: Arc<sip::Peers>,
    /// Sources that are answered with silence; taken anew when the list changes.
    pub bans: Arc<Vec<sip::Ban>>,
    /// Calls to telephones that sleep, and must be woken.
    pub wakes: Vec<(sip::SessionId, sip::Binding)>,
    /// Streams open over all workers.
    pub streams: u64,
    /// Has a drain come to its end?
    pub drained: bool,
}

/// A running node. Dropping it stops at once; drain first.
#[derive(Debug)]
pub struct Node {
    control: Sender<Control>,
    snapshot: Arc<ArcSwap<Snapshot>>,
    sip: SocketAddr,
    store: StoreHandle,
    thread: Option<JoinHandle<()>>,
    stop: Option<Sender<()>>,
    owner: Option<Store>,
}

impl Node {
    /// Opens everything and starts. Nothing is half open when this fails.
    pub fn start(
        mut settings: ServeSettings,
        clock: SystemClock,
        mut ids: IdSource,
        metrics: Metrics,
        health: Health,
    ) -> Result<Node, ServeError> {
        let (inbox, arrived) = bounded(INBOX);
        let transports = Transports::open(
            &settings.listen,
            settings.streams.clone(),
            settings.tls.clone(),
            &settings.web_origins,
            &inbox,
        )?;
        let sip = transports.first().unwrap_or(SocketAddr::from(([0, 0, 0, 0], 0)));
        settings.shard.endpoint.sockets = transports.advertised().to_vec();
        let sockets = transports.advertised();
        let resolving = Resolving::start(transports.runtime(), &settings.names, sockets, ids.fork());
        let trunking = settings.setup.trunks.clone();
        let owner = Store::open(&settings.state_dir, settings.store)?;
        let store = owner.handle();
        let workers = spawn_workers(&settings.media, settings.workers, &mut ids, clock)?;
        let (control, controls) = bounded(CONTROLS);
        let (stop, stopped) = bounded::<()>(0);
        let snapshot = Arc::new(ArcSwap::from_pointee(Snapshot::default()));
        health.up(Part::Sip);
        health.up(Part::Media);
        health.up(Part::Store);
        health.up(Part::Dialplan);
        let shard = Shard::new(settings.shard, settings.setup, ids);
        let run = Run {
            shard,
            resolving,
            trunking,
            transports,
            workers,
            clock,
            store: store.clone(),
            observer: Observer::new(metrics.clone()),
            metrics,
            health,
            snapshot: snapshot.clone(),
            bans: Arc::default(),
            ban_changes: 0,
            shown: Instant::ZERO,
            beats_late: 0,
            beat_late_max: Duration::ZERO,
            beat_asked: Instant::ZERO,
        };
        let thread =
            std::thread::Builder::new().name("shard-0".into()).spawn(move || run.run(&arrived, &controls, &stopped))?;
        let (thread, stop) = (Some(thread), Some(stop));
        Ok(Node { control, snapshot, sip, store, thread, stop, owner: Some(owner) })
    }

    /// The SIP socket's address.
    pub fn sip(&self) -> SocketAddr {
        self.sip
    }

    /// Where requests to the shard go in; a full channel is an answer.
    pub fn control(&self) -> &Sender<Control> {
        &self.control
    }

    /// What the shard looks like, at most a fifth of a second old.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// The snapshot's own place, for those who look often.
    pub fn snapshots(&self) -> Arc<ArcSwap<Snapshot>> {
        self.snapshot.clone()
    }

    /// The store's inbox.
    pub fn store(&self) -> &StoreHandle {
        &self.store
    }

    /// Does the shard's thread run?
    pub fn is_alive(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Stops: the shard first, then the store, which writes what it still holds.
    pub fn stop(mut self, within: Duration) -> bool {
        self.end();
        let flushed = self.store.close(within);
        self.owner.take();
        flushed
    }

    fn end(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.end();
    }
}

fn spawn_workers(
    settings: &media::Settings,
    workers: usize,
    ids: &mut IdSource,
    clock: SystemClock,
) -> io::Result<Vec<WorkerHandle>> {
    let workers = workers.max(1);
    let (first, last) = (*settings.ports.start(), *settings.ports.end());
    // Each worker has a part of the range for itself, beginning with an even port (RFC 3550 §11).
    let part = ((u32::from(last - first) + 1) / workers as u32) & !1;
    (0..workers)
        .map(|nth| {
            let from = u32::from(first) + part * nth as u32;
            let to = if nth + 1 == workers { u32::from(last) } else { from + part - 1 };
            let ports = from as u16..=to as u16;
            let settings = media::Settings { ports, ..settings.clone() };
            let options = WorkerOptions { name: format!("media-{nth}"), ..WorkerOptions::default() };
            Worker::spawn(settings, options, ids.fork(), move || clock.at())
        })
        .collect()
}

struct Run {
    shard: Shard,
    resolving: Resolving,
    trunking: Arc<Trunking>,
    transports: Transports,
    workers: Vec<WorkerHandle>,
    clock: SystemClock,
    store: StoreHandle,
    observer: Observer,
    metrics: Metrics,
    health: Health,
    snapshot: Arc<ArcSwap<Snapshot>>,
    bans: Arc<Vec<sip::Ban>>,
    ban_changes: u64,
    shown: Instant,
    beats_late: u64,
    beat_late_max: Duration,
    beat_asked: Instant,
}

impl Run {
    fn run(mut self, arrived: &Receiver<Arrived>, controls: &Receiver<Control>, stopped: &Receiver<()>) {
        let reports: Vec<Receiver<Report>> = self.workers.iter().map(|worker| worker.reports().clone()).collect();
        let connections = self.transports.events().clone();
        let resolved = self.resolving.answers().clone();
        let mut select = Select::new();
        select.recv(arrived);
        select.recv(&connections);
        select.recv(&resolved);
        select.recv(controls);
        let stop = select.recv(stopped);
        for reports in &reports {
            select.recv(reports);
        }
        // The trunks begin with this first input.
        let mut at = self.tell(Input::Timeout);
        loop {
            let now = self.clock.at();
            let wait = at.map_or(SHOW_EVERY, |at| at.since(now)).min(SHOW_EVERY);
            let ready = select.ready_timeout(wait);
            if ready == Ok(stop) {
                break; // only its end of life makes it ready
            }
            let began = self.clock.at();
            for control in controls.try_iter().take(BATCH) {
                if let Control::Reload(setup) = &control {
                    self.transports.reload();
                    self.transports.forget_certified();
                    self.trunking = setup.trunks.clone();
                }
                at = self.tell(Input::Control(control));
            }
            for reports in &reports {
                for report in reports.try_iter().take(BATCH) {
                    at = self.tell(Input::Report(report));
                }
            }
            for Arrived { flow, bytes } in arrived.try_iter().take(BATCH) {
                self.observer.wire(Way::In, &bytes);
                at = self.tell(Input::Datagram { flow, bytes });
            }
            for resolved in resolved.try_iter().take(BATCH) {
                if let Some(input) = Resolving::heard(resolved) {
                    at = self.tell(input);
                }
            }
            for event in connections.try_iter().take(BATCH) {
                for input in self.transports.heard(event) {
                    if let Input::Datagram { bytes, .. } = &input {
                        self.observer.wire(Way::In, bytes);
                    }
                    at = self.tell(input);
                }
            }
            if at.is_some_and(|at| at <= self.clock.at()) {
                at = self.tell(Input::Timeout);
            }
            let turn = self.clock.at().since(began);
            if ready.is_ok() {
                self.metrics.on(crate::ops::Event::Turn(turn));
            }
            self.show(arrived.len() + connections.len());
        }
        drop(self.transports);
        for worker in self.workers {
            worker.stop();
        }
    }

    fn tell(&mut self, input: Input) -> Option<Instant> {
        let now = self.clock.now();
        self.shard.handle_input(now, input);
        self.hand_out()
    }

    /// Hands out what the shard says; returns when it wants to be woken.
    fn hand_out(&mut self) -> Option<Instant> {
        let mut lost = Vec::new();
        loop {
            match self.shard.poll_output() {
                Output::Transmit { flow, bytes } => {
                    self.observer.wire(Way::Out, &bytes);
                    if flow.transport == Transport::Tls && !flow.is_pinned() {
                        self.certify(flow.remote);
                    }
                    lost.extend(self.transports.send(flow, &bytes));
                }
                Output::Close(flow) => self.transports.close(flow),
                Output::Resolve { query, host } => lost.extend(self.resolving.ask(query, &host)),
                Output::Tried { reply, tried } => reply.redeem(*tried),
                Output::Media(command) => self.command_worker(command),
                Output::Record(finished) => {
                    self.observer.record(&finished);
                    self.store.write(Entry::Record(finished));
                }
                Output::Decision(decision) => {
                    self.observer.decision(&decision);
                    self.store.write(Entry::Decision(decision));
                }
                Output::Event(event) => self.observer.event(self.clock.at(), &event),
                // What could not be sent is told once the shard has said all; that may make it say more.
                Output::Timeout(at) => match lost.pop() {
                    Some(input) => {
                        let now = self.clock.now();
                        self.shard.handle_input(now, input);
                    }
                    None => return at,
                },
            }
        }
    }

    /// Says how the peer at `remote` must prove itself over TLS, before a connection to it may be opened.
    fn certify(&mut self, remote: SocketAddr) {
        let known = self.shard.certified(remote).and_then(|(trunk, name)| {
            let client = self.trunking.tls.get(&trunk)?.clone();
            Some(Certified { client, name })
        });
        self.transports.certify(remote, known);
    }

    fn command_worker(&mut self, command: media::Command) {
        // Both legs of a call live on one worker: a bridge never crosses threads.
        let nth = (command.leg().call.as_raw() % self.workers.len() as u64) as usize;
        if let Err(fault) = self.workers[nth].send(command) {
            tracing::error!(%fault, "a media worker is stuck");
        }
    }

    fn show(&mut self, inbox: usize) {
        let now = self.clock.now();
        if now.at.since(self.shown) < SHOW_EVERY && self.shown != Instant::ZERO {
            return;
        }
        self.shown = now.at;
        let counts = self.shard.counts();
        self.observer.levels(now.at, &counts, inbox);
        let trunks = self.shard.trunks(now);
        self.observer.trunks(&trunks);
        if self.shard.ban_changes() != self.ban_changes {
            self.ban_changes = self.shard.ban_changes();
            self.bans = Arc::new(self.shard.bans().copied().collect());
        }
        self.metrics.sip_bans.set(self.bans.iter().filter(|ban| ban.until > now.at).count() as i64);
        let mut figures = self.media_figures();
        self.beats_late += u64::from(figures.beat_late_max > BEAT_LATE);
        figures.beats_late = self.beats_late;
        self.beat_late_max = match now.at.since(self.beat_asked) > BEAT_SHOWN {
            true => {
                self.beat_asked = now.at;
                figures.beat_late_max
            }
            false => self.beat_late_max.max(figures.beat_late_max),
        };
        figures.beat_late_max = self.beat_late_max;
        self.metrics.show_media(&figures);
        self.metrics.show_store(&self.store.figures());
        let full = ByDrop { room: Room::Net, reason: Word::of_variant(&"InboxFull") };
        follow(&self.metrics.dropped.get_or_create(&full), self.transports.dropped());
        let tell = |part, sound| if sound { self.health.up(part) } else { self.health.failed(part) };
        tell(Part::Media, figures.workers == self.workers.len());
        tell(Part::Sip, self.transports.is_alive());
        if self.shard.is_draining() {
            self.health.drain();
        }
        self.health.beat(now.at);
        self.snapshot.store(Arc::new(Snapshot {
            counts,
            listeners: self.shard.dispatcher().listener_states(now).collect(),
            devices: self.shard.devices().clone(),
            calls: self.shard.stages().collect(),
            trunks,
            peers: self.shard.peers().clone(),
            bans: self.bans.clone(),
            wakes: self.shard.wakes().map(|(session, binding)| (session, binding.clone())).collect(),
            streams: figures.streams as u64,
            drained: self.shard.is_drained(),
        }));
    }

    fn media_figures(&self) -> MediaFigures {
        let mut figures = MediaFigures::default();
        for worker in self.workers.iter().filter(|worker| worker.is_alive()) {
            let counters = worker.counters();
            figures.workers += 1;
            figures.streams += counters.streams() as usize;
            figures.ports_free += counters.ports_free() as usize;
            figures.packets_in += counters.packets_in();
            figures.packets_out += counters.packets_out();
            let late = Duration::from_micros(counters.take_beat_late_us_max());
            figures.beat_late_max = figures.beat_late_max.max(late);
        }
        figures.ports_used = figures.streams;
        figures
    }
}

/// Hands `control` to a node; says so when it is overloaded or gone.
pub fn ask(control: &Sender<Control>, request: Control) -> Result<(), &'static str> {
    control.try_send(request).map_err(|fault| match fault {
        TrySendError::Full(_) => "the node has too much to do: try again",
        TrySendError::Disconnected(_) => "the node has stopped",
    })
}
