//! Small servers that are wrong on the way: TLS with whatever certificate a test wants, a proxy that says no, and one that says nothing. On threads of their own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoClientAuth, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// An authority that nobody trusts until its file is named.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// A new one.
    pub fn new() -> Self {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(parameters, KeyPair::generate().expect("a key")).expect("a certificate"))
    }

    /// Writes its certificate, to be named in `caFile`.
    pub fn write(&self, path: &Path) {
        std::fs::write(path, self.0.pem()).expect("written");
    }

    /// A certificate for a client, and its key, both PEM.
    pub fn client(&self) -> (String, String) {
        self.client_called("client")
    }

    /// The same for a client of this name (CN).
    pub fn client_called(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::new(Vec::new()).expect("a name");
        parameters.distinguished_name = DistinguishedName::new();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = parameters.signed_by(&key, &self.0).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }

    /// A certificate for a server of these names, and its key, both PEM.
    pub fn server(&self, names: &[&str]) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let parameters = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).expect("names");
        let certificate = parameters.signed_by(&key, &self.0).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }

    /// Starts a server with a certificate for these names that ends in this year, and gives its `https://` url. It answers everything with an empty list.
    pub fn serve(&self, names: &[&str], until: i32) -> String {
        self.serve_to(names, until, None)
    }

    /// The same for those alone who show a certificate of an authority.
    pub fn serve_known(&self, names: &[&str], clients: &Authority) -> String {
        let mut roots = RootCertStore::empty();
        roots.add(clients.0.der().clone()).expect("an authority");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().expect("a verifier");
        self.serve_to(names, 2999, Some(verifier))
    }

    fn serve_to(&self, names: &[&str], until: i32, clients: Option<Arc<dyn ClientCertVerifier>>) -> String {
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).expect("names");
        parameters.not_before = date_time_ymd(2000, 1, 1);
        parameters.not_after = date_time_ymd(until, 1, 1);
        let certificate = parameters.signed_by(&key, &self.0).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_client_cert_verifier(clients.unwrap_or_else(|| Arc::new(NoClientAuth)))
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("a certificate and its key");
        let config = Arc::new(config);
        let address = listen(move |stream| {
            let Ok(connection) = ServerConnection::new(config.clone()) else { return };
            answer(StreamOwned::new(connection, stream), LIST);
        });
        format!("https://{address}")
    }
}

const LIST: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/scim+json\r\ncontent-length: 35\r\nconnection: close\r\n\r\n{\"totalResults\":0,\"Resources\":[]}  ";

/// A proxy that answers each request with this status; its address.
pub fn proxy_that_says(status: &'static str) -> String {
    listen(move |stream| answer(stream, &format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")))
}

/// A server that takes every connection and says nothing; its address.
pub fn silent() -> String {
    listen(|mut stream| {
        let mut heap = Vec::new();
        // Until whoever waits gives up.
        let _ = stream.read_to_end(&mut heap);
    })
}

fn listen(talk: impl Fn(TcpStream) + Clone + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let talk = talk.clone();
            std::thread::spawn(move || talk(stream));
        }
    });
    address
}

/// Reads the head of one request and answers it.
fn answer(stream: impl Read + Write, words: &str) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    loop {
        line.clear();
        match reader.read_line(&mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) if line.trim().is_empty() => break,
            Ok(_) => {}
        }
    }
    let mut stream = reader.into_inner();
    let _ = stream.write_all(words.as_bytes()).and_then(|()| stream.flush());
}
