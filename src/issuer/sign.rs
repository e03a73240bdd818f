//! One certificate: the request signed by the credential, the answer held against it.

use super::decision::Order;
use super::status::Issued;
use crate::ca::{Client, Credential, EnrollRequest};
use crate::identity::obtain::BACKDATE;
use crate::identity::{CaAccess, Environment};
use crate::pki::x509::Cert;
use crate::proof::{Expected, verify};
use crate::{Error, ErrorKind};

/// Why there is no certificate.
pub(super) enum Unsigned {
    /// The CA does not take the credential.
    Credential(Error),
    /// Another reason.
    Other(Error),
}

/// Asks the CA, and proves that the answer is what was requested. `root` is the root that the issuer publishes.
///
/// # Errors
/// When the CA cannot be reached or refuses, its answer is not as requested, or its root is another one.
pub(super) async fn sign(
    order: &Order,
    (client, access): (&Client, &CaAccess),
    credential: &Credential<'_>,
    root: &Cert,
    env: &Environment<'_>,
) -> Result<Issued, Unsigned> {
    let csr_pem = order.csr.to_pem();
    let body = EnrollRequest {
        csr_pem: &csr_pem,
        sans: order.csr.sans(),
        profile: order.profile.as_deref(),
        attrs: None,
        // Without it the CA dates the certificate back to its own start, and cert-manager renews at once, again and again.
        not_before: Some((env.now)().minus(BACKDATE)),
        label: None,
    };
    let answer = client.reenroll(credential, &body).await.map_err(|e| {
        if e.is_refusal() && e.is_about_the_credential() {
            Unsigned::Credential(access.explain(e))
        } else {
            Unsigned::Other(access.explain(e))
        }
    })?;
    let expected = Expected {
        enrollment_id: &order.id,
        spki_der: order.csr.spki_der(),
        sans: order.csr.sans(),
        purpose: order.purpose,
        role: order.role,
        pinned_root: None,
        now: (env.now)(),
        server_date: answer.server_date,
    };
    let verified =
        verify(&answer.cert_pem, &answer.chain_pem, &expected).map_err(|e| Unsigned::Other(Error::from(e)))?;
    let chain = verified.chain();
    if chain.root.spki_der() != root.spki_der() {
        let message = format!("{} issues below another root than before", access.url);
        return Err(Unsigned::Other(Error::new(ErrorKind::Unreachable, message)));
    }
    let pem = [&chain.leaf].into_iter().chain(&chain.intermediates).map(Cert::to_pem).collect();
    Ok(Issued {
        chain_pem: pem,
        root_pem: chain.root.to_pem(),
        not_after: chain.leaf.not_after(),
        ignored_duration: order.duration.clone(),
    })
}
