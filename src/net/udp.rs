//! The UDP socket of signalling: batched receive (recvmmsg), plain send.
//!
//! One thread receives; any thread may send, since a datagram is sent whole or not at all. Receiving in batches saves a
//! system call per message when a trunk speaks fast, and costs nothing when it does not.
#![expect(unsafe_code, reason = "recvmmsg has no safe wrapper among our dependencies")]

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::BindError;

/// The largest UDP payload.
pub const DATAGRAM_MAX: usize = 65_535;

/// Datagrams taken by one system call.
const BATCH: usize = 16;

/// What the system keeps for us while we are busy: a second of a thousand messages.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;

/// One datagram.
#[derive(Debug)]
pub struct Datagram {
    /// Who sent it.
    pub from: SocketAddr,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A bound UDP socket.
#[derive(Debug)]
pub struct UdpEndpoint {
    socket: UdpSocket,
    local: SocketAddr,
}

impl UdpEndpoint {
    /// Binds `address`; `key` names the setting in the error.
    pub fn bind(address: SocketAddr, key: &'static str) -> Result<UdpEndpoint, BindError> {
        let fault = |source: io::Error| BindError::of(source, address, "UDP", key);
        let socket = open(address).map_err(fault)?;
        // A smaller buffer than asked for only means earlier loss under flood, which SIP repairs.
        let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER_BYTES);
        let local = socket.local_addr().map_err(fault)?;
        Ok(UdpEndpoint { socket, local })
    }

    /// The address bound.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// A second handle for sending.
    pub fn try_clone(&self) -> io::Result<UdpEndpoint> {
        Ok(UdpEndpoint { socket: self.socket.try_clone()?, local: self.local })
    }

    /// Sends `bytes`. What the network refuses is lost, as any datagram may be.
    pub fn send(&self, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        self.socket.send_to(bytes, to).map(drop)
    }

    /// Waits at most `wait` for datagrams and hands each to `take`; returns how many came.
    pub fn receive(&self, buffers: &mut Buffers, wait: Duration, mut take: impl FnMut(Datagram)) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(wait.max(Duration::from_millis(1))))?;
        let count = buffers.receive(self.socket.as_raw_fd())?;
        for place in 0..count {
            if let Some(from) = buffers.source(place) {
                take(Datagram { from, bytes: buffers.bytes(place).to_vec() });
            }
        }
        Ok(count)
    }
}

/// An IPv6 socket takes IPv6 alone, so that `0.0.0.0` and `[::]` may stand side by side and no peer has two faces.
fn open(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// The memory a batch is received into, kept between batches.
pub struct Buffers {
    bytes: Vec<u8>,
    names: Vec<libc::sockaddr_storage>,
    headers: Vec<libc::mmsghdr>,
    vectors: Vec<libc::iovec>,
}

impl Default for Buffers {
    fn default() -> Buffers {
        // SAFETY: all three are plain C structures for which all-zero bytes are a valid value.
        let (name, header): (libc::sockaddr_storage, libc::mmsghdr) =
            unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
        Buffers {
            bytes: vec![0; BATCH * DATAGRAM_MAX],
            names: vec![name; BATCH],
            headers: vec![header; BATCH],
            vectors: vec![libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; BATCH],
        }
    }
}

impl Buffers {
    fn receive(&mut self, fd: i32) -> io::Result<usize> {
        for place in 0..BATCH {
            self.vectors[place] =
                libc::iovec { iov_base: self.bytes[place * DATAGRAM_MAX..].as_mut_ptr().cast(), iov_len: DATAGRAM_MAX };
            let header = &mut self.headers[place].msg_hdr;
            header.msg_name = (&raw mut self.names[place]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_storage>() as u32;
            header.msg_iov = &raw mut self.vectors[place];
            header.msg_iovlen = 1;
        }
        // SAFETY: every header points at a name, a vector and a buffer of `self`, which outlive the call; MSG_WAITFORONE
        // waits for one message at most (SO_RCVTIMEO bounds it) and takes what else lies ready.
        let count = unsafe {
            libc::recvmmsg(fd, self.headers.as_mut_ptr(), BATCH as u32, libc::MSG_WAITFORONE, std::ptr::null_mut())
        };
        if count >= 0 {
            return Ok(count as usize);
        }
        let fault = io::Error::last_os_error();
        match fault.kind() {
            // The wait was over, or a signal came, or an ICMP error of an earlier send is reported here: no datagram.
            io::ErrorKind::WouldBlock
            | io::ErrorKind::TimedOut
            | io::ErrorKind::Interrupted
            | io::ErrorKind::ConnectionRefused => Ok(0),
            _ => Err(fault),
        }
    }

    fn bytes(&self, place: usize) -> &[u8] {
        let length = (self.headers[place].msg_len as usize).min(DATAGRAM_MAX);
        &self.bytes[place * DATAGRAM_MAX..][..length]
    }

    fn source(&self, place: usize) -> Option<SocketAddr> {
        let name = &self.names[place];
        match i32::from(name.ss_family) {
            libc::AF_INET => {
                // SAFETY: the kernel wrote a sockaddr_in, as the family says; the storage is large and aligned enough.
                let name = unsafe { &*(&raw const *name).cast::<libc::sockaddr_in>() };
                let ip = std::net::Ipv4Addr::from(u32::from_be(name.sin_addr.s_addr));
                Some(SocketAddr::from((ip, u16::from_be(name.sin_port))))
            }
            libc::AF_INET6 => {
                // SAFETY: as above, for sockaddr_in6.
                let name = unsafe { &*(&raw const *name).cast::<libc::sockaddr_in6>() };
                let ip = std::net::Ipv6Addr::from(name.sin6_addr.s6_addr);
                Some(SocketAddr::from((ip, u16::from_be(name.sin6_port))))
            }
            _ => None,
        }
    }
}

// SAFETY: the raw pointers in `headers` and `vectors` point only into the vectors of the same value and are set anew
// before every use; moving it to another thread moves its owner, never its heap memory.
unsafe impl Send for Buffers {}

impl std::fmt::Debug for Buffers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Buffers")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A batch arrives whole, in order, with the sender's address; a wait without datagrams ends.
    #[test]
    fn a_batch_over_loopback() {
        let receiver = UdpEndpoint::bind(SocketAddr::from(([127, 0, 0, 1], 0)), "test").expect("loopback");
        let sender = UdpEndpoint::bind(SocketAddr::from(([127, 0, 0, 1], 0)), "test").expect("loopback");
        for n in 0..40u8 {
            sender.send(receiver.local(), &vec![n; usize::from(n) + 1]).expect("loopback sends");
        }
        let (mut buffers, mut heard) = (Buffers::default(), Vec::new());
        while heard.len() < 40 {
            let wait = Duration::from_millis(200);
            let count = receiver.receive(&mut buffers, wait, |datagram| heard.push(datagram)).expect("receives");
            assert!(count > 0, "only {} of 40 came", heard.len());
        }
        for (n, datagram) in heard.iter().enumerate() {
            assert_eq!(datagram.from, sender.local());
            assert_eq!(datagram.bytes, vec![n as u8; n + 1]);
        }
        let none = receiver.receive(&mut buffers, Duration::from_millis(1), |_| panic!("nothing was sent"));
        assert_eq!(none.expect("a wait is no fault"), 0);
    }

    /// A datagram that IP must fragment, up to the largest there is, arrives whole over IPv4 and IPv6.
    #[test]
    fn b028_fragments_up_to_65_kb() {
        for (ip, largest) in [("127.0.0.1", 65_507), ("::1", 65_487)] {
            let any = SocketAddr::new(ip.parse().expect("an address"), 0);
            let receiver = UdpEndpoint::bind(any, "test").expect("loopback");
            let sender = UdpEndpoint::bind(any, "test").expect("loopback");
            for length in [1_500, 9_000, largest] {
                let sent: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
                sender.send(receiver.local(), &sent).expect("loopback sends");
                let (mut buffers, mut heard) = (Buffers::default(), Vec::new());
                receiver.receive(&mut buffers, Duration::from_secs(2), |d| heard.push(d)).expect("receives");
                assert_eq!(heard.len(), 1, "{length} bytes over {ip}");
                assert!(heard[0].bytes == sent, "{length} bytes over {ip} came changed");
            }
        }
    }

    /// The same port serves IPv4 and IPv6 by two sockets; neither hears the other's datagrams.
    #[test]
    fn two_families_share_a_port() {
        let four = UdpEndpoint::bind(SocketAddr::from(([0, 0, 0, 0], 0)), "test").expect("IPv4");
        let port = four.local().port();
        let six = UdpEndpoint::bind(SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, port)), "test").expect("IPv6");
        let sender = UdpEndpoint::bind(SocketAddr::from(([127, 0, 0, 1], 0)), "test").expect("loopback");
        sender.send(SocketAddr::from(([127, 0, 0, 1], port)), b"four").expect("sent");
        let (mut buffers, mut heard) = (Buffers::default(), 0);
        four.receive(&mut buffers, Duration::from_secs(2), |_| heard += 1).expect("receives");
        assert_eq!(heard, 1);
        let none = six.receive(&mut buffers, Duration::from_millis(20), |_| panic!("not an IPv6 datagram"));
        assert_eq!(none.expect("a wait is no fault"), 0);
    }

    /// A port in use is told in a sentence that names the setting.
    #[test]
    fn port_in_use() {
        let first = UdpEndpoint::bind(SocketAddr::from(([127, 0, 0, 1], 0)), "test").expect("loopback");
        let fault = UdpEndpoint::bind(first.local(), "sip.listen").expect_err("the port is taken").to_string();
        assert!(fault.contains("in use") && fault.contains("sip.listen"), "{fault}");
    }
}
