//! Exit codes and messages without a CA.

use crate::command::fabcert;
use crate::enroll::scene::text;

#[test]
fn what_is_missing_is_listed_without_id_secret_and_names() {
    let ran = fabcert(&["reenroll"], None);
    assert_eq!(ran.code, 2, "{ran:?}");
    for flag in ["--url <URL>", "--tls-ca <PATH>", "--msp-dir <DIR> or --tls-dir <DIR>", "fabcert reenroll needs"] {
        assert!(ran.stderr.contains(flag), "{flag}: {ran:?}");
    }
    for flag in ["--id", "--secret-file", "--san"] {
        assert!(!ran.stderr.contains(flag), "{flag}: {ran:?}");
    }
    let args = ["reenroll", "--url", "https://ca", "--tls-ca", "x", "--tls-dir", "t", "--enroll-if-expired"];
    let ran = fabcert(&args, None);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("--secret-file <PATH>") && !ran.stderr.contains("--san"), "{ran:?}");
}

#[test]
fn a_folder_without_a_certificate_is_an_input_that_cannot_be_used() {
    let dir = tempfile::tempdir().unwrap();
    for flag in ["--msp-dir", "--tls-dir"] {
        let target = text(&dir.path().join("none"));
        let args = ["reenroll", "--url", "https://localhost:1", "--tls-ca", "x", flag, &target];
        let ran = fabcert(&args, None);
        assert_eq!(ran.code, 4, "{ran:?}");
        assert!(ran.stderr.contains("holds no certificate") && ran.stderr.contains("fabcert enroll"), "{ran:?}");
        assert!(!dir.path().join("none").exists(), "nothing was written");
    }
}
