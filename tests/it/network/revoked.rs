//! A revoked identity: an orderer refuses it once the channel has the CRL, and a peer once its MSP folder has it.

use super::as_client;
use super::orderer::{CHANNEL, Ordering};
use super::peer::{Gateway, PEERS};
use crate::command::fabcert;
use crate::enroll::scene::text;

#[test]
fn an_orderer_refuses_a_client_once_the_channel_has_the_list() {
    let Some(ordering) = Ordering::new() else { return };
    let organisation = &ordering.organisation;
    organisation.enroll("user1", "client", &["localhost"]);
    let (block, update) = (text(&ordering.block()), ordering.path("update.pb"));
    let mut node = ordering.start();
    ordering.admin("join", &["--channelID", CHANNEL, "--config-block", &block]).unwrap();
    assert_eq!(ordering.relation(&mut node), "consenter");

    let address = format!("localhost:{}", ordering.port.number());
    let (root, config, fetched) =
        (ordering.path("orderer1/tls/ca.crt"), ordering.path("config"), ordering.path("fetched.block"));
    // `peer` wants a configuration of its own, of which it needs nothing here.
    organisation.write("config/core.yaml", "peer: {BCCSP: {Default: SW, SW: {Hash: SHA2, Security: 256}}}\n");
    let orderer = ["-c", CHANNEL, "-o", &address, "--tls", "--cafile", &root];
    let run = |id: &str, args: &[&str]| {
        let (succeeded, printed) =
            as_client(organisation, (id, "OrdererMSP"), (&address, &root, &config), &[args, &orderer].concat())
                .unwrap();
        (succeeded, printed)
    };
    let fetch = |id: &str| run(id, &["channel", "fetch", "config", &fetched]);
    // The orderer serves the channel once it is its leader.
    node.wait_for("the channel", || fetch("user1").0.then_some(()));

    let ran = organisation.ca(&["revoke", "user1"], &["--reason", "keycompromise"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let into = ["--into", &block, "--msp", "OrdererMSP", "--out", &update];
    let ran = organisation.ca(&["crl"], &into);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("Application/OrdererOrg and Orderer/OrdererOrg"), "{ran:?}");
    assert!(fetch("user1").0, "the channel does not know the list");

    // A signed update is not replaced.
    let sign = ["channel", "signconfigtx", "-f", &update];
    let (succeeded, printed) =
        as_client(organisation, ("admin1", "OrdererMSP"), (&address, &root, &config), &sign).unwrap();
    assert!(succeeded, "{printed}");
    let ran = organisation.ca(&["crl"], &into);
    assert!(ran.code == 4 && ran.stderr.contains("holds a signed update"), "{ran:?}");
    let (succeeded, printed) = run("admin1", &["channel", "update", "-f", &update]);
    assert!(succeeded, "{printed}");
    node.wait_for("the update", || {
        let (succeeded, printed) = fetch("user1");
        (!succeeded).then(|| assert!(printed.contains("FORBIDDEN"), "{printed}"))
    });
    let (succeeded, printed) = fetch("admin1");
    assert!(succeeded, "{printed}");
    let seen = fabcert(&["inspect", &fetched, "--output", "json"], None);
    let leaf = std::fs::read(organisation.path("user1/msp/signcerts/cert.pem")).unwrap();
    let serial = fabcert::pki::x509::Cert::all_from_pem(&leaf).unwrap()[0].serial_hex();
    assert!(seen.stdout.contains(&serial), "{seen:?}");
    let other = ordering.path("other.pb");
    let ran = organisation.ca(&["crl"], &["--into", &fetched, "--msp", "Org9MSP", "--out", &other]);
    assert!(ran.code == 4 && ran.stderr.contains("it has OrdererMSP"), "{ran:?}");
}

#[test]
fn a_peer_refuses_a_client_once_its_folder_has_the_list() {
    let Some(gateway) = Gateway::new() else { return };
    let Some((_balancer, _)) = gateway.balancer() else { return };
    let organisation = &gateway.organisation;
    organisation.enroll("user1", "client", &["localhost"]);
    organisation.enroll("user2", "client", &["localhost"]);
    let peer = PEERS[0];
    gateway.start(peer);
    let address = format!("localhost:{}", gateway.ports[0].number());
    let path = |relative: &str| text(&organisation.path(&format!("{peer}/{relative}")));
    let (root, config) = (path("tls/ca.crt"), path(""));
    let list =
        |id: &str| as_client(organisation, (id, "Org1MSP"), (&address, &root, &config), &["channel", "list"]).unwrap();
    let (succeeded, printed) = list("user1");
    assert!(succeeded, "{printed}");

    let ran = organisation.ca(&["revoke", "user1"], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let ran = organisation.ca(&["crl"], &["--out", &path("msp/crls/org1-ca.pem")]);
    assert_eq!(ran.code, 0, "{ran:?}");
    gateway.start(peer);
    let (succeeded, printed) = list("user1");
    assert!(!succeeded && printed.contains("access denied"), "{printed}");
    let (succeeded, printed) = list("user2");
    assert!(succeeded, "{printed}");
}
