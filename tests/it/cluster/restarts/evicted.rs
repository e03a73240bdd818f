//! Restarts by the Eviction API.

use serde_json::json;

use super::gateway::{Gateway, Member};
use crate::cluster::outage::Way;

#[test]
fn five_members_due_at_once_are_evicted_one_by_one() {
    let Some(mut gateway) = Gateway::start("evict", 5, &["--restart", "evict"]) else { return };
    gateway.budget("maxUnavailable", 1);
    gateway.tick();
    gateway.start_agents();
    let is_done = |gateway: &Gateway| {
        let passed = |log: &str| log.contains("the hooks passed for the new certificate");
        gateway.members.iter().all(|member| member.has_new() && passed(&member.log()))
    };
    gateway.until("each runs with its new certificate", is_done);
    assert_eq!(gateway.most_down, 1);
    for member in &gateway.members {
        assert_eq!(member.restarts, 1, "{}: {}", member.name, member.log());
        let events = gateway.events(&member.name);
        assert!(events.contains("RestartPassed"), "{events}");
    }
}

/// The rest wait for it, and say so.
#[test]
fn a_member_that_does_not_come_back_stops_the_others() {
    let Some(mut gateway) = Gateway::start("not-back", 3, &["--restart", "evict", "--served-within", "3s"]) else {
        return;
    };
    gateway.budget("maxUnavailable", 1);
    gateway.tick();
    gateway.members.iter_mut().for_each(|member| member.returns = false);
    gateway.start_agents();
    let count = |gateway: &Gateway, word: &str| {
        gateway.members.iter().filter(|member| gateway.events(&member.name).contains(word)).count()
    };
    gateway.until("two wait, and the third one's agent says that it is not back", |gateway| {
        count(gateway, "RestartWaits") >= 2 && count(gateway, "RestartStopped") == 1
    });
    let waits = gateway.members.iter().find(|member| member.restarts == 0).unwrap();
    let events = gateway.events(&waits.name);
    assert!(events.contains("the PodDisruptionBudget not-back/org1-peers lets no member go now"), "{events}");
    let metric = |name: &str| format!("fabcert_{name}{{id=\"{}\"}}", waits.name);
    let metrics = waits.metrics();
    assert!(metrics.contains(&format!("{} 1", metric("restart_waiting"))), "{metrics}");
    assert!(metrics.contains(&format!("{} 0", metric("restart_stopped"))), "{metrics}");
    let down = gateway.members.iter().find(|member| member.restarts == 1).unwrap();
    let metrics = down.metrics();
    assert!(metrics.contains(&format!("fabcert_restart_stopped{{id=\"{}\"}} 1", down.name)), "{metrics}");
    assert!(gateway.events(&down.name).contains("the node was restarted and is not back"));
    // As the budget allows it once the member is back.
    gateway.members.iter_mut().for_each(|member| member.returns = true);
    gateway.until("all run with their new certificates", |gateway| gateway.members.iter().all(Member::has_new));
    assert_eq!(gateway.most_down, 1);
    assert!(gateway.members.iter().all(|member| member.restarts == 1));
}

/// The API server goes away when the certificate is new, and comes back.
#[test]
fn an_outage_of_the_api_server_delays_the_restart() {
    let Some(mut gateway) = Gateway::start("evict-outage", 1, &["--restart", "evict"]) else { return };
    gateway.budget("maxUnavailable", 1);
    gateway.tick();
    let way = Way::to(gateway.namespace.port());
    let kubeconfig = gateway.namespace.kubeconfig_at(&format!("https://127.0.0.1:{}", way.port), "admin-token");
    gateway.start_agent_with(0, &kubeconfig);
    gateway.until("it watches", |gateway| gateway.members[0].log().contains("watching "));
    way.set(false);
    gateway.renew();
    gateway.until("it cannot be reached", |gateway| {
        gateway.members[0].log().contains("the restart fails: cannot read the Pod")
    });
    let metrics = gateway.members[0].metrics();
    assert!(metrics.contains("fabcert_restart_waiting{id=\"org1-peer1\"} 1"), "{metrics}");
    assert!(metrics.contains("fabcert_restart_stopped{id=\"org1-peer1\"} 0"), "{metrics}");
    way.set(true);
    gateway.until("the node has the new certificate", |gateway| gateway.members[0].has_new());
    gateway.until("that is proven", |gateway| gateway.events("org1-peer1").contains("RestartPassed"));
    assert_eq!(gateway.members[0].restarts, 1);
}

/// Before any request to the CA.
#[test]
fn a_budget_that_lets_two_go_is_refused_at_the_start() {
    let Some(mut gateway) = Gateway::start("loose", 3, &["--restart", "evict"]) else { return };
    let kubeconfig = gateway.namespace.kubeconfig("admin-token");
    let refused = |gateway: &Gateway| {
        let output = gateway.agent("org1-peer1", &kubeconfig).output().unwrap();
        assert_eq!(output.status.code(), Some(4), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let absent = refused(&gateway);
    for line in
        ["no PodDisruptionBudget of the namespace loose selects the pod", "  maxUnavailable: 1", "      org: \"org1\""]
    {
        assert!(absent.contains(line), "{absent}");
    }
    gateway.budget("minAvailable", 1);
    gateway.tick();
    let loose = refused(&gateway);
    assert!(loose.contains("minAvailable: 1 lets 2 of 3 pods go at once"), "{loose}");
    assert!(loose.contains("kubectl patch pdb org1-peers -n loose"), "{loose}");
    let pod = gateway.agent("org1-peer1", &kubeconfig).env("POD_NAME", "org1-peer9").output().unwrap();
    assert_eq!(pod.status.code(), Some(4), "{pod:?}");
}

#[test]
fn a_missing_right_is_named() {
    let Some(gateway) = Gateway::start("rights", 1, &["--restart", "evict"]) else { return };
    let kubeconfig = gateway.namespace.kubeconfig("few-token");
    let refused = |right: &str| {
        let output = gateway.agent("org1-peer1", &kubeconfig).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(4), "{text}");
        assert!(text.contains(&format!("a Role in the namespace rights must allow {right}")), "{text}");
    };
    refused("get of pods");
    gateway.allow_few(&json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]));
    refused("list of poddisruptionbudgets.policy");
}

/// What the documentation says that a Role needs is enough, and the right to evict is asked for by name.
#[test]
fn the_documented_role_is_enough() {
    let Some(mut gateway) = Gateway::start("evict-role", 1, &["--restart", "evict"]) else { return };
    gateway.budget("maxUnavailable", 1);
    gateway.tick();
    gateway.allow_few(&json!([
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]},
        {"apiGroups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": ["list"]},
        {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create"]},
    ]));
    let kubeconfig = gateway.namespace.kubeconfig("few-token");
    gateway.start_agent_with(0, &kubeconfig);
    gateway.until("it watches", |gateway| gateway.members[0].log().contains("watching "));
    gateway.renew();
    gateway.until("it says what is missing", |gateway| {
        gateway.members[0].log().contains("a Role in the namespace evict-role must allow create of pods/eviction")
    });
    gateway.allow_few(&json!([{"apiGroups": [""], "resources": ["pods/eviction"], "verbs": ["create"]}]));
    gateway.look_again(0);
    gateway.until("it is evicted", |gateway| gateway.members[0].has_new());
}
