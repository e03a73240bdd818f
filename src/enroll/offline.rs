//! CAs that cannot be reached from here: a CSR goes out, the certificate comes back by hand, and the proof is the same.

use std::path::PathBuf;

use super::outcome::{Action, CertificateSummary, IdentitySummary, Outcome};
use crate::disk::DiskFolder;
use crate::identity::Environment;
use crate::identity::due::held_by_another;
use crate::identity::obtain::Issued;
use crate::identity::put::{MspFolder, put};
use crate::identity::request::KeyWish;
use crate::identity::state::pending::{self, Asked, Pending};
use crate::identity::task::standing_msp;
use crate::install::KeyAccess;
use crate::install::{Lock, Place, rollback};
use crate::msp::{Layout, StandingMsp, StandingTls, TlsNames};
use crate::pki::key::KeyPair;
use crate::pki::name::{self, NameSet};
use crate::pki::x509::{Csr, CsrSpec, SubjectFields};
use crate::proof::{Expected, Purpose, RoleRule, TlsPlan, verify};
use crate::{Error, ErrorKind};

/// One certificate whose CSR and answer are carried by hand.
#[derive(Clone, Debug)]
pub struct CarriedWish {
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
    pub key: KeyWish,
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
pub fn make_csr(wish: &CarriedWish, env: &Environment<'_>) -> Result<String, Error> {
    let place = Place::of(env.disk, &wish.target)?;
    let _lock = Lock::acquire(env.disk, &place, (env.now)())?;
    let wished = wished_key(wish, &place, env)?;
    let key = match (pending_at(&place, env)?.filter(|_| !wish.force), wished) {
        (Some(pending), wished) => waiting_key(&pending, wished.as_ref(), wish)?,
        (None, Some(key)) => key,
        (None, None) => KeyPair::generate(wish.key.algorithm())?,
    };
    let sans = wish.names.sans();
    let csr = Csr::build(&CsrSpec { enrollment_id: &wish.id, sans: &sans, subject: &wish.subject }, &key)?;
    let asked = Asked::new(&sans, None, None, &wish.subject);
    let pending = Pending::new(&key, &wish.id, None, wish.purpose, asked);
    place.write_state_file(env.disk, pending::FILE, &pending.to_bytes(), 0o600)?;
    Ok(csr.to_pem())
}

/// The key that was named, or that stands in the target.
fn wished_key(wish: &CarriedWish, place: &Place, env: &Environment<'_>) -> Result<Option<KeyPair>, Error> {
    if wish.key != KeyWish::Standing {
        return wish.key.named(env.disk);
    }
    let folder = DiskFolder::new(env.disk, place.target());
    Ok(match wish.purpose {
        Purpose::Sign => StandingMsp::read(&folder, None).key.map(|(_, key)| key),
        Purpose::Tls => StandingTls::read(&folder, wish.tls_names).key,
    })
}

/// The pending key, if it is the one for this wish: its CSR may be on its way already.
fn waiting_key(pending: &Pending, wished: Option<&KeyPair>, wish: &CarriedWish) -> Result<KeyPair, Error> {
    let refuse = |what: String| {
        Err(Error::new(ErrorKind::Input, format!("{what} is pending beside {}", wish.target.display()))
            .with_help("finish that enrolment first with fabcert install, or drop its key with --force"))
    };
    if !pending.is_for(&wish.id, None, wish.purpose) {
        return refuse(format!("another key, for \"{}\",", pending.id()));
    }
    let key = pending.key()?;
    if wished.is_some_and(|w| w.public_point() != key.public_point()) {
        return refuse("another key than the one named".to_owned());
    }
    match wish.key {
        KeyWish::New(Some(curve)) if curve != key.algorithm() => {
            refuse(format!("{curve} is asked for, and a key of {}", key.algorithm()))
        }
        _ => Ok(key),
    }
}

/// Puts a certificate that was carried here in place, after the same proof as an enrolment's. The key is the pending one
/// of `fabcert csr`, or of an enrolment whose answer was lost.
///
/// # Errors
/// When no key of this id waits for it, another identity or root stands there and `force` is not set, the certificate is
/// not what was asked, or the folder cannot be written.
pub fn install_answer(
    wish: &CarriedWish,
    cert_pem: &[u8],
    chain_pem: &[u8],
    env: &Environment<'_>,
) -> Result<Outcome, Error> {
    let place = Place::of(env.disk, &wish.target)?;
    let lock = Lock::acquire(env.disk, &place, (env.now)())?;
    let pending = pending_at(&place, env)?.ok_or_else(|| {
        Error::new(ErrorKind::Input, format!("no key waits for a certificate beside {}", wish.target.display()))
            .with_help("make one with fabcert csr, naming the same folder")
    })?;
    if pending.id() != wish.id {
        return Err(Error::new(
            ErrorKind::Input,
            format!(
                "the key that waits beside {} is for \"{}\", not for \"{}\"",
                wish.target.display(),
                pending.id(),
                wish.id
            ),
        )
        .with_help("give the enrolment id that the CSR was made for"));
    }
    let key = pending.key()?;
    let (msp, tls) = match wish.purpose {
        Purpose::Sign => (Some(standing_msp(&place, env.disk)?), None),
        Purpose::Tls => (None, Some(StandingTls::read(&DiskFolder::new(env.disk, place.target()), wish.tls_names))),
    };
    let standing_leaf = msp
        .as_ref()
        .map_or_else(|| tls.as_ref().and_then(|s| s.leaf.as_ref()), |s| s.leaf.as_ref().map(|(_, leaf)| leaf));
    if let Some(other) = standing_leaf.map(|leaf| leaf.common_name().unwrap_or_default())
        && other != wish.id
        && !wish.force
    {
        return Err(held_by_another(&wish.target, other, &wish.id));
    }
    let standing_root = msp
        .as_ref()
        .and_then(|s| s.chain().map(|c| c.root))
        .or_else(|| tls.as_ref().and_then(|s| s.chain().map(|c| c.root)));
    // What the CSR asked for is proven whether it is said again or not.
    let mut sans = pending.asked.sans()?;
    for name in wish.names.sans() {
        if !name::holds(&sans, &name) {
            sans.push(name);
        }
    }
    let now = (env.now)();
    let expected = Expected {
        enrollment_id: &wish.id,
        key: &key,
        sans: &sans,
        purpose: wish.purpose,
        role: wish.role,
        pinned_root: standing_root.as_ref().filter(|_| !wish.force),
        now,
        server_date: None,
    };
    let issued = Issued { verified: verify(cert_pem, chain_pem, &expected)?, key, received_at: now, plan: None };
    let locks = [lock];
    let file = match wish.purpose {
        Purpose::Sign => {
            let folder = MspFolder {
                place: &place,
                layout: wish.layout,
                node_ous: wish.node_ous,
                stem: "ca".to_owned(),
                tls_stem: "ca".to_owned(),
                key_access: wish.key_access,
                standing: msp.as_ref(),
            };
            folder.install(&issued, None, &locks, env)?
        }
        Purpose::Tls => {
            let plan = TlsPlan::build(&issued.verified, &issued.key, wish.tls_names, wish.key_access)?.folder;
            put(&place, &plan, &issued, &locks, &|_| Ok(()), env)?
        }
    };
    let (msp_dir, tls_dir) = match wish.purpose {
        Purpose::Sign => (Some(wish.target.clone()), None),
        Purpose::Tls => (None, Some(wish.target.clone())),
    };
    let leaf = issued.verified.leaf();
    Ok(Outcome {
        schema_version: 1,
        action: Action::Enrolled,
        reason: "the certificate that was carried here is what was asked, and stands".to_owned(),
        identity: IdentitySummary { id: wish.id.clone(), msp_dir, tls_dir },
        certificates: vec![CertificateSummary::of(leaf, wish.purpose, wish.target.join(file))],
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
