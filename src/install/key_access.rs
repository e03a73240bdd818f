//! The mode and the group of a private key's file.

/// Who may read a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyAccess {
    /// Permission bits of the key's file. With a bit for the group, `keystore` opens for the group too.
    pub mode: u32,
    /// Group id of the key's file and of `keystore`, for a peer under another user id.
    pub group: Option<u32>,
}

/// 0600, and the group that new files get.
impl Default for KeyAccess {
    fn default() -> Self {
        Self { mode: 0o600, group: None }
    }
}
