//! A certificate of a test's own, for one name and some addresses, and its files.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::engine::Setup;

/// A certificate that answers for itself.
pub struct Certificate {
    dir: PathBuf,
}

impl Certificate {
    /// A certificate for `localhost`, and for `address` where the one who looks knows how to look for an address.
    pub fn new(name: &str, address: IpAddr) -> Certificate {
        let dir = std::env::temp_dir().join(format!("ecoute-it-certificate-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("a folder");
        let names = ["localhost".to_owned(), address.to_string()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        fs::write(dir.join("cert.pem"), made.cert.pem()).expect("written");
        fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).expect("written");
        Certificate { dir }
    }

    /// The certificate itself, for those who should believe it.
    pub fn path(&self) -> PathBuf {
        self.dir.join("cert.pem")
    }

    /// Its private key.
    pub fn key(&self) -> PathBuf {
        self.dir.join("key.pem")
    }

    /// An engine that shows it.
    pub fn shown_by(&self, setup: Setup) -> Setup {
        let quoted = |path: &Path| format!("\"{}\"", path.display());
        setup.set("sip.tls.certificate", &quoted(&self.path())).set("sip.tls.key", &quoted(&self.key()))
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}
