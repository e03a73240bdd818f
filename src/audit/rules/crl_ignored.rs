//! Fabric does not apply a revocation list.

use super::check::{Check, Context};
use super::paste;
use crate::audit::catalogue::CRL_IGNORED;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::{HeldCert, HeldCrl, Location, Subject};
use crate::pki::x509::SignatureCheck;

pub(super) static CHECK: Check = Check { rule: &CRL_IGNORED, applies: |subject, _| subject.msp.is_some(), check };

fn check(subject: &Subject, _: &Context<'_>, findings: &mut Findings) {
    let warnings = subject.msp.iter().flat_map(|facts| &facts.warnings);
    for warning in warnings.filter(|w| w.number == Some(67)) {
        let at = Location::whole(subject.inside(&warning.path));
        let is_der = subject.crls.iter().any(|c| c.at.path == at.path && c.at.block.is_none());
        let remedy = if is_der { paste::pem_of_der("crl", &at.path) } else { CRL_IGNORED.remedy.to_owned() };
        findings.report(&CRL_IGNORED, &at, format!("{} (case 67)", warning.reason)).remedy(remedy).add();
    }
    let cas: Vec<&HeldCert> = subject.certificates.iter().filter(|c| c.is_authority()).collect();
    // A list in DER has no block; Fabric's warnings cover it.
    for held in subject.crls.iter().filter(|c| c.at.block.is_some()) {
        if let Some(why) = why_not(held, &cas) {
            let count = held.crl.len();
            let message = format!("{why}, so it revokes none of the {count} certificates that it names (case 68)");
            findings.report(&CRL_IGNORED, &held.at, message).add();
        }
    }
}

fn why_not(held: &HeldCrl, cas: &[&HeldCert]) -> Option<String> {
    if held.at.block.is_some_and(|b| b > 1) {
        return Some("Fabric reads only the first list of a file".to_owned());
    }
    let mut of_that_name = cas.iter().filter(|ca| held.crl.names(&ca.cert)).peekable();
    if of_that_name.peek().is_none() {
        return Some(format!("its issuer \"{}\" is not a CA of this MSP", held.crl.issuer()));
    }
    let all_bad = of_that_name.all(|ca| held.crl.signature_by(&ca.cert) == SignatureCheck::Bad);
    all_bad.then(|| "the CA that it names as issuer did not sign it".to_owned())
}

#[cfg(test)]
pub(super) mod tests {
    use rcgen::{
        CertificateParams, CertificateRevocationListParams, DnType, Issuer, KeyIdMethod, KeyUsagePurpose,
        RevokedCertParams, SerialNumber, date_time_ymd,
    };

    use super::super::fixture::{Made, ca, found, identity, msp_folder};
    use super::*;
    use crate::msp::MspWarning;
    use crate::pki::x509::Crl;

    /// A list under the name `issuer`, signed by `signer`, that names one serial number and is due in `month` of 2026.
    pub(crate) fn list(issuer: &str, signer: &Made, serial: u8, month: u8) -> Crl {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, issuer);
        params.key_usages = vec![KeyUsagePurpose::CrlSign];
        let pem = signer.key.to_pkcs8_pem();
        let der = crate::text::pem_blocks(pem.as_bytes()).unwrap().remove(0).der;
        let key = rcgen::KeyPair::try_from(der.as_slice()).unwrap();
        let time = date_time_ymd(2026, 1, 1);
        let list = CertificateRevocationListParams {
            this_update: time,
            next_update: date_time_ymd(2026, month, 1),
            crl_number: SerialNumber::from_slice(&[1]),
            issuing_distribution_point: None,
            revoked_certs: vec![RevokedCertParams {
                serial_number: SerialNumber::from_slice(&[serial]),
                revocation_time: time,
                reason_code: None,
                invalidity_date: None,
            }],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Crl::from_der(list.signed_by(&Issuer::new(params, key)).unwrap().der().to_vec()).unwrap()
    }

    pub(crate) fn with_crl(mut subject: Subject, crl: Crl) -> Subject {
        let at = Location { path: subject.path.join("crls/a.pem"), block: Some(1), line: Some(1) };
        subject.crls.push(HeldCrl { at, crl });
        subject
    }

    #[test]
    fn a_list_that_fabric_does_not_apply_is_found() {
        let (root, other) = (ca("root").self_signed(), ca("other").self_signed());
        let peer = identity("peer1").issued_by(&root);
        let folder = |crl| with_crl(msp_folder(&peer, &root), crl);
        assert!(found(&CHECK, &folder(list("root", &root, 7, 12))).is_empty());
        assert!(found(&CHECK, &folder(list("other", &other, 7, 12)))[0].message.contains("not a CA of this MSP"));
        assert!(found(&CHECK, &folder(list("root", &other, 7, 12)))[0].message.contains("did not sign"));
        let mut second = folder(list("root", &root, 7, 12));
        second.crls[0].at.block = Some(2);
        assert_eq!(found(&CHECK, &second).len(), 1);
    }

    #[test]
    fn a_list_in_der_is_found_by_fabrics_own_warning() {
        let root = ca("root").self_signed();
        let mut subject = msp_folder(&identity("peer1").issued_by(&root), &root);
        let warning = MspWarning { number: Some(67), path: "crls/a.der".into(), reason: "no PEM".into() };
        subject.msp.get_or_insert_default().warnings.push(warning);
        assert!(found(&CHECK, &subject)[0].path.ends_with("crls/a.der"));
    }
}
