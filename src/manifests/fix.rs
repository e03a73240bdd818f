//! Adds names to the `dnsNames` of Certificates in the text itself: comments, order and style are kept.

use std::path::Path;

use super::certificate::DnsNames;
use super::manifest::{Manifest, Object};
use super::placeholder::Variables;
use super::requested::Requested;
use crate::text::yaml::{self, Node, Value, double_quoted, scalar};

/// Names missing from a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Addition {
    /// The list.
    pub(crate) list: DnsNames,
    /// The names that are in the Certificate, and its description.
    pub(crate) of: Requested,
    /// The names.
    pub(crate) names: Vec<String>,
}

/// A text with names added, and the additions that were not possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fixed {
    /// The text; unchanged where nothing was added.
    pub(crate) text: String,
    /// The additions to make by hand, such as to a list shared by an alias.
    pub(crate) refused: Vec<Addition>,
}

/// Adds names to the lists of a text. If a list uses placeholders, its new names use them too.
///
/// Reads the result back, and rejects additions that change anything but their list.
pub(crate) fn with_names(text: &str, additions: &[Addition], variables: &Variables) -> Fixed {
    let (aliases, mut ordered): (Vec<&Addition>, Vec<&Addition>) =
        additions.iter().partition(|a| a.list == DnsNames::Alias);
    // From the end, so that earlier lines keep their numbers.
    ordered.sort_by_key(|a| std::cmp::Reverse(line_of(a.list)));
    let mut fixed = Fixed { text: text.to_owned(), refused: aliases.into_iter().cloned().collect() };
    fixed.add(&ordered, variables, &mut { TRIES });
    fixed
}

/// The most attempts at one file; each reads it again.
const TRIES: usize = 200;

impl Fixed {
    /// Makes additions, the last in the text first: all together, or else one half after the other, down to those that
    /// are not possible. Without `tries`, the rest is refused.
    fn add(&mut self, additions: &[&Addition], variables: &Variables, tries: &mut usize) {
        let left = tries.checked_sub(1).filter(|_| !additions.is_empty());
        let Some(left) = left else { return self.refused.extend(additions.iter().map(|a| (*a).clone())) };
        *tries = left;
        let new = with_all(&self.text, additions, variables);
        if has_grown(&self.text, &new, additions, variables) {
            self.text = new;
        } else if let [one] = additions {
            self.refused.push((*one).clone());
        } else {
            let (later, earlier) = additions.split_at(additions.len() / 2);
            self.add(later, variables, tries);
            self.add(earlier, variables, tries);
        }
    }
}

fn with_all(text: &str, additions: &[&Addition], variables: &Variables) -> String {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    for addition in additions {
        let near = nearby(&lines, addition.list);
        let names = addition.names.iter().map(|name| unfilled(name, variables, &near));
        add(&mut lines, addition.list, &names.collect::<Vec<_>>());
    }
    lines.concat()
}

/// Whether the new text differs from the old one only by these names in their Certificates.
fn has_grown(old_text: &str, new_text: &str, additions: &[&Addition], variables: &Variables) -> bool {
    let read = |text| Manifest::read(Path::new("-"), text, variables).filter(|m| m.left_out.is_none());
    let (Some(old), Some(new)) = (read(old_text), read(new_text)) else { return false };
    let texts = |object: &Object| match object {
        Object::Certificate(c) => c.requested.names.iter().map(|n| n.text.clone()).collect(),
        _ => Vec::new(),
    };
    let is_at = |object: &Object, list| matches!(object, Object::Certificate(c) if c.dns_names == list);
    // The file may have changed since the names were found missing.
    let is_same = |object: &Object, of: &Requested| matches!(object, Object::Certificate(c) if c.requested.by == of.by && c.requested.texts() == of.texts());
    // Lists on one line cannot be distinguished.
    let is_alone = |a: &&Addition| {
        let mut there = old.objects.iter().filter(|o| is_at(o, a.list));
        there.next().is_some_and(|o| is_same(o, &a.of)) && there.next().is_none()
    };
    if !additions.iter().all(is_alone) {
        return false;
    }
    let mut grown = 0;
    for (old, new) in old.objects.iter().zip(&new.objects) {
        let (before, mut after): (Vec<String>, Vec<String>) = (texts(old), texts(new));
        if before == after {
            continue;
        }
        grown += 1;
        let Some(own) = additions.iter().find(|a| is_at(old, a.list)) else { return false };
        after.retain(|name| !own.names.contains(name));
        if after != before {
            return false;
        }
    }
    grown == additions.len()
        && old.objects.len() == new.objects.len()
        && old.ignored == new.ignored
        && lists_changed(old_text, new_text).is_none_or(|changed| changed == grown)
}

/// The number of `dnsNames` that differ between two texts, copies by an alias or a merge key included; more than there
/// are if anything else differs, `None` if a text is not YAML before its placeholders are filled.
fn lists_changed(old: &str, new: &str) -> Option<usize> {
    let (old, new) = (yaml::stream(old).ok()?.documents, yaml::stream(new).ok()?.documents);
    if old.len() != new.len() {
        return Some(usize::MAX);
    }
    Some(old.iter().zip(&new).map(|(old, new)| differing(old, new)).fold(0, usize::saturating_add))
}

fn differing(old: &Node, new: &Node) -> usize {
    match (&old.value, &new.value) {
        (Value::Sequence(old), Value::Sequence(new)) if old.len() == new.len() => {
            old.iter().zip(new).map(|(old, new)| differing(old, new)).fold(0, usize::saturating_add)
        }
        (Value::Mapping(old), Value::Mapping(new)) => {
            let is_list = |(key, _): &&(Node, Node)| key.text() == Some("dnsNames");
            let lists = usize::from(!is_equal(old.iter().find(is_list), new.iter().find(is_list)));
            let mut rest = old.iter().filter(|e| !is_list(e));
            let mut others = new.iter().filter(|e| !is_list(e));
            let mut count = lists;
            loop {
                match (rest.next(), others.next()) {
                    (None, None) => return count,
                    (Some((key, value)), Some((other_key, other))) if differing(key, other_key) == 0 => {
                        count = count.saturating_add(differing(value, other));
                    }
                    _ => return usize::MAX,
                }
            }
        }
        (old, new) if old == new => 0,
        _ => usize::MAX,
    }
}

/// Whether two entries have the same value, wherever they are.
fn is_equal(old: Option<&(Node, Node)>, new: Option<&(Node, Node)>) -> bool {
    match (old, new) {
        (Some((_, old)), Some((_, new))) => differing(old, new) == 0,
        (None, None) => true,
        _ => false,
    }
}

fn line_of(list: DnsNames) -> usize {
    match list {
        DnsNames::Block { last_line } => last_line,
        DnsNames::Flow { key_line, first_line } => first_line.unwrap_or(key_line),
        DnsNames::Empty { key_line } => key_line,
        DnsNames::Absent { line, .. } => line,
        DnsNames::Alias => 0,
    }
}

fn add(lines: &mut Vec<String>, list: DnsNames, names: &[String]) {
    let Some(index) = line_of(list).checked_sub(1) else { return };
    let Some(line) = lines.get(index).cloned() else { return };
    let end = if line.ends_with("\r\n") { "\r\n" } else { "\n" };
    match list {
        DnsNames::Alias => {}
        DnsNames::Block { .. } => {
            let indent: String = line.chars().take_while(|c| c.is_whitespace()).collect();
            let gap: String = line.trim_start().trim_start_matches('-').chars().take_while(|c| *c == ' ').collect();
            let gap = if gap.is_empty() { " ".to_owned() } else { gap };
            if !line.ends_with('\n') {
                lines[index].push_str(end);
            }
            let quote = quote_of(line.trim_start().trim_start_matches('-').trim_start());
            let new = names.iter().map(|name| format!("{indent}-{gap}{}{end}", quoted(name, quote)));
            lines.splice(index + 1..=index, new);
        }
        DnsNames::Flow { key_line, first_line: Some(first) } if first > key_line && !line.contains('[') => {
            let indent: String = line.chars().take_while(|c| c.is_whitespace()).collect();
            let quote = quote_of(line.trim_start());
            let new = names.iter().map(|name| format!("{indent}{},{end}", quoted(name, quote)));
            lines.splice(index..index, new);
        }
        DnsNames::Flow { key_line, first_line } => {
            let Some(bracket) = bracket(lines, key_line) else { return };
            let line = &mut lines[bracket.0];
            let rest = line[bracket.1 + 1..].trim_start();
            let quote = if rest.starts_with('"') || line.contains("\"dnsNames\"") { Some('"') } else { quote_of(rest) };
            let mut new = names.iter().map(|name| quoted(name, quote)).collect::<Vec<_>>().join(", ");
            if first_line.is_some() {
                new.push_str(", ");
            }
            let at = line.len() - rest.len();
            line.insert_str(at, &new);
        }
        DnsNames::Empty { .. } => {
            let indent: String = line.chars().take_while(|c| c.is_whitespace()).collect();
            if !line.ends_with('\n') {
                lines[index].push_str(end);
            }
            let new = names.iter().map(|name| format!("{indent}  - {}{end}", quoted(name, None)));
            lines.splice(index + 1..=index, new);
        }
        DnsNames::Absent { column, is_flow: true, .. } => {
            let at = line.char_indices().nth(column - 1).map_or(line.len(), |(at, _)| at);
            let quote = quote_of(&line[at..]);
            let items = names.iter().map(|name| quoted(name, quote)).collect::<Vec<_>>().join(", ");
            // A key that starts a line gets a new line of the same kind.
            let gap = if line[..at].trim().is_empty() { format!("{end}{}", &line[..at]) } else { " ".to_owned() };
            lines[index].insert_str(at, &format!("{}: [{items}],{gap}", quoted("dnsNames", quote)));
        }
        DnsNames::Absent { column, is_flow: false, .. } => {
            let indent = " ".repeat(column - 1);
            let mut new = vec![format!("{indent}dnsNames:{end}")];
            new.extend(names.iter().map(|name| format!("{indent}  - {}{end}", quoted(name, None))));
            lines.splice(index..index, new);
        }
    }
}

/// The line and the position in it of the bracket that opens the list of a key.
fn bracket(lines: &[String], key_line: usize) -> Option<(usize, usize)> {
    let first = key_line.checked_sub(1)?;
    let key = lines.get(first)?.find("dnsNames")?;
    let found = |(index, line): (usize, &String)| {
        let from = if index == 0 { key } else { 0 };
        line[from..].find('[').map(|at| (first + index, from + at))
    };
    lines[first..].iter().enumerate().find_map(found)
}

fn quote_of(text: &str) -> Option<char> {
    text.chars().next().filter(|c| matches!(c, '"' | '\''))
}

/// A name as a YAML scalar in the quotes of its neighbours. Without quotes, a placeholder counts as text.
fn quoted(name: &str, quote: Option<char>) -> String {
    match quote {
        Some('\'') if !name.contains(['\'', '\n', '\r']) => format!("'{name}'"),
        Some(_) => double_quoted(name),
        None if name.contains("${") && scalar(&format!("x{}", name.replace(['$', '{', '}'], ""))).starts_with('x') => {
            name.to_owned()
        }
        None => scalar(name).into_owned(),
    }
}

/// The lines of a list and some lines around it.
fn nearby(lines: &[String], list: DnsNames) -> String {
    let at = line_of(list);
    let from = match list {
        // Names are one a line, up to the last line.
        DnsNames::Block { last_line } => {
            let is_item = |line: &String| line.trim_start().starts_with(['-', '#']) || line.trim().is_empty();
            let above = lines[..last_line.min(lines.len())].iter().rev().take_while(|l| is_item(l)).count();
            last_line.saturating_sub(above)
        }
        _ => at.saturating_sub(1),
    };
    let to = at.saturating_add(if matches!(list, DnsNames::Block { .. }) { 0 } else { 20 });
    lines[from.min(lines.len())..to.min(lines.len())].concat()
}

/// Replaces values in a name with the placeholders that its neighbours use for them: whole labels, longest first.
/// Values whose placeholders the neighbours do not use stay, and so do shorter values within them.
fn unfilled(name: &str, variables: &Variables, near: &str) -> String {
    let is_used = |key: &str| near.contains(&format!("${{{key}}}"));
    let mut known: Vec<(&String, &String)> = variables.iter().filter(|(_, value)| !value.is_empty()).collect();
    known.sort_by_key(|(key, value)| (std::cmp::Reverse(value.len()), !is_used(key)));
    let mut out = name.to_owned();
    for (key, value) in known {
        let dotted = format!(".{out}.");
        let Some(at) = dotted.find(&format!(".{value}.")) else { continue };
        if !is_used(key) {
            break;
        }
        // `dotted` has one more dot in front, so the position of the dot is the position of the value in `out`.
        out = format!("{}${{{key}}}{}", &out[..at], &out[at + value.len()..]);
    }
    out
}
