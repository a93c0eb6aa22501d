//! When a hook is asked: what has to be so for a plugin to have anything to say, as its manifest tells under `when`.
//!
//! A call into a plugin costs microseconds, most of them to fetch what it computes with into the caches; a call that is known to say nothing is
//! better not made. A condition speaks of facts that every plugin may know, so it takes nothing from a sandbox, and a plugin that is asked though
//! its condition does not hold must say nothing as well: a server may know fewer conditions than its manifest.

use std::collections::BTreeMap;

use crate::hook::Hook;
use crate::state::Context;

/// What has to be so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Nothing.
    #[default]
    Always,
    /// The client has logged in.
    Authenticated,
    /// It was found out who the message is from.
    AuthResults,
}

/// The condition of each hook of a plugin.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Conditions([Condition; Hook::ALL.len()]);

impl Condition {
    /// The condition of this name. What a later release may know holds always: to ask in vain does no harm.
    fn named(name: &str) -> Self {
        match name {
            "authenticated" => Self::Authenticated,
            "auth-results" => Self::AuthResults,
            _ => Self::Always,
        }
    }

    fn holds(self, context: &Context) -> bool {
        match self {
            Self::Always => true,
            Self::Authenticated => match (&context.mail, &context.connection) {
                (Some(mail), _) => mail.identity.is_some(),
                (None, Some(connection)) => connection.state().identity.is_some(),
                (None, None) => false,
            },
            Self::AuthResults => {
                let mail = context.mail.as_ref();
                mail.is_some_and(|mail| mail.state().auth.is_some())
            }
        }
    }
}

impl Conditions {
    /// Those of a manifest: names of conditions by names of hooks.
    pub(crate) fn of(when: &BTreeMap<String, String>) -> Self {
        let mut conditions = Self::default();
        for (hook, name) in when {
            let place = Hook::parse(hook).and_then(|hook| conditions.0.get_mut(hook.index()));
            if let Some(condition) = place {
                *condition = Condition::named(name);
            }
        }
        conditions
    }

    /// Whether the plugin may have something to say at `hook`.
    pub(crate) fn hold(&self, hook: Hook, context: &Context) -> bool {
        let condition = self.0.get(hook.index()).copied().unwrap_or_default();
        condition.holds(context)
    }
}
