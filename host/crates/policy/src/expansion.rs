//! Where a recipient leads: the steps of `route-inbound` asked about an address, and aliases followed within bounds.

use std::collections::HashSet;

use waxwing_mail::{Address, EnhancedStatus, Reply};

use crate::ahead::Leads;
use crate::answer::{Answer, Lead};
use crate::bindings::waxwing::policy::types::Recipient;
use crate::guest::Ask;
use crate::hook::Hook;
use crate::outcome::Target;
use crate::pipeline::{Came, Scene};
use crate::session::undecided;

/// How far aliases may lead.
const MAX_DEPTH: u32 = 10;
/// Addresses that one recipient may expand to.
const MAX_EXPANSION: usize = 2000;

/// Asks about one address. `said` is what steps said of it already.
pub(crate) async fn route_once(
    scene: &mut Scene<'_>,
    asked: &Recipient,
    said: Option<&Leads>,
) -> Result<Vec<Lead>, Reply> {
    let generation = scene.generation;
    for step in generation.at(Hook::RouteInbound) {
        if let Some(account) = said.and_then(|said| said.of(&step.shared.name)) {
            let leads = vec![Lead::Account(account.to_owned())];
            scene.answered_ahead(step, Hook::RouteInbound, &Answer::Targets(leads.clone()));
            return Ok(leads);
        }
        match scene.ask(step, &Ask::Route(asked)).await {
            Came::Answer(Answer::Targets(leads)) => return Ok(leads),
            Came::Failed(reply) => return Err(reply),
            Came::Answer(_) | Came::Skipped => {}
        }
    }
    Err(undecided("where this recipient leads"))
}

/// Aliases being followed.
#[derive(Default)]
pub(crate) struct Expansion {
    ahead: Vec<(Option<Address>, u32)>,
    seen: HashSet<Option<Address>>,
    targets: Vec<Target>,
    transient: Option<Target>,
    /// An alias led further than aliases may.
    cut: bool,
}

impl Expansion {
    /// Begins with a recipient's own address; none is `<Postmaster>`.
    pub(crate) fn of(address: Option<Address>) -> Self {
        Self {
            ahead: vec![(address, 0)],
            ..Self::default()
        }
    }

    /// The next address that is yet to be asked about, and how many aliases led to it.
    pub(crate) fn next(&mut self) -> Option<(Option<Address>, u32)> {
        while let Some((address, depth)) = self.ahead.pop() {
            if depth > MAX_DEPTH || self.seen.len() >= MAX_EXPANSION {
                self.cut = true;
            } else if self.seen.insert(address.clone()) {
                return Some((address, depth));
            }
            // An address met a second time leads to nothing new: that ends loops.
        }
        None
    }

    /// A refusal for now that was met on the way.
    pub(crate) fn refused_for_now(&mut self) -> Option<Target> {
        self.transient.take()
    }

    pub(crate) fn take(&mut self, leads: Vec<Lead>, depth: u32) {
        for lead in leads {
            match lead {
                Lead::Alias(address) => self.ahead.push((Some(address), depth + 1)),
                Lead::Account(account) => self.add(Target::Account(account)),
                Lead::Forward(address) => self.add(Target::Forward(address)),
                Lead::Drop => self.add(Target::Drop),
                Lead::Refuse(reply) if reply.code.is_transient() => {
                    self.transient = Some(Target::Refuse(reply));
                }
                Lead::Refuse(reply) => self.add(Target::Refuse(reply)),
            }
        }
    }

    pub(crate) fn add(&mut self, target: Target) {
        if !self.targets.contains(&target) {
            self.targets.push(target);
        }
    }

    /// All that was found: at least one target.
    pub(crate) fn finish(mut self) -> Vec<Target> {
        if self.targets.is_empty() || self.cut {
            // RFC 3463 §3.5: X.4.6, routing loop detected.
            self.targets.push(Target::Refuse(Reply::new(
                550,
                Some(EnhancedStatus(5, 4, 6)),
                "The alias leads nowhere or in circles",
            )));
        }
        self.targets
    }
}
