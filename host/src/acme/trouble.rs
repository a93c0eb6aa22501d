//! Why a certificate could not be got, in the operator's words: what is wrong, and what to do.

use instant_acme::{Error, Problem};

use crate::config::ChallengeKind;

/// What follows from it for the next try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The authority was not reached, or something on this side is missing.
    Away,
    /// It said no.
    Refused,
    /// It said when to come again, in seconds.
    Later(u64),
}

/// A failure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{told}")]
pub(super) struct Trouble {
    pub(super) kind: Kind,
    /// One or two sentences.
    pub(super) told: String,
    /// The authority knows nothing of our account.
    pub(super) account_is_gone: bool,
}

/// How long is waited where an authority says that there was too much, and not when to come again.
const TOO_MUCH: u64 = 6 * 3600;

impl Trouble {
    pub(super) fn new(kind: Kind, told: impl Into<String>) -> Self {
        Self {
            kind,
            told: told.into(),
            account_is_gone: false,
        }
    }

    /// Something on this side.
    pub(super) fn here(told: impl Into<String>) -> Self {
        Self::new(Kind::Away, told)
    }

    /// What came of talking with the authority; `wait` is what it said of the time.
    pub(super) fn of(error: &Error, wait: Option<u64>) -> Self {
        match error {
            Error::Api(problem) => Self::said(problem, wait, None),
            Error::Timeout(_) => Self::new(
                wait.map_or(Kind::Refused, Kind::Later),
                "the certification authority did not come to an end with the order in time",
            ),
            Error::Json(error) => Self::here(format!(
                "what acme.directory leads to does not speak ACME: {error}"
            )),
            error => Self::here(format!(
                "the certification authority cannot be reached: {error}; is acme.directory right, and may this machine connect to it?"
            )),
        }
    }

    /// What the authority said, of a challenge of this kind.
    pub(super) fn said(
        problem: &Problem,
        wait: Option<u64>,
        challenge: Option<ChallengeKind>,
    ) -> Self {
        let urn = problem.r#type.as_deref().unwrap_or_default();
        // RFC 8555 §6.7.
        let kind = urn
            .strip_prefix("urn:ietf:params:acme:error:")
            .unwrap_or(urn);
        let mut told = format!(
            "the certification authority says: {} ({kind})",
            problem.detail.as_deref().unwrap_or("no")
        );
        for sub in &problem.subproblems {
            if let Some(detail) = &sub.detail {
                told = format!("{told}; {detail}");
            }
        }
        if let Some(advice) = advice(kind, challenge) {
            told = format!("{told}; {advice}");
        }
        let next = match (kind, wait) {
            ("rateLimited", wait) => Kind::Later(wait.unwrap_or(TOO_MUCH)),
            ("serverInternal" | "badNonce" | "accountDoesNotExist", None) => Kind::Away,
            (_, Some(wait)) => Kind::Later(wait),
            (_, None) => Kind::Refused,
        };
        Self {
            kind: next,
            told,
            account_is_gone: kind == "accountDoesNotExist",
        }
    }
}

/// What to do.
fn advice(kind: &str, challenge: Option<ChallengeKind>) -> Option<&'static str> {
    match (kind, challenge) {
        ("caa", _) => Some(
            "a CAA record forbids it: publish one that names this authority, or remove it (RFC 8659)",
        ),
        ("dns", Some(ChallengeKind::Dns01)) => Some(
            "the record was not found: is [acme.dns] the zone's server, and is acme.dns.settle long enough for the others to have it?",
        ),
        ("dns", _) => Some("publish A or AAAA records of the name, and see that its zone answers"),
        ("connection", Some(ChallengeKind::TlsAlpn01)) => {
            Some("port 443 of the name must lead to a listener of this server with implicit TLS")
        }
        ("connection", _) => {
            Some("port 80 of the name must lead to a listener of this server with protocol http")
        }
        ("unauthorized" | "incorrectResponse" | "tls", Some(ChallengeKind::Dns01)) => Some(
            "the record was another one: is [acme.dns] the zone's server, and is acme.dns.settle long enough?",
        ),
        ("unauthorized" | "incorrectResponse" | "tls", Some(_)) => {
            Some("another server answered: where do the A and AAAA records of the name lead?")
        }
        ("rejectedIdentifier", _) => Some("this authority issues no certificates for the name"),
        ("externalAccountRequired", _) => {
            Some("get a key from the authority, and set acme.external-account")
        }
        ("invalidContact" | "unsupportedContact", _) => Some("set acme.contact"),
        ("userActionRequired", _) => Some("the authority has new terms that want to be read"),
        ("rateLimited", _) => Some("nothing is asked of it before that is over"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(kind: &str, detail: &str) -> Problem {
        Problem {
            r#type: Some(format!("urn:ietf:params:acme:error:{kind}")),
            detail: Some(detail.into()),
            status: None,
            subproblems: Vec::new(),
        }
    }

    #[test]
    fn what_to_do_depends_on_the_challenge() {
        let said = |kind, challenge| Trouble::said(&problem(kind, "no"), None, challenge);
        let http = said("connection", Some(ChallengeKind::Http01));
        assert_eq!(
            http.told,
            "the certification authority says: no (connection); port 80 of the name must lead to a listener of this server with protocol http"
        );
        assert_eq!(http.kind, Kind::Refused);
        let tls = said("connection", Some(ChallengeKind::TlsAlpn01));
        assert!(tls.told.contains("port 443"), "{tls}");
        assert!(said("caa", None).told.contains("CAA record"));
    }

    #[test]
    fn limits_are_kept_to() {
        let limited = |wait| Trouble::said(&problem("rateLimited", "too many"), wait, None).kind;
        assert_eq!(limited(Some(90)), Kind::Later(90));
        assert_eq!(limited(None), Kind::Later(TOO_MUCH));
        let gone = Trouble::said(&problem("accountDoesNotExist", "who?"), None, None);
        assert!(gone.account_is_gone && gone.kind == Kind::Away);
    }
}
