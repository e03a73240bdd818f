//! Text from elsewhere on terminals and in CI logs: whatever names, paths and answers contain, no command may print a
//! control sequence, a bidirectional control, a forged line, or a command to a CI system.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fabcert::internals::pem_encode;
use rcgen::{CertificateParams, DnType, SanType};

use crate::audit::live::serve;
use crate::audit::scene::{Scene, server};
use crate::command::{command, commands};

/// What a terminal acts on, then lines that forge a log line and give commands to CI systems.
const LINES: &str = "x\u{1b}[2J\u{1b}]0;t\u{7}\u{8}\r\u{85}\u{9b}31m\u{7f}\u{202e}\u{2066}\u{200f}\u{61c}\u{200b}\u{2028}\
    \u{e0041}\nFORGED\n::error::FORGED\n##[group]f\n##vso[task.x]f\nsection_start:1:f\n";
/// The same for texts that may be the first of their line.
const FIRST: &str = "::error::FORGED\u{1b}[2J\u{202e}##[x]";

/// Whether a terminal acts on a character: a list of its own, so that a gap in fabcert's cannot hide here.
fn is_active(c: char) -> bool {
    let code = u32::from(c);
    (code < 0x20 && c != '\n')
        || (0x7f..0xa0).contains(&code)
        || [0x61c, 0xfeff].contains(&code)
        || (0x200b..=0x200f).contains(&code)
        || (0x2028..=0x202e).contains(&code)
        || (0x2060..=0x2069).contains(&code)
        || (0xe0000..=0xe007f).contains(&code)
}

/// What is wrong with an output, if anything.
fn fault(text: &str) -> Option<String> {
    if let Some(c) = text.chars().find(|c| is_active(*c)) {
        return Some(format!("{c:?} is in it"));
    }
    let commands = ["##[", "##vso[", "section_start:", "section_end:"];
    if let Some(found) = commands.iter().find(|command| text.contains(**command)) {
        return Some(format!("{found} is in it"));
    }
    let starts = |line: &&str| ["FORGED", "::error::"].iter().any(|start| line.trim_start().starts_with(start));
    text.lines().find(starts).map(|line| format!("a line begins with {line}"))
}

/// Runs `fabcert` in a folder and looks at both streams.
struct Runs<'a> {
    dir: &'a Path,
    variables: Vec<(&'a str, &'a str)>,
    faults: Vec<String>,
    count: usize,
    quoted: usize,
}

impl<'a> Runs<'a> {
    fn new(dir: &'a Path) -> Self {
        Self { dir, variables: vec![("FABCERT_SECRET", "secret")], faults: Vec::new(), count: 0, quoted: 0 }
    }

    /// Runs with each form of output and of the log.
    fn run(&mut self, code: i32, args: &[&str]) {
        for form in [&[][..], &["--output", "json"], &["--log-format", "json"], &["-vv"]] {
            self.run_as_is(code, &[args, form].concat());
        }
    }

    fn run_as_is(&mut self, code: i32, args: &[&str]) {
        let output = command(args, &self.variables).current_dir(self.dir).output().unwrap();
        let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        self.count += 1;
        let mut fault = |what: String| self.faults.push(format!("{what}: {args:?}\n{stdout}\n{stderr}"));
        if output.status.success() != (code == 0) || output.status.code().is_none_or(|code| code > 10) {
            fault(format!("exit {:?} and not {code}", output.status.code()));
        }
        [&stdout, &stderr].into_iter().filter_map(|text| self::fault(text)).for_each(&mut fault);
        // Some part of the hostile texts, spelled as the form does.
        let parts = ["FORGED", "[2J", "error::", "u{1b}", "u001b", "%1B"];
        self.quoted += usize::from(parts.iter().any(|part| stdout.contains(part) || stderr.contains(part)));
    }

    /// Fails with the faults, or if most outputs did not contain the hostile text at all: they would show nothing.
    fn finish(self) {
        assert!(self.count < 8 || self.quoted * 2 > self.count, "{} of {} quote", self.quoted, self.count);
        self.finish_without_quotes();
    }

    /// Fails with the faults. Words that the command line does not take are not shown, because they may be secrets.
    fn finish_without_quotes(self) {
        let shown: Vec<&String> = self.faults.iter().take(8).collect();
        assert!(shown.is_empty(), "{} of {} runs are at fault, among them {shown:#?}", self.faults.len(), self.count);
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A certificate of a server whose subject and names are hostile.
fn hostile_server() -> CertificateParams {
    let mut params = server(LINES, &["peer1"]);
    params.distinguished_name.push(DnType::OrganizationalUnitName, FIRST);
    // IA5 text: ASCII, controls included.
    let ascii: String = LINES.chars().filter(char::is_ascii).collect();
    params.subject_alt_names.push(SanType::DnsName(ascii.as_str().try_into().unwrap()));
    params.subject_alt_names.push(SanType::Rfc822Name("::error::FORGED".try_into().unwrap()));
    params.subject_alt_names.push(SanType::URI("::error::FORGED\n##[group]".try_into().unwrap()));
    params
}

#[test]
fn command_line_is_quoted_safely_by_every_command() {
    let dir = tempfile::tempdir().unwrap();
    let mut runs = Runs::new(dir.path());
    let commands = commands();
    assert!(commands.len() >= 12, "{commands:?}");
    for hostile in [LINES, FIRST] {
        let flag = format!("--{hostile}");
        runs.run_as_is(2, &[hostile]);
        for command in &commands {
            runs.run_as_is(2, &[command, &flag]);
            runs.run_as_is(2, &[command, &flag, "--output=json"]);
            runs.run_as_is(2, &[command, "--output", hostile]);
            runs.run_as_is(2, &[command, "--color", hostile]);
        }
        let extra = [hostile, hostile];
        runs.run_as_is(2, &[&["rules"], &extra[..]].concat());
        runs.run_as_is(2, &["completions", hostile]);
        for flag in ["--timeout", "--key-mode", "--role", "--group", "--wait", "--tls-names"] {
            runs.run_as_is(2, &["enroll", "--msp-dir", "m", &format!("{flag}={hostile}")]);
        }
        runs.run(4, &["explain", hostile]);
    }
    runs.finish_without_quotes();
}

#[test]
fn variables_are_quoted_safely() {
    let dir = tempfile::tempdir().unwrap();
    for hostile in [LINES, FIRST] {
        for (name, args) in [
            ("FABCERT_OUTPUT", ["audit", "."]),
            ("FABCERT_JOBS", ["audit", "."]),
            ("FABCERT_TIMEOUT", ["enroll", "--msp-dir=m"]),
        ] {
            let mut runs = Runs::new(dir.path());
            runs.variables.push((name, hostile));
            runs.run_as_is(2, &args);
            runs.finish();
        }
    }
    // Help shows the names of variables and not their values.
    let hostile: Vec<(&str, &str)> =
        ["FABCERT_URL", "FABCERT_ID", "FABCERT_SAN", "FABCERT_MSP_DIR"].map(|name| (name, LINES)).to_vec();
    let help = command(&["enroll", "--help"], &hostile).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert_eq!(fault(&help), None);
    assert!(help.contains("FABCERT_MSP_DIR") && !help.contains("FORGED"), "{help}");
}

#[test]
fn arguments_of_an_enrolment_are_quoted_safely() {
    let dir = tempfile::tempdir().unwrap();
    let mut runs = Runs::new(dir.path());
    std::fs::write(dir.path().join("ca.pem"), Scene::new().root()).unwrap();
    for hostile in [LINES, FIRST] {
        let folder = format!("{hostile}/msp");
        let base = ["enroll", "--url", "https://127.0.0.1:1", "--tls-ca", "ca.pem", "--id"];
        let with = |more: &[&'static str]| [&base[..], &["peer1", "--msp-dir", "msp"], more].concat();
        let mut failing = |code: i32, more: [&str; 2]| runs.run(code, &[&with(&[])[..], &more].concat());
        failing(4, ["--san", hostile]);
        failing(4, ["--gateway-service", hostile]);
        failing(2, ["--attrs", &format!("a:{hostile}")]);
        failing(2, ["--csr-names", hostile]);
        failing(5, ["--secret-file", hostile]);
        failing(5, ["--key-file", hostile]);
        failing(4, ["--from-manifests", hostile]);
        failing(2, ["--set", hostile]);
        runs.run(4, &["enroll", "--url", &format!("https://{hostile}"), "--id", "p", "--msp-dir", "m"]);
        runs.run(5, &["enroll", "--url", "https://h", "--id", "p", "--msp-dir", "m", "--tls-ca", hostile]);
        runs.run(0, &[&base[..], &["peer1", "--msp-dir", &folder, "--dry-run"]].concat());
        runs.run(6, &[&base[..], &["peer1", "--tls-dir", &folder, "--san", "peer1", "--ca-name", hostile]].concat());
        runs.run(5, &["install", "--id", "p", "--msp-dir", "m", "--cert", hostile, "--chain", "ca.pem"]);
        runs.run(5, &["install", "--id", "p", "--msp-dir", "m", "--cert", "ca.pem", "--chain", hostile]);
        runs.run(4, &["install", "--id", "p", "--msp-dir", &folder, "--cert", "ca.pem", "--chain", "ca.pem"]);
        runs.run(4, &["rollback", "--msp-dir", &folder]);
        let csr = format!("{hostile}.csr");
        runs.run(0, &["csr", "--id", "p", "--msp-dir", "n", "--out", &csr, "--force"]);
        runs.run(4, &["csr", "--id", hostile, "--msp-dir", "n"]);
        runs.run(2, &["names", "--set", hostile, "."]);
        runs.run(4, &["names", hostile]);
        runs.run(4, &["inspect", hostile]);
        runs.run(4, &["audit", hostile]);
        for flag in ["--org", "--namespace", "--ca-url", "--fabcert-image", "--msp-id", "--external-host"] {
            let mut render = vec!["render"];
            for (required, value) in
                [("--org", "o"), ("--namespace", "n"), ("--ca-url", "https://h"), ("--fabcert-image", "i")]
            {
                if required != flag {
                    render.extend([required, value]);
                }
            }
            render.extend([flag, hostile]);
            runs.run(4, &render);
        }
        let render = ["render", "--org", "o", "--namespace", "n", "--ca-url", "https://h", "--fabcert-image", "i"];
        runs.run(0, &[&render[..], &["--out", &folder, "--force"]].concat());
        runs.run(4, &[&render[..], &["--out", &folder]].concat());
    }
    runs.finish();
}

/// A server without TLS that gives every request this answer; its URL.
fn answering(answer: String) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut request = Vec::new();
            let mut part = [0; 4096];
            // A request of these tests is small, and its body ends with a brace.
            while !request.ends_with(b"}") && !request.ends_with(b"}\n") {
                match client.read(&mut part) {
                    Ok(read) if read > 0 => request.extend_from_slice(&part[..read]),
                    _ => break,
                }
            }
            let _ = client.write_all(answer.as_bytes());
        }
    });
    url
}

fn http(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

fn issued(cert: &str, chain: &str) -> String {
    let (cert, chain) = (BASE64.encode(cert), BASE64.encode(chain));
    let info = serde_json::json!({"CAName": LINES, "CAChain": chain, "Version": LINES});
    let body = serde_json::json!({"success": true, "errors": [], "messages": [],
        "result": {"Cert": cert, "ServerInfo": info}});
    http("201 Created", &body.to_string())
}

#[test]
fn answers_of_a_ca_are_quoted_safely() {
    let scene = Scene::new();
    let key = rcgen::KeyPair::generate().unwrap();
    let key_pem = pem_encode("PRIVATE KEY", key.serialized_der());
    let mut answers = Vec::new();
    for hostile in [LINES, FIRST] {
        for (status, code) in [("401 Unauthorized", 20), ("403 Forbidden", 71), ("500 Internal Server Error", 0)] {
            let error = serde_json::json!({"code": code, "message": hostile});
            let body = serde_json::json!({"success": false, "errors": [error], "messages": [], "result": null});
            answers.push((if code == 0 { 6 } else { 7 }, http(status, &body.to_string())));
        }
        answers.push((6, http("502 Bad Gateway", &format!("<html>{hostile}</html>"))));
        let label = pem_encode("CERTIFICATE", b"x").replace("CERTIFICATE", &hostile.replace('\n', " "));
        answers.push((8, issued(&label, &scene.root())));
    }
    let (other, _) = scene.issue(&hostile_server());
    answers.push((8, issued(&other, &scene.root())));
    let same_key = |params: &CertificateParams| pem_encode("CERTIFICATE", scene.sign(params, &key).as_slice());
    answers.push((8, issued(&same_key(&hostile_server()), &scene.root())));
    answers.push((8, issued(&same_key(&server("peer1", &["other"])), &same_key(&hostile_server()))));
    for (number, (code, answer)) in answers.into_iter().enumerate() {
        let url = answering(answer);
        let dir = scene.path(&format!("{number}"));
        std::fs::create_dir(&dir).unwrap();
        std::fs::write(dir.join("key.pem"), &key_pem).unwrap();
        let mut runs = Runs::new(&dir);
        for form in [&[][..], &["--output", "json"], &["--log-format", "json"], &["-vv"]] {
            let tls = format!("{}/tls", runs.count);
            let args = ["enroll", "--url", &url, "--plaintext", "--id", "peer1", "--tls-dir", &tls];
            let more = ["--san", "peer1", "--key-file", "key.pem", "--force", "--timeout", "5s"];
            runs.run_as_is(code, &[&args, &more[..], form].concat());
        }
        runs.finish();
    }
}

#[test]
fn certificates_of_a_server_are_quoted_safely() {
    let scene = Scene::new();
    let root = scene.write("root.pem", scene.root());
    let (cert, key) = scene.issue(&hostile_server());
    let endpoint = format!("127.0.0.1:{}", serve(&cert, &key));
    let mut runs = Runs::new(scene.dir());
    for format in ["human", "json", "jsonl", "sarif", "junit", "github", "gitlab", "markdown"] {
        let args = ["audit", "--no-policy", "--connect", &endpoint, "--tls-ca", text(&root), "--server-name", "peer2"];
        runs.run_as_is(1, &[&args, &["--format", format][..]].concat());
    }
    let url = format!("https://{endpoint}");
    runs.run(6, &["enroll", "--url", &url, "--tls-ca", text(&root), "--id", "p", "--msp-dir", "m"]);
    runs.finish();
}

/// A folder with everything that an audit reads, every name in it hostile.
fn hostile_tree(scene: &Scene) {
    let (cert, key) = scene.issue(&hostile_server());
    let yaml = serde_json::to_string(LINES).unwrap();
    for hostile in [LINES, FIRST] {
        scene.write(&format!("in/{hostile}.pem"), &cert);
        scene.write(&format!("in/{hostile}/x.key"), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
        scene.lay_tls(&format!("in/{hostile}/tls"), &cert, &key, &scene.root());
        scene.write(&format!("in/{hostile}/msp/signcerts/{hostile}"), &cert);
        scene.write(&format!("in/{hostile}/msp/cacerts/{hostile}"), "none");
        scene.write(&format!("in/{hostile}/msp/config.yaml"), format!("NodeOUs: {{{yaml}: 1}}\n"));
        scene.write(&format!("in/{hostile}.yaml"), format!("apiVersion: v1\nkind: {yaml}\nmetadata: {{{yaml}: 1"));
    }
    let label = cert.replace("CERTIFICATE", &LINES.replace('\n', " "));
    scene.write("in/label.pem", label);
    let peer = serde_json::json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": LINES, "namespace": FIRST, "labels": {LINES: LINES}},
        "spec": {"selector": {"matchLabels": {"app": FIRST}}, "template": {
            "metadata": {"labels": {"app": FIRST}},
            "spec": {"containers": [{"name": FIRST, "image": LINES, "env": [
                {"name": "CORE_PEER_ID", "value": LINES}, {"name": "CORE_PEER_TLS_ENABLED", "value": "true"},
                {"name": "CORE_PEER_GOSSIP_BOOTSTRAP", "value": format!("{FIRST}:7051")},
                {"name": LINES, "value": "$(NOTHING)"}]}]}}}});
    let service = serde_json::json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": LINES, "namespace": FIRST},
        "spec": {"selector": {"app": FIRST}, "ports": [{"name": LINES, "port": 7051, "targetPort": FIRST}]}});
    scene.write("k8s/peer.json", peer.to_string());
    scene.write("k8s/service.json", service.to_string());
}

#[test]
fn audited_files_are_quoted_safely_in_every_format() {
    let scene = Scene::new();
    hostile_tree(&scene);
    let mut runs = Runs::new(scene.dir());
    for format in ["human", "json", "jsonl", "sarif", "junit", "github", "gitlab", "prometheus", "markdown"] {
        runs.run_as_is(1, &["audit", "--no-policy", "in", "k8s", "--expect-san", "peer9", "--format", format]);
    }
    runs.run_as_is(0, &["inspect", "in", "k8s"]);
    runs.run_as_is(0, &["inspect", "in", "k8s", "--output", "json"]);
    runs.run(0, &["names", "k8s"]);
    runs.run(0, &["names", "k8s", "--csr-hosts"]);
    runs.run(0, &["names", "k8s", "--dns-names"]);
    runs.run(4, &["names", "k8s", "--workload", FIRST]);
    for hostile in [LINES, FIRST] {
        runs.run(2, &["audit", "in", "--format", hostile]);
        runs.run(2, &["audit", "in", "--format", &format!("{hostile}=x")]);
        runs.run(2, &["audit", "in", "-A", hostile]);
        runs.run(2, &["audit", "in", "--tls-of", hostile]);
        runs.run(4, &["audit", "in", "--expect-san", hostile]);
        runs.run(4, &["audit", "in", "--policy", hostile]);
        runs.run(4, &["audit", "in", "--baseline", hostile]);
        runs.run(2, &["audit", "--connect", hostile]);
        runs.run(4, &["audit", "--connect", "h:1", "--server-name", hostile]);
        runs.run(4, &["inspect", &format!("in/{hostile}.nothing")]);
        let key = serde_json::to_string(hostile).unwrap();
        for policy in [
            format!("version: 1\n{key}: 1\n"),
            format!("version: 1\nlevels: {{{key}: deny}}\n"),
            format!("version: {key}\n"),
            format!("version: 1\nignore: [{{rule: {key}, reason: x}}]\n"),
        ] {
            scene.write("policy.yaml", policy);
            runs.run(4, &["audit", "in", "--policy", "policy.yaml"]);
        }
        scene.write("baseline.json", format!("{{\"schema_version\": 1, {key}: 1}}"));
        runs.run(4, &["audit", "in", "--baseline", "baseline.json"]);
        scene.write(
            "bad/x.yaml",
            format!("apiVersion: v1\nkind: Service\nmetadata: {{name: \"${{A}}\", {key}: ${{B}}\n"),
        );
    }
    runs.finish();
}

#[cfg(feature = "dev-ca")]
#[test]
fn folders_of_an_enrolment_are_quoted_safely() {
    use fabcert::Timestamp;
    use fabcert::devca::{DevCa, DevCaConfig, IdentitySpec};

    #[allow(clippy::disallowed_methods, reason = "a test asks the clock")]
    fn now() -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Timestamp::from_unix(i64::try_from(since.as_secs()).unwrap())
    }
    let ca =
        DevCa::spawn_thread(DevCaConfig::new(now).with_identity(IdentitySpec::new("p", "secret", "peer"))).unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ca.pem"), ca.tls_anchor_pem()).unwrap();
    let mut runs = Runs::new(dir.path());
    for (number, hostile) in [LINES, FIRST].into_iter().enumerate() {
        let (msp, tls) = (format!("{number}{hostile}/msp"), format!("{number}{hostile}/tls"));
        let enroll = ["enroll", "--url", ca.url(), "--tls-ca", "ca.pem", "--id", "p", "--role", "peer", "--san", "a"];
        let folders = ["--msp-dir", &msp, "--tls-dir", &tls];
        runs.run(0, &[&enroll, &folders[..]].concat());
        runs.run_as_is(0, &[&enroll, &folders[..], &["--force"]].concat());
        runs.run_as_is(0, &["rollback", "--msp-dir", &msp, "--tls-dir", &tls]);
        runs.run_as_is(0, &["rollback", "--msp-dir", &msp, "--tls-dir", &tls, "--output", "json"]);
    }
    runs.finish();
}

#[test]
fn only_the_output_module_writes_to_the_streams() {
    fn files(dir: &Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("tests") {
                files(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
                found.push(path);
            }
        }
    }
    // The progress line holds numbers, and an id that is made safe.
    let writers = ["src/cli/output.rs", "src/cli/progress.rs"];
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    files(&package.join("src"), &mut found);
    assert!(found.len() > 100, "{}", found.len());
    let mut breaches = Vec::new();
    for path in found {
        let name = text(path.strip_prefix(package).unwrap()).to_owned();
        let source = std::fs::read_to_string(&path).unwrap();
        let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for (number, line) in (1..).zip(code.lines().filter(|_| !writers.contains(&name.as_str()))) {
            let line = line.split("//").next().unwrap();
            let streams = ["io::stdout", "io::stderr", "stdout()", "stderr()", "print!(", "println!(", "dbg!("];
            if streams.iter().any(|stream| line.contains(stream)) && !line.contains("use_stderr") {
                breaches.push(format!("{name}:{number}: {line}"));
            }
        }
    }
    assert!(breaches.is_empty(), "{breaches:#?}");
}
