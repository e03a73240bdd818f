//! `--fix`: names go into the lists, and nothing else changes.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use super::organisation::{Organisation, SET, audit_in, reported};
use crate::command::Ran;

#[test]
fn after_a_fix_there_is_no_finding_and_only_lines_were_added() {
    let org = Organisation::new();
    org.change("peer-b.yaml", "    - gw.${DOMAIN}   # through the ingress\n", "");
    org.change("peer-b.yaml", "    - acme-gateway\n", "");
    let before: Vec<String> = ["peer-a.yaml", "peer-b.yaml", "orderer.yaml"].map(|f| org.read(f)).into();
    assert_eq!(org.audit(&[]).code, 1);
    let fixed = org.audit(&["--fix"]);
    assert_eq!((fixed.code, reported(&fixed)), (0, vec![]), "{fixed:?}");
    for (file, name) in [("peer-b.yaml", "gw.acme.example"), ("orderer.yaml", "ord-1")] {
        let added =
            fixed.stderr.lines().find(|line| line.contains(file)).unwrap_or_else(|| panic!("{file}: {fixed:?}"));
        assert!(added.contains(": added to the dnsNames of Certificate ") && added.contains(name), "{fixed:?}");
    }
    assert_eq!(reported(&org.audit(&[])), [""; 0], "and it stays so");
    let after = org.read("peer-b.yaml");
    let mut old = before[1].lines();
    let mut next = old.next();
    let mut added = Vec::new();
    for line in after.lines() {
        if next == Some(line) {
            next = old.next();
        } else {
            added.push(line);
        }
    }
    assert_eq!(next, None, "every old line is there, in its order");
    assert!(added.iter().all(|l| l.starts_with("    - ")), "{added:?}");
    assert!(added.contains(&"    - gw.acme.example") && added.contains(&"    - acme-gateway.${NS}"), "{added:?}");
    // A list in brackets stays one.
    let orderer = org.read("orderer.yaml");
    assert!(orderer.contains("ord-1, localhost]\n") && orderer.lines().count() == before[2].lines().count());
}

/// Takes names from the files of both peers, so that a fix has to add them.
fn incomplete() -> Organisation {
    let org = Organisation::new();
    for file in ["peer-a.yaml", "peer-b.yaml"] {
        org.change(file, "    - acme-gateway\n", "");
    }
    org
}

#[test]
fn a_file_that_cannot_be_changed_is_named_and_the_others_are_fixed() {
    let org = incomplete();
    let before = org.read("peer-a.yaml");
    let mode = |mode| std::fs::set_permissions(org.path("peer-a.yaml"), Permissions::from_mode(mode)).unwrap();
    mode(0o444);
    let fixed = org.audit(&["--fix"]);
    assert_eq!(fixed.code, 5, "{fixed:?}");
    assert!(fixed.stderr.contains("peer-a.yaml") && fixed.stderr.contains("nobody may write it"), "{}", fixed.stderr);
    assert_eq!(org.read("peer-a.yaml"), before);
    assert!(org.read("peer-b.yaml").contains("    - acme-gateway.${NS}"));
    mode(0o640);
    assert_eq!(org.audit(&["--fix"]).code, 0);
    assert_eq!(std::fs::metadata(org.path("peer-a.yaml")).unwrap().permissions().mode() & 0o7777, 0o640);
}

#[test]
fn a_link_out_of_the_folder_is_not_followed() {
    let org = incomplete();
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().join("peer-a.yaml");
    std::fs::rename(org.path("peer-a.yaml"), &target).unwrap();
    std::os::unix::fs::symlink(&target, org.path("peer-a.yaml")).unwrap();
    let before = std::fs::read_to_string(&target).unwrap();
    let fixed = org.audit(&["--fix"]);
    assert_eq!(fixed.code, 5, "{fixed:?}");
    assert!(fixed.stderr.contains("outside the audited folders"), "{}", fixed.stderr);
    assert_eq!(std::fs::read_to_string(&target).unwrap(), before);
    let fixed = audit_in(&org.path("."), ".", &[&SET[..], &["--fix", target.to_str().unwrap()]].concat());
    assert_eq!(fixed.code, 0, "a file that was named may be anywhere: {fixed:?}");
    assert!(std::fs::symlink_metadata(org.path("peer-a.yaml")).unwrap().is_symlink());
}

#[test]
fn a_link_to_a_folder_beside_the_audited_one_is_not_followed() {
    let org = incomplete();
    for folder in ["org1", "org2"] {
        std::fs::create_dir(org.path(folder)).unwrap();
    }
    for file in ["peer-b.yaml", "gateway.yaml", "orderer.yaml", "issuer.yaml"] {
        std::fs::rename(org.path(file), org.path("org1").join(file)).unwrap();
    }
    std::fs::rename(org.path("peer-a.yaml"), org.path("org2/peer-a.yaml")).unwrap();
    std::os::unix::fs::symlink("../org2/peer-a.yaml", org.path("org1/peer-a.yaml")).unwrap();
    let before = org.read("org2/peer-a.yaml");
    let fixed = audit_in(&org.path("."), "org1", &[&SET[..], &["--fix"]].concat());
    assert_eq!(fixed.code, 5, "{fixed:?}");
    assert!(fixed.stderr.contains("outside the audited folders"), "{}", fixed.stderr);
    assert_eq!(org.read("org2/peer-a.yaml"), before);
    assert!(org.read("org1/peer-b.yaml").contains("    - acme-gateway.${NS}"), "the others are fixed");
}

#[test]
fn runs_at_the_same_time_add_each_name_once() {
    let org = incomplete();
    let runs: Vec<Ran> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(|| org.audit(&["--fix"]))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(runs.iter().all(|ran| ran.code <= 1), "{runs:?}");
    let text = org.read("peer-a.yaml");
    assert_eq!(text.matches("- acme-gateway\n").count(), 1, "{text}");
    assert_eq!(reported(&org.audit(&[])), [""; 0]);
    let left: Vec<_> = std::fs::read_dir(org.path(".")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("fabcert-new")), "{left:?}");
}

#[test]
fn without_findings_no_file_is_touched() {
    let org = Organisation::new();
    let times = || ["peer-a.yaml", "gateway.yaml"].map(|f| std::fs::metadata(org.path(f)).unwrap().modified().unwrap());
    let before = times();
    assert_eq!(org.audit(&["--fix", "-A", "san-short-only"]).code, 0);
    assert_eq!(times(), before);
}

#[test]
fn a_list_that_others_share_is_named_and_left_alone() {
    let org = Organisation::new();
    let text = org.read("peer-b.yaml");
    let (before, after) = text.split_once("  dnsNames:").unwrap();
    let (_, rest) = after.split_once("  ipAddresses").unwrap();
    let names = "[localhost, peer-b, peer-b.acme.svc.cluster.local, gw.acme.example]";
    let shared = format!("x-names: &names {names}\n{before}  dnsNames: *names\n  ipAddresses{rest}");
    org.write("peer-b.yaml", &shared);
    let fixed = org.audit(&["--fix", "-A", "san-short-only"]);
    assert_eq!(fixed.code, 1, "{fixed:?}");
    assert_eq!(org.read("peer-b.yaml"), shared);
}
