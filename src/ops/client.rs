//! A few lines of HTTP/1.1, for `ecoute status`, `drain` and the like to ask the running program over its own port.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::api::{CHANGE_HEADER, NUMBER_HEADER};

/// The most an answer may hold.
const ANSWER_BYTES_MAX: u64 = 16 << 20;

/// What the running program answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The head, as it came.
    pub head: String,
    /// The body, as text.
    pub body: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens there.
    #[error("no `ecoute` answers at {addr} (setting `ops.listen`): is it running? ({source})")]
    Absent {
        /// The address.
        addr: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The connection broke.
    #[error("the answer from {addr} broke off: {source}")]
    Broken {
        /// The address.
        addr: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// Something answers that is not ours.
    #[error("what answers at {addr} is not an `ecoute`")]
    Foreign {
        /// The address.
        addr: SocketAddr,
    },
}

/// Asks for a page.
pub fn get(addr: SocketAddr, path: &str, within: Duration) -> Result<Answer, AskError> {
    ask(addr, "GET", path, &addr.to_string(), "", within)
}

/// Asks for something to be done.
pub fn post(addr: SocketAddr, path: &str, within: Duration) -> Result<Answer, AskError> {
    let (name, value) = CHANGE_HEADER;
    ask(addr, "POST", path, &addr.to_string(), &format!("{name}: {value}\r\n"), within)
}

/// Asks for a test call over a trunk; the number goes in a header of its own.
pub fn call(addr: SocketAddr, trunk: &str, number: &str, within: Duration) -> Result<Answer, AskError> {
    let (name, value) = CHANGE_HEADER;
    let number: String = number.chars().filter(|c| c.is_ascii_graphic()).collect();
    let headers = format!("{name}: {value}\r\n{NUMBER_HEADER}: {number}\r\n");
    ask(addr, "POST", &format!("/api/v1/trunks/{trunk}/call"), &addr.to_string(), &headers, within)
}

/// Asks with a head of one's own: each line of `headers` ends with CR LF.
pub fn ask(
    addr: SocketAddr,
    method: &str,
    path: &str,
    host: &str,
    headers: &str,
    within: Duration,
) -> Result<Answer, AskError> {
    let mut stream = connect(addr, within).map_err(|source| AskError::Absent { addr, source })?;
    let broken = |source| AskError::Broken { addr, source };
    let head =
        format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: 0\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).map_err(broken)?;
    let mut bytes = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut bytes).map_err(broken)?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").ok_or(AskError::Foreign { addr })?;
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok());
    let status = status.ok_or(AskError::Foreign { addr })?;
    // Our own server sends a length with every page it builds whole, and never a chunked one.
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}

fn connect(addr: SocketAddr, within: Duration) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&addr, within)?;
    stream.set_read_timeout(Some(within))?;
    stream.set_write_timeout(Some(within))?;
    Ok(stream)
}
