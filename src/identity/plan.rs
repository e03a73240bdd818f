//! Plans the folder of a verified certificate.

use std::path::{Path, PathBuf};

use super::current::Current;
use super::request::TlsFiles;
use super::task::{Shape, Task};
use crate::Timestamp;
use crate::msp::{CurrentMsp, Layout, MspNames};
use crate::pki::key::KeyPair;
use crate::proof::{MspPlan, MspRequest, PlanError, TlsFolderRequest, TlsPlan, VerifiedEnrollment};

/// The folder to install.
#[derive(Debug)]
pub(crate) enum Plan {
    Msp(MspPlan),
    Tls(TlsPlan),
}

impl Task<'_> {
    /// Checks the names that become parts of file names, before anything is sent.
    ///
    /// # Errors
    /// When one cannot be part of a file name.
    pub(crate) fn check_file_names(&self) -> Result<(), PlanError> {
        let layout = match self.shape {
            Shape::Msp(form) => form.layout,
            Shape::Tls(TlsFiles::MspShaped) => Layout::FabricCa,
            Shape::Tls(TlsFiles::Three(_)) => return Ok(()),
        };
        MspNames::new(layout, self.id, &self.stem, &self.tls_stem)?;
        Ok(())
    }

    /// Plans the folder and judges it: an MSP folder as Fabric would, a TLS folder under every requested name. `tls` is
    /// the TLS certificate of the same run, whose CAs go into the MSP folder too.
    ///
    /// # Errors
    /// When Fabric or a Go program would refuse the folder, or a name cannot be part of a file's name.
    pub(crate) fn plan(
        &self,
        current: &Current,
        verified: &VerifiedEnrollment,
        key: &KeyPair,
        tls: Option<&VerifiedEnrollment>,
        now: Timestamp,
    ) -> Result<Plan, PlanError> {
        let files = match self.shape {
            Shape::Msp(form) => {
                let empty = CurrentMsp::default();
                let request = MspRequest {
                    sign: verified,
                    key,
                    tls,
                    stem: &self.stem,
                    tls_stem: &self.tls_stem,
                    layout: form.layout,
                    node_ous: form.node_ous,
                    current: current.msp.as_ref().unwrap_or(&empty),
                    key_access: self.key_access,
                    others: current.overlap.others(),
                };
                return MspPlan::build(&request).map(Plan::Msp);
            }
            Shape::Tls(files) => files,
        };
        let request = TlsFolderRequest {
            tls: verified,
            key,
            sans: &self.sans,
            now,
            key_access: self.key_access,
            others: &current.overlap.cas,
        };
        match files {
            TlsFiles::Three(names) => TlsPlan::build(&request, names).map(|mut plan| {
                if current.leaf_path == Path::new(names.other().certificate()) {
                    // The same pair under its former names.
                    let former = [names.other().certificate(), names.other().key()];
                    plan.folder.owned.extend(former.map(PathBuf::from));
                }
                plan
            }),
            TlsFiles::MspShaped => TlsPlan::build_msp_shaped(&request, &self.stem),
        }
        .map(Plan::Tls)
    }
}
