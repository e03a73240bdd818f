//! The issuers among the certificates of a subject. Each signature is verified once.

use std::collections::HashMap;

use super::subject::{HeldCert, Place};
use crate::pki::x509::{Cert, SignatureCheck};

/// The number of certificates with one name that are tried as the issuer of a certificate. Renewed CAs share a name;
/// more occur only in hostile input and would make the work quadratic.
const TRIED: usize = 8;

/// The known issuer of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Issuer {
    /// The certificate itself.
    Itself,
    /// The certificate at this index.
    Held(usize),
    /// The certificate at this index has the issuer's name, but neither its key nor that of another made the signature.
    Forged(usize),
    /// No certificate of the subject has the issuer's name.
    Absent,
}

/// The issuers of a subject's certificates, by index.
#[derive(Debug, Default)]
pub(crate) struct Links(Vec<Issuer>);

/// A group of certificates. Issuers are searched within the group only.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Realm {
    Identity,
    MspTls,
    Other,
}

impl Links {
    pub(crate) fn among(held: &[HeldCert]) -> Self {
        let mut bearers: HashMap<(Realm, &[u8]), Vec<usize>> = HashMap::new();
        for (index, one) in held.iter().enumerate() {
            let same_name = bearers.entry((realm(one.place), one.cert.subject_raw())).or_default();
            // The same certificate in two files counts as one.
            if same_name.len() < TRIED && !same_name.iter().any(|i| held[*i].cert.der() == one.cert.der()) {
                same_name.push(index);
            }
        }
        let mut seen: HashMap<(Realm, &[u8]), Issuer> = HashMap::new();
        let mut links = Vec::with_capacity(held.len());
        for (index, one) in held.iter().enumerate() {
            let realm = realm(one.place);
            let link = *seen.entry((realm, one.cert.der())).or_insert_with(|| {
                let candidates = bearers.get(&(realm, one.cert.issuer_raw())).map_or(&[][..], Vec::as_slice);
                issuer_of(index, held, candidates)
            });
            links.push(link);
        }
        Self(links)
    }

    /// The issuer of the certificate at `index`.
    pub(crate) fn issuer(&self, index: usize) -> Issuer {
        self.0.get(index).copied().unwrap_or(Issuer::Absent)
    }

    /// The indices from the issuer of a certificate up to the last known one, without the certificate itself. A cycle
    /// ends the list.
    pub(crate) fn path(&self, index: usize) -> Vec<usize> {
        let mut path = Vec::new();
        let mut at = index;
        while let Issuer::Held(next) = self.issuer(at) {
            if next == index || path.contains(&next) {
                break;
            }
            path.push(next);
            at = next;
        }
        path
    }
}

fn issuer_of(index: usize, held: &[HeldCert], candidates: &[usize]) -> Issuer {
    let own = &held[index].cert;
    let named = |ca: &Cert| own.authority_key_id().is_some() && own.authority_key_id() == ca.subject_key_id();
    let mut order: Vec<usize> = candidates.to_vec();
    order.sort_by_key(|i| !named(&held[*i].cert));
    for at in order {
        let ca = &held[at].cert;
        if own.signature_by(ca) != SignatureCheck::Bad {
            return if ca.der() == own.der() { Issuer::Itself } else { Issuer::Held(at) };
        }
    }
    candidates.first().map_or(Issuer::Absent, |at| Issuer::Forged(*at))
}

const fn realm(place: Place) -> Realm {
    match place {
        Place::SignCert | Place::SignCertExtra | Place::RootCa | Place::IntermediateCa | Place::Admin => {
            Realm::Identity
        }
        Place::TlsRootCa | Place::TlsIntermediateCa => Realm::MspTls,
        Place::Server
        | Place::ServerChain
        | Place::ServerAnchor
        | Place::Loose
        | Place::Served
        | Place::ServedChain => Realm::Other,
    }
}
