//! Checks the names of a path against the name constraints of its CAs (`crypto/x509/constraints.go`). Go sorts the
//! constraints and checks only the nearest one; this code does the same, so that unusual constraints have the same
//! verdict.

use std::cmp::Ordering;
use std::net::IpAddr;

use super::certificate::Certificate;
use super::domain::{Mailbox, is_domain, parse_mailbox};
use super::name_constraints::{NameConstraints, Network, Subtrees};
use crate::pki::name::SanName;

/// Checks the names of a path; `path` begins with the leaf.
pub(super) fn check(path: &[&Certificate]) -> Result<(), String> {
    let sets: Vec<(usize, Constraints)> = path
        .iter()
        .enumerate()
        .filter_map(|(at, c)| c.extensions.name_constraints.as_ref().map(|n| (at, Constraints::of(n))))
        .collect();
    if sets.is_empty() {
        return Ok(());
    }
    for (at, certificate) in path.iter().enumerate() {
        if certificate.extensions.san.is_none() {
            continue;
        }
        let above: Vec<&Constraints> = sets.iter().filter(|(index, _)| *index > at).map(|(_, set)| set).collect();
        if above.is_empty() {
            return Ok(());
        }
        let names = Names::of(certificate)?;
        for set in above {
            set.check(&names)?;
        }
    }
    Ok(())
}

/// The names of a certificate, parsed.
struct Names<'a> {
    hosts: &'a [SanName],
    uris: Vec<String>,
    emails: Vec<Mailbox>,
}

impl<'a> Names<'a> {
    fn of(certificate: &'a Certificate) -> Result<Self, String> {
        let extensions = &certificate.extensions;
        let uris = extensions.uri_hosts.iter().map(|host| constrained_host(host)).collect::<Result<_, _>>()?;
        let mut emails = Vec::new();
        for email in &extensions.emails {
            let mut mailbox =
                parse_mailbox(email).ok_or_else(|| format!("the e-mail address \"{email}\" cannot be parsed"))?;
            mailbox.domain.make_ascii_lowercase();
            emails.push(mailbox);
        }
        Ok(Self { hosts: &extensions.hosts, uris, emails })
    }
}

/// The host of a URI without its port.
fn constrained_host(host: &str) -> Result<String, String> {
    let refuse = |why: &str| Err(format!("a URI {why} does not match any name constraint"));
    let mut name = host.to_ascii_lowercase();
    if name.is_empty() {
        return refuse("without a host");
    }
    if name.contains(':') && !name.ends_with(']') {
        match host.rsplit_once(':') {
            Some((front, _)) if !front.contains(':') || front.starts_with('[') && front.ends_with(']') => {
                front.strip_prefix('[').and_then(|f| f.strip_suffix(']')).unwrap_or(front).clone_into(&mut name);
            }
            _ => return refuse("with several colons in its host"),
        }
    }
    if name.parse::<IpAddr>().is_ok() || name.starts_with('[') && name.ends_with(']') {
        return refuse("with an IP address");
    }
    Ok(name)
}

/// The constraints of one CA.
struct Constraints {
    permitted: Sorted,
    excluded: Sorted,
}

impl Constraints {
    fn of(constraints: &NameConstraints) -> Self {
        Self { permitted: Sorted::of(&constraints.permitted, true), excluded: Sorted::of(&constraints.excluded, false) }
    }

    fn check(&self, names: &Names<'_>) -> Result<(), String> {
        let judge = |text: String, permitted: Option<bool>, excluded: Option<bool>| match (permitted, excluded) {
            (Some(false), _) => Err(format!("\"{text}\" is outside the names that its CA may sign for")),
            (_, Some(true)) => Err(format!("\"{text}\" is excluded from the names that its CA may sign for")),
            _ => Ok(()),
        };
        for name in names.hosts {
            if let SanName::Ip(ip) = name {
                judge(ip.to_string(), self.permitted.holds_ip(*ip), self.excluded.holds_ip(*ip))?;
            }
        }
        for name in names.hosts {
            if let SanName::Dns(dns) = name {
                let dns = dns.as_str();
                if !is_domain(dns, false) {
                    return Err(format!("\"{dns}\" is not a DNS name that a name constraint can match"));
                }
                let holds = |set: &Sorted| set.dns.as_ref().map(|d| d.holds(dns));
                judge(dns.to_owned(), holds(&self.permitted), holds(&self.excluded))?;
            }
        }
        for host in &names.uris {
            if !is_domain(host, false) {
                return Err(format!("\"{host}\" is not a host that a name constraint can match"));
            }
            let holds = |set: &Sorted| set.uri.as_ref().map(|d| d.holds(host));
            judge(host.clone(), holds(&self.permitted), holds(&self.excluded))?;
        }
        for email in &names.emails {
            if !is_domain(&email.domain, false) {
                return Err(format!("\"{}\" is not a domain that a name constraint can match", email.domain));
            }
            let text = format!("{}@{}", String::from_utf8_lossy(&email.local), email.domain);
            judge(text, self.permitted.holds_email(email), self.excluded.holds_email(email))?;
        }
        Ok(())
    }
}

/// Subtrees, sorted; `None` for a kind without any.
struct Sorted {
    ip: Option<Vec<Network>>,
    dns: Option<Domains>,
    uri: Option<Domains>,
    email: Option<(Vec<Mailbox>, Option<Domains>)>,
}

impl Sorted {
    fn of(subtrees: &Subtrees, permitted: bool) -> Self {
        let mailboxes: Vec<Mailbox> = subtrees
            .email
            .iter()
            .filter(|email| email.contains('@'))
            .filter_map(|email| parse_mailbox(email))
            .map(|mut mailbox| {
                mailbox.domain.make_ascii_lowercase();
                mailbox
            })
            .collect();
        let domains: Vec<String> = subtrees.email.iter().filter(|email| !email.contains('@')).cloned().collect();
        Self {
            ip: (!subtrees.ip.is_empty()).then(|| subtrees.ip.clone()),
            dns: Domains::of(&subtrees.dns, permitted),
            uri: Domains::of(&subtrees.uri, permitted),
            email: (!subtrees.email.is_empty()).then(|| (mailboxes, Domains::of(&domains, permitted))),
        }
    }

    fn holds_ip(&self, ip: IpAddr) -> Option<bool> {
        let octets = match ip {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        let all = self.ip.as_ref()?;
        let mut set: Vec<Network> = all.iter().filter(|n| n.address.len() == octets.len()).cloned().collect();
        set.sort_by(|a, b| a.address.cmp(&b.address).then_with(|| a.mask.cmp(&b.mask)));
        set.dedup_by(|next, kept| kept.contains(&next.address) && kept.contains(&next.last_address()));
        Some(nearest(&set, |n| n.address.cmp(&octets), |n| n.contains(&octets)))
    }

    fn holds_email(&self, email: &Mailbox) -> Option<bool> {
        let (mailboxes, domains) = self.email.as_ref()?;
        Some(mailboxes.contains(email) || domains.as_ref().is_some_and(|d| d.holds(&email.domain)))
    }
}

impl Network {
    fn contains(&self, address: &[u8]) -> bool {
        let masked = |a: &[u8]| a.iter().zip(&self.mask).map(|(a, m)| a & m).collect::<Vec<_>>();
        // Go treats an IPv4-mapped IPv6 address as the IPv4 address.
        embedded(address).len() == embedded(&self.address).len() && masked(address) == masked(&self.address)
    }

    fn last_address(&self) -> Vec<u8> {
        self.address.iter().zip(&self.mask).map(|(a, m)| a | !m).collect()
    }
}

fn embedded(address: &[u8]) -> &[u8] {
    address.strip_prefix(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]).unwrap_or(address)
}

/// Domains in Go's order, without those below another domain.
struct Domains {
    set: Vec<String>,
    permitted: bool,
    all: bool,
}

impl Domains {
    fn of(names: &[String], permitted: bool) -> Option<Self> {
        if names.is_empty() {
            return None;
        }
        let mut set = names.to_vec();
        set.sort_by(|a, b| compare(a, b));
        let all = names.iter().any(String::is_empty);
        if !all {
            set.dedup_by(|next, kept| has_suffix(kept, next));
        }
        Some(Self { set, permitted, all })
    }

    fn holds(&self, name: &str) -> bool {
        if self.all || nearest(&self.set, |c| compare(c, name), |c| has_suffix(c, name)) {
            return true;
        }
        // A wildcard is excluded when a name that it matches is.
        let parent = |text: &str| text.find('.').map(|dot| text[dot..].to_ascii_lowercase());
        !self.permitted && name.starts_with('*') && {
            let wanted = parent(name).unwrap_or_default();
            self.set.iter().filter_map(|c| parent(c)).any(|p| p == wanted)
        }
    }
}

/// The equal entry, or the last one before the name's position (otherwise the first).
fn nearest<T>(set: &[T], compare: impl Fn(&T) -> Ordering, matches: impl Fn(&T) -> bool) -> bool {
    let at = set.partition_point(|c| compare(c) == Ordering::Less);
    set.get(at).is_some_and(|c| compare(c) == Ordering::Equal) || set.get(at.saturating_sub(1)).is_some_and(matches)
}

/// Go's `dnsCompare`: from the end, case-insensitive, periods first.
fn compare(a: &str, b: &str) -> Ordering {
    let key = |byte: u8| if byte == b'.' { 0 } else { byte.to_ascii_lowercase() };
    a.bytes().rev().map(key).cmp(b.bytes().rev().map(key))
}

/// Go's `dnsHasSuffix`: whether `suffix` is `name` or above it; a suffix that begins with a period is only above.
fn has_suffix(suffix: &str, name: &str) -> bool {
    let (suffix, name) = (suffix.as_bytes(), name.as_bytes());
    let Some(front) = name.len().checked_sub(suffix.len()) else { return false };
    name[front..].eq_ignore_ascii_case(suffix)
        && (suffix.first() == Some(&b'.') || front == 0 || name[front - 1] == b'.')
}
