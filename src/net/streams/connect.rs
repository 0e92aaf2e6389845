//! Connections of our own.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;

use super::accept::prepare;
use super::connection::{Ends, Shared, live, pump_stream};
use super::table::Place;
use super::tls::{name_of, names_in};
use super::websocket::{Watched, ask, pump_websocket};
use super::{Connect, ConnectFault, Kind, StreamEvent, StreamLimits};

/// What stands after the handshakes.
enum Stood {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Ws(Box<WebSocketStream<Watched<TcpStream>>>),
    Wss(Box<WebSocketStream<Watched<TlsStream<TcpStream>>>>),
}

/// Opens what `to` says, then lives; or says why not.
pub(super) async fn open(shared: Arc<Shared>, to: Connect, place: Place) {
    let gate = place.gate.clone();
    let reached = tokio::select! {
        biased;
        _ = gate.wait(Duration::ZERO) => Err(ConnectFault::GivenUp),
        reached = reach(&shared, &to) => reached,
    };
    let (stood, local, names) = match reached {
        Ok(reached) => reached,
        Err(why) => {
            let connection = place.number;
            shared.table.leave(connection);
            drop(place);
            let failed = StreamEvent::ConnectFailed { connection, kind: to.kind, remote: to.remote, why };
            shared.tell(failed).await;
            return;
        }
    };
    let ends = Ends { kind: to.kind, local, remote: to.remote, outbound: true, names };
    match stood {
        Stood::Tcp(stream) => live(&shared, place, ends, stream, pump_stream).await,
        Stood::Tls(stream) => live(&shared, place, ends, *stream, pump_stream).await,
        Stood::Ws(stream) => live(&shared, place, ends, *stream, pump_websocket).await,
        Stood::Wss(stream) => live(&shared, place, ends, *stream, pump_websocket).await,
    }
}

async fn reach(shared: &Shared, to: &Connect) -> Result<(Stood, SocketAddr, Vec<String>), ConnectFault> {
    let limits = &shared.limits;
    let (stream, local) = match timeout(limits.connect, dial(to)).await {
        Ok(Ok(stood)) => stood,
        Ok(Err(fault)) => return Err(fault_of(&fault)),
        Err(_) => return Err(ConnectFault::Timeout),
    };
    prepare(&stream, limits);
    let shake = async {
        let host = to.server_name.as_ref().map_or_else(|| to.remote.to_string(), String::clone);
        Ok(match to.kind {
            Kind::Tcp => (Stood::Tcp(stream), Vec::new()),
            Kind::Ws => (Stood::Ws(Box::new(websocket(stream, &host, limits).await?)), Vec::new()),
            Kind::Tls => {
                let (stream, names) = secure(to, stream).await?;
                (Stood::Tls(Box::new(stream)), names)
            }
            Kind::Wss => {
                let (stream, names) = secure(to, stream).await?;
                (Stood::Wss(Box::new(websocket(stream, &host, limits).await?)), names)
            }
        })
    };
    let (stood, names) = timeout(limits.handshake, shake).await.unwrap_or(Err(ConnectFault::Timeout))?;
    Ok((stood, local, names))
}

async fn dial(to: &Connect) -> io::Result<(TcpStream, SocketAddr)> {
    let socket = if to.remote.is_ipv6() { TcpSocket::new_v6()? } else { TcpSocket::new_v4()? };
    if let Some(ip) = to.local {
        socket.bind(SocketAddr::new(ip, 0))?;
    }
    let stream = socket.connect(to.remote).await?;
    let local = stream.local_addr()?;
    Ok((stream, local))
}

async fn websocket<S>(stream: S, host: &str, limits: &StreamLimits) -> Result<WebSocketStream<Watched<S>>, ConnectFault>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    ask(stream, host, limits).await.map_err(|_| ConnectFault::Handshake)
}

async fn secure(to: &Connect, stream: TcpStream) -> Result<(TlsStream<TcpStream>, Vec<String>), ConnectFault> {
    let tls = to.tls.as_ref().ok_or(ConnectFault::NotConfigured)?;
    let name = name_of(to.server_name.as_deref(), to.remote.ip()).ok_or(ConnectFault::NotConfigured)?;
    let fault = |fault: io::Error| match fault.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(_)) => ConnectFault::Certificate,
        _ => ConnectFault::Handshake,
    };
    let stream = TlsConnector::from(tls.config(to.kind)).connect(name, stream).await.map_err(fault)?;
    let names = if tls.verifies() { names_in(stream.get_ref().1.peer_certificates()) } else { Vec::new() };
    Ok((stream, names))
}

fn fault_of(fault: &io::Error) -> ConnectFault {
    match fault.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => ConnectFault::Refused,
        io::ErrorKind::TimedOut => ConnectFault::Timeout,
        _ => ConnectFault::Unreachable,
    }
}
