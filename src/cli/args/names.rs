//! The names of a certificate, and its subject.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::path::PathBuf;

use clap::Args;

use super::ManifestArgs;
use crate::cli::manifests;
use crate::identity::names::parse_drops;
use crate::manifests::Settings;
use crate::pki::name::{NameRequest, NameSet, SanName, check_place};
use crate::pki::x509::SubjectFields;
use crate::{Error, ErrorKind};

/// The names in the certificate.
#[derive(Args, Clone, Debug, Default)]
pub(in crate::cli) struct NameArgs {
    /// DNS name, IP address, e-mail address or URI. Repeat it, or separate several with commas
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        env = "FABCERT_SAN",
        alias = "csr.hosts",
        help_heading = "Names"
    )]
    pub(in crate::cli) san: Vec<String>,
    /// Name of the current certificate that the new one does not keep. Repeat it, or separate several with commas. All
    /// other names are kept
    #[arg(long, value_name = "NAME", value_delimiter = ',', env = "FABCERT_DROP_SAN", help_heading = "Names")]
    pub(in crate::cli) drop_san: Vec<String>,
    /// Kubernetes Service in front of the organisation's peers. Adds each name that clients can dial it by
    #[arg(long, value_name = "SVC", value_delimiter = ',', env = "FABCERT_GATEWAY_SERVICE", help_heading = "Names")]
    pub(in crate::cli) gateway_service: Vec<String>,
    /// Host name of the node (its own Service). Adds each name that clients can dial it by
    #[arg(long, value_name = "HOST", value_delimiter = ',', env = "FABCERT_HOSTNAME", help_heading = "Names")]
    pub(in crate::cli) hostname: Vec<String>,
    /// Kubernetes namespace. Adds SERVICE.NS, SERVICE.NS.svc and SERVICE.NS.svc.DOMAIN for each Service
    #[arg(long, value_name = "NS", env = "FABCERT_NAMESPACE", help_heading = "Names")]
    pub(in crate::cli) namespace: Option<String>,
    /// DNS domain of the cluster
    #[arg(
        long,
        value_name = "DOMAIN",
        default_value = "cluster.local",
        env = "FABCERT_CLUSTER_DOMAIN",
        help_heading = "Names"
    )]
    pub(in crate::cli) cluster_domain: String,
    /// Files or folders of manifests: adds the names that `fabcert names` prints for the node
    #[arg(long, value_name = "PATH", value_delimiter = ',', env = "FABCERT_FROM_MANIFESTS", help_heading = "Names")]
    pub(in crate::cli) from_manifests: Vec<PathBuf>,
    /// Name of the node in the manifests, if there are several
    #[arg(long, value_name = "NAME", env = "FABCERT_WORKLOAD", requires = "from_manifests", help_heading = "Names")]
    pub(in crate::cli) workload: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) manifests: ManifestArgs,
    /// Subject fields: C=..,ST=..,L=..,O=..,SerialNumber=.. An OU is ignored, because the CA sets it
    #[arg(
        long,
        value_name = "K=V",
        value_delimiter = ',',
        env = "FABCERT_CSR_NAMES",
        alias = "csr.names",
        help_heading = "Names"
    )]
    pub(in crate::cli) csr_names: Vec<String>,
    /// serialNumber of the subject, as in the Go client
    #[arg(long = "csr.serialnumber", value_name = "TEXT", hide = true)]
    pub(in crate::cli) csr_serialnumber: Option<String>,
}

impl NameArgs {
    /// Whether a name is requested.
    pub(in crate::cli) fn has_some(&self) -> bool {
        [&self.san, &self.hostname, &self.gateway_service].iter().any(|names| !names.is_empty())
            || !self.from_manifests.is_empty()
    }

    /// The requested names, of which a TLS certificate needs at least one. Logs a warning for each odd one.
    pub(in crate::cli) fn name_set(&self, for_tls: bool) -> Result<NameSet, Error> {
        check_place(self.namespace.as_deref(), &self.cluster_domain)?;
        let mut set = NameSet::derive(&NameRequest {
            sans: &self.san,
            hostnames: &self.hostname,
            gateway_services: &self.gateway_service,
            namespace: self.namespace.as_deref(),
            cluster_domain: &self.cluster_domain,
        })?;
        if !self.from_manifests.is_empty() {
            let settings = Settings { namespace: self.namespace.clone(), cluster_domain: self.cluster_domain.clone() };
            let node = self.workload.as_deref();
            for needed in manifests::needed(&self.from_manifests, &self.manifests, settings, node)? {
                let reason = needed.reasons.first().map(|r| format!("{} ({})", r.words, r.at)).unwrap_or_default();
                set.add(needed.name, reason);
            }
        }
        if for_tls && set.is_empty() {
            return Err(Error::new(ErrorKind::Usage, "a TLS certificate needs names: clients cannot use one without")
                .with_help(
                    "give the names that clients dial with --san, --hostname, --gateway-service or --from-manifests",
                ));
        }
        for warning in set.warnings() {
            tracing::warn!("{warning}");
        }
        Ok(set)
    }

    /// The names to drop, none of which is requested.
    pub(in crate::cli) fn drops(&self, requested: &NameSet) -> Result<Vec<SanName>, Error> {
        parse_drops(&self.drop_san, requested)
    }

    /// The subject fields besides the CN.
    pub(in crate::cli) fn subject(&self) -> Result<SubjectFields, Error> {
        let (mut subject, had_ou) =
            SubjectFields::parse(&self.csr_names).map_err(|e| Error::new(ErrorKind::Usage, e.to_string()))?;
        if let Some(serial) = &self.csr_serialnumber {
            subject.serial_number = Some(serial.clone());
        }
        if had_ou {
            tracing::warn!(
                "ignored the OU in --csr-names: the CA sets the OUs from the identity's type and affiliation"
            );
        }
        Ok(subject)
    }
}
