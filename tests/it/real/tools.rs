//! Finds the real programs.

use std::path::{Path, PathBuf};
use std::process::Command;

/// An external program. Its environment variable gives the path; otherwise it is searched for in `tests/oracle/bin`,
/// where `.ci/run` puts it, among the programs that Go installed, and on the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// `fabric-ca-server`, by `FABRIC_CA_SERVER`.
    CaServer,
    /// `fabric-ca-client`, by `FABRIC_CA_CLIENT`.
    CaClient,
    /// Fabric's orderer, by `FABRIC_ORDERER`.
    Orderer,
    /// Fabric's peer, by `FABRIC_PEER`.
    Peer,
    /// `configtxgen`, by `FABRIC_CONFIGTXGEN`.
    ConfigTxGen,
    /// `configtxlator`, by `FABRIC_CONFIGTXLATOR`.
    ConfigTxLator,
    /// `osnadmin`, by `FABRIC_OSNADMIN`.
    OsnAdmin,
    /// Fabric's MSP package, by `FABCERT_MSP_ORACLE`.
    MspOracle,
    /// Go's `crypto/tls`, by `FABCERT_TLS_PROBE`.
    TlsProbe,
    /// Kubernetes' own types, by `FABCERT_MANIFEST_ORACLE`.
    ManifestOracle,
    /// Prometheus' parser and linter, by `FABCERT_METRICS_ORACLE`.
    MetricsOracle,
    /// An application of the Gateway API in Node, by `FABCERT_NODE_GATEWAY`.
    NodeGateway,
    /// An application of the older library for Node, by `FABCERT_NODE_SDK`.
    NodeSdk,
    /// An application of the Gateway API in Go, by `FABCERT_GO_GATEWAY`.
    GoGateway,
    /// An application of the older library for Go, by `FABCERT_GO_SDK`.
    GoSdk,
    /// An application of the older library for Java, by `FABCERT_JAVA_SDK`.
    JavaSdk,
    /// The validator of libxml2, by `FABCERT_XMLLINT`.
    Xmllint,
    /// The checker of systemd's units, by `FABCERT_SYSTEMD_ANALYZE`.
    SystemdAnalyze,
    /// A load balancer, by `FABCERT_HAPROXY`.
    HaProxy,
    /// Kubernetes' API server, by `KUBE_APISERVER`.
    #[cfg(feature = "kubernetes")]
    KubeApiServer,
    /// The API server's database, by `ETCD`.
    #[cfg(feature = "kubernetes")]
    Etcd,
    /// cert-manager's controllers, by `CERT_MANAGER`; the definitions of their objects lie beside it, in `cert-manager-crds`.
    #[cfg(feature = "kubernetes")]
    CertManager,
    /// The container image as an OCI archive, by `FABCERT_IMAGE`.
    #[cfg(feature = "kubernetes")]
    Image,
    /// A reader of container images, by `FABCERT_SKOPEO`.
    #[cfg(feature = "kubernetes")]
    Skopeo,
    /// An unpacker of container images, by `FABCERT_UMOCI`.
    #[cfg(feature = "kubernetes")]
    Umoci,
    /// A container runtime, by `FABCERT_RUNC`.
    #[cfg(feature = "kubernetes")]
    Runc,
    /// OpenSSL's command line, by `FABCERT_OPENSSL`.
    OpenSsl,
}

impl Tool {
    const fn variable(self) -> &'static str {
        match self {
            Self::CaServer => "FABRIC_CA_SERVER",
            Self::CaClient => "FABRIC_CA_CLIENT",
            Self::Orderer => "FABRIC_ORDERER",
            Self::Peer => "FABRIC_PEER",
            Self::ConfigTxGen => "FABRIC_CONFIGTXGEN",
            Self::ConfigTxLator => "FABRIC_CONFIGTXLATOR",
            Self::OsnAdmin => "FABRIC_OSNADMIN",
            Self::MspOracle => "FABCERT_MSP_ORACLE",
            Self::TlsProbe => "FABCERT_TLS_PROBE",
            Self::ManifestOracle => "FABCERT_MANIFEST_ORACLE",
            Self::MetricsOracle => "FABCERT_METRICS_ORACLE",
            Self::NodeGateway => "FABCERT_NODE_GATEWAY",
            Self::NodeSdk => "FABCERT_NODE_SDK",
            Self::GoGateway => "FABCERT_GO_GATEWAY",
            Self::GoSdk => "FABCERT_GO_SDK",
            Self::JavaSdk => "FABCERT_JAVA_SDK",
            Self::Xmllint => "FABCERT_XMLLINT",
            Self::SystemdAnalyze => "FABCERT_SYSTEMD_ANALYZE",
            Self::HaProxy => "FABCERT_HAPROXY",
            #[cfg(feature = "kubernetes")]
            Self::KubeApiServer => "KUBE_APISERVER",
            #[cfg(feature = "kubernetes")]
            Self::Etcd => "ETCD",
            #[cfg(feature = "kubernetes")]
            Self::CertManager => "CERT_MANAGER",
            #[cfg(feature = "kubernetes")]
            Self::Image => "FABCERT_IMAGE",
            #[cfg(feature = "kubernetes")]
            Self::Skopeo => "FABCERT_SKOPEO",
            #[cfg(feature = "kubernetes")]
            Self::Umoci => "FABCERT_UMOCI",
            #[cfg(feature = "kubernetes")]
            Self::Runc => "FABCERT_RUNC",
            Self::OpenSsl => "FABCERT_OPENSSL",
        }
    }

    const fn file_name(self) -> &'static str {
        match self {
            Self::CaServer => "fabric-ca-server",
            Self::CaClient => "fabric-ca-client",
            Self::Orderer => "orderer",
            Self::Peer => "peer",
            Self::ConfigTxGen => "configtxgen",
            Self::ConfigTxLator => "configtxlator",
            Self::OsnAdmin => "osnadmin",
            Self::MspOracle => "msp-oracle",
            Self::TlsProbe => "tls-probe",
            Self::ManifestOracle => "manifest-oracle",
            Self::MetricsOracle => "metrics-oracle",
            Self::NodeGateway => "node-gateway",
            Self::NodeSdk => "node-sdk",
            Self::GoGateway => "go-gateway",
            Self::GoSdk => "go-sdk",
            Self::JavaSdk => "java-sdk",
            Self::Xmllint => "xmllint",
            Self::SystemdAnalyze => "systemd-analyze",
            Self::HaProxy => "haproxy",
            #[cfg(feature = "kubernetes")]
            Self::KubeApiServer => "kube-apiserver",
            #[cfg(feature = "kubernetes")]
            Self::Etcd => "etcd",
            #[cfg(feature = "kubernetes")]
            Self::CertManager => "cert-manager",
            #[cfg(feature = "kubernetes")]
            Self::Image => "fabcert-image.tar",
            #[cfg(feature = "kubernetes")]
            Self::Skopeo => "skopeo",
            #[cfg(feature = "kubernetes")]
            Self::Umoci => "umoci",
            #[cfg(feature = "kubernetes")]
            Self::Runc => "runc",
            Self::OpenSsl => "openssl",
        }
    }
}

/// The program, or `None` with a line on stderr when it is missing. Panics instead with `FABCERT_REQUIRE_REAL=1`, and
/// when the variable names a missing file.
#[allow(clippy::print_stderr, reason = "a test that does nothing has to say so")]
pub(crate) fn find(tool: Tool) -> Option<PathBuf> {
    let variable = tool.variable();
    if let Some(path) = std::env::var_os(variable).filter(|v| !v.is_empty()).map(PathBuf::from) {
        assert!(path.is_file(), "{variable} is {}, which is not a file", path.display());
        return Some(path);
    }
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(built).chain(go_bin()).chain(std::env::split_paths(&path));
    let found = folders.map(|folder| folder.join(tool.file_name())).find(|p| p.is_file());
    if found.is_some() {
        return found;
    }
    let missing = format!("{} is not here; .ci/run brings it, {variable} names it", tool.file_name());
    assert!(std::env::var_os("FABCERT_REQUIRE_REAL").is_none_or(|v| v != "1"), "{missing}");
    eprintln!("skipped: {missing}");
    None
}

fn go_bin() -> Option<PathBuf> {
    let output = Command::new("go").args(["env", "GOPATH"]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(Path::new(text.trim()).join("bin")).filter(|_| output.status.success())
}
