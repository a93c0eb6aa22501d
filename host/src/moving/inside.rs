//! The way to an account for a part of the server that its owner has asked: no administrator, so that nothing is written into the audit log, and
//! what is put there passes the quota of policy, which is told of it, as if a client had done so message by message.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use waxwing_policy::MailboxChange;
use waxwing_store::{Account, Flags};

use crate::admin::mail::{self, Arriving, Batch, MailRequest};
use crate::admin::{Exit, Failure};
use crate::answer::events;
use crate::answer::gate::{Gate, Over};
use crate::config::Config;

/// Of one request of an owner.
pub(crate) struct Inside {
    runtime: Handle,
    account: Arc<Account>,
    gate: Gate,
}

impl Inside {
    pub(crate) fn new(runtime: Handle, account: Arc<Account>, gate: Gate) -> Self {
        Self {
            runtime,
            account,
            gate,
        }
    }

    pub(super) fn config(&self) -> &Config {
        &self.gate.parts().config
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
        if self.gate.pressed() {
            let text = "the server is busy; try again later";
            return Err(Failure::new(Exit::Temporary, text));
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
