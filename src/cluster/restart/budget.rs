//! Whether a `PodDisruptionBudget` lets one member of a gateway go at a time: a pure function of what the API server has.

use std::collections::BTreeMap;

use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::{Error, ErrorKind};

/// Labels that controllers set and that no other member has.
const OF_ONE_POD: [&str; 5] = [
    "pod-template-hash",
    "controller-revision-hash",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "pod-template-generation",
];

/// The labels of an object.
pub(super) type Labels = BTreeMap<String, String>;

/// The budgets over a pod, judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Budget {
    /// It lets one member go at a time.
    Fits(String),
    /// The disruption controller has not counted its pods yet.
    Uncounted(String),
    /// It never lets one go as long as the number of pods is this.
    Blocks(String, i32),
    Absent,
    /// It can let more than one go.
    Loose(String, String),
    /// It lets none go, whatever the number of pods is.
    Shut(String),
    /// The Eviction API refuses a pod with more than one.
    Several(Vec<String>),
}

/// Judges the budgets of a namespace for a pod with these labels.
pub(super) fn judge(budgets: &[PodDisruptionBudget], pod: &Labels) -> Budget {
    let of_pod = |budget: &&PodDisruptionBudget| {
        budget.spec.as_ref().and_then(|spec| spec.selector.as_ref()).is_some_and(|selector| selects(selector, pod))
    };
    let over: Vec<&PodDisruptionBudget> = budgets.iter().filter(of_pod).collect();
    match over[..] {
        [] => Budget::Absent,
        [budget] => judge_one(budget),
        _ => Budget::Several(over.into_iter().map(name).collect()),
    }
}

fn name(budget: &PodDisruptionBudget) -> String {
    budget.metadata.name.clone().unwrap_or_default()
}

fn judge_one(budget: &PodDisruptionBudget) -> Budget {
    let (name, spec) = (name(budget), budget.spec.clone().unwrap_or_default());
    let status = budget.status.clone().unwrap_or_default();
    let is_counted = status.expected_pods > 0 && status.observed_generation == budget.metadata.generation;
    let expected = is_counted.then_some(status.expected_pods);
    let (field, least, allowed) = match (&spec.max_unavailable, &spec.min_available) {
        (Some(most), _) => (format!("maxUnavailable: {}", shown(most)), !is_zero(most), share(most, expected)),
        (None, Some(least)) => {
            let allowed = expected.and_then(|expected| Some(expected - share(least, Some(expected))?));
            (format!("minAvailable: {}", shown(least)), !is_all(least), allowed)
        }
        // The controller then counts no pods, and allows nothing.
        (None, None) => (String::new(), false, None),
    };
    match allowed {
        _ if !least => Budget::Shut(name),
        None => Budget::Uncounted(name),
        Some(1) => Budget::Fits(name),
        Some(most) if most > 1 => {
            let of = expected.map(|expected| format!(" of {expected} pods")).unwrap_or_default();
            Budget::Loose(name, format!("{field} lets {most}{of} go at once"))
        }
        Some(_) => Budget::Blocks(name, expected.unwrap_or_default()),
    }
}

fn shown(value: &IntOrString) -> String {
    match value {
        IntOrString::Int(n) => n.to_string(),
        IntOrString::String(text) => text.clone(),
    }
}

fn percent(text: &str) -> Option<i64> {
    text.strip_suffix('%')?.parse().ok()
}

fn is_zero(value: &IntOrString) -> bool {
    match value {
        IntOrString::Int(n) => *n == 0,
        IntOrString::String(text) => percent(text) == Some(0),
    }
}

fn is_all(value: &IntOrString) -> bool {
    matches!(value, IntOrString::String(text) if percent(text).is_some_and(|percent| percent >= 100))
}

/// A number of pods; percentages are rounded up, as the disruption controller does
/// (kubernetes `pkg/controller/disruption/disruption.go`, `getExpectedPodCount`).
fn share(value: &IntOrString, expected: Option<i32>) -> Option<i32> {
    match value {
        IntOrString::Int(n) => Some(*n),
        IntOrString::String(text) => {
            let of = i64::from(expected?).checked_mul(percent(text)?)?;
            i32::try_from(of.checked_add(99)? / 100).ok()
        }
    }
}

/// Whether a selector selects an object with these labels. An empty one selects all.
fn selects(selector: &LabelSelector, labels: &Labels) -> bool {
    let is_equal = |(key, value): (&String, &String)| labels.get(key) == Some(value);
    let fits = |key: &String, operator: &str, values: &[String]| match operator {
        "In" => labels.get(key).is_some_and(|value| values.contains(value)),
        "NotIn" => labels.get(key).is_none_or(|value| !values.contains(value)),
        "Exists" => labels.contains_key(key),
        "DoesNotExist" => !labels.contains_key(key),
        _ => false,
    };
    selector.match_labels.iter().flatten().all(is_equal)
        && selector
            .match_expressions
            .iter()
            .flatten()
            .all(|one| fits(&one.key, &one.operator, one.values.as_deref().unwrap_or_default()))
}

impl Budget {
    /// Its name, or names.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Absent => String::new(),
            Self::Several(names) => names.join(", "),
            Self::Fits(name)
            | Self::Uncounted(name)
            | Self::Blocks(name, _)
            | Self::Loose(name, _)
            | Self::Shut(name) => name.clone(),
        }
    }

    /// Why evictions may not begin as long as the budget is as it is; `None` if they may.
    pub(super) fn fault(&self, namespace: &str) -> Option<String> {
        match self {
            Self::Fits(_) | Self::Uncounted(_) | Self::Blocks(..) => None,
            Self::Absent => Some(format!(
                "no PodDisruptionBudget of the namespace {namespace} selects the pod: evictions would not wait for each other"
            )),
            Self::Loose(name, why) => {
                Some(format!("the PodDisruptionBudget {namespace}/{name} does not let one go at a time: {why}"))
            }
            Self::Shut(name) => Some(format!("the PodDisruptionBudget {namespace}/{name} never lets a pod go")),
            Self::Several(names) => Some(format!(
                "more than one PodDisruptionBudget of the namespace {namespace} selects the pod, which the Eviction API refuses: {}",
                names.join(", ")
            )),
        }
    }

    /// The error for a budget that does not fit, with the manifest of one that does.
    pub(super) fn error(&self, namespace: &str, pod: &Labels) -> Option<Error> {
        let fault = self.fault(namespace)?;
        let error = Error::new(ErrorKind::Input, fault);
        Some(match self {
            Self::Several(_) => error.with_help("keep one of them, with maxUnavailable: 1"),
            Self::Loose(name, _) | Self::Shut(name) => error.with_help(format!(
                "kubectl patch pdb {name} -n {namespace} --type merge -p '{{\"spec\":{{\"minAvailable\":null,\"maxUnavailable\":1}}}}'"
            )),
            _ => error
                .with_items(manifest(namespace, pod))
                .with_help("apply this budget; keep of its labels those that all members of the gateway have, and no other pod"),
        })
    }
}

/// A budget over the pods with these labels, one line an item.
fn manifest(namespace: &str, pod: &Labels) -> Vec<String> {
    let mut lines: Vec<String> = [
        "apiVersion: policy/v1",
        "kind: PodDisruptionBudget",
        "metadata:",
        "  name: fabcert-members",
        &format!("  namespace: {namespace}"),
        "spec:",
        "  maxUnavailable: 1",
        "  selector:",
        "    matchLabels:",
    ]
    .map(str::to_owned)
    .into();
    let shared = pod.iter().filter(|(key, _)| !OF_ONE_POD.contains(&key.as_str()));
    lines.extend(shared.map(|(key, value)| format!("      {key}: \"{value}\"")));
    lines
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::policy::v1::{PodDisruptionBudgetSpec, PodDisruptionBudgetStatus};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    /// A budget over the pods with `org: org1`, of which the controller counted `expected`.
    fn budget(field: &str, value: &serde_json::Value, expected: i32) -> PodDisruptionBudget {
        let spec = json!({field: value, "selector": {"matchLabels": {"org": "org1"}}});
        let spec: PodDisruptionBudgetSpec = serde_json::from_value(spec).unwrap();
        let status =
            PodDisruptionBudgetStatus { expected_pods: expected, observed_generation: Some(2), ..Default::default() };
        let mut budget = PodDisruptionBudget { spec: Some(spec), status: Some(status), ..Default::default() };
        (budget.metadata.name, budget.metadata.generation) = (Some("b".to_owned()), Some(2));
        budget
    }

    fn judged(field: &str, value: &serde_json::Value, expected: i32) -> Budget {
        judge(&[budget(field, value, expected)], &labels(&[("org", "org1"), ("app", "peer1")]))
    }

    #[test]
    fn one_member_at_a_time_fits() {
        let fits = Budget::Fits("b".to_owned());
        assert_eq!(judged("maxUnavailable", &json!(1), 5), fits);
        assert_eq!(judged("maxUnavailable", &json!(1), 0), fits, "whatever the number of pods is");
        assert_eq!(judged("maxUnavailable", &json!("20%"), 5), fits);
        assert_eq!(judged("minAvailable", &json!(4), 5), fits);
        assert_eq!(judged("minAvailable", &json!("80%"), 5), fits);
    }

    #[test]
    fn a_budget_that_lets_two_go_does_not_fit() {
        for (field, value, expected) in [
            ("maxUnavailable", json!(2), 5),
            ("maxUnavailable", json!("21%"), 5),
            ("minAvailable", json!(1), 3),
            ("minAvailable", json!("50%"), 5),
        ] {
            let judged = judged(field, &value, expected);
            assert!(matches!(judged, Budget::Loose(..)), "{field} {value}: {judged:?}");
            assert_eq!(judged.error("fabric", &Labels::new()).unwrap().exit_code(), 4);
        }
    }

    #[test]
    fn what_is_not_counted_or_has_too_few_pods_waits() {
        assert_eq!(judged("minAvailable", &json!(1), 0), Budget::Uncounted("b".to_owned()));
        assert_eq!(judged("maxUnavailable", &json!("20%"), 0), Budget::Uncounted("b".to_owned()));
        assert_eq!(judged("minAvailable", &json!(4), 4), Budget::Blocks("b".to_owned(), 4));
        let mut stale = budget("minAvailable", &json!(4), 5);
        stale.metadata.generation = Some(3);
        assert_eq!(judge(&[stale], &labels(&[("org", "org1")])), Budget::Uncounted("b".to_owned()));
    }

    #[test]
    fn a_budget_that_lets_none_go_does_not_fit() {
        for (field, value) in
            [("maxUnavailable", json!(0)), ("maxUnavailable", json!("0%")), ("minAvailable", json!("100%"))]
        {
            assert_eq!(judged(field, &value, 5), Budget::Shut("b".to_owned()));
        }
    }

    #[test]
    fn budgets_of_other_pods_do_not_count() {
        let pod = labels(&[("org", "org2")]);
        assert_eq!(judge(&[budget("maxUnavailable", &json!(1), 5)], &pod), Budget::Absent);
        let two = [budget("maxUnavailable", &json!(1), 5), budget("maxUnavailable", &json!(1), 5)];
        assert!(matches!(judge(&two, &labels(&[("org", "org1")])), Budget::Several(_)));
    }

    #[test]
    fn the_manifest_leaves_out_labels_of_one_pod() {
        let pod = labels(&[("org", "org1"), ("pod-template-hash", "7d9f")]);
        let error = Budget::Absent.error("fabric", &pod).unwrap();
        let text = error.to_string();
        assert!(
            text.contains("maxUnavailable: 1") && text.contains("org: \"org1\"") && !text.contains("7d9f"),
            "{text}"
        );
    }

    #[test]
    fn selectors_select_as_those_of_kubernetes() {
        let selector = |of: serde_json::Value| serde_json::from_value::<LabelSelector>(of).unwrap();
        let one = |operator: &str, values: &[&str]| {
            selector(json!({"matchExpressions": [{"key": "org", "operator": operator, "values": values}]}))
        };
        let (org1, none) = (labels(&[("org", "org1")]), Labels::new());
        assert!(selects(&selector(json!({})), &none));
        assert!(selects(&one("In", &["org1"]), &org1) && !selects(&one("In", &["org1"]), &none));
        assert!(!selects(&one("NotIn", &["org1"]), &org1) && selects(&one("NotIn", &["org1"]), &none));
        assert!(selects(&one("Exists", &[]), &org1) && !selects(&one("Exists", &[]), &none));
        assert!(!selects(&one("DoesNotExist", &[]), &org1) && selects(&one("DoesNotExist", &[]), &none));
        assert!(!selects(&one("Like", &[]), &org1));
    }

    proptest! {
        /// A budget that fits never lets two of its healthy pods go, by the controller's own sum.
        #[test]
        fn a_budget_that_fits_lets_one_go(is_max: bool, is_percent: bool, value in 0i32..101, expected in 1i32..20) {
            let field = if is_max { "maxUnavailable" } else { "minAvailable" };
            let given = if is_percent { json!(format!("{value}%")) } else { json!(value) };
            let pods = if is_percent { (expected * value + 99) / 100 } else { value };
            let healthy = if is_max { (expected - pods).max(0) } else { pods };
            let allowed = expected - healthy;
            match judged(field, &given, expected) {
                Budget::Fits(_) => prop_assert!(allowed <= 1),
                Budget::Loose(..) => prop_assert!(pods > 1 || allowed > 1),
                _ => prop_assert!(allowed <= 0),
            }
        }
    }
}
