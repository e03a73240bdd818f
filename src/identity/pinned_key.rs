//! The key of a consenter: its channels know it by that key, so it stays (see [`crate::channel::Pinned`]).

use super::current::Current;
use super::request::{ChannelRequest, KeyRequest};
use super::task::Task;
use crate::channel::{ChannelFile, FabricVersion, Form, Pinned, PinnedAs};
use crate::disk::Disk;
use crate::pki::key::KeyPair;
use crate::pki::x509::Cert;
use crate::proof::Purpose;
use crate::{Error, ErrorKind};

/// The channels of a request.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    files: Vec<ChannelFile>,
    version: Option<FabricVersion>,
}

impl Channels {
    /// Reads the channels of a request.
    ///
    /// # Errors
    /// When a file cannot be read, or is not a channel configuration with consenters.
    pub(crate) fn read(request: &ChannelRequest, disk: &Disk) -> Result<Self, Error> {
        let files = request.files.iter().map(|path| ChannelFile::read(path, disk)).collect::<Result<Vec<_>, _>>()?;
        let is_partial = |file: &&ChannelFile| file.config.form == Form::Update || file.config.consenters.is_empty();
        if let Some(file) = files.iter().find(is_partial) {
            let message = format!("{} does not name all consenters, whose keys stay", file.path.display());
            return Err(Error::new(ErrorKind::Input, message)
                .with_help("give the whole configuration: peer channel fetch config CHANNEL.block -c CHANNEL"));
        }
        Ok(Self { files, version: request.fabric_version })
    }

    /// Whether anything is known about the channels.
    pub(super) fn is_known(&self) -> bool {
        !self.files.is_empty() || self.version.is_some()
    }

    /// Why an Ed25519 identity would not be valid, in words; `None` if every channel accepts it, or without channels the
    /// version does.
    pub(super) fn why_not_ed25519(&self) -> Option<String> {
        if let Some(file) = self.files.iter().find(|file| !file.takes_ed25519()) {
            let words = file.words();
            return Some(format!("{words} does not accept an Ed25519 identity: it lacks the capability V3_0"));
        }
        match self.version {
            Some(version) if !version.takes_ed25519() => {
                Some(format!("Fabric {version} does not accept an Ed25519 identity"))
            }
            None if self.files.is_empty() => Some(
                "an Ed25519 identity is not valid in every channel, and the channels of this one are not known"
                    .to_owned(),
            ),
            _ => None,
        }
    }

    fn pins<'a>(&'a self, find: impl Fn(&'a ChannelFile) -> Vec<Pinned<'a>>) -> Vec<(&'a ChannelFile, Pinned<'a>)> {
        self.files.iter().flat_map(|file| find(file).into_iter().map(move |pin| (file, pin))).collect()
    }
}

const REMEDY: &str = "keep the key: put it back if it is gone, and leave out --new-tls-key and --key-file; for another key, leave out \
                      --channel-config, use another folder, and update the channel's configuration with the new certificate before the \
                      orderer uses it";

impl Task<'_> {
    const fn pinned_as(&self) -> PinnedAs {
        match self.purpose() {
            Purpose::Sign => PinnedAs::Identity,
            Purpose::Tls => PinnedAs::Tls,
        }
    }

    /// The public key in the folder, `SubjectPublicKeyInfo` in DER: that of the certificate, else that of the key.
    fn held_key(current: &Current) -> Option<Vec<u8>> {
        let of_leaf = current.leaf.as_ref().map(|leaf: &Cert| leaf.spki_der().to_vec());
        of_leaf.or_else(|| current.key.as_ref().map(KeyPair::spki_der))
    }

    /// Keeps the current key if a channel knows it, unless another one is requested.
    pub(crate) fn keep_pinned_key(&mut self, current: &Current, channels: &Channels, is_new_requested: bool) {
        let KeyRequest::New(curve) = self.key else { return };
        let Some(key) = &current.key else { return };
        let is_other = curve.is_some_and(|curve| curve != key.algorithm());
        let spki = key.spki_der();
        if is_other
            || (is_new_requested && self.purpose() == Purpose::Tls)
            || Self::held_key(current).is_none_or(|held| held != spki)
            || channels.pins(|file| Pinned::of(&file.config, self.pinned_as(), &spki)).is_empty()
        {
            return;
        }
        tracing::info!("{}: a channel knows its key, which stays", self.target.display());
        self.key = KeyRequest::Current;
    }

    /// Checks, before a request, that the channels will know the consenter by its new certificate.
    ///
    /// # Errors
    /// When the new certificate has another key than a channel knows, or the version of the orderers compares the whole
    /// certificate.
    pub(crate) fn check_pinned_key(&self, current: &Current, channels: &Channels, disk: &Disk) -> Result<(), Error> {
        let pinned_as = self.pinned_as();
        let held = Self::held_key(current);
        let by_id = || channels.pins(|file| Pinned::of_id(&file.config, pinned_as, self.id));
        let pins = match &held {
            Some(spki) => channels.pins(|file| Pinned::of(&file.config, pinned_as, spki)),
            None => by_id(),
        };
        if pins.is_empty()
            && let Some((file, pin)) = by_id().first()
        {
            tracing::warn!(
                "{}: {} knows \"{}\" by another {}: it is not a consenter until the channel's configuration has its certificate",
                self.target.display(),
                file.words(),
                self.id,
                pin.kind.key()
            );
        }
        let used = match &self.key {
            KeyRequest::New(_) => None,
            KeyRequest::Current => current.key.as_ref().map(KeyPair::spki_der),
            KeyRequest::Given(_) => self.key.named(disk)?.map(|key| key.spki_der()),
        };
        for (file, pin) in pins {
            let consenter =
                format!("{} knows the consenter {} by the {}", file.words(), pin.consenter.address(), pin.kind.key());
            if used.as_deref() != Some(pin.cert.spki_der()) {
                let place = match &held {
                    Some(_) => format!("in {}", self.target.display()),
                    None => format!("of \"{}\", which is not in {}", self.id, self.target.display()),
                };
                let message =
                    format!("{consenter} {place}; with another key it is no longer a consenter; no request was sent");
                return Err(Error::new(ErrorKind::Input, message).with_help(REMEDY));
            }
            match (pin.takes_same_key(channels.version), channels.version) {
                (Some(false), Some(version)) => {
                    let message = format!(
                        "{consenter} in {}, and Fabric {version} compares the whole certificate: with a new one it is no longer a consenter; no request was sent",
                        self.target.display()
                    );
                    let remedy = format!(
                        "update the orderers of the channel to Fabric {} first, or update the channel's configuration with the new certificate",
                        pin.versions()
                    );
                    return Err(Error::new(ErrorKind::Input, message).with_help(remedy));
                }
                (None, _) if !pin.is_certain() => tracing::warn!(
                    "{consenter} in {}, which stays; every orderer of the channel must run Fabric {} (--fabric-version checks that)",
                    self.target.display(),
                    pin.versions()
                ),
                _ => {}
            }
        }
        Ok(())
    }
}
