//! `fabric-ca-server-config.yaml`: the differences from the server's template, and the required parts.

use std::path::Path;
use std::time::{Duration, SystemTime};

use fabcert::internals::pem_encode;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, KeyUsagePurpose};

use super::ADMIN;
use super::transport::Issued;

/// One CA server.
#[allow(clippy::struct_excessive_bools, reason = "one for each setting")]
pub(super) struct CaConfig<'a> {
    /// CA name; empty for no name.
    pub(super) name: &'a str,
    /// Whether its root replaces that of another CA, and has a name of its own.
    pub(super) is_successor: bool,
    /// Names of further root CAs on the same server.
    pub(super) more_names: &'a [String],
    /// 0 for the root.
    pub(super) tier: u32,
    /// The number of CAs below this one.
    pub(super) below: u32,
    /// Whether it serves plain HTTP.
    pub(super) plaintext: bool,
    /// `cfg.identities.allowremove` and `cfg.affiliations.allowremove`.
    pub(super) allow_removal: bool,
    /// `ca.reenrollIgnoreCertExpiry`.
    pub(super) reenroll_expired: bool,
    /// `signing.profiles.tls.expiry`.
    pub(super) tls_expiry: &'static str,
    pub(super) parent: Option<Parent>,
    pub(super) tls: &'a Issued,
    pub(super) tls_anchor: &'a Path,
    pub(super) client_anchor: Option<&'a Path>,
}

/// The CA that issues an intermediate CA's certificate.
pub(super) struct Parent {
    pub(super) port: u16,
    /// Enrolment id of the intermediate CA, which becomes its common name.
    pub(super) id: String,
}

/// The enrolment id of the CA at `tier`. Each tier has its own, so that no CA certificate has its issuer's name.
pub(super) fn tier_id(tier: u32) -> String {
    format!("org1-intermediate{tier}")
}

/// The certificate and the key, PEM, of a root that began `age` ago.
pub(super) fn root_of(age: Duration) -> [String; 2] {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "org1-ca");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = (SystemTime::now() - age).into();
    params.not_after = params.not_before + Duration::from_secs(15 * 365 * 86_400);
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    [pem_encode("CERTIFICATE", certificate.der()), pem_encode("PRIVATE KEY", &key.serialize_der())]
}

const TIER_SECRET: &str = "tierpw";

impl CaConfig<'_> {
    /// Paths of the further CAs' files, relative to the server's home, each with its content.
    pub(super) fn further_files(&self) -> impl Iterator<Item = (String, String)> + '_ {
        self.more_names.iter().map(|name| {
            let text =
                format!("ca: {{name: {name}}}\ncsr: {{cn: {name}-root, ca: {{expiry: 131400h, pathlength: 1}}}}\n");
            (format!("{name}/fabric-ca-server-config.yaml"), text)
        })
    }

    /// The server's file. The operations listener takes any free port; the CA's own is `port`.
    pub(super) fn yaml(&self, port: u16) -> String {
        let Self { name, tls, reenroll_expired, allow_removal, tls_expiry, .. } = self;
        let is_tls = !self.plaintext;
        let (admin, secret) = ADMIN;
        let client_auth = self.client_anchor.map_or_else(String::new, |anchor| {
            format!("  clientauth: {{type: RequireAndVerifyClientCert, certfiles: [{}]}}\n", anchor.display())
        });
        // A root names itself; the name of an intermediate CA is the identity that it enrols with.
        let certificate = match &self.parent {
            None => {
                let common_name = if name.is_empty() { "org1-root" } else { name };
                let common_name = if self.is_successor { format!("{common_name}-new") } else { common_name.to_owned() };
                let path = self.below + 1;
                format!(
                    "csr: {{cn: {common_name}, names: [{{C: US, O: org1}}], ca: {{expiry: 131400h, pathlength: {path}}}}}\n"
                )
            }
            Some(Parent { port, id }) => format!(
                "intermediate:\n  parentserver: {{url: \"https://{id}:{TIER_SECRET}@localhost:{port}\"}}\n  \
                 tls: {{certfiles: [{}]}}\ncsr: {{names: [{{C: US, O: org1}}]}}\n",
                self.tls_anchor.display()
            ),
        };
        format!(
            r#"version: 1.5.21
address: 127.0.0.1
port: {port}
tls:
  enabled: {is_tls}
  certfile: {tls_cert}
  keyfile: {tls_key}
{client_auth}ca: {{name: "{name}", reenrollIgnoreCertExpiry: {reenroll_expired}}}
db: {{type: sqlite3, datasource: fabric-ca-server.db}}
operations: {{listenAddress: "127.0.0.1:0"}}
metrics: {{provider: disabled}}
cfg: {{identities: {{allowremove: {allow_removal}}}, affiliations: {{allowremove: {allow_removal}}}}}
affiliations: {{org1: [department1, department2], org2: [department1]}}
registry:
  maxenrollments: -1
  identities:
    - name: {admin}
      pass: {secret}
      type: client
      attrs:
        hf.Registrar.Roles: "*"
        hf.Registrar.DelegateRoles: "*"
        hf.Registrar.Attributes: "*"
        hf.Revoker: true
        hf.IntermediateCA: true
        hf.GenCRL: true
        hf.AffiliationMgr: true
    - {{name: {next}, pass: {TIER_SECRET}, type: client, attrs: {{hf.IntermediateCA: true}}}}
signing:
  default: {{usage: [digital signature], expiry: 8760h}}
  profiles:
    # The length the next tier's certificate may have below it, so that a tier may follow that one.
    ca: {{usage: [cert sign, crl sign], expiry: 43800h, caconstraint: {{isca: true, maxpathlen: {path_below}}}}}
    # Half of the certificates with it have expired when they are issued, as the server rounds to minutes.
    short: {{usage: [digital signature], expiry: 1s}}
    tls: {{usage: [signing, key encipherment, server auth, client auth, key agreement], expiry: {tls_expiry}}}
{certificate}"#,
            tls_cert = tls.cert.display(),
            tls_key = tls.key.display(),
            next = tier_id(self.tier + 1),
            path_below = self.below.saturating_sub(1),
        )
    }
}
