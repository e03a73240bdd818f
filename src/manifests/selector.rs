//! Service selectors: every pair must be equal, in the Service's own namespace; an empty selector selects nothing.

use super::meta::Labels;

/// Whether a Service with this selector selects pods with these labels.
pub(super) fn selects(selector: &Labels, labels: &Labels) -> bool {
    !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(text: &str) -> Labels {
        text.split_whitespace().filter_map(|p| p.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect()
    }

    #[test]
    fn all_pairs_must_match_and_an_empty_selector_selects_nothing() {
        for (selector, pod, expected) in [
            ("app=a", "app=a", true),
            ("app=a", "app=a org=o", true),
            ("app=a org=o", "app=a", false),
            ("app=a", "app=b", false),
            ("app=a", "App=a", false),
            ("app=a", "app=A", false),
            ("app=a", "", false),
            ("", "app=a", false),
            ("", "", false),
            ("app=", "app=", true),
            ("app=", "org=o", false),
        ] {
            assert_eq!(selects(&labels(selector), &labels(pod)), expected, "{selector} / {pod}");
        }
    }

    proptest! {
        #[test]
        fn additional_pod_labels_do_not_affect_selection(pairs in proptest::collection::btree_map("[a-c]", "[x-z]", 1..4), more in "[d-f]") {
            let selector: Labels = pairs;
            let mut pod = selector.clone();
            pod.insert(more, "v".into());
            prop_assert!(selects(&selector, &pod));
        }
    }
}
