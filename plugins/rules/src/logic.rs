//! Which rules hold: evaluation without a host.

use std::cell::Cell;

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

/// Every rule that holds and that somebody is to hear of, in their order.
pub fn held<'a>(set: &'a RuleSet, facts: &impl Facts) -> Vec<Held<'a>> {
    let outcomes = Outcomes {
        set,
        facts,
        known: vec![Cell::new(None); set.rules.len()],
    };
    let mut held = Vec::new();
    for (rule, known) in set.rules.iter().zip(&outcomes.known) {
        if rule.on_demand {
            continue;
        }
        let mut evidence = Vec::new();
        let holds = outcomes.evaluate(&rule.condition, &mut evidence);
        known.set(Some(holds));
        if holds {
            evidence.truncate(MOST_EVIDENCE);
            held.push(Held { rule, evidence });
        }
    }
    held
}

/// What the rules looked at so far came to.
struct Outcomes<'a, F> {
    set: &'a RuleSet,
    facts: &'a F,
    known: Vec<Cell<Option<bool>>>,
}

impl<F: Facts> Outcomes<'_, F> {
    fn evaluate(&self, expr: &Expr, evidence: &mut Vec<String>) -> bool {
        match expr {
            Expr::Pattern(pattern) => match self.facts.hit(*pattern) {
                Some(excerpt) => {
                    evidence.push(excerpt.to_owned());
                    true
                }
                None => false,
            },
            Expr::Fact(fact) => self.facts.holds(fact),
            Expr::Rule(index) => self.rule(*index),
            Expr::Finding(name) => self.facts.found(name),
            Expr::All(inner) => inner.iter().all(|inner| self.evaluate(inner, evidence)),
            Expr::Any(inner) => inner.iter().any(|inner| self.evaluate(inner, evidence)),
            // What did not match is no evidence.
            Expr::Not(inner) => !self.evaluate(inner, &mut Vec::new()),
        }
    }

    /// Whether another rule holds. All that a rule may name come before it; those that are not known yet are on demand, and name none
    /// themselves.
    fn rule(&self, index: usize) -> bool {
        let (Some(known), Some(rule)) = (self.known.get(index), self.set.rules.get(index)) else {
            return false;
        };
        known.get().unwrap_or_else(|| {
            let holds = rule.on_demand && self.evaluate(&rule.condition, &mut Vec::new());
            known.set(Some(holds));
            holds
        })
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
            on_demand: false,
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
    fn building_blocks_are_looked_at_when_a_rule_wants_to_know() {
        let block = |pattern| Rule {
            score: None,
            on_demand: true,
            ..rule("BLOCK", Expr::Pattern(pattern), None)
        };
        let set = RuleSet {
            rules: vec![
                block(0),
                block(1),
                rule("BOTH", Expr::All(vec![Expr::Rule(0), Expr::Rule(1)]), None),
                rule(
                    "EITHER",
                    Expr::Any(vec![Expr::Rule(1), Expr::Rule(0)]),
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
        assert_eq!(names(vec![0, 1]), ["BOTH", "EITHER"]);
        assert_eq!(names(vec![0]), ["EITHER"]);
        assert_eq!(names(vec![]), Vec::<String>::new());
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
