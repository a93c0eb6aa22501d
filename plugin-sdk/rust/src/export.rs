//! From a plugin to a component: `export!` and the glue behind it.

/// Exports a plugin with the hooks that it answers: `export!(Access: connect, ehlo);`.
///
/// The hooks are `connect`, `ehlo`, `authenticate`, `login`, `mail_from`, `rcpt_to`, `data`, `message`, `verdict`,
/// `route_inbound`, `quota`, `quota_limits`, `deliver`, `submit`, `route_outbound`, `delivery_result`, `mailbox` and `tick`; the plugin implements the trait of each ([`hook`](crate::hook)). The component
/// exports these, `lifecycle`, `settings-check` and `self-test`, and nothing else.
#[macro_export]
macro_rules! export {
    ($plugin:ty: $($hook:ident),+ $(,)?) => {
        impl $crate::Instance for $plugin {
            fn slot<R>(visit: impl FnOnce(&::core::cell::OnceCell<Self>) -> R) -> R {
                ::std::thread_local! {
                    static SLOT: ::core::cell::OnceCell<$plugin> = const { ::core::cell::OnceCell::new() };
                }
                SLOT.with(|slot| visit(slot))
            }
        }

        #[cfg(target_family = "wasm")]
        const _: () = {
            type Exported = $crate::Component<$plugin>;
            $crate::bindings::lifecycle::export_lifecycle!(Exported with_types_in $crate::bindings::lifecycle);
            $crate::bindings::settings_check::export_settings_check!(Exported with_types_in $crate::bindings::settings_check);
            $crate::bindings::self_test::export_self_test!(Exported with_types_in $crate::bindings::self_test);
            $($crate::__export_hook!($hook);)+
        };

        #[cfg(not(target_family = "wasm"))]
        impl $crate::testing::Hooks for $plugin {
            $($crate::__list_hook!($hook);)+
        }
    };
}

/// One hook's export.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_hook {
    (connect) => { $crate::bindings::connect::export_connect!(Exported with_types_in $crate::bindings::connect); };
    (ehlo) => { $crate::bindings::ehlo::export_ehlo!(Exported with_types_in $crate::bindings::ehlo); };
    (authenticate) => { $crate::bindings::authenticate::export_authenticate!(Exported with_types_in $crate::bindings::authenticate); };
    (login) => { $crate::bindings::login::export_login!(Exported with_types_in $crate::bindings::login); };
    (mail_from) => { $crate::bindings::mail_from::export_mail_from!(Exported with_types_in $crate::bindings::mail_from); };
    (rcpt_to) => { $crate::bindings::rcpt_to::export_rcpt_to!(Exported with_types_in $crate::bindings::rcpt_to); };
    (data) => { $crate::bindings::data::export_data!(Exported with_types_in $crate::bindings::data); };
    (message) => { $crate::bindings::message::export_message!(Exported with_types_in $crate::bindings::message); };
    (verdict) => { $crate::bindings::verdict::export_verdict!(Exported with_types_in $crate::bindings::verdict); };
    (route_inbound) => { $crate::bindings::route_inbound::export_route_inbound!(Exported with_types_in $crate::bindings::route_inbound); };
    (quota) => { $crate::bindings::quota::export_quota!(Exported with_types_in $crate::bindings::quota); };
    (quota_limits) => { $crate::bindings::quota_limits::export_quota_limits!(Exported with_types_in $crate::bindings::quota_limits); };
    (deliver) => { $crate::bindings::deliver::export_deliver!(Exported with_types_in $crate::bindings::deliver); };
    (submit) => { $crate::bindings::submit::export_submit!(Exported with_types_in $crate::bindings::submit); };
    (route_outbound) => { $crate::bindings::route_outbound::export_route_outbound!(Exported with_types_in $crate::bindings::route_outbound); };
    (delivery_result) => { $crate::bindings::delivery_result::export_delivery_result!(Exported with_types_in $crate::bindings::delivery_result); };
    (mailbox) => { $crate::bindings::mailbox::export_mailbox!(Exported with_types_in $crate::bindings::mailbox); };
    (tick) => { $crate::bindings::tick::export_tick!(Exported with_types_in $crate::bindings::tick); };
}

/// One hook's entry in the test kit's list.
#[doc(hidden)]
#[macro_export]
macro_rules! __list_hook {
    (connect) => {
        fn connect(&self) -> Option<&dyn $crate::hook::OnConnect> {
            Some(self)
        }
    };
    (ehlo) => {
        fn ehlo(&self) -> Option<&dyn $crate::hook::OnEhlo> {
            Some(self)
        }
    };
    (authenticate) => {
        fn authenticate(&self) -> Option<&dyn $crate::hook::OnAuthenticate> {
            Some(self)
        }
    };
    (login) => {
        fn login(&self) -> Option<&dyn $crate::hook::OnLogin> {
            Some(self)
        }
    };
    (mail_from) => {
        fn mail_from(&self) -> Option<&dyn $crate::hook::OnMailFrom> {
            Some(self)
        }
    };
    (rcpt_to) => {
        fn rcpt_to(&self) -> Option<&dyn $crate::hook::OnRcptTo> {
            Some(self)
        }
    };
    (data) => {
        fn data(&self) -> Option<&dyn $crate::hook::OnData> {
            Some(self)
        }
    };
    (message) => {
        fn message(&self) -> Option<&dyn $crate::hook::OnMessage> {
            Some(self)
        }
    };
    (verdict) => {
        fn verdict(&self) -> Option<&dyn $crate::hook::OnVerdict> {
            Some(self)
        }
    };
    (route_inbound) => {
        fn route_inbound(&self) -> Option<&dyn $crate::hook::OnRouteInbound> {
            Some(self)
        }
    };
    (quota) => {
        fn quota(&self) -> Option<&dyn $crate::hook::OnQuota> {
            Some(self)
        }
    };
    (quota_limits) => {
        fn quota_limits(&self) -> Option<&dyn $crate::hook::OnQuotaLimits> {
            Some(self)
        }
    };
    (deliver) => {
        fn deliver(&self) -> Option<&dyn $crate::hook::OnDeliver> {
            Some(self)
        }
    };
    (submit) => {
        fn submit(&self) -> Option<&dyn $crate::hook::OnSubmit> {
            Some(self)
        }
    };
    (route_outbound) => {
        fn route_outbound(&self) -> Option<&dyn $crate::hook::OnRouteOutbound> {
            Some(self)
        }
    };
    (delivery_result) => {
        fn delivery_result(&self) -> Option<&dyn $crate::hook::OnDeliveryResult> {
            Some(self)
        }
    };
    (mailbox) => {
        fn mailbox(&self) -> Option<&dyn $crate::hook::OnMailbox> {
            Some(self)
        }
    };
    (tick) => {
        fn tick(&self) -> Option<&dyn $crate::hook::OnTick> {
            Some(self)
        }
    };
}

/// What the generated exports call: the plugin `P` in its slot.
#[derive(Debug)]
pub struct Component<P>(std::marker::PhantomData<P>);

#[cfg(target_family = "wasm")]
mod glue {
    use super::Component;
    use crate::bindings;
    use crate::bindings::self_test::Outcome;
    use crate::hook::*;
    use crate::host::types::{Identity, Recipient, Usage};
    use crate::host::{
        Attempt, Batch, Connection, Credentials, DeliveryActions, Envelope, Message,
        MessageActions, OutboundPlan, Submission,
    };
    use crate::plugin::{Instance, call, init, make};

    impl<P: Instance> bindings::lifecycle::Guest for Component<P> {
        fn init(settings: String) -> Result<(), String> {
            init::<P>(&settings)
        }
    }

    impl<P: Instance> bindings::settings_check::Guest for Component<P> {
        fn validate(settings: String) -> Result<(), Vec<bindings::settings_check::Problem>> {
            make::<P>(&settings).map(drop).map_err(|problems| {
                problems
                    .into_iter()
                    .map(|problem| bindings::settings_check::Problem {
                        pointer: problem.pointer,
                        text: problem.text,
                    })
                    .collect()
            })
        }
    }

    impl<P: Instance> bindings::self_test::Guest for Component<P> {
        fn run() -> Vec<Outcome> {
            let cases =
                P::slot(|slot| slot.get().map(crate::Plugin::self_test)).unwrap_or_default();
            cases
                .into_iter()
                .map(|case| Outcome {
                    name: case.name,
                    passed: case.passed,
                    detail: case.detail,
                })
                .collect()
        }
    }

    impl<P: Instance + OnConnect> bindings::connect::Guest for Component<P> {
        fn on_connect(conn: &Connection) -> Result<Decision, HookError> {
            call(|plugin: &P| plugin.on_connect(conn))
        }
    }

    impl<P: Instance + OnEhlo> bindings::ehlo::Guest for Component<P> {
        fn on_ehlo(conn: &Connection, name: String) -> Result<Decision, HookError> {
            call(|plugin: &P| plugin.on_ehlo(conn, &name))
        }
    }

    impl<P: Instance + OnAuthenticate> bindings::authenticate::Guest for Component<P> {
        fn check(conn: &Connection, creds: &Credentials) -> Result<Authenticated, HookError> {
            call(|plugin: &P| OnAuthenticate::check(plugin, conn, creds))
        }
    }

    impl<P: Instance + OnLogin> bindings::login::Guest for Component<P> {
        fn before(
            conn: &Connection,
            user: String,
            mechanism: String,
        ) -> Result<LoginDecision, HookError> {
            call(|plugin: &P| plugin.before(conn, &user, &mechanism))
        }

        fn after(conn: &Connection, who: Identity) -> Result<LoginDecision, HookError> {
            call(|plugin: &P| plugin.after(conn, &who))
        }

        fn failed(
            conn: &Connection,
            user: String,
            mechanism: String,
        ) -> Result<LoginDecision, HookError> {
            call(|plugin: &P| plugin.failed(conn, &user, &mechanism))
        }
    }

    impl<P: Instance + OnMailFrom> bindings::mail_from::Guest for Component<P> {
        fn on_mail_from(conn: &Connection, env: &Envelope) -> Result<Decision, HookError> {
            call(|plugin: &P| plugin.on_mail_from(conn, env))
        }
    }

    impl<P: Instance + OnRcptTo> bindings::rcpt_to::Guest for Component<P> {
        fn on_rcpt_to(
            conn: &Connection,
            env: &Envelope,
            rcpt: Recipient,
        ) -> Result<Decision, HookError> {
            call(|plugin: &P| plugin.on_rcpt_to(conn, env, &rcpt))
        }
    }

    impl<P: Instance + OnData> bindings::data::Guest for Component<P> {
        fn on_data(conn: &Connection, env: &Envelope) -> Result<Decision, HookError> {
            call(|plugin: &P| plugin.on_data(conn, env))
        }
    }

    impl<P: Instance + OnMessage> bindings::message::Guest for Component<P> {
        fn on_message(
            conn: &Connection,
            envelope: &Envelope,
            message: &Message,
            actions: &MessageActions,
        ) -> Result<MessageDecision, HookError> {
            call(|plugin: &P| {
                plugin.on_message(MessageCall {
                    conn,
                    envelope,
                    message,
                    actions,
                })
            })
        }
    }

    impl<P: Instance + OnVerdict> bindings::verdict::Guest for Component<P> {
        fn on_verdict(
            conn: &Connection,
            env: &Envelope,
            domain: String,
        ) -> Result<Judgement, HookError> {
            call(|plugin: &P| plugin.on_verdict(conn, env, &domain))
        }
    }

    impl<P: Instance + OnRouteInbound> bindings::route_inbound::Guest for Component<P> {
        fn resolve(env: &Envelope, rcpt: Recipient) -> Result<Option<Vec<Target>>, HookError> {
            call(|plugin: &P| plugin.resolve(env, &rcpt))
        }
    }

    impl<P: Instance + OnQuota> bindings::quota::Guest for Component<P> {
        fn check(
            account: String,
            operation: Operation,
            current: Usage,
            adding: Usage,
        ) -> Result<QuotaDecision, HookError> {
            let about = QuotaCall {
                account: &account,
                operation,
                current,
                adding,
            };
            call(|plugin: &P| OnQuota::check(plugin, about))
        }
    }

    impl<P: Instance + OnQuotaLimits> bindings::quota_limits::Guest for Component<P> {
        fn limits_of(account: String) -> Result<Vec<QuotaRoot>, HookError> {
            call(|plugin: &P| plugin.limits_of(&account))
        }
    }

    impl<P: Instance + OnDeliver> bindings::deliver::Guest for Component<P> {
        fn on_deliver(
            envelope: &Envelope,
            recipient: Recipient,
            account: String,
            message: &Message,
            actions: &DeliveryActions,
        ) -> Result<DeliverDecision, HookError> {
            let recipient = &recipient;
            call(|plugin: &P| {
                plugin.on_deliver(DeliverCall {
                    envelope,
                    recipient,
                    account: &account,
                    message,
                    actions,
                })
            })
        }
    }

    impl<P: Instance + OnSubmit> bindings::submit::Guest for Component<P> {
        fn on_submit(
            envelope: &Envelope,
            message: &Message,
            actions: &MessageActions,
            submission: &Submission,
        ) -> Result<SubmitDecision, HookError> {
            call(|plugin: &P| {
                plugin.on_submit(SubmitCall {
                    envelope,
                    message,
                    actions,
                    submission,
                })
            })
        }
    }

    impl<P: Instance + OnRouteOutbound> bindings::route_outbound::Guest for Component<P> {
        fn plan_for(
            envelope: &Envelope,
            recipient: Recipient,
            last: &Attempt,
            plan: &OutboundPlan,
        ) -> Result<OutboundDecision, HookError> {
            let recipient = &recipient;
            call(|plugin: &P| {
                plugin.plan_for(RouteCall {
                    envelope,
                    recipient,
                    last,
                    plan,
                })
            })
        }
    }

    impl<P: Instance + OnDeliveryResult> bindings::delivery_result::Guest for Component<P> {
        fn on_result(
            envelope: &Envelope,
            recipient: Recipient,
            attempt: &Attempt,
        ) -> Result<ResultDecision, HookError> {
            call(|plugin: &P| plugin.on_result(envelope, &recipient, attempt))
        }
    }

    impl<P: Instance + OnMailbox> bindings::mailbox::Guest for Component<P> {
        fn on_events(events: &Batch) -> Result<(), HookError> {
            call(|plugin: &P| plugin.on_events(events))
        }
    }

    impl<P: Instance + OnTick> bindings::tick::Guest for Component<P> {
        fn on_tick(due_unix_ms: u64) -> Result<(), HookError> {
            call(|plugin: &P| plugin.on_tick(due_unix_ms))
        }
    }
}
