//! The attributes that a Fabric CA puts into certificates.

use std::collections::BTreeMap;

/// Names and values from the extension `1.2.3.4.5.6.7.8.1`, whose content is raw JSON, `{"attrs":{"name":"value"}}`
/// (fabric-lib-go `attrmgr`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize)]
pub struct Attributes {
    attrs: BTreeMap<String, String>,
}

impl Attributes {
    /// The extension's object identifier.
    pub const OID: &'static str = "1.2.3.4.5.6.7.8.1";
    /// The content of the OID in DER.
    pub(super) const OID_DER: &'static [u8] = &[0x2a, 3, 4, 5, 6, 7, 8, 1];

    /// Reads the content of the extension; `None` when it is not in the form that a Fabric CA writes.
    pub fn from_extension(content: &[u8]) -> Option<Self> {
        serde_json::from_slice(content).ok()
    }

    /// The value of an attribute.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attrs.get(name).map(String::as_str)
    }

    /// All names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attrs.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }
}
