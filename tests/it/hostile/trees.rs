//! Hostile trees: what a checkout or a mounted folder may contain although nobody means well.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use fabcert::internals::pem_encode;
use rcgen::{DnType, SanType};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::audit::scene::{Scene, server};

/// A tree, and the arguments of the audit beside the working directory.
pub(super) struct Hostile {
    pub(super) name: &'static str,
    pub(super) make: fn(&Scene),
    pub(super) args: &'static [&'static str],
}

const fn tree(name: &'static str, make: fn(&Scene)) -> Hostile {
    Hostile { name, make, args: &[] }
}

/// What some form or terminal would act on.
pub(super) const TEXT: &str = "x\u{1b}[2J\u{7}\r\n::error::F\n##[group]\u{202e} @all #1 https://e.example www.e.example $x^2$ \
    <img src=a> ]]> &amp; |a| `b` **c** [d](e) :tada: %0A \\ \"q\" 'q' \u{2028}\u{e0041}";

fn pipe(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    mknodat(CWD, path, FileType::Fifo, Mode::RWXU, 0).unwrap();
}

fn manifest(names: &str) -> String {
    format!(
        "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {{name: a}}\nspec:\n  secretName: a\n  dnsNames: {names}\n"
    )
}

/// A node and a Service whose name is this text, in double quotes.
fn node(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec:\n  selector: {{app: a}}\n  ports: [{{port: 7051}}]\n---\n\
         apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  template:\n    metadata: {{labels: {{app: a}}}}\n    \
         spec:\n      containers:\n        - name: peer\n          env:\n            - {{name: CORE_PEER_ID, value: a}}\n            \
         - {{name: CORE_PEER_TLS_ENABLED, value: \"true\"}}\n            - {{name: CORE_PEER_ADDRESS, value: {name}}}\n          \
         ports: [{{containerPort: 7051}}]\n"
    )
}

fn policy(scene: &Scene, pattern: &str) {
    let ignore = format!("ignore:\n  - {{rule: expired, path: \"{pattern}\", reason: x}}\n");
    let expect = format!("expect:\n  - {{path: \"{pattern}\", names: [a]}}\n");
    scene.write("fabcert.yaml", format!("version: 1\n{expect}exclude: [\"{pattern}\"]\n{ignore}"));
    let name = "a".repeat(200);
    let folder = format!("{0}/{0}/{0}/{0}/{0}/{0}/{0}/{0}", "a".repeat(40));
    let cert = scene.server("a", &["a"]).0;
    scene.write(&format!("{name}.pem"), &cert);
    scene.write(&format!("{folder}/{name}.pem"), cert);
}

/// The trees.
pub(super) const TREES: &[Hostile] = &[
    tree("eight stars in one component", |s| policy(s, "*a*a*a*a*a*a*a*b")),
    tree("six double stars", |s| policy(s, "**/a*/**/a*/**/a*/**/a*/**/a*/**/b")),
    tree("a pattern of many placeholders", |s| policy(s, "{a}{b}{c}{d}{e}{f}{g}{h}/**/{i}*{j}")),
    tree("a thousand nested folders", |s| super::nest(&s.path("peer1/msp/signcerts"), 1_000)),
    tree("a path beyond PATH_MAX", |s| {
        s.write("peer1/msp/signcerts/a.pem", s.server("a", &["a"]).0);
        super::nest(&s.path("peer1"), 2_500);
    }),
    tree("a pipe as the policy", |s| pipe(&s.path("fabcert.yaml"))),
    tree("pipes as certificate, manifest, key and configuration", |s| {
        for path in ["a.pem", "a.yaml", "server.key", "peer1/msp/config.yaml", "peer1/msp/signcerts/a.pem"] {
            pipe(&s.path(path));
        }
    }),
    Hostile {
        name: "a pipe as the baseline",
        make: |s| pipe(&s.path("baseline.json")),
        args: &["--baseline", "baseline.json"],
    },
    Hostile {
        name: "a pipe as the anchors",
        make: |s| pipe(&s.path("anchors")),
        args: &["--connect", "127.0.0.1:1", "--tls-ca", "anchors", "--dial-timeout", "1s"],
    },
    tree("a socket", |s| drop(UnixListener::bind(s.path("a.pem")).unwrap())),
    tree("links to devices", |s| {
        for (name, device) in
            [("a.pem", "/dev/zero"), ("a.yaml", "/dev/random"), ("b.crt", "/dev/tty"), ("c.pem", "/proc/self/mem")]
        {
            symlink(device, s.path(name)).unwrap();
        }
    }),
    tree("links to themselves and to folders above", |s| {
        symlink("a.pem", s.path("a.pem")).unwrap();
        symlink("c.pem", s.path("b.pem")).unwrap();
        symlink("b.pem", s.path("c.pem")).unwrap();
        symlink("..", s.path("peer1/up")).unwrap();
        symlink(".", s.path("peer1/tls/here")).unwrap();
    }),
    tree("links out of the tree", |s| {
        symlink("/etc/passwd", s.path("a.pem")).unwrap();
        symlink("/", s.path("root")).unwrap();
        symlink("/proc", s.path("peer1/msp")).unwrap();
    }),
    tree("file names with commands and controls", |s| {
        let cert = s.server("a", &["a"]).0;
        for name in TEXT.replace(['/', '\0'], "_").split(' ') {
            s.write(&format!("{name}.pem"), &cert);
        }
        for name in
            ["-rf", "--help", "-", "a b", "::error::x.pem", "..pem", "$(id).pem", "`id`.pem", "@all.pem", "%s%n.pem"]
        {
            s.write(name, &cert);
        }
    }),
    tree("names that are not UTF-8", |s| {
        fs::write(s.dir().join(OsStr::from_bytes(b"a\xff\xfe\xed\xa0\x80.pem")), s.server("a", &["a"]).0).unwrap();
        fs::create_dir(s.dir().join(OsStr::from_bytes(b"\xc0\xaf"))).unwrap();
    }),
    tree("names of 255 bytes", |s| drop(s.write(&format!("{}.pem", "n".repeat(251)), s.server("a", &["a"]).0))),
    tree("an alias bomb in a manifest", |s| {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        (1..12).for_each(|i| writeln!(text, "a{i}: &a{i} [{}]", format!("*a{}, ", i - 1).repeat(9)).unwrap());
        s.write("a.yaml", &text);
        s.write("peer1/msp/config.yaml", &text);
        s.write("peer1/msp/cacerts/ca.pem", s.root());
        s.write("peer1/msp/signcerts/a.pem", s.server("a", &["a"]).0);
    }),
    tree("an alias bomb as the policy", |s| {
        let mut text = "version: 1\nexclude: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
        (0..12).for_each(|i| writeln!(text, "l{i}: &a [{}]", "*a, ".repeat(9)).unwrap());
        s.write("fabcert.yaml", text);
    }),
    tree("deep YAML", |s| {
        s.write("a.yaml", "[".repeat(100_000));
        s.write("b.yaml", format!("{}b{}", "{a: ".repeat(50_000), "}".repeat(50_000)));
        s.write("c.yaml", (0..3_000).map(|i| format!("{}a:\n", " ".repeat(i))).collect::<Vec<_>>().concat());
        s.write("d.yaml", format!("- {}x", "- ".repeat(100_000)));
    }),
    Hostile {
        name: "deep JSON as manifest and baseline",
        make: |s| {
            s.write("a.json", "[".repeat(200_000));
            s.write("baseline.json", format!("{}1{}", "{\"a\":".repeat(50_000), "}".repeat(50_000)));
        },
        args: &["--baseline", "baseline.json"],
    },
    tree("ten thousand documents", |s| drop(s.write("a.yaml", "---\na: 1\n".repeat(10_000)))),
    tree("NUL, marks and other encodings", |s| {
        let text = manifest("[a, b]");
        s.write("a.yaml", text.replace('a', "\0"));
        s.write("b.yaml", format!("\u{feff}{text}"));
        s.write("c.yaml", text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>());
        s.write("d.yaml", [b"\xff\xfe\0\0".as_slice(), text.as_bytes()].concat());
        s.write("e.pem", s.server("a", &["a"]).0.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>());
        s.write("f.yaml", text.replace('\n', "\r"));
    }),
    tree("hostile texts in a certificate", |s| {
        let mut params = server(TEXT, &["peer1"]);
        params.distinguished_name.push(DnType::OrganizationalUnitName, TEXT);
        params.distinguished_name.push(DnType::OrganizationName, "@all,O=\"x\"+CN=y;#1");
        let ascii: String = TEXT.chars().filter(char::is_ascii).collect();
        params.subject_alt_names.push(SanType::DnsName(ascii.as_str().try_into().unwrap()));
        params.subject_alt_names.push(SanType::Rfc822Name("::error::@all".try_into().unwrap()));
        params.subject_alt_names.push(SanType::URI(ascii.as_str().try_into().unwrap()));
        let (cert, key) = s.issue(&params);
        s.lay_tls("peer2/tls", &cert, &key, &s.root());
        s.write("peer2/msp/signcerts/a.pem", &cert);
        s.write("peer2/msp/cacerts/a.pem", s.root());
    }),
    tree("hostile texts in manifests", |s| {
        let name = serde_json::to_string(TEXT).unwrap();
        s.write("a.yaml", node(&name));
        s.write("b.yaml", manifest(&format!("[{name}, a]")));
        s.write("c.yaml", node("${A B}").replace(" a}", " '{{ .Values.x }}'}"));
    }),
    Hostile {
        name: "hostile texts in policy and arguments",
        make: |s| {
            let text = serde_json::to_string(TEXT).unwrap();
            s.write("fabcert.yaml", format!("version: 1\nexpect:\n  - {{path: \"**\", names: [{text}]}}\n{text}: 1\n"));
        },
        args: &["--expect-san", "\u{1b}[2J::error::x"],
    },
    tree("a block of eight megabytes", |s| {
        drop(s.write("a.pem", pem_encode("CERTIFICATE", &vec![0x30; 8 << 20])));
    }),
    tree("two thousand names in a certificate", |s| {
        let names: Vec<String> = (0..2_000).map(|i| format!("peer{i}.org1.example.com")).collect();
        s.tls_folder("peer2/tls", "a", &names.iter().map(String::as_str).collect::<Vec<_>>());
    }),
    tree("three thousand blocks in a file", |s| {
        s.write("a.pem", s.server("a", &["a"]).0.repeat(1_000));
        s.write("b.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".repeat(1_000));
        s.write("c.pem", "-----BEGIN CERTIFICATE-----\n".repeat(1_000));
    }),
    tree("sparse files of ten gigabytes", |s| {
        for name in ["a.pem", "a.yaml", "a.crl", "peer1/tls/ca2.crt", "peer1/msp/config.yaml"] {
            fs::File::create(s.write(name, "")).unwrap().set_len(10 << 30).unwrap();
        }
    }),
    tree("a sparse policy", |s| fs::File::create(s.path("fabcert.yaml")).unwrap().set_len(10 << 30).unwrap()),
    tree("files and folders without rights", |s| {
        for path in ["a.pem", "shut/a.pem", "peer1/msp/signcerts/a.pem", "a.yaml"] {
            fs::set_permissions(s.write(path, s.root()), fs::Permissions::from_mode(0o0)).unwrap();
        }
        fs::set_permissions(s.path("shut"), fs::Permissions::from_mode(0o0)).unwrap();
    }),
    tree("folders where files are expected, and files for folders", |s| {
        fs::create_dir_all(s.path("peer2/tls/server.crt")).unwrap();
        fs::create_dir_all(s.path("peer2/tls/ca.crt/a.pem")).unwrap();
        fs::create_dir_all(s.path("a.yaml")).unwrap();
        s.write("peer2/msp/signcerts", "x");
        s.write("peer2/msp/cacerts/a.pem", "");
        s.write("peer2/msp/keystore", s.server("a", &["a"]).1);
    }),
    tree("broken DER", |s| {
        let der = s.sign(&server("a", &["a"]), &rcgen::KeyPair::generate().unwrap());
        for (at, _) in der.iter().enumerate().step_by(23) {
            let mut broken = der.clone();
            broken[at] ^= 0x84;
            s.write(&format!("{at}.pem"), pem_encode("CERTIFICATE", &broken));
            s.write(&format!("{at}.crt"), &der[..at]);
        }
        s.write("long.crt", b"\x30\x84\xff\xff\xff\xff\x30\x80");
        s.write("nested.crt", [0x30, 0x80].repeat(20_000));
    }),
    tree("other blocks than their labels say", |s| {
        let (cert, key) = s.server("a", &["a"]);
        for label in ["X509 CRL", "CERTIFICATE REQUEST", "PRIVATE KEY", "EC PRIVATE KEY", "PUBLIC KEY", "PKCS7"] {
            s.write(&format!("{label}.pem"), cert.replace("CERTIFICATE", label));
        }
        s.write("key.pem", key.replace("PRIVATE KEY", "CERTIFICATE"));
        s.write("label.pem", cert.replace("CERTIFICATE", TEXT));
    }),
    tree("thousands of files in a folder", |s| {
        (0..2_000).for_each(|i| drop(s.write(&format!("peer1/msp/cacerts/{i}.pem"), "x")));
        s.write("peer1/msp/signcerts/a.pem", s.server("a", &["a"]).0);
    }),
    tree("hostile configuration of NodeOUs", |s| {
        let name = serde_json::to_string(TEXT).unwrap();
        s.write("peer1/msp/config.yaml", format!("NodeOUs: {{Enable: true, PeerOUIdentifier: {{Certificate: {name}, OrganizationalUnitIdentifier: {name}}}}}\n"));
        s.write("peer1/msp/cacerts/ca.pem", s.root());
        s.write("peer1/msp/signcerts/a.pem", s.server("a", &["a"]).0);
    }),
];
