//! Properties of every string and every accepted name.

use proptest::prelude::*;

use super::{HostName, NameRequest, NameSet, SanName, holds, matches_as_go, server_kind, server_name};

/// Strings close to valid names: pieces of names, addresses, URLs and their delimiters.
fn near_names() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "a",
        "B",
        "peer0",
        "1",
        "10.0.0.1",
        "::1",
        "fe80::1",
        "::ffff:1.2.3.4",
        ".",
        "-",
        "_",
        "*",
        "*.",
        "@",
        ":",
        "://",
        "/",
        "?",
        "#",
        "%",
        "%41",
        "[",
        "]",
        "<",
        ">",
        "(",
        ")",
        "\"",
        "\\",
        " ",
        ",",
        ";",
        "é",
        "\n",
        "dns:",
        "ip:",
        "email:",
        "uri:",
        "DNS.2:",
        "urn:",
        "spiffe://",
        "https://",
        ":7054",
    ]);
    prop::collection::vec(pieces, 0..8).prop_map(|pieces| pieces.concat())
}

/// Accepted bare names of each kind.
fn accepted() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9_]{1,20}(\\.[a-z][a-z0-9]{0,8}){1,3}",
        "\\*\\.[a-z]{1,8}",
        any::<std::net::IpAddr>().prop_map(|ip| ip.to_string()),
        "[a-z0-9+]{1,8}@[A-Z]{1,4}\\.example",
        "spiffe://[a-z]{1,8}(:[1-9][0-9]{0,3})?(/[a-zA-Z0-9._~-]{0,5}|/%[0-9a-f]{2}){0,3}(\\?[a-z=&]{0,4})?",
        "urn:[a-z]{1,5}:[a-z0-9:]{1,5}",
    ]
}

fn derive(sans: &[String]) -> Option<NameSet> {
    let requests = NameRequest { sans, hostnames: &[], gateway_services: &[], namespace: None, cluster_domain: "" };
    NameSet::derive(&requests).ok()
}

proptest! {
    #[test]
    fn no_string_panics(text in prop_oneof![any::<String>(), near_names()], other in near_names()) {
        let name = server_name(&text);
        prop_assert_eq!(name.kind(), server_kind(&text));
        prop_assert!(holds(std::slice::from_ref(&name), &name));
        matches_as_go(&[name], &other);
        let texts = [text.clone()];
        let _ = NameSet::derive(&NameRequest {
            sans: &[],
            hostnames: &texts,
            gateway_services: &texts,
            namespace: Some(&other),
            cluster_domain: &text,
        });
        if let Err(error) = text.parse::<SanName>() {
            prop_assert!(!error.to_string().is_empty() && !error.help().is_empty());
        }
    }

    #[test]
    fn the_ca_keeps_type_and_text_of_every_accepted_name(text in prop_oneof![near_names(), accepted()]) {
        if let Ok(name) = text.parse::<SanName>() {
            prop_assert_eq!(server_name(&name.to_string()), name);
        }
    }

    #[test]
    fn an_accepted_name_is_parsed_back_unchanged(text in near_names()) {
        if let Ok(name) = text.parse::<SanName>() {
            let forced = format!("{}:{name}", name.kind().to_string().to_ascii_lowercase());
            prop_assert_eq!(forced.parse::<SanName>(), Ok(name.clone()));
            if let Ok(bare) = name.to_string().parse::<SanName>() {
                prop_assert_eq!(bare, name);
            }
        }
    }

    #[test]
    fn plain_names_of_each_kind_are_accepted(text in accepted()) {
        let name: SanName = text.parse().map_err(|e| TestCaseError::fail(format!("{text}: {e}")))?;
        prop_assert_eq!(name.to_string().parse::<SanName>(), Ok(name));
    }

    #[test]
    fn go_matches_every_accepted_host_name(text in near_names()) {
        if let Ok(host) = text.parse::<HostName>() {
            prop_assert!(matches_as_go(&[SanName::Dns(host.clone())], host.as_str()));
            prop_assert!(matches_as_go(&[SanName::Dns(host)], &text));
        }
    }

    #[test]
    fn deriving_from_the_result_changes_nothing(texts in prop::collection::vec(accepted(), 0..6)) {
        let once = derive(&texts).ok_or_else(|| TestCaseError::fail("refused"))?;
        let again = derive(&once.strings()).ok_or_else(|| TestCaseError::fail("refused again"))?;
        prop_assert_eq!(&once, &again);
        prop_assert_eq!(once.sans().len(), once.sans().iter().collect::<std::collections::BTreeSet<_>>().len());
    }
}
