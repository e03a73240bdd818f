//! The private key of a certificate in a keystore, found as Fabric finds it (fabric-lib-go `bccsp/sw/fileks.go`).

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::first_block::first_block;
use super::folder::{EntryKind, FolderReader};
use crate::key::{KeyError, KeyPair, Ski};
use crate::x509::pem_encode;

pub(super) const KEYSTORE: &str = "keystore";

/// Fabric reads no larger file when it looks for a key by content.
const LARGEST: usize = 64 * 1024;

/// What Fabric finds in a keystore for a certificate.
pub(super) enum Found {
    /// A private key.
    Private(PathBuf, PrivateKey),
    /// A file that is named as the public key; Fabric takes it and cannot sign.
    Public(PathBuf),
    /// Nothing it can use; why.
    Nothing(String),
}

/// A private key that Fabric can load.
pub(super) enum PrivateKey {
    /// One that this program can use.
    Known(KeyPair),
    /// One on another curve, or Ed25519: it loads, and is not compared.
    Other(&'static str),
}

/// The key of the certificate whose public key has this SKI. A file whose name begins with the SKI decides by the end of
/// its name, unseen; otherwise every file is compared by content.
pub(super) fn find_key(folder: &dyn FolderReader, ski: Ski) -> Found {
    let wanted = ski.hex();
    let mut entries = folder.list(Path::new(KEYSTORE)).unwrap_or_default();
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let named = entries.iter().find_map(|e| e.name.to_str().filter(|n| n.starts_with(&wanted)));
    let load = |kind: &str| {
        let path = Path::new(KEYSTORE).join(format!("{wanted}_{kind}"));
        let content = folder.read(&path);
        (path, content)
    };
    match named {
        Some(name) if name.ends_with("sk") => {
            let (path, content) = load("sk");
            match content.map_err(|e| e.to_string()).and_then(|c| private_key(&c).map_err(|e| e.to_string())) {
                Ok(key) => Found::Private(path, key),
                Err(why) => Found::Nothing(format!(
                    "{} bears the name of the key and Fabric cannot read it: {why}",
                    path.display()
                )),
            }
        }
        Some(name) if name.ends_with("pk") => Found::Public(load("pk").0),
        Some(name) if name.ends_with("key") => {
            Found::Nothing(format!("{KEYSTORE}/{name} bears the name of a symmetric key"))
        }
        _ => {
            let files = entries.iter().filter(|e| e.kind == EntryKind::File);
            for path in files.map(|e| Path::new(KEYSTORE).join(&e.name)) {
                let Ok(content) = folder.read(&path) else { continue };
                if content.len() <= LARGEST
                    && let Ok(PrivateKey::Known(key)) = private_key(&content)
                    && key.ski() == ski
                {
                    return Found::Private(path, PrivateKey::Known(key));
                }
            }
            Found::Nothing(format!("no file in {KEYSTORE} holds the certificate's key (SKI {wanted}) in plain PEM"))
        }
    }
}

/// The key in the first PEM block: PKCS#8 or SEC 1, whatever the label says. RSA keys in PKCS#8 are not read by Fabric.
fn private_key(content: &[u8]) -> Result<PrivateKey, KeyError> {
    let block = first_block(content).ok_or(KeyError::NoKey)?;
    if block.encrypted {
        return Err(KeyError::Encrypted);
    }
    let mut why = KeyError::NoKey;
    for label in ["PRIVATE KEY", "EC PRIVATE KEY"] {
        let pem = Zeroizing::new(pem_encode(label, &block.der));
        match KeyPair::from_pem(pem.as_bytes()) {
            Ok(key) => return Ok(PrivateKey::Known(key)),
            Err(KeyError::Unfit(kind)) if kind != "RSA" => return Ok(PrivateKey::Other(kind)),
            Err(e @ KeyError::Unfit(_)) => return Err(e),
            Err(e) => why = e,
        }
    }
    Err(why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyAlgorithm;
    use crate::msp::folder::MemoryFolder;

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
    fn any_name_does_when_the_content_fits() {
        let key = KeyPair::from_pem(P384_SEC1).unwrap();
        let other = KeyPair::generate(KeyAlgorithm::P256).unwrap().to_pkcs8_pem();
        let files: [(&str, &[u8]); 2] = [("a.pem", other.as_bytes()), ("priv_sk", P384_SEC1)];
        assert!(matches!(found(&files, key.ski()), Found::Private(path, _) if path == Path::new("keystore/priv_sk")));
    }

    #[test]
    fn the_name_decides_unseen() {
        let key = KeyPair::from_pem(P384_SEC1).unwrap();
        let other = KeyPair::generate(KeyAlgorithm::P256).unwrap().to_pkcs8_pem();
        let sk = key.ski().key_file_name();
        let Found::Private(_, PrivateKey::Known(taken)) = found(&[(&sk, other.as_bytes())], key.ski()) else {
            panic!("the wrong key under the right name is taken")
        };
        assert_ne!(taken.ski(), key.ski());
        assert!(matches!(found(&[(&sk, b""), ("key.pem", P384_SEC1)], key.ski()), Found::Nothing(_)));
        let pk = sk.replace("_sk", "_pk");
        assert!(matches!(found(&[(&sk, P384_SEC1), (&pk, b"")], key.ski()), Found::Public(_)));
        let bak = format!("{sk}.bak");
        assert!(matches!(found(&[(&bak, b""), ("key.pem", P384_SEC1)], key.ski()), Found::Private(..)));
    }

    #[test]
    fn what_fabric_cannot_read_is_not_found() {
        let key = KeyPair::from_pem(BEHIND_PARAMETERS).unwrap();
        assert!(matches!(found(&[("key.pem", BEHIND_PARAMETERS)], key.ski()), Found::Nothing(_)));
        let key = KeyPair::from_pem(P384_SEC1).unwrap();
        let large = [vec![b'\n'; LARGEST], P384_SEC1.to_vec()].concat();
        assert!(matches!(found(&[("key.pem", &large)], key.ski()), Found::Nothing(_)));
        assert!(matches!(found(&[], key.ski()), Found::Nothing(_)));
    }
}
