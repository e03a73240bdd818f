//! The mounts that this process sees (`/proc/self/mountinfo`, see proc(5)), as far as they say that a folder is on a
//! Kubernetes `emptyDir`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

use super::Disk;

const MOUNT_INFO: &str = "/proc/self/mountinfo";

/// A pod has some tens of mounts, and a line has some hundred bytes.
const MAX_MOUNT_INFO: usize = 4 << 20;

/// The folder in which the kubelet keeps the `emptyDir` volumes of a pod (kubernetes `pkg/volume/emptydir/empty_dir.go`:
/// the plugin's name, `/` written as `~`).
const EMPTY_DIR: &str = "kubernetes.io~empty-dir";

/// One mount.
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    /// The folder of the file system that is mounted.
    root: PathBuf,
    /// Where it is mounted.
    point: PathBuf,
    file_system: Vec<u8>,
}

/// The mounts, in the order in which they were made.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct MountTable {
    mounts: Vec<Mount>,
}

impl MountTable {
    /// Reads the text of `mountinfo`; lines of another form are left out.
    pub(crate) fn parse(text: &[u8]) -> Self {
        Self { mounts: text.split(|byte| *byte == b'\n').filter_map(Mount::parse).collect() }
    }

    /// The mount point of the `emptyDir` that holds `path`, which is absolute and free of links; `None` if none does.
    pub(crate) fn empty_dir(&self, path: &Path) -> Option<&Path> {
        let holding = self.mounts.iter().filter(|mount| path.starts_with(&mount.point));
        // Of several mounts on one folder, the last one is seen.
        let mount = holding.max_by_key(|mount| mount.point.components().count())?;
        let on_disk = mount.root.components().any(|part| part == Component::Normal(EMPTY_DIR.as_ref()));
        // With `medium: Memory` the kubelet mounts a tmpfs, whose root says nothing.
        let in_memory = mount.file_system == b"tmpfs" && self.is_of_a_pod();
        (on_disk || in_memory).then_some(mount.point.as_path())
    }

    /// Whether this process is in a container of a pod: the kubelet mounts a file of the pod's folder there
    /// (kubernetes `pkg/kubelet/kubelet_pods.go`, `pkg/kubelet/kuberuntime/kuberuntime_container.go`).
    fn is_of_a_pod(&self) -> bool {
        let points = ["/etc/hosts", "/dev/termination-log"].map(Path::new);
        self.mounts.iter().any(|mount| {
            let mut parts = mount.root.components();
            points.contains(&mount.point.as_path()) && parts.any(|part| part == Component::Normal("pods".as_ref()))
        })
    }
}

impl Mount {
    /// Reads `ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [FIELD]... - FILE-SYSTEM SOURCE OPTIONS`.
    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = line.split(|byte| *byte == b' ');
        let root = path(fields.nth(3)?);
        let point = path(fields.next()?);
        fields.find(|field| *field == b"-")?;
        let file_system = fields.next()?.to_vec();
        (root.is_absolute() && point.is_absolute()).then_some(Self { root, point, file_system })
    }
}

/// A path with its escapes (`\040` for a space) resolved.
fn path(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let digits = after.split_first_chunk::<3>().filter(|_| *first == b'\\');
        let escaped = digits.and_then(|(digits, after)| Some((octal(*digits)?, after)));
        let (byte, after) = escaped.unwrap_or((*first, after));
        bytes.push(byte);
        rest = after;
    }
    OsString::from_vec(bytes).into()
}

fn octal(digits: [u8; 3]) -> Option<u8> {
    let text = std::str::from_utf8(&digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?;
    u8::from_str_radix(text, 8).ok()
}

impl Disk {
    /// The mounts that this process sees; none where the system does not say.
    pub(crate) fn mounts(&self) -> MountTable {
        let read = self.read(Path::new(MOUNT_INFO), MAX_MOUNT_INFO);
        read.map(|text| MountTable::parse(&text)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The mounts of a container in a pod, as containerd and the kubelet make them.
    const POD: &str = "\
1532 1437 0:311 / / rw,relatime master:602 - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w
1533 1532 0:313 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
1540 1532 259:1 /var/lib/kubelet/pods/5a5b/volumes/kubernetes.io~empty-dir/identity /identity rw,relatime - ext4 /dev/root rw
1541 1532 259:1 /var/lib/kubelet/pods/5a5b/volumes/kubernetes.io~empty-dir/my\\040vol/sub /with\\040space rw - ext4 /dev/root rw
1542 1532 0:290 / /memory rw,relatime - tmpfs tmpfs rw,size=65536k
1543 1532 259:7 / /claim rw,relatime shared:12 master:3 - xfs /dev/sdb rw
1544 1540 259:8 / /identity/claim rw,relatime - xfs /dev/sdc rw
1545 1532 259:1 /var/lib/kubelet/pods/5a5b/etc-hosts /etc/hosts rw,relatime - ext4 /dev/root rw
";

    fn empty_dir(text: &str, path: &str) -> Option<String> {
        MountTable::parse(text.as_bytes()).empty_dir(Path::new(path)).map(|point| point.display().to_string())
    }

    #[test]
    fn volume_is_that_of_the_innermost_mount() {
        let found = |path| empty_dir(POD, path);
        for path in ["/identity", "/identity/msp", "/identity/missing/msp"] {
            assert_eq!(found(path).as_deref(), Some("/identity"), "{path}");
        }
        assert_eq!(found("/with space/tls").as_deref(), Some("/with space"));
        assert_eq!(found("/memory/tls").as_deref(), Some("/memory"));
        for path in ["/claim/msp", "/identity/claim/msp", "/identity2/msp", "/var/hyperledger", "/", "relative"] {
            assert_eq!(found(path), None, "{path}");
        }
    }

    #[test]
    fn later_mount_on_the_same_folder_is_the_one_that_is_seen() {
        let covered = format!("{POD}1600 1532 259:9 / /identity rw - xfs /dev/sdd rw\n");
        assert_eq!(empty_dir(&covered, "/identity/msp"), None);
    }

    #[test]
    fn tmpfs_is_an_empty_dir_only_in_a_pod() {
        let machine = "30 1 0:26 / /run rw,nosuid,nodev - tmpfs tmpfs rw\n31 1 259:2 / / rw - ext4 /dev/root rw\n";
        assert_eq!(empty_dir(machine, "/run/fabcert/msp"), None);
    }

    #[test]
    fn mounts_of_this_process_can_be_read() {
        assert!(!Disk::real().mounts().mounts.is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_table(bytes in proptest::collection::vec(any::<u8>(), 0..400), at in 0..POD.len(), byte: u8) {
            let mut changed = POD.as_bytes().to_vec();
            changed[at] = byte;
            for text in [bytes, changed] {
                let table = MountTable::parse(&text);
                prop_assert!(table.mounts.iter().all(|mount| mount.point.is_absolute()));
                table.empty_dir(Path::new("/identity/msp"));
            }
        }

        #[test]
        fn escaped_path_is_read_back(name in "[ \\\\#\n\ta-z]{1,12}") {
            let escape = |c: char| match c {
                ' ' | '\\' | '#' | '\n' | '\t' => format!("\\{:03o}", u32::from(c)),
                c => c.to_string(),
            };
            let escaped: String = name.chars().map(escape).collect();
            let line = format!("1 0 8:1 /a/{EMPTY_DIR}/v /{escaped} rw - ext4 /dev/root rw");
            let point = format!("/{name}");
            prop_assert_eq!(empty_dir(&line, &point), Some(point));
        }
    }
}
