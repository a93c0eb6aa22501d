//! Where a message of the queue goes that is for somebody here: a report, or what was held back. Policy is asked as for any mail that comes.

use std::net::{Ipv4Addr, SocketAddr};

use waxwing_mail::{Address, Protocol, Recipient, Reply, ReversePath};
use waxwing_policy::{
    ConnectionFacts, Decision, PolicySession, Target as Leads, Transaction, TransactionFacts,
};
use waxwing_store::Target;

use crate::answer::filing::{Filed, Filer};
use crate::answer::smtp::respond::Wished;
use crate::telemetry::Reference;
use crate::wiring::Parts;

/// Where it goes.
#[derive(Default)]
pub(super) struct Home {
    pub(super) targets: Vec<Target>,
    /// What the targets are called.
    pub(super) filed: Vec<Filed>,
    pub(super) onward: Vec<Address>,
    /// Who of the accounts answers once it is stored.
    pub(super) responses: Vec<Wished>,
}

/// A message that is led home.
#[derive(Clone, Copy)]
pub(super) struct Letter<'a> {
    pub(super) queue_id: &'a str,
    pub(super) sender: &'a ReversePath,
    pub(super) smtputf8: bool,
    /// Its size in octets, if it has not been asked whether there is room.
    pub(super) size: Option<u64>,
}

/// Finds it for a report, whose recipient may be elsewhere; `Err` says why it cannot be led anywhere.
pub(super) async fn find(parts: &Parts, queue_id: &str, to: &Recipient) -> Result<Home, Reply> {
    if let Some(address) = to.path.address() {
        let local = parts
            .store
            .directory()
            .domain(address.domain().as_str())
            .await;
        if local.map_err(|error| unavailable(&error))?.is_none() {
            return Ok(Home {
                onward: vec![address.clone()],
                ..Home::default()
            });
        }
    }
    let letter = Letter {
        queue_id,
        sender: &ReversePath::Null,
        smtputf8: false,
        size: None,
    };
    let mut policy = transaction(parts, letter);
    match policy.rcpt_to(to).await {
        Decision::Pass => {}
        Decision::Refuse(reply) | Decision::Disconnect(reply) => return Err(reply),
    }
    lead(parts, &mut policy, letter).await
}

/// Finds it for a recipient that was accepted when the message came.
pub(super) async fn of(parts: &Parts, letter: Letter<'_>, to: &Recipient) -> Result<Home, Reply> {
    let mut policy = transaction(parts, letter);
    policy.admit(to);
    lead(parts, &mut policy, letter).await
}

fn unavailable(error: &waxwing_store::Error) -> Reply {
    let reference = Reference::log("a domain could not be looked up", 0, error);
    waxwing_smtp::replies::unavailable(&reference.to_string())
}

/// A transaction of no connection.
fn transaction(parts: &Parts, letter: Letter<'_>) -> Transaction {
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
        queue_id: letter.queue_id.to_owned(),
        sender: letter.sender.clone(),
        params: Vec::new(),
        declared_size: letter.size,
        smtputf8: letter.smtputf8,
    };
    let mut session = PolicySession::new(generation.clone(), facts);
    session.transaction(generation, transaction)
}

/// Where its one recipient leads.
async fn lead(parts: &Parts, policy: &mut Transaction, letter: Letter<'_>) -> Result<Home, Reply> {
    let mut home = Home::default();
    let filer = Filer {
        store: &parts.store,
        session: 0,
    };
    for leads in policy.route(0).await {
        match leads {
            Leads::Account(account) => {
                let copies = filer.file(policy, 0, &account, letter.size, &mut home.filed);
                home.targets.extend(copies.await?);
                let wished = policy.take_response();
                home.responses.extend(Wished::by(&account, wished));
            }
            Leads::Forward(address) => home.onward.push(address),
            Leads::Drop => {}
            Leads::Refuse(reply) => return Err(reply),
        }
    }
    Ok(home)
}
