//! What is said of a restart: an Event on the pod.

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff;
use kube::Api;
use kube::api::PostParams;

use crate::agent::hooks::News;
use crate::cluster::access::Access;
use crate::cluster::error::Object;
use crate::{Error, Timestamp};

/// The most bytes of a note.
const NOTE: usize = 1024;

/// Who reports.
const CONTROLLER: &str = "fabcert.dev/agent";

/// The type, the reason and the action of an Event.
const fn words(news: News) -> (&'static str, &'static str) {
    match news {
        News::Waits => ("Normal", "RestartWaits"),
        News::Begins => ("Normal", "RestartBegins"),
        News::Passed => ("Normal", "RestartPassed"),
        News::Stopped => ("Warning", "RestartStopped"),
    }
}

/// The time as the API has it.
pub(super) fn micro_time(now: Timestamp) -> MicroTime {
    MicroTime(jiff::Timestamp::from_second(now.unix()).unwrap_or_default())
}

/// Posts an Event on the pod `name`.
///
/// # Errors
/// When the API server does not take it.
pub(super) async fn post(
    access: &Access,
    (name, uid): (&str, &str),
    (news, text): (News, &str),
    now: Timestamp,
) -> Result<(), Error> {
    let (kind, reason) = words(news);
    let end = (0..=text.len().min(NOTE)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let event = Event {
        metadata: ObjectMeta {
            generate_name: Some(format!("{}.fabcert-", name.get(..200).unwrap_or(name))),
            namespace: Some(access.namespace().to_owned()),
            ..ObjectMeta::default()
        },
        event_time: Some(micro_time(now)),
        reporting_controller: Some(CONTROLLER.to_owned()),
        reporting_instance: Some(name.get(..128).unwrap_or(name).to_owned()),
        action: Some("Restart".to_owned()),
        reason: Some(reason.to_owned()),
        type_: Some(kind.to_owned()),
        note: text.get(..end).map(str::to_owned),
        regarding: Some(ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Pod".to_owned()),
            name: Some(name.to_owned()),
            namespace: Some(access.namespace().to_owned()),
            uid: Some(uid.to_owned()),
            ..ObjectReference::default()
        }),
        ..Event::default()
    };
    let create = |events: Api<Event>| {
        let event = event.clone();
        async move { events.create(&PostParams::default(), &event).await }
    };
    let object = Object { kind: "Event", name: reason, rights: "create of events.events.k8s.io" };
    access.send("post", object, create).await.map(drop).map_err(|e| access.explain("post", object, e))
}
