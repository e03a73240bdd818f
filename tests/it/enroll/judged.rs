//! No TLS folder is installed that Go or OpenSSL refuses, and no folder that the audit calls refused.

use std::process::Command;

use super::answering::{Answer, Answering, Form, refusals};
use super::faults::now;
use super::minted::{
    AUTHORITY_KEY_ID, Ca, EXTENDED_KEY_USAGE, NAME_CONSTRAINTS, Spec, authority, name_constraints, parts, pem,
    sign_again, usages, utc_time,
};
use super::odd_answers::{ID, Named, REFUSED, below_root, below_two, intermediate, is_good, leaf, root};
use super::scene::NAMES;
use crate::command::{fabcert, tree};
use crate::real::tools::{self, Tool};
use fabcert::pki::key::{KeyAlgorithm, KeyPair};

#[test]
fn an_answer_that_gives_a_refused_tls_folder_is_not_installed() {
    assert!(REFUSED.len() >= 20);
    let server = Answering::with(is_good);
    for form in [Form::Tls, Form::TlsInMsp] {
        server.answer(is_good);
        let good = server.enroll(form);
        assert_eq!(good.code, 0, "{good:?}");
        assert_eq!(refusals(&server.folder(form), true), [""; 0]);
        let before = tree(&server.folder(form));
        let mut wrong = Vec::new();
        for (name, maker) in REFUSED {
            server.answer(maker);
            let ran = server.enroll(form);
            let is_untouched = tree(&server.folder(form)) == before;
            if ran.code != 8 || !is_untouched || !ran.stderr.contains("nothing was written") {
                wrong.push(format!("{name}: exit {}, untouched: {is_untouched}: {}", ran.code, ran.stderr));
            }
        }
        assert!(wrong.is_empty(), "{form:?}: {} of {}:\n{}", wrong.len(), REFUSED.len(), wrong.join("\n"));
    }
}

/// Where Go accepts, OpenSSL decides.
const FOR_OPENSSL: &[Named] = &[
    ("nothing odd", is_good),
    ("the key identifier of another CA", |k| {
        below_root(&root(), &leaf().with(AUTHORITY_KEY_ID, false, &authority(Some(&[7; 20]), None)), k)
    }),
    ("no key identifier", |k| below_root(&root(), &leaf().with(AUTHORITY_KEY_ID, false, &authority(None, None)), k)),
    ("the right name and serial number", |k| {
        below_root(&root(), &leaf().with(AUTHORITY_KEY_ID, false, &authority(None, Some(("root", 0x2a)))), k)
    }),
    ("the right name in capitals", |k| {
        below_root(&root(), &leaf().with(AUTHORITY_KEY_ID, false, &authority(None, Some(("ROOT", 0x2a)))), k)
    }),
    ("another serial number", |k| {
        below_root(&root(), &leaf().with(AUTHORITY_KEY_ID, false, &authority(None, Some(("root", 0x2b)))), k)
    }),
    ("another name", |k| {
        below_root(&root(), &leaf().with(AUTHORITY_KEY_ID, false, &authority(None, Some(("other", 0x2a)))), k)
    }),
    ("an intermediate with the key identifier of another CA", |k| {
        let ca = intermediate().with(AUTHORITY_KEY_ID, false, &authority(Some(&[7; 20]), None));
        below_two(&root(), &ca, &leaf(), k)
    }),
    ("a root that does not name itself", |k| {
        below_root(&root().with(AUTHORITY_KEY_ID, false, &authority(Some(&[7; 20]), None)), &leaf(), k)
    }),
    ("any usage alone", |k| below_root(&root(), &leaf().instead(EXTENDED_KEY_USAGE, &usages("any")), k)),
    ("any usage and server auth", |k| {
        below_root(&root(), &leaf().instead(EXTENDED_KEY_USAGE, &usages("any server")), k)
    }),
    ("any usage beside both", |k| {
        below_root(&root(), &leaf().instead(EXTENDED_KEY_USAGE, &usages("any server client")), k)
    }),
    ("a root with any usage alone", |k| {
        below_root(&root().with(EXTENDED_KEY_USAGE, false, &usages("any")), &leaf(), k)
    }),
    ("an intermediate with any usage alone", |k| {
        below_two(&root(), &intermediate().with(EXTENDED_KEY_USAGE, false, &usages("any")), &leaf(), k)
    }),
    ("an intermediate for both", |k| {
        below_two(&root(), &intermediate().with(EXTENDED_KEY_USAGE, false, &usages("server client")), &leaf(), k)
    }),
];

/// What OpenSSL says to the chain as a server's and as a client's.
fn openssl_accepts(program: &std::path::Path, leaf: &[u8], chain: &[Vec<u8>]) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, certificates: &[Vec<u8>]| {
        let path = dir.path().join(name);
        std::fs::write(&path, pem(certificates)).unwrap();
        path
    };
    let (root, between) = chain.split_last().unwrap();
    let (leaf, root) = (file("leaf", &[leaf.to_vec()]), file("root", std::slice::from_ref(root)));
    let verify = |purpose: &str| {
        let mut command = Command::new(program);
        command.args(["verify", "-no-CAstore", "-no-CApath", "-purpose", purpose, "-CAfile"]).arg(&root);
        if !between.is_empty() {
            command.arg("-untrusted").arg(file("between", between));
        }
        command.arg(&leaf).output().unwrap().status.success()
    };
    verify("sslserver") && verify("sslclient")
}

#[test]
fn a_tls_certificate_is_accepted_where_openssl_accepts_it() {
    let Some(openssl) = tools::find(Tool::OpenSsl) else { return };
    let server = Answering::with(is_good);
    let mut accepted = Vec::new();
    for (name, maker) in FOR_OPENSSL {
        let said = std::sync::Arc::new(std::sync::Mutex::new(false));
        let (program, heard) = (openssl.clone(), std::sync::Arc::clone(&said));
        server.answer(move |k| {
            let (leaf, chain) = maker(k);
            *heard.lock().unwrap() = openssl_accepts(&program, &leaf, &chain);
            (leaf, chain)
        });
        let ran = server.enroll(Form::Tls);
        let said = *said.lock().unwrap();
        assert_eq!(ran.code, if said { 0 } else { 8 }, "{name}: OpenSSL accepts: {said}: {ran:?}");
        // The audit says it too.
        if said {
            accepted.push(*name);
            assert_eq!(refusals(&server.folder(Form::Tls), true), [""; 0], "{name}");
        }
    }
    let expected = [
        "nothing odd",
        "no key identifier",
        "the right name and serial number",
        "the right name in capitals",
        "any usage beside both",
        "an intermediate for both",
    ];
    assert_eq!(accepted, expected);
}

/// A root with two certificates for one key, and the key.
struct Renewed {
    old: Ca,
    new: Ca,
}

fn renewed(old: impl FnOnce(Spec) -> Spec) -> Renewed {
    let key = KeyPair::generate(KeyAlgorithm::P256).unwrap();
    let again = KeyPair::from_pem(key.to_pkcs8_pem().as_bytes()).unwrap();
    Renewed { old: old(root()).self_signed_with(key), new: root().self_signed_with(again) }
}

fn expired(spec: Spec) -> Spec {
    Spec { times: [utc_time("200101000000Z"), utc_time("250101000000Z")], ..spec }
}

/// Makes the answer with this leaf for a key.
type BelowTwoPaths = fn(&Spec, &[u8]) -> Answer;

/// Answers in which a CA has two certificates for one key, and one path alone is good.
const TWO_PATHS: &[(&str, BelowTwoPaths)] = &[
    ("renewed", |leaf, k| {
        let Renewed { old, new } = renewed(expired);
        (new.issue(leaf, k), vec![old.der, new.der])
    }),
    ("cross-signed by a CA that is not in the answer", |leaf, k| {
        let other = Spec::ca("other").self_signed();
        let ca = root().self_signed();
        let cross = root().signed(&ca.key.spki_der(), &other.common_name, &other.key);
        (ca.issue(leaf, k), vec![cross, ca.der])
    }),
    ("cross-signed by a CA that excludes a name", |leaf, k| {
        let narrow = Spec::ca("narrow").with(NAME_CONSTRAINTS, true, &name_constraints(1, &[NAMES[1]]));
        let (narrow, wide) = (narrow.self_signed(), Spec::ca("wide").self_signed());
        let ca = intermediate().issued_by(&wide);
        let cross = intermediate().signed(&ca.key.spki_der(), "narrow", &narrow.key);
        (ca.issue(leaf, k), vec![narrow.der, cross, wide.der, ca.der])
    }),
];

#[test]
fn a_renewed_or_cross_signed_ca_is_accepted_in_any_order() {
    let server = Answering::with(is_good);
    for form in [Form::Tls, Form::TlsInMsp, Form::Msp] {
        for (name, maker) in TWO_PATHS {
            for is_reversed in [false, true] {
                server.answer(move |k| {
                    let leaf = if form == Form::Msp { leaf().without(EXTENDED_KEY_USAGE) } else { leaf() };
                    let (leaf, mut chain) = maker(&leaf, k);
                    if is_reversed {
                        chain.reverse();
                    }
                    (leaf, chain)
                });
                let ran = server.enroll(form);
                assert_eq!(ran.code, 0, "{name}, {form:?}, reversed: {is_reversed}: {ran:?}");
                assert_eq!(refusals(&server.folder(form), form != Form::Msp), [""; 0], "{name}, {form:?}");
            }
        }
    }
}

#[test]
fn a_pool_of_cross_signed_cas_does_not_hold_a_run_up() {
    let server = Answering::with(|k| {
        // Twelve layers of four certificates for one key each: 16 million paths, of which none ends.
        let mut chain = Vec::new();
        let mut upper = Spec::ca("missing").self_signed();
        for layer in 0..12 {
            let key = KeyPair::generate(KeyAlgorithm::P256).unwrap();
            let spec = Spec::ca(&format!("layer{layer}"));
            for serial in 1..5 {
                let copy = Spec { serial: vec![2, 1, serial], ..spec.clone() };
                chain.push(upper.issue(&copy, &key.spki_der()));
            }
            upper = Ca { der: Vec::new(), key, common_name: spec.common_name };
        }
        (upper.issue(&leaf(), k), chain)
    });
    let begun = std::time::Instant::now();
    let ran = server.enroll(Form::Tls);
    assert_eq!(ran.code, 8, "{ran:?}");
    assert!(ran.stderr.contains("no chain was found within"), "{ran:?}");
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}

/// `SplitMix64` (Steele, Lea and Flood 2014).
struct Generator(u64);

impl Generator {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) >> 33).unwrap() % end
    }

    /// One byte of the extensions or of what is before them is another one.
    fn mutate(&mut self, tbs: &mut [u8]) {
        const ODD: [u8; 8] = [0, 1, 2, 0x30, 0x7f, 0x80, 0x82, 0xff];
        let at = 4 + self.below(tbs.len() - 4);
        tbs[at] = match self.below(3) {
            0 => tbs[at] ^ (1 << self.below(8)),
            1 => tbs[at].wrapping_add(1),
            _ => ODD[self.below(ODD.len())],
        };
    }
}

/// Enrols with answers of which one certificate has one byte changed and is signed again: an installed folder is accepted,
/// and a refused answer changes nothing.
fn enrol_with_mutants(form: Form) {
    const MUTANTS: u64 = 120;
    let leaf = move || if form == Form::Msp { leaf().without(EXTENDED_KEY_USAGE) } else { leaf() };
    let server = Answering::with(move |k| below_two(&root(), &intermediate(), &leaf(), k));
    assert_eq!(server.enroll(form).code, 0);
    let mut installed = 0;
    for seed in 0..MUTANTS {
        server.answer(move |k| {
            let mut random = Generator(seed);
            let root = root().self_signed();
            let ca = intermediate().issued_by(&root);
            let mut path = [ca.issue(&leaf(), k), ca.der, root.der];
            // Half of the mutants are leaves.
            let (mutant, issuer) = [(0, &ca.key), (1, &root.key), (0, &ca.key), (2, &root.key)][random.below(4)];
            let mut tbs = parts(&path[mutant]).0;
            random.mutate(&mut tbs);
            path[mutant] = sign_again(&tbs, &path[mutant], issuer);
            let [leaf, ca, root] = path;
            (leaf, vec![ca, root])
        });
        let before = tree(&server.folder(form));
        let ran = server.enroll(form);
        match ran.code {
            0 => {
                installed += 1;
                assert_eq!(refusals(&server.folder(form), form != Form::Msp), [""; 0], "mutant {seed}");
            }
            8 => assert!(tree(&server.folder(form)) == before, "mutant {seed}"),
            _ => panic!("mutant {seed}: {ran:?}"),
        }
    }
    assert!((1..MUTANTS).contains(&installed), "{installed} of {MUTANTS} were installed");
}

#[test]
fn a_mutated_tls_answer_is_refused_or_gives_a_folder_that_the_audit_accepts() {
    enrol_with_mutants(Form::Tls);
}

#[test]
fn a_mutated_signing_answer_is_refused_or_gives_a_folder_that_the_audit_accepts() {
    enrol_with_mutants(Form::Msp);
}

/// Every fault of the dev CA, for a signing and for a TLS certificate.
#[test]
fn no_fault_of_the_dev_ca_leaves_a_folder_that_the_audit_refuses() {
    use fabcert::devca::{DevCa, DevCaConfig, FAULT_NAMES, Fault, FaultRule, IdentitySpec};
    let peer = IdentitySpec::new(ID, "peerpw", "peer");
    let ca = DevCa::spawn_thread(DevCaConfig::new(now).with_identity(peer)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let anchor = dir.path().join("anchor.pem");
    std::fs::write(&anchor, ca.tls_anchor_pem()).unwrap();
    let (anchor, msp, tls) = (anchor.display().to_string(), dir.path().join("p/msp"), dir.path().join("p/tls"));
    let mut installed = 0;
    for (form, folder) in [(Form::Msp, &msp), (Form::Tls, &tls)] {
        for listed in FAULT_NAMES {
            let name = listed.split(['[', '=']).next().unwrap();
            let fault = match name {
                "clock-skew" => "clock-skew=3600".to_owned(),
                "slow" => "slow=0".to_owned(),
                "delay" => "delay=1".to_owned(),
                "huge-body" => "huge-body=2".to_owned(),
                // No answer comes, and there is nothing to judge.
                "silent" => continue,
                _ if name.starts_with("redirect") => format!("{name}=http://127.0.0.1:9/"),
                _ => name.to_owned(),
            };
            ca.set_fault(FaultRule::new(fault.parse::<Fault>().unwrap()));
            let target = folder.display().to_string();
            let mut args = vec!["enroll", "--url", ca.url(), "--id", ID, "--tls-ca", &anchor, "--force"];
            args.extend(["--timeout", "5s"]);
            match form {
                Form::Msp => args.extend(["--msp-dir", &target]),
                _ => args.extend(["--tls-dir", &target, "--san", NAMES[0], "--san", NAMES[1]]),
            }
            let ran = fabcert(&args, Some("peerpw"));
            ca.clear_faults();
            assert!([0, 6, 8].contains(&ran.code), "{fault}: {ran:?}");
            if ran.code == 0 {
                installed += 1;
                assert_eq!(refusals(folder, form == Form::Tls), [""; 0], "{form:?} {fault}");
            }
        }
    }
    assert!(installed >= 8, "{installed}");
}
