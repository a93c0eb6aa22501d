//! The way to an account for a part of the server that its owner has asked: no administrator, so that nothing is written into the audit log, and
//! what is put there passes the quota of policy, which is told of it, as if a client had done so message by message.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use waxwing_policy::MailboxChange;
use waxwing_store::{Account, Flags};

use crate::admin::mail::{self, Arriving, Batch, MailRequest};
use crate::admin::{Exit, Failure};
use crate::answer::events;
use crate::answer::gate::{Gate, Over};
use crate::budget::{Memory, Reservation};
use crate::config::Config;

/// How often memory is asked for, a second apart, before there is none.
const TRIES: u32 = 10;

/// Of one request of an owner.
pub(crate) struct Inside {
    runtime: Handle,
    account: Arc<Account>,
    /// The login that the owner is known by.
    login: i64,
    /// Where the owner is.
    client: IpAddr,
    gate: Gate,
}

impl Inside {
    /// For whom a login is of, which was found at a client's address.
    pub(crate) fn new(account: Arc<Account>, login: i64, client: IpAddr, gate: Gate) -> Self {
        Self {
            runtime: Handle::current(),
            account,
            login,
            client,
            gate,
        }
    }

    pub(super) fn config(&self) -> &Config {
        &self.gate.parts().config
    }

    /// Memory for what is to be stored; waits a little if there is none.
    pub(super) fn reserve(&self, octets: u64) -> Result<Reservation, Failure> {
        for tried in 0..TRIES {
            if tried > 0 {
                std::thread::sleep(Duration::from_secs(1));
            }
            let budget = &self.gate.parts().budget;
            if let Some(memory) = Memory::reserve(budget, self.client, octets) {
                return Ok(memory);
            }
        }
        Err(busy())
    }

    /// Whether the owner is still logged in: what was begun by somebody whose login was ended since does not go on.
    async fn is_logged_in(&self) -> Result<(), Failure> {
        match self.gate.parts().store.is_web_login(self.login).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Failure::new(Exit::Temporary, "the login has ended")),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn execute(
        &mut self,
        request: MailRequest,
        content: Bytes,
    ) -> Result<(Value, Bytes), Failure> {
        let runtime = self.runtime.clone();
        match request {
            MailRequest::Put(batch) => {
                let stored = runtime.block_on(self.put(batch, content))?;
                Ok((json!(stored), Bytes::new()))
            }
            request => runtime.block_on(async {
                let parts = self.gate.parts();
                mail::execute(&parts.store, &parts.config, request, content).await
            }),
        }
    }

    /// Stores a batch if there is room for all of it; how many were new.
    async fn put(&mut self, batch: Batch, content: Bytes) -> Result<usize, Failure> {
        self.is_logged_in().await?;
        if self.gate.pressed() {
            return Err(busy());
        }
        let octets = content.len() as u64;
        let room = self
            .gate
            .room(&self.account, octets, batch.messages.len() as u64);
        room.await.map_err(|over| match over {
            Over::Limit { text, .. } => Failure::new(Exit::Temporary, text),
            Over::Unavailable(reference) => {
                let text = format!("try again later (reference {reference})");
                Failure::new(Exit::Temporary, text)
            }
        })?;
        let arriving = batch.messages.clone();
        let store = self.gate.parts().store.clone();
        let stored = mail::put(&store, batch, content).await?;
        // They are stored, whatever becomes of this.
        let mailboxes = store.mailboxes(self.account.id).await.unwrap_or_default();
        let path = |id: i64| {
            let found = mailboxes.iter().find(|mailbox| mailbox.id.0 == id);
            found.map_or("", |mailbox| mailbox.path.as_str())
        };
        for (message, uid) in arriving.iter().zip(&stored) {
            if let Some(uid) = uid {
                self.tell(message, path(message.mailbox), *uid);
            }
        }
        Ok(stored.into_iter().flatten().count())
    }

    fn tell(&self, message: &Arriving, path: &str, uid: u32) {
        let flags = Flags::from_bits(message.flags);
        self.gate.tell(&self.account.address, || {
            MailboxChange::Append(events::placed(path, uid, flags, &message.keywords))
        });
    }
}

fn busy() -> Failure {
    Failure::new(Exit::Temporary, "the server is busy; try again later")
}
