//! The agent: it enrols what is missing, then renews for ever, and shows what it knows.

pub(crate) mod status;
