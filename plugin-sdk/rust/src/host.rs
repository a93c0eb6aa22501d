//! What the host provides, one module per interface of the contract.
//!
//! In a plugin these are the calls of the server; in a native build they are answered by [`crate::testing`].
//! Every function and type is documented in `plugin-sdk/wit`.

/// Plain data that several interfaces share.
pub mod types {
    pub use crate::bindings::imports::types::*;
}

macro_rules! host_module {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub mod $name {
            #[cfg(target_family = "wasm")]
            pub use crate::bindings::imports::$name::*;
            #[cfg(not(target_family = "wasm"))]
            pub use crate::testing::host::$name::*;
        }
    };
}

host_module!(
    /// The connection.
    session
);
host_module!(
    /// The transaction.
    envelope
);
host_module!(
    /// What a client offered to prove who it is. Grant `credentials`.
    credentials
);
host_module!(
    /// Domains, accounts and aliases. Grant `directory`.
    directory
);
host_module!(
    /// What a plugin remembers. Grant `kv`.
    kv
);
host_module!(
    /// Who a message is from, as far as the host found out. Grant `auth-results`.
    ///
    /// ```no_run
    /// use waxwing_plugin::host::auth_results::{self, Verdict};
    /// # use waxwing_plugin::prelude::*;
    ///
    /// # fn judge() -> Result<(), HookError> {
    /// let dmarc = auth_results::dmarc();
    /// if dmarc.verdict == Verdict::Fail {
    ///     findings::add("DMARC_FAIL", 3.0, &[dmarc.from_domain])?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    auth_results
);
host_module!(
    /// The DNS. Grant `dns`.
    ///
    /// ```no_run
    /// use waxwing_plugin::host::dns::{self, Outcome, Question, RecordData, RecordType};
    ///
    /// let answers = dns::look_up(&[Question::new("example.org", RecordType::Mx)]);
    /// for answer in &answers {
    ///     match answer.outcome {
    ///         Outcome::Found => assert!(matches!(answer.records[0], RecordData::Mx(_))),
    ///         Outcome::NoData | Outcome::NoSuchName => println!("takes no mail"),
    ///         _ => println!("not known now: do not hold it against anybody"),
    ///     }
    /// }
    /// ```
    dns
);
host_module!(
    /// Lists of addresses and domains in the DNS. Grant `dnsbl`, and `[step.dnsbl] zones`.
    ///
    /// ```no_run
    /// use waxwing_plugin::host::dnsbl::{self, Outcome, Subject};
    /// # use waxwing_plugin::prelude::*;
    ///
    /// # fn judge(conn: &Connection) -> Result<(), HookError> {
    /// let client = Subject::Address(conn.client().address);
    /// for listing in dnsbl::look_up(&[client], &[], true)? {
    ///     if listing.outcome == Outcome::Listed {
    ///         findings::add("LISTED", 3.0, &[listing.zone])?;
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    dnsbl
);
host_module!(
    /// Requests to the servers of `[step.http]`. Grant `http`.
    ///
    /// ```no_run
    /// use waxwing_plugin::host::http::{self, HeaderValue, Request, Secret};
    /// # use waxwing_plugin::prelude::*;
    ///
    /// # fn ask() -> Result<(), HookError> {
    /// let token = Secret { prefix: "Bearer ".to_owned(), name: "api".to_owned() };
    /// let request = Request {
    ///     headers: vec![("Authorization".to_owned(), HeaderValue::Secret(token))],
    ///     ..Request::get("https://api.example.org/reputation?ip=192.0.2.1")
    /// };
    /// for response in http::send(&[request]) {
    ///     let response = response?;
    ///     log::log(log::Level::Info, &format!("the service says {}", response.status), &[]);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    http
);
host_module!(
    /// Hashing of passwords. Grant `passwords`.
    ///
    /// ```no_run
    /// use waxwing_plugin::host::passwords;
    /// # use waxwing_plugin::prelude::*;
    ///
    /// # fn check() -> Result<(), HookError> {
    /// let stored = passwords::hash("correct horse")?;
    /// assert!(passwords::verify("correct horse", &stored)?);
    /// # Ok(())
    /// # }
    /// ```
    passwords
);
host_module!(
    /// What accounts answer while somebody is away. Grant `vacation`.
    ///
    /// ```no_run
    /// use waxwing_plugin::host::vacation;
    /// # use waxwing_plugin::prelude::*;
    ///
    /// # fn is_away(account: &str) -> Result<bool, HookError> {
    /// let now = runtime::unix_ms();
    /// let set = vacation::look_up(account)?;
    /// Ok(set.is_enabled && set.from_unix_ms.is_none_or(|from| from <= now))
    /// # }
    /// ```
    vacation
);
host_module!(
    /// Named findings: why a message is good or bad, and how much.
    findings
);
host_module!(
    /// Changes to a message, and where a copy goes. Grant `actions`.
    actions
);
host_module!(
    /// Lines for the operator.
    log
);
host_module!(
    /// Figures of the plugin's own.
    metrics
);
host_module!(
    /// Time, chance, and where the plugin runs.
    runtime
);
host_module!(
    /// The content, and sets of regular expressions over it. Grant `message`.
    message
);

host_module!(
    /// Mail that leaves: attempts, and how the next one is made.
    outbound
);
host_module!(
    /// What happened in mailboxes.
    mailbox_events
);

pub use actions::{DeliveryActions, MessageActions};
pub use credentials::Credentials;
pub use envelope::Envelope;
pub use mailbox_events::{Batch, Event};
pub use message::{Message, Part, PatternSet};
pub use outbound::{Attempt, Plan as OutboundPlan, Submission};
pub use session::Connection;
