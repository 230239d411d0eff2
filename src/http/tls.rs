//! What TLS is to a client: whom it trusts, and what it shows of itself. Connections that read and those that write have it in common.
//!
//! Must never: tell a key, or trust less than was named.

use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls_platform_verifier::Verifier;
use secrecy::ExposeSecret;

use super::{ClientIdentity, Settings};
use crate::files;
use crate::model::SystemError;

/// A certificate file larger than this is none.
const MAX_CA_FILE: u64 = 4 << 20;
const NO_PEM: &str = "the client certificate and its key are no PEM (-----BEGIN CERTIFICATE-----, -----BEGIN PRIVATE KEY-----)";

/// As the settings say; reads the certificate file. Without a word about HTTP's versions.
pub(super) fn config(settings: &Settings) -> Result<ClientConfig, SystemError> {
    client_tls(settings.ca_file.as_deref(), settings.identity.as_ref())
}

/// What any client has, whatever it speaks over TLS: the platform's own checks, with the authorities of one file more.
pub fn client_tls(ca_file: Option<&Path>, identity: Option<&ClientIdentity>) -> Result<ClientConfig, SystemError> {
    let provider = CryptoProvider::get_default().cloned().unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()));
    let verifier = match ca_file {
        None => Verifier::new(provider.clone()),
        Some(path) => Verifier::new_with_extra_roots(read_certificates(path)?, provider.clone()),
    };
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(cannot)?;
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier.map_err(cannot)?));
    match identity {
        None => Ok(builder.with_no_client_auth()),
        Some(identity) => {
            let (chain, key) = identity.read()?;
            builder.with_client_auth_cert(chain, key).map_err(cannot)
        }
    }
}

/// The same with these versions of HTTP, the best first.
pub(super) fn speaking(config: &ClientConfig, versions: &[&str]) -> ClientConfig {
    let mut config = config.clone();
    config.alpn_protocols = versions.iter().map(|version| version.as_bytes().to_vec()).collect();
    config
}

fn cannot(error: rustls::Error) -> SystemError {
    SystemError::Protocol(format!("TLS can't start: {error}"))
}

impl ClientIdentity {
    fn read(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), SystemError> {
        let odd = |_| SystemError::Auth(NO_PEM.into());
        let chain = CertificateDer::pem_slice_iter(self.certificate.expose_secret().as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>().map_err(odd)?;
        if chain.is_empty() {
            return Err(SystemError::Auth(NO_PEM.into()));
        }
        let key = PrivateKeyDer::from_pem_slice(self.key.expose_secret().as_bytes()).map_err(odd)?;
        Ok((chain, key))
    }
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, SystemError> {
    let wrong = |what: String| SystemError::Auth(format!("caFile {}: {what}", path.display()));
    let pem = files::read(path, MAX_CA_FILE).map_err(|error| wrong(error.to_string()))?;
    let certificates =
        CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>().map_err(|_| wrong("no PEM certificates".into()))?;
    if certificates.is_empty() {
        return Err(wrong("it holds no PEM certificate (-----BEGIN CERTIFICATE-----)".into()));
    }
    Ok(certificates)
}
