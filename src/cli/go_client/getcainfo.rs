//! `getcainfo`: stores the chain and the Idemix keys of the CA.

use super::caller::ask;
use super::folder;
use super::site::Site;
use crate::Error;

/// # Errors
/// When the CA cannot be reached, or a file cannot be written.
pub(super) fn run(site: &Site<'_>) -> Result<(), Error> {
    let disk = &site.process.disk;
    let info = ask(site, async |client| client.info().await)?;
    folder::create_all(disk, &site.msp)?;
    folder::store_chain(site, &info)?;
    folder::store_issuer_keys(disk, &site.msp, &info)
}
