//! The error that a file is not a readable channel configuration.

use crate::{Error, ErrorKind};

/// A fault of a channel configuration: the message and the field that cannot be read, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}{field}{}: {reason}", if field.is_empty() { "" } else { "." }, at(*offset))]
pub(crate) struct ChannelError {
    /// The name of the protobuf message, as Fabric's `.proto` files have it.
    pub(crate) message: &'static str,
    /// The name of its field; empty for the message itself.
    pub(crate) field: &'static str,
    /// The offset in the file, in bytes; `None` in JSON.
    pub(crate) offset: Option<usize>,
    /// The reason.
    pub(crate) reason: String,
}

fn at(offset: Option<usize>) -> String {
    offset.map(|offset| format!(" at byte {offset}")).unwrap_or_default()
}

impl ChannelError {
    /// The error of a command that was given the file `path`.
    pub(crate) fn in_file(self, path: &std::path::Path) -> Error {
        let message = format!("{}: the channel configuration cannot be read: {self}", path.display());
        Error::new(ErrorKind::Input, message)
            .with_help("get the block again: peer channel fetch config FILE -c CHANNEL -o HOST:PORT")
    }

    /// The error of a command that makes an update of the block in the file `path`.
    pub(crate) fn of_update(self, path: &std::path::Path) -> Error {
        let message = format!("{}: no update can be made: {}", path.display(), self.reason);
        Error::new(ErrorKind::Input, message)
            .with_help("give the block of peer channel fetch config, and the MSP id of an organisation in it")
    }
}
