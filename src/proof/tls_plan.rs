//! A TLS folder planned from what was proven.

use std::path::PathBuf;

use super::files::{DIR, FILE, chain_files, identity_files, key_bytes};
use super::{MspError, Purpose, VerifiedEnrollment};
use crate::install::{FolderPlan, KeyAccess};
use crate::msp::{CaFolder, Layout, MspNames, SIGN_FOLDERS, TLS_FOLDERS, TlsNames};
use crate::pki::key::KeyPair;
use crate::pki::x509::Cert;

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
    /// When the key is not the certificate's, or the certificate was not verified for TLS.
    pub fn build(
        tls: &VerifiedEnrollment,
        key: &KeyPair,
        names: TlsNames,
        access: KeyAccess,
    ) -> Result<Self, MspError> {
        Self::check(tls, key)?;
        let chain = tls.chain();
        let mut folder = FolderPlan {
            owned: [names.certificate(), names.key(), names.ca()].map(PathBuf::from).to_vec(),
            ..FolderPlan::default()
        };
        let certificates: String = [&chain.leaf].into_iter().chain(&chain.intermediates).map(Cert::to_pem).collect();
        folder.file(names.certificate(), certificates, FILE);
        folder.private_file(names.key(), key_bytes(key), access);
        folder.file(names.ca(), chain.root.to_pem(), FILE);
        Ok(Self { folder })
    }

    /// Plans a folder of an MSP's shape, as `fabric-ca-client` makes it with the profile `tls`: the leaf in `signcerts`, the
    /// key in `keystore`, nothing in `cacerts`, and the CAs in `tlscacerts` and `tlsintermediatecerts`, one a file. `stem`
    /// is the Go client's file name for the CA without `.pem`.
    ///
    /// # Errors
    /// As [`TlsPlan::build`], and when `stem` cannot be part of a file's name.
    pub fn build_msp_shaped(
        tls: &VerifiedEnrollment,
        key: &KeyPair,
        stem: &str,
        access: KeyAccess,
    ) -> Result<Self, MspError> {
        Self::check(tls, key)?;
        let id = tls.leaf().common_name().unwrap_or_default();
        let names = MspNames::new(Layout::FabricCa, id, stem, stem)?;
        let owned = SIGN_FOLDERS.iter().chain(&TLS_FOLDERS).map(PathBuf::from).collect();
        let mut folder = FolderPlan { owned, ..FolderPlan::default() };
        folder.dir("cacerts", DIR);
        identity_files(&mut folder, &names, tls.leaf(), key, access);
        chain_files(&mut folder, &names, tls, CaFolder::Tls);
        Ok(Self { folder })
    }

    fn check(tls: &VerifiedEnrollment, key: &KeyPair) -> Result<(), MspError> {
        if tls.purpose() != Purpose::Tls {
            return Err(MspError::Mismatch { what: "TLS certificate" });
        }
        if key.spki_der() != tls.leaf().spki_der() {
            return Err(MspError::Mismatch { what: "key" });
        }
        Ok(())
    }
}
