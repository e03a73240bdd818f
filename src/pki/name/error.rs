//! Errors of names, with the correct form as help.

use super::SanKind;
use crate::{Error, ErrorKind};

/// A name that fabcert does not put in a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// An empty text, or an empty item between two commas or after a type prefix.
    #[error("the name \"\" is empty")]
    Empty,
    /// White space anywhere.
    #[error("the name {text:?} has a space")]
    Space {
        /// The name as given.
        text: String,
    },
    /// More than 253 characters (RFC 1035 section 2.3.4: 255 octets on the wire).
    #[error("the name {text:?} has {length} characters; a DNS name has at most 253")]
    TooLong {
        /// The name as given.
        text: String,
        /// Its length in bytes.
        length: usize,
    },
    /// A label of more than 63 characters (RFC 1035 section 2.3.4).
    #[error("the label {label:?} of the name {text:?} has {} characters; a label has at most 63", label.len())]
    LabelTooLong {
        /// The name as given.
        text: String,
        /// The label.
        label: String,
    },
    /// Two dots in a row, or a dot at the start.
    #[error("the name {text:?} has an empty label")]
    EmptyLabel {
        /// The name as given.
        text: String,
    },
    /// A dot at the end. Go never matches such a name in a certificate.
    #[error("the name {text:?} ends with a dot, which clients do not match in a certificate")]
    TrailingDot {
        /// The name as given.
        text: String,
    },
    /// Characters outside ASCII, which a certificate cannot hold (RFC 5280 section 4.2.1.6: `IA5String`).
    #[error("the name {text:?} has characters outside ASCII, which a certificate cannot hold")]
    NonAscii {
        /// The name as given.
        text: String,
        /// The name in its ASCII form (`xn--`), if it has one.
        ascii: Option<String>,
    },
    /// A port after the name.
    #[error("{text:?} is a name with a port; a certificate holds the name alone")]
    Port {
        /// The text as given.
        text: String,
        /// The text before the port.
        host: String,
    },
    /// A URL or gRPC target such as `grpcs://peer0:7051`.
    #[error("{text:?} is an address to dial; a certificate holds a name, not an address to dial")]
    Scheme {
        /// The text as given.
        text: String,
        /// The host in it, if it is usable.
        host: Option<String>,
    },
    /// Brackets, as around an IPv6 address in a URL.
    #[error("{text:?} has a bracket, which belongs to URLs, not names")]
    Bracket {
        /// The text as given.
        text: String,
        /// The IPv6 address between the brackets, if it is one.
        address: Option<String>,
    },
    /// An IPv6 address with a zone.
    #[error("the address {text:?} has a zone, which is valid on one machine only")]
    Zone {
        /// The text as given.
        text: String,
        /// The address without the zone.
        address: String,
    },
    /// A path, or a network such as `10.0.0.0/8`.
    #[error("{text:?} has a slash; a certificate holds the name alone")]
    Path {
        /// The text as given.
        text: String,
        /// The text before the first slash, if it is a usable name.
        host: Option<String>,
    },
    /// A name in the notation of OpenSSL's configuration files, such as `DNS:x` or `DNS.2:x`.
    #[error("{text:?} is in the notation of an OpenSSL configuration")]
    OpensslPrefix {
        /// The text as given.
        text: String,
        /// The text after the prefix.
        rest: String,
    },
    /// A label that starts or ends with a hyphen (RFC 952, RFC 1123 section 2.1).
    #[error("the label {label:?} of the name {text:?} starts or ends with a hyphen")]
    Hyphen {
        /// The name as given.
        text: String,
        /// The label.
        label: String,
    },
    /// A last label of digits only: an invalid IP address (RFC 1123 section 2.1, RFC 3696 section 2).
    #[error("{text:?} looks like an IP address but is not one")]
    Numeric {
        /// The text as given.
        text: String,
    },
    /// A `*` that is not the whole first label before others.
    #[error("the wildcard in {text:?} is not the whole first label; clients do not match it")]
    Wildcard {
        /// The name as given.
        text: String,
    },
    /// A character that is not allowed in a DNS name.
    #[error("the name {text:?} has {character:?}, which is not allowed in a DNS name")]
    Character {
        /// The name as given.
        text: String,
        /// The first such character.
        character: char,
    },
    /// An IP address in place of a host name.
    #[error("{text:?} is an IP address, not a DNS name")]
    IpAddress {
        /// The text as given.
        text: String,
    },
    /// `ip:` before text that is not an IP address.
    #[error("{text:?} is not an IP address")]
    NotAnIpAddress {
        /// The text after the prefix.
        text: String,
    },
    /// Not a plain `local@host`.
    #[error("{text:?} is not an e-mail address that a certificate can hold: {why}")]
    Email {
        /// The text as given.
        text: String,
        /// The reason.
        why: &'static str,
    },
    /// Not a URI that a CA copies unchanged and Go parses back.
    #[error("{text:?} is not a URI that a certificate can hold: {why}")]
    Uri {
        /// The text as given.
        text: String,
        /// The reason.
        why: &'static str,
    },
    /// The host of an e-mail address or a URI is invalid.
    #[error("the host of the {kind} {text:?} cannot be used: {source}")]
    Host {
        /// The kind of the name around the host.
        kind: SanKind,
        /// The text as given.
        text: String,
        /// The fault of the host.
        source: Box<Self>,
    },
    /// The CA would put the name in the certificate with another type, or changed.
    #[error("a Fabric CA turns the {wanted} name {text:?} into the {server} name {value:?}")]
    ServerDiffers {
        /// The name as it would be sent.
        text: String,
        /// The requested type.
        wanted: SanKind,
        /// The type that the CA chooses.
        server: SanKind,
        /// The text that the CA puts in the certificate.
        value: String,
    },
    /// A namespace or service name that is not a DNS label (RFC 1123).
    #[error("the {what} {text:?} is not a DNS label: 1 to 63 of a-z, 0-9 and '-', with no '-' at either end")]
    NotALabel {
        /// `namespace` or `gateway service`.
        what: &'static str,
        /// The text as given.
        text: String,
    },
    /// A gateway service with dots that is not `SVC.NAMESPACE`, `SVC.NAMESPACE.svc` or `SVC.NAMESPACE.svc.DOMAIN`.
    #[error("the gateway service {text:?} is not the name of a Kubernetes Service")]
    Service {
        /// The text as given.
        text: String,
    },
    /// The cluster domain is not a host name.
    #[error("the cluster domain {text:?} cannot be used: {source}")]
    ClusterDomain {
        /// The text as given.
        text: String,
        /// The fault.
        source: Box<Self>,
    },
}

impl NameError {
    /// The correct form, as one sentence without a full stop.
    pub fn help(&self) -> String {
        match self {
            Self::Empty => "give a DNS name, an IP address, an e-mail address or a URI, or leave the option out".into(),
            Self::Space { text } => match text.split_whitespace().collect::<Vec<_>>().as_slice() {
                [one] => format!("write it without the space: {one}"),
                _ => "separate the names with commas, without spaces".into(),
            },
            Self::TooLong { .. } => "give the name that clients dial; resolvers do not accept a longer one".into(),
            Self::LabelTooLong { .. } => "shorten the part between two dots to 63 characters".into(),
            Self::EmptyLabel { .. } => "write one dot between labels and none at the start".into(),
            Self::TrailingDot { text } => match text.trim_end_matches('.') {
                "" => "write the name that clients dial".into(),
                name => format!("write it without the dot: {name}"),
            },
            Self::NonAscii { ascii: Some(ascii), .. } => format!("write its ASCII form: {ascii}"),
            Self::NonAscii { ascii: None, .. } => {
                "write it in ASCII; a host name has an xn-- form, a URI percent-encodes".into()
            }
            Self::Port { host, .. } => format!("write it without the port: {host}"),
            Self::Scheme { host: Some(host), .. } => {
                format!("write the host alone: {host} (for a URI, write uri:...)")
            }
            Self::Scheme { host: None, .. } => "write the host alone (for a URI, write uri:...)".into(),
            Self::Bracket { address: Some(address), .. } => format!("write the address alone: {address}"),
            Self::Bracket { address: None, .. } => "write the name or the address without brackets".into(),
            Self::Zone { address, .. } => format!("write the address without its zone: {address}"),
            Self::Path { host: Some(host), .. } => format!("write the host alone: {host}"),
            Self::Path { host: None, .. } => "write the host alone, or a URI with its scheme (spiffe://...)".into(),
            Self::OpensslPrefix { rest, .. } => {
                format!("write the name alone: {rest} (to force its type, write dns:, ip:, email: or uri: before it)")
            }
            Self::Hyphen { .. } => "start and end each label with a letter or a digit".into(),
            Self::Numeric { .. } => {
                "write an IPv4 address as four decimal numbers from 0 to 255 without leading zeros, or a host name whose \
                 last label is not all digits"
                    .into()
            }
            Self::Wildcard { .. } => "write *.domain, or better, each name that clients dial".into(),
            Self::Character { .. } => "a DNS name has letters, digits, '-', '_' and dots (for a URI, write uri:...)".into(),
            Self::IpAddress { .. } => "give the IP address as a SAN".into(),
            Self::NotAnIpAddress { .. } => "write an address such as 10.0.0.1 or 2001:db8::1".into(),
            Self::Email { .. } => "write user@host, without a display name, quotes or comments".into(),
            Self::Uri { .. } => "write scheme://host/path or urn:..., in ASCII, without user, password and fragment".into(),
            Self::Host { source, .. } => format!("for the host: {}", source.help()),
            Self::ServerDiffers { .. } => "leave the name out; the CA cannot issue it as that type".into(),
            Self::NotALabel { what: "namespace", .. } => "give the namespace as kubectl prints it".into(),
            Self::NotALabel { .. } => "give the Service's name as kubectl prints it".into(),
            Self::Service { .. } => "give SERVICE or SERVICE.NAMESPACE; give any other host name with --hostname".into(),
            Self::ClusterDomain { .. } => "give the cluster's DNS domain, such as cluster.local".into(),
        }
    }
}

/// The text for an error message: a secret between `id:` and `@`, as in a pasted CA URL, is masked.
pub(crate) fn masked(text: &str) -> String {
    let start = text.find("://").map_or(0, |at| at + "://".len());
    let secret = text.rfind('@').and_then(|end| {
        let colon = text.get(start..end)?.find(':')?;
        Some((start + colon + 1, end))
    });
    match secret {
        Some((from, to)) => format!("{}***{}", &text[..from], &text[to..]),
        None => text.to_owned(),
    }
}

impl From<NameError> for Error {
    fn from(error: NameError) -> Self {
        Self::new(ErrorKind::Input, error.to_string()).with_help(error.help())
    }
}
