//! A certificate that was carried here by hand, in whatever form a CA or a mail program gave it.

use yasna::models::ObjectIdentifier;
use yasna::{ASN1Result, Tag};

use crate::pki::x509::Cert;
use crate::text::{pem_blocks, pem_encode};
use crate::{Error, ErrorKind};

/// The message about an answer in no known form.
pub(crate) const UNREADABLE_ANSWER: &str =
    "the answer is neither PEM nor a certificate in DER nor certificates in PKCS#7";

/// An answer as the proof takes it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CarriedAnswer {
    /// The certificate, PEM. With anything else in it where the answer held that, for the proof to refuse.
    pub(super) cert_pem: Vec<u8>,
    /// CA certificates that came along, PEM.
    pub(super) chain_pem: Vec<u8>,
}

impl CarriedAnswer {
    /// Reads PEM, DER, or the certificates of a PKCS#7 (RFC 2315) message in either. Of several certificates in PKCS#7 the
    /// CAs are the chain. PEM is passed on as it is.
    ///
    /// # Errors
    /// When it is DER and neither a certificate nor certificates in PKCS#7.
    pub(super) fn read(answer: &[u8]) -> Result<Self, Error> {
        let der = match pem_blocks(answer).as_deref() {
            Ok([block]) if block.label == "PKCS7" || block.label == "CMS" => Some(block.der.clone()),
            // 0x30 is also the digit 0, with which a line before the PEM may begin.
            Ok([]) if answer.starts_with(&[0x30]) => Some(answer.to_vec()),
            _ => None,
        };
        let Some(der) = der else { return Ok(Self { cert_pem: answer.to_vec(), chain_pem: Vec::new() }) };
        if Cert::from_der(der.clone()).is_ok() {
            return Ok(Self { cert_pem: pem_encode("CERTIFICATE", &der).into_bytes(), chain_pem: Vec::new() });
        }
        let certificates = pkcs7_certificates(&der).map_err(|_| {
            Error::new(ErrorKind::Input, UNREADABLE_ANSWER)
                .with_help("convert it to PEM, for example with openssl x509 -inform DER or openssl pkcs7 -print_certs")
        })?;
        let is_ca = |der: &Vec<u8>| Cert::from_der(der.clone()).is_ok_and(|c| c.is_ca());
        let (cas, others): (Vec<_>, Vec<_>) = certificates.into_iter().partition(is_ca);
        let pem =
            |list: &[Vec<u8>]| list.iter().map(|der| pem_encode("CERTIFICATE", der)).collect::<String>().into_bytes();
        Ok(Self { cert_pem: pem(&others), chain_pem: pem(&cas) })
    }
}

/// The certificates of a `ContentInfo` with `SignedData` (RFC 2315 sections 7 and 9.1).
#[allow(clippy::redundant_closure_for_method_calls, reason = "the method's lifetimes are not general enough")]
fn pkcs7_certificates(der: &[u8]) -> ASN1Result<Vec<Vec<u8>>> {
    yasna::parse_der(der, |r| {
        r.read_sequence(|r| {
            let kind = r.next().read_oid()?;
            if kind != ObjectIdentifier::from_slice(&[1, 2, 840, 113_549, 1, 7, 2]) {
                return Err(yasna::ASN1Error::new(yasna::ASN1ErrorKind::Invalid));
            }
            r.next().read_tagged(Tag::context(0), |r| {
                r.read_sequence(|r| {
                    r.next().read_u8()?;
                    r.next().read_der()?;
                    r.next().read_der()?;
                    let mut found = Vec::new();
                    r.next().read_tagged_implicit(Tag::context(0), |r| {
                        r.read_set_of(|r| {
                            found.push(r.read_der()?);
                            Ok(())
                        })
                    })?;
                    while r.read_optional(|r| r.read_der())?.is_some() {}
                    Ok(found)
                })
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use yasna::construct_der;

    use super::*;

    const LEAF: &[u8] = include_bytes!("../../testdata/certs/two-intermediates-leaf.pem");
    const CAS: &[u8] = include_bytes!("../../testdata/certs/two-intermediates-cas.pem");

    fn pkcs7(certificates: &[Cert]) -> Vec<u8> {
        construct_der(|w| {
            w.write_sequence(|w| {
                w.next().write_oid(&ObjectIdentifier::from_slice(&[1, 2, 840, 113_549, 1, 7, 2]));
                w.next().write_tagged(Tag::context(0), |w| {
                    w.write_sequence(|w| {
                        w.next().write_u8(1);
                        w.next().write_set(|_| {});
                        w.next().write_sequence(|w| {
                            w.next().write_oid(&ObjectIdentifier::from_slice(&[1, 2, 840, 113_549, 1, 7, 1]));
                        });
                        w.next().write_tagged_implicit(Tag::context(0), |w| {
                            w.write_set_of(|w| certificates.iter().for_each(|c| w.next().write_der(c.der())));
                        });
                        w.next().write_set(|_| {});
                    });
                });
            });
        })
    }

    #[test]
    fn pem_der_and_pkcs7_give_the_same_certificate() {
        let (leaf, cas) = (Cert::all_from_pem(LEAF).unwrap().remove(0), Cert::all_from_pem(CAS).unwrap());
        let all = [vec![leaf.clone()], cas.clone()].concat();
        let bundle = pkcs7(&all);
        for (answer, is_with_chain) in [
            (LEAF.to_vec(), false),
            (leaf.der().to_vec(), false),
            (bundle.clone(), true),
            (pem_encode("PKCS7", &bundle).into_bytes(), true),
        ] {
            let read = CarriedAnswer::read(&answer).unwrap();
            assert_eq!(Cert::all_from_pem(&read.cert_pem).unwrap(), std::slice::from_ref(&leaf));
            let mut chain = Cert::all_from_pem(&read.chain_pem).unwrap_or_default();
            chain.sort_unstable_by(|a, b| a.der().cmp(b.der()));
            let mut expected = if is_with_chain { cas.clone() } else { Vec::new() };
            expected.sort_unstable_by(|a, b| a.der().cmp(b.der()));
            assert_eq!(chain, expected);
        }
    }

    #[test]
    fn pem_after_a_line_that_begins_with_a_digit_is_pem() {
        // As `openssl storeutl -certs` writes it.
        let answer = [b"0: Certificate\n", LEAF].concat();
        assert_eq!(CarriedAnswer::read(&answer).unwrap().cert_pem, answer);
    }

    #[test]
    fn other_der_is_refused_with_the_way_to_convert_it() {
        let error = CarriedAnswer::read(&[0x30, 3, 2, 1, 1]).unwrap_err();
        assert_eq!(error.exit_code(), 4);
        assert!(error.help().unwrap().contains("openssl pkcs7 -print_certs"));
        // The verification refuses an answer that is not DER.
        assert_eq!(CarriedAnswer::read(b"<html>").unwrap().cert_pem, b"<html>");
    }
}
