//! The units in `deploy/systemd`: systemd takes them, and they have the lines that matter.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::real::tools::{Tool, find};

const UNITS: [&str; 3] = ["fabcert-agent@.service", "fabcert-renew.service", "fabcert-renew.timer"];

fn unit(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/systemd").join(name)).unwrap()
}

/// What systemd has against units: errors and warnings; empty if it takes them.
fn objections(analyze: &Path, units: &[(&str, String)]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let paths: Vec<_> = units.iter().map(|(name, _)| dir.path().join(name)).collect();
    for (path, (_, text)) in paths.iter().zip(units) {
        std::fs::write(path, text.replace("/usr/local/bin/fabcert", env!("CARGO_BIN_EXE_fabcert"))).unwrap();
    }
    let output = Command::new(analyze).args(["verify", "--man=no"]).args(&paths).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() || !text.is_empty(), "it ended with {}", output.status);
    text
}

#[test]
fn systemd_takes_the_units() {
    let Some(analyze) = find(Tool::SystemdAnalyze) else { return };
    assert_eq!(objections(&analyze, &UNITS.map(|name| (name, unit(name)))), "");
}

#[test]
fn systemd_refuses_spoilt_units() {
    let Some(analyze) = find(Tool::SystemdAnalyze) else { return };
    for (name, from, to) in [
        ("fabcert-agent@.service", "Type=notify", "Type=notified"),
        ("fabcert-agent@.service", "WatchdogSec=", "WatchdogSeconds="),
        ("fabcert-renew.service", "/usr/local/bin/fabcert", "/usr/local/bin/no-such-program"),
        ("fabcert-renew.timer", "OnCalendar=daily", "OnCalendar=now and then"),
    ] {
        let spoilt = unit(name).replace(from, to);
        assert_ne!(spoilt, unit(name));
        assert_ne!(objections(&analyze, &[(name, spoilt)]), "", "{to}");
    }
}

/// The settings of a unit that are restrictions of the sandbox.
fn restrictions(unit: &str) -> BTreeSet<&str> {
    let is_one = |line: &&str| {
        let begins =
            ["Protect", "Private", "Restrict", "NoNewPrivileges", "Lock", "MemoryDeny", "SystemCall", "Capability"];
        begins.iter().any(|begin| line.starts_with(begin)) && !line.starts_with("RestartPrevent")
    };
    unit.lines().filter(is_one).collect()
}

#[test]
fn the_units_have_the_lines_that_matter() {
    let (agent, renew, timer) = (unit(UNITS[0]), unit(UNITS[1]), unit(UNITS[2]));
    let has = |unit: &str, line: &str| assert!(unit.lines().any(|found| found == line), "{line}");
    for line in [
        "Type=notify",
        "WatchdogSec=5min",
        "LoadCredential=secret:/etc/fabcert/%i.secret",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "Restart=always",
        "WantedBy=multi-user.target",
    ] {
        has(&agent, line);
    }
    assert!(agent.contains("--secret-file ${CREDENTIALS_DIRECTORY}/secret"), "the secret is in no variable");
    has(&renew, "Type=oneshot");
    for line in ["RandomizedDelaySec=6h", "Persistent=true", "WantedBy=timers.target"] {
        has(&timer, line);
    }
    assert_eq!(restrictions(&agent), restrictions(&renew));
    assert!(restrictions(&agent).len() >= 15, "{:?}", restrictions(&agent));
    for line in
        ["ProtectSystem=strict", "NoNewPrivileges=yes", "CapabilityBoundingSet=", "SystemCallFilter=@system-service"]
    {
        has(&agent, line);
    }
}
