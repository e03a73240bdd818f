//! Loads, judges and checks one unit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::Timestamp;
use crate::audit::catalogue::{INPUT_SKIPPED, RULE_CRASHED};
use crate::audit::input::{LoadOptions, ServedUnit, Unit, load};
use crate::audit::judge::judge;
use crate::audit::ledger::Ledger;
use crate::audit::model::audited::{Audited, CaUse, KeyUse};
use crate::audit::model::expectation::{Expectation, ExpectedName, NameSource};
use crate::audit::model::finding::{Digest, Finding, Findings};
use crate::audit::model::report::SubjectReport;
use crate::audit::model::subject::{HeldCert, Place, Subject, SubjectKind};
use crate::audit::rules::check::Context;
use crate::audit::rules::{CHECKS, check};
use crate::disk::Disk;
use crate::msp::ChannelRules;
use crate::pki::x509::NodeOu;
use crate::policy::{Policy, PolicyError};

/// The criteria of an audit.
#[derive(Clone, Debug)]
pub(crate) struct Criteria {
    /// The time of judgement.
    pub(crate) now: Timestamp,
    /// The channel rules for the verdicts `channel` and `member`.
    pub(crate) channel_rules: ChannelRules,
    /// The expected content of every subject.
    pub(crate) expectation: Expectation,
    /// The policy.
    pub(crate) policy: Policy,
    /// The options for loading.
    pub(crate) load: LoadOptions,
}

impl Criteria {
    /// Audits one unit; returns `None` if it holds nothing to audit.
    ///
    /// # Errors
    /// If the policy expects an invalid name.
    pub(crate) fn unit(&self, disk: &Disk, unit: &Unit) -> Result<Option<Audited>, PolicyError> {
        let looked = catch_unwind(AssertUnwindSafe(|| self.look(disk, unit)));
        looked.unwrap_or_else(|panic| {
            let why = panic.downcast_ref::<String>().map(String::as_str);
            let why = why.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("unknown cause");
            let subject = Subject::new(SubjectKind::Certificate, self.load.shown(unit.path()));
            let mut findings = Findings::new();
            findings.report(&RULE_CRASHED, &subject.location(), format!("fabcert failed to read this: {why}")).add();
            Ok(Some(audited(subject, findings.into_vec())))
        })
    }

    /// Loads, judges and checks a unit.
    fn look(&self, disk: &Disk, unit: &Unit) -> Result<Option<Audited>, PolicyError> {
        let mut whole: Result<Option<Audited>, PolicyError> = Ok(None);
        let mut add = |part| {
            let Ok(before) = &mut whole else { return };
            match (self.loaded(disk, unit, part), before) {
                (Ok(audited), Some(before)) => before.go_on(audited),
                (Ok(audited), before) => *before = Some(audited),
                (Err(e), _) => whole = Err(e),
            }
        };
        if let Some(last) = load(disk, unit, &self.load, &mut add) {
            add(last);
        }
        whole
    }

    /// Judges and checks a loaded subject.
    fn loaded(&self, disk: &Disk, unit: &Unit, mut subject: Subject) -> Result<Audited, PolicyError> {
        let mut expectation = self.policy.expectation(&self.expectation, &subject.path)?;
        if let Unit::Served(ServedUnit { dialled: Some(name), member_of, .. }) = unit {
            let source = match member_of {
                Some((member, members)) => {
                    NameSource::GatewayMember { gateway: name.to_string(), member: *member, members: *members }
                }
                None => NameSource::Dialled,
            };
            expectation.names.push(ExpectedName { name: name.clone(), source, advised: false });
        }
        let refused = judge(disk, unit, &mut subject, &expectation, self.channel_rules, self.now);
        let context = Context { now: self.now, expectation: &expectation, channel_rules: self.channel_rules };
        let mut findings = check(CHECKS, &subject, &context);
        for refusal in refused {
            refusal.report(&subject, &mut findings);
        }
        Ok(audited(subject, findings.into_vec()))
    }

    /// Checks a subject from a Secret, which Fabric does not judge by itself.
    ///
    /// # Errors
    /// If the policy expects an invalid name.
    pub(crate) fn inner(&self, subject: Subject) -> Result<Audited, PolicyError> {
        let expectation = self.policy.expectation(&self.expectation, &subject.path)?;
        let context = Context { now: self.now, expectation: &expectation, channel_rules: self.channel_rules };
        let findings = check(CHECKS, &subject, &context).into_vec();
        // The file itself is reported once, as a manifest.
        Ok(Audited { subject: None, ..audited(subject, findings) })
    }
}

/// A certificate as a CA of its folder, and whether it is one of TLS.
fn ca_use(held: &HeldCert, folder: &Path) -> Option<CaUse> {
    let tls = match held.place {
        Place::RootCa | Place::IntermediateCa => false,
        Place::TlsRootCa | Place::TlsIntermediateCa | Place::ServerAnchor => true,
        _ => return None,
    };
    held.cert.is_ca().then(|| CaUse {
        tls,
        subject: held.cert.subject().to_owned(),
        folder: folder.to_owned(),
        spki: sha256(held.cert.spki_der()),
        certificate: sha256(held.cert.der()),
    })
}

pub(super) fn sha256(bytes: &[u8]) -> Digest {
    let mut out = Digest::default();
    out.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref());
    out
}

fn audited(mut subject: Subject, findings: Vec<Finding>) -> Audited {
    let (manifest, channel) = (subject.manifest.take(), subject.channel.take());
    let is_subject = !subject.certificates.is_empty()
        || !subject.csrs.is_empty()
        || !subject.crls.is_empty()
        || matches!(subject.kind, SubjectKind::Msp | SubjectKind::Tls | SubjectKind::Manifest | SubjectKind::Channel);
    let leaf = subject.leaf();
    let uses = |held: &HeldCert| match held.place {
        Place::Server | Place::Served => Some(true),
        Place::SignCert => Some(false),
        _ => None,
    };
    Audited {
        subject: is_subject.then(|| SubjectReport {
            path: subject.path.clone(),
            kind: subject.kind,
            role: subject.role.map(NodeOu::as_str),
            verdicts: subject.verdicts.clone(),
        }),
        is_something: is_subject
            || subject.is_cut
            || (!subject.is_blank && findings.iter().any(|f| !f.is_of(&INPUT_SKIPPED))),
        certificates: subject.certificates.len(),
        findings,
        earlier: Ledger::default(),
        keys: leaf
            .and_then(|held| {
                Some(KeyUse {
                    spki: sha256(held.cert.spki_der()),
                    tls: uses(held)?,
                    path: subject.path.clone(),
                    common_name: held.cert.common_name().unwrap_or_default().to_owned(),
                })
            })
            .into_iter()
            .collect(),
        cas: subject.certificates.iter().filter_map(|held| ca_use(held, &subject.path)).collect(),
        server: leaf
            .filter(|held| held.is_tls_leaf())
            .map(|held| (sha256(held.cert.der()), held.place == Place::Served)),
        names: leaf
            .filter(|held| held.is_tls_leaf())
            .map(|held| held.cert.sans().iter().map(ToString::to_string).collect())
            .unwrap_or_default(),
        channel,
        manifest,
    }
}
