//! The documents a NOTIFY carries: `application/simple-message-summary` (RFC 3842 §5) and `application/dialog-info+xml`
//! (RFC 4235 §4). Pure functions of what the phone may know: never a caller's number or name, never a Call-ID or a tag by
//! which somebody could take hold of the call.

use super::{LineState, MessageSummary};

/// How many messages wait. `account` is the address of record.
pub(super) fn message_summary(account: &str, messages: MessageSummary) -> String {
    let MessageSummary { new, old } = messages;
    let waiting = if new > 0 { "yes" } else { "no" };
    let account: String = account.chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect();
    format!("Messages-Waiting: {waiting}\r\nMessage-Account: {account}\r\nVoice-Message: {new}/{old} (0/0)\r\n")
}

/// What a line does, whole each time: its call, and the call that has just ended.
pub(super) fn dialog_info(entity: &str, version: u32, line: Option<(u64, LineState)>, ended: Option<u64>) -> String {
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" \
         version=\"{version}\" state=\"full\" entity=\"{}\">\r\n",
        escaped(entity)
    );
    let mut dialog = |id: u64, state: &str| {
        out.push_str(&format!("<dialog id=\"{id}\" direction=\"recipient\"><state>{state}</state></dialog>\r\n"));
    };
    if let Some(id) = ended {
        dialog(id, "terminated");
    }
    match line {
        Some((id, LineState::Early)) => dialog(id, "early"),
        Some((id, LineState::Confirmed)) => dialog(id, "confirmed"),
        Some((_, LineState::Idle)) | None => {}
    }
    out.push_str("</dialog-info>\r\n");
    out
}

/// Text for an attribute or an element; what XML 1.0 cannot hold is left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => {}
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No message, and some.
    #[test]
    fn messages() {
        assert_eq!(
            message_summary("sip:odile@h", MessageSummary::default()),
            "Messages-Waiting: no\r\nMessage-Account: sip:odile@h\r\nVoice-Message: 0/0 (0/0)\r\n"
        );
        let some = message_summary("sip:odile@h\r\nX: y", MessageSummary { new: 2, old: 1 });
        assert!(some.starts_with("Messages-Waiting: yes\r\n") && some.contains("Voice-Message: 2/1 "));
        assert_eq!(some.lines().count(), 3);
    }

    /// Each state of a line, and a line whose call has just ended.
    #[test]
    fn lines() {
        let idle = dialog_info("sip:odile@h", 0, None, None);
        assert!(idle.contains("version=\"0\" state=\"full\" entity=\"sip:odile@h\"") && !idle.contains("<dialog "));
        assert!(dialog_info("e", 1, Some((4, LineState::Early)), None).contains("<dialog id=\"4\""));
        assert!(dialog_info("e", 2, Some((4, LineState::Confirmed)), None).contains("<state>confirmed</state>"));
        let over = dialog_info("e", 3, None, Some(4));
        assert_eq!(over.matches("<state>terminated</state>").count(), 1);
    }

    /// Whatever stands in a name, the document keeps its form.
    #[test]
    fn p183_markup_is_escaped() {
        let body = dialog_info("sip:\"><script>alert('1')&\u{1b}[31m@h", 0, None, None);
        assert!(body.contains("entity=\"sip:&quot;&gt;&lt;script&gt;alert(&apos;1&apos;)&amp;[31m@h\""), "{body}");
    }
}
