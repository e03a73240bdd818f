//! The certificates that a CA has issued.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::Registrar;
use crate::ca::CertificateFilter;
use crate::pki::x509::Cert;
use crate::text::hex;
use crate::{Error, ErrorKind, Timestamp};

/// Which certificates to list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    pub(crate) filter: CertificateFilter,
    /// Those that are valid now and end within this time.
    pub(crate) expiring: Option<Duration>,
    /// Only the one of each identity and use that was issued last.
    pub(crate) newest: bool,
}

/// One issued certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Row {
    /// Its enrolment id.
    pub(crate) id: String,
    /// What it is for: `sign`, `tls` or `ca`.
    pub(crate) role: &'static str,
    /// Hex without leading zeros.
    pub(crate) serial: String,
    /// The identifier of the issuer's key, in hex; most certificates of a list share it.
    #[serde(serialize_with = "shared")]
    pub(crate) aki: Arc<str>,
    #[serde(serialize_with = "rfc3339")]
    pub(crate) not_before: Timestamp,
    #[serde(serialize_with = "rfc3339")]
    pub(crate) not_after: Timestamp,
    /// Its names.
    pub(crate) sans: Vec<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "what serde calls")]
fn rfc3339<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.rfc3339())
}

fn shared<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

impl Row {
    /// `before` is the row before it in the list.
    fn of(cert: &Cert, before: Option<&Self>) -> Self {
        let aki = hex(cert.authority_key_id().unwrap_or_default());
        let same = before.map(|row| &row.aki).filter(|known| known[..] == *aki);
        let role = match cert.extended_key_usage() {
            _ if cert.is_ca() => "ca",
            Some(_) => "tls",
            None => "sign",
        };
        Self {
            id: cert.common_name().unwrap_or_default().to_owned(),
            role,
            serial: cert.serial_hex(),
            aki: same.cloned().unwrap_or_else(|| aki.into()),
            not_before: cert.not_before(),
            not_after: cert.not_after(),
            sans: cert.sans().iter().map(ToString::to_string).collect(),
        }
    }
}

/// Requests the certificates, those that end first before others.
///
/// # Errors
/// When the CA cannot be reached or refuses, or lists something that is not a certificate.
pub(crate) async fn select(registrar: &Registrar, selection: &Selection, now: Timestamp) -> Result<Vec<Row>, Error> {
    let mut filter = selection.filter.clone();
    if let Some(within) = selection.expiring {
        (filter.expired_from, filter.expired_to) = (Some(now), Some(now.plus(within)));
    }
    let (from, to) = (filter.expired_from, filter.expired_to);
    if selection.newest {
        // Of all, or a certificate that was renewed would be the newest of those that end soon.
        (filter.expired_from, filter.expired_to) = (None, None);
    }
    let (mut rows, mut unreadable) = (Vec::<Row>::new(), None);
    let mut each = |pem: Vec<u8>| match Cert::all_from_pem(&pem).as_deref() {
        Ok([cert]) => rows.push(Row::of(cert, rows.last())),
        Ok(_) => {
            unreadable.get_or_insert_with(|| "it is not one certificate".to_owned());
        }
        Err(e) => {
            unreadable.get_or_insert_with(|| e.to_string());
        }
    };
    let listed = registrar.client.certificates(&registrar.credential(), &filter, &mut each).await;
    listed.map_err(|e| registrar.explain(e))?;
    if let Some(reason) = unreadable {
        return Err(Error::new(
            ErrorKind::NotAsAsked,
            format!("a certificate in the list of {} cannot be read: {reason}", registrar.url()),
        ));
    }
    if selection.newest {
        rows = newest(rows, (from, to));
    }
    rows.sort_unstable_by(|a, b| (&a.not_after, &a.id, &a.serial).cmp(&(&b.not_after, &b.id, &b.serial)));
    Ok(rows)
}

/// The last one of each identity and role: that which ends last. `NotBefore` is that of the CA, and orders nothing.
/// It is listed if it ends between these times.
fn newest(rows: Vec<Row>, (from, to): (Option<Timestamp>, Option<Timestamp>)) -> Vec<Row> {
    let mut last: BTreeMap<(String, &'static str), Row> = BTreeMap::new();
    for row in rows {
        let key = (row.id.clone(), row.role);
        if last.get(&key).is_none_or(|known| known.not_after < row.not_after) {
            last.insert(key, row);
        }
    }
    let is_between = |end: Timestamp| from.is_none_or(|from| end >= from) && to.is_none_or(|to| end <= to);
    last.into_values().filter(|row| is_between(row.not_after)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_identity_and_role_the_one_that_ends_last_is_the_newest() {
        let row = |id: &str, role, end| {
            let (id, end) = (id.to_owned(), Timestamp::from_unix(end));
            Row { id, role, serial: String::new(), aki: "".into(), not_before: end, not_after: end, sans: vec![] }
        };
        let rows = vec![row("a", "sign", 27), row("a", "sign", 28), row("a", "tls", 26), row("b", "sign", 25)];
        let kept = |to| {
            let kept = newest(rows.clone(), (None, to)).into_iter();
            kept.map(|row| format!("{} {} {}", row.id, row.role, row.not_after.unix())).collect::<Vec<_>>()
        };
        assert_eq!(kept(None), ["a sign 28", "a tls 26", "b sign 25"]);
        assert_eq!(kept(Some(Timestamp::from_unix(27))), ["a tls 26", "b sign 25"], "a was renewed");
    }
}
