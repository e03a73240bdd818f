//! Sends one HTTP request and reads its answer, up to a limit.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use reqwest::Method;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use url::Url;

use super::rows::Rows;
use super::status::Operation;
use super::{CaError, TlsFailure};
use crate::Timestamp;
use crate::lookup::lookup;

/// Maximum size of an answer, and of one object of a list. A real one is far smaller, Idemix keys and a long chain included.
const BODY_LIMIT: usize = 1 << 20;
/// Maximum size of an answer with a CRL: about a million revoked certificates.
const CRL_LIMIT: usize = 64 << 20;

/// How long an unused connection is used again. Servers and proxies close theirs after 5 seconds or more.
const IDLE_LIMIT: Duration = Duration::from_secs(4);

/// The settings of the transport.
pub(super) struct Setup {
    /// `HOST:PORT` of the CA, for messages.
    pub(super) address: String,
    pub(super) plaintext: bool,
    /// Also needed for plain HTTP: otherwise reqwest looks for a process-wide provider.
    pub(super) tls: rustls::ClientConfig,
    /// Whether `tls` has a client certificate.
    pub(super) identified: bool,
    /// The proxy's URL, and its `HOST:PORT` for messages.
    pub(super) proxy: Option<(String, String)>,
    pub(super) connect_timeout: Duration,
    pub(super) timeout: Duration,
}

/// Sends requests to one CA.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    http: reqwest::Client,
    address: String,
    /// `HOST:PORT` of the proxy.
    proxy: Option<String>,
    identified: bool,
    connect_timeout: Duration,
    timeout: Duration,
}

/// Resolves the CA's host so that nothing waits for a silent name server beyond the limit of the connection.
struct Lookup;

impl Resolve for Lookup {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // reqwest sets the port.
            let found = lookup(name.as_str(), 0).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// An answer with any status.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    pub(super) date: Option<Timestamp>,
    pub(super) retry_after: Option<Duration>,
}

impl Transport {
    pub(super) fn new(setup: Setup) -> Result<Self, CaError> {
        // The connection limit must be shorter, so that an expired total limit means that the request was sent.
        let connect_timeout = setup.connect_timeout.min(setup.timeout.mul_f64(0.9));
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("fabcert/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .dns_resolver(Lookup)
            // Otherwise the environment's HTTPS_PROXY and so on would be used.
            .no_proxy()
            .pool_idle_timeout(IDLE_LIMIT)
            .connect_timeout(connect_timeout)
            .timeout(setup.timeout)
            .https_only(!setup.plaintext)
            .tls_backend_preconfigured(setup.tls);
        let (url, proxy) = setup.proxy.unzip();
        if let Some(url) = url {
            builder = builder.proxy(reqwest::Proxy::all(url).map_err(|_| CaError::Proxy)?);
        }
        let http = builder.build().map_err(|e| CaError::Setup { reason: innermost(&e) })?;
        let Setup { address, identified, timeout, .. } = setup;
        Ok(Self { http, address, proxy, identified, connect_timeout, timeout })
    }

    /// Sends JSON, with the method of `operation`, and reads the complete answer. `authorization` is the value of that header.
    /// The objects of a list go to `rows`, and the answer has an empty list.
    pub(super) async fn send(
        &self,
        operation: Operation,
        url: Url,
        authorization: Option<&str>,
        body: Vec<u8>,
        rows: Option<&mut Rows<'_>>,
    ) -> Result<Answer, CaError> {
        tracing::debug!(method = operation.method(), %url, bytes = body.len(), "request");
        let method = Method::from_bytes(operation.method().as_bytes()).unwrap_or_default();
        let mut request = self.http.request(method, url);
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        if let Some(value) = authorization {
            let mut value = HeaderValue::from_str(value).map_err(|_| CaError::Setup {
                reason: "the Authorization header is not a valid HTTP header value".to_owned(),
            })?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let mut response = request.send().await.map_err(|e| self.explain(operation, &e))?;
        let status = response.status().as_u16();
        let date = date(response.headers());
        let retry_after = retry_after(response.headers(), date);
        let limit = if operation == Operation::Crl { CRL_LIMIT } else { BODY_LIMIT };
        let mut rows = rows.filter(|_| (200..300).contains(&status));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.explain(operation, &e))? {
            let pending = match &mut rows {
                Some(rows) => {
                    rows.push(&chunk, &mut body);
                    rows.pending()
                }
                // Before it is added: a chunk may be large.
                None if body.len() + chunk.len() > limit => chunk.len(),
                None => {
                    body.extend_from_slice(&chunk);
                    0
                }
            };
            if body.len() + pending > limit {
                let address = self.address.clone();
                return Err(CaError::TooLarge { address, operation, http_status: status, limit });
            }
        }
        if rows.is_some_and(|rows| !rows.is_sound()) {
            let reason = "an object of its list cannot be read";
            return Err(CaError::Unusable { address: self.address.clone(), operation, reason });
        }
        // The task of the connection sees the end too, and keeps it for the next request.
        tokio::task::yield_now().await;
        tracing::debug!(status, bytes = body.len(), "answer");
        Ok(Answer { status, body, date, retry_after })
    }

    /// Distinguishes failures before the request was sent from later ones.
    fn explain(&self, operation: Operation, error: &reqwest::Error) -> CaError {
        let address = self.address.clone();
        if let Some(tls) = find::<rustls::Error>(error) {
            let failure = Box::new(TlsFailure::from_rustls(tls, self.identified));
            // Under TLS 1.3 the refusal of a client certificate arrives instead of the answer.
            let of_client = matches!(*failure, TlsFailure::ClientCertRequired | TlsFailure::ClientCertRefused { .. });
            if error.is_connect() || of_client {
                return CaError::Tls { address, failure };
            }
            // The request was sent, and may have been processed.
            return CaError::Lost { address, operation, reason: innermost(error) };
        }
        if let Some(proxy) = self.proxy.clone().filter(|_| error.is_connect()) {
            let reason = innermost(error);
            let reason = match reason.strip_prefix("tunnel error: ") {
                _ if error.is_timeout() => {
                    format!("no connection to {address} within {}", humantime::format_duration(self.connect_timeout))
                }
                Some(answer) => format!("it opened no connection to {address} ({answer})"),
                None if error.is_dns() => format!("the host name could not be resolved: {reason}"),
                None => format!("no connection: {reason}"),
            };
            return CaError::Proxied { proxy, reason };
        }
        match (error.is_connect(), error.is_timeout()) {
            (true, true) => CaError::ConnectTimeout { address, after: self.connect_timeout },
            (true, false) if error.is_dns() => CaError::Resolve { address, reason: innermost(error) },
            (true, false) => CaError::Connect { address, reason: innermost(error) },
            (false, true) => CaError::TimedOut { address, operation, after: self.timeout },
            (false, false) if error.is_builder() => CaError::Setup { reason: innermost(error) },
            (false, false) if find::<io::Error>(error).is_some_and(|e| e.kind() == io::ErrorKind::UnexpectedEof) => {
                // The message of rustls contains a link to its manual.
                CaError::Lost { address, operation, reason: "the server closed it before the end".to_owned() }
            }
            (false, false) => CaError::Lost { address, operation, reason: innermost(error) },
        }
    }
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    Timestamp::parse_http_date(headers.get(DATE)?.to_str().ok()?)
}

/// `Retry-After`: seconds, or a date (RFC 9110 section 10.2.3), which counts from the `Date` of the same answer. At most a day.
fn retry_after(headers: &HeaderMap, date: Option<Timestamp>) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = match value.parse::<u64>() {
        Ok(seconds) => seconds,
        Err(_) => u64::try_from(Timestamp::parse_http_date(value)?.seconds_since(date?)).ok()?,
    };
    Some(Duration::from_secs(seconds.min(86_400)))
}

/// The cause of `error`. For an `io::Error`, the error that it wraps, which its own `source` skips.
fn below<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    wrapped.map(|e| e as &(dyn StdError + 'static)).or_else(|| error.source())
}

fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    std::iter::successors(Some(error), |e| below(*e)).find_map(|e| e.downcast_ref())
}

/// The message of the innermost cause; outer messages repeat the URL or say nothing.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    std::iter::successors(Some(error), |e| below(*e)).last().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let after = |value: &str, date: Option<Timestamp>| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            retry_after(&headers, date).map(|pause| pause.as_secs())
        };
        let date = Timestamp::parse_http_date("Mon, 23 Nov 2026 16:00:00 GMT");
        assert_eq!(after("120", None), Some(120));
        assert_eq!(after("Mon, 23 Nov 2026 16:00:30 GMT", date), Some(30));
        assert_eq!(after("Mon, 23 Nov 2026 16:00:30 GMT", None), None);
        assert_eq!(after("Mon, 23 Nov 2026 15:59:00 GMT", date), None);
        assert_eq!(after("99999999", None), Some(86_400));
        assert_eq!(after("soon", date), None);
    }
}
