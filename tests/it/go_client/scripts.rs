//! Whole scripts in the shape of public ones (`testdata/go_client/scripts`), by both programs at the same CA, and again by fabcert
//! over the files of its first run.

use super::scene::{Done, Program, Scene};
use crate::command::tree;
use crate::real::RealCa;

const ORGANISATIONS: &str = "org1 org2 orderer org3";

/// Runs a script; `again` where its identities and folders are there already.
fn run(scene: &Scene, script: &str, organisations: &str, again: bool, program: Program) -> Done {
    let again = if again { "1" } else { "" };
    let variables = [("CA", "@T@"), ("CERT", "@CA@"), ("S", "@P@"), ("ORGS", organisations), ("AGAIN", again)];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let done = scene.run(script, &variables, &scene.folder("script", program), program);
    assert_eq!(done.code, 0, "{program:?}\n{}", done.stderr);
    done
}

/// The material of both programs is the same, and fabcert's next run leaves files of the same names and kinds.
fn check(scene: &Scene, script: &str) {
    let [go, fabcert] = Program::BOTH.map(|program| run(scene, script, ORGANISATIONS, false, program));
    assert_eq!(fabcert.stdout, go.stdout);
    assert_same(&fabcert, &go);
    // A folder of `getcainfo`, without a certificate, is not a folder with a broken one.
    assert!(!fabcert.stderr.contains("cannot be read"), "{}", fabcert.stderr);
    let again = run(scene, script, ORGANISATIONS, true, Program::Fabcert);
    assert_same(&again, &fabcert);
    // An id is public, also where the secret begins with it.
    assert!(again.stderr.matches("' is already registered").count() > 0, "{}", again.stderr);
    assert!(!again.stderr.contains("Identity '[redacted]"), "{}", again.stderr);
}

fn assert_same(found: &Done, expected: &Done) {
    for (path, says) in &expected.files {
        assert_eq!(found.files.get(path), Some(says), "{path}");
    }
    let new: Vec<_> = found.files.keys().filter(|path| !expected.files.contains_key(*path)).collect();
    assert!(new.is_empty(), "{new:?}");
}

fn with_organisations() -> Option<Scene> {
    Scene::with(RealCa::builder().also_named("ca-org2").also_named("ca-orderer").also_named("ca-org3"))
}

#[test]
fn four_organisations_of_a_test_network() {
    let Some(scene) = with_organisations() else { return };
    check(&scene, include_str!("../../../testdata/go_client/scripts/test_network.sh"));
}

#[test]
fn nodes_on_kubernetes() {
    let Some(scene) = Scene::start() else { return };
    check(&scene, include_str!("../../../testdata/go_client/scripts/kubernetes.sh"));
}

#[test]
fn folders_with_the_names_of_cryptogen() {
    let Some(scene) = with_organisations() else { return };
    check(&scene, include_str!("../../../testdata/go_client/scripts/one_server.sh"));
}

#[test]
fn homes_that_are_copied_from() {
    let Some(scene) = Scene::start() else { return };
    check(&scene, include_str!("../../../testdata/go_client/scripts/generated.sh"));
}

/// The network is taken down, and the CAs come up with new keys.
#[test]
fn folders_of_cas_that_are_no_more() {
    let script = include_str!("../../../testdata/go_client/scripts/test_network.sh");
    let Some(before) = with_organisations() else { return };
    let first = run(&before, script, "org1 orderer", false, Program::Fabcert);
    let port = before.port();
    let Some(after) = with_organisations() else { return };
    let target = after.folder("script", Program::Fabcert);
    std::fs::remove_dir_all(&target).unwrap();
    std::fs::rename(before.folder("script", Program::Fabcert), &target).unwrap();
    // A network that comes up again has its ports.
    let organisations = ["peerOrganizations/org1.example.com", "ordererOrganizations/example.com"];
    for file in organisations.map(|home| target.join("organizations").join(home).join("fabric-ca-client-config.yaml")) {
        let text = std::fs::read_to_string(&file).unwrap().replace(&port, &after.port());
        std::fs::write(&file, text).unwrap();
    }
    let second = run(&after, script, "org1 orderer", false, Program::Fabcert);
    let root = before.root_pem();
    let is_state = |path: &str| path.split('/').any(|part| part.ends_with(".fabcert"));
    let old: Vec<_> = tree(&target)
        .into_iter()
        .filter(|(path, (_, bytes))| !is_state(path) && String::from_utf8_lossy(bytes).contains(root.trim()))
        .map(|(path, _)| path)
        .collect();
    assert!(old.is_empty(), "the CA of before: {old:?}");
    assert!(second.files.len() >= first.files.len());
}
