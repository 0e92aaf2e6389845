//! SIPp as a child process. It ends with its owner.
#![expect(clippy::disallowed_methods, reason = "a child process is waited for on the real clock")]
#![expect(clippy::panic, reason = "without SIPp there is no test, and it says how to get it")]

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::super::engine::Engine;
use super::{PORT, scenarios};

/// A running SIPp. It ends with its owner.
pub struct Sipp {
    child: Child,
    log: PathBuf,
    errors: PathBuf,
    began: Instant,
    status: Option<i32>,
}

impl Sipp {
    pub fn start(engine: &Engine, scenario: &str, address: IpAddr, arguments: &[&str]) -> Sipp {
        static NTH: AtomicU32 = AtomicU32::new(0);
        let name = format!("{scenario}-{}", NTH.fetch_add(1, Ordering::Relaxed));
        let (log, errors) = (engine.dir.join(format!("{name}.log")), engine.dir.join(format!("{name}.errors")));
        let file = |path: &Path| fs::File::create(path).expect("a file for what SIPp says");
        let screen = file(&engine.dir.join(format!("{name}.screen")));
        let mut command = Command::new("sipp");
        command.arg(engine.sip.to_string()).arg("-sf").arg(scenarios().join(format!("{scenario}.xml")));
        command.args(["-i", &address.to_string(), "-p", &PORT.to_string(), "-nostdin"]).args(arguments);
        command.arg("-trace_logs").arg("-log_file").arg(&log).arg("-trace_err").arg("-error_file").arg(&errors);
        command.current_dir(&engine.dir).stdin(Stdio::null()).stdout(screen).stderr(Stdio::null());
        let child = command.spawn().unwrap_or_else(|fault| {
            panic!("SIPp cannot be started ({fault}): install it with `make peers` (Debian: sip-tester)")
        });
        Sipp { child, log, errors, began: Instant::now(), status: None }
    }

    pub fn is_running(&mut self, within: Duration) -> bool {
        if self.status.is_none() {
            let status = self.child.try_wait().expect("the child can be asked");
            self.status = status.map(|status| status.code().unwrap_or(-1));
        }
        assert!(self.began.elapsed() < within, "SIPp has not ended within {within:?}: {}", self.words());
        self.status.is_none()
    }

    pub fn status(&self) -> Option<i32> {
        self.status
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The beginning of what it complained of.
    pub fn words(&self) -> String {
        let errors = fs::read(&self.errors).unwrap_or_default();
        String::from_utf8_lossy(&errors).chars().take(1500).collect()
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
