//! A target folder, the sets that are installed in it, and a reader's view of them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use fabcert::Timestamp;
use fabcert::internals::{
    Disk, FaultAction, FolderPlan, InstallError, Lock, Op, Place, Placement, PlannedDir, PlannedFile, Step, When,
    install,
};
use zeroize::Zeroizing;

pub(crate) const NOW: Timestamp = Timestamp::from_unix(1_795_392_000);

/// A folder for a test, in memory if possible: the tests check the order of the steps, not the disk.
pub(crate) fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()).expect("a folder for the test")
}

pub(crate) fn owned() -> Vec<PathBuf> {
    ["keystore", "signcerts", "cacerts", "intermediatecerts", "config.yaml"].map(PathBuf::from).to_vec()
}

/// Set number `n`; every second one has intermediate certificates.
pub(crate) fn plan(n: u32) -> FolderPlan {
    let file = |path: &str, mode| PlannedFile {
        path: path.into(),
        bytes: Zeroizing::new(format!("{path} of set {n}\n").into_bytes()),
        mode,
        group: None,
    };
    let dir = |path: &str, mode| PlannedDir { path: path.into(), mode, group: None };
    let mut plan = FolderPlan {
        dirs: vec![dir("keystore", 0o700), dir("signcerts", 0o755), dir("cacerts", 0o755)],
        files: vec![
            file(&format!("keystore/{n}_sk"), 0o600),
            file("signcerts/cert.pem", 0o644),
            file("cacerts/ca.pem", 0o644),
            file("config.yaml", 0o644),
        ],
        owned: owned(),
    };
    if n.is_multiple_of(2) {
        plan.files.push(file("intermediatecerts/ica.pem", 0o644));
    }
    plan
}

pub(crate) fn put(disk: &Disk, place: &Place, n: u32) -> Result<(), InstallError> {
    let lock = Lock::acquire(disk, place, NOW)?;
    install(disk, &lock, &plan(n), &|_| Ok(()))
}

/// The state before a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// A missing folder; for a mounted place an empty one.
    Nothing,
    /// A folder of another program, with files that are not owned.
    Foreign,
    /// Set 1, installed after set 0.
    Installed,
    /// The same, then emptied by an operator (`rm -rf msp/*`, which leaves hidden files).
    Emptied,
}

pub(crate) const EVERY_BEFORE: [Before; 4] = [Before::Nothing, Before::Foreign, Before::Installed, Before::Emptied];
pub(crate) const EVERY_LAYOUT: [Placement; 2] = [Placement::Plain, Placement::Mounted];

/// Adds the files of another program.
pub(crate) fn fill_foreign(target: &Path) {
    for (path, mode) in [
        ("keystore/old_sk", 0o600),
        ("signcerts/cert.pem", 0o640),
        ("intermediatecerts/old.pem", 0o644),
        ("admincerts/admin.pem", 0o604),
        ("user/notes", 0o600),
        ("IssuerPublicKey", 0o444),
    ] {
        let path = target.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("foreign {}\n", path.file_name().unwrap().display())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    symlink("admincerts/admin.pem", target.join("link")).unwrap();
    fs::set_permissions(target.join("keystore"), fs::Permissions::from_mode(0o750)).unwrap();
    fs::set_permissions(target, fs::Permissions::from_mode(0o751)).unwrap();
}

pub(crate) fn world(dir: &Path, layout: Placement, before: Before) -> Place {
    let target = dir.canonicalize().unwrap().join("org1").join("msp");
    if layout == Placement::Mounted || before != Before::Nothing {
        fs::create_dir_all(&target).unwrap();
        fs::set_permissions(&target, fs::Permissions::from_mode(0o755)).unwrap();
    }
    if before != Before::Nothing {
        fill_foreign(&target);
    }
    let place = Place::with_layout(&target, layout);
    if matches!(before, Before::Installed | Before::Emptied) {
        put(&Disk::real(), &place, 0).unwrap();
        put(&Disk::real(), &place, 1).unwrap();
    }
    if before == Before::Emptied {
        for entry in fs::read_dir(&target).unwrap().map(|e| e.unwrap().path()) {
            if !entry.file_name().unwrap().to_str().unwrap().starts_with('.') {
                let _ = fs::remove_file(&entry).or_else(|_| fs::remove_dir_all(&entry));
            }
        }
    }
    place
}

/// Path to mode and content (or link target) of all that a reader finds at the target's own path. Dangling links count
/// as missing.
pub(crate) type View = BTreeMap<PathBuf, (u32, String)>;

pub(crate) fn view(target: &Path) -> View {
    let mut seen = View::new();
    if target.exists() {
        seen.insert(PathBuf::new(), (fs::metadata(target).unwrap().mode() & 0o7777, String::new()));
        look(target, target, &mut seen);
    }
    seen
}

fn look(root: &Path, dir: &Path, seen: &mut View) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let own = dir == root && (name.starts_with("..") || name == ".fabcert");
        if own || !path.exists() {
            continue;
        }
        let link = fs::read_link(&path).ok().filter(|to| !to.starts_with("..data"));
        let metadata = fs::metadata(&path).unwrap();
        let content = match link {
            Some(to) => format!("-> {}", to.display()),
            None if metadata.is_dir() => {
                look(root, &path, seen);
                String::from("folder")
            }
            None => fs::read_to_string(&path).unwrap(),
        };
        seen.insert(path.strip_prefix(root).unwrap().to_owned(), (metadata.mode() & 0o7777, content));
    }
}

/// A reader's view after the install of set `n` over `before`.
pub(crate) fn after(layout: Placement, before: Before, n: u32) -> View {
    let dir = scratch();
    let place = world(dir.path(), layout, before);
    put(&Disk::real(), &place, n).unwrap();
    view(place.target())
}

/// Asserts that the set before is the previous one; a first install has none.
pub(crate) fn assert_previous(place: &Place, before: Before, case: &str) {
    let previous = place.previous(&Disk::real()).unwrap();
    let key = match before {
        Before::Nothing => return assert_eq!(previous, None, "{case}"),
        Before::Foreign => "keystore/old_sk",
        Before::Installed => "keystore/1_sk",
        Before::Emptied => return assert!(previous.is_some_and(|p| !p.join("keystore").exists()), "{case}"),
    };
    assert!(previous.is_some_and(|p| p.join(key).is_file() && p.join("signcerts/cert.pem").is_file()), "{case}");
}

/// Asserts that the target has one key and one certificate, and that no leftover of an earlier run exists.
pub(crate) fn assert_tidy(place: &Place) {
    let names = |dir: &Path| -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&place.target().join("keystore")).len(), 1);
    assert_eq!(names(&place.target().join("signcerts")), ["cert.pem"]);
    let state = names(&place.state_dir());
    match place.layout() {
        Placement::Mounted => {
            assert_eq!(state, ["lock"]);
            let sets = names(place.target()).iter().filter(|n| n.starts_with("..set-")).count();
            let hidden: Vec<_> = names(place.target()).into_iter().filter(|n| n.starts_with("..")).collect();
            assert!((1..=2).contains(&sets) && hidden.len() == sets + 1, "{hidden:?}");
            for name in names(place.target()) {
                assert!(place.target().join(&name).exists(), "{name} leads nowhere");
            }
        }
        _ => assert!(state == ["lock"] || state == ["lock", "previous"], "{state:?}"),
    }
}

/// One recorded step of a run.
pub(crate) type Recorded = (Op, PathBuf, When);

/// A disk that does `action` at the fault point number `at`, from 0 (and, if `for_good`, at all that follow), that
/// cannot exchange if `exchange` is `false`, and that records every point.
pub(crate) fn faulty(
    at: usize,
    action: FaultAction,
    for_good: bool,
    exchange: bool,
) -> (Disk, Arc<Mutex<Vec<Recorded>>>) {
    let steps = Arc::new(Mutex::new(Vec::new()));
    let (next, record) = (AtomicUsize::new(0), Arc::clone(&steps));
    let hook = move |step: &Step<'_>| {
        let number = next.fetch_add(1, Ordering::SeqCst);
        record.lock().unwrap().push((step.op, step.path.to_owned(), step.when));
        if number == at || (for_good && number > at) {
            return action;
        }
        if step.op == Op::Exchange && step.when == When::Before && !exchange {
            return FaultAction::Fail(EINVAL);
        }
        FaultAction::Continue
    };
    (Disk::with_faults(Arc::new(hook)), steps)
}

pub(crate) const EIO: i32 = 5;
pub(crate) const EINVAL: i32 = 22;
pub(crate) const ENOSPC: i32 = 28;
pub(crate) const EROFS: i32 = 30;

/// Every fault point of installing set 2 over `before`.
pub(crate) fn record(layout: Placement, before: Before, exchange: bool) -> Vec<Recorded> {
    let dir = scratch();
    let place = world(dir.path(), layout, before);
    let (disk, steps) = faulty(usize::MAX, FaultAction::Continue, false, exchange);
    put(&disk, &place, 2).unwrap();
    let steps = steps.lock().unwrap();
    let base = dir.path().canonicalize().unwrap();
    steps.iter().map(|(op, path, when)| (*op, path.strip_prefix(&base).unwrap().to_owned(), *when)).collect()
}

/// The fault point after which readers see the new set: the last one after a step on the target, or on its `..data`.
pub(crate) fn switch_point(steps: &[Recorded]) -> usize {
    let ends = |path: &Path| path.ends_with("org1/msp") || path.ends_with("..data");
    let switch =
        |(op, path, when): &Recorded| matches!(op, Op::Exchange | Op::Move) && ends(path) && *when == When::After;
    steps.iter().rposition(switch).expect("a step that switches")
}

/// Runs the test `name` of this binary in a process of its own, through the shell `script`, in which it is `"$@"`.
pub(crate) fn child(name: &str, script: &str, env: &[(&str, &str)]) -> Output {
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(program).args(["--exact", name, "--nocapture", "--test-threads=1"]);
    command.envs(env.iter().copied()).output().expect("a shell")
}
