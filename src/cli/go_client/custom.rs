//! The files of an MSP folder that `--myskfile`, `--mycertfile` and `--mycacertfile` name (fabric-ca v1.5.21
//! `lib/client.go`, `storeCustomKeyFile`).

use std::path::{Path, PathBuf};

use super::caller::{LIMIT, certificate, pair};
use super::folder;
use super::site::Site;
use crate::Error;
use crate::disk::Disk;
use crate::enroll::Outcome;
use crate::pki::key::KeyPair;

/// The files that are somewhere else than usual. An enrolment is installed in the usual places first, as one step.
pub(super) struct CustomFiles {
    key: Option<PathBuf>,
    /// The file in `keystore` of a key that is used again, where it has another name than usual.
    kept_key: Option<PathBuf>,
    certificate: Option<PathBuf>,
    root: Option<PathBuf>,
}

impl CustomFiles {
    /// # Errors
    /// When a path leaves the MSP folder.
    pub(super) fn of(site: &Site<'_>) -> Result<Self, Error> {
        Ok(Self {
            key: site.custom("myskfile")?,
            kept_key: None,
            certificate: site.custom("mycertfile")?,
            root: site.custom("mycacertfile")?,
        })
    }

    /// Notes which file in `keystore` holds the key of the certificate: a key that is used again keeps its file name.
    ///
    /// # Errors
    /// When certificate or folder cannot be read.
    pub(super) fn keep_key_file(&mut self, site: &Site<'_>) -> Result<(), Error> {
        let disk = &site.process.disk;
        let (keystore, ski) = (site.msp.join("keystore"), certificate(site)?.ski());
        let usual = keystore.join(ski.key_file_name());
        if self.key.is_some()
            || disk.metadata_followed(&usual)?.is_some()
            || disk.metadata_followed(&keystore)?.is_none()
        {
            return Ok(());
        }
        let mut files: Vec<PathBuf> = disk.read_dir(&keystore)?.into_iter().map(|name| keystore.join(name)).collect();
        files.sort_unstable();
        let is_it = |file: &PathBuf| {
            let pem = disk.read_secret(file, LIMIT).ok();
            pem.and_then(|pem| KeyPair::from_pem(&pem).ok()).is_some_and(|key| key.ski() == ski)
        };
        self.kept_key = files.into_iter().find(is_it);
        Ok(())
    }

    /// Copies certificate and key to the usual places, where a re-enrolment finds them.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub(super) fn restore(&self, site: &Site<'_>) -> Result<(), Error> {
        if self.key.is_none() && self.certificate.is_none() {
            return Ok(());
        }
        let disk = &site.process.disk;
        let (certificate, key) = pair(site)?;
        let key_file = site.msp.join("keystore").join(certificate.ski().key_file_name());
        folder::write(disk, &key_file, key.to_pkcs8_pem().as_bytes(), 0o600)?;
        folder::write(disk, &site.msp.join("signcerts/cert.pem"), certificate.to_pem().as_bytes(), 0o644)?;
        Ok(())
    }

    /// Moves the installed files to their places.
    ///
    /// # Errors
    /// When a file cannot be moved.
    pub(super) fn place(&self, site: &Site<'_>, outcome: &Outcome) -> Result<(), Error> {
        let disk = &site.process.disk;
        let Some(issued) = outcome.certificates.first() else { return Ok(()) };
        if let Some(key) = self.key.as_ref().or(self.kept_key.as_ref()) {
            move_file(disk, &site.msp.join("keystore").join(format!("{}_sk", issued.ski)), key, 0o700)?;
        }
        if let Some(certificate) = &self.certificate {
            move_file(disk, &issued.path, certificate, 0o755)?;
        }
        let stored = self.certificate.as_ref().unwrap_or(&issued.path);
        tracing::info!("Stored client certificate at {}", stored.display());
        let Some(root) = &self.root else { return Ok(()) };
        let (url, ..) = site.url()?;
        let stem = url.ca_file_stem(site.settings().given("caname")?.as_deref());
        let is_tls = issued.role == "tls";
        let dir = site.msp.join(if is_tls { "tlscacerts" } else { "cacerts" });
        let prefix = if is_tls { "tls-" } else { "" };
        move_file(disk, &dir.join(format!("{prefix}{stem}.pem")), root, 0o755)?;
        if is_tls && disk.read_dir(&dir)?.is_empty() {
            disk.remove_tree(&dir)?;
        }
        Ok(())
    }
}

fn move_file(disk: &Disk, from: &Path, to: &Path, mode: u32) -> Result<(), Error> {
    if from == to {
        return Ok(());
    }
    if let Some(above) = to.parent() {
        folder::create(disk, above, mode)?;
    }
    Ok(disk.rename(from, to)?)
}
