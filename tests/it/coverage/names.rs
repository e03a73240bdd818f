//! `fabcert names`, and an enrolment that takes its names from there.

use std::process::Output;

use super::organisation::{Organisation, SET};
use crate::command::{Ran, command};

fn run(org: &Organisation, args: &[&str]) -> Ran {
    let args = [args, &SET[..]].concat();
    let Output { status, stdout, stderr } = command(&args, &[]).current_dir(org.path("")).output().unwrap();
    Ran {
        code: status.code().unwrap(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

#[test]
fn each_name_comes_with_its_reason() {
    let org = Organisation::new();
    let ran = run(&org, &["names", ".", "--workload", "peer-b"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    insta::assert_snapshot!(ran.stdout);
    let all = run(&org, &["names", "."]).stdout;
    for node in ["Deployment peer-a (peer", "Deployment peer-b (peer", "StatefulSet ord-1 (orderer"] {
        assert!(all.contains(node), "{all}");
    }
    assert!(all.contains("advised   ord-1-0.ord-1.acme.svc.cluster.local "), "{all}");
}

#[test]
fn the_forms_that_are_pasted_hold_the_same_names() {
    let org = Organisation::new();
    let json = run(&org, &["names", ".", "--workload", "peer-a", "--output", "json"]).json();
    let workload = &json["workloads"][0];
    assert_eq!(
        (&workload["workload"], &workload["role"], &workload["namespace"]),
        (&"peer-a".into(), &"peer".into(), &"acme".into())
    );
    let names: Vec<&str> = workload["names"].as_array().unwrap().iter().map(|n| n["name"].as_str().unwrap()).collect();
    let line = run(&org, &["names", ".", "--workload", "peer-a", "--csr-hosts"]).stdout;
    assert_eq!(line.trim_end().split(',').collect::<Vec<_>>(), names);
    let yaml = run(&org, &["names", ".", "--workload", "peer-a", "--dns-names"]).stdout;
    let lists: serde_json::Value = yaml_serde::from_str(&yaml).unwrap();
    let listed: Vec<&str> = ["dnsNames", "ipAddresses"]
        .iter()
        .flat_map(|k| lists[*k].as_array().unwrap())
        .map(|n| n.as_str().unwrap())
        .collect();
    assert_eq!(listed, names);
    let required = run(&org, &["names", ".", "--workload", "peer-a", "--csr-hosts", "--required-only"]).stdout;
    assert_eq!(required, "peer-a,peer-a.acme.svc.cluster.local,acme-gateway,gw.acme.example\n");
}

#[test]
fn a_certificate_with_these_names_needs_no_more() {
    let org = Organisation::new();
    let yaml = run(&org, &["names", ".", "--workload", "peer-b", "--dns-names"]).stdout;
    let spec = yaml.lines().filter(|l| !l.starts_with('#')).fold(String::new(), |all, l| all + "  " + l + "\n");
    let text = org.read("peer-b.yaml");
    let (before, rest) = text.split_once("  dnsNames:").unwrap();
    let (_, after) = rest.split_once("    - 127.0.0.1\n").unwrap();
    org.write("peer-b.yaml", &format!("{before}{spec}{after}"));
    let about =
        org.audit(&[]).json()["findings"].as_array().unwrap().iter().filter(|f| f["path"] == "peer-b.yaml").count();
    assert_eq!(about, 0);
    assert_eq!(
        run(&org, &["names", ".", "--workload", "peer-b", "--dns-names"]).stdout,
        yaml,
        "and they stay the same"
    );
}

#[test]
fn what_cannot_be_answered_is_told_with_its_code() {
    let org = Organisation::new();
    let code = |args: &[&str]| run(&org, args).code;
    assert_eq!(code(&["names", ".", "--csr-hosts"]), 2);
    assert_eq!(code(&["names"]), 2);
    assert_eq!(code(&["names", ".", "--set", "X"]), 2);
    assert_eq!(code(&["names", "issuer.yaml"]), 3);
    assert_eq!(code(&["names", ".", "--workload", "peer-x"]), 4);
    assert_eq!(code(&["names", "gone.yaml"]), 4);
    let unset = command(&["names", "."], &[]).current_dir(org.path("")).output().unwrap();
    assert_eq!(unset.status.code(), Some(4));
    assert!(String::from_utf8(unset.stderr).unwrap().contains("${DOMAIN} in gateway.yaml:22"));
    org.change("gateway.yaml", "kind: Service", "kind: [Service");
    let broken = run(&org, &["names", "."]);
    assert_eq!(broken.code, 4);
    assert!(broken.stderr.contains("gateway.yaml:3"), "{}", broken.stderr);
    org.write("gateway.yaml", "kind: Service\napiVersion: v1\nmetadata: {name: {{ .Values.x }}}\n");
    let template = run(&org, &["names", "."]);
    assert_eq!(template.code, 0, "{template:?}");
    assert!(template.stderr.contains("gateway.yaml:3"), "{}", template.stderr);
}

#[test]
fn an_enrolment_takes_its_names_from_the_manifests() {
    let org = Organisation::new();
    let flags =
        ["enroll", "--dry-run", "--output", "json", "--url", "https://p@ca", "--tls-ca", "ca.pem", "--tls-dir", "tls"];
    let plan =
        run(&org, &[&flags[..], &["--from-manifests", ".", "--workload", "peer-b", "--san", "more.example"]].concat());
    assert_eq!(plan.code, 0, "{plan:?}");
    let text = plan.stdout;
    for name in ["more.example", "peer-b", "acme-gateway", "gw.acme.example", "acme-gateway.acme.svc", "localhost"] {
        assert!(text.contains(&format!("\"{name}\"")), "{name} is not in {text}");
    }
    assert!(text.contains("Ingress acme-gateway leads to Service acme-gateway (gateway.yaml:22)"), "{text}");
    assert_eq!(run(&org, &[&flags[..], &["--from-manifests", "."]].concat()).code, 2, "one of three must be named");
}
