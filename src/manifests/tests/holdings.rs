//! The sources of a node's TLS certificate.

use super::{network, peer, variable};
use crate::manifests::{HeldPem, Holding, Requested};

/// The sources of the certificate of the first workload, in words, each with its line.
fn held(texts: &[&str]) -> Vec<String> {
    let network = network(texts);
    let requested = |requested: &Requested| format!("{}:{}", requested.by, requested.at.line);
    let describe = |holding: Holding<'_>| match holding {
        Holding::Certificate(c) => requested(&network.certificates[c].requested),
        Holding::Requested(by_command) => requested(&by_command),
        Holding::Pem(HeldPem { object, pem }) => {
            format!("{object}:{} {}", object.at.line, pem.lines().nth(1).unwrap_or_default())
        }
    };
    network.holdings(0).into_iter().map(describe).collect()
}

fn certificate(secret: &str) -> String {
    format!(
        "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {{name: c}}\nspec:\n  secretName: {secret}\n  dnsNames: [a]\n"
    )
}

fn pem(body: &str) -> String {
    format!("\"-----BEGIN CERTIFICATE-----\\n{body}\\n-----END CERTIFICATE-----\\n\"")
}

fn secret(kind: &str, name: &str, data: &str) -> String {
    let key = if kind == "Secret" { "stringData" } else { "data" };
    format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}}}\n{key}: {{{data}}}\n")
}

/// A peer with this path of its certificate, and with these mounts and volumes.
fn with(file: &str, mounts: &str, volumes: &str) -> String {
    let mut more = if file.is_empty() { String::new() } else { variable("CORE_PEER_TLS_CERT_FILE", file) };
    more += &variable("FABRIC_CFG_PATH", "/cfg");
    peer("a", "", "app: a", &format!("{more}          volumeMounts: [{mounts}]\n      volumes: [{volumes}]\n"))
}

#[test]
fn the_certificate_path_resolves_through_the_mount() {
    let t = "{name: t, mountPath: /cfg/tls}";
    let from_secret = "{name: t, secret: {secretName: s}}";
    let other = "{name: o, secret: {secretName: other}}";
    for (file, mounts, volumes, expected) in [
        ("/cfg/tls/tls.crt", t, from_secret, &["Certificate c:6"][..]),
        ("tls/tls.crt", t, from_secret, &["Certificate c:6"]),
        ("/elsewhere/tls.crt", t, from_secret, &["Certificate c:6"]),
        ("", t, from_secret, &["Certificate c:6"]),
        ("/cfg/tls/tls.crt", t, "{name: t, secret: {secretName: none}}", &[]),
        // The key of the CA.
        ("/cfg/tls/ca.crt", t, from_secret, &[]),
        // The innermost mount contains the file.
        (
            "/cfg/tls/tls.crt",
            "{name: o, mountPath: /cfg}, {name: t, mountPath: /cfg/tls}",
            &format!("{other}, {from_secret}"),
            &["Certificate c:6"],
        ),
        (
            "/cfg/tls/tls.crt",
            "{name: t, mountPath: /cfg}, {name: o, mountPath: /cfg/tls}",
            &format!("{other}, {from_secret}"),
            &[],
        ),
        ("/cfg/tls/tls.crt", t, "{name: t, projected: {sources: [{secret: {name: s}}]}}", &["Certificate c:6"]),
    ] {
        assert_eq!(held(&[&with(file, mounts, volumes), &certificate("s")]), expected, "{file} {mounts} {volumes}");
    }
}

#[test]
fn keys_resolve_to_mounted_files() {
    let keys = format!("tls.crt: {}, ca.crt: {}, peer.pem: {}", pem("leaf"), pem("root"), pem("other"));
    let (from_secret, from_map) = ("{name: t, secret: {secretName: s}}", "{name: t, configMap: {name: s}}");
    for (kind, file, mounts, volumes, expected) in [
        ("Secret", "/tls/tls.crt", "{name: t, mountPath: /tls}", from_secret, &["Secret s:1 leaf"][..]),
        ("Secret", "/tls/peer.pem", "{name: t, mountPath: /tls}", from_secret, &["Secret s:1 other"]),
        ("Secret", "/tls/gone.pem", "{name: t, mountPath: /tls}", from_secret, &[]),
        ("Secret", "/x.crt", "{name: t, mountPath: /x.crt, subPath: peer.pem}", from_secret, &["Secret s:1 other"]),
        (
            "Secret",
            "/tls/server.crt",
            "{name: t, mountPath: /tls}",
            "{name: t, secret: {secretName: s, items: [{key: peer.pem, path: server.crt}]}}",
            &["Secret s:1 other"],
        ),
        ("ConfigMap", "/tls/tls.crt", "{name: t, mountPath: /tls}", from_map, &["ConfigMap s:1 leaf"]),
        ("ConfigMap", "/tls/tls.crt", "{name: t, mountPath: /tls}", from_secret, &[]),
        ("Secret", "", "{name: t, mountPath: /tls}", from_secret, &["Secret s:1 leaf"]),
    ] {
        assert_eq!(
            held(&[&with(file, mounts, volumes), &secret(kind, "s", &keys)]),
            expected,
            "{kind} {file} {volumes}"
        );
    }
}

#[test]
fn the_environment_may_come_from_a_config_map() {
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: env}\ndata: {TLS_CERT_FILE: /tls/tls.crt, CERT: /tls/tls.crt}\n";
    let mounts = "          volumeMounts: [{name: t, mountPath: /tls}, {name: o, mountPath: /o}]\n      volumes: [{name: t, secret: {secretName: s}}, {name: o, secret: {secretName: o}}]\n";
    for env in [
        "          envFrom: [{prefix: CORE_PEER_, configMapRef: {name: env}}]\n",
        "            - {name: CORE_PEER_TLS_CERT_FILE, valueFrom: {configMapKeyRef: {name: env, key: CERT}}}\n",
    ] {
        let text = peer("a", "", "app: a", &format!("{env}{mounts}"));
        assert_eq!(
            held(&[&text, map, &certificate("s"), &certificate("o").replace("name: c", "name: d")]),
            ["Certificate c:6"]
        );
    }
}

#[test]
fn an_enrolling_init_container_is_a_request() {
    let volumes = "{name: t, emptyDir: {}}";
    let init = |words: &str| {
        format!(
            "      initContainers:\n        - name: enrol\n          volumeMounts: [{{name: t, mountPath: /tls}}]\n          command: {words}\n"
        )
    };
    let text = |words: &str| with("/tls/server.crt", "{name: t, mountPath: /tls}", volumes) + &init(words);
    let first = text("").lines().count();
    let expected = [format!("init container enrol of Deployment a:{first}")];
    assert_eq!(held(&[&text("[fabcert, enroll, --tls-dir, /tls, --hostname, a, --gateway-service, gw]")]), expected);
    assert_eq!(held(&[&text("[fabric-ca-client, enroll, --enrollment.profile, tls, --csr.hosts, 'a,gw']")]), expected);
    assert_eq!(held(&[&text("[sleep, '1']")]), [""; 0]);
    let block = "\n            - sh\n            - -c\n            - |\n              set -e\n              fabric-ca-client enroll --enrollment.profile tls \\\n                --csr.hosts a\n";
    assert_eq!(held(&[&text(block)]), [format!("init container enrol of Deployment a:{}", first + 6)]);
}

#[test]
fn a_copy_from_the_only_mounted_secret_is_held() {
    let copying = |secrets: &str, mounts: &str| {
        with("/tls/tls.crt", "{name: t, mountPath: /tls}", &format!("{{name: t, emptyDir: {{}}}}, {secrets}"))
            + &format!(
                "      initContainers: [{{name: i, image: x, command: [sh, -c, \"cp /in/* /more/* /tls\"], volumeMounts: [{{name: t, mountPath: /tls}}, {mounts}]}}]\n"
            )
    };
    let (one, both) = (
        "{name: in, secret: {secretName: s}}",
        "{name: in, secret: {secretName: s}}, {name: more, secret: {secretName: z}}",
    );
    let (mount, mounts) = ("{name: in, mountPath: /in}", "{name: in, mountPath: /in}, {name: more, mountPath: /more}");
    let (of, other) = (certificate("s"), certificate("z").replace("name: c", "name: d"));
    assert_eq!(held(&[&copying(one, mount), &of]), ["Certificate c:6"]);
    assert_eq!(held(&[&copying(both, mounts), &of]), ["Certificate c:6"], "the other has no certificate");
    assert_eq!(held(&[&copying(both, mounts), &of, &other]), [""; 0], "which one it copies is unknown");
    assert_eq!(held(&[&copying(both, mount), &other]), [""; 0]);
    let only_ca = "{name: in, secret: {secretName: s, items: [{key: ca.crt, path: ca.crt}]}}";
    assert_eq!(held(&[&copying(only_ca, mount), &of]), [""; 0], "only the trust anchors");
    let enrols = copying(one, mount).replace("cp /in/* /more/* /tls", "enroll --ca /in/ca.crt");
    assert_eq!(held(&[&enrols, &of]), [""; 0], "it reads trust anchors");
    let silent = copying(one, mount).replace("cp /in/* /more/* /tls", "/copy.sh");
    assert_eq!(held(&[&silent, &of]), [""; 0], "the effect of a script is unknown");
    let ca = of.replace("secretName", "isCA: true\n  secretName");
    assert_eq!(held(&[&copying(one, mount), &ca]), [""; 0]);
}
