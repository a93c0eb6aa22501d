//! Which rules hold: evaluation without a host.

use crate::model::{Expr, Fact, Rule, RuleSet, Then};

/// What is known of the message and the session. Facts are asked for when a rule needs them, and not before.
pub trait Facts {
    /// What the pattern of this number matched; none if it did not.
    fn hit(&self, pattern: usize) -> Option<&str>;
    /// Whether a test without a pattern holds.
    fn holds(&self, fact: &Fact) -> bool;
    /// Whether an earlier plugin has this finding.
    fn found(&self, name: &str) -> bool;
}

/// A rule that holds, with what it is grounded on.
#[derive(Debug)]
pub struct Held<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// What its patterns matched, the first few.
    pub evidence: Vec<String>,
}

/// Most pieces of evidence for one rule.
const MOST_EVIDENCE: usize = 3;

/// Every rule that holds, in their order.
pub fn held<'a>(set: &'a RuleSet, facts: &impl Facts) -> Vec<Held<'a>> {
    let mut states = Vec::with_capacity(set.rules.len());
    let mut held = Vec::new();
    for rule in &set.rules {
        let mut evidence = Vec::new();
        let holds = evaluate(&rule.condition, facts, &states, &mut evidence);
        states.push(holds);
        if holds {
            evidence.truncate(MOST_EVIDENCE);
            held.push(Held { rule, evidence });
        }
    }
    held
}

/// `states` are the outcomes of the rules before this one, which are all that it may name.
fn evaluate(expr: &Expr, facts: &impl Facts, states: &[bool], evidence: &mut Vec<String>) -> bool {
    match expr {
        Expr::Pattern(pattern) => match facts.hit(*pattern) {
            Some(excerpt) => {
                evidence.push(excerpt.to_owned());
                true
            }
            None => false,
        },
        Expr::Fact(fact) => facts.holds(fact),
        Expr::Rule(index) => states.get(*index).copied().unwrap_or(false),
        Expr::Finding(name) => facts.found(name),
        Expr::All(inner) => inner
            .iter()
            .all(|inner| evaluate(inner, facts, states, evidence)),
        Expr::Any(inner) => inner
            .iter()
            .any(|inner| evaluate(inner, facts, states, evidence)),
        // What did not match is no evidence.
        Expr::Not(inner) => !evaluate(inner, facts, states, &mut Vec::new()),
    }
}

/// What the first of these rules decides that decides anything. A refusal goes before a permission, whatever
/// the order of files.
pub fn decision<'a>(held: &[Held<'a>]) -> Option<(&'a Rule, &'a Then)> {
    let rank = |then: &Then| match then {
        Then::Reject(_) => 0,
        Then::Discard => 1,
        Then::Quarantine => 2,
        Then::Defer(_) => 3,
        Then::Accept => 4,
    };
    held.iter()
        .filter_map(|held| Some((held.rule, held.rule.then.as_ref()?)))
        .min_by_key(|(_, then)| rank(then))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Hits(Vec<usize>);

    impl Facts for Hits {
        fn hit(&self, pattern: usize) -> Option<&str> {
            self.0.contains(&pattern).then_some("text")
        }
        fn holds(&self, _: &Fact) -> bool {
            false
        }
        fn found(&self, _: &str) -> bool {
            false
        }
    }

    fn rule(name: &str, condition: Expr, then: Option<Then>) -> Rule {
        Rule {
            name: name.into(),
            description: String::new(),
            score: Some(1.0),
            condition,
            then,
        }
    }

    #[test]
    fn later_rules_see_earlier_ones() {
        let set = RuleSet {
            rules: vec![
                rule("A", Expr::Pattern(0), None),
                rule("B", Expr::Not(Box::new(Expr::Rule(0))), None),
                rule(
                    "C",
                    Expr::Any(vec![Expr::Rule(0), Expr::Rule(usize::MAX)]),
                    None,
                ),
            ],
            patterns: Vec::new(),
        };
        let names = |hits| {
            held(&set, &Hits(hits))
                .iter()
                .map(|held| held.rule.name.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(names(vec![0]), ["A", "C"]);
        assert_eq!(names(vec![]), ["B"]);
    }

    #[test]
    fn a_refusal_goes_before_a_permission() {
        let set = RuleSet {
            rules: vec![
                rule("FRIEND", Expr::Pattern(0), Some(Then::Accept)),
                rule("VIRUS", Expr::Pattern(1), Some(Then::Reject("no".into()))),
            ],
            patterns: Vec::new(),
        };
        let decided = |hits| decision(&held(&set, &Hits(hits))).map(|(rule, _)| rule.name.clone());
        assert_eq!(decided(vec![0, 1]).as_deref(), Some("VIRUS"));
        assert_eq!(decided(vec![0]).as_deref(), Some("FRIEND"));
        assert_eq!(decided(vec![]), None);
    }
}
