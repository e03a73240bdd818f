//! One look at an issuer: whether its CA answers.

use std::rc::Rc;
use std::time::Duration;

use super::controller::Item;
use super::kind::IssuerSpec;
use super::look::{Looker, said};
use super::objects::{self, issuers};
use super::observed::{Checked, IssuerKey};
use super::status::of_issuer;
use crate::Error;
use crate::agent::backoff::{pause, random};
use crate::cluster::Named;
use crate::identity::CaAccess;
use crate::identity::credential::issuing_root;

/// How often an issuer that is ready is checked again.
const CHECKED_EVERY: Duration = Duration::from_secs(300);

impl Looker<'_> {
    /// Asks the CA of an issuer about itself, and writes what came out.
    pub(super) async fn look_at_issuer(
        &self,
        key: &IssuerKey,
        failures: u32,
    ) -> (Option<Duration>, Vec<(Item, Duration)>) {
        let Some((metadata, spec, condition)) = self
            .observed
            .borrow()
            .issuers
            .get(key)
            .map(|issuer| (issuer.metadata.clone(), issuer.spec.clone(), issuer.condition.clone()))
        else {
            return (None, Vec::new());
        };
        let checked = match &spec {
            Ok(spec) => self.check(key, spec).await.map_err(|e| (said(&e), true)),
            Err(fault) => Err((fault.clone(), false)),
        };
        let url = spec.as_ref().map(|spec| spec.url.clone()).unwrap_or_default();
        let unready = checked.as_ref().err().map(|(reason, _)| reason.clone());
        let was_ready = {
            let mut observed = self.observed.borrow_mut();
            let current = observed.issuers.get_mut(key).filter(|issuer| issuer.metadata == metadata);
            let Some(issuer) = current else { return (None, Vec::new()) };
            let was_ready = issuer.checked.as_ref().is_some_and(Result::is_ok);
            issuer.checked = Some(checked.clone().map_err(|(reason, _)| reason));
            was_ready
        };
        let now = (self.env.now)();
        let message = format!("the Fabric CA at {url} answers");
        let status = of_issuer((unready.as_deref(), &message), metadata.generation, condition.as_ref(), now);
        let mut is_written = true;
        if let Some(status) = status {
            let kind = issuers(key.0);
            let named = Named { kind: &kind, namespace: metadata.namespace.as_deref(), name: &metadata.name };
            if let Err(e) = self.access.apply_status(named, &metadata.uid, status).await {
                tracing::warn!("{e}");
                is_written = false;
            }
            match &unready {
                None => tracing::info!("the {} {} is ready", key.0.name(), metadata.name),
                Some(reason) => {
                    tracing::warn!("the {} {} is not ready: {reason}", key.0.name(), metadata.name);
                    objects::event(self.access, (&kind, &metadata), (true, "NotReady", reason), now).await;
                }
            }
        }
        let waiting = self.observed.borrow().requests_for(key);
        let mut also: Vec<(Item, Duration)> = Vec::new();
        if is_written && (!was_ready || unready.is_some()) {
            also.extend(waiting.into_iter().map(|key| (Item::Request(key), Duration::ZERO)));
        }
        let is_passing = checked.as_ref().err().is_some_and(|(_, may_pass)| *may_pass);
        if is_passing || !is_written {
            return (Some(pause(failures + 1, random())), also);
        }
        if unready.is_none() {
            also.push((Item::Issuer(key.clone()), CHECKED_EVERY));
        }
        (None, also)
    }

    /// Asks the CA about itself.
    async fn check(&self, key: &IssuerKey, spec: &IssuerSpec) -> Result<Checked, Error> {
        let anchors = objects::anchors(&self.secrets(key), &spec.tls_ca).await?;
        let mut access = CaAccess::new(&spec.url, "")?.anchor_pem(anchors);
        access.ca_name.clone_from(&spec.ca_name);
        let client = access.client(self.env.disk)?.build()?;
        let info = client.info().await.map_err(|e| access.explain(e))?;
        let (root, cas) = issuing_root(&info, &access)?;
        Ok(Checked { access, client: Rc::new(client), root, cas })
    }
}
