//! The exports of a plugin: which hooks it has, and the calls of each.
//!
//! The handles that a hook gets are borrows without a table: what they stand for is the state's context, which changes with each call.

mod ask;

use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre, Resource};

use crate::answer::{self, Answer};
use crate::bindings::exports::waxwing::policy as hooks;
use crate::bindings::waxwing::policy::types::{HookError, Usage};
use crate::fault::Fault;
use crate::hook::Hook;
use crate::outcome::Operation;
use crate::services;
use crate::state::State;

pub(crate) use ask::{Ask, OwnedAsk};

/// Where a component's exports are, found once.
#[derive(Clone)]
pub(crate) struct Exports {
    lifecycle: hooks::lifecycle::GuestIndices,
    settings_check: Option<hooks::settings_check::GuestIndices>,
    self_test: Option<hooks::self_test::GuestIndices>,
    connect: Option<hooks::hook_connect::GuestIndices>,
    ehlo: Option<hooks::hook_ehlo::GuestIndices>,
    login: Option<hooks::hook_login::GuestIndices>,
    authenticate: Option<hooks::hook_authenticate::GuestIndices>,
    mail_from: Option<hooks::hook_mail_from::GuestIndices>,
    rcpt_to: Option<hooks::hook_rcpt_to::GuestIndices>,
    data: Option<hooks::hook_data::GuestIndices>,
    message: Option<hooks::hook_message::GuestIndices>,
    verdict: Option<hooks::hook_verdict::GuestIndices>,
    route: Option<hooks::hook_route_inbound::GuestIndices>,
    quota: Option<hooks::hook_quota::GuestIndices>,
    quota_limits: Option<hooks::hook_quota_limits::GuestIndices>,
    deliver: Option<hooks::hook_deliver::GuestIndices>,
    submit: Option<hooks::hook_submit::GuestIndices>,
    route_outbound: Option<hooks::hook_route_outbound::GuestIndices>,
    delivery_result: Option<hooks::hook_delivery_result::GuestIndices>,
    mailbox: Option<hooks::hook_mailbox::GuestIndices>,
    tick: Option<hooks::hook_tick::GuestIndices>,
}

impl Exports {
    /// Finds them. An interface that the component does not have is no error but for `lifecycle`.
    pub(crate) fn find(pre: &InstancePre<State>) -> wasmtime::Result<Self> {
        Ok(Self {
            lifecycle: hooks::lifecycle::GuestIndices::new(pre)?,
            settings_check: hooks::settings_check::GuestIndices::new(pre).ok(),
            self_test: hooks::self_test::GuestIndices::new(pre).ok(),
            connect: hooks::hook_connect::GuestIndices::new(pre).ok(),
            ehlo: hooks::hook_ehlo::GuestIndices::new(pre).ok(),
            login: hooks::hook_login::GuestIndices::new(pre).ok(),
            authenticate: hooks::hook_authenticate::GuestIndices::new(pre).ok(),
            mail_from: hooks::hook_mail_from::GuestIndices::new(pre).ok(),
            rcpt_to: hooks::hook_rcpt_to::GuestIndices::new(pre).ok(),
            data: hooks::hook_data::GuestIndices::new(pre).ok(),
            message: hooks::hook_message::GuestIndices::new(pre).ok(),
            verdict: hooks::hook_verdict::GuestIndices::new(pre).ok(),
            route: hooks::hook_route_inbound::GuestIndices::new(pre).ok(),
            quota: hooks::hook_quota::GuestIndices::new(pre).ok(),
            quota_limits: hooks::hook_quota_limits::GuestIndices::new(pre).ok(),
            deliver: hooks::hook_deliver::GuestIndices::new(pre).ok(),
            submit: hooks::hook_submit::GuestIndices::new(pre).ok(),
            route_outbound: hooks::hook_route_outbound::GuestIndices::new(pre).ok(),
            delivery_result: hooks::hook_delivery_result::GuestIndices::new(pre).ok(),
            mailbox: hooks::hook_mailbox::GuestIndices::new(pre).ok(),
            tick: hooks::hook_tick::GuestIndices::new(pre).ok(),
        })
    }

    /// Whether the plugin has this hook.
    pub(crate) fn has(&self, hook: Hook) -> bool {
        match hook {
            Hook::Connect => self.connect.is_some(),
            Hook::Ehlo => self.ehlo.is_some(),
            Hook::Login => self.login.is_some(),
            Hook::Authenticate => self.authenticate.is_some(),
            Hook::MailFrom => self.mail_from.is_some(),
            Hook::RcptTo => self.rcpt_to.is_some(),
            Hook::Data => self.data.is_some(),
            Hook::Message => self.message.is_some(),
            Hook::Verdict => self.verdict.is_some(),
            Hook::RouteInbound => self.route.is_some(),
            Hook::Quota => self.quota.is_some(),
            Hook::QuotaLimits => self.quota_limits.is_some(),
            Hook::Deliver => self.deliver.is_some(),
            Hook::Submit => self.submit.is_some(),
            Hook::RouteOutbound => self.route_outbound.is_some(),
            Hook::DeliveryResult => self.delivery_result.is_some(),
            Hook::Mailbox => self.mailbox.is_some(),
            Hook::Tick => self.tick.is_some(),
        }
    }

    /// The functions of an instance. Their types are checked here, once an instance.
    pub(crate) fn load(
        &self,
        store: &mut Store<State>,
        instance: &Instance,
    ) -> wasmtime::Result<Guest> {
        macro_rules! load {
            ($($field:ident),*) => {
                Guest {
                    lifecycle: self.lifecycle.load(&mut *store, instance)?,
                    $($field: self.$field.as_ref().map(|found| found.load(&mut *store, instance)).transpose()?,)*
                }
            };
        }
        Ok(load!(
            settings_check,
            self_test,
            connect,
            ehlo,
            login,
            authenticate,
            mail_from,
            rcpt_to,
            data,
            message,
            verdict,
            route,
            quota,
            quota_limits,
            deliver,
            submit,
            route_outbound,
            delivery_result,
            mailbox,
            tick
        ))
    }
}

/// The functions of one instance.
pub(crate) struct Guest {
    lifecycle: hooks::lifecycle::Guest,
    settings_check: Option<hooks::settings_check::Guest>,
    self_test: Option<hooks::self_test::Guest>,
    connect: Option<hooks::hook_connect::Guest>,
    ehlo: Option<hooks::hook_ehlo::Guest>,
    login: Option<hooks::hook_login::Guest>,
    authenticate: Option<hooks::hook_authenticate::Guest>,
    mail_from: Option<hooks::hook_mail_from::Guest>,
    rcpt_to: Option<hooks::hook_rcpt_to::Guest>,
    data: Option<hooks::hook_data::Guest>,
    message: Option<hooks::hook_message::Guest>,
    verdict: Option<hooks::hook_verdict::Guest>,
    route: Option<hooks::hook_route_inbound::Guest>,
    quota: Option<hooks::hook_quota::Guest>,
    quota_limits: Option<hooks::hook_quota_limits::Guest>,
    deliver: Option<hooks::hook_deliver::Guest>,
    submit: Option<hooks::hook_submit::Guest>,
    route_outbound: Option<hooks::hook_route_outbound::Guest>,
    delivery_result: Option<hooks::hook_delivery_result::Guest>,
    mailbox: Option<hooks::hook_mailbox::Guest>,
    tick: Option<hooks::hook_tick::Guest>,
}

/// A handle on what the state's context holds.
fn at_hand<T: 'static>() -> Resource<T> {
    Resource::new_borrow(0)
}

/// What came back over the boundary: a trap, the guest's own error, or an answer.
type Raw = wasmtime::Result<Result<Answer, Fault>>;

impl Guest {
    /// Calls `lifecycle.init`.
    pub(crate) async fn init(
        &self,
        store: &mut Store<State>,
        settings: &str,
    ) -> wasmtime::Result<Result<(), String>> {
        self.lifecycle.call_init(store, settings).await
    }

    /// Calls `settings-check.validate`, if there is one: pointers and texts.
    pub(crate) async fn validate(
        &self,
        store: &mut Store<State>,
        settings: &str,
    ) -> wasmtime::Result<Vec<(String, String)>> {
        let Some(check) = &self.settings_check else {
            return Ok(Vec::new());
        };
        let problems = check
            .call_validate(store, settings)
            .await?
            .err()
            .unwrap_or_default();
        Ok(problems
            .into_iter()
            .map(|problem| (problem.pointer, problem.text))
            .collect())
    }

    /// Calls `self-test.run`, if there is one: the cases that failed.
    pub(crate) async fn self_test(
        &self,
        store: &mut Store<State>,
    ) -> wasmtime::Result<Vec<(String, String)>> {
        let Some(test) = &self.self_test else {
            return Ok(Vec::new());
        };
        let outcomes = test.call_run(store).await?;
        Ok(outcomes
            .into_iter()
            .filter(|outcome| !outcome.passed)
            .map(|outcome| (outcome.name, outcome.detail))
            .collect())
    }

    /// Asks a hook. One that the plugin does not have passes.
    pub(crate) async fn ask(&self, store: &mut Store<State>, ask: &Ask<'_>) -> Raw {
        match *ask {
            Ask::Connect => match &self.connect {
                Some(hook) => Ok(sorted(
                    hook.call_on_connect(store, at_hand()).await?,
                    answer::decision,
                )),
                None => pass(),
            },
            Ask::Ehlo(name) => match &self.ehlo {
                Some(hook) => Ok(sorted(
                    hook.call_on_ehlo(store, at_hand(), name).await?,
                    answer::decision,
                )),
                None => pass(),
            },
            Ask::LoginBefore { .. } | Ask::LoginAfter(_) | Ask::LoginFailed { .. } => {
                self.ask_login(store, ask).await
            }
            Ask::Authenticate => match &self.authenticate {
                Some(hook) => Ok(sorted(
                    hook.call_check(store, at_hand(), at_hand()).await?,
                    answer::authenticated,
                )),
                None => pass(),
            },
            Ask::MailFrom => match &self.mail_from {
                Some(hook) => Ok(sorted(
                    hook.call_on_mail_from(store, at_hand(), at_hand()).await?,
                    answer::decision,
                )),
                None => pass(),
            },
            Ask::RcptTo(recipient) => match &self.rcpt_to {
                Some(hook) => {
                    let said = hook
                        .call_on_rcpt_to(store, at_hand(), at_hand(), recipient)
                        .await?;
                    Ok(sorted(said, answer::decision))
                }
                None => pass(),
            },
            Ask::Data => match &self.data {
                Some(hook) => Ok(sorted(
                    hook.call_on_data(store, at_hand(), at_hand()).await?,
                    answer::decision,
                )),
                None => pass(),
            },
            Ask::Message => match &self.message {
                Some(hook) => {
                    let said = hook
                        .call_on_message(store, at_hand(), at_hand(), at_hand(), at_hand())
                        .await?;
                    Ok(sorted(said, answer::message))
                }
                None => pass(),
            },
            Ask::Verdict(domain) => match &self.verdict {
                Some(hook) => Ok(sorted(
                    hook.call_on_verdict(store, at_hand(), at_hand(), domain)
                        .await?,
                    answer::verdict,
                )),
                None => pass(),
            },
            Ask::Route(recipient) => match &self.route {
                Some(hook) => Ok(sorted(
                    hook.call_resolve(store, at_hand(), recipient).await?,
                    answer::route,
                )),
                None => pass(),
            },
            Ask::Quota(room) => match &self.quota {
                Some(hook) => {
                    let said = hook
                        .call_check(
                            store,
                            room.account,
                            from_operation(room.operation),
                            usage(room.current),
                            usage(room.adding),
                        )
                        .await?;
                    Ok(sorted(said, answer::quota))
                }
                None => pass(),
            },
            Ask::QuotaLimits(account) => match &self.quota_limits {
                Some(hook) => Ok(sorted(
                    hook.call_limits_of(store, account).await?,
                    answer::quota_limits,
                )),
                None => pass(),
            },
            Ask::Deliver {
                recipient, account, ..
            } => match &self.deliver {
                Some(hook) => {
                    let said = hook
                        .call_on_deliver(
                            &mut *store,
                            at_hand(),
                            recipient,
                            account,
                            at_hand(),
                            at_hand(),
                        )
                        .await?;
                    let filings = std::mem::take(&mut store.data_mut().effects.filings);
                    Ok(sorted(said, |decision| answer::deliver(decision, filings)))
                }
                None => pass(),
            },
            Ask::Submit | Ask::RouteOutbound(_) | Ask::DeliveryResult(_) => {
                self.ask_outbound(store, ask).await
            }
            Ask::Mailbox => match &self.mailbox {
                Some(hook) => Ok(sorted(
                    hook.call_on_events(store, at_hand()).await?,
                    answer::noted,
                )),
                None => pass(),
            },
            Ask::Tick(due) => match &self.tick {
                Some(hook) => Ok(sorted(hook.call_on_tick(store, due).await?, answer::noted)),
                None => pass(),
            },
        }
    }

    /// The hooks of mail that leaves.
    async fn ask_outbound(&self, store: &mut Store<State>, ask: &Ask<'_>) -> Raw {
        match *ask {
            Ask::Submit => match &self.submit {
                Some(hook) => {
                    let said = hook
                        .call_on_submit(store, at_hand(), at_hand(), at_hand(), at_hand())
                        .await?;
                    Ok(sorted(said, answer::submit))
                }
                None => pass(),
            },
            Ask::RouteOutbound(recipient) => match &self.route_outbound {
                Some(hook) => {
                    let said = hook
                        .call_plan_for(&mut *store, at_hand(), recipient, at_hand(), at_hand())
                        .await?;
                    let plan = std::mem::take(&mut store.data_mut().effects.plan);
                    Ok(sorted(said, |decision| {
                        answer::route_outbound(decision, plan)
                    }))
                }
                None => pass(),
            },
            Ask::DeliveryResult(recipient) => match &self.delivery_result {
                Some(hook) => Ok(sorted(
                    hook.call_on_result(store, at_hand(), recipient, at_hand())
                        .await?,
                    answer::delivery_result,
                )),
                None => pass(),
            },
            _ => pass(),
        }
    }

    async fn ask_login(&self, store: &mut Store<State>, ask: &Ask<'_>) -> Raw {
        let Some(hook) = &self.login else {
            return pass();
        };
        let said = match *ask {
            Ask::LoginBefore { user, mechanism } => {
                hook.call_before(store, at_hand(), user, mechanism).await?
            }
            Ask::LoginAfter(identity) => hook.call_after(store, at_hand(), identity).await?,
            Ask::LoginFailed { user, mechanism } => {
                hook.call_failed(store, at_hand(), user, mechanism).await?
            }
            _ => return pass(),
        };
        Ok(sorted(said, answer::login))
    }
}

fn pass() -> Raw {
    Ok(Ok(Answer::Pass))
}

/// Tells the guest's own error from its answer, and nonsense from sense.
fn sorted<T>(
    said: Result<T, HookError>,
    check: impl FnOnce(T) -> Result<Answer, Fault>,
) -> Result<Answer, Fault> {
    match said {
        Ok(answer) => check(answer),
        Err(HookError::Unavailable(text)) => Err(Fault::Unavailable(text)),
        Err(HookError::Internal(text)) => Err(Fault::Internal(text)),
    }
}

fn usage(usage: services::Usage) -> Usage {
    Usage {
        bytes: usage.bytes,
        messages: usage.messages,
    }
}

fn from_operation(operation: Operation) -> hooks::hook_quota::Operation {
    match operation {
        Operation::Deliver => hooks::hook_quota::Operation::Deliver,
        Operation::Append => hooks::hook_quota::Operation::Append,
        Operation::Upload => hooks::hook_quota::Operation::Upload,
        Operation::Send => hooks::hook_quota::Operation::Send,
    }
}
