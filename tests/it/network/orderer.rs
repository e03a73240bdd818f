//! An orderer in a Raft channel: it is a consenter only while its TLS key is the one that the channel names.

use std::fs;
use std::path::PathBuf;

use super::node::Node;
use super::{Organisation, Programs, output};
use crate::enroll::scene::text;
use crate::reserved::ReservedPort;

pub(super) const CHANNEL: &str = "channel-of-org1";

/// An ordering organisation with one orderer and an admin.
pub(super) struct Ordering {
    programs: Programs,
    pub(super) organisation: Organisation,
    pub(super) port: ReservedPort,
    admin_port: ReservedPort,
    starts: std::cell::Cell<u32>,
}

impl Ordering {
    pub(super) fn new() -> Option<Self> {
        let programs = Programs::find()?;
        let organisation = Organisation::new()?;
        organisation.enroll("orderer1", "orderer", &["localhost"]);
        organisation.enroll("admin1", "admin", &["localhost"]);
        let ports = (ReservedPort::new(), ReservedPort::new());
        Some(Self { programs, organisation, port: ports.0, admin_port: ports.1, starts: 0.into() })
    }

    pub(super) fn path(&self, relative: &str) -> String {
        text(&self.organisation.path(relative))
    }

    /// Starts the orderer and waits until its administration answers.
    pub(super) fn start(&self) -> Node {
        let root = self.path("orderer1/tls/ca.crt");
        let (certificate, key) = (self.path("orderer1/tls/server.crt"), self.path("orderer1/tls/server.key"));
        let tls = format!("Enabled: true, Certificate: {certificate}, PrivateKey: {key}, RootCAs: [{root}]");
        let config = format!(
            "General:
  ListenAddress: 127.0.0.1
  ListenPort: {port}
  BootstrapMethod: none
  LocalMSPDir: {msp}
  LocalMSPID: OrdererMSP
  TLS: {{{tls}}}
  BCCSP: {{Default: SW, SW: {{Hash: SHA2, Security: 256}}}}
FileLedger: {{Location: {ledger}}}
Consensus: {{WALDir: {wal}, SnapDir: {snapshots}}}
Operations: {{ListenAddress: '127.0.0.1:0'}}
ChannelParticipation: {{Enabled: true, MaxRequestBodySize: 1 MB}}
Admin:
  ListenAddress: 127.0.0.1:{admin}
  TLS: {{{tls}, ClientAuthRequired: true, ClientRootCAs: [{root}]}}
",
            port = self.port.number(),
            msp = self.path("orderer1/msp"),
            ledger = self.path("data/ledger"),
            wal = self.path("data/wal"),
            snapshots = self.path("data/snapshots"),
            admin = self.admin_port.number(),
        );
        self.organisation.write("config/orderer.yaml", &config);
        self.starts.set(self.starts.get() + 1);
        let log = self.organisation.path(&format!("orderer-{}.log", self.starts.get()));
        let mut node = Node::start(&self.programs.orderer, &[], &[("FABRIC_CFG_PATH", &self.path("config"))], log);
        node.wait_for("administration", || self.admin("list", &[]).filter(|answer| answer.contains("Status: 200")));
        node
    }

    /// Calls the orderer's administration; `None` while it does not answer.
    pub(super) fn admin(&self, command: &str, more: &[&str]) -> Option<String> {
        let address = format!("localhost:{}", self.admin_port.number());
        let root = self.path("orderer1/tls/ca.crt");
        let (certificate, key) = (self.path("admin1/tls/server.crt"), self.path("admin1/tls/server.key"));
        let args = ["channel", command, "--orderer-address", &address, "--ca-file", &root];
        let credential = ["--client-cert", &certificate, "--client-key", &key];
        let (succeeded, printed) = output(&self.programs.osnadmin, &[&args[..], &credential, more].concat(), &[]);
        succeeded.then_some(printed)
    }

    /// Creates the channel's first block, which names the orderer's current TLS certificate as a consenter's.
    pub(super) fn block(&self) -> PathBuf {
        let certificate = self.path("orderer1/tls/server.crt");
        let rule = |name: &str| format!("{name}: {{Type: Signature, Rule: \"OR('OrdererMSP.member')\"}}");
        let any = |name: &str| format!("{name}: {{Type: ImplicitMeta, Rule: 'ANY {name}'}}");
        let policies = |of: &dyn Fn(&str) -> String| ["Readers", "Writers", "Admins"].map(of).join(", ");
        let config = format!(
            "Organizations:
  - &Orderers
    Name: OrdererOrg
    ID: OrdererMSP
    MSPDir: {msp}
    OrdererEndpoints: ['localhost:{port}']
    Policies: {{{rules}}}
Profiles:
  Raft:
    Policies: {{{any}}}
    Capabilities: {{V2_0: true}}
    Orderer:
      OrdererType: etcdraft
      BatchTimeout: 500ms
      BatchSize: {{MaxMessageCount: 10, AbsoluteMaxBytes: 10 MB, PreferredMaxBytes: 512 KB}}
      EtcdRaft:
        Consenters: [{{Host: localhost, Port: {port}, ClientTLSCert: {certificate}, ServerTLSCert: {certificate}}}]
        Options: {{TickInterval: 500ms, ElectionTick: 10, HeartbeatTick: 1, MaxInflightBlocks: 5, SnapshotIntervalSize: 16 MB}}
      Organizations: [*Orderers]
      Policies: {{{any}, BlockValidation: {{Type: ImplicitMeta, Rule: 'ANY Writers'}}}}
      Capabilities: {{V2_0: true}}
    Application:
      Organizations: [*Orderers]
      Policies: {{{any}, LifecycleEndorsement: {{Type: ImplicitMeta, Rule: 'ANY Writers'}}, Endorsement: {{Type: ImplicitMeta, Rule: 'ANY Writers'}}}}
      Capabilities: {{V2_0: true}}
",
            msp = self.path("orderer1/msp"),
            port = self.port.number(),
            rules = policies(&rule),
            any = policies(&any),
        );
        self.organisation.write("config/configtx.yaml", &config);
        let block = self.organisation.path("genesis.block");
        let args = ["-profile", "Raft", "-channelID", CHANNEL, "-outputBlock", &text(&block)];
        let variables = [("FABRIC_CFG_PATH", &*self.path("config"))];
        let (succeeded, printed) = output(&self.programs.configtxgen, &args, &variables);
        assert!(succeeded, "{printed}");
        block
    }

    /// What the orderer says of itself in the channel: `consenter` or `follower`.
    pub(super) fn relation(&self, node: &mut Node) -> String {
        node.wait_for("the state in the channel", || {
            let answer = self.admin("list", &["--channelID", CHANNEL])?;
            let json: serde_json::Value = serde_json::from_str(answer.split_once('\n')?.1).ok()?;
            let state = json["status"].as_str()?;
            (state == "active" || state == "onboarding")
                .then(|| json["consensusRelation"].as_str().map(str::to_owned))?
        })
    }

    fn key(&self) -> Vec<u8> {
        fs::read(self.path("orderer1/tls/server.key")).unwrap()
    }

    fn certificate(&self) -> Vec<u8> {
        fs::read(self.path("orderer1/tls/server.crt")).unwrap()
    }
}

/// Renewed with the channel's block at hand it is a consenter after a restart, with a new certificate for the same key; another key is
/// refused, and the channel is named. Where nothing names the channel and another key is requested, the real orderer becomes a follower.
#[test]
fn a_renewed_orderer_is_still_a_consenter() {
    let Some(ordering) = Ordering::new() else { return };
    let block = ordering.block();
    let mut node = ordering.start();
    let joined = ordering.admin("join", &["--channelID", CHANNEL, "--config-block", &text(&block)]).unwrap();
    assert!(joined.contains("Status: 201"), "{joined}");
    assert_eq!(ordering.relation(&mut node), "consenter");
    drop(node);

    let (key, certificate) = (ordering.key(), ordering.certificate());
    let channel = ["--channel-config", &text(&block)];
    let ran = ordering.organisation.run("reenroll", "orderer1", &channel, None);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ordering.key(), key, "the key that the channel names");
    assert_ne!(ordering.certificate(), certificate);
    let mut node = ordering.start();
    assert_eq!(ordering.relation(&mut node), "consenter");
    drop(node);

    let certificate = ordering.certificate();
    let ran = ordering.organisation.run("reenroll", "orderer1", &[&channel[..], &["--new-tls-key"]].concat(), None);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.stderr.contains(CHANNEL), "{ran:?}");
    assert_eq!((ordering.key(), ordering.certificate()), (key.clone(), certificate));

    let ran = ordering.organisation.run("reenroll", "orderer1", &["--new-tls-key"], None);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_ne!(ordering.key(), key);
    let mut node = ordering.start();
    assert_eq!(ordering.relation(&mut node), "follower", "without the guard");
}
