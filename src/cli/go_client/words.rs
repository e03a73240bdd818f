//! The flags that errors name, as they are spelt on this command line.

use super::flags::{GLOBAL, ROOT};

/// Flags of `fabcert enroll` that the Go client spells in another way.
const SAME: [(&str, &str); 6] = [
    ("ca-name", "caname"),
    ("tls-ca", "tls.certfiles"),
    ("san", "csr.hosts"),
    ("profile", "enrollment.profile"),
    ("tls-client-cert", "tls.client.certfile"),
    ("tls-client-key", "tls.client.keyfile"),
];

/// The text with the flags of this command line. One that it does not have is said to be fabcert's.
pub(super) fn in_go_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut left = text;
    while let Some(at) = left.find("--") {
        out.push_str(&left[..at]);
        let rest = &left[at + 2..];
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '-' && c != '.').unwrap_or(rest.len());
        let name = rest[..end].trim_end_matches(['.', '-']);
        left = &rest[name.len()..];
        let since = out.rfind([';', '.', ':']).map_or(0, |end| end + 1);
        let is_of_a_command = out[since..].contains("fabcert ");
        let same = SAME.iter().find(|(native, _)| *native == name);
        let (name, owner) = match same {
            _ if is_of_a_command || name.is_empty() || is_known(name) => (name, ""),
            Some((_, go)) => (*go, ""),
            None => (name, " of fabcert enroll"),
        };
        out.extend(["--", name, owner]);
    }
    // Relative paths are below the home here.
    (out + left).replace("starts at the working directory", "starts at the home")
}

fn is_known(name: &str) -> bool {
    // The commands of registrars have another one.
    if name == "force" {
        return false;
    }
    let below = ROOT.below.iter().chain(ROOT.below.iter().flat_map(|command| command.below));
    GLOBAL.iter().chain(below.flat_map(|command| command.flags)).any(|flag| flag.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_those_of_the_go_client_or_said_to_be_fabcerts() {
        for (text, expected) in [
            ("name one with --ca-name: each", "name one with --caname: each"),
            (
                "give --tls-ca, --tls.certfiles or --tls-ca-name.",
                "give --tls.certfiles, --tls.certfiles or --tls-ca-name of fabcert enroll.",
            ),
            ("later (--wait retries)", "later (--wait of fabcert enroll retries)"),
            ("run fabcert enroll --force; or --force", "run fabcert enroll --force; or --force of fabcert enroll"),
            ("a -- b --csr.cn", "a -- b --csr.cn"),
            ("no flag é", "no flag é"),
            ("a relative path starts at the working directory", "a relative path starts at the home"),
        ] {
            assert_eq!(in_go_words(text), expected);
        }
    }
}
