//! A change of the MSP that a channel has of an organisation: its CAs and its revocation lists.
//!
//! The encoded `msp.FabricMSPConfig` is changed field by field. What the change does not concern stays as it is, byte for byte.

use super::config::{ChannelCert, ChannelMsp};
use super::error::ChannelError;
use super::wire::{WireFields, WireValue, encoded_fields, write_bytes};
use crate::pki::x509::{Cert, Crl, SignatureCheck};
use crate::text::{pem_blocks, pem_encode};

/// Fields of `msp.FabricMSPConfig` (fabric-protos `msp/msp_config.proto`).
pub(super) const ROOTS: u64 = 2;
pub(super) const INTERMEDIATES: u64 = 3;
pub(super) const CRLS: u64 = 5;
pub(super) const TLS_ROOTS: u64 = 9;
pub(super) const TLS_INTERMEDIATES: u64 = 10;
pub(super) const NODE_OUS: u64 = 11;

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
    /// Whether the `NodeOUs` are to count under every CA of the MSP, not under the one that they name.
    pub(crate) unbind_node_ous: bool,
}

/// One thing that an update changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    /// `added`, `replaced`, `removed` or `unbound`.
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
        let is_ca_or_list = matches!(field, ROOTS | INTERMEDIATES | CRLS | TLS_ROOTS | TLS_INTERMEDIATES);
        let der = content(encoded).filter(|_| is_ca_or_list).and_then(|bytes| {
            let first = pem_blocks(bytes).ok()?.into_iter().next();
            Some(first.map_or_else(|| bytes.to_vec(), |block| block.der))
        });
        Self { field, encoded: encoded.to_vec(), der }
    }

    fn is(&self, field: u64, cert: &Cert) -> bool {
        self.field == field && self.der.as_deref() == Some(cert.der())
    }

    /// The certificate, if it is a CA of these fields.
    fn ca(&self, fields: [u64; 2]) -> Option<Cert> {
        Cert::from_der(self.der.clone().filter(|_| fields.contains(&self.field))?).ok()
    }

    /// The revocation list of `ca`, if it is that.
    fn list_of(&self, ca: &Cert) -> Option<Crl> {
        let der = self.der.clone().filter(|_| self.field == CRLS)?;
        Crl::from_der(der).ok().filter(|crl| crl.names(ca) && crl.signature_by(ca) == SignatureCheck::Good)
    }
}

/// The bytes in an encoded field.
pub(super) fn content(encoded: &[u8]) -> Option<&[u8]> {
    match WireFields::new(encoded, 0).next()?.ok()?.value {
        WireValue::Bytes(bytes) => Some(bytes),
        WireValue::Number(_) => None,
    }
}

/// The fields of the CAs of this kind: roots and intermediates.
const fn fields(of: CaOf) -> [u64; 2] {
    match of {
        CaOf::Identities => [ROOTS, INTERMEDIATES],
        CaOf::Tls => [TLS_ROOTS, TLS_INTERMEDIATES],
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

fn error(reason: String) -> ChannelError {
    ChannelError { message: "FabricMSPConfig", field: "", offset: None, reason }
}

impl MspChange {
    /// Whether nothing is to be changed.
    pub(crate) const fn is_empty(&self) -> bool {
        self.crls.is_empty() && self.added.is_empty() && self.removed.is_empty() && !self.unbind_node_ous
    }

    /// Applies the change to an encoded `FabricMSPConfig`, which `msp` was read from. Returns it and what changed. A CA to be
    /// removed that is not there changes nothing, nor does a list of a CA that is not there.
    ///
    /// # Errors
    /// When Fabric would not take what comes of it, or a list is older than that of the channel.
    pub(super) fn apply(&self, encoded: &[u8], msp: &ChannelMsp) -> Result<(Vec<u8>, Vec<Changed>), ChannelError> {
        let all = encoded_fields(encoded).map_err(|(_, reason)| error(reason.to_owned()))?;
        let mut entries: Vec<Entry> = all.into_iter().map(|(number, bytes)| Entry::read(number, bytes)).collect();
        let mut changed = Vec::new();
        for (of, cert) in &self.removed {
            let (field, what) = field(*of, cert);
            let before = entries.len();
            entries.retain(|entry| !entry.is(field, cert));
            if entries.len() < before {
                changed.push(Changed::ca("removed", what, cert));
            }
        }
        for (of, cert) in &self.added {
            let (field, what) = field(*of, cert);
            if entries.iter().any(|entry| entry.is(field, cert)) {
                continue;
            }
            let is_same_ca =
                |other: &Cert| other.subject_raw() == cert.subject_raw() && other.spki_der() == cert.spki_der();
            if entries.iter().filter_map(|entry| entry.ca(fields(*of))).any(|other| is_same_ca(&other)) {
                return Err(error(format!(
                    "the MSP {} has another certificate of the {what} \"{}\" with the same key, and Fabric refuses identities with \
                     two paths: remove that one in the same update",
                    msp.id,
                    cert.subject()
                )));
            }
            entries.push(Entry::new(field, "CERTIFICATE", cert.der()));
            changed.push(Changed::ca("added", what, cert));
        }
        for (root, what) in [(ROOTS, "root CA"), (TLS_ROOTS, "TLS root CA")] {
            let is_removed = changed.iter().any(|one| one.action == "removed" && one.what == what);
            if is_removed && !entries.iter().any(|entry| entry.field == root) {
                return Err(error(format!("the MSP {} would have no {what}", msp.id)));
            }
        }
        for crl in &self.crls {
            let known = entries.iter().filter_map(|entry| entry.ca(fields(CaOf::Identities)));
            let ca = known.into_iter().find(|ca| crl.names(ca) && crl.signature_by(ca) == SignatureCheck::Good);
            if let Some(ca) = ca {
                changed.extend(replace(crl, &ca, &mut entries, &changed)?);
            }
        }
        if self.unbind_node_ous && unbind(&mut entries)? {
            let name = msp.id.clone();
            changed.push(Changed { action: "unbound", what: "NodeOUs", name, revoked: None, lost: 0 });
        }
        // As Go writes them: by their numbers.
        entries.sort_by_key(|entry| entry.field);
        Ok((entries.iter().flat_map(|entry| entry.encoded.iter().copied()).collect(), changed))
    }

    /// What of the change concerned no MSP, after all groups were changed.
    ///
    /// # Errors
    /// The first CA to be removed, or list, of which no group had the CA.
    pub(super) fn check_all(&self, msps: &[ChannelMsp], changed: &[Changed], msp_id: &str) -> Result<(), ChannelError> {
        for (of, cert) in &self.removed {
            let wanted = Changed::ca("removed", field(*of, cert).1, cert);
            if !changed.contains(&wanted) {
                return Err(error(format!("the MSP {msp_id} has no {} \"{}\" to remove", wanted.what, cert.subject())));
            }
        }
        for crl in &self.crls {
            let known =
                msps.iter().flat_map(|msp| msp.roots.iter().chain(&msp.intermediates)).filter_map(ChannelCert::cert);
            let added = self.added.iter().filter(|(of, _)| *of == CaOf::Identities).map(|(_, cert)| cert);
            if !known.chain(added).any(|ca| crl.names(ca) && crl.signature_by(ca) == SignatureCheck::Good) {
                return Err(error(format!(
                    "no CA of the MSP {msp_id} signed the revocation list of \"{}\", so that Fabric would ignore it",
                    crl.issuer()
                )));
            }
        }
        Ok(())
    }
}

/// Puts a list in the place of those of the same CA; `None` if it is there.
fn replace(
    crl: &Crl,
    ca: &Cert,
    entries: &mut Vec<Entry>,
    changed: &[Changed],
) -> Result<Option<Changed>, ChannelError> {
    let name = crl.issuer();
    if crl.authority_key_id().is_none() || crl.authority_key_id() != ca.subject_key_id() {
        return Err(error(format!(
            "the revocation list of \"{name}\" does not have the key identifier of its CA as authority key identifier: Fabric would \
             refuse every certificate of the MSP, or ignore the list"
        )));
    }
    if changed.iter().any(|one| one.what == "revocation list" && one.name == name) {
        return Err(error(format!(
            "two revocation lists of \"{name}\" are given, and a channel has one: give the newer one"
        )));
    }
    let before: Vec<Crl> = entries.iter().filter_map(|entry| entry.list_of(ca)).collect();
    if let [only] = &*before
        && only == crl
    {
        return Ok(None);
    }
    if let Some(newer) = before.iter().find(|before| before.this_update() > crl.this_update()) {
        return Err(error(format!(
            "the revocation list of \"{name}\" is of {}, and the channel has that of {}",
            crl.this_update(),
            newer.this_update()
        )));
    }
    entries.retain(|entry| entry.list_of(ca).is_none());
    entries.push(Entry::new(CRLS, "X509 CRL", crl.der()));
    let lost = before.iter().flat_map(Crl::serials).filter(|serial| !crl.serials().contains(serial)).count();
    Ok(Some(Changed {
        action: if before.is_empty() { "added" } else { "replaced" },
        what: "revocation list",
        name: name.to_owned(),
        revoked: Some(crl.len()),
        lost,
    }))
}

/// Takes the certificate out of each identifier of the `NodeOUs`; whether there was one.
fn unbind(entries: &mut [Entry]) -> Result<bool, ChannelError> {
    let mut is_changed = false;
    for entry in entries.iter_mut().filter(|entry| entry.field == NODE_OUS) {
        let node_ous = content(&entry.encoded).unwrap_or_default();
        let mut new = Vec::new();
        for (number, encoded) in fields_of(node_ous)? {
            // 1 is `enable`, and those above it are identifiers, whose field 1 is the certificate.
            if number == 1 {
                new.extend_from_slice(encoded);
                continue;
            }
            let mut identifier = Vec::new();
            for (part, bytes) in fields_of(content(encoded).unwrap_or_default())? {
                if part == 1 {
                    is_changed |= content(bytes).is_some_and(|certificate| !certificate.is_empty());
                } else {
                    identifier.extend_from_slice(bytes);
                }
            }
            write_bytes(&mut new, number, &identifier);
        }
        entry.encoded.clear();
        write_bytes(&mut entry.encoded, NODE_OUS, &new);
    }
    Ok(is_changed)
}

fn fields_of(message: &[u8]) -> Result<Vec<(u64, &[u8])>, ChannelError> {
    encoded_fields(message).map_err(|(_, reason)| error(reason.to_owned()))
}

impl Changed {
    fn ca(action: &'static str, what: &'static str, cert: &Cert) -> Self {
        Self { action, what, name: cert.subject().to_owned(), revoked: None, lost: 0 }
    }
}
