//! `outbound`: what a plugin wishes of mail that leaves, collected until its hook answers; and the attempt that it is asked about.

use std::time::Duration;

use wasmtime::Result;
use wasmtime::component::Resource;
use waxwing_mail::Domain;

use crate::bindings::waxwing::policy::outbound::{
    Attempt, Cause as WitCause, Host, HostAttempt, HostPlan, HostSubmission, OutboundError, Plan,
    Submission, TlsPolicy,
};
use crate::bindings::waxwing::policy::types::SmtpReply;
use crate::facts::Cause;
use crate::outcome::{DkimKey, NextHop, RelayHost, TlsPolicy as Demand};
use crate::state::State;

const MAX_SIGNATURES: usize = 8;
const MAX_HOSTS: usize = 16;
const MAX_WAITS: usize = 32;
/// Names of hosts, of sources and of secrets, and paths of sockets, in octets.
const MAX_NAME: usize = 255;
/// The longest that a message may stay in the queue, in seconds.
const MAX_STAY: u32 = 30 * 24 * 3600;

type Noted = std::result::Result<(), OutboundError>;

impl Host for State {}

/// Which key a plugin means. RFC 6376 §3.1: a selector is a sequence of labels, as a domain is.
fn key_of(domain: &str, selector: &str) -> std::result::Result<DkimKey, OutboundError> {
    let all = selector.is_empty().then(|| Ok(String::new()));
    let key = (
        domain_of(domain),
        all.unwrap_or_else(|| domain_of(selector)),
    );
    let (Ok(domain), Ok(selector)) = key else {
        return Err(OutboundError::Invalid(format!(
            "{selector:?} of {domain:?} is no key: both are names of DNS"
        )));
    };
    Ok(DkimKey { domain, selector })
}

impl HostSubmission for State {
    fn cause(&mut self, _: Resource<Submission>) -> Result<WitCause> {
        self.host_call("outbound.cause", (), |state, ()| {
            Ok(match state.why_it_leaves()? {
                Cause::Submitted => WitCause::Submitted,
                Cause::Relayed => WitCause::Relayed,
                Cause::Forwarded => WitCause::Forwarded,
                Cause::Reported => WitCause::Reported,
            })
        })
    }

    fn sign(&mut self, _: Resource<Submission>, domain: String, selector: String) -> Result<Noted> {
        self.host_call(
            "outbound.sign",
            (domain, selector),
            |state, (domain, selector)| {
                if state.effects.signatures.len() >= MAX_SIGNATURES {
                    return Ok(Err(OutboundError::Limit(format!(
                        "at most {MAX_SIGNATURES} signatures a call"
                    ))));
                }
                let key = key_of(domain, selector);
                Ok(key.map(|key| state.effects.signatures.push(key)))
            },
        )
    }

    fn seal(&mut self, _: Resource<Submission>, domain: String, selector: String) -> Result<Noted> {
        self.host_call(
            "outbound.seal",
            (domain, selector),
            |state, (domain, selector)| {
                let key = key_of(domain, selector);
                Ok(key.map(|key| state.effects.seal = Some(key)))
            },
        )
    }

    fn priority(&mut self, _: Resource<Submission>, level: i8) -> Result<Noted> {
        self.host_call("outbound.priority", level, |state, level| {
            // RFC 6710 §3.
            if !(-9..=9).contains(level) {
                return Ok(Err(OutboundError::Invalid(format!(
                    "a priority is -9 to 9, not {level}"
                ))));
            }
            state.effects.priority = Some(*level);
            Ok(Ok(()))
        })
    }

    fn drop(&mut self, _: Resource<Submission>) -> Result<()> {
        Ok(())
    }
}

impl HostAttempt for State {
    fn number(&mut self, _: Resource<Attempt>) -> Result<u32> {
        self.host_call("attempt.number", (), |state, ()| {
            Ok(state.attempt()?.number)
        })
    }

    fn queued_seconds(&mut self, _: Resource<Attempt>) -> Result<u64> {
        self.host_call("attempt.queued-seconds", (), |state, ()| {
            Ok(state.attempt()?.queued.as_secs())
        })
    }

    fn outcome(&mut self, _: Resource<Attempt>) -> Result<String> {
        self.host_call("attempt.outcome", (), |state, ()| {
            Ok(state.attempt()?.outcome.as_str().to_owned())
        })
    }

    fn host(&mut self, _: Resource<Attempt>) -> Result<Option<String>> {
        self.host_call("attempt.host", (), |state, ()| {
            Ok(state.attempt()?.host.clone())
        })
    }

    fn reply(&mut self, _: Resource<Attempt>) -> Result<Option<SmtpReply>> {
        self.host_call("attempt.reply", (), |state, ()| {
            Ok(state.attempt()?.reply.as_ref().map(|reply| SmtpReply {
                code: reply.code.get(),
                enhanced: reply.enhanced.map(|status| (status.0, status.1, status.2)),
                text: reply.text.to_string(),
            }))
        })
    }

    fn failure(&mut self, _: Resource<Attempt>) -> Result<String> {
        self.host_call("attempt.failure", (), |state, ()| {
            Ok(state.attempt()?.failure.clone())
        })
    }

    fn tls(&mut self, _: Resource<Attempt>) -> Result<Option<String>> {
        self.host_call("attempt.tls", (), |state, ()| {
            Ok(state.attempt()?.tls.clone())
        })
    }

    fn took_ms(&mut self, _: Resource<Attempt>) -> Result<u64> {
        self.host_call("attempt.took-ms", (), |state, ()| {
            Ok(u64::try_from(state.attempt()?.took.as_millis()).unwrap_or(u64::MAX))
        })
    }

    fn drop(&mut self, _: Resource<Attempt>) -> Result<()> {
        Ok(())
    }
}

impl HostPlan for State {
    fn mx_of(&mut self, _: Resource<Plan>, domain: String) -> Result<Noted> {
        self.host_call("plan.mx-of", domain, |state, domain| {
            Ok(domain_of(domain).map(|domain| state.effects.plan.hop = NextHop::MxOf(domain)))
        })
    }

    fn relay(
        &mut self,
        _: Resource<Plan>,
        host: String,
        port: u16,
        implicit_tls: bool,
        secret: Option<String>,
    ) -> Result<Noted> {
        self.host_call(
            "plan.relay",
            (host, port, implicit_tls, secret),
            |state, (host, port, implicit_tls, secret)| {
                let relay = RelayHost {
                    host: host.clone(),
                    port: *port,
                    implicit_tls: *implicit_tls,
                    secret: secret.clone(),
                };
                Ok(checked(host)
                    .and_then(|()| secret.as_deref().map_or(Ok(()), checked))
                    .and_then(|()| positive(u32::from(*port)))
                    .and_then(|_| state.through(relay)))
            },
        )
    }

    fn lmtp(&mut self, _: Resource<Plan>, address: String) -> Result<Noted> {
        self.host_call("plan.lmtp", address, |state, address| {
            Ok(checked(address).map(|()| state.effects.plan.hop = NextHop::Lmtp(address.clone())))
        })
    }

    fn tls(&mut self, _: Resource<Plan>, policy: TlsPolicy) -> Result<()> {
        self.host_call("plan.tls", policy, |state, policy| {
            state.effects.plan.tls = Some(match policy {
                TlsPolicy::Never => Demand::Never,
                TlsPolicy::Opportunistic => Demand::Opportunistic,
                TlsPolicy::Encrypt => Demand::Encrypt,
                TlsPolicy::Verify => Demand::Verify,
                TlsPolicy::Dane => Demand::Dane,
                TlsPolicy::MtaSts => Demand::MtaSts,
                TlsPolicy::Published => Demand::Published,
            });
            Ok(())
        })
    }

    fn source(&mut self, _: Resource<Plan>, name: String) -> Result<Noted> {
        self.host_call("plan.source", name, |state, name| {
            Ok(checked(name).map(|()| state.effects.plan.source = Some(name.clone())))
        })
    }

    fn retry_after(&mut self, _: Resource<Plan>, seconds: Vec<u32>) -> Result<Noted> {
        self.host_call("plan.retry-after", seconds, |state, seconds| {
            if !(1..=MAX_WAITS).contains(&seconds.len()) {
                return Ok(Err(OutboundError::Invalid(format!(
                    "a schedule has 1 to {MAX_WAITS} waits"
                ))));
            }
            let waits: std::result::Result<Vec<_>, _> = seconds.iter().copied().map(stay).collect();
            Ok(waits.map(|waits| state.effects.plan.retry_after = waits))
        })
    }

    fn expire_after(&mut self, _: Resource<Plan>, seconds: u32) -> Result<Noted> {
        self.host_call("plan.expire-after", seconds, |state, seconds| {
            Ok(stay(*seconds).map(|stay| state.effects.plan.expire_after = Some(stay)))
        })
    }

    fn connections(&mut self, _: Resource<Plan>, most: u32) -> Result<Noted> {
        self.host_call("plan.connections", most, |state, most| {
            Ok(positive(*most).map(|most| state.effects.plan.connections = Some(most)))
        })
    }

    fn rate(&mut self, _: Resource<Plan>, per_minute: u32) -> Result<Noted> {
        self.host_call("plan.rate", per_minute, |state, per_minute| {
            Ok(positive(*per_minute).map(|rate| state.effects.plan.rate = Some(rate)))
        })
    }

    fn drop(&mut self, _: Resource<Plan>) -> Result<()> {
        Ok(())
    }
}

impl State {
    /// One more host to send through; the first takes the place of whatever hop was set.
    fn through(&mut self, relay: RelayHost) -> Noted {
        match &mut self.effects.plan.hop {
            NextHop::Relay(hosts) if hosts.len() >= MAX_HOSTS => Err(OutboundError::Limit(
                format!("at most {MAX_HOSTS} hosts to send through"),
            )),
            NextHop::Relay(hosts) => {
                hosts.push(relay);
                Ok(())
            }
            hop => {
                *hop = NextHop::Relay(vec![relay]);
                Ok(())
            }
        }
    }
}

fn domain_of(text: &str) -> std::result::Result<String, OutboundError> {
    Domain::parse(text)
        .map(|domain| domain.as_str().to_owned())
        .map_err(|_| OutboundError::Invalid(format!("{text:?} is no name of DNS")))
}

/// The name of something that the server's configuration or DNS knows.
fn checked(name: &str) -> Noted {
    let fits = (1..=MAX_NAME).contains(&name.len())
        && !name.chars().any(|c| c.is_control() || c.is_whitespace());
    if fits {
        Ok(())
    } else {
        Err(OutboundError::Invalid(format!("{name:?} is no name")))
    }
}

fn positive(number: u32) -> std::result::Result<u32, OutboundError> {
    if number == 0 {
        return Err(OutboundError::Invalid("0 is too few".into()));
    }
    Ok(number)
}

fn stay(seconds: u32) -> std::result::Result<Duration, OutboundError> {
    if !(1..=MAX_STAY).contains(&seconds) {
        return Err(OutboundError::Invalid(format!(
            "{seconds} s, where 1 to {MAX_STAY} may be"
        )));
    }
    Ok(Duration::from_secs(seconds.into()))
}
