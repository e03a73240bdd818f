//! The CAs of a server, and what all requests share.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use x509_parser::prelude::X509Certificate;

use super::chain::Authority;
use super::fault::Switches;
use super::identity::Registry;
use super::log::{RequestLog, lock};
use super::{DevCaConfig, DevCaError, FormerRoot, store};
use crate::Timestamp;
use crate::pki::key::{KeyAlgorithm, KeyPair};
use crate::text::pem_encode;

/// One CA of the server.
pub(super) struct Ca {
    pub(super) name: String,
    pub(super) authority: Authority,
    /// Replaced authorities that are in the chain still, the latest first.
    pub(super) former: Vec<Authority>,
    /// P-384 public key that the real server would sign Idemix revocations with.
    pub(super) revocation_key_pem: String,
    pub(super) registry: Mutex<Registry>,
}

impl Ca {
    pub(super) fn generate(name: &str, intermediates: u8, now: Timestamp) -> Result<Self, DevCaError> {
        let revocation = KeyPair::generate(KeyAlgorithm::P384).map_err(|_| DevCaError::NoRandomness)?;
        Ok(Self {
            name: name.to_owned(),
            authority: Authority::generate(intermediates, now)?,
            former: Vec::new(),
            revocation_key_pem: pem_encode("PUBLIC KEY", &revocation.spki_der()),
            registry: Mutex::new(Registry::new()),
        })
    }

    /// Gives it a new root, and intermediates below it.
    fn replace_root(&mut self, former: FormerRoot, intermediates: u8, now: Timestamp) -> Result<(), DevCaError> {
        let before = std::mem::replace(&mut self.authority, Authority::generate(intermediates, now)?);
        match former {
            FormerRoot::InChain => self.former.insert(0, before),
            FormerRoot::Gone => self.former.clear(),
        }
        Ok(())
    }

    /// The chain in answers, PEM: the CA's own certificate first, its root last, then those of its former roots.
    pub(super) fn chain_pem(&self) -> String {
        std::iter::once(&self.authority).chain(&self.former).map(Authority::chain_pem).collect()
    }

    /// Whether it signed `certificate`, now or with a former root that is in the chain.
    pub(super) fn issued(&self, certificate: &X509Certificate<'_>) -> bool {
        std::iter::once(&self.authority).chain(&self.former).any(|authority| authority.issued(certificate))
    }
}

/// The shared state of all requests.
pub(super) struct Server {
    pub(super) config: DevCaConfig,
    /// At least one; the first is the default.
    pub(super) cas: Vec<Ca>,
    pub(super) log: RequestLog,
    pub(super) switches: Switches,
    /// Whether an identity was ever added through `identities`: afterwards the real server answers its list with 201.
    pub(super) identities_posted: AtomicBool,
}

impl Server {
    pub(super) fn prepare(config: DevCaConfig) -> Result<Self, DevCaError> {
        if config.ca_names.is_empty() {
            return Err(DevCaError::NoCa);
        }
        let now = (config.clock)();
        let mut cas = match &config.state {
            Some(path) => store::load(path)?,
            None => Vec::new(),
        };
        if let Some(former) = config.new_root {
            cas.iter_mut().try_for_each(|ca| ca.replace_root(former, config.intermediates, now))?;
        }
        for name in &config.ca_names {
            if !cas.iter().any(|ca| ca.name == *name) {
                cas.push(Ca::generate(name, config.intermediates, now)?);
            }
        }
        cas.sort_by_key(|ca| config.ca_names.iter().position(|n| *n == ca.name).unwrap_or(usize::MAX));
        for ca in &cas {
            let mut registry = lock(&ca.registry);
            if registry.get("admin").is_none() {
                registry.add_bootstrap_admin()?;
            }
            for affiliation in &config.affiliations {
                registry.add_affiliation(affiliation);
            }
            for spec in &config.identities {
                registry.add_spec(spec)?;
            }
        }
        let switches = Switches::new(config.faults.clone());
        let server =
            Self { config, cas, log: RequestLog::default(), switches, identities_posted: AtomicBool::new(false) };
        server.save()?;
        Ok(server)
    }

    pub(super) fn default_ca(&self) -> &Ca {
        &self.cas[0]
    }

    pub(super) fn ca(&self, name: &str) -> Option<&Ca> {
        self.cas.iter().find(|ca| ca.name == name)
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.config.clock)()
    }

    /// Writes the state file, if configured.
    pub(super) fn save(&self) -> Result<(), DevCaError> {
        self.config.state.as_deref().map_or(Ok(()), |path| store::save(path, &self.cas))
    }
}
