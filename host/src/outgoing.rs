//! Mail on its way out: the worker takes what is due from the store, asks policy where it goes, speaks to other servers, and
//! writes down what came of it.
//!
//! Standards: RFC 5321 §3.6, §4.5.4 and §5; RFC 3461 and 3464 (reports); RFC 7435 (opportunistic TLS); RFC 7672 (DANE); RFC 8461
//! (MTA-STS); RFC 8689 (REQUIRETLS).
//! Invariants: a message leaves the queue only with the commit that says what became of it; whoever dies loses its lease
//! and not the mail; nothing here decides what the policy may decide.
//!
//! The files, in the order of an attempt: `entry` (into the queue), `fresh` (from there at once), `worker` (what is due), `places` (what jobs have of it), `job`
//! (one destination), `plan` (how policy wants it), `resolve` (which hosts), `published` and `demand` (what of TLS is needed),
//! `counted` (for reports), `dial` and `line` (a connection and its conversation), `courier` (an attempt over all hosts), `heard`
//! (what a conversation means), `judge` (what follows for a recipient), `settle` and `record` (all of it is written down), `notice`,
//! `home` and `own` (who is told), `owed` (who is told later), `told` (operators); `deposit` is for mail to mailboxes here that was
//! held back.

mod counted;
mod courier;
mod demand;
mod deposit;
mod dial;
mod entry;
mod facts;
mod fresh;
mod heard;
mod home;
mod job;
mod judge;
mod line;
mod notice;
mod owed;
mod own;
mod places;
mod plan;
mod published;
mod record;
mod resolve;
mod secrets;
mod settle;
mod tls;
mod told;
mod worker;

use std::sync::Arc;

use waxwing_mail::{Address, EnhancedStatus, Recipient, Reply, ReversePath};
use waxwing_policy::NextHop;
use waxwing_queue::srs::{Srs, SrsError};

use crate::config::Config;
use crate::dns::Resolver;
use crate::fetch::Client;
use crate::wiring::Parts;

pub(crate) use deposit::HERE;
pub(crate) use entry::Entry;
pub(crate) use notice::{About, Notices, led, letter, send, write as notify};
pub(crate) use worker::run;

use fresh::Fresh;
use places::Places;

/// Days after which a rewritten sender is no longer believed: a report comes within the time that a message is tried.
const SRS_DAYS: u16 = 21;

/// Destinations that are remembered.
const DESTINATIONS: usize = 10_000;

/// What the queue has in common with the sessions that fill it.
pub(crate) struct Outgoing {
    srs: Srs,
    srs_domain: String,
    tls: tls::ClientTls,
    policies: published::sts::Cache,
    /// Fetches policies.
    client: Client,
    places: Arc<Places>,
    /// Where what has just been queued goes at once.
    pub(crate) fresh: Fresh,
}

impl Outgoing {
    /// Reads or makes the secrets in the data directory.
    pub(crate) fn open(config: &Config, resolver: Arc<Resolver>) -> std::io::Result<Self> {
        let secrets = secrets::open(
            &config.data.join("srs.secrets"),
            crate::answer::now_millis(),
        )?;
        let most = config.queue.connections;
        let places = Arc::new(Places::new(most, DESTINATIONS));
        Ok(Self {
            srs: Srs::new(config.queue.srs_domain.as_str(), secrets, SRS_DAYS),
            srs_domain: config.queue.srs_domain.clone(),
            tls: tls::ClientTls::default(),
            policies: published::sts::Cache::default(),
            client: Client::new(resolver).through(&config.queue.https_proxy),
            fresh: Fresh::new(Arc::clone(&places), most as usize),
            places,
        })
    }

    /// Asks servers of the web.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The address behind one that was rewritten here, or why it is none; nothing for other recipients.
    pub(crate) fn rewritten(&self, recipient: &Recipient) -> Option<Result<Address, Reply>> {
        let address = recipient.path.address()?;
        let ours = address
            .domain()
            .as_str()
            .eq_ignore_ascii_case(&self.srs_domain)
            && Srs::is_rewritten(address.local());
        ours.then(|| self.first(address))
    }

    fn first(&self, address: &Address) -> Result<Address, Reply> {
        let found = self
            .srs
            .reverse(address.local(), crate::answer::now_millis());
        let found = found.and_then(|first| parsed(&first).ok_or(SrsError::NotSrs));
        // RFC 3463 §3.2: no such mailbox. Which of the reasons it is helps only who guesses.
        found.map_err(|_| {
            Reply::new(
                550,
                Some(EnhancedStatus(5, 1, 1)),
                "There is no such address here, or it has expired",
            )
        })
    }
}

/// `local@domain` with a local part without quotes.
fn parsed(text: &str) -> Option<Address> {
    let (local, domain) = text.rsplit_once('@')?;
    Address::new(local, waxwing_mail::Domain::parse(domain).ok()?).ok()
}

impl Parts {
    /// The reverse path under which a message is forwarded: one of ours for senders elsewhere, so that SPF passes and
    /// failures come back (SRS); those of our own domains, and the null path, stay.
    pub(crate) async fn forwarder(
        self: &Arc<Self>,
        sender: &ReversePath,
    ) -> Result<ReversePath, Reply> {
        let Some(address) = sender.address() else {
            return Ok(ReversePath::Null);
        };
        let domain = address.domain().as_str();
        let local = self.store.directory().domain(domain).await;
        let local = local.map_err(|error| {
            let reference =
                crate::telemetry::Reference::log("a domain could not be looked up", 0, &error);
            waxwing_smtp::replies::unavailable(&reference.to_string())
        })?;
        if local.is_some() {
            return Ok(sender.clone());
        }
        let now = crate::answer::now_millis();
        let rewritten = self.outgoing.srs.forward(address.local(), domain, now);
        // What is too long to be rewritten is forwarded as it came: late reports are better than no mail.
        let rewritten = rewritten.ok().and_then(|text| parsed(&text));
        Ok(rewritten.map_or_else(|| sender.clone(), ReversePath::Address))
    }
}

/// What mail for a domain is scheduled under, if it goes there by this hop.
pub(crate) fn destination(hop: &NextHop, domain: &str) -> String {
    match hop {
        NextHop::Mx => domain.to_owned(),
        NextHop::MxOf(other) => other.clone(),
        NextHop::Lmtp(address) => format!("lmtp:{address}"),
        NextHop::Relay(hosts) => hosts.first().map_or_else(
            || domain.to_owned(),
            |host| format!("{}:{}", host.host, host.port),
        ),
    }
}
