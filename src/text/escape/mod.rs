//! Text from elsewhere: in the forms of a report, on a terminal, in the log of a CI run.

mod forms;
mod lines;
mod screen;

pub(crate) use forms::{github, markdown, prometheus, uri_path, xml};
pub(crate) use lines::{Lines, indent, wrapped};
pub(crate) use screen::{Form, Screen, Shown, is_active};
