//! TLS reports: to addresses of mail and to servers of the web.
//!
//! Standards: RFC 8460 §3 (where to), §5.3 (by mail), §5.4 (by HTTPS).

use std::time::Duration;

use bytes::Bytes;
use waxwing_auth::dns::{Outcome, RecordKind};
use waxwing_auth::report::tls::{TlsReport, TlsReportTarget, targets};
use waxwing_auth::report::{mail_of_tls, pack};
use waxwing_policy::HttpRequest;

use super::{Letter, lookups};
use crate::reports::tally::Day;
use crate::wiring::Parts;

/// How long a server may take to be posted to.
const POST: Duration = Duration::from_secs(60);
/// Octets of its answer, which nobody reads.
const ANSWER: usize = 64 * 1024;

/// One report; false: nobody wants it, or another host is at it.
pub(super) async fn one(parts: &Parts, day: &Day) -> Result<bool, String> {
    let tally = &parts.reports.tls;
    let broken = |error: waxwing_store::Error| error.to_string();
    let Some(seen) = tally.claim(&parts.store, day).await.map_err(broken)? else {
        return Ok(false);
    };
    let lookups = lookups(parts);
    let name = format!("_smtp._tls.{}", day.domain);
    let answer = lookups.ask(&name, RecordKind::Txt).await;
    if answer.outcome == Outcome::Failed {
        return Err(format!("the DNS did not answer for {name}"));
    }
    let mut records = answer
        .texts()
        .filter(|text| text.starts_with(b"v=TLSRPTv1"));
    // RFC 8460 §3: where there are several, there is none.
    let wanted = match (records.next(), records.next()) {
        (Some(one), None) => targets(one).unwrap_or_default(),
        _ => Vec::new(),
    };
    let goes = !wanted.is_empty();
    if goes {
        let report = seen.report(day, &parts.config.hostname);
        send(parts, day, &report, wanted).await?;
        metrics::counter!("waxwing_reports_total", "kind" => "tls").increment(1);
        tracing::info!(domain = day.domain, day = day.day, "TLS report");
    }
    tally.done(&parts.store, day).await.map_err(broken)?;
    Ok(goes)
}

/// To all places; one that takes it is enough.
async fn send(
    parts: &Parts,
    day: &Day,
    report: &TlsReport,
    wanted: Vec<TlsReportTarget>,
) -> Result<(), String> {
    let (mut taken, mut trouble) = (false, String::new());
    for target in wanted {
        let sent = match target {
            TlsReportTarget::Mail(address) => mail(parts, day, report, &address).await,
            TlsReportTarget::Https(url) => post(parts, report, &url).await,
        };
        match sent {
            Ok(()) => taken = true,
            Err(reason) => trouble = reason,
        }
    }
    if taken { Ok(()) } else { Err(trouble) }
}

/// RFC 8460 §3: it must get through even where TLS does not work, of which it tells (RFC 8689 §3).
const ANYHOW: &[u8] = b"TLS-Required: No\r\n";

async fn mail(parts: &Parts, day: &Day, report: &TlsReport, to: &str) -> Result<(), String> {
    let letter = Letter::new(parts, to)?;
    let content = mail_of_tls(&letter.headed(), &day.domain, report);
    let content = content.map_err(|error| error.to_string())?;
    letter.send(parts, [ANYHOW, &content].concat()).await
}

/// RFC 8460 §5.4: posted, and taken by any 2xx.
async fn post(parts: &Parts, report: &TlsReport, url: &str) -> Result<(), String> {
    let rest = url.strip_prefix("https://").ok_or("no URL of HTTPS")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().map_err(|_| format!("{url}: no port"))?),
        None => (authority, 443),
    };
    let json = report.to_json().map_err(|error| error.to_string())?;
    let packed = pack(&json).map_err(|error| error.to_string())?;
    let request = HttpRequest {
        secure: true,
        host: host.to_ascii_lowercase(),
        port,
        method: "POST".to_owned(),
        target: format!("/{path}"),
        headers: vec![(
            "content-type".to_owned(),
            "application/tlsrpt+gzip".to_owned(),
        )],
        body: Bytes::from(packed),
        timeout: POST,
        max_response: ANSWER,
        private: parts.config.queue.private_hosts,
    };
    let response = parts.outgoing.client().fetch(request).await;
    let response = response.map_err(|failure| format!("{host}: {failure:?}"))?;
    match response.status {
        200..=299 => Ok(()),
        status => Err(format!("{host} answered {status}")),
    }
}
