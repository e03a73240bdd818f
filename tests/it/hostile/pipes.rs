//! Files that a command reads may be pipes, sockets and devices: a named one is read within limits.

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::audit::scene::Scene;
use crate::command::{Ran, command};

/// Well above fabcert's own limit of five seconds for a pipe without a writer.
const GUARD: Duration = Duration::from_secs(40);

fn pipe(path: &Path) -> String {
    mknodat(CWD, path, FileType::Fifo, Mode::RWXU, 0).unwrap();
    path.display().to_string()
}

fn run(scene: &Scene, args: &[&str]) -> Ran {
    super::ended(command(args, &[("FABCERT_SECRET", "s")]).current_dir(scene.dir()), GUARD)
}

/// Commands that read a named file, with `FILE` for it. None of them gets as far as a connection.
const READS: [&[&str]; 8] = [
    &["audit", "tls", "--policy", "FILE"],
    &["audit", "tls", "--no-policy", "--baseline", "FILE"],
    &["audit", "--connect", "127.0.0.1:1", "--tls-ca", "FILE"],
    &["audit", "--connect", "127.0.0.1:1", "--tls-ca", "tls/ca.crt", "--client-cert", "FILE", "--client-key", "FILE"],
    &["enroll", "--url", "https://a@127.0.0.1:1", "--msp-dir", "DIR", "--tls-ca", "FILE"],
    &[
        "enroll",
        "--url",
        "https://a@127.0.0.1:1",
        "--msp-dir",
        "DIR",
        "--tls-ca",
        "tls/ca.crt",
        "--secret-file",
        "FILE",
    ],
    &["enroll", "--url", "https://a@127.0.0.1:1", "--msp-dir", "DIR", "--tls-ca", "tls/ca.crt", "--key-file", "FILE"],
    &["install", "--id", "a", "--msp-dir", "DIR", "--cert", "FILE", "--chain", "tls/ca.crt"],
];

#[test]
fn a_pipe_without_a_writer_and_a_device_without_end_are_errors_in_time() {
    let scene = Scene::new();
    scene.tls_folder("tls", "a", &["a"]);
    let pipe = pipe(&scene.path("pipe"));
    let socket = scene.path("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    std::thread::scope(|scope| {
        for (odd, codes) in [
            (pipe.as_str(), &[5][..]),
            (socket.to_str().unwrap(), &[5]),
            ("/dev/zero", &[4, 5]),
            ("/dev/null", &[0, 2, 4, 6]),
            ("/proc/self/mem", &[4, 5]),
        ] {
            for (index, args) in READS.iter().enumerate() {
                let scene = &scene;
                scope.spawn(move || {
                    // Each has folders of its own: they are locked.
                    let dir = format!("{}{index}/msp", odd.replace('/', "_"));
                    let filled = |word: &&'static str| match *word {
                        "FILE" => odd.to_owned(),
                        "DIR" => dir.clone(),
                        word => word.to_owned(),
                    };
                    let args: Vec<String> = args.iter().map(filled).collect();
                    let mut args: Vec<&str> = args.iter().map(String::as_str).collect();
                    if args[0] == "enroll" {
                        args.extend(["--timeout", "2s"]);
                    }
                    let ran = run(scene, &args);
                    // Without a pending key, install ends before it reads the certificate.
                    let early = args[0] == "install" && ran.code == 4;
                    assert!(early || codes.contains(&ran.code), "{args:?}: {ran:?}");
                });
            }
        }
    });
}

#[test]
fn the_time_limit_of_the_command_bounds_a_pipe() {
    let scene = Scene::new();
    scene.tls_folder("tls", "a", &["a"]);
    let pipe = pipe(&scene.path("pipe"));
    let args =
        ["enroll", "--url", "https://a@127.0.0.1:1", "--msp-dir", "msp", "--tls-ca", &pipe, "--timeout", "300ms"];
    let ran = run(&scene, &args);
    assert_eq!((ran.code, ran.stderr.contains("within 300ms")), (5, true), "{ran:?}");
}

#[test]
fn a_process_substitution_is_read() {
    let scene = Scene::new();
    scene.tls_folder("tls", "a", &["a"]);
    let fabcert = command(&[], &[]).get_program().to_owned();
    for (line, code) in [
        ("audit tls --policy <(sleep 0.3; printf 'version: 1\\nlevels: {expired: allow}\\n')", 0),
        ("audit tls --policy <(printf 'version: 2')", 4),
        ("audit tls --no-policy --baseline <(printf '{\"schema_version\":1,\"findings\":[]}')", 0),
    ] {
        let mut bash = Command::new("bash");
        bash.env_clear().current_dir(scene.dir()).args(["-c", &format!("exec \"$0\" {line}")]).arg(&fabcert);
        let ran = super::ended(&mut bash, GUARD);
        assert_eq!(ran.code, code, "{line}: {ran:?}");
    }
    // A pipe in a folder, with a writer.
    let pipe = pipe(&scene.path("policy"));
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::write(pipe, "version: 1\n").unwrap()
    });
    assert_eq!(run(&scene, &["audit", "tls", "--policy", &pipe]).code, 0);
    writer.join().unwrap();
}

#[test]
fn a_policy_that_nobody_named_must_be_a_regular_file() {
    let scene = Scene::new();
    scene.tls_folder("tls", "a", &["a"]);
    pipe(&scene.path("fabcert.yaml"));
    let ran = run(&scene, &["audit", "tls"]);
    assert_eq!((ran.code, ran.stderr.contains("not a regular file")), (5, true), "{ran:?}");
}

#[test]
fn a_report_to_a_pipe_without_a_reader_is_an_error_in_time() {
    let scene = Scene::new();
    scene.tls_folder("tls", "a", &["a"]);
    let pipe = pipe(&scene.path("pipe"));
    let ran = run(&scene, &["audit", "tls", "--no-policy", "--format", &format!("json={pipe}")]);
    assert_eq!((ran.code, ran.stderr.contains("opened the pipe for reading")), (5, true), "{ran:?}");
}
