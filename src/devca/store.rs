//! The state file: CA keys, identities and issued certificates as JSON, for a dev CA that is restarted.

use std::path::Path;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::DevCaError;
use super::chain::{Authority, StoredAuthority};
use super::identity::Registry;
use super::log::lock;
use super::state::Ca;
use crate::disk::{Disk, WorkingTree};

const FORMAT: u32 = 1;
/// Far more than any state; prevents reading a wrong file into memory.
const LIMIT: usize = 256 << 20;

#[derive(Deserialize)]
struct State {
    dev_ca_state: u32,
    cas: Vec<StoredCa<Registry>>,
}

#[derive(Serialize)]
struct StateRef<'a> {
    dev_ca_state: u32,
    cas: Vec<StoredCa<&'a Registry>>,
}

#[derive(Serialize, Deserialize)]
struct StoredCa<R> {
    name: String,
    authority: StoredAuthority,
    #[serde(default)]
    former: Vec<StoredAuthority>,
    revocation_key: String,
    registry: R,
}

/// Loads the CAs in the state file at `path`; empty if there is no file yet.
pub(super) fn load(path: &Path) -> Result<Vec<Ca>, DevCaError> {
    let disk = Disk::real();
    if disk.metadata_followed(path)?.is_none() {
        return Ok(Vec::new());
    }
    let wrong = |reason: String| DevCaError::State { path: path.to_owned(), reason };
    let text = disk.read_secret(path, LIMIT)?;
    let state: State = serde_json::from_slice(&text).map_err(|e| wrong(e.to_string()))?;
    if state.dev_ca_state != FORMAT {
        return Err(wrong(format!("its format is {}, not {FORMAT}", state.dev_ca_state)));
    }
    let load = |stored: StoredCa<Registry>| {
        let authority = |stored| Authority::from_stored(stored).map_err(|e| wrong(e.to_string()));
        Ok(Ca {
            authority: authority(&stored.authority)?,
            former: stored.former.iter().map(authority).collect::<Result<_, _>>()?,
            name: stored.name,
            revocation_key_pem: stored.revocation_key,
            registry: Mutex::new(stored.registry),
        })
    };
    state.cas.into_iter().map(load).collect()
}

/// Replaces the state file, readable only by its owner.
pub(super) fn save(path: &Path, cas: &[Ca]) -> Result<(), DevCaError> {
    let registries: Vec<_> = cas.iter().map(|ca| lock(&ca.registry)).collect();
    let stored = cas.iter().zip(&registries).map(|(ca, registry)| StoredCa {
        name: ca.name.clone(),
        authority: ca.authority.to_stored(),
        former: ca.former.iter().map(Authority::to_stored).collect(),
        revocation_key: ca.revocation_key_pem.clone(),
        registry: &**registry,
    });
    let state = StateRef { dev_ca_state: FORMAT, cas: stored.collect() };
    let json = serde_json::to_vec_pretty(&state).map_err(|_| DevCaError::Encoding("the state"))?;
    WorkingTree::here(&Disk::real())?.replace(path, &json, 0o600)?;
    Ok(())
}
