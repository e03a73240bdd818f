//! Commands whose arguments are defined only when a line names them: most runs need those of one command.

use clap::builder::Resettable;
use clap::{ArgMatches, Args, Command, FromArgMatches, Id};

#[cfg(feature = "kubernetes")]
use super::issuer;
use super::{
    agent, audit, ca, completions, csr, doctor, enroll, export, inspect, install, names, probe, reenroll, render,
    renew, rollback, rules,
};
#[cfg(feature = "dev-ca")]
use super::{demo, dev_ca};

/// The arguments `T` of a command, which [`defined`] adds to it.
#[derive(Debug)]
pub(super) struct Deferred<T>(pub(super) T);

impl<T: Args> Args for Deferred<T> {
    fn augment_args(command: Command) -> Command {
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        command
    }

    fn group_id() -> Option<Id> {
        T::group_id()
    }
}

/// A command below `fabcert` with its arguments.
pub(super) fn defined(command: Command) -> Command {
    let define: fn(Command) -> Command = match command.get_name() {
        "enroll" => enroll::EnrollArgs::augment_args,
        "reenroll" => reenroll::ReenrollArgs::augment_args,
        "renew" => renew::RenewArgs::augment_args,
        "agent" => agent::AgentArgs::augment_args,
        #[cfg(feature = "kubernetes")]
        "issuer" => issuer::IssuerArgs::augment_args,
        "doctor" => doctor::DoctorArgs::augment_args,
        "ca" => ca::CaCommandArgs::augment_args,
        "export" => export::ExportArgs::augment_args,
        "audit" => audit::AuditArgs::augment_args,
        "names" => names::NamesArgs::augment_args,
        "render" => render::RenderArgs::augment_args,
        "probe" => probe::ProbeArgs::augment_args,
        "inspect" => inspect::InspectArgs::augment_args,
        "rules" => rules::RulesArgs::augment_args,
        "explain" => rules::ExplainArgs::augment_args,
        "csr" => csr::CsrArgs::augment_args,
        "install" => install::InstallArgs::augment_args,
        "rollback" => rollback::RollbackArgs::augment_args,
        #[cfg(feature = "dev-ca")]
        "demo" => demo::DemoArgs::augment_args,
        #[cfg(feature = "dev-ca")]
        "dev-ca" => dev_ca::DevCaArgs::augment_args,
        "completions" => completions::CompletionsArgs::augment_args,
        "man" => completions::ManArgs::augment_args,
        _ => return command,
    };
    // The description of a command is that of its place in the list.
    let (about, long_about) = (command.get_about().cloned(), command.get_long_about().cloned());
    define(command).about(Resettable::from(about)).long_about(Resettable::from(long_about))
}

impl<T: FromArgMatches> FromArgMatches for Deferred<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        T::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
}
