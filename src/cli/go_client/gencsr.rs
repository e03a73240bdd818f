//! `gencsr`: a key and a CSR in the MSP folder, without a request to the CA.

use super::enroll::{algorithm, names};
use super::folder;
use super::site::{Site, twice};
use crate::pki::key::KeyPair;
use crate::pki::x509::{Csr, CsrSpec};
use crate::{Error, ErrorKind};

/// # Errors
/// When no common name is given, or a file cannot be written.
pub(super) fn run(site: &Site<'_>) -> Result<(), Error> {
    let disk = &site.process.disk;
    let Some(id) = site.settings().given("csr.cn")? else {
        return Err(Error::new(ErrorKind::Usage, "CSR common name not specified; use '--csr.cn' flag"));
    };
    if id.contains('/') {
        return Err(Error::new(ErrorKind::Usage, format!("csr.cn \"{id}\" cannot be part of a file's name"))
            .with_help("give a common name without /"));
    }
    let names = names(&site.settings().list("csr.hosts")?)?;
    let key = KeyPair::generate(algorithm(site)?)?;
    let (subject, mut units) = site.subject()?;
    units.dedup();
    if units.len() > 1 {
        return Err(twice("OU"));
    }
    let spec = CsrSpec { enrollment_id: &id, sans: &names.sans(), subject: &subject };
    let csr = Csr::build_with_unit(&spec, units.first().map(String::as_str), &key)?;
    folder::create_all(disk, &site.msp)?;
    let key_file = site.msp.join("keystore").join(key.ski().key_file_name());
    folder::write(disk, &key_file, key.to_pkcs8_pem().as_bytes(), 0o600)?;
    let file = site.msp.join("signcerts").join(format!("{id}.csr"));
    folder::write(disk, &file, csr.to_pem().as_bytes(), 0o644)?;
    tracing::info!("Stored CSR at {}", file.display());
    Ok(())
}
