//! A plugin on the bench: called hook by hook, with everything seen that it asked, said and did.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;

use super::case::CaseStep;
use super::render;
use super::world::{Asked, World};
use crate::bindings::waxwing::policy::types::Identity;
use crate::capability::recipient_of;
use crate::guest::Ask;
use crate::hook::Hook;
use crate::memory::MemoryServices;
use crate::outcome::{Operation, Room};
use crate::pipeline::count;
use crate::recorder::{HostCall, Recorder};
use crate::services::{Services as _, Usage};
use crate::step::Step;

/// Host calls that are noted of one call of a hook, and characters of an argument or answer.
const MAX_CALLS: usize = 1000;
const MAX_TEXT: usize = 500;

/// A step of one plugin in a pretended world.
pub struct Bench {
    pub(super) step: Arc<Step>,
    pub(super) server: Arc<MemoryServices>,
    /// Who listens; nobody does where time is measured.
    pub(super) notebook: Option<Arc<Notebook>>,
    pub(super) world: World,
    /// The call is none of the step's figures.
    pub(super) trial: bool,
}

/// What a plugin asked, said and did in one call, and what it cost.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Seen {
    /// The hook.
    pub hook: String,
    /// Its answer as one line, as cases expect it.
    pub answer: String,
    /// Whether it failed: the answer says how.
    pub failed: bool,
    /// All findings so far, as `NAME=score`.
    pub findings: Vec<String>,
    /// What it did to the message or the copy.
    pub actions: Vec<String>,
    /// Its lines for the person who asks why.
    pub explained: Vec<String>,
    /// Lines that it logged, so far.
    pub log: Vec<String>,
    /// What it asked of the host.
    pub host_calls: Vec<NotedCall>,
    /// How often it asked.
    pub host_call_count: u32,
    /// How long it took, host calls included.
    pub microseconds: u64,
    #[serde(skip)]
    took: Duration,
    /// Octets of linear memory that its instance has.
    pub memory: u64,
}

/// A host call as it was seen.
#[derive(Clone, Debug, Serialize)]
pub struct NotedCall {
    /// `interface.function`.
    pub name: &'static str,
    /// Its arguments.
    pub arguments: String,
    /// Its answer.
    pub answer: String,
}

impl Seen {
    /// How long it took, host calls included.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.took
    }
}

/// Listens to the plugin.
#[derive(Debug, Default)]
pub(super) struct Notebook(Mutex<Pages>);

#[derive(Debug, Default)]
struct Pages {
    calls: Vec<NotedCall>,
    log: Vec<String>,
}

impl Notebook {
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorder for Notebook {
    fn host_call(&self, call: &HostCall<'_>) {
        let mut pages = self.pages();
        if call.hook.is_some() && pages.calls.len() < MAX_CALLS {
            pages.calls.push(NotedCall {
                name: call.name,
                arguments: shortened(call.arguments),
                answer: shortened(call.answer),
            });
        }
    }

    fn log_line(&self, level: &str, line: &str) {
        self.pages().log.push(format!("{level}: {line}"));
    }
}

fn shortened(value: &dyn Debug) -> String {
    let text = format!("{value:?}");
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

impl Bench {
    /// Other content than the case's, octet for octet.
    pub fn content(&mut self, content: Bytes) {
        self.world.content(content);
    }

    /// How long it takes to make an instance and initialise it.
    ///
    /// # Errors
    /// Why it cannot be made.
    pub async fn fresh(&self) -> Result<Duration, String> {
        self.step
            .time_fresh()
            .await
            .map_err(|fault| fault.to_string())
    }

    /// Calls one hook.
    ///
    /// # Errors
    /// The step of the case makes no sense.
    pub async fn call(&mut self, step: &CaseStep) -> Result<Seen, String> {
        self.server
            .advance(Duration::from_secs(step.advance_seconds));
        if let Some(unavailable) = step.unavailable {
            self.server.set_unavailable(unavailable);
        }
        if let Some(notebook) = &self.notebook {
            notebook.pages().calls.clear();
        }
        let asked = self.world.ask(step, self.server.unix_ms())?;
        let recipient = recipient_of(
            asked.index,
            &asked.recipient,
            asked.recipient.address.as_ref(),
        );
        let identity = Identity {
            account: step.user.clone(),
            authorised_as: step.user.clone(),
            mechanism: "PLAIN".to_owned(),
        };
        let now = self.server.unix_ms();
        let ask = ask(step, &recipient, &identity, now)?;
        if !self.step.hooks.contains(&ask.hook()) {
            return Err(format!("the plugin has no hook {}", ask.hook()));
        }
        let mut context = asked.context.clone();
        context.trial = self.trial;
        let (said, took) = self.step.call(context, None, &ask).await;
        Ok(self.seen(step, ask.hook(), &asked, said, took))
    }

    fn seen(
        &mut self,
        step: &CaseStep,
        hook: Hook,
        asked: &Asked,
        said: crate::instance::Said,
        took: Duration,
    ) -> Seen {
        self.world.keep(asked);
        let answer = render::answer(hook, &said.answer);
        let failed = said.answer.is_err();
        let actions = render::actions(&said.effects, &said.answer);
        if !failed {
            for (key, value) in &said.effects.tags {
                self.world.tag(key, value);
            }
            let _counted = count(&mut self.world.found, &self.step, said.effects.findings);
        }
        let findings = self.world.found.iter();
        let findings = findings.map(|found| format!("{}={}", found.name, found.score));
        let (host_calls, log) = match &self.notebook {
            Some(notebook) => {
                let pages = notebook.pages();
                (pages.calls.clone(), pages.log.clone())
            }
            None => (Vec::new(), Vec::new()),
        };
        Seen {
            hook: step.hook.clone(),
            answer,
            failed,
            findings: findings.collect(),
            actions,
            explained: said.effects.explained,
            log,
            host_calls,
            host_call_count: said.host_calls,
            microseconds: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            took,
            memory: said.memory as u64,
        }
    }
}

/// The question of a step.
fn ask<'a>(
    step: &'a CaseStep,
    recipient: &'a crate::bindings::waxwing::policy::types::Recipient,
    identity: &'a Identity,
    now: u64,
) -> Result<Ask<'a>, String> {
    let (user, mechanism) = (step.user.as_str(), "PLAIN");
    let usage = |(bytes, messages)| Usage { bytes, messages };
    Ok(match step.hook.as_str() {
        "connect" => Ask::Connect,
        "ehlo" => Ask::Ehlo(&step.helo),
        "authenticate" => Ask::Authenticate,
        "login-before" => Ask::LoginBefore { user, mechanism },
        "login-failed" => Ask::LoginFailed { user, mechanism },
        "login-after" => Ask::LoginAfter(identity),
        "mail-from" => Ask::MailFrom,
        "rcpt-to" => Ask::RcptTo(recipient),
        "data" => Ask::Data,
        "message" => Ask::Message,
        "verdict" => Ask::Verdict(&step.domain),
        "route-inbound" => Ask::Route(recipient),
        "quota" => Ask::Quota(Room {
            account: &step.account,
            limited: true,
            operation: match step.operation.as_str() {
                "append" => Operation::Append,
                "upload" => Operation::Upload,
                "send" => Operation::Send,
                _ => Operation::Deliver,
            },
            current: usage(step.current),
            adding: usage(step.adding),
        }),
        "quota-limits" => Ask::QuotaLimits(&step.account),
        "deliver" => Ask::Deliver {
            recipient,
            account: &step.account,
            away: true,
        },
        "submit" => Ask::Submit,
        "route-outbound" => Ask::RouteOutbound(recipient),
        "delivery-result" => Ask::DeliveryResult(recipient),
        "mailbox" => Ask::Mailbox,
        "tick" => Ask::Tick(now),
        other => return Err(format!("there is no hook \"{other}\"")),
    })
}

impl Debug for Bench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Bench").field(&self.step).finish()
    }
}
