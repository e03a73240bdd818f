//! Each kind of route from outside the cluster, and other names that lead to a Service.

use super::{network, peer, required, service};
use crate::manifests::{Lead, Passthrough};
use crate::pki::name::NameIndex;

fn names(route: &str) -> Vec<String> {
    let one = peer("a", "x", "app: a", "");
    let own = service(
        "a",
        "x",
        "selector: {app: a}, ports: [{name: grpc, port: 7051}, {name: operations, port: 9443}], clusterIP: 10.0.0.7",
    );
    required(&network(&[&one, &own, route]), "a")
}

/// A route of a kind for `h.example.com` to the Service `a`.
fn route(kind: &str, api: &str, spec: &str) -> String {
    format!("apiVersion: {api}\nkind: {kind}\nmetadata: {{name: r, namespace: x}}\nspec: {spec}\n")
}

#[test]
fn every_kind_of_route_requires_its_host() {
    let backend = |port: &str| {
        format!(
            "{{rules: [{{host: h.example.com, http: {{paths: [{{backend: {{service: {{name: a, port: {port}}}}}}}]}}}}]}}"
        )
    };
    let v1 = "networking.k8s.io/v1";
    let gateway_api = "gateway.networking.k8s.io/v1";
    for (route, expected) in [
        (route("Ingress", v1, &backend("{name: grpc}")), true),
        (route("Ingress", v1, &backend("{number: 7051}")), true),
        (route("Ingress", v1, &backend("{number: 9443}")), false),
        (route("Ingress", v1, &backend("{name: operations}")), false),
        (
            route(
                "Ingress",
                "extensions/v1beta1",
                "{rules: [{host: h.example.com, http: {paths: [{backend: {serviceName: a, servicePort: 7051}}]}}]}",
            ),
            true,
        ),
        (
            route(
                "TLSRoute",
                gateway_api,
                "{hostnames: [h.example.com], rules: [{backendRefs: [{name: a, port: 7051}]}]}",
            ),
            true,
        ),
        (
            route(
                "HTTPRoute",
                gateway_api,
                "{hostnames: [h.example.com], rules: [{backendRefs: [{name: a, port: 7051}]}]}",
            ),
            true,
        ),
        (
            route(
                "TLSRoute",
                gateway_api,
                "{hostnames: [h.example.com], rules: [{backendRefs: [{name: b, port: 7051}]}]}",
            ),
            false,
        ),
        (
            route(
                "TLSRoute",
                gateway_api,
                "{hostnames: [h.example.com], rules: [{backendRefs: [{name: a, namespace: y, port: 7051}]}]}",
            ),
            false,
        ),
        (
            route(
                "Route",
                "route.openshift.io/v1",
                "{host: h.example.com, to: {kind: Service, name: a}, tls: {termination: passthrough}}",
            ),
            true,
        ),
        (
            route(
                "Route",
                "route.openshift.io/v1",
                "{host: h.example.com, to: {kind: Service, name: b}, alternateBackends: [{kind: Service, name: a}]}",
            ),
            true,
        ),
        (
            route(
                "VirtualService",
                "networking.istio.io/v1",
                "{hosts: ['*'], tls: [{match: [{sniHosts: [h.example.com]}], route: [{destination: {host: a.x.svc.cluster.local, port: {number: 7051}}}]}]}",
            ),
            true,
        ),
        (
            route(
                "VirtualService",
                "networking.istio.io/v1",
                "{hosts: [h.example.com], tcp: [{route: [{destination: {host: a}}]}]}",
            ),
            true,
        ),
        (
            route(
                "IngressRouteTCP",
                "traefik.io/v1alpha1",
                "{routes: [{match: 'HostSNI(`h.example.com`)', services: [{name: a, port: 7051}]}], tls: {passthrough: true}}",
            ),
            true,
        ),
        // A kind of the same name in another API group.
        (route("Ingress", "config.openshift.io/v1", &backend("{name: grpc}")), false),
    ] {
        assert_eq!(names(&route).contains(&"h.example.com".to_owned()), expected, "{route}");
    }
}

#[test]
fn routes_without_hosts_take_those_of_their_gateways() {
    let listener = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: g, namespace: x}\nspec: {listeners: [{hostname: h.example.com, tls: {mode: Passthrough}}]}\n---\n";
    let hung = route(
        "TLSRoute",
        "gateway.networking.k8s.io/v1",
        "{parentRefs: [{name: g}], rules: [{backendRefs: [{name: a, port: 7051}]}]}",
    );
    assert_eq!(names(&(listener.to_owned() + &hung)), ["a", "h.example.com"]);
    let istio = "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g, namespace: x}\nspec: {servers: [{hosts: [x/h.example.com], tls: {mode: PASSTHROUGH}}]}\n---\n";
    let hung = route(
        "VirtualService",
        "networking.istio.io/v1",
        "{hosts: ['*'], gateways: [x/g], tcp: [{route: [{destination: {host: a}}]}]}",
    );
    let text = istio.to_owned() + &hung;
    assert_eq!(names(&text), ["a", "h.example.com"]);
    assert_eq!(network(&[&text]).routes[0].passthrough, Passthrough::Yes);
}

#[test]
fn a_contour_proxy_leads_its_host_to_its_services() {
    let proxy = |rest: &str| {
        route("HTTPProxy", "projectcontour.io/v1", &format!("{{virtualhost: {{fqdn: h.example.com}}, {rest}}}"))
    };
    for (rest, expected) in [
        ("tcpproxy: {services: [{name: a, port: 7051}]}", true),
        ("routes: [{services: [{name: a, port: 7051}]}]", true),
        ("routes: [{services: [{name: a, port: 9443}]}]", false),
        ("tcpproxy: {services: [{name: b, port: 7051}]}", false),
    ] {
        assert_eq!(names(&proxy(rest)).contains(&"h.example.com".to_owned()), expected, "{rest}");
    }
}

#[test]
fn a_wildcard_route_leads_every_host_of_its_domain() {
    let wild = route(
        "Ingress",
        "networking.k8s.io/v1",
        "{rules: [{host: '*.example.com', http: {paths: [{backend: {service: {name: a, port: {number: 7051}}}}]}}]}",
    );
    let own = service("a", "x", "selector: {app: a}, ports: [{port: 7051}]");
    let network = network(&[&peer("a", "x", "app: a", ""), &own, &wild]);
    let needed = network.needed(0);
    let needed = NameIndex::new(needed.iter().map(|n| &n.name));
    let lead = |name: &str| network.lead(name, 0, &needed);
    assert_eq!((lead("p.example.com"), lead("*.example.com")), (Lead::Here, Lead::Here));
    assert_eq!((lead("a.b.example.com"), lead("p.example.org")), (Lead::Nowhere, Lead::Nowhere));
}

#[test]
fn passthrough_is_read_from_each_kind() {
    let annotated = |annotations: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: r, annotations: {{{annotations}}}}}\nspec: {{}}\n"
        )
    };
    let termination =
        |kind: &str| route("Route", "route.openshift.io/v1", &format!("{{host: h, tls: {{termination: {kind}}}}}"));
    for (text, expected) in [
        (annotated("nginx.ingress.kubernetes.io/ssl-passthrough: \"true\""), Passthrough::Yes),
        (annotated("nginx.ingress.kubernetes.io/ssl-passthrough: \"false\""), Passthrough::No),
        (annotated("nginx.ingress.kubernetes.io/backend-protocol: GRPCS"), Passthrough::Reencrypted),
        (annotated("nginx.ingress.kubernetes.io/backend-protocol: https"), Passthrough::Reencrypted),
        (annotated("nginx.ingress.kubernetes.io/backend-protocol: GRPC"), Passthrough::No),
        (annotated(""), Passthrough::No),
        (annotated("nginx.ingress.kubernetes.io/ssl-passthrough: \"True\""), Passthrough::Yes),
        (annotated("nginx.ingress.kubernetes.io/ssl-passthrough: \"yes\""), Passthrough::No),
        (
            route("HTTPProxy", "projectcontour.io/v1", "{virtualhost: {fqdn: h, tls: {passthrough: true}}}"),
            Passthrough::Yes,
        ),
        (
            route("HTTPProxy", "projectcontour.io/v1", "{virtualhost: {fqdn: h, tls: {secretName: s}}}"),
            Passthrough::Reencrypted,
        ),
        // Within the mesh nothing ends the TLS of the applications.
        (route("VirtualService", "networking.istio.io/v1", "{hosts: [a], http: [{route: []}]}"), Passthrough::Yes),
        (
            route("VirtualService", "networking.istio.io/v1", "{hosts: [a], gateways: [g], http: [{route: []}]}"),
            Passthrough::Reencrypted,
        ),
        (termination("passthrough"), Passthrough::Yes),
        (termination("reencrypt"), Passthrough::Reencrypted),
        (termination("edge"), Passthrough::No),
        (route("TLSRoute", "gateway.networking.k8s.io/v1", "{hostnames: [h]}"), Passthrough::Elsewhere),
        (route("HTTPRoute", "gateway.networking.k8s.io/v1", "{hostnames: [h]}"), Passthrough::Reencrypted),
    ] {
        assert_eq!(network(&[&text]).routes[0].passthrough, expected, "{text}");
    }
}

#[test]
fn aliases_of_a_service_are_required() {
    let alias = "apiVersion: v1\nkind: Service\nmetadata: {name: alias, namespace: y}\nspec: {type: ExternalName, externalName: a.x.svc.cluster.local}\n";
    assert_eq!(names(alias), ["a", "alias"]);
    let hosts = "apiVersion: v1\nkind: Pod\nmetadata: {name: client, namespace: x}\nspec: {hostAliases: [{ip: 10.0.0.7, hostnames: [peer.old.example]}, {ip: 10.0.0.8, hostnames: [other]}]}\n";
    assert_eq!(names(hosts), ["a", "peer.old.example"]);
    let profile = "{\"version\": \"1.0\", \"peers\": {\"a\": {\"url\": \"grpcs://a.x:7051\", \"grpcOptions\": {}}}}";
    // It is unknown where a separate file is used.
    assert_eq!(names(profile), ["a", "a.x"]);
    let one = peer("a", "x", "app: a", "");
    let balanced = "apiVersion: v1\nkind: Service\nmetadata: {name: lb, namespace: x, annotations: {external-dns.alpha.kubernetes.io/hostname: 'p.example.com, q.example.com'}}\nspec: {type: LoadBalancer, selector: {app: a}, ports: [{port: 7051}]}\n";
    for balanced in [balanced.to_owned(), balanced.replace("p.example.com", "p.example.com.")] {
        assert_eq!(required(&network(&[&one, &balanced]), "a"), ["lb", "p.example.com", "q.example.com"]);
    }
}
