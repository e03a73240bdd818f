//! Reading of documents, Lists, JSON, templates and lines.

use std::path::Path;

use proptest::prelude::*;

use super::{network, peer, read, service};
use crate::manifests::{Manifest, Object, Unset, Variables};

fn read_with(text: &str, variables: &[(&str, &str)]) -> Manifest {
    let variables: Variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Manifest::read(Path::new("m.yaml"), text, &variables).unwrap()
}

#[test]
fn documents_and_lists_in_yaml_and_json_are_the_same() {
    let one = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {selector: {app: a}}\n";
    let json = "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"a\"},\"spec\":{\"selector\":{\"app\":\"a\"}}}";
    let bare = "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"selector\":{\"app\":\"a\"}}}";
    for text in [
        one.to_owned(),
        format!("# c\n---\n{one}---\n# nothing\n"),
        one.replace('\n', "\r\n"),
        json.to_owned(),
        format!("{{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{json}]}}"),
        format!("{{\"apiVersion\":\"v1\",\"kind\":\"ServiceList\",\"items\":[{bare}]}}"),
        format!("\u{feff}{one}"),
        one.replace("spec: {selector: {app: a}}", "spec: {\n  selector: {app: a}\n}"),
        format!("x: &s {{selector: {{app: a}}}}\n{}", one.replace("spec: {selector: {app: a}}", "spec: {<<: *s}")),
    ] {
        let found = read(&text);
        let [Object::Service(service)] = &found.objects[..] else { panic!("{text}: {found:?}") };
        assert_eq!((service.meta.name.as_str(), service.selector["app"].as_str()), ("a", "a"), "{text}");
    }
}

#[test]
fn other_kinds_are_counted_and_other_files_are_skipped() {
    let found = read("apiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n---\napiVersion: x/v1\nkind: Service\n");
    assert_eq!((found.objects.len(), found.ignored), (0, 2));
    for text in [
        "",
        "a: 1",
        "kind: x",
        "apiVersion: v1\nkinds: y\n",
        "[1, 2]",
        "# apiVersion kind\n",
        "{{ apiVersion }}: [kind",
    ] {
        assert!(
            Manifest::read(Path::new("m.yaml"), text, &Variables::new()).is_none_or(|m| m.left_out.is_some()),
            "{text}"
        );
    }
}

#[test]
fn helm_templates_are_left_out_and_similar_texts_are_not() {
    let head = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\n";
    for (text, line) in [
        ("apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Values.name }}\n", Some(4)),
        ("apiVersion: v1\nkind: Service\nmetadata:\n  name: \"{{ .Values.name }}\"\n", Some(4)),
        ("apiVersion: v1\nkind: Service\nmetadata:\n  name: a-{{ .x }}\n", Some(4)),
        ("{{- if .x }}\napiVersion: v1\nkind: Service\n{{- end }}\n", Some(1)),
        (&format!("{head}data:\n  a: \"{{{{ $labels.x }}}}\"\n"), None),
        (&format!("{head}  annotations: {{a: '{{{{ x }}}}'}}\n"), None),
        (&format!("{head}data:\n  a: {{{{ x }}}}\n"), Some(6)),
        ("apiVersion: v1\nkind: Alert\nspec: '{{ x }}'\n", None),
        (&format!("# {{{{ x }}}}\n{head}"), None),
    ] {
        let found = read(text);
        let left_out = found.left_out.as_ref().map(|l| (l.line, l.is_template));
        assert_eq!(left_out, line.map(|l| (l, true)), "{text}");
        assert_eq!(found.objects.is_empty() && found.ignored == 0, line.is_some(), "{text}");
    }
}

#[test]
fn a_broken_manifest_is_reported_with_its_line() {
    let found = read("apiVersion: v1\nkind: Service\nmetadata: [\n");
    let left_out = found.left_out.unwrap();
    assert!(!left_out.is_template && left_out.line >= 3, "{left_out:?}");
}

#[test]
fn placeholders_are_filled_before_reading() {
    let text = "apiVersion: v1\nkind: Service\nmetadata: {name: \"${N}-svc\", namespace: \"${NS}\"}\nspec:\n  selector: {app: \"${N}\"}\n  ports: [{port: \"${P}\"}]\n";
    let found = read_with(text, &[("N", "a"), ("NS", "x"), ("P", "7051")]);
    let [Object::Service(service)] = &found.objects[..] else { panic!() };
    assert_eq!((service.meta.name.as_str(), service.ports[0].port), ("a-svc", 7051));
    let missing = read_with(text, &[("N", "a")]).unset;
    assert_eq!(missing, [Unset { line: 3, name: "NS".into() }, Unset { line: 6, name: "P".into() }]);
    // A bare placeholder in brackets is not valid YAML until it is filled.
    let flow = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {selector: {app: ${N}}}\n";
    let found = read_with(flow, &[("N", "a")]);
    let [Object::Service(service)] = &found.objects[..] else { panic!("{found:?}") };
    assert_eq!(service.selector["app"], "a");
    let unset = read_with(&flow.replace("${N}", "${N}, org: ${O:-o}, role: ${R}"), &[("N", "a")]).unset;
    assert_eq!(unset, [Unset { line: 4, name: "R".into() }]);
    let found = read_with(&flow.replace("${N}", "a, ${MORE}"), &[("MORE", "org: o")]);
    let [Object::Service(service)] = &found.objects[..] else { panic!("{found:?}") };
    assert_eq!(service.selector["org"], "o", "a value may itself be YAML");
}

#[test]
fn lines_in_block_scalars_are_lines_of_the_file() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n  p.yaml: |\n    version: 1.0.0\n    peers:\n      a:\n        url: grpcs://a:7051\n        grpcOptions:\n          ssl-target-name-override: b\n  E: c:7051\n";
    let found = network(&[text]);
    let host = &found.profiles[0].hosts[0];
    assert_eq!((host.url.line, host.name_override.as_ref().unwrap().line), (9, 11));
    let dials: Vec<(&str, usize)> = found.dials.iter().map(|d| (d.host.as_str(), d.at.line)).collect();
    assert_eq!(dials, [("a", 9), ("c", 12), ("a", 9)]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(text in "(apiVersion|kind|peers|url|grpc|Service|List|items|\\$\\{[A-Z}]|\\{\\{|[\\PC\\n :\\-\\[\\]{}\"'|]){0,60}") {
        if let Some(found) = Manifest::read(Path::new("m.yaml"), &format!("apiVersion kind {text}"), &Variables::new()) {
            prop_assert!(found.left_out.is_none() || found.objects.is_empty());
        }
    }

    #[test]
    fn no_mutation_of_a_manifest_panics(at in 0usize..900, len in 0usize..12, with in "[\\PC\\n]{0,6}") {
        let whole = peer("a", "x", "app: a", "") + "---\n" + &service("a", "x", "selector: {app: a}, ports: [{port: 7051}]");
        let mut chars: Vec<char> = whole.chars().collect();
        let at = at.min(chars.len());
        let end = (at + len).min(chars.len());
        chars.splice(at..end, with.chars());
        let text: String = chars.into_iter().collect();
        if let Some(found) = Manifest::read(Path::new("m.yaml"), &text, &Variables::new()) {
            let settings = crate::manifests::Settings { namespace: None, cluster_domain: "cluster.local".into() };
            let network = crate::manifests::Network::new([found], settings);
            for w in 0..network.workloads.len() {
                network.needed(w);
                network.holdings(w);
            }
        }
    }
}

#[test]
fn concatenated_json_objects_are_read() {
    let one = |name: &str| {
        format!("{{\"apiVersion\": \"v1\", \"kind\": \"Service\",\n\"metadata\": {{\"name\": \"{name}\"}}}}\n")
    };
    let found = read(&(one("a") + &one("b")));
    let [Object::Service(a), Object::Service(b)] = &found.objects[..] else { panic!("{found:?}") };
    assert_eq!((a.meta.at.line, b.meta.at.line, b.meta.name.as_str()), (1, 3, "b"));
    let broken = read(&(one("a") + "{\"apiVersion\": \"v1\", \"kind\""));
    assert!(broken.left_out.is_some_and(|why| !why.is_template) && broken.objects.is_empty());
}

#[test]
fn the_last_value_of_a_repeated_key_counts() {
    let text = "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  name: b\nspec: {}\n";
    let found = read(text);
    let [Object::Service(service)] = &found.objects[..] else { panic!("{found:?}") };
    assert_eq!(service.meta.name, "b");
    assert_eq!(found.repeated.iter().map(|r| (r.line, r.key.as_str())).collect::<Vec<_>>(), [(5, "name")]);
}
