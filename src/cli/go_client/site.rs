//! What a command works with: home, configuration, CA and MSP folder (fabric-ca v1.5.21
//! `cmd/fabric-ca-client/command/config.go`, `ConfigInit`).

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::file::{ConfigFile, Start, get};
use super::grammar::Line;
use super::home::Home;
use super::mutual_tls;
use super::settings::Settings;
use super::url;
use crate::ca::{AttrRequest, Attribute, CaUrl, DEFAULT_CONNECT_TIMEOUT, DEFAULT_TIMEOUT};
use crate::cli::args::fabric_env::Lookup;
use crate::disk::Disk;
use crate::identity::{CaAccess, SecretSource};
use crate::pki::x509::SubjectFields;
use crate::text::yaml::Node;
use crate::{Error, ErrorKind, Secret};

/// The process, as a command sees it.
pub(super) struct Process<'a> {
    pub(super) env: Lookup<'a>,
    pub(super) working_dir: PathBuf,
    pub(super) host: String,
    pub(super) disk: Disk,
}

/// The limit of one request: the Go client has none, and a CA may take its time.
const PATIENCE: Duration = Duration::from_secs(120);

/// A configured command.
pub(super) struct Site<'a> {
    pub(super) line: &'a Line,
    pub(super) process: &'a Process<'a>,
    pub(super) home: Home,
    file: ConfigFile,
    /// The MSP folder.
    pub(super) msp: PathBuf,
}

impl<'a> Site<'a> {
    /// Reads the configuration. `first` is the first word of the line, by which the Go client decides whether the
    /// configuration file is written and whether an enrolment is needed.
    ///
    /// # Errors
    /// When the configuration cannot be read, asks for what fabcert does not do, or an enrolment is missing.
    pub(super) fn open(line: &'a Line, first: &str, process: &'a Process<'a>) -> Result<Self, Error> {
        let flag =
            |name: &str| line.given.get(name).and_then(|v| v.first()).map(String::as_str).filter(|v| !v.is_empty());
        let home = Home::find(flag("config"), flag("home"), &process.working_dir, process.env);
        if matches!(first, "enroll" | "gencsr") && process.disk.metadata_followed(&home.config)?.is_none() {
            create(line, first, &home, process)?;
            tracing::info!("Created a default configuration file at {}", home.config.display());
        }
        let file = ConfigFile::read(&process.disk, &home.config)?;
        let mut site = Self { line, process, file, msp: PathBuf::new(), home };
        let settings = site.settings();
        settings.report_unread();
        let msp = settings.given("mspdir")?.unwrap_or_else(|| "msp".to_owned());
        site.refuse_what_is_not_done()?;
        site.msp = site.home.path(&msp);
        site.check_enrolment(first)?;
        Ok(site)
    }

    pub(super) const fn settings(&self) -> Settings<'_> {
        Settings { line: self.line, env: self.process.env, file: &self.file }
    }

    /// A flag of the command itself, which nothing else sets.
    pub(super) fn own(&self, name: &str) -> &str {
        self.line.given.get(name).and_then(|values| values.first()).map_or("", String::as_str)
    }

    /// Whether a switch of the command itself is on.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.own(name) == "true"
    }

    /// Refuses by name what the Go client honours and fabcert does not.
    fn refuse_what_is_not_done(&self) -> Result<(), Error> {
        let settings = self.settings();
        let refused = |what: &str, help: &str| Err(Error::new(ErrorKind::Usage, what.to_owned()).with_help(help));
        if let Some(other) = settings.given("bccsp.default")?.filter(|value| !value.eq_ignore_ascii_case("SW")) {
            return refused(
                &format!("bccsp.default: fabcert has no crypto provider \"{other}\": keys are files"),
                "set it to SW, or use the Go client for keys in a token",
            );
        }
        for key in ["csp.default", "csp.sw.hash", "csp.sw.security"] {
            if settings.given(key)?.is_some() {
                tracing::warn!("{key} has no effect, as in fabric-ca-client; the configuration file has bccsp");
            }
        }
        for key in ["bccsp.sw.hash", "bccsp.sw.security"] {
            if let Some(other) = settings.given(key)?.filter(|value| !["SHA2", "256", "0"].contains(&value.as_str())) {
                return refused(
                    &format!("{key}: fabcert has no \"{other}\": the names of keys are made with SHA2 of 256 bits"),
                    "set hash to SHA2 and security to 256",
                );
            }
        }
        if settings.given("enrollment.type")?.is_some_and(|kind| kind.eq_ignore_ascii_case("idemix")) {
            return refused(
                "enrollment.type: fabcert does not enrol Idemix credentials",
                "use the Go client for Idemix, or --enrollment.type x509",
            );
        }
        let is_enrolment = matches!(self.line.command.name, "enroll" | "reenroll");
        if is_enrolment && settings.given("enrollment.profile")?.as_deref() == Some("ca") {
            return refused(
                "enrollment.profile: fabcert requests no CA certificates, which the profile \"ca\" gives",
                "leave the profile out; an intermediate CA enrols by its own server, and the Go client takes the profile",
            );
        }
        if settings.number("csr.ca.pathlength")? != 0 || settings.switch("csr.ca.pathlenzero")? {
            return refused(
                "csr.ca: fabcert requests no CA certificates",
                "leave csr.ca out; an intermediate CA enrols by its own server",
            );
        }
        if (self.process.env)("FABRIC_CA_CLIENT_PROFILE_MODE").is_some_and(|mode| !mode.is_empty()) {
            return refused("FABRIC_CA_CLIENT_PROFILE_MODE: fabcert writes no profiles", "unset it");
        }
        let curve = settings.text("idemix.curve")?;
        if !["amcl.Fp256bn", "gurvy.Bn254", "amcl.Fp256Miraclbn"].contains(&curve.as_str()) {
            return refused(
                &format!("invalid Idemix curve \"{curve}\""),
                "leave idemix.curve out: it has no effect on X.509 certificates",
            );
        }
        Ok(())
    }

    /// The file with the certificate of the identity.
    pub(super) fn certificate_file(&self) -> Result<PathBuf, Error> {
        Ok(self.custom("mycertfile")?.unwrap_or_else(|| self.msp.join("signcerts/cert.pem")))
    }

    /// A file within the MSP folder that a setting names.
    ///
    /// # Errors
    /// When it leaves the folder.
    pub(super) fn custom(&self, key: &str) -> Result<Option<PathBuf>, Error> {
        use std::path::Component;
        let Some(file) = self.settings().given(key)? else { return Ok(None) };
        let mut depth = 0_i32;
        let is_local = Path::new(&file).components().all(|part| {
            depth += match part {
                Component::Normal(_) => 1,
                Component::CurDir => 0,
                Component::ParentDir => -1,
                _ => i32::MIN / 2,
            };
            depth >= 0
        });
        if !is_local {
            let message =
                format!("{key}: file path '{file}' must be relative and remain within '{}'", self.msp.display());
            return Err(Error::new(ErrorKind::Usage, message).with_help("give a path below the MSP folder"));
        }
        Ok(Some(self.msp.join(file)))
    }

    fn check_enrolment(&self, first: &str) -> Result<(), Error> {
        if ["enroll", "getcacert", "getcainfo", "gencsr"].contains(&first) {
            return Ok(());
        }
        let certificate = self.certificate_file()?;
        if self.process.disk.metadata_followed(&certificate)?.is_some() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Input,
            format!(
                "Enrollment information does not exist. Please execute enroll command first. Example: fabric-ca-client \
                 enroll -u http://user:userpw@serverAddr:serverPort (no certificate at {})",
                certificate.display()
            ),
        ))
    }

    /// The CA, with the id and the secret in its URL.
    ///
    /// # Errors
    /// When the URL cannot be used.
    pub(super) fn url(&self) -> Result<(CaUrl, Option<String>, Option<Secret>), Error> {
        let text = self.settings().text("url")?;
        CaUrl::parse(&url::with_scheme(&text)).map_err(|e| Error::from(e).about("url"))
    }

    /// Access to the CA as `id`.
    ///
    /// # Errors
    /// When the URL cannot be used, or a certificate to trust is missing.
    pub(super) fn access(&self, id: String, secret: SecretSource) -> Result<CaAccess, Error> {
        let settings = self.settings();
        let (url, ..) = self.url()?;
        let anchors: Vec<_> = settings.list("tls.certfiles")?.iter().map(|file| self.home.path(file).into()).collect();
        if url.is_plaintext() {
            tracing::warn!("{url} is plain HTTP: everything crosses the network in clear text, secrets included");
        } else if anchors.is_empty() {
            return Err(Error::new(
                ErrorKind::Usage,
                "Failed to get client TLS config: No trusted root certificates for TLS were provided",
            )
            .with_help("give the CA's certificate with --tls.certfiles or FABRIC_CA_CLIENT_TLS_CERTFILES"));
        }
        let pair = if url.is_plaintext() { None } else { mutual_tls::files(self)? };
        let client_identity = pair.map(|(certificate, key)| (certificate.into(), key.into()));
        Ok(CaAccess {
            url,
            id,
            secret,
            ca_name: settings.given("caname")?,
            anchors,
            client_identity,
            proxy: None,
            plaintext: true,
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
            timeout: DEFAULT_TIMEOUT.max(PATIENCE),
        })
    }

    /// The subject fields of a request, and the OUs: a Fabric CA puts type and affiliation in place of them.
    ///
    /// # Errors
    /// When a field is unknown, or another than OU is given twice.
    pub(super) fn subject(&self) -> Result<(SubjectFields, Vec<String>), Error> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        if let Some(items) = self.line.given.get("csr.names") {
            for item in items {
                let (key, value) = item.split_once('=').ok_or_else(|| {
                    Error::new(
                        ErrorKind::Usage,
                        format!("CSR name/value '{item}' is missing '=' ; it must be of the form <name>=<value>"),
                    )
                })?;
                if !SUBJECT.contains(&key) {
                    return Err(Error::new(ErrorKind::Usage, format!("Invalid CSR name: '{key}'"))
                        .with_help(format!("give one of {}", SUBJECT.join(", "))));
                }
                pairs.push((key.to_owned(), value.to_owned()));
            }
        } else {
            for name in self.settings().mappings("csr.names")? {
                let text = |key: &str| get(name, key).filter(|node| !node.is_null()).and_then(Node::text);
                pairs.extend(SUBJECT.iter().filter_map(|key| Some(((*key).to_owned(), text(key)?.to_owned()))));
            }
        }
        let (mut subject, mut units) = (SubjectFields::default(), Vec::new());
        for (key, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
            let slot = match key.as_str() {
                "C" => &mut subject.country,
                "ST" => &mut subject.state,
                "L" => &mut subject.locality,
                "O" => &mut subject.organization,
                "SerialNumber" => &mut subject.serial_number,
                _ => {
                    units.push(value);
                    continue;
                }
            };
            if slot.as_ref().is_some_and(|known| *known != value) {
                return Err(twice(&key));
            }
            *slot = Some(value);
        }
        if subject.serial_number.is_none() {
            subject.serial_number = self.settings().given("csr.serialnumber")?;
        }
        Ok((subject, units))
    }

    /// The attributes of an identity: those of the flags, else of the file. `--attrs` of `identity` and the general
    /// `--id.attrs` are two names of one list in the Go client.
    ///
    /// # Errors
    /// When one is not `name=value` or `name=value:ecert`.
    pub(super) fn attributes(&self) -> Result<Vec<Attribute>, Error> {
        let given: Vec<_> = ["id.attrs", "attrs"].iter().filter_map(|name| self.line.given.get(*name)).collect();
        if given.is_empty() {
            let items = self.settings().mappings("id.attributes")?;
            let text = |node, key: &str| get(node, key).and_then(Node::text).unwrap_or_default().to_owned();
            let of = |node| Attribute {
                name: text(node, "name"),
                value: text(node, "value"),
                ecert: text(node, "ecert") == "true",
            };
            return Ok(items.into_iter().map(of).collect());
        }
        let mut all: Vec<Attribute> = Vec::new();
        let wrong =
            |message: String| Error::new(ErrorKind::Usage, message).with_help("write NAME=VALUE or NAME=VALUE:ecert");
        for item in given.into_iter().flatten().filter(|item| !item.is_empty()) {
            let (name, value) = item.split_once('=').ok_or_else(|| {
                wrong(format!("Attribute '{item}' is missing '=' ; it must be of the form <name>=<value>"))
            })?;
            let mut parts = value.split(':');
            let (value, flag) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            if parts.next().is_some() {
                return Err(wrong(format!("Multiple ':' characters not allowed in attribute specification '{item}'")));
            }
            let ecert = match flag.to_ascii_lowercase().as_str() {
                "" => false,
                "ecert" => true,
                _ => return Err(wrong(format!("Invalid attribute flag: '{flag}'"))),
            };
            all.retain(|known| known.name != name);
            all.push(Attribute { name: name.to_owned(), value: value.to_owned(), ecert });
        }
        Ok(all)
    }

    /// The attribute requests of an enrolment; `None` leaves the choice to the CA.
    ///
    /// # Errors
    /// When one is not `name` or `name:opt`.
    pub(super) fn attribute_requests(&self) -> Result<Option<Vec<AttrRequest>>, Error> {
        let items = self.line.given.get("enrollment.attrs").filter(|items| !items.is_empty());
        let Some(items) = items else {
            let items = self.settings().mappings("enrollment.attrreqs")?;
            let text = |node, key: &str| get(node, key).and_then(Node::text).unwrap_or_default().to_owned();
            let of = |node| AttrRequest { name: text(node, "name"), optional: text(node, "optional") == "true" };
            return Ok(Some(items.into_iter().map(of).collect()).filter(|all: &Vec<_>| !all.is_empty()));
        };
        let request = |item: &String| match item.split_once(':') {
            None => Ok(AttrRequest { name: item.clone(), optional: false }),
            Some((name, "opt")) => Ok(AttrRequest { name: name.to_owned(), optional: true }),
            Some(_) => Err(Error::new(
                ErrorKind::Usage,
                format!(
                    "Invalid option in attribute request specification at '{item}'; the value after the colon must be 'opt'"
                ),
            )),
        };
        items.iter().map(request).collect::<Result<Vec<_>, _>>().map(Some)
    }
}

/// The error of a subject field with two values.
pub(super) fn twice(key: &str) -> Error {
    Error::new(ErrorKind::Usage, format!("csr.names gives {key} twice, and fabcert requests one"))
        .with_help("give it once")
}

const SUBJECT: [&str; 6] = ["C", "ST", "L", "O", "OU", "SerialNumber"];

/// Writes the configuration file of a home that has none. It holds no secret.
fn create(line: &Line, first: &str, home: &Home, process: &Process<'_>) -> Result<(), Error> {
    let none = ConfigFile::default();
    let settings = Settings { line, env: process.env, file: &none };
    let failed = |why: &str| {
        Error::new(ErrorKind::Usage, format!("Failed to create default configuration file: {why}"))
            .with_help("give the CA as -u https://ID:SECRET@HOST:PORT")
    };
    let url = settings.text("url")?;
    let (scheme, user, host) = url::parts(&url::with_scheme(&url)).ok_or_else(|| failed("the URL cannot be read"))?;
    let mut id = String::new();
    if first == "enroll" {
        let (Some(name), has_secret) = user else {
            return Err(failed("No username and password provided as part of the Fabric CA server URL"));
        };
        if name.is_empty() {
            return Err(failed("No username provided as part of URL"));
        }
        if !has_secret {
            return Err(failed("No password provided as part of URL"));
        }
        id = name;
    }
    let myhost = settings.given("myhost")?.unwrap_or_else(|| process.host.clone());
    let msp_dir = line.given.get("mspdir").and_then(|values| values.first()).map_or("msp", String::as_str);
    let start = Start {
        url: &format!("{scheme}://{host}"),
        msp_dir,
        common_name: &id,
        host: &myhost,
        curve: &settings.text("idemix.curve")?,
    };
    process.disk.create_dirs(&home.dir)?;
    Ok(process.disk.replace(&home.config, start.text().as_bytes(), 0o755)?)
}
