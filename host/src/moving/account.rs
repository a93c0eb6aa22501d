//! The account that mail is moved into or out of: at the server that runs, or in the store itself where none does.

use std::io::{self, Read};

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::runtime::Runtime;
use waxwing_store::Store;

use super::Inside;
use crate::admin::mail::{self, Batch, MailRequest, MessageRow, Opened};
use crate::admin::{Actor, Exit, Failure, Line, Request, mail_begun, own_user};
use crate::config::Config;

/// An account, and the way to it.
pub(crate) struct Account {
    address: String,
    way: Way,
}

enum Way {
    Server(Line),
    Store(Box<Own>),
    Inside(Box<Inside>),
}

/// The store, opened by this process.
struct Own {
    runtime: Runtime,
    store: Store,
    config: Config,
}

impl Account {
    /// The account of an address, which is not looked for yet.
    pub(crate) fn new(config: Config, runtime: Runtime, address: &str) -> Result<Self, Failure> {
        let way = match Line::open(&config.admin_socket()) {
            Some(line) => Way::Server(line),
            None => {
                let store = runtime.block_on(crate::wiring::open_store(&config))?;
                Way::Store(Box::new(Own {
                    runtime,
                    store,
                    config,
                }))
            }
        };
        Ok(Self {
            address: address.to_owned(),
            way,
        })
    }

    /// An account as the server itself reaches it, from a thread that may wait.
    pub(crate) fn inside(inside: Inside, address: &str) -> Self {
        Self {
            address: address.to_owned(),
            way: Way::Inside(Box::new(inside)),
        }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Whether its owner has asked, who may store what clients may.
    pub(crate) fn is_owners(&self) -> bool {
        matches!(self.way, Way::Inside(_))
    }

    /// Its mailboxes and subscriptions.
    pub(crate) fn open(&mut self) -> Result<Opened, Failure> {
        let address = self.address.clone();
        self.typed(MailRequest::Open { address })
    }

    /// The number of a mailbox, which is made if there is none.
    pub(crate) fn make(&mut self, path: &str) -> Result<i64, Failure> {
        let (address, path) = (self.address.clone(), path.to_owned());
        self.typed(MailRequest::Make { address, path })
    }

    /// Subscribes paths.
    pub(crate) fn subscribe(&mut self, paths: Vec<String>) -> Result<(), Failure> {
        let address = self.address.clone();
        self.ask(MailRequest::Subscribe { address, paths }, &mut io::empty())
            .map(drop)
    }

    /// Which items were imported before.
    pub(crate) fn known(&mut self, items: Vec<String>) -> Result<Vec<String>, Failure> {
        let address = self.address.clone();
        self.typed(MailRequest::Known { address, items })
    }

    /// Stores a batch, whose contents are read one after the other; how many were new.
    pub(crate) fn put(&mut self, batch: Batch, contents: &mut dyn Read) -> Result<u64, Failure> {
        let stored = self.ask(MailRequest::Put(batch), contents)?;
        stored.as_u64().ok_or_else(misunderstood)
    }

    /// A page of a mailbox.
    pub(crate) fn list(&mut self, mailbox: i64, first: u32) -> Result<Vec<MessageRow>, Failure> {
        let address = self.address.clone();
        self.typed(MailRequest::List {
            address,
            mailbox,
            first,
        })
    }

    /// A piece of a content.
    pub(crate) fn read(&mut self, content: i64, offset: u64) -> Result<Bytes, Failure> {
        let request = MailRequest::Read { content, offset };
        match &mut self.way {
            Way::Server(line) => {
                let octets = line.ask(&Request::Mail(request), &mut io::empty())?;
                let octets = octets.as_u64().ok_or_else(misunderstood)?;
                Ok(line.content(octets)?.into())
            }
            Way::Store(own) => Ok(own.execute(request, Bytes::new())?.1),
            Way::Inside(inside) => Ok(inside.execute(request, Bytes::new())?.1),
        }
    }

    fn typed<T: DeserializeOwned>(&mut self, request: MailRequest) -> Result<T, Failure> {
        let answer = self.ask(request, &mut io::empty())?;
        serde_json::from_value(answer).map_err(|_| misunderstood())
    }

    fn ask(&mut self, request: MailRequest, content: &mut dyn Read) -> Result<Value, Failure> {
        match &mut self.way {
            Way::Server(line) => line.ask(&Request::Mail(request), content),
            Way::Store(own) => {
                let whole = whole(&request, &own.config, content)?;
                Ok(own.execute(request, whole)?.0)
            }
            Way::Inside(inside) => {
                let _memory = inside.reserve(request.octets(inside.config())?)?;
                let whole = whole(&request, inside.config(), content)?;
                Ok(inside.execute(request, whole)?.0)
            }
        }
    }

    /// Ends: what is written is on disk.
    pub(crate) fn close(self) {
        if let Way::Store(own) = self.way {
            own.runtime.block_on(own.store.close());
        }
    }
}

/// The contents that go along with a request, in memory.
fn whole(request: &MailRequest, config: &Config, content: &mut dyn Read) -> Result<Bytes, Failure> {
    let octets = request.octets(config)?;
    let mut whole = Vec::with_capacity(usize::try_from(octets).unwrap_or(0));
    content
        .read_to_end(&mut whole)
        .map_err(|error| Failure::new(Exit::Unavailable, error.to_string()))?;
    Ok(whole.into())
}

impl Own {
    fn execute(&self, request: MailRequest, content: Bytes) -> Result<(Value, Bytes), Failure> {
        let actor = Actor::new(own_user(), "command");
        self.runtime.block_on(async {
            mail_begun(&self.store, &actor, &request).await?;
            mail::execute(&self.store, &self.config, request, content).await
        })
    }
}

fn misunderstood() -> Failure {
    Failure::new(
        Exit::Software,
        "the server's answer is not understood: is it of another version?",
    )
}
