//! Nothing that a command writes leaves the working tree through a symbolic link in it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::audit::scene::Scene;
use crate::command::{Ran, command, tree};

/// A checkout `in` with a TLS folder and links out of it, beside a folder `out` that must not change.
struct Checkout {
    scene: Scene,
}

impl Checkout {
    fn new() -> Self {
        let scene = Scene::new();
        scene.tls_folder("in/peer1/tls", "a", &["a"]);
        scene.write("out/kept", "kept");
        symlink("../out/kept", scene.path("in/link")).unwrap();
        symlink(scene.path("out/new"), scene.path("in/dangling")).unwrap();
        symlink("../out", scene.path("in/folder")).unwrap();
        symlink("link", scene.path("in/twice")).unwrap();
        Self { scene }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.scene.path(path)
    }

    /// Fails unless the command is refused and leaves `out` alone.
    fn refuses(&self, args: &[&str]) {
        let before = tree(&self.path("out"));
        let ran = run_in(&self.path("in"), args);
        assert_eq!(ran.code, 5, "{args:?}: {ran:?}");
        assert!(ran.stderr.contains("leads out of the working tree"), "{args:?}: {ran:?}");
        assert!(ran.stdout.is_empty(), "it is refused before the work: {args:?}: {ran:?}");
        assert!(tree(&self.path("out")) == before, "{args:?} wrote through a link");
    }
}

fn run_in(folder: &Path, args: &[&str]) -> Ran {
    super::ended(command(args, &[]).current_dir(folder), std::time::Duration::from_secs(60))
}

#[test]
fn reports_and_baselines_are_not_written_through_links_out_of_the_checkout() {
    let checkout = Checkout::new();
    for target in ["link", "dangling", "twice", "folder/report", "folder/kept", "peer1/../link"] {
        for form in ["human", "json", "jsonl", "sarif", "junit", "github", "gitlab", "prometheus", "markdown"] {
            checkout.refuses(&["audit", "peer1", "--no-policy", "--format", &format!("{form}={target}")]);
        }
        checkout.refuses(&["audit", "peer1", "--no-policy", "--write-baseline", target]);
    }
}

#[test]
fn other_files_are_not_written_through_links_out_of_the_checkout() {
    let checkout = Checkout::new();
    for target in ["dangling", "folder/new"] {
        checkout.refuses(&["csr", "--id", "a", "--msp-dir", "msp", "--out", target]);
        assert!(!checkout.path("in/msp").exists() && !checkout.path("in/.msp.fabcert").exists(), "no key is made");
    }
    checkout.refuses(&["man", "folder"]);
    checkout.refuses(&["man", "folder/man1"]);
    let render = ["render", "--org", "org1", "--namespace", "n", "--ca-url", "https://ca", "--fabcert-image", "r/f"];
    checkout.refuses(&[&render[..], &["--out", "folder"]].concat());
    checkout.refuses(&[&render[..], &["--out", "folder/k8s", "--force"]].concat());
    symlink("../out/kept", checkout.path("in/org1-gateway.yaml")).unwrap();
    checkout.refuses(&[&render[..], &["--out", ".", "--force"]].concat());
    // The names in a first policy are relative to it.
    let init = run_in(&checkout.path("in"), &["audit", "peer1", "--init", "--policy", "folder/new.yaml"]);
    assert_eq!((init.code, checkout.path("out/new.yaml").exists()), (4, false), "{init:?}");
    symlink(checkout.path("out/policy"), checkout.path("in/fabcert.yaml")).unwrap();
    let init = run_in(&checkout.path("in"), &["audit", "peer1", "--init"]);
    assert_eq!((init.code, checkout.path("out/policy").exists()), (4, false), "{init:?}");
}

#[test]
fn the_tree_is_the_repository_the_working_directory_or_the_audited_folder() {
    let checkout = Checkout::new();
    // A link to another folder of the repository stays in the tree.
    fs::create_dir_all(checkout.path("in/.git")).unwrap();
    fs::create_dir_all(checkout.path("in/deep/er")).unwrap();
    fs::create_dir_all(checkout.path("in/reports")).unwrap();
    symlink("../../reports", checkout.path("in/deep/er/reports")).unwrap();
    let ran = run_in(
        &checkout.path("in/deep/er"),
        &["audit", "../../peer1", "--no-policy", "--format", "json=reports/a.json"],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(checkout.path("in/reports/a.json").is_file());
    fs::remove_dir(checkout.path("in/.git")).unwrap();
    // Neither the working directory nor a repository, but what is audited.
    let (peer, link) = (checkout.path("in").display().to_string(), checkout.path("in/link").display().to_string());
    let ran = run_in(Path::new("/usr"), &["audit", &peer, "--no-policy", "--format", &format!("json={link}")]);
    assert_eq!(ran.code, 5, "{ran:?}");
    assert_eq!(fs::read(checkout.path("out/kept")).unwrap(), b"kept");
}

#[test]
fn links_of_the_user_and_streams_are_written_to() {
    let checkout = Checkout::new();
    // A link outside the tree is not the repository's.
    symlink("out", checkout.path("reports")).unwrap();
    let to = format!("json={}", checkout.path("reports/a.json").display());
    let ran = run_in(&checkout.path("in"), &["audit", "peer1", "--no-policy", "--format", &to]);
    assert_eq!((ran.code, checkout.path("out/a.json").is_file()), (0, true), "{ran:?}");
    for stream in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        let to = format!("json={stream}");
        let ran = run_in(&checkout.path("in"), &["audit", "peer1", "--no-policy", "--format", &to]);
        assert_eq!((ran.code, ran.json()["schema_version"].as_u64()), (0, Some(1)), "{stream}: {ran:?}");
    }
    let ran = run_in(&checkout.path("in"), &["audit", "peer1", "--no-policy", "--format", "json=/dev/null"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_hard_link_to_a_foreign_file_is_replaced_and_the_file_is_not_changed() {
    let checkout = Checkout::new();
    fs::hard_link(checkout.path("out/kept"), checkout.path("in/hard")).unwrap();
    let ran = run_in(&checkout.path("in"), &["audit", "peer1", "--no-policy", "--format", "json=hard"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(fs::read(checkout.path("out/kept")).unwrap(), b"kept");
}
