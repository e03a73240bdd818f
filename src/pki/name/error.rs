//! What is wrong with a name, and what to write instead.

use super::SanKind;
use crate::{Error, ErrorKind};

/// A name that fabcert does not put into a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Nothing at all, or nothing between two commas or behind a type prefix.
    #[error("a name is empty")]
    Empty,
    /// White space anywhere.
    #[error("the name {text:?} holds a space")]
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
    #[error("the name {text:?} holds characters outside ASCII, which a certificate cannot hold")]
    NonAscii {
        /// The name as given.
        text: String,
        /// The same name in its ASCII form (`xn--`), when it has one.
        ascii: Option<String>,
    },
    /// A port behind the name.
    #[error("{text:?} is a name with a port; a certificate holds the name alone")]
    Port {
        /// The text as given.
        text: String,
        /// What stands before the port.
        host: String,
    },
    /// A URL or gRPC target such as `grpcs://peer0:7051`.
    #[error("{text:?} is an address to dial; a certificate holds a name, not an address to dial")]
    Scheme {
        /// The text as given.
        text: String,
        /// The host inside, when there is a usable one.
        host: Option<String>,
    },
    /// Brackets, as around an IPv6 address in a URL.
    #[error("{text:?} holds a bracket, which belongs to URLs and not to names")]
    Bracket {
        /// The text as given.
        text: String,
        /// The IPv6 address between the brackets, when it is one.
        address: Option<String>,
    },
    /// An IPv6 address with a zone.
    #[error("the address {text:?} has a zone, which holds on one machine only")]
    Zone {
        /// The text as given.
        text: String,
        /// The address without the zone.
        address: String,
    },
    /// A path, or a network such as `10.0.0.0/8`.
    #[error("{text:?} holds a slash; a certificate holds the name alone")]
    Path {
        /// The text as given.
        text: String,
        /// What stands before the first slash, when that is a usable name.
        host: Option<String>,
    },
    /// A name in the notation of OpenSSL's configuration files, such as `DNS:x` or `DNS.2:x`.
    #[error("{text:?} is in the notation of an OpenSSL configuration")]
    OpensslPrefix {
        /// The text as given.
        text: String,
        /// What follows the prefix.
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
    /// A last label of digits only: an IP address gone wrong (RFC 1123 section 2.1, RFC 3696 section 2).
    #[error("{text:?} looks like an IP address but is none")]
    Numeric {
        /// The text as given.
        text: String,
    },
    /// A `*` that is not the whole first label in front of others.
    #[error("the wildcard in {text:?} is not the whole first label; clients do not match it")]
    Wildcard {
        /// The name as given.
        text: String,
    },
    /// A character that no DNS name has.
    #[error("the name {text:?} holds {character:?}, which no DNS name has")]
    Character {
        /// The name as given.
        text: String,
        /// The first such character.
        character: char,
    },
    /// An IP address where only a host name will do.
    #[error("{text:?} is an IP address, not a DNS name")]
    IpAddress {
        /// The text as given.
        text: String,
    },
    /// `ip:` in front of something else than an IP address.
    #[error("{text:?} is no IP address")]
    NotAnIpAddress {
        /// The text behind the prefix.
        text: String,
    },
    /// Not a plain `local@host`.
    #[error("{text:?} is no e-mail address that a certificate can hold: {why}")]
    Email {
        /// The text as given.
        text: String,
        /// What is wrong.
        why: &'static str,
    },
    /// Not a URI that a CA copies unchanged and Go reads back.
    #[error("{text:?} is no URI that a certificate can hold: {why}")]
    Uri {
        /// The text as given.
        text: String,
        /// What is wrong.
        why: &'static str,
    },
    /// The host inside an e-mail address or a URI is no host.
    #[error("the host of the {kind} {text:?} cannot be used: {source}")]
    Host {
        /// The kind of the name around the host.
        kind: SanKind,
        /// The text as given.
        text: String,
        /// What is wrong with the host.
        source: Box<Self>,
    },
    /// The CA would put the name into the certificate under another type, or changed.
    #[error("a Fabric CA makes the {server} name {value:?} of the {wanted} name {text:?}")]
    ServerDiffers {
        /// The name as it would be sent.
        text: String,
        /// The type asked for.
        wanted: SanKind,
        /// The type that the CA arrives at.
        server: SanKind,
        /// The text that the CA arrives at.
        value: String,
    },
    /// A namespace or service name that is no DNS label (RFC 1123).
    #[error("the {what} {text:?} is no DNS label: 1 to 63 of a-z, 0-9 and '-', with no '-' at either end")]
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
    /// The cluster domain is no host name.
    #[error("the cluster domain {text:?} cannot be used: {source}")]
    ClusterDomain {
        /// The text as given.
        text: String,
        /// What is wrong with it.
        source: Box<Self>,
    },
}

impl NameError {
    /// What to write instead, as one sentence without a full stop.
    pub fn help(&self) -> String {
        match self {
            Self::Empty => "give a DNS name, an IP address, an e-mail address or a URI, or leave the option out".into(),
            Self::Space { text } => match text.split_whitespace().collect::<Vec<_>>().as_slice() {
                [one] => format!("write it without the space: {one}"),
                _ => "give each name by itself, separated by commas without spaces".into(),
            },
            Self::TooLong { .. } => "give the name that clients dial; no resolver takes a longer one".into(),
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
                format!("write the host alone: {host} (a URI that is really meant: uri:...)")
            }
            Self::Scheme { host: None, .. } => "write the host alone (a URI that is really meant: uri:...)".into(),
            Self::Bracket { address: Some(address), .. } => format!("write the address alone: {address}"),
            Self::Bracket { address: None, .. } => "write the name or the address without brackets".into(),
            Self::Zone { address, .. } => format!("write the address without its zone: {address}"),
            Self::Path { host: Some(host), .. } => format!("write the host alone: {host}"),
            Self::Path { host: None, .. } => "write the host alone, or a URI with its scheme (spiffe://...)".into(),
            Self::OpensslPrefix { rest, .. } => {
                format!("write the name alone: {rest} (to force its type, one of dns: ip: email: uri: in front)")
            }
            Self::Hyphen { .. } => "start and end each label with a letter or a digit".into(),
            Self::Numeric { .. } => {
                "write an IPv4 address as four decimal numbers from 0 to 255 without leading zeros, or a host name whose \
                 last label is not all digits"
                    .into()
            }
            Self::Wildcard { .. } => "write *.domain, or better each name that clients dial".into(),
            Self::Character { .. } => "a DNS name has letters, digits, '-', '_' and dots (a URI: uri:...)".into(),
            Self::IpAddress { .. } => "give an IP address as a SAN of its own".into(),
            Self::NotAnIpAddress { .. } => "write an address such as 10.0.0.1 or 2001:db8::1".into(),
            Self::Email { .. } => "write user@host, without a display name, quotes or comments".into(),
            Self::Uri { .. } => "write scheme://host/path or urn:..., in ASCII, without user, password and fragment".into(),
            Self::Host { source, .. } => format!("for the host: {}", source.help()),
            Self::ServerDiffers { .. } => "leave the name out; the CA cannot issue it as that type".into(),
            Self::NotALabel { what: "namespace", .. } => "give the namespace's own name, as kubectl prints it".into(),
            Self::NotALabel { .. } => "give the Service's own name, as kubectl prints it".into(),
            Self::Service { .. } => "give SERVICE or SERVICE.NAMESPACE; any other host name goes to --hostname".into(),
            Self::ClusterDomain { .. } => "give the cluster's DNS domain, such as cluster.local".into(),
        }
    }
}

/// The text as an error shows it: a secret between `id:` and `@`, as in a pasted CA URL, is masked.
pub(super) fn masked(text: &str) -> String {
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
