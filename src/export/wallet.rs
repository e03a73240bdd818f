//! A file-system wallet: one file for each identity, `LABEL.id`, as the Node, Java and Go client libraries read and write it
//! (`fabric-sdk-node`, `fabric-network/src/impl/wallet`; `fabric-gateway-java`, `X509Identity`; `fabric-sdk-go`,
//! `pkg/gateway/x509identity.go`).

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::pki::key::KeyPair;
use crate::pki::x509::Cert;
use crate::{Error, ErrorKind};

/// The largest file that is read, in bytes.
pub(crate) const LARGEST_CARD: usize = 256 * 1024;

const TYPE: &str = "X.509";
const VERSION: u32 = 1;

/// An identity for a wallet.
pub(crate) struct Card<'a> {
    /// The MSP id.
    pub(crate) msp_id: &'a str,
    /// Its certificate.
    pub(crate) certificate: &'a Cert,
    /// Its key.
    pub(crate) key: &'a KeyPair,
}

#[derive(Serialize)]
struct Written<'a> {
    credentials: Credentials<'a>,
    #[serde(rename = "mspId")]
    msp_id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    version: u32,
}

#[derive(Serialize)]
struct Credentials<'a> {
    certificate: &'a str,
    #[serde(rename = "privateKey")]
    private_key: &'a str,
}

impl Card<'_> {
    /// The content of the file: the key as PKCS#8, which Java needs.
    ///
    /// # Errors
    /// Never for texts; the error is a bug.
    pub(crate) fn to_json(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (certificate, private_key) = (self.certificate.to_pem(), self.key.to_pkcs8_pem());
        let written = Written {
            credentials: Credentials { certificate: &certificate, private_key: &private_key },
            msp_id: self.msp_id,
            kind: TYPE,
            version: VERSION,
        };
        // Large enough, so that no copy of the key is left behind where the text grew.
        let mut text = Zeroizing::new(Vec::with_capacity(2 * (certificate.len() + private_key.len()) + 1024));
        serde_json::to_writer(&mut *text, &written)
            .map_err(|e| Error::new(ErrorKind::Bug, "the identity has no JSON form").with_source(e))?;
        Ok(text)
    }
}

/// What is known of the identity that a wallet has under a label.
#[derive(Debug, Deserialize)]
pub(crate) struct CardOnDisk {
    /// Its MSP id.
    #[serde(rename = "mspId")]
    pub(crate) msp_id: String,
    credentials: CredentialsOnDisk,
}

#[derive(Debug, Deserialize)]
struct CredentialsOnDisk {
    certificate: String,
}

impl CardOnDisk {
    /// Reads a file of a wallet; `None` if it is something else.
    pub(crate) fn read(content: &[u8]) -> Option<Self> {
        serde_json::from_slice(content).ok()
    }

    /// The enrolment id of its identity, if its certificate can be read.
    pub(crate) fn id(&self) -> Option<String> {
        let certs = Cert::all_from_pem(self.credentials.certificate.as_bytes()).ok()?;
        certs.first()?.common_name().map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::key::KeyAlgorithm;

    fn recorded() -> Cert {
        Cert::all_from_pem(include_bytes!("../../testdata/certs/go-client-ecert.pem")).unwrap().remove(0)
    }

    #[test]
    fn the_form_is_that_of_the_client_libraries() {
        let certificate = recorded();
        let key = KeyPair::generate(KeyAlgorithm::P256).unwrap();
        let card = Card { msp_id: "Org1MSP", certificate: &certificate, key: &key };
        let text = card.to_json().unwrap();
        let json: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let expected = serde_json::json!({
            "credentials": {"certificate": certificate.to_pem(), "privateKey": *key.to_pkcs8_pem()},
            "mspId": "Org1MSP",
            "type": "X.509",
            "version": 1,
        });
        assert_eq!(json, expected);
        assert!(json["credentials"]["privateKey"].as_str().unwrap().starts_with("-----BEGIN PRIVATE KEY-----\n"));
        let read = CardOnDisk::read(&text).unwrap();
        assert_eq!((read.msp_id.as_str(), read.id().as_deref()), ("Org1MSP", certificate.common_name()));
        assert!(CardOnDisk::read(b"{}").is_none());
    }
}
