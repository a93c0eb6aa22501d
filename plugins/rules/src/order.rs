//! Looks up the rules that rules name, and puts each after those that it names.

use crate::model::{Expr, Rule};
use crate::read::{Draft, each_rule};
use std::collections::BTreeMap;
use waxwing_plugin::settings::Problem;

/// The enabled rules in order, their [`Expr::Rule`] indexing the result. A rule that names a switched-off one
/// sees it as not holding.
pub(crate) fn order(
    drafts: Vec<Draft>,
    by_name: &BTreeMap<String, usize>,
    problems: &mut Vec<Problem>,
) -> Vec<Rule> {
    let edges: Vec<Vec<usize>> = drafts
        .iter()
        .map(|draft| look_up(draft, by_name, problems))
        .collect();
    let mut sorted = Sorted::new(&edges);
    for draft in 0..drafts.len() {
        if let Some(cycle) = sorted.visit(draft) {
            let names: Vec<&str> = cycle
                .iter()
                .filter_map(|index| drafts.get(*index))
                .map(|draft| draft.rule.name.as_str())
                .collect();
            let pointer = cycle
                .first()
                .and_then(|index| drafts.get(*index))
                .map(|draft| draft.pointer.clone());
            let text = format!(
                "these rules depend on one another in a circle: {}",
                names.join(" → ")
            );
            problems.push(Problem::new(pointer.unwrap_or_default(), text));
            return Vec::new();
        }
    }
    place(drafts, &edges, &sorted.done)
}

/// Indexes of the drafts that a draft names, in the order of its `named`.
fn look_up(
    draft: &Draft,
    by_name: &BTreeMap<String, usize>,
    problems: &mut Vec<Problem>,
) -> Vec<usize> {
    let mut found = Vec::with_capacity(draft.named.len());
    for name in &draft.named {
        match by_name.get(name) {
            Some(index) => found.push(*index),
            None => problems.push(Problem::new(
                format!("{}/when", draft.pointer),
                format!("there is no rule {name}; a finding of another plugin is written @{name}"),
            )),
        }
    }
    found
}

/// Moves the enabled drafts into their places and turns draft indexes into places.
fn place(drafts: Vec<Draft>, edges: &[Vec<usize>], sorted: &[usize]) -> Vec<Rule> {
    let mut places: Vec<Option<usize>> = vec![None; drafts.len()];
    let mut drafts: Vec<Option<Draft>> = drafts.into_iter().map(Some).collect();
    let mut rules = Vec::with_capacity(drafts.len());
    for index in sorted {
        let Some(mut draft) = drafts.get_mut(*index).and_then(Option::take) else {
            continue;
        };
        if !draft.enabled {
            continue;
        }
        let targets = edges.get(*index).map_or(&[][..], Vec::as_slice);
        // What is switched off has no place: an index past the end, which never holds.
        each_rule(&mut draft.rule.condition, &mut |named| {
            *named = targets
                .get(*named)
                .and_then(|target| places.get(*target).copied().flatten())
                .unwrap_or(usize::MAX);
        });
        let rule = &mut draft.rule;
        rule.on_demand = targets.is_empty() && rule.score.is_none() && rule.then.is_none();
        if let Some(place) = places.get_mut(*index) {
            *place = Some(rules.len());
        }
        rules.push(draft.rule);
    }
    rules
}

/// Depth-first search with its own stack: a chain of five thousand rules must not exhaust the guest's.
struct Sorted<'a> {
    edges: &'a [Vec<usize>],
    state: Vec<State>,
    done: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Open,
    Done,
}

impl<'a> Sorted<'a> {
    fn new(edges: &'a [Vec<usize>]) -> Self {
        Self {
            edges,
            state: vec![State::New; edges.len()],
            done: Vec::with_capacity(edges.len()),
        }
    }

    /// Appends a node after all that it leads to; the nodes of a circle if it is in one.
    fn visit(&mut self, start: usize) -> Option<Vec<usize>> {
        let mut path: Vec<(usize, usize)> = vec![(start, 0)];
        if self.state.get(start) != Some(&State::New) {
            return None;
        }
        self.mark(start, State::Open);
        while let Some((node, next)) = path.last_mut() {
            let (node, target) = (
                *node,
                self.edges
                    .get(*node)
                    .and_then(|targets| targets.get(*next))
                    .copied(),
            );
            *next += 1;
            match target.map(|target| {
                (
                    target,
                    self.state.get(target).copied().unwrap_or(State::Done),
                )
            }) {
                None => {
                    self.mark(node, State::Done);
                    self.done.push(node);
                    path.pop();
                }
                Some((target, State::New)) => {
                    self.mark(target, State::Open);
                    path.push((target, 0));
                }
                Some((target, State::Open)) => {
                    let from = path
                        .iter()
                        .position(|(node, _)| *node == target)
                        .unwrap_or(0);
                    let mut cycle: Vec<usize> =
                        path.iter().skip(from).map(|(node, _)| *node).collect();
                    cycle.push(target);
                    return Some(cycle);
                }
                Some((_, State::Done)) => {}
            }
        }
        None
    }

    fn mark(&mut self, node: usize, state: State) {
        if let Some(slot) = self.state.get_mut(node) {
            *slot = state;
        }
    }
}

/// The condition of a rule name: an index into the draft's `named`.
pub(crate) fn reference(named: &mut Vec<String>, name: String) -> Expr {
    let index = named
        .iter()
        .position(|known| *known == name)
        .unwrap_or_else(|| {
            named.push(name);
            named.len() - 1
        });
    Expr::Rule(index)
}
