//! `enroll` and `reenroll` (fabric-ca `lib/serverenroll.go`): the same certificate, authenticated by a secret or a
//! token.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::call::{Call, registry_of};
use super::chain::Authority;
use super::csr::Request;
use super::fault::Fault;
use super::identity::{Identity, Issued};
use super::issue::{self, Template, Usage};
use super::refusal::Refusal;
use super::san::San;
use super::state::Ca;
use super::subject::Subject;
use super::wire::{Body, Enrollment, Fields, go_json};
use super::{DevCaError, attribute};
use crate::Timestamp;
use crate::pki::key::{KeyAlgorithm, KeyPair};
use crate::text::pem_encode;

/// Lifetime of profile `ca`, in seconds.
const CA_LIFETIME: u64 = 43_800 * 3600;

/// Enrols with id and secret; counts an enrolment.
pub(super) fn enroll(call: &Call<'_>) -> Result<String, Refusal> {
    let (id, secret) = call.basic()?;
    let ca = call.ca()?;
    let config = &call.server.config;
    if config.max_enrollments == 0 {
        return Err(Refusal::authentication());
    }
    let logged_in = registry_of(ca).log_in(&id, &secret, config.password_attempts, config.max_enrollments);
    call.server.save()?;
    logged_in?;
    let answer = certify(call, ca, &id)?;
    registry_of(ca).count_enrollment(&id, config.max_enrollments)?;
    call.server.save()?;
    Ok(answer)
}

/// Enrols again with a token; does not count an enrolment.
pub(super) fn reenroll(call: &Call<'_>) -> Result<String, Refusal> {
    call.require_header()?;
    let ca = call.ca()?;
    let id = call.token(&registry_of(ca), ca)?;
    let answer = certify(call, ca, &id)?;
    call.server.save()?;
    Ok(answer)
}

/// The request without the CSR.
struct Wanted<'a> {
    csr: &'a str,
    hosts: Option<Vec<&'a str>>,
    profile: &'a str,
    subject: Option<(&'a str, Subject)>,
    not_before: Option<Timestamp>,
    attributes: Option<Vec<(&'a str, bool)>>,
}

impl<'a> Wanted<'a> {
    fn read(fields: Fields<'a>) -> Result<Self, Refusal> {
        // Read only to check their types.
        fields.time("NotAfter")?;
        fields.text("label")?;
        fields.text("crl_override")?;
        fields.boolean("ReturnPrecert")?;
        fields.objects("extensions")?;
        Ok(Self {
            csr: fields.text("certificate_request")?,
            hosts: fields.texts("hosts")?,
            profile: fields.text("profile")?,
            subject: fields.object("subject")?.map(subject_of).transpose()?,
            not_before: fields.time("NotBefore")?,
            attributes: fields.attribute_requests("attr_reqs")?,
        })
    }
}

/// CN and other parts of the JSON `subject`.
fn subject_of(fields: Fields<'_>) -> Result<(&str, Subject), Refusal> {
    let mut subject = Subject { serial_number: fields.text("SerialNumber")?.to_owned(), ..Subject::default() };
    for name in fields.objects("names")?.unwrap_or_default() {
        let parts = [
            ("C", &mut subject.country),
            ("ST", &mut subject.state),
            ("L", &mut subject.locality),
            ("O", &mut subject.organization),
        ];
        for (key, values) in parts {
            let value = name.text(key)?;
            if !value.is_empty() {
                values.push(value.to_owned());
            }
        }
    }
    Ok((fields.text("CN")?, subject))
}

/// Checks the request in the order of the real server, then signs and records.
fn certify(call: &Call<'_>, ca: &Ca, id: &str) -> Result<String, Refusal> {
    let body = Body::parse(call.body)?;
    let wanted = Wanted::read(body.required()?.fields("api.EnrollmentRequestNet")?)?;
    let csr = Request::from_pem(wanted.csr)?;
    let json_cn = wanted.subject.as_ref().map(|(cn, _)| *cn);
    if csr.subject.common_name != id || json_cn.is_some_and(|cn| cn != id) {
        return Err(Refusal::new(403, 77, "The CSR subject common name must equal the enrollment ID"));
    }
    let usage = match wanted.profile {
        "" => Usage::Signing,
        "tls" => Usage::Tls,
        "ca" => Usage::Ca { path_len: 0 },
        other => return Err(Refusal::unclassed(format!("Invalid profile: '{other}'"))),
    };
    let is_ca = matches!(usage, Usage::Ca { .. });
    let mut registry = registry_of(ca);
    let identity = registry.get(id).ok_or_else(Refusal::authentication)?;
    if (is_ca || csr.wants_ca) && !identity.has_right("hf.IntermediateCA") {
        return Err(Refusal::authorization());
    }
    csr.check_lengths()?;
    let attributes = attribute::extension(wanted.attributes.as_deref(), &identity.attributes)
        .map_err(|r| r.within("Failed to find requested attributes"))?;
    let template = template(call, ca, identity, &csr, wanted, usage, attributes);
    let not_after = template.not_after;
    let signed = sign(call, ca, &csr, template, is_ca).map_err(|r| r.within("Certificate signing failure"))?;
    let pem = pem_encode("CERTIFICATE", &signed.der);
    let issued = Issued {
        id: id.to_owned(),
        serial: signed.serial,
        not_after,
        pem: pem.clone(),
        revoked: false,
        revoked_at: None,
    };
    registry.record(issued);
    drop(registry);
    let answer = Enrollment {
        cert: STANDARD.encode(content(call, &pem)?),
        server_info: Call::ca_info(ca, &chain(call, ca, &pem)?, false),
    };
    Ok(go_json(&answer)?)
}

fn template(
    call: &Call<'_>,
    ca: &Ca,
    identity: &Identity,
    csr: &Request,
    wanted: Wanted<'_>,
    usage: Usage,
    attributes: Option<String>,
) -> Template {
    let lifetime = match usage {
        Usage::Ca { .. } => std::time::Duration::from_secs(CA_LIFETIME),
        Usage::Tls => call.server.config.tls_lifetime.unwrap_or(call.server.config.lifetime),
        Usage::Signing => call.server.config.lifetime,
    };
    let earliest = ca.authority.not_before();
    let mut sans = wanted.hosts.map_or_else(|| csr.sans.clone(), |hosts| hosts.into_iter().map(San::of_host).collect());
    if matches!(usage, Usage::Ca { .. }) {
        sans.retain(|san| matches!(san, San::Ip(_)));
    }
    let mut subject = csr.subject.clone();
    if let Some((_, given)) = wanted.subject {
        let replace = |own: &mut Vec<String>, given: Vec<String>| {
            if !given.is_empty() {
                *own = given;
            }
        };
        replace(&mut subject.country, given.country);
        replace(&mut subject.state, given.state);
        replace(&mut subject.locality, given.locality);
        replace(&mut subject.organization, given.organization);
        if !given.serial_number.is_empty() {
            subject.serial_number = given.serial_number;
        }
    }
    let path = identity.affiliation.split('.').filter(|part| !part.is_empty());
    subject.units = std::iter::once(identity.kind.as_str()).chain(path).map(str::to_owned).collect();
    let mut template = Template {
        subject,
        sans,
        spki: csr.spki.clone(),
        not_before: wanted.not_before.map_or(earliest, |t| t.max(earliest)),
        not_after: issue::to_minute(call.server.now()).plus(lifetime).min(ca.authority.not_after()),
        usage,
        attributes,
    };
    for fault in call.faults {
        spoil(&mut template, fault, call.server.now());
    }
    template
}

const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

/// Applies a fault to the certificate template.
fn spoil(template: &mut Template, fault: &Fault, now: Timestamp) {
    match fault {
        Fault::DropSans => template.sans.clear(),
        Fault::DropOneSan => {
            template.sans.pop();
        }
        Fault::ExtraSan => template.sans.push(San::Dns("unasked.example".to_owned())),
        Fault::OtherCn => template.subject.common_name.push_str("-other"),
        Fault::Expired => {
            template.not_after = now.minus(DAY);
            template.not_before = template.not_before.min(now.minus(DAY * 2));
        }
        Fault::NotYetValid => template.not_before = now.plus(DAY),
        Fault::WrongProfile => {
            template.usage = if template.usage == Usage::Tls { Usage::Signing } else { Usage::Tls };
        }
        Fault::NoOu => template.subject.units.clear(),
        Fault::TwoOus => {
            let second = if template.subject.units.iter().any(|u| u == "admin") { "peer" } else { "admin" };
            template.subject.units.push(second.to_owned());
        }
        _ => {}
    }
}

fn sign(
    call: &Call<'_>,
    ca: &Ca,
    csr: &Request,
    mut template: Template,
    is_ca: bool,
) -> Result<issue::Certificate, Refusal> {
    csr.check_signature()?;
    if csr.wants_ca && !is_ca {
        return Err(Refusal::unclassed(r#"{"code":5300,"message":"Policy violation request"}"#));
    }
    for text in template.sans.iter().filter_map(San::text) {
        if !text.is_ascii() {
            let message = format!("x509: {text:?} cannot be encoded as an IA5String");
            let error = go_json(&std::collections::BTreeMap::from([("message", message)]))?;
            return Err(Refusal::unclassed(error.replacen('{', r#"{"code":1000,"#, 1)));
        }
    }
    if call.struck_by(&Fault::OtherKey) {
        let other = KeyPair::generate(KeyAlgorithm::P256).map_err(|_| DevCaError::NoRandomness)?;
        template.spki = other.spki_der();
    }
    let signed = issue::write(&template, &ca.authority.signer())?;
    if call.struck_by(&Fault::DatabaseLocked) {
        return Err(Refusal::unclassed("Failed to insert record into database: database is locked"));
    }
    Ok(signed)
}

/// The certificate in the answer.
fn content(call: &Call<'_>, pem: &str) -> Result<String, DevCaError> {
    if call.struck_by(&Fault::WrongContent) {
        return Ok("this is no certificate\n".to_owned());
    }
    if call.struck_by(&Fault::KeyInAnswer) {
        let key = KeyPair::generate(KeyAlgorithm::P256).map_err(|_| DevCaError::NoRandomness)?;
        return Ok(format!("{pem}{}and junk\n", key.to_pkcs8_pem().as_str()));
    }
    Ok(pem.to_owned())
}

/// The chain in the answer.
fn chain(call: &Call<'_>, ca: &Ca, issued: &str) -> Result<String, DevCaError> {
    let mut chain = ca.chain_pem();
    for fault in call.faults {
        match fault {
            Fault::WrongChain => {
                chain = Authority::generate(call.server.config.intermediates, call.server.now())?.chain_pem();
            }
            Fault::EmptyChain => chain.clear(),
            Fault::NonCaInChain => chain.push_str(issued),
            Fault::ReversedChain => chain = ca.authority.chain_pem_root_first(),
            _ => {}
        }
    }
    Ok(chain)
}
