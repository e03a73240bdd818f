//! `certificate list`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::caller::act;
use super::folder;
use super::site::Site;
use crate::ca::CertificateFilter;
use crate::cli::{output, process};
use crate::disk::Disk;
use crate::pki::name::SanName;
use crate::pki::x509::Cert;
use crate::text::escape::Lines;
use crate::text::hex;
use crate::{Error, ErrorKind, Timestamp};

/// The certificates that are printed at once.
const TOGETHER: usize = 200;

/// Prints certificates, and stores them with `--store`.
///
/// # Errors
/// When a time cannot be read, the CA refuses, or a file cannot be written.
pub(super) fn list(site: &Site<'_>) -> Result<(), Error> {
    let text = |name: &str| Some(site.own(name).to_owned()).filter(|text| !text.is_empty());
    let (expired_from, expired_to) = range(site.own("expiration"), "expiration")?;
    let (revoked_from, revoked_to) = range(site.own("revocation"), "revocation")?;
    let filter = CertificateFilter {
        id: text("id"),
        serial: text("serial"),
        aki: text("aki"),
        not_revoked: site.is_on("notrevoked"),
        not_expired: site.is_on("notexpired"),
        expired_from,
        expired_to,
        revoked_from,
        revoked_to,
    };
    let store = text("store");
    let (mut kept, mut count, mut failed) = (Vec::new(), 0_usize, None);
    let mut lines = Lines::new();
    let mut each = |pem: Vec<u8>| {
        if failed.is_some() {
            return;
        }
        let Some(cert) = Cert::all_from_pem(&pem).ok().and_then(|certs| certs.into_iter().next()) else {
            failed = Some(
                Error::new(ErrorKind::NotAsAsked, "a certificate of the CA's list cannot be read")
                    .with_help("fabcert ca certificate list shows the others"),
            );
            return;
        };
        count += 1;
        describe(&mut lines, &cert);
        // A list may be long.
        if count % TOGETHER == 0 {
            failed = output::print(&std::mem::take(&mut lines)).err();
        }
        if store.is_some() {
            kept.push(cert);
        }
    };
    act(site, async |caller| caller.client.certificates(&caller.credential(), &filter, &mut each).await)?;
    if let Some(e) = failed {
        return Err(e);
    }
    if let Some(store) = store {
        store_all(&site.process.disk, &site.home.path(&store), &kept)?;
    }
    if count == 0 {
        lines.line(format_args!("No results returned"));
    }
    output::print(&lines)
}

/// The two ends of `START::END`; each may be empty.
fn range(text: &str, name: &str) -> Result<(Option<Timestamp>, Option<Timestamp>), Error> {
    if text.is_empty() {
        return Ok((None, None));
    }
    let wrong = |why: String| {
        Error::new(ErrorKind::Usage, format!("Invalid {name} format, {why}: {text}"))
            .with_help("write it as 2026-01-01::2026-01-31, as times in RFC 3339, or as -30d::now")
    };
    let (start, end) =
        text.split_once("::").ok_or_else(|| wrong("expecting '<start>::<end>', missing '::' separator".to_owned()))?;
    if text.contains('/') {
        return Err(wrong("use '-' instead of '/' in time format".to_owned()));
    }
    let read = |text: &str| match text {
        "" => Ok(None),
        text => time(text, process::now()).map(Some).ok_or_else(|| wrong(format!("\"{text}\" is not a time"))),
    };
    Ok((read(start)?, read(end)?))
}

/// A time, a date, `now`, or a duration from now such as `-30d` (fabric-ca v1.5.21 `lib/servercertificates.go`, `getTime`).
fn time(text: &str, now: Timestamp) -> Option<Timestamp> {
    if text.eq_ignore_ascii_case("now") {
        return Some(now);
    }
    let duration = |text: &str| -> Option<Duration> { humantime::parse_duration(text).ok() };
    if let Some(ago) = text.strip_prefix('-') {
        return duration(ago).map(|ago| now.minus(ago));
    }
    if let Some(ahead) = text.strip_prefix('+') {
        return duration(ahead).map(|ahead| now.plus(ahead));
    }
    let upper = text.to_ascii_uppercase();
    Timestamp::parse_rfc3339(&upper).or_else(|| Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z")))
}

/// Writes each certificate to a file with the name of its identity, with a number where there are several.
fn store_all(disk: &Disk, dir: &Path, certs: &[Cert]) -> Result<(), Error> {
    let mut by_id: BTreeMap<&str, Vec<&Cert>> = BTreeMap::new();
    for cert in certs {
        by_id.entry(cert.common_name().unwrap_or_default()).or_default().push(cert);
    }
    folder::create(disk, dir, 0o755)?;
    for (id, certs) in by_id {
        if id.is_empty() || id.contains(['/', '\0']) {
            return Err(Error::new(ErrorKind::Input, format!("the id \"{id}\" cannot be the name of a file"))
                .with_help("list the certificates of other identities with --id"));
        }
        for (index, cert) in certs.iter().enumerate() {
            let number = if certs.len() > 1 { format!("-{}", index + 1) } else { String::new() };
            disk.replace(&dir.join(format!("{id}{number}.pem")), cert.to_pem().as_bytes(), 0o644)?;
        }
    }
    Ok(())
}

/// A certificate in the words and columns of the Go client; its key and signature are left out.
fn describe(lines: &mut Lines, cert: &Cert) {
    let serial = cert.serial_hex();
    lines.line(format_args!("Certificate:"));
    lines.line(format_args!("    Data:"));
    lines.line(format_args!("        Version: 3 (0x2)"));
    lines.line(format_args!("        Serial Number: {} (0x{serial})", decimal(cert.serial())));
    lines.line(format_args!("        Issuer: {}", in_order(cert.issuer())));
    lines.line(format_args!("        Validity"));
    lines.line(format_args!("            Not Before: {}", cert.not_before()));
    lines.line(format_args!("            Not After : {}", cert.not_after()));
    lines.line(format_args!("        Subject: {}", in_order(cert.subject())));
    lines.line(format_args!("        X509v3 extensions:"));
    if let Some(id) = cert.subject_key_id() {
        lines.line(format_args!("            X509v3 Subject Key Identifier:"));
        lines.line(format_args!("                {}", colons(id)));
    }
    if let Some(id) = cert.authority_key_id() {
        lines.line(format_args!("            X509v3 Authority Key Identifier:"));
        lines.line(format_args!("                keyid:{}", colons(id)));
    }
    if !cert.sans().is_empty() {
        let names: Vec<String> = cert.sans().iter().map(|san| format!("{}:{san}", kind(san))).collect();
        lines.line(format_args!("            X509v3 Subject Alternative Name:"));
        lines.line(format_args!("                {}", names.join(", ")));
    }
    lines.line(format_args!(""));
}

/// Upper-case hex with a colon between bytes.
fn colons(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(3 * bytes.len());
    for pair in hex(bytes).as_bytes().chunks(2) {
        if !out.is_empty() {
            out.push(':');
        }
        out.extend(pair.iter().map(|digit| char::from(digit.to_ascii_uppercase())));
    }
    out
}

const fn kind(san: &SanName) -> &'static str {
    match san {
        SanName::Dns(_) => "DNS",
        SanName::Ip(_) => "IP Address",
        SanName::Email(_) => "email",
        SanName::Uri(_) => "URI",
    }
}

/// A name in the order of the certificate; RFC 4514 text has the reverse.
fn in_order(name: &str) -> String {
    if !name.contains('\\') {
        return name.rsplit(',').collect::<Vec<_>>().join(",");
    }
    let mut parts: Vec<String> = vec![String::new()];
    let mut is_escaped = false;
    for c in name.chars() {
        if c == ',' && !is_escaped {
            parts.push(String::new());
            continue;
        }
        is_escaped = c == '\\' && !is_escaped;
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts.reverse();
    parts.join(",")
}

/// A number of any size in decimal.
fn decimal(bytes: &[u8]) -> String {
    num_bigint::BigUint::from_bytes_be(bytes).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_server() {
        let now = Timestamp::parse_rfc3339("2026-03-01T12:00:00Z").unwrap();
        let read = |text: &str| time(text, now).map(Timestamp::rfc3339);
        assert_eq!(read("NOW").as_deref(), Some("2026-03-01T12:00:00Z"));
        assert_eq!(read("-30d").as_deref(), Some("2026-01-30T12:00:00Z"));
        assert_eq!(read("+1h").as_deref(), Some("2026-03-01T13:00:00Z"));
        assert_eq!(read("2018-01-01").as_deref(), Some("2018-01-01T00:00:00Z"));
        assert_eq!(read("2018-01-01T01:30:00z").as_deref(), Some("2018-01-01T01:30:00Z"));
        assert_eq!(read("soon"), None);
        assert_eq!(range("::", "x").unwrap(), (None, None));
        assert!(range("2018-01-01", "x").is_err() && range("2018/01/01::", "x").is_err());
    }

    #[test]
    fn serial_numbers_are_decimal() {
        assert_eq!(decimal(&[]), "0");
        assert_eq!(decimal(&[1, 0]), "256");
        let serial = [0x07, 0x3c, 0x2b, 0x63, 0xed, 0x65, 0x30, 0x57, 0x05, 0x8f];
        assert_eq!(decimal(&serial), "34166496628095273338255");
    }

    #[test]
    fn names_are_in_the_order_of_the_certificate() {
        assert_eq!(in_order("CN=a,OU=b\\,c,C=US"), "C=US,OU=b\\,c,CN=a");
    }
}
