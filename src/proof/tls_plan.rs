//! A TLS folder planned from what was proven, and judged as Go programs judge it before it is installed.

use std::path::PathBuf;

use super::files::{DIR, FILE, beside, chain_files, identity_files, key_bytes, other_files};
use super::{PlanError, Purpose, VerifiedEnrollment};
use crate::Timestamp;
use crate::disk::MemoryFolder;
use crate::install::{FolderPlan, KeyAccess};
use crate::msp::{CaFolder, Layout, MspNames, SIGN_FOLDERS, TLS_FOLDERS, TlsNames};
use crate::pki::go::tls::{self, TlsFiles, TlsRefusal};
use crate::pki::key::KeyPair;
use crate::pki::name::SanName;
use crate::pki::x509::Cert;

/// What to plan a TLS folder from.
#[derive(Clone, Copy, Debug)]
pub struct TlsFolderRequest<'a> {
    /// The TLS enrolment.
    pub tls: &'a VerifiedEnrollment,
    /// Its key.
    pub key: &'a KeyPair,
    /// The requested names: a client has to accept the server under each host name and IP address.
    pub sans: &'a [SanName],
    /// The time of judgement.
    pub now: Timestamp,
    /// Who may read the key.
    pub key_access: KeyAccess,
    /// The CAs that are trusted beside those of the chain.
    pub others: &'a [Cert],
}

/// A TLS folder, planned.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TlsPlan {
    /// What goes where.
    pub folder: FolderPlan,
}

impl TlsPlan {
    /// Plans the folder: the leaf and its intermediates in one file, the issuer first and without the root; the key; the root.
    ///
    /// # Errors
    /// When the key is not the certificate's, the certificate was not verified for TLS, a peer would not start with the
    /// folder, or a Go client that trusts its CA file would refuse the server, under any requested name.
    pub fn build(request: &TlsFolderRequest<'_>, names: TlsNames) -> Result<Self, PlanError> {
        request.check()?;
        let folder = request.three_files(names);
        request.judge(&folder, names)?;
        Ok(Self { folder })
    }

    /// Plans a folder of an MSP's shape, as `fabric-ca-client` makes it with the profile `tls`: the leaf in `signcerts`, the
    /// key in `keystore`, nothing in `cacerts`, and the CAs in `tlscacerts` and `tlsintermediatecerts`, one a file. `stem`
    /// is the Go client's file name for the CA without `.pem`. It is judged as the three files that are made of it for a
    /// peer.
    ///
    /// # Errors
    /// As [`TlsPlan::build`], and when `stem` cannot be part of a file's name.
    pub fn build_msp_shaped(request: &TlsFolderRequest<'_>, stem: &str) -> Result<Self, PlanError> {
        request.check()?;
        request.judge(&request.three_files(TlsNames::Fabric), TlsNames::Fabric)?;
        let TlsFolderRequest { tls, key, key_access, .. } = *request;
        let id = tls.leaf().common_name().unwrap_or_default();
        let names = MspNames::new(Layout::FabricCa, id, stem, stem)?;
        let owned = SIGN_FOLDERS.iter().chain(&TLS_FOLDERS).map(PathBuf::from).collect();
        let mut folder = FolderPlan { owned, ..FolderPlan::default() };
        folder.dir("cacerts", DIR);
        identity_files(&mut folder, &names, tls.leaf(), key, key_access);
        chain_files(&mut folder, &names, tls, CaFolder::Tls);
        other_files(&mut folder, beside(request.others, tls.chain()), CaFolder::Tls);
        Ok(Self { folder })
    }
}

impl TlsFolderRequest<'_> {
    fn check(&self) -> Result<(), PlanError> {
        if self.tls.purpose() != Purpose::Tls {
            return Err(PlanError::Mismatch { what: "TLS certificate" });
        }
        if self.key.spki_der() != self.tls.leaf().spki_der() {
            return Err(PlanError::Mismatch { what: "key" });
        }
        Ok(())
    }

    fn three_files(&self, names: TlsNames) -> FolderPlan {
        let chain = self.tls.chain();
        let mut folder = FolderPlan {
            owned: [names.certificate(), names.key(), names.ca()].map(PathBuf::from).to_vec(),
            ..FolderPlan::default()
        };
        let certificates: String = [&chain.leaf].into_iter().chain(&chain.intermediates).map(Cert::to_pem).collect();
        folder.file(names.certificate(), certificates, FILE);
        folder.private_file(names.key(), key_bytes(self.key), self.key_access);
        let anchors: String = [&chain.root].into_iter().chain(beside(self.others, chain)).map(Cert::to_pem).collect();
        folder.file(names.ca(), anchors, FILE);
        folder
    }

    /// Judges the finished folder as the audit does.
    fn judge(&self, folder: &FolderPlan, names: TlsNames) -> Result<(), PlanError> {
        let files =
            TlsFiles { certificate: names.certificate().into(), key: names.key().into(), anchors: names.ca().into() };
        let dialled: Vec<String> = self.sans.iter().filter_map(dialled).collect();
        let found = tls::verdicts_on(&folder.over(&MemoryFolder::new()), &files, &dialled, self.now);
        let refused = |refusal: TlsRefusal| PlanError::IssuedTls { refusal };
        // A server that does not start is refused by its clients too.
        found.trust.and_then(|()| found.client.unwrap_or(Ok(()))).map_err(refused)
    }
}

/// The name as a client dials it; e-mail addresses and URIs are not dialled. For a wildcard one of the hosts that it
/// covers.
fn dialled(name: &SanName) -> Option<String> {
    match name {
        SanName::Dns(_) => {
            let name = name.to_string();
            Some(name.strip_prefix('*').map_or_else(|| name.clone(), |rest| format!("a{rest}")))
        }
        SanName::Ip(ip) => Some(ip.to_string()),
        _ => None,
    }
}
