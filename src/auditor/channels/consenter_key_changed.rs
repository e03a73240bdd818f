//! An orderer has another key than a channel knows it by.

use super::View;
use crate::audit::catalogue::CONSENTER_KEY_CHANGED;
use crate::audit::model::finding::Findings;
use crate::audit::model::subject::Location;
use crate::channel::PinnedAs;

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for (file, consenter, pins) in view.consenters() {
        if pins.iter().any(|pin| view.holder(pin).is_some()) {
            continue;
        }
        let Some(pin) = pins.first() else { continue };
        // A TLS certificate is known by its names, an identity by its id.
        let is_of_it = |host: &str, common_name: &str, names: &[String]| match pin.kind {
            PinnedAs::Tls => names.iter().any(|name| name == host),
            PinnedAs::Identity => pin.cert.common_name() == Some(common_name),
        };
        for node in view.nodes.iter().filter(|node| node.tls == (pin.kind == PinnedAs::Tls)) {
            if is_of_it(&consenter.host, &node.common_name, &node.names) {
                let message = format!(
                    "{} knows the consenter {} by another {}: with this one the orderer only follows the channel",
                    file.words(),
                    consenter.address(),
                    pin.kind.key()
                );
                let names = [file.config.channel.clone().unwrap_or_default(), consenter.address()];
                findings
                    .report(&CONSENTER_KEY_CHANGED, &Location::whole(node.path.as_path()), message)
                    .names(names)
                    .add();
            }
        }
    }
}
