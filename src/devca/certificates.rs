//! `certificates` (fabric-ca `lib/servercertificates.go`).

use super::call::{Call, is_within, registry_of};
use super::identity::{Issued, go_bool};
use super::refusal::Refusal;
use super::wire::{CertificateList, CertificateRow, go_json};
use crate::Timestamp;
use crate::pki::x509::Cert;
use crate::text::hex;

/// `certificates`: issued certificates, by id or serial number, of identities visible to the caller.
pub(super) fn certificates(call: &Call<'_>) -> Result<String, Refusal> {
    call.require_header()?;
    let ca = call.ca()?;
    let registry = registry_of(ca);
    let caller = call.token(&registry, ca)?;
    let caller = registry.get(&caller).ok_or_else(Refusal::authentication)?;
    if caller.attribute("hf.Registrar.Roles").is_none() && !caller.has_right("hf.Revoker") {
        return Err(Refusal::authorization());
    }
    if call.method == "DELETE" {
        return Err(Refusal::unclassed("DELETE Not Implemented"));
    }
    let not_revoked = flag(call, "notrevoked")?;
    let not_expired = flag(call, "notexpired")?;
    let (id, serial) = (call.query("id"), call.query("serial").to_ascii_lowercase());
    let significant = serial.trim_start_matches('0');
    let now = call.server.now();
    let (expired, revoked) = (range(call, "expired")?, range(call, "revoked")?);
    let aki = call.query("aki").to_ascii_lowercase();
    let is_of_key = |issued: &Issued| aki.is_empty() || key_id_of(issued).trim_start_matches('0') == aki;
    // A caller without an affiliation sees the certificates of removed identities too.
    let is_visible = |issued: &Issued| {
        caller.affiliation.is_empty() || registry.get(&issued.id).is_some_and(|i| is_within(caller, &i.affiliation))
    };
    let wanted = |issued: &&Issued| {
        (id.is_empty() || issued.id == id)
            && (serial.is_empty() || issued.serial == significant)
            && is_of_key(issued)
            && expired.contains(Some(issued.not_after))
            && revoked.contains(issued.revoked_at)
            && !(not_revoked && issued.revoked)
            && !(not_expired && issued.not_after < now)
            && is_visible(issued)
    };
    let rows = registry.issued().filter(wanted).map(|c| CertificateRow { pem: &c.pem }).collect();
    Ok(go_json(&CertificateList { certs: rows, ca_name: &call.query("ca") })?)
}

/// The identifier of the key that signed a certificate, in hex.
fn key_id_of(issued: &Issued) -> String {
    let cert = Cert::all_from_pem(issued.pem.as_bytes()).ok().and_then(|certs| certs.into_iter().next());
    cert.as_ref().and_then(Cert::authority_key_id).map(hex).unwrap_or_default()
}

/// A range of times in the query, with its ends.
struct Range {
    start: Option<Timestamp>,
    end: Option<Timestamp>,
}

impl Range {
    /// Without an end, everything is in the range.
    fn contains(&self, at: Option<Timestamp>) -> bool {
        self.start.is_none_or(|start| at.is_some_and(|at| at >= start))
            && self.end.is_none_or(|end| at.is_some_and(|at| at <= end))
    }
}

/// The parameters `NAME_start` and `NAME_end`, RFC 3339; the other forms of the real server are refused.
fn range(call: &Call<'_>, name: &str) -> Result<Range, Refusal> {
    let time = |end: &str| {
        let text = call.query(&format!("{name}_{end}"));
        if text.is_empty() {
            return Ok(None);
        }
        let parsed = Timestamp::parse_rfc3339(&text).map(Some);
        parsed
            .ok_or_else(|| Refusal::new(400, 67, format!("Invalid Request: invalid time '{text}' for '{name}_{end}'")))
    };
    Ok(Range { start: time("start")?, end: time("end")? })
}

/// A boolean of the query; false if absent.
fn flag(call: &Call<'_>, name: &str) -> Result<bool, Refusal> {
    let word = call.query(name).to_lowercase();
    if word.is_empty() {
        return Ok(false);
    }
    go_bool(&word).ok_or_else(|| {
        let reason = format!("strconv.ParseBool: parsing {word:?}: invalid syntax");
        let message = format!("Invalid Request: Failed to correctly parse value of '{name}' query parameter: {reason}");
        Refusal::new(400, 67, message)
    })
}
