//! Distinguished names as text.

use x509_parser::x509::X509Name;

/// RFC 4514 text, most specific RDN first, as `openssl x509 -nameopt RFC2253` prints it; the values of a
/// multi-valued RDN are joined by `+`.
pub(super) fn to_text(name: &X509Name<'_>) -> String {
    let mut out = String::new();
    let rdns: Vec<_> = name.iter_rdn().collect();
    for rdn in rdns.into_iter().rev() {
        let mut separator = ",";
        for attribute in rdn.iter() {
            if !out.is_empty() {
                out.push_str(separator);
            }
            separator = "+";
            let oid = attribute.attr_type();
            match short_name(oid.as_bytes()) {
                Some(name) => out.push_str(name),
                None => out.push_str(&oid.to_id_string()),
            }
            out.push('=');
            if let Ok(value) = attribute.as_str() {
                escape(value, &mut out);
            } else {
                out.push('#');
                out.push_str(&crate::text::hex(attribute.as_slice()));
            }
        }
    }
    out
}

/// The short name of a type of attribute, by the content of its OID in DER.
const fn short_name(oid: &[u8]) -> Option<&'static str> {
    Some(match oid {
        // 2.5.4.N
        [0x55, 4, 3] => "CN",
        [0x55, 4, 5] => "serialNumber",
        [0x55, 4, 6] => "C",
        [0x55, 4, 7] => "L",
        [0x55, 4, 8] => "ST",
        [0x55, 4, 9] => "street",
        [0x55, 4, 10] => "O",
        [0x55, 4, 11] => "OU",
        // 0.9.2342.19200300.100.1.25
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25] => "DC",
        // 1.2.840.113549.1.9.1
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1] => "emailAddress",
        _ => return None,
    })
}

/// Escapes the characters of RFC 4514 section 2.4, and control characters, so that a name cannot forge log lines.
fn escape(value: &str, out: &mut String) {
    if value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._@".contains(&b)) {
        out.push_str(value);
        return;
    }
    for (i, c) in value.chars().enumerate() {
        match c {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => {
                out.push('\\');
                out.push(c);
            }
            '#' | ' ' if i == 0 => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use x509_parser::prelude::FromDer as _;

    use super::*;

    fn name(attributes: &[(&[u8], u8, &str)]) -> Vec<u8> {
        let rdn = |(oid, tag, value): &(&[u8], u8, &str)| {
            let part = |tag: u8, bytes: &[u8]| {
                let mut part = vec![tag, u8::try_from(bytes.len()).unwrap()];
                part.extend(bytes);
                part
            };
            part(0x31, &part(0x30, &[part(6, oid), part(*tag, value.as_bytes())].concat()))
        };
        let rdns = attributes.iter().map(rdn).collect::<Vec<_>>().concat();
        [vec![0x30, u8::try_from(rdns.len()).unwrap()], rdns].concat()
    }

    #[test]
    fn attributes_have_their_short_names_and_others_their_oid() {
        let dc = [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25];
        let mail = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1];
        let der = name(&[
            (&dc, 0x16, "org"),
            (&[0x55, 4, 6], 0x13, "US"),
            (&[0x55, 4, 11], 0x0c, " a, b"),
            (&mail, 0x16, "a@b"),
            (&[0x55, 4, 12], 0x0c, "title"),
            (&[0x55, 4, 3], 0x0c, "peer1"),
        ]);
        let (_, parsed) = X509Name::from_der(&der).unwrap();
        assert_eq!(to_text(&parsed), "CN=peer1,2.5.4.12=title,emailAddress=a@b,OU=\\ a\\, b,C=US,DC=org");
    }
}
