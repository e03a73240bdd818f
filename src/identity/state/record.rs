//! The record of an installed certificate: its time of issue, and the files that fabcert wrote.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ring::digest;
use serde::{Deserialize, Serialize};

use super::pending::Asked;
use crate::disk::Disk;
use crate::identity::ca_access::CaAccess;
use crate::install::FolderPlan;
use crate::msp::is_key;
use crate::pki::name::SanName;
use crate::pki::x509::NodeOu;
use crate::proof::VerifiedEnrollment;
use crate::{Error, PemSource, Secret, Timestamp};

/// The file in the state folder.
pub(crate) const FILE: &str = "record.json";

/// The record of one installed certificate.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    schema_version: u32,
    /// Serial number of the certificate, hex.
    pub(crate) serial: String,
    /// The time of issue by the local clock. The certificate's `NotBefore` can be the CA's own, years earlier.
    pub(crate) issued_at: Timestamp,
    /// SHA-256 of each file written, by its path in the target.
    files: BTreeMap<String, String>,
    /// The request that the certificate answers; records of older versions lack it.
    #[serde(default)]
    pub(crate) asked: Option<Asked>,
    /// SKIs (hex) of trust anchors with the name of the root and another key: another CA, not a replaced one.
    #[serde(default)]
    pub(crate) namesakes: Vec<String>,
    /// The enrolment id; records of older versions lack it.
    #[serde(default)]
    pub(crate) id: Option<String>,
    /// Whether the certificate holds the OU `orderer`.
    #[serde(default)]
    pub(crate) is_orderer: bool,
    /// Mode and group of the key's file.
    #[serde(default)]
    pub(crate) key_file: Option<KeyFileAccess>,
    /// The CA that issued the certificate; `None` if it was carried by hand, and in records of older versions.
    #[serde(default)]
    pub(crate) ca: Option<IssuingCa>,
}

/// The CA that issued a certificate, and what a renewal needs to reach it. Holds no secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct IssuingCa {
    pub(in crate::identity) url: String,
    pub(in crate::identity) ca_name: Option<String>,
    /// The trust anchors of the connection.
    pub(in crate::identity) anchors: Vec<RecordedAnchors>,
    /// Files of the certificate and the key for mutual TLS.
    pub(in crate::identity) client_identity: Option<(PathBuf, PathBuf)>,
}

/// A source of trust anchors.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RecordedAnchors {
    /// The file, if it was one.
    pub(in crate::identity) file: Option<PathBuf>,
    /// Its certificates at the time of issue, PEM: for a file that is not there any more.
    pub(in crate::identity) pem: String,
}

impl IssuingCa {
    /// Access to it as `id`, without a secret. Anchors are read from their files, or from the record where a file is gone.
    ///
    /// # Errors
    /// When the recorded URL is not one.
    pub(crate) fn access(&self, id: &str, disk: &Disk) -> Result<CaAccess, Error> {
        let mut access = CaAccess::new(&self.url, id)?;
        access.ca_name.clone_from(&self.ca_name);
        access.plaintext = access.url.is_plaintext();
        let is_there = |path: &PathBuf| matches!(disk.metadata_followed(path), Ok(Some(_)));
        let anchors = self.anchors.iter().map(|anchors| match &anchors.file {
            Some(file) if anchors.pem.is_empty() || is_there(file) => PemSource::File(file.clone()),
            _ => PemSource::Given(Secret::new(anchors.pem.clone())),
        });
        access.anchors = anchors.collect();
        access.client_identity = self.client_identity.clone().map(|(cert, key)| (cert.into(), key.into()));
        Ok(access)
    }

    /// Whether it is the CA of `ca`.
    pub(crate) fn is(&self, ca: &CaAccess) -> bool {
        self.url == ca.url.to_string() && self.ca_name == ca.ca_name
    }
}

/// Mode and group that an install requested for the key's file, and what the file system made of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyFileAccess {
    pub(crate) requested_mode: u32,
    pub(crate) requested_group: Option<u32>,
    pub(crate) mode: u32,
    pub(crate) group: u32,
}

impl Record {
    /// The record of the files in `plan`, written for `issued`.
    pub(crate) fn of(
        issued: &VerifiedEnrollment,
        issued_at: Timestamp,
        asked: Option<Asked>,
        plan: &FolderPlan,
    ) -> Self {
        let files: BTreeMap<String, String> =
            plan.files.iter().map(|f| (f.path.to_string_lossy().into_owned(), sha256(&f.bytes))).collect();
        Self {
            schema_version: 1,
            serial: issued.leaf().serial_hex(),
            issued_at,
            files,
            asked,
            namesakes: Vec::new(),
            id: issued.leaf().common_name().map(str::to_owned),
            is_orderer: NodeOu::among(issued.leaf().organizational_units()).contains(&NodeOu::Orderer),
            key_file: None,
            ca: None,
        }
    }

    /// Whether fabcert wrote this file.
    pub(crate) fn wrote(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// The key's file.
    pub(crate) fn key_file_path(&self) -> Option<&Path> {
        self.files.keys().map(Path::new).find(|path| is_key(path))
    }

    /// Whether the state was shared with a group when the set was installed, or may have been.
    pub(crate) fn may_have_group(&self) -> bool {
        self.key_file.is_none_or(|key| key.requested_group.is_some())
    }

    /// The names that were requested.
    pub(crate) fn names(&self) -> Vec<SanName> {
        self.asked.as_ref().map(Asked::sans).unwrap_or_default()
    }

    /// Names that the request dropped. The CA may have issued them all the same.
    pub(crate) fn dropped(&self) -> &[String] {
        self.asked.as_ref().map_or(&[], |asked| &asked.dropped)
    }

    /// Reads a record. A broken record, or one of another schema, counts as none: the certificate holds the same data,
    /// less exactly.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().filter(|r: &Self| r.schema_version == 1)
    }

    /// The bytes of the file.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// The files that differ from what was written, or are missing. `config.yaml` is left out: the operator may change
    /// it.
    pub(crate) fn changed(&self, read: &dyn Fn(&Path) -> Option<Vec<u8>>) -> Vec<String> {
        self.files
            .iter()
            .filter(|(path, _)| path.as_str() != "config.yaml")
            .filter(|(path, digest)| read(Path::new(path)).is_none_or(|bytes| sha256(&bytes) != **digest))
            .map(|(path, _)| path.clone())
            .collect()
    }
}

/// SHA-256 in hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    crate::text::hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// The file with the hashes of every `config.yaml` that fabcert wrote here, by which an operator's own file is
/// recognised even after a run was killed between install and record.
pub(crate) const CONFIGS_FILE: &str = "config-yaml.json";

/// SHA-256 of each `config.yaml` that fabcert wrote; empty when the file is broken.
pub(crate) fn configs(bytes: &[u8]) -> Vec<String> {
    serde_json::from_slice(bytes).unwrap_or_default()
}

/// The list with `digest` added; the newest eight are kept.
pub(crate) fn with_config(known: &[u8], digest: &str) -> Vec<u8> {
    let mut list = configs(known);
    list.retain(|d| d != digest);
    list.push(digest.to_owned());
    let keep = list.len().saturating_sub(8);
    serde_json::to_vec(&list[keep..]).unwrap_or_default()
}
