//! A list of identities to register, as CSV (RFC 4180) with a line of names.

use std::collections::HashMap;
use std::path::Path;

use super::registration::{IfExists, Registration, attribute};
use super::{NewSecret, Registered, Registrar, registration};
use crate::ca::RegisteredIdentity;
use crate::identity::Environment;
use crate::{Error, ErrorKind};

/// The columns that a list may have; `id` is required.
const COLUMNS: [&str; 5] = ["id", "type", "affiliation", "max_enrollments", "attrs"];

/// Requests in a row that do not reach the CA, after which the rest of a list is not tried.
const MOST_UNREACHED: usize = 3;

/// What all identities of a list have in common.
#[derive(Clone, Debug)]
pub(crate) struct Common<'a> {
    /// The folder for the generated secrets, one file (mode 0600) named as the id.
    pub(crate) secrets: &'a Path,
    /// The type where the list names none.
    pub(crate) identity_type: Option<&'a str>,
    /// The affiliation where the list names none.
    pub(crate) affiliation: Option<&'a str>,
    pub(crate) create_affiliation: bool,
    pub(crate) if_exists: IfExists,
}

/// Reads the identities of a list. `origin` is its name in errors.
///
/// # Errors
/// Names the line of a field that cannot be used, of an unknown column, and of an id that is repeated or cannot be a file's name.
pub(crate) fn read(text: &str, origin: &str, common: &Common<'_>) -> Result<Vec<Registration>, Error> {
    let wrong = |line: usize, reason: String| {
        Error::new(ErrorKind::Input, format!("{origin}, line {line}: {reason}"))
            .with_help(format!("the first line names the columns, of {}; id is required", COLUMNS.join(", ")))
    };
    let records = records(text).map_err(|(line, reason)| wrong(line, reason.to_owned()))?;
    let Some(((first, names), rows)) = records.split_first() else { return Err(wrong(1, "it is empty".to_owned())) };
    let mut columns = Vec::new();
    for name in names {
        let known = COLUMNS.iter().position(|column| column == &name.trim());
        let column = known.ok_or_else(|| wrong(*first, format!("unknown column \"{name}\"")))?;
        if columns.contains(&column) {
            return Err(wrong(*first, format!("the column {} appears twice", COLUMNS[column])));
        }
        columns.push(column);
    }
    if !columns.contains(&0) {
        return Err(wrong(*first, "no column id".to_owned()));
    }
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut all = Vec::new();
    for (line, fields) in rows {
        let wrong = |reason: String| wrong(*line, reason);
        if fields.len() != columns.len() {
            return Err(wrong(format!("{} fields, where the first line has {}", fields.len(), columns.len())));
        }
        let field = |column: usize| {
            let at = columns.iter().position(|known| *known == column)?;
            Some(fields[at].trim()).filter(|text| !text.is_empty())
        };
        let id = field(0).ok_or_else(|| wrong("no id".to_owned()))?;
        if id.starts_with('.') || id.contains(['/', '\0', '\n']) {
            return Err(wrong(format!("the id \"{id}\" cannot be the name of the file of its secret")));
        }
        if let Some(before) = seen.insert(id.to_owned(), *line) {
            return Err(wrong(format!("the id \"{id}\" is in line {before} too")));
        }
        let max_enrollments = field(3).map(|text| {
            let limit = text.parse::<i64>().ok().filter(|limit| *limit == -1 || *limit > 0);
            limit.ok_or_else(|| wrong(format!("max_enrollments is \"{text}\"; expected -1 or a number from 1")))
        });
        let attrs = field(4).unwrap_or_default().split_whitespace();
        let affiliation = field(2).or(common.affiliation);
        all.push(Registration {
            id: id.to_owned(),
            identity_type: field(1).or(common.identity_type).map(str::to_owned),
            affiliation: affiliation.map(|name| if name == "." { "" } else { name }.to_owned()),
            max_enrollments: max_enrollments.transpose()?,
            attrs: attrs.map(attribute).collect::<Result<_, _>>().map_err(|reason| wrong(reason.to_owned()))?,
            secret: NewSecret::Kept(common.secrets.join(id)),
            create_affiliation: common.create_affiliation,
            if_exists: common.if_exists,
        });
    }
    Ok(all)
}

/// Registers the identities that the CA does not have, and compares the others. The CA is asked for its list once; `done` is
/// called after each identity.
///
/// # Errors
/// When the list of the CA cannot be had. A failure of one identity is in its place, and stops no other.
pub(crate) async fn register_all(
    registrar: &Registrar,
    all: &[Registration],
    env: &Environment<'_>,
    done: &mut dyn FnMut(&Registration, &Result<Registered, Error>),
) -> Result<Vec<Result<Registered, Error>>, Error> {
    let known = registrar.identities().await?;
    let mut known: HashMap<String, RegisteredIdentity> =
        known.into_iter().map(|identity| (identity.id.clone(), identity)).collect();
    let mut results = Vec::new();
    let mut unreached = 0;
    for wanted in all {
        let result = if unreached < MOST_UNREACHED {
            registration::register_or_compare(registrar, wanted, known.remove(&wanted.id), env).await
        } else {
            let reason = format!("not tried: {MOST_UNREACHED} requests in a row did not reach {}", registrar.url());
            Err(Error::new(ErrorKind::Unreachable, reason))
        };
        let is_unreached = result.as_ref().is_err_and(|e| e.kind() == ErrorKind::Unreachable);
        unreached = if is_unreached { unreached + 1 } else { 0 };
        done(wanted, &result);
        results.push(result);
    }
    Ok(results)
}

/// The line, from 1, on which a record begins, and its fields.
type Record = (usize, Vec<String>);

/// The records of a text; empty lines are left out.
fn records(text: &str) -> Result<Vec<Record>, (usize, &'static str)> {
    let mut all = Vec::new();
    let (mut record, mut field) = (Vec::new(), String::new());
    let (mut line, mut first) = (1, 1);
    let mut is_quoted = false;
    let mut characters = text.strip_prefix('\u{feff}').unwrap_or(text).chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if is_quoted && characters.next_if_eq(&'"').is_some() => field.push('"'),
            '"' if is_quoted => {
                is_quoted = false;
                if characters.peek().is_some_and(|next| !matches!(next, ',' | '\r' | '\n')) {
                    return Err((line, "text follows the end of a quoted field"));
                }
            }
            '"' if field.is_empty() => is_quoted = true,
            '"' => return Err((line, "a quote inside a field that does not begin with one")),
            ',' if !is_quoted => record.push(std::mem::take(&mut field)),
            '\r' if !is_quoted && characters.peek() == Some(&'\n') => {}
            '\n' if !is_quoted => {
                record.push(std::mem::take(&mut field));
                all.push((first, std::mem::take(&mut record)));
                line += 1;
                first = line;
            }
            c => {
                line += usize::from(c == '\n');
                field.push(c);
            }
        }
    }
    if is_quoted {
        return Err((first, "a quoted field does not end"));
    }
    if !field.is_empty() || !record.is_empty() {
        record.push(field);
        all.push((first, record));
    }
    all.retain(|(_, record)| record.len() > 1 || !record[0].trim().is_empty());
    Ok(all)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn common() -> Common<'static> {
        Common {
            secrets: Path::new("secrets"),
            identity_type: None,
            affiliation: Some("org1"),
            create_affiliation: false,
            if_exists: IfExists::Compare,
        }
    }

    fn reason(text: &str) -> String {
        read(text, "users.csv", &common()).unwrap_err().to_string()
    }

    #[test]
    fn columns_are_named_and_missing_fields_have_defaults() {
        let text = "id,attrs,type,max_enrollments,affiliation\r\np1,\"a=b:ecert c=d\",peer,3,org2\r\n\r\nu1,,,,.\n";
        let all = read(text, "users.csv", &common()).unwrap();
        assert_eq!(all.len(), 2);
        let [first, second] = &all[..] else { panic!("{all:?}") };
        assert_eq!((first.id.as_str(), first.identity_type.as_deref()), ("p1", Some("peer")));
        assert_eq!((first.max_enrollments, first.affiliation.as_deref()), (Some(3), Some("org2")));
        assert_eq!(
            first.attrs.iter().map(|a| (a.name.as_str(), a.ecert)).collect::<Vec<_>>(),
            [("a", true), ("c", false)]
        );
        assert_eq!((second.identity_type.as_deref(), second.affiliation.as_deref()), (None, Some("")));
        assert!(matches!(&first.secret, NewSecret::Kept(path) if path == Path::new("secrets/p1")));
        assert_eq!(read("id\nx\n", "f", &common()).unwrap()[0].affiliation.as_deref(), Some("org1"));
    }

    #[test]
    fn an_error_names_the_line() {
        assert!(reason("").contains("it is empty"));
        assert_eq!(reason("id,colour\n"), "users.csv, line 1: unknown column \"colour\"");
        assert_eq!(reason("type\npeer\n"), "users.csv, line 1: no column id");
        assert_eq!(reason("id,id\n"), "users.csv, line 1: the column id appears twice");
        assert_eq!(reason("id,type\n\np1\n"), "users.csv, line 3: 1 fields, where the first line has 2");
        assert_eq!(reason("id\np1\np2\np1\n"), "users.csv, line 4: the id \"p1\" is in line 2 too");
        assert_eq!(
            reason("id,type\n\"../x\",peer\n"),
            "users.csv, line 2: the id \"../x\" cannot be the name of the file of its secret"
        );
        assert!(reason("id,max_enrollments\np1,0\n").contains("expected -1 or a number from 1"));
        assert!(reason("id,attrs\np1,x\n").contains("NAME=VALUE"));
        assert!(reason("id\n\"p1\n").contains("does not end"));
        assert!(reason("id\np\"1\n").contains("quote"));
    }

    proptest! {
        #[test]
        fn fields_come_back_as_they_were(rows in prop::collection::vec(prop::collection::vec("[^\0]{1,12}", 2..4), 1..5)) {
            let quoted = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
            let line = |row: &Vec<String>| row.iter().map(quoted).collect::<Vec<_>>().join(",") + "\n";
            let text: String = rows.iter().map(line).collect();
            let read: Vec<Vec<String>> = records(&text).unwrap().into_iter().map(|(_, record)| record).collect();
            prop_assert_eq!(read, rows);
        }

        #[test]
        fn no_text_panics(text in ".{0,200}") {
            drop(read(&text, "f", &common()));
        }
    }
}
