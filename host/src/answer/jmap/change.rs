//! What requests want changed, made in the store: policy is asked and told what it is asked and told of the same over IMAP.
//!
//! Invariant: what is answered is durable.

mod effects;
mod emails;
mod mailboxes;
mod messages;
pub(crate) mod sending;
mod submissions;

use waxwing_jmap::{AccountId, Begun, ChangeAnswer, ChangeAsk, MailboxId, Refusal};
use waxwing_store::{Flags, MAX_KEYWORD};

use super::asks::Asks;
use super::id_of;
use crate::answer::gate::{Gate, Over};

impl Asks<'_> {
    pub(super) async fn change(
        &self,
        ask: ChangeAsk,
    ) -> Result<ChangeAnswer, waxwing_store::Error> {
        match ask {
            ChangeAsk::Begin { account } => {
                let parts = &self.visitor.parts;
                let sees = self.sees(account).await?;
                Ok(ChangeAnswer::Begun(Begun {
                    state: sees.state(&parts.store).await?,
                    now: crate::answer::now_millis(),
                    chance: rand::random(),
                    host: parts.config.hostname.clone(),
                }))
            }
            ChangeAsk::Emails { account, changes } => {
                self.is_own(account)?;
                Ok(ChangeAnswer::Emails(self.change_emails(changes).await?))
            }
            ChangeAsk::Compose {
                account,
                pieces,
                placing,
            } => {
                self.is_own(account)?;
                let stored = self.compose(pieces, placing).await?;
                Ok(ChangeAnswer::Stored(stored))
            }
            ChangeAsk::Import {
                account,
                blob,
                placing,
            } => {
                self.is_own(account)?;
                let stored = self.import(blob, placing).await?;
                Ok(ChangeAnswer::Stored(stored))
            }
            ChangeAsk::Shape {
                account,
                mailbox,
                shape,
            } => {
                self.is_own(account)?;
                let shaped = self.shape(mailbox, shape).await?;
                Ok(ChangeAnswer::Shaped(shaped))
            }
            ChangeAsk::RemoveMailbox {
                account,
                mailbox,
                with_emails,
            } => {
                self.is_own(account)?;
                let removed = self.remove_mailbox(mailbox, with_emails).await?;
                Ok(ChangeAnswer::Shaped(removed))
            }
            ChangeAsk::CopyEmail {
                from,
                email,
                account,
                placing,
                keywords,
            } => {
                self.is_own(account)?;
                let own_keywords = !keywords;
                let copied = self.copy_email(from, email, placing, own_keywords).await?;
                Ok(ChangeAnswer::Stored(copied))
            }
        }
    }

    /// There is one account for each client.
    fn is_own(&self, account: AccountId) -> Result<(), waxwing_store::Error> {
        if account == id_of(self.account) {
            return Ok(());
        }
        Err(waxwing_store::Error::NoSuchAccount(account.to_string()))
    }

    /// Whether the account may keep so much more.
    async fn room(&self, gate: &mut Gate, octets: u64, messages: u64) -> Result<(), Refusal> {
        // A connection stays for long: what an account may keep is as it is now.
        let directory = self.visitor.parts.store.directory();
        let found = directory.account_by_id(self.account.id).await;
        let account = found.ok().flatten();
        let account = account.as_deref().unwrap_or(self.account);
        match gate.room(account, octets, messages).await {
            Ok(()) => Ok(()),
            Err(Over::Limit { text, .. }) => Err(Refusal::OverQuota(text)),
            Err(Over::Unavailable(_)) => Err(Refusal::Busy),
        }
    }
}

fn mailbox(id: MailboxId) -> waxwing_store::MailboxId {
    waxwing_store::MailboxId(i64::try_from(id.0).unwrap_or(i64::MAX))
}

/// Flags and keywords of JMAP's (RFC 8621 §4.1.1); none if one is longer than what is kept.
fn flags(names: &[String]) -> Option<(Flags, Vec<String>)> {
    let mut flags = Flags::NONE;
    let mut keywords = Vec::new();
    for name in names {
        let flag = match name.as_str() {
            "$seen" => Flags::SEEN,
            "$answered" => Flags::ANSWERED,
            "$flagged" => Flags::FLAGGED,
            "$draft" => Flags::DRAFT,
            _ if name.len() > MAX_KEYWORD => return None,
            _ => {
                keywords.push(name.clone());
                continue;
            }
        };
        flags = flags | flag;
    }
    Some((flags, keywords))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_keywords_are_flags() {
        let names = ["$seen", "$draft", "$junk", "work"].map(str::to_owned);
        let (found, keywords) = flags(&names).unwrap();
        assert_eq!(found, Flags::SEEN | Flags::DRAFT);
        assert_eq!(keywords, ["$junk", "work"]);
        assert!(flags(&["x".repeat(200)]).is_none());
    }
}
