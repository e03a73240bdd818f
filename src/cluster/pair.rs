//! The certificate, key and chain in a Secret, whoever wrote it.

use zeroize::Zeroizing;

use super::access::Access;
use super::secret::Data;
use crate::text::{pem_blocks, pem_encode};
use crate::{Error, ErrorKind};

/// A certificate with its key and the certificates that came along.
pub(crate) struct Pair {
    /// PEM.
    pub(crate) certificate: Vec<u8>,
    /// PEM.
    pub(crate) key: Zeroizing<Vec<u8>>,
    /// Intermediates and roots, PEM, each one or many.
    pub(crate) chain: Vec<Vec<u8>>,
}

impl Access {
    /// The pair in the Secret `name`: that of cert-manager and of fabcert (`tls.crt`, `tls.key`, `ca.crt`), or of an MSP Secret of
    /// fabcert (`signcert.pem`, `key.pem`, `cacert-1.pem`).
    ///
    /// # Errors
    /// When it cannot be read, does not exist, or holds no pair.
    pub(crate) async fn pair(&self, name: &str) -> Result<Pair, Error> {
        let data = self.secret_data(name).await?.ok_or_else(|| {
            let message = format!("there is no Secret {name} in the namespace {}", self.namespace());
            Error::new(ErrorKind::Input, message).with_help("name another one with --k8s-namespace")
        })?;
        let data = Data(data);
        pair(&data).map_err(|why| {
            Error::new(ErrorKind::Input, format!("the Secret {}/{name} {why}", self.namespace())).with_help(
                "it must hold tls.crt and tls.key, or signcert.pem and key.pem, with the CA certificates in ca.crt or cacert-1.pem",
            )
        })
    }
}

fn pair(data: &Data) -> Result<Pair, String> {
    let get = |key: &str| data.0.get(key).map(|content| content.to_vec());
    let of = |certificate: &str, key: &str| Some((get(certificate)?, data.0.get(key)?.clone()));
    let Some((certificates, key)) = of("tls.crt", "tls.key").or_else(|| of("signcert.pem", "key.pem")) else {
        let keys: Vec<&str> = data.0.keys().map(String::as_str).collect();
        return Err(if keys.is_empty() {
            "is empty".to_owned()
        } else {
            format!("holds no certificate with its key, but {}", keys.join(", "))
        });
    };
    let blocks = pem_blocks(&certificates).unwrap_or_default();
    let mut pem = blocks.iter().map(|block| pem_encode(&block.label, &block.der).into_bytes());
    let certificate = pem.next().ok_or("holds no certificate in PEM")?;
    let is_of_a_ca = |key: &str| key == "ca.crt" || key.starts_with("cacert-") || key.starts_with("intermediatecert-");
    let further = data.0.iter().filter(|(key, _)| is_of_a_ca(key)).map(|(_, content)| content.to_vec());
    let chain = pem.chain(further).filter(|part| !part.is_empty()).collect();
    Ok(Pair { certificate, key, chain })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(files: &[(&str, &str)]) -> Data {
        Data(files.iter().map(|(key, text)| ((*key).to_owned(), Zeroizing::new(text.as_bytes().to_vec()))).collect())
    }

    fn pem(content: &[u8]) -> String {
        pem_encode("CERTIFICATE", content)
    }

    #[test]
    fn the_first_certificate_is_the_nodes_and_the_others_are_the_chain() {
        let both = pem(b"leaf") + &pem(b"intermediate");
        let found = pair(&data(&[("tls.crt", &both), ("tls.key", "k"), ("ca.crt", &pem(b"root"))])).ok().unwrap();
        assert_eq!(found.certificate, pem(b"leaf").into_bytes());
        assert_eq!(found.chain, [pem(b"intermediate").into_bytes(), pem(b"root").into_bytes()]);
        let msp = [("signcert.pem", &*pem(b"leaf")), ("key.pem", "k"), ("cacert-1.pem", &pem(b"root"))];
        let found = pair(&data(&[&msp[..], &[("tlscacert-1.pem", &pem(b"tls")), ("config.yaml", "x")]].concat()));
        assert_eq!(found.ok().unwrap().chain, [pem(b"root").into_bytes()]);
    }

    #[test]
    fn a_secret_without_a_pair_is_refused_by_what_it_holds() {
        let why = |files: &[(&str, &str)]| pair(&data(files)).err().unwrap();
        assert_eq!(why(&[]), "is empty");
        assert!(why(&[("tls.crt", "x"), ("ca.crt", "y")]).ends_with("but ca.crt, tls.crt"));
        assert!(why(&[("tls.crt", "no PEM"), ("tls.key", "k")]).contains("no certificate in PEM"));
    }
}
