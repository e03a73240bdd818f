//! The enrolment secret is in the request to the CA only.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::command::{fabcert, tree};
use crate::real::{CaUnderTest, RealCa};

use super::scene::{NAMES, Peer, text};

/// A secret with characters that a URL must escape.
const SECRET: &str = "s3cr3t/of@nobody";
const ESCAPED: &str = "s3cr3t%2Fof%40nobody";

/// The secret from the URL, the environment and a file, right and wrong, with full logging in both formats.
fn nowhere_else(ca: &dyn CaUnderTest) {
    let peer = Peer::register(ca, SECRET, None);
    let kept = tempfile::tempdir().unwrap();
    let (anchor, msp, tls) = (text(ca.tls_anchor()), text(&peer.msp()), text(&peer.tls()));
    let plain = ca.url().replace("https://", "https://org1-peer1@");
    let name: Vec<&str> = ca.ca_name().iter().flat_map(|name| ["--ca-name", *name]).collect();
    for (suffix, code) in [("-wrong", 7), ("", 0)] {
        let secret = format!("{SECRET}{suffix}");
        let with = ca.url().replace("https://", &format!("https://org1-peer1:{ESCAPED}{suffix}@"));
        let file = kept.path().join("secret");
        std::fs::write(&file, format!("{secret}\n")).unwrap();
        let file = text(&file);
        let sources: [(&[&str], Option<&str>); 3] = [
            (&["--url", &with], None),
            (&["--url", &plain], Some(&secret)),
            (&["--url", &plain, "--secret-file", &file], None),
        ];
        for (source, variable) in sources {
            for form in ["text", "json"] {
                let target = ["--tls-ca", &anchor, "--msp-dir", &msp, "--tls-dir", &tls, "--san", NAMES[0]];
                let noise = ["-vv", "--log-format", form, "--output", "json", "--force"];
                let ran = fabcert(&[&["enroll"], source, &name, &target[..], &noise[..]].concat(), variable);
                assert_eq!(ran.code, code, "{source:?}: {ran:?}");
                assert!(!ran.stderr.is_empty(), "-vv writes to stderr");
                let basic = BASE64.encode(format!("org1-peer1:{secret}"));
                for trace in [SECRET, ESCAPED, &basic] {
                    assert!(!ran.stdout.contains(trace) && !ran.stderr.contains(trace), "{trace} in {ran:?}");
                    for (path, (_, content)) in tree(peer.dir()) {
                        assert!(!String::from_utf8_lossy(&content).contains(trace), "{trace} in {path}");
                    }
                }
            }
        }
    }
}

#[test]
fn no_output_or_file_has_the_secret() {
    let Some(ca) = RealCa::builder().start() else { return };
    nowhere_else(&ca);
}
