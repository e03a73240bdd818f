//! `config.yaml`: the OUs of an MSP and the CAs that they are bound to (fabric `msp/configbuilder.go`).

use std::cell::RefCell;
use std::fmt::Write as _;

use crate::pki::x509::NodeOu;

/// An OU, and the file of the CA that must issue the certificates with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OuIdentifier {
    /// `Certificate`: a path relative to the MSP folder, also when it begins with `/`; empty when left out.
    pub(crate) certificate: String,
    /// `OrganizationalUnitIdentifier`; an empty one counts as absent among the NodeOUs.
    pub(crate) organizational_unit: String,
}

/// The `NodeOUs` section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NodeOus {
    /// Whether OUs give identities their roles.
    pub(crate) enable: bool,
    /// `ClientOUIdentifier`, `PeerOUIdentifier`, `AdminOUIdentifier`, `OrdererOUIdentifier`, as far as present.
    pub(crate) identifiers: Vec<(NodeOu, OuIdentifier)>,
}

/// The content of an MSP folder's `config.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MspConfig {
    /// `OrganizationalUnitIdentifiers`: unless empty, a member must have one of them.
    pub(crate) ou_identifiers: Vec<OuIdentifier>,
    /// `NodeOUs`.
    pub(crate) node_ous: Option<NodeOus>,
}

/// Why Fabric cannot read a `config.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ConfigError {
    /// Not YAML, a repeated key, or a value of another kind than Fabric expects.
    #[error("Fabric cannot read it: {0}")]
    Yaml(String),
}

pub(super) const fn key_of(role: NodeOu) -> &'static str {
    match role {
        NodeOu::Client => "ClientOUIdentifier",
        NodeOu::Peer => "PeerOUIdentifier",
        NodeOu::Admin => "AdminOUIdentifier",
        NodeOu::Orderer => "OrdererOUIdentifier",
    }
}

/// The longest text that is remembered, in bytes; fabcert writes about 450.
const REMEMBERED: usize = 4096;

type Parsed = Result<MspConfig, ConfigError>;

thread_local! {
    /// The text that was read last: the same one is read several times of a folder, and in all folders of one CA.
    static LAST: RefCell<Option<(Vec<u8>, Parsed)>> = const { RefCell::new(None) };
}

impl MspConfig {
    /// All four NodeOUs, bound to the CA certificate in the file `certificate` (relative to the MSP folder), which must
    /// be the direct issuer of the identities.
    pub(crate) fn for_issuer(certificate: &str) -> Self {
        let identifiers = NodeOu::ALL
            .into_iter()
            .map(|role| {
                let organizational_unit = role.as_str().to_owned();
                (role, OuIdentifier { certificate: certificate.to_owned(), organizational_unit })
            })
            .collect();
        Self { ou_identifiers: Vec::new(), node_ous: Some(NodeOus { enable: true, identifiers }) }
    }

    /// Reads a `config.yaml` as Fabric does: keys are case-sensitive, unknown keys and absent values are ignored, `yes`
    /// and `on` are true, the first of several documents counts, an empty file sets nothing.
    ///
    /// # Errors
    /// When Fabric would refuse to load the folder because of this text.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, ConfigError> {
        let known = LAST.with_borrow(|last| last.as_ref().filter(|(of, _)| of == text).map(|(_, read)| read.clone()));
        known.unwrap_or_else(|| {
            let read = super::config_text::parse(text);
            if text.len() <= REMEMBERED {
                LAST.set(Some((text.to_vec(), read.clone())));
            }
            read
        })
    }

    /// The text in the form that is usual for Fabric.
    pub(crate) fn to_yaml(&self) -> String {
        let mut out = String::new();
        let entry = |out: &mut String, first: &str, ou: &OuIdentifier| {
            let mut lead = first;
            if !ou.certificate.is_empty() {
                let _ = writeln!(out, "{lead}Certificate: {}", scalar(&ou.certificate));
                lead = "    ";
            }
            let _ = writeln!(out, "{lead}OrganizationalUnitIdentifier: {}", scalar(&ou.organizational_unit));
        };
        if let Some(node_ous) = &self.node_ous {
            let _ = writeln!(out, "NodeOUs:\n  Enable: {}", node_ous.enable);
            for (role, ou) in &node_ous.identifiers {
                let _ = writeln!(out, "  {}:", key_of(*role));
                entry(&mut out, "    ", ou);
            }
        }
        if !self.ou_identifiers.is_empty() {
            out.push_str("OrganizationalUnitIdentifiers:\n");
            for ou in &self.ou_identifiers {
                entry(&mut out, "  - ", ou);
            }
        }
        out
    }

    /// Every certificate path in it, as written, empty ones left out.
    pub(crate) fn certificates(&self) -> impl Iterator<Item = &str> {
        let node_ous = self.node_ous.iter().flat_map(|n| n.identifiers.iter().map(|(_, ou)| ou));
        self.ou_identifiers.iter().chain(node_ous).map(|ou| ou.certificate.as_str()).filter(|c| !c.is_empty())
    }
}

/// A plain scalar where that is safe, otherwise in double quotes, escaped as JSON, which is valid YAML.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '/' | '-');
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
    let word = matches!(
        text.to_ascii_lowercase().as_str(),
        "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null"
    );
    if first && !word && text.chars().all(plain) {
        return text.to_owned();
    }
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_text_has_the_usual_form() {
        let text = MspConfig::for_issuer("cacerts/ca-7054.pem").to_yaml();
        assert!(text.starts_with(
            "NodeOUs:\n  Enable: true\n  ClientOUIdentifier:\n    Certificate: cacerts/ca-7054.pem\n    OrganizationalUnitIdentifier: client\n  PeerOUIdentifier:\n"
        ));
        assert_eq!(text.lines().count(), 2 + 4 * 3);
    }

    /// Verdicts of the real peer (cases A31-A37, A33b, D06).
    #[test]
    fn keys_and_booleans_are_read_as_in_fabric() {
        let enable = |text: &str| MspConfig::parse(text.as_bytes()).map(|c| c.node_ous.map(|n| n.enable));
        assert_eq!(enable("NodeOUs:\n  Enable: yes\n"), Ok(Some(true)));
        assert_eq!(enable("NodeOUs:\n  Enable: on\nunknown: [1]\n"), Ok(Some(true)));
        assert_eq!(enable("NodeOUs:\n  enable: true\n"), Ok(Some(false)));
        assert_eq!(enable("nodeOUs:\n  Enable: true\n"), Ok(None));
        assert_eq!(enable("NodeOUs:\n"), Ok(None));
        assert_eq!(enable(""), Ok(None));
        assert_eq!(enable("# nothing\n"), Ok(None));
        assert_eq!(enable("\u{feff}NodeOUs: !x {Enable: \"yes\", other: {a: 1, a: 2}}\n"), Ok(Some(true)));
        assert_eq!(enable("x: &x {Enable: true}\nNodeOUs: {<<: *x}\n"), Ok(Some(true)));
        assert_eq!(enable("NodeOUs: {Enable: true}\n---\nsecond: [\n"), Ok(Some(true)));
        for refused in [
            "NodeOUs:\n  Enable: \"true\"\n",
            "NodeOUs:\n  Enable: true\n  Enable: true\n",
            "NodeOUs:\n\tEnable: true\n",
            "NodeOUs: [",
            "NodeOUs: on\n",
            "just text\n",
            "OrganizationalUnitIdentifiers: {Certificate: a.pem}\n",
            "[a]: b\n",
            "%YAML 1.2\n---\n",
            "\t\n",
        ] {
            assert!(enable(refused).is_err(), "{refused:?}");
        }
    }

    /// As Windows editors and shells save it.
    #[test]
    fn utf_16_with_a_byte_order_mark_is_read() {
        let units: Vec<u16> = "\u{feff}NodeOUs:\n  Enable: yes # \u{1f600}\n".encode_utf16().collect();
        let text = |to_bytes: fn(u16) -> [u8; 2]| units.iter().copied().flat_map(to_bytes).collect::<Vec<u8>>();
        for text in [text(u16::to_le_bytes), text(u16::to_be_bytes)] {
            assert!(MspConfig::parse(&text).unwrap().node_ous.unwrap().enable);
            assert!(MspConfig::parse(&text[2..]).is_err() && MspConfig::parse(&text[..text.len() - 1]).is_err());
        }
    }

    #[test]
    fn identifiers_are_read_in_flow_style_and_with_anchors() {
        let text = "NodeOUs:\n  Enable: true\n  PeerOUIdentifier: &p {Certificate: /cacerts/a.pem, OrganizationalUnitIdentifier: 7}\n  AdminOUIdentifier: *p\nOrganizationalUnitIdentifiers:\n- OrganizationalUnitIdentifier: dept\n";
        let config = MspConfig::parse(text.as_bytes()).unwrap();
        let peer = OuIdentifier { certificate: "/cacerts/a.pem".into(), organizational_unit: "7".into() };
        let expected = vec![(NodeOu::Peer, peer.clone()), (NodeOu::Admin, peer)];
        assert_eq!(config.node_ous, Some(NodeOus { enable: true, identifiers: expected }));
        assert_eq!(config.ou_identifiers[0].certificate, "");
        assert_eq!(config.certificates().count(), 2);
    }

    proptest! {
        #[test]
        fn written_text_is_read_back(certificate in "[ -~é\n]{0,24}", ou in "[ -~]{0,12}", enable: bool) {
            let ou = OuIdentifier { certificate, organizational_unit: ou };
            let identifiers = NodeOu::ALL.map(|role| (role, ou.clone())).to_vec();
            let config = MspConfig { ou_identifiers: vec![ou], node_ous: Some(NodeOus { enable, identifiers }) };
            prop_assert_eq!(MspConfig::parse(config.to_yaml().as_bytes()), Ok(config));
        }

        #[test]
        fn no_input_panics(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = MspConfig::parse(&text);
        }
    }
}
