//! Where mail goes that leaves: the MX hosts of its domain or a route of the settings; how often it is tried, when its sender is
//! told that it is late, and when it is given up.
//!
//! Hooks: route-outbound and delivery-result. Host calls: outbound, runtime (chance). RFC 5321 §4.5.4.1. README.md has the
//! settings.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "tests fail by panicking"
    )
)]

pub mod logic;
pub mod settings;

use outbound::{OutboundError, TlsPolicy};
use settings::{Demand, Route, Settings};
use waxwing_plugin::prelude::*;

/// The plugin.
#[derive(Debug)]
pub struct Outbound {
    settings: Settings,
}

impl Plugin for Outbound {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Vec<Problem>> {
        Ok(Self { settings })
    }

    fn check(settings: &Settings) -> Vec<Problem> {
        settings::check(settings)
    }

    fn self_test(&self) -> Vec<SelfTest> {
        vec![SelfTest::equal(
            "a message is tried again after its first attempt",
            &(logic::wait(&self.settings.retry_after_seconds, 1, 0, 0) > 0),
            &true,
        )]
    }
}

impl Outbound {
    fn wish(route: &Route, call: RouteCall<'_>) -> Result<(), OutboundError> {
        let plan = call.plan;
        if let Some(domain) = &route.mx_of {
            plan.mx_of(domain)?;
        }
        if let Some(address) = &route.lmtp {
            plan.lmtp(address)?;
        }
        for host in &route.hosts {
            plan.relay(
                &host.host,
                host.port,
                host.implicit_tls,
                host.credentials.as_deref(),
            )?;
        }
        if let Some(demand) = route.tls {
            plan.tls(match demand {
                Demand::Never => TlsPolicy::Never,
                Demand::Opportunistic => TlsPolicy::Opportunistic,
                Demand::Encrypt => TlsPolicy::Encrypt,
                Demand::Verify => TlsPolicy::Verify,
                Demand::Dane => TlsPolicy::Dane,
                Demand::MtaSts => TlsPolicy::MtaSts,
                Demand::Published => TlsPolicy::Published,
            });
        }
        if let Some(source) = &route.source {
            plan.source(source)?;
        }
        Ok(())
    }

    fn limit(route: &Route, call: RouteCall<'_>) -> Result<(), OutboundError> {
        if let Some(most) = route.connections {
            call.plan.connections(most)?;
        }
        if let Some(most) = route.per_minute {
            call.plan.rate(most)?;
        }
        Ok(())
    }
}

impl OnRouteOutbound for Outbound {
    fn plan_for(&self, call: RouteCall<'_>) -> Result<OutboundDecision, HookError> {
        let route = self.settings.route(&call.recipient.address.domain);
        if let Some(route) = route {
            Self::wish(route, call)?;
        }
        call.plan.retry_after(&self.settings.retry_after_seconds)?;
        call.plan.expire_after(self.settings.expire_after_seconds)?;
        if let Some(route) = route {
            Self::limit(route, call)?;
        }
        Ok(OutboundDecision::Send)
    }
}

impl OnDeliveryResult for Outbound {
    fn on_result(
        &self,
        _env: &Envelope,
        _rcpt: &Recipient,
        attempt: &Attempt,
    ) -> Result<ResultDecision, HookError> {
        if attempt.outcome() != "deferred" {
            return Ok(ResultDecision::Pass);
        }
        let queued = attempt.queued_seconds();
        let expires = self.settings.expire_after_seconds;
        if queued >= u64::from(expires) {
            return Ok(ResultDecision::GiveUp(Notice::AsAsked));
        }
        let chance = runtime::random(4).try_into().map_or(0, u32::from_be_bytes);
        let waits = &self.settings.retry_after_seconds;
        let wait = logic::wait(
            waits,
            attempt.number(),
            self.settings.jitter_percent,
            chance,
        );
        let warn = u64::from(self.settings.warn_after_seconds);
        Ok(ResultDecision::Retry(Retry {
            after_seconds: logic::cut(wait, queued, expires),
            // The server tells a delay once, however often it is asked to.
            notice: if warn > 0 && queued >= warn {
                Notice::AsAsked
            } else {
                Notice::Never
            },
        }))
    }
}

waxwing_plugin::export!(Outbound: route_outbound, delivery_result);

#[cfg(test)]
mod tests {
    #[test]
    fn cases() {
        waxwing_plugin::testing::run_cases::<super::Outbound>(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/cases"
        ));
    }
}
