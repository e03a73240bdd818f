//! The usages of a certificate in readable form.

use x509_parser::extensions::{ExtendedKeyUsage, KeyUsage};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::Cert;

impl Cert {
    /// Its key usages and its extended key usages by their names in RFC 5280 (sections 4.2.1.3 and 4.2.1.12); extended
    /// ones without a name by their numbers. Parsed at each call.
    pub fn usages(&self) -> (Vec<String>, Vec<String>) {
        let Ok((_, cert)) = X509Certificate::from_der(self.der()) else { return (Vec::new(), Vec::new()) };
        let key = cert.key_usage().ok().flatten().map(|usage| key_usages(*usage.value));
        let extended = cert.extended_key_usage().ok().flatten().map(|usage| extended_key_usages(usage.value));
        (key.unwrap_or_default(), extended.unwrap_or_default())
    }
}

fn key_usages(usage: KeyUsage) -> Vec<String> {
    named(&[
        (usage.digital_signature(), "digitalSignature"),
        (usage.non_repudiation(), "nonRepudiation"),
        (usage.key_encipherment(), "keyEncipherment"),
        (usage.data_encipherment(), "dataEncipherment"),
        (usage.key_agreement(), "keyAgreement"),
        (usage.key_cert_sign(), "keyCertSign"),
        (usage.crl_sign(), "cRLSign"),
        (usage.encipher_only(), "encipherOnly"),
        (usage.decipher_only(), "decipherOnly"),
    ])
}

fn extended_key_usages(usage: &ExtendedKeyUsage<'_>) -> Vec<String> {
    let mut names = named(&[
        (usage.any, "any"),
        (usage.server_auth, "serverAuth"),
        (usage.client_auth, "clientAuth"),
        (usage.code_signing, "codeSigning"),
        (usage.email_protection, "emailProtection"),
        (usage.time_stamping, "timeStamping"),
        (usage.ocsp_signing, "OCSPSigning"),
    ]);
    names.extend(usage.other.iter().map(ToString::to_string));
    names
}

fn named(usages: &[(bool, &str)]) -> Vec<String> {
    usages.iter().filter(|(there, _)| *there).map(|(_, name)| (*name).to_owned()).collect()
}
