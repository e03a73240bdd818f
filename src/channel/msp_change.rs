//! A change of the MSP that a channel has of an organisation: its CAs and its revocation lists.
//!
//! The encoded `msp.FabricMSPConfig` is changed field by field. What the change does not concern stays as it is, byte for byte.

use super::config::{ChannelCert, ChannelMsp};
use super::error::ChannelError;
use super::wire::{WireFields, WireValue, encoded_fields, write_bytes};
use crate::pki::x509::{Cert, Crl, SignatureCheck};
use crate::text::{pem_blocks, pem_encode};

/// Fields of `msp.FabricMSPConfig` (fabric-protos `msp/msp_config.proto`).
const ROOTS: u64 = 2;
const INTERMEDIATES: u64 = 3;
const CRLS: u64 = 5;
const TLS_ROOTS: u64 = 9;
const TLS_INTERMEDIATES: u64 = 10;

/// What the certificates of a CA are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CaOf {
    /// Identities.
    Identities,
    /// TLS.
    Tls,
}

/// A change of the MSP of an organisation.
#[derive(Debug, Default)]
pub(crate) struct MspChange {
    /// Revocation lists. Each replaces the lists of the same CA.
    pub(crate) crls: Vec<Crl>,
    /// CAs that the channel learns.
    pub(crate) added: Vec<(CaOf, Cert)>,
    /// CAs that it forgets.
    pub(crate) removed: Vec<(CaOf, Cert)>,
}

/// One thing that an update changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    /// `added`, `replaced` or `removed`.
    pub(crate) action: &'static str,
    /// What it is: `root CA`, `revocation list`, ...
    pub(crate) what: &'static str,
    /// The subject of the CA, or the issuer of the list.
    pub(crate) name: String,
    /// For a list: how many certificates it revokes.
    pub(crate) revoked: Option<usize>,
    /// For a list: how many of those that the channel's list revokes it lacks. A CA leaves out expired ones.
    pub(crate) lost: usize,
}

/// A certificate or list in the encoded message: its field, and its DER if it can be read.
struct Entry {
    field: u64,
    encoded: Vec<u8>,
    der: Option<Vec<u8>>,
}

impl Entry {
    fn new(field: u64, label: &str, der: &[u8]) -> Self {
        let mut encoded = Vec::new();
        write_bytes(&mut encoded, field, pem_encode(label, der).as_bytes());
        Self { field, encoded, der: Some(der.to_vec()) }
    }

    fn read(field: u64, encoded: &[u8]) -> Self {
        let der = match WireFields::new(encoded, 0).next() {
            Some(Ok(one)) if matches!(field, ROOTS | INTERMEDIATES | CRLS | TLS_ROOTS | TLS_INTERMEDIATES) => {
                match one.value {
                    WireValue::Bytes(bytes) => pem_blocks(bytes).ok().map(|blocks| match blocks.into_iter().next() {
                        Some(block) => block.der,
                        None => bytes.to_vec(),
                    }),
                    WireValue::Number(_) => None,
                }
            }
            _ => None,
        };
        Self { field, encoded: encoded.to_vec(), der }
    }

    fn is(&self, field: u64, cert: &Cert) -> bool {
        self.field == field && self.der.as_deref() == Some(cert.der())
    }

    /// The revocation list of `ca`, if it is that.
    fn list_of(&self, ca: &Cert) -> Option<Crl> {
        let der = self.der.clone().filter(|_| self.field == CRLS)?;
        Crl::from_der(der).ok().filter(|crl| crl.names(ca) && crl.signature_by(ca) == SignatureCheck::Good)
    }
}

/// The field and the name of a CA of this kind.
fn field(of: CaOf, cert: &Cert) -> (u64, &'static str) {
    match (of, cert.is_self_signed()) {
        (CaOf::Identities, true) => (ROOTS, "root CA"),
        (CaOf::Identities, false) => (INTERMEDIATES, "intermediate CA"),
        (CaOf::Tls, true) => (TLS_ROOTS, "TLS root CA"),
        (CaOf::Tls, false) => (TLS_INTERMEDIATES, "TLS intermediate CA"),
    }
}

impl MspChange {
    /// Whether nothing is to be changed.
    pub(crate) const fn is_empty(&self) -> bool {
        self.crls.is_empty() && self.added.is_empty() && self.removed.is_empty()
    }

    /// Applies the change to an encoded `FabricMSPConfig`, which `msp` was read from. Returns it and what changed.
    ///
    /// # Errors
    /// When a list is of no CA of the MSP, a CA to be removed is not there, or no root would be left.
    pub(super) fn apply(&self, encoded: &[u8], msp: &ChannelMsp) -> Result<(Vec<u8>, Vec<Changed>), ChannelError> {
        let error = |reason: String| ChannelError { message: "FabricMSPConfig", field: "", offset: None, reason };
        let fields = encoded_fields(encoded).map_err(|(_, reason)| error(reason.to_owned()))?;
        let mut entries: Vec<Entry> = fields.into_iter().map(|(number, bytes)| Entry::read(number, bytes)).collect();
        let mut changed = Vec::new();
        for (of, cert) in &self.added {
            let (field, what) = field(*of, cert);
            if entries.iter().any(|entry| entry.is(field, cert)) {
                continue;
            }
            entries.push(Entry::new(field, "CERTIFICATE", cert.der()));
            changed.push(Changed::ca("added", what, cert));
        }
        for (of, cert) in &self.removed {
            let (field, what) = field(*of, cert);
            let before = entries.len();
            entries.retain(|entry| !entry.is(field, cert));
            if entries.len() == before {
                return Err(error(format!("the MSP {} has no {what} \"{}\" to remove", msp.id, cert.subject())));
            }
            changed.push(Changed::ca("removed", what, cert));
        }
        if !self.removed.is_empty() && !entries.iter().any(|entry| entry.field == ROOTS) {
            return Err(error(format!("the MSP {} would have no root CA", msp.id)));
        }
        for crl in &self.crls {
            changed.extend(self.replace(crl, &mut entries, msp)?);
        }
        // As Go writes them: by their numbers.
        entries.sort_by_key(|entry| entry.field);
        Ok((entries.iter().flat_map(|entry| entry.encoded.iter().copied()).collect(), changed))
    }

    /// Puts a list in the place of those of the same CA; `None` if it is there.
    fn replace(&self, crl: &Crl, entries: &mut Vec<Entry>, msp: &ChannelMsp) -> Result<Option<Changed>, ChannelError> {
        let known = msp.roots.iter().chain(&msp.intermediates).filter_map(ChannelCert::cert);
        let added = self.added.iter().filter(|(of, _)| *of == CaOf::Identities).map(|(_, cert)| cert);
        let ca = known.chain(added).find(|ca| crl.names(ca) && crl.signature_by(ca) == SignatureCheck::Good);
        let Some(ca) = ca else {
            let reason = format!(
                "no CA of the MSP {} signed the revocation list of \"{}\", so that Fabric would ignore it",
                msp.id,
                crl.issuer()
            );
            return Err(ChannelError { message: "FabricMSPConfig", field: "revocation_list", offset: None, reason });
        };
        let before: Vec<Crl> = entries.iter().filter_map(|entry| entry.list_of(ca)).collect();
        if let [only] = &*before
            && only == crl
        {
            return Ok(None);
        }
        entries.retain(|entry| entry.list_of(ca).is_none());
        entries.push(Entry::new(CRLS, "X509 CRL", crl.der()));
        let lost = before.iter().flat_map(Crl::serials).filter(|serial| !crl.serials().contains(serial)).count();
        Ok(Some(Changed {
            action: if before.is_empty() { "added" } else { "replaced" },
            what: "revocation list",
            name: crl.issuer().to_owned(),
            revoked: Some(crl.len()),
            lost,
        }))
    }
}

impl Changed {
    fn ca(action: &'static str, what: &'static str, cert: &Cert) -> Self {
        Self { action, what, name: cert.subject().to_owned(), revoked: None, lost: 0 }
    }
}
