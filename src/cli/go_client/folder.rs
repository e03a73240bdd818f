//! The MSP folder as the Go client lays it out (fabric-ca v1.5.21 `lib/client.go`, `Init`; `cmd/fabric-ca-client/command/getcainfo.go`).

use std::path::Path;

use super::site::Site;
use crate::ca::CaInfo;
use crate::disk::{Disk, FsError, Kind};
use crate::pki::x509::Cert;
use crate::{Error, ErrorKind};

/// Creates a folder and those above it that are missing, all with `mode`.
///
/// # Errors
/// When one cannot be created.
pub(super) fn create(disk: &Disk, path: &Path, mode: u32) -> Result<(), FsError> {
    if matches!(disk.metadata_followed(path)?, Some(found) if found.kind == Kind::Dir) {
        return Ok(());
    }
    if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
        create(disk, above, mode)?;
    }
    match disk.create_dir(path, mode) {
        // Another run was faster.
        Err(_) if matches!(disk.metadata_followed(path)?, Some(found) if found.kind == Kind::Dir) => Ok(()),
        done => done,
    }
}

/// Creates the folders of an MSP folder that the Go client always makes. Those above `keystore` that are missing are closed
/// as it is.
///
/// # Errors
/// When one cannot be created.
pub(super) fn create_all(disk: &Disk, msp: &Path) -> Result<(), FsError> {
    create(disk, &msp.join("keystore"), 0o700)?;
    ["signcerts", "cacerts", "user"].into_iter().try_for_each(|name| create(disk, &msp.join(name), 0o755))
}

/// Writes a file of an MSP folder, with the folders above it.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write(disk: &Disk, path: &Path, bytes: &[u8], mode: u32) -> Result<(), FsError> {
    if let Some(above) = path.parent() {
        create(disk, above, if mode == 0o600 { 0o700 } else { 0o755 })?;
    }
    disk.replace(path, bytes, mode)
}

/// Writes the CA's certificates: roots into one file, intermediates into another. The profile `tls` has folders of its own.
///
/// # Errors
/// When the chain cannot be read, or a file cannot be written.
pub(super) fn store_chain(site: &Site<'_>, info: &CaInfo) -> Result<(), Error> {
    let disk = &site.process.disk;
    let settings = site.settings();
    let unusable = |why: String| {
        Error::new(ErrorKind::NotAsAsked, format!("the chain of the CA cannot be used: {why}"))
            .with_help("ask the CA's operator for its chain; nothing was written")
    };
    let chain = Cert::all_from_pem(&info.chain_pem).map_err(|e| unusable(e.to_string()))?;
    if chain.is_empty() {
        return Err(unusable("it is empty".to_owned()));
    }
    let is_root = |cert: &&Cert| {
        let authority = cert.authority_key_id();
        authority.is_none() || authority == cert.subject_key_id()
    };
    let (url, ..) = site.url()?;
    let stem = url.ca_file_stem(settings.given("caname")?.as_deref());
    let is_tls = settings.text("enrollment.profile")? == "tls";
    let place = |sign: &str, tls: &str| {
        let (dir, prefix) = if is_tls { (tls, "tls-") } else { (sign, "") };
        site.msp.join(dir).join(format!("{prefix}{stem}.pem"))
    };
    let pem = |certs: Vec<&Cert>| certs.into_iter().map(Cert::to_pem).collect::<String>();
    let roots = pem(chain.iter().filter(is_root).collect());
    let others = pem(chain.iter().filter(|cert| !is_root(cert)).collect());
    let root_file = site.custom("mycacertfile")?.unwrap_or_else(|| place("cacerts", "tlscacerts"));
    for (path, text) in [(root_file, roots), (place("intermediatecerts", "tlsintermediatecerts"), others)] {
        if !text.is_empty() {
            write(disk, &path, text.as_bytes(), 0o644)?;
            tracing::info!("Stored CA certificates at {}", path.display());
        }
    }
    Ok(())
}

/// Writes the CA's Idemix keys, if it has any.
///
/// # Errors
/// When a file cannot be written.
pub(super) fn store_issuer_keys(disk: &Disk, msp: &Path, info: &CaInfo) -> Result<(), Error> {
    let keys =
        [("IssuerPublicKey", &info.issuer_public_key), ("IssuerRevocationPublicKey", &info.issuer_revocation_key)];
    for (name, key) in keys.into_iter().filter(|(_, key)| !key.is_empty()) {
        write(disk, &msp.join(name), key, 0o644)?;
    }
    Ok(())
}
