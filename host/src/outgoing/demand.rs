//! What of TLS a conversation with a host needs: by policy, by the message, and by what the host's domain publishes.
//!
//! Standards: RFC 7672 §2.2 (DANE), RFC 8461 §5 (MTA-STS), RFC 8689 §4.2 (REQUIRETLS, TLS-Required: No), RFC 7435.
//! Invariant: of what is demanded nothing is let go because a host cannot do it.

use waxwing_auth::dane::Tlsa;
use waxwing_auth::mta_sts::Mode;
use waxwing_policy::TlsPolicy;

use super::plan::Way;
use super::published::Published;
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
    /// The host cannot be sent to, and why.
    Refuse(&'static str),
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
        _ if !is_named_safely(stop, published) => Demand::Refuse(
            "its name is vouched for neither by DNSSEC nor by a policy of MTA-STS, which the message requires (REQUIRETLS)",
        ),
        _ => match published {
            Published::Dane(records) if is_usable(records) => Demand::Dane(records.clone()),
            _ => Demand::Verify,
        },
    }
}

fn planned(way: &Way, stop: &Stop, published: &Published) -> Demand {
    match way.plan.tls {
        Some(TlsPolicy::Never) => Demand::Never,
        Some(TlsPolicy::Opportunistic) => Demand::Opportunistic,
        Some(TlsPolicy::Encrypt) => Demand::Encrypt,
        Some(TlsPolicy::Verify) => Demand::Verify,
        // RFC 8689 §4.2.2: what the recipient's domain publishes does not count.
        Some(TlsPolicy::Dane | TlsPolicy::MtaSts) if way.tls_optional && !way.logs_in() => {
            Demand::Opportunistic
        }
        Some(TlsPolicy::Dane) => match published {
            Published::Dane(_) | Published::DaneUnknown => by_publication(stop, published),
            _ => Demand::Refuse("it publishes nothing for DANE, which is demanded"),
        },
        Some(TlsPolicy::MtaSts) => match published {
            Published::Sts(policy) if policy.allows(&stop.name) => Demand::Verify,
            Published::Dane(_) | Published::DaneUnknown => by_publication(stop, published),
            _ => Demand::Refuse("no policy of MTA-STS has it, which is demanded"),
        },
        // A password goes to nobody in particular only if policy says so.
        None | Some(TlsPolicy::Published) if way.logs_in() => Demand::Verify,
        None | Some(TlsPolicy::Published) => by_publication(stop, published),
    }
}

fn by_publication(stop: &Stop, published: &Published) -> Demand {
    match published {
        Published::Nothing => Demand::Opportunistic,
        Published::DaneUnknown => {
            Demand::Refuse("the DNS does not say whether it publishes anything for DANE")
        }
        Published::Dane(records) if is_usable(records) => Demand::Dane(records.clone()),
        // RFC 7672 §2.2: records that nobody can use demand TLS, and nothing of whom.
        Published::Dane(_) => Demand::Encrypt,
        Published::Sts(policy) => match (policy.mode, policy.allows(&stop.name)) {
            (Mode::Enforce, true) => Demand::Verify,
            // RFC 8461 §5: not delivered to.
            (Mode::Enforce, false) => {
                Demand::Refuse("its domain's policy of MTA-STS does not have it")
            }
            (Mode::Testing, _) => Demand::Noted,
            (Mode::None, _) => Demand::Opportunistic,
        },
    }
}

fn is_usable(records: &[Tlsa]) -> bool {
    records.iter().any(Tlsa::is_usable)
}

/// RFC 8689 §2: the name is from a signed MX record, or from one that a policy of MTA-STS has; or policy here has given it.
fn is_named_safely(stop: &Stop, published: &Published) -> bool {
    match stop.found {
        Found::Named => true,
        Found::Mx { signed, .. } => {
            signed || matches!(published, Published::Sts(policy) if policy.allows(&stop.name))
        }
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
            address: "192.0.2.1:25".parse().unwrap(),
            implicit_tls: false,
            lmtp: false,
            secret: None,
            found: Found::Mx {
                signed,
                addresses_signed: signed,
            },
        }
    }

    fn sts(mode: &str, host: &str) -> Published {
        let text = format!("version: STSv1\nmode: {mode}\nmx: {host}\nmax_age: 60\n");
        Published::Sts(Arc::new(StsPolicy::parse(text.as_bytes()).unwrap()))
    }

    fn dane(usage: u8) -> Published {
        Published::Dane(vec![Tlsa {
            usage,
            selector: 1,
            matching: 1,
            association: vec![7; 32],
        }])
    }

    #[test]
    fn what_is_published_is_demanded() {
        let way = way(None);
        let of = |published: &Published| demand(&way, &stop(true), published);
        assert_eq!(of(&Published::Nothing), Demand::Opportunistic);
        assert!(matches!(of(&dane(3)), Demand::Dane(_)));
        assert_eq!(of(&dane(1)), Demand::Encrypt);
        assert!(matches!(of(&Published::DaneUnknown), Demand::Refuse(_)));
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
            of(TlsPolicy::Dane, &Published::Nothing),
            Demand::Refuse(_)
        ));
        assert!(matches!(
            of(TlsPolicy::MtaSts, &Published::Nothing),
            Demand::Refuse(_)
        ));
        assert_eq!(
            of(TlsPolicy::MtaSts, &sts("testing", "mx.remote.example")),
            Demand::Verify
        );
        assert_eq!(
            of(TlsPolicy::Opportunistic, &dane(3)),
            Demand::Opportunistic
        );
    }

    #[test]
    fn what_requires_tls_needs_a_host_that_somebody_vouches_for() {
        let mut way = way(Some(TlsPolicy::Opportunistic));
        way.require_tls = true;
        assert!(matches!(
            demand(&way, &stop(false), &Published::Nothing),
            Demand::Refuse(_)
        ));
        assert_eq!(
            demand(&way, &stop(true), &Published::Nothing),
            Demand::Verify
        );
        assert_eq!(
            demand(&way, &stop(false), &sts("testing", "mx.remote.example")),
            Demand::Verify
        );
        assert!(matches!(
            demand(&way, &stop(true), &dane(3)),
            Demand::Dane(_)
        ));
        let named = Stop {
            found: Found::Named,
            ..stop(false)
        };
        assert_eq!(demand(&way, &named, &Published::Nothing), Demand::Verify);
    }

    #[test]
    fn what_must_get_through_asks_nobody() {
        let mut way = way(Some(TlsPolicy::Dane));
        way.tls_optional = true;
        assert_eq!(
            demand(&way, &stop(true), &Published::Nothing),
            Demand::Opportunistic
        );
        assert!(!asks_policy(&way) && !asks_hosts(&way, &stop(true)));
    }
}
