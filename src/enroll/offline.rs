//! CAs that cannot be reached from here: a CSR goes out, the certificate comes back by hand, and the proof is the same.

use std::path::PathBuf;

use super::carried::CarriedAnswer;
use super::outcome::{Action, CertificateSummary, IdentitySummary, Outcome};
use crate::disk::DiskFolder;
use crate::identity::Environment;
use crate::identity::due::held_by_another;
use crate::identity::obtain::Issued;
use crate::identity::put::{MspFolder, put};
use crate::identity::request::KeyRequest;
use crate::identity::state::pending::{self, Asked, Pending};
use crate::identity::task::current_msp;
use crate::install::KeyAccess;
use crate::install::{Lock, Place, rollback};
use crate::msp::{CurrentMsp, CurrentTls, Layout, TlsNames};
use crate::pki::key::KeyPair;
use crate::pki::name::{self, NameSet};
use crate::pki::x509::{Csr, CsrSpec, SubjectFields};
use crate::proof::{Expected, Purpose, RoleRule, TlsFolderRequest, TlsPlan, verify};
use crate::{Error, ErrorKind};

/// One certificate whose CSR and answer are carried by hand.
#[derive(Clone, Debug)]
pub struct OfflineRequest {
    /// Enrolment id: the CN.
    pub id: String,
    /// What the certificate is for.
    pub purpose: Purpose,
    /// The MSP folder ([`Purpose::Sign`]) or TLS folder ([`Purpose::Tls`]).
    pub target: PathBuf,
    /// Names.
    pub names: NameSet,
    /// Subject fields beside the CN.
    pub subject: SubjectFields,
    /// Which key.
    pub key: KeyRequest,
    /// The NodeOU that the certificate must carry.
    pub role: RoleRule,
    /// File names in an MSP folder.
    pub layout: Layout,
    /// File names in a TLS folder.
    pub tls_names: TlsNames,
    /// Whether `config.yaml` is written.
    pub node_ous: bool,
    /// Who may read the key.
    pub key_access: KeyAccess,
    /// Replace a pending key, another identity or another root.
    pub force: bool,
}

/// Makes a key, keeps it beside the target, and gives the CSR (PEM). A second call gives a CSR for the same key.
///
/// # Errors
/// When a key for another purpose or id is pending there and `force` is not set, or the key cannot be kept.
pub fn make_csr(request: &OfflineRequest, env: &Environment<'_>) -> Result<String, Error> {
    let place = Place::of(env.disk, &request.target)?;
    let _lock = Lock::acquire(env.disk, &place, (env.now)())?;
    let requested = requested_key(request, &place, env)?;
    let key = match (pending_at(&place, env)?.filter(|_| !request.force), requested) {
        (Some(pending), requested) => waiting_key(&pending, requested.as_ref(), request)?,
        (None, Some(key)) => key,
        (None, None) => KeyPair::generate(request.key.algorithm())?,
    };
    let sans = request.names.sans();
    let csr = Csr::build(&CsrSpec { enrollment_id: &request.id, sans: &sans, subject: &request.subject }, &key)?;
    let asked = Asked::new(&sans, None, None, &request.subject);
    let pending = Pending::new(&key, &request.id, None, request.purpose, asked);
    place.write_state_file(env.disk, pending::FILE, &pending.to_bytes(), 0o600)?;
    Ok(csr.to_pem())
}

/// The key that was named, or that stands in the target.
fn requested_key(request: &OfflineRequest, place: &Place, env: &Environment<'_>) -> Result<Option<KeyPair>, Error> {
    if request.key != KeyRequest::Current {
        return request.key.named(env.disk);
    }
    let folder = DiskFolder::new(env.disk, place.target());
    Ok(match request.purpose {
        Purpose::Sign => CurrentMsp::read(&folder, None).key.map(|(_, key)| key),
        Purpose::Tls => CurrentTls::read(&folder, request.tls_names).key,
    })
}

/// The pending key, if it is the one for this request: its CSR may be on its way already.
fn waiting_key(pending: &Pending, requested: Option<&KeyPair>, request: &OfflineRequest) -> Result<KeyPair, Error> {
    let refuse = |what: String| {
        Err(Error::new(ErrorKind::Input, format!("{what} is pending beside {}", request.target.display()))
            .with_help("finish that enrolment first with fabcert install, or drop its key with --force"))
    };
    if !pending.is_for(&request.id, None, request.purpose) {
        return refuse(format!("another key, for \"{}\",", pending.id()));
    }
    let key = pending.key()?;
    if requested.is_some_and(|w| w.public_point() != key.public_point()) {
        return refuse("another key than the one named".to_owned());
    }
    match request.key {
        KeyRequest::New(Some(curve)) if curve != key.algorithm() => {
            refuse(format!("{curve} is asked for, and a key of {}", key.algorithm()))
        }
        _ => Ok(key),
    }
}

/// Puts a certificate that was carried here in place, after the same proof as an enrolment's. Certificate and chain are PEM
/// (the certificate alone, the chain one or many), DER, or PKCS#7 in either form. The key is the pending one
/// of `fabcert csr`, or of an enrolment whose answer was lost.
///
/// # Errors
/// When no key of this id waits for it, another identity or root stands there and `force` is not set, the certificate is
/// not what was asked, or the folder cannot be written.
pub fn install_answer(
    request: &OfflineRequest,
    cert_pem: &[u8],
    chain_pem: &[u8],
    env: &Environment<'_>,
) -> Result<Outcome, Error> {
    let answer = CarriedAnswer::read(cert_pem)?;
    let chain = CarriedAnswer::read(chain_pem)?;
    let chain_pem = [chain.cert_pem, chain.chain_pem, answer.chain_pem].join(&b'\n');
    let place = Place::of(env.disk, &request.target)?;
    let lock = Lock::acquire(env.disk, &place, (env.now)())?;
    let pending = pending_at(&place, env)?.ok_or_else(|| {
        Error::new(ErrorKind::Input, format!("no key waits for a certificate beside {}", request.target.display()))
            .with_help("make one with fabcert csr, naming the same folder")
    })?;
    if pending.id() != request.id {
        return Err(Error::new(
            ErrorKind::Input,
            format!(
                "the key that waits beside {} is for \"{}\", not for \"{}\"",
                request.target.display(),
                pending.id(),
                request.id
            ),
        )
        .with_help("give the enrolment id that the CSR was made for"));
    }
    if !pending.is_made_for(request.purpose) {
        let (flag, other) = match request.purpose {
            Purpose::Sign => ("--tls-dir", "TLS"),
            Purpose::Tls => ("--msp-dir", "signing"),
        };
        return Err(Error::new(
            ErrorKind::Input,
            format!("the key that waits beside {} is for a {other} certificate", request.target.display()),
        )
        .with_help(format!("name the folder with {flag}, as for fabcert csr")));
    }
    let key = pending.key()?;
    let (msp, tls) = match request.purpose {
        Purpose::Sign => (Some(current_msp(&place, env.disk)?), None),
        Purpose::Tls => (None, Some(CurrentTls::read(&DiskFolder::new(env.disk, place.target()), request.tls_names))),
    };
    let current_leaf = msp
        .as_ref()
        .map_or_else(|| tls.as_ref().and_then(|s| s.leaf.as_ref()), |s| s.leaf.as_ref().map(|(_, leaf)| leaf));
    if let Some(other) = current_leaf.map(|leaf| leaf.common_name().unwrap_or_default())
        && other != request.id
        && !request.force
    {
        return Err(held_by_another(&request.target, other, &request.id));
    }
    let current_root = msp
        .as_ref()
        .and_then(|s| s.chain().map(|c| c.root))
        .or_else(|| tls.as_ref().and_then(|s| s.chain().map(|c| c.root)));
    // What the CSR asked for is proven whether it is said again or not.
    let mut sans = pending.asked.sans()?;
    for name in request.names.sans() {
        if !name::holds(&sans, &name) {
            sans.push(name);
        }
    }
    let now = (env.now)();
    let expected = Expected {
        enrollment_id: &request.id,
        key: &key,
        sans: &sans,
        purpose: request.purpose,
        role: request.role,
        pinned_root: current_root.as_ref().filter(|_| !request.force),
        now,
        server_date: None,
    };
    let issued =
        Issued { verified: verify(&answer.cert_pem, &chain_pem, &expected)?, key, received_at: now, plan: None };
    for warning in issued.verified.warnings() {
        tracing::warn!("{warning}");
    }
    let locks = [lock];
    let file = match request.purpose {
        Purpose::Sign => {
            let folder = MspFolder {
                place: &place,
                layout: request.layout,
                node_ous: request.node_ous,
                stem: "ca".to_owned(),
                tls_stem: "ca".to_owned(),
                key_access: request.key_access,
                current: msp.as_ref(),
            };
            folder.install(&issued, None, &locks, env)?
        }
        Purpose::Tls => {
            let folder = TlsFolderRequest {
                tls: &issued.verified,
                key: &issued.key,
                sans: &sans,
                now,
                key_access: request.key_access,
            };
            let plan = TlsPlan::build(&folder, request.tls_names)?.folder;
            put(&place, &plan, &issued, &locks, &|_| Ok(()), env)?
        }
    };
    let (msp_dir, tls_dir) = match request.purpose {
        Purpose::Sign => (Some(request.target.clone()), None),
        Purpose::Tls => (None, Some(request.target.clone())),
    };
    let leaf = issued.verified.leaf();
    Ok(Outcome {
        schema_version: 1,
        action: Action::Enrolled,
        reason: "the certificate that was carried here is what was asked, and stands".to_owned(),
        identity: IdentitySummary { id: request.id.clone(), msp_dir, tls_dir },
        certificates: vec![CertificateSummary::of(leaf, request.purpose, request.target.join(file))],
    })
}

/// Brings back the set that stood in `target` before the last install; a second call undoes the first.
///
/// # Errors
/// When there is none, or the folder is locked or cannot be written.
pub fn roll_back(target: &std::path::Path, env: &Environment<'_>) -> Result<(), Error> {
    const OURS: [&str; 12] = [
        "signcerts",
        "keystore",
        "cacerts",
        "intermediatecerts",
        "tlscacerts",
        "tlsintermediatecerts",
        "config.yaml",
        "server.crt",
        "server.key",
        "ca.crt",
        "tls.crt",
        "tls.key",
    ];
    let place = Place::of(env.disk, target)?;
    let lock = Lock::acquire_existing(env.disk, &place, (env.now)())?.ok_or_else(|| {
        Error::new(ErrorKind::Input, format!("fabcert has installed nothing in {}", target.display()))
            .with_help("name the folder as it was named at enrolment")
    })?;
    let owned: Vec<PathBuf> = OURS.iter().map(PathBuf::from).collect();
    Ok(rollback(env.disk, &lock, &owned)?)
}

fn pending_at(place: &Place, env: &Environment<'_>) -> Result<Option<Pending>, Error> {
    let path = place.state_dir().join(pending::FILE);
    place.read_state_file(env.disk, pending::FILE)?.map(|b| Pending::parse(&b, &path)).transpose()
}
