//! The content of issued certificates.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::X509Certificate;

use super::client::{csr, enroll, new_key, post_enroll, with_cert};
use super::{NOW, plain, start, start_with_peer};
use crate::devca::{IdentitySpec, Running};
use crate::pki::key::{KeyAlgorithm, KeyPair};
use crate::pki::name::{HostName, SanName};
use crate::pki::x509::{Csr, CsrSpec, SubjectFields};
use crate::text::pem_encode;

/// The SANs as `TYPE:text`; `None` without the extension.
fn sans(certificate: &X509Certificate<'_>) -> Option<Vec<String>> {
    let extension = certificate.subject_alternative_name().unwrap()?;
    let text = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(t) => format!("DNS:{t}"),
        GeneralName::RFC822Name(t) => format!("email:{t}"),
        GeneralName::URI(t) => format!("URI:{t}"),
        GeneralName::IPAddress(bytes) => format!("IP:{bytes:?}"),
        other => format!("{other:?}"),
    };
    Some(extension.value.general_names.iter().map(text).collect())
}

fn issued_sans(ca: &Running, more: &Value, in_csr: &[SanName]) -> Option<Vec<String>> {
    let mut body = more.clone();
    body["certificate_request"] = json!(csr("peer0", in_csr, &new_key()));
    with_cert(&post_enroll(ca, "peer0", "peer0pw", &body).cert_der(), sans)
}

/// A CSR that this crate's builder does not produce, PEM.
fn csr_of(params: &rcgen::CertificateParams, key: &impl rcgen::SigningKey) -> String {
    pem_encode("CERTIFICATE REQUEST", params.serialize_request(key).unwrap().der())
}

fn dns(name: &str) -> SanName {
    SanName::Dns(HostName::from_certificate(name))
}

#[test]
fn hosts_replace_the_sans_of_the_csr() {
    let ca = start_with_peer();
    let in_csr = [dns("csr.example"), SanName::Uri("urn:a:b".into()), SanName::Email("a@b".into())];
    let all = Some(vec!["DNS:csr.example".to_owned(), "email:a@b".into(), "URI:urn:a:b".into()]);
    assert_eq!(issued_sans(&ca, &json!({}), &in_csr), all);
    assert_eq!(issued_sans(&ca, &json!({"hosts": null}), &in_csr), all);
    assert_eq!(issued_sans(&ca, &json!({"hosts": []}), &in_csr), None);
    assert_eq!(issued_sans(&ca, &json!({"hosts": [""]}), &in_csr), Some(vec!["DNS:".to_owned()]));
    assert_eq!(issued_sans(&ca, &json!({}), &[]), None);
    let hosts = json!({"hosts": ["b.example", "10.0.0.1", "a.example", "a.example", "::1"]});
    let wanted = ["DNS:b.example", "DNS:a.example", "DNS:a.example", "IP:[10, 0, 0, 1]"];
    let got = issued_sans(&ca, &hosts, &in_csr).unwrap();
    assert_eq!(got[..4], wanted);
    assert_eq!(got.len(), 5);
}

#[test]
fn a_non_ascii_host_is_refused() {
    let ca = start_with_peer();
    let reply = enroll(&ca, "peer0", "peer0pw", json!({"hosts": ["bücher.example"]}));
    assert_eq!(reply.verdict(), (500, 0));
    assert_eq!(
        reply.message(),
        "Certificate signing failure: {\"code\":1000,\"message\":\"x509: \\\"bücher.example\\\" cannot be encoded as an IA5String\"}"
    );
}

#[test]
fn the_subject_is_that_of_the_request_except_the_units() {
    let ca = start_with_peer();
    let subject = json!({"CN": "peer0", "names": [{"C": "DE", "O": "Json", "OU": "x"}], "SerialNumber": "7"});
    let reply = enroll(&ca, "peer0", "peer0pw", json!({"subject": subject}));
    with_cert(&reply.cert_der(), |c| {
        assert_eq!(
            c.subject().to_string(),
            "C=DE, O=Json, OU=org1 + OU=peer + OU=department1, CN=peer0, serialNumber=7"
        );
    });
}

#[test]
fn not_before_defaults_to_the_cas_and_not_after_is_whole_minutes() {
    let ca = start_with_peer();
    let times = |more: Value| {
        let der = enroll(&ca, "peer0", "peer0pw", more).cert_der();
        with_cert(&der, |c| (c.validity().not_before.timestamp(), c.validity().not_after.timestamp()))
    };
    let (start, end) = times(json!({"NotBefore": "0001-01-01T00:00:00Z", "NotAfter": "2030-01-01T00:00:00Z"}));
    assert_eq!(start, (NOW.unix() - 300) / 60 * 60);
    assert_eq!(end, (NOW.unix() + 30) / 60 * 60 + 8760 * 3600);
    let asked = NOW.minus(std::time::Duration::from_secs(77));
    assert_eq!(times(json!({"NotBefore": asked.rfc3339()})).0, asked.unix());
    assert_eq!(times(json!({"NotBefore": "2020-01-01T00:00:00Z"})).0, start);
    assert_eq!(enroll(&ca, "peer0", "peer0pw", json!({"NotAfter": "soon"})).verdict(), (400, 5));
}

#[test]
fn no_certificate_outlives_its_ca() {
    let mut config = plain();
    config.lifetime = std::time::Duration::from_secs(100 * 365 * 86_400);
    let ca = start(config);
    let der = enroll(&ca, "admin", "adminpw", json!({})).cert_der();
    let root = crate::text::pem_blocks(ca.root_pem().as_bytes()).unwrap().remove(0).der;
    let end = |der: &[u8]| with_cert(der, |c| c.validity().not_after.timestamp());
    assert_eq!(end(&der), end(&root));
}

#[test]
fn profile_ca_needs_the_right_and_keeps_only_ip_names() {
    let ca = start_with_peer();
    let ask = json!({"profile": "ca", "hosts": ["a.example", "10.0.0.1"]});
    assert_eq!(enroll(&ca, "peer0", "peer0pw", ask.clone()).verdict(), (403, 71));
    with_cert(&enroll(&ca, "admin", "adminpw", ask).cert_der(), |c| {
        assert_eq!(sans(c), Some(vec!["IP:[10, 0, 0, 1]".to_owned()]));
        let constraints = c.basic_constraints().unwrap().unwrap().value;
        assert_eq!((constraints.ca, constraints.path_len_constraint), (true, Some(0)));
        assert!(c.key_usage().unwrap().unwrap().value.key_cert_sign());
    });
}

#[test]
fn a_csr_for_a_ca_is_refused_by_right_and_by_profile() {
    let ca = start_with_peer();
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, "peer0");
    let extension = rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 19], vec![0x30, 3, 1, 1, 0xff]);
    params.custom_extensions.push(extension);
    let request = |params: &rcgen::CertificateParams| csr_of(params, &new_key());
    let body = json!({"certificate_request": request(&params)});
    assert_eq!(post_enroll(&ca, "peer0", "peer0pw", &body).verdict(), (403, 71));
    params.distinguished_name.push(rcgen::DnType::CommonName, "admin");
    let body = json!({"certificate_request": request(&params)});
    let reply = post_enroll(&ca, "admin", "adminpw", &body);
    assert_eq!(reply.verdict(), (500, 0));
    assert!(reply.message().contains("Policy violation request"), "{}", reply.message());
}

#[test]
fn subject_values_are_limited_in_bytes() {
    let id = "ü".repeat(33);
    let ca = start(plain().with_identity(IdentitySpec::new(&*id, "pw", "peer")));
    let subject = SubjectFields { organization: Some("o".repeat(64)), ..SubjectFields::default() };
    // The CSR builder of this crate refuses long values itself.
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, &*id);
    let request = csr_of(&params, &new_key());
    let reply = post_enroll(&ca, &id, "pw", &json!({"certificate_request": request}));
    assert_eq!(reply.verdict(), (400, 80));
    assert_eq!(
        reply.message(),
        format!("CSR input validation failed: The CN '{id}' exceeds the maximum character limit of 64")
    );
    let key = new_key();
    let good = Csr::build(&CsrSpec { enrollment_id: "admin", sans: &[], subject: &subject }, &key).unwrap();
    let reply = post_enroll(&ca, "admin", "adminpw", &json!({"certificate_request": good.to_pem()}));
    assert_eq!(reply.status, 201);
}

#[test]
fn a_missing_requested_attribute_is_refused() {
    let ca = start_with_peer();
    let reply = enroll(&ca, "peer0", "peer0pw", json!({"attr_reqs": [{"name": "x"}, {"name": "y"}]}));
    assert_eq!(reply.verdict(), (500, 0));
    assert_eq!(
        reply.message(),
        "Failed to find requested attributes: The following required attributes are missing: [x y]"
    );
}

#[test]
fn keys_of_other_kinds_are_certified() {
    let ca = start_with_peer();
    for algorithm in [&rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519] {
        let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, "peer0");
        let request = csr_of(&params, &key);
        assert_eq!(post_enroll(&ca, "peer0", "peer0pw", &json!({"certificate_request": request})).status, 201);
    }
    let key = KeyPair::generate(KeyAlgorithm::P384).unwrap();
    assert_eq!(super::client::enroll_key(&ca, "peer0", "peer0pw", json!({}), &key).status, 201);
}

#[test]
fn chains_with_any_number_of_intermediates_verify() {
    for intermediates in 0..=2 {
        let mut config = plain();
        config.intermediates = intermediates;
        let ca = start(config);
        let reply = enroll(&ca, "admin", "adminpw", json!({}));
        let mut path = vec![reply.cert_der()];
        path.extend(reply.chain());
        assert_eq!(path.len(), usize::from(intermediates) + 2);
        for pair in path.windows(2) {
            with_cert(&pair[1], |issuer| {
                with_cert(&pair[0], |issued| {
                    assert_eq!(issued.issuer().as_raw(), issuer.subject().as_raw());
                    issued.verify_signature(Some(issuer.public_key())).unwrap();
                });
            });
        }
        with_cert(path.last().unwrap(), |root| root.verify_signature(None).unwrap());
        assert_eq!(ca.chain_pem().matches("BEGIN").count(), usize::from(intermediates) + 1);
        assert!(ca.chain_pem().ends_with(&ca.root_pem()) && ca.chain_pem().starts_with(&ca.tls_anchor_pem()));
    }
}

#[test]
fn openssl_reads_and_verifies_issued_certificates() {
    if Command::new("openssl").arg("version").output().is_err() {
        println!("skipped: openssl is not installed");
        return;
    }
    let mut config = plain();
    config.intermediates = 2;
    let ca = start(config);
    let pem = enroll(&ca, "admin", "adminpw", json!({"profile": "tls", "hosts": ["a.example", "10.0.0.1"]})).cert_pem();
    let mut child = Command::new("openssl")
        .args(["x509", "-noout", "-text"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(pem.as_bytes()).unwrap();
    let text = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    for line in [
        "Digital Signature, Key Encipherment, Key Agreement",
        "TLS Web Server Authentication, TLS Web Client Authentication",
        "CA:FALSE",
        "DNS:a.example, IP Address:10.0.0.1",
        "Signature Algorithm: ecdsa-with-SHA256",
    ] {
        assert!(text.contains(line), "{line} is missing in {text}");
    }
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
        path
    };
    let (root, chain, leaf) = (write("root", &ca.root_pem()), write("chain", &ca.chain_pem()), write("leaf", &pem));
    let time = NOW.unix().to_string();
    let verified = Command::new("openssl")
        .args(["verify", "-x509_strict", "-attime", &time, "-CAfile"])
        .args([root.as_path(), std::path::Path::new("-untrusted"), &chain, &leaf])
        .output()
        .unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}

#[test]
fn each_profile_has_its_own_lifetime() {
    let hours = |hours: u64| std::time::Duration::from_secs(hours * 3600);
    let mut config = plain().with_identity(IdentitySpec::new("peer0", "peer0pw", "peer"));
    (config.lifetime, config.tls_lifetime) = (hours(48), Some(hours(2)));
    let ca = start(config);
    let end = |more: &Value| {
        let mut body = more.clone();
        body["certificate_request"] = json!(csr("peer0", &[], &new_key()));
        with_cert(&post_enroll(&ca, "peer0", "peer0pw", &body).cert_der(), |c| c.validity().not_after.timestamp())
    };
    let (sign, tls) = (end(&json!({})), end(&json!({"profile": "tls"})));
    assert_eq!(sign - tls, 46 * 3600);
}
