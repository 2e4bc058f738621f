//! TLS as libpq's modes ask for it, with `ring` as the only provider.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use super::client::SslMode;

/// Files that the config names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    /// `database.sslrootcert`: trusted authorities, PEM.
    pub(crate) root: Option<String>,
    /// `database.sslcert`: our certificate, PEM.
    pub(crate) certificate: Option<String>,
    /// `database.sslkey`: its key, PEM or PKCS#8 DER.
    pub(crate) key: Option<String>,
}

/// The TLS side of connections; none if they are not encrypted. The error is a
/// key and what is wrong with its value.
pub(crate) fn client(
    mode: SslMode,
    files: &Files,
) -> Result<Option<Arc<ClientConfig>>, (&'static str, String)> {
    if mode == SslMode::Disable {
        return Ok(None);
    }
    let provider = Arc::new(ring::default_provider());
    // As libpq: a root certificate makes `require` check as `verify-ca` does.
    let check = match (mode, &files.root) {
        (SslMode::VerifyFull, _) => Check::Full,
        (SslMode::VerifyCa, _) | (SslMode::Require, Some(_)) => Check::Authority,
        _ => Check::Nothing,
    };
    let chain = match check {
        Check::Nothing => None,
        _ => {
            let roots = Arc::new(roots(files.root.as_deref())?);
            let verifier =
                WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
                    .build()
                    .map_err(|error| ("database.sslrootcert", error.to_string()))?;
            Some(verifier)
        }
    };
    let verifier = Arc::new(Verifier { check, chain, provider: Arc::clone(&provider) });
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ("database.sslmode", error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let config = match (&files.certificate, &files.key) {
        (None, _) => builder.with_no_client_auth(),
        (Some(_), None) => {
            return Err(("database.sslkey", "needed beside database.sslcert".to_owned()));
        }
        (Some(certificate), Some(key)) => builder
            .with_client_auth_cert(certificates("database.sslcert", certificate)?, load_key(key)?)
            .map_err(|error| ("database.sslcert", error.to_string()))?,
    };
    Ok(Some(Arc::new(config)))
}

fn roots(file: Option<&str>) -> Result<RootCertStore, (&'static str, String)> {
    let mut store = RootCertStore::empty();
    let Some(file) = file else {
        let found = rustls_native_certs::load_native_certs();
        store.add_parsable_certificates(found.certs);
        if store.is_empty() {
            let message = "this system has no trusted authorities: name a file of them";
            return Err(("database.sslrootcert", message.to_owned()));
        }
        return Ok(store);
    };
    for certificate in certificates("database.sslrootcert", file)? {
        store
            .add(certificate)
            .map_err(|error| ("database.sslrootcert", format!("{file}: {error}")))?;
    }
    Ok(store)
}

fn certificates(
    key: &'static str,
    file: &str,
) -> Result<Vec<CertificateDer<'static>>, (&'static str, String)> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    match read {
        Ok(all) if all.is_empty() => Err((key, format!("{file} holds no PEM certificate"))),
        Ok(all) => Ok(all),
        Err(error) => Err((key, format!("cannot read {file}: {error}"))),
    }
}

fn load_key(file: &str) -> Result<PrivateKeyDer<'static>, (&'static str, String)> {
    let key = "database.sslkey";
    let bytes =
        std::fs::read(file).map_err(|error| (key, format!("cannot read {file}: {error}")))?;
    if bytes.starts_with(b"-----") {
        return PrivateKeyDer::from_pem_slice(&bytes)
            .map_err(|_| (key, format!("{file} holds no PEM key without a password")));
    }
    Ok(PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(bytes)))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    Nothing,
    Authority,
    Full,
}

/// Checks as much of the server's certificate as the mode asks for.
#[derive(Debug)]
struct Verifier {
    check: Check,
    chain: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        let verified =
            chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // The chain was found good before its name was looked at.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.check == Check::Authority => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
