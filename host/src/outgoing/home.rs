//! Where a report goes: into mailboxes here, or on to another server. Policy is asked as for any mail that comes.

use std::net::{Ipv4Addr, SocketAddr};

use waxwing_mail::{Address, ForwardPath, Protocol, Recipient, ReversePath};
use waxwing_policy::{ConnectionFacts, Decision, PolicySession, Target as Leads, TransactionFacts};
use waxwing_store::Target;

use crate::answer::filing::{Filed, Filer};
use crate::wiring::Parts;

/// Where a report goes.
#[derive(Default)]
pub(super) struct Home {
    pub(super) targets: Vec<Target>,
    /// What the targets are called.
    pub(super) filed: Vec<Filed>,
    pub(super) onward: Vec<Address>,
}

/// Finds it; `Err` says why a report cannot be led anywhere.
pub(super) async fn find(parts: &Parts, queue_id: &str, to: &Address) -> Result<Home, String> {
    let local = parts.store.directory().domain(to.domain().as_str()).await;
    if local.map_err(|error| error.to_string())?.is_none() {
        return Ok(Home {
            onward: vec![to.clone()],
            ..Home::default()
        });
    }
    let generation = parts.policy.current();
    let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let facts = ConnectionFacts {
        id: "queue".to_owned(),
        protocol: Protocol::Smtp,
        listener: "queue".into(),
        client: nobody,
        local: nobody,
        tls: None,
    };
    let transaction = TransactionFacts {
        queue_id: queue_id.to_owned(),
        sender: ReversePath::Null,
        params: Vec::new(),
        declared_size: None,
        smtputf8: false,
    };
    let mut session = PolicySession::new(generation.clone(), facts);
    let mut policy = session.transaction(generation, transaction);
    let recipient = Recipient::new(ForwardPath::Address(to.clone()));
    match policy.rcpt_to(&recipient).await {
        Decision::Pass => {}
        Decision::Refuse(reply) | Decision::Disconnect(reply) => return Err(reply.to_string()),
    }
    let mut home = Home::default();
    let filer = Filer {
        store: &parts.store,
        session: 0,
    };
    for leads in policy.route(0).await {
        match leads {
            Leads::Account(account) => {
                let copies = filer.file(&mut policy, 0, &account, None, &mut home.filed);
                home.targets
                    .extend(copies.await.map_err(|reply| reply.to_string())?);
            }
            Leads::Forward(address) => home.onward.push(address),
            Leads::Drop => {}
            Leads::Refuse(reply) => return Err(reply.to_string()),
        }
    }
    Ok(home)
}
