//! For each rule a scene in which it speaks, and one as near to it as can be in which it does not. A rule without both does
//! not get in.

mod channels;
mod issued;
mod manifests;
mod recorded;
mod stage;
mod surroundings;

use std::collections::BTreeSet;

use fabcert::audit::RULES;

use self::stage::Stage;

/// Sets a scene.
type Lay = fn(&Stage) -> &Stage;

/// A rule's id, the scene in which it speaks, and the one in which it does not.
type Pair = (&'static str, Lay, Lay);

/// Rules that no scene can be set for, each with the source and the name of the unit test that shows it both ways.
const SHOWN_BY: &[(&str, &str, &str)] = &[(
    "rule-crashed",
    include_str!("../../../../src/audit/rules/mod.rs"),
    "a_rule_that_panics_becomes_a_finding_and_the_others_go_on",
)];

#[test]
fn each_rule_has_a_failing_and_a_passing_scene() {
    let mut known: Vec<&str> = [channels::PAIRS, recorded::PAIRS, issued::PAIRS, manifests::PAIRS, surroundings::PAIRS]
        .concat()
        .iter()
        .map(|p| p.0)
        .collect();
    for (rule, source, test) in SHOWN_BY {
        assert!(source.contains(&format!("fn {test}()")) && source.contains(&format!("\"{rule}\"")), "{rule}");
        known.push(rule);
    }
    known.sort_unstable();
    let rules: Vec<&str> = RULES.iter().map(|r| r.id).collect();
    let missing: Vec<&&str> = rules.iter().filter(|r| !known.contains(r)).collect();
    assert!(missing.is_empty(), "no pair of scenes in tests/it/audit/pairs for {missing:?}");
    assert_eq!(known, rules, "a pair stands twice, or is that of no rule");
}

/// Audits both scenes of each pair.
fn hold(pairs: &[Pair]) {
    let mut wrong = Vec::new();
    for (rule, fails, passes) in pairs {
        for (lay, speaks) in [(fails, true), (passes, false)] {
            let stage = Stage::new();
            let found: BTreeSet<String> = lay(&stage).found();
            if found.contains(*rule) != speaks || found.contains("rule-crashed") {
                let scene = if speaks { "failing" } else { "passing" };
                wrong.push(format!("the {scene} scene of {rule}: {found:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
