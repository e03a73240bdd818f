//! A probe: whether folders, and the node that uses them, hold a valid certificate with the wanted names now.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::audit::catalogue::{
    CLIENT_CERTIFICATE_REQUIRED, ENDPOINT_UNREACHABLE, EXPIRED, KEY_MISMATCH, KEY_MISSING, NODEOU_ROLE, NOT_YET_VALID,
    SAN_GATEWAY_MISSING, SAN_MISSING, SERVED_NOT_ON_DISK, TLS_FILE_MISSING,
};
use crate::audit::{Finding, Report, Rule, Severity, SubjectKind, SubjectReport, Verdict};
use crate::disk::Disk;
use crate::live::Endpoint;
use crate::{AuditRequest, Error, ErrorKind};

/// A folder or an endpoint, and whether it is ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ProbedPart {
    /// The folder, or `HOST:PORT`.
    pub path: PathBuf,
    /// Why it is not ready; empty if it is.
    pub reasons: Vec<String>,
}

/// Findings that make a folder unready beside a verdict of Fabric: an MSP accepts certificates that are not valid now.
const UNREADY: [&Rule; 8] = [
    &EXPIRED,
    &NOT_YET_VALID,
    &KEY_MISMATCH,
    &KEY_MISSING,
    &NODEOU_ROLE,
    &SAN_MISSING,
    &SAN_GATEWAY_MISSING,
    &TLS_FILE_MISSING,
];

/// What a probed folder must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Holding {
    /// An MSP folder, a TLS folder, or one that holds both.
    Any,
    /// An MSP folder.
    Msp,
    /// A TLS folder.
    Tls,
}

/// Probes a folder. `criteria` says which names are expected, and when; it has no paths of
/// its own.
///
/// It is ready when it is what `holding` says, complete, its key fits, its certificate is valid at that time, Fabric accepts it, and a TLS
/// certificate holds the expected names. A missing or empty folder is not ready.
///
/// # Errors
///
/// Those of [`AuditRequest::run`].
pub fn probe_folder(folder: &Path, holding: Holding, criteria: AuditRequest) -> Result<ProbedPart, Error> {
    let unready = |reason: String| Ok(ProbedPart { path: folder.to_owned(), reasons: vec![reason] });
    if Disk::real().metadata_followed(folder)?.is_none() {
        return unready("it does not exist".to_owned());
    }
    let report = match criteria.path(folder).jobs(1).run() {
        Err(e) if e.kind() == ErrorKind::NoInput => return unready("it holds no certificate".to_owned()),
        report => report?,
    };
    let is_folder = |subject: &SubjectReport| matches!(subject.kind, SubjectKind::Msp | SubjectKind::Tls);
    let subjects: Vec<SubjectReport> = report.subjects().filter(is_folder).collect();
    let holds = |kind: SubjectKind| subjects.iter().any(|subject| subject.kind == kind);
    match holding {
        Holding::Any if subjects.is_empty() => {
            return unready("it is neither an MSP folder nor a TLS folder".to_owned());
        }
        Holding::Msp if !holds(SubjectKind::Msp) => return unready("it is not an MSP folder".to_owned()),
        Holding::Tls if !holds(SubjectKind::Tls) => return unready("it is not a TLS folder".to_owned()),
        _ => {}
    }
    let is_unready = |finding: &Finding| UNREADY.iter().any(|rule| finding.is_of(rule));
    let findings: Vec<Finding> = report.findings().filter(is_unready).collect();
    // A finding says what its rule's refusal says, for each name.
    let is_found = |rule: &str| findings.iter().any(|finding| finding.rule == rule);
    let refused = subjects.iter().flat_map(refusals).filter(|(rule, _)| !is_found(rule)).map(|(_, reason)| reason);
    let mut reasons: Vec<String> = refused.collect();
    reasons.extend(findings.iter().map(|finding| finding.message.clone()));
    reasons.dedup();
    Ok(ProbedPart { path: folder.to_owned(), reasons })
}

/// The rules and reasons of the verdicts that matter for the node of the folder: an MSP folder is judged by the kind of node that its
/// certificate is for.
fn refusals(subject: &SubjectReport) -> Vec<(&'static str, String)> {
    let role = subject.role.as_ref().map(ToString::to_string);
    let other = match role.as_deref() {
        Some("orderer") => Some("peer"),
        Some("peer") => Some("orderer"),
        _ => None,
    };
    let matters = |name: &str| subject.kind == SubjectKind::Tls || (name != "channel" && Some(name) != other);
    let entries = subject.verdicts.entries();
    let refused = entries.into_iter().filter_map(|(name, verdict)| match verdict {
        Some(Verdict::Refuse { rule, reason }) if matters(name) => Some((*rule, reason.clone())),
        _ => None,
    });
    refused.collect()
}

/// Probes the endpoints of a node, all at once. The paths of `request` are the folders that the node uses. An endpoint is ready
/// when it answers, clients accept its certificate under the name, and the certificate is that of a folder: a node reads its
/// certificate only at its start.
///
/// # Errors
///
/// Those of [`AuditRequest::run_live`].
///
/// # Panics
///
/// Outside a tokio runtime.
pub async fn probe_served(endpoints: &[String], request: AuditRequest) -> Result<Vec<ProbedPart>, Error> {
    let report = endpoints.iter().fold(request, AuditRequest::connect).run_live().await?;
    Ok(endpoints.iter().map(|endpoint| served_part(&report, endpoint)).collect())
}

fn served_part(report: &Report, endpoint: &str) -> ProbedPart {
    // Findings name an endpoint in its one form.
    let name = endpoint.parse::<Endpoint>().map_or_else(|_| endpoint.to_owned(), |parsed| parsed.to_string());
    let is_served = |path: &Path| path.to_string_lossy().starts_with(&name);
    let is_fault = |finding: &Finding| {
        finding.is_of(&SERVED_NOT_ON_DISK)
            || finding.is_of(&ENDPOINT_UNREACHABLE)
            || finding.severity == Severity::Error && !finding.is_of(&CLIENT_CERTIFICATE_REQUIRED)
    };
    let faults = report.findings().filter(|finding| is_served(&finding.path) && is_fault(finding));
    ProbedPart { path: endpoint.into(), reasons: faults.map(|finding| finding.message).collect() }
}
