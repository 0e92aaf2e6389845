//! Why a socket cannot be opened, in a sentence for the person who configured it.

use std::io;
use std::net::SocketAddr;

/// Why a socket cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Someone else has the port.
    #[error("{address} ({transport}) is in use by another program: stop it, or choose another `{key}`")]
    InUse {
        /// The address asked for.
        address: SocketAddr,
        /// The kind of socket: UDP or TCP.
        transport: &'static str,
        /// The configuration key that says so.
        key: &'static str,
    },
    /// Not an address of this machine.
    #[error("{address} is not an address of this machine: correct `{key}`")]
    NotOurs {
        /// The address asked for.
        address: SocketAddr,
        /// The configuration key that says so.
        key: &'static str,
    },
    /// Anything else.
    #[error("{address} ({transport}) cannot be opened (`{key}`): {source}")]
    Other {
        /// The address asked for.
        address: SocketAddr,
        /// The kind of socket: UDP or TCP.
        transport: &'static str,
        /// The configuration key that says so.
        key: &'static str,
        /// What the system says.
        source: io::Error,
    },
}

impl BindError {
    /// What the system's answer means.
    pub(super) fn of(source: io::Error, address: SocketAddr, transport: &'static str, key: &'static str) -> BindError {
        match source.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse { address, transport, key },
            io::ErrorKind::AddrNotAvailable => BindError::NotOurs { address, key },
            _ => BindError::Other { address, transport, key, source },
        }
    }
}
