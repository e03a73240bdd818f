//! `revoke` and `gencrl` (fabric-ca `lib/serverrevoke.go`, `lib/servergencrl.go`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::call::{Call, is_within, may_act_on_type, registry_of};
use super::identity::{Identity, Registry};
use super::issue::{self, RevokedAt};
use super::refusal::Refusal;
use super::state::Ca;
use super::wire::{Body, Fields, go_json};
use crate::Timestamp;
use crate::pki::x509::Cert;
use crate::text::{hex, pem_encode};

/// `RevocationResponse`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    revoked_certs: Option<Vec<Row>>,
    #[serde(rename = "CRL")]
    crl: String,
}

#[derive(Serialize)]
struct Row {
    #[serde(rename = "Serial")]
    serial: String,
    #[serde(rename = "AKI")]
    aki: String,
}

/// `GenCRLResponse`.
#[derive(Serialize)]
struct CrlAnswer {
    #[serde(rename = "CRL")]
    crl: String,
}

/// The time after which a CRL has ended (`crl.expiry`), in seconds.
const CRL_LIFE: i64 = 24 * 3600;

/// Revokes an identity or a certificate.
pub(super) fn revoke(call: &Call<'_>) -> Result<String, Refusal> {
    call.require_header()?;
    let ca = call.ca()?;
    let body = Body::parse(call.body)?;
    let fields = body.required()?.fields("api.RevocationRequestNet")?;
    let mut registry = registry_of(ca);
    let caller = call.token(&registry, ca)?;
    let now = call.server.now();
    let (id, serial, aki) = (fields.text("id")?, fields.text("serial")?, fields.text("aki")?);
    let rows = match (id, serial, aki) {
        (id, serial, aki) if !serial.is_empty() && !aki.is_empty() => {
            vec![certificate(&mut registry, &caller, (id, &plain(serial), &plain(aki)), now)?]
        }
        ("", ..) => {
            return Err(Refusal::new(400, 15, "Either Name or Serial and AKI are required for a revoke request"));
        }
        (id, ..) => {
            let found = registry.get(id).ok_or_else(|| {
                Refusal::new(
                    404,
                    10,
                    format!("Identity {id} was not found: Failed to get User: sql: no rows in result set"),
                )
            })?;
            let (owner, may) = (found.id.clone(), may_revoke(&registry, &caller, found));
            if !may {
                return Err(Refusal::authorization());
            }
            let valid: Vec<String> =
                registry.issued().filter(|c| c.id == owner && !c.revoked).map(|c| c.pem.clone()).collect();
            registry.revoke(&owner, now);
            valid.iter().filter_map(|pem| row(pem)).collect()
        }
    };
    let crl =
        if fields.boolean("gencrl")? && !rows.is_empty() { crl_of(ca, &registry, fields, now)? } else { String::new() };
    drop(registry);
    call.server.save()?;
    Ok(go_json(&Answer { revoked_certs: Some(rows).filter(|rows| !rows.is_empty()), crl })?)
}

fn certificate(
    registry: &mut Registry,
    caller: &str,
    (id, serial, aki): (&str, &str, &str),
    now: Timestamp,
) -> Result<Row, Refusal> {
    let found = registry.issued_as(serial).and_then(|issued| Some((issued, row(&issued.pem)?)));
    let Some((issued, row)) = found.filter(|(_, row)| row.aki.trim_start_matches('0') == aki) else {
        let message = format!(
            "Certificate with serial {serial} and AKI {aki} was not found: Failed to get Certificate: sql: no rows in result set"
        );
        return Err(Refusal::new(404, 8, message));
    };
    if issued.revoked {
        let message = format!("Certificate with serial {serial} and AKI {aki} was already revoked");
        return Err(Refusal::new(404, 66, message));
    }
    if !id.is_empty() && id != issued.id {
        let message = format!("Certificate with serial {serial} and AKI {aki} is not owned by {id}");
        return Err(Refusal::new(400, 9, message));
    }
    let owner = registry.get(&issued.id).ok_or_else(|| Refusal::new(404, 11, "Failed to find identity"))?;
    if !may_revoke(registry, caller, owner) {
        return Err(Refusal::authorization());
    }
    registry.revoke_certificate(serial, now);
    Ok(row)
}

fn may_revoke(registry: &Registry, caller: &str, owner: &Identity) -> bool {
    let by_right = |caller: &Identity| {
        caller.has_right("hf.Revoker") && is_within(caller, &owner.affiliation) && may_act_on_type(caller, &owner.kind)
    };
    caller == owner.id || registry.get(caller).is_some_and(by_right)
}

/// Serial number and issuer's key identifier of a certificate.
fn row(pem: &str) -> Option<Row> {
    let cert = Cert::all_from_pem(pem.as_bytes()).ok()?.into_iter().next()?;
    Some(Row { serial: cert.serial_hex(), aki: hex(cert.authority_key_id()?) })
}

/// The server removes leading zeros, then colons (`parseInput`).
fn plain(text: &str) -> String {
    text.to_lowercase().trim_start_matches('0').replace(':', "")
}

/// Makes a CRL.
pub(super) fn crl(call: &Call<'_>) -> Result<String, Refusal> {
    call.require_header()?;
    let ca = call.ca()?;
    let body = Body::parse(call.body)?;
    let fields = body.required()?.fields("api.GenCRLRequest")?;
    let registry = registry_of(ca);
    let caller = call.token(&registry, ca)?;
    if !registry.get(&caller).is_some_and(|caller| caller.has_right("hf.GenCRL")) {
        return Err(Refusal::authorization());
    }
    Ok(go_json(&CrlAnswer { crl: crl_of(ca, &registry, fields, call.server.now())? })?)
}

/// The CRL with the revoked certificates that the times of the request select: base64 of PEM.
fn crl_of(ca: &Ca, registry: &Registry, fields: Fields<'_>, now: Timestamp) -> Result<String, Refusal> {
    let (revoked_after, revoked_before) = (fields.time("revokedafter")?, fields.time("revokedbefore")?);
    let (expire_after, expire_before) = (fields.time("expireafter")?, fields.time("expirebefore")?);
    let is_between = |at: Timestamp, after: Option<Timestamp>, before: Option<Timestamp>| {
        after.is_none_or(|after| at > after) && before.is_none_or(|before| at < before)
    };
    let revoked: Vec<RevokedAt> = registry
        .issued()
        .filter(|c| is_between(c.not_after, expire_after.or(Some(now)), expire_before))
        .filter_map(|c| Some((c, c.revoked_at.filter(|_| c.revoked)?)))
        .filter(|(_, at)| is_between(*at, revoked_after, revoked_before))
        .map(|(c, at)| RevokedAt { serial: c.serial.clone(), at })
        .collect();
    let ends = Timestamp::from_unix(now.unix() + CRL_LIFE);
    let der = issue::write_crl(&revoked, (now, ends), &ca.authority.signer())?;
    Ok(STANDARD.encode(pem_encode("X509 CRL", &der)))
}
