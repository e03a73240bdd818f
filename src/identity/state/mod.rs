//! The state of an identity between runs, beside its target: the record of the last issue, the pending key with its
//! answer, the refused tries, and an expired credential that the CA refused.

mod brake;
pub(crate) mod history;
pub(crate) mod not_as_asked;
pub(crate) mod pending;
pub(crate) mod random_id;
pub(crate) mod record;
pub(crate) mod refusals;
pub(crate) mod token_refusal;
