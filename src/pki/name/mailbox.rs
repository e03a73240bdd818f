//! The mailbox that Go's `mail.ParseAddress` reads from a string (RFC 5322 section 3.4, in Go's variant).

use std::net::IpAddr;

/// The bare address, if Go's `mail.ParseAddress` accepts `text`: without display name, comments and quotes.
pub(super) fn address(text: &str) -> Option<String> {
    let mut rest = Rest(text);
    let mut addresses = rest.addresses(true)?;
    rest.skip_comments()?;
    if rest.0.is_empty() && addresses.len() == 1 { addresses.pop() } else { None }
}

/// The remaining text. Each method advances over what it reads.
#[derive(Clone, Copy)]
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    /// One mailbox, or, if `group` allows it, a group of them (`name: a@x, b@y;`).
    fn addresses(&mut self, group: bool) -> Option<Vec<String>> {
        self.skip_space();
        let start = *self;
        if let Some(address) = self.addr_spec() {
            self.skip_space();
            if self.take('(') {
                self.comment()?;
            }
            return Some(vec![address]);
        }
        *self = start;
        if !self.0.starts_with('<') {
            self.phrase()?;
        }
        self.skip_space();
        if group && self.take(':') {
            return self.group();
        }
        self.take('<').then_some(())?;
        let address = self.addr_spec()?;
        self.take('>').then(|| vec![address])
    }

    fn group(&mut self) -> Option<Vec<String>> {
        let mut group = Vec::new();
        self.skip_space();
        if !self.take(';') {
            loop {
                group.append(&mut self.addresses(false)?);
                self.skip_comments()?;
                if self.take(';') {
                    break;
                }
                self.take(',').then_some(())?;
            }
        }
        self.skip_comments()?;
        Some(group)
    }

    fn addr_spec(&mut self) -> Option<String> {
        self.skip_space();
        let local = if self.0.starts_with('"') {
            self.quoted().filter(|text| !text.is_empty())?
        } else {
            self.dot_atom()?.to_owned()
        };
        self.take('@').then_some(())?;
        self.skip_space();
        let domain = if self.0.starts_with('[') { self.domain_literal()? } else { self.dot_atom()? };
        Some(format!("{local}@{domain}"))
    }

    /// A display name: words, with comments between them.
    fn phrase(&mut self) -> Option<()> {
        let mut words = 0;
        loop {
            if words > 0 {
                self.skip_comments()?;
            }
            self.skip_space();
            let is_word = if self.0.starts_with('"') { self.quoted().is_some() } else { self.atom().is_some() };
            if !is_word {
                return (words > 0).then_some(());
            }
            words += 1;
        }
    }

    /// A quoted string, without its quotes and backslashes.
    fn quoted(&mut self) -> Option<String> {
        let mut text = String::new();
        let mut chars = self.0.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.0 = &self.0[at + 1..];
                    return Some(text);
                }
                '\\' => text.push(chars.next().map(|(_, c)| c).filter(|c| is_visible(*c) || is_space(*c))?),
                _ if is_visible(c) || is_space(c) => text.push(c),
                _ => return None,
            }
        }
        None
    }

    /// Characters that need no quotes, with dots anywhere.
    fn atom(&mut self) -> Option<&'a str> {
        let end = self.0.find(|c| !is_atom(c)).unwrap_or(self.0.len());
        let (atom, rest) = self.0.split_at(end);
        self.0 = rest;
        (!atom.is_empty()).then_some(atom)
    }

    /// An atom with dots only between other characters.
    fn dot_atom(&mut self) -> Option<&'a str> {
        self.atom().filter(|atom| !atom.split('.').any(str::is_empty))
    }

    /// An IP address in brackets, with its brackets.
    fn domain_literal(&mut self) -> Option<&'a str> {
        let end = self.0.find(']')?;
        self.0[1..end].parse::<IpAddr>().ok()?;
        let (literal, rest) = self.0.split_at(end + 1);
        self.0 = rest;
        Some(literal)
    }

    /// White space and comments; `None` for an unterminated comment.
    fn skip_comments(&mut self) -> Option<()> {
        self.skip_space();
        while self.take('(') {
            self.comment()?;
            self.skip_space();
        }
        Some(())
    }

    /// The rest of a comment after its opening parenthesis; comments nest.
    fn comment(&mut self) -> Option<()> {
        let mut depth = 1;
        let mut chars = self.0.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => {
                    chars.next();
                }
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                self.0 = &self.0[at + 1..];
                return Some(());
            }
        }
        None
    }

    fn skip_space(&mut self) {
        self.0 = self.0.trim_start_matches(is_space);
    }

    fn take(&mut self, c: char) -> bool {
        self.0.strip_prefix(c).map(|rest| self.0 = rest).is_some()
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

fn is_visible(c: char) -> bool {
    matches!(c, '!'..='~') || !c.is_ascii()
}

fn is_atom(c: char) -> bool {
    is_visible(c) && !"()<>[]:;@\\,\"".contains(c)
}
