//! A telephone that is not ours: baresip without a screen or a sound card, driven over its control port.
//!
//! Its microphone is a sound file or a tone; what it hears it writes to a file, one for each call. Its configuration lives
//! in a folder of its own, which goes with it.
#![expect(clippy::disallowed_methods, reason = "a real telephone lives on the real clock, behind a real socket")]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};
use serde_json::{Value, json};

use super::sound;
use crate::engine::{SOON, free_port, wait_until};

/// What a phone speaks into its microphone.
pub enum Microphone<'a> {
    /// A steady tone, hertz.
    Tone(u16),
    /// A sound file at 8 kHz, again and again.
    File(&'a Path),
}

/// Who a phone is.
pub struct Account<'a> {
    /// The user part of its address.
    pub user: &'a str,
    /// Its display name.
    pub name: &'a str,
    /// Its password; with one it registers at once.
    pub password: Option<&'a str>,
}

/// How a phone's signalling travels.
#[derive(Clone, Copy)]
pub enum Over<'a> {
    Udp,
    Tcp,
    /// With a certificate to believe.
    Tls(&'a Path),
}

impl Over<'_> {
    /// What is written behind an address.
    pub fn parameter(self) -> &'static str {
        match self {
            Over::Udp => "",
            Over::Tcp => ";transport=tcp",
            Over::Tls(_) => ";transport=tls",
        }
    }
}

/// A running phone.
pub struct Baresip {
    server: String,
    dir: PathBuf,
    child: Child,
    control: TcpStream,
    events: Receiver<(Instant, Value)>,
    seen: Vec<(Instant, String, String)>,
}

impl Baresip {
    /// A phone of the registrar and proxy at `server`.
    pub fn start(server: SocketAddr, account: &Account<'_>, microphone: &Microphone<'_>) -> Baresip {
        Baresip::over(Over::Udp, server, account, microphone)
    }

    /// The same, over any transport.
    pub fn over(over: Over<'_>, server: SocketAddr, account: &Account<'_>, microphone: &Microphone<'_>) -> Baresip {
        // Its media leave from the wildcard address, and so from 127.0.0.1, whatever it announces: it lives there.
        let ip = IpAddr::from(Ipv4Addr::LOCALHOST);
        let sip = SocketAddr::new(ip, free_port(ip));
        let control = SocketAddr::new(ip, free_port(ip));
        let dir = std::env::temp_dir().join(format!("ecoute-it-baresip-{}", sip.port()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).expect("a folder");
        let write = |name: &str, text: &str| fs::write(dir.join(name), text).expect("a file of the phone");
        sound::write(&dir.join("microphone.wav"), &spoken(microphone));
        write("config", &configuration(&dir, sip, control, over));
        write("contacts", "");
        let server = format!("{server}{}", over.parameter());
        let expires_s = if account.password.is_some() { 120 } else { 0 };
        let secret = account.password.map(|word| format!(";auth_user={};auth_pass={word}", account.user));
        write(
            "accounts",
            &format!(
                "\"{}\" <sip:{}@{server}>;regint={expires_s};answermode=manual;audio_codecs=PCMA/8000/1;ptime=20{}\n",
                account.name,
                account.user,
                secret.unwrap_or_default()
            ),
        );
        let mut child = Command::new("baresip")
            .arg("-f")
            .arg(&dir)
            .stdin(Stdio::null())
            .stdout(File::create(dir.join("log")).expect("a file"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|fault| panic!("the softphone `baresip` cannot be started ({fault}): run `make peers`"));
        let control = connect(control, &mut child, &dir);
        let events = listen(control.try_clone().expect("a second handle"));
        Baresip { server, dir, child, control, events, seen: Vec::new() }
    }

    /// Dials a number of its server.
    pub fn dial(&mut self, number: &str) {
        let uri = format!("sip:{number}@{}", self.server);
        self.tell("dial", &uri);
    }

    /// Takes the call that rings.
    pub fn answer(&mut self) {
        self.tell("accept", "");
    }

    /// Ends the call, or declines it.
    pub fn hang_up(&mut self) {
        self.tell("hangup", "");
    }

    /// Puts the other side on hold.
    pub fn hold(&mut self) {
        self.tell("hold", "");
    }

    /// Takes the other side back.
    pub fn resume(&mut self) {
        self.tell("resume", "");
    }

    /// Presses keys, as quickly as a person does (RFC 4733).
    pub fn press(&mut self, keys: &str) {
        for key in keys.chars() {
            self.tell("sndcode", &key.to_string());
            crate::engine::pause(Duration::from_millis(300));
        }
    }

    /// Waits for the next event of this kind that was not waited for before, and says when it came.
    pub fn wait(&mut self, kind: &str, within: Duration) -> Instant {
        let until = Instant::now() + within;
        loop {
            if let Some(at) = self.seen.iter().position(|(_, seen, _)| seen == kind) {
                return self.seen.remove(at).0;
            }
            match self.events.recv_deadline(until) {
                Ok((at, event)) => self.take(at, &event),
                Err(_) => panic!("no {kind} within {within:?}, only {:?}\n{}", self.seen, self.log()),
            }
        }
    }

    /// Has an event of this kind come that was not waited for?
    pub fn saw(&mut self, kind: &str) -> bool {
        while let Ok((at, event)) = self.events.try_recv() {
            self.take(at, &event);
        }
        self.seen.iter().any(|(_, seen, _)| seen == kind)
    }

    /// What it has written for a person to read.
    pub fn log(&self) -> String {
        fs::read(self.dir.join("log")).map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default()
    }

    /// Ends the phone, and returns what it heard in its first call, at 8 kHz.
    pub fn finish(mut self) -> Vec<f32> {
        self.tell("quit", "");
        wait_until("the phone ends", SOON, || self.child.try_wait().is_ok_and(|ended| ended.is_some()));
        let mut heard: Vec<PathBuf> = fs::read_dir(&self.dir)
            .expect("the phone's folder")
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().ends_with("-dec.wav")))
            .collect();
        heard.sort();
        heard.first().map(|path| sound::read(path)).unwrap_or_default()
    }

    fn take(&mut self, at: Instant, event: &Value) {
        let word = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
        if event["event"] == true {
            self.seen.push((at, word("type"), word("param")));
        }
    }

    fn tell(&mut self, command: &str, parameters: &str) {
        let text = json!({ "command": command, "params": parameters, "token": "" }).to_string();
        // A phone that has gone shows in what it is waited for next.
        let _ = self.control.write_all(format!("{}:{text},", text.len()).as_bytes());
    }
}

impl Drop for Baresip {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

// ---- helpers -----------------------------------------------------------------------------------------------------

/// baresip hangs up where its microphone's file ends, so the file is longer than any test.
const MICROPHONE_S: usize = 150;

/// Where distributions put baresip's modules.
const MODULES: [&str; 3] = [
    "/usr/lib/baresip/modules",
    "/usr/lib/x86_64-linux-gnu/baresip/modules",
    "/usr/lib/aarch64-linux-gnu/baresip/modules",
];

fn configuration(dir: &Path, sip: SocketAddr, control: SocketAddr, over: Over<'_>) -> String {
    let believed = match over {
        Over::Tls(certificate) => format!("sip_cafile {}\n", certificate.display()),
        Over::Udp | Over::Tcp => String::new(),
    };
    let dir = dir.display();
    let ip = sip.ip();
    let modules = MODULES.iter().find(|path| Path::new(path).is_dir());
    let modules = modules.expect("the softphone `baresip` has no modules here: run `make peers`");
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let nth = std::process::id().wrapping_mul(8).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % 300;
    let media = format!("{}-{}", 30_000 + nth * 100, 30_099 + nth * 100);
    format!(
        "poll_method epoll\nsip_listen {sip}\naudio_source aufile,{dir}/microphone.wav\naudio_player aubridge,sink\n\
         audio_alert aubridge,alert\nausrc_srate 8000\nausrc_channels 1\nauplay_srate 8000\naudio_txmode thread\n\
         rtp_ports {media}\njitter_buffer_delay 1-10\nnet_interface {ip}\nmodule_path {modules}\n\
         call_local_timeout 120\ncall_max_calls 2\nmodule g711.so\nmodule sndfile.so\nmodule aufile.so\n\
         module aubridge.so\nmodule_tmp uuid.so\nmodule_tmp account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\n\
         ctrl_tcp_listen {control}\nsnd_path {dir}\n{believed}"
    )
}

fn spoken(microphone: &Microphone<'_>) -> Vec<f32> {
    let length = MICROPHONE_S * sound::RATE;
    match microphone {
        Microphone::Tone(hz) => sound::tone(*hz, length),
        Microphone::File(path) => sound::read(path).into_iter().cycle().take(length).collect(),
    }
}

fn connect(control: SocketAddr, child: &mut Child, dir: &Path) -> TcpStream {
    let mut stream = None;
    wait_until("baresip's control port opens", SOON, || {
        let log = || fs::read_to_string(dir.join("log")).unwrap_or_default();
        assert!(child.try_wait().is_ok_and(|ended| ended.is_none()), "baresip ended at once:\n{}", log());
        stream = TcpStream::connect(control).ok();
        stream.is_some()
    });
    stream.expect("it was waited for")
}

/// Reads what the phone tells: netstrings of JSON, `12:{"event":…},`.
fn listen(mut control: TcpStream) -> Receiver<(Instant, Value)> {
    let (tell, events) = unbounded();
    std::thread::spawn(move || {
        let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
        while let Ok(n @ 1..) = control.read(&mut chunk) {
            bytes.extend_from_slice(&chunk[..n]);
            while let Some((text, length)) = netstring(&bytes) {
                let event = serde_json::from_slice(text).unwrap_or(Value::Null);
                if tell.send((Instant::now(), event)).is_err() {
                    return;
                }
                bytes.drain(..length);
            }
        }
    });
    events
}

fn netstring(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let colon = bytes.iter().position(|b| *b == b':')?;
    let length: usize = std::str::from_utf8(&bytes[..colon]).ok()?.parse().ok()?;
    let end = colon + 1 + length;
    (bytes.len() > end).then(|| (&bytes[colon + 1..end], end + 1))
}
