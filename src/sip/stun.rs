//! The one thing of STUN (RFC 8489) that a SIP port answers: a Binding request, by which a phone keeps its way through a NAT
//! open and learns whether its address has changed (RFC 5626 §3.5.2, §8). Nothing else of STUN is spoken here, and no
//! attribute of a request is read.

use std::net::{IpAddr, SocketAddr};

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const HEADER: usize = 20;
const REQUEST: u16 = 0x0001;
const SUCCESS: u16 = 0x0101;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;

/// Is it STUN at all? RFC 7983: the first two bits are zero, and a cookie stands at a fixed place.
pub(super) fn is_stun(bytes: &[u8]) -> bool {
    bytes.len() >= HEADER && bytes[0] < 4 && bytes.get(4..8) == Some(&COOKIE)
}

/// The answer to a Binding request from `source`; `None` for everything else.
pub(super) fn answer(bytes: &[u8], source: SocketAddr) -> Option<Vec<u8>> {
    let word = |at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    let length = usize::from(word(2)?);
    if !is_stun(bytes) || word(0)? != REQUEST || length % 4 != 0 || length + HEADER != bytes.len() {
        return None;
    }
    // Cookie and transaction stand side by side: what an address is veiled with.
    let veil = bytes.get(4..HEADER)?;
    let (family, address) = match source.ip().to_canonical() {
        IpAddr::V4(ip) => (1, ip.octets().to_vec()),
        IpAddr::V6(ip) => (2, ip.octets().to_vec()),
    };
    let mut out = Vec::with_capacity(HEADER + 8 + address.len());
    out.extend(SUCCESS.to_be_bytes());
    out.extend((address.len() as u16 + 8).to_be_bytes());
    out.extend(veil);
    out.extend(XOR_MAPPED_ADDRESS.to_be_bytes());
    out.extend((address.len() as u16 + 4).to_be_bytes());
    out.extend([0, family]);
    out.extend((source.port() ^ 0x2112).to_be_bytes());
    out.extend(address.iter().zip(veil).map(|(byte, veil)| byte ^ veil));
    Some(out)
}

/// A Binding request of ours under this transaction.
pub(super) fn request(transaction: [u8; 12]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER);
    out.extend(REQUEST.to_be_bytes());
    out.extend([0, 0]);
    out.extend(COOKIE);
    out.extend(transaction);
    out
}

/// Our address as the peer sees it, by its answer to that request of ours; `None` for everything else.
pub(super) fn mapped(bytes: &[u8], transaction: [u8; 12]) -> Option<SocketAddr> {
    let word = |at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    if !is_stun(bytes) || word(0)? != SUCCESS || bytes.get(8..HEADER)? != transaction {
        return None;
    }
    let veil = bytes.get(4..HEADER)?;
    let mut at = HEADER;
    loop {
        let (kind, length) = (word(at)?, usize::from(word(at + 2)?));
        if kind == XOR_MAPPED_ADDRESS {
            let port = word(at + 6)? ^ 0x2112;
            let plain = |length: usize| -> Option<Vec<u8>> {
                let address = bytes.get(at + 8..at + 8 + length)?;
                Some(address.iter().zip(veil).map(|(byte, veil)| byte ^ veil).collect())
            };
            let ip: IpAddr = match bytes.get(at + 5)? {
                1 => <[u8; 4]>::try_from(plain(4)?).ok()?.into(),
                2 => <[u8; 16]>::try_from(plain(16)?).ok()?.into(),
                _ => return None,
            };
            return Some(SocketAddr::new(ip, port));
        }
        // Attributes are padded to four bytes.
        at += 4 + length.next_multiple_of(4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Vec<u8> {
        let mut bytes = vec![0, 1, 0, 0];
        bytes.extend(COOKIE);
        bytes.extend(1..=12);
        bytes
    }

    /// The answer carries the request's transaction and the source, veiled as RFC 8489 §14.2 has it, for both families.
    #[test]
    fn b026_a_binding_request_is_answered() {
        let v4 = answer(&request(), "192.0.2.1:32853".parse().expect("an address")).expect("an answer");
        assert_eq!((&v4[..4], &v4[4..20]), (&[1, 1, 0, 12][..], &request()[4..]));
        assert_eq!(&v4[20..], [0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        let v6 = answer(&request(), "[2001:db8::1]:5060".parse().expect("an address")).expect("an answer");
        assert_eq!((v6.len(), &v6[20..26]), (44, &[0, 0x20, 0, 20, 0, 2][..]));
        let unveiled: Vec<u8> = v6[28..].iter().zip(&request()[4..]).map(|(byte, veil)| byte ^ veil).collect();
        assert_eq!(&unveiled[..4], [0x20, 0x01, 0x0d, 0xb8]);
    }

    /// What we ask and what we answer understand each other, for both families; another's transaction is not ours, and an
    /// answer cut off anywhere is none.
    #[test]
    fn b026_our_own_request_and_its_answer() {
        let transaction = [7; 12];
        for source in ["192.0.2.1:32853", "[2001:db8::1]:5060"] {
            let source: SocketAddr = source.parse().expect("an address");
            let answer = answer(&super::request(transaction), source).expect("an answer");
            assert_eq!(mapped(&answer, transaction), Some(source));
            assert_eq!(mapped(&answer, [8; 12]), None);
            assert!((0..answer.len()).all(|cut| mapped(&answer[..cut], transaction).is_none()));
            let mut other = answer[..HEADER].to_vec();
            other.extend([0x80, 0x22, 0, 3, b'a', b'b', b'c', 0]);
            other.extend(&answer[HEADER..]);
            assert_eq!(mapped(&other, transaction), Some(source), "behind another attribute");
        }
    }

    /// Everything else of STUN, whole or broken, is passed over.
    #[test]
    fn b026_other_stun_is_passed_over() {
        let source = "192.0.2.1:1".parse().expect("an address");
        let mut indication = request();
        indication[1] = 0x11;
        let mut longer = request();
        longer[3] = 4;
        for bytes in [&indication[..], &longer, &request()[..19], b"\r\n\r\n"] {
            assert_eq!(answer(bytes, source), None);
        }
        assert!(is_stun(&indication) && !is_stun(b"OPTIONS sip:a@b SIP/2.0\r\n\r\n"));
    }
}
