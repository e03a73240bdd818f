//! The folders that hold the result.
#![allow(clippy::doc_markdown, reason = "comments of arguments are help texts, printed as they are")]

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::disk::Disk;
use crate::identity::FormGiven;
use crate::install::KeyAccess;
use crate::msp::{Layout, TlsNames};
use crate::pki::x509::NodeOu;
use crate::proof::{Purpose, RoleRule};
use crate::{Error, ErrorKind};

/// The folders of the result, and the files in them.
#[derive(Args, Clone, Debug, Default)]
pub(in crate::cli) struct TargetArgs {
    /// MSP folder of the signing identity
    #[arg(short = 'M', long, value_name = "DIR", env = "FABCERT_MSP_DIR", alias = "mspdir", help_heading = "Folders")]
    pub(in crate::cli) msp_dir: Option<PathBuf>,
    /// TLS folder. Contains server.crt (with the intermediates), server.key and ca.crt
    #[arg(long, value_name = "DIR", env = "FABCERT_TLS_DIR", help_heading = "Folders")]
    pub(in crate::cli) tls_dir: Option<PathBuf>,
    /// File names in the TLS folder [default: fabric]
    #[arg(long, value_enum, env = "FABCERT_TLS_NAMES", help_heading = "Folders")]
    pub(in crate::cli) tls_names: Option<TlsNamesArg>,
    /// File names in the MSP folder [default: fabric-ca]
    #[arg(long, value_enum, env = "FABCERT_LAYOUT", help_heading = "Folders")]
    pub(in crate::cli) layout: Option<LayoutArg>,
    /// Base of relative paths, as --home of the Go client. Without a folder the MSP folder is HOME/msp
    #[arg(short = 'H', long, value_name = "DIR", env = "FABCERT_HOME", help_heading = "Folders")]
    pub(in crate::cli) home: Option<PathBuf>,
    /// Write config.yaml, with NodeOUs that name the CA that issued the certificate (the default)
    #[arg(long, env = "FABCERT_NODE_OUS", overrides_with = "no_node_ous", help_heading = "Folders")]
    pub(in crate::cli) node_ous: bool,
    /// Do not write config.yaml
    #[arg(long, env = "FABCERT_NO_NODE_OUS", help_heading = "Folders")]
    pub(in crate::cli) no_node_ous: bool,
    /// Octal file mode of private keys [default: 0600]
    #[arg(long, value_name = "MODE", value_parser = parse_mode, env = "FABCERT_KEY_MODE", help_heading = "Folders")]
    pub(in crate::cli) key_mode: Option<u32>,
    /// Group that owns the folders, for a peer that runs as another user: its numeric id, or its name in /etc/group
    #[arg(long, value_name = "GROUP", value_parser = parse_group, env = "FABCERT_GROUP", help_heading = "Folders")]
    pub(in crate::cli) group: Option<u32>,
    /// NodeOU that the certificate must have
    #[arg(long, value_enum, env = "FABCERT_ROLE", help_heading = "Folders")]
    pub(in crate::cli) role: Option<RoleArg>,
}

/// A path as the Go client reads it: a relative path is below the home, if there is one.
pub(in crate::cli) fn below_home(home: Option<&Path>, path: &Path) -> PathBuf {
    match home {
        Some(home) if path.is_relative() => home.join(path),
        _ => path.to_owned(),
    }
}

/// Checks that the MSP folder and the TLS folder are two, by their paths.
///
/// # Errors
/// When they are one, or one is inside the other.
pub(in crate::cli) fn check_apart(msp: Option<&Path>, tls: Option<&Path>) -> Result<(), Error> {
    let inside = msp.zip(tls).is_some_and(|(a, b)| a.starts_with(b) || b.starts_with(a));
    if inside {
        let message = "--msp-dir and --tls-dir must be two folders, and neither may be inside the other";
        return Err(Error::new(ErrorKind::Usage, message));
    }
    Ok(())
}

impl TargetArgs {
    /// The MSP folder and the TLS folder. With a home and neither of them, the MSP folder is `HOME/msp`.
    pub(in crate::cli) fn folders(&self) -> (Option<PathBuf>, Option<PathBuf>) {
        let home = self.home.as_deref();
        let tls = self.tls_dir.as_deref().map(|p| below_home(home, p));
        let default_msp = home.filter(|_| tls.is_none()).map(|h| h.join("msp"));
        let msp = self.msp_dir.as_deref().map(|p| below_home(home, p)).or(default_msp);
        (msp, tls)
    }

    /// What of the form was given: it is applied to a current certificate too, and the rest of it stays.
    pub(in crate::cli) const fn given(&self) -> FormGiven {
        FormGiven {
            key_mode: self.key_mode.is_some(),
            group: self.group.is_some(),
            layout: self.layout.is_some(),
            node_ous: self.node_ous || self.no_node_ous,
            tls_names: self.tls_names.is_some(),
        }
    }

    /// Mode and group of private keys.
    pub(in crate::cli) fn key_access(&self) -> KeyAccess {
        let default = KeyAccess::default();
        KeyAccess { mode: self.key_mode.unwrap_or(default.mode), group: self.group }
    }

    /// The NodeOU that a certificate must have: the one given; without one, an MSP folder with NodeOUs needs exactly one.
    pub(in crate::cli) fn role_rule(&self, purpose: Purpose) -> RoleRule {
        match self.role {
            Some(role) => RoleRule::Exactly(role.into()),
            None if purpose == Purpose::Sign && !self.no_node_ous => RoleRule::ExactlyOne,
            None => RoleRule::Any,
        }
    }
}

impl From<RoleArg> for NodeOu {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Peer => Self::Peer,
            RoleArg::Orderer => Self::Orderer,
            RoleArg::Admin => Self::Admin,
            RoleArg::Client => Self::Client,
        }
    }
}

/// File names in the TLS folder.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) enum TlsNamesArg {
    /// server.crt, server.key, ca.crt
    #[default]
    Fabric,
    /// tls.crt, tls.key, ca.crt
    K8s,
}

/// File names in the MSP folder.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) enum LayoutArg {
    /// As fabric-ca-client names them
    #[default]
    FabricCa,
    /// As cryptogen names them
    Cryptogen,
}

/// Roles on the command line.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum RoleArg {
    /// OU peer
    Peer,
    /// OU orderer
    Orderer,
    /// OU admin
    Admin,
    /// OU client
    Client,
}

fn parse_mode(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text.trim_start_matches("0o"), 8)
        .map_err(|_| "expected an octal mode such as 0600 or 0640".to_owned())?;
    if mode & !0o660 != 0 || mode & 0o400 == 0 {
        return Err(
            "only the owner and the group may read a private key; expected 0400, 0440, 0600, 0640 or 0660".to_owned()
        );
    }
    Ok(mode)
}

/// A group: its id, or a name that `/etc/group` has. Other sources of groups (LDAP) are not asked.
fn parse_group(text: &str) -> Result<u32, String> {
    const FILE: &str = "/etc/group";
    const LIMIT: usize = 16 * 1024 * 1024;
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().map_err(|_| "expected a group id of at most 4294967295".to_owned());
    }
    let groups = Disk::real().read(Path::new(FILE), LIMIT).unwrap_or_default();
    group_id(text, &String::from_utf8_lossy(&groups)).ok_or_else(|| {
        format!("expected a numeric group id such as 1000, or the name of a group in {FILE}, which has no such name")
    })
}

/// The id of a group in the text of `/etc/group` (group(5): `name:password:GID:members`).
fn group_id(name: &str, groups: &str) -> Option<u32> {
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.trim().parse().ok()).flatten()
    })
}

impl From<LayoutArg> for Layout {
    fn from(layout: LayoutArg) -> Self {
        match layout {
            LayoutArg::FabricCa => Self::FabricCa,
            LayoutArg::Cryptogen => Self::Cryptogen,
        }
    }
}

impl From<TlsNamesArg> for TlsNames {
    fn from(names: TlsNamesArg) -> Self {
        match names {
            TlsNamesArg::Fabric => Self::Fabric,
            TlsNamesArg::K8s => Self::K8s,
        }
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_found_by_its_name() {
        let groups = "root:x:0:\nfabric:x:4242:a,b\nbroken:x\n";
        assert_eq!(group_id("fabric", groups), Some(4242));
        assert_eq!(group_id("broken", groups), None);
        assert_eq!(group_id("", groups), None);
        assert_eq!(parse_group("7"), Ok(7));
        assert_eq!(parse_group("root"), Ok(0));
        assert!(parse_group("no-such-group").unwrap_err().contains("/etc/group"));
    }

    #[test]
    fn relative_paths_are_below_the_home() {
        assert_eq!(below_home(Some(Path::new("/h")), Path::new("msp")), Path::new("/h/msp"));
        assert_eq!(below_home(Some(Path::new("/h")), Path::new("/x")), Path::new("/x"));
        assert_eq!(below_home(None, Path::new("msp")), Path::new("msp"));
    }

    #[test]
    fn home_alone_means_home_msp() {
        let home = TargetArgs { home: Some("/h".into()), ..TargetArgs::default() };
        assert_eq!(home.folders(), (Some("/h/msp".into()), None));
        let tls = TargetArgs { tls_dir: Some("tls".into()), ..home };
        assert_eq!(tls.folders(), (None, Some("/h/tls".into())));
    }
}
