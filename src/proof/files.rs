//! The files that MSP folders and TLS folders of an MSP's shape share.

use zeroize::Zeroizing;

use super::VerifiedEnrollment;
use crate::install::{FolderPlan, KeyAccess, PlannedDir};
use crate::msp::{CaFolder, KEYSTORE, MspNames};
use crate::pki::key::KeyPair;
use crate::pki::x509::Cert;

pub(super) const DIR: u32 = 0o755;
const PRIVATE_DIR: u32 = 0o700;
const GROUP_DIR: u32 = 0o750;
pub(super) const FILE: u32 = 0o644;

/// The CAs of the chain, one certificate a file.
pub(super) fn chain_files(
    folder: &mut FolderPlan,
    names: &MspNames<'_>,
    enrollment: &VerifiedEnrollment,
    kind: CaFolder,
) {
    let (root_dir, intermediate_dir) = match kind {
        CaFolder::Sign => ("cacerts", "intermediatecerts"),
        CaFolder::Tls => ("tlscacerts", "tlsintermediatecerts"),
    };
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
