//! Each check of the proof by itself: an answer that is good but for one thing.

use rcgen::{
    BasicConstraints, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyUsagePurpose, NameConstraints,
    date_time_ymd,
};

use super::super::{Purpose, RoleRule, VerifyError};
use super::minted::{Asked, Ca, NOW, authority, below, ca, for_rcgen, leaf, pem, read, root};
use crate::Timestamp;
use crate::pki::key::{KeyAlgorithm, KeyPair};
use crate::pki::x509::{ChainError, NodeOu};

const BOTH: [Purpose; 2] = [Purpose::Sign, Purpose::Tls];

/// What the proof says when only the leaf is changed.
fn of_leaf(purpose: Purpose, change: impl FnOnce(&mut rcgen::CertificateParams)) -> Result<(), VerifyError> {
    let (asked, root) = (Asked::new(purpose), root(ca("root")));
    let mut params = leaf(purpose);
    change(&mut params);
    asked.verify(&asked.issued(&params, &root), &[&root]).map(drop)
}

/// What the proof says when only the intermediate is changed.
fn of_intermediate(purpose: Purpose, change: impl FnOnce(&mut rcgen::CertificateParams)) -> Result<(), VerifyError> {
    let (asked, root) = (Asked::new(purpose), root(ca("root")));
    let mut params = ca("intermediate");
    change(&mut params);
    let intermediate = below(&root, params);
    asked.verify(&asked.issued(&leaf(purpose), &intermediate), &[&root, &intermediate]).map(drop)
}

#[test]
fn a_healthy_answer_is_accepted() {
    for purpose in BOTH {
        assert_eq!(of_leaf(purpose, |_| ()), Ok(()));
        assert_eq!(of_intermediate(purpose, |_| ()), Ok(()));
    }
}

#[test]
fn anything_but_one_certificate_is_refused() {
    let (asked, root) = (Asked::new(Purpose::Tls), root(ca("root")));
    let good = asked.issued(&leaf(Purpose::Tls), &root);
    let key = asked.key.to_pkcs8_pem();
    for other in [String::new(), good.repeat(2), good.clone() + &key, good.replace("CERTIFICATE", "X509 CRL")] {
        assert!(matches!(asked.verify(&other, &[&root]), Err(VerifyError::NotOneCertificate { .. })), "{other}");
    }
    let with_key = asked.verify(&(good + &key), &[&root]).unwrap_err();
    assert!(with_key.to_string().contains("a private key"), "{with_key}");
    assert!(matches!(asked.verify(&pem(b"no DER"), &[&root]), Err(VerifyError::Unreadable(_))));
    assert!(matches!(asked.verify("-----BEGIN CERTIFICATE-----\n!", &[&root]), Err(VerifyError::Pem(_))));
}

#[test]
fn another_key_is_refused() {
    let (asked, root) = (Asked::new(Purpose::Tls), root(ca("root")));
    let stranger = KeyPair::generate(KeyAlgorithm::P256).unwrap();
    let other = pem(leaf(Purpose::Tls).signed_by(&for_rcgen(&stranger), &root).unwrap().der());
    assert!(matches!(asked.verify(&other, &[&root]), Err(VerifyError::OtherKey { .. })));
}

#[test]
fn another_common_name_or_none_is_refused() {
    let other = of_leaf(Purpose::Sign, |p| p.distinguished_name.push(DnType::CommonName, "peer2"));
    assert!(matches!(other, Err(VerifyError::OtherId { found: Some(found), .. }) if found == "peer2"));
    let none = of_leaf(Purpose::Sign, |p| assert!(p.distinguished_name.remove(DnType::CommonName)));
    assert!(matches!(none, Err(VerifyError::OtherId { found: None, .. })));
}

#[test]
fn a_leaf_that_is_a_ca_is_refused() {
    for purpose in BOTH {
        let found = of_leaf(purpose, |p| p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
        assert!(matches!(found, Err(VerifyError::IsCa { .. })), "{found:?}");
    }
}

#[test]
fn a_missing_name_is_refused_and_an_added_one_is_a_warning() {
    let (mut asked, root) = (Asked::new(Purpose::Tls), root(ca("root")));
    let good = asked.issued(&leaf(Purpose::Tls), &root);
    assert!(asked.verify(&good, &[&root]).unwrap().warnings().is_empty());
    asked.sans.push("10.0.0.1".parse().unwrap());
    assert!(matches!(
        asked.verify(&good, &[&root]),
        Err(VerifyError::SanMissing { missing, requested: 3, .. }) if missing == ["10.0.0.1".parse().unwrap()]
    ));
    asked.sans = vec!["gateway".parse().unwrap()];
    let verified = asked.verify(&good, &[&root]).unwrap();
    assert!(verified.warnings()[0].contains("peer1"), "{:?}", verified.warnings());
}

#[test]
fn a_leaf_out_of_its_validity_is_refused_and_a_clock_that_is_off_is_named() {
    let at = |text: &str| Timestamp::parse_rfc3339(text).unwrap();
    let (mut asked, root) = (Asked::new(Purpose::Sign), root(ca("root")));
    let good = asked.issued(&leaf(Purpose::Sign), &root);
    for (now, is_valid) in [
        ("2026-10-31T23:59:59Z", false),
        ("2026-11-01T00:00:00Z", true),
        ("2027-10-31T23:59:59Z", true),
        ("2027-11-01T00:00:00Z", false),
    ] {
        (asked.now, asked.server_date) = (at(now), Some(NOW));
        match asked.verify(&good, &[&root]) {
            Ok(_) => assert!(is_valid, "{now}"),
            Err(e @ (VerifyError::NotYetValid { .. } | VerifyError::Expired { .. })) => {
                assert!(!is_valid, "{now}");
                assert!(e.to_string().contains("the clock here is"), "{e}");
            }
            Err(e) => panic!("{now}: {e}"),
        }
    }
}

#[test]
fn a_ca_out_of_its_validity_is_refused_at_the_time_that_counts() {
    // It ended before the leaf began.
    let ended = |p: &mut rcgen::CertificateParams| p.not_after = date_time_ymd(2026, 10, 1);
    // It ended between the start of the leaf and now.
    let just_ended = |p: &mut rcgen::CertificateParams| p.not_after = date_time_ymd(2026, 11, 10);
    // It begins after the leaf, and before now.
    let later = |p: &mut rcgen::CertificateParams| p.not_before = date_time_ymd(2026, 11, 10);
    let is_refused = |found: Result<(), VerifyError>| matches!(found, Err(VerifyError::CaOutOfDate { .. }));
    for purpose in BOTH {
        assert!(is_refused(of_intermediate(purpose, ended)));
        assert_eq!(is_refused(of_intermediate(purpose, just_ended)), purpose == Purpose::Tls);
        assert_eq!(is_refused(of_intermediate(purpose, later)), purpose == Purpose::Sign);
        let (asked, mut params) = (Asked::new(purpose), ca("root"));
        ended(&mut params);
        let root = root(params);
        assert!(is_refused(asked.verify(&asked.issued(&leaf(purpose), &root), &[&root]).map(drop)));
    }
}

#[test]
fn the_usages_of_a_tls_leaf_are_both_and_named() {
    use ExtendedKeyUsagePurpose::{Any, ClientAuth, ServerAuth};
    for (usages, words) in [
        (vec![], Some("no extended key usage")),
        (vec![ServerAuth], Some("lacks client auth")),
        (vec![ClientAuth], Some("lacks server auth")),
        (vec![Any], Some("in place of server auth")),
        (vec![Any, ServerAuth], Some("in place of client auth")),
        (vec![Any, ServerAuth, ClientAuth], None),
    ] {
        let found = of_leaf(Purpose::Tls, |p| p.extended_key_usages = usages.clone());
        match words {
            None => assert_eq!(found, Ok(())),
            Some(words) => {
                let e = found.unwrap_err();
                assert!(matches!(e, VerifyError::Usage { purpose: "TLS", .. }) && e.to_string().contains(words), "{e}");
            }
        }
    }
}

#[test]
fn the_usages_of_a_signing_leaf_are_what_fabric_takes() {
    use ExtendedKeyUsagePurpose::{Any, ClientAuth, ServerAuth};
    for (usages, is_accepted) in
        [(vec![], true), (vec![Any], true), (vec![ServerAuth], true), (vec![ClientAuth], false)]
    {
        let found = of_leaf(Purpose::Sign, |p| p.extended_key_usages = usages.clone());
        assert_eq!(found.is_ok(), is_accepted, "{usages:?}: {found:?}");
    }
}

#[test]
fn a_leaf_without_digital_signature_is_refused() {
    for purpose in BOTH {
        let found = of_leaf(purpose, |p| p.key_usages = vec![KeyUsagePurpose::KeyEncipherment]);
        assert!(matches!(found, Err(VerifyError::Usage { why, .. }) if why.contains("digitalSignature")), "{found:?}");
        assert_eq!(of_leaf(purpose, |p| p.key_usages.clear()), Ok(()), "without the extension all is allowed");
    }
}

#[test]
fn the_usages_of_a_tls_ca_bind_what_is_below() {
    use ExtendedKeyUsagePurpose::{Any, ClientAuth, ServerAuth};
    for usages in [vec![ServerAuth], vec![ClientAuth], vec![Any]] {
        let found = of_intermediate(Purpose::Tls, |p| p.extended_key_usages = usages.clone());
        assert!(matches!(found, Err(VerifyError::CaUsage { .. })), "{usages:?}: {found:?}");
    }
    let both = |p: &mut rcgen::CertificateParams| p.extended_key_usages = vec![ServerAuth, ClientAuth];
    assert_eq!(of_intermediate(Purpose::Tls, both), Ok(()));
    // An MSP folder is judged as a whole.
    assert_eq!(of_intermediate(Purpose::Sign, |p| p.extended_key_usages = vec![Any]), Ok(()));
}

#[test]
fn the_role_is_the_one_that_was_asked_for() {
    let root = root(ca("root"));
    for (units, role, is_accepted) in [
        (&["peer"][..], RoleRule::Exactly(NodeOu::Peer), true),
        (&["orderer"], RoleRule::Exactly(NodeOu::Peer), false),
        (&["peer", "admin"], RoleRule::Exactly(NodeOu::Peer), false),
        (&["org1"], RoleRule::ExactlyOne, false),
        (&["client"], RoleRule::ExactlyOne, true),
        (&["org1"], RoleRule::Any, true),
    ] {
        let mut asked = Asked::new(Purpose::Sign);
        asked.role = role;
        let mut params = leaf(Purpose::Sign);
        params.distinguished_name.remove(DnType::OrganizationalUnitName);
        for (unit, kind) in units.iter().zip([DnType::OrganizationalUnitName, DnType::CustomDnType(vec![2, 5, 4, 11])])
        {
            params.distinguished_name.push(kind, *unit);
        }
        let found = asked.verify(&asked.issued(&params, &root), &[&root]).map(drop);
        match found {
            Ok(()) => assert!(is_accepted, "{units:?}"),
            Err(VerifyError::Role { .. }) => assert!(!is_accepted, "{units:?}"),
            Err(e) => panic!("{units:?}: {e}"),
        }
    }
}

#[test]
fn a_chain_that_ends_nowhere_or_holds_another_certificate_is_refused() {
    let (asked, root) = (Asked::new(Purpose::Tls), root(ca("root")));
    let intermediate = below(&root, ca("intermediate"));
    let good = asked.issued(&leaf(Purpose::Tls), &intermediate);
    assert!(matches!(asked.verify(&good, &[]), Err(VerifyError::Chain(ChainError::Empty))));
    assert!(matches!(asked.verify(&good, &[&root]), Err(VerifyError::Chain(ChainError::IssuerMissing { .. }))));
    assert!(matches!(asked.verify(&good, &[&intermediate]), Err(VerifyError::Chain(ChainError::IssuerMissing { .. }))));
    let with_leaf = pem(root.der()) + &pem(intermediate.der()) + &good;
    assert!(matches!(asked.verify_pem(&good, &with_leaf), Err(VerifyError::NonCaInChain { .. })));
    let broken = pem(root.der()) + &pem(b"no DER");
    assert!(matches!(asked.verify_pem(&good, &broken), Err(VerifyError::ChainUnreadable(_))));
}

#[test]
fn a_ca_that_may_not_issue_is_refused() {
    let found = of_intermediate(Purpose::Tls, |p| p.key_usages = vec![KeyUsagePurpose::CrlSign]);
    assert!(matches!(found, Err(VerifyError::Chain(ChainError::NotCa { .. }))), "{found:?}");
    let (asked, mut params) = (Asked::new(Purpose::Tls), ca("root"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let root = root(params);
    let intermediate = below(&root, ca("intermediate"));
    let found = asked.verify(&asked.issued(&leaf(Purpose::Tls), &intermediate), &[&root, &intermediate]).map(drop);
    assert!(matches!(found, Err(VerifyError::Chain(ChainError::PathLength { allowed: 0, found: 1, .. }))), "{found:?}");
}

#[test]
fn the_pinned_root_is_known_by_its_key() {
    let (mut asked, stranger) = (Asked::new(Purpose::Tls), root(ca("other root")));
    let key = KeyPair::generate(KeyAlgorithm::P256).unwrap();
    let of_year = |year| {
        let mut params = ca("root");
        params.not_after = date_time_ymd(year, 1, 1);
        Ca::self_signed(params, for_rcgen(&key)).unwrap()
    };
    let (old, new) = (of_year(2026), of_year(2036));
    let good = asked.issued(&leaf(Purpose::Tls), &new);
    asked.pinned_root = Some(read(old.der()));
    for chain in [[&old, &new], [&new, &old]] {
        assert_eq!(asked.verify(&good, &chain).unwrap().chain().root, read(new.der()), "renewed with the same key");
    }
    asked.pinned_root = Some(read(stranger.der()));
    assert!(matches!(asked.verify(&good, &[&new]), Err(VerifyError::OtherRoot { .. })));
    // Of two roots the pinned one is taken.
    let cross = pem(ca("root").signed_by(&for_rcgen(&key), &stranger).unwrap().der());
    let both = [pem(new.der()), cross, pem(stranger.der())].concat();
    let verified = asked.verify_pem(&good, &both).unwrap();
    assert_eq!(verified.chain().root, read(stranger.der()));
}

#[test]
fn of_two_paths_the_one_that_go_accepts_is_taken() {
    for purpose in BOTH {
        let (asked, mut params) = (Asked::new(purpose), ca("narrow"));
        let excluded_subtrees = vec![GeneralSubtree::DnsName("gateway".to_owned())];
        params.name_constraints = Some(NameConstraints { permitted_subtrees: Vec::new(), excluded_subtrees });
        let (narrow, wide) = (root(params), root(ca("wide")));
        let key = KeyPair::generate(KeyAlgorithm::P256).unwrap();
        let by = |upper: &Ca| Ca::signed_by(ca("intermediate"), for_rcgen(&key), upper).unwrap();
        let (below_narrow, below_wide) = (by(&narrow), by(&wide));
        let good = asked.issued(&leaf(purpose), &below_wide);
        let mut chain = [&narrow, &below_narrow, &wide, &below_wide];
        for _ in 0..2 {
            assert_eq!(asked.verify(&good, &chain).unwrap().chain().root, read(wide.der()));
            chain.reverse();
        }
        // The refusal of the folder says more than one of the proof could.
        assert_eq!(asked.verify(&good, &[&narrow, &below_narrow]).unwrap().chain().root, read(narrow.der()));
    }
}

#[test]
fn a_tls_certificate_that_names_another_ca_certificate_is_refused() {
    let wrong = |p: &mut rcgen::CertificateParams| {
        p.use_authority_key_identifier_extension = false;
        p.custom_extensions = vec![authority(&[7; 20])];
    };
    for found in [of_leaf(Purpose::Tls, wrong), of_intermediate(Purpose::Tls, wrong)] {
        assert!(matches!(found, Err(VerifyError::Authority { .. })), "{found:?}");
    }
    // Fabric does not look at it.
    assert_eq!(of_leaf(Purpose::Sign, wrong), Ok(()));
}
