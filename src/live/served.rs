//! Groups served certificates by member: the same certificates are the same member.

use std::net::SocketAddr;

use super::Sample;

/// A member behind an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Member {
    /// Its certificates, its own first; DER.
    pub chain: Vec<Vec<u8>>,
    /// The addresses that led to it.
    pub addresses: Vec<SocketAddr>,
    /// The number of connections to it.
    pub samples: usize,
    /// The negotiated TLS version.
    pub version: Option<&'static str>,
}

/// Returns the members found by samples, in order, and the failures, also of handshakes that broke off after the
/// certificate.
pub fn members(samples: &[Sample]) -> (Vec<Member>, Vec<String>) {
    let mut found: Vec<Member> = Vec::new();
    let mut failures: Vec<String> = Vec::new();
    let mut fail = |address: Option<SocketAddr>, reason: &String| {
        let text = address.map_or_else(|| reason.clone(), |a| format!("{a}: {reason}"));
        if !failures.contains(&text) {
            failures.push(text);
        }
    };
    for sample in samples {
        if let Some(reason) = &sample.broken_off {
            fail(sample.address, reason);
        }
        match (&sample.served, sample.address) {
            (Ok(chain), Some(address)) => match found.iter_mut().find(|m| m.chain == *chain) {
                Some(member) => {
                    member.samples += 1;
                    if !member.addresses.contains(&address) {
                        member.addresses.push(address);
                    }
                }
                None => found.push(Member {
                    chain: chain.clone(),
                    addresses: vec![address],
                    samples: 1,
                    version: sample.version,
                }),
            },
            (Err(reason), address) => fail(address, reason),
            (Ok(_), None) => {}
        }
    }
    (found, failures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_one_certificate_are_one_member() {
        let at = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let sample = |port, chain: &[u8]| Sample {
            address: Some(at(port)),
            served: Ok(vec![chain.to_vec()]),
            version: Some("TLS 1.3"),
            broken_off: None,
            wants_client: false,
        };
        let silent = Sample::failed(Some(at(3)), "no answer in time");
        let all = [sample(1, b"a"), sample(1, b"b"), sample(2, b"a"), sample(2, b"a"), silent.clone(), silent];
        let (found, failures) = members(&all);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].samples, found[0].addresses.as_slice()), (3, [at(1), at(2)].as_slice()));
        assert_eq!(failures, ["127.0.0.1:3: no answer in time"]);
    }
}
