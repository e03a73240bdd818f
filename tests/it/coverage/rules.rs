//! Each rule about manifests: one fault, reported at its line, and nothing else.

use super::organisation::{Organisation, PEERS};

#[test]
fn a_healthy_organisation_gives_no_finding() {
    let org = Organisation::new();
    assert_eq!(org.found(&[]), [""; 0]);
    assert_eq!(org.audit(&[]).code, 0);
}

#[test]
fn the_member_that_lacks_the_gateways_outer_name_and_bears_a_misspelt_one_is_told_and_the_other_is_not() {
    let org = Organisation::new();
    org.change("peer-b.yaml", "- gw.${DOMAIN}", "- gwy.${DOMAIN}");
    let (list, entry) = (org.line("peer-b.yaml", "dnsNames:"), org.line("peer-b.yaml", "- gwy."));
    assert_eq!(
        org.found(&[]),
        [
            format!("san-dead-name warning peer-b.yaml:{entry} gwy.acme.example"),
            format!("san-gateway-missing error peer-b.yaml:{list} gw.acme.example"),
        ]
    );
    let ran = org.audit(&[]);
    let report = ran.json();
    let message = |rule: &str| {
        let all = report["findings"].as_array().unwrap();
        all.iter().find(|f| f["rule"] == rule).unwrap()["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(ran.code, 1);
    let missing = message("san-gateway-missing");
    assert!(missing.starts_with("Service acme-gateway, member 2 of 2 (Deployment peer-b): "), "{missing}");
    assert!(missing.contains("Ingress acme-gateway leads to Service acme-gateway, gateway.yaml:22"), "{missing}");
    assert!(message("san-dead-name").contains("the nearest real name is gw.acme.example"));
}

/// File, what is changed in it to what, and the findings.
type Case = (&'static str, &'static str, &'static str, &'static [&'static str]);

const FAULTS: &[Case] = &[
    ("peer-a.yaml", "    - acme-gateway\n", "", &["san-gateway-missing error peer-a.yaml:11 acme-gateway"]),
    (
        "peer-a.yaml",
        "- peer-a           # short",
        "- peer-a.${NS}",
        &["san-gateway-missing error peer-a.yaml:11 peer-a"],
    ),
    (
        "peer-a.yaml",
        "    - peer-a.${NS}.svc.cluster.local\n",
        "",
        &["san-gateway-missing error peer-a.yaml:11 peer-a.acme.svc.cluster.local"],
    ),
    ("peer-a.yaml", "- localhost", "- ord-1", &["san-dead-name warning peer-a.yaml:12 ord-1"]),
    ("peer-a.yaml", "- localhost", "- peer-a.other.svc", &["san-dead-name warning peer-a.yaml:12 peer-a.other.svc"]),
    ("peer-a.yaml", "- localhost", "- peer-a.acme.example", &[]),
    (
        "peer-a.yaml",
        "        role: peer\n",
        "",
        &[
            "gateway-single-member warning gateway.yaml:6",
            "san-dead-name warning peer-a.yaml:15 acme-gateway",
            "san-dead-name warning peer-a.yaml:16 gw.acme.example",
        ],
    ),
    (
        "gateway.yaml",
        "spec:\n  selector:",
        "spec:\n  sessionAffinity: ClientIP\n  selector:",
        &["gateway-session-affinity warning gateway.yaml:6"],
    ),
    (
        "peer-b.yaml",
        "              name: grpc\n",
        "",
        &["gateway-port-mismatch error gateway.yaml:10", "gateway-port-mismatch error peer-b.yaml:77"],
    ),
    (
        "gateway.yaml",
        "targetPort: grpc",
        "targetPort: 7151",
        &["gateway-port-mismatch error gateway.yaml:10", "gateway-port-mismatch error gateway.yaml:10"],
    ),
    ("gateway.yaml", "      targetPort: grpc\n", "", &[]),
    (
        "peer-b.yaml",
        "CORE_PEER_LISTENADDRESS: 0.0.0.0:7051",
        "CORE_PEER_LISTENADDRESS: 0.0.0.0:9051",
        &["gateway-port-mismatch error gateway.yaml:10", "gateway-port-mismatch error peer-b.yaml:78"],
    ),
    (
        "gateway.yaml",
        "    org: acme\n",
        "    org: acmee\n",
        &[
            "san-dead-name warning peer-a.yaml:15 acme-gateway",
            "san-dead-name warning peer-a.yaml:16 gw.acme.example",
            "san-dead-name warning peer-b.yaml:15 acme-gateway",
            "san-dead-name warning peer-b.yaml:16 gw.acme.example",
            "selector-matches-nothing warning gateway.yaml:6",
        ],
    ),
    (
        "gateway.yaml",
        "ssl-passthrough: \"true\"",
        "ssl-redirect: \"true\"",
        &["tls-passthrough-missing error gateway.yaml:22 gw.acme.example"],
    ),
    (
        "gateway.yaml",
        "ssl-passthrough: \"true\"",
        "backend-protocol: GRPCS",
        &["tls-passthrough-missing warning gateway.yaml:22 gw.acme.example"],
    ),
    ("orderer.yaml", "    rotationPolicy: Never\n", "    size: 256\n", &["rotation-policy error orderer.yaml:7"]),
    ("orderer.yaml", "rotationPolicy: Never", "rotationPolicy: Always", &["rotation-policy error orderer.yaml:8"]),
    ("issuer.yaml", "    rotationPolicy: Never\n", "", &["rotation-policy error issuer.yaml:10"]),
    ("issuer.yaml", "  duration: 87600h\n", "", &["ca-lifetime-short warning issuer.yaml:1"]),
    ("issuer.yaml", "87600h", "720h", &["ca-lifetime-short warning issuer.yaml:8"]),
    (
        "gateway.yaml",
        "name: acme-gateway\nspec",
        "name: {{ .Values.name }}\nspec",
        &[
            "manifest-template warning gateway.yaml:4",
            "san-dead-name warning peer-a.yaml:15 acme-gateway",
            "san-dead-name warning peer-b.yaml:15 acme-gateway",
        ],
    ),
    (
        "gateway.yaml",
        "kind: Service",
        "kind: [Service",
        &[
            "input-unreadable warning gateway.yaml:3",
            "san-dead-name warning peer-a.yaml:15 acme-gateway",
            "san-dead-name warning peer-b.yaml:15 acme-gateway",
        ],
    ),
];

#[test]
fn each_fault_is_told_at_its_line_and_nothing_else() {
    for (file, from, to, expected) in FAULTS {
        let org = Organisation::new();
        org.change(file, from, to);
        let mut found = org.found(&[]);
        found.sort();
        assert_eq!(found, *expected, "{file}: {from:?} -> {to:?}");
    }
}

#[test]
fn what_is_added_is_told_at_its_line_and_nothing_else() {
    let kind = |mode: &str| {
        format!("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnetworking:\n  kubeProxyMode: {mode}\n")
    };
    let profile = |name: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: app, namespace: acme}}\ndata:\n  profile.json: |\n    {{\n      \
             \"version\": \"1.0.0\",\n      \"peers\": {{\n        \"gw\": {{\n          \"url\": \"grpcs://acme-gateway:7051\",\n          \
             \"grpcOptions\": {{\"ssl-target-name-override\": \"{name}\"}}\n        }}\n      }}\n    }}\n"
        )
    };
    let client = |host: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: app, namespace: shop}}\nspec:\n  template:\n    metadata:\n      labels: \
             {{app: app}}\n    spec:\n      containers:\n        - name: app\n          env:\n            - {{name: PEER_ENDPOINT, value: \"{host}:7051\"}}\n"
        )
    };
    let cases: &[(String, &[&str])] = &[
        (kind("iptables"), &["kube-proxy-mode note more.yaml:4"]),
        (kind("ipvs"), &["kube-proxy-mode note more.yaml:4"]),
        (profile("acme-gateway"), &[]),
        (profile("peer-a"), &["override-hides-name warning more.yaml:11 acme-gateway"]),
        (client("ord-1.acme"), &["san-gateway-missing error orderer.yaml:9 ord-1.acme"]),
        (
            client("acme-gateway.acme.svc"),
            &[
                "san-gateway-missing error peer-a.yaml:11 acme-gateway.acme.svc",
                "san-gateway-missing error peer-b.yaml:11 acme-gateway.acme.svc",
            ],
        ),
        (client("acme-gateway"), &[]),
        (client("somebody.else"), &[]),
        (
            client("somebody.else").replace("name: app, namespace", "name: app, name: app, namespace"),
            &["manifest-repeated-key warning more.yaml:3"],
        ),
    ];
    for (text, expected) in cases {
        let org = Organisation::new();
        org.write("more.yaml", text);
        assert_eq!(org.found(&[]), *expected, "{text}");
    }
}

#[test]
fn without_any_namespace_that_is_told_and_one_that_is_given_is_used() {
    let org = Organisation::new();
    for file in ["peer-a.yaml", "peer-b.yaml", "orderer.yaml"] {
        org.change(file, "  namespace: ${NS}\n", "");
    }
    // A full name that something dials would tell it too.
    for peer in PEERS {
        org.change(&format!("{peer}.yaml"), &format!("{peer}.${{NS}}.svc.cluster.local:7051"), "\"\"");
    }
    let found = org.found(&[]);
    assert_eq!(found.iter().filter(|f| f.starts_with("namespace-unknown note")).count(), 4, "{found:?}");
    assert_eq!(found.len(), 4, "{found:?}");
    assert_eq!(org.found(&["--namespace", "acme"]), [""; 0]);
}

#[test]
fn an_ingress_without_passthrough_is_let_through_by_another_of_its_host() {
    let org = Organisation::new();
    let (_, ingress) = org.read("gateway.yaml").split_once("---\n").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let second = ingress.replace("name: acme-gateway\n  annotations", "name: more\n  annotations");
    let second = second.replace("ssl-passthrough: \"true\"", "ssl-redirect: \"true\"");
    org.write("more.yaml", &second);
    assert_eq!(org.found(&[]), [""; 0]);
    org.write("more.yaml", &second.replace("gw.${DOMAIN}", "peer-a.${DOMAIN}"));
    let found = org.found(&[]);
    assert!(found.iter().any(|f| f.starts_with("tls-passthrough-missing error more.yaml")), "{found:?}");
}

#[test]
fn of_a_wildcard_route_one_name_is_enough_and_none_is_too_few() {
    let org = Organisation::new();
    org.change("gateway.yaml", "host: gw.${DOMAIN}", "host: '*.${DOMAIN}'");
    assert_eq!(org.found(&[]), [""; 0]);
    org.change("peer-b.yaml", "    - gw.${DOMAIN}   # through the ingress\n", "");
    let list = org.line("peer-b.yaml", "dnsNames:");
    assert_eq!(org.found(&[]), [format!("san-gateway-missing error peer-b.yaml:{list} *.acme.example")]);
}

#[test]
fn usages_that_let_nobody_serve_are_told_of_the_certificates_of_nodes() {
    for (usages, expected) in [
        ("[client auth, digital signature]", true),
        ("[server auth, client auth]", false),
        ("[digital signature, key encipherment]", false),
        ("[]", false),
    ] {
        let org = Organisation::new();
        org.change("peer-a.yaml", "  dnsNames:", &format!("  usages: {usages}\n  dnsNames:"));
        let line = org.line("peer-a.yaml", "usages:");
        let reported = format!("eku-server-missing error peer-a.yaml:{line}");
        assert_eq!(org.found(&[]), if expected { vec![reported] } else { vec![] }, "{usages}");
    }
}
