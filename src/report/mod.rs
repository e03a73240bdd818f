//! Reports: pure functions of what the audit found.

mod github;
mod gitlab;
mod human;
mod json;
mod jsonl;
mod junit;
mod markdown;
mod prometheus;
mod sarif;
#[cfg(test)]
mod tests;
mod times;

use std::io::{self, Write};
use std::str::FromStr;

use crate::audit::Report;

/// A form in which a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Text for people.
    Human,
    /// One JSON object.
    Json,
    /// JSON, an object a line.
    Jsonl,
    /// SARIF 2.1.0.
    Sarif,
    /// `JUnit` XML.
    Junit,
    /// Annotations of GitHub Actions.
    Github,
    /// GitLab's Code Quality report.
    Gitlab,
    /// Prometheus text format.
    Prometheus,
    /// Markdown.
    Markdown,
}

impl Format {
    /// Every form.
    pub const ALL: [Self; 9] = [
        Self::Human,
        Self::Json,
        Self::Jsonl,
        Self::Sarif,
        Self::Junit,
        Self::Github,
        Self::Gitlab,
        Self::Prometheus,
        Self::Markdown,
    ];

    /// Its word on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Sarif => "sarif",
            Self::Junit => "junit",
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Prometheus => "prometheus",
            Self::Markdown => "markdown",
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

/// Writes the report in a form, with a line end at its end, in many small pieces: `out` had better have a buffer. No form
/// holds more of the report at once than a part of it.
///
/// # Errors
/// When `out` does not take it.
pub fn render(format: Format, report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Human => human::render(report, style, out),
        Format::Json => json::render(report, out),
        Format::Jsonl => jsonl::render(report, out),
        Format::Sarif => sarif::render(report, out),
        Format::Junit => junit::render(report, out),
        Format::Github => github::render(report, out),
        Format::Gitlab => gitlab::render(report, out),
        Format::Prometheus => prometheus::render(report, out),
        Format::Markdown => markdown::render(report, out),
    }
}
