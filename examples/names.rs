//! Prints every name that each node of Kubernetes manifests needs in its TLS certificate, with the reasons.
//!
//! ```text
//! cargo run --example names -- k8s/ DOMAIN=example.com
//! ```
//!
//! An argument NAME=VALUE fills the placeholder `${NAME}`; every other argument is a file or folder. Without arguments an
//! example of this repository is read.

#![allow(clippy::print_stdout, reason = "a program prints")]

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (variables, mut paths): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|a| a.contains('='));
    if paths.is_empty() {
        paths.push(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/names/example.yaml").to_owned());
    }
    let mut request = fabcert::names(paths).variable("DOMAIN", "example.com");
    for (name, value) in variables.iter().filter_map(|variable| variable.split_once('=')) {
        request = request.variable(name, value);
    }
    for node in request.read()?.nodes {
        println!("{} {} ({})", node.kind, node.workload, node.role);
        for needed in node.names {
            println!("  {:?} {}", needed.need, needed.name);
            for reason in needed.reasons {
                println!("    {} ({})", reason.words, reason.at);
            }
        }
    }
    Ok(())
}
