//! Command lines and variables that fabcert does not take: the message names the flag or the variable and repeats no value, which
//! may be a secret.

use crate::command::{Ran, command, commands, fabcert_in};

const SECRET: &str = "s3cr3t-0f-peer1";

fn hides(args: &[&str], variables: &[(&str, &str)], code: i32, named: &str) {
    let dir = tempfile::tempdir().unwrap();
    for form in [&[][..], &["--output", "json"], &["--log-format", "json"], &["-vv"]] {
        let all = [args, form].concat();
        let output = command(&all, variables).current_dir(dir.path()).output().unwrap();
        let shown = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        for part in [SECRET, "s3cr3t", "0f-peer1"] {
            assert!(!shown.contains(part), "{all:?} {variables:?}: {shown}");
        }
        assert_eq!(output.status.code(), Some(code), "{all:?}: {shown}");
        assert!(shown.contains(named), "{all:?}: {named} is not in {shown}");
    }
}

#[test]
fn no_word_that_may_be_a_secret_is_repeated() {
    let url = format!("https://org1-peer1:{SECRET}@org1-ca:7054");
    let (long, short) = (format!("--ulr={url}"), format!("-x{url}"));
    let glued = format!("--secret={SECRET}");
    let enrolling = ["enroll", "csr", "install", "dev-ca", "audit", "names", "render", "rollback", "inspect", "demo"];
    let known = commands();
    for name in enrolling.into_iter().filter(|name| known.iter().any(|known| known == name)) {
        for flag in [&long, &short, &glued, &format!("--{url}"), &format!("-{SECRET}")] {
            let args = [name, flag];
            let dir = tempfile::tempdir().unwrap();
            let output = command(&args, &[]).current_dir(dir.path()).output().unwrap();
            let shown =
                format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(!output.status.success() && !shown.contains("s3cr3t"), "{args:?}: {shown}");
        }
    }
    let needed: &[&str] = &["enroll", "--msp-dir", "msp", "--url", "https://org1-ca"];
    let with = |more: &[&'static str]| [needed, more].concat();
    hides(&["enroll", &url], &[], 2, "word 2");
    hides(&["enroll", "--msp-dir", "msp", "-url", &url], &[], 2, "two dashes: --url");
    hides(&["csr", &url], &[], 2, "word 2");
    hides(&["install", SECRET], &[], 2, "word 2");
    hides(&["dev-ca", "--identity", SECRET], &[], 2, "--identity");
    hides(&["dev-ca", "--listen", SECRET], &[], 2, "--listen");
    hides(&["dev-ca", "--fault", SECRET], &[], 2, "--fault");
    hides(&["audit", "--connect", &url], &[], 2, "endpoint");
    hides(&["audit", &url], &[], 4, "https://org1-peer1:[redacted]@org1-ca");
    hides(&[SECRET], &[], 2, "is not a command");
    hides(&[&url], &[], 2, "is not a command");
    for flag in [
        "--role",
        "--wait",
        "--timeout",
        "--connect-timeout",
        "--key-mode",
        "--group",
        "--key-algorithm",
        "--layout",
        "--tls-names",
    ] {
        hides(&[&with(&[flag])[..], &[SECRET]].concat(), &[], 2, flag);
        hides(&[&with(&[])[..], &[&format!("{flag}=12{SECRET}")]].concat(), &[], 2, flag);
    }
    hides(&[&with(&["--plaintext"])[..], &[SECRET]].concat(), &[], 2, "word 7");
    for bad in
        ["ftp://id:s3cr3t-0f-peer1@h", "id:s3cr3t-0f-peer1@h", "s3cr3t-0f-peer1", "https://id:s3cr3t-0f-peer1@h/x?@y"]
    {
        hides(&["enroll", "--msp-dir", "msp", "--tls-ca", "ca.pem", "--url", bad], &[], 2, "URL");
        hides(&["enroll", "--msp-dir", "msp", "--tls-ca", "ca.pem"], &[("FABCERT_URL", bad)], 2, "URL");
    }
    let anchored = ["enroll", "--plaintext", "--url", "http://127.0.0.1:1", "--id", "p", "--msp-dir", "msp"];
    for path in [SECRET, "/s3cr3t-0f-peer1"] {
        hides(&[&anchored[..], &["--secret-file", path]].concat(), &[], 5, "secret file");
        hides(&anchored, &[("FABCERT_SECRET_FILE", path)], 5, "secret file");
    }
}

#[test]
fn errors_of_values_name_the_flag_or_the_variable() {
    let ran = |variables: &[(&str, &str)], more: &[&str]| -> Ran {
        fabcert_in(&[&["enroll", "--msp-dir", "msp"], more].concat(), variables)
    };
    for (name, flag) in [
        ("FABCERT_WAIT", "--wait"),
        ("FABCERT_ROLE", "--role"),
        ("FABCERT_GROUP", "--group"),
        ("FABCERT_KEY_MODE", "--key-mode"),
        ("FABCERT_CONNECT_TIMEOUT", "--connect-timeout"),
        ("FABCERT_FORCE", "--force"),
    ] {
        let of_variable = ran(&[(name, "soon")], &[]);
        assert_eq!(of_variable.code, 2, "{of_variable:?}");
        assert!(of_variable.stderr.contains(name) && of_variable.stderr.contains(flag), "{of_variable:?}");
        if flag != "--force" {
            let of_flag = ran(&[(name, "soon")], &[&format!("{flag}=soon")]);
            assert!(!of_flag.stderr.contains(name) && of_flag.stderr.contains(flag), "{of_flag:?}");
        }
        let json = ran(&[(name, "soon"), ("FABCERT_LOG_FORMAT", "json")], &[]);
        let event: serde_json::Value = serde_json::from_str(json.stderr.trim()).unwrap();
        assert!(event.to_string().contains(name), "{event}");
    }
    // What resembles a possible value may be a secret too.
    let near = ran(&[], &["--role", "peeer"]).stderr;
    assert!(near.contains("did you mean peer?") && !near.contains("peeer"), "{near}");
}

#[test]
fn unknown_variables_are_errors_with_a_suggestion() {
    let variables = [("FABCERT_GATEWAY_SERVICES", "org1-peer-gateway-svc"), ("FABCERT_HOSTNAMES", SECRET)];
    let nested = [vec!["ca", "info"], vec!["no-such-command"], vec![]];
    for args in commands().iter().map(|name| vec![name.as_str()]).chain(nested) {
        // The Go client's command line has the Go client's variables.
        if ["rules", "explain", "completions", "man", "fabric-ca-client"].contains(args.first().unwrap_or(&"")) {
            continue;
        }
        for more in [&[][..], &["--no-such-flag"], &["--output", "json"]] {
            let ran = fabcert_in(&[&args[..], more].concat(), &variables);
            assert_eq!(ran.code, 2, "{args:?}: {ran:?}");
            for part in
                ["FABCERT_GATEWAY_SERVICES; did you mean FABCERT_GATEWAY_SERVICE?", "did you mean FABCERT_HOSTNAME?"]
            {
                assert!(ran.stderr.contains(part), "{args:?} {more:?}: {ran:?}");
            }
            assert!(!ran.stderr.contains(SECRET), "{args:?}: {ran:?}");
        }
        let help = fabcert_in(&[&args[..], &["--help"]].concat(), &variables);
        assert_eq!(help.code, if args == ["no-such-command"] { 2 } else { 0 }, "{args:?}: {help:?}");
    }
    let service =
        [("FABCERT_SERVICE_HOST", "10.0.0.1"), ("FABCERT_PORT_7054_TCP", "tcp://10.0.0.1:7054"), ("FABCERT_WAITS", "")];
    let passes = fabcert_in(&["names", "no-such-file"], &service);
    assert!(passes.code == 4 && !passes.stderr.contains("FABCERT_"), "{passes:?}");
    let link = fabcert_in(&["names", "no-such-file"], &[("FABCERT_GATEWAY_SERVICE_HOST", "org1-peer-gateway-svc")]);
    assert!(link.code == 2 && link.stderr.contains("FABCERT_GATEWAY_SERVICE"), "{link:?}");
    let unused = fabcert_in(&["names", "no-such-file"], &[("FABCERT_MSP_DIR", "msp")]);
    assert!(unused.code == 4 && unused.stderr.contains("fabcert names does not read FABCERT_MSP_DIR"), "{unused:?}");
    let names = fabcert_in(&["enroll", "--tls-dir", "tls"], &[("FABCERT_CSR_HOSTS", "org1-peer1")]);
    assert!(names.code == 2 && names.stderr.contains("FABCERT_SAN"), "{names:?}");
}

#[cfg(feature = "dev-ca")]
#[test]
fn core_dumps_are_off() {
    use std::io::{BufRead as _, BufReader};
    use std::process::{Command, Stdio};

    let fabcert = command(&["dev-ca", "--listen", "127.0.0.1:0"], &[]);
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -S -c $(ulimit -H -c); exec \"$0\" \"$@\""])
        .arg(fabcert.get_program())
        .args(fabcert.get_args())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It prints after the start.
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
}
