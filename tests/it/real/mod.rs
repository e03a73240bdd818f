//! The real programs that the tests compare with: `fabric-ca-server` and `fabric-ca-client`, Fabric's own MSP package,
//! and Go's `crypto/tls`.
//!
//! [`tools`] finds them. When one is missing, a test that needs it prints the reason and returns; with
//! `FABCERT_REQUIRE_REAL=1`, as in CI, it fails.
#![allow(clippy::disallowed_methods, reason = "a test lays out its own folders; disk is what is under test")]
#![cfg_attr(not(feature = "dev-ca"), allow(dead_code, reason = "tests at the development CA use the rest"))]

pub(crate) mod oracle;
pub(crate) mod proxy;
pub(crate) mod relay;
pub(crate) mod tools;
pub(crate) mod transport;

mod config;
mod server;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::time::Duration;

use config::{CaConfig, Parent};
use server::Server;
use tools::Tool;
use transport::TransportCa;

/// The enrolment id and secret of the registrar on each CA under test.
pub(crate) const ADMIN: (&str, &str) = ("admin", "adminpw");

/// An identity to register at a CA.
#[derive(Clone, Debug)]
pub(crate) struct Registration<'a> {
    /// Enrolment id.
    pub(crate) id: &'a str,
    /// Enrolment secret.
    pub(crate) secret: &'a str,
    /// Identity type, which becomes an OU: `peer`, `orderer`, `admin`, `client` or free text.
    pub(crate) kind: &'a str,
    /// `org1`, `org1.department1` or `org2`.
    pub(crate) affiliation: &'a str,
    /// Attributes as the Go client accepts them: `name=value` or `name=value:ecert`.
    pub(crate) attributes: &'a [&'a str],
    /// The limit of enrolments; `None` leaves it to the CA (unlimited).
    pub(crate) max_enrollments: Option<u32>,
}

impl<'a> Registration<'a> {
    /// A peer of `org1` without attributes.
    pub(crate) fn peer(id: &'a str, secret: &'a str) -> Self {
        Self { id, secret, kind: "peer", affiliation: "org1", attributes: &[], max_enrollments: None }
    }
}

/// One request that a CA has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answered {
    /// HTTP method.
    pub(crate) method: String,
    /// The last segment of the path, without the query: `enroll`, `reenroll`, `register`, `cainfo`.
    pub(crate) endpoint: String,
    /// HTTP status.
    pub(crate) status: u16,
}

/// The interface of a CA for the conformance suite, which runs on the real one and on the embedded one.
pub(crate) trait CaUnderTest {
    /// The URL: `https://localhost:PORT`.
    fn url(&self) -> String;
    /// PEM file with the trust anchor of its TLS certificate.
    fn tls_anchor(&self) -> &Path;
    /// The CA name to request; `None` for the server's default CA.
    fn ca_name(&self) -> Option<&str>;
    /// Registers an identity at the CA of [`Self::ca_name`]; panics when the CA refuses.
    fn register(&self, registration: &Registration<'_>);
    /// Revokes an identity with its certificates.
    fn revoke(&self, id: &str);
    /// Every request answered so far, in order, including the fixture's own.
    fn answered(&self) -> Vec<Answered>;

    /// The number of requests to `endpoint` answered so far.
    fn count(&self, endpoint: &str) -> usize {
        self.answered().iter().filter(|a| a.endpoint == endpoint).count()
    }

    /// The number of requests to `endpoint` answered with `status` so far.
    fn count_status(&self, endpoint: &str, status: u16) -> usize {
        self.answered().iter().filter(|a| a.endpoint == endpoint && a.status == status).count()
    }
}

/// The configuration of a real CA.
#[derive(Clone, Debug)]
pub(crate) struct RealCaBuilder {
    intermediates: u32,
    name: String,
    more_names: Vec<String>,
    client_anchor: Option<PathBuf>,
    reenroll_expired: bool,
    plaintext: bool,
    allow_removal: bool,
    tls_expiry: &'static str,
    root_age: Option<Duration>,
    succeeds: Option<Predecessor>,
}

/// The CA whose database a CA with another root takes over.
#[derive(Clone, Debug)]
struct Predecessor {
    database: PathBuf,
    /// Its chain, PEM, if it is to be in that of the new one.
    chain: Option<String>,
}

/// Real `fabric-ca-server` processes: a root and the intermediates below it, each in a folder of its own. The lowest
/// one serves the test. Dropping the value ends the processes and removes the folders.
#[derive(Debug)]
pub(crate) struct RealCa {
    /// Top first; ended in reverse order.
    servers: Vec<Server>,
    name: Option<String>,
    /// Folders of enrolled registrars, by CA name.
    registrars: Mutex<BTreeMap<String, PathBuf>>,
    transport: TransportCa,
    client: PathBuf,
    home: tempfile::TempDir,
}

impl RealCa {
    /// A root CA named `org1-ca`, TLS on, unlimited enrolments, certificates for a year.
    pub(crate) fn builder() -> RealCaBuilder {
        RealCaBuilder {
            intermediates: 0,
            name: "org1-ca".into(),
            more_names: Vec::new(),
            client_anchor: None,
            reenroll_expired: false,
            plaintext: false,
            allow_removal: false,
            tls_expiry: "8760h",
            root_age: None,
            succeeds: None,
        }
    }

    /// The same server with another of its CA names.
    #[must_use]
    pub(crate) fn with_ca_name(mut self, name: &str) -> Self {
        self.name = Some(name.into());
        self
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.serving().port())
    }

    /// The self-signed certificate of the root above all certificates here, PEM.
    pub(crate) fn root_pem(&self) -> String {
        let path = self.servers[0].home().join("ca-cert.pem");
        fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// The root of the further CA `name` on the same server, PEM.
    pub(crate) fn further_root_pem(&self, name: &str) -> String {
        let path = self.serving().home().join(name).join("ca-cert.pem");
        fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// The file of the serving server's database.
    pub(crate) fn database(&self) -> PathBuf {
        self.serving().home().join("fabric-ca-server.db")
    }

    /// The log of the serving server so far.
    pub(crate) fn log(&self) -> String {
        self.serving().log()
    }

    /// The issuer of all TLS certificates in this test, which is not the CA under test.
    pub(crate) fn transport(&self) -> &TransportCa {
        &self.transport
    }

    /// Runs the real `fabric-ca-client` against this CA, with `home` as its folder (`-H`).
    pub(crate) fn client(&self, home: &Path, args: &[&str]) -> Output {
        let mut command = Command::new(&self.client);
        command.env_clear().env("HOME", home).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.args(args).arg("-H").arg(home).arg("--tls.certfiles").arg(self.tls_anchor());
        if let Some(name) = &self.name {
            command.args(["--caname", name]);
        }
        command.output().unwrap_or_else(|e| panic!("{}: {e}", self.client.display()))
    }

    fn serving(&self) -> &Server {
        self.servers.last().expect("there is a root at least")
    }

    /// The home of the registrar's client, enrolled at the first call.
    fn registrar(&self) -> PathBuf {
        let key = self.name.clone().unwrap_or_default();
        let mut registrars = self.registrars.lock().expect("no holder panics");
        registrars
            .entry(key)
            .or_insert_with_key(|name| {
                let home = self.home.path().join(format!("registrar-{name}"));
                fs::create_dir_all(&home).expect("a folder in our own temporary folder");
                let url = format!("https://{}:{}@localhost:{}", ADMIN.0, ADMIN.1, self.serving().port());
                succeed("enrol the registrar", &self.client(&home, &["enroll", "-u", &url]));
                home
            })
            .clone()
    }
}

impl CaUnderTest for RealCa {
    fn url(&self) -> String {
        format!("https://localhost:{}", self.serving().port())
    }

    fn tls_anchor(&self) -> &Path {
        self.transport.anchor()
    }

    fn ca_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn register(&self, r: &Registration<'_>) {
        let home = self.registrar();
        let url = self.url();
        let attributes = r.attributes.join(",");
        let uses = r.max_enrollments.unwrap_or_default().to_string();
        let mut args = vec!["register", "-u", &url, "--id.name", r.id, "--id.secret", r.secret];
        args.extend(["--id.type", r.kind, "--id.affiliation", r.affiliation, "--id.maxenrollments", &uses]);
        if !attributes.is_empty() {
            args.extend(["--id.attrs", &attributes]);
        }
        succeed(&format!("register {}", r.id), &self.client(&home, &args));
    }

    fn revoke(&self, id: &str) {
        let url = self.url();
        succeed(&format!("revoke {id}"), &self.client(&self.registrar(), &["revoke", "-u", &url, "-e", id]));
    }

    fn answered(&self) -> Vec<Answered> {
        server::answered(&self.log())
    }
}

impl Drop for RealCa {
    fn drop(&mut self) {
        while self.servers.pop().is_some() {}
    }
}

impl RealCaBuilder {
    /// The number of CAs above the serving CA's certificates: 1 means root and intermediate.
    pub(crate) fn intermediates(mut self, count: u32) -> Self {
        self.intermediates = count;
        self
    }

    /// The name of the server's default CA; empty for no name.
    pub(crate) fn name(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// Adds a root CA on the same server. Not together with intermediates.
    pub(crate) fn also_named(mut self, name: &str) -> Self {
        self.more_names.push(name.into());
        self
    }

    /// Serves plain HTTP. The fixture's own client speaks TLS, so use another.
    pub(crate) fn plaintext(mut self) -> Self {
        self.plaintext = true;
        self
    }

    /// Lets registrars remove identities and affiliations.
    pub(crate) fn allow_removal(mut self) -> Self {
        self.allow_removal = true;
        self
    }

    /// Takes expired certificates as credentials of `reenroll`.
    pub(crate) fn reenroll_expired(mut self) -> Self {
        self.reenroll_expired = true;
        self
    }

    /// Gives the root a certificate that began this time ago, and is valid for fifteen years from then.
    pub(crate) fn root_age(mut self, age: Duration) -> Self {
        self.root_age = Some(age);
        self
    }

    /// How long certificates of the profile `tls` are valid, as Go writes it.
    pub(crate) fn tls_expiry(mut self, expiry: &'static str) -> Self {
        self.tls_expiry = expiry;
        self
    }

    /// Takes over the database of `old`, with a new root of another name. `in_chain`: the chain file has the old chain too, so
    /// that certificates of `old` are credentials still.
    pub(crate) fn succeeds(mut self, old: &RealCa, in_chain: bool) -> Self {
        let chain = in_chain.then(|| old.serving().chain());
        self.succeeds = Some(Predecessor { database: old.database(), chain });
        self.name.clone_from(old.name.as_ref().expect("a CA with a name"));
        self
    }

    /// Requires a client TLS certificate issued below the anchor in this PEM file. The fixture's own client has none,
    /// so nothing can be registered: use [`ADMIN`].
    pub(crate) fn require_client_certificate(mut self, anchor: &Path) -> Self {
        self.client_anchor = Some(anchor.to_path_buf());
        self
    }

    /// Starts the servers, top first, and waits until each answers; `None` when the real programs are missing.
    pub(crate) fn start(self) -> Option<RealCa> {
        let program = tools::find(Tool::CaServer)?;
        let client = tools::find(Tool::CaClient)?;
        assert!(self.intermediates == 0 || self.more_names.is_empty(), "several names, or intermediates, not both");

        let home = tempfile::tempdir().expect("a temporary folder");
        let transport = TransportCa::new(&home.path().join("transport"));
        let tls = transport.issue("fabric-ca-server", &["localhost", "127.0.0.1"]);

        let mut servers: Vec<Server> = Vec::new();
        for tier in 0..=self.intermediates {
            let parent = servers.last().map(|above| Parent { port: above.port(), id: config::tier_id(tier) });
            let below = self.intermediates - tier;
            let ca = CaConfig {
                name: if below == 0 { &self.name } else { "" },
                is_successor: self.succeeds.is_some(),
                more_names: if below == 0 { &self.more_names } else { &[] },
                tier,
                below,
                reenroll_expired: self.reenroll_expired,
                plaintext: self.plaintext && below == 0,
                allow_removal: self.allow_removal,
                tls_expiry: self.tls_expiry,
                parent,
                tls: &tls,
                tls_anchor: transport.anchor(),
                // Only the tier of the test: the tiers below must get their own certificates.
                client_anchor: self.client_anchor.as_deref().filter(|_| below == 0),
            };
            let tier_home = home.path().join(format!("tier{tier}"));
            if let Some(before) = self.succeeds.as_ref().filter(|_| below == 0) {
                fs::create_dir_all(&tier_home).expect("a folder in our own temporary folder");
                fs::copy(&before.database, tier_home.join("fabric-ca-server.db")).expect("the database of a CA");
            }
            if let Some(age) = self.root_age.filter(|_| tier == 0) {
                fs::create_dir_all(&tier_home).expect("a folder in our own temporary folder");
                for (file, pem) in ["ca-cert.pem", "ca-key.pem"].iter().zip(config::root_of(age)) {
                    fs::write(tier_home.join(file), pem).expect("a file in our own temporary folder");
                }
            }
            servers.push(Server::start(&program, &home.path().join(format!("tier{tier}")), &ca));
        }
        if let Some(former) = self.succeeds.as_ref().and_then(|before| before.chain.as_ref()) {
            // The server reads the file at its first token.
            let serving = servers.last().expect("there is a root at least");
            let chain = serving.chain() + former;
            fs::write(serving.home().join("ca-chain.pem"), chain).expect("a file in our own temporary folder");
        }
        let name = Some(self.name).filter(|n| !n.is_empty());
        Some(RealCa { servers, name, registrars: Mutex::default(), transport, client, home })
    }
}

fn succeed(what: &str, output: &Output) {
    assert!(
        output.status.success(),
        "could not {what}: {}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
