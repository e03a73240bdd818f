//! The reports of an audit, one file for each format. Each is a pure function of the audit result.

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
use crate::text::escape::{Form, Screen};

/// A format of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Text for people.
    Human,
    /// One JSON object.
    Json,
    /// JSON, one object on each line.
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
    /// Every format.
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

    /// How the readers of the format expect an active character.
    const fn form(self, style: Style) -> Form {
        match self {
            Self::Human => Form::Text { colour: style.colour },
            Self::Json | Self::Jsonl | Self::Sarif | Self::Gitlab => Form::Json,
            Self::Junit => Form::Xml,
            Self::Github => Form::Commands,
            Self::Prometheus => Form::Prometheus,
            Self::Markdown => Form::Markdown,
        }
    }
}

/// A word that is not a format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown format \"{0}\"")]
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
    /// With ANSI colours, in the format for people.
    pub colour: bool,
}

/// Writes the report in a format, with a line end at its end, in many small pieces: give `out` a buffer. Only a part of the
/// report is in memory at once. Characters that a terminal acts on are spelled as the readers of the format expect.
///
/// # Errors
/// If writing to `out` fails.
pub fn render(format: Format, report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut out = Screen::new(out, format.form(style));
    match format {
        Format::Human => human::render(report, style, &mut out),
        Format::Json => json::render(report, &mut out),
        Format::Jsonl => jsonl::render(report, &mut out),
        Format::Sarif => sarif::render(report, &mut out),
        Format::Junit => junit::render(report, &mut out),
        Format::Github => github::render(report, &mut out),
        Format::Gitlab => gitlab::render(report, &mut out),
        Format::Prometheus => prometheus::render(report, &mut out),
        Format::Markdown => markdown::render(report, &mut out),
    }?;
    out.flush()
}
