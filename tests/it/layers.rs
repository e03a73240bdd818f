//! The arrows between the modules: what each may use of the crate, of the disk, the network, the clock, the environment
//! and standard output. A rule here says what the design means; whoever needs another arrow changes it here and says why.

mod scanner;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use scanner::{Named, Scanned, scan};

/// Top-level module to the modules that it may use, or to single items of one (`ca::verify`). Each may use itself.
///
/// ```text
/// cli -> fleet, renew, enroll -> ca, msp -> x509 -> key, name -> error, secret, time
/// ```
const ARROWS: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    ("lib", &[]),
    // The floor: plain data.
    ("error", &[]),
    ("secret", &[]),
    ("time", &[]),
    ("fsx", &["error"]),
    ("name", &["error"]),
    // PEM and hex are encodings that stand with the certificates; a key needs them and no certificate.
    ("key", &["error", "x509::PemError", "x509::hex", "x509::pem_blocks", "x509::pem_encode"]),
    ("x509", &["error", "time", "key", "name"]),
    // Certificates as Go takes them: a reader of its own, so that no habit of another reader gets into the verdicts.
    ("go_x509", &["time", "name", "x509::name_text", "key::Ski", "key::is_made_by", "key::is_public_half"]),
    ("ca", &["error", "secret", "time", "key", "name", "x509"]),
    // Only what was proven can be planned, so the proof's result and purpose are known here, and no client.
    ("msp", &["error", "time", "key", "name", "x509", "fsx", "go_x509", "ca::VerifiedEnrollment", "ca::Purpose"]),
    // TLS folders are read as MSP folders are.
    ("tls", &["time", "go_x509", "msp"]),
    ("enroll", &["error", "secret", "time", "key", "name", "x509", "ca", "msp", "fsx"]),
    // It shares no code with the client: one misreading of the protocol could hide on both sides.
    ("devca", &["error", "secret", "time", "key", "name", "x509", "fsx", "ca::crypto_provider"]),
    ("renew", &["error", "secret", "time", "key", "name", "x509", "ca", "msp", "fsx", "enroll", "live"]),
    (
        "fleet",
        &["error", "secret", "time", "key", "name", "x509", "ca", "msp", "fsx", "enroll", "renew", "k8s", "yaml"],
    ),
    // What is audited is read before; neither CA nor network nor clock.
    (
        "audit",
        &[
            "error",
            "time",
            "key",
            "name",
            "x509",
            "msp",
            "tls",
            "fsx",
            "k8s",
            "yaml",
            // Keys are told apart as Go tells them apart; no other reader here knows all kinds.
            "go_x509::PrivateKey",
            "go_x509::PublicKey",
            "go_x509::Curve",
        ],
    ),
    ("live", &["error", "time", "key", "name", "x509", "ca::crypto_provider"]),
    ("k8s", &["error", "name", "yaml"]),
    ("yaml", &["error"]),
    // Fuzz targets reach everything that reads.
    ("testing", &["error", "time", "key", "name", "x509", "go_x509", "k8s", "msp", "fsx", "audit"]),
    ("report", &["error", "audit"]),
    (
        "cli",
        &[
            "error", "secret", "time", "key", "name", "x509", "ca", "msp", "fsx", "enroll", "devca", "renew", "fleet",
            "audit", "live", "k8s", "yaml", "report",
        ],
    ),
];

/// Who may name what of other crates: the end or the beginning of a path, the modules that may, and what it is.
const OUTSIDE: &[(Pattern, &[&str], &str)] = &[
    (Pattern::Begins("std::fs"), &["fsx"], "the disk, which is behind fsx"),
    (Pattern::Begins("rustix::fs"), &["fsx"], "the disk, which is behind fsx"),
    (Pattern::Begins("tokio::fs"), &[], "the disk, which is behind fsx"),
    (Pattern::Begins("std::net"), &["ca", "devca", "live", "renew", "cli"], "the network"),
    (Pattern::Begins("tokio::net"), &["devca", "live", "renew", "cli"], "the network"),
    (Pattern::Begins("reqwest"), &["ca"], "the network"),
    (Pattern::Begins("hyper"), &["devca", "renew"], "the network"),
    (Pattern::Begins("tokio"), &["ca", "devca", "live", "renew", "fleet", "cli"], "the runtime"),
    (Pattern::Begins("std::env"), &["cli"], "the environment"),
    (Pattern::Ends("SystemTime::now"), &["cli"], "the clock: time is an argument"),
    (Pattern::Ends("Instant::now"), &["ca", "cli", "live", "renew"], "the clock: only for how long something took"),
    (Pattern::Ends("process::exit"), &[], "the end of the process: errors go up to main"),
    (Pattern::Ends("process::abort"), &[], "the end of the process: errors go up to main"),
    (Pattern::Begins("std::process::Command"), &["renew"], "other programs, which only hooks start"),
    (Pattern::Ends("io::stdout"), &["cli"], "standard output"),
];

/// Addresses are data, also where they come out of `std::net`.
const ADDRESSES: [&str; 7] =
    ["IpAddr", "Ipv4Addr", "Ipv6Addr", "SocketAddr", "SocketAddrV4", "SocketAddrV6", "AddrParseError"];

const PRINTING: [&str; 5] = ["print!", "println!", "eprint!", "eprintln!", "dbg!"];

#[derive(Clone, Copy)]
enum Pattern {
    Begins(&'static str),
    Ends(&'static str),
}

impl Pattern {
    fn fits(self, path: &str) -> bool {
        match self {
            Self::Begins(with) => path.strip_prefix(with).is_some_and(|rest| rest.is_empty() || rest.starts_with("::")),
            Self::Ends(with) => path.strip_suffix(with).is_some_and(|rest| rest.is_empty() || rest.ends_with("::")),
        }
    }
}

/// A file of the crate.
struct SourceFile {
    /// From the package's folder: `src/ca/tls.rs`.
    path: String,
    /// Where it stands in the crate: `["ca", "tls"]`.
    module: Vec<String>,
    scanned: Scanned,
}

impl SourceFile {
    fn new(path: &str, source: &str) -> Self {
        let within = path.strip_prefix("src/").unwrap_or(path).trim_end_matches(".rs");
        let module = within.trim_end_matches("/mod").split('/').map(str::to_owned).collect();
        Self { path: path.to_owned(), module, scanned: scan(source) }
    }

    /// `ca` of `src/ca/tls.rs`.
    fn top(&self) -> &str {
        &self.module[0]
    }

    /// The path from the crate's root (`ca::verify`) of one that leads into this crate; `None` for all others.
    fn in_crate(&self, path: &str) -> Option<String> {
        let mut segments = path.split("::").peekable();
        let mut at = match *segments.peek()? {
            "crate" | "fabcert" => Vec::new(),
            "super" => self.module.iter().map(String::as_str).collect(),
            _ => return None,
        };
        if at.is_empty() {
            segments.next();
        }
        while segments.peek() == Some(&"super") {
            segments.next();
            at.pop();
        }
        at.extend(segments);
        Some(at.join("::"))
    }
}

/// What stands at the crate's root though it belongs to a module: `Error` to `error`.
fn at_the_root(lib: &Scanned) -> BTreeMap<String, String> {
    lib.paths
        .iter()
        .filter_map(|p| p.name.split_once("::"))
        .map(|(module, item)| (item.into(), module.into()))
        .collect()
}

/// Every breach of the rules, as `file:line: what`.
fn breaches(files: &[SourceFile], disk_writes: &BTreeSet<String>) -> Vec<String> {
    let lib = files.iter().find(|f| f.path == "src/lib.rs");
    let root = lib.map(|f| at_the_root(&f.scanned)).unwrap_or_default();
    let mut found = Vec::new();
    for file in files {
        let top = file.top();
        let mut breach = |at: &Named, what: String| found.push(format!("{}:{}: {what}", file.path, at.line));
        let Some((_, allowed)) = ARROWS.iter().find(|(module, _)| *module == top) else {
            breach(&Named { line: 1, name: String::new() }, format!("no rule for the module {top}"));
            continue;
        };
        for module in &file.scanned.inline_modules {
            breach(module, format!("the module {} is written inside another", module.name));
        }
        for path in &file.scanned.paths {
            if let Some(inner) = file.in_crate(&path.name) {
                let first = inner.split("::").next().unwrap_or_default();
                let full = root.get(first).map_or_else(|| inner.clone(), |module| format!("{module}::{inner}"));
                let module = full.split("::").next().unwrap_or_default();
                let may = module == top || allowed.iter().any(|a| Pattern::Begins(a).fits(&full));
                if !may {
                    breach(path, format!("{top} may not use {full}"));
                }
            }
            let is_address =
                path.name.starts_with("std::net::") && path.name.split("::").any(|s| ADDRESSES.contains(&s));
            for (pattern, may, what) in OUTSIDE {
                if pattern.fits(&path.name) && !may.contains(&top) && !is_address {
                    breach(path, format!("{top} may not use {}: {what}", path.name));
                }
            }
        }
        for called in file.scanned.macros.iter().filter(|m| PRINTING.contains(&m.name.as_str()) && top != "cli") {
            breach(called, format!("{top} may not call {}: only cli prints", called.name));
        }
        for called in file.scanned.methods.iter().filter(|m| top == "audit" && disk_writes.contains(&m.name)) {
            breach(called, format!("{top} may not call {}: it changes the disk", called.name));
        }
    }
    found
}

/// The methods by which fsx changes the disk, as they are called: all that these two files of it make public.
fn disk_writes(package: &Path) -> BTreeSet<String> {
    ["change", "replace"]
        .iter()
        .flat_map(|file| {
            let text = fs::read_to_string(package.join(format!("src/fsx/{file}.rs"))).unwrap();
            let name = |line: &str| Some(format!(".{}", line.trim().strip_prefix("pub fn ")?.split('(').next()?));
            text.lines().filter_map(name).collect::<Vec<_>>()
        })
        .collect()
}

/// Every file below `dir` that is not compiled for tests only.
fn sources(package: &Path, dir: &Path, found: &mut Vec<SourceFile>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(package, &path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let name = path.strip_prefix(package).unwrap().to_str().unwrap();
            found.push(SourceFile::new(name, &fs::read_to_string(&path).unwrap()));
        }
    }
}

fn without_test_files(files: Vec<SourceFile>) -> Vec<SourceFile> {
    let tests: Vec<Vec<String>> = files
        .iter()
        .flat_map(|file| {
            let parent: &[String] = if ["lib", "main"].contains(&file.top()) { &[] } else { &file.module };
            file.scanned.test_modules.iter().map(move |name| [parent, std::slice::from_ref(name)].concat())
        })
        .collect();
    files.into_iter().filter(|file| !tests.iter().any(|test| file.module.starts_with(test))).collect()
}

#[test]
fn every_module_keeps_to_its_layer() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(package, &package.join("src"), &mut files);
    let files = without_test_files(files);
    assert!(files.len() > 50, "only {} files were found", files.len());
    let writes = disk_writes(package);
    assert!(writes.contains(".write_new") && writes.contains(".rename"), "{writes:?}");
    let found = breaches(&files, &writes);
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// The breaches of one file that stands in a crate with this `lib.rs`.
fn breaches_of(path: &str, source: &str) -> Vec<String> {
    let lib = SourceFile::new("src/lib.rs", "pub use error::{Error, ErrorKind};\npub use time::Timestamp;\n");
    breaches(&[lib, SourceFile::new(path, source)], &BTreeSet::from([".write_new".to_owned()]))
}

#[test]
fn an_arrow_against_the_layers_is_found() {
    let found = breaches_of("src/x509/chain.rs", "use crate::{\n    Error, Timestamp,\n    msp::Place,\n};\n");
    assert_eq!(found, ["src/x509/chain.rs:3: x509 may not use msp::Place"]);
    let found = breaches_of("src/ca/verify.rs", "use super::super::enroll::Request;\nuse super::Client;\n");
    assert_eq!(found, ["src/ca/verify.rs:1: ca may not use enroll::Request"]);
    let found = breaches_of("src/ca/mod.rs", "fn f() { super::msp::install() }\n");
    assert_eq!(found, ["src/ca/mod.rs:1: ca may not use msp::install"]);
    let found = breaches_of("src/name/san.rs", "use crate::Timestamp;\n");
    assert_eq!(found, ["src/name/san.rs:1: name may not use time::Timestamp"]);
    let found = breaches_of("src/msp/plan.rs", "use crate::ca::{Client, VerifiedEnrollment};\n");
    assert_eq!(found, ["src/msp/plan.rs:1: msp may not use ca::Client"]);
    assert_eq!(breaches_of("src/helpers.rs", ""), ["src/helpers.rs:1: no rule for the module helpers"]);
}

#[test]
fn what_is_for_the_edges_only_is_found_elsewhere() {
    for (path, source, what) in [
        ("src/x509/cert.rs", "use std::{fs, io};", "x509 may not use std::fs: the disk, which is behind fsx"),
        ("src/x509/cert.rs", "use std::net::{IpAddr, TcpStream};", "x509 may not use std::net::TcpStream: the network"),
        (
            "src/msp/lock.rs",
            "fn f() { std::process::exit(1) }",
            "msp may not use std::process::exit: the end of the process: errors go up to main",
        ),
        (
            "src/cli/mod.rs",
            "fn f() { process::exit(1) }",
            "cli may not use process::exit: the end of the process: errors go up to main",
        ),
        (
            "src/ca/mod.rs",
            "fn f() { SystemTime::now(); }",
            "ca may not use SystemTime::now: the clock: time is an argument",
        ),
        ("src/key/mod.rs", "fn f() { println!() }", "key may not call println!: only cli prints"),
        ("src/enroll/flow.rs", "use std::env;", "enroll may not use std::env: the environment"),
        (
            "src/audit/rule.rs",
            "fn f(disk: &Disk) { disk.write_new(p) }",
            "audit may not call .write_new: it changes the disk",
        ),
    ] {
        assert_eq!(breaches_of(path, source), [format!("{path}:1: {what}")]);
    }
}

#[test]
fn what_the_layers_allow_is_no_breach() {
    for (path, source) in [
        ("src/cli/mod.rs", "use std::env; fn f() { print!(); SystemTime::now(); crate::enroll::run() }"),
        ("src/x509/cert.rs", "use std::net::IpAddr; use crate::{Error, Timestamp, name::SanName};"),
        ("src/ca/retry.rs", "use super::super::key::KeyPair; fn f() { tokio::time::Instant::now() }"),
        ("src/main.rs", "fn main() { fabcert::cli::main() }"),
        ("src/key/mod.rs", "#[cfg(test)] mod tests { fn f() { std::fs::read(crate::ca::x()); println!() } }"),
    ] {
        assert_eq!(breaches_of(path, source), Vec::<String>::new(), "{path}");
    }
}
