//! Finds the private key of a certificate in a keystore as Fabric does (fabric-lib-go `bccsp/sw/fileks.go`).

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::disk::{EntryKind, FolderReader};
use crate::pki::go::x509::{Block, PrivateKey, PublicKey, first_block, parse_spki};
use crate::pki::key::{KeyError, KeyPair, Ski};
use crate::text::pem_encode;

pub(crate) const KEYSTORE: &str = "keystore";

/// Fabric skips larger files when it searches for a key by content.
const LARGEST: usize = 64 * 1024;

/// Fabric's search result for the key of a certificate.
pub(super) enum Found {
    /// A private key.
    Private(PathBuf, FoundKey),
    /// A file named as the public key; Fabric takes it and cannot sign.
    Public(PathBuf),
    /// No usable key, and the reason.
    Nothing(String),
}

/// A private key that Fabric can load.
pub(super) struct FoundKey {
    /// Its public key.
    pub(super) public: PublicKey,
    der: Zeroizing<Vec<u8>>,
}

impl FoundKey {
    /// The key, if fabcert can use it.
    pub(super) fn pair(&self) -> Result<KeyPair, KeyError> {
        let read = |label| KeyPair::from_pem(Zeroizing::new(pem_encode(label, &self.der)).as_bytes());
        match read("PRIVATE KEY") {
            Err(e) if !matches!(e, KeyError::Unfit(_)) => read("EC PRIVATE KEY"),
            done => done,
        }
    }
}

/// Finds the key with this SKI. If a file name begins with the SKI, its suffix decides, without a look at the content;
/// otherwise the content of every file is compared.
pub(super) fn find_key(folder: &dyn FolderReader, ski: Ski) -> Found {
    let wanted = ski.hex();
    let mut entries = folder.list(Path::new(KEYSTORE)).unwrap_or_default();
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let named = entries.iter().find(|e| e.name.as_encoded_bytes().starts_with(wanted.as_bytes()));
    let ends_with = |end: &[u8]| named.is_some_and(|e| e.name.as_encoded_bytes().ends_with(end));
    let load = |kind: &str| {
        let path = Path::new(KEYSTORE).join(format!("{wanted}_{kind}"));
        let content = folder.read(&path).map_err(|e| e.to_string());
        (path, content)
    };
    let unreadable =
        |path: PathBuf, why: &str| Found::Nothing(format!("{} has the name of the key, but {why}", path.display()));
    if ends_with(b"sk") {
        let (path, content) = load("sk");
        return match content.and_then(|c| private_key(&c).map_err(str::to_owned)) {
            Ok(key) => Found::Private(path, key),
            Err(why) => unreadable(path, &format!("Fabric cannot read it: {why}")),
        };
    }
    if ends_with(b"pk") {
        let (path, content) = load("pk");
        return match content.and_then(|c| public_key(&c).map_err(str::to_owned)) {
            Ok(()) => Found::Public(path),
            Err(why) => unreadable(path, &format!("Fabric cannot read it as a public key: {why}")),
        };
    }
    if ends_with(b"key") {
        return unreadable(load("key").0, "Fabric takes that for a symmetric key");
    }
    let files = entries.iter().filter(|e| e.kind == EntryKind::File);
    for path in files.map(|e| Path::new(KEYSTORE).join(&e.name)) {
        let Ok(content) = folder.read(&path) else { continue };
        if content.len() <= LARGEST
            && let Ok(key) = private_key(&content)
            && key.public.ski_input().is_some_and(|input| Ski::of_point(&input) == ski)
        {
            return Found::Private(path, key);
        }
    }
    Found::Nothing(format!("no file in {KEYSTORE} holds the certificate's key (SKI {wanted}) in plain PEM"))
}

/// The key in the first PEM block, whatever its label. Fabric does not read RSA keys in PKCS#8 (fabric-lib-go
/// `bccsp/sw/keys.go`, `derToPrivateKey`).
fn private_key(content: &[u8]) -> Result<FoundKey, &'static str> {
    let block = plain_block(content)?;
    match PrivateKey::parse(&block.der) {
        Some(key) if key.is_pkcs8 && matches!(key.public, PublicKey::Rsa(_)) => {
            Err("it is an RSA key in PKCS#8, which Fabric does not accept")
        }
        Some(key) => Ok(FoundKey { public: key.public, der: block.der }),
        None => Err("its first PEM block is not a private key that Go reads"),
    }
}

fn public_key(content: &[u8]) -> Result<(), &'static str> {
    match parse_spki(&plain_block(content)?.der) {
        Some(PublicKey::Ecdsa(..) | PublicKey::Ed25519(_) | PublicKey::Rsa(_)) => Ok(()),
        _ => Err("its first PEM block is not a public key"),
    }
}

fn plain_block(content: &[u8]) -> Result<Block, &'static str> {
    match first_block(content) {
        Some(block) if block.encrypted => Err("it is encrypted"),
        Some(block) => Ok(block),
        None => Err("it holds no PEM block"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::MemoryFolder;
    use crate::pki::key::KeyAlgorithm;

    const BEHIND_PARAMETERS: &[u8] = include_bytes!("../../testdata/keys/p256-sec1-behind-parameters.pem");
    const P384_SEC1: &[u8] = include_bytes!("../../testdata/keys/p384-sec1.pem");

    fn found(files: &[(&str, &[u8])], ski: Ski) -> Found {
        let mut folder = MemoryFolder::new();
        for (name, content) in files {
            folder.insert(Path::new(KEYSTORE).join(name), *content);
        }
        find_key(&folder, ski)
    }

    #[test]
    fn any_name_is_found_by_content() {
        let key = KeyPair::from_pem(P384_SEC1).unwrap();
        let other = KeyPair::generate(KeyAlgorithm::P256).unwrap().to_pkcs8_pem();
        let files: [(&str, &[u8]); 2] = [("a.pem", other.as_bytes()), ("priv_sk", P384_SEC1)];
        assert!(matches!(found(&files, key.ski()), Found::Private(path, _) if path == Path::new("keystore/priv_sk")));
    }

    #[test]
    fn the_name_decides_without_the_content() {
        let key = KeyPair::from_pem(P384_SEC1).unwrap();
        let other = KeyPair::generate(KeyAlgorithm::P256).unwrap().to_pkcs8_pem();
        let sk = key.ski().key_file_name();
        let Found::Private(_, taken) = found(&[(&sk, other.as_bytes())], key.ski()) else {
            panic!("a wrong key under the right name was accepted")
        };
        assert_ne!(taken.pair().unwrap().ski(), key.ski());
        assert!(matches!(found(&[(&sk, b""), ("key.pem", P384_SEC1)], key.ski()), Found::Nothing(_)));
        let pk = sk.replace("_sk", "_pk");
        assert!(matches!(found(&[(&sk, P384_SEC1), (&pk, b"")], key.ski()), Found::Nothing(_)));
        let public = pem_encode("PUBLIC KEY", &key.spki_der());
        assert!(matches!(found(&[(&sk, P384_SEC1), (&pk, public.as_bytes())], key.ski()), Found::Public(_)));
        let bak = format!("{sk}.bak");
        assert!(matches!(found(&[(&bak, b""), ("key.pem", P384_SEC1)], key.ski()), Found::Private(..)));
    }

    #[test]
    fn keys_that_fabric_cannot_read_are_not_found() {
        let key = KeyPair::from_pem(BEHIND_PARAMETERS).unwrap();
        assert!(matches!(found(&[("key.pem", BEHIND_PARAMETERS)], key.ski()), Found::Nothing(_)));
        let key = KeyPair::from_pem(P384_SEC1).unwrap();
        let large = [vec![b'\n'; LARGEST], P384_SEC1.to_vec()].concat();
        assert!(matches!(found(&[("key.pem", &large)], key.ski()), Found::Nothing(_)));
        assert!(matches!(found(&[], key.ski()), Found::Nothing(_)));
    }
}
