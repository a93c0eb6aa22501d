//! DMARC aggregate reports: to addresses of mail that want them.
//!
//! Standards: RFC 7489 §7.1 (who wants them), §7.2 (by mail).

use waxwing_auth::dmarc::{DmarcRecord, external};
use waxwing_auth::dns::{Outcome, RecordKind};
use waxwing_auth::report::mail_of_aggregate;

use super::{Letter, lookups};
use crate::reports::tally::Day;
use crate::wiring::Parts;

/// One report; false: nobody wants it, or another host is at it.
pub(super) async fn one(parts: &Parts, day: &Day) -> Result<bool, String> {
    let tally = &parts.reports.dmarc;
    let broken = |error: waxwing_store::Error| error.to_string();
    let Some(seen) = tally.claim(&parts.store, day).await.map_err(broken)? else {
        return Ok(false);
    };
    let lookups = lookups(parts);
    let name = format!("_dmarc.{}", day.domain);
    let answer = lookups.ask(&name, RecordKind::Txt).await;
    if answer.outcome == Outcome::Failed {
        return Err(format!("the DNS did not answer for {name}"));
    }
    let record = answer.texts().find_map(DmarcRecord::parse);
    let wanted = match &record {
        // RFC 7489 §7.1: others than the domain itself must have said that they want its reports.
        Some(record) => external::verified(&day.domain, record, &lookups).await,
        None => Some(Vec::new()),
    };
    let wanted = wanted.ok_or_else(|| format!("the DNS did not answer for {}", day.domain))?;
    let report = seen.report(day, &parts.config.hostname);
    let (mut sent, mut trouble) = (false, None);
    for uri in wanted {
        let letter = match Letter::new(parts, &uri.address) {
            Ok(letter) => letter,
            Err(reason) => {
                trouble = Some(reason);
                continue;
            }
        };
        let content = mail_of_aggregate(&letter.headed(), &report);
        let content = content.map_err(|error| error.to_string())?;
        // RFC 7489 §6.2: no more than is wanted.
        if uri.limit.is_some_and(|most| content.len() as u64 > most) {
            continue;
        }
        match letter.send(parts, content).await {
            Ok(()) => sent = true,
            Err(reason) => trouble = Some(reason),
        }
    }
    if let (false, Some(reason)) = (sent, trouble) {
        return Err(reason);
    }
    if sent {
        metrics::counter!("waxwing_reports_total", "kind" => "dmarc").increment(1);
        tracing::info!(domain = day.domain, day = day.day, "DMARC report");
    }
    tally.done(&parts.store, day).await.map_err(broken)?;
    Ok(sent)
}
