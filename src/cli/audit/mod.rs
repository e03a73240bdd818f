//! `fabcert audit`.

mod args;

use std::process::ExitCode;

pub(super) use args::AuditArgs;
use args::ExpectArgs;

use super::args::OutputForm;
use super::output;
use crate::audit::input::{LoadOptions, WalkOptions, walk};
use crate::audit::{Audit, Expectation, ExpectedName, Level, Levels, NameSource, Report, Severity, rule_by_id};
use crate::fsx::Disk;
use crate::name::{NameSet, NameWishes, SanName};
use crate::report::{Format, Style, render};
use crate::{Error, ErrorKind};

/// Larger files are no certificates.
const FILE_LIMIT: usize = 256 * 1024 * 1024;

pub(super) fn run(args: &AuditArgs, form: OutputForm) -> Result<ExitCode, Error> {
    let disk = Disk::real();
    let audit = Audit {
        now: args.judge.at.unwrap_or_else(super::now),
        channel_rules: args.judge.fabric_version.into(),
        expectation: expectation(&args.expect)?,
        levels: levels(args)?,
        load: LoadOptions { base: std::env::current_dir().unwrap_or_default(), limit: FILE_LIMIT },
    };
    let mut report = Report::new();
    walk(&disk, &WalkOptions { paths: args.paths.clone() }, &mut |unit| {
        if let Some((subject, findings)) = audit.unit(&disk, &unit) {
            report.add(&subject, findings);
        }
    })?;
    if report.subjects.is_empty() && report.findings.is_empty() {
        return Err(Error::new(ErrorKind::NoInput, "the paths held no certificate, CSR or revocation list")
            .with_help("name files or folders that hold some; fabcert inspect PATH says what is in a file"));
    }
    let format = if form == OutputForm::Json { Format::Json } else { Format::Human };
    output::print(&render(format, &report, Style::default()))?;
    let failed = args.report.fail_on.is_reached(report.worst());
    Ok(if failed { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn expectation(args: &ExpectArgs) -> Result<Expectation, Error> {
    let mut names = Vec::new();
    for text in &args.expect_san {
        let name: SanName = text.parse::<SanName>()?;
        names.push(ExpectedName { name, source: NameSource::ExpectSan, advised: false });
    }
    let services = args.hostname.iter().map(|h| (h, NameSource::Hostname));
    let gateways = args.gateway_service.iter().map(|g| (g, NameSource::GatewayService(g.clone())));
    for (service, source) in services.chain(gateways) {
        let forms = NameSet::derive(&NameWishes {
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
    Ok(Expectation { names, role: args.role.map(super::target::node_ou), ..Expectation::default() })
}

fn levels(args: &AuditArgs) -> Result<Levels, Error> {
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
