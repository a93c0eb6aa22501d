//! Answers that a step gives before it is asked, so that it need not be: where it will pass on a connection, and where a recipient leads.
//!
//! A call into a plugin costs microseconds; what one call knows of the next can be said at once. It counts for the step that said it and the
//! generation under which it did: what serves later, under whatever name, is asked.

use std::sync::Arc;

use crate::hook::Hook;

/// The hooks at which silence can be promised: where to pass is to have no opinion, and a connection is at hand.
const PROMISED: [Hook; 5] = [
    Hook::Ehlo,
    Hook::MailFrom,
    Hook::RcptTo,
    Hook::Data,
    Hook::Message,
];

/// Hooks at which a step will pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Passing(u32);

/// Where the steps of a connection will pass.
#[derive(Debug, Default)]
pub(crate) struct Silences(Vec<Silence>);

#[derive(Debug)]
struct Silence {
    generation: u64,
    step: Arc<str>,
    at: Passing,
}

/// Where a recipient leads, by the steps that said so when it was named.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leads(Vec<(Arc<str>, String)>);

impl Extend<Hook> for Passing {
    fn extend<T: IntoIterator<Item = Hook>>(&mut self, hooks: T) {
        let promised = hooks.into_iter().filter(|hook| PROMISED.contains(hook));
        promised.for_each(|hook| self.0 |= 1 << hook.index());
    }
}

impl Passing {
    fn holds(self, hook: Hook) -> bool {
        self.0 & 1 << hook.index() != 0
    }

    /// As the ledger tells it; nothing, if nothing was promised.
    pub(crate) fn told(self) -> Option<String> {
        let mut hooks = PROMISED.into_iter().filter(|hook| self.holds(*hook));
        let first = hooks.next()?;
        Some(hooks.fold(format!("pass-ahead {first}"), |told, hook| {
            format!("{told} {hook}")
        }))
    }
}

impl Silences {
    /// Notes what a step promised.
    pub(crate) fn promise(&mut self, generation: u64, step: &Arc<str>, at: Passing) {
        if at == Passing::default() {
            return;
        }
        let known = self
            .0
            .iter_mut()
            .find(|known| known.generation == generation && known.step == *step);
        match known {
            Some(known) => known.at.0 |= at.0,
            None => self.0.push(Silence {
                generation,
                step: step.clone(),
                at,
            }),
        }
    }

    /// Whether the step said that it would pass.
    pub(crate) fn hold(&self, generation: u64, step: &Arc<str>, hook: Hook) -> bool {
        self.0.iter().any(|silence| {
            silence.at.holds(hook) && silence.generation == generation && silence.step == *step
        })
    }
}

impl Leads {
    /// Notes what a step said. The last word of a step counts.
    pub(crate) fn note(&mut self, step: &Arc<str>, account: String) {
        self.0.retain(|(known, _)| known != step);
        self.0.push((step.clone(), account));
    }

    /// Where the step said that the recipient leads.
    pub(crate) fn of(&self, step: &Arc<str>) -> Option<&str> {
        let mut said = self.0.iter();
        said.find_map(|(known, account)| (known == step).then_some(account.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_counts_for_one_step_of_one_generation_at_the_hooks_that_it_named() {
        let (one, two): (Arc<str>, Arc<str>) = ("one".into(), "two".into());
        let mut silences = Silences::default();
        let mut at = Passing::default();
        at.extend([Hook::Ehlo, Hook::Data]);
        silences.promise(1, &one, at);
        assert!(silences.hold(1, &one, Hook::Ehlo) && silences.hold(1, &one, Hook::Data));
        assert!(!silences.hold(1, &one, Hook::MailFrom));
        assert!(!silences.hold(2, &one, Hook::Ehlo));
        assert!(!silences.hold(1, &two, Hook::Ehlo));
    }

    #[test]
    fn nobody_promises_to_be_silent_where_silence_refuses_or_is_not_heard() {
        let mut at = Passing::default();
        at.extend(Hook::ALL);
        let told = at.told().unwrap();
        assert_eq!(told, "pass-ahead ehlo mail-from rcpt-to data message");
        assert_eq!(Passing::default().told(), None);
    }
}
