//! The configuration file of the Go client: read as viper reads it, and written on the first enrolment.

use std::borrow::Cow;
use std::path::Path;

use crate::disk::Disk;
use crate::text::yaml::{self, Node};
use crate::{Error, ErrorKind};

/// The largest file that is read.
const LIMIT: usize = 1024 * 1024;

/// A file that was read.
#[derive(Debug, Default)]
pub(super) struct ConfigFile {
    root: Option<Node>,
}

impl ConfigFile {
    /// Reads the file; one that does not exist has no values.
    ///
    /// # Errors
    /// When it cannot be read, or is not YAML.
    pub(super) fn read(disk: &Disk, path: &Path) -> Result<Self, Error> {
        if disk.metadata_followed(path)?.is_none() {
            return Ok(Self::default());
        }
        let text = disk.read_secret(path, LIMIT)?;
        let unusable = |why: String| {
            Error::new(ErrorKind::Input, format!("Failed to read config file at '{}': {why}", path.display()))
        };
        let text = std::str::from_utf8(&text).map_err(|e| unusable(e.to_string()))?;
        let root = yaml::documents(text).map_err(|e| unusable(e.to_string()))?.into_iter().next();
        Ok(Self { root })
    }

    /// The value of a key such as `tls.certfiles`, whatever the case of its parts; `None` if the key is missing or null.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        let below = |node, part| get(node, part);
        key.split('.').try_fold(self.root.as_ref()?, below).filter(|node| !node.is_null())
    }
}

/// The value of a key of a mapping, whatever its case.
pub(super) fn get<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    let is_key = |(name, _): &&(Node, Node)| name.text().is_some_and(|name| name.eq_ignore_ascii_case(key));
    node.entries()?.iter().find(is_key).map(|(_, value)| value)
}

/// What a new file says.
#[derive(Debug)]
pub(super) struct Start<'a> {
    /// The URL of the CA without credentials and path.
    pub(super) url: &'a str,
    pub(super) msp_dir: &'a str,
    pub(super) common_name: &'a str,
    pub(super) host: &'a str,
    pub(super) curve: &'a str,
}

impl Start<'_> {
    /// The text of the file: the keys and values of the Go client's (fabric-ca v1.5.21
    /// `cmd/fabric-ca-client/command/config.go`).
    pub(super) fn text(&self) -> String {
        let Self { url, msp_dir, common_name, host, curve } = self;
        let [url, msp_dir, host, curve] = [url, msp_dir, host, curve].map(|text| scalar(text));
        let common_name = match *common_name {
            "" => String::new(),
            name => format!(" {}", scalar(name)),
        };
        format!(
            "\
# Configuration of fabric-ca-client. A flag (--tls.client.certfile) overrides a
# variable (FABRIC_CA_CLIENT_TLS_CLIENT_CERTFILE), which overrides this file.
# Relative paths are relative to the folder of this file.

# URL of the CA
url: {url}

# MSP folder
mspdir: {msp_dir}

# Files with the certificates to trust for the connection to the CA, and the
# client certificate for mutual TLS
tls:
  certfiles:
  client:
    certfile:
    keyfile:

# Certificate signing request
csr:
  cn:{common_name}
  keyrequest:
    algo: ecdsa
    size: 256
    reusekey: false
  serialnumber:
  names:
    - C: US
      ST: North Carolina
      L:
      O: Hyperledger
      OU: Fabric
  hosts:
    - {host}

# Registration of an identity
id:
  name:
  type:
  affiliation:
  maxenrollments: 0
  attributes:

# Enrolment
enrollment:
  profile:
  label:

# Name of the CA at the server
caname:

# Keys are files in the MSP folder
bccsp:
    default: SW
    sw:
        hash: SHA2
        security: 256
        filekeystore:
            keystore: msp/keystore

idemixCurveID: {curve}
"
        )
    }
}

/// Text as a scalar: a URL without quotes, as scripts that edit the file expect it.
fn scalar(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@".contains(c);
    let is_url = text.contains("://") && !text.ends_with(':') && text.chars().all(is_plain);
    if is_url { Cow::Borrowed(text) } else { yaml::scalar(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_is_read_again() {
        let start = Start {
            url: "https://ca:7054",
            msp_dir: "a: b # c",
            common_name: "admin",
            host: "vm",
            curve: "amcl.Fp256bn",
        };
        let root = yaml::documents(&start.text()).unwrap().remove(0);
        let file = ConfigFile { root: Some(root) };
        let text = |key: &str| file.get(key).and_then(Node::text).map(str::to_owned);
        assert_eq!(text("url").as_deref(), Some("https://ca:7054"));
        assert_eq!(text("MSPDir").as_deref(), Some("a: b # c"));
        assert_eq!(text("csr.keyrequest.size").as_deref(), Some("256"));
        assert_eq!((text("tls.certfiles"), text("nope.x")), (None, None));
        assert_eq!(file.get("csr.hosts").and_then(Node::items).unwrap()[0].text(), Some("vm"));
    }
}
