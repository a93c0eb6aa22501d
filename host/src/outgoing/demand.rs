//! What of TLS a conversation with a host needs: by policy, by the message, and by what the host's domain publishes.
//!
//! Standards: RFC 7672 §2.2 (DANE), RFC 8461 §5 (MTA-STS), RFC 8689 §4.2 (REQUIRETLS, TLS-Required: No), RFC 7435.
//! Invariant: of what is demanded nothing is let go because a host cannot do it.

use waxwing_auth::dane::Tlsa;
use waxwing_auth::mta_sts::Mode;
use waxwing_policy::TlsPolicy;

use super::plan::Way;
use super::published::{Dane, Published, Sts};
use super::resolve::{Found, Stop};

/// What of TLS a conversation needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    Never,
    Opportunistic,
    /// As that, and it is noted whether the certificate would have done (RFC 8461 §5: testing).
    Noted,
    /// Whoever it is.
    Encrypt,
    /// With a certificate of an authority that names the host.
    Verify,
    /// With a certificate that its domain has published.
    Dane(Vec<Tlsa>),
    /// The host cannot be sent to.
    Refuse(Refusal),
}

/// Why a host cannot be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) reason: &'static str,
    /// What is published could not be found out: it may be otherwise in a while.
    pub(super) passing: bool,
}

fn refused(reason: &'static str) -> Demand {
    Demand::Refuse(Refusal {
        reason,
        passing: false,
    })
}

fn not_now(reason: &'static str) -> Demand {
    Demand::Refuse(Refusal {
        reason,
        passing: true,
    })
}

/// Whether a domain's policy of MTA-STS is of interest.
pub(super) fn asks_policy(way: &Way) -> bool {
    let published = matches!(
        way.plan.tls,
        None | Some(TlsPolicy::Published | TlsPolicy::MtaSts)
    );
    (published || way.require_tls) && !way.tls_optional
}

/// Whether what is published of hosts is of interest.
pub(super) fn asks_hosts(way: &Way, stop: &Stop) -> bool {
    match way.plan.tls {
        Some(TlsPolicy::Dane) => !way.tls_optional,
        None | Some(TlsPolicy::Published) => !way.tls_optional && stop.found != Found::Named,
        Some(TlsPolicy::MtaSts) => true,
        Some(_) => way.require_tls,
    }
}

/// What a host needs, of which this is published.
pub(super) fn demand(way: &Way, stop: &Stop, published: &Published) -> Demand {
    let planned = planned(way, stop, published);
    if !way.require_tls {
        return planned;
    }
    match planned {
        Demand::Dane(records) => Demand::Dane(records),
        refuse @ Demand::Refuse(_) => refuse,
        // RFC 8689 §4.2.1: the host's name is validated, too.
        _ if !is_named_safely(stop, published) => match published.sts {
            Sts::Unfetched | Sts::Unread => not_now(
                "the policy of MTA-STS that may vouch for its name, as the message requires (REQUIRETLS), could not be had",
            ),
            Sts::Nothing | Sts::Policy(_) => refused(
                "its name is vouched for neither by DNSSEC nor by a policy of MTA-STS, which the message requires (REQUIRETLS)",
            ),
        },
        _ => match &published.dane {
            Dane::Records(records) => Demand::Dane(records.clone()),
            _ => Demand::Verify,
        },
    }
}

fn planned(way: &Way, stop: &Stop, published: &Published) -> Demand {
    let dane_is_silent = published.dane == Dane::Nothing;
    match way.plan.tls {
        Some(TlsPolicy::Never) => Demand::Never,
        Some(TlsPolicy::Opportunistic) => Demand::Opportunistic,
        Some(TlsPolicy::Encrypt) => Demand::Encrypt,
        Some(TlsPolicy::Verify) => Demand::Verify,
        // RFC 8689 §4.2.2: what the recipient's domain publishes does not count.
        Some(TlsPolicy::Dane | TlsPolicy::MtaSts) if way.tls_optional && !way.logs_in() => {
            Demand::Opportunistic
        }
        Some(TlsPolicy::Dane) if dane_is_silent => {
            refused("it publishes nothing for DANE, which is demanded")
        }
        Some(TlsPolicy::Dane) => by_publication(stop, published),
        Some(TlsPolicy::MtaSts) if dane_is_silent => match &published.sts {
            Sts::Policy(policy) if policy.allows(&stop.name) => Demand::Verify,
            Sts::Unfetched | Sts::Unread => {
                not_now("the policy of MTA-STS that is demanded could not be had")
            }
            _ => refused("no policy of MTA-STS has it, which is demanded"),
        },
        Some(TlsPolicy::MtaSts) => by_publication(stop, published),
        // A password goes to nobody in particular only if policy says so.
        None | Some(TlsPolicy::Published) if way.logs_in() => Demand::Verify,
        None | Some(TlsPolicy::Published) => by_publication(stop, published),
    }
}

fn by_publication(stop: &Stop, published: &Published) -> Demand {
    match &published.dane {
        Dane::Nothing => by_policy(stop, published),
        Dane::Unknown => not_now("the DNS does not say whether it publishes anything for DANE"),
        Dane::Records(records) => Demand::Dane(records.clone()),
        // RFC 7672 §2.2: records that nobody can use demand TLS, and nothing of whom. A policy that is enforced demands more, and is
        // not undone by them.
        Dane::Unusable(_) => match by_policy(stop, published) {
            Demand::Opportunistic | Demand::Noted => Demand::Encrypt,
            more => more,
        },
    }
}

fn by_policy(stop: &Stop, published: &Published) -> Demand {
    let policy = match &published.sts {
        Sts::Nothing | Sts::Unfetched => return Demand::Opportunistic,
        Sts::Unread => return not_now("its domain's policy of MTA-STS could not be read"),
        Sts::Policy(policy) => policy,
    };
    match (policy.mode, policy.allows(&stop.name)) {
        (Mode::Enforce, true) => Demand::Verify,
        // RFC 8461 §5: not delivered to.
        (Mode::Enforce, false) => refused("its domain's policy of MTA-STS does not have it"),
        (Mode::Testing, _) => Demand::Noted,
        (Mode::None, _) => Demand::Opportunistic,
    }
}

/// RFC 8689 §2: the name is from a signed MX record, or from one that a policy of MTA-STS has; or policy here has given it.
fn is_named_safely(stop: &Stop, published: &Published) -> bool {
    match stop.found {
        Found::Named => true,
        Found::Mx { signed, .. } => signed || published.allows(&stop.name),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use waxwing_auth::mta_sts::StsPolicy;
    use waxwing_policy::Plan;

    use super::*;

    fn way(tls: Option<TlsPolicy>) -> Way {
        Way {
            plan: Plan {
                tls,
                ..Plan::default()
            },
            domain: "remote.example".to_owned(),
            require_tls: false,
            tls_optional: false,
        }
    }

    fn stop(signed: bool) -> Stop {
        Stop {
            name: "mx.remote.example".to_owned(),
            address: "192.0.2.1:25".parse().ok(),
            implicit_tls: false,
            lmtp: false,
            secret: None,
            found: Found::Mx {
                signed,
                addresses_signed: signed,
            },
        }
    }

    fn policy(mode: &str, host: &str) -> Sts {
        let text = format!("version: STSv1\nmode: {mode}\nmx: {host}\nmax_age: 60\n");
        Sts::Policy(Arc::new(StsPolicy::parse(text.as_bytes()).unwrap()))
    }

    fn sts(mode: &str, host: &str) -> Published {
        Published {
            sts: policy(mode, host),
            ..Published::NOTHING
        }
    }

    fn dane(dane: Dane) -> Published {
        Published {
            dane,
            ..Published::NOTHING
        }
    }

    fn records() -> Vec<Tlsa> {
        vec![Tlsa {
            usage: 3,
            selector: 1,
            matching: 1,
            association: vec![7; 32],
        }]
    }

    fn is_refused(demand: &Demand) -> bool {
        matches!(demand, Demand::Refuse(refusal) if !refusal.passing)
    }

    fn is_put_off(demand: &Demand) -> bool {
        matches!(demand, Demand::Refuse(refusal) if refusal.passing)
    }

    #[test]
    fn records_that_nobody_can_use_do_not_undo_a_policy() {
        let of = |sts| {
            let published = Published {
                dane: Dane::Unusable(records()),
                sts,
            };
            demand(&way(None), &stop(true), &published)
        };
        assert_eq!(of(Sts::Nothing), Demand::Encrypt);
        assert_eq!(of(policy("enforce", "*.remote.example")), Demand::Verify);
        assert!(is_refused(&of(policy("enforce", "other.example"))));
        assert_eq!(of(policy("testing", "*.remote.example")), Demand::Encrypt);
        let usable = Published {
            dane: Dane::Records(records()),
            sts: policy("enforce", "other.example"),
        };
        let of = demand(&way(None), &stop(true), &usable);
        assert!(matches!(of, Demand::Dane(_)), "DANE counts first");
    }

    #[test]
    fn a_policy_that_cannot_be_read_is_not_no_policy() {
        let of = |sts, require_tls| {
            let way = Way {
                require_tls,
                ..way(None)
            };
            let published = Published {
                dane: Dane::Nothing,
                sts,
            };
            demand(&way, &stop(false), &published)
        };
        assert!(is_put_off(&of(Sts::Unread, false)));
        // RFC 8461 §3.3: one that cannot be fetched is none, but for mail that needs it.
        assert_eq!(of(Sts::Unfetched, false), Demand::Opportunistic);
        assert!(is_put_off(&of(Sts::Unfetched, true)));
        assert!(is_refused(&of(Sts::Nothing, true)));
    }

    #[test]
    fn what_is_published_is_demanded() {
        let way = way(None);
        let of = |published: &Published| demand(&way, &stop(true), published);
        assert_eq!(of(&Published::NOTHING), Demand::Opportunistic);
        assert!(matches!(
            of(&dane(Dane::Records(records()))),
            Demand::Dane(_)
        ));
        assert_eq!(of(&dane(Dane::Unusable(records()))), Demand::Encrypt);
        assert!(matches!(of(&dane(Dane::Unknown)), Demand::Refuse(_)));
        assert_eq!(of(&sts("enforce", "*.remote.example")), Demand::Verify);
        assert!(matches!(
            of(&sts("enforce", "other.example")),
            Demand::Refuse(_)
        ));
        assert_eq!(of(&sts("testing", "other.example")), Demand::Noted);
    }

    #[test]
    fn a_policy_of_ours_can_demand_what_must_be_published() {
        let of = |tls, published: &Published| demand(&way(Some(tls)), &stop(true), published);
        assert!(matches!(
            of(TlsPolicy::Dane, &Published::NOTHING),
            Demand::Refuse(_)
        ));
        assert!(matches!(
            of(TlsPolicy::MtaSts, &Published::NOTHING),
            Demand::Refuse(_)
        ));
        assert_eq!(
            of(TlsPolicy::MtaSts, &sts("testing", "mx.remote.example")),
            Demand::Verify
        );
        assert_eq!(
            of(TlsPolicy::Opportunistic, &dane(Dane::Records(records()))),
            Demand::Opportunistic
        );
    }

    #[test]
    fn what_requires_tls_needs_a_host_that_somebody_vouches_for() {
        let mut way = way(Some(TlsPolicy::Opportunistic));
        way.require_tls = true;
        assert!(matches!(
            demand(&way, &stop(false), &Published::NOTHING),
            Demand::Refuse(_)
        ));
        assert_eq!(
            demand(&way, &stop(true), &Published::NOTHING),
            Demand::Verify
        );
        assert_eq!(
            demand(&way, &stop(false), &sts("testing", "mx.remote.example")),
            Demand::Verify
        );
        assert!(matches!(
            demand(&way, &stop(true), &dane(Dane::Records(records()))),
            Demand::Dane(_)
        ));
        let named = Stop {
            found: Found::Named,
            ..stop(false)
        };
        assert_eq!(demand(&way, &named, &Published::NOTHING), Demand::Verify);
    }

    #[test]
    fn what_must_get_through_asks_nobody() {
        let mut way = way(Some(TlsPolicy::Dane));
        way.tls_optional = true;
        assert_eq!(
            demand(&way, &stop(true), &Published::NOTHING),
            Demand::Opportunistic
        );
        assert!(!asks_policy(&way) && !asks_hosts(&way, &stop(true)));
    }
}
