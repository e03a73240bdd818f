//! The files that MSP folders and TLS folders of an MSP's shape share.

use std::path::PathBuf;

use zeroize::Zeroizing;

use super::VerifiedEnrollment;
use crate::install::{FolderPlan, KeyAccess, PlannedDir};
use crate::msp::{CaFolder, KEYSTORE, MspNames, sha256_hex};
use crate::pki::key::KeyPair;
use crate::pki::x509::{Cert, Chain};

pub(super) const DIR: u32 = 0o755;
const PRIVATE_DIR: u32 = 0o700;
const GROUP_DIR: u32 = 0o750;
pub(super) const FILE: u32 = 0o644;

/// The CAs that a folder trusts beside the chain of its certificate, while a root CA is replaced.
#[derive(Clone, Copy, Debug, Default)]
pub struct OtherCas<'a> {
    /// Roots and intermediates for the folder's own certificate.
    pub own: &'a [Cert],
    /// The same for TLS, in an MSP folder.
    pub tls: &'a [Cert],
    /// Files of TLS CAs to remove from an MSP folder, relative to it.
    pub removed: &'a [PathBuf],
}

/// Those of `cas` that are not in `chain`.
pub(super) fn beside<'a>(cas: &'a [Cert], chain: &Chain) -> impl Iterator<Item = &'a Cert> {
    cas.iter().filter(|ca| chain.cas().all(|known| known.der() != ca.der()))
}

/// CAs beside those of a chain, one certificate a file, whose name is part of its hash.
pub(super) fn other_files<'a>(folder: &mut FolderPlan, cas: impl Iterator<Item = &'a Cert>, kind: CaFolder) {
    let [root_dir, intermediate_dir] = kind.folders();
    for ca in cas {
        let dir = if ca.is_self_signed() { root_dir } else { intermediate_dir };
        folder.dir(dir, DIR);
        folder.file(format!("{dir}/other-{}.pem", &sha256_hex(ca.der())[..16]), ca.to_pem(), FILE);
    }
}

/// The CAs of the chain, one certificate a file.
pub(super) fn chain_files(
    folder: &mut FolderPlan,
    names: &MspNames<'_>,
    enrollment: &VerifiedEnrollment,
    kind: CaFolder,
) {
    let [root_dir, intermediate_dir] = kind.folders();
    let chain = enrollment.chain();
    folder.dir(root_dir, DIR);
    folder.file(names.root(kind), chain.root.to_pem(), FILE);
    for (index, ca) in chain.intermediates.iter().enumerate() {
        folder.dir(intermediate_dir, DIR);
        folder.file(names.intermediate(kind, index), ca.to_pem(), FILE);
    }
}

/// `signcerts` and `keystore`.
pub(super) fn identity_files(
    folder: &mut FolderPlan,
    names: &MspNames<'_>,
    leaf: &Cert,
    key: &KeyPair,
    access: KeyAccess,
) {
    folder.dir("signcerts", DIR);
    folder.file(names.signcert(), leaf.to_pem(), FILE);
    let mode = if access.mode & 0o070 == 0 { PRIVATE_DIR } else { GROUP_DIR };
    folder.dirs.push(PlannedDir { path: KEYSTORE.into(), mode, group: access.group });
    folder.private_file(names.key(key.ski()), key_bytes(key), access);
}

/// The key as PKCS#8 PEM.
pub(super) fn key_bytes(key: &KeyPair) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(key.to_pkcs8_pem().as_bytes().to_vec())
}
