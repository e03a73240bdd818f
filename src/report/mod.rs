//! Reports: pure functions of what the audit found.

mod human;
mod json;

use std::str::FromStr;

use crate::audit::Report;

/// A form in which a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Text for people.
    Human,
    /// One JSON object (`docs/schema/audit.json`).
    Json,
}

impl Format {
    /// Every form.
    pub const ALL: [Self; 2] = [Self::Human, Self::Json];

    /// Its word on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
        }
    }
}

/// A word that is no form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no format")]
pub struct NoFormat(String);

impl FromStr for Format {
    type Err = NoFormat;

    fn from_str(text: &str) -> Result<Self, NoFormat> {
        Self::ALL.into_iter().find(|f| f.as_str() == text).ok_or_else(|| NoFormat(text.to_owned()))
    }
}

/// How a report is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// With colours (ANSI), where the form is for people.
    pub colour: bool,
}

/// The report in a form, with a line end at its end.
pub fn render(format: Format, report: &Report, style: Style) -> String {
    match format {
        Format::Human => human::render(report, style),
        Format::Json => json::render(report),
    }
}
