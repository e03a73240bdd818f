//! Every example in the help and in the pages is a command line that parses.

use super::{as_read, whole_command};

/// The words of a line of a shell, split at pipes, redirections and `;`: one list a command. Comments end the line.
fn commands(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', None) => word.get_or_insert_default().extend(chars.next()),
            (c, Some(q)) if c == q => quote = None,
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            ('#', None) if word.is_none() => break,
            (' ' | '|' | ';' | '>' | '<' | '&', None) => {
                if let (Some(word), Some(command)) = (word.take(), commands.last_mut()) {
                    command.push(word);
                }
                if c != ' ' {
                    commands.push(Vec::new());
                }
            }
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    if let (Some(word), Some(command)) = (word, commands.last_mut()) {
        command.push(word);
    }
    commands
}

/// The lines of a text with those that end in a backslash joined.
fn joined(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut continues = false;
    for line in text.lines() {
        let (part, more) = line.strip_suffix('\\').map_or((line, false), |part| (part, true));
        match lines.last_mut() {
            Some(last) if continues => last.push_str(part),
            _ => lines.push(part.to_owned()),
        }
        continues = more;
    }
    lines
}

/// The calls of fabcert in the lines, without variables before them.
fn calls(text: &str) -> Vec<Vec<String>> {
    let prompt = |line: &str| {
        let line = line.trim();
        let line = line.strip_prefix("$ ").or_else(|| line.strip_prefix("- run: ")).unwrap_or(line);
        line.strip_prefix("- ").unwrap_or(line).to_owned()
    };
    let is_variable = |word: &String| word.split_once('=').is_some_and(|(name, _)| !name.contains('-'));
    let without_variables = |words: Vec<String>| words.into_iter().skip_while(is_variable).collect::<Vec<_>>();
    let is_call = |words: &Vec<String>, programs: &[&str]| {
        words.first().is_some_and(|word| programs.contains(&word.as_str())) && words.len() > 1 && words[1] != "="
    };
    // A sentence about fabcert is not a call: a line begins with a program.
    let lines = joined(text)
        .into_iter()
        .map(|line| -> Vec<Vec<String>> { commands(&prompt(&line)).into_iter().map(without_variables).collect() });
    let calls = lines.filter(|line| line.first().is_some_and(|words| is_call(words, &["fabcert", "helm", "kubectl"])));
    // An ellipsis is for what the reader has to fill in.
    let is_whole = |words: &Vec<String>| !words.iter().any(|word| word.contains("...") || word.starts_with('['));
    calls.flatten().filter(|words| is_call(words, &["fabcert"]) && is_whole(words)).collect()
}

/// The text inside fences of a page.
fn fenced(page: &str) -> String {
    let mut inside = false;
    let mut text = String::new();
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if inside {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

/// Why fabcert does not take a call. A command that this build lacks is tested where it is built.
fn trouble(words: &[String]) -> Option<String> {
    if !cfg!(feature = "kubernetes") && words.get(1).is_some_and(|word| word == "issuer") {
        return None;
    }
    let e = as_read(whole_command()).try_get_matches_from(words).err()?;
    e.use_stderr().then(|| format!("{}: {}", words.join(" "), e.to_string().lines().next().unwrap_or_default()))
}

#[test]
fn every_example_of_the_help_parses() {
    fn texts(command: &clap::Command, all: &mut Vec<String>) {
        all.extend(command.get_after_help().map(ToString::to_string));
        command.get_subcommands().for_each(|command| texts(command, all));
    }
    let mut all = Vec::new();
    texts(&whole_command(), &mut all);
    let calls: Vec<Vec<String>> = all.iter().flat_map(|text| calls(text)).collect();
    let wrong: Vec<String> = calls.iter().filter_map(|words| trouble(words)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(calls.len() >= 25, "only {} examples were found", calls.len());
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a test reads the repository")]
fn every_example_of_the_pages_parses() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = docs.chain([root.join("README.md")]).filter(|path| path.extension().is_some_and(|e| e == "md"));
    let mut count = 0;
    let mut wrong = Vec::new();
    for path in pages {
        let page = std::fs::read_to_string(&path).unwrap();
        for words in calls(&fenced(&page)) {
            count += 1;
            wrong.extend(trouble(&words).map(|why| format!("{}: {why}", path.display())));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(count >= 25, "only {count} examples were found");
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a test reads the repository")]
fn every_command_line_of_the_systemd_units_parses() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/systemd");
    let mut found: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let unit = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for line in joined(&unit) {
            let Some(line) = line.strip_prefix("ExecStart=/usr/local/bin/") else { continue };
            let words = commands(line).swap_remove(0);
            assert_eq!(trouble(&words), None);
            found.push(words[1].clone());
        }
    }
    found.sort();
    assert_eq!(found, ["agent", "renew"]);
}

#[test]
fn calls_are_found_behind_prompts_pipes_and_variables() {
    let text = "$ A=b helm template x | fabcert names - --set 'A=b c'   # why\n  fabcert audit \\\n      k8s/ > out\n  7  Refused; fabcert never tries\nfabcert = { git = x }\nfabcert ca AB:...\n";
    let expected = [vec!["fabcert", "names", "-", "--set", "A=b c"], vec!["fabcert", "audit", "k8s/"]];
    assert_eq!(calls(text), expected.map(|words| words.into_iter().map(str::to_owned).collect::<Vec<_>>()));
    assert!(trouble(&["fabcert", "audit", "--no-such"].map(str::to_owned)).is_some());
}
