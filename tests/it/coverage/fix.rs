//! `--fix`: names go into the lists, and nothing else changes.

use super::organisation::{Organisation, told};

#[test]
fn after_a_fix_there_is_no_finding_and_only_lines_were_added() {
    let org = Organisation::new();
    org.change("peer-b.yaml", "    - gw.${DOMAIN}   # through the ingress\n", "");
    org.change("peer-b.yaml", "    - acme-gateway\n", "");
    let before: Vec<String> = ["peer-a.yaml", "peer-b.yaml", "orderer.yaml"].map(|f| org.read(f)).into();
    assert_eq!(org.audit(&[]).code, 1);
    let fixed = org.audit(&["--fix"]);
    assert_eq!((fixed.code, told(&fixed)), (0, vec![]), "{fixed:?}");
    assert!(fixed.stderr.contains("dnsNames"), "{}", fixed.stderr);
    assert_eq!(told(&org.audit(&[])), [""; 0], "and it stays so");
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

#[test]
fn without_findings_no_file_is_touched() {
    let org = Organisation::new();
    let times = || ["peer-a.yaml", "gateway.yaml"].map(|f| std::fs::metadata(org.path(f)).unwrap().modified().unwrap());
    let before = times();
    assert_eq!(org.audit(&["--fix", "-A", "san-short-only"]).code, 0);
    assert_eq!(times(), before);
}

#[test]
fn a_list_that_others_share_is_told_and_left_alone() {
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
