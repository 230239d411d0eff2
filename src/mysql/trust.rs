//! Whom a connection trusts: the authorities of this machine, and the one that is named. The client's own list of authorities is left out. And what it shows of itself.
//!
//! Must never: trust less checking than was asked for.

use std::path::Path;

use mysql_async::{ClientIdentity, SslOpts};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::ExposeSecret;

use crate::files;
use crate::secret::SecretString;

/// A bundle of authorities is smaller.
const MAX_CA_FILE: u64 = 4 << 20;

/// Reads the authorities.
pub(super) fn trusted(ca_file: Option<&Path>) -> Result<SslOpts, String> {
    let mut all = rustls_native_certs::load_native_certs().certs;
    // One that can't be used is as good as none; the client would give up for it.
    all.retain(|certificate| RootCertStore::empty().add(certificate.clone()).is_ok());
    if let Some(path) = ca_file {
        let wrong = |what: &str| format!("caFile {}: {what}", path.display());
        let pem = files::read(path, MAX_CA_FILE).map_err(|error| wrong(&error.to_string()))?;
        let named: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        match named {
            Ok(named) if !named.is_empty() => all.extend(named),
            _ => return Err(wrong("it holds no PEM certificate (-----BEGIN CERTIFICATE-----)")),
        }
    }
    let roots = all.into_iter().map(|certificate| certificate.to_vec().into()).collect();
    Ok(SslOpts::default().with_root_certs(roots).with_disable_built_in_roots(true))
}

/// What is shown to a server: certificate and key, both PEM.
pub(super) fn shown(certificate: &SecretString, key: &SecretString) -> Result<ClientIdentity, String> {
    let (certificate, key) = (certificate.expose_secret().as_bytes(), key.expose_secret().as_bytes());
    let chain = CertificateDer::pem_slice_iter(certificate).collect::<Result<Vec<_>, _>>().is_ok_and(|chain| !chain.is_empty());
    if !chain || PrivateKeyDer::from_pem_slice(key).is_err() {
        return Err(
            "the client certificate and its key in `tls` are no PEM (-----BEGIN CERTIFICATE-----, -----BEGIN PRIVATE KEY-----)".into()
        );
    }
    Ok(ClientIdentity::new(certificate.to_vec().into(), key.to_vec().into()))
}
