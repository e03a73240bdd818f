//! Extensions of a certificate (`crypto/x509/parser.go`, `processExtensions`).

use super::certificate::ParseError;
use super::der::{Der, INTEGER, OCTET_STRING, OID, SEQUENCE, context, explicit, is_minimal, oid_text, to_i64, to_u64};
use super::domain::is_domain;
use super::name_constraints::{self, NameConstraints};
use super::url::host_of;
use crate::pki::name::SanName;

/// The extensions of a certificate that Go and Fabric use.
#[derive(Debug, Default)]
pub(crate) struct Extensions {
    pub(super) has_basic_constraints: bool,
    pub(crate) is_ca: bool,
    pub(super) max_path_len: Option<u64>,
    /// The nine bits, lowest first; 0 without the extension.
    pub(super) key_usage: u16,
    pub(super) extended_key_usage: Option<ExtendedKeyUsage>,
    /// The content of the SAN extension.
    pub(super) san: Option<Vec<u8>>,
    /// DNS names and IP addresses.
    pub(crate) hosts: Vec<SanName>,
    pub(super) emails: Vec<String>,
    /// The hosts of the URIs, with their ports.
    pub(super) uri_hosts: Vec<String>,
    pub(crate) subject_key_id: Option<Vec<u8>>,
    pub(super) authority_key_id: Option<Vec<u8>>,
    pub(crate) name_constraints: Option<NameConstraints>,
    pub(super) policies: Policies,
    /// OIDs of critical extensions that Go does not know.
    pub(crate) unhandled: Vec<String>,
}

/// Extended key usages, not empty.
#[derive(Debug)]
pub(super) struct ExtendedKeyUsage {
    pub(super) any: bool,
    pub(super) server_auth: bool,
}

/// Certificate policies and their constraints.
#[derive(Debug, Default)]
pub(super) struct Policies {
    /// Contents of OIDs.
    pub(super) identifiers: Vec<Vec<u8>>,
    /// Pairs of the issuer's and the subject's policy.
    pub(super) mappings: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) require_explicit: Option<i64>,
    pub(super) inhibit_mapping: Option<i64>,
    pub(super) inhibit_any: Option<i64>,
}

type Read = Result<bool, &'static str>;

/// Reads the content of the field that holds the extensions.
pub(super) fn parse(mut field: Der<'_>) -> Result<Extensions, ParseError> {
    let mut list = field.open(SEQUENCE).ok_or("its extensions are malformed")?;
    let mut out = Extensions::default();
    let mut seen: Vec<&[u8]> = Vec::new();
    let mut found = Vec::new();
    while !list.is_empty() {
        let mut extension = list.open(SEQUENCE).ok_or("an extension is malformed")?;
        let oid = extension.oid().ok_or("an extension's OID is malformed")?;
        let critical = extension.peek(super::der::BOOLEAN);
        let critical = critical && extension.boolean().ok_or("an extension's critical field is malformed")?;
        let value = extension.read(OCTET_STRING).ok_or("an extension's value is malformed")?;
        if seen.contains(&oid) {
            return Err(ParseError::DuplicateExtension(oid_text(oid)));
        }
        seen.push(oid);
        found.push((oid, critical, value));
    }
    for (oid, critical, value) in found {
        let known = out.read(oid, critical, Der(value))?;
        if critical && !known {
            out.unhandled.push(oid_text(oid));
        }
    }
    Ok(out)
}

const AUTHORITY_INFO_ACCESS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 1];

impl Extensions {
    /// Reads one extension; returns whether Go handles it.
    fn read(&mut self, oid: &[u8], critical: bool, value: Der<'_>) -> Read {
        match oid {
            [0x55, 29, 14] => self.read_subject_key_id(critical, value),
            [0x55, 29, 15] => self.read_key_usage(value),
            [0x55, 29, 17] => self.read_san(value),
            [0x55, 29, 19] => self.read_basic_constraints(value).ok_or("the basic constraints are malformed"),
            [0x55, 29, 30] => {
                let (constraints, known) = name_constraints::parse(value)?;
                self.name_constraints = Some(constraints);
                Ok(known)
            }
            [0x55, 29, 31] => distribution_points(value).ok_or("the CRL distribution points are malformed"),
            [0x55, 29, 32] => self.read_policies(value).ok_or("the certificate policies are malformed"),
            [0x55, 29, 33] => self.read_policy_mappings(value).ok_or("the policy mappings are malformed"),
            [0x55, 29, 35] => self.read_authority_key_id(critical, value),
            [0x55, 29, 36] => self.read_policy_constraints(value).ok_or("the policy constraints are malformed"),
            [0x55, 29, 37] => self.read_extended_key_usage(value).ok_or("the extended key usages are malformed"),
            [0x55, 29, 54] => self.read_inhibit_any_policy(value).ok_or("inhibitAnyPolicy is malformed"),
            AUTHORITY_INFO_ACCESS if critical => Err("the authority information access is critical"),
            AUTHORITY_INFO_ACCESS => information_access(value).ok_or("the authority information access is malformed"),
            _ => Ok(false),
        }
    }

    fn read_subject_key_id(&mut self, critical: bool, mut value: Der<'_>) -> Read {
        if critical {
            return Err("the subject key identifier is critical");
        }
        let id = value.read(OCTET_STRING).ok_or("the subject key identifier is malformed")?;
        self.subject_key_id = Some(id.to_vec());
        Ok(true)
    }

    fn read_authority_key_id(&mut self, critical: bool, mut value: Der<'_>) -> Read {
        const MALFORMED: &str = "the authority key identifier is malformed";
        if critical {
            return Err("the authority key identifier is critical");
        }
        let mut fields = value.open(SEQUENCE).ok_or(MALFORMED)?;
        self.authority_key_id = fields.optional(context(0)).ok_or(MALFORMED)?.map(<[u8]>::to_vec);
        Ok(true)
    }

    fn read_key_usage(&mut self, mut value: Der<'_>) -> Read {
        let bits = value.bit_string().ok_or("the key usage is malformed")?;
        self.key_usage = (0..9).filter(|at| bits.bit(*at)).fold(0, |sum, at| sum | 1 << at);
        Ok(true)
    }

    fn read_basic_constraints(&mut self, mut value: Der<'_>) -> Option<bool> {
        let mut fields = value.open(SEQUENCE)?;
        self.has_basic_constraints = true;
        self.is_ca = fields.peek(super::der::BOOLEAN) && fields.boolean()?;
        if fields.peek(INTEGER) {
            self.max_path_len = Some(fields.integer().and_then(to_u64).filter(|n| i64::try_from(*n).is_ok())?);
        }
        Some(true)
    }

    fn read_san(&mut self, mut value: Der<'_>) -> Read {
        self.san = Some(value.0.to_vec());
        let mut names = value.open(SEQUENCE).ok_or("the subject alternative names are not a sequence")?;
        let mut any = false;
        while !names.is_empty() {
            let name = names.element().ok_or("a subject alternative name is malformed")?;
            let text = std::str::from_utf8(name.content).ok().filter(|text| text.is_ascii());
            match name.tag ^ 0x80 {
                1 => self.emails.push(text.ok_or("an e-mail address among the SANs is not ASCII")?.to_owned()),
                2 => {
                    let text = text.ok_or("a DNS name among the SANs is not ASCII")?;
                    self.hosts.push(SanName::from_certificate_dns(text));
                }
                6 => {
                    let host = host_of(text.ok_or("a URI among the SANs is not ASCII")?);
                    let host = host.ok_or("a URI among the SANs cannot be parsed")?;
                    if !is_domain(&host, false) {
                        return Err("a URI among the SANs has an invalid host");
                    }
                    self.uri_hosts.push(host);
                }
                7 => {
                    let address = SanName::from_certificate_ip(name.content);
                    self.hosts.push(address.ok_or("an IP address among the SANs is neither 4 nor 16 bytes long")?);
                }
                _ => continue,
            }
            any = true;
        }
        Ok(any)
    }

    fn read_extended_key_usage(&mut self, mut value: Der<'_>) -> Option<bool> {
        let mut usages = value.open(SEQUENCE)?;
        while !usages.is_empty() {
            let usage = usages.oid()?;
            let list = self.extended_key_usage.get_or_insert(ExtendedKeyUsage { any: false, server_auth: false });
            list.any |= usage == [0x55, 29, 37, 0];
            list.server_auth |= usage == [0x2b, 6, 1, 5, 5, 7, 3, 1];
        }
        Some(true)
    }

    fn read_policies(&mut self, mut value: Der<'_>) -> Option<bool> {
        let mut list = value.open(SEQUENCE)?;
        while !list.is_empty() {
            let oid = list.open(SEQUENCE)?.read(OID)?;
            if !is_policy(oid) || self.policies.identifiers.iter().any(|seen| seen == oid) {
                return None;
            }
            self.policies.identifiers.push(oid.to_vec());
        }
        Some(true)
    }

    fn read_policy_mappings(&mut self, mut value: Der<'_>) -> Option<bool> {
        let mut list = value.open(SEQUENCE)?;
        while !list.is_empty() {
            let mut pair = list.open(SEQUENCE)?;
            self.policies.mappings.push((pair.read(OID)?.to_vec(), pair.read(OID)?.to_vec()));
        }
        Some(true)
    }

    fn read_policy_constraints(&mut self, mut value: Der<'_>) -> Option<bool> {
        let mut fields = value.open(SEQUENCE)?;
        let mut skip = |number| match fields.optional(context(number))? {
            Some(content) if is_minimal(content) => to_i64(content).map(Some),
            Some(_) => None,
            None => Some(None),
        };
        self.policies.require_explicit = skip(0)?;
        self.policies.inhibit_mapping = skip(1)?;
        Some(true)
    }

    fn read_inhibit_any_policy(&mut self, mut value: Der<'_>) -> Option<bool> {
        self.policies.inhibit_any = Some(value.integer().and_then(to_i64)?);
        Some(true)
    }
}

/// The arcs of a policy OID may have any size (`crypto/x509/oid.go`, `newOIDFromDER`).
fn is_policy(oid: &[u8]) -> bool {
    oid.last().is_some_and(|b| b & 0x80 == 0) && oid.split_inclusive(|b| b & 0x80 == 0).all(|arc| arc[0] != 0x80)
}

fn distribution_points(mut value: Der<'_>) -> Option<bool> {
    let mut points = value.open(SEQUENCE)?;
    while !points.is_empty() {
        let mut point = points.open(SEQUENCE)?;
        let Some(name) = point.optional(explicit(0))? else { continue };
        let mut names = Der(name).open(explicit(0))?;
        while names.peek(context(6)) {
            names.read(context(6))?;
        }
    }
    Some(true)
}

fn information_access(mut value: Der<'_>) -> Option<bool> {
    let mut list = value.open(SEQUENCE)?;
    while !list.is_empty() {
        let mut access = list.open(SEQUENCE)?;
        access.oid()?;
        access.optional(context(6))?;
    }
    Some(true)
}
