//! What the fuzz targets of `fuzz/` run, and an ordinary test over mutated files of `testdata/corpus`. None of it is part
//! of the library: it is compiled for tests and for fuzzing only.
//!
//! Each function takes whatever bytes there are and panics only where fabcert has a bug.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use zeroize::Zeroizing;

use crate::Timestamp;
use crate::audit::catalogue::RULE_CRASHED;
use crate::audit::input::{LoadOptions, ServedUnit, Unit};
use crate::audit::model::expectation::{Expectation, ExpectedName, NameSource};
use crate::auditor::unit::Criteria;
use crate::disk::{Disk, MemoryFolder};
use crate::manifests::{Addition, Manifest, Network, Object, Settings, Variables, with_names};
use crate::msp::{ChannelRules, MspConfig, verdicts};
use crate::pki::key::KeyPair;
use crate::pki::name::SanName;
use crate::pki::x509::{Cert, Crl, Csr};
use crate::policy::Policy;
use crate::text::{pem_blocks, pem_encode};

#[cfg(test)]
mod mutation;
#[cfg(test)]
pub(crate) mod recorded;

/// A name that clients dial, in the corpus.
const NAME: &str = "peer1.org1.example.com";
/// A CA and an identity of it, and the day on which both are good.
const CA: &[u8] = include_bytes!("../testdata/certs/two-intermediates-root.pem");
const IDENTITY: &[u8] = include_bytes!("../testdata/certs/two-intermediates-leaf.pem");
const NOW: Timestamp = Timestamp::from_unix(1_795_000_000);

/// A certificate in DER: read as fabcert and as Go read it, judged as identity, CA and TLS server, audited.
pub fn certificate(der: &[u8]) {
    read_certificate(der);
    let pem = pem_encode("CERTIFICATE", der);
    let mut msp = MemoryFolder::new();
    msp.insert("signcerts/cert.pem", pem.as_bytes());
    msp.insert("cacerts/ca.pem", pem.as_bytes());
    msp.insert("admincerts/admin.pem", pem.as_bytes());
    judge(&msp);
    let served = ServedUnit {
        endpoint: "peer1:7051".to_owned(),
        chain: vec![der.to_vec(), der.to_vec()],
        anchors: pem.into_bytes(),
        dialled: NAME.parse().ok(),
        member_of: None,
    };
    audit(&Unit::Served(served));
    audit(&Unit::Stdin(Zeroizing::new(der.to_vec())));
}

/// A certificate in DER, only read.
pub fn read_certificate(der: &[u8]) {
    let go = crate::pki::go::x509::Certificate::parse(der);
    if let Ok(cert) = Cert::from_der(der.to_vec()) {
        assert_eq!(cert.der(), der);
        assert!(cert.is_issued_by(&cert) == cert.is_self_signed());
        assert_eq!(Cert::all_from_pem(pem_encode("CERTIFICATE", der).as_bytes()), Ok(vec![cert]));
    }
    drop(go);
}

/// A text with PEM blocks, keys among them.
pub fn pem(text: &[u8]) {
    let strict = pem_blocks(text);
    drop(KeyPair::from_pem(text));
    drop(Cert::all_from_pem(text));
    drop(strict);
    audit(&Unit::Stdin(Zeroizing::new(text.to_vec())));
    let mut msp = MemoryFolder::new();
    for file in ["signcerts/cert.pem", "keystore/key_sk", "cacerts/ca.pem"] {
        msp.insert(file, text);
    }
    judge(&msp);
}

/// A CSR in DER.
pub fn csr(der: &[u8]) {
    if let Ok(csr) = Csr::from_der(der.to_vec()) {
        assert_eq!(Csr::from_pem(csr.to_pem().as_bytes()).as_ref(), Ok(&csr));
    }
    audit(&Unit::Stdin(Zeroizing::new(der.to_vec())));
}

/// A revocation list in DER, also as part of an MSP.
pub fn crl(der: &[u8]) {
    if let Ok(list) = Crl::from_der(der.to_vec()) {
        assert_eq!(list.len(), list.serials().len());
    }
    let mut msp = msp();
    msp.insert("crls/crl.pem", pem_encode("X509 CRL", der).into_bytes());
    judge(&msp);
    audit(&Unit::Stdin(Zeroizing::new(der.to_vec())));
}

/// A channel configuration, encoded or as JSON.
pub fn channel(content: &[u8]) {
    audit(&Unit::Stdin(Zeroizing::new(content.to_vec())));
}

/// A `config.yaml`.
pub fn config_yaml(text: &[u8]) {
    if let Ok(config) = MspConfig::parse(text) {
        assert_eq!(MspConfig::parse(config.to_yaml().as_bytes()), Ok(config));
    }
    let mut msp = msp();
    msp.insert("config.yaml", text);
    judge(&msp);
    policy(text);
}

/// A `fabcert.yaml`.
pub fn policy(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let Ok(policy) = Policy::parse(text, Path::new("fabcert.yaml")) else { return };
    for path in ["organizations/peerOrganizations/org1/peers/peer1/tls", "testdata/x.pem", ""] {
        drop(policy.expectation(&Expectation::default(), Path::new(path)));
        policy.excludes(Path::new(path));
    }
}

/// A manifest: read, put together, its names derived and rules asked, and a name added to each of its lists.
pub fn manifest(text: &[u8]) {
    audit(&Unit::Stdin(Zeroizing::new(text.to_vec())));
    let Ok(text) = std::str::from_utf8(text) else { return };
    let variables = Variables::new();
    let Some(manifest) = Manifest::read(Path::new("k8s.yaml"), text, &variables) else { return };
    let addition = |object: &Object| match object {
        Object::Certificate(c) => {
            Some(Addition { list: c.dns_names, of: c.requested.clone(), names: vec![NAME.to_owned()] })
        }
        _ => None,
    };
    let additions: Vec<Addition> = manifest.objects.iter().filter_map(addition).collect();
    let fixed = with_names(text, &additions, &variables);
    if fixed.text != text {
        let again = Manifest::read(Path::new("k8s.yaml"), &fixed.text, &variables);
        assert_eq!(again.map(|m| m.objects.len()), Some(manifest.objects.len()));
    }
    let settings = Settings { namespace: None, cluster_domain: "cluster.local".to_owned() };
    let network = Network::new([manifest], settings);
    for workload in 0..network.workloads.len() {
        drop(network.needed(workload));
    }
}

fn msp() -> MemoryFolder {
    let mut msp = MemoryFolder::new();
    msp.insert("cacerts/ca.pem", CA);
    msp.insert("signcerts/cert.pem", IDENTITY);
    msp
}

fn judge(msp: &MemoryFolder) {
    for rules in [ChannelRules::V3_0, ChannelRules::V1_4_3] {
        drop(verdicts(msp, rules, NOW));
    }
}

static AUDIT: LazyLock<Criteria> = LazyLock::new(|| {
    let name = |name: SanName| ExpectedName { name, source: NameSource::ExpectSan, advised: false };
    Criteria {
        now: NOW,
        channel_rules: ChannelRules::V3_0,
        expectation: Expectation { names: NAME.parse().ok().map(name).into_iter().collect(), ..Expectation::default() },
        policy: Policy::default(),
        load: LoadOptions { base: PathBuf::from("/"), here: PathBuf::from("/"), variables: Variables::new() },
    }
});

fn audit(unit: &Unit) {
    let audited = AUDIT.unit(&Disk::real(), unit).ok().flatten();
    // A rule that panics is caught there, and must not pass here.
    let crashed = audited.iter().flat_map(|a| &a.findings).find(|f| f.is_of(&RULE_CRASHED));
    assert!(crashed.is_none(), "{crashed:?}");
}
