//! What the command line expects, and the levels it sets.

use super::args::{AuditArgs, ExpectArgs};
use crate::audit::{Expectation, ExpectedName, Level, Levels, NameSource, Severity, rule_by_id};
use crate::pki::name::{NameRequest, NameSet, SanName};
use crate::{Error, ErrorKind};

/// The names and the role that every subject ought to hold. Of a Service the short form is required; the longer ones are
/// advised, since nobody was seen to dial them.
pub(super) fn expectation(args: &ExpectArgs) -> Result<Expectation, Error> {
    let mut names = Vec::new();
    for text in &args.expect_san {
        let name: SanName = text.parse::<SanName>()?;
        names.push(ExpectedName { name, source: NameSource::ExpectSan, advised: false });
    }
    let services = args.hostname.iter().map(|h| (h, NameSource::Hostname));
    let gateways = args.gateway_service.iter().map(|g| (g, NameSource::GatewayService(g.clone())));
    for (service, source) in services.chain(gateways) {
        let forms = NameSet::derive(&NameRequest {
            sans: &[],
            hostnames: std::slice::from_ref(service),
            gateway_services: &[],
            namespace: args.namespace.as_deref(),
            cluster_domain: &args.cluster_domain,
        })?;
        names.extend(forms.sans().into_iter().enumerate().map(|(index, name)| ExpectedName {
            name,
            source: source.clone(),
            advised: index > 0,
        }));
    }
    Ok(Expectation { names, role: args.role.map(Into::into), ..Expectation::default() })
}

/// The levels of `-A`, `-W` and `-D`.
pub(super) fn levels(args: &AuditArgs) -> Result<Levels, Error> {
    let mut levels = Levels::default();
    let groups = [
        (&args.report.allow, Level::Allow),
        (&args.report.warn, Level::As(Severity::Warning)),
        (&args.report.deny, Level::As(Severity::Error)),
    ];
    for (ids, level) in groups {
        for id in ids {
            if rule_by_id(id).is_none() {
                return Err(Error::new(ErrorKind::Usage, format!("there is no rule \"{id}\""))
                    .with_help("fabcert rules lists them"));
            }
            levels.set(id.as_str(), level);
        }
    }
    Ok(levels)
}
