//! A telephone that is not ours: linphone without a screen or a sound card, told what to do as one types it.
//!
//! It speaks TLS only, believes one certificate and no other, and looks at the name in it. Its microphone is a sound file;
//! what it hears it writes to another.

use std::fs::{self, File};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::sound;
use crate::engine::{SOON, free_port, wait_until};

/// A running phone.
pub struct Linphone {
    dir: PathBuf,
    child: Child,
}

/// Who it is, and where.
pub struct Line<'a> {
    /// The user part of its address.
    pub user: &'a str,
    /// Its password; it registers at once.
    pub password: &'a str,
    /// Its server's TLS port, at the name the certificate is made out to: `localhost`.
    pub port: u16,
    /// The certificate it believes.
    pub certificate: &'a Path,
    /// The tone it speaks.
    pub hz: u16,
}

impl Linphone {
    /// A phone that is on.
    pub fn start(line: &Line<'_>) -> Linphone {
        let ip = IpAddr::from(Ipv4Addr::LOCALHOST);
        let own = free_port(ip);
        let dir = std::env::temp_dir().join(format!("ecoute-it-linphone-{own}"));
        let _ = fs::remove_dir_all(&dir);
        // It looks for its database below its home.
        fs::create_dir_all(dir.join(".local/share/linphone")).expect("a folder");
        fs::write(dir.join("linphonerc"), configuration(line, own, free_port(ip) & !1)).expect("a configuration");
        sound::write(&dir.join("says.wav"), &sound::tone(line.hz, SAYS_S * sound::RATE));
        let mut child = Command::new("linphonec")
            .arg("-c")
            .arg(dir.join("linphonerc"))
            .arg("-d")
            .arg("5")
            .arg("-l")
            .arg(dir.join("log"))
            .env("HOME", &dir)
            .current_dir(&dir)
            .stdin(Stdio::piped())
            .stdout(File::create(dir.join("said")).expect("a file"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|fault| panic!("the softphone `linphonec` cannot be started ({fault}): run `make peers`"));
        assert!(child.stdin.is_some());
        wait_until("linphone is on", SOON, || {
            assert!(child.try_wait().is_ok_and(|ended| ended.is_none()), "linphone ended at once");
            fs::read_to_string(dir.join("said")).is_ok_and(|said| said.contains("linphonec>"))
        });
        let mut phone = Linphone { dir, child };
        phone.tell("soundcard use files");
        phone.tell("play says.wav");
        phone.tell(&format!("record {}", phone.dir.join("heard.wav").display()));
        phone
    }

    /// Dials a number of its server.
    pub fn dial(&mut self, number: &str) {
        self.tell(&format!("call {number}"));
    }

    /// Takes the call that rings.
    pub fn answer(&mut self) {
        self.tell("answer");
    }

    /// Ends the call.
    pub fn hang_up(&mut self) {
        self.tell("terminate");
    }

    /// Waits until it has said this.
    pub fn wait(&self, words: &str) {
        wait_until(&format!("linphone says `{words}`"), SOON, || self.said().contains(words));
    }

    /// What it has told the person before it.
    pub fn said(&self) -> String {
        text(&self.dir.join("said"))
    }

    /// What it thought meanwhile.
    pub fn log(&self) -> String {
        text(&self.dir.join("log"))
    }

    /// Ends the phone, and returns what it heard.
    pub fn finish(mut self) -> Vec<f32> {
        self.tell("quit");
        wait_until("linphone ends", SOON, || self.child.try_wait().is_ok_and(|ended| ended.is_some()));
        sound::read(&self.dir.join("heard.wav"))
    }

    fn tell(&mut self, words: &str) {
        // A phone that has gone shows in what it is waited for next.
        if let Some(stdin) = self.child.stdin.as_mut() {
            let _ = stdin.write_all(format!("{words}\n").as_bytes());
        }
        crate::engine::pause(Duration::from_millis(50));
    }
}

impl Drop for Linphone {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

// ---- helpers -----------------------------------------------------------------------------------------------------

/// Longer than any conversation here.
const SAYS_S: usize = 60;

fn configuration(line: &Line<'_>, own: u16, media: u16) -> String {
    let Line { user, password, port, certificate, .. } = line;
    format!(
        "[sip]\nsip_port=0\nsip_tcp_port=0\nsip_tls_port={own}\nuse_ipv6=0\nroot_ca={}\nverify_server_certs=1\n\
         verify_server_cn=1\ndefault_proxy=0\nregister_only_when_network_is_up=0\nguess_hostname=0\n\n\
         [rtp]\naudio_rtp_port={media}\n\n\
         [audio_codec_0]\nmime=PCMA\nrate=8000\nchannels=1\nenabled=1\n\n\
         [proxy_0]\nreg_proxy=<sip:localhost:{port};transport=tls>\nreg_identity=sip:{user}@localhost\nreg_expires=120\n\
         reg_sendregister=1\npublish=0\n\n\
         [auth_info_0]\nusername={user}\npasswd={password}\nrealm=ecoute\n",
        certificate.display()
    )
}

fn text(path: &Path) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
