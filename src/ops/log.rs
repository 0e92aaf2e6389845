//! The log: human or JSON lines on standard error, written by a thread of their own so that a slow pipe stops no call.
//!
//! **No number is ever logged.** [`crate::ids::PhoneNumber`] cannot be printed, and no room logs raw headers. As a last net
//! each line passes [`mask`], which hides what still looks like a telephone number; every hit is a fault of ours and is
//! counted (`ecoute_log_masked_total`). **No line can be forged**: what comes from outside and is no plain text (line ends,
//! escapes, marks that turn the direction of writing) is written out by [`plain`]. The net is coarse: whoever logs a large bare number (bytes, nanoseconds) will find it
//! hidden too, and should log it with a unit (`12.3 MB`).

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use prometheus_client::metrics::counter::Counter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

pub use crate::config::LogFormat;

/// What is logged, and how.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// The form.
    pub format: LogFormat,
    /// A level (`info`), or directives (`info,ecoute::sip=debug`). The environment variable `ECOUTE_LOG` goes before it.
    pub level: String,
    /// Colours, for a terminal.
    pub colours: bool,
}

/// Why the log cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The level makes no sense.
    #[error(
        "`{level}` is not a log level (setting `log.level` or variable ECOUTE_LOG): error, warn, info, debug, trace, or directives such as `info,ecoute::sip=debug`"
    )]
    Level {
        /// What was written.
        level: String,
    },
    /// There is a log already.
    #[error("the log is set up already")]
    Twice,
    /// The thread cannot be started.
    #[error("cannot start the log thread: {0}")]
    Thread(#[from] io::Error),
}

/// Keep it until the end: when it is dropped, what waits is still written.
#[derive(Debug)]
pub struct LogGuard {
    lines: Lines,
}

/// Lines that may wait for the thread. Beyond that they are lost, and the next line that gets through says how many.
const LINES_MAX: usize = 8192;

/// Sets up the log of this process. `masked` counts the lines in which a number had to be hidden.
pub fn start(settings: &LogSettings, masked: Counter) -> Result<LogGuard, LogError> {
    let level = std::env::var("ECOUTE_LOG").unwrap_or_else(|_| settings.level.clone());
    let filter = EnvFilter::try_new(&level).map_err(|_| LogError::Level { level })?;
    let colours = settings.colours && settings.format == LogFormat::Human;
    let lines = Lines { colours, ..Lines::start(io::stderr(), masked)? };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(lines.clone());
    let set = match settings.format {
        LogFormat::Human => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    set.map_err(|_| LogError::Twice)?;
    Ok(LogGuard { lines })
}

/// Hides what looks like a telephone number: a run of 9 to 15 digits that stands alone, or of 6 to 15 that begins with `+`,
/// `%2B` or `0`. Clock times, call identifiers and fractions are left as they are. `None`: there was nothing to hide.
pub fn mask(line: &[u8]) -> Option<Vec<u8>> {
    let mut out: Option<Vec<u8>> = None;
    let mut copied = 0;
    let mut at = 0;
    while at < line.len() {
        if !line[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let end = line[at..].iter().position(|b| !b.is_ascii_digit()).map_or(line.len(), |digits| at + digits);
        if let Some(start) = number_start(line, at, end) {
            let out = out.get_or_insert_with(|| Vec::with_capacity(line.len()));
            out.extend_from_slice(&line[copied..start]);
            out.extend_from_slice(MASK);
            copied = end;
        }
        at = end;
    }
    out.map(|mut out| {
        out.extend_from_slice(&line[copied..]);
        out
    })
}

/// Writes out what could pass for another line, move the cursor, or show text in another order than it has: control
/// characters, marks of direction, invisible joiners, bytes that are no text. With `colours` the colours of our own log are
/// left. The end of the line is left in any case. `None`: there was nothing to write out.
pub fn plain(line: &[u8], colours: bool) -> Option<Vec<u8>> {
    let body = line.strip_suffix(b"\n").unwrap_or(line);
    if body.iter().all(|b| (0x20..0x7f).contains(b)) {
        return None;
    }
    let mut out = Vec::with_capacity(line.len() + 64);
    let mut changed = false;
    for chunk in body.utf8_chunks() {
        let mut rest = chunk.valid();
        while let Some(letter) = rest.chars().next() {
            if let Some(length) = colour(rest).filter(|_| colours) {
                out.extend_from_slice(&rest.as_bytes()[..length]);
                rest = &rest[length..];
                continue;
            }
            rest = &rest[letter.len_utf8()..];
            if is_treacherous(letter) {
                changed = true;
                // All of them lie below 0x10000, so this is also how JSON writes them.
                out.extend_from_slice(format!("\\u{:04x}", u32::from(letter)).as_bytes());
            } else {
                out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        changed |= !chunk.invalid().is_empty();
        out.extend(chunk.invalid().iter().flat_map(|byte| format!("\\u{byte:04x}").into_bytes()));
    }
    out.extend_from_slice(&line[body.len()..]);
    changed.then_some(out)
}

/// What stands in place of a number.
const MASK: &[u8] = b"[number]";

// ---- helpers -----------------------------------------------------------------------------------------------------

fn is_treacherous(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The length of a colour (`ESC [ 1 ; 31 m`) at the beginning of `text`.
fn colour(text: &str) -> Option<usize> {
    let rest = text.strip_prefix("\u{1b}[")?;
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == ';'))?;
    rest[end..].starts_with('m').then_some(2 + end + 1)
}

/// Where the number that ends with the digits `at..end` begins, if it is one.
fn number_start(line: &[u8], at: usize, end: usize) -> Option<usize> {
    let digits = end - at;
    let before = &line[..at];
    // `+` may be written `%2B`, whose own `2` is no part of the number.
    let plus = match before {
        [.., b'+'] => 1,
        [.., b'%', b'2', b'B' | b'b'] => 3,
        _ => 0,
    };
    if plus > 0 {
        return (6..=15).contains(&digits).then_some(at - plus);
    }
    let joined = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_' || *b >= 0x80);
    if joined(before.last()) || joined(line.get(end)) {
        return None;
    }
    // The fraction of a number or of a clock's second.
    if let [.., digit, b'.'] = before
        && digit.is_ascii_digit()
    {
        return None;
    }
    let least = if line[at] == b'0' { 6 } else { 9 };
    (least..=15).contains(&digits).then_some(at)
}

/// The way to the thread that writes.
#[derive(Clone, Debug)]
struct Lines {
    sender: Sender<Line>,
    lost: Arc<AtomicU64>,
    masked: Counter,
    colours: bool,
}

#[derive(Debug)]
enum Line {
    Text(Vec<u8>),
    Flush(Sender<()>),
}

impl Lines {
    fn start(mut to: impl Write + Send + 'static, masked: Counter) -> io::Result<Lines> {
        let (sender, lines) = bounded(LINES_MAX);
        std::thread::Builder::new().name("log".into()).spawn(move || {
            for line in lines {
                match line {
                    // There is nowhere to say that the log itself cannot be written.
                    Line::Text(text) => drop(to.write_all(&text)),
                    Line::Flush(done) => {
                        let _ = to.flush();
                        let _ = done.send(());
                    }
                }
            }
        })?;
        Ok(Lines { sender, lost: Arc::new(AtomicU64::new(0)), masked, colours: false })
    }

    fn send(&self, text: Vec<u8>) {
        let lost = self.lost.swap(0, Relaxed);
        if lost > 0 {
            let note = format!("… {lost} log lines lost: standard error was too slow\n");
            if self.sender.try_send(Line::Text(note.into_bytes())).is_err() {
                self.lost.fetch_add(lost, Relaxed);
            }
        }
        if self.sender.try_send(Line::Text(text)).is_err() {
            self.lost.fetch_add(1, Relaxed);
        }
    }

    fn flush(&self, within: Duration) {
        let (done, flushed) = bounded(1);
        if self.sender.send_timeout(Line::Flush(done), within).is_ok() {
            let _ = flushed.recv_timeout(within);
        }
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.lines.flush(Duration::from_secs(1));
    }
}

/// One event's text, until it is complete.
struct Event<'a> {
    lines: &'a Lines,
    text: Vec<u8>,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Event<'a>;
    fn make_writer(&'a self) -> Event<'a> {
        Event { lines: self, text: Vec::new() }
    }
}

impl Write for Event<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Event<'_> {
    fn drop(&mut self) {
        let text = std::mem::take(&mut self.text);
        if text.is_empty() {
            return;
        }
        let text = plain(&text, self.lines.colours).unwrap_or(text);
        match mask(&text) {
            None => self.lines.send(text),
            Some(masked) => {
                self.lines.masked.inc();
                self.lines.send(masked);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn masked(line: &str) -> String {
        String::from_utf8(mask(line.as_bytes()).unwrap_or_else(|| line.as_bytes().to_vec())).expect("text")
    }

    /// Every way in which a French caller's number is written on the wire is hidden.
    #[test]
    fn numbers_are_hidden() {
        for number in [
            "+33476000102",
            "33476000102",
            "0033476000102",
            "0476000102",
            "476000102",
            "+262692000102",
            "+336123",
            "016100",
        ] {
            for line in [
                format!("INVITE from sip:{number}@trunk"),
                number.to_owned(),
                format!("tel:{number};x=1"),
                format!("\"{number}\" <sip:a@b>"),
                format!("number={number}, next"),
            ] {
                let shown = masked(&line);
                assert!(!shown.contains(number.trim_start_matches('+')), "{line} → {shown}");
                assert!(shown.contains("[number]"), "{line} → {shown}");
            }
        }
        assert_eq!(masked("sip:%2B33476000102@x"), "sip:[number]@x");
        assert_eq!(masked("a +33476000102 b +33476000103"), "a [number] b [number]");
    }

    /// Times, identifiers, addresses and small figures stay readable.
    #[test]
    fn the_rest_stays() {
        for line in [
            "2026-11-25T01:52:03.123456Z  INFO ecoute::node: call began call=6HJ00000000AB service=3977",
            "took 1.234567890 s, at 12.000345s",
            "call=6123456789ABC ended",
            "rtp 127.0.0.1:20000 → 192.168.100.200:40002, 50 packets, 8000 Hz",
            "branch=z9hG4bK0123456789abcdef tag=00123456789a",
            "3977 3133 15 17 18 112",
            "dialplans/3977.toml:120: step `a`",
        ] {
            assert_eq!(mask(line.as_bytes()), None, "{line}");
        }
    }

    /// A name with a line end, an escape, a mark of direction or a foreign byte in it is shown for what it is; ordinary text
    /// of any language stays as it is, and so do our colours, where there are some.
    #[test]
    fn p183_b012_no_line_can_be_forged() {
        let shown = |text: &str, colours| {
            plain(text.as_bytes(), colours).map(|out| String::from_utf8(out).expect("text")).unwrap_or(text.to_owned())
        };
        assert_eq!(shown("a\r\n2026 INFO forged\n", false), "a\\u000d\\u000a2026 INFO forged\n");
        assert_eq!(shown("\u{1b}[2J\u{1b}]0;x\u{7}", true), "\\u001b[2J\\u001b]0;x\\u0007");
        assert_eq!(shown("\u{1b}[32mINFO\u{1b}[0m é", true), "\u{1b}[32mINFO\u{1b}[0m é");
        assert_eq!(shown("\u{1b}[32mINFO", false), "\\u001b[32mINFO");
        assert_eq!(shown("exe.\u{202e}gpj \u{2066}x\u{200f}", false), "exe.\\u202egpj \\u2066x\\u200f");
        for calm in ["Hélène écoute\n", "=cmd <img src=x> \"quoted\"", "العربية 中文", ""] {
            assert_eq!(shown(calm, false), calm);
        }
        assert_eq!(plain(b"H\xe9l\xe8ne\n", false), Some(b"H\\u00e9l\\u00e8ne\n".to_vec()));
        proptest::proptest!(|(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200))| {
            let out = plain(&bytes, false).unwrap_or(bytes.clone());
            let body = out.strip_suffix(b"\n").unwrap_or(&out);
            assert!(std::str::from_utf8(body).is_ok_and(|text| !text.chars().any(is_treacherous)));
        });
    }

    /// A line goes through whole, masked and counted, whatever the format.
    #[test]
    fn a_line_is_masked_on_its_way() {
        #[derive(Clone, Default)]
        struct Page(Arc<Mutex<Vec<u8>>>);
        impl Write for Page {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().expect("no panic").extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        for json in [false, true] {
            let (page, counter) = (Page::default(), Counter::default());
            let lines = Lines::start(page.clone(), counter.clone()).expect("starts");
            let builder = tracing_subscriber::fmt().with_ansi(false).with_writer(lines.clone());
            let log = || {
                tracing::info!(from = "+33476000102", call = "6HJ00000000AB", "a fault");
                tracing::info!("nothing to hide, {}", "x\n\u{202e}forged");
            };
            if json {
                tracing::subscriber::with_default(builder.json().flatten_event(true).finish(), log);
            } else {
                tracing::subscriber::with_default(builder.finish(), log);
            }
            lines.flush(Duration::from_secs(5));
            let text = String::from_utf8(page.0.lock().expect("no panic").clone()).expect("text");
            assert_eq!(text.lines().count(), 2, "{text}");
            assert!(!text.contains('\u{202e}') && text.contains("\\u202eforged"), "{text}");
            assert!(
                text.contains("[number]") && !text.contains("476000102") && text.contains("6HJ00000000AB"),
                "{text}"
            );
            assert_eq!(counter.get(), 1);
            if json {
                assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{text}");
            }
        }
    }
}
