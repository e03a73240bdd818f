use super::*;

fn captures(pattern: &str, path: &str) -> Option<Vec<(String, String)>> {
    Pattern::parse(pattern).unwrap().captures(Path::new(path)).unwrap()
}

#[test]
fn placeholders_take_a_segment_or_a_part_of_it() {
    let pair = |n: &str, v: &str| (n.to_owned(), v.to_owned());
    assert_eq!(
        captures("organizations/{org}/peers/{node}/tls", "organizations/org1/peers/peer0.org1/tls/server.crt"),
        Some(vec![pair("org", "org1"), pair("node", "peer0.org1")])
    );
    assert_eq!(captures("a/{node}-cert.pem", "a/x-y-cert.pem"), Some(vec![pair("node", "x-y")]));
    assert_eq!(captures("{org}/peers/{node}.{org}", "o1/peers/p.o1"), Some(vec![pair("org", "o1"), pair("node", "p")]));
    assert_eq!(captures("{org}/peers/{node}.{org}", "o1/peers/p.o2"), None);
}

#[test]
fn stars_stay_within_a_segment_and_double_stars_do_not() {
    assert!(captures("a/*.pem", "a/b.pem").is_some());
    assert!(captures("a/*.pem", "a/b/c.pem").is_none());
    assert!(captures("a/**/c.pem", "a/b/x/c.pem").is_some());
    assert!(captures("**/c.pem", "c.pem").is_some());
    assert!(captures("a/?.pem", "a/é.pem").is_some());
    assert!(captures("a", "a/b/c").is_some(), "all below a folder that matches");
    assert!(captures("a/b", "a").is_none());
}

#[test]
fn placeholders_give_back_what_a_later_segment_needs() {
    let pair = |n: &str, v: &str| (n.to_owned(), v.to_owned());
    assert_eq!(captures("{a}{b}/{a}", "xyz/x"), Some(vec![pair("a", "x"), pair("b", "yz")]));
    assert_eq!(captures("**/{a}/{a}.pem", "x/y/z/z.pem"), Some(vec![pair("a", "z")]));
}

#[test]
fn time_is_linear_in_pattern_and_path() {
    let (long, deep) = ("a".repeat(4000), vec!["a"; 2000].join("/"));
    let anys = "**/".repeat(1000);
    for (pattern, path) in [
        ("*a*a*a*a*a*a*a*a*b".to_owned(), long.as_str()),
        (format!("{}b", "*a".repeat(2000)), &long),
        (format!("{}b", "*?".repeat(2000)), &long),
        ("{a}a{b}a{c}a{d}a{e}a{f}a{g}a{h}b".to_owned(), &long),
        (format!("{}b", (0..500).map(|i| format!("{{p{i}}}a")).collect::<Vec<_>>().concat()), &long),
        ("**/a/**/a/**/a/**/a/**/a/**/a/b".to_owned(), &deep),
        (format!("{}b", "**/a/".repeat(800)), &deep),
        (format!("{anys}b"), &deep),
        ("**/*a*/**/*a*/**/*a*/**/*a*/**/b".to_owned(), &deep),
        ("**/{a}/**/{b}/**/{c}/**/{d}/**/{e}/**/{f}/b".to_owned(), &deep),
    ] {
        // The tests run without optimisation; an exponential method would not end.
        assert!(captures(&pattern, path).is_none(), "{pattern}");
        assert!(captures(&format!("{}*", &pattern[..pattern.len() - 1]), path).is_some(), "{pattern}");
    }
}

#[test]
fn thousands_of_patterns_are_held_against_thousands_of_paths() {
    let patterns: Vec<Pattern> =
        (0..1000).map(|i| Pattern::parse(&format!("**/*a*a*a*a*a*a*a*{i}b/**/{{x}}.pem")).unwrap()).collect();
    let paths: Vec<String> = (0..200).map(|i| format!("{}/{i}/x.pem", "a".repeat(100))).collect();
    let count = paths.iter().map(|path| patterns.iter().filter(|p| p.matches(Path::new(path))).count());
    assert_eq!(count.sum::<usize>(), 0);
}

#[test]
fn a_repeated_placeholder_is_matched_within_a_bound_or_refused() {
    let tried = Pattern::parse("{a}{b}{c}{d}{e}{f}x/{a}{b}{c}{d}{e}{f}y").unwrap();
    let path = format!("{0}x/{0}y", "a".repeat(200));
    let error = tried.captures(Path::new(&path.replace('y', "ay"))).unwrap_err();
    assert!(error.to_string().contains("too many ways"), "{error}");
    assert!(!tried.matches(Path::new(&path.replace('y', "ay"))));
    let usual = Pattern::parse("**/{org}/peers/{node}.{org}/{node}.{org}/**/{node}.{org}-cert.pem").unwrap();
    let path = "organizations/org1.example.com/peers/peer0.org1.example.com/peer0.org1.example.com/msp/signcerts/peer0.org1.example.com-cert.pem";
    let found = usual.captures(Path::new(path)).unwrap().unwrap();
    assert_eq!(found, [("org".to_owned(), "org1.example.com".to_owned()), ("node".to_owned(), "peer0".to_owned())]);
}

mod agreement {
    use proptest::prelude::*;

    use super::*;

    /// Whether a pattern without placeholders matches, by trying everything.
    fn tried(segments: &[&str], names: &[&str]) -> bool {
        match (segments.split_first(), names.split_first()) {
            (None, _) => true,
            (Some((&"**", rest)), Some((_, below))) => tried(rest, names) || tried(segments, below),
            (Some((&"**", rest)), None) => tried(rest, names),
            (Some(_), None) => false,
            (Some((first, rest)), Some((name, below))) => one(first.as_bytes(), name.as_bytes()) && tried(rest, below),
        }
    }

    fn one(segment: &[u8], name: &[u8]) -> bool {
        match (segment.split_first(), name.split_first()) {
            (None, rest) => rest.is_none(),
            (Some((b'*', after)), Some((_, rest))) => one(after, name) || one(segment, rest),
            (Some((b'*', after)), None) => one(after, name),
            (Some((b'?', after)), Some((_, rest))) => one(after, rest),
            (Some((c, after)), Some((d, rest))) => c == d && one(after, rest),
            (Some(_), None) => false,
        }
    }

    proptest! {
        #[test]
        fn with_a_method_that_tries_everything(
            pattern in "([ab*?]{1,4}|\\*\\*)(/([ab*?]{1,4}|\\*\\*)){0,4}",
            path in "[ab]{1,4}(/[ab]{1,4}){0,4}",
        ) {
            let segments: Vec<&str> = pattern.split('/').collect();
            let names: Vec<&str> = path.split('/').collect();
            let parsed = Pattern::parse(&pattern).unwrap();
            prop_assert_eq!(parsed.matches(Path::new(&path)), tried(&segments, &names));
            let captures = parsed.captures(Path::new(&path)).unwrap();
            prop_assert_eq!(captures.is_some(), tried(&segments, &names));
        }

        #[test]
        fn of_placeholders_with_stars(
            pattern in "([ab*?]|\\{[xy]\\}){1,5}(/([ab*?]|\\{[zw]\\}){1,4}){0,2}",
            path in "[ab]{1,6}(/[ab]{1,5}){0,3}",
        ) {
            let parsed = Pattern::parse(&pattern).unwrap();
            prop_assume!(parsed.again.is_empty());
            let stars = pattern.replace("{x}", "?*").replace("{y}", "?*").replace("{z}", "?*").replace("{w}", "?*");
            let stars = Pattern::parse(&stars).unwrap();
            let found = parsed.captures(Path::new(&path)).unwrap();
            prop_assert_eq!(found.is_some(), stars.matches(Path::new(&path)));
            // The values, put in, give a pattern that matches.
            if let Some(found) = found {
                let filled = found.iter().fold(pattern, |p, (name, value)| p.replace(&format!("{{{name}}}"), value));
                prop_assert!(Pattern::parse(&filled).unwrap().matches(Path::new(&path)), "{}", filled);
            }
        }
    }
}

#[test]
fn what_is_no_pattern_is_refused() {
    let many = format!("{}/{{a}}/{{a}}", vec!["x"; 64].join("/"));
    for text in ["", "/abs", "a//b", "../a", "a/{", "a/{}", "a/{b c}", &"a/".repeat(2049), &many] {
        assert!(Pattern::parse(text).is_err(), "{text}");
    }
}
