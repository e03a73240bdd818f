//! Whether a Go client accepts what a server sends (Go 1.26 `crypto/x509`, `Certificate.Verify` with a name and the usage
//! server auth, as `crypto/tls` calls it).

use std::path::{Path, PathBuf};

use super::certificate::{KeyKind, Loaded, Signature};
use super::tls_folder::{TlsFault, TlsRefusal};
use crate::Timestamp;
use crate::msp::first_block::all_blocks;
use crate::msp::folder::FolderReader;
use crate::name;

/// The certificates of the files of anchors, as Go's `CertPool.AppendCertsFromPEM` takes them: every `CERTIFICATE` block
/// without headers that can be read, and at least one.
pub(super) fn anchors(folder: &dyn FolderReader, files: &[PathBuf]) -> Result<Vec<Loaded>, TlsRefusal> {
    let mut out: Vec<Loaded> = Vec::new();
    for path in files {
        let content = folder
            .read(path)
            .map_err(|e| TlsRefusal::new(TlsFault::Missing, path, format!("it cannot be read: {e}")))?;
        let blocks = all_blocks(&content).filter(|b| b.label == "CERTIFICATE" && !b.has_headers);
        out.extend(blocks.filter_map(|b| Loaded::from_der(path, &b.der).ok()));
    }
    if out.is_empty() {
        let path = files.first().map_or_else(|| Path::new(""), PathBuf::as_path);
        return Err(TlsRefusal::new(
            TlsFault::NoAnchor,
            path,
            "it holds no certificate that Go reads, so that no client can trust anything by it",
        ));
    }
    Ok(out)
}

/// Whether a client with these anchors trusts the server that sends `chain` at `now`, whatever its name.
pub(super) fn trusts(chain: &[Loaded], anchors: &[Loaded], now: Timestamp) -> Result<(), TlsRefusal> {
    let Some((leaf, sent)) = chain.split_first() else { return Ok(()) };
    let refuse = |fault, reason: String| Err(TlsRefusal::new(fault, &leaf.path, reason));
    if leaf.key_kind == KeyKind::Other || leaf.curve == Some("P-224") {
        return refuse(TlsFault::KeyKind, "TLS has no use for the certificate's kind of key".to_owned());
    }
    valid_at(leaf, now)?;
    let mut search = Search { sent, anchors, now, last: None };
    if search.leads_to_an_anchor(&mut vec![leaf]) {
        return Ok(());
    }
    Err(search.last.unwrap_or_else(|| {
        let reason = format!(
            "no path leads from \"{}\" to the anchors: its issuer is \"{}\"",
            leaf.cert.subject(),
            leaf.cert.issuer()
        );
        TlsRefusal::new(TlsFault::NoPath, &leaf.path, reason)
    }))
}

/// Whether the server's certificate answers to `name`.
pub(super) fn answers_to(chain: &[Loaded], name: &str) -> Result<(), TlsRefusal> {
    let Some(leaf) = chain.first() else { return Ok(()) };
    if name::matches_as_go(leaf.cert.sans(), name) {
        return Ok(());
    }
    let held: Vec<String> = leaf.cert.sans().iter().map(ToString::to_string).collect();
    let held = if held.is_empty() { "no name at all".to_owned() } else { held.join(", ") };
    let reason = format!("a Go client that dials {name} refuses it: it holds {held}");
    Err(TlsRefusal::new(TlsFault::NameMissing, &leaf.path, reason))
}

fn valid_at(cert: &Loaded, now: Timestamp) -> Result<(), TlsRefusal> {
    let (from, to) = (cert.cert.not_before(), cert.cert.not_after());
    if now < from {
        let reason = format!("\"{}\" is valid only from {from}", cert.cert.subject());
        return Err(TlsRefusal::new(TlsFault::NotYetValid, &cert.path, reason));
    }
    if now > to {
        let reason = format!("\"{}\" ended at {to}", cert.cert.subject());
        return Err(TlsRefusal::new(TlsFault::Expired, &cert.path, reason));
    }
    Ok(())
}

/// The search for a path, with the last thing that was in the way.
struct Search<'a> {
    sent: &'a [Loaded],
    anchors: &'a [Loaded],
    now: Timestamp,
    last: Option<TlsRefusal>,
}

impl<'a> Search<'a> {
    fn leads_to_an_anchor(&mut self, path: &mut Vec<&'a Loaded>) -> bool {
        let Some(below) = path.last().copied() else { return false };
        if path.len() == 1 && self.anchors.contains(below) {
            return self.usages_allow(path);
        }
        let candidates: Vec<(&'a Loaded, bool)> =
            self.anchors.iter().map(|c| (c, true)).chain(self.sent.iter().map(|c| (c, false))).collect();
        for (ca, is_anchor) in candidates {
            if ca.subject_raw != below.issuer_raw
                || path.iter().any(|c| {
                    c.subject_raw == ca.subject_raw
                        && c.cert.spki_der() == ca.cert.spki_der()
                        && c.cert.sans() == ca.cert.sans()
                })
                || below.signature_from(ca) == Signature::Bad
            {
                continue;
            }
            if let Err(refusal) = valid_at(ca, self.now) {
                self.last = Some(refusal);
                continue;
            }
            if ca.cert.path_len().is_some_and(|max| usize::try_from(max).is_ok_and(|max| path.len() - 1 > max)) {
                let reason = format!("\"{}\" allows fewer intermediate CAs below it", ca.cert.subject());
                self.last = Some(TlsRefusal::new(TlsFault::PathLength, &ca.path, reason));
                continue;
            }
            path.push(ca);
            let found = if is_anchor { self.usages_allow(path) } else { self.leads_to_an_anchor(path) };
            if found {
                return true;
            }
            path.pop();
        }
        false
    }

    fn usages_allow(&mut self, path: &[&Loaded]) -> bool {
        let lacks = |c: &&&Loaded| c.cert.extended_key_usage().is_some_and(|u| !u.any && !u.server_auth);
        match path.iter().find(lacks) {
            None => true,
            Some(cert) => {
                let reason = format!("the extended key usage of \"{}\" lacks server auth", cert.cert.subject());
                self.last = Some(TlsRefusal::new(TlsFault::Usage, &cert.path, reason));
                false
            }
        }
    }
}
