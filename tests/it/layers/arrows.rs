//! Which room may use which, and who may name what of other crates.

/// Room to the rooms that it may use, or to single items of one (`ca::crypto_provider`). Each may use itself.
///
/// ```text
/// cli -> auditor, enroll -> identity -> proof, install, ca -> msp -> pki -> text, disk -> error, secret, time
///        auditor -> coverage, policy, names -> manifests, audit -> msp, pki
///        auditor -> live
/// ```
pub(super) const ARROWS: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    // It holds rooms and nothing else.
    ("pki", &[]),
    ("lib", &[]),
    // The floor: plain data.
    ("error", &[]),
    ("secret", &[]),
    ("time", &[]),
    ("text", &[]),
    ("lookup", &[]),
    ("disk", &["error"]),
    ("pem_source", &["error", "secret", "disk"]),
    ("pki::name", &["error"]),
    ("pki::key", &["error", "text"]),
    ("pki::x509", &["error", "time", "text", "pki::key", "pki::name"]),
    // Certificates as Go reads them: a reader of its own, so that no habit of another reader gets into the verdicts.
    // A TLS folder is read through a trait, which is the floor's.
    (
        "pki::go",
        &[
            "time",
            "pki::name",
            "pki::x509::name_text",
            "pki::key::Ski",
            "pki::key::is_made_by",
            "pki::key::is_public_half",
            "disk::FolderReader",
            "disk::EntryKind",
        ],
    ),
    ("msp", &["time", "text", "disk", "pki"]),
    ("ca", &["error", "secret", "time", "text", "pki", "lookup"]),
    ("channel", &["error", "time", "text", "disk", "pki", "msp"]),
    // It knows folders and files, and no certificate.
    ("install", &["error", "time", "disk"]),
    // What is proven is planned here too, so it knows what a plan is, and neither a client nor how a plan is carried out.
    (
        "proof",
        &[
            "error",
            "time",
            "text",
            "disk",
            "pki",
            "msp",
            "install::FolderPlan",
            "install::KeyAccess",
            "install::PlannedDir",
        ],
    ),
    (
        "identity",
        &["error", "secret", "pem_source", "time", "text", "disk", "pki", "msp", "ca", "install", "proof", "channel"],
    ),
    (
        "enroll",
        &["error", "secret", "pem_source", "time", "text", "disk", "pki", "msp", "ca", "install", "proof", "identity"],
    ),
    (
        "registrar",
        &[
            "error",
            "secret",
            "time",
            "text",
            "disk",
            "pki::key::KeyPair",
            "pki::x509",
            "msp::CurrentMsp",
            "ca",
            "identity",
        ],
    ),
    (
        "renew",
        &[
            "error",
            "pem_source",
            "time",
            "disk",
            "pki",
            "msp::Layout",
            "msp::CONFIG",
            "msp::TLS_FOLDERS",
            "msp::sha256_hex",
            "ca::CaError",
            "ca::CertificateFilter",
            "ca::Client",
            "ca::Connections",
            "ca::Credential",
            "registrar::Signer",
            "install::Lock",
            "install::Place",
            "proof::RoleRule",
            "identity",
            "enroll",
        ],
    ),
    (
        "agent",
        &[
            "error",
            "time",
            "text",
            "disk",
            "pki::name",
            "install::Place",
            "identity",
            "enroll::enroll",
            "enroll::plan",
            "renew",
        ],
    ),
    // It knows folders and the certificates in them, and neither the CA nor the loop.
    (
        "agent::hooks",
        &[
            "error",
            "time",
            "text",
            "disk",
            "identity::Environment",
            "identity::held",
            "identity::state::record",
            "install::Place",
            "install::InstallError",
            "live",
        ],
    ),
    // Secrets as the folders and the state of an identity; what is enrolled in them is decided above. When a node is restarted is
    // decided by the hooks.
    (
        "cluster",
        &[
            "error",
            "time",
            "text",
            "disk",
            "agent::hooks::Fingerprints",
            "agent::hooks::News",
            "agent::hooks::Node",
            "agent::hooks::Restarter",
            "agent::hooks::Turn",
            "agent::hooks::Work",
            "install::Place",
            "msp::is_key",
            "identity::Keeper",
            "identity::Keeping",
            "identity::state::history",
            "identity::state::pending",
            "identity::state::random_id",
        ],
    ),
    // Above whatever enrols, and beside the agent, of which it has the health server and the pauses.
    (
        "issuer",
        &[
            "error",
            "secret",
            "time",
            "text",
            "disk",
            "pki",
            "msp",
            "ca",
            "install::Place",
            "proof",
            "identity",
            "enroll",
            "registrar",
            "cluster",
            "agent::backoff",
            "agent::health",
            "agent::metrics",
        ],
    ),
    ("cainfo", &["error", "time", "text", "disk", "pki", "ca", "identity"]),
    // What an enrolment would do, looked at; it asks no CA for a certificate.
    ("doctor", &["error", "secret", "time", "text", "disk", "pki", "ca", "install", "identity", "lookup"]),
    // It shares no code with the client: one misreading of the protocol could hide on both sides.
    ("devca", &["error", "secret", "time", "text", "disk", "pki"]),
    ("manifests", &["error", "text", "pki::name"]),
    ("names", &["error", "secret", "disk", "manifests", "audit::input", "pki::name"]),
    ("render", &["text::yaml", "pki::name"]),
    // What is audited is read before; neither CA nor network nor clock.
    ("audit", &["error", "time", "text", "disk", "pki", "msp", "manifests", "channel"]),
    (
        "coverage",
        &[
            "text",
            "pki",
            "manifests",
            "policy::MemberEntry",
            "policy::PolicyError",
            "audit::model",
            "audit::catalogue",
            "audit::ledger",
        ],
    ),
    (
        "policy",
        &["error", "time", "text", "disk", "pki", "audit::model", "audit::catalogue", "audit::ledger", "audit::Report"],
    ),
    // A whole run: it dials what a request names, and passes the results on as data, so the rooms below know no network.
    (
        "auditor",
        &[
            "error",
            "secret",
            "time",
            "text",
            "disk",
            "pki",
            "msp",
            "manifests",
            "names",
            "channel",
            "audit",
            "coverage",
            "policy",
            "live",
            "pem_source",
        ],
    ),
    ("probe", &["error", "disk", "audit", "auditor", "live::Endpoint"]),
    ("live", &["lookup", "pki::go", "pki::x509"]),
    // Pure functions of what was found.
    ("report", &["text", "audit"]),
    ("explain", &["audit::catalogue", "ca::error_code", "ca::ErrorCode"]),
    // Fuzz targets reach everything that reads.
    ("testing", &["time", "text", "disk", "pki", "msp", "manifests", "audit", "auditor", "policy"]),
    ("export", &["error", "time", "disk", "pki", "msp", "identity::held", "identity::request", "live::Endpoint"]),
    // What tests and benches of the package need beside the public surface.
    ("internals", &["disk", "enroll", "identity", "install", "msp", "pki::go", "proof", "text"]),
    (
        "cli",
        &[
            "error",
            "secret",
            "time",
            "text",
            "disk",
            "pki",
            "msp",
            "ca",
            "channel",
            "cainfo",
            "install",
            "proof",
            "identity",
            "enroll",
            "renew",
            "registrar",
            "agent",
            "live::Endpoint",
            "doctor",
            "probe",
            "devca",
            "manifests",
            "render",
            "audit",
            "policy",
            "auditor",
            "report",
            "explain",
            "export",
            "names",
            "cluster",
            "issuer",
        ],
    ),
];

/// Who may name what of other crates: the end or the beginning of a path, the rooms that may, and what it is.
pub(super) const OUTSIDE: &[(Pattern, &[&str], &str)] = &[
    (Pattern::Begins("std::fs"), &["disk"], "the disk, which is behind disk"),
    (Pattern::Begins("rustix::fs"), &["disk"], "the disk, which is behind disk"),
    (Pattern::Begins("tokio::fs"), &[], "the disk, which is behind disk"),
    (Pattern::Begins("std::net"), &["ca", "devca", "live", "lookup", "issuer", "cli"], "the network"),
    (Pattern::Begins("tokio::net"), &["agent", "devca", "live", "cli"], "the network"),
    (Pattern::Begins("reqwest"), &["ca"], "the network"),
    (Pattern::Begins("kube"), &["cluster"], "the Kubernetes API"),
    (Pattern::Begins("k8s_openapi"), &["cluster"], "the Kubernetes API"),
    (Pattern::Begins("hyper"), &["agent", "devca"], "the network"),
    (
        Pattern::Begins("tokio"),
        &[
            "agent",
            "agent::hooks",
            "ca",
            "devca",
            "live",
            "lookup",
            "enroll",
            "renew",
            "auditor",
            "doctor",
            "cluster",
            "issuer",
            "cli",
        ],
        "the runtime",
    ),
    (Pattern::Begins("std::env"), &["cli", "disk"], "the environment"),
    (Pattern::Ends("SystemTime::now"), &["cli"], "the clock: time is an argument"),
    (
        Pattern::Ends("Instant::now"),
        &["agent", "agent::hooks", "ca", "cli", "cluster", "disk", "issuer", "live"],
        "the clock: only for how long something took",
    ),
    (Pattern::Ends("process::exit"), &[], "the end of the process: errors go up to main"),
    (Pattern::Ends("process::abort"), &[], "the end of the process: errors go up to main"),
    (Pattern::Begins("std::process::Command"), &["agent::hooks"], "other programs"),
    (Pattern::Ends("io::stdout"), &["cli"], "standard output"),
    (
        Pattern::Ends("rule_by_id"),
        &["cli", "policy", "report", "explain"],
        "a rule by its id: only for words from outside; name the rule itself",
    ),
];

#[derive(Clone, Copy)]
pub(super) enum Pattern {
    Begins(&'static str),
    Ends(&'static str),
}

impl Pattern {
    pub(super) fn fits(self, path: &str) -> bool {
        match self {
            Self::Begins(with) => begins(path, with),
            Self::Ends(with) => path.strip_suffix(with).is_some_and(|rest| rest.is_empty() || rest.ends_with("::")),
        }
    }
}

/// Whether `path` is `with` or leads further.
pub(super) fn begins(path: &str, with: &str) -> bool {
    path.strip_prefix(with).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}
