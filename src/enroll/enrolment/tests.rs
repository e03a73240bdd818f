//! What a request of the builder holds, and what it refuses.

use super::*;
use crate::{PemSource, Secret};

fn enrolment() -> Enrolment {
    Enrolment::new("https://ca:7054", "peer1").unwrap().anchor_pem("a").msp_dir("msp").tls_dir("tls").hostname("peer1")
}

#[test]
fn with_both_folders_names_go_on_the_tls_certificate() {
    let request = enrolment().gateway_service("gateway").namespace("fabric").request().unwrap();
    assert!(request.sign.unwrap().names.is_empty());
    let names: Vec<String> = request.tls.unwrap().names.sans().iter().map(ToString::to_string).collect();
    assert!(names.contains(&"gateway.fabric.svc.cluster.local".to_owned()), "{names:?}");
}

#[test]
fn an_invalid_request_is_refused_before_it_runs() {
    let kind = |e: Enrolment| e.request().unwrap_err().kind();
    assert_eq!(kind(Enrolment::new("https://ca", "p").unwrap().anchor_pem("a")), ErrorKind::Usage);
    assert_eq!(kind(Enrolment::new("https://ca", "p").unwrap().msp_dir("m")), ErrorKind::Usage);
    assert_eq!(kind(Enrolment::new("http://ca", "p").unwrap().msp_dir("m")), ErrorKind::Usage);
    assert_eq!(kind(Enrolment::new("https://ca", "p").unwrap().anchor_pem("a").tls_dir("t")), ErrorKind::Usage);
}

#[test]
fn both_futures_can_be_sent_to_another_thread() {
    fn is_send(_: &impl Send) {}
    let request = enrolment().request().unwrap();
    let disk = Disk::real();
    let environment = Environment::new(&disk, &|| Timestamp::from_unix(0));
    is_send(&enroll(&request, &environment));
    is_send(&enrolment().run(|| Timestamp::from_unix(0)));
}

#[test]
fn debug_output_shows_no_secret() {
    let shown = format!("{:?}", enrolment().secret(Secret::new("peerpw")).key(PemSource::Given(Secret::new("pem!"))));
    assert!(!shown.contains("peerpw") && !shown.contains("pem!"), "{shown}");
}
