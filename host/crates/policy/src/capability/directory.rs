//! `directory`: the server's domains, accounts and aliases.

use std::fmt::Debug;
use std::sync::Arc;

use wasmtime::Result;

use crate::bindings::waxwing::policy::directory::{DirectoryError, Entry, Host};
use crate::bindings::waxwing::policy::types::{Limits, MailAddress, Usage};
use crate::services::{self, ServiceError, Services};
use crate::state::State;

use super::types::{from_address, to_address};

type Answer<T> = std::result::Result<T, DirectoryError>;

impl Host for State {
    async fn domain_is_local(&mut self, domain: String) -> Result<Answer<bool>> {
        let services = self.directory()?;
        let answer = services.domain_is_local(&domain).await;
        self.told("directory.domain-is-local", &domain, answer, |local| local)
    }

    async fn look_up(&mut self, address: MailAddress) -> Result<Answer<Entry>> {
        let services = self.directory()?;
        let answer = match to_address(&address) {
            Some(address) => services.look_up(&address).await,
            None => Ok(services::Entry::None),
        };
        self.told("directory.look-up", &address, answer, |entry| match entry {
            services::Entry::None => Entry::None,
            services::Entry::Account(account) => Entry::Account(account),
            services::Entry::Alias(targets) => Entry::Alias(
                targets
                    .iter()
                    .map(|target| from_address(Some(target)))
                    .collect(),
            ),
        })
    }

    async fn owns(&mut self, account: String, address: MailAddress) -> Result<Answer<bool>> {
        let services = self.directory()?;
        let answer = match to_address(&address) {
            Some(address) => services.owns(&account, &address).await,
            None => Ok(false),
        };
        self.told("directory.owns", &(account, address), answer, |owns| owns)
    }

    async fn account_limits(&mut self, account: String) -> Result<Answer<Limits>> {
        let services = self.directory()?;
        let answer = services.account_limits(&account).await;
        self.told("directory.account-limits", &account, answer, |limits| {
            Limits {
                bytes: limits.bytes,
                messages: limits.messages,
            }
        })
    }

    async fn account_usage(&mut self, account: String) -> Result<Answer<Usage>> {
        let services = self.directory()?;
        let answer = services.account_usage(&account).await;
        self.told("directory.account-usage", &account, answer, usage)
    }

    async fn domain_usage(&mut self, domain: String) -> Result<Answer<Usage>> {
        let services = self.directory()?;
        let answer = services.domain_usage(&domain).await;
        self.told("directory.domain-usage", &domain, answer, usage)
    }

    async fn mailbox_exists(&mut self, account: String, path: String) -> Result<Answer<bool>> {
        let services = self.directory()?;
        let answer = services.mailbox_exists(&account, &path).await;
        self.told(
            "directory.mailbox-exists",
            &(account, path),
            answer,
            |exists| exists,
        )
    }
}

impl State {
    fn directory(&mut self) -> Result<Arc<dyn Services>> {
        self.enter()?;
        Ok(self.shared.services.clone())
    }

    /// The answer in the contract's terms, shown to the recorder.
    fn told<T, U: Debug>(
        &mut self,
        name: &'static str,
        arguments: &dyn Debug,
        answer: std::result::Result<T, ServiceError>,
        into: impl FnOnce(T) -> U,
    ) -> Result<Answer<U>> {
        let answer = match answer {
            Ok(answer) => Ok(into(answer)),
            Err(error) => Err(DirectoryError::Unavailable(error.to_string())),
        };
        self.record(name, arguments, &answer);
        Ok(answer)
    }
}

fn usage(usage: services::Usage) -> Usage {
    Usage {
        bytes: usage.bytes,
        messages: usage.messages,
    }
}
