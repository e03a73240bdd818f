//! What is refused before a request is sent to the CA, and refusals that outlive a pod.

use serde_json::json;

use super::api_server::Namespace;
use super::secrets::{ID, enroll, enroll_as};
use crate::real::{CaUnderTest as _, RealCa, Registration};
use crate::reserved;

#[test]
fn a_secret_of_somebody_else_is_refused_before_a_request() {
    let (Some(ca), Some(namespace)) = (RealCa::builder().start(), Namespace::create("foreign")) else { return };
    ca.register(&Registration::peer(ID, "peerpw"));
    namespace.post_secret(&json!({"metadata": {"name": ID}, "stringData": {"password": "x"}}));
    let (before, sent) = (namespace.versions(), ca.answered().len());
    let ran = enroll(&namespace, &ca, &[]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.stdout.contains("foreign/org1-peer1 exists, and fabcert did not write it"), "{ran:?}");
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
