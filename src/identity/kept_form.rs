//! The form of the folders that a run keeps: it changes only what it is given of file names, mode, group and
//! `config.yaml`.

use std::path::{Path, PathBuf};

use super::current::Current;
use super::request::TlsFiles;
use super::state::record::Record;
use super::task::{Shape, Task};
use crate::Error;
use crate::disk::{Disk, DiskFolder};
use crate::msp::{CONFIG, CurrentTls, KEYSTORE, Layout, TlsNames};
use crate::proof::RoleRule;

impl Task<'_> {
    /// Takes every part of the form that this run is not given from the folder. The record of the last install says what the
    /// folder cannot; after a rollback, or a run that was killed before it wrote one, it is the record of another set. Returns the
    /// current contents.
    ///
    /// # Errors
    /// When the record or the folder cannot be read.
    pub(crate) fn keep_form(&mut self, disk: &Disk) -> Result<Current, Error> {
        let last = self.record(disk)?;
        let current = self.look_with(last.clone(), disk)?;
        let record = current.record.as_ref();
        let is_there = |path: &str| Ok::<bool, Error>(disk.metadata(&self.place.target().join(path))?.is_some());
        if let Shape::Msp(form) = &mut self.shape {
            let is_noted = || record.is_some_and(|record| record.wrote(Layout::CRYPTOGEN_KEY));
            if !self.given.layout && (is_there(Layout::CRYPTOGEN_KEY)? || is_noted() && !is_there(KEYSTORE)?) {
                form.layout = Layout::Cryptogen;
            }
            let is_off = last.is_some() && record.is_none_or(|record| !record.wrote(CONFIG)) && !is_there(CONFIG)?;
            if !self.given.node_ous && form.node_ous && is_off {
                form.node_ous = false;
                if self.role == RoleRule::ExactlyOne {
                    self.role = RoleRule::Any;
                }
            }
        }
        if let Shape::Tls(TlsFiles::Three(names)) = self.shape
            && !self.given.tls_names
            && self.is_renamed(names, record, disk)
        {
            self.shape = Shape::Tls(TlsFiles::Three(names.other()));
        }
        let Some((last, before)) = last.as_ref().and_then(|last| Some((last, last.key_file?))) else {
            return Ok(current);
        };
        let key = self.key_file(&current).or_else(|| last.key_file_path().map(Path::to_owned)).unwrap_or_default();
        let found = disk.metadata_followed(&self.place.target().join(key))?;
        // What an operator set since the install is kept too, as far as --key-mode could request it.
        let changed = found.as_ref().map(|f| f.mode & 0o777).filter(|mode| *mode != before.mode);
        if !self.given.key_mode {
            self.key_access.mode = changed.map_or(before.requested_mode, |mode| mode & 0o660 | 0o400);
        }
        if !self.given.group {
            let of_another_set = found.filter(|f| record.is_none() && f.gid != before.group);
            let group = of_another_set.map_or(before.requested_group, |f| (f.mode & 0o060 != 0).then_some(f.gid));
            if group != self.key_access.group {
                self.key_access.group = group;
                self.place = self.place.clone().for_group(group);
                // The group decides whose state is read.
                return self.look(disk);
            }
        }
        Ok(current)
    }

    /// Whether the pair of a TLS folder has the names other than `names`: by the files, or by the record where no file is left.
    pub(crate) fn is_renamed(&self, names: TlsNames, record: Option<&Record>, disk: &Disk) -> bool {
        let is_there = |path: &str| disk.metadata(&self.place.target().join(path)).is_ok_and(|found| found.is_some());
        let other = names.other();
        let wrote = |names: TlsNames| record.is_some_and(|record| record.wrote(names.certificate()));
        for file in [TlsNames::certificate, TlsNames::key] {
            if is_there(file(names)) {
                return false;
            }
            if is_there(file(other)) {
                let leaf = CurrentTls::read(&DiskFolder::new(disk, self.place.target()), other).leaf;
                // Without a record, the certificate of another identity is not a former one.
                return wrote(other) || leaf.is_none_or(|leaf| leaf.common_name() == Some(self.id));
            }
        }
        wrote(other) && !wrote(names)
    }

    /// The file of the current key, whatever is in it.
    pub(crate) fn key_file(&self, current: &Current) -> Option<PathBuf> {
        match (self.shape, &current.msp) {
            (Shape::Tls(TlsFiles::Three(names)), _) => {
                let is_renamed = current.leaf_path == Path::new(names.other().certificate());
                Some(if is_renamed { names.other() } else { names }.key().into())
            }
            (_, Some(msp)) => msp.key.as_ref().map(|(path, _)| path.clone()),
            (_, None) => current.leaf.as_ref().map(|leaf| Path::new(KEYSTORE).join(leaf.ski().key_file_name())),
        }
    }
}
