//! What is refused before a request is sent to the CA, and refusals that outlive a pod.

use serde_json::json;

use super::api_server::Namespace;
use super::secrets::{ID, arguments, enroll, enroll_as};
use crate::real::{CaUnderTest as _, RealCa, Registration};
use crate::reserved;

#[test]
fn a_secret_of_somebody_else_is_refused_before_a_request() {
    let (Some(ca), Some(namespace)) = (RealCa::builder().start(), Namespace::create("foreign")) else { return };
    ca.register(&Registration::peer(ID, "peerpw"));
    let pair = json!({"tls.crt": "", "tls.key": ""});
    namespace.post_secret(&json!({"metadata": {"name": "other"}, "type": "kubernetes.io/tls", "stringData": pair}));
    let labels = json!({"app.kubernetes.io/managed-by": "fabcert"});
    namespace.post_secret(&json!({"metadata": {"name": ID, "labels": labels}, "stringData": {"password": "x"}}));
    let fixed = json!({"metadata": {"name": "fixed-msp", "labels": labels}, "immutable": true});
    namespace.post_secret(&fixed);
    let (before, sent) = (namespace.versions(), ca.answered().len());
    for (name, reason) in [
        ("other", "foreign/other exists, and fabcert did not write it"),
        (ID, "foreign/org1-peer1 has the type Opaque, and fabcert needs kubernetes.io/tls"),
        ("fixed", "foreign/fixed-msp is immutable"),
    ] {
        let ran = enroll(&namespace, &ca, &["--k8s-secret", name]);
        assert_eq!(ran.code, 4, "{ran:?}");
        assert!(ran.stdout.contains(reason), "{reason}: {ran:?}");
    }
    assert_eq!((namespace.versions(), ca.answered().len()), (before, sent));
}

/// Somebody edits the pair of fabcert by hand: it is not overwritten.
#[test]
fn a_pair_that_another_manager_wrote_is_not_overwritten() {
    let (Some(ca), Some(namespace)) = (RealCa::builder().start(), Namespace::create("edited")) else { return };
    ca.register(&Registration::peer(ID, "peerpw"));
    namespace.post_secret(&json!({
        "metadata": {"name": ID, "labels": {"app.kubernetes.io/managed-by": "fabcert"}},
        "type": "kubernetes.io/tls",
        "stringData": {"tls.crt": "", "tls.key": ""},
    }));
    let ran = enroll(&namespace, &ca, &["--force"]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.stdout.contains("somebody else writes to it"), "{ran:?}");
}

#[test]
fn without_a_role_nothing_is_sent_to_the_ca() {
    let (Some(ca), Some(namespace)) = (RealCa::builder().start(), Namespace::create("role")) else { return };
    ca.register(&Registration::peer(ID, "peerpw"));
    let sent = ca.answered().len();
    let ran = enroll_as(&namespace, "nobody-token", &ca, "peerpw", &[]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.stdout.contains("a Role in the namespace role must allow"), "{ran:?}");
    // It may read and not write: the state cannot be kept, so no key is certified.
    namespace.allow_few(&["get"], &[]);
    let ran = enroll_as(&namespace, "few-token", &ca, "peerpw", &[]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert_eq!(ca.answered().len(), sent);
}

#[test]
fn an_api_server_that_is_down_is_named() {
    let (Some(ca), Some(namespace)) = (RealCa::builder().start(), Namespace::create("down")) else { return };
    let kubeconfig = namespace.kubeconfig_at(&format!("https://{}", reserved::nobody()), "down-token");
    let ran = enroll(&namespace, &ca, &["--kubeconfig", &kubeconfig]);
    assert_eq!(ran.code, 6, "{ran:?}");
    assert!(ran.stdout.contains("cannot read the Secret down/org1-peer1"), "{ran:?}");
}

#[test]
fn a_token_that_the_api_server_does_not_know_is_named() {
    let (Some(ca), Some(namespace)) = (RealCa::builder().start(), Namespace::create("token")) else { return };
    let ran = enroll_as(&namespace, "unknown-token", &ca, "peerpw", &[]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.stdout.contains("does not know the credentials"), "{ran:?}");
}

/// Each run is a new pod with an empty disk.
#[test]
fn a_wrong_secret_is_counted_over_pods() {
    let (Some(ca), Some(namespace)) = (RealCa::builder().start(), Namespace::create("counted")) else { return };
    ca.register(&Registration::peer(ID, "peerpw"));
    for round in 0..20 {
        let ran = enroll_as(&namespace, "admin-token", &ca, "wrong", &[]);
        assert_eq!(ran.code, 7, "{round}: {ran:?}");
    }
    // The first is sent at once, one more after 10 s, one more after a minute.
    let refused = ca.count_status("enroll", 401);
    assert!((1..=3).contains(&refused), "{refused}");
    let ran = enroll(&namespace, &ca, &[]);
    assert_eq!(ran.code, 0, "the right secret works: {ran:?}");
}

/// The annotation says where each key belongs; without it nobody knows which certificate the identity has.
#[test]
fn an_msp_whose_files_are_not_named_is_refused_before_a_request() {
    let (Some(ca), Some(namespace)) = (RealCa::builder().start(), Namespace::create("items")) else { return };
    ca.register(&Registration::peer(ID, "peerpw"));
    assert_eq!(enroll(&namespace, &ca, &[]).code, 0);
    let sent = ca.answered().len();
    for items in [json!(null), json!("[]"), json!("[{\"key\":\"key.pem\",\"path\":\"../../x\"}]"), json!("x")] {
        namespace.annotate("org1-peer1-msp", "fabcert.dev/items", items);
        let ran = enroll(&namespace, &ca, &[]);
        assert_eq!(ran.code, 4, "{ran:?}");
        assert!(ran.stdout.contains("the annotation fabcert.dev/items of the Secret org1-peer1-msp"), "{ran:?}");
    }
    assert_eq!(ca.answered().len(), sent);
}

/// Keys and labels of others stay, and do not matter.
#[test]
fn keys_of_others_are_left_alone() {
    let (Some(ca), Some(namespace)) = (RealCa::builder().start(), Namespace::create("others")) else { return };
    ca.register(&Registration::peer(ID, "peerpw"));
    assert_eq!(enroll(&namespace, &ca, &[]).code, 0);
    for name in [ID, "org1-peer1-msp", "org1-peer1-fabcert"] {
        namespace.change(name, &json!({"stringData": {"note.txt": "x"}}));
    }
    let args = arguments("reenroll", &ca, &[]);
    let ran = namespace.fabcert(&args.iter().map(String::as_str).collect::<Vec<_>>(), None);
    assert_eq!(ran.code, 0, "{ran:?}");
    for name in [ID, "org1-peer1-msp", "org1-peer1-fabcert"] {
        assert!(namespace.secret(name).unwrap()["data"]["note.txt"].is_string(), "{name}");
    }
}

#[test]
fn a_name_that_no_namespace_has_is_refused() {
    let (Some(ca), Some(namespace)) = (RealCa::builder().start(), Namespace::create("names")) else { return };
    for name in ["", "..", "a/b", "a?b", "Upper"] {
        let ran = enroll(&namespace, &ca, &["--k8s-namespace", name]);
        assert_eq!(ran.code, 4, "{name}: {ran:?}");
        assert!(ran.stdout.contains("cannot be the name of a namespace"), "{name}: {ran:?}");
    }
}
