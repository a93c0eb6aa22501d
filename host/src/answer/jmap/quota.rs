//! What an account may hold, as IMAP tells it, too: policy tells the limits, the store the usage.

use std::net::{Ipv4Addr, SocketAddr};

use waxwing_jmap::{Answer, Failure, QuotaRoot};
use waxwing_mail::{Protocol, Reply};
use waxwing_policy::{ConnectionFacts, PolicySession};
use waxwing_store::{Account, Error, Usage};

use super::visitor::Visitor;
use crate::telemetry::Reference;
use crate::wiring::Parts;

/// The roots of an account, for who asks.
pub(super) async fn told(visitor: &Visitor, account: &Account) -> Result<Answer, Error> {
    let limits = visitor.quota_limits(account).await;
    let usage = visitor.parts.store.usage(account.id).await?;
    Ok(match limits {
        Ok(limits) => Answer::Quotas(roots(limits, usage)),
        Err(reply) => {
            let reference = untold(&reply).to_string();
            Answer::Failed(Failure::Unavailable { reference })
        }
    })
}

/// The state of an account's quotas, for whoever is told of changes; none if it cannot be known now.
pub(super) async fn state(parts: &Parts, account: &Account) -> Option<String> {
    let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let facts = ConnectionFacts {
        id: "push".to_owned(),
        protocol: Protocol::Jmap,
        listener: "push".into(),
        client: nobody,
        local: nobody,
        tls: None,
    };
    let mut policy = PolicySession::new(parts.policy.current(), facts);
    let limits = policy.quota_limits(&account.address).await;
    let limits = limits.map_err(|reply| untold(&reply)).ok()?;
    let usage = parts.store.usage(account.id).await.ok()?;
    Some(waxwing_jmap::quota_state(&roots(limits, usage)))
}

fn untold(reply: &Reply) -> Reference {
    let reference = Reference::new();
    tracing::warn!(%reference, reason = %reply, "the limits of an account could not be told");
    reference
}

fn roots(limits: Vec<waxwing_policy::QuotaRoot>, usage: Usage) -> Vec<QuotaRoot> {
    let root = |root: waxwing_policy::QuotaRoot| {
        let own = (usage.bytes, usage.messages);
        let held = root.held.map(|held| (held.bytes, held.messages));
        let (bytes, messages) = held.unwrap_or(own);
        QuotaRoot {
            name: root.name,
            own: held.is_none(),
            bytes,
            bytes_limit: root.limits.bytes,
            messages,
            messages_limit: root.limits.messages,
        }
    };
    limits.into_iter().map(root).collect()
}
