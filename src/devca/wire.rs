//! JSON on the wire: requests parsed as in Go (case-insensitive names, `null` is absent), answers in the envelope of
//! fabric-ca `lib/serverendpoint.go`.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Map, Value};

use super::refusal::Refusal;
use super::{Attribute, DevCaError};
use crate::Timestamp;

/// A request body: one JSON value.
pub(super) struct Body<'a> {
    raw: &'a [u8],
    value: Option<Value>,
}

impl<'a> Body<'a> {
    /// Parses `raw`; an empty body has no value.
    pub(super) fn parse(raw: &'a [u8]) -> Result<Self, Refusal> {
        if raw.is_empty() {
            return Ok(Self { raw, value: None });
        }
        let text = String::from_utf8_lossy(raw);
        match serde_json::from_str(&text) {
            Ok(value) => Ok(Self { raw, value: Some(value) }),
            Err(e) if e.is_eof() => Err(invalid(raw, "unexpected end of JSON input")),
            Err(e) => {
                let at =
                    text.lines().nth(e.line().saturating_sub(1)).and_then(|l| l.get(e.column().saturating_sub(1)..));
                let found = at.and_then(|rest| rest.chars().next()).unwrap_or('\n');
                let place = match e.to_string() {
                    text if text.starts_with("trailing characters") => "after top-level value",
                    _ => "looking for beginning of value",
                };
                Err(invalid(raw, &format!("invalid character '{found}' {place}")))
            }
        }
    }

    /// Refuses an empty body.
    pub(super) fn required(&self) -> Result<&Self, Refusal> {
        if self.value.is_some() { Ok(self) } else { Err(Refusal::new(400, 4, "Empty request body")) }
    }

    /// The members of the body, for the Go type `of`.
    pub(super) fn fields(&'a self, of: &'static str) -> Result<Fields<'a>, Refusal> {
        Fields::of(self.value.as_ref(), self.raw, of)
    }
}

/// 400 code 5. The real server repeats the whole request in it, secrets included.
fn invalid(raw: &[u8], reason: &str) -> Refusal {
    Refusal::new(400, 5, format!("Invalid request body: {reason}; body={}", String::from_utf8_lossy(raw)))
}

/// Members of a JSON object.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    map: Option<&'a Map<String, Value>>,
    raw: &'a [u8],
    of: &'static str,
}

impl<'a> Fields<'a> {
    fn of(value: Option<&'a Value>, raw: &'a [u8], of: &'static str) -> Result<Self, Refusal> {
        match value {
            None | Some(Value::Null) => Ok(Self { map: None, raw, of }),
            Some(Value::Object(map)) => Ok(Self { map: Some(map), raw, of }),
            Some(other) => {
                Err(invalid(raw, &format!("json: cannot unmarshal {} into Go value of type {of}", go_kind(other))))
            }
        }
    }

    /// The member `name`, ignoring letter case; `null` is absent.
    fn get(&self, name: &str) -> Option<&'a Value> {
        let map = self.map?;
        let found = map.get(name).or_else(|| map.iter().find(|(k, _)| k.eq_ignore_ascii_case(name)).map(|(_, v)| v));
        found.filter(|v| !v.is_null())
    }

    fn mismatch(&self, name: &str, value: &Value, wanted: &str) -> Refusal {
        let of = self.of.rsplit('.').next().unwrap_or(self.of);
        let field =
            format!("json: cannot unmarshal {} into Go struct field {of}.{name} of type {wanted}", go_kind(value));
        invalid(self.raw, &field)
    }

    /// A text; empty if absent.
    pub(super) fn text(&self, name: &str) -> Result<&'a str, Refusal> {
        match self.get(name) {
            None => Ok(""),
            Some(Value::String(text)) => Ok(text),
            Some(other) => Err(self.mismatch(name, other, "string")),
        }
    }

    /// An integer; 0 if absent.
    pub(super) fn integer(&self, name: &str) -> Result<i64, Refusal> {
        self.get(name).map_or(Ok(0), |v| v.as_i64().ok_or_else(|| self.mismatch(name, v, "int")))
    }

    /// A boolean; false if absent.
    pub(super) fn boolean(&self, name: &str) -> Result<bool, Refusal> {
        self.get(name).map_or(Ok(false), |v| v.as_bool().ok_or_else(|| self.mismatch(name, v, "bool")))
    }

    /// A time; `None` if absent or Go's zero time.
    pub(super) fn time(&self, name: &str) -> Result<Option<Timestamp>, Refusal> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| invalid(self.raw, "Time.UnmarshalJSON: input is not a JSON string"))?;
        if text == "0001-01-01T00:00:00Z" {
            return Ok(None);
        }
        Timestamp::parse_rfc3339(text).map(Some).ok_or_else(|| {
            invalid(self.raw, &format!("parsing time \"{text}\" as \"2006-01-02T15:04:05Z07:00\": cannot parse"))
        })
    }

    /// An array; `None` if absent, which differs from empty.
    pub(super) fn array(&self, name: &str) -> Result<Option<&'a [Value]>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(other) => Err(self.mismatch(name, other, "[]")),
        }
    }

    /// An array of texts; `None` if absent.
    pub(super) fn texts(&self, name: &str) -> Result<Option<Vec<&'a str>>, Refusal> {
        let Some(items) = self.array(name)? else { return Ok(None) };
        let text = |v: &'a Value| match v {
            Value::Null => Ok(""),
            _ => v.as_str().ok_or_else(|| self.mismatch(name, v, "string")),
        };
        items.iter().map(text).collect::<Result<_, _>>().map(Some)
    }

    /// A nested object; `None` if absent.
    pub(super) fn object(&self, name: &str) -> Result<Option<Self>, Refusal> {
        self.get(name).map(|v| Self::of(Some(v), self.raw, "object")).transpose()
    }

    /// An array of objects; `None` if absent.
    pub(super) fn objects(&self, name: &str) -> Result<Option<Vec<Self>>, Refusal> {
        let Some(items) = self.array(name)? else { return Ok(None) };
        items.iter().map(|v| Self::of(Some(v), self.raw, "object")).collect::<Result<_, _>>().map(Some)
    }

    /// The attributes of a registration; empty if absent.
    pub(super) fn attributes(&self, name: &str) -> Result<Vec<Attribute>, Refusal> {
        let items = self.objects(name)?.unwrap_or_default();
        items.iter().map(|f| Ok(Attribute::new(f.text("name")?, f.text("value")?, f.boolean("ecert")?))).collect()
    }

    /// Attribute requests, name and whether optional; `None` if absent.
    pub(super) fn attribute_requests(&self, name: &str) -> Result<Option<Vec<(&'a str, bool)>>, Refusal> {
        let Some(items) = self.objects(name)? else { return Ok(None) };
        items.iter().map(|f| Ok((f.text("name")?, f.boolean("optional")?))).collect::<Result<_, _>>().map(Some)
    }
}

const fn go_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// `CAInfoResponseNet`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CaInfo {
    #[serde(rename = "CAName")]
    pub(super) ca_name: String,
    /// Base64 of concatenated PEM.
    #[serde(rename = "CAChain")]
    pub(super) ca_chain: String,
    pub(super) issuer_public_key: String,
    pub(super) issuer_revocation_public_key: String,
    /// Empty except for `cainfo`.
    pub(super) version: &'static str,
}

/// `EnrollmentResponseNet`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Enrollment {
    /// Base64 of PEM.
    pub(super) cert: String,
    pub(super) server_info: CaInfo,
}

/// `RegistrationResponseNet`.
#[derive(Serialize)]
pub(super) struct Registration {
    pub(super) secret: String,
}

/// `IdentityResponse` and `GetIDResponse`.
#[derive(Serialize)]
pub(super) struct IdentityInfo<'a> {
    pub(super) id: &'a str,
    #[serde(rename = "type")]
    pub(super) kind: &'a str,
    pub(super) affiliation: &'a str,
    pub(super) attrs: &'a [Attribute],
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) max_enrollments: i64,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) secret: &'a str,
    #[serde(rename = "caname", skip_serializing_if = "Option::is_none")]
    pub(super) ca_name: Option<&'a str>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(n: &i64) -> bool {
    *n == 0
}

/// The list of `identities`.
#[derive(Serialize)]
pub(super) struct IdentityList<'a> {
    pub(super) identities: Vec<IdentityInfo<'a>>,
    #[serde(rename = "caname")]
    pub(super) ca_name: &'a str,
}

/// One row of `certificates`.
#[derive(Serialize)]
pub(super) struct CertificateRow<'a> {
    #[serde(rename = "PEM")]
    pub(super) pem: &'a str,
}

/// The list of `certificates`.
#[derive(Serialize)]
pub(super) struct CertificateList<'a> {
    pub(super) certs: Vec<CertificateRow<'a>>,
    #[serde(rename = "caname")]
    pub(super) ca_name: &'a str,
}

/// JSON as Go's `encoding/json` writes it: `<`, `>`, `&` and two line separators escaped.
pub(super) fn go_json(value: &impl Serialize) -> Result<String, DevCaError> {
    let plain = serde_json::to_string(value).map_err(|_| DevCaError::Encoding("the answer"))?;
    let mut out = String::with_capacity(plain.len());
    // These characters occur only in strings.
    for c in plain.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    Ok(out)
}

/// The envelope of `result`, which is already JSON.
pub(super) fn success(result: &str) -> String {
    format!("{{\"result\":{result}\n,\"errors\":[],\"messages\":[],\"success\":true}}")
}

/// The envelope of a refusal.
pub(super) fn failure(refusal: &Refusal) -> String {
    let message = go_json(&refusal.message).unwrap_or_else(|_| "\"\"".to_owned());
    format!(
        "{{\"result\":\"\",\"errors\":[{{\"code\":{},\"message\":{message}}}\n],\"messages\":[],\"success\":false}}",
        refusal.code
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(result: Result<impl Sized, Refusal>) -> Option<i64> {
        result.err().map(|r| r.code)
    }

    #[test]
    fn names_match_in_any_letter_case_and_null_is_absent() {
        let body = Body::parse(br#"{"CAName":"a","HOSTS":null,"attr_reqs":[]}"#).unwrap();
        let fields = body.fields("x").unwrap();
        assert_eq!(fields.text("caname").unwrap(), "a");
        assert_eq!(fields.texts("hosts").unwrap(), None);
        assert_eq!(fields.attribute_requests("attr_reqs").unwrap(), Some(Vec::new()));
    }

    #[test]
    fn wrong_types_and_broken_json_are_code_5_and_repeat_the_body() {
        let body = Body::parse(br#"{"caname":1}"#).unwrap();
        assert_eq!(code(body.fields("x").unwrap().text("caname")), Some(5));
        assert_eq!(code(Body::parse(b"[1]").unwrap().fields("x")), Some(5));
        for raw in [&b"{} x"[..], b"\xef\xbb\xbf{}", b"{'a':1}"] {
            let refusal = Body::parse(raw).err().unwrap();
            assert_eq!(refusal.code, 5);
            assert!(refusal.message.ends_with(&*String::from_utf8_lossy(raw)), "{}", refusal.message);
        }
    }

    #[test]
    fn markup_is_escaped_as_in_go() {
        assert_eq!(go_json(&"a<b>&c").unwrap(), r#""a\u003cb\u003e\u0026c""#);
    }
}
