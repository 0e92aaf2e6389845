//! The owner of the stream transports, and the handle others use.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::Sender;
use tokio::sync::oneshot;

use super::connection::Shared;
use super::counters::Counters;
use super::table::Table;
use super::{
    CloseReason, Connect, ConnectFault, Framing, Kind, Listen, SendFault, StreamEvent, StreamFigures, StreamLimits,
    TlsError, accept, connect,
};
use crate::net::BindError;

/// Why the stream transports cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StreamsError {
    /// A listening socket.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The thread or its runtime.
    #[error("the system refused the thread of the connections: {0}")]
    System(#[from] io::Error),
}

/// The running stream transports: one thread, all connections. Dropping it ends them; [`Streams::stop`] says how long
/// that may take.
#[derive(Debug)]
pub struct Streams {
    handle: StreamsHandle,
    listening: Vec<(Kind, SocketAddr)>,
    stop: Option<oneshot::Sender<Duration>>,
    thread: Option<JoinHandle<()>>,
}

/// What the shell speaks to. Cheap to clone; no call of it waits.
#[derive(Clone, Debug)]
pub struct StreamsHandle {
    shared: Arc<Shared>,
    doors: Arc<[Arc<accept::Door>]>,
    runtime: tokio::runtime::Handle,
}

impl Streams {
    /// Binds every address of `listens` and starts. Messages are cut by `framing`; what happens is told to `events`.
    /// Nothing is left open when this fails.
    pub fn start(
        limits: StreamLimits,
        listens: &[Listen],
        framing: Framing,
        events: Sender<StreamEvent>,
    ) -> Result<Streams, StreamsError> {
        let sockets = listens.iter().map(accept::bind).collect::<Result<Vec<_>, _>>()?;
        let listening = listens
            .iter()
            .zip(&sockets)
            .map(|(listen, socket)| Ok((listen.kind, socket.local_addr()?)))
            .collect::<io::Result<Vec<_>>>()?;
        let doors = listens.iter().map(|listen| Ok(Arc::new(accept::Door::new(listen)?)));
        let doors = doors.collect::<Result<Vec<_>, TlsError>>()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let table = Table::default();
        let shared = Arc::new(Shared { limits, framing, events, table, counters: Counters::default() });
        let handle =
            StreamsHandle { shared: shared.clone(), doors: doors.clone().into(), runtime: runtime.handle().clone() };
        let accepting: Vec<_> = sockets
            .into_iter()
            .zip(&doors)
            .map(|(socket, door)| runtime.spawn(accept::accept_all(shared.clone(), socket, door.clone())))
            .collect();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("streams".into()).spawn(move || {
            let within = runtime.block_on(stopped).unwrap_or_default();
            accepting.iter().for_each(tokio::task::JoinHandle::abort);
            shared.table.close_all(CloseReason::Shutdown);
            runtime.block_on(async {
                let gone = async {
                    while shared.table.open() > 0 {
                        tokio::task::yield_now().await;
                        let _ = tokio::time::timeout(Duration::from_millis(5), std::future::pending::<()>()).await;
                    }
                };
                let _ = tokio::time::timeout(within, gone).await;
            });
        })?;
        Ok(Streams { handle, listening, stop: Some(stop), thread: Some(thread) })
    }

    /// What the shell speaks to.
    pub fn handle(&self) -> &StreamsHandle {
        &self.handle
    }

    /// The addresses bound, in the order asked for.
    pub fn listening(&self) -> &[(Kind, SocketAddr)] {
        &self.listening
    }

    /// Does the thread run?
    pub fn is_alive(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Ends all connections in order, within `within`.
    pub fn stop(mut self, within: Duration) {
        self.end(within);
    }

    fn end(&mut self, within: Duration) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(within);
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}

impl StreamsHandle {
    /// Queues a message. Over a WebSocket it becomes one frame.
    pub fn send(&self, connection: u64, bytes: Vec<u8>) -> Result<(), SendFault> {
        self.shared.table.send(connection, bytes, &self.shared.limits)
    }

    /// Begins to open a connection and gives its number at once: what is sent to it waits until it stands. It then says
    /// `Opened`, or `ConnectFailed` with that number.
    pub fn connect(&self, to: Connect) -> Result<u64, ConnectFault> {
        let shared = &self.shared;
        let slot = shared.table.reserve(&shared.limits).map_err(|_| ConnectFault::Full)?;
        let place = shared.table.enter(slot, &shared.limits, Some(&to));
        let number = place.number;
        self.runtime.spawn(connect::open(shared.clone(), to, place));
        Ok(number)
    }

    /// The connection of our own that leads there already, or a new one (as [`StreamsHandle::connect`]).
    pub fn reach(&self, to: Connect) -> Result<u64, ConnectFault> {
        match self.shared.table.find(&to) {
            Some(number) => Ok(number),
            None => self.connect(to),
        }
    }

    /// Ends a connection; what is queued still leaves, within [`StreamLimits::linger`]. Says whether there was one.
    pub fn close(&self, connection: u64) -> bool {
        self.shared.table.close(connection, CloseReason::Asked)
    }

    /// Reads the certificates of the secure listening addresses again, for connections to come. A bad file changes nothing;
    /// what is wrong is told. Reads files: not for the shard's thread.
    pub fn reload_certificates(&self) -> Vec<TlsError> {
        self.doors.iter().filter_map(|door| door.reload().err()).collect()
    }

    /// The runtime the connections live on, for others of the slow side (the resolver).
    pub fn runtime(&self) -> &tokio::runtime::Handle {
        &self.runtime
    }

    /// What is counted.
    pub fn figures(&self) -> StreamFigures {
        self.shared.counters.read(self.shared.table.open() as u64)
    }
}
