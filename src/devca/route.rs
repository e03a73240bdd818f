//! From a request to an answer: paths as in Go's router, then the handlers, then the envelope.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::call::Call;
use super::delivery::{Answer, Content, Delivery};
use super::fault::Fault;
use super::log::{Endpoint, Logged};
use super::refusal::Refusal;
use super::state::Server;
use super::wire::{failure, go_json, success};
use super::{affiliation, certificates, enroll, register, revoke};

/// A received request.
pub(super) struct Incoming {
    pub(super) method: String,
    /// Path and query as on the request line.
    pub(super) target: String,
    pub(super) authorization: Option<String>,
    pub(super) body: Vec<u8>,
}

/// The result of a handler.
#[derive(Default)]
struct Done {
    status: u16,
    result: String,
    location: Option<String>,
}

/// The endpoint of a path, with its variable.
fn endpoint_of(path: &str) -> (Endpoint, String) {
    let known = path.strip_prefix("/api/v1/").or_else(|| path.strip_prefix('/')).unwrap_or("");
    let endpoint = match known {
        "cainfo" => Endpoint::CaInfo,
        "enroll" => Endpoint::Enroll,
        "reenroll" => Endpoint::Reenroll,
        "register" => Endpoint::Register,
        "identities" => Endpoint::Identities,
        "certificates" => Endpoint::Certificates,
        "affiliations" => Endpoint::Affiliations,
        "revoke" => Endpoint::Revoke,
        "gencrl" => Endpoint::Crl,
        "idemix/credential" | "idemix/cri" => Endpoint::Unsupported,
        _ => match known.split_once('/') {
            Some(("identities", id)) if !id.is_empty() && !id.contains('/') => {
                return (Endpoint::Identity, id.to_owned());
            }
            Some(("affiliations", name)) if !name.is_empty() && !name.contains('/') => {
                return (Endpoint::Affiliations, name.to_owned());
            }
            _ => Endpoint::Unknown,
        },
    };
    (endpoint, String::new())
}

const fn methods_of(endpoint: Endpoint) -> &'static [&'static str] {
    match endpoint {
        Endpoint::CaInfo => &["GET", "POST", "HEAD"],
        Endpoint::Identities => &["GET", "POST"],
        Endpoint::Identity => &["GET", "PUT", "DELETE"],
        Endpoint::Certificates => &["GET", "DELETE"],
        Endpoint::Affiliations | Endpoint::Unsupported => &["GET", "POST", "PUT", "DELETE"],
        _ => &["POST"],
    }
}

/// Answers one request and logs it.
pub(super) fn answer(server: &Server, incoming: &Incoming) -> Answer {
    let (answer, endpoint, code, faults) = match server.config.path_prefix.as_deref() {
        None => dispatch(server, incoming, &incoming.target),
        // A reverse proxy removes the prefix, so the CA sees another target than the client sent.
        Some(prefix) => match incoming.target.strip_prefix(prefix.trim_end_matches('/')) {
            Some(target) if target.starts_with('/') => dispatch(server, incoming, target),
            _ => (Answer::not_found(), Endpoint::Unknown, None, Vec::new()),
        },
    };
    server.log.push(Logged {
        endpoint,
        method: incoming.method.clone(),
        target: incoming.target.clone(),
        authorized: incoming.authorization.is_some(),
        status: (!matches!(answer.delivery, Delivery::Never | Delivery::Lost)).then_some(answer.status),
        code,
        faults,
    });
    answer
}

fn dispatch(server: &Server, incoming: &Incoming, target: &str) -> (Answer, Endpoint, Option<i64>, Vec<Fault>) {
    let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
    let decoded = percent_decoded(path);
    let cleaned = clean(&decoded);
    if cleaned != decoded {
        let to = query.map_or_else(|| cleaned.clone(), |q| format!("{cleaned}?{q}"));
        return (Answer::moved(301, to), Endpoint::Unknown, None, Vec::new());
    }
    let (endpoint, variable) = endpoint_of(&decoded);
    if endpoint == Endpoint::Unknown {
        return (Answer::not_found(), endpoint, None, Vec::new());
    }
    let faults = server.switches.take(endpoint);
    let call = Call {
        server,
        endpoint,
        method: &incoming.method,
        target,
        authorization: incoming.authorization.as_deref(),
        body: &incoming.body,
        faults: &faults,
    };
    let (mut answer, code) = faults.iter().find_map(instead).unwrap_or_else(|| carry_out(&call, &variable));
    for fault in &faults {
        deliver(&mut answer, fault);
    }
    (answer, endpoint, code, faults)
}

fn carry_out(call: &Call<'_>, variable: &str) -> (Answer, Option<i64>) {
    let done = if methods_of(call.endpoint).contains(&call.method) {
        handle(call, variable)
    } else {
        Err(Refusal::new(405, 1, format!("Method {} is not allowed", call.method)))
    };
    match done {
        // HEAD has no body, as on the real server.
        Ok(done) if call.method == "HEAD" => (Answer::head(done.status), None),
        Err(refusal) if call.method == "HEAD" => (Answer::head(refusal.status), Some(refusal.code)),
        Ok(done) => {
            let mut answer = Answer::envelope(done.status, success(&done.result));
            answer.location = done.location;
            (answer, None)
        }
        Err(refusal) => (Answer::envelope(refusal.status, failure(&refusal)), Some(refusal.code)),
    }
}

fn handle(call: &Call<'_>, variable: &str) -> Result<Done, Refusal> {
    let ok = |status, result| Ok(Done { status, result, location: None });
    let created = |(result, id): (String, String)| {
        let escaped: String = id.bytes().map(path_escaped).collect();
        Ok(Done { status: 201, result, location: Some(format!("/api/v1/identities/{escaped}")) })
    };
    match call.endpoint {
        Endpoint::CaInfo => {
            let ca = call.ca()?;
            ok(200, go_json(&Call::ca_info(ca, &ca.chain_pem(), true))?)
        }
        Endpoint::Enroll => ok(201, enroll::enroll(call)?),
        Endpoint::Reenroll => ok(201, enroll::reenroll(call)?),
        Endpoint::Register => created(register::register(call)?),
        Endpoint::Identities => match register::identities(call)? {
            (result, Some(id)) => created((result, id)),
            (result, None) if call.server.identities_posted.load(Ordering::Relaxed) => ok(201, result),
            (result, None) => ok(200, result),
        },
        Endpoint::Identity => ok(200, register::identity(call, variable)?),
        Endpoint::Certificates => ok(200, certificates::certificates(call)?),
        Endpoint::Affiliations => {
            let (result, is_new) = affiliation::affiliations(call, variable)?;
            ok(if is_new { 201 } else { 200 }, result)
        }
        Endpoint::Revoke => ok(200, revoke::revoke(call)?),
        Endpoint::Crl => ok(200, revoke::crl(call)?),
        Endpoint::Unsupported | Endpoint::Unknown => {
            Err(Refusal::unclassed("the dev CA does not have this endpoint of Fabric CA"))
        }
    }
}

/// The answer of a fault that replaces the CA's.
fn instead(fault: &Fault) -> Option<(Answer, Option<i64>)> {
    let answer = match fault {
        Fault::Silent => Answer { delivery: Delivery::Never, ..Answer::empty(0) },
        Fault::ServerErrorThenGood => {
            let refusal = Refusal::new(500, 3, "Failed reading request body: unexpected EOF");
            return Some((Answer::envelope(500, failure(&refusal)), Some(3)));
        }
        Fault::UnavailableThenGood => Answer::html(503, "503 Service Temporarily Unavailable"),
        Fault::NoJson => Answer::text(201, "OK, enrolled\n"),
        Fault::Html404 => Answer::html(404, "404 Not Found"),
        Fault::HugeBody(mib) => Answer { content: Content::Filler(mib << 20), ..Answer::envelope(201, String::new()) },
        Fault::Redirect { status, to } => Answer::moved(*status, to.clone()),
        _ => return None,
    };
    Some((answer, None))
}

/// Applies a fault to the delivery of an answer.
const fn deliver(answer: &mut Answer, fault: &Fault) {
    match fault {
        Fault::Slow(ms) => answer.delivery = Delivery::PerByte(Duration::from_millis(*ms)),
        Fault::Delay(ms) => answer.delay = Duration::from_millis(*ms),
        Fault::CutBody => answer.delivery = Delivery::Cut,
        Fault::LostAnswer => answer.delivery = Delivery::Lost,
        Fault::ClockSkew(seconds) => answer.date_skew = *seconds,
        _ => {}
    }
}

/// The result of Go's `path.Clean`, with a trailing slash kept.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let mut cleaned = format!("/{}", parts.join("/"));
    if path.len() > 1 && path.ends_with('/') && cleaned != "/" {
        cleaned.push('/');
    }
    cleaned
}

fn percent_decoded(path: &str) -> String {
    let mut out = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(b) = bytes.next() {
        let hex = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
        let mut ahead = bytes.clone();
        match (b, hex(ahead.next()), hex(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                out.push(high << 4 | low);
                bytes = ahead;
            }
            _ => out.push(b),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Escapes one byte of an id as Go's `url.PathEscape` does.
fn path_escaped(b: u8) -> String {
    if b.is_ascii_alphanumeric() || b"-_.~$&+=:@".contains(&b) {
        char::from(b).to_string()
    } else {
        format!("%{b:02X}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_path_forms_lead_to_the_same_endpoint() {
        for (path, endpoint) in [
            ("/enroll", Endpoint::Enroll),
            ("/api/v1/enroll", Endpoint::Enroll),
            ("/api/v1/identities/a@b", Endpoint::Identity),
            ("/identities/", Endpoint::Unknown),
            ("/identities/a/b", Endpoint::Unknown),
            ("/cainfo/", Endpoint::Unknown),
            ("/", Endpoint::Unknown),
            ("/api/v1/nothing", Endpoint::Unknown),
        ] {
            assert_eq!(endpoint_of(path).0, endpoint, "{path}");
        }
    }

    #[test]
    fn paths_are_cleaned_as_in_go() {
        for (path, cleaned) in [("//enroll", "/enroll"), ("/./enroll", "/enroll"), ("/a/../enroll", "/enroll")] {
            assert_eq!(clean(path), cleaned);
        }
        assert_eq!(clean("/cainfo/"), "/cainfo/");
        assert_eq!(clean("/"), "/");
    }

    #[test]
    fn escaped_ids_round_trip() {
        let escaped: String = "a b/ü%".bytes().map(path_escaped).collect();
        assert_eq!(escaped, "a%20b%2F%C3%BC%25");
        assert_eq!(percent_decoded(&escaped), "a b/ü%");
    }
}
