//! What else happens while a root CA is being replaced: other enrolments, agents, and folders of other forms.

use fabcert::devca::FormerRoot;

use super::rollover::IDS;
use super::{Organisation, a_day_later, actions};
use crate::agent::{Agent, age};
use crate::command::fabcert;
use crate::enroll::on_the_dev_ca::DevCaUnderTest;
use crate::enroll::scene::text;
use crate::real::{CaUnderTest, Registration};

/// Starts a CA with this state file, and with a new root if `former` says what becomes of the one before.
fn start(state: &std::path::Path, port: u16, former: Option<FormerRoot>) -> DevCaUnderTest {
    DevCaUnderTest::start(
        |c| {
            c.state = Some(state.to_owned());
            c.listen.set_port(port);
            c.new_root = former;
        },
        None,
    )
}

fn write_root(peers: &Organisation<'_>, ca: &DevCaUnderTest) -> String {
    let path = peers.dir.path().join("new.pem");
    std::fs::write(&path, ca.running.root_pem()).unwrap();
    text(&path)
}

/// A CA that knows no certificate of the old one: each identity enrols with its secret, once the phase `reissue` was run.
#[test]
fn an_enrolment_at_the_new_ca_waits_for_the_phase_reissue() {
    let folder = tempfile::tempdir().unwrap();
    let old = start(&folder.path().join("old.json"), 0, None);
    let peers = Organisation::with_peers(&old, &IDS[..1]);
    let new = start(&folder.path().join("new.json"), 0, None);
    new.register(&Registration::peer("peer1", "pw"));
    let new_root = write_root(&peers, &new);
    assert_eq!(peers.rollover(&["--new-root", &new_root]).code, 0);
    age(&peers.root().join("peer1"), 2000);
    let (url, anchor) = (new.url(), text(new.tls_anchor()));
    let (msp, tls) = (text(&peers.folder("peer1", "msp")), text(&peers.folder("peer1", "tls")));
    let enrol = || {
        let args =
            ["enroll", "--url", &url, "--tls-ca", &anchor, "--id", "peer1", "--msp-dir", &msp, "--tls-dir", &tls];
        fabcert(&[&args[..], &["--san", "peer1", "--san", "gateway", "--output", "json"]].concat(), Some("pw"))
    };
    let early = enrol();
    assert!(early.code == 4 && early.json()["error"].to_string().contains("the renewal waits"), "{early:?}");
    assert_eq!((new.count("enroll"), new.count("reenroll")), (0, 0), "{early:?}");
    let at = ["--url", url.as_str(), "--tls-ca", &anchor];
    let refused = peers.rollover(&at);
    assert_eq!((refused.code, refused.json()["phase"].as_str()), (4, Some("reissue")), "{refused:?}");
    let error = refused.json()["folders"][0]["error"]["message"].to_string();
    assert!(error.contains("takes only certificates that"), "{refused:?}");
    let enrolled = enrol();
    assert_eq!(enrolled.code, 0, "{enrolled:?}");
    assert_eq!(peers.states(&[]), ["drop both new"; 2]);
    assert_eq!(peers.rollover(&[]).code, 0);
    peers.is_over(&old.running.root_pem());
}

/// A running agent sends nothing before its turn, issues again then, and nothing after.
#[test]
fn an_agent_issues_again_at_its_turn() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    let old = start(&state, 0, None);
    let (old_root, url) = (old.running.root_pem(), old.url());
    let peers = Organisation::with_peers(&old, &IDS[..2]);
    let (anchor, dir) = (text(&peers.anchor()), peers.dir.path().to_owned());
    let (msp, tls) = (text(&peers.folder("peer2", "msp")), text(&peers.folder("peer2", "tls")));
    let args = ["--url", &url, "--tls-ca", &anchor, "--id", "peer2", "--role", "peer", "--msp-dir", &msp];
    let args = [&args[..], &["--tls-dir", &tls, "--san", "peer2", "--san", "gateway"]].concat();
    let mut agent = Agent::start(&dir, &args, Some("pw"));
    agent.until_it_watches();
    // The CA starts again with a new root, at the same URL.
    let Organisation { dir, .. } = peers;
    drop(old);
    let port = url.rsplit(':').next().unwrap().parse().unwrap();
    let new = start(&state, port, Some(FormerRoot::InChain));
    assert_eq!(new.url(), url);
    let peers = Organisation { ca: &new, dir };
    std::fs::copy(new.tls_anchor(), peers.anchor()).unwrap();
    let looks = |agent: &mut Agent| {
        let before = agent.log().matches("SIGHUP").count();
        agent.signal("-HUP");
        agent.until("it looks again", |log| log.matches("SIGHUP").count() > before);
    };
    assert_eq!(peers.rollover(&["--new-root", &write_root(&peers, &new)]).code, 0);
    looks(&mut agent);
    let ran = peers.rollover(&[]);
    assert_eq!((ran.code, ran.json()["phase"].as_str()), (0, Some("reissue")), "{ran:?}");
    assert_eq!(peers.states(&[]), ["drop both new", "drop both new", "reissue both old", "reissue both old"]);
    looks(&mut agent);
    assert_eq!(new.count("reenroll"), 2, "{}", agent.log());
    super::on_the_dev_ca::turn_now(&peers, "peer2");
    agent.signal("-HUP");
    agent.until("it issues again", |_| {
        let states = peers.states(&[]);
        states[2..] == ["drop both new"; 2]
    });
    assert_eq!(new.count("reenroll"), 4, "{}", agent.log());
    let ran = peers.rollover(&[]);
    assert_eq!((ran.code, ran.json()["phase"].as_str()), (0, Some("drop")), "{ran:?}");
    peers.is_over(&old_root);
    looks(&mut agent);
    let unchanged = peers.renew(&[]);
    assert_eq!((unchanged.code, actions(&unchanged)), (0, vec!["unchanged".to_owned(); 2]), "{unchanged:?}");
    assert_eq!(new.count("reenroll"), 4, "{}", agent.log());
}

/// Orderers take turns although they share no name, and a TLS folder of an MSP's shape has its phases like another.
#[test]
fn orderers_take_turns_and_folders_of_an_msps_shape_are_changed() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    let old = start(&state, 0, None);
    let (url, anchor) = (old.url(), text(old.tls_anchor()));
    let orderers = Organisation { ca: &old, dir: tempfile::tempdir().unwrap() };
    for id in ["orderer1", "orderer2"] {
        old.register(&Registration { kind: "orderer", ..Registration::peer(id, "pw") });
        let at = ["enroll", "--url", &url, "--tls-ca", &anchor, "--id", id, "--san", id, "--msp-dir"];
        for (name, more) in [("msp", &[][..]), ("tls", &["--profile", "tls"][..])] {
            let ran = fabcert(&[&at[..], &[&text(&orderers.folder(id, name))], more].concat(), Some("pw"));
            assert_eq!(ran.code, 0, "{ran:?}");
        }
    }
    let new = start(&state, 0, Some(FormerRoot::InChain));
    let new_root = write_root(&orderers, &new);
    let ran = orderers.rollover(&["--new-root", &new_root]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let certs = |id: &str, folder: &str| {
        let files = std::fs::read_dir(orderers.folder(id, "tls").join(folder)).unwrap();
        files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((certs("orderer1", "tlscacerts").len(), certs("orderer1", "cacerts").len()), (2, 0));
    let (url, anchor) = (new.url(), text(new.tls_anchor()));
    for done in [&["orderer1"][..], &["orderer1", "orderer2"]] {
        let ran = orderers.rollover(&["--url", &url, "--tls-ca", &anchor]);
        assert_eq!((ran.code, ran.json()["next_at"].is_string()), (0, done.len() == 1), "{ran:?}");
        let mut expected = vec!["drop both new"; 2 * done.len()];
        expected.resize(4, "reissue both old");
        assert_eq!(orderers.states(&[]), expected);
        a_day_later(&orderers.root());
    }
    let ran = orderers.rollover(&[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(certs("orderer1", "tlscacerts"), [new.running.root_pem()]);
    orderers.is_over(&old.running.root_pem());
}

/// A folder whose CA is not known has its own error, and the others are changed.
#[test]
fn an_error_is_shown_at_its_folder_and_stops_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    let old = start(&state, 0, None);
    let peers = Organisation::with_peers(&old, &IDS[..2]);
    let new = start(&state, 0, Some(FormerRoot::InChain));
    let new_root = write_root(&peers, &new);
    std::fs::remove_file(peers.root().join("peer1/.tls.fabcert/record.json")).unwrap();
    std::fs::remove_file(peers.root().join("peer1/.msp.fabcert/record.json")).unwrap();
    let ran = peers.rollover(&["--new-root", &new_root]);
    assert_eq!(ran.code, 4, "{ran:?}");
    for row in &ran.json()["folders"].as_array().unwrap()[..2] {
        assert!(row["error"]["message"].as_str().unwrap().contains("is not known"), "{row}");
    }
    assert_eq!(
        peers.states(&["--new-root", &new_root]),
        ["trust old old", "trust old old", "reissue both old", "reissue both old"]
    );
    // The URL is given for the folders that have no record.
    let (url, anchor) = (old.url(), text(old.tls_anchor()));
    let ran = peers.rollover(&["--url", &url, "--tls-ca", &anchor]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(peers.states(&[]), ["reissue both old"; 4]);
}

/// An answer of the new root that came before any folder trusted it is installed when its turn has come, and not before.
#[test]
fn a_kept_answer_of_the_new_root_waits_for_the_phase_reissue() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    let old = start(&state, 0, None);
    let (old_root, url) = (old.running.root_pem(), old.url());
    let Organisation { dir, .. } = Organisation::with_peers(&old, &IDS[..1]);
    drop(old);
    let new = start(&state, url.rsplit(':').next().unwrap().parse().unwrap(), Some(FormerRoot::InChain));
    let peers = Organisation { ca: &new, dir };
    // With both roots as anchors nothing shows before the answer that the root is a new one.
    let anchors = old_root.clone() + &std::fs::read_to_string(new.tls_anchor()).unwrap();
    std::fs::write(peers.anchor(), anchors).unwrap();
    peers.age("peer1", "msp", 2000);
    let refused = peers.renew(&[]);
    assert_eq!((refused.code, new.count("reenroll")), (8, 1), "{refused:?}");
    assert_eq!(peers.rollover(&["--new-root", &write_root(&peers, &new)]).code, 0);
    for _ in 0..2 {
        let early = peers.renew(&[]);
        let error = early.json()["identities"][0]["error"]["message"].to_string();
        assert!(early.code == 8 && error.contains("may not trust that root yet"), "{early:?}");
        assert_eq!(peers.states(&[]), ["reissue both old"; 2]);
    }
    assert_eq!(new.count("reenroll"), 1);
    let ran = peers.rollover(&[]);
    assert_eq!((ran.code, peers.states(&[])), (0, vec!["drop both new".to_owned(); 2]), "{ran:?}");
    assert_eq!(new.count("reenroll"), 2, "the kept answer, and one for the other folder");
    assert_eq!(peers.rollover(&[]).code, 0);
    peers.is_over(&old_root);
}

/// A member of a gateway that cannot be renewed does not keep the others waiting, and is tried again after them.
#[test]
fn a_member_that_fails_goes_to_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    let old = start(&state, 0, None);
    let peers = Organisation::with_peers(&old, &IDS);
    let new = start(&state, 0, Some(FormerRoot::InChain));
    assert_eq!(peers.rollover(&["--new-root", &write_root(&peers, &new)]).code, 0);
    new.revoke("peer1");
    let (url, anchor) = (new.url(), text(new.tls_anchor()));
    let reissue = || peers.rollover(&["--url", &url, "--tls-ca", &anchor]);
    let note = |id: &str| {
        let path = peers.root().join(id).join(".tls.fabcert/overlap.json");
        let json: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        json["reissue_at"].as_i64().unwrap()
    };
    let phases = || -> Vec<String> {
        let states = peers.states(&[]);
        states.iter().step_by(2).map(|state| state.split(' ').next().unwrap().to_owned()).collect()
    };
    let ran = reissue();
    assert_eq!((ran.code, phases()), (7, ["reissue", "drop", "reissue"].map(str::to_owned).to_vec()), "{ran:?}");
    let turn = note("peer3");
    assert!(note("peer1") > turn);
    // A run in between changes no turn.
    let ran = reissue();
    assert_eq!((ran.code, note("peer3"), phases()[2].as_str()), (0, turn, "reissue"), "{ran:?}");
    a_day_later(&peers.root());
    let ran = reissue();
    assert_eq!((ran.code, phases()), (0, ["reissue", "drop", "drop"].map(str::to_owned).to_vec()), "{ran:?}");
    a_day_later(&peers.root());
    let ran = reissue();
    assert_eq!((ran.code, ran.json()["folders"][0]["error"]["exit_code"].as_i64()), (7, Some(7)), "{ran:?}");
    // Alone, it waits for nobody.
    assert!(ran.json()["next_at"].is_null(), "{ran:?}");
}
