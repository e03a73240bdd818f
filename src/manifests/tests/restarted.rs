//! Folders that an agent loses with its pod.

use super::{network, peer};

/// What is lost by an agent with these arguments and this volume at `/identity`.
fn lost(args: &str, volume: &str, env: &str) -> Vec<String> {
    let init = format!(
        "      initContainers: [{{name: agent, args: [agent, {args}], env: [{env}], volumeMounts: [{{name: i, mountPath: /identity}}]}}]\n"
    );
    let text = peer("a", "", "app: a", &format!("      volumes: [{{name: i{volume}}}]\n{init}"));
    let network = network(&[&text]);
    network.workloads[0].lost_folders().into_iter().map(|lost| format!("{} {}", lost.how, lost.folder)).collect()
}

const FOLDERS: &str = "--msp-dir, /identity/msp, --tls-dir, /other/tls";

#[test]
fn a_folder_on_an_empty_dir_is_lost_with_the_pod() {
    let (empty, claim) = (", emptyDir: {medium: Memory}", ", persistentVolumeClaim: {claimName: c}");
    let of = |restart: &str, volume: &str, env: &str| lost(&format!("{restart}, {FOLDERS}"), volume, env);
    assert_eq!(of("--restart, evict", empty, ""), ["evict /identity/msp"]);
    assert_eq!(of("--restart=template", empty, ""), ["template /identity/msp"]);
    assert_eq!(of("--restart, evict", "", ""), ["evict /identity/msp"], "no source");
    assert_eq!(of("-v", empty, "{name: FABCERT_RESTART, value: evict}"), ["evict /identity/msp"]);
    assert_eq!(of("--restart, evict", claim, ""), [""; 0]);
    assert_eq!(of("--restart, signal", empty, ""), [""; 0]);
    assert_eq!(of("--restart, evict, --k8s-secret, a", empty, ""), [""; 0]);
}
