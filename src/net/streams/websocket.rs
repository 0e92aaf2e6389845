//! SIP over WebSocket (RFC 7118 over RFC 6455): the upgrade on both sides, and the frames.
//!
//! A frame carries one whole message, so nothing is cut here. The upgrade is read by hand, so that a person who opens the
//! port in a browser, or a client that forgot its subprotocol, is told what is wrong.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::handshake::machine::TryParse;
use tokio_tungstenite::tungstenite::handshake::server::{Request, create_response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::{ORIGIN, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Error};

use super::connection::{Life, Shared};
use super::counters::count;
use super::{CloseReason, StreamEvent, StreamLimits};

/// The subprotocol of RFC 7118.
const SUBPROTOCOL: &str = "sip";
/// The largest head of an upgrade request.
const HEAD_MAX: usize = 8192;
/// Bytes read at once.
const CHUNK: usize = 4096;

/// Why an upgrade was refused: what the peer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: &'static str,
    header: &'static str,
    words: &'static str,
}

const NOT_HTTP: Refusal =
    Refusal { status: "400 Bad Request", header: "", words: "This is not a request this port understands." };
const NO_UPGRADE: Refusal = Refusal {
    status: "426 Upgrade Required",
    header: "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
    words: "This port speaks SIP over WebSocket (RFC 7118). Open it with a telephone, not with a page.",
};
const NO_SUBPROTOCOL: Refusal =
    Refusal { status: "400 Bad Request", header: "", words: "Sec-WebSocket-Protocol must contain: sip (RFC 7118)." };
const NOT_FROM_THERE: Refusal =
    Refusal { status: "403 Forbidden", header: "", words: "Pages of that origin may not telephone here." };

/// Reads the upgrade, answers it, and gives what already came behind it.
pub(super) async fn upgrade<S>(io: &mut S, origins: &[String]) -> std::io::Result<Result<Vec<u8>, Refusal>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut head, mut chunk) = (Vec::new(), [0u8; 1024]);
    let judged = loop {
        let count_read = io.read(&mut chunk).await?;
        if count_read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        head.extend_from_slice(&chunk[..count_read]);
        match Request::try_parse(&head) {
            Ok(Some((size, request))) => break judge(&request, origins).map(|answer| (size, answer)),
            Ok(None) if head.len() > HEAD_MAX => break Err(NOT_HTTP),
            Ok(None) => {}
            Err(Error::Protocol(ProtocolError::WrongHttpMethod)) => break Err(NO_UPGRADE),
            Err(_) => break Err(NOT_HTTP),
        }
    };
    match judged {
        Ok((size, answer)) => {
            io.write_all(answer.as_bytes()).await?;
            io.flush().await?;
            Ok(Ok(head.split_off(size)))
        }
        Err(refusal) => {
            let Refusal { status, header, words } = refusal;
            let length = words.len() + 1;
            let answer = format!(
                "HTTP/1.1 {status}\r\n{header}Connection: close\r\nContent-Type: text/plain; charset=utf-8\r\n\
                 Content-Length: {length}\r\n\r\n{words}\n"
            );
            io.write_all(answer.as_bytes()).await?;
            io.shutdown().await?;
            // Unread bytes would turn the end into a reset and take the answer with them.
            while io.read(&mut chunk).await? > 0 {}
            Ok(Err(refusal))
        }
    }
}

/// The answer to an upgrade that is in order.
fn judge(request: &Request, origins: &[String]) -> Result<String, Refusal> {
    let response = create_response(request).map_err(|fault| match fault {
        Error::Protocol(
            ProtocolError::WrongHttpMethod
            | ProtocolError::MissingConnectionUpgradeHeader
            | ProtocolError::MissingUpgradeWebSocketHeader
            | ProtocolError::MissingSecWebSocketVersionHeader,
        ) => NO_UPGRADE,
        _ => NOT_HTTP,
    })?;
    let offers = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    if !offers.flat_map(|value| value.split(',')).any(|word| word.trim().eq_ignore_ascii_case(SUBPROTOCOL)) {
        return Err(NO_SUBPROTOCOL);
    }
    // Only a browser sends an Origin; the list keeps other people's pages out, it is no password.
    if let Some(origin) = request.headers().get(ORIGIN)
        && !origins.is_empty()
        && !origins.iter().any(|allowed| origin.as_bytes().eq_ignore_ascii_case(allowed.as_bytes()))
    {
        return Err(NOT_FROM_THERE);
    }
    let accept = response.headers().get("Sec-WebSocket-Accept").and_then(|value| value.to_str().ok());
    Ok(format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n",
        accept.ok_or(NOT_HTTP)?
    ))
}

/// Takes up an upgraded connection as its server.
pub(super) async fn serve<S>(io: S, tail: Vec<u8>, limits: &StreamLimits) -> WebSocketStream<Watched<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    WebSocketStream::from_partially_read(Watched::new(io), tail, Role::Server, Some(config(limits))).await
}

/// Asks `host` for an upgrade; it must answer with our subprotocol.
pub(super) async fn ask<S>(io: S, host: &str, limits: &StreamLimits) -> Result<WebSocketStream<Watched<S>>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut request = format!("ws://{host}/").into_client_request()?;
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    let answer = tokio_tungstenite::client_async_with_config(request, Watched::new(io), Some(config(limits))).await;
    answer.map(|(stream, _)| stream)
}

fn config(limits: &StreamLimits) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(CHUNK)
        .write_buffer_size(0)
        .max_message_size(Some(limits.message_bytes))
        .max_frame_size(Some(limits.message_bytes))
}

/// Moves messages over a WebSocket.
pub(super) async fn pump_websocket<S>(
    shared: &Arc<Shared>,
    life: &Arc<Life>,
    messages: &mut mpsc::Receiver<Vec<u8>>,
    stream: WebSocketStream<Watched<S>>,
) -> CloseReason
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let news = stream.get_ref().news.clone();
    let (mut sink, mut source) = stream.split();
    let linger = shared.limits.linger;
    let end = tokio::select! {
        biased;
        why = life.gate.wait(linger) => End { why, code: CloseCode::Normal },
        end = read_all(shared, life, &mut source, &news) => end,
        end = write_all(shared, life, messages, &mut sink) => end,
    };
    if matches!(end.why, CloseReason::Reset | CloseReason::WriteTimeout | CloseReason::QueueFull) {
        return end.why;
    }
    let code = if end.why == CloseReason::Shutdown { CloseCode::Away } else { end.code };
    let farewell = async {
        let _ = sink.send(Message::Close(Some(CloseFrame { code, reason: "".into() }))).await;
        let _ = sink.flush().await; // the answer to a close frame may still lie there
        if let Ok(mut stream) = sink.reunite(source) {
            let io = stream.get_mut();
            let _ = io.shutdown().await;
            if end.why == CloseReason::PeerClosed {
                return; // it said all it had to say
            }
            let mut chunk = [0u8; CHUNK];
            while matches!(io.read(&mut chunk).await, Ok(1..)) {}
        }
    };
    let _ = timeout(linger, farewell).await;
    end.why
}

struct End {
    why: CloseReason,
    code: CloseCode,
}

fn end(why: CloseReason, code: CloseCode) -> End {
    End { why, code }
}

async fn read_all<R>(shared: &Shared, life: &Life, source: &mut R, news: &AtomicBool) -> End
where
    R: futures_util::Stream<Item = Result<Message, Error>> + Unpin,
{
    let limits = &shared.limits;
    let mut begun: Option<Instant> = None;
    // Bytes are noticed when they come, frames only when they are whole: between the two the peer's time runs.
    let look = (limits.message / 4).min(limits.silence / 8).max(std::time::Duration::from_millis(5));
    loop {
        let (at, why) = life.deadline(limits);
        let until = at.min(Instant::now() + look);
        let received = timeout_at(until, source.next()).await;
        let now = Instant::now();
        if news.swap(false, Relaxed) {
            life.heard();
            begun.get_or_insert(now);
        }
        let message = match received {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(fault))) => return end_of(&fault),
            Ok(None) => return end(CloseReason::PeerClosed, CloseCode::Normal),
            Err(_) => {
                if begun.is_some_and(|begun| now >= begun + limits.message) {
                    return end(CloseReason::SlowMessage, CloseCode::Policy);
                }
                if now >= life.last_heard() + limits.silence {
                    return end(CloseReason::Silent, CloseCode::Policy);
                }
                let (at, _) = life.deadline(limits);
                if now >= at {
                    return end(why, CloseCode::Policy);
                }
                continue;
            }
        };
        begun = None;
        let bytes = match message {
            Message::Text(text) => text.as_bytes().to_vec(),
            Message::Binary(bytes) => bytes.to_vec(),
            Message::Close(_) => return end(CloseReason::PeerClosed, CloseCode::Normal),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
        };
        if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
            if bytes.windows(4).any(|window| window == b"\r\n\r\n") {
                count(&shared.counters.pongs);
                life.queue.pong();
            }
            continue;
        }
        count(&shared.counters.messages_in);
        life.spoke();
        shared.tell(StreamEvent::Message { connection: life.number, bytes }).await;
    }
}

async fn write_all<W>(shared: &Shared, life: &Life, messages: &mut mpsc::Receiver<Vec<u8>>, sink: &mut W) -> End
where
    W: futures_util::Sink<Message, Error = Error> + Unpin,
{
    let limits = &shared.limits;
    let mut ping_at = Instant::now() + limits.ping;
    loop {
        let (frame, bytes) = match timeout_at(ping_at, messages.recv()).await {
            Ok(Some(bytes)) => (frame_of(&bytes), Some(bytes)),
            Ok(None) => return end(life.gate.reason().unwrap_or(CloseReason::Asked), CloseCode::Normal),
            Err(_) => {
                let quiet_until = life.last_heard() + limits.ping;
                if Instant::now() < quiet_until {
                    ping_at = quiet_until;
                    continue;
                }
                ping_at = Instant::now() + limits.ping;
                (Message::Ping(Vec::new().into()), None)
            }
        };
        let sent = timeout(limits.write, sink.send(frame)).await;
        match (sent, bytes) {
            (Ok(Ok(())), Some(bytes)) => {
                count(&shared.counters.messages_out);
                life.wrote(bytes);
            }
            (Ok(Ok(())), None) => {}
            (failed, bytes) => {
                if let Some(bytes) = bytes {
                    life.failed(bytes);
                }
                let why = if failed.is_err() { CloseReason::WriteTimeout } else { CloseReason::Reset };
                return end(why, CloseCode::Abnormal);
            }
        }
    }
}

/// Text as text: some browsers' telephones read nothing else. What is not UTF-8 goes as binary (RFC 7118 §5).
fn frame_of(bytes: &[u8]) -> Message {
    match std::str::from_utf8(bytes) {
        Ok(text) => Message::Text(text.into()),
        Err(_) => Message::Binary(bytes.to_vec().into()),
    }
}

fn end_of(fault: &tungstenite::Error) -> End {
    match fault {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => end(CloseReason::TooLarge, CloseCode::Size),
        Error::Utf8(_) => end(CloseReason::Protocol, CloseCode::Invalid),
        Error::ConnectionClosed | Error::AlreadyClosed => end(CloseReason::PeerClosed, CloseCode::Normal),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) | Error::Io(_) => {
            end(CloseReason::Reset, CloseCode::Abnormal)
        }
        _ => end(CloseReason::Protocol, CloseCode::Protocol),
    }
}

/// A byte stream that remembers whether anything came.
#[derive(Debug)]
pub(super) struct Watched<S> {
    io: S,
    news: Arc<AtomicBool>,
}

impl<S> Watched<S> {
    fn new(io: S) -> Watched<S> {
        Watched { io, news: Arc::default() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.news.store(true, Relaxed);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
