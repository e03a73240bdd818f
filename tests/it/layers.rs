//! The arrows between the modules: what each may use of the crate, of the disk, the network, the clock, the environment
//! and standard output. A rule here says what the design means; whoever needs another arrow changes it here and says why.

mod arrows;
mod circles;
mod scanner;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use arrows::{ARROWS, OUTSIDE, begins};
use scanner::{Named, Scanned, scan};

/// Circles of files that are allowed to have more than [`MOST_IN_A_CIRCLE`] files: none.
const MOST_IN_A_CIRCLE: usize = 3;

/// Addresses are data, also where they come out of `std::net`.
const ADDRESSES: [&str; 7] =
    ["IpAddr", "Ipv4Addr", "Ipv6Addr", "SocketAddr", "SocketAddrV4", "SocketAddrV6", "AddrParseError"];

const PRINTING: [&str; 5] = ["print!", "println!", "eprint!", "eprintln!", "dbg!"];

/// A file of the crate.
struct SourceFile {
    /// From the package's folder: `src/ca/tls.rs`.
    path: String,
    /// Its place in the crate: `["ca", "tls"]`.
    module: Vec<String>,
    scanned: Scanned,
}

impl SourceFile {
    fn new(path: &str, source: &str) -> Self {
        let within = path.strip_prefix("src/").unwrap_or(path).trim_end_matches(".rs");
        let module = within.trim_end_matches("/mod").split('/').map(str::to_owned).collect();
        Self { path: path.to_owned(), module, scanned: scan(source) }
    }

    /// `ca` of `src/ca/tls.rs`, `pki::key` of `src/pki/key/ski.rs`: the longest name in [`ARROWS`] that fits.
    fn room(&self) -> &str {
        let whole = self.module.join("::");
        let rooms = ARROWS.iter().map(|(room, _)| *room).filter(|room| begins(&whole, room));
        rooms.max_by_key(|room| room.len()).unwrap_or(&self.module[0])
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

    /// As [`Self::in_crate`], with the room of an item at the root.
    fn in_a_room(&self, path: &str, at_root: &BTreeMap<String, String>) -> Option<String> {
        let inner = self.in_crate(path)?;
        let first = inner.split("::").next().unwrap_or_default();
        Some(at_root.get(first).map_or_else(|| inner.clone(), |module| format!("{module}::{inner}")))
    }
}

/// The entries of [`ARROWS`] that nothing uses, as `room -> used`.
fn unused(files: &[SourceFile]) -> Vec<String> {
    let lib = files.iter().find(|f| f.path == "src/lib.rs");
    let at_root = lib.map(|f| at_the_root(&f.scanned)).unwrap_or_default();
    let mut unused: BTreeSet<(&str, &str)> =
        ARROWS.iter().flat_map(|(room, allowed)| allowed.iter().map(move |a| (*room, *a))).collect();
    for file in files {
        for path in &file.scanned.paths {
            if let Some(full) = file.in_a_room(&path.name, &at_root) {
                unused.retain(|(room, allowed)| *room != file.room() || !begins(&full, allowed));
            }
        }
    }
    unused.into_iter().map(|(room, allowed)| format!("{room} -> {allowed}")).collect()
}

/// The items at the crate's root, with their modules: `Error` with `error`.
fn at_the_root(lib: &Scanned) -> BTreeMap<String, String> {
    lib.paths
        .iter()
        .filter_map(|p| p.name.rsplit_once("::"))
        // `audit` is a function of the room auditor and a room itself: a path that goes on means the room.
        .filter(|(_, item)| !ARROWS.iter().any(|(room, _)| room == item) && *item != "names")
        .map(|(module, item)| (item.into(), module.into()))
        .collect()
}

/// Every breach of the rules, as `file:line: what`.
fn breaches(files: &[SourceFile], disk_writes: &BTreeSet<String>) -> Vec<String> {
    let lib = files.iter().find(|f| f.path == "src/lib.rs");
    let at_root = lib.map(|f| at_the_root(&f.scanned)).unwrap_or_default();
    let mut found = Vec::new();
    for file in files {
        let room = file.room();
        let mut breach = |at: &Named, what: String| found.push(format!("{}:{}: {what}", file.path, at.line));
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == room) else {
            breach(&Named { line: 1, name: String::new() }, format!("no rule for the module {room}"));
            continue;
        };
        for module in &file.scanned.inline_modules {
            breach(module, format!("the module {} is written inside another", module.name));
        }
        for path in &file.scanned.paths {
            if let Some(full) = file.in_a_room(&path.name, &at_root) {
                // A room that holds rooms, `pki`, is named to reach into one of them.
                let may = begins(&full, room)
                    || allowed.iter().any(|a| begins(&full, a))
                    || (full == "pki" && allowed.iter().any(|a| begins(a, "pki")));
                if !may {
                    breach(path, format!("{room} may not use {full}"));
                }
            }
            let is_address =
                path.name.starts_with("std::net::") && path.name.split("::").any(|s| ADDRESSES.contains(&s));
            for (pattern, may, what) in OUTSIDE {
                // The catalogue passes its own look-up on.
                let is_own = room == "audit" && file.scanned.passed_on.contains(path);
                if pattern.fits(&path.name) && !may.contains(&room) && !is_address && !is_own {
                    breach(path, format!("{room} may not use {}: {what}", path.name));
                }
            }
        }
        for called in file.scanned.macros.iter().filter(|m| PRINTING.contains(&m.name.as_str()) && room != "cli") {
            breach(called, format!("{room} may not call {}: only cli prints", called.name));
        }
        for called in file
            .scanned
            .methods
            .iter()
            .filter(|m| ["audit", "coverage", "report"].contains(&room) && disk_writes.contains(&m.name))
        {
            breach(called, format!("{room} may not call {}: it changes the disk", called.name));
        }
    }
    found
}

/// The methods by which disk changes the disk, as they are called: all that these two files of it make public.
fn disk_writes(package: &Path) -> BTreeSet<String> {
    ["change", "replace"]
        .iter()
        .flat_map(|file| {
            let text = fs::read_to_string(package.join(format!("src/disk/{file}.rs"))).unwrap();
            let name = |line: &str| {
                let line = line.trim();
                let function = line.strip_prefix("pub fn ").or_else(|| line.strip_prefix("pub(crate) fn "))?;
                Some(format!(".{}", function.split('(').next()?))
            };
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
            let parent: &[String] = if ["lib", "main"].contains(&file.room()) { &[] } else { &file.module };
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
    assert_eq!(unused(&files), [""; 0], "arrows that nothing uses are doors left open");
}

#[test]
fn no_circle_is_large_and_none_crosses_rooms() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(package, &package.join("src"), &mut files);
    let files = without_test_files(files);
    let room: BTreeMap<&str, &str> = files.iter().map(|file| (file.path.as_str(), file.room())).collect();
    let arrows = circles::Graph::new(&files).arrows();
    assert!(arrows.values().map(BTreeSet::len).sum::<usize>() > 500, "most arrows were not seen");
    let wrong: Vec<String> = circles::circles(&arrows)
        .into_iter()
        .filter(|circle| {
            let rooms: BTreeSet<&str> = circle.iter().map(|file| room[file]).collect();
            circle.len() > MOST_IN_A_CIRCLE || rooms.len() > 1
        })
        .map(|circle| format!("{circle:?}"))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The breaches of one file in a crate with this `lib.rs`.
fn breaches_of(path: &str, source: &str) -> Vec<String> {
    let lib = SourceFile::new("src/lib.rs", "pub use error::{Error, ErrorKind};\npub use time::Timestamp;\n");
    breaches(&[lib, SourceFile::new(path, source)], &BTreeSet::from([".write_new".to_owned()]))
}

#[test]
fn an_arrow_against_the_layers_is_found() {
    let found = breaches_of("src/pki/x509/chain.rs", "use crate::{\n    Error, Timestamp,\n    install::Place,\n};\n");
    assert_eq!(found, ["src/pki/x509/chain.rs:3: pki::x509 may not use install::Place"]);
    let found = breaches_of("src/pki/key/ski.rs", "use crate::pki::x509::Cert;\n");
    assert_eq!(found, ["src/pki/key/ski.rs:1: pki::key may not use pki::x509::Cert"]);
    let found = breaches_of("src/ca/status.rs", "use super::super::enroll::Request;\nuse super::Client;\n");
    assert_eq!(found, ["src/ca/status.rs:1: ca may not use enroll::Request"]);
    let found = breaches_of("src/ca/mod.rs", "fn f() { super::msp::install() }\n");
    assert_eq!(found, ["src/ca/mod.rs:1: ca may not use msp::install"]);
    let found = breaches_of("src/pki/name/san.rs", "use crate::Timestamp;\n");
    assert_eq!(found, ["src/pki/name/san.rs:1: pki::name may not use time::Timestamp"]);
    let found = breaches_of("src/proof/verify.rs", "use crate::install::{FolderPlan, Lock};\n");
    assert_eq!(found, ["src/proof/verify.rs:1: proof may not use install::Lock"]);
    assert_eq!(breaches_of("src/helpers.rs", ""), ["src/helpers.rs:1: no rule for the module helpers"]);
}

#[test]
fn what_is_for_the_edges_only_is_found_elsewhere() {
    for (path, source, what) in [
        ("src/pki/x509/cert.rs", "use std::{fs, io};", "pki::x509 may not use std::fs: the disk, which is behind disk"),
        (
            "src/pki/x509/cert.rs",
            "use std::net::{IpAddr, TcpStream};",
            "pki::x509 may not use std::net::TcpStream: the network",
        ),
        (
            "src/install/lock.rs",
            "fn f() { std::process::exit(1) }",
            "install may not use std::process::exit: the end of the process: errors go up to main",
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
        ("src/pki/key/mod.rs", "fn f() { println!() }", "pki::key may not call println!: only cli prints"),
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
        ("src/pki/x509/cert.rs", "use std::net::IpAddr; use crate::{Error, Timestamp, pki::name::SanName};"),
        ("src/ca/retry.rs", "use super::super::pki::key::KeyPair; fn f() { tokio::time::Instant::now() }"),
        ("src/main.rs", "fn main() { fabcert::cli::main() }"),
        ("src/pki/key/mod.rs", "#[cfg(test)] mod tests { fn f() { std::fs::read(crate::ca::x()); println!() } }"),
    ] {
        assert_eq!(breaches_of(path, source), Vec::<String>::new(), "{path}");
    }
}
