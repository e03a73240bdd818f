//! A connection profile: the file from which the older client libraries learn where an organisation's peers and CA are, and
//! from which applications of the Gateway API take the address and the TLS roots.
//!
//! The peer is the gateway Service. Its name is in every member's certificate, so the profile has no
//! `ssl-target-name-override`, which would have clients verify another name than the one they dial.

use std::path::Path;

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::disk::{Disk, DiskFolder};
use crate::identity::held::{Held, HeldForm};
use crate::identity::request::TlsFiles;
use crate::live::Endpoint;
use crate::msp::{CurrentMsp, CurrentTls};
use crate::pki::go::tls::client_accepts;
use crate::pki::name::matches_as_go;
use crate::pki::x509::Cert;
use crate::{Error, ErrorKind, Timestamp};

/// The version of the format (`fabric-sdk-node`, `fabric-network/types`; `fabric-sdk-go`, `pkg/core/config`).
const VERSION: &str = "1.0.0";

/// A connection profile of one organisation.
#[derive(Debug)]
pub(crate) struct ConnectionProfile<'a> {
    /// The name of the organisation in the profile.
    pub(crate) organization: &'a str,
    /// Its MSP id.
    pub(crate) msp_id: &'a str,
    /// Where clients dial its peers, at least one.
    pub(crate) endpoints: &'a [Endpoint],
    /// The TLS roots of the peers.
    pub(crate) roots: &'a [Cert],
    /// Its CA.
    pub(crate) ca: Option<CaOfProfile<'a>>,
}

/// The CA in a connection profile.
#[derive(Debug)]
pub(crate) struct CaOfProfile<'a> {
    /// `https://HOST:PORT`, without id and secret.
    pub(crate) url: String,
    /// Its host, the key of its entry.
    pub(crate) host: String,
    /// The name of the CA on its server.
    pub(crate) ca_name: Option<&'a str>,
    /// The certificates to trust for the connection to it.
    pub(crate) anchors: &'a [Cert],
}

/// A map with one entry for each of some pairs, in their order.
struct Map<'a, T>(Vec<(&'a str, T)>);

impl<T: Serialize> Serialize for Map<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Profile<'a> {
    name: String,
    version: &'static str,
    client: ClientEntry<'a>,
    organizations: Map<'a, OrganizationEntry<'a>>,
    peers: Map<'a, PeerEntry>,
    #[serde(rename = "certificateAuthorities", skip_serializing_if = "Option::is_none")]
    authorities: Option<Map<'a, AuthorityEntry<'a>>>,
}

#[derive(Serialize)]
struct ClientEntry<'a> {
    organization: &'a str,
}

#[derive(Serialize)]
struct OrganizationEntry<'a> {
    mspid: &'a str,
    peers: Vec<&'a str>,
    #[serde(rename = "certificateAuthorities", skip_serializing_if = "Vec::is_empty")]
    authorities: Vec<&'a str>,
}

#[derive(Serialize)]
struct PeerEntry {
    url: String,
    #[serde(rename = "tlsCACerts")]
    tls_ca_certs: OnePem,
}

#[derive(Serialize)]
struct AuthorityEntry<'a> {
    url: &'a str,
    #[serde(rename = "caName", skip_serializing_if = "Option::is_none")]
    ca_name: Option<&'a str>,
    #[serde(rename = "tlsCACerts")]
    tls_ca_certs: SeveralPem,
    #[serde(rename = "httpOptions")]
    options: HttpOptions,
}

#[derive(Serialize)]
struct OnePem {
    pem: String,
}

#[derive(Serialize)]
struct SeveralPem {
    pem: Vec<String>,
}

#[derive(Serialize)]
struct HttpOptions {
    verify: bool,
}

impl ConnectionProfile<'_> {
    /// The profile as JSON, indented, with a line end. YAML readers take it too.
    ///
    /// # Errors
    /// Never for profiles made of texts; the error is a bug.
    pub(crate) fn to_json(&self) -> Result<String, Error> {
        let pem: String = self.roots.iter().map(Cert::to_pem).collect();
        let names: Vec<String> = self.endpoints.iter().map(|one| self.entry(one)).collect();
        let peer = |endpoint: &Endpoint| PeerEntry {
            url: format!("grpcs://{endpoint}"),
            tls_ca_certs: OnePem { pem: pem.clone() },
        };
        let authority = |ca: &CaOfProfile<'_>| SeveralPem { pem: ca.anchors.iter().map(Cert::to_pem).collect() };
        let profile = Profile {
            name: format!("{}-{}", self.organization, names.first().map_or("", String::as_str)),
            version: VERSION,
            client: ClientEntry { organization: self.organization },
            organizations: Map(vec![(
                self.organization,
                OrganizationEntry {
                    mspid: self.msp_id,
                    peers: names.iter().map(String::as_str).collect(),
                    authorities: self.ca.iter().map(|ca| ca.host.as_str()).collect(),
                },
            )]),
            peers: Map(names.iter().map(String::as_str).zip(self.endpoints.iter().map(peer)).collect()),
            authorities: self.ca.as_ref().map(|ca| {
                let options = HttpOptions { verify: true };
                let tls_ca_certs = authority(ca);
                let entry = AuthorityEntry { url: &ca.url, ca_name: ca.ca_name, tls_ca_certs, options };
                Map(vec![(ca.host.as_str(), entry)])
            }),
        };
        let json = serde_json::to_string_pretty(&profile)
            .map_err(|e| Error::new(ErrorKind::Bug, "the profile has no JSON form").with_source(e))?;
        Ok(json + "\n")
    }

    /// The key of a peer's entry: its host, with the port where another endpoint has the same host.
    fn entry(&self, endpoint: &Endpoint) -> String {
        let same = self.endpoints.iter().filter(|other| other.host == endpoint.host).count();
        if same > 1 { endpoint.to_string() } else { endpoint.host.clone() }
    }
}

/// The TLS root of a member behind the gateway, whose TLS folder is `folder`, after the proof that a peer starts with the folder
/// and that a client which knows this root alone and dials `endpoints` accepts the peer.
///
/// # Errors
/// When the folder holds no such certificate.
pub(crate) fn gateway_root(folder: &Path, endpoints: &[Endpoint], now: Timestamp, disk: &Disk) -> Result<Cert, Error> {
    let refuse = |reason: String, help: &str| {
        let message = format!("{}: {reason}", folder.display());
        Error::new(ErrorKind::Input, message).with_help(help.to_owned())
    };
    let held = Held::read(folder, disk)?.ok_or_else(|| {
        refuse("it holds no TLS certificate that can be read".to_owned(), "give the TLS folder of a peer")
    })?;
    let reader = DiskFolder::new(disk, folder);
    let current = match held.form {
        HeldForm::Msp => return Err(refuse("it is an MSP folder".to_owned(), "give the TLS folder of the peer")),
        HeldForm::Tls(TlsFiles::MspShaped) => CurrentMsp::read(&reader, None).into_tls(),
        HeldForm::Tls(TlsFiles::Three(names)) => CurrentTls::read(&reader, names),
    };
    let see = "see what is wrong with it: fabcert audit FOLDER";
    let root =
        held.root().cloned().ok_or_else(|| refuse("its CA file has no root for its certificate".to_owned(), see))?;
    if !current.pair_matches() {
        return Err(refuse("it does not hold the key of its certificate".to_owned(), see));
    }
    // What the server sends.
    let is_sent = matches!(held.form, HeldForm::Tls(TlsFiles::Three(_)));
    let sent = current.intermediates.iter().filter(|_| is_sent);
    let chain: Vec<Vec<u8>> = current.leaf.iter().chain(sent).map(|cert| cert.der().to_vec()).collect();
    let hosts: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.host.as_str()).collect();
    client_accepts(&chain, root.to_pem().as_bytes(), &hosts, now, folder).map_err(|refusal| {
        let remedy = if hosts.iter().any(|host| !matches_as_go(held.leaf.sans(), host)) {
            "add the name: fabcert reenroll --tls-dir FOLDER --san NAME"
        } else {
            see
        };
        refuse(format!("a client that dials the endpoint and knows its root refuses it: {}", refusal.reason), remedy)
    })?;
    Ok(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded() -> Cert {
        Cert::all_from_pem(include_bytes!("../../testdata/certs/go-client-ecert.pem")).unwrap().remove(0)
    }

    #[test]
    fn the_gateway_is_the_peer_and_no_name_is_overridden() {
        let roots = [recorded()];
        let endpoints = ["org1-peer-gateway-svc:7051".parse().unwrap()];
        let of_ca = CaOfProfile {
            url: "https://org1-ca:7054".to_owned(),
            host: "org1-ca".to_owned(),
            ca_name: Some("ca-org1"),
            anchors: &roots,
        };
        let profile = ConnectionProfile {
            organization: "Org1",
            msp_id: "Org1MSP",
            endpoints: &endpoints,
            roots: &roots,
            ca: Some(of_ca),
        };
        let text = profile.to_json().unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let pem = roots[0].to_pem();
        let expected = serde_json::json!({
            "name": "Org1-org1-peer-gateway-svc",
            "version": "1.0.0",
            "client": {"organization": "Org1"},
            "organizations": {"Org1": {
                "mspid": "Org1MSP",
                "peers": ["org1-peer-gateway-svc"],
                "certificateAuthorities": ["org1-ca"],
            }},
            "peers": {"org1-peer-gateway-svc": {
                "url": "grpcs://org1-peer-gateway-svc:7051",
                "tlsCACerts": {"pem": pem},
            }},
            "certificateAuthorities": {"org1-ca": {
                "url": "https://org1-ca:7054",
                "caName": "ca-org1",
                "tlsCACerts": {"pem": [pem]},
                "httpOptions": {"verify": true},
            }},
        });
        assert_eq!(json, expected);
        assert!(!text.contains("override"), "{text}");
    }

    #[test]
    fn endpoints_of_one_host_have_entries_of_their_own() {
        let endpoints = ["peers:7051".parse().unwrap(), "peers:8051".parse().unwrap(), "other:7051".parse().unwrap()];
        let profile =
            ConnectionProfile { organization: "Org1", msp_id: "Org1MSP", endpoints: &endpoints, roots: &[], ca: None };
        let json: serde_json::Value = serde_json::from_str(&profile.to_json().unwrap()).unwrap();
        let expected = serde_json::json!(["peers:7051", "peers:8051", "other"]);
        assert_eq!(json["organizations"]["Org1"]["peers"], expected);
        assert_eq!(json["peers"]["peers:8051"]["url"], "grpcs://peers:8051");
        assert!(json.get("certificateAuthorities").is_none());
    }
}
