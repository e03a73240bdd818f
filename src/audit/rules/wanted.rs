//! Expected names that a certificate lacks: shared code of the rules about missing names.

use std::collections::HashSet;

use super::check::Context;
use super::paste;
use crate::audit::catalogue::Rule;
use crate::audit::model::expectation::{Expectation, ExpectedName};
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{HeldCert, Subject, SubjectKind};
use crate::pki::name::{NameIndex, SanName};
use crate::text::shell_word;

/// Whether there are expected names, and a certificate or CSR to check.
pub(super) fn applies(subject: &Subject, context: &Context<'_>) -> bool {
    context.expectation.required().next().is_some()
        && (subject.certificates.iter().any(HeldCert::is_tls_leaf) || !subject.csrs.is_empty())
}

/// Reports, as `rule`, the names of one kind of source that certificates and CSRs lack.
pub(super) fn report(rule: &Rule, gateway: bool, subject: &Subject, context: &Context<'_>, findings: &mut Findings) {
    for held in subject.certificates.iter().filter(|c| c.is_tls_leaf()) {
        let index = NameIndex::new(held.cert.sans());
        let missing = missing(&index, context.expectation, gateway);
        if missing.is_empty() {
            continue;
        }
        let message = format!("the certificate lacks {}: {}", list(&missing), who_fails(held, &missing));
        findings
            .report(rule, &held.at, message)
            .subject(held.cert.subject())
            .remedy(command(subject, held.cert.sans(), all_missing(&index, context.expectation)))
            .names(missing.iter().map(|n| n.name.to_string()))
            .add();
    }
    for csr in &subject.csrs {
        let index = NameIndex::new(&csr.sans);
        let missing = missing(&index, context.expectation, gateway);
        if missing.is_empty() {
            continue;
        }
        let message = format!("the CSR does not request {}: a certificate issued from it will lack it", list(&missing));
        findings
            .report(rule, &csr.at, message)
            .subject(&csr.subject)
            .remedy(format!(
                "fabcert csr --force --san {} --out {} # and the flags of the last fabcert csr",
                shell_word(&joined(&csr.sans, all_missing(&index, context.expectation))),
                shell_word(&csr.at.path.to_string_lossy())
            ))
            .names(missing.iter().map(|n| n.name.to_string()))
            .add();
    }
}

/// The required names that a certificate with these SANs does not hold, as Go matches them. `gateway`: those of gateway
/// services, or the others.
fn missing<'a>(sans: &NameIndex, expectation: &'a Expectation, gateway: bool) -> Vec<&'a ExpectedName> {
    expectation.required().filter(|n| n.source.is_gateway() == gateway).filter(|n| is_missing(sans, &n.name)).collect()
}

fn is_missing(sans: &NameIndex, name: &SanName) -> bool {
    !sans.holds(name) && !sans.matches_as_go(&name.to_string())
}

/// Every missing required name, whichever rule reports it, so that one remedy covers them all.
fn all_missing<'a>(sans: &'a NameIndex, expectation: &'a Expectation) -> impl Iterator<Item = &'a SanName> {
    expectation.required().map(|n| &n.name).filter(|name| is_missing(sans, name))
}

/// `a (--expect-san), b (gateway service b)`.
fn list(names: &[&ExpectedName]) -> String {
    let words: Vec<String> = names.iter().map(|n| format!("{} ({})", n.name, n.source.words())).collect();
    words.join(", ")
}

/// Which clients fail when they dial a name that Go does not find in the certificate.
fn who_fails(held: &HeldCert, wanted: &[&ExpectedName]) -> &'static str {
    let by_common_name = |n: &&ExpectedName| is_common_name(held, &n.name);
    let by_partial_wildcard = |n: &&ExpectedName| {
        held.cert
            .sans()
            .iter()
            .any(|s| matches!(s, SanName::Dns(p) if is_partial_match(p.as_str(), &n.name.to_string())))
    };
    if wanted.iter().all(by_common_name) {
        "Go clients refuse it, and so do other peers and the peer CLI; Node and Java fall back on the CN and accept it"
    } else if wanted.iter().all(by_partial_wildcard) {
        "Go clients refuse it, and so do other peers and the peer CLI; Node and Java match a wildcard inside a label"
    } else {
        "clients that dial it fail, in Go, Node and Java alike"
    }
}

/// Whether the CN is the name and there is no SAN, so that Node and Java use the CN.
pub(super) fn is_common_name(held: &HeldCert, name: &SanName) -> bool {
    let none = !held.cert.sans().iter().any(|s| matches!(s, SanName::Dns(_) | SanName::Ip(_)));
    none && held.cert.common_name().is_some_and(|cn| cn.eq_ignore_ascii_case(&name.to_string()))
}

/// `pre*post.rest` against `prefixpost.rest`, as Node and Java match.
fn is_partial_match(pattern: &str, name: &str) -> bool {
    let (Some((first, rest)), Some((label, name_rest))) = (pattern.split_once('.'), name.split_once('.')) else {
        return false;
    };
    let Some((before, after)) = first.split_once('*') else { return false };
    first != "*"
        && rest.eq_ignore_ascii_case(name_rest)
        && label.len() >= before.len() + after.len()
        && label.starts_with(before)
        && label.ends_with(after)
}

/// The command that enrols again with the missing names. An enrolment keeps the names that the certificate in its folder
/// holds; outside a folder they are given too.
pub(super) fn command<'a>(
    subject: &Subject,
    held: &'a [SanName],
    missing: impl IntoIterator<Item = &'a SanName>,
) -> String {
    let is_folder = matches!(subject.kind, SubjectKind::Msp | SubjectKind::Tls);
    paste::enrol(subject, &joined(if is_folder { &[] } else { held }, missing), false)
}

/// Every valid name of the certificate, and the missing ones, each once.
fn joined<'a>(held: &'a [SanName], missing: impl IntoIterator<Item = &'a SanName>) -> String {
    let mut names: Vec<String> = Vec::new();
    let mut known = HashSet::new();
    let good = held.iter().filter(|n| matches!(n, SanName::Dns(_) | SanName::Ip(_)));
    for text in good.chain(missing).map(ToString::to_string) {
        if text.parse::<SanName>().is_ok() && known.insert(text.clone()) {
            names.push(text);
        }
    }
    names.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_inside_a_label_matches_as_node_and_java_do() {
        assert!(is_partial_match("peer*.ns.svc", "peer0.ns.svc"));
        assert!(!is_partial_match("peer*.ns.svc", "pee.ns.svc"));
        assert!(!is_partial_match("*.ns.svc", "peer0.ns.svc"));
    }
}
