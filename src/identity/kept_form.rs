//! The form of the folders that a run keeps: it changes only what it is given of file names, mode, group and
//! `config.yaml`.

use super::request::TlsFiles;
use super::state::record::Record;
use super::task::{Shape, Task};
use crate::Error;
use crate::disk::{Disk, DiskFolder};
use crate::msp::{CONFIG, CurrentTls, KEYSTORE, Layout, TlsNames};
use crate::pki::x509::Cert;
use crate::proof::RoleRule;

impl Task<'_> {
    /// Takes every part of the form that this run is not given from the folder, and from the record of the last install.
    ///
    /// # Errors
    /// When the record or the folder cannot be read.
    pub(crate) fn keep_form(&mut self, disk: &Disk) -> Result<(), Error> {
        let record = self.record(disk)?;
        let is_there = |path: &str| Ok::<bool, Error>(disk.metadata(&self.place.target().join(path))?.is_some());
        match &mut self.shape {
            Shape::Msp(form) => {
                let is_noted = || record.as_ref().is_some_and(|record| record.wrote(Layout::CRYPTOGEN_KEY));
                if !self.given.layout && (is_there(Layout::CRYPTOGEN_KEY)? || is_noted() && !is_there(KEYSTORE)?) {
                    form.layout = Layout::Cryptogen;
                }
                let is_off = record.as_ref().is_some_and(|record| !record.wrote(CONFIG)) && !is_there(CONFIG)?;
                if !self.given.node_ous && form.node_ous && is_off {
                    form.node_ous = false;
                    if self.role == RoleRule::ExactlyOne {
                        self.role = RoleRule::Any;
                    }
                }
            }
            Shape::Tls(_) => {}
        }
        if let Shape::Tls(TlsFiles::Three(names)) = self.shape
            && !self.given.tls_names
            && self.is_renamed(names, record.as_ref(), disk)
        {
            self.shape = Shape::Tls(TlsFiles::Three(names.other()));
        }
        let Some((key, before)) = record.as_ref().and_then(|r| Some((r.key_file_path()?, r.key_file?))) else {
            return Ok(());
        };
        let found = disk.metadata_followed(&self.place.target().join(key))?;
        // What an operator set since the install is kept too, as far as --key-mode could request it.
        let changed = found.map(|f| f.mode & 0o777).filter(|mode| *mode != before.mode);
        if !self.given.key_mode {
            self.key_access.mode = changed.map_or(before.requested_mode, |mode| mode & 0o660 | 0o400);
        }
        if !self.given.group {
            self.key_access.group = before.requested_group;
            self.place = self.place.clone().for_group(before.requested_group);
        }
        Ok(())
    }

    /// Whether the pair of a TLS folder has the names other than `names`: by the record, or without one by the folder.
    pub(crate) fn is_renamed(&self, names: TlsNames, record: Option<&Record>, disk: &Disk) -> bool {
        if let Some(record) = record {
            return record.wrote(names.other().certificate()) && !record.wrote(names.certificate());
        }
        let folder = DiskFolder::new(disk, self.place.target());
        let leaf = |names| CurrentTls::read(&folder, names).leaf;
        leaf(names).is_none() && leaf(names.other()).as_ref().and_then(Cert::common_name) == Some(self.id)
    }
}
