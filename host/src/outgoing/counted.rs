//! Sessions with servers of other domains, as they count for the reports that these domains get of their TLS.
//!
//! Standards: RFC 8460 §4.3 (kinds of failures).

use rustls::CertificateError;
use waxwing_smtp::client::{Cause, Lack, Stage};

use super::line::{Down, Line};
use super::plan::Way;
use super::published::{Dane, Published, Sts};
use super::resolve::{Found, Stop};
use crate::reports::{Applied, Session};
use crate::wiring::Parts;

/// What came of a session, as far as TLS goes.
pub(super) enum Came<'a> {
    /// It came up.
    Up(&'a Line),
    /// It did not.
    Down(&'a Down),
    /// It was not begun, for this reason.
    Refused(&'static str),
}

/// Counts a session. Only those count whose host the recipient's domain has named.
pub(super) fn session(
    parts: &Parts,
    way: &Way,
    stop: &Stop,
    published: &Published,
    came: Came<'_>,
) {
    if stop.found == Found::Named || way.tls_optional {
        return;
    }
    let failure = match came {
        Came::Up(line) => match (line.noted(), line.tls) {
            (Some(error), _) => Some((kind(error), error.to_string())),
            (None, Some(_)) => None,
            // Without TLS, because it was not offered.
            (None, None) => Some(("starttls-not-supported", String::new())),
        },
        Came::Down(down) => match of_down(down) {
            None => return,
            failed => failed,
        },
        Came::Refused(reason) => match (&published.dane, &published.sts) {
            (Dane::Unknown, _) => Some(("dnssec-invalid", reason.to_owned())),
            (Dane::Nothing | Dane::Unusable(_), Sts::Policy(_)) => {
                Some(("validation-failure", reason.to_owned()))
            }
            _ => return,
        },
    };
    let applied = match (&published.dane, &published.sts, published.enforced()) {
        (Dane::Unusable(_), _, Some(policy)) => Applied::Sts(policy),
        (Dane::Records(records) | Dane::Unusable(records), ..) => Applied::Dane(records),
        (Dane::Nothing, Sts::Policy(policy), _) => Applied::Sts(policy),
        (Dane::Nothing | Dane::Unknown, ..) => Applied::None,
    };
    let session = Session {
        domain: way.mail_domain(),
        applied,
        host: &stop.name,
        address: stop.address,
        failure,
    };
    parts.reports.tls.note(way.mail_domain(), session.seen());
}

/// A policy of MTA-STS that should be there, and could not be had.
pub(super) fn no_policy(parts: &Parts, domain: &str) {
    let session = Session {
        domain,
        applied: Applied::StsUnknown,
        host: "",
        address: None,
        failure: Some(("sts-policy-fetch-error", String::new())),
    };
    parts.reports.tls.note(domain, session.seen());
}

/// None: it has nothing to do with TLS.
fn of_down(down: &Down) -> Option<(&'static str, String)> {
    if down.failure.stage != Stage::StartTls {
        return None;
    }
    let trouble = || down.trouble.clone().unwrap_or_default();
    Some(match (&down.failure.cause, &down.noted) {
        (Cause::Lacks(Lack::StartTls), _) => ("starttls-not-supported", String::new()),
        (_, Some(error)) => (kind(error), error.to_string()),
        _ => ("validation-failure", trouble()),
    })
}

/// RFC 8460 §4.3.1.
fn kind(error: &rustls::Error) -> &'static str {
    use CertificateError as Bad;
    match error {
        rustls::Error::InvalidCertificate(bad) => match bad {
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
                "certificate-host-mismatch"
            }
            Bad::Expired | Bad::ExpiredContext { .. } => "certificate-expired",
            Bad::UnknownIssuer => "certificate-not-trusted",
            _ => "validation-failure",
        },
        _ => "validation-failure",
    }
}

#[cfg(test)]
mod tests {
    use waxwing_smtp::client::Failure;

    use super::*;

    #[test]
    fn what_fails_before_tls_is_no_failure_of_it() {
        let down = |stage, cause, noted| Down {
            failure: Failure { stage, cause },
            trouble: None,
            noted,
        };
        assert!(of_down(&down(Stage::Greeting, Cause::Closed, None)).is_none());
        let lacks = down(Stage::StartTls, Cause::Lacks(Lack::StartTls), None);
        assert_eq!(of_down(&lacks).unwrap().0, "starttls-not-supported");
        let bad = rustls::Error::InvalidCertificate(CertificateError::Expired);
        let expired = down(Stage::StartTls, Cause::Closed, Some(bad));
        assert_eq!(of_down(&expired).unwrap().0, "certificate-expired");
        let other = down(Stage::StartTls, Cause::Closed, None);
        assert_eq!(of_down(&other).unwrap().0, "validation-failure");
    }
}
