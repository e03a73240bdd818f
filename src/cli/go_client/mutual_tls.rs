//! The client certificate for mutual TLS (fabric-ca v1.5.21 `util/csp.go`, `LoadX509KeyPair`).

use std::path::PathBuf;

use super::site::Site;
use crate::pki::x509::Cert;
use crate::{Error, ErrorKind};

/// The largest file of a client certificate.
const LIMIT: usize = 1024 * 1024;

/// The files of the client certificate and its key, which is the one in the keystore where no file is given or the file is
/// missing. The Go client looks in the keystore first; a file that is given and exists does not change with an enrolment.
///
/// # Errors
/// When the certificate cannot be read, or its key is not found.
pub(super) fn files(site: &Site<'_>) -> Result<Option<(PathBuf, PathBuf)>, Error> {
    let (settings, disk) = (site.settings(), &site.process.disk);
    let path = |key| settings.given(key).map(|file| file.map(|file| site.home.path(&file)));
    let (Some(certificate), key) = (path("tls.client.certfile")?, path("tls.client.keyfile")?) else {
        return Ok(None);
    };
    if let Some(key) = &key
        && disk.metadata_followed(key)?.is_some()
    {
        return Ok(Some((certificate, key.clone())));
    }
    let home = format!("a relative path starts at {}", site.home.dir.display());
    let unusable = |why: &str| {
        Error::new(ErrorKind::Input, format!("tls.client.certfile: {}: {why}", certificate.display()))
            .with_help(format!("give a certificate in PEM with --tls.client.certfile; {home}"))
    };
    if disk.metadata_followed(&certificate)?.is_none() {
        return Err(unusable("it does not exist"));
    }
    let certs = Cert::all_from_pem(&disk.read(&certificate, LIMIT)?).map_err(|e| unusable(&e.to_string()))?;
    let cert = certs.first().ok_or_else(|| unusable("it holds no certificate"))?;
    let keystore = site.msp.join("keystore");
    let stored = keystore.join(cert.ski().key_file_name());
    if disk.metadata_followed(&stored)?.is_some() {
        return Ok(Some((certificate, stored)));
    }
    let what = key.map_or_else(
        || "tls.client.certfile is given without tls.client.keyfile".to_owned(),
        |key| format!("tls.client.keyfile: {} does not exist", key.display()),
    );
    let message = format!("{what}, and {} does not hold the key of {}", keystore.display(), certificate.display());
    Err(Error::new(ErrorKind::Usage, message).with_help(format!("give the key with --tls.client.keyfile; {home}")))
}
