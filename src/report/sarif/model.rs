//! The objects of SARIF 2.1.0 (OASIS, section 3) in a report, with their properties in alphabetical order. Tests
//! validate the result against the official schema.

use std::collections::BTreeMap;

use serde::Serialize;

/// The key of the base that URIs are relative to.
pub(super) const ROOT: &str = "SRCROOT";

#[derive(Serialize)]
pub(super) struct Log<R> {
    #[serde(rename = "$schema")]
    pub(super) schema: &'static str,
    pub(super) runs: [Run<R>; 1],
    pub(super) version: &'static str,
}

/// A run; its results are built while they are written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run<R> {
    pub(super) column_kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) invocations: Option<[Invocation; 1]>,
    pub(super) original_uri_base_ids: OriginalUriBases,
    pub(super) results: R,
    pub(super) tool: Tool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Invocation {
    pub(super) execution_successful: bool,
    pub(super) tool_execution_notifications: [Notification; 1],
}

#[derive(Serialize)]
pub(super) struct Notification {
    pub(super) level: &'static str,
    pub(super) message: Text<String>,
}

/// `message` and `multiformatMessageString`.
#[derive(Serialize)]
pub(super) struct Text<T> {
    pub(super) text: T,
}

#[derive(Serialize)]
pub(super) struct OriginalUriBases(BTreeMap<&'static str, Described>);

#[derive(Serialize)]
struct Described {
    description: Text<&'static str>,
}

impl OriginalUriBases {
    /// Only [`ROOT`].
    pub(super) fn described(text: &'static str) -> Self {
        Self([(ROOT, Described { description: Text { text } })].into())
    }
}

#[derive(Serialize)]
pub(super) struct Tool {
    pub(super) driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Driver {
    pub(super) information_uri: &'static str,
    pub(super) name: &'static str,
    pub(super) rules: Vec<ReportingDescriptor>,
    pub(super) semantic_version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReportingDescriptor {
    pub(super) default_configuration: DefaultConfiguration,
    pub(super) full_description: Text<&'static str>,
    pub(super) help: Help,
    pub(super) id: &'static str,
    pub(super) properties: RuleProperties,
    pub(super) short_description: Text<&'static str>,
}

#[derive(Serialize)]
pub(super) struct DefaultConfiguration {
    pub(super) level: &'static str,
}

#[derive(Serialize)]
pub(super) struct Help {
    pub(super) markdown: String,
    pub(super) text: String,
}

/// The properties that GitHub's code scanning reads.
#[derive(Serialize)]
pub(super) struct RuleProperties {
    pub(super) precision: &'static str,
    #[serde(rename = "problem.severity")]
    pub(super) problem_severity: &'static str,
    pub(super) tags: [&'static str; 2],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Result {
    pub(super) level: &'static str,
    pub(super) locations: [Location; 1],
    pub(super) message: Text<String>,
    pub(super) partial_fingerprints: BTreeMap<&'static str, String>,
    pub(super) properties: ResultProperties,
    pub(super) rule_id: &'static str,
    pub(super) rule_index: Option<usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Location {
    pub(super) physical_location: PhysicalLocation,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PhysicalLocation {
    pub(super) artifact_location: ArtifactLocation,
    pub(super) region: Region,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ArtifactLocation {
    pub(super) uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) uri_base_id: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Region {
    pub(super) start_line: usize,
}

#[derive(Serialize)]
pub(super) struct ResultProperties {
    pub(super) block: Option<usize>,
    pub(super) names: Vec<String>,
}
