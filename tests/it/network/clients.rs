//! Applications in several languages, on the connection profile and the wallet that fabcert exports, at two real peers with a channel
//! behind a balancer. Each dials the gateway's name, which it resolves in a mount namespace of its own.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::node::Node;
use super::orderer::CHANNEL;
use super::peer::{GATEWAY, Gateway, PEERS};
use super::{as_client, output};
use crate::command::fabcert;
use crate::enroll::scene::text;
use crate::real::tools::{Tool, find};
use crate::real::{CaUnderTest as _, Registration};

/// A name that no peer's certificate holds, though it leads to the peers.
const OTHER: &str = "other-gateway-svc";

/// A client, and what it is known to be unable to do.
struct Client {
    tool: Tool,
    /// What it says of a certificate that lacks the name. The older libraries tell Node and Go nothing but that there is no connection.
    refusal: &'static str,
    signs_with_p384: bool,
    trusts_every_root: bool,
}

const fn client(tool: Tool, refusal: &'static str) -> Client {
    Client { tool, refusal, signs_with_p384: true, trusts_every_root: true }
}

const CLIENTS: [Client; 5] = [
    client(Tool::NodeGateway, "does not match certificate's altnames"),
    Client { signs_with_p384: false, ..client(Tool::NodeSdk, "DiscoveryService has failed to return results") },
    client(Tool::GoGateway, "not other-gateway-svc"),
    Client { trusts_every_root: false, ..client(Tool::GoSdk, "connection is in TRANSIENT_FAILURE") },
    Client {
        signs_with_p384: false,
        ..client(Tool::JavaSdk, "No subject alternative DNS name matching other-gateway-svc")
    },
];

/// What a client found.
#[derive(Debug, Deserialize)]
struct Answer {
    /// Of the identity that it took from the wallet.
    msp_id: String,
    certificate: String,
    /// The connections over which a peer answered.
    answered: u32,
    error: Option<String>,
}

/// Peers that have joined a channel, the balancer, and an enrolled client with its wallet.
struct Network {
    gateway: Gateway,
    _balancer: Node,
    port: u16,
}

impl Network {
    fn new() -> Option<Self> {
        let (gateway, configtxgen) = (Gateway::new()?, find(Tool::ConfigTxGen)?);
        let (balancer, port) = gateway.balancer()?;
        let network = Self { gateway, _balancer: balancer, port };
        let organisation = &network.gateway.organisation;
        organisation.enroll("admin1", "admin", &["localhost"]);
        let known = ["--role", "client", "--san", "localhost"];
        for (id, algorithm) in [("user1", "p256"), ("user2", "p384")] {
            let secret = format!("{id}pw");
            organisation.ca.register(&Registration { kind: "client", ..Registration::peer(id, &secret) });
            let ran = organisation.run(
                "enroll",
                id,
                &[&known[..], &["--id", id, "--key-algorithm", algorithm]].concat(),
                Some(&secret),
            );
            assert_eq!(ran.code, 0, "{ran:?}");
        }
        let block = network.block(&configtxgen);
        for (id, port) in PEERS.iter().zip(&network.gateway.ports) {
            network.gateway.start(id);
            let address = format!("localhost:{}", port.number());
            let (root, config) = (network.path(&format!("{id}/tls/ca.crt")), network.path(id));
            let node = (&*address, &*root, &*config);
            let (succeeded, printed) =
                as_client(organisation, ("admin1", "Org1MSP"), node, &["channel", "join", "-b", &block])?;
            assert!(succeeded, "{id}: {printed}");
        }
        let hosts = format!("127.0.0.1 localhost {GATEWAY} {OTHER} {}\n", PEERS.join(" "));
        organisation.write("hosts", &hosts);
        let wallet = network.path("wallet");
        let export = |id: &str| {
            let msp = network.path(&format!("{id}/msp"));
            let ran =
                fabcert(&["export", "wallet", "--msp-dir", &msp, "--msp-id", "Org1MSP", "--wallet", &wallet], None);
            assert_eq!(ran.code, 0, "{ran:?}");
            ran.stderr
        };
        assert_eq!(export("user1"), "");
        let warned = export("user2");
        assert!(
            warned.contains("Node (fabric-network) and Java (fabric-gateway-java) sign with a P-384 key"),
            "{warned}"
        );
        Some(network)
    }

    fn path(&self, relative: &str) -> String {
        text(&self.gateway.organisation.path(relative))
    }

    /// The first block of the channel. Nothing is ordered in it: its orderer does not exist, and nobody is to wait for it.
    fn block(&self, configtxgen: &Path) -> String {
        let (msp, certificate) =
            (self.path(&format!("{}/msp", PEERS[0])), self.path(&format!("{}/tls/server.crt", PEERS[0])));
        let rule = |id: &str| {
            let one = |name| format!("{name}: {{Type: Signature, Rule: \"OR('{id}.member')\"}}");
            ["Readers", "Writers", "Admins", "Endorsement"].map(one).join(", ")
        };
        let any =
            ["Readers", "Writers", "Admins"].map(|name| format!("{name}: {{Type: ImplicitMeta, Rule: 'ANY {name}'}}"));
        let config = format!(
            "Organizations:
  - &Orderers {{Name: OrdererOrg, ID: OrdererMSP, MSPDir: {msp}, Policies: {{{of_orderers}}}}}
  - &Org1 {{Name: Org1, ID: Org1MSP, MSPDir: {msp}, Policies: {{{of_org1}}}}}
Profiles:
  Raft:
    Policies: {{{any}}}
    Capabilities: {{V2_0: true}}
    Orderer:
      OrdererType: etcdraft
      BatchTimeout: 500ms
      BatchSize: {{MaxMessageCount: 10, AbsoluteMaxBytes: 10 MB, PreferredMaxBytes: 512 KB}}
      EtcdRaft:
        Consenters: [{{Host: localhost, Port: 1, ClientTLSCert: {certificate}, ServerTLSCert: {certificate}}}]
        Options: {{TickInterval: 500ms, ElectionTick: 10, HeartbeatTick: 1, MaxInflightBlocks: 5, SnapshotIntervalSize: 16 MB}}
      Organizations: [*Orderers]
      Policies: {{{any}, BlockValidation: {{Type: ImplicitMeta, Rule: 'ANY Writers'}}}}
      Capabilities: {{V2_0: true}}
    Application:
      Organizations: [*Org1]
      Policies: {{{any}, LifecycleEndorsement: {{Type: ImplicitMeta, Rule: 'ANY Endorsement'}}, Endorsement: {{Type: ImplicitMeta, Rule: 'ANY Endorsement'}}}}
      Capabilities: {{V2_0: true}}
",
            of_orderers = rule("OrdererMSP"),
            of_org1 = rule("Org1MSP"),
            any = any.join(", "),
        );
        self.gateway.organisation.write("channel/configtx.yaml", &config);
        let block = self.path("channel/genesis.block");
        let args = ["-profile", "Raft", "-channelID", CHANNEL, "-outputBlock", &block];
        let (succeeded, printed) = output(configtxgen, &args, &[("FABRIC_CFG_PATH", &*self.path("channel"))]);
        assert!(succeeded, "{printed}");
        block
    }

    /// Writes the connection profile of a gateway by this name; gives its path, and what was warned of.
    fn profile(&self, host: &str, file: &str, roots: &[&str]) -> (String, String) {
        let (endpoint, out) = (format!("{host}:{}", self.port), self.path(file));
        let args = ["export", "connection-profile", "--msp-id", "Org1MSP", "--endpoint", &endpoint, "--out", &out];
        let ran = fabcert(&[&args[..], roots].concat(), None);
        assert_eq!(ran.code, 0, "{ran:?}");
        (out, ran.stderr)
    }

    /// Runs a client on this profile, in a mount namespace where the names of this network lead to this machine.
    fn run(&self, program: &Path, profile: &str, id: &str, connections: u32) -> Answer {
        let unshare = if rustix::process::geteuid().is_root() { "-m" } else { "-Urm" };
        let script = "mount --bind \"$1\" /etc/hosts && shift && exec \"$@\"";
        let mut command = Command::new("unshare");
        command.args([unshare, "sh", "-c", script, "sh", &self.path("hosts")]).arg(program);
        command.args([profile, &self.path("wallet"), id, CHANNEL, &connections.to_string()]);
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path).env("HOME", self.path("")).stdin(Stdio::null());
        // The older library for Go makes a folder where it runs.
        command.current_dir(self.path(""));
        let output = command.output().unwrap();
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let last = stdout.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|e| panic!("{}: {e}\n{stdout}{stderr}", program.display()))
    }

    /// The connections that the balancer has led to each peer, its own checks left out.
    fn sessions(&self) -> [u32; 2] {
        let mut stats = TcpStream::connect(("127.0.0.1", self.gateway.stats.number())).unwrap();
        stats.write_all(b"show stat\n").unwrap();
        let mut table = String::new();
        stats.read_to_string(&mut table).unwrap();
        PEERS.map(|id| {
            let row = table.lines().find(|line| line.starts_with(&format!("peers,{id},"))).unwrap();
            row.split(',').nth(7).unwrap().parse().unwrap()
        })
    }
}

/// Each client takes the identity from the wallet and reaches both peers by the gateway's name; another name is refused. What a library
/// cannot do is what fabcert warns of.
#[test]
fn clients_reach_both_peers_by_the_name_of_the_gateway() {
    let Some(network) = Network::new() else { return };
    let folders = PEERS.map(|id| network.path(&format!("{id}/tls")));
    let profile = network.profile(GATEWAY, "one.json", &["--tls-dir", &folders[0], "--tls-dir", &folders[1]]);
    assert_eq!(profile.1, "");
    let root = network.path(&format!("{}/tls/ca.crt", PEERS[0]));
    let wrong = network.profile(OTHER, "wrong.json", &["--gateway-ca", &root]);
    let another = std::fs::read_to_string("testdata/certs/two-intermediates-root.pem").unwrap();
    let both = network.gateway.organisation.write("roots.pem", &(another + &std::fs::read_to_string(&root).unwrap()));
    let two_roots = network.profile(GATEWAY, "two-roots.json", &["--gateway-ca", &text(&both)]);
    assert!(two_roots.1.contains("fabric-sdk-go) trusts the first only"), "{}", two_roots.1);
    let certificate = std::fs::read_to_string(network.path("user1/msp/signcerts/cert.pem")).unwrap();
    for Client { tool, refusal, signs_with_p384, trusts_every_root } in CLIENTS {
        let Some(program) = find(tool) else { continue };
        let before = network.sessions();
        let answer = network.run(&program, &profile.0, "user1", 4);
        assert_eq!((answer.answered, &answer.error), (4, &None), "{tool:?}: {answer:?}");
        assert_eq!((&*answer.msp_id, answer.certificate.trim()), ("Org1MSP", certificate.trim()), "{tool:?}");
        let after = network.sessions();
        assert!((0..2).all(|peer| after[peer] >= before[peer] + 2), "{tool:?}: {before:?} to {after:?}");

        let refused = |answer: &Answer, words: &str| {
            assert_eq!(answer.answered, 0, "{tool:?}: {answer:?}");
            assert!(answer.error.as_ref().is_some_and(|error| error.contains(words)), "{tool:?}: {answer:?}");
        };
        refused(&network.run(&program, &wrong.0, "user1", 1), refusal);
        for (profile, id, can, words) in [
            (&profile.0, "user2", signs_with_p384, "access denied"),
            (&two_roots.0, "user1", trusts_every_root, refusal),
        ] {
            let answer = network.run(&program, profile, id, 1);
            if can {
                assert_eq!((answer.answered, &answer.error), (1, &None), "{tool:?} {id}: {answer:?}");
            } else {
                refused(&answer, words);
            }
        }
    }
}
