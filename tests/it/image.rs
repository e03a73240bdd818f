//! The container image, as it is built for users: what is in it, and that it enrols at a real CA without a root file system to write to,
//! without capabilities and as an ordinary user.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::json;

use crate::real::tools::{Tool, find};
use crate::real::{CaUnderTest as _, RealCa, Registration, oracle};

const USER: u32 = 65_532;

/// The largest binary that an image may have, in bytes.
const LARGEST: u64 = 16_000_000;

/// An unpacked image.
struct Image {
    runc: PathBuf,
    config: serde_json::Value,
    dir: tempfile::TempDir,
}

fn run(command: &mut Command) -> Output {
    let ran = command.output().unwrap();
    assert!(ran.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&ran.stderr));
    ran
}

impl Image {
    /// `None` where the image or a program is missing.
    fn unpack() -> Option<Self> {
        let [archive, skopeo, umoci, runc] = [Tool::Image, Tool::Skopeo, Tool::Umoci, Tool::Runc].map(find);
        let (archive, skopeo, umoci, runc) = (archive?, skopeo?, umoci?, runc?);
        let dir = tempfile::tempdir().unwrap();
        let (archive, layout) = (format!("oci-archive:{}", archive.display()), dir.path().join("layout"));
        let config = run(Command::new(&skopeo).args(["inspect", "--config", &archive])).stdout;
        let config = serde_json::from_slice(&config).unwrap();
        run(Command::new(&skopeo).args(["copy", "--quiet", &archive, &format!("oci:{}:it", layout.display())]));
        run(Command::new(&umoci)
            .args(["unpack", "--image", &format!("{}:it", layout.display())])
            .arg(dir.path().join("bundle")));
        Some(Self { runc, config, dir })
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// Runs fabcert in a container that shares the network of the tests. `data` is its only folder to write to.
    fn run(&self, args: &[&str], environment: &[&str], data: &Path) -> Output {
        let file = self.path("bundle/config.json");
        let mut config: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let hosts = self.path("hosts");
        fs::write(&hosts, "127.0.0.1 localhost\n").unwrap();
        let process = &mut config["process"];
        let own = json!(["/usr/bin/fabcert"]);
        process["args"] = own.as_array().unwrap().iter().cloned().chain(args.iter().map(|arg| json!(arg))).collect();
        let variables = process["env"].as_array().unwrap().iter().cloned();
        process["env"] = variables.chain(environment.iter().map(|variable| json!(variable))).collect();
        process["terminal"] = false.into();
        process["noNewPrivileges"] = true.into();
        process["capabilities"] = json!({});
        process["rlimits"] = json!([{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}]);
        config["root"]["readonly"] = true.into();
        let namespaces = config["linux"]["namespaces"].as_array_mut().unwrap();
        namespaces.retain(|namespace| namespace["type"] != "network");
        let mounts = config["mounts"].as_array_mut().unwrap();
        // A read-only sysfs cannot be mounted without a network of its own.
        mounts.retain(|mount| mount["type"] != "sysfs" && mount["type"] != "cgroup");
        for (inside, outside, mode) in [("/data", data, "rw"), ("/etc/hosts", &hosts, "ro")] {
            mounts.push(json!({"destination": inside, "source": outside, "type": "none", "options": ["bind", mode]}));
        }
        fs::write(&file, config.to_string()).unwrap();
        let id = format!("fabcert-it-{}", std::process::id());
        Command::new(&self.runc)
            .arg("--root")
            .arg(self.path("state"))
            .args(["run", "--bundle"])
            .arg(self.path("bundle"))
            .arg(id)
            .output()
            .unwrap()
    }
}

/// Every file below `dir`, by its path in it.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    entries.flat_map(below).collect()
}

#[test]
fn the_image_holds_one_static_program_for_an_ordinary_user() {
    let Some(image) = Image::unpack() else { return };
    assert_eq!(image.config["config"]["User"], format!("{USER}:{USER}"), "{}", image.config);
    assert_eq!(image.config["config"]["Entrypoint"], json!(["/usr/bin/fabcert"]), "{}", image.config);
    assert_eq!(image.config["config"]["Env"], json!(["PATH=/usr/bin"]), "{}", image.config);
    let root = image.path("bundle/rootfs");
    let program = root.join("usr/bin/fabcert");
    assert_eq!(files(&root), std::slice::from_ref(&program));
    let size = fs::metadata(&program).unwrap().len();
    assert!(size < LARGEST, "{size} bytes");
    let data = tempfile::tempdir().unwrap();
    let version = image.run(&["--version"], &[], data.path());
    let expected = format!("fabcert {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8_lossy(&version.stdout), expected, "{version:?}");
    let dev_ca = image.run(&["dev-ca"], &[], data.path());
    assert_eq!(dev_ca.status.code(), Some(2), "{dev_ca:?}");
    // The feature kubernetes is built in, and wants a folder that this container does not have.
    let cluster = image.run(&["renew", "--k8s-secret", "peer1", "--kubeconfig", "/no/such/file"], &[], data.path());
    let text = String::from_utf8_lossy(&cluster.stderr);
    assert!(cluster.status.code() == Some(5) && text.contains("mount an emptyDir with medium: Memory"), "{text}");
}

#[test]
fn the_image_enrols_at_a_real_ca() {
    let (Some(image), Some(ca)) = (Image::unpack(), RealCa::builder().start()) else { return };
    ca.register(&Registration::peer("org1-peer1", "peerpw"));
    let data = tempfile::tempdir().unwrap();
    fs::copy(ca.tls_anchor(), data.path().join("ca.pem")).unwrap();
    std::os::unix::fs::chown(data.path(), Some(USER), Some(USER)).unwrap();
    let url = ca.url();
    let names = "org1-peer1,org1-peer-gateway-svc";
    let folders = ["--msp-dir", "/data/msp", "--tls-dir", "/data/tls"];
    let args = ["enroll", "--url", &url, "--id", "org1-peer1", "--tls-ca", "/data/ca.pem", "--san", names];
    let ran = image.run(&[&args[..], &folders].concat(), &["FABCERT_SECRET=peerpw"], data.path());
    assert!(ran.status.success(), "{ran:?}");
    if let Some(verdict) = oracle::msp(&data.path().join("msp"), "Org1MSP") {
        assert!(verdict.peer_starts() && verdict.is_peer(), "Fabric refuses the folder");
    }
    // A volume that another user owns.
    let foreign = tempfile::tempdir().unwrap();
    fs::copy(ca.tls_anchor(), foreign.path().join("ca.pem")).unwrap();
    let refused = image.run(&[&args[..], &folders].concat(), &["FABCERT_SECRET=peerpw"], foreign.path());
    let text = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && text.contains("/data"), "{refused:?}");
}
