//! The status of a request and of an issuer, to be applied on the server's side.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::request::{CertificateRequest, Condition};
use crate::Timestamp;
use crate::text::escape::Shown;

/// The longest message, in characters: the API server takes 32 KiB.
const LONGEST: usize = 2048;

/// What a request is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Denied,
    Pending(String),
    Failed(String),
    Issued(Issued),
}

/// A verified certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Issued {
    /// Leaf and intermediates, PEM.
    pub(super) chain_pem: String,
    /// The root, PEM.
    pub(super) root_pem: String,
    pub(super) not_after: Timestamp,
    /// The life that was requested and is not the CA's, as it is written.
    pub(super) ignored_duration: Option<String>,
}

impl Answer {
    /// The reason of the condition `Ready`.
    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::Denied => "Denied",
            Self::Pending(_) => "Pending",
            Self::Failed(_) => "Failed",
            Self::Issued(_) => "Issued",
        }
    }

    /// The message of the condition `Ready`.
    pub(super) fn message(&self) -> String {
        match self {
            Self::Denied => "the request was denied by an approver".to_owned(),
            Self::Pending(message) | Self::Failed(message) => shown(message),
            Self::Issued(issued) => format!("issued by the Fabric CA, verified; it expires at {}", issued.not_after),
        }
    }

    /// The status of the request; `None` if it has that status already.
    pub(super) fn status(&self, request: &CertificateRequest, now: Timestamp) -> Option<Value> {
        let (ready, message) = (self.ready(), self.message());
        let before = request.condition("Ready");
        if before.is_some_and(|before| before.reason == self.reason() && before.message == message) {
            return None;
        }
        let at = before
            .filter(|before| before.status == ready)
            .and_then(|before| before.last_transition_time.clone())
            .unwrap_or_else(|| now.rfc3339());
        let mut conditions = vec![json!({"type": "Ready", "status": ready, "reason": self.reason(),
            "message": message, "lastTransitionTime": at})];
        let mut status = json!({});
        match self {
            Self::Denied | Self::Failed(_) => status["failureTime"] = now.rfc3339().into(),
            Self::Pending(_) => {}
            Self::Issued(issued) => {
                status["certificate"] = STANDARD.encode(&issued.chain_pem).into();
                status["ca"] = STANDARD.encode(&issued.root_pem).into();
                conditions.extend(issued.ignored_duration.as_ref().map(|asked| {
                    json!({"type": "DurationIgnored", "status": "True", "reason": "CaDecides",
                        "message": format!("the duration {} was requested; a Fabric CA decides how long its certificates are valid: until {}",
                            shown(asked), issued.not_after),
                        "lastTransitionTime": now.rfc3339()})
                }));
            }
        }
        status["conditions"] = conditions.into();
        Some(status)
    }

    const fn ready(&self) -> &'static str {
        match self {
            Self::Issued(_) => "True",
            _ => "False",
        }
    }
}

/// The status of an issuer. `unready` is why it cannot issue; `None` if it can.
pub(super) fn of_issuer(
    (unready, message): (Option<&str>, &str),
    generation: Option<i64>,
    before: Option<&Condition>,
    now: Timestamp,
) -> Option<Value> {
    let (status, reason) = if unready.is_some() { ("False", "NotReady") } else { ("True", "Checked") };
    let message = shown(unready.unwrap_or(message));
    let is_same = before.is_some_and(|before| before.status == status && before.message == message);
    let is_seen = is_same && before.is_some_and(|before| before.observed_generation == generation);
    let at = before.filter(|before| before.status == status).and_then(|before| before.last_transition_time.clone());
    let condition = json!({"type": "Ready", "status": status, "reason": reason, "message": message,
        "lastTransitionTime": at.unwrap_or_else(|| now.rfc3339()), "observedGeneration": generation});
    (!is_seen).then(|| json!({"conditions": [condition]}))
}

/// Text from elsewhere in a condition or an Event: people read it on a terminal.
pub(super) fn shown(text: &str) -> String {
    Shown(text).to_string().chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_000_000_000);

    fn request(conditions: &Value) -> CertificateRequest {
        serde_json::from_value(json!({"metadata": {"name": "r", "namespace": "n", "uid": "u"},
            "spec": {"issuerRef": {"name": "i"}, "request": ""}, "status": {"conditions": conditions}}))
        .unwrap()
    }

    #[test]
    fn a_certificate_and_ready_are_one_status() {
        let issued = Issued {
            chain_pem: "leaf".to_owned(),
            root_pem: "root".to_owned(),
            not_after: NOW,
            ignored_duration: Some("720h0m0s".to_owned()),
        };
        let status = Answer::Issued(issued).status(&request(&json!([])), NOW).unwrap();
        assert_eq!((&status["certificate"], &status["ca"]), (&"bGVhZg==".into(), &"cm9vdA==".into()));
        assert_eq!(status["conditions"][0]["status"], "True");
        assert_eq!(status["conditions"][0]["reason"], "Issued");
        assert_eq!(status["conditions"][1]["type"], "DurationIgnored");
        assert!(status["conditions"][1]["message"].as_str().unwrap().contains("720h0m0s"));
        assert_eq!(status.get("failureTime"), None);
    }

    #[test]
    fn a_failure_has_its_time_and_a_wait_has_none() {
        for (answer, reason) in [(Answer::Failed("no".to_owned()), "Failed"), (Answer::Denied, "Denied")] {
            let status = answer.status(&request(&json!([])), NOW).unwrap();
            assert_eq!(status["failureTime"], "2001-09-09T01:46:40Z");
            assert_eq!(
                (&status["conditions"][0]["status"], &status["conditions"][0]["reason"]),
                (&"False".into(), &reason.into())
            );
        }
        let status = Answer::Pending("later".to_owned()).status(&request(&json!([])), NOW).unwrap();
        assert_eq!(status.get("failureTime"), None);
    }

    #[test]
    fn what_is_said_already_is_not_written_again() {
        let before = json!([{"type": "Ready", "status": "False", "reason": "Pending", "message": "later",
            "lastTransitionTime": "2000-01-01T00:00:00Z"}]);
        assert_eq!(Answer::Pending("later".to_owned()).status(&request(&before), NOW), None);
        let other = Answer::Pending("much later".to_owned()).status(&request(&before), NOW).unwrap();
        assert_eq!(other["conditions"][0]["lastTransitionTime"], "2000-01-01T00:00:00Z", "still not ready");
    }

    #[test]
    fn a_message_holds_nothing_that_a_terminal_acts_on() {
        let status = Answer::Failed("a\u{1b}[2Jb".to_owned()).status(&request(&json!([])), NOW).unwrap();
        assert!(!status["conditions"][0]["message"].as_str().unwrap().contains('\u{1b}'));
    }

    #[test]
    fn an_issuer_says_which_generation_was_checked() {
        let status = of_issuer((None, "the CA answers"), Some(3), None, NOW).unwrap();
        assert_eq!(status["conditions"][0]["observedGeneration"], 3);
        let before: Condition = serde_json::from_value(status["conditions"][0].clone()).unwrap();
        assert_eq!(of_issuer((None, "the CA answers"), Some(3), Some(&before), NOW), None);
        assert!(of_issuer((None, "the CA answers"), Some(4), Some(&before), NOW).is_some());
        assert!(of_issuer((Some("no"), ""), Some(3), Some(&before), NOW).is_some());
    }
}
