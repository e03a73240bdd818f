//! What is read as manifests, and what stands in the way.

use std::io::Write as _;
use std::process::Stdio;

use super::organisation::{Organisation, SET, audit_in, reported};
use crate::command::command;

#[test]
fn every_unset_placeholder_is_named_with_its_lines() {
    let org = Organisation::new();
    let ran = audit_in(&org.path(""), ".", &["--set", "NS=acme"]);
    assert_eq!(ran.code, 4);
    let error = ran.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(error.contains("${DOMAIN} in gateway.yaml:22, peer-a.yaml:16, peer-b.yaml:16"), "{error}");
    assert!(!error.contains("NS"), "{error}");
    let variables = [("NS", "acme"), ("DOMAIN", "acme.example")];
    let run = |more: &[&str], variables: &[(&str, &str)]| {
        let args = [&["audit", ".", "--no-policy", "-A", "san-short-only"], more].concat();
        let output = command(&args, variables).current_dir(org.path("")).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for form in [&["--env", "NS,DOMAIN"][..], &["--env=NS", "--env=DOMAIN"]] {
        let (code, stderr) = run(form, &variables);
        assert_eq!(code, Some(0), "{stderr}");
    }
    assert_eq!(run(&[], &[&variables[..], &[("FABCERT_ENV", "NS,DOMAIN")]].concat()).0, Some(0));
    // A variable that is not named is not used.
    let (code, stderr) = run(&["--env", "NS"], &variables);
    assert_eq!(code, Some(4), "{stderr}");
    assert!(stderr.contains("${DOMAIN}") && !stderr.contains("${NS}"), "{stderr}");
}

#[test]
fn a_manifest_prints_no_variable_that_is_not_named() {
    let dir = tempfile::tempdir().unwrap();
    let manifest = "apiVersion: v1\nkind: Service\nmetadata: {name: \"x-${FABCERT_SECRET}-${AWS_SECRET_ACCESS_KEY}\"}\n\
        spec: {selector: {app: \"${AWS_SECRET_ACCESS_KEY}\"}}\n";
    std::fs::write(dir.path().join("s.yaml"), manifest).unwrap();
    let variables = [("FABCERT_SECRET", "s3cr3t-of-peer"), ("AWS_SECRET_ACCESS_KEY", "s3cr3t-of-cloud")];
    for (more, is_usage) in [
        (&[][..], false),
        (&["--env", "DOMAIN"], false),
        (&["--env"], true),
        (&["--env", "FABCERT_SECRET"], true),
        (&["--env", "*"], true),
    ] {
        for command_name in ["audit", "names"] {
            let args = [&[command_name, ".", "-vv"], more].concat();
            let output = command(&args, &variables).current_dir(dir.path()).output().unwrap();
            let shown =
                format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert_eq!(output.status.code() == Some(2), is_usage, "{args:?}: {shown}");
            assert!(!shown.contains("s3cr3t"), "{args:?}: {shown}");
            if is_usage {
                assert!(shown.contains("--env DOMAIN"), "{args:?}: {shown}");
            }
        }
    }
}

/// The answer of an audit of what comes on standard input.
fn piped(text: &str) -> Vec<String> {
    let args = [&["audit", "-", "--no-policy", "--output", "json", "-A", "san-short-only"], &SET[..]].concat();
    let mut child = command(&args, &[]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let ran = crate::command::Ran {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::new(),
    };
    reported(&ran)
}

#[test]
fn standard_input_is_read_as_helm_and_kubectl_give_it() {
    let org = Organisation::new();
    org.change("peer-b.yaml", "    - acme-gateway\n", "");
    let all = ["peer-a.yaml", "peer-b.yaml", "gateway.yaml"].map(|f| org.read(f)).join("---\n");
    let line = all.lines().enumerate().filter(|(_, l)| l.contains("dnsNames:")).nth(1).unwrap().0 + 1;
    assert_eq!(piped(&all), [format!("san-gateway-missing error -:{line} acme-gateway")]);
    let items: Vec<serde_json::Value> = all
        .replace("${NS}", "acme")
        .replace("${DOMAIN}", "acme.example")
        .split("---\n")
        .map(|document| yaml_serde::from_str(document).unwrap())
        .collect();
    let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items});
    assert_eq!(piped(&list.to_string()), ["san-gateway-missing error -:1 acme-gateway"]);
    let pretty = serde_json::to_string_pretty(&list).unwrap();
    let line = pretty.lines().enumerate().filter(|(_, l)| l.contains("\"dnsNames\"")).nth(1).unwrap().0 + 1;
    assert_eq!(piped(&pretty), [format!("san-gateway-missing error -:{line} acme-gateway")]);
}

fn pem(names: &[&str]) -> String {
    let mut params = rcgen::CertificateParams::new(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()).unwrap();
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2036, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    fabcert::internals::pem_encode("CERTIFICATE", params.self_signed(&key).unwrap().der())
}

/// The organisation with the Secret of one peer instead of its Certificate.
fn with_secret(names: &[&str]) -> Organisation {
    let org = Organisation::new();
    let text = org.read("peer-b.yaml");
    let (_, rest) = text.split_once("---\n").unwrap();
    org.write("peer-b.yaml", rest);
    let indented = pem(names).replace('\n', "\n    ");
    let secret = "kind: Secret\napiVersion: v1\nmetadata: {name: peer-b-tls, namespace: acme}\ntype: kubernetes.io/tls";
    org.write("secret.yaml", &format!("{secret}\nstringData:\n  tls.crt: |\n    {}\n", indented.trim_end()));
    org
}

#[test]
fn the_certificate_in_a_members_secret_is_judged() {
    let good = ["localhost", "peer-b", "peer-b.acme.svc.cluster.local", "acme-gateway", "gw.acme.example"];
    let about = |org: &Organisation| org.found(&[]).into_iter().filter(|f| f.starts_with("san-")).collect::<Vec<_>>();
    assert_eq!(about(&with_secret(&good)), [""; 0]);
    let found = about(&with_secret(&good[..4]));
    assert_eq!(found, ["san-gateway-missing error secret.yaml:1 gw.acme.example"]);
    let report = with_secret(&good).audit(&["--expect-san", "other.example"]).json();
    let all = report["findings"].as_array().unwrap();
    assert!(all.iter().any(|f| f["rule"] == "san-missing" && f["path"] == "secret.yaml"), "{report}");
    assert_eq!(report["summary"]["certificates"], 1);
}

#[test]
fn a_folder_can_be_the_certificate_of_a_workload() {
    let org = with_secret(&["peer-b"]);
    std::fs::remove_file(org.path("secret.yaml")).unwrap();
    std::fs::create_dir(org.path("tls")).unwrap();
    org.write("tls/server.crt", &pem(&["peer-b", "peer-b.acme.svc.cluster.local", "gw.acme.example"]));
    let about =
        |more: &[&str]| org.found(more).into_iter().filter(|f| f.starts_with("san-gateway")).collect::<Vec<_>>();
    assert_eq!(about(&[]), [""; 0]);
    assert_eq!(about(&["--tls-of", "peer-b=tls"]), ["san-gateway-missing error tls:null acme-gateway"]);
    // A path at which nothing is met is reported, and not taken for a workload without certificate.
    let around = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(around.path().join("peer-b/tls")).unwrap();
    std::fs::copy(org.path("tls/server.crt"), around.path().join("peer-b/tls/server.crt")).unwrap();
    let ran = org.audit(&["--tls-of", &format!("peer-b={}", around.path().join("peer-b").display())]);
    assert!(ran.code == 4 && ran.stderr.contains("no TLS folder or certificate was found at"), "{ran:?}");
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::rename(org.path("tls"), elsewhere.path().join("tls")).unwrap();
    let mapped = format!("peer-b={}", elsewhere.path().join("tls").display());
    let found = about(&["--tls-of", &mapped]);
    assert_eq!((found.len(), found[0].ends_with(" acme-gateway")), (1, true), "it need not be named twice: {found:?}");
    for wrong in ["nobody=.", "peer-b=tls"] {
        let ran = org.audit(&["--tls-of", wrong]);
        assert_eq!(ran.code, 4, "{wrong}: {ran:?}");
    }
}

/// The organisation without anything that says what peer-b's certificate holds, and a folder with one.
fn with_folder(names: &[&str]) -> Organisation {
    let org = with_secret(&["peer-b"]);
    std::fs::remove_file(org.path("secret.yaml")).unwrap();
    std::fs::create_dir_all(org.path("crypto/acme/peer-b/tls")).unwrap();
    org.write("crypto/acme/peer-b/tls/server.crt", &pem(names));
    org
}

#[test]
fn the_policy_says_whose_certificate_lies_where() {
    let org = with_folder(&["peer-b", "peer-b.acme.svc.cluster.local", "gw.acme.example"]);
    let about = |members: &str| {
        org.write("fabcert.yaml", &format!("version: 1\nmembers:\n{members}"));
        let args = [&["audit", ".", "--output", "json"], &SET[..]].concat();
        let output = command(&args, &[]).current_dir(org.path("")).output().unwrap();
        let ran = crate::command::Ran {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::new(),
        };
        let reported = reported(&ran).into_iter();
        reported.filter(|f| f.starts_with("san-gateway") || f.starts_with("member-")).collect::<Vec<_>>()
    };
    let missing = "san-gateway-missing error crypto/acme/peer-b/tls:null acme-gateway";
    for (members, expected) in [
        ("  - {workload: peer-b, tls: crypto/acme/peer-b/tls}\n", vec![missing.to_owned()]),
        ("  - {workload: acme/peer-b, tls: crypto/acme/peer-b/tls}\n", vec![missing.to_owned()]),
        ("  - {workload: \"{node}\", tls: \"crypto/*/{node}/tls\"}\n", vec![missing.to_owned()]),
        ("  - {workload: \"{ns}/{node}\", tls: \"crypto/{ns}/{node}\"}\n", vec![missing.to_owned()]),
        // A name of another namespace is another workload's.
        (
            "  - {workload: other/peer-b, tls: crypto/acme/peer-b/tls}\n",
            vec!["member-stale warning fabcert.yaml:3 other/peer-b".to_owned()],
        ),
        (
            "  - {workload: nobody, tls: crypto/acme/peer-b/tls}\n  - {workload: peer-a, tls: nowhere}\n",
            vec![
                "member-stale warning fabcert.yaml:3 nobody".to_owned(),
                "member-stale warning fabcert.yaml:4 peer-a".to_owned(),
            ],
        ),
    ] {
        assert_eq!(about(members), expected, "{members}");
    }
}

#[test]
fn without_manifests_no_entry_of_the_policy_is_stale() {
    let org = with_folder(&["peer-b"]);
    org.write("fabcert.yaml", "version: 1\nmembers:\n  - {workload: nobody, tls: nowhere}\n");
    let output = command(&["audit", "crypto", "--output", "json"], &[]).current_dir(org.path("")).output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stdout).contains("member-stale"));
}

#[test]
fn certificates_of_nobody_inside_a_config_map_are_none_of_ours() {
    let org = Organisation::new();
    let indented = pem(&["x"]).replace('\n', "\n    ");
    org.write(
        "more.yaml",
        &format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m}}\ndata:\n  c.pem: |\n    {}\n",
            indented.trim_end()
        ),
    );
    assert_eq!(org.found(&["--expect-san", "y"]), [""; 0]);
}
