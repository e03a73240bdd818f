//! A revocation list as Go's `x509.ParseCRL` reads it: `encoding/asn1` into `pkix.CertificateList`.

use super::algorithm::SignatureAlgorithm;
use super::asn1::{SEQUENCE, Sequence, Value};
use super::certificate::Certificate;
use super::der::{BitString, is_minimal, is_oid, significant, to_i64};
use super::ecdsa::joined;
use super::text::parse_string;
use super::time::{GENERALIZED_TIME, UTC_TIME, generalized_time_with_fraction, utc_time};

/// A revocation list, with the parts that Fabric reads.
#[derive(Debug)]
pub(crate) struct RevocationList {
    pub(super) tbs: Vec<u8>,
    pub(super) algorithm: SignatureAlgorithm,
    pub(super) signature: Vec<u8>,
    /// Serial numbers without leading zeros; negative ones are left out.
    pub(super) revoked: Vec<Vec<u8>>,
    /// The authority key identifier; `None` when Fabric cannot read one.
    pub(crate) authority_key_id: Option<Vec<u8>>,
}

const AUTHORITY_KEY_ID: &[u8] = &[0x55, 29, 35];

impl RevocationList {
    /// Reads a list from DER; an ECDSA signature must hold two positive numbers, which Fabric encodes again (fabric
    /// `msp/mspimplsetup.go`, `setupCRLs`). `None` is a refusal.
    pub(crate) fn parse(der: &[u8]) -> Option<Self> {
        let mut outer = Sequence::one(der);
        let mut list = outer.sequence().filter(|_| outer.rest().is_empty())?;
        let tbs = list.whole_sequence()?;
        let (oid, parameters) = list.algorithm()?;
        let signature = list.bit_string()?.right_aligned();
        let algorithm = SignatureAlgorithm::of(oid, parameters);
        let signature = match algorithm {
            SignatureAlgorithm::Ecdsa(_) => rewritten(&signature)?,
            _ => signature,
        };

        let mut fields = Sequence::open(tbs)?;
        if let Some(version) = fields.optional_integer()? {
            to_i64(version)?;
        }
        fields.algorithm()?;
        let mut issuer = fields.sequence()?;
        while !issuer.rest().is_empty() {
            relative_name(issuer.set()?)?;
        }
        time(&mut fields, false)?;
        time(&mut fields, true)?;
        let mut revoked = Vec::new();
        if let Some(mut entries) = fields.optional_sequence()? {
            while !entries.rest().is_empty() {
                let mut entry = entries.sequence()?;
                let serial = entry.integer()?;
                time(&mut entry, false)?;
                if let Some(extensions) = entry.optional_sequence()? {
                    read_extensions(extensions, |_, _| {})?;
                }
                if serial[0] & 0x80 == 0 {
                    revoked.push(significant(serial).to_vec());
                }
            }
        }
        let mut authority = None;
        if let Some(mut field) = fields.explicit(0, SEQUENCE)? {
            read_extensions(field.sequence()?, |oid, value| {
                if oid == AUTHORITY_KEY_ID && authority.is_none() {
                    authority = Some(key_identifier(value));
                }
            })?;
        }
        Some(Self { tbs: tbs.to_vec(), algorithm, signature, revoked, authority_key_id: authority.flatten() })
    }

    /// Whether the list names `certificate` and `issuer`'s key signed it. Go accepts SHA-1 here.
    pub(crate) fn revokes(&self, certificate: &Certificate, issuer: &Certificate) -> bool {
        self.revoked.contains(&certificate.serial)
            && issuer.public_key.verifies(self.algorithm, &self.tbs, &self.signature)
    }
}

/// The same signature, encoded as Go does.
fn rewritten(signature: &[u8]) -> Option<Vec<u8>> {
    let mut fields = Sequence::open(signature)?;
    let (r, s) = (fields.integer()?, fields.integer()?);
    let positive = |n: &[u8]| n[0] & 0x80 == 0 && !significant(n).is_empty();
    (positive(r) && positive(s)).then(|| joined(significant(r), significant(s)))
}

fn read_extensions(mut list: Sequence<'_>, mut each: impl FnMut(&[u8], &[u8])) -> Option<()> {
    while !list.rest().is_empty() {
        let mut extension = list.sequence()?;
        let oid = extension.oid()?;
        extension.optional_boolean()?;
        each(oid, extension.octet_string()?);
    }
    Some(())
}

/// The key identifier in the extension; empty when it has none.
fn key_identifier(value: &[u8]) -> Option<Vec<u8>> {
    let mut fields = Sequence::open(value)?;
    let id = fields.tagged_octet_string(0)?.unwrap_or_default();
    fields.tagged_octet_string(1)?;
    // Fabric's structure requests a serial number in a form that Go cannot read: it fails on a compound `[2]`, which
    // CAs do not write, and ignores a plain one.
    (fields.next_kind()? != Some((2, 2, true))).then(|| id.to_vec())
}

/// A set of types and values; Go reads the values of the kinds that it knows.
fn relative_name(mut set: Sequence<'_>) -> Option<()> {
    while !set.rest().is_empty() {
        let mut attribute = set.sequence()?;
        attribute.oid()?;
        let Value { kind: (0, tag, false), content, .. } = attribute.any()? else { continue };
        let holds = match u8::try_from(tag).unwrap_or_default() {
            1 => matches!(content, [0 | 0xff]),
            2 => is_minimal(content) && to_i64(content).is_some(),
            3 => BitString::of(content).is_some(),
            6 => is_oid(content),
            UTC_TIME => utc_time(content).is_some(),
            GENERALIZED_TIME => generalized_time_with_fraction(content).is_some(),
            tag @ (12 | 18 | 19 | 20 | 22 | 30) => parse_string(tag, content).is_ok(),
            _ => true,
        };
        holds.then_some(())?;
    }
    Some(())
}

fn time(fields: &mut Sequence<'_>, optional: bool) -> Option<()> {
    match fields.next_kind()? {
        Some((0, tag, false)) if tag == u32::from(UTC_TIME) => utc_time(fields.any()?.content).map(|_| ()),
        Some((0, tag, false)) if tag == u32::from(GENERALIZED_TIME) => {
            generalized_time_with_fraction(fields.any()?.content).map(|_| ())
        }
        _ => optional.then_some(()),
    }
}
