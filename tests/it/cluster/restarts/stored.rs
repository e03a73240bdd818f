//! Restarts of a node whose identity is in Secrets.

use super::gateway::Gateway;

/// The next pod goes on from the Secrets: one restart for the certificate, and it passes there.
#[test]
fn a_node_with_its_identity_in_secrets_is_evicted_once() {
    let Some(mut gateway) = Gateway::start_in_secrets("evicted-secrets", &["--restart", "evict"]) else { return };
    gateway.budget("maxUnavailable", 1);
    gateway.tick();
    gateway.start_agents();
    gateway.until("the agent of the new pod has the proof", |gateway| {
        gateway.members[0].has_new() && gateway.members[0].log().contains("the hooks passed for the new certificate")
    });
    assert_eq!(gateway.members[0].restarts, 1, "{}", gateway.members[0].log());
    let state = gateway.namespace.secret("org1-peer1-fabcert").unwrap();
    assert!(state["data"]["msp.hooks.json"].is_string(), "{state}");
}
