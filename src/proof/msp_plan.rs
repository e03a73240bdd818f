//! An MSP folder planned from what was proven, and judged as Fabric judges it before it is installed.

use std::path::{Path, PathBuf};

use super::files::{FILE, OtherCas, beside, chain_files, identity_files, other_files};
use super::{PlanError, Purpose, VerifiedEnrollment};
use crate::Timestamp;
use crate::install::{FolderPlan, KeyAccess};
use crate::msp::{
    AdminRule, CONFIG, CaFolder, CurrentMsp, Layout, MspConfig, MspNames, MspRefusal, MspWarning, SIGN_FOLDERS,
    TLS_FOLDERS, judge, sha256_hex,
};
use crate::pki::key::KeyPair;
use crate::pki::x509::Cert;

/// What to plan an MSP folder from.
#[derive(Clone, Copy, Debug)]
pub struct MspRequest<'a> {
    /// The signing enrolment.
    pub sign: &'a VerifiedEnrollment,
    /// Its key.
    pub key: &'a KeyPair,
    /// The TLS enrolment of the same command: `tlscacerts` and `tlsintermediatecerts` are its chain. Without it, the
    /// current ones are kept.
    pub tls: Option<&'a VerifiedEnrollment>,
    /// The Go client's file name for the CA without `.pem`, for example `ca-org1-7054-ca1`.
    pub stem: &'a str,
    /// The same for the TLS CA.
    pub tls_stem: &'a str,
    /// Whose file names to use.
    pub layout: Layout,
    /// Whether to write `config.yaml`. Without it and without `admincerts` Fabric refuses the folder; that is then the
    /// operator's request and only a warning.
    pub node_ous: bool,
    /// What the target holds now.
    pub current: &'a CurrentMsp,
    /// Who may read the key.
    pub key_access: KeyAccess,
    /// The CAs beside those of the chains.
    pub others: OtherCas<'a>,
}

/// An MSP folder, planned, and judged as Fabric would judge it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MspPlan {
    /// What goes where.
    pub folder: FolderPlan,
    /// SHA-256 (lower-case hex) of the `config.yaml` in the plan, to know it again; `None` when the plan has none.
    pub config_yaml_sha256: Option<String>,
    /// What Fabric accepts and is yet worth a word.
    pub warnings: Vec<MspWarning>,
}

impl MspPlan {
    /// Plans the folder: one certificate a file, `signcerts` with the leaf alone, one key, `config.yaml` naming the CA that
    /// really issued. An operator's own `config.yaml` is kept.
    ///
    /// # Errors
    /// When a name cannot be a file's name, or Fabric would refuse the folder together with what is kept of the current one.
    pub fn build(request: &MspRequest<'_>) -> Result<Self, PlanError> {
        let MspRequest { sign, key, tls, stem, tls_stem, layout, node_ous, current, key_access, others } = *request;
        if sign.purpose() != Purpose::Sign {
            return Err(PlanError::Mismatch { what: "signing certificate" });
        }
        if tls.is_some_and(|t| t.purpose() != Purpose::Tls) {
            return Err(PlanError::Mismatch { what: "TLS certificate" });
        }
        if key.spki_der() != sign.leaf().spki_der() {
            return Err(PlanError::Mismatch { what: "key" });
        }
        let names = MspNames::new(layout, sign.leaf().common_name().unwrap_or_default(), stem, tls_stem)?;

        let mut folder = FolderPlan { owned: SIGN_FOLDERS.map(PathBuf::from).to_vec(), ..FolderPlan::default() };
        identity_files(&mut folder, &names, sign.leaf(), key, key_access);
        chain_files(&mut folder, &names, sign, CaFolder::Sign);
        if let Some(tls) = tls {
            folder.owned.extend(TLS_FOLDERS.map(PathBuf::from));
            chain_files(&mut folder, &names, tls, CaFolder::Tls);
            other_files(&mut folder, beside(others.tls, tls.chain()), CaFolder::Tls);
        } else {
            let is_new = |ca: &&Cert| !current.tls_roots.contains(ca) && !current.tls_intermediates.contains(ca);
            other_files(&mut folder, others.tls.iter().filter(is_new), CaFolder::Tls);
            folder.owned.extend(others.removed.iter().cloned());
        }
        other_files(&mut folder, beside(others.own, sign.chain()), CaFolder::Sign);

        let issuer = match sign.chain().intermediates.len() {
            0 => names.root(CaFolder::Sign),
            _ => names.intermediate(CaFolder::Sign, 0),
        };
        // While the folder trusts two CAs, an OU that is bound to one would give identities of the other no role.
        let is_bound = beside(others.own, sign.chain()).next().is_none();
        let bound_to = if is_bound { issuer.to_string_lossy() } else { "".into() };
        let ours = node_ous.then(|| MspConfig::for_issuer(&bound_to).to_yaml().into_bytes());
        let admins = if node_ous { AdminRule::Fabric } else { AdminRule::Waived };
        // The dates of the leaf are proven already; Fabric judges the chain by them and not by the clock.
        let at = Timestamp::from_unix(sign.leaf().not_before().unix() + 1);

        let kept = current.config.as_ref().filter(|c| !c.ours && Some(&c.content) != ours.as_ref());
        if kept.is_some() {
            named_files(&mut folder, &current.named_cas, sign);
        }
        let mut with_ours = folder.clone();
        with_ours.owned.push(CONFIG.into());
        if let Some(text) = &ours {
            with_ours.file(CONFIG, text.clone(), FILE);
        }
        let verdict_of = |plan: &FolderPlan| judge(&plan.over(&current.carried), at, admins);
        if kept.is_some() {
            return match verdict_of(&folder) {
                Ok(warnings) => Ok(Self { folder, config_yaml_sha256: None, warnings }),
                Err(refusal) if verdict_of(&with_ours).is_ok() => Err(PlanError::OperatorConfig { refusal, issuer }),
                Err(refusal) => Err(refused(refusal, &folder)),
            };
        }
        let warnings = verdict_of(&with_ours).map_err(|refusal| refused(refusal, &with_ours))?;
        Ok(Self { folder: with_ours, config_yaml_sha256: ours.as_deref().map(sha256_hex), warnings })
    }
}

/// The CA files that an operator's `config.yaml` names under other names than the usual ones: they stay, with the verified
/// CA in them, since Fabric would miss them.
fn named_files(folder: &mut FolderPlan, named: &[PathBuf], sign: &VerifiedEnrollment) {
    for path in named {
        let chain = sign.chain();
        let ca = match path.parent().and_then(Path::to_str) {
            Some("cacerts") => Some(&chain.root),
            Some("intermediatecerts") => chain.intermediates.first(),
            _ => None,
        };
        if let Some(ca) = ca.filter(|_| !folder.files.iter().any(|file| file.path == *path)) {
            folder.file(path.clone(), ca.to_pem(), FILE);
        }
    }
}

/// Whose fault a refusal is: the CA's when it is about a file of ours, else the operator's.
fn refused(refusal: MspRefusal, folder: &FolderPlan) -> PlanError {
    if folder.files.iter().any(|f| f.path.starts_with(&refusal.path)) {
        PlanError::Issued { refusal }
    } else {
        PlanError::OperatorFile { refusal }
    }
}
