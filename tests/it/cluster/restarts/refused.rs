//! What `--restart` refuses before it reads anything of the cluster.

use crate::command::fabcert_in;
use crate::enroll::pod_volume::on_mount;

const COMMON: [&str; 11] = [
    "agent",
    "--url",
    "https://localhost",
    "--id",
    "org1-peer1",
    "--msp-dir",
    "/mnt/msp",
    "--tls-dir",
    "/mnt/tls",
    "--san",
    "a",
];

#[test]
fn arguments_that_do_not_fit_are_refused() {
    let (pod, served) = (["--pod", "org1-peer1"], ["--served", "localhost:7051"]);
    for (args, said) in [
        (&["--restart", "evict", "--pod", "org1-peer1"][..], "--served"),
        (&[&["--restart", "evict"], &served[..]].concat(), "--restart needs the name of the pod"),
        (
            &[&["--restart", "evict", "--signal", "/p:TERM"], &pod[..], &served].concat(),
            "--signal is for --restart signal",
        ),
        (&[&["--restart", "signal"], &pod[..], &served].concat(), "--restart signal needs --signal PIDFILE:SIGNAL"),
        (
            &[&["--restart", "signal", "--signal", "/p:TERM"], &pod[..], &served].concat(),
            "the members of the gateway need a Lease that they share",
        ),
        (&[&["--restart", "template"], &pod[..], &served].concat(), "--restart template needs --restart-workload"),
        (
            &[&["--restart", "evict", "--restart-workload", "deployment/a"], &pod[..], &served].concat(),
            "--restart-workload is for --restart template",
        ),
        (&["--kubeconfig", "x"], "--restart <HOW>"),
    ] {
        let ran = fabcert_in(&[&COMMON, args].concat(), &[]);
        assert_eq!(ran.code, 2, "{args:?}: {ran:?}");
        assert!(ran.stderr.contains(said), "{args:?}: {ran:?}");
    }
}

#[test]
fn an_identity_on_an_empty_dir_is_refused() {
    let pod = tempfile::tempdir().unwrap();
    let volume = |name: &str| {
        let folder = pod.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    };
    let (empty, claim) = (volume("volumes/kubernetes.io~empty-dir/i"), volume("volumes/kubernetes.io~csi/pvc-1"));
    let evict = ["--restart", "evict", "--pod", "org1-peer1", "--served", "localhost:7051"];
    let Some(ran) = on_mount(&empty, &[&COMMON[..], &evict].concat()) else { return };
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.stderr.contains("/mnt/msp is on an emptyDir, which is deleted with the pod"), "{ran:?}");
    let ran = on_mount(&claim, &[&COMMON[..], &evict].concat()).unwrap();
    assert!(ran.code == 4 && ran.stderr.contains("no Kubernetes cluster is configured"), "{ran:?}");
    let signal = ["--restart", "signal", "--signal", "/p:TERM", "--restart-lease", "turns"];
    let ran = on_mount(&empty, &[&COMMON[..], &signal, &evict[2..]].concat()).unwrap();
    assert!(ran.code == 4 && ran.stderr.contains("no Kubernetes cluster is configured"), "{ran:?}");
}
