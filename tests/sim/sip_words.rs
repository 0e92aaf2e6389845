//! As much of a SIP message as a person needs in a trace, and never more: no address, no name, no number.

/// "INVITE", "180 to 1 INVITE": the method or the status, and CSeq.
pub fn of(bytes: &[u8]) -> String {
    let first = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
    if !first.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') {
        return "noise".to_owned();
    }
    let first = String::from_utf8_lossy(first);
    let cseq = header(bytes, b"CSeq").unwrap_or_default();
    match first.strip_prefix("SIP/2.0 ") {
        Some(status) => format!("{} to {cseq}", status.split(' ').next().unwrap_or_default()),
        None => {
            let method = first.split(' ').next().unwrap_or_default();
            let number = cseq.split(' ').next().unwrap_or_default();
            let again = if has_tag(bytes) { " (inside)" } else { "" };
            format!("{method} {number}{again}")
        }
    }
}

/// Is it the INVITE that begins a call? Then its Call-ID.
pub fn begins(bytes: &[u8]) -> Option<String> {
    (bytes.starts_with(b"INVITE ") && !has_tag(bytes)).then(|| header(bytes, b"Call-ID")).flatten()
}

fn has_tag(bytes: &[u8]) -> bool {
    header(bytes, b"To").is_some_and(|to| to.contains(";tag="))
}

fn header(bytes: &[u8], name: &[u8]) -> Option<String> {
    bytes.split(|byte| *byte == b'\n').take_while(|line| line.len() > 1).find_map(|line| {
        let (head, value) = line.split_at_checked(name.len() + 1)?;
        (head[..name.len()].eq_ignore_ascii_case(name) && head[name.len()] == b':')
            .then(|| String::from_utf8_lossy(value).trim().to_owned())
    })
}
