//! Repositories and systems that mean harm: links that lead out, pipes without another end, limits of the system.

mod limits;
mod links;
mod pipes;
mod reports;
mod trees;

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::command::Ran;

/// Runs a command whose end is certain: the time is a guard only.
fn ended(command: &mut Command, within: Duration) -> Ran {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let Output { status, stdout, stderr } = output(child, within);
    Ran {
        code: status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

fn output(mut child: Child, within: Duration) -> Output {
    let begun = Instant::now();
    // Both streams are drained: a full pipe would stop the child.
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let drained = |stream: Option<Box<dyn std::io::Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            stream.map(|mut stream| stream.read_to_end(&mut bytes));
            bytes
        })
    };
    let stdout = drained(stdout.map(|s| Box::new(s) as _));
    let stderr = drained(stderr.map(|s| Box::new(s) as _));
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > within {
            child.kill().unwrap();
            panic!("it does not end within {within:?}");
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    Output { status, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
}

/// Makes `count` folders, each in the one before.
fn nest(dir: &Path, count: usize) {
    let script =
        "import os, sys\nos.chdir(sys.argv[1])\nfor _ in range(int(sys.argv[2])):\n os.mkdir('d')\n os.chdir('d')\n";
    let made = Command::new("python3").args(["-c", script]).arg(dir).arg(count.to_string()).output().unwrap();
    assert!(made.status.success(), "{made:?}");
}
