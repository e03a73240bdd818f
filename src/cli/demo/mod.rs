//! `fabcert demo`: what a missing name in a certificate does, shown on this machine in seconds.

mod gateway;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use self::gateway::{Application, Gateway, Peer};
use super::args::{OutputArgs, OutputForm};
use super::next::{Next, words};
use super::{output, process};
use crate::ca::{CaUrl, Client, Credential, EnrollRequest, RegisterRequest, TrustAnchors};
use crate::devca::{DevCa, DevCaConfig};
use crate::disk::{Disk, WorkingTree};
use crate::enroll::{self, Action};
use crate::identity::{Environment, Request};
use crate::pki::key::{KeyAlgorithm, KeyPair};
use crate::pki::x509::{Csr, CsrSpec, NodeOu, SubjectFields};
use crate::{Enrolment, Error, ErrorKind, Secret};

const GATEWAY: &str = "org1-peer-gateway-svc";
const NAMESPACE: &str = "fabric";
const DIALS: usize = 20;
/// Marks a folder that a demo made; no other folder is ever removed.
const MARKER: &str = ".fabcert-demo";

/// Show on this machine, in seconds, what a missing name in a certificate does: a development CA enrols peers behind one
/// gateway name, a client connects, one peer stops, and a peer without the name takes its place.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  fabcert demo --dir /tmp/fabcert-demo")]
pub(super) struct DemoArgs {
    /// Folder for the result. The folder of an earlier demo is replaced
    #[arg(long, value_name = "DIR", default_value = "fabcert-demo", env = "FABCERT_DIR")]
    dir: PathBuf,
}

/// The result of the demo, as JSON.
#[derive(Default, Serialize)]
struct Story {
    schema_version: u32,
    dir: PathBuf,
    both_up: Tally,
    one_down: Tally,
    one_without_the_name: Tally,
}

/// Connections, counted by the peer that answered, and failures.
#[derive(Default, Serialize)]
struct Tally {
    answered: BTreeMap<String, usize>,
    failed: usize,
    why: Option<String>,
}

impl Tally {
    fn text(&self) -> String {
        let mut parts: Vec<String> = self.answered.iter().map(|(peer, n)| format!("{n} by {peer}")).collect();
        parts.push(format!("{} failed", self.failed));
        parts.join(", ")
    }
}

pub(super) fn run(args: &DemoArgs, output: &OutputArgs) -> Result<ExitCode, Error> {
    let form = output.output;
    let disk = Disk::real();
    prepare(&disk, &args.dir)?;
    let local = tokio::task::LocalSet::new();
    let story = process::runtime()?.block_on(local.run_until(tell(&disk, &args.dir, form)))?;
    if form == OutputForm::Json {
        output::print_json(&story)?;
    }
    let is_as_expected = story.both_up.failed == 0
        && story.both_up.answered.len() == 2
        && story.one_down.failed == 0
        && story.one_without_the_name.failed > 0;
    if is_as_expected {
        let dir = args.dir.display().to_string();
        let mut next = Next::default();
        let line = ["fabcert", "audit", &dir, "--gateway-service", GATEWAY];
        next.step("let the audit find the certificate without the name (exit code 1)", &words(&line));
        next.print(output);
        return Ok(ExitCode::SUCCESS);
    }
    Err(Error::new(ErrorKind::Bug, "the demo did not have the expected result")
        .with_help("please report this with the output above"))
}

fn prepare(disk: &Disk, dir: &Path) -> Result<(), Error> {
    if disk.metadata(dir)?.is_some() {
        let names = disk.read_dir(dir)?;
        if !names.is_empty() && !names.iter().any(|n| n == MARKER) {
            return Err(Error::new(ErrorKind::Input, format!("{} was not made by an earlier demo", dir.display()))
                .with_help("choose another folder with --dir"));
        }
        disk.remove_tree(dir)?;
    }
    WorkingTree::here(disk)?.create_dirs(dir)?;
    disk.write_new(&dir.join(MARKER), b"made by fabcert demo; may be removed\n", 0o644)?;
    Ok(())
}

async fn tell(disk: &Disk, dir: &Path, form: OutputForm) -> Result<Story, Error> {
    let say = |line: std::fmt::Arguments<'_>| match form {
        OutputForm::Human => output::print_line(line),
        OutputForm::Json => Ok(()),
    };
    let mut story = Story { schema_version: 1, dir: dir.to_owned(), ..Story::default() };

    let ca = DevCa::start(DevCaConfig::new(process::now)).await?;
    let anchor = dir.join("ca-tls.pem");
    disk.write_new(&anchor, ca.tls_anchor_pem().as_bytes(), 0o644)?;
    say(format_args!("1  A development CA runs at {} (for tests only)", ca.url()))?;

    let secrets = register(ca.url(), &ca.tls_anchor_pem(), &["org1-peer1", "org1-peer2", "org1-peer3"]).await?;
    say(format_args!("2  The registrar registered org1-peer1, org1-peer2 and org1-peer3"))?;
    say(format_args!(""))?;

    let environment = Environment::new(disk, &process::now);
    for (id, gateway) in [("org1-peer1", true), ("org1-peer2", true), ("org1-peer3", false)] {
        let request = request(dir, ca.url(), &anchor, id, secrets[id].clone(), gateway)?;
        let outcome = enroll::enroll(&request, &environment).await?;
        let tls = outcome.certificates.iter().find(|c| c.role == "tls");
        let held = tls.map_or(0, |c| c.sans.len());
        let membership = if gateway { "with" } else { "without" };
        say(format_args!("3  {id}: MSP and TLS folders verified and installed; {held} names, {membership} {GATEWAY}"))?;
        if id == "org1-peer1" {
            let again = enroll::enroll(&request, &environment).await?;
            if again.action != Action::Unchanged {
                return Err(Error::new(ErrorKind::Bug, "a second run with the same request enrolled again"));
            }
            say(format_args!("      a second run changed nothing and opened no connection"))?;
        }
    }

    let tls = |id: &str| dir.join(id).join("tls");
    let peer1 = Peer::start(disk, "org1-peer1", &tls("org1-peer1")).await?;
    let peer2 = Peer::start(disk, "org1-peer2", &tls("org1-peer2")).await?;
    let application = Application::new(disk, &tls("org1-peer1").join("ca.crt"), GATEWAY)?;
    let gateway = Gateway::start(vec![peer1.address, peer2.address]).await?;
    story.both_up = dial(&application, gateway.address).await;
    say(format_args!(""))?;
    say(format_args!("4  {DIALS} connections to {GATEWAY}, both peers run:            {}", story.both_up.text()))?;

    let still_up = peer1.address;
    peer2.stop().await;
    story.one_down = dial(&application, gateway.address).await;
    say(format_args!("5  org1-peer2 stops, the client connects to the other peer:         {}", story.one_down.text()))?;
    gateway.stop().await;

    let peer3 = Peer::start(disk, "org1-peer3", &tls("org1-peer3")).await?;
    let gateway = Gateway::start(vec![still_up, peer3.address]).await?;
    story.one_without_the_name = dial(&application, gateway.address).await;
    say(format_args!(
        "6  org1-peer3, without the name, joins the Service:                 {}",
        story.one_without_the_name.text()
    ))?;
    if let Some(why) = &story.one_without_the_name.why {
        say(format_args!("      {why}"))?;
    }
    say(format_args!(
        "      clients meet this after a failover; fabcert enroll --gateway-service adds the name, and prevents it"
    ))?;
    gateway.stop().await;
    peer1.stop().await;
    peer3.stop().await;
    say(format_args!(""))?;
    say(format_args!(
        "The folders are in {}, for example org1-peer1/msp and org1-peer1/tls. Nothing is left running.",
        dir.display()
    ))?;
    Ok(story)
}

async fn dial(application: &Application, address: SocketAddr) -> Tally {
    let mut tally = Tally::default();
    for _ in 0..DIALS {
        match application.dial(address).await {
            Ok(peer) => *tally.answered.entry(peer).or_default() += 1,
            Err(why) => {
                tally.failed += 1;
                tally.why = Some(why);
            }
        }
    }
    tally
}

/// Enrols the registrar and registers each id. The CA generates the secrets.
async fn register(url: &str, anchor: &str, ids: &[&'static str]) -> Result<BTreeMap<&'static str, Secret>, Error> {
    let (url, _, _) = CaUrl::parse(url)?;
    let client = Client::builder(url).anchors(TrustAnchors::from_pem("dev CA", anchor.as_bytes())?).build()?;
    let key = KeyPair::generate(KeyAlgorithm::P256)?;
    let subject = SubjectFields::default();
    let csr = Csr::build(&CsrSpec { enrollment_id: "admin", sans: &[], subject: &subject }, &key)?.to_pem();
    let request = EnrollRequest { csr_pem: &csr, ..EnrollRequest::default() };
    let admin = client.enroll("admin", &Secret::new("adminpw"), &request).await?;
    let credential = Credential { cert_pem: &admin.cert_pem, key: &key };
    let mut secrets = BTreeMap::new();
    for id in ids {
        let request = RegisterRequest { id, identity_type: Some("peer"), ..RegisterRequest::default() };
        secrets.insert(*id, client.register(&credential, &request).await?);
    }
    Ok(secrets)
}

fn request(dir: &Path, url: &str, anchor: &Path, id: &str, secret: Secret, gateway: bool) -> Result<Request, Error> {
    let folder = dir.join(id);
    let enrolment = Enrolment::new(url, id)?
        .secret(secret)
        .anchor_file(anchor)
        .hostname(id)
        .namespace(NAMESPACE)
        .role(NodeOu::Peer)
        .msp_dir(folder.join("msp"))
        .tls_dir(folder.join("tls"));
    if gateway { enrolment.gateway_service(GATEWAY) } else { enrolment }.request()
}
