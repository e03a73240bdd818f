//! Two peers behind one gateway name. The agent renews their certificates, and its hook restarts them one after the other.

use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fabcert::pki::x509::Cert;

use super::node::Node;
use super::{Organisation, output};
use crate::command::command;
use crate::enroll::scene::text;
use crate::real::oracle;
use crate::real::tools::{Tool, find};
use crate::reserved::ReservedPort;

pub(super) const PEERS: [&str; 2] = ["org1-peer1", "org1-peer2"];
pub(super) const GATEWAY: &str = "org1-peer-gateway-svc";
const WITHIN: Duration = Duration::from_secs(180);

/// How long the client waits after an error, a fifth of what gRPC waits.
const RETRY: Duration = Duration::from_millis(200);

/// Restarts the peer that the agent names, and ends when the balancer sends connections to it: otherwise the other peer would be
/// stopped while nobody answers for this one. A process that has ended but that nobody has waited for counts as ended.
const RESTART: &str = r#"
cd "DIR/$FABCERT_ID"
runs() { [[ -e pid && "$(cut -d ' ' -f 3 "/proc/$(cat pid)/stat" 2>/dev/null)" == [^ZX] ]]; }
if runs; then
  kill "$(cat pid)"
  while runs; do sleep 0.05; done
fi
FABRIC_CFG_PATH="$PWD" setsid PEER node start </dev/null >>log 2>&1 &
echo $! >pid
until (exec 3<>"/dev/tcp/127.0.0.1/$(cat port)") 2>/dev/null; do
  runs || { tail -5 log; exit 1; }
  sleep 0.05
done
until { exec 4<>/dev/tcp/127.0.0.1/STATS && echo 'show stat' >&4 && cat <&4; } 2>/dev/null | grep -q "^peers,$FABCERT_ID,.*,UP,"; do
  sleep 0.05
done
"#;

/// Two enrolled peers and the script that restarts them.
pub(super) struct Gateway {
    pub(super) organisation: Organisation,
    pub(super) ports: [ReservedPort; 2],
    /// Where the balancer says which peers are up.
    pub(super) stats: ReservedPort,
}

impl Gateway {
    pub(super) fn new() -> Option<Self> {
        let peer = find(Tool::Peer)?;
        let organisation = Organisation::new()?;
        let (ports, stats) = ([ReservedPort::new(), ReservedPort::new()], ReservedPort::new());
        for (id, port) in PEERS.iter().zip(&ports) {
            organisation.enroll(id, "peer", &[id, GATEWAY, "localhost"]);
            let path = |relative: &str| text(&organisation.path(&format!("{id}/{relative}")));
            let config = format!(
                "peer:
  id: {id}
  networkId: dev
  address: localhost:{port}
  listenAddress: 127.0.0.1:{port}
  chaincodeListenAddress: 127.0.0.1:0
  localMspId: Org1MSP
  mspConfigPath: {msp}
  fileSystemPath: {data}
  gateway: {{enabled: true}}
  discovery: {{enabled: true}}
  gossip: {{bootstrap: 'localhost:{port}', externalEndpoint: '{id}:{port}', useLeaderElection: false, orgLeader: true}}
  tls:
    enabled: true
    cert: {{file: {certificate}}}
    key: {{file: {key}}}
    rootcert: {{file: {root}}}
  BCCSP: {{Default: SW, SW: {{Hash: SHA2, Security: 256}}}}
  client: {{connTimeout: 3s}}
  handlers:
    authFilters: [{{name: DefaultAuth}}, {{name: ExpirationCheck}}]
    decorators: [{{name: DefaultDecorator}}]
    endorsers: {{escc: {{name: DefaultEndorsement}}}}
    validators: {{vscc: {{name: DefaultValidation}}}}
vm: {{endpoint: 'unix:///nonexistent.sock'}}
chaincode:
  executetimeout: 30s
  system: {{_lifecycle: enable, cscc: enable, lscc: enable, qscc: enable}}
ledger: {{snapshots: {{rootDir: {data}/snapshots}}}}
operations: {{listenAddress: '127.0.0.1:0'}}
",
                port = port.number(),
                msp = path("msp"),
                data = path("data"),
                certificate = path("tls/server.crt"),
                key = path("tls/server.key"),
                root = path("tls/ca.crt"),
            );
            organisation.write(&format!("{id}/core.yaml"), &config);
            organisation.write(&format!("{id}/port"), &port.number().to_string());
        }
        let script = RESTART.replace("DIR", &text(&organisation.path(""))).replace("PEER", &text(&peer));
        organisation.write("restart", &script.replace("STATS", &stats.number().to_string()));
        Some(Self { organisation, ports, stats })
    }

    /// Starts a peer as the hook does.
    pub(super) fn start(&self, id: &str) {
        let script = text(&self.organisation.path("restart"));
        let variables = [("FABCERT_ID", id), ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")];
        let (succeeded, printed) = output("/bin/bash".as_ref(), &[&script], &variables);
        assert!(succeeded, "{id}: {printed}");
    }

    /// The balancer in front of the peers, and its port. Its checks are TLS handshakes, because a peer listens a while before it
    /// serves, and wait long enough for a busy machine.
    pub(super) fn balancer(&self) -> Option<(Node, u16)> {
        let program = find(Tool::HaProxy)?;
        let port = ReservedPort::new();
        let number = port.number();
        let config = format!(
            "global
  stats socket ipv4@127.0.0.1:{}
defaults
  mode tcp
  timeout connect 1s
  timeout client 10s
  timeout server 10s
  timeout check 10s
frontend gateway
  bind 127.0.0.1:{number}
  default_backend peers
backend peers
  balance roundrobin
  option redispatch
  retries 3
  server {} 127.0.0.1:{} check check-ssl verify none check-alpn h2 inter 200ms fall 1
  server {} 127.0.0.1:{} check check-ssl verify none check-alpn h2 inter 200ms fall 1
",
            self.stats.number(),
            PEERS[0],
            self.ports[0].number(),
            PEERS[1],
            self.ports[1].number()
        );
        let file = self.organisation.write("haproxy.cfg", &config);
        let log = self.organisation.path("haproxy.log");
        let mut node = Node::start(&program, &["-db", "-f", &text(&file)], &[], log);
        node.wait_for("the balancer", || std::net::TcpStream::connect(("127.0.0.1", number)).ok());
        // Kept until the node ends, so that nobody else gets it.
        std::mem::forget(port);
        Some((node, number))
    }

    fn on_disk(&self, peer: usize) -> Cert {
        let pem = std::fs::read(self.organisation.path(&format!("{}/tls/server.crt", PEERS[peer]))).unwrap();
        Cert::all_from_pem(&pem).unwrap().remove(0)
    }

    /// The certificate that a peer serves.
    fn served(&self, peer: usize) -> Option<Cert> {
        let openssl = find(Tool::OpenSsl)?;
        let address = format!("127.0.0.1:{}", self.ports[peer].number());
        let (_, printed) = output(&openssl, &["s_client", "-connect", &address], &[]);
        Cert::all_from_pem(printed.as_bytes()).ok()?.into_iter().next()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        for id in PEERS {
            let pid = std::fs::read_to_string(self.organisation.path(&format!("{id}/pid"))).unwrap_or_default();
            let pid = pid.trim().parse().ok().and_then(rustix::process::Pid::from_raw);
            let _ = pid.map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::KILL));
        }
    }
}

/// The agent; killed by its process id when dropped.
struct Agent(Child);

impl Agent {
    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, signal).unwrap();
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Ends the client's loop, also when the test fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// After each renewal each peer serves its new certificate, and a client that dials the gateway's name and tries again after an error
/// never fails twice in a row.
#[test]
fn each_new_certificate_is_served_and_the_gateway_stays_up() {
    let Some(gateway) = Gateway::new() else { return };
    let Some((_balancer, port)) = gateway.balancer() else { return };
    for id in PEERS {
        gateway.start(id);
    }
    let restart = text(&gateway.organisation.path("restart"));
    let hook = serde_json::json!(["/bin/bash", restart]).to_string();
    let folder = text(&gateway.organisation.path(""));
    let log = std::fs::File::create(gateway.organisation.path("agent.log")).unwrap();
    let mut agent: Command =
        command(&["agent", "--hook", &hook, &folder], &[("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")]);
    let agent = Agent(agent.stderr(log).spawn().unwrap());

    let is_over = AtomicBool::new(false);
    let anchors = gateway.organisation.path(&format!("{}/tls/ca.crt", PEERS[0]));
    std::thread::scope(|scope| {
        let client = scope.spawn(|| {
            let (mut dialled, mut failed_in_a_row, mut worst) = (0, 0, 0);
            while !is_over.load(Ordering::Relaxed) {
                let verdict = oracle::dial(&format!("127.0.0.1:{port}"), &anchors, GATEWAY).unwrap();
                dialled += 1;
                failed_in_a_row = if verdict.accept { 0 } else { failed_in_a_row + 1 };
                worst = worst.max(failed_in_a_row);
                if !verdict.accept {
                    std::thread::sleep(RETRY);
                }
            }
            (dialled, worst)
        });
        let end = End(&is_over);
        for round in 0..2 {
            let before = [0, 1].map(|peer| gateway.on_disk(peer));
            let deadline = Instant::now() + WITHIN;
            // The agent may not listen to signals yet.
            let is_up =
                || std::fs::read_to_string(gateway.organisation.path("agent.log")).is_ok_and(|log| !log.is_empty());
            assert!(wait_for(deadline, is_up), "the agent says nothing");
            agent.signal(rustix::process::Signal::USR1);
            for peer in [0, 1] {
                let is_served = || {
                    let now = gateway.on_disk(peer);
                    now != before[peer] && gateway.served(peer).is_some_and(|served| served == now)
                };
                assert!(
                    wait_for(deadline, is_served),
                    "round {round}: {}\n{}",
                    PEERS[peer],
                    std::fs::read_to_string(gateway.organisation.path("agent.log")).unwrap()
                );
            }
        }
        drop(end);
        let (dialled, worst) = client.join().unwrap();
        let log = std::fs::read_to_string(gateway.organisation.path("agent.log")).unwrap();
        assert!(dialled > 10 && worst < 2, "{dialled} connections, {worst} failed in a row\n{log}");
    });
}

fn wait_for(deadline: Instant, is_so: impl Fn() -> bool) -> bool {
    while Instant::now() < deadline {
        if is_so() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}
