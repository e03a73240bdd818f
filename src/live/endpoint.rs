//! The endpoint to dial.

use std::fmt;
use std::str::FromStr;

/// An endpoint: `HOST:PORT`, the host a name or an address, IPv6 in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Host as given, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// An invalid endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid endpoint \"{text}\": {reason}")]
pub struct NoEndpoint {
    text: String,
    reason: &'static str,
}

impl FromStr for Endpoint {
    type Err = NoEndpoint;

    fn from_str(text: &str) -> Result<Self, NoEndpoint> {
        let refuse = |reason| Err(NoEndpoint { text: text.to_owned(), reason });
        if text.contains("://") {
            return refuse("expected HOST:PORT without a scheme");
        }
        let Some((host, port)) = text.rsplit_once(':') else {
            return refuse("expected HOST:PORT");
        };
        let inner = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        if inner.is_none() && host.contains(':') {
            return refuse("an IPv6 address needs brackets: [ADDRESS]:PORT");
        }
        let host = inner.unwrap_or(host);
        if host.is_empty() || host.contains(['/', '@', ' ']) {
            return refuse("invalid host");
        }
        match port.parse::<u16>() {
            Ok(port) if port > 0 => Ok(Self { host: host.to_owned(), port }),
            _ => refuse("invalid port"),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_round_trip() {
        for text in ["org1-peer1:7051", "10.0.0.1:7051", "[::1]:7051"] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
        for text in ["org1-peer1", "https://h:1", "::1:7051", ":7051", "h:0", "h:70000", "a b:1", "u@h:1"] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }
}
