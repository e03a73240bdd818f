//! What an enrolment costs, part by part and as a whole: `cargo bench`, or `cargo bench -- key` for one part.
//!
//! The parts that write do so below the temporary folder (`TMPDIR`), whose file system is part of their names. The CA is
//! the dev CA on a thread of this process: its own work and that of TLS on both sides are in the whole enrolments.

#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "what goes wrong ends the bench")]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use fabcert::ca::{CaUrl, Client, EnrollRequest, Enrollment, TrustAnchors};
use fabcert::devca::{DevCa, DevCaConfig, IdentitySpec, Running};
use fabcert::internals::{
    AdminRule, CurrentMsp, Disk, DiskFolder, Environment, FolderPlan, KeyAccess, Lock, MspPlan, MspRequest, OtherCas,
    Place, Request, TlsFolderRequest, TlsPlan, enroll, install, judge,
};
use fabcert::msp::{Layout, TlsNames};
use fabcert::pki::key::{KeyAlgorithm, KeyPair};
use fabcert::pki::name::{NameRequest, NameSet};
use fabcert::pki::x509::{Csr, CsrSpec, NodeOu, SubjectFields};
use fabcert::proof::{Expected, Purpose, RoleRule, VerifiedEnrollment, verify};
use fabcert::{Enrolment, Secret, Timestamp};
use tokio::runtime::Runtime;

const ID: &str = "org1-peer1";
const GATEWAY: &str = "org1-peer-gateway-svc";
const SECRET: &str = "peerpw";
const ACCESS: KeyAccess = KeyAccess { mode: 0o600, group: None };

fn now() -> Timestamp {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    Timestamp::from_unix(i64::try_from(seconds).unwrap())
}

/// The eight names of a peer behind a gateway service.
fn names() -> NameSet {
    NameSet::derive(&NameRequest {
        sans: &[],
        hostnames: &[ID.to_owned()],
        gateway_services: &[GATEWAY.to_owned()],
        namespace: Some("fabric"),
        cluster_domain: "cluster.local",
    })
    .unwrap()
}

fn csr(key: &KeyPair, names: &NameSet) -> Csr {
    Csr::build(&CsrSpec { enrollment_id: ID, sans: &names.sans(), subject: &SubjectFields::default() }, key).unwrap()
}

fn dev_ca() -> Running {
    let config = DevCaConfig::new(now).with_identity(IdentitySpec::new(ID, SECRET, "peer"));
    DevCa::spawn_thread(config).unwrap()
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// One certificate's key, requested names, and what the CA answered.
struct Answered {
    purpose: Purpose,
    key: KeyPair,
    names: NameSet,
    answer: Enrollment,
}

impl Answered {
    fn by(ca: &Running, purpose: Purpose) -> Self {
        let names = if purpose == Purpose::Tls { names() } else { NameSet::default() };
        let (key, sans) = (KeyPair::generate(KeyAlgorithm::P256).unwrap(), names.sans());
        let csr_pem = csr(&key, &names).to_pem();
        let profile = (purpose == Purpose::Tls).then_some("tls");
        let request = EnrollRequest { csr_pem: &csr_pem, sans: &sans, profile, ..EnrollRequest::default() };
        let anchors = TrustAnchors::from_pem("dev CA", ca.tls_anchor_pem().as_bytes()).unwrap();
        let client = Client::builder(CaUrl::parse(ca.url()).unwrap().0).anchors(anchors).build().unwrap();
        let answer = runtime().block_on(client.enroll(ID, &Secret::new(SECRET), &request)).unwrap();
        Self { purpose, key, names, answer }
    }

    fn verified(&self) -> VerifiedEnrollment {
        let role = if self.purpose == Purpose::Sign { RoleRule::Exactly(NodeOu::Peer) } else { RoleRule::Any };
        let expected = Expected {
            enrollment_id: ID,
            spki_der: &self.key.spki_der(),
            sans: &self.names.sans(),
            purpose: self.purpose,
            role,
            pinned_root: None,
            now: now(),
            server_date: None,
        };
        verify(&self.answer.cert_pem, &self.answer.chain_pem, &expected).unwrap()
    }
}

fn msp_plan(sign: &VerifiedEnrollment, key: &KeyPair, tls: &VerifiedEnrollment) -> FolderPlan {
    let request = MspRequest {
        sign,
        key,
        tls: Some(tls),
        stem: "org1-ca-7054",
        tls_stem: "org1-ca-7054",
        layout: Layout::FabricCa,
        node_ous: true,
        current: &CurrentMsp::default(),
        key_access: ACCESS,
        others: OtherCas::default(),
    };
    MspPlan::build(&request).unwrap().folder
}

/// The type of the file system below `dir`, as `stat` names it.
fn file_system(dir: &Path) -> String {
    let output = Command::new("stat").args(["-f", "-c", "%T"]).arg(dir).output();
    let name = output.ok().filter(|o| o.status.success()).map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned());
    name.unwrap_or_else(|| "unknown file system".into()).replace('/', "-")
}

fn parts(c: &mut Criterion) {
    for algorithm in [KeyAlgorithm::P256, KeyAlgorithm::P384] {
        c.bench_function(&format!("key {algorithm}"), |b| b.iter(|| KeyPair::generate(algorithm).unwrap()));
    }
    let (key, requested) = (KeyPair::generate(KeyAlgorithm::P256).unwrap(), names());
    c.bench_function("names", |b| b.iter(names));
    c.bench_function("CSR with 8 names", |b| b.iter(|| csr(&key, &requested)));

    let ca = dev_ca();
    let (sign, tls) = (Answered::by(&ca, Purpose::Sign), Answered::by(&ca, Purpose::Tls));
    drop(ca);
    c.bench_function("verify sign", |b| b.iter(|| sign.verified()));
    c.bench_function("verify TLS", |b| b.iter(|| tls.verified()));

    let (sign_verified, tls_verified) = (sign.verified(), tls.verified());
    let msp = || msp_plan(&sign_verified, &sign.key, &tls_verified);
    let sans = tls.names.sans();
    let tls_folder = TlsFolderRequest {
        tls: &tls_verified,
        key: &tls.key,
        sans: &sans,
        now: now(),
        key_access: ACCESS,
        others: &[],
    };
    let server = || TlsPlan::build(&tls_folder, TlsNames::Fabric).unwrap().folder;
    c.bench_function("plan MSP", |b| b.iter(msp));
    c.bench_function("plan TLS", |b| b.iter(server));

    let dir = tempfile::tempdir().unwrap();
    let on = file_system(dir.path());
    for (name, plan) in [("MSP", msp()), ("TLS", server())] {
        let place = Place::of(&Disk::real(), &dir.path().join(name)).unwrap();
        let check = |staged: &Path| {
            if name == "MSP" {
                judge(&DiskFolder::new(&Disk::real(), staged), now(), AdminRule::Fabric).unwrap();
            }
            Ok(())
        };
        c.bench_function(&format!("install {name}, {on}"), |b| {
            b.iter(|| {
                let lock = Lock::acquire(&Disk::real(), &place, now()).unwrap();
                install(&Disk::real(), &lock, &plan, &check).unwrap();
            });
        });
    }
}

/// Both folders below `dir`.
fn request(ca: &Running, dir: &Path, force: bool) -> Request {
    let enrolment = Enrolment::new(ca.url(), ID)
        .unwrap()
        .secret(Secret::new(SECRET))
        .anchor_file(dir.join("anchor.pem"))
        .hostname(ID)
        .gateway_service(GATEWAY)
        .namespace("fabric")
        .role(NodeOu::Peer)
        .msp_dir(dir.join("msp"))
        .tls_dir(dir.join("tls"));
    if force { enrolment.force() } else { enrolment }.request().unwrap()
}

fn whole(c: &mut Criterion) {
    let (ca, dir, runtime) = (dev_ca(), tempfile::tempdir().unwrap(), runtime());
    std::fs::write(dir.path().join("anchor.pem"), ca.tls_anchor_pem()).unwrap();
    let on = file_system(dir.path());
    let run = |request: &Request| {
        runtime.block_on(enroll(request, &Environment::new(&Disk::real(), &now))).unwrap();
    };
    for (name, force) in [("both folders enrolled", true), ("both folders left alone", false)] {
        let request = request(&ca, dir.path(), force);
        c.bench_function(&format!("{name}, {on}"), |b| {
            b.iter_batched(|| ca.clear_requests(), |()| run(&request), BatchSize::SmallInput);
        });
    }
}

criterion_group! {
    name = enrol;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(8));
    targets = parts, whole
}
criterion_main!(enrol);
