//! Certificates of the tests' own making, in files of their own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::super::{ClientTls, ServerTls, TlsClient};

/// A folder that goes with its owner.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static NTH: AtomicU32 = AtomicU32::new(0);
        let name = format!("ecoute-tls-{}-{}", std::process::id(), NTH.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("written");
        path
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// An authority, its certificate in `ca.pem` of the folder.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub folder: Folder,
    pub ca: PathBuf,
}

impl Authority {
    pub fn new() -> Authority {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("params");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "Authority of the tests");
        let folder = Folder::new();
        let ca = folder.write("ca.pem", &params.self_signed(&key).expect("signed").pem());
        Authority { issuer: Issuer::new(params, key), folder, ca }
    }

    /// A certificate for `dns` and `uris`, in `<name>.pem` and `<name>.key`.
    pub fn issue(&self, name: &str, dns: &[&str], uris: &[&str]) -> (PathBuf, PathBuf) {
        let names: Vec<String> = dns.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("params");
        for &uri in uris {
            params.subject_alt_names.push(SanType::URI(uri.try_into().expect("ASCII")));
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        let certificate = self.folder.write(&format!("{name}.pem"), &certificate.pem());
        (certificate, self.folder.write(&format!("{name}.key"), &key.serialize_pem()))
    }

    /// The files of a listener that shows such a certificate.
    pub fn server(&self, name: &str, dns: &[&str], uris: &[&str]) -> ServerTls {
        let (certificate, key) = self.issue(name, dns, uris);
        ServerTls { certificate, key, ..ServerTls::default() }
    }

    /// A client of the product that believes this authority.
    pub fn client(&self) -> TlsClient {
        TlsClient::load(&ClientTls { ca: Some(self.ca.clone()), ..ClientTls::default() }).expect("loads")
    }

    /// A client of the tests' own that believes this authority.
    pub fn raw_client(&self, versions: &[&'static rustls::SupportedProtocolVersion]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(certificate(&self.ca)).expect("a root");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).expect("versions");
        Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
    }
}

pub(crate) fn certificate(path: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(path).expect("a certificate")
}
