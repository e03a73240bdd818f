//! Restarts by a signal, under the Lease of the gateway.

use serde_json::{Value, json};

use super::gateway::{Gateway, Member};

const LEASES: &str = "/apis/coordination.k8s.io/v1";
const LEASE: &str = "leases/turns";

const SIGNAL: [&str; 6] = ["--restart", "signal", "--signal", "{dir}/pid:TERM", "--restart-lease", "turns"];

fn holder(gateway: &Gateway) -> Value {
    gateway.namespace.request("GET", (LEASES, LEASE), None).1["spec"]["holderIdentity"].clone()
}

#[test]
fn members_due_at_once_are_signalled_one_by_one() {
    let Some(mut gateway) = Gateway::start("signal", 3, &SIGNAL) else { return };
    gateway.start_agents();
    gateway.until("each runs with its new certificate, and nobody holds the Lease", |gateway| {
        gateway.members.iter().all(Member::has_new) && holder(gateway).is_null()
    });
    assert_eq!(gateway.most_down, 1);
    assert!(gateway.members.iter().all(|member| member.restarts == 1));
}

/// The holder was killed before it was back; its Lease says a time that is this many minutes from now. Only renewals that this process
/// sees count.
fn a_holder_is_replaced_when_it_is_back(name: &str, minutes: i64) {
    let Some(mut gateway) = Gateway::start(name, 2, &SIGNAL) else { return };
    let uid = gateway.pod("org1-peer2")["metadata"]["uid"].as_str().unwrap().to_owned();
    let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    let at = fabcert::Timestamp::from_unix(now + minutes * 60).rfc3339().replace('Z', ".000000Z");
    let lease = json!({
        "metadata": {"name": "turns"},
        "spec": {"holderIdentity": format!("pod/org1-peer2/{uid}"), "leaseDurationSeconds": 12, "renewTime": at},
    });
    assert_eq!(gateway.namespace.request("POST", (LEASES, "leases"), Some(&lease)).0, 201);
    gateway.set_ready_by_name("org1-peer2", false);
    gateway.start_agent(0);
    gateway.until("it watches", |gateway| gateway.members[0].log().contains("watching "));
    gateway.renew();
    gateway.until("the first one waits for the turn of the other one", |gateway| {
        gateway.events("org1-peer1").contains("has its turn (Lease turns)")
    });
    gateway.until("the first one sees that the other one is not back", |gateway| {
        gateway.events("org1-peer1").contains("was restarted and is not back (Lease turns)")
    });
    assert_eq!(gateway.members[0].restarts, 0, "{}", gateway.members[0].log());
    gateway.set_ready_by_name("org1-peer2", true);
    gateway.until("the first one takes over, and gives the turn to the next", |gateway| {
        gateway.members[0].has_new() && holder(gateway).is_null()
    });
    assert_eq!(gateway.members[0].restarts, 1, "{}", gateway.members[0].log());
}

#[test]
fn a_killed_holder_whose_clock_is_behind_is_replaced_when_it_is_back() {
    a_holder_is_replaced_when_it_is_back("behind", -10);
}

#[test]
fn a_killed_holder_whose_clock_is_ahead_is_replaced_when_it_is_back() {
    a_holder_is_replaced_when_it_is_back("ahead", 10);
}
