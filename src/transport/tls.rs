//! The rules of TLS: version 1.3 only, a client certificate of our authority always, no resumed sessions, and no terminal
//! that was revoked.
//!
//! 1.3 only, because all clients are ours to choose: there the client's certificate travels encrypted, nothing can be
//! negotiated down, and there is no renegotiation. What is easily got wrong: a resumed session shows no certificate, so
//! nobody would ask whether it is still good; therefore no tickets are given out and no session is kept.

use std::{fmt, sync::Arc};

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig,
    SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject as _},
    server::{
        NoServerSessionStorage, WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    version::TLS13,
};
use tokio_rustls::TlsAcceptor;

use super::Turned;
use crate::{
    access::Access,
    caller::Caller,
    error::{Error, Result},
};

/// The one protocol inside TLS.
const ALPN_H2: &[u8] = b"h2";

/// The server's certificate, its key, and the authority of the clients; PEM.
#[derive(Clone)]
pub struct Tls {
    /// The certificate chain.
    pub certificate: String,
    /// Its key.
    pub key: String,
    /// Whose client certificates are accepted.
    pub ca: String,
}

pub(super) fn acceptor(tls: &Tls, access: Access) -> Result<TlsAcceptor> {
    let config = config(tls, access)
        .map_err(|cause| Error::internal(format!("the certificate cannot be used: {cause}")))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn config(tls: &Tls, access: Access) -> Result<ServerConfig, Box<dyn std::error::Error>> {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(tls.ca.as_bytes()) {
        roots.add(root?)?;
    }
    let chains =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()?;
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(tls.certificate.as_bytes()).collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(tls.key.as_bytes())?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(Arc::new(StillGood { chains, access }))
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![ALPN_H2.to_vec()];
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

/// Why the handshake failed.
pub(super) fn failure(error: &std::io::Error) -> Turned {
    const REVOKED: rustls::Error = rustls::Error::InvalidCertificate(CertificateError::Revoked);
    match error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
    {
        Some(of_tls) if *of_tls == REVOKED => Turned::Revoked,
        Some(_) => Turned::Failed,
        None => Turned::Left,
    }
}

/// A certificate of our authority, valid today, and not of a revoked terminal.
struct StillGood {
    chains: Arc<dyn ClientCertVerifier>,
    access: Access,
}

impl fmt::Debug for StillGood {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("StillGood").finish_non_exhaustive()
    }
}

impl ClientCertVerifier for StillGood {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chains.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self
            .chains
            .verify_client_cert(end_entity, intermediates, now)?;
        // A certificate that names no caller cannot have been revoked; its calls are refused one by one, with a reason.
        if let Ok(caller) = Caller::from_certificate(end_entity)
            && let Some(certificate) = &caller.certificate
            && self.access.is_revoked(&caller.principal, certificate)
        {
            tracing::info!(caller = %caller.principal, "connection refused: the terminal was revoked");
            return Err(CertificateError::Revoked.into());
        }
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chains
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chains
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}
