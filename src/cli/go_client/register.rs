//! `register`: a new identity, whose secret is printed.

use super::caller::act;
use super::site::Site;
use crate::ca::RegisterRequest;
use crate::cli::{output, process};
use crate::identity::state::refusals::{self, Subject};
use crate::{Error, ErrorKind, Secret};

/// # Errors
/// When no name is given, or the CA refuses.
pub(super) fn run(site: &Site<'_>) -> Result<(), Error> {
    let settings = site.settings();
    let Some(id) = settings.given("id.name")? else {
        return Err(Error::new(ErrorKind::Usage, "Register was called without a Name set")
            .with_help("give the enrolment id with --id.name"));
    };
    let (kind, affiliation) = (settings.given("id.type")?, settings.given("id.affiliation")?);
    let secret = settings.given("id.secret")?.map(Secret::new);
    let attrs = site.attributes()?;
    let request = RegisterRequest {
        id: &id,
        identity_type: kind.as_deref(),
        secret: secret.as_ref(),
        max_enrollments: Some(settings.number("id.maxenrollments")?).filter(|limit| *limit != 0),
        affiliation: affiliation.as_deref(),
        attrs: &attrs,
    };
    let secret = act(site, async |caller| caller.client.register(&caller.credential(), &request).await)?;
    forget_refusals(site, &id);
    let printed = output::print_line(format_args!("Password: {}", secret.expose()));
    output::after(printed, || format!("the identity \"{id}\" is registered"))
}

/// Lets a secret that the CA refused be sent again from this home, after the registrar has changed what the CA refused.
pub(super) fn forget_refusals(site: &Site<'_>, id: &str) {
    let forget = || {
        let ((url, ..), ca_name) = (site.url()?, site.settings().given("caname")?);
        let subject = Subject::new(&url, ca_name.as_deref(), id);
        refusals::forget_below(&site.home.dir, &subject, &site.process.disk, process::now())
    };
    if let Err(e) = forget() {
        tracing::warn!("earlier refusals of \"{id}\" are still remembered: {e}");
    }
}
