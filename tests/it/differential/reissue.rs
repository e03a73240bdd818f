//! Certificates and revocation lists, changed in their structure and signed again: so the change itself is judged, and not
//! the signature that it would have broken.

use fabcert::internals::{pem_blocks, pem_encode};
use fabcert::pki::key::KeyPair;

use super::Dice;

/// A value of DER.
#[derive(Clone)]
struct Element {
    tag: u8,
    content: Content,
}

#[derive(Clone)]
enum Content {
    Bytes(Vec<u8>),
    Elements(Vec<Element>),
}

const SEQUENCE: u8 = 0x30;

impl Element {
    fn bytes(tag: u8, content: impl Into<Vec<u8>>) -> Self {
        Self { tag, content: Content::Bytes(content.into()) }
    }

    fn sequence(elements: Vec<Self>) -> Self {
        Self { tag: SEQUENCE, content: Content::Elements(elements) }
    }

    /// The one value that `der` holds.
    fn parse(der: &[u8]) -> Option<Self> {
        parse_all(der)?.pop()
    }

    fn der(&self) -> Vec<u8> {
        let content = match &self.content {
            Content::Bytes(bytes) => bytes.clone(),
            Content::Elements(elements) => elements.iter().flat_map(Self::der).collect(),
        };
        let length = content.len().to_be_bytes();
        let length = &length[length.iter().position(|b| *b != 0).unwrap_or(length.len() - 1)..];
        let mut out = vec![self.tag];
        if content.len() >= 0x80 {
            out.push(0x80 | u8::try_from(length.len()).unwrap());
        }
        out.extend(length);
        out.extend(content);
        out
    }

    fn elements(&mut self) -> &mut Vec<Self> {
        match &mut self.content {
            Content::Elements(elements) => elements,
            Content::Bytes(_) => panic!("{:#x} holds no elements", self.tag),
        }
    }

    /// One of the values below this one or itself, each as likely.
    fn any(&mut self, dice: &mut Dice) -> &mut Self {
        let mut at = dice.roll(self.count());
        self.nth(&mut at).unwrap()
    }

    fn count(&self) -> usize {
        match &self.content {
            Content::Bytes(_) => 1,
            Content::Elements(elements) => 1 + elements.iter().map(Self::count).sum::<usize>(),
        }
    }

    fn nth(&mut self, at: &mut usize) -> Option<&mut Self> {
        if *at == 0 {
            return Some(self);
        }
        *at -= 1;
        match &mut self.content {
            Content::Bytes(_) => None,
            Content::Elements(elements) => elements.iter_mut().find_map(|e| e.nth(at)),
        }
    }
}

fn parse_all(mut der: &[u8]) -> Option<Vec<Element>> {
    let mut out = Vec::new();
    while let [tag, first, rest @ ..] = der {
        let count = usize::from(first.checked_sub(0x80).unwrap_or(0));
        let octets = rest.get(..count)?;
        let length =
            if count == 0 { usize::from(*first) } else { octets.iter().fold(0, |n, b| n << 8 | usize::from(*b)) };
        let content = rest[count..].get(..length)?;
        der = &rest[count + length..];
        // The extensions lie in octet strings.
        let inner = (tag & 0x20 != 0 || *tag == 4 && !content.is_empty()).then(|| parse_all(content)).flatten();
        let content = inner.map_or_else(|| Content::Bytes(content.to_vec()), Content::Elements);
        out.push(Element { tag: *tag, content });
    }
    der.is_empty().then_some(out)
}

// Where a certificate's fields stand in what is signed, behind its version.
const SERIAL: usize = 1;
const ALGORITHM: usize = 2;
const ISSUER: usize = 3;
const SUBJECT: usize = 5;
const KEY: usize = 6;

/// A certificate with the same content for another key of its own, signed again.
pub(super) fn rekey(pem: &[u8], key: &KeyPair, signer: &KeyPair) -> Vec<u8> {
    reissue(pem, signer, |tbs| tbs.elements()[KEY] = Element::parse(&key.spki_der()).unwrap())
}

/// The same, signed again.
pub(super) fn resign(pem: &[u8], signer: &KeyPair) -> Vec<u8> {
    reissue(pem, signer, |_| ())
}

/// The same under another serial number: renewed, or signed by another.
pub(super) fn renew(pem: &[u8], signer: &KeyPair, dice: &mut Dice) -> Vec<u8> {
    reissue(pem, signer, |tbs| {
        let fields = tbs.elements();
        fields[SERIAL] = Element::bytes(2, [1, u8::try_from(dice.roll(256)).unwrap()]);
        if dice.roll(3) == 0 {
            // Self-issued, though perhaps not self-signed.
            fields[ISSUER] = fields[SUBJECT].clone();
        }
    })
}

/// One to three changes of the structure.
pub(super) fn disturb(pem: &[u8], signer: &KeyPair, dice: &mut Dice) -> Vec<u8> {
    reissue(pem, signer, |tbs| {
        for _ in 0..=dice.roll(3) {
            change(tbs, dice);
        }
    })
}

/// A revocation list of the CA `issuer` that may list the certificate `revoked`, its structure perhaps changed.
pub(super) fn revoke(revoked: &[u8], issuer: &[u8], signer: &KeyPair, dice: &mut Dice) -> Option<Vec<u8>> {
    let fields = |pem: &[u8]| parse_pem(pem).map(|mut c| c.elements()[0].elements().clone());
    let (revoked, issuer) = (fields(revoked)?, fields(issuer)?);
    let time = Element::bytes(0x17, *b"261101000000Z");
    let entry = |serial: &Element| Element::sequence(vec![serial.clone(), time.clone()]);
    let other = Element::bytes(2, [7]);
    let entries = match dice.roll(4) {
        0 => vec![entry(&other)],
        1 => vec![entry(&other), entry(&revoked[SERIAL])],
        _ => vec![entry(&revoked[SERIAL])],
    };
    let authority = Element::sequence(vec![Element::bytes(0x80, subject_key_id(&issuer)?)]);
    let authority = Element { tag: 4, content: Content::Elements(vec![authority]) };
    let extension = Element::sequence(vec![Element::bytes(6, [0x55, 0x1d, 0x23]), authority]);
    let extensions = Element { tag: 0xa0, content: Content::Elements(vec![Element::sequence(vec![extension])]) };
    let mut list = Element::sequence(vec![
        Element::bytes(2, [1]),
        issuer[ALGORITHM].clone(),
        issuer[SUBJECT].clone(),
        time,
        Element::sequence(entries),
        extensions,
    ]);
    for _ in 0..dice.roll(3) {
        change(&mut list, dice);
    }
    Some(pem_encode("X509 CRL", &signed(list, issuer[ALGORITHM].clone(), signer)).into_bytes())
}

/// The content of the extension 2.5.29.14.
fn subject_key_id(fields: &[Element]) -> Option<Vec<u8>> {
    const OID: [u8; 5] = [6, 3, 0x55, 0x1d, 14];
    let extensions = fields.last()?.der();
    let at = extensions.windows(OID.len()).position(|w| w == OID)? + OID.len();
    // An octet string within an octet string.
    let [4, _, 4, length, rest @ ..] = extensions.get(at..)? else { return None };
    rest.get(..usize::from(*length)).map(<[u8]>::to_vec)
}

fn change(tbs: &mut Element, dice: &mut Dice) {
    const TAGS: [u8; 16] = [1, 2, 3, 4, 5, 6, 12, 19, 22, 30, 0x17, 0x18, 0x30, 0x31, 0x80, 0xa0];
    let other = tbs.clone().any(dice).clone();
    let chosen = tbs.any(dice);
    match (dice.roll(8), &mut chosen.content) {
        (0, _) => chosen.tag = *dice.of(&TAGS),
        (1, _) => *chosen = other,
        (2, Content::Elements(elements)) => elements.push(other),
        (3, Content::Elements(elements)) if !elements.is_empty() => drop(elements.remove(dice.roll(elements.len()))),
        (4, Content::Elements(elements)) if !elements.is_empty() => {
            let twice = elements[dice.roll(elements.len())].clone();
            elements.insert(dice.roll(elements.len() + 1), twice);
        }
        (5, Content::Elements(elements)) => elements.reverse(),
        (6, Content::Bytes(bytes)) if !bytes.is_empty() => {
            let at = dice.roll(bytes.len());
            bytes[at] ^= 1 << dice.roll(8);
        }
        (7, Content::Bytes(bytes)) => bytes.insert(0, *dice.of(&[0, 1, 0x7f, 0xff])),
        (_, Content::Bytes(bytes)) => drop(bytes.pop()),
        (_, Content::Elements(_)) => chosen.tag ^= 0x80,
    }
}

fn reissue(pem: &[u8], signer: &KeyPair, change: impl FnOnce(&mut Element)) -> Vec<u8> {
    let Some(mut certificate) = parse_pem(pem) else { return pem.to_vec() };
    let parts = certificate.elements();
    change(&mut parts[0]);
    pem_encode("CERTIFICATE", &signed(parts[0].clone(), parts[1].clone(), signer)).into_bytes()
}

fn signed(tbs: Element, algorithm: Element, signer: &KeyPair) -> Vec<u8> {
    let mut signature = vec![0];
    signature.extend(signer.sign(&tbs.der()).unwrap());
    Element::sequence(vec![tbs, algorithm, Element::bytes(3, signature)]).der()
}

fn parse_pem(pem: &[u8]) -> Option<Element> {
    let block = pem_blocks(pem).ok()?.into_iter().next().filter(|b| b.label == "CERTIFICATE")?;
    let has = |e: &Element, least| matches!(&e.content, Content::Elements(parts) if parts.len() >= least);
    let certificate = Element::parse(&block.der).filter(|e| has(e, 3))?;
    matches!(&certificate.content, Content::Elements(parts) if has(&parts[0], KEY + 1)).then_some(certificate)
}
