//! Listening sockets: open, accept, refuse.
#![expect(clippy::disallowed_methods, reason = "the accepting task pauses when the system has no descriptor left")]

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::WebSocketStream;

use super::connection::{Ends, Shared, live, pump_stream};
use super::counters::count;
use super::table::{NoPlace, Slot};
use super::tls::{Certificate, TlsError, names_in};
use super::websocket::{Watched, pump_websocket, serve, upgrade};
use super::{Kind, Listen, StreamLimits};
use crate::net::BindError;

/// Connections the system keeps for us until we accept them.
const BACKLOG: i32 = 1024;

/// A listening address with what it shows.
#[derive(Debug)]
pub(super) struct Door {
    kind: Kind,
    origins: Vec<String>,
    certificate: Option<Certificate>,
}

impl Door {
    /// Reads the certificate, if one is needed.
    pub fn new(listen: &Listen) -> Result<Door, TlsError> {
        let certificate = match (&listen.tls, listen.kind.is_secure()) {
            (_, false) => None,
            (Some(files), true) => Some(Certificate::load(files, listen.kind)?),
            (None, true) => return Err(TlsError::Missing(listen.key)),
        };
        Ok(Door { kind: listen.kind, origins: listen.origins.clone(), certificate })
    }

    /// Reads the certificate again.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.certificate.as_ref().map_or(Ok(()), Certificate::reload)
    }
}

/// Binds and listens, on the caller's thread, so that the fault can be told to a person.
pub(super) fn bind(listen: &Listen) -> Result<std::net::TcpListener, BindError> {
    let open = || -> io::Result<std::net::TcpListener> {
        let socket = Socket::new(Domain::for_address(listen.address), Type::STREAM, Some(Protocol::TCP))?;
        if listen.address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_reuse_address(true)?; // a restart must not wait for the last run's TIME_WAIT
        socket.set_nonblocking(true)?;
        socket.bind(&listen.address.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    open().map_err(|fault| BindError::of(fault, listen.address, "TCP", listen.key))
}

/// Accepts for ever.
pub(super) async fn accept_all(shared: Arc<Shared>, listener: std::net::TcpListener, door: Arc<Door>) {
    let kind = door.kind;
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(fault) => return tracing::error!(%fault, %kind, "a listening socket cannot be used"),
    };
    let mut in_trouble = false;
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                in_trouble = false;
                count(&shared.counters.accepted);
                match shared.table.admit(remote, &shared.limits) {
                    Ok(slot) => {
                        tokio::spawn(welcome(shared.clone(), door.clone(), stream, remote, slot));
                    }
                    Err(NoPlace::Full) => count(&shared.counters.refused_full),
                    Err(NoPlace::Source) => count(&shared.counters.refused_source),
                }
            }
            // The peer was gone before we looked; the next one waits already.
            Err(fault) if is_the_peers(&fault) => {}
            Err(fault) => {
                count(&shared.counters.accept_faults);
                if !std::mem::replace(&mut in_trouble, true) {
                    tracing::error!(%fault, %kind, "no new connection can be accepted for the moment");
                }
                tokio::time::sleep(shared.limits.accept_pause).await;
            }
        }
    }
}

/// An accepted connection: its handshakes within their limit, then its life. A failed handshake is counted, not told: there
/// was no connection yet.
async fn welcome(shared: Arc<Shared>, door: Arc<Door>, stream: TcpStream, remote: SocketAddr, slot: Slot) {
    prepare(&stream, &shared.limits);
    let Ok(local) = stream.local_addr() else { return };
    let mut ends = Ends { kind: door.kind, local, remote, outbound: false, names: Vec::new() };
    let limit = shared.limits.handshake;
    let enter = |slot| shared.table.enter(slot, &shared.limits, None);
    match door.kind {
        Kind::Tcp => live(&shared, enter(slot), ends, stream, pump_stream).await,
        Kind::Tls => match timeout(limit, secure(&door, stream)).await {
            Ok(Some((stream, names))) => {
                ends.names = names;
                live(&shared, enter(slot), ends, stream, pump_stream).await;
            }
            _ => count(&shared.counters.handshakes_failed),
        },
        Kind::Ws => match timeout(limit, upgraded(&shared, &door, stream)).await {
            Ok(Some(stream)) => live(&shared, enter(slot), ends, stream, pump_websocket).await,
            _ => count(&shared.counters.handshakes_failed),
        },
        Kind::Wss => {
            let both = async {
                let (stream, names) = secure(&door, stream).await?;
                Some((upgraded(&shared, &door, stream).await?, names))
            };
            match timeout(limit, both).await {
                Ok(Some((stream, names))) => {
                    ends.names = names;
                    live(&shared, enter(slot), ends, stream, pump_websocket).await;
                }
                _ => count(&shared.counters.handshakes_failed),
            }
        }
    }
}

async fn secure(door: &Door, stream: TcpStream) -> Option<(TlsStream<TcpStream>, Vec<String>)> {
    let config = door.certificate.as_ref()?.config();
    let stream = TlsAcceptor::from(config).accept(stream).await.ok()?;
    let names = names_in(stream.get_ref().1.peer_certificates());
    Some((stream, names))
}

async fn upgraded<S>(shared: &Shared, door: &Door, mut stream: S) -> Option<WebSocketStream<Watched<S>>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let tail = upgrade(&mut stream, &door.origins).await.ok()?.ok()?;
    Some(serve(stream, tail, &shared.limits).await)
}

/// Small messages leave at once, and a peer that vanished is found.
pub(super) fn prepare(stream: &TcpStream, limits: &StreamLimits) {
    let keepalive =
        TcpKeepalive::new().with_time(limits.keepalive).with_interval(limits.keepalive_interval).with_retries(2);
    let socket = SockRef::from(stream);
    // A system without one of these finds the dead later, by the idle limit.
    let _ = stream.set_nodelay(true);
    let _ = socket.set_tcp_keepalive(&keepalive);
    let _ = socket.set_tcp_user_timeout(Some(limits.user_timeout));
}

fn is_the_peers(fault: &io::Error) -> bool {
    matches!(
        fault.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}
