//! The Secrets in place of the folder that a run works in, as people read about it.

use super::store::Store;
use crate::Error;

impl Store<'_> {
    /// What texts have in place of the paths of the folder.
    pub(crate) fn place_names(&self) -> Vec<(String, String)> {
        let (folders, names) = (self.work().folders().display(), self.names());
        let uri = |secret: &str| self.uri(secret, None).display().to_string();
        let state = uri(&names.state);
        vec![
            (format!("{folders}/.msp.fabcert/"), format!("{state}/msp.")),
            (format!("{folders}/.tls.fabcert/"), format!("{state}/tls.")),
            (format!("{folders}/msp"), uri(&names.msp)),
            (format!("{folders}/tls"), uri(&names.tls)),
        ]
    }

    /// The error of a run with the names of the Secrets.
    pub(crate) fn named(&self, error: Error) -> Error {
        let names = self.place_names();
        error
            .with_texts(&|text: &str| names.iter().fold(text.to_owned(), |text, (path, name)| text.replace(path, name)))
    }
}
