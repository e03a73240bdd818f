//! Answers for the right key, with every name, of CAs that are odd in one way.

use yasna::construct_der;

use super::answering::Answer;
use super::faults::now;
use super::minted::{
    AUTHORITY_KEY_ID, BASIC_CONSTRAINTS, EXTENDED_KEY_USAGE, NAME_CONSTRAINTS, POLICY_CONSTRAINTS, SAN, SUBJECT_KEY_ID,
    Spec, UNKNOWN, authority, key_id, name_constraints, sans, stamp, time, usages, utc_time,
};
use super::scene::NAMES;

pub(super) const ID: &str = "org1-peer1";

pub(super) fn leaf() -> Spec {
    Spec::leaf(ID, &NAMES)
}

/// A leaf below a root.
pub(super) fn below_root(root: &Spec, leaf: &Spec, spki: &[u8]) -> Answer {
    let root = root.self_signed();
    (root.issue(leaf, spki), vec![root.der])
}

/// A leaf below an intermediate CA.
pub(super) fn below_two(root: &Spec, intermediate: &Spec, leaf: &Spec, spki: &[u8]) -> Answer {
    let root = root.self_signed();
    let intermediate = intermediate.issued_by(&root);
    (intermediate.issue(leaf, spki), vec![intermediate.der, root.der])
}

pub(super) fn root() -> Spec {
    Spec::ca("root")
}

pub(super) fn intermediate() -> Spec {
    Spec::ca("intermediate")
}

/// The answer of a healthy CA.
pub(super) fn is_good(spki: &[u8]) -> Answer {
    below_two(&root(), &intermediate(), &leaf(), spki)
}

/// pathLenConstraint 0.
fn short_path() -> Vec<u8> {
    construct_der(|w| {
        w.write_sequence(|w| {
            w.next().write_bool(true);
            w.next().write_u8(0);
        });
    })
}

/// requireExplicitPolicy 0.
fn explicit_policy() -> Vec<u8> {
    vec![0x30, 3, 0x80, 1, 0]
}

/// What is odd about an answer, and the answer.
pub(super) type Named = (&'static str, fn(&[u8]) -> Answer);

/// Answers for the right key and with every name, from which a folder would come that Go or OpenSSL refuses.
pub(super) const REFUSED: &[Named] = &[
    ("the root permits other names", |k| {
        below_root(&root().with(NAME_CONSTRAINTS, true, &name_constraints(0, &["org2.example"])), &leaf(), k)
    }),
    ("the root excludes one requested name", |k| {
        below_root(&root().with(NAME_CONSTRAINTS, true, &name_constraints(1, &[NAMES[1]])), &leaf(), k)
    }),
    ("the intermediate permits one name of two", |k| {
        let ca = intermediate().with(NAME_CONSTRAINTS, false, &name_constraints(0, &[NAMES[0]]));
        below_two(&root(), &ca, &leaf(), k)
    }),
    ("the intermediate is for clients", |k| {
        below_two(&root(), &intermediate().with(EXTENDED_KEY_USAGE, false, &usages("client")), &leaf(), k)
    }),
    ("the intermediate is for servers alone", |k| {
        below_two(&root(), &intermediate().with(EXTENDED_KEY_USAGE, false, &usages("server")), &leaf(), k)
    }),
    ("the root is for e-mail", |k| below_root(&root().with(EXTENDED_KEY_USAGE, false, &usages("email")), &leaf(), k)),
    ("unknown critical extension of the leaf", |k| below_root(&root(), &leaf().with(UNKNOWN, true, &[5, 0]), k)),
    ("unknown critical extension of the intermediate", |k| {
        below_two(&root(), &intermediate().with(UNKNOWN, true, &[5, 0]), &leaf(), k)
    }),
    ("unknown critical extension of the root", |k| below_root(&root().with(UNKNOWN, true, &[5, 0]), &leaf(), k)),
    ("version 1 with extensions", |k| below_root(&root(), &Spec { version: Vec::new(), ..leaf() }, k)),
    ("version 2 with extensions", |k| below_root(&root(), &Spec { version: vec![0xa0, 3, 2, 1, 1], ..leaf() }, k)),
    ("version 4", |k| below_root(&root(), &Spec { version: vec![0xa0, 3, 2, 1, 3], ..leaf() }, k)),
    ("an intermediate of version 1 with extensions", |k| {
        below_two(&root(), &Spec { version: Vec::new(), ..intermediate() }, &leaf(), k)
    }),
    ("duplicate extension of the leaf", |k| {
        let once = leaf().with(SUBJECT_KEY_ID, false, &construct_der(|w| w.write_bytes(&key_id(k))));
        below_root(&root(), &once.with(SUBJECT_KEY_ID, false, &construct_der(|w| w.write_bytes(&key_id(k)))), k)
    }),
    ("duplicate unknown extension of the leaf", |k| {
        below_root(&root(), &leaf().with(UNKNOWN, false, &[5, 0]).with(UNKNOWN, false, &[5, 0]), k)
    }),
    ("duplicate extension of the root", |k| {
        below_root(&root().with(UNKNOWN, false, &[5, 0]).with(UNKNOWN, false, &[5, 0]), &leaf(), k)
    }),
    ("negative serial number", |k| below_root(&root(), &Spec { serial: vec![2, 1, 0xfe], ..leaf() }, k)),
    ("serial number with a needless zero", |k| below_root(&root(), &Spec { serial: vec![2, 2, 0, 0x2a], ..leaf() }, k)),
    ("serial number without a byte", |k| below_root(&root(), &Spec { serial: vec![2, 0], ..leaf() }, k)),
    ("negative serial number of the intermediate", |k| {
        below_two(&root(), &Spec { serial: vec![2, 1, 0xfe], ..intermediate() }, &leaf(), k)
    }),
    ("a date with the offset +0000", |k| {
        let [from, _] = leaf().times;
        let until = utc_time("301231235959+0000");
        below_root(&root(), &Spec { times: [from, until], ..leaf() }, k)
    }),
    ("a date with a fraction of a second", |k| {
        let [from, _] = leaf().times;
        below_root(&root(), &Spec { times: [from, time(0x18, "20301231235959.5Z")], ..leaf() }, k)
    }),
    ("a date in local time", |k| {
        let [_, until] = leaf().times;
        let from = utc_time(stamp(now()).trim_end_matches('Z'));
        below_root(&root(), &Spec { times: [from, until], ..leaf() }, k)
    }),
    ("a DNS name that is not ASCII", |k| {
        let names = sans(&[(2, NAMES[0].as_bytes()), (2, NAMES[1].as_bytes()), (2, "pêer".as_bytes())]);
        below_root(&root(), &leaf().instead(SAN, &names), k)
    }),
    ("an IP address of five bytes", |k| {
        let names = sans(&[(2, NAMES[0].as_bytes()), (2, NAMES[1].as_bytes()), (7, &[10, 0, 0, 1, 1])]);
        below_root(&root(), &leaf().instead(SAN, &names), k)
    }),
    ("a URI that cannot be read", |k| {
        let names = sans(&[(2, NAMES[0].as_bytes()), (2, NAMES[1].as_bytes()), (6, b"http://[::1")]);
        below_root(&root(), &leaf().instead(SAN, &names), k)
    }),
    ("a chain of 130", |k| {
        let root = root().self_signed();
        let mut chain = vec![root.der.clone()];
        let mut last = root;
        for n in 0..130 {
            last = Spec::ca(&format!("ca{n}")).issued_by(&last);
            chain.push(last.der.clone());
        }
        (last.issue(&leaf(), k), chain)
    }),
    ("an intermediate below a root that allows none", |k| {
        below_two(&root().instead(BASIC_CONSTRAINTS, &short_path()), &intermediate(), &leaf(), k)
    }),
    ("two signature algorithms", |k| {
        let sha384 = &[1, 2, 840, 10045, 4, 3, 3];
        below_root(&root(), &Spec { outer_algorithm: sha384, ..leaf() }, k)
    }),
    ("the intermediate requires a policy that the leaf lacks", |k| {
        below_two(&root(), &intermediate().with(POLICY_CONSTRAINTS, true, &explicit_policy()), &leaf(), k)
    }),
    ("the key identifier of another CA", |k| {
        below_root(&root(), &leaf().with(AUTHORITY_KEY_ID, false, &authority(Some(&[7; 20]), None)), k)
    }),
    ("the serial number of another CA certificate", |k| {
        below_root(&root(), &leaf().with(AUTHORITY_KEY_ID, false, &authority(None, Some(("root", 7)))), k)
    }),
    ("any usage alone", |k| below_root(&root(), &leaf().instead(EXTENDED_KEY_USAGE, &usages("any")), k)),
    ("an intermediate with any usage alone", |k| {
        below_two(&root(), &intermediate().with(EXTENDED_KEY_USAGE, false, &usages("any")), &leaf(), k)
    }),
];
