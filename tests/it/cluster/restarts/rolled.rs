//! Restarts by an annotation of a workload's template.

use serde_json::{Value, json};

use super::gateway::{Gateway, Member};

const APPS: &str = "/apis/apps/v1";

fn deployment(gateway: &Gateway) -> Value {
    gateway.namespace.request("GET", (APPS, "deployments/org1-peer1"), None).1
}

/// What the controller of Deployments says of a rollout that is done.
fn roll_out(gateway: &Gateway) {
    let generation = deployment(gateway)["metadata"]["generation"].clone();
    let status = json!({"status": {
        "observedGeneration": generation, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1,
    }});
    let (status, answer) = gateway.namespace.request("MERGE", (APPS, "deployments/org1-peer1/status"), Some(&status));
    assert_eq!(status, 200, "{answer}");
}

#[test]
fn the_template_is_changed_once_for_a_certificate() {
    let more = ["--restart", "template", "--restart-workload", "deployment/org1-peer1", "--restart-lease", "turns"];
    let Some(mut gateway) = Gateway::start("template", 1, &more) else { return };
    let labels = json!({"app": "org1-peer1"});
    let workload = json!({
        "metadata": {"name": "org1-peer1"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "peer", "image": "peer"}]}},
        },
    });
    assert_eq!(gateway.namespace.request("POST", (APPS, "deployments"), Some(&workload)).0, 201);
    roll_out(&gateway);
    let annotation = |gateway: &Gateway| {
        deployment(gateway)["spec"]["template"]["metadata"]["annotations"]["fabcert.dev/fingerprint"].clone()
    };
    gateway.start_agents();
    gateway.until("the template is changed", |gateway| annotation(gateway).is_string());
    let (fingerprint, generation) = (annotation(&gateway), deployment(&gateway)["metadata"]["generation"].clone());
    // Its controller replaces the pod; the agent in the new one goes on.
    gateway.end_pod(0);
    gateway.until("the node has the new certificate", |gateway| gateway.members.iter().all(Member::has_new));
    roll_out(&gateway);
    gateway.until("the hooks passed", |gateway| gateway.members[0].log().contains("the hooks passed"));
    assert_eq!(fingerprint.as_str().unwrap().len(), 64);
    assert_eq!(deployment(&gateway)["metadata"]["generation"], generation, "it is changed once");
}
