//! Names added to the text of Certificates.

use std::path::Path;

use crate::manifests::certificate::Certificate;
use crate::manifests::fix::{Addition, Fixed, with_names};
use crate::manifests::{Manifest, Object, Variables};

fn fixed(text: &str, names: &[&str], variables: &[(&str, &str)]) -> String {
    let variables: Variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let manifest = Manifest::read(Path::new("c.yaml"), text, &variables).unwrap();
    let Some(Object::Certificate(certificate)) = manifest.objects.first() else { panic!("no Certificate") };
    let addition = addition(certificate, names);
    let Fixed { text: new, refused } = with_names(text, &[addition], &variables);
    assert_eq!(refused, [], "{text}");
    let again = Manifest::read(Path::new("c.yaml"), &new, &variables).unwrap();
    let Some(Object::Certificate(after)) = again.objects.first() else { panic!("no Certificate any more: {new}") };
    for name in names {
        assert!(after.requested.names.iter().any(|n| n.text == *name), "{name} is not in {new}");
    }
    assert_eq!(after.requested.names.len(), certificate.requested.names.len() + names.len());
    new
}

fn addition(to: &Certificate, names: &[&str]) -> Addition {
    let names = names.iter().map(|n| (*n).to_owned()).collect();
    Addition { list: to.dns_names, of: to.requested.clone(), names }
}

const HEAD: &str = "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: c}\nspec:\n  secretName: s\n";

#[test]
fn names_are_added_below_the_last_item_of_a_block_list() {
    let text = format!("{HEAD}  dnsNames: # who\n    - a # first\n    # second\n    - b\n  ipAddresses: [127.0.0.1]\n");
    let new = fixed(&text, &["c", "d"], &[]);
    assert_eq!(new, text.replace("    - b\n", "    - b\n    - c\n    - d\n"));
    let text = format!("{HEAD}  dnsNames:\n  -   \"a\"");
    assert_eq!(fixed(&text, &["*.c"], &[]), format!("{text}\n  -   \"*.c\"\n"));
    let text = format!("{HEAD}  dnsNames:\n  - a\n").replace('\n', "\r\n");
    assert_eq!(fixed(&text, &["*.c"], &[]), format!("{text}  - \"*.c\"\r\n"));
    let text = format!("\u{feff}{HEAD}  dnsNames: [a]");
    assert_eq!(fixed(&text, &["c"], &[]), text.replace("[a]", "[c, a]"), "byte order mark, no final newline");
}

#[test]
fn lists_in_brackets_and_missing_lists_are_extended() {
    assert!(fixed(&format!("{HEAD}  dnsNames: [a, b]\n"), &["c"], &[]).contains("dnsNames: [c, a, b]\n"));
    assert!(fixed(&format!("{HEAD}  dnsNames: [ ]\n"), &["c"], &[]).contains("dnsNames: [ c]\n"));
    assert!(fixed(&format!("{HEAD}  dnsNames: [\n    a,\n    b ]\n"), &["c"], &[]).contains("[\n    c,\n    a,\n"));
    let new = fixed(&HEAD.replace("spec:\n  secretName: s", "spec: {secretName: s}"), &["c"], &[]);
    assert!(new.ends_with("spec: {dnsNames: [c], secretName: s}\n"), "{new}");
    let new = fixed(HEAD, &["c"], &[]);
    assert_eq!(new, HEAD.replace("  secretName", "  dnsNames:\n    - c\n  secretName"));
}

#[test]
fn anchors_empty_keys_and_brackets_around_spec_are_kept() {
    let text = format!("{HEAD}  dnsNames: &names\n    - a\n  usages: [server auth]\n");
    assert_eq!(fixed(&text, &["c"], &[]), text.replace("    - a\n", "    - a\n    - c\n"));
    let text = format!("{HEAD}  dnsNames: # none yet\n  isCA: false\n");
    assert_eq!(fixed(&text, &["c"], &[]), text.replace("yet\n", "yet\n    - c\n"));
    let text = format!("{HEAD}  dnsNames:");
    assert_eq!(fixed(&text, &["c"], &[]), format!("{text}\n    - c\n"));
    let inline = HEAD.replace("spec:\n  secretName: s\n", "spec: {secretName: s}\n");
    assert_eq!(
        fixed(&inline, &["c"], &[]),
        inline.replace('{', "{dnsNames: [c], ").replace("{dnsNames: [c], name", "{name")
    );
    let flow = HEAD.replace("spec:\n  secretName: s\n", "spec: {\n  secretName: s\n}\n");
    assert_eq!(fixed(&flow, &["c"], &[]), flow.replace("  secretName", "  dnsNames: [c],\n  secretName"));
}

#[test]
fn a_list_that_cannot_be_edited_in_place_is_unchanged() {
    let other = HEAD.replace("name: c", "name: d");
    // An alias shared by two Certificates, a value to remove, and a value that is not a list.
    for text in [
        format!(
            "apiVersion: v1\nkind: List\nitems:\n- {0}- {1}",
            indented("{HEAD}  dnsNames: &n\n    - a\n", HEAD),
            indented("{HEAD}  dnsNames: *n\n", &other)
        ),
        // Two lists on one line.
        format!(
            "{{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{0}, {0}]}}\n",
            "{\"apiVersion\": \"cert-manager.io/v1\", \"kind\": \"Certificate\", \"metadata\": {\"name\": \"c\"}, \"spec\": {\"secretName\": \"s\", \"dnsNames\": [\"a\"]}}"
        ),
        // Objects of other kinds that share the list, or the mapping with it.
        format!(
            "apiVersion: v1\nkind: List\nitems:\n- {}- apiVersion: x/v1\n  kind: X\n  hosts: *n\n",
            indented("{HEAD}  dnsNames: &n\n    - a\n", HEAD)
        ),
        format!(
            "apiVersion: v1\nkind: List\nitems:\n- {}- apiVersion: x/v1\n  kind: X\n  spec: {{<<: *s, x: y}}\n",
            indented("{HEAD}  dnsNames:\n    - a\n", &HEAD.replace("spec:\n", "spec: &s\n"))
        ),
        format!("{HEAD}  dnsNames: null\n"),
        format!("{HEAD}  dnsNames: a\n"),
    ] {
        let manifest = Manifest::read(Path::new("c.yaml"), &text, &Variables::new()).unwrap();
        assert!(manifest.left_out.is_none(), "{text}");
        let Some(Object::Certificate(last)) = manifest.objects.last() else { panic!("no Certificate: {text}") };
        let addition = addition(last, &["x"]);
        let fixed = with_names(&text, std::slice::from_ref(&addition), &Variables::new());
        assert_eq!(fixed, Fixed { text, refused: vec![addition] });
    }
}

/// A document as an item of a list.
fn indented(form: &str, head: &str) -> String {
    form.replace("{HEAD}", head).trim_end().replace('\n', "\n  ") + "\n"
}

#[test]
fn a_file_that_changed_in_the_meantime_is_unchanged() {
    let text = format!("{HEAD}  dnsNames:\n    - a\n");
    let manifest = Manifest::read(Path::new("c.yaml"), &text, &Variables::new()).unwrap();
    let Some(Object::Certificate(certificate)) = manifest.objects.first() else { panic!("no Certificate") };
    let addition = addition(certificate, &["x"]);
    for now in [text.replace("name: c", "name: d"), text.replace("- a", "- b"), format!("# moved\n{text}")] {
        let fixed = with_names(&now, std::slice::from_ref(&addition), &Variables::new());
        assert_eq!(fixed, Fixed { text: now, refused: vec![addition.clone()] });
    }
}

#[test]
fn lists_that_can_be_edited_are_among_many_that_cannot() {
    let object = |i: usize, list: &str| {
        let head = HEAD.replace("name: c", &format!("name: c{i}"));
        format!("{head}  dnsNames:{list}\n")
    };
    let many: Vec<String> = (0..300).map(|i| object(i, if i % 60 == 7 { " a" } else { "\n    - a" })).collect();
    let text = many.join("---\n");
    let manifest = Manifest::read(Path::new("c.yaml"), &text, &Variables::new()).unwrap();
    let additions: Vec<Addition> = manifest
        .objects
        .iter()
        .map(|object| match object {
            Object::Certificate(certificate) => addition(certificate, &["x"]),
            other => panic!("{other:?}"),
        })
        .collect();
    let Fixed { text: new, refused } = with_names(&text, &additions, &Variables::new());
    assert_eq!((refused.len(), new.matches("    - x\n").count()), (5, 295));
    let again = Manifest::read(Path::new("c.yaml"), &new, &Variables::new()).unwrap();
    assert_eq!(again.objects.len(), 300);
}

#[test]
fn json_stays_json() {
    let text = "{\"apiVersion\": \"cert-manager.io/v1\", \"kind\": \"Certificate\", \"metadata\": {\"name\": \"c\"}, \"spec\": {\n  \"secretName\": \"s\",\n  \"dnsNames\": [\n    \"a\"\n  ]\n}}\n";
    let new = fixed(text, &["b"], &[]);
    assert!(serde_json::from_str::<serde_json::Value>(&new).is_ok(), "{new}");
    let bare = text.replace(",\n  \"dnsNames\": [\n    \"a\"\n  ]", "");
    assert!(serde_json::from_str::<serde_json::Value>(&fixed(&bare, &["b"], &[])).is_ok());
    for text in [text, bare.as_str()] {
        let dense = text.replace(['\n', ' '], "");
        assert!(serde_json::from_str::<serde_json::Value>(&fixed(&dense, &["b"], &[])).is_ok());
    }
}

#[test]
fn a_new_name_uses_the_placeholders_of_its_neighbours() {
    let text = format!("{HEAD}  dnsNames:\n    - p.${{NS}}.svc\n    - p.${{DOMAIN}}\n");
    let variables = [("NS", "fabric"), ("DOMAIN", "localho.st"), ("OTHER", "gw")];
    let new = fixed(&text, &["gw.localho.st", "gw.fabric.svc", "fabrics.x"], &variables);
    let whole = [("NS", "acme"), ("DOMAIN", "acme.example")];
    let text = format!("{HEAD}  dnsNames:\n    - p.${{NS}}.svc\n");
    assert!(fixed(&text, &["gw.acme.example"], &whole).ends_with("    - gw.acme.example\n"));
    assert!(new.ends_with("    - gw.${DOMAIN}\n    - gw.${NS}.svc\n    - fabrics.x\n"), "{new}");
}
