//! Who may approve requests of cert-manager, and the issuers of fabcert that need it.

use std::path::Path;
use std::sync::Arc;

use super::meta::Meta;
use crate::text::yaml::Node;

/// The API group of fabcert's own kinds.
pub(crate) const GROUP: &str = "fabcert.dev";

/// A `FabricCAIssuer` or `FabricCAClusterIssuer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FabricCaIssuer {
    /// Kind, name, namespace, place.
    pub(crate) meta: Meta,
}

/// A role or a policy that lets somebody approve requests for some signers, as `fabriccaissuers.fabcert.dev/*`; an empty list is all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Approval {
    /// Kind, name, namespace, place.
    pub(crate) meta: Meta,
    signers: Vec<String>,
}

impl FabricCaIssuer {
    pub(super) fn read(document: &Node, kind: &str, path: &Arc<Path>) -> Self {
        Self { meta: Meta::read(document, kind, path) }
    }
}

impl Approval {
    /// Reads a `ClusterRole` or a Role; `None` if it lets nobody approve.
    pub(super) fn of_role(document: &Node, kind: &str, path: &Arc<Path>) -> Option<Self> {
        let has = |rule: &Node, key: &str, wanted: &str| {
            let texts = rule.items_at(&[key]).iter().filter_map(Node::text);
            texts.into_iter().any(|text| text == wanted || text == "*")
        };
        let rules = document.items_at(&["rules"]);
        let approving: Vec<&Node> = rules
            .iter()
            .filter(|r| {
                has(r, "apiGroups", "cert-manager.io") && has(r, "resources", "signers") && has(r, "verbs", "approve")
            })
            .collect();
        let names = |rule: &&Node| -> Vec<String> {
            rule.items_at(&["resourceNames"]).iter().filter_map(Node::text).map(str::to_owned).collect()
        };
        let names: Vec<Vec<String>> = approving.iter().map(names).collect();
        let signers = if names.iter().any(Vec::is_empty) { Vec::new() } else { names.concat() };
        (!approving.is_empty()).then(|| Self { meta: Meta::read(document, kind, path), signers })
    }

    /// What decides in place of cert-manager's own approver: it may approve anything.
    pub(super) fn of_a_policy(document: &Node, kind: &str, path: &Arc<Path>) -> Self {
        Self { meta: Meta::read(document, kind, path), signers: Vec::new() }
    }

    /// Whether it covers requests for an issuer.
    pub(crate) fn covers(&self, issuer: &FabricCaIssuer) -> bool {
        let Meta { kind, name, namespace, .. } = &issuer.meta;
        let plural = format!("{}s.{GROUP}", kind.to_ascii_lowercase());
        let is_own = |signer: &str| match (namespace, signer.strip_prefix(&format!("{plural}/"))) {
            (_, Some("*")) => true,
            (Some(namespace), Some(own)) => own == format!("{namespace}.{name}"),
            // That of the whole cluster, or in a namespace that is not known.
            (None, Some(own)) => own == name || own.ends_with(&format!(".{name}")),
            (_, None) => false,
        };
        self.signers.is_empty() || self.signers.iter().any(|signer| is_own(signer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(rule: &str) -> Option<Approval> {
        let text = format!("kind: ClusterRole\nrules:\n  - {rule}\n");
        let document = crate::text::yaml::documents(&text).unwrap().remove(0);
        Approval::of_role(&document, "ClusterRole", &Arc::from(Path::new("r.yaml")))
    }

    fn covers(rule: &str) -> bool {
        let text = "kind: FabricCAIssuer\nmetadata: {name: org1, namespace: fabric}\n";
        let document = crate::text::yaml::documents(text).unwrap().remove(0);
        let issuer = FabricCaIssuer::read(&document, "FabricCAIssuer", &Arc::from(Path::new("i.yaml")));
        role(rule).is_some_and(|approval| approval.covers(&issuer))
    }

    #[test]
    fn a_role_approves_for_the_signers_that_it_names() {
        let rule = |names: &str| {
            format!(
                "{{apiGroups: [cert-manager.io], resources: [signers], verbs: [approve], resourceNames: [{names}]}}"
            )
        };
        assert!(covers(&rule("fabriccaissuers.fabcert.dev/*")));
        assert!(covers(&rule("x, fabriccaissuers.fabcert.dev/fabric.org1")));
        assert!(!covers(&rule("fabriccaissuers.fabcert.dev/other.org1")));
        assert!(!covers(&rule("fabriccaclusterissuers.fabcert.dev/*")));
        assert!(!covers(&rule("issuers.cert-manager.io/*")));
        assert!(covers("{apiGroups: ['*'], resources: ['*'], verbs: ['*']}"));
        assert!(!covers("{apiGroups: [cert-manager.io], resources: [certificaterequests], verbs: [update]}"));
    }
}
