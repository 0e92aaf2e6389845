//! TLS 1.2 and 1.3 over one provider (aws-lc-rs): whose certificate we show, whose we believe.
//!
//! As a server: certificate and key from PEM files, read again on demand without a restart; a bad new file leaves the old
//! certificate in place and says why. Clients may be asked for a certificate. As a client: RFC 5922 §7. The chain must end
//! at a root we trust, and the certificate must name the SIP domain: by a `sip:` URI if it has any, by a DNS name
//! otherwise. RFC 5922 refuses wildcards; carriers use them, so a DNS name may be one, as on the web. Revocation is not
//! asked for: no call waits on a third party.
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, ServerConfig, SignatureScheme,
};

use super::Kind;

/// Where Linux distributions keep the roots everybody trusts.
const SYSTEM_ROOTS: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// The PEM files of a listening address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerTls {
    /// The certificate, then those between it and the root.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Whom clients may prove to be: the roots their certificates must lead to. None: clients are not asked.
    pub client_ca: Option<PathBuf>,
    /// A client without a certificate is refused (with `client_ca`).
    pub client_required: bool,
}

/// How we are a TLS client towards one peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientTls {
    /// Whom we believe; none: the roots of the system.
    pub ca: Option<PathBuf>,
    /// Our own certificate and its key, if the peer wants to see one.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// Must the certificate be right? Only `false` when the peer's cannot be, and then nobody knows who answers.
    pub verify: bool,
}

impl Default for ClientTls {
    fn default() -> ClientTls {
        ClientTls { ca: None, certificate: None, verify: true }
    }
}

/// What is wrong with TLS files, in a sentence.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read as PEM.
    #[error("{}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A file holds nothing of the kind.
    #[error("{}: there is no {what} in it", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// Certificate and key are sound but not usable together.
    #[error("{}: the certificate cannot be used with its key: {why}", path.display())]
    Pair {
        /// The certificate.
        path: PathBuf,
        /// Why.
        why: Error,
    },
    /// The roots cannot be used.
    #[error("{}: no usable root certificate: {why}", path.display())]
    Roots {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A listener for TLS or WSS without files.
    #[error("a secure listening address (`{0}`) needs a certificate and a key")]
    Missing(&'static str),
    /// The system has no roots where they are usually kept.
    #[error("the system's root certificates were not found: name a file of your own")]
    NoSystemRoots,
}

/// What a secure listening address shows; replaced whole when the files change.
pub(super) struct Certificate {
    files: ServerTls,
    kind: Kind,
    config: ArcSwap<ServerConfig>,
}

impl Certificate {
    pub fn load(files: &ServerTls, kind: Kind) -> Result<Certificate, TlsError> {
        let config = ArcSwap::new(server_config(files, kind)?);
        Ok(Certificate { files: files.clone(), kind, config })
    }

    /// Reads the files again. On a fault the old certificate stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.config.store(server_config(&self.files, self.kind)?);
        Ok(())
    }

    pub fn config(&self) -> Arc<ServerConfig> {
        self.config.load_full()
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.files.certificate.display())
    }
}

/// TLS settings towards a peer, read from their files. Cheap to clone.
#[derive(Clone)]
pub struct TlsClient(Arc<Inner>);

struct Inner {
    files: ClientTls,
    configs: ArcSwap<Configs>,
}

struct Configs {
    sip: Arc<ClientConfig>,
    web: Arc<ClientConfig>,
}

impl TlsClient {
    /// Reads the files.
    pub fn load(files: &ClientTls) -> Result<TlsClient, TlsError> {
        let configs = ArcSwap::from_pointee(client_configs(files)?);
        Ok(TlsClient(Arc::new(Inner { files: files.clone(), configs })))
    }

    /// Reads the files again, for connections to come. On a fault the old ones stay.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.0.configs.store(Arc::new(client_configs(&self.0.files)?));
        Ok(())
    }

    /// Do we know who answers?
    pub(super) fn verifies(&self) -> bool {
        self.0.files.verify
    }

    pub(super) fn config(&self, kind: Kind) -> Arc<ClientConfig> {
        let configs = self.0.configs.load();
        if kind.is_websocket() { configs.web.clone() } else { configs.sip.clone() }
    }
}

impl PartialEq for TlsClient {
    /// The same settings read once, not two readings of them.
    fn eq(&self, other: &TlsClient) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for TlsClient {}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsClient(verify: {})", self.0.files.verify)
    }
}

/// The name a peer must prove: the domain, or its bare address.
pub(super) fn name_of(server_name: Option<&str>, ip: IpAddr) -> Option<ServerName<'static>> {
    match server_name {
        Some(name) => ServerName::try_from(name.trim_end_matches('.').to_owned()).ok(),
        None => Some(ServerName::IpAddress(ip.into())),
    }
}

/// The names a verified certificate carries: DNS names, and the domains of `sip:` URIs as they stand.
pub(super) fn names_in(certificates: Option<&[CertificateDer<'_>]>) -> Vec<String> {
    let Some(Ok(end)) = certificates.and_then(<[_]>::first).map(webpki::EndEntityCert::try_from) else {
        return Vec::new();
    };
    end.valid_dns_names().chain(end.valid_uri_names()).map(str::to_owned).collect()
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn server_config(files: &ServerTls, kind: Kind) -> Result<Arc<ServerConfig>, TlsError> {
    let (chain, key) = pair(&files.certificate, &files.key)?;
    let provider = provider();
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|why| TlsError::Pair { path: files.certificate.clone(), why })?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let roots = Arc::new(roots_from(path)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
            let verifier = if files.client_required { verifier } else { verifier.allow_unauthenticated() };
            let fault = |why: rustls::server::VerifierBuilderError| TlsError::Roots {
                path: path.clone(),
                why: why.to_string(),
            };
            builder.with_client_cert_verifier(verifier.build().map_err(fault)?)
        }
    };
    let mut config =
        builder.with_single_cert(chain, key).map_err(|why| TlsError::Pair { path: files.certificate.clone(), why })?;
    config.alpn_protocols = alpn(kind);
    Ok(Arc::new(config))
}

fn client_configs(files: &ClientTls) -> Result<Configs, TlsError> {
    let provider = provider();
    let roots = match (&files.ca, files.verify) {
        (_, false) => None,
        (Some(path), true) => Some(roots_from(path)?),
        (None, true) => {
            let path = SYSTEM_ROOTS.iter().map(Path::new).find(|path| path.exists()).ok_or(TlsError::NoSystemRoots)?;
            Some(roots_from(path)?)
        }
    };
    let verifier = Arc::new(DomainVerifier { roots, provider: provider.clone() });
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|why| TlsError::Pair { path: PathBuf::new(), why })?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let sip = match &files.certificate {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let (chain, key) = pair(certificate, key)?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|why| TlsError::Pair { path: certificate.clone(), why })?
        }
    };
    let mut web = sip.clone();
    web.alpn_protocols = alpn(Kind::Wss);
    Ok(Configs { sip: Arc::new(sip), web: Arc::new(web) })
}

/// SIP has no protocol name in TLS; WebSocket is HTTP/1.1 (a browser might speak HTTP/2 otherwise).
fn alpn(kind: Kind) -> Vec<Vec<u8>> {
    if kind.is_websocket() { vec![b"http/1.1".to_vec()] } else { Vec::new() }
}

fn pair(certificate: &Path, key: &Path) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let chain = certificates(certificate)?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|fault| match fault {
        rustls::pki_types::pem::Error::NoItemsFound => TlsError::Empty { path: key.into(), what: "private key" },
        other => TlsError::File { path: key.into(), why: other.to_string() },
    })?;
    Ok((chain, key))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let fault = |fault: rustls::pki_types::pem::Error| TlsError::File { path: path.into(), why: fault.to_string() };
    let all = CertificateDer::pem_file_iter(path).map_err(fault)?.collect::<Result<Vec<_>, _>>().map_err(fault)?;
    if all.is_empty() {
        return Err(TlsError::Empty { path: path.into(), what: "certificate" });
    }
    Ok(all)
}

fn roots_from(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(certificates(path)?);
    match usable {
        0 => Err(TlsError::Roots { path: path.into(), why: "none can be understood".into() }),
        _ => Ok(roots),
    }
}

/// RFC 5922 §7: a trusted chain, and the SIP domain in it. Without roots: anybody, by configuration.
#[derive(Debug)]
struct DomainVerifier {
    roots: Option<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for DomainVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(roots) = &self.roots else { return Ok(ServerCertVerified::assertion()) };
        let parsed = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&parsed, roots, intermediates, now, algorithms)?;
        let end = webpki::EndEntityCert::try_from(end_entity)
            .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let mut domains = end.valid_uri_names().filter_map(sip_domain).peekable();
        match (server_name, domains.peek().is_some()) {
            (ServerName::DnsName(name), true) => {
                let name = name.as_ref().trim_end_matches('.');
                match domains.any(|domain| domain.eq_ignore_ascii_case(name)) {
                    true => Ok(ServerCertVerified::assertion()),
                    false => Err(Error::InvalidCertificate(CertificateError::NotValidForName)),
                }
            }
            _ => verify_server_name(&parsed, server_name).map(|()| ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The domain of a `sip:` URI without a user (RFC 5922 §7.1: one with a user names a person, not a domain).
fn sip_domain(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_once(':')?;
    if !scheme.eq_ignore_ascii_case("sip") || rest.contains('@') {
        return None;
    }
    let domain = rest.split([';', '?', ':']).next()?;
    (!domain.is_empty()).then_some(domain)
}
