//! The page for users of the Go client names everything that the real one has.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::command::fabcert;
use crate::real::tools::{Tool, find};

const PAGE: &str = "docs/from-fabric-ca-client.md";
/// Those of its framework.
const FRAMEWORK: [&str; 2] = ["completion", "help"];

/// The cells of each row of the table that follows a line, without the quotes of code.
fn table(page: &str, after: &str) -> Vec<Vec<String>> {
    let (_, rest) = page.split_once(after).unwrap_or_else(|| panic!("{PAGE} has no \"{after}\""));
    let rows =
        rest.lines().skip_while(|line| !line.starts_with("|---")).skip(1).take_while(|line| line.starts_with('|'));
    let rows: Vec<Vec<String>> =
        rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect();
    assert!(!rows.is_empty(), "{after}");
    rows
}

/// What is between backquotes.
fn codes(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn run(program: &Path, args: &[&str], home: &Path) -> (bool, String) {
    let done = Command::new(program).args(args).env_clear().env("HOME", home).output().unwrap();
    let printed = [done.stdout, done.stderr].concat();
    (done.status.success(), String::from_utf8_lossy(&printed).into_owned())
}

/// The part of a help text below a heading, up to an empty line.
fn part<'a>(help: &'a str, heading: &str) -> impl Iterator<Item = &'a str> {
    let below = help.split_once(heading).map_or("", |(_, rest)| rest);
    below.lines().skip(1).take_while(|line| !line.trim().is_empty())
}

/// The long flags in a part of a help text.
fn flags<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let flag = |line: &str| Some(line.split_once("--")?.1.split_whitespace().next()?.to_owned());
    lines.filter_map(flag).filter(|flag| flag != "help").collect()
}

#[test]
fn the_page_has_every_command_flag_variable_and_key() {
    let Some(client) = find(Tool::CaClient) else { return };
    let page = std::fs::read_to_string(PAGE).unwrap();
    let home = tempfile::tempdir().unwrap();
    let help = |command: &[&str]| {
        let (succeeded, printed) = run(&client, &[command, &["--help"]].concat(), home.path());
        assert!(succeeded, "{command:?}: {printed}");
        printed
    };
    let first = |row: &Vec<String>| codes(&row[0])[0].clone();
    let below = |help: &str| -> Vec<String> {
        let names = part(help, "Available Commands:").filter_map(|line| line.split_whitespace().next());
        names.filter(|name| !FRAMEWORK.contains(name)).map(str::to_owned).collect()
    };

    // Commands, and the flags of each.
    let (mut commands, mut own) = (BTreeSet::new(), BTreeSet::new());
    let mut global = flags(part(&help(&[]), "\nFlags:"));
    for name in below(&help(&[])) {
        let inner = below(&help(&[&name]));
        let full: Vec<Vec<&str>> = match &*inner {
            [] => vec![vec![&name]],
            inner => inner.iter().map(|inner| vec![&*name, inner]).collect(),
        };
        for words in full {
            let text = help(&words);
            let command = words.join(" ");
            own.extend(flags(part(&text, "\nFlags:")).into_iter().map(|flag| (command.clone(), flag)));
            global.extend(flags(part(&text, "Global Flags:")));
            commands.insert(command);
        }
    }
    assert!(commands.len() > 15 && global.len() > 30 && own.len() > 20, "{commands:?} {global:?} {own:?}");
    let listed: BTreeSet<String> = table(&page, "## Commands").iter().map(first).collect();
    assert_eq!(listed, commands);
    let rows = table(&page, "## Global flags and variables");
    let listed: BTreeSet<String> = rows.iter().map(first).collect();
    assert_eq!(listed, global.iter().map(|flag| format!("--{flag}")).collect());
    let of_commands = table(&page, "## Flags of commands");
    let listed: BTreeSet<_> = of_commands.iter().map(|row| (first(row), codes(&row[1])[0].clone())).collect();
    assert_eq!(listed, own.iter().map(|(command, flag)| (command.clone(), format!("--{flag}"))).collect());

    // Hidden flags: the real client knows each. Variables: by the names of the flags.
    let hidden = table(&page, "Flags that its help does not show:");
    for row in &hidden {
        let flag = first(row);
        assert!(!global.contains(&flag[2..]), "{flag}");
        let value = if flag == "--debug" || flag.ends_with("pathlenzero") { "true" } else { "1" };
        let (_, printed) = run(&client, &["version", &format!("{flag}={value}")], home.path());
        assert!(!printed.contains("unknown flag"), "{flag}: {printed}");
    }
    for row in rows.iter().chain(&hidden) {
        let flag = first(row);
        let variable = format!("FABRIC_CA_CLIENT_{}", flag[2..].to_uppercase().replace('.', "_"));
        assert_eq!(codes(&row[1]), [variable], "{flag}");
    }

    // Keys of the file that the real client writes.
    let folder = home.path().join("written");
    let args = ["enroll", "-u", "http://a:b@127.0.0.1:1", "-H", folder.to_str().unwrap()];
    run(&client, &args, home.path());
    let text = std::fs::read_to_string(folder.join("fabric-ca-client-config.yaml")).unwrap();
    let listed: BTreeSet<String> = table(&page, "## Configuration file").iter().map(first).collect();
    assert_eq!(listed, keys(&text));
}

/// The keys of a YAML file whose values are no mappings, each with the keys above it.
fn keys(text: &str) -> BTreeSet<String> {
    let mut path: Vec<(usize, &str)> = Vec::new();
    let mut all: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with(['#', '-'])) {
        let Some((key, _)) = line.trim().split_once(':') else { continue };
        let depth = line.len() - line.trim_start().len();
        path.retain(|(above, _)| *above < depth);
        path.push((depth, key));
        all.push(path.iter().map(|(_, key)| *key).collect::<Vec<_>>().join("."));
    }
    // What a list entry of names has.
    let is_of_list = |key: &String| key.starts_with("csr.names.");
    let is_above = |key: &String| all.iter().any(|other| other.starts_with(&format!("{key}.")) && !is_of_list(other));
    all.iter().filter(|key| !is_of_list(key) && !is_above(key)).cloned().collect()
}

/// What the page gives as fabcert's own exists.
#[test]
fn the_page_names_flags_and_commands_that_exist() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let mut helps = String::new();
    for command in [
        "enroll",
        "reenroll",
        "renew",
        "csr",
        "ca info",
        "ca register",
        "ca revoke",
        "ca crl",
        "ca identity list",
        "ca identity show",
        "ca identity modify",
        "ca identity rotate-secret",
        "ca identity remove",
        "ca affiliation list",
        "ca affiliation add",
        "ca affiliation modify",
        "ca affiliation remove",
        "ca certificate list",
    ] {
        let words: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let ran = fabcert(&words, None);
        assert_eq!(ran.code, 0, "{ran:?}");
        helps += &ran.stdout;
    }
    let known: BTreeSet<&str> = helps
        .split([' ', '\n', ',', '[', ']'])
        .filter(|word| word.starts_with("--"))
        .map(|word| word.trim_end_matches('.'))
        .collect();
    let tables =
        [("## Commands", 1), ("## Global flags and variables", 2), ("does not show:", 2), ("## Flags of commands", 2)];
    let mut seen = 0;
    for (after, column) in tables {
        for code in table(&page, after).iter().flat_map(|row| codes(&row[column])) {
            match code.strip_prefix("fabcert ") {
                Some(command) => {
                    let words: Vec<&str> = command.split(' ').chain(["--help"]).collect();
                    assert_eq!(fabcert(&words, None).code, 0, "{code}");
                }
                None if code.starts_with("--") => assert!(known.contains(&*code), "{code}"),
                None => assert!(["ID", "NAME"].contains(&&*code), "{code}"),
            }
            seen += 1;
        }
    }
    assert!(seen > 60, "{seen}");
}
