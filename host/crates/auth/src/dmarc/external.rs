//! Whether another domain wants the reports that a record sends to it.
//!
//! Standards: RFC 7489 §7.1.

use super::record::{DmarcRecord, ReportUri};
use super::walk::{Unanswered, Walker, related};
use crate::dns::{Lookups, Outcome, RecordKind};

/// Where aggregate reports may be sent (RFC 7489 §7.1): addresses within the organizational domain, and others whose domain has said that it
/// wants them. `None` if the DNS did not answer: later it may.
pub async fn verified(
    record_domain: &str,
    record: &DmarcRecord,
    lookups: &Lookups<'_>,
) -> Option<Vec<ReportUri>> {
    let mut walker = Walker::new(lookups);
    let own = walker.organizational(record_domain).await.ok()?;
    let mut allowed: Vec<ReportUri> = Vec::new();
    for uri in &record.aggregate {
        if allowed.iter().any(|known| known.address == uri.address) {
            continue;
        }
        match target(record_domain, &own, uri, &mut walker, lookups).await {
            Ok(Some(uri)) => allowed.push(uri),
            Ok(None) => {}
            Err(Unanswered(_)) => return None,
        }
    }
    Some(allowed)
}

async fn target(
    record_domain: &str,
    own: &str,
    uri: &ReportUri,
    walker: &mut Walker<'_>,
    lookups: &Lookups<'_>,
) -> Result<Option<ReportUri>, Unanswered> {
    let domain = uri
        .address
        .rsplit_once('@')
        .map_or("", |(_, domain)| domain);
    let Ok(domain) = idna::domain_to_ascii(domain) else {
        return Ok(None);
    };
    let same = domain == record_domain
        || (related(&domain, record_domain) && walker.organizational(&domain).await? == own);
    if same {
        return Ok(Some(uri.clone()));
    }
    // RFC 7489 §7.1 step 3: the domain that is to get reports says so at a name made of both.
    let name = format!("{record_domain}._report._dmarc.{domain}");
    let answer = lookups.ask(&name, RecordKind::Txt).await;
    if answer.outcome == Outcome::Failed {
        return Err(Unanswered(name));
    }
    let mut consents = answer.texts().filter(|text| is_consent(text));
    let Some(consent) = consents.next() else {
        return Ok(None);
    };
    // RFC 7489 §7.1 step 8: it may name another address, of the same domain.
    let instead = DmarcRecord::parse(consent)
        .and_then(|record| record.aggregate.into_iter().next())
        .filter(|other| other.address.ends_with(&format!("@{domain}")));
    Ok(Some(ReportUri {
        address: instead.map_or_else(|| uri.address.clone(), |other| other.address),
        limit: uri.limit,
    }))
}

/// RFC 7489 §7.1 step 4: a record of this version, whatever else it says.
fn is_consent(text: &[u8]) -> bool {
    let text = std::str::from_utf8(text).unwrap_or_default();
    let version = text.split(';').next().and_then(|spec| spec.split_once('='));
    version.is_some_and(|(name, value)| name.trim() == "v" && value.trim() == "DMARC1")
}
