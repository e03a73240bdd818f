//! MSP folders, mutated: fabcert's verdict beside that of Fabric's own msp package.
//!
//! The judge that every machine can build is Fabric 2.5, which is older than the rules that fabcert follows. Where the two
//! are known to differ (see `tests/oracle/msp`), a mutant is left out and another one made: the count is of those that
//! were compared.

mod reissue;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fabcert::devca::{DevCa, DevCaConfig, IdentitySpec};
use fabcert::internals::{Disk, DiskFolder, pem_blocks, pem_encode, verdicts};
use fabcert::msp::ChannelRules;
use fabcert::pki::key::{KeyAlgorithm, KeyPair};
use fabcert::pki::x509::Cert;

use crate::command::fabcert;
use crate::enroll::faults::now;
use crate::real::oracle;

const MUTANTS: usize = 500;

/// Small, seeded, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }

    fn of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.roll(list.len())]
    }
}

type Folder = BTreeMap<PathBuf, Vec<u8>>;

/// The keys of the two CAs that signed what stands in the healthy folder.
struct Keys {
    root: KeyPair,
    intermediate: KeyPair,
}

impl Keys {
    /// The key that signed what stands in this part of the folder.
    fn of(&self, file: &Path) -> &KeyPair {
        if file.starts_with("signcerts") || file.starts_with("admincerts") { &self.intermediate } else { &self.root }
    }

    fn any(&self, dice: &mut Dice) -> &KeyPair {
        if dice.roll(2) == 0 { &self.root } else { &self.intermediate }
    }

    /// Signs the folder's certificates again with keys that the test holds.
    fn take_over(folder: &mut Folder) -> Self {
        let key = || KeyPair::generate(KeyAlgorithm::P256).unwrap();
        let keys = Self { root: key(), intermediate: key() };
        for (path, content) in folder.iter_mut() {
            *content = match path.parent().and_then(Path::to_str) {
                Some("cacerts" | "tlscacerts") => reissue::rekey(content, &keys.root, &keys.root),
                Some("intermediatecerts" | "tlsintermediatecerts") => {
                    reissue::rekey(content, &keys.intermediate, &keys.root)
                }
                Some("signcerts") => reissue::resign(content, &keys.intermediate),
                _ => continue,
            };
        }
        keys
    }
}

/// A healthy MSP folder of a peer under an intermediate CA.
fn healthy() -> Folder {
    let mut config = DevCaConfig::new(now).with_identity(IdentitySpec::new("org1-peer1", "peerpw", "peer"));
    config.intermediates = 1;
    let ca = DevCa::spawn_thread(config).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let anchor = dir.path().join("anchor.pem");
    std::fs::write(&anchor, ca.tls_anchor_pem()).unwrap();
    let text = |p: &Path| p.display().to_string();
    let (msp, tls) = (dir.path().join("msp"), dir.path().join("tls"));
    let args = ["enroll", "--url", ca.url(), "--id", "org1-peer1", "--tls-ca", &text(&anchor)];
    let more = ["--msp-dir", &text(&msp), "--tls-dir", &text(&tls), "--san", "org1-peer1"];
    let ran = fabcert(&[&args[..], &more[..]].concat(), Some("peerpw"));
    assert_eq!(ran.code, 0, "{ran:?}");
    let mut folder = Folder::new();
    for dir in std::fs::read_dir(&msp).unwrap().map(Result::unwrap) {
        if dir.path().is_dir() {
            for file in std::fs::read_dir(dir.path()).unwrap().map(Result::unwrap) {
                folder.insert(Path::new(&dir.file_name()).join(file.file_name()), std::fs::read(file.path()).unwrap());
            }
        } else {
            folder.insert(dir.file_name().into(), std::fs::read(dir.path()).unwrap());
        }
    }
    folder
}

const FOLDERS: [&str; 8] = [
    "signcerts",
    "cacerts",
    "intermediatecerts",
    "admincerts",
    "tlscacerts",
    "tlsintermediatecerts",
    "keystore",
    "crls",
];

/// Changes one thing; what it was, in words.
fn mutate(folder: &mut Folder, keys: &Keys, dice: &mut Dice) -> String {
    let files: Vec<PathBuf> = folder.keys().cloned().collect();
    if files.is_empty() {
        return "nothing is left".into();
    }
    let file = dice.of(&files).clone();
    let shown = file.display().to_string();
    match dice.roll(24) {
        0 => {
            folder.remove(&file);
            format!("{shown} removed")
        }
        1 => {
            let to = Path::new(dice.of(&FOLDERS)).join(dice.of(&["a.pem", "zz.pem", "x", ".hidden"]));
            let content = folder[&file].clone();
            folder.insert(to.clone(), content);
            format!("{shown} copied to {}", to.display())
        }
        2 => {
            let to = Path::new(dice.of(&FOLDERS)).join(file.file_name().unwrap());
            let content = folder.remove(&file).unwrap();
            folder.insert(to.clone(), content);
            format!("{shown} moved to {}", to.display())
        }
        3 => {
            let content = folder.get_mut(&file).unwrap();
            let keep = dice.roll(content.len().max(1));
            content.truncate(keep);
            format!("{shown} cut at {keep}")
        }
        4 => {
            let content = folder.get_mut(&file).unwrap();
            let before = *dice.of(&["\u{feff}", " ", "text\n", "\n", "\r\n", "-----BEGIN X-----\n"]);
            content.splice(0..0, before.bytes());
            format!("{shown} behind {before:?}")
        }
        5 => {
            let content = folder.get_mut(&file).unwrap();
            let text = String::from_utf8_lossy(content).replace('\n', "\r\n");
            *content = text.into_bytes();
            format!("{shown} with CRLF")
        }
        6 => {
            let content = folder.get_mut(&file).unwrap();
            let label = *dice.of(&["X509 CERTIFICATE", "PUBLIC KEY", "X509 CRL", "certificate"]);
            let text = String::from_utf8_lossy(content).replace("CERTIFICATE", label);
            *content = text.into_bytes();
            format!("{shown} labelled {label}")
        }
        7 => {
            let other = folder[dice.of(&files)].clone();
            folder.get_mut(&file).unwrap().extend(other);
            format!("another file appended to {shown}")
        }
        8 => {
            folder.insert(file, Vec::new());
            format!("{shown} emptied")
        }
        9 => {
            let to = file.with_file_name(*dice.of(&["priv_sk", "key.pem", "a_sk", "config.yml", "0"]));
            let content = folder.remove(&file).unwrap();
            folder.insert(to.clone(), content);
            format!("{shown} renamed to {}", to.display())
        }
        10..=12 => mutate_config(folder, dice),
        13..=21 => reissue_one(folder, &file, keys, dice),
        _ => {
            let content = folder.get_mut(&file).unwrap();
            let Ok(blocks) = pem_blocks(content) else { return format!("{shown} is no PEM any more") };
            let Some(block) = blocks.into_iter().next() else { return format!("{shown} holds no block") };
            let mut der = block.der.clone();
            let at = dice.roll(der.len().max(1));
            let bit = dice.roll(8);
            if let Some(byte) = der.get_mut(at) {
                *byte ^= 1 << bit;
            }
            *content = pem_encode(&block.label, &der).into_bytes();
            format!("{shown}: bit {bit} of byte {at} flipped")
        }
    }
}

/// Changes one thing in `config.yaml`.
fn mutate_config(folder: &mut Folder, dice: &mut Dice) -> String {
    let config = PathBuf::from("config.yaml");
    let Some(content) = folder.get_mut(&config) else { return "no config.yaml".into() };
    let swaps = [
        ("Enable: true", "Enable: false"),
        ("Enable: true", "Enable: \"true\""),
        ("NodeOUs", "nodeOUs"),
        ("OrganizationalUnitIdentifier: peer", "OrganizationalUnitIdentifier: Peer"),
        ("OrganizationalUnitIdentifier: peer", "OrganizationalUnitIdentifier: client"),
        ("OrganizationalUnitIdentifier: admin", "OrganizationalUnitIdentifier: \"\""),
        ("AdminOUIdentifier", "AdminOuIdentifier"),
        ("intermediatecerts/", "cacerts/"),
        ("intermediatecerts/", "/intermediatecerts/"),
        ("intermediatecerts/", "nowhere/"),
        ("  Enable", "\tEnable"),
        ("Certificate:", "certificate:"),
        ("NodeOUs:", "OrganizationalUnitIdentifiers: []\nNodeOUs:"),
        ("OrganizationalUnitIdentifier: peer", "OrganizationalUnitIdentifier: [peer]"),
        ("PeerOUIdentifier:\n", "PeerOUIdentifier: null\n  Other:\n"),
        ("Enable: true", "Enable: yes"),
        ("Enable: true", "# Enable: true"),
        ("\n", "\u{0}\n"),
    ];
    let (from, to) = *dice.of(&swaps);
    let text = String::from_utf8_lossy(content).replace(from, to);
    if dice.roll(8) == 0 {
        *content = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        return format!("config.yaml: {from:?} becomes {to:?}, in UTF-16");
    }
    *content = text.into_bytes();
    format!("config.yaml: {from:?} becomes {to:?}")
}

/// Signs a certificate again, changed, or adds a revocation list.
fn reissue_one(folder: &mut Folder, file: &Path, keys: &Keys, dice: &mut Dice) -> String {
    let shown = file.display();
    match dice.roll(9) {
        0..=4 => {
            let signer = if dice.roll(8) == 0 { keys.any(dice) } else { keys.of(file) };
            let content = folder.get_mut(file).unwrap();
            *content = reissue::disturb(content, signer, dice);
            format!("{shown} of another structure")
        }
        5..=6 => {
            let to = Path::new(dice.of(&FOLDERS)).join(dice.of(&["a.pem", "zz.pem"]));
            let content = reissue::renew(&folder[file], keys.any(dice), dice);
            folder.insert(to.clone(), content);
            format!("{shown} issued again as {}", to.display())
        }
        _ => {
            let ca = *dice.of(&["intermediatecerts", "cacerts"]);
            let first = |dir: &str| folder.iter().find(|(path, _)| path.starts_with(dir)).map(|(_, content)| content);
            let (Some(leaf), Some(issuer)) = (first("signcerts"), first(ca)) else { return "nothing to revoke".into() };
            let signer = if ca == "cacerts" { &keys.root } else { &keys.intermediate };
            let Some(list) = reissue::revoke(leaf, issuer, signer, dice) else { return "nothing to revoke by".into() };
            folder.insert(Path::new("crls").join(dice.of(&["a.pem", "b.pem"])), list);
            format!("a revocation list of {ca}")
        }
    }
}

/// Whether Fabric 2.5 is known to judge such a folder otherwise than the Fabric whose rules fabcert follows.
fn is_beyond_the_judge(folder: &Folder) -> bool {
    folder.iter().any(|(path, content)| {
        if path == Path::new("config.yaml") {
            // A key that stands twice.
            let text = String::from_utf8_lossy(content);
            return ["NodeOUs:", "OrganizationalUnitIdentifiers:"].iter().any(|key| text.matches(key).count() > 1);
        }
        let Some(part) = path.parent().and_then(Path::to_str).filter(|part| FOLDERS.contains(part)) else {
            return false;
        };
        let first = pem_blocks(content).ok().and_then(|blocks| Some(Cert::from_der(blocks.first()?.der.clone())));
        part != "tlscacerts" && matches!(first, Some(Ok(cert)) if !cert.public_key().is_ecdsa())
    })
}

fn write(folder: &Folder, to: &Path) {
    for (path, content) in folder {
        let path = to.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

/// Puts links in the place of files, as a mounted Secret has them, or links to nothing beside them.
#[cfg(unix)]
fn link(target: &Path, dice: &mut Dice) -> Option<String> {
    use std::os::unix::fs::symlink;
    let dir = target.join(*dice.of(&FOLDERS));
    match dice.roll(8) {
        0 if dir.is_dir() => {
            std::fs::rename(&dir, target.join("..2026")).unwrap();
            symlink("..2026", &dir).unwrap();
        }
        1 if dir.is_dir() => {
            let first = std::fs::read_dir(&dir).unwrap().next()?.unwrap().path();
            let to = dir.with_file_name("..data");
            std::fs::rename(&first, &to).unwrap();
            symlink("../..data", &first).unwrap();
        }
        2 if dir.is_dir() => symlink("nowhere", dir.join("1")).unwrap(),
        2 => symlink("nowhere", &dir).unwrap(),
        3 if dir.is_dir() => symlink("..", dir.join("1")).unwrap(),
        _ => return None,
    }
    Some(format!("links in {}", dir.display()))
}

#[cfg(not(unix))]
fn link(_: &Path, _: &mut Dice) -> Option<String> {
    None
}

#[test]
fn mutated_folders_are_judged_as_fabric_judges_them() {
    let mut healthy = healthy();
    let keys = Keys::take_over(&mut healthy);
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("healthy");
    write(&healthy, &target);
    let Some(verdict) = oracle::msp(&target, "Org1MSP") else { return };
    assert!(verdict.peer_starts(), "{verdict:?}");
    let seed = std::env::var("FABCERT_TEST_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(20_261_123);
    let mut dice = Dice(seed);
    let (mut compared, mut left_out, mut accepted) = (0, 0, 0);
    let mut wrong = Vec::new();
    while compared < MUTANTS {
        let mut folder = healthy.clone();
        let mut changes: Vec<String> = (0..=dice.roll(3)).map(|_| mutate(&mut folder, &keys, &mut dice)).collect();
        if is_beyond_the_judge(&folder) {
            left_out += 1;
            continue;
        }
        compared += 1;
        let target = dir.path().join(format!("m{compared}"));
        std::fs::create_dir(&target).unwrap();
        write(&folder, &target);
        changes.extend(link(&target, &mut dice));
        let disk = Disk::real();
        let ours = verdicts(&DiskFolder::new(&disk, &target), ChannelRules::V1_4_3, now());
        let theirs = oracle::msp(&target, "Org1MSP").expect("it judged the healthy one");
        let channel = oracle::msp_of_channel(&target, "Org1MSP").expect("it judged the healthy one");
        // An organisation's MSP is not judged as a node's; Fabric refuses it as such for want of a certificate.
        let accepts = |v: &Option<Result<(), _>>| v.as_ref().is_some_and(Result::is_ok);
        let pairs = [
            ("peer", accepts(&ours.peer.clone().map(|v| v.map_err(drop))), theirs.peer_starts()),
            ("orderer", accepts(&ours.orderer.clone().map(|v| v.map_err(drop))), theirs.setup),
            ("channel", ours.channel.is_ok(), channel.setup),
        ];
        accepted += usize::from(theirs.peer_starts());
        for (who, we, they) in pairs {
            if we != they {
                wrong.push(format!(
                    "{who}: we {we}, Fabric {they}: {}; ours {:?}; theirs {:?}",
                    changes.join("; "),
                    ours.peer,
                    if who == "channel" { &channel.error } else { &theirs.error }
                ));
            }
        }
        std::fs::remove_dir_all(&target).unwrap();
    }
    println!(
        "{compared} mutants (seed {seed}) compared with Fabric {}, {accepted} of them start a peer, {} disagreements, {left_out} left out",
        verdict.fabric,
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(accepted > MUTANTS / 20 && accepted < MUTANTS, "the mutants are all alike: {accepted} start a peer");
}
