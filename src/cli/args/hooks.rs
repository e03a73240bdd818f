//! What runs after a new certificate is in place.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::parse_duration;
use crate::agent::hooks::{HookCommand, HookPlan, PASSED_ON, SignalTarget};
use crate::live::Endpoint;

/// What runs after a new certificate is in place.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct HookArgs {
    /// Command to run after a new certificate is in place: a JSON array of program and arguments; no shell takes part. Tried again until it ends with 0, then never for that certificate. Repeatable
    #[arg(long, value_name = "JSON", env = "FABCERT_HOOK", hide_env_values = true, help_heading = "Hooks")]
    hook: Vec<HookCommand>,
    /// Time limit of a command; then it gets SIGTERM, and 5s later SIGKILL
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = parse_duration, env = "FABCERT_HOOK_TIMEOUT", help_heading = "Hooks")]
    hook_timeout: Duration,
    /// File to touch then, created if it is missing. Repeatable
    #[arg(long, value_name = "PATH", value_delimiter = ',', env = "FABCERT_TOUCH", help_heading = "Hooks")]
    touch: Vec<PathBuf>,
    /// Signal to send then to the process that a pid file names, such as /run/peer.pid:TERM. Repeatable
    #[arg(long, value_name = "PIDFILE:SIGNAL", value_delimiter = ',', env = "FABCERT_SIGNAL", help_heading = "Hooks")]
    signal: Vec<SignalTarget>,
    /// TLS endpoint of the node, HOST:PORT: the hooks have passed when it serves the new certificate; otherwise the signals are sent again. Repeatable
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',', env = "FABCERT_SERVED", help_heading = "Hooks")]
    served: Vec<Endpoint>,
    /// Time that an endpoint has for serving the new certificate
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = parse_duration, env = "FABCERT_SERVED_WITHIN", help_heading = "Hooks")]
    served_within: Duration,
    /// Time between the hooks of two members of one gateway, so that a load balancer counts the first as up again
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration, env = "FABCERT_SETTLE", help_heading = "Hooks")]
    settle: Duration,
}

impl HookArgs {
    /// Whether something other than the cluster acts on a new certificate.
    #[cfg(feature = "kubernetes")]
    pub(in crate::cli) fn has_some(&self) -> bool {
        !(self.hook.is_empty() && self.touch.is_empty()) || self.has_signals()
    }

    #[cfg(feature = "kubernetes")]
    pub(in crate::cli) fn has_signals(&self) -> bool {
        !self.signal.is_empty()
    }

    #[cfg(feature = "kubernetes")]
    pub(in crate::cli) fn has_served(&self) -> bool {
        !self.served.is_empty()
    }

    /// The hooks. `env`: the variables of this process.
    pub(in crate::cli) fn plan(self, env: impl Fn(&str) -> Option<OsString>) -> HookPlan {
        HookPlan {
            commands: self.hook,
            touched: self.touch,
            signals: self.signal,
            served: self.served,
            timeout: self.hook_timeout,
            served_within: self.served_within,
            settle: self.settle,
            passed_on: PASSED_ON.into_iter().filter_map(|name| Some((name, env(name)?))).collect(),
            #[cfg(feature = "kubernetes")]
            restarter: None,
        }
    }
}
