//! The agent: it enrols what is missing, then renews for ever, and shows what it knows.

pub(crate) mod health;
pub(crate) mod hooks;
mod metrics;
pub(crate) mod notify;
pub(crate) mod status;
pub(crate) mod termination;
