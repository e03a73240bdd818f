//! Connection profiles: the hosts that applications dial, and the names they expect in the certificate.

use super::document::Word;
use super::meta::At;
use crate::text::yaml::{self, Node};

/// A connection profile, in its own file or in a `ConfigMap`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Profile {
    /// Its position.
    pub(crate) at: At,
    /// Peers and orderers.
    pub(crate) hosts: Vec<ProfileHost>,
}

/// A peer or an orderer of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProfileHost {
    /// `url`.
    pub(crate) url: Word,
    /// `ssl-target-name-override` or `hostnameOverride`: the name that the client expects in the certificate.
    pub(crate) name_override: Option<Word>,
}

impl Profile {
    /// Reads a document, if it is a profile.
    pub(super) fn read(document: &Node, at: &At) -> Option<Self> {
        let mut hosts = Vec::new();
        for part in ["peers", "orderers"] {
            for (_, node) in document.entries_at(&[part]) {
                let Some(url) = Word::at(node, &["url"]) else { continue };
                let option = |name: &str| Word::at(node, &["grpcOptions", name]);
                let name_override = option("ssl-target-name-override").or_else(|| option("hostnameOverride"));
                hosts.push(ProfileHost { url, name_override });
            }
        }
        let is_one = !hosts.is_empty()
            && (document.get("organizations").is_some()
                || document.get("client").is_some()
                || document.get("version").is_some());
        is_one.then(|| Self { at: at.clone(), hosts })
    }

    /// Reads a profile in a text of a `ConfigMap`. `value.line` is the first line of text of a block scalar.
    pub(super) fn inside(value: &Node, at: &At) -> Option<Self> {
        let text = value.text().filter(|t| t.contains("\"peers\"") || t.contains("peers:"))?;
        let before = value.line - 1;
        let document = yaml::documents(text).ok()?.into_iter().next()?;
        let mut profile = Self::read(&document, &at.line(value.line))?;
        for host in &mut profile.hosts {
            host.url.line += before;
            if let Some(word) = &mut host.name_override {
                word.line += before;
            }
        }
        Some(profile)
    }
}

impl ProfileHost {
    /// Host and port of the `url`, without its scheme.
    pub(crate) fn endpoint(&self) -> Option<(&str, Option<u16>)> {
        let bare = self.url.text.split_once("://").map_or(self.url.text.as_str(), |(_, rest)| rest);
        let bare = bare.split('/').next()?;
        match bare.rsplit_once(':') {
            Some((host, port)) => Some((host, port.parse().ok())),
            None => Some((bare, None)),
        }
    }
}
