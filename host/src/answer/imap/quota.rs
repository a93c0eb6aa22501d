//! What an account may hold, for clients to show: policy tells the limits, the store the usage.

use waxwing_imap::types::MailboxName;
use waxwing_imap::{Answer, Error, QuotaRoot};

use super::super::gate::Gate;
use super::User;
use super::convert as to_imap;
use super::places::{Named, named};
use crate::telemetry::Reference;

impl User {
    /// What the account counts against; for the mailbox of somebody else, nothing that is told: what others hold is theirs to know (RFC 9208 §8).
    pub(super) async fn quota(
        &self,
        gate: &mut Gate,
        mailbox: Option<&MailboxName>,
    ) -> Result<Answer, Error> {
        let own = |name: &MailboxName| matches!(named(name.as_str()), Named::Own(_));
        if !mailbox.is_none_or(own) {
            return Ok(Answer::Quota(Vec::new()));
        }
        let session = gate.session();
        let roots = gate.policy().quota_limits(&self.account.address).await;
        let roots = roots.map_err(|reply| {
            let reference = Reference::new();
            tracing::warn!(%reference, session, reason = %reply, "the limits of an account could not be told");
            Error::Unavailable {
                reference: reference.to_string(),
            }
        })?;
        let usage = gate.parts().store.usage(self.account.id).await;
        let usage = usage.map_err(|error| to_imap::error(error, session))?;
        let held = |root: &waxwing_policy::QuotaRoot| {
            let own = (usage.bytes, usage.messages);
            root.held.map_or(own, |held| (held.bytes, held.messages))
        };
        let told = roots.into_iter().map(|root| {
            let (bytes, messages) = held(&root);
            QuotaRoot {
                bytes,
                bytes_limit: root.limits.bytes,
                messages,
                messages_limit: root.limits.messages,
                name: root.name,
            }
        });
        Ok(Answer::Quota(told.collect()))
    }
}
