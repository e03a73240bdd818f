//! E-mail addresses as SANs.

use super::error::masked;
use super::host::{HostName, ascii_form};
use super::{NameError, SanKind};

/// Parses a plain addr-spec (RFC 5322 section 3.4.1) with a dot-atom before the `@` and a host name after it,
/// lower-cased.
pub(super) fn parse(text: &str) -> Result<String, NameError> {
    let refuse = |why| Err(NameError::Email { text: masked(text), why });
    if text.ends_with('>') {
        return refuse("it has a display name or angle brackets");
    }
    let Some((local, host)) = text.rsplit_once('@') else {
        return refuse("it has no '@'");
    };
    if text.chars().any(char::is_whitespace) {
        return Err(NameError::Space { text: masked(text) });
    }
    if !local.is_ascii() {
        return Err(NameError::NonAscii { text: masked(text), ascii: None });
    }
    if local.is_empty() || local.len() > 64 {
        return refuse("there must be 1 to 64 characters before the '@'");
    }
    if local.split('.').any(str::is_empty) {
        return refuse("there is an extra dot before the '@'");
    }
    if !local.bytes().all(|b| b.is_ascii_alphanumeric() || b".!#$%&'*+-/=?^_`{|}~".contains(&b)) {
        return refuse("a character before the '@' needs quotes");
    }
    if !host.is_ascii() {
        let ascii = ascii_form(host).map(|host| format!("{local}@{host}"));
        return Err(NameError::NonAscii { text: masked(text), ascii });
    }
    match host.parse::<HostName>() {
        Ok(host) if host.is_wildcard() => refuse("its host is a wildcard"),
        Ok(host) => Ok(format!("{local}@{host}")),
        Err(source) => Err(NameError::Host { kind: SanKind::Email, text: masked(text), source: Box::new(source) }),
    }
}
