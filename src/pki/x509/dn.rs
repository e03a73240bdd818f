//! Distinguished names as text.

use x509_parser::x509::X509Name;

/// RFC 4514 text, most specific RDN first, as `openssl x509 -nameopt RFC2253` prints it; the values of a
/// multi-valued RDN are joined by `+`.
pub(super) fn to_text(name: &X509Name<'_>) -> String {
    let mut rdns: Vec<String> = name
        .iter_rdn()
        .map(|rdn| {
            let values: Vec<String> = rdn
                .iter()
                .map(|a| {
                    let value = a.as_str().map_or_else(|_| format!("#{}", crate::text::hex(a.as_slice())), escape);
                    format!("{}={value}", short_name(&a.attr_type().to_id_string()))
                })
                .collect();
            values.join("+")
        })
        .collect();
    rdns.reverse();
    rdns.join(",")
}

fn short_name(oid: &str) -> &str {
    match oid {
        "2.5.4.3" => "CN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "street",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "0.9.2342.19200300.100.1.25" => "DC",
        "1.2.840.113549.1.9.1" => "emailAddress",
        other => other,
    }
}

/// Escapes the characters of RFC 4514 section 2.4, and control characters, so that a name cannot forge log lines.
fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
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
    out
}
