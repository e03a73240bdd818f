//! `fabcert inspect`.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

mod channel;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use self::channel::ChannelSeen;
use super::args::OutputForm;
use super::dates::life;
use super::{output, process};
use crate::audit::input::{LoadOptions, Unit, WalkOptions, load, walk};
use crate::audit::model::subject::{HeldCert, HeldKey, KeyKind, Subject, SubjectKind, spki_hash};
use crate::disk::Disk;
use crate::manifests::Object;
use crate::pki::x509::SignatureCheck;
use crate::text::escape::Lines;
use crate::text::yaml;
use crate::{Error, ErrorKind};

/// Show the contents of certificates, CSRs, keys, revocation lists, MSP and TLS folders, manifests, and channel configurations.
/// Private keys are never printed.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fabcert inspect server.crt
  fabcert inspect --output json /var/hyperledger/peer/msp
  peer channel fetch config ch.block -c ch -o orderer1:7050
  fabcert inspect ch.block
  kubectl get secret org1-peer1-tls -o jsonpath='{.data.tls\\.crt}' \\
      | base64 -d | fabcert inspect -")]
pub(super) struct InspectArgs {
    /// Files and folders; - is standard input
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
}

#[derive(Serialize)]
struct Seen {
    path: PathBuf,
    kind: SubjectKind,
    role: Option<&'static str>,
    certificates: Vec<CertSeen>,
    keys: Vec<KeySeen>,
    csrs: Vec<CsrSeen>,
    crls: Vec<CrlSeen>,
    /// The `NodeOUs` of `config.yaml`; `null` if it has none.
    node_ous: Option<NodeOusSeen>,
    objects: Vec<ObjectSeen>,
    /// The channel configuration; `null` in other files.
    channel: Option<ChannelSeen>,
    unreadable: Vec<String>,
}

#[derive(Serialize)]
struct NodeOusSeen {
    enabled: bool,
    /// Identifiers with their OUs.
    identifiers: BTreeMap<String, String>,
}

/// An object of a manifest.
#[derive(Serialize)]
struct ObjectSeen {
    kind: String,
    name: String,
    namespace: Option<String>,
    line: usize,
}

#[derive(Serialize)]
struct CertSeen {
    path: PathBuf,
    block: Option<usize>,
    line: Option<usize>,
    subject: String,
    issuer: String,
    serial: String,
    not_before: String,
    not_after: String,
    key: String,
    signature: String,
    ski: String,
    ca: bool,
    path_len: Option<u32>,
    key_usage: Vec<String>,
    extended_key_usage: Vec<String>,
    sans: Vec<String>,
    attributes: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct KeySeen {
    path: PathBuf,
    line: Option<usize>,
    kind: String,
    mode: Option<String>,
    belongs_to: Option<String>,
}

#[derive(Serialize)]
struct CsrSeen {
    path: PathBuf,
    subject: String,
    key: String,
    sans: Vec<String>,
    /// `null` if fabcert does not verify signatures of this kind.
    signature_holds: Option<bool>,
}

#[derive(Serialize)]
struct CrlSeen {
    path: PathBuf,
    issuer: String,
    this_update: String,
    next_update: Option<String>,
    revoked: Vec<String>,
}

pub(super) fn run(args: &InspectArgs, form: OutputForm) -> Result<ExitCode, Error> {
    let disk = Disk::real();
    let here = Disk::working_directory()?;
    let options = LoadOptions { base: here.clone(), here, variables: crate::manifests::Variables::new() };
    let mut units = Vec::new();
    walk(&disk, &WalkOptions { paths: &args.paths, excluded: &|_: &Path| false }, &mut |unit| units.push(unit))?;
    let mut all = Vec::new();
    for unit in units {
        let unit = match unit {
            Unit::Stdin(_) => Unit::Stdin(process::read_stdin()?),
            other => other,
        };
        let last = load(&disk, &unit, &options, &mut |part| all.push(seen(&part)));
        all.extend(last.map(|subject| seen(&subject)));
    }
    if all.iter().all(Seen::is_empty) {
        let why = all.into_iter().flat_map(|seen: Seen| seen.unreadable).next();
        return Err(Error::new(ErrorKind::NoInput, "the paths hold nothing that fabcert can read").with_help(
            why.unwrap_or_else(|| {
                "give files with certificates, CSRs, keys, revocation lists, manifests or channel configurations, or folders with such files"
                    .to_owned()
            }),
        ));
    }
    match form {
        OutputForm::Json => output::print_json(&serde_json::json!({"schema_version": 1, "subjects": all}))?,
        OutputForm::Human => {
            let mut lines = Lines::new();
            for (index, one) in all.iter().enumerate() {
                if index > 0 {
                    lines.gap();
                }
                describe(one, &mut lines);
            }
            output::print(&lines)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Seen {
    /// Whether nothing in it can be shown.
    const fn is_empty(&self) -> bool {
        matches!(self.kind, SubjectKind::Certificate | SubjectKind::Csr | SubjectKind::Crl)
            && self.certificates.is_empty()
            && self.keys.is_empty()
            && self.csrs.is_empty()
            && self.crls.is_empty()
    }
}

fn seen(subject: &Subject) -> Seen {
    Seen {
        node_ous: subject.msp.as_ref().and_then(|facts| node_ous(&facts.config_text)),
        objects: subject.manifest.iter().flat_map(|m| &m.objects).map(object_seen).collect(),
        channel: subject.channel.as_deref().map(ChannelSeen::of),
        path: subject.path.clone(),
        kind: subject.kind,
        role: subject.role.map(crate::pki::x509::NodeOu::as_str),
        certificates: subject.certificates.iter().map(cert_seen).collect(),
        keys: subject.keys.iter().map(|k| key_seen(k, subject)).collect(),
        csrs: subject
            .csrs
            .iter()
            .map(|c| CsrSeen {
                path: c.at.path.clone(),
                subject: c.subject.clone(),
                key: c.key.clone(),
                sans: c.sans.iter().map(|n| format!("{}:{n}", n.kind())).collect(),
                signature_holds: match c.signature {
                    SignatureCheck::Good => Some(true),
                    SignatureCheck::Bad => Some(false),
                    SignatureCheck::Unknown => None,
                },
            })
            .collect(),
        crls: subject
            .crls
            .iter()
            .map(|c| CrlSeen {
                path: c.at.path.clone(),
                issuer: c.crl.issuer().to_owned(),
                this_update: c.crl.this_update().to_string(),
                next_update: c.crl.next_update().map(|t| t.to_string()),
                revoked: c.crl.serials().to_vec(),
            })
            .collect(),
        unreadable: subject.troubles.iter().map(|t| format!("{}: {}", t.at.path.display(), t.reason)).collect(),
    }
}

fn node_ous(config: &str) -> Option<NodeOusSeen> {
    let documents = yaml::documents(config).ok()?;
    let part = documents.first()?.get("NodeOUs")?;
    let identifier = |(key, value): &(yaml::Node, yaml::Node)| {
        let name = key.text()?.strip_suffix("OUIdentifier")?.to_ascii_lowercase();
        Some((name, value.text_at(&["OrganizationalUnitIdentifier"])?.to_owned()))
    };
    let identifiers = part.entries()?.iter().filter_map(identifier).collect();
    let enabled = part
        .text_at(&["Enable"])
        .is_some_and(|text| ["true", "yes", "on"].contains(&text.to_ascii_lowercase().as_str()));
    Some(NodeOusSeen { enabled, identifiers })
}

fn object_seen(object: &Object) -> ObjectSeen {
    let (meta, kind, at) = match object {
        Object::Service(o) => (Some(&o.meta), "", &o.meta.at),
        Object::Workload(o) => (Some(&o.meta), "", &o.meta.at),
        Object::Route(o) => (Some(&o.meta), "", &o.meta.at),
        Object::Gateway(o) => (Some(&o.meta), "", &o.meta.at),
        Object::Secret(o) => (Some(&o.meta), "", &o.meta.at),
        Object::ConfigMap(o) => (Some(&o.meta), "", &o.meta.at),
        Object::Certificate(o) => (Some(&o.meta), "", &o.meta.at),
        Object::Issuer(o) => (Some(&o.meta), "", &o.meta.at),
        Object::FabricCaIssuer(o) => (Some(&o.meta), "", &o.meta.at),
        Object::Approval(o) => (Some(&o.meta), "", &o.meta.at),
        Object::KubeProxy(o) => (None, "kube-proxy configuration", &o.at),
        Object::Profile(o) => (None, "connection profile", &o.at),
    };
    ObjectSeen {
        kind: meta.map_or_else(|| kind.to_owned(), |m| m.kind.clone()),
        name: meta.map(|m| m.name.clone()).unwrap_or_default(),
        namespace: meta.and_then(|m| m.namespace.clone()),
        line: at.line,
    }
}

fn cert_seen(held: &HeldCert) -> CertSeen {
    let cert = &held.cert;
    let (key_usage, extended_key_usage) = cert.usages();
    CertSeen {
        path: held.at.path.clone(),
        block: held.at.block,
        line: held.at.line,
        subject: cert.subject().to_owned(),
        issuer: cert.issuer().to_owned(),
        serial: cert.serial_hex(),
        not_before: cert.not_before().to_string(),
        not_after: cert.not_after().to_string(),
        key: cert.public_key().to_string(),
        signature: cert.signature_algorithm().to_string(),
        ski: cert.ski().to_string(),
        ca: cert.is_ca(),
        path_len: cert.path_len(),
        key_usage,
        extended_key_usage,
        sans: cert.sans().iter().map(|n| format!("{}:{n}", n.kind())).collect(),
        attributes: cert
            .attributes()
            .map(|a| a.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
            .unwrap_or_default(),
    }
}

fn key_seen(key: &HeldKey, subject: &Subject) -> KeySeen {
    let owner = key.spki_hash.as_ref().and_then(|hash| {
        let found = subject.certificates.iter().find(|c| spki_hash(c.cert.spki_der()) == *hash);
        found.map(|c| c.at.path.display().to_string())
    });
    KeySeen {
        path: key.at.path.clone(),
        line: key.at.line,
        kind: match &key.kind {
            KeyKind::Plain(kind) => kind.clone(),
            KeyKind::Encrypted => "encrypted".to_owned(),
            KeyKind::BehindParameters => "after EC PARAMETERS, where Fabric's keystore does not find it".to_owned(),
            KeyKind::Unreadable(why) => format!("unreadable: {why}"),
        },
        mode: key.mode.map(|m| format!("{m:04o}")),
        belongs_to: owner,
    }
}

fn describe(seen: &Seen, out: &mut Lines) {
    let kind = match seen.kind {
        SubjectKind::Msp => "MSP folder",
        SubjectKind::Tls => "TLS folder",
        SubjectKind::Csr => "CSR",
        SubjectKind::Crl => "revocation list",
        SubjectKind::Manifest => "manifest",
        SubjectKind::Channel => seen.channel.as_ref().map_or("channel configuration", |channel| channel.form),
        _ => "file",
    };
    let role = seen.role.map(|r| format!(", {r}")).unwrap_or_default();
    out.line(format_args!("{} ({kind}{role})", seen.path.display()));
    let mut line = |label: &str, text: &str| {
        if !text.is_empty() {
            out.hanging(18, format_args!("    {label:13} {text}"));
        }
    };
    for cert in &seen.certificates {
        let at = cert.line.map(|l| format!(":{l}")).unwrap_or_default();
        line("certificate", &format!("{}{at}", cert.path.display()));
        line("  subject", &cert.subject);
        line("  issuer", &cert.issuer);
        line("  serial", &cert.serial);
        line("  valid", &life(&cert.not_before, &cert.not_after, process::now()));
        for (index, name) in cert.sans.iter().enumerate() {
            line(if index == 0 { "  names" } else { "" }, name);
        }
        let depth = cert.path_len.map(|n| format!(", path length {n}")).unwrap_or_default();
        line("  CA", &if cert.ca { format!("yes{depth}") } else { String::new() });
        line("  key", &format!("{}, SKI {}", cert.key, cert.ski));
        line("  signed", &cert.signature);
        line("  usage", &[&cert.key_usage[..], &cert.extended_key_usage[..]].concat().join(", "));
        let attributes: Vec<String> = cert.attributes.iter().map(|(n, v)| format!("{n}={v}")).collect();
        line("  attributes", &attributes.join(", "));
    }
    for key in &seen.keys {
        let mode = key.mode.as_ref().map(|m| format!(", mode {m}")).unwrap_or_default();
        let owner = key.belongs_to.as_ref().map(|p| format!(", belongs to {p}")).unwrap_or_default();
        line("key", &format!("{}: {}{mode}{owner}", key.path.display(), key.kind));
    }
    for csr in &seen.csrs {
        line("CSR", &format!("{}: {}", csr.path.display(), csr.subject));
        for (index, name) in csr.sans.iter().enumerate() {
            line(if index == 0 { "  names" } else { "" }, name);
        }
        let signature = match csr.signature_holds {
            Some(true) => "valid",
            Some(false) => "not valid",
            None => "not verified: fabcert does not support its kind",
        };
        line("  signature", signature);
    }
    for crl in &seen.crls {
        line("CRL", &format!("{}: issued by {}", crl.path.display(), crl.issuer));
        let next = crl.next_update.as_ref().map(|n| format!(", next {n}")).unwrap_or_default();
        line("  made", &format!("{}{next}", crl.this_update));
        line("  revoked", &crl.revoked.join(", "));
    }
    if let Some(ous) = &seen.node_ous {
        let names: Vec<String> = ous.identifiers.iter().map(|(role, ou)| format!("{role} is OU {ou}")).collect();
        line("NodeOUs", &format!("{}: {}", if ous.enabled { "on" } else { "off" }, names.join(", ")));
    }
    for object in &seen.objects {
        let namespace = object.namespace.as_ref().map(|n| format!(", namespace {n}")).unwrap_or_default();
        line("object", &format!("{} {}{namespace} (line {})", object.kind, object.name, object.line));
    }
    if let Some(channel) = &seen.channel {
        channel.describe(&mut line);
    }
    for text in &seen.unreadable {
        line("unreadable", text);
    }
}
