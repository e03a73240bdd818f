//! Strict readers of XML and of the Prometheus text format, for what the reports use of them.

use std::collections::{BTreeMap, BTreeSet};

/// An element with what stands in it.
#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) text: String,
    pub(super) children: Vec<Self>,
}

impl Element {
    /// The names of its attributes, sorted.
    pub(super) fn keys(&self) -> Vec<&str> {
        self.attributes.keys().map(String::as_str).collect()
    }
}

/// Reads a document without comments, CDATA and processing instructions.
pub(super) fn parse_xml(text: &str) -> Result<Element, String> {
    let body = text.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").ok_or("no declaration")?;
    if let Some(c) = body.chars().find(|c| matches!(*c, '\0'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}'))
    {
        return Err(format!("{c:?} stands in no XML"));
    }
    let (root, rest) = element(body)?;
    if rest.trim().is_empty() { Ok(root) } else { Err(format!("after the root: {rest}")) }
}

fn element(text: &str) -> Result<(Element, &str), String> {
    let rest = text.strip_prefix('<').ok_or_else(|| format!("no element: {text:.40}"))?;
    let end = rest.find([' ', '/', '>']).ok_or("no end of a tag")?;
    let mut found = Element { name: rest[..end].to_owned(), ..Element::default() };
    let mut rest = &rest[end..];
    while let Some(more) = rest.strip_prefix(' ') {
        let (name, more) = more.split_once("=\"").ok_or("an attribute without value")?;
        let (value, more) = more.split_once('"').ok_or("a value without end")?;
        if !name.chars().all(|c| c.is_ascii_lowercase()) || found.attributes.contains_key(name) {
            return Err(format!("attribute {name:?}"));
        }
        found.attributes.insert(name.to_owned(), unescape(value)?);
        rest = more;
    }
    if let Some(rest) = rest.strip_prefix("/>") {
        return Ok((found, rest));
    }
    rest = rest.strip_prefix('>').ok_or_else(|| format!("in a tag: {rest:.40}"))?;
    loop {
        let at = rest.find('<').ok_or("an element without end")?;
        found.text.push_str(&unescape(&rest[..at])?);
        rest = &rest[at..];
        if let Some(end) = rest.strip_prefix("</") {
            let close = format!("{}>", found.name);
            let rest = end.strip_prefix(close.as_str()).ok_or_else(|| format!("{} ends as {end:.20}", found.name))?;
            return Ok((found, rest));
        }
        let (child, after) = element(rest)?;
        found.children.push(child);
        rest = after;
    }
}

fn unescape(text: &str) -> Result<String, String> {
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (entity, after) = part.split_once(';').ok_or_else(|| format!("a bare & in {text:?}"))?;
        out.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            "#9" => '\t',
            "#10" => '\n',
            "#13" => '\r',
            other => {
                let code = other.strip_prefix("#x").and_then(|hex| u32::from_str_radix(hex, 16).ok());
                code.and_then(char::from_u32).ok_or_else(|| format!("entity {other:?}"))?
            }
        });
        out.push_str(after);
    }
    if text.contains('<') { Err(format!("a bare < in {text:?}")) } else { Ok(out) }
}

/// Reads an exposition: each metric's HELP, then its TYPE, then all of its samples. Gives the series with their values;
/// a series is written as Rust writes strings.
pub(super) fn parse_metrics(text: &str) -> Result<BTreeMap<String, f64>, String> {
    let (mut series, mut seen, mut family) = (BTreeMap::new(), BTreeSet::new(), String::new());
    let mut lines = text.strip_suffix('\n').ok_or("no line end at the end")?.split('\n');
    while let Some(line) = lines.next() {
        if let Some(head) = line.strip_prefix("# HELP ") {
            let (name, help) = head.split_once(' ').ok_or("no help")?;
            if help.contains('\\') || !seen.insert(name.to_owned()) {
                return Err(format!("head {line:?}"));
            }
            if lines.next() != Some(&format!("# TYPE {name} gauge")) {
                return Err(format!("no TYPE after {line:?}"));
            }
            name.clone_into(&mut family);
            continue;
        }
        let rest = line
            .strip_prefix(family.as_str())
            .filter(|_| !family.is_empty())
            .ok_or_else(|| format!("stray {line:?}"))?;
        let (labels, value) = labels(rest).ok_or_else(|| format!("labels of {line:?}"))?;
        let value = value.strip_prefix(' ').and_then(|v| v.parse().ok()).ok_or_else(|| format!("value of {line:?}"))?;
        let written: Vec<String> = labels.iter().map(|(k, v)| format!("{k}={v:?}")).collect();
        let name = if written.is_empty() { family.clone() } else { format!("{family}{{{}}}", written.join(",")) };
        if series.insert(name, value).is_some() {
            return Err(format!("twice: {line:?}"));
        }
    }
    Ok(series)
}

/// The labels at the head of a text, and what follows.
fn labels(text: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut found = BTreeMap::new();
    let Some(mut rest) = text.strip_prefix('{') else { return Some((found, text)) };
    loop {
        let (name, value) = rest.split_once("=\"")?;
        let (mut out, mut chars) = (String::new(), value.chars());
        loop {
            match chars.next()? {
                '"' => break,
                '\\' => out.push(match chars.next()? {
                    'n' => '\n',
                    c @ ('\\' | '"') => c,
                    _ => return None,
                }),
                c => out.push(c),
            }
        }
        let fresh = found.insert(name.to_owned(), out).is_none();
        if !fresh || !name.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
            return None;
        }
        rest = chars.as_str();
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => return Some((found, rest.strip_prefix('}')?)),
        }
    }
}
