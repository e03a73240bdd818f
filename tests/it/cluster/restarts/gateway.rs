//! Members of a gateway: each a pod at the API server, a node, and an agent beside it. This side plays the kubelet, and the
//! controller of the budget.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::node::{Node, serial};
use crate::agent::age;
use crate::agent::shown::get;
use crate::cluster::api_server::Namespace;
use crate::cluster::secrets::project;
use crate::command::command;
use crate::enroll::on_the_dev_ca::DevCaUnderTest;
use crate::enroll::scene::text;
use crate::real::{CaUnderTest as _, Registration};

const CORE: &str = "/api/v1";
pub(super) const POLICY: &str = "/apis/policy/v1";
const WITHIN: Duration = Duration::from_secs(180);

/// The time that a node needs for its start.
const START: Duration = Duration::from_millis(1500);

/// The name of the Service in front of the members.
const SERVICE: &str = "org1-peer-gateway-svc";

/// One member.
pub(super) struct Member {
    pub(super) name: String,
    dir: PathBuf,
    node: Node,
    agent: Option<Child>,
    /// What a signal ends.
    process: Option<Child>,
    /// When the node began to start.
    starting: Option<Instant>,
    /// Whether the node comes back after a restart.
    pub(super) returns: bool,
    pub(super) restarts: usize,
    first: String,
}

pub(super) struct Gateway {
    pub(super) namespace: Namespace,
    ca: DevCaUnderTest,
    pub(super) members: Vec<Member>,
    more: Vec<String>,
    /// Written once: agents may read it at any time.
    kubeconfig: String,
    with_process: bool,
    /// Whether the identities are in Secrets, which are mounted into new pods.
    in_secrets: bool,
    /// The most members that were down at once.
    pub(super) most_down: usize,
}

impl Member {
    fn tls(&self) -> PathBuf {
        self.dir.join("tls")
    }

    fn is_up(&self) -> bool {
        self.node.is_up() && self.starting.is_none()
    }

    /// Whether the node runs with the renewed certificate.
    pub(super) fn has_new(&self) -> bool {
        let now = serial(&self.tls());
        now != self.first && self.node.has_read(&now)
    }

    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    pub(super) fn kill_agent(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            let _ = agent.kill();
            let _ = agent.wait();
        }
    }

    /// The agent's metrics.
    pub(super) fn metrics(&self) -> String {
        let log = self.log();
        let Some((_, address)) = log.rsplit_once("health and metrics on http://") else { return String::new() };
        get(address.split_whitespace().next().unwrap(), "/metrics").1
    }
}

impl Gateway {
    /// Members that run, with certificates that are not due; `None` where the programs are missing. `more`: further arguments of
    /// the agents, with `{dir}` for the member's folder.
    pub(super) fn start(name: &str, members: usize, more: &[&str]) -> Option<Self> {
        Self::start_with(name, (members, false), more)
    }

    /// One member whose identity is in Secrets.
    pub(super) fn start_in_secrets(name: &str, more: &[&str]) -> Option<Self> {
        Self::start_with(name, (1, true), more)
    }

    fn start_with(name: &str, (members, in_secrets): (usize, bool), more: &[&str]) -> Option<Self> {
        let namespace = Namespace::create(name)?;
        // Nobody else makes it here, and no pod is without.
        namespace.post(&format!("{CORE}/namespaces/{name}/serviceaccounts"), &json!({"metadata": {"name": "default"}}));
        let ca = DevCaUnderTest::start(|_| (), None);
        let more = more.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>();
        let with_process = more.contains(&"--signal".to_owned());
        let kubeconfig = namespace.kubeconfig("admin-token");
        let mut gateway =
            Self { namespace, ca, members: Vec::new(), more, kubeconfig, with_process, in_secrets, most_down: 0 };
        for n in 0..members {
            let member = gateway.member(&format!("org1-peer{}", n + 1));
            gateway.members.push(member);
        }
        Some(gateway)
    }

    /// Registers and enrols a member, and starts its node in a new pod.
    fn member(&self, name: &str) -> Member {
        let dir = self.namespace.path(name);
        self.ca.register(&Registration::peer(name, "peerpw"));
        let args = self.identity(name);
        let args: Vec<&str> = ["enroll"].into_iter().chain(args.iter().map(String::as_str)).collect();
        let ran = self.namespace.fabcert(&args, Some("peerpw"));
        assert_eq!(ran.code, 0, "{ran:?}");
        self.mount(name);
        let node = Node::start(dir.join("tls"));
        let first = serial(&dir.join("tls"));
        let mut member = Member {
            name: name.to_owned(),
            dir,
            node,
            agent: None,
            process: None,
            starting: None,
            returns: true,
            restarts: 0,
            first,
        };
        self.create_pod(name);
        self.set_ready(&member, true);
        self.start_process(&mut member);
        member
    }

    fn identity(&self, name: &str) -> Vec<String> {
        let dir = self.namespace.path(name);
        let (url, anchor) = (self.ca.url(), text(self.ca.tls_anchor()));
        let (msp, tls, names) = (text(&dir.join("msp")), text(&dir.join("tls")), format!("{name},{SERVICE}"));
        let args = ["--url", &url, "--tls-ca", &anchor, "--id", name, "--role", "peer", "--san", &names];
        let target =
            if self.in_secrets { vec!["--k8s-secret", name] } else { vec!["--msp-dir", &msp, "--tls-dir", &tls] };
        args.into_iter().chain(target).map(str::to_owned).collect()
    }

    /// Writes the Secret with the TLS pair where the node reads it.
    fn mount(&self, name: &str) {
        if self.in_secrets {
            project(&self.namespace.secret(name).unwrap(), &self.namespace.path(name).join("tls"));
        }
    }

    pub(super) fn create_pod(&self, name: &str) {
        let pod = json!({
            "metadata": {"name": name, "labels": {"org": "org1", "app": name}},
            // On a node, so that its end takes time.
            "spec": {"nodeName": "n", "containers": [{"name": "peer", "image": "peer"}], "automountServiceAccountToken": false},
        });
        let (status, answer) = self.namespace.request("POST", (CORE, "pods"), Some(&pod));
        assert_eq!(status, 201, "{answer}");
    }

    fn set_ready(&self, member: &Member, is_ready: bool) {
        let word = if is_ready { "True" } else { "False" };
        let container = json!({
            "name": "peer", "image": "peer", "imageID": "", "ready": is_ready, "restartCount": member.restarts,
        });
        let status = json!({"status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": word}],
            "containerStatuses": [container],
        }});
        let path = format!("pods/{}/status", member.name);
        let (status, answer) = self.namespace.request("MERGE", (CORE, &path), Some(&status));
        assert_eq!(status, 200, "{answer}");
    }

    /// What a signal ends, and its pid file.
    fn start_process(&self, member: &mut Member) {
        if !self.with_process {
            return;
        }
        let process = Command::new("sleep").arg("1000").spawn().unwrap();
        fs::write(member.dir.join("pid"), process.id().to_string()).unwrap();
        member.process = Some(process);
    }

    /// Creates the budget over the members.
    pub(super) fn budget(&self, field: &str, value: impl Into<Value>) {
        let value: Value = value.into();
        let budget = json!({
            "metadata": {"name": "org1-peers"},
            "spec": {field: value, "selector": {"matchLabels": {"org": "org1"}}},
        });
        let (status, answer) = self.namespace.request("POST", (POLICY, "poddisruptionbudgets"), Some(&budget));
        assert_eq!(status, 201, "{answer}");
    }

    /// The arguments of a member's agent.
    pub(super) fn agent_args(&self, name: &str) -> Vec<String> {
        let member = self.members.iter().find(|member| member.name == name).unwrap();
        let mut args = self.identity(name);
        args.extend(["--served".to_owned(), format!("127.0.0.1:{}", member.node.port)]);
        args.extend(["--listen", "127.0.0.1:0"].map(str::to_owned));
        if !self.more.contains(&"--served-within".to_owned()) {
            args.extend(["--served-within", "20s"].map(str::to_owned));
        }
        let dir = member.dir.display().to_string();
        args.extend(self.more.iter().map(|arg| arg.replace("{dir}", &dir)));
        args
    }

    /// The agent of a member, not started yet.
    pub(super) fn agent(&self, name: &str, kubeconfig: &str) -> Command {
        let args = self.agent_args(name);
        let args: Vec<&str> = ["agent"].into_iter().chain(args.iter().map(String::as_str)).collect();
        let (namespace, tmp) = (self.namespace.name(), self.namespace.tmp());
        let variables = [
            ("KUBECONFIG", kubeconfig),
            ("POD_NAME", name),
            ("POD_NAMESPACE", namespace),
            ("TMPDIR", &tmp),
            ("FABCERT_SECRET", "peerpw"),
        ];
        command(&args, &variables)
    }

    pub(super) fn start_agent(&mut self, at: usize) {
        let kubeconfig = self.kubeconfig.clone();
        self.start_agent_with(at, &kubeconfig);
    }

    pub(super) fn start_agent_with(&mut self, at: usize, kubeconfig: &str) {
        let name = self.members[at].name.clone();
        let mut agent = self.agent(&name, kubeconfig);
        let log = File::options().create(true).append(true).open(self.members[at].dir.join("log")).unwrap();
        self.members[at].agent = Some(agent.stdout(Stdio::null()).stderr(log).spawn().unwrap());
    }

    /// Starts the agents, and waits until they have taken over what is there; then all certificates are due.
    pub(super) fn start_agents(&mut self) {
        for at in 0..self.members.len() {
            self.start_agent(at);
        }
        self.until("the agents watch", |gateway| {
            gateway.members.iter().all(|member| member.log().contains("watching "))
        });
        self.renew();
    }

    /// All certificates are due, and the agents look.
    pub(super) fn renew(&mut self) {
        for at in 0..self.members.len() {
            if self.in_secrets {
                self.namespace.age(&self.members[at].name);
            } else {
                age(&self.members[at].dir, 2000);
            }
            self.look_again(at);
        }
    }

    /// The agent of a member looks at everything.
    pub(super) fn look_again(&self, at: usize) {
        if let Some(agent) = &self.members[at].agent {
            assert!(Command::new("kill").args(["-HUP", &agent.id().to_string()]).status().unwrap().success());
        }
    }

    pub(super) fn set_ready_by_name(&self, name: &str, is_ready: bool) {
        self.set_ready(self.members.iter().find(|member| member.name == name).unwrap(), is_ready);
    }

    /// Deletes the pod of a member, as its workload does.
    pub(super) fn end_pod(&self, at: usize) {
        let path = format!("pods/{}", self.members[at].name);
        let (status, answer) = self.namespace.request("DELETE", (CORE, &path), None);
        assert_eq!(status, 200, "{answer}");
    }

    /// Lets the user `few` do what these rules of a Role allow.
    pub(super) fn allow_few(&self, rules: &Value) {
        self.namespace.bind_few(rules);
    }

    /// Plays kubelet and controller until it is so.
    pub(super) fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !is_so(self) {
            assert!(start.elapsed() < WITHIN, "{what}: not within {WITHIN:?}\n{}", self.logs());
            let ended = self.members.iter_mut().find_map(|member| member.agent.as_mut()?.try_wait().unwrap());
            assert!(ended.is_none(), "{what}: an agent ended with {ended:?}\n{}", self.logs());
            self.tick();
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn logs(&self) -> String {
        let one = |member: &Member| format!("{}:\n{}", member.name, member.log());
        self.members.iter().map(one).collect::<Vec<_>>().join("\n")
    }

    pub(super) fn pod(&self, name: &str) -> Value {
        self.namespace.request("GET", (CORE, &format!("pods/{name}")), None).1
    }

    /// The reasons and notes of the Events of a member's pods.
    pub(super) fn events(&self, name: &str) -> String {
        let (_, list) = self.namespace.request("GET", ("/apis/events.k8s.io/v1", "events"), None);
        let of = list["items"].as_array().unwrap().iter().filter(|event| event["regarding"]["name"] == name);
        let one = |event: &Value| format!("{} {}", event["reason"].as_str().unwrap(), event["note"].as_str().unwrap());
        of.map(one).collect::<Vec<_>>().join("\n")
    }

    /// One look at every pod and process.
    pub(super) fn tick(&mut self) {
        let mut members = std::mem::take(&mut self.members);
        for member in &mut members {
            self.follow_pod(member);
            self.follow_process(member);
            if member.returns && member.starting.is_some_and(|since| since.elapsed() > START) {
                self.mount(&member.name);
                member.node.read();
                member.starting = None;
                self.start_process(member);
                self.set_ready(member, true);
            }
        }
        self.members = members;
        let down = self.members.iter().filter(|member| !member.is_up()).count();
        self.most_down = self.most_down.max(down);
        for at in 0..self.members.len() {
            if self.members[at].agent.is_none() && self.members[at].starting.is_some() {
                self.start_agent(at);
            }
        }
        self.count();
    }

    /// A pod that is deleted ends, and its workload makes a new one.
    fn follow_pod(&self, member: &mut Member) {
        if self.pod(&member.name)["metadata"]["deletionTimestamp"].is_null() {
            return;
        }
        member.node.stop();
        member.kill_agent();
        let path = format!("pods/{}?gracePeriodSeconds=0", member.name);
        assert_eq!(self.namespace.request("DELETE", (CORE, &path), None).0, 200);
        member.restarts += 1;
        member.starting = Some(Instant::now());
        self.create_pod(&member.name);
        self.set_ready(member, false);
    }

    /// A process that ended is started again.
    fn follow_process(&self, member: &mut Member) {
        if member.process.as_mut().is_some_and(|process| process.try_wait().unwrap().is_some()) {
            member.node.stop();
            member.process = None;
            member.restarts += 1;
            member.starting = Some(Instant::now());
            self.set_ready(member, false);
        }
    }

    /// What the disruption controller counts: pods that were evicted and are still there are not healthy.
    fn count(&self) {
        let (_, list) = self.namespace.request("GET", (POLICY, "poddisruptionbudgets"), None);
        let (_, pods) = self.namespace.request("GET", (CORE, "pods"), None);
        for budget in list["items"].as_array().unwrap() {
            let mut budget = budget.clone();
            let mut evicted = budget["status"]["disruptedPods"].as_object().cloned().unwrap_or_default();
            let is_gone = |name: &String| {
                pods["items"].as_array().unwrap().iter().all(|pod| {
                    pod["metadata"]["name"] != name.as_str() || !pod["metadata"]["deletionTimestamp"].is_null()
                })
            };
            // The pod of that name that was evicted, not the next one.
            evicted.retain(|name, _| !is_gone(name) && self.members.iter().any(|m| m.name == *name && m.is_up()));
            let healthy = |pod: &&Value| {
                pod["metadata"]["deletionTimestamp"].is_null()
                    && pod["status"]["conditions"]
                        .as_array()
                        .is_some_and(|all| all.iter().any(|c| c["type"] == "Ready" && c["status"] == "True"))
                    && !evicted.contains_key(pod["metadata"]["name"].as_str().unwrap())
            };
            let all = pods["items"].as_array().unwrap();
            let (expected, healthy) = (all.len(), all.iter().filter(healthy).count());
            let desired = match (budget["spec"]["maxUnavailable"].as_u64(), budget["spec"]["minAvailable"].as_u64()) {
                (Some(most), _) => expected - usize::try_from(most).unwrap(),
                (None, least) => usize::try_from(least.unwrap()).unwrap(),
            };
            let status = json!({
                "observedGeneration": budget["metadata"]["generation"],
                "disruptionsAllowed": healthy.saturating_sub(desired),
                "currentHealthy": healthy, "desiredHealthy": desired, "expectedPods": expected,
                "disruptedPods": evicted,
            });
            let conditions = budget["status"]["conditions"].clone();
            let before = std::mem::replace(&mut budget["status"], status);
            if !conditions.is_null() {
                budget["status"]["conditions"] = conditions;
            }
            if before != budget["status"] {
                let path = format!("poddisruptionbudgets/{}/status", budget["metadata"]["name"].as_str().unwrap());
                let (status, answer) = self.namespace.request("PUT", (POLICY, &path), Some(&budget));
                // With a conflict an eviction came first; the next look counts it.
                assert!(status == 200 || status == 409, "{answer}");
            }
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.kill_agent();
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
