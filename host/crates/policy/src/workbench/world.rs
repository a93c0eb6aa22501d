//! The pretended world of a case: what a hook is asked about, built anew for each call from what the case says and what went before.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use waxwing_mail::{Address, Identity, Protocol, ReversePath};

use super::case::{Case, CaseStep, ConnectionCase, Directory, EnvelopeCase};
use super::network::NetworkCase;
use crate::ahead::Leads;
use crate::auth::AuthResults;
use crate::facts::{Cause, ConnectionFacts, LoginAttempt, Offered, TlsFacts, TransactionFacts};
use crate::memory::MemoryServices;
use crate::outcome::Verdict;
use crate::services::{Limits, Usage};
use crate::state::Context;
use crate::subject::{Addressee, Connection, Counters, Found, Mail, Notes, Observed, Standing};
use crate::verified::Credentials;
use crate::view::MessageView;

/// When a world begins, in milliseconds since 1970.
const BEGIN: u64 = 1_800_000_000_000;
/// The message of a case without one.
const MESSAGE: &str = "From: sender@example.net\nSubject: hello\n\nhello\n";
/// A password that nobody can give: it has a character that no protocol carries.
const CLOSED: &str = "\0";

const PROTOCOLS: [Protocol; 8] = [
    Protocol::Smtp,
    Protocol::Submission,
    Protocol::Lmtp,
    Protocol::Imap,
    Protocol::Pop3,
    Protocol::Jmap,
    Protocol::ManageSieve,
    Protocol::Api,
];

/// What a case says, and what of it changed so far.
pub(super) struct World {
    connection: ConnectionCase,
    envelope: EnvelopeCase,
    message: Arc<MessageView>,
    /// Everything that was found so far.
    pub(super) found: Vec<Found>,
    connection_notes: Notes,
    mail_notes: Notes,
    auth: Arc<AuthResults>,
}

/// What one call is asked about.
pub(super) struct Asked {
    pub(super) context: Context,
    /// The number that the recipient of this call has.
    pub(super) index: u32,
    pub(super) recipient: Addressee,
    connection: Arc<Connection>,
    mail: Arc<Mail>,
}

impl World {
    pub(super) fn new(case: &Case, network: &NetworkCase) -> Self {
        let message = case.message.as_deref().unwrap_or(MESSAGE);
        let message = message.replace("\r\n", "\n").replace('\n', "\r\n");
        let found = case.found.iter().map(|(name, score)| Found {
            step: "earlier".into(),
            name: name.as_str().into(),
            weight: *score,
            score: *score,
            options: Vec::new(),
        });
        Self {
            connection: case.connection.clone(),
            envelope: case.envelope.clone(),
            message: Arc::new(MessageView::new(Bytes::from(message.into_bytes()))),
            found: found.collect(),
            connection_notes: Notes::default(),
            mail_notes: Notes::default(),
            auth: Arc::new(network.auth.results()),
        }
    }

    /// Other content, octet for octet.
    pub(super) fn content(&mut self, content: Bytes) {
        self.message = Arc::new(MessageView::new(content));
    }

    /// What a step is asked about, once it has changed what it says.
    pub(super) fn ask(&mut self, step: &CaseStep, now: u64) -> Result<Asked, String> {
        if let Some(client) = &step.client {
            self.connection.client.clone_from(client);
        }
        if let Some(identity) = &step.identity {
            self.connection.identity = Some(identity.clone()).filter(|who| !who.is_empty());
        }
        if let Some(sender) = &step.sender {
            self.envelope.sender.clone_from(sender);
        }
        if step.hook == "ehlo" {
            self.connection.helo = Some(step.helo.clone());
        }
        let connection = Arc::new(self.connection()?);
        let recipient = addressee(&step.recipient);
        let (mail, index) = self.mail(&connection, step, &recipient)?;
        let about = [&step.domain, &step.account, &step.recipient, &step.user];
        let domain = about.into_iter().find(|text| !text.is_empty());
        let domain = domain.map(|text| text.rsplit('@').next().unwrap_or_default().into());
        let before_mail = is_before_mail(&step.hook);
        let mail = Arc::new(mail);
        let (beside, queued) = (is_beside(&step.hook), is_of_queue(&step.hook));
        let attempt = step.attempt.attempt()?;
        let cause = cause(&step.cause, self.connection.identity.is_some())?;
        let events: Result<Vec<_>, String> = step
            .events
            .iter()
            .map(|event| event.event(now, &PROTOCOLS))
            .collect();
        let context = Context {
            connection: (!beside && !queued).then(|| connection.clone()),
            mail: (!before_mail && !beside).then(|| mail.clone()),
            message: has_content(&step.hook).then(|| self.message.clone()),
            cause: (step.hook == "submit").then_some(cause),
            attempt: queued.then(|| Arc::new(attempt)),
            events: (step.hook == "mailbox").then_some(events?.into()),
            credentials: before_mail.then(|| {
                Arc::new(Credentials::from(LoginAttempt {
                    mechanism: "PLAIN".to_owned(),
                    user: step.user.clone(),
                    authorise_as: step.authorise_as.clone(),
                    offered: Offered::Password(step.password.clone()),
                }))
            }),
            domain,
            ..Context::default()
        };
        Ok(Asked {
            context,
            index,
            recipient,
            connection,
            mail,
        })
    }

    /// Keeps what a call left on connection and transaction.
    pub(super) fn keep(&mut self, asked: &Asked) {
        self.connection_notes = std::mem::take(&mut asked.connection.state().notes);
        self.mail_notes = std::mem::take(&mut asked.mail.state().notes);
    }

    /// Keeps a tag that a call put on the message.
    pub(super) fn tag(&mut self, key: &str, value: &str) {
        self.envelope.tags.insert(key.to_owned(), value.to_owned());
    }

    fn connection(&mut self) -> Result<Connection, String> {
        let said = &self.connection;
        let protocol = PROTOCOLS
            .into_iter()
            .find(|protocol| protocol.as_str() == said.protocol)
            .ok_or_else(|| format!("there is no protocol \"{}\"", said.protocol))?;
        let connection = Connection::new(ConnectionFacts {
            id: "session-1".to_owned(),
            protocol,
            listener: said.listener.as_str().into(),
            client: endpoint(&said.client)?,
            local: endpoint(&said.local)?,
            tls: said.tls.then(|| TlsFacts {
                version: "TLSv1.3".to_owned(),
                cipher: "TLS13_AES_256_GCM_SHA384".to_owned(),
                server_name: None,
            }),
        });
        {
            let count = |name: &str| said.counters.get(name).copied().unwrap_or(0);
            let mut state = connection.state();
            state.helo = said.helo.as_deref().map(Into::into);
            state.esmtp = true;
            state.identity = said.identity.as_deref().map(identity);
            state.counters = Counters {
                transactions: count("transactions"),
                messages: count("messages"),
                recipients_accepted: count("recipients-accepted"),
                recipients_refused: count("recipients-refused"),
                auth_failures: count("auth-failures"),
                ..Counters::default()
            };
            for (name, count) in &said.counters {
                if let Some(what) = Observed::named(name) {
                    state.counters.observe(what, *count);
                }
            }
            state.found = self.found.clone();
            state.notes = std::mem::take(&mut self.connection_notes);
        }
        Ok(connection)
    }

    /// The transaction, and the number of the recipient at hand: behind those that were accepted.
    fn mail(
        &mut self,
        connection: &Connection,
        step: &CaseStep,
        recipient: &Addressee,
    ) -> Result<(Mail, u32), String> {
        let said = &self.envelope;
        let counters = connection.state().counters;
        let mail = Mail::new(
            TransactionFacts {
                queue_id: "QUEUE1".to_owned(),
                sender: sender(&said.sender)?,
                params: Vec::new(),
                declared_size: said.declared_size,
                smtputf8: false,
            },
            connection,
        );
        // A transaction begins with each call here; only one began for the case.
        connection.state().counters = counters;
        let index = {
            let mut state = mail.state();
            state.recipients = said.recipients.iter().map(|text| addressee(text)).collect();
            let index = u32::try_from(state.recipients.len()).unwrap_or(u32::MAX);
            if matches!(
                step.hook.as_str(),
                "route-inbound" | "deliver" | "route-outbound" | "delivery-result"
            ) {
                state.recipients.push(recipient.clone());
            }
            if let Some(verdict) = said.verdict.as_deref().and_then(verdict) {
                let mut verdicts: Vec<(Box<str>, Verdict)> = Vec::new();
                for recipient in &state.recipients {
                    verdicts.push((recipient.domain().into(), verdict.clone()));
                }
                state.verdicts = verdicts;
            }
            state.tags = said.tags.clone().into_iter().collect();
            state.notes = std::mem::take(&mut self.mail_notes);
            state.auth = Some(self.auth.clone());
            index
        };
        Ok((mail, index))
    }
}

/// Whether a hook is asked where there is no transaction yet.
fn is_before_mail(hook: &str) -> bool {
    matches!(hook, "connect" | "ehlo" | "authenticate") || hook.starts_with("login")
}

/// Whether a hook is asked beside the sessions, about no mail.
fn is_beside(hook: &str) -> bool {
    matches!(hook, "mailbox" | "tick")
}

/// Whether a hook is asked about a message of the outbound queue, which has left its connection.
/// Why a message leaves, in the words of a case.
fn cause(word: &str, logged_in: bool) -> Result<Cause, String> {
    Ok(match word {
        "" if logged_in => Cause::Submitted,
        "submitted" => Cause::Submitted,
        "" | "relayed" => Cause::Relayed,
        "forwarded" => Cause::Forwarded,
        "reported" => Cause::Reported,
        other => return Err(format!("there is no cause \"{other}\" of a submission")),
    })
}

fn is_of_queue(hook: &str) -> bool {
    matches!(hook, "submit" | "route-outbound" | "delivery-result")
}

/// Whether the content is in when a hook is asked, and at hand.
fn has_content(hook: &str) -> bool {
    let before = is_before_mail(hook) || matches!(hook, "mail-from" | "rcpt-to" | "data");
    let without = is_beside(hook) || matches!(hook, "route-outbound" | "delivery-result");
    !before && !without
}

fn endpoint(text: &str) -> Result<SocketAddr, String> {
    let address: IpAddr = text
        .parse()
        .map_err(|_| format!("\"{text}\" is no address of a machine"))?;
    Ok(SocketAddr::new(address, 40_000))
}

fn sender(text: &str) -> Result<ReversePath, String> {
    if text.is_empty() {
        return Ok(ReversePath::Null);
    }
    Address::parse(text)
        .map(ReversePath::Address)
        .map_err(|error| format!("\"{text}\" is no address: {error}"))
}

/// An address, or what stands for `<Postmaster>`.
fn addressee(text: &str) -> Addressee {
    Addressee {
        standing: Standing::Given,
        address: Address::parse(text).ok(),
        params: Vec::new(),
        leads: Leads::default(),
    }
}

fn identity(account: &str) -> Identity {
    Identity {
        account: account.into(),
        authorised_as: account.into(),
        mechanism: "PLAIN".into(),
    }
}

fn verdict(word: &str) -> Option<Verdict> {
    Some(match word {
        "deliver" => Verdict::Deliver,
        "junk" => Verdict::Junk,
        "quarantine" => Verdict::Quarantine(String::new()),
        "discard" => Verdict::Discard,
        _ => return None,
    })
}

/// A server that has what a case says, at the time at which every case begins.
pub(super) fn server(directory: &Directory) -> MemoryServices {
    let server = MemoryServices::new();
    server.set_clock(Duration::from_millis(BEGIN));
    for domain in &directory.domains {
        server.add_domain(domain);
    }
    for (address, account) in &directory.accounts {
        server.add_account(address, account.password.as_deref().unwrap_or(CLOSED));
        let limits = Limits {
            bytes: account.limit_bytes,
            messages: account.limit_messages,
        };
        let usage = Usage {
            bytes: account.bytes,
            messages: account.messages,
        };
        server.set_usage(address, limits, usage);
        let vacation = account.vacation.vacation();
        server.set_vacation(address, vacation, account.identities.clone());
        server.add_mailbox(address, "INBOX");
        for mailbox in &account.mailboxes {
            server.add_mailbox(address, mailbox);
        }
    }
    for (address, targets) in &directory.aliases {
        let targets = targets.iter().filter_map(|target| target.parse().ok());
        server.add_alias(address, targets.collect());
    }
    server
}
