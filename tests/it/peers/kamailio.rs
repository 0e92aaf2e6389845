//! Kamailio, as the proxy an operator puts between callers and the engine. It ends with its owner.
#![expect(clippy::disallowed_methods, reason = "a child process is waited for on the real clock")]
#![expect(clippy::panic, reason = "without Kamailio there is no test, and it says how to get it")]

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::certificate::Certificate;
use crate::engine::{SOON, free_port, own_address, wait_until};

/// A running proxy.
pub struct Kamailio {
    child: Child,
    dir: PathBuf,
    /// Where callers find it, over UDP.
    pub callers: SocketAddr,
    /// Where the engine finds it, over TCP or TLS.
    pub inside: SocketAddr,
}

impl Kamailio {
    /// A proxy that relays all calls to `engine` over TCP; or over TLS, with a certificate that both show and believe.
    pub fn start(dir: &Path, engine: SocketAddr, certificate: Option<&Certificate>) -> Kamailio {
        let ip = own_address();
        let (callers, inside) = (SocketAddr::new(ip, free_port(ip)), SocketAddr::new(ip, free_port(ip)));
        let transport = if certificate.is_some() { "tls" } else { "tcp" };
        let dir = folder_in(dir);
        let more = certificate.map(|certificate| {
            fs::write(dir.join("tls.cfg"), believed(certificate)).expect("written");
            format!("loadmodule \"tls.so\"\nmodparam(\"tls\", \"config\", \"{}\")", dir.join("tls.cfg").display())
        });
        let text = include_str!("kamailio.cfg")
            .replace("@listen@", &format!("listen=udp:{callers}\nlisten={transport}:{inside}"))
            .replace("@tls@", if certificate.is_some() { "enable_tls=yes" } else { "" })
            .replace("@modules@", modules())
            .replace("@more@", more.as_deref().unwrap_or_default())
            .replace("@engine@", &format!("sip:{engine};transport={transport}"));
        Kamailio::run(dir, callers, inside, &text)
    }

    /// An operator's registrar: `account` registers there over TCP with `password`, and is led every call from then on.
    pub fn registrar(dir: &Path, account: &str, password: &str) -> Kamailio {
        let ip = own_address();
        let (callers, inside) = (SocketAddr::new(ip, free_port(ip)), SocketAddr::new(ip, free_port(ip)));
        let text = include_str!("registrar.cfg")
            .replace("@listen@", &format!("listen=udp:{callers}\nlisten=tcp:{inside}"))
            .replace("@modules@", modules())
            .replace("@here@", &inside.to_string())
            .replace("@account@", account)
            .replace("@password@", password);
        Kamailio::run(folder_in(dir), callers, inside, &text)
    }

    /// Cuts it off without a word: all its processes are killed, and with them go their connections and what they knew.
    pub fn kill(&mut self) {
        let main = self.child.id();
        let children = fs::read_to_string(format!("/proc/{main}/task/{main}/children")).expect("its children");
        let _ = self.child.kill();
        let children = children.split_whitespace().filter_map(|pid| rustix::process::Pid::from_raw(pid.parse().ok()?));
        for pid in children {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        let _ = self.child.wait();
        let gone = || std::net::TcpStream::connect(self.inside).is_err() && !super::sipp::is_taken(self.callers);
        wait_until("nobody is left of Kamailio", SOON, gone);
    }

    /// Starts it once more at the same place, knowing nothing of before.
    pub fn start_again(&mut self) {
        self.child = spawn(&self.dir);
        self.wait_ready();
    }

    /// How many REGISTERs it has granted.
    pub fn saved(&self) -> usize {
        self.log().matches("SAVED REGISTER").count()
    }

    /// How many requests inside a dialog have come to it over this transport.
    pub fn inside(&self, method: &str, transport: &str) -> usize {
        self.log().matches(&format!("INSIDE {method} from {transport}")).count()
    }

    /// What it wrote down.
    pub fn log(&self) -> String {
        fs::read(self.dir.join("log")).map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default()
    }

    fn run(dir: PathBuf, callers: SocketAddr, inside: SocketAddr, text: &str) -> Kamailio {
        fs::write(dir.join("kamailio.cfg"), text).expect("written");
        let child = spawn(&dir);
        let mut kamailio = Kamailio { child, dir, callers, inside };
        kamailio.wait_ready();
        kamailio
    }

    fn wait_ready(&mut self) {
        wait_until("Kamailio listens", SOON, || {
            let ended = self.child.try_wait().expect("the child can be asked");
            assert!(ended.is_none(), "Kamailio ended at once: {}", self.log());
            std::net::TcpStream::connect(self.inside).is_ok()
        });
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        // Killed already: its number may be somebody else's by now.
        if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
            return;
        }
        // It has children of its own, which it takes along when it is asked to go.
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        for _ in 0..250 {
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

// ---- helpers -----------------------------------------------------------------------------------------------------

fn folder_in(dir: &Path) -> PathBuf {
    let dir = dir.join("kamailio");
    fs::create_dir_all(&dir).expect("a folder");
    dir
}

fn spawn(dir: &Path) -> Child {
    let log = File::options().create(true).append(true).open(dir.join("log")).expect("a file");
    Command::new("kamailio")
        .args(["-DD", "-E", "-m", "32", "-M", "8", "-f"])
        .arg(dir.join("kamailio.cfg"))
        .arg("-w")
        .arg(dir)
        .arg("-Y")
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap_or_else(|fault| panic!("Kamailio cannot be started ({fault}): run `make peers`"))
}

/// Where distributions put Kamailio's modules.
const MODULES: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/kamailio/modules/",
    "/usr/lib/aarch64-linux-gnu/kamailio/modules/",
    "/usr/lib/kamailio/modules/",
];

fn modules() -> &'static str {
    MODULES.iter().find(|path| Path::new(path).is_dir()).expect("Kamailio has no modules here: run `make peers`")
}

fn believed(certificate: &Certificate) -> String {
    let (shown, key) = (certificate.path(), certificate.key());
    format!(
        "[server:default]\nmethod = TLSv1.2+\ncertificate = {shown}\nprivate_key = {key}\n\
         [client:default]\nmethod = TLSv1.2+\nverify_certificate = yes\nrequire_certificate = yes\nca_list = {shown}\n",
        shown = shown.display(),
        key = key.display()
    )
}
