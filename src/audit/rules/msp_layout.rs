//! A folder that Fabric looks for is not where it looks.

use crate::audit::finding::Severity;
use crate::audit::rule::{Confidence, Rule, Source, elsewhere, nothing};

pub(super) static RULE: Rule = Rule {
    id: "msp-layout",
    title: "a folder of the MSP is missing, misplaced or misspelt",
    rationale: "Fabric reads signcerts, cacerts and so on by their exact names, in lower case, right below \
                the MSP folder. A copy that is nested one level too deep, or a file where a folder should \
                be, ends the peer at its start.",
    remedy: "put the folders right below the MSP folder, with their names in lower case",
    severity: Severity::Error,
    confidence: Confidence::Certain,
    sources: &[Source::Fabric { path: "msp/configbuilder.go", item: "getMspConfig" }],
    refusals: &[7, 9, 11],
    applies: elsewhere,
    check: nothing,
};
