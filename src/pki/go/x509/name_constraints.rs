//! The name constraints extension (`crypto/x509/parser.go`, `parseNameConstraintsExtension`).

use std::net::IpAddr;

use super::der::{Der, SEQUENCE, context, explicit};
use super::domain::{is_domain, parse_mailbox};

/// The names that a CA may sign for.
#[derive(Debug)]
pub(crate) struct NameConstraints {
    pub(super) permitted: Subtrees,
    pub(super) excluded: Subtrees,
}

/// Subtrees of the four kinds of names that Go knows.
#[derive(Debug, Default)]
pub(super) struct Subtrees {
    pub(super) dns: Vec<String>,
    pub(super) ip: Vec<Network>,
    pub(super) email: Vec<String>,
    pub(super) uri: Vec<String>,
}

/// Address and mask, each 4 or 16 octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Network {
    pub(super) address: Vec<u8>,
    pub(super) mask: Vec<u8>,
}

/// The constraints, and whether Go knows every kind of name in them.
pub(super) fn parse(mut value: Der<'_>) -> Result<(NameConstraints, bool), &'static str> {
    const MALFORMED: &str = "the name constraints are malformed";
    let mut fields = value.open(SEQUENCE).filter(|_| value.is_empty()).ok_or(MALFORMED)?;
    let permitted = fields.optional(explicit(0)).ok_or(MALFORMED)?.unwrap_or_default();
    let excluded = fields.optional(explicit(1)).ok_or(MALFORMED)?.unwrap_or_default();
    if !fields.is_empty() {
        return Err(MALFORMED);
    }
    if permitted.is_empty() && excluded.is_empty() {
        return Err("the name constraints are empty");
    }
    let mut known = true;
    let permitted = subtrees(Der(permitted), &mut known)?;
    let excluded = subtrees(Der(excluded), &mut known)?;
    Ok((NameConstraints { permitted, excluded }, known))
}

fn subtrees(mut list: Der<'_>, known: &mut bool) -> Result<Subtrees, &'static str> {
    const EMAIL: u8 = context(1);
    const DNS: u8 = context(2);
    const URI: u8 = context(6);
    const IP: u8 = context(7);
    let mut out = Subtrees::default();
    while !list.is_empty() {
        let base = list.open(SEQUENCE).and_then(|mut subtree| subtree.element());
        let base = base.ok_or("the name constraints are malformed")?;
        let text = || {
            let text = std::str::from_utf8(base.content).ok().filter(|text| text.is_ascii());
            text.map(str::to_owned).ok_or("a name constraint is not ASCII")
        };
        match base.tag {
            DNS => {
                let domain = text()?;
                if !is_domain(&domain, true) {
                    return Err("a name constraint is not a DNS name");
                }
                out.dns.push(domain);
            }
            IP => out.ip.push(network(base.content).ok_or("a name constraint is not a network")?),
            EMAIL => {
                let email = text()?;
                let holds = if email.contains('@') { parse_mailbox(&email).is_some() } else { is_domain(&email, true) };
                if !holds {
                    return Err("a name constraint is not an e-mail address or domain");
                }
                out.email.push(email);
            }
            URI => {
                let domain = text()?;
                if domain.parse::<IpAddr>().is_ok() || !is_domain(&domain, true) {
                    return Err("a name constraint is not a URI host");
                }
                out.uri.push(domain);
            }
            _ => *known = false,
        }
    }
    Ok(out)
}

fn network(content: &[u8]) -> Option<Network> {
    if !matches!(content.len(), 8 | 32) {
        return None;
    }
    let (address, mask) = content.split_at(content.len() / 2);
    let end = mask.iter().position(|b| *b != 0xff).unwrap_or(mask.len());
    let last = mask.get(end).copied().unwrap_or_default();
    let holds = last.leading_ones() + last.trailing_zeros() >= 8 && mask.iter().skip(end + 1).all(|b| *b == 0);
    holds.then(|| Network { address: address.to_vec(), mask: mask.to_vec() })
}
