//! Extended key usages and key usages, as Go and OpenSSL read them.

use super::{Purpose, VerifyError};
use crate::pki::x509::{Cert, Chain, ExtendedKeyUsage};

/// Whether the certificate may be used for its purpose.
///
/// Peers and orderers use their server pair as client pair too, so a TLS certificate needs both usages. OpenSSL, which
/// Node uses, does not take `anyExtendedKeyUsage` for either (`crypto/x509/v3_purp.c`, `check_purpose_ssl_server`); Go does
/// (`crypto/x509/verify.go`, `checkChainForKeyUsage`). Fabric passes no usages for a signing certificate to Go's verifier,
/// which then demands server auth of any list.
pub(super) fn check_leaf(leaf: &Cert, purpose: Purpose) -> Result<(), VerifyError> {
    let wrong = |purpose, why| Err(VerifyError::Usage { purpose, why });
    match (purpose, leaf.extended_key_usage()) {
        (Purpose::Tls, None) => {
            return wrong("TLS", "it has no extended key usage: the CA used another profile than tls");
        }
        (Purpose::Tls, Some(usage)) => {
            if let Some(why) = lacks(*usage) {
                return wrong("TLS", why);
            }
        }
        (Purpose::Sign, usage) => {
            if usage.is_some_and(|usage| !usage.any && !usage.server_auth) {
                return wrong("signing", "its extended key usage lacks server auth, which Fabric demands of any list");
            }
        }
    }
    if leaf.key_usage().is_some_and(|u| !u.digital_signature) {
        let purpose = if purpose == Purpose::Tls { "TLS" } else { "signing" };
        return wrong(purpose, "its key usage lacks digitalSignature");
    }
    Ok(())
}

/// Whether every CA of a TLS chain allows both usages: a list of a CA binds all certificates below it, for Go and for
/// OpenSSL. A signing chain is judged with its MSP folder.
pub(super) fn check_cas(chain: &Chain, purpose: Purpose) -> Result<(), VerifyError> {
    if purpose == Purpose::Sign {
        return Ok(());
    }
    let wrong = chain.cas().find_map(|ca| Some((ca, lacks(*ca.extended_key_usage()?)?)));
    wrong.map_or(Ok(()), |(ca, why)| Err(VerifyError::CaUsage { subject: ca.subject().to_owned(), why }))
}

const fn lacks(usage: ExtendedKeyUsage) -> Option<&'static str> {
    Some(match usage {
        ExtendedKeyUsage { server_auth: true, client_auth: true, .. } => return None,
        ExtendedKeyUsage { any: true, server_auth: false, .. } => {
            "its extended key usage holds anyExtendedKeyUsage in place of server auth, which OpenSSL, and with it a Node client, does not accept"
        }
        ExtendedKeyUsage { any: true, .. } => {
            "its extended key usage holds anyExtendedKeyUsage in place of client auth, which OpenSSL does not accept"
        }
        ExtendedKeyUsage { server_auth: false, .. } => "its extended key usage lacks server auth",
        ExtendedKeyUsage { .. } => "its extended key usage lacks client auth",
    })
}
