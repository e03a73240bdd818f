//! The tests of the real CA, on the dev CA: where they differ, the dev CA is wrong.

use std::path::{Path, PathBuf};

use fabcert::devca::{DevCa, DevCaConfig, IdentitySpec, Running};

use super::faults::now;
use super::on_a_real_ca::{a_folder_is_left_alone_until_something_lacks, a_wrong_secret_locks_nothing, both_folders};
use crate::real::{Answered, CaUnderTest, Registration};

pub(crate) struct DevCaUnderTest {
    pub(crate) running: Running,
    ca_name: Option<&'static str>,
    anchor: PathBuf,
    _folder: tempfile::TempDir,
}

impl DevCaUnderTest {
    pub(crate) fn start(change: impl FnOnce(&mut DevCaConfig), ca_name: Option<&'static str>) -> Self {
        let mut config = DevCaConfig::new(now);
        change(&mut config);
        let running = DevCa::spawn_thread(config).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let anchor = folder.path().join("anchor.pem");
        std::fs::write(&anchor, running.tls_anchor_pem()).unwrap();
        Self { running, ca_name, anchor, _folder: folder }
    }
}

impl CaUnderTest for DevCaUnderTest {
    fn url(&self) -> String {
        self.running.url().to_owned()
    }

    fn tls_anchor(&self) -> &Path {
        &self.anchor
    }

    fn ca_name(&self) -> Option<&str> {
        self.ca_name
    }

    fn register(&self, registration: &Registration<'_>) {
        let mut spec = IdentitySpec::new(registration.id, registration.secret, registration.kind);
        if let Some(limit) = registration.max_enrollments {
            spec = spec.limited_to(i64::from(limit));
        }
        self.running.add_identity(&spec).unwrap();
    }

    fn revoke(&self, id: &str) {
        self.running.revoke(id).unwrap();
    }

    fn answered(&self) -> Vec<Answered> {
        let requests = self.running.requests();
        let endpoint = |target: &str| target.split('?').next().unwrap().rsplit('/').next().unwrap().to_owned();
        requests
            .into_iter()
            .filter_map(|r| Some(Answered { endpoint: endpoint(&r.target), method: r.method, status: r.status? }))
            .collect()
    }
}

#[test]
fn a_root_an_intermediate_and_two_give_folders_that_fabric_loads() {
    for intermediates in 0..=2u8 {
        let ca = DevCaUnderTest::start(|c| c.intermediates = intermediates, None);
        both_folders(&ca, usize::from(intermediates));
    }
}

#[test]
fn a_second_run_does_nothing_and_every_missing_item_enrols_again() {
    a_folder_is_left_alone_until_something_lacks(&DevCaUnderTest::start(|_| {}, None));
}

#[test]
fn an_answer_that_is_not_as_asked_is_kept_for_a_corrected_run() {
    super::corrected::kept_for_a_corrected_run(&DevCaUnderTest::start(|_| {}, None));
}

#[test]
fn later_runs_behave_as_on_the_real_ca() {
    use super::again::{does_nothing, one_enrolment_is_enough, requests_what_is_missing, rolls_back};
    for run in [does_nothing, requests_what_is_missing, one_enrolment_is_enough, rolls_back] {
        run(&DevCaUnderTest::start(|_| {}, None));
    }
}

#[test]
fn later_requests_are_applied_as_on_the_real_ca() {
    super::form::a_form_is_applied_without_a_request(&DevCaUnderTest::start(|_| {}, None));
    super::form::a_different_request_is_a_reason(&DevCaUnderTest::start(|_| {}, None));
}

#[test]
fn one_enrolment_is_enough_behind_a_proxy_that_rewrites_the_path() {
    super::again::one_enrolment_is_enough(&DevCaUnderTest::start(|c| c.path_prefix = Some("/ca/org1".into()), None));
}

#[test]
fn a_given_key_is_the_key_of_the_certificate() {
    super::own_key::a_named_key(&DevCaUnderTest::start(|_| {}, None));
}

#[test]
fn no_secret_and_no_proxy_lock_an_identity() {
    super::locks::nothing_locks(&DevCaUnderTest::start(|_| {}, None));
}

#[test]
fn an_identity_registered_late_enrols_within_wait() {
    super::locks::registered_late(&DevCaUnderTest::start(|_| {}, None));
}

#[test]
fn a_wrong_secret_is_not_sent_in_a_loop() {
    a_wrong_secret_locks_nothing(&DevCaUnderTest::start(|_| {}, Some("dev-ca")));
}

#[test]
fn consenters_keep_their_keys() {
    for run in [super::pinned::a_raft_consenter_keeps_its_tls_key, super::pinned::a_bft_consenter_keeps_its_signing_key]
    {
        run(&DevCaUnderTest::start(|_| {}, None));
    }
}

#[test]
fn ed25519_keys_are_used_as_at_the_real_ca() {
    super::ed25519::ed25519_where_fabric_accepts_it(&DevCaUnderTest::start(|c| c.intermediates = 1, None));
    super::ed25519::a_tls_pair_needs_no_version(&DevCaUnderTest::start(|_| {}, None));
}

#[test]
fn tls_certificate_has_its_own_life() {
    let two_hours = std::time::Duration::from_secs(2 * 3600);
    super::profile::a_tls_certificate_has_its_own_life(&DevCaUnderTest::start(
        |c| c.tls_lifetime = Some(two_hours),
        None,
    ));
}

#[test]
fn identity_on_an_empty_dir_is_told_what_a_new_pod_costs() {
    super::pod_volume::an_identity_is_lost_with_the_pod(&DevCaUnderTest::start(|_| {}, None));
}

#[test]
fn later_runs_keep_what_they_keep_on_the_real_ca() {
    use super::kept::{
        a_waiting_key_stays, another_identity_gives_no_name, names_are_kept_by_hand, names_are_kept_until_dropped,
        the_key_of_an_orderer_stays,
    };
    for run in [
        names_are_kept_until_dropped,
        another_identity_gives_no_name,
        names_are_kept_by_hand,
        a_waiting_key_stays,
        the_key_of_an_orderer_stays,
    ] {
        run(&DevCaUnderTest::start(|_| {}, None));
    }
}
