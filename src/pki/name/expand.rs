//! Expands requests into the list of requested names, each with its reason.

use std::collections::HashSet;
use std::net::IpAddr;

use super::error::masked;
use super::{HostName, NameError, SanName};

/// The names on the command line or in the configuration.
#[derive(Clone, Copy, Debug)]
pub struct NameRequest<'a> {
    /// `--san`: names as [`SanName`] parses them; each element may hold several, separated by commas.
    pub sans: &'a [String],
    /// `--hostname`: host names, expanded unless they have a dot. An IP address is kept as it is.
    pub hostnames: &'a [String],
    /// `--gateway-service`: Kubernetes Services, expanded. A Service written as `SVC.NAMESPACE` (also
    /// `SVC.NAMESPACE.svc` or `SVC.NAMESPACE.svc.DOMAIN`) is in that namespace whatever `namespace` is: a Service
    /// selects pods of its own namespace only, so its peers and the users of its short form are there.
    pub gateway_services: &'a [String],
    /// `--namespace`; without one only the short forms are derived.
    pub namespace: Option<&'a str>,
    /// `--cluster-domain`, usually `cluster.local`; used only when a namespace is known.
    pub cluster_domain: &'a str,
}

/// A requested name with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestedName {
    /// The name.
    pub name: SanName,
    /// The option that it comes from, and the users of this form.
    pub reason: String,
}

/// Requested names in a stable order and without duplicates: SANs as given, then host names, then gateway services.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameSet {
    names: Vec<RequestedName>,
    known: HashSet<SanName>,
}

impl NameSet {
    /// Expands `requests` into names. A repeated name keeps its first position and reason.
    ///
    /// # Errors
    ///
    /// The error of the first name, namespace or Service that a certificate cannot hold.
    pub fn derive(requests: &NameRequest<'_>) -> Result<Self, NameError> {
        let namespace = requests.namespace.map(|text| label("namespace", text)).transpose()?;
        let domain = requests.cluster_domain;
        let mut set = Self::default();
        for san in requests.sans.iter().flat_map(|list| list.split(',')) {
            set.add(san.parse()?, "--san".to_owned());
        }
        for text in requests.hostnames {
            let option = format!("--hostname {text}");
            if let Ok(ip) = text.parse::<IpAddr>() {
                set.add(SanName::Ip(ip.to_canonical()), option);
                continue;
            }
            let host: HostName = text.parse()?;
            let namespace = namespace.as_deref().filter(|_| !host.as_str().contains('.'));
            set.expand(&option, host.as_str(), namespace, domain)?;
        }
        for text in requests.gateway_services {
            let option = format!("--gateway-service {text}");
            let service = Service::read(text)?;
            let namespace = service.namespace.as_deref().or(namespace.as_deref());
            set.expand(&option, &service.name, namespace, service.domain.as_deref().unwrap_or(domain))?;
        }
        Ok(set)
    }

    /// The names with their reasons, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, RequestedName> {
        self.names.iter()
    }

    /// The names, in order, as in the CSR.
    pub fn sans(&self) -> Vec<SanName> {
        self.names.iter().map(|wanted| wanted.name.clone()).collect()
    }

    /// The names, in order, bare, as in the JSON `hosts`.
    pub fn strings(&self) -> Vec<String> {
        self.names.iter().map(|wanted| wanted.name.to_string()).collect()
    }

    /// Whether no name is requested.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Warnings for the operator: one sentence for each wildcard.
    pub fn warnings(&self) -> Vec<String> {
        let wildcards = self.names.iter().filter_map(|wanted| match &wanted.name {
            SanName::Dns(host) if host.is_wildcard() => Some(host),
            _ => None,
        });
        wildcards
            .map(|host| {
                format!(
                    "the wildcard {host} lets the holder of this key answer for every name of that form; list each host \
                     instead where you can"
                )
            })
            .collect()
    }

    /// Adds a name unless it is there.
    pub fn add(&mut self, name: SanName, reason: String) {
        if self.known.insert(name.clone()) {
            self.names.push(RequestedName { name, reason });
        }
    }

    /// Adds the forms of `name` that Kubernetes' DNS resolves (DNS for Services and Pods).
    fn expand(&mut self, option: &str, name: &str, namespace: Option<&str>, domain: &str) -> Result<(), NameError> {
        let Some(namespace) = namespace else {
            self.add(SanName::Dns(name.parse()?), option.to_owned());
            return Ok(());
        };
        let domain = cluster_domain(domain)?;
        let forms = [
            (name.to_owned(), format!("the form used inside namespace {namespace}")),
            (format!("{name}.{namespace}"), "the form used from other namespaces".to_owned()),
            (format!("{name}.{namespace}.svc"), "the form used from other namespaces, with the svc part".to_owned()),
            (format!("{name}.{namespace}.svc.{domain}"), format!("the full form in cluster domain {domain}")),
        ];
        for (form, who) in forms {
            self.add(SanName::Dns(form.parse()?), format!("{option}: {who}"));
        }
        Ok(())
    }
}

impl<'a> IntoIterator for &'a NameSet {
    type Item = &'a RequestedName;
    type IntoIter = std::slice::Iter<'a, RequestedName>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// A Kubernetes Service in `--gateway-service`.
struct Service {
    name: String,
    namespace: Option<String>,
    domain: Option<String>,
}

impl Service {
    fn read(text: &str) -> Result<Self, NameError> {
        let labels: Vec<&str> = text.splitn(4, '.').collect();
        let (name, namespace, domain) = match *labels.as_slice() {
            [name] => (name, None, None),
            [name, namespace] | [name, namespace, "svc"] => (name, Some(namespace), None),
            [name, namespace, "svc", domain] => (name, Some(namespace), Some(domain.to_owned())),
            _ => return Err(NameError::Service { text: masked(text) }),
        };
        let namespace = namespace.map(|text| label("namespace", text)).transpose()?;
        Ok(Self { name: label("gateway service", name)?, namespace, domain })
    }
}

/// Checks a namespace and the domain of a cluster.
///
/// # Errors
/// When one of them cannot be a part of a name.
pub(crate) fn check_place(namespace: Option<&str>, domain: &str) -> Result<(), NameError> {
    cluster_domain(domain)?;
    namespace.map_or(Ok(()), |text| label("namespace", text).map(drop))
}

/// A DNS label as Kubernetes names its objects (RFC 1123), in lower case.
fn label(what: &'static str, text: &str) -> Result<String, NameError> {
    let name = text.to_ascii_lowercase();
    let plain = name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    if plain && (1..=63).contains(&name.len()) && !name.starts_with('-') && !name.ends_with('-') {
        return Ok(name);
    }
    Err(NameError::NotALabel { what, text: masked(text) })
}

fn cluster_domain(text: &str) -> Result<HostName, NameError> {
    let refuse = |source| NameError::ClusterDomain { text: masked(text), source: Box::new(source) };
    let domain: HostName = text.parse().map_err(refuse)?;
    if domain.is_wildcard() {
        return Err(refuse(NameError::Wildcard { text: masked(text) }));
    }
    Ok(domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    fn derive(sans: &[&str], hosts: &[&str], services: &[&str], namespace: Option<&str>) -> Result<NameSet, NameError> {
        NameSet::derive(&NameRequest {
            sans: &texts(sans),
            hostnames: &texts(hosts),
            gateway_services: &texts(services),
            namespace,
            cluster_domain: "cluster.local",
        })
    }

    fn names(sans: &[&str], hosts: &[&str], services: &[&str], namespace: Option<&str>) -> Vec<String> {
        derive(sans, hosts, services, namespace).expect("names").strings()
    }

    #[test]
    fn a_gateway_service_has_four_forms_with_reasons() {
        let set = derive(&[], &[], &["org1-peer-gateway-svc"], Some("test-network")).expect("names");
        let lines: Vec<String> = set.iter().map(|w| format!("{}  {}", w.name, w.reason)).collect();
        let option = "--gateway-service org1-peer-gateway-svc";
        assert_eq!(
            lines,
            [
                format!("org1-peer-gateway-svc  {option}: the form used inside namespace test-network"),
                format!("org1-peer-gateway-svc.test-network  {option}: the form used from other namespaces"),
                format!(
                    "org1-peer-gateway-svc.test-network.svc  {option}: the form used from other namespaces, with the svc part"
                ),
                format!(
                    "org1-peer-gateway-svc.test-network.svc.cluster.local  {option}: the full form in cluster domain cluster.local"
                ),
            ]
        );
    }

    #[test]
    fn without_a_namespace_there_is_only_the_short_form() {
        assert_eq!(names(&[], &["Peer0"], &["Gw"], None), ["peer0", "gw"]);
    }

    #[test]
    fn a_host_name_with_a_dot_and_an_ip_address_are_not_expanded() {
        let found = names(&[], &["peer0.example", "10.0.0.1", "p"], &[], Some("ns"));
        assert_eq!(found, ["peer0.example", "10.0.0.1", "p", "p.ns", "p.ns.svc", "p.ns.svc.cluster.local"]);
    }

    #[test]
    fn a_service_with_a_namespace_is_expanded_in_that_namespace() {
        let expected = ["gw", "gw.b", "gw.b.svc", "gw.b.svc.cluster.local"];
        assert_eq!(names(&[], &[], &["gw.b"], None), expected);
        assert_eq!(names(&[], &[], &["gw.b.svc"], Some("a")), expected);
        assert_eq!(names(&[], &[], &["gw.b.svc.k8s.test"], Some("a"))[3], "gw.b.svc.k8s.test");
        assert!(matches!(derive(&[], &[], &["gw.example.com"], None), Err(NameError::Service { .. })));
    }

    #[test]
    fn names_are_ordered_by_option_and_duplicates_keep_the_first_reason() {
        let set = derive(&["b,10.0.0.1", "A", "b"], &["c", "a"], &["gw", "c"], None).expect("names");
        assert_eq!(set.strings(), ["b", "10.0.0.1", "a", "c", "gw"]);
        let reasons: Vec<&str> = set.iter().map(|w| w.reason.as_str()).collect();
        assert_eq!(reasons, ["--san", "--san", "--san", "--hostname c", "--gateway-service gw"]);
        assert_eq!(set.sans().len(), 5);
        assert!(!set.is_empty());
    }

    #[test]
    fn no_request_is_an_empty_set() {
        assert!(derive(&[], &[], &[], Some("ns")).expect("names").is_empty());
    }

    #[test]
    fn lists_with_gaps_or_spaces_are_refused() {
        assert_eq!(derive(&["a,"], &[], &[], None), Err(NameError::Empty));
        assert_eq!(derive(&[""], &[], &[], None), Err(NameError::Empty));
        assert!(matches!(derive(&["a, b"], &[], &[], None), Err(NameError::Space { .. })));
    }

    #[test]
    fn namespaces_services_and_cluster_domains_must_be_names() {
        for namespace in ["", "a.b", "-a", "a_b", "a b"] {
            let error = derive(&[], &[], &[], Some(namespace)).expect_err(namespace);
            assert!(matches!(error, NameError::NotALabel { what: "namespace", .. }), "{error}");
        }
        for service in ["", "a_b", "gw:7051", "é", "*"] {
            let error = derive(&[], &[], &[service], None).expect_err(service);
            assert!(matches!(error, NameError::NotALabel { what: "gateway service", .. }), "{error}");
        }
        assert!(matches!(derive(&[], &["h:1"], &[], None), Err(NameError::Port { .. })));
        let requests = |cluster_domain| NameRequest {
            sans: &[],
            hostnames: &[],
            gateway_services: &[],
            namespace: Some("ns"),
            cluster_domain,
        };
        let services = texts(&["gw"]);
        for domain in ["", "cluster.local.", ".cluster.local", "*.local"] {
            let error = NameSet::derive(&NameRequest { gateway_services: &services, ..requests(domain) });
            assert!(matches!(error, Err(NameError::ClusterDomain { .. })), "{domain}");
        }
    }

    #[test]
    fn each_wildcard_is_warned_about() {
        let warnings = derive(&["*.a,b.a"], &["*.c"], &[], Some("ns")).expect("names").warnings();
        assert_eq!(warnings.len(), 2);
        assert!(warnings[0].contains("*.a") && warnings[1].contains("*.c"));
    }
}
