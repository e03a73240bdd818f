//! The extensions of a certificate that fabcert reads.

use std::net::IpAddr;

use x509_parser::extensions::{GeneralName, ParsedExtension, X509Extension};

use super::authority::AuthorityKeyId;
use super::cert::{ExtendedKeyUsage, KeyUsage};
use super::{Attributes, dn};
use crate::pki::name::{HostName, SanName};

/// The fields from all extensions of one certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Extensions {
    pub(super) sans: Vec<SanName>,
    pub(super) unreadable_sans: Vec<String>,
    pub(super) subject_key_id: Option<Vec<u8>>,
    pub(super) authority: Option<AuthorityKeyId>,
    pub(super) is_ca: bool,
    pub(super) path_len: Option<u32>,
    pub(super) key_usage: Option<KeyUsage>,
    pub(super) extended_key_usage: Option<ExtendedKeyUsage>,
    pub(super) attributes: Option<Attributes>,
    pub(super) attributes_unreadable: bool,
    pub(super) unhandled_critical: Vec<String>,
}

impl Extensions {
    /// Reads the extensions.
    ///
    /// # Errors
    /// When an extension cannot be decoded; the error is a message about the first one.
    pub(super) fn read(extensions: &[X509Extension<'_>]) -> Result<Self, String> {
        let mut facts = Self::default();
        for extension in extensions {
            facts.add(extension)?;
        }
        Ok(facts)
    }

    fn add(&mut self, extension: &X509Extension<'_>) -> Result<(), String> {
        let mut handled = true;
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => {
                self.sans = names.general_names.iter().filter_map(san_of).collect();
                self.unreadable_sans = names.general_names.iter().filter_map(unreadable).collect();
                handled = !self.sans.is_empty();
            }
            ParsedExtension::SubjectKeyIdentifier(id) => {
                self.subject_key_id = Some(id.0.to_vec());
                handled = false;
            }
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                let mut names = id.authority_cert_issuer.iter().flatten();
                self.authority = Some(AuthorityKeyId {
                    key_id: id.key_identifier.as_ref().map(|k| k.0.to_vec()),
                    issuer: names.find_map(directory_name),
                    serial: id.authority_cert_serial.map(<[u8]>::to_vec),
                });
            }
            ParsedExtension::BasicConstraints(bc) => {
                self.is_ca = bc.ca;
                self.path_len = bc.path_len_constraint;
            }
            ParsedExtension::KeyUsage(ku) => {
                self.key_usage =
                    Some(KeyUsage { digital_signature: ku.digital_signature(), key_cert_sign: ku.key_cert_sign() });
            }
            ParsedExtension::ExtendedKeyUsage(eku) => {
                self.extended_key_usage =
                    Some(ExtendedKeyUsage { server_auth: eku.server_auth, client_auth: eku.client_auth, any: eku.any });
            }
            ParsedExtension::NameConstraints(_)
            | ParsedExtension::CRLDistributionPoints(_)
            | ParsedExtension::CertificatePolicies(_)
            | ParsedExtension::PolicyMappings(_)
            | ParsedExtension::PolicyConstraints(_)
            | ParsedExtension::InhibitAnyPolicy(_) => {}
            ParsedExtension::ParseError { error } => return Err(format!("extension {}: {error}", extension.oid)),
            _ => {
                handled = false;
                if extension.oid.as_bytes() == Attributes::OID_DER {
                    self.attributes = Attributes::from_extension(extension.value);
                    self.attributes_unreadable = self.attributes.is_none();
                }
            }
        }
        if extension.critical && !handled {
            self.unhandled_critical.push(extension.oid.to_id_string());
        }
        Ok(())
    }
}

fn directory_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DirectoryName(name) => Some(dn::to_text(name)),
        _ => None,
    }
}

/// The SAN, unchanged; `None` for the kinds that neither Go nor Fabric reads.
pub(super) fn san_of(name: &GeneralName<'_>) -> Option<SanName> {
    Some(match name {
        GeneralName::DNSName(text) => SanName::Dns(HostName::from_certificate(text)),
        GeneralName::RFC822Name(text) => SanName::Email((*text).to_owned()),
        GeneralName::URI(text) => SanName::Uri((*text).to_owned()),
        GeneralName::IPAddress(bytes) => SanName::Ip(match bytes.len() {
            4 => IpAddr::from(<[u8; 4]>::try_from(*bytes).ok()?),
            16 => IpAddr::from(<[u8; 16]>::try_from(*bytes).ok()?),
            _ => return None,
        }),
        _ => return None,
    })
}

/// A description of an unreadable name of one of the four kinds that Go reads.
fn unreadable(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::IPAddress(bytes) if !matches!(bytes.len(), 4 | 16) => {
            Some(format!("an IP address of {} bytes ({})", bytes.len(), crate::text::hex(bytes)))
        }
        GeneralName::Invalid(tag, bytes) if matches!(tag.0, 1 | 2 | 6) => {
            Some(format!("\"{}\", which is not ASCII text", bytes.escape_ascii()))
        }
        _ => None,
    }
}
