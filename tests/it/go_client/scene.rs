//! A line of a script, run by the real client and by fabcert under its name, each in a folder of its own.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::{ParsedExtension, SubjectAlternativeName};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::command::tree;
use crate::real::tools::{self, Tool};
use crate::real::{ADMIN, CaUnderTest as _, RealCa, RealCaBuilder};

/// The two programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    Go,
    Fabcert,
}

impl Program {
    pub(super) const BOTH: [Self; 2] = [Self::Go, Self::Fabcert];

    /// What the names of its identities end with.
    pub(super) const fn suffix(self) -> &'static str {
        match self {
            Self::Go => "-go",
            Self::Fabcert => "-fc",
        }
    }
}

/// What a line did.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) code: i32,
    /// The words of standard output, sorted, without what differs by identity and time.
    pub(super) stdout: Vec<String>,
    /// Path to mode and, where it has some, what the content says.
    pub(super) files: BTreeMap<String, String>,
    pub(super) stderr: String,
}

/// The CAs and the folders.
pub(super) struct Scene {
    tls: RealCa,
    plain: RealCa,
    dir: tempfile::TempDir,
    client: PathBuf,
}

impl Scene {
    /// Starts the CAs; `None` when the real programs are missing.
    pub(super) fn start() -> Option<Self> {
        Self::with(RealCa::builder())
    }

    /// Starts `tls` under the name `ca-org1`, and a CA with plain HTTP; `None` when the real programs are missing.
    pub(super) fn with(tls: RealCaBuilder) -> Option<Self> {
        let tls = tls.name("ca-org1").allow_removal().start()?;
        let plain = RealCa::builder().plaintext().start()?;
        let dir = tempfile::tempdir().unwrap();
        let client = tools::find(Tool::CaClient)?;
        let fabcert = std::env::var_os("FABCERT_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_fabcert").into());
        for (program, file) in [(Program::Go, client.clone()), (Program::Fabcert, PathBuf::from(fabcert))] {
            let bin = dir.path().join(format!("bin{}", program.suffix()));
            fs::create_dir(&bin).unwrap();
            symlink(file, bin.join("fabric-ca-client")).unwrap();
        }
        let scene = Self { tls, plain, dir, client };
        for plain in [false, true] {
            let url = scene.url(plain, &format!("{}:{}@", ADMIN.0, ADMIN.1));
            scene.by_registrar(plain, &["enroll", "-u", &url]);
        }
        Some(scene)
    }

    fn url(&self, plain: bool, user: &str) -> String {
        let (scheme, ca) = if plain { ("http", &self.plain) } else { ("https", &self.tls) };
        let port = ca.address().rsplit(':').next().unwrap().to_owned();
        format!("{scheme}://{user}localhost:{port}")
    }

    /// The port of the CA with TLS.
    pub(super) fn port(&self) -> String {
        self.tls.address().rsplit(':').next().unwrap().to_owned()
    }

    /// The root of the CA with TLS.
    pub(super) fn root_pem(&self) -> String {
        self.tls.root_pem()
    }

    pub(super) fn anchor(&self) -> &Path {
        self.tls.tls_anchor()
    }

    /// What the real client prints for the registrar.
    pub(super) fn by_registrar(&self, plain: bool, args: &[&str]) -> String {
        let home = self.dir.path().join(if plain { "registrar-plain" } else { "registrar" });
        let mut command = Command::new(&self.client);
        command.env_clear().env("HOME", self.dir.path()).args(args).arg("-H").arg(home);
        let output = command.arg("--tls.certfiles").arg(self.anchor()).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The number of enrolments that the CA refused.
    pub(super) fn refused(&self) -> usize {
        self.tls.count_status("enroll", 401)
    }

    /// The folder of a script for a program.
    pub(super) fn folder(&self, name: &str, program: Program) -> PathBuf {
        let dir = self.dir.path().join(format!("{name}{}", program.suffix()));
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    /// Runs a line with the `variables` in the folder `dir`. In it `@T@`, `@T0@` and `@H@` are addresses of CAs, `@CA@` is the
    /// file of the trust anchor, and `@P@` the program's suffix.
    pub(super) fn run(&self, line: &str, variables: &[(String, String)], dir: &Path, program: Program) -> Done {
        let port = |ca: &RealCa| ca.address().rsplit(':').next().unwrap().to_owned();
        let anchor = self.anchor().display().to_string();
        let filled = |text: &str| {
            text.replace("@T@", &format!("localhost:{}", port(&self.tls)))
                .replace("@T0@", &format!("127.0.0.1:{}", port(&self.tls)))
                .replace("@H@", &format!("localhost:{}", port(&self.plain)))
                .replace("@CA@", &anchor)
                .replace("@P@", program.suffix())
        };
        let bin = self.dir.path().join(format!("bin{}", program.suffix()));
        let work = dir.join("w");
        fs::create_dir_all(&work).unwrap();
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new("bash");
        command.arg("-c").arg(filled(line)).env_clear().env("PATH", path).env("HOME", dir).env("DIR", dir);
        command.envs(variables.iter().map(|(name, value)| (name, filled(value))));
        let output = command.current_dir(work).stdin(Stdio::null()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let stdout = text(output.stdout).replace(program.suffix(), "@P@");
        let others = Program::BOTH.into_iter().filter(|other| *other != program).map(Program::suffix);
        let others: Vec<&str> = others.collect();
        let mut stdout: Vec<String> = stdout
            .lines()
            .filter(|line| others.iter().all(|other| !line.contains(other)))
            .flat_map(|line| line.split([' ', ',', '[', ']', '{', '}']))
            .filter(|word| !word.is_empty())
            .map(|word| word.replace(&dir.display().to_string(), "@DIR@"))
            .collect();
        stdout.sort_unstable();
        Done { code: output.status.code().unwrap(), stdout, files: files(dir, program), stderr: text(output.stderr) }
    }
}

/// Every path below `dir` but fabcert's own state, with its mode and what it says.
fn files(dir: &Path, program: Program) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (path, (mode, bytes)) in tree(dir) {
        if path.split('/').any(|part| part.starts_with('.') && part.ends_with(".fabcert")) {
            continue;
        }
        let name = path.rsplit('/').next().unwrap();
        let says = if name == "fabric-ca-client-config.yaml" { config(&bytes) } else { content(&bytes) };
        let says = says.replace(program.suffix(), "@P@").replace(&dir.display().to_string(), "@DIR@");
        // Keys have names of their own.
        let path = if name.ends_with("_sk") { path.replace(name, "SKI_sk") } else { path };
        found.insert(path.replace(program.suffix(), "@P@"), format!("{mode:o} {says}"));
    }
    found
}

/// The keys and values of a configuration file.
fn config(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.replace('"', "")).collect::<Vec<_>>().join("|")
}

/// What a file holds, without keys, serial numbers and dates.
fn content(bytes: &[u8]) -> String {
    let Ok(blocks) = pem(bytes) else { return if bytes.is_empty() { String::new() } else { "bytes".to_owned() } };
    blocks.join(";")
}

fn pem(bytes: &[u8]) -> Result<Vec<String>, ()> {
    let mut found = Vec::new();
    for block in x509_parser::pem::Pem::iter_from_buffer(bytes) {
        let block = block.map_err(drop)?;
        found.push(match block.label.as_str() {
            "CERTIFICATE" => certificate(&block.contents),
            "CERTIFICATE REQUEST" => request(&block.contents),
            _ => block.label,
        });
    }
    if found.is_empty() { Err(()) } else { Ok(found) }
}

fn certificate(der: &[u8]) -> String {
    let (_, cert) = X509Certificate::from_der(der).unwrap();
    let names = cert.subject_alternative_name().unwrap().map(|names| sorted(names.value));
    let attributes = cert.extensions().iter().find(|e| e.oid.to_id_string() == "1.2.3.4.5.6.7.8.1");
    let attributes = attributes.map(|e| {
        let value: BTreeMap<String, BTreeMap<String, String>> = serde_json::from_slice(e.value).unwrap();
        value
    });
    let purposes = cert.extended_key_usage().unwrap().map(|e| (e.value.server_auth, e.value.client_auth));
    format!("{} by {} {names:?} {purposes:?} {attributes:?}", cert.subject(), cert.issuer())
}

fn sorted(names: &SubjectAlternativeName<'_>) -> Vec<String> {
    let mut names: Vec<String> = names
        .general_names
        .iter()
        .map(|name| match name {
            // fabcert requests names in lower case.
            GeneralName::DNSName(name) => name.to_ascii_lowercase(),
            other => format!("{other:?}"),
        })
        .collect();
    names.sort_unstable();
    names
}

/// The fields of the subject, whose order differs, and the names.
fn request(der: &[u8]) -> String {
    let (_, request) = X509CertificationRequest::from_der(der).unwrap();
    let subject = request.certification_request_info.subject.to_string();
    let mut fields: Vec<&str> = subject.split(", ").collect();
    fields.sort_unstable();
    let names = request.requested_extensions().into_iter().flatten().find_map(|extension| match extension {
        ParsedExtension::SubjectAlternativeName(names) => Some(sorted(names)),
        _ => None,
    });
    format!("{fields:?} {names:?}")
}

/// Makes a file that scripts expect.
pub(super) fn put(path: &Path, from: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::copy(from, path).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
}
