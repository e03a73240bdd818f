//! The help of a command, in the words and columns of the Go client.

use std::fmt::Write as _;

use super::flags::{Command, Flag, GLOBAL, HELP_FLAG, Kind, NAME, ROOT};

/// The values of the machine in the help.
#[derive(Debug)]
pub(super) struct Machine<'a> {
    pub(super) home: &'a str,
    pub(super) host: &'a str,
}

/// The help that a user asks for.
pub(super) fn help(command: &Command, machine: &Machine<'_>) -> String {
    format!("{}\n\n{}", command.long, usage(command, machine))
}

/// How a command is written, with its flags.
pub(super) fn usage(command: &Command, machine: &Machine<'_>) -> String {
    let path = if command.name == NAME { NAME.to_owned() } else { format!("{NAME} {}", command.path()) };
    let mut text = String::from("Usage:\n");
    // Writing to a string does not fail.
    if command.runs() {
        let _ = writeln!(text, "  {path}{} [flags]", command.usage);
    } else {
        let _ = writeln!(text, "  {path} [command]");
    }
    if let Some(alias) = command.alias {
        let _ = writeln!(text, "\nAliases:\n  {}, {alias}", command.name);
    }
    if !command.examples.is_empty() {
        let _ = writeln!(text, "\nExamples:\n{}", command.examples);
    }
    if !command.runs() {
        text.push_str("\nAvailable Commands:\n");
        let mut listed: Vec<(&str, &str)> = command.below.iter().map(|c| (c.name, c.short)).collect();
        if command.name == NAME {
            listed.push(("help", "Help about any command"));
            listed.sort_unstable();
        }
        for (name, short) in listed {
            let _ = writeln!(text, "  {name:<11} {short}");
        }
    }
    let own = command.flags.iter().chain([&HELP_FLAG]);
    if command.name == NAME {
        let _ = write!(text, "\nFlags:\n{}", flags(own.chain(GLOBAL), command, machine));
    } else {
        let others = GLOBAL.iter().filter(|flag| command.flags.iter().all(|own| own.name != flag.name));
        let _ = write!(
            text,
            "\nFlags:\n{}\nGlobal Flags:\n{}",
            flags(own, command, machine),
            flags(others, command, machine)
        );
    }
    if !command.runs() {
        let _ = writeln!(text, "\nUse \"{path} [command] --help\" for more information about a command.");
    }
    text
}

fn flags<'a>(flags: impl Iterator<Item = &'a Flag>, command: &Command, machine: &Machine<'_>) -> String {
    let mut flags: Vec<&Flag> = flags.filter(|flag| !flag.hidden).collect();
    flags.sort_unstable_by_key(|flag| flag.name);
    let head = |flag: &Flag| {
        let short = flag.short.map_or_else(|| "    ".to_owned(), |letter| format!("-{letter}, "));
        let value = match flag.kind {
            Kind::Text => " string",
            Kind::Number => " int",
            Kind::List => " strings",
            Kind::Switch => "",
        };
        format!("  {short}--{}{value}", flag.name)
    };
    let width = flags.iter().map(|flag| head(flag).len()).max().unwrap_or_default();
    let mut text = String::new();
    for flag in flags {
        let default = match flag.name {
            "home" => machine.home,
            "myhost" => machine.host,
            _ => flag.default,
        };
        let default = if default.is_empty() { String::new() } else { format!(" (default \"{default}\")") };
        let of = if flag.name == HELP_FLAG.name { command.name } else { "" };
        let _ = writeln!(text, "{:<width$}   {}{of}{default}", head(flag), flag.help);
    }
    text
}

/// The commands that a wrong word may mean: those within two changes, and those that begin with it (cobra v1.10
/// `SuggestionsFor`).
pub(super) fn similar(word: &str) -> Vec<&'static str> {
    let lower = word.to_ascii_lowercase();
    let is_near = |name: &str| distance(&lower, name) <= 2 || name.starts_with(&lower);
    ROOT.below.iter().map(|command| command.name).filter(|name| is_near(name)).collect()
}

/// The number of changes of one letter (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = before + usize::from(x != *y);
            before = row[j + 1];
            row[j + 1] = changed.min(before + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_command_is_recognised() {
        assert_eq!(similar("enrol"), ["enroll"]);
        assert_eq!(similar("regster"), ["register"]);
        assert_eq!(similar("identities"), [""; 0]);
        assert_eq!((distance("a", "a"), distance("abc", ""), distance("abc", "xbcd")), (0, 3, 2));
    }

    #[test]
    fn columns_are_those_of_the_go_client() {
        let machine = Machine { home: "/h", host: "vm" };
        let text = help(ROOT.below("revoke").unwrap(), &machine);
        assert!(text.starts_with(
            "Revoke an identity with Fabric CA server\n\nUsage:\n  fabric-ca-client revoke [flags]\n\nFlags:\n      --gencrl   Generates"
        ));
        assert!(
            text.contains("\n  -H, --home string                  Client's home directory (default \"/h\")\n"),
            "{text}"
        );
        assert!(!text.contains("--debug"));
    }
}
