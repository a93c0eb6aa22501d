//! The function check_host (RFC 7208 §4).

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use super::macros::{MacroString, Values};
use super::record::{Directive, Mechanism, Prefixes, SpfRecord, agree, is_spf};
use super::{SpfOutcome, SpfRequest, SpfResult};
use crate::dns::{Answer, Lookups, Outcome, Record, RecordKind, is_name, reverse_name};

/// RFC 7208 §4.6.4: terms that cause look-ups, in all records together.
pub const MAX_TERMS: u8 = 10;
/// RFC 7208 §4.6.4: look-ups without an answer.
const MAX_VOIDS: u8 = 2;
/// RFC 7208 §4.6.4: names of one `mx` or `ptr`.
const MAX_NAMES: usize = 10;
/// Of a stranger's explanation; a reply and a header field must hold it.
const MAX_EXPLANATION: usize = 400;

/// Why a check ends without a verdict.
enum Stop {
    /// The DNS did not answer.
    Temporary(String),
    /// The record is wrong.
    Permanent(String),
}

/// What one record says of the client.
struct Said {
    result: SpfResult,
    /// The term that said it; none if no term matched.
    term: Option<String>,
    /// Of the record that decided, with the domain it belongs to.
    explanation: Option<(MacroString, String)>,
}

impl Said {
    fn plain(result: SpfResult) -> Self {
        Self {
            result,
            term: None,
            explanation: None,
        }
    }
}

/// Any record may lead to another one, so that futures must be boxed.
type Checking<'s> = Pin<Box<dyn Future<Output = Result<Said, Stop>> + Send + 's>>;

struct Check<'a> {
    request: &'a SpfRequest<'a>,
    client: IpAddr,
    local: &'a str,
    sender_domain: &'a str,
    lookups: &'a Lookups<'a>,
    terms: u8,
    voids: u8,
}

pub(super) async fn check(
    request: &SpfRequest<'_>,
    local: &str,
    domain: &str,
    lookups: &Lookups<'_>,
) -> SpfOutcome {
    let mut check = Check {
        request,
        client: request.client.to_canonical(),
        local,
        sender_domain: domain,
        lookups,
        terms: 0,
        voids: 0,
    };
    let said = check.host(domain.to_owned()).await;
    let mut outcome = SpfOutcome {
        domain: domain.to_owned(),
        terms: check.terms,
        voids: check.voids,
        ..SpfOutcome::default()
    };
    match said {
        Ok(said) => {
            outcome.result = said.result;
            outcome.mechanism = said.term;
            if let (SpfResult::Fail, Some((target, domain))) = (said.result, said.explanation) {
                outcome.explanation = check.explain(&target, &domain).await;
            }
        }
        Err(Stop::Temporary(why)) => {
            outcome.result = SpfResult::TempError;
            outcome.problem = Some(why);
        }
        Err(Stop::Permanent(why)) => {
            outcome.result = SpfResult::PermError;
            outcome.problem = Some(why);
        }
    }
    outcome
}

impl Check<'_> {
    /// RFC 7208 §4: check_host for one domain.
    fn host(&mut self, domain: String) -> Checking<'_> {
        Box::pin(async move {
            // RFC 7208 §4.3: what can be no domain has no record.
            if !is_name(&domain) {
                return Ok(Said::plain(SpfResult::None));
            }
            match self.record(&domain).await? {
                None => Ok(Said::plain(SpfResult::None)),
                Some(record) => self.evaluate(&record, &domain).await,
            }
        })
    }

    /// RFC 7208 §4.4, §4.5: the one record of a domain.
    async fn record(&mut self, domain: &str) -> Result<Option<SpfRecord>, Stop> {
        let answer = self.lookups.ask(domain, RecordKind::Txt).await;
        if answer.outcome == Outcome::Failed {
            return Err(unanswered(domain));
        }
        let mut records = answer.texts().filter(|text| is_spf(text));
        let Some(text) = records.next() else {
            return Ok(None);
        };
        if records.next().is_some() {
            return Err(Stop::Permanent(format!(
                "{domain} has more than one record"
            )));
        }
        SpfRecord::parse(text)
            .map(Some)
            .map_err(|why| Stop::Permanent(format!("{domain}: {why}")))
    }

    /// RFC 7208 §4.6, §4.7.
    async fn evaluate(&mut self, record: &SpfRecord, domain: &str) -> Result<Said, Stop> {
        for directive in &record.directives {
            if self.matches(directive, domain).await? {
                let explanation = record.explanation.clone();
                return Ok(Said {
                    result: directive.qualifier,
                    term: Some(directive.text.clone()),
                    explanation: explanation.map(|target| (target, domain.to_owned())),
                });
            }
        }
        let Some(redirect) = &record.redirect else {
            return Ok(Said {
                term: Some("default".to_owned()),
                ..Said::plain(SpfResult::Neutral)
            });
        };
        self.count()?;
        let target = self.target(Some(redirect), domain).await;
        let said = match target {
            Some(target) => self.host(target).await?,
            None => Said::plain(SpfResult::None),
        };
        // RFC 7208 §6.1: a target without a record is an error.
        if said.result == SpfResult::None {
            let why = format!("{domain} redirects to where there is no record");
            return Err(Stop::Permanent(why));
        }
        Ok(said)
    }

    /// RFC 7208 §5.
    async fn matches(&mut self, directive: &Directive, domain: &str) -> Result<bool, Stop> {
        match &directive.mechanism {
            Mechanism::All => Ok(true),
            Mechanism::Ip4(network, prefix) => Ok(match self.client {
                IpAddr::V4(client) => agree(
                    client.to_bits().into(),
                    network.to_bits().into(),
                    *prefix,
                    32,
                ),
                IpAddr::V6(_) => false,
            }),
            Mechanism::Ip6(network, prefix) => Ok(match self.client {
                IpAddr::V6(client) => agree(client.to_bits(), network.to_bits(), *prefix, 128),
                IpAddr::V4(_) => false,
            }),
            Mechanism::Include(target) => self.include(target, domain).await,
            Mechanism::A(target, prefixes) => self.a(target.as_ref(), *prefixes, domain).await,
            Mechanism::Mx(target, prefixes) => self.mx(target.as_ref(), *prefixes, domain).await,
            Mechanism::Ptr(target) => self.ptr(target.as_ref(), domain).await,
            Mechanism::Exists(target) => self.exists(target, domain).await,
        }
    }

    /// RFC 7208 §5.2, with its table of results.
    async fn include(&mut self, target: &MacroString, domain: &str) -> Result<bool, Stop> {
        self.count()?;
        let Some(target) = self.target(Some(target), domain).await else {
            return Ok(false);
        };
        let shown = target.clone();
        match self.host(target).await?.result {
            SpfResult::Pass => Ok(true),
            SpfResult::None => Err(Stop::Permanent(format!(
                "{domain} includes {shown}, which has no record"
            ))),
            _ => Ok(false),
        }
    }

    /// RFC 7208 §5.3.
    async fn a(
        &mut self,
        target: Option<&MacroString>,
        prefixes: Prefixes,
        domain: &str,
    ) -> Result<bool, Stop> {
        self.count()?;
        let Some(target) = self.target(target, domain).await.filter(|t| is_name(t)) else {
            return Ok(false);
        };
        let answer = self.ask(&target, self.address_kind()).await?;
        Ok(self.covered(&answer, prefixes))
    }

    /// RFC 7208 §5.4.
    async fn mx(
        &mut self,
        target: Option<&MacroString>,
        prefixes: Prefixes,
        domain: &str,
    ) -> Result<bool, Stop> {
        self.count()?;
        let Some(target) = self.target(target, domain).await.filter(|t| is_name(t)) else {
            return Ok(false);
        };
        let answer = self.ask(&target, RecordKind::Mx).await?;
        // RFC 7208 §4.6.4: more than ten names are an error, not a beginning.
        if answer.records.len() > MAX_NAMES {
            return Err(Stop::Permanent(format!("{target} has more than ten MX")));
        }
        for record in &answer.records {
            if let Record::Mx { exchange, .. } = record
                && is_name(exchange)
            {
                let addresses = self.ask(exchange, self.address_kind()).await?;
                if self.covered(&addresses, prefixes) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// RFC 7208 §5.5.
    async fn ptr(&mut self, target: Option<&MacroString>, domain: &str) -> Result<bool, Stop> {
        self.count()?;
        let Some(target) = self.target(target, domain).await else {
            return Ok(false);
        };
        let names = self.validated_names().await;
        self.voids = self.voids.saturating_add(u8::from(names.is_none()));
        self.too_many_voids()?;
        let names = names.unwrap_or_default();
        Ok(names.iter().any(|name| is_or_is_below(name, &target)))
    }

    /// RFC 7208 §5.7: an A record, whatever the client's address is.
    async fn exists(&mut self, target: &MacroString, domain: &str) -> Result<bool, Stop> {
        self.count()?;
        let Some(target) = self
            .target(Some(target), domain)
            .await
            .filter(|t| is_name(t))
        else {
            return Ok(false);
        };
        let answer = self.ask(&target, RecordKind::A).await?;
        Ok(answer.outcome == Outcome::Found)
    }

    fn address_kind(&self) -> RecordKind {
        match self.client {
            IpAddr::V4(_) => RecordKind::A,
            IpAddr::V6(_) => RecordKind::Aaaa,
        }
    }

    fn covered(&self, answer: &Answer, prefixes: Prefixes) -> bool {
        answer
            .addresses()
            .any(|address| prefixes.cover(address, self.client))
    }

    /// The names of the client that lead back to it, ten at most; `None` if it has none (RFC 7208 §5.5).
    async fn validated_names(&self) -> Option<Vec<String>> {
        let reverse = reverse_name(self.client);
        let answer = self.lookups.ask(&reverse, RecordKind::Ptr).await;
        if answer.outcome == Outcome::Failed {
            // RFC 7208 §5.5: an error of the DNS is no match.
            return Some(Vec::new());
        }
        if answer.outcome != Outcome::Found {
            return None;
        }
        let mut valid = Vec::new();
        for record in answer.records.iter().take(MAX_NAMES) {
            if let Record::Name(name) = record
                && is_name(name)
            {
                let addresses = self.lookups.ask(name, self.address_kind()).await;
                if addresses.addresses().any(|address| address == self.client) {
                    valid.push(name.trim_end_matches('.').to_ascii_lowercase());
                }
            }
        }
        Some(valid)
    }

    /// RFC 7208 §7.3: the domain itself is best, then a name below it, then any.
    async fn validated_name(&self, domain: &str) -> String {
        let names = self.validated_names().await.unwrap_or_default();
        let best = names
            .iter()
            .find(|name| name.eq_ignore_ascii_case(domain))
            .or_else(|| names.iter().find(|name| is_or_is_below(name, domain)))
            .or_else(|| names.first());
        best.map_or_else(|| "unknown".to_owned(), Clone::clone)
    }

    /// The domain that a term is about; `None` if none can be made (RFC 8616 §4).
    async fn target(&self, target: Option<&MacroString>, domain: &str) -> Option<String> {
        let Some(target) = target else {
            return Some(domain.to_owned());
        };
        if target.wants_local_part() && !self.local.is_ascii() {
            return None;
        }
        let validated = if target.wants_validated_name() {
            self.validated_name(domain).await
        } else {
            String::new()
        };
        Some(target.expand_domain(&self.values(domain, &validated)))
    }

    fn values<'v>(&'v self, domain: &'v str, validated: &'v str) -> Values<'v> {
        Values {
            local: self.local,
            sender_domain: self.sender_domain,
            domain,
            address: self.client,
            validated,
            helo: self.request.helo,
            receiver: self.request.receiver,
            now: self.request.now,
        }
    }

    /// RFC 7208 §6.2: every problem on the way means that there is no explanation.
    async fn explain(&self, target: &MacroString, domain: &str) -> Option<String> {
        let target = self.target(Some(target), domain).await?;
        if !is_name(&target) {
            return None;
        }
        let answer = self.lookups.ask(&target, RecordKind::Txt).await;
        let mut texts = answer.texts();
        let text = texts.next().filter(|text| text.is_ascii())?;
        if texts.next().is_some() {
            return None;
        }
        let parsed = MacroString::parse(std::str::from_utf8(text).ok()?, true).ok()?;
        let validated = if parsed.wants_validated_name() {
            self.validated_name(domain).await
        } else {
            String::new()
        };
        let text = parsed.expand(&self.values(domain, &validated));
        (!text.is_empty()).then(|| text.chars().take(MAX_EXPLANATION).collect())
    }

    /// RFC 7208 §4.6.4: counts a term that causes look-ups.
    fn count(&mut self) -> Result<(), Stop> {
        self.terms += 1;
        if self.terms > MAX_TERMS {
            return Err(Stop::Permanent(
                "more than ten terms need look-ups".to_owned(),
            ));
        }
        Ok(())
    }

    async fn ask(&mut self, name: &str, kind: RecordKind) -> Result<Answer, Stop> {
        let answer = self.lookups.ask(name, kind).await;
        match answer.outcome {
            Outcome::Found => {}
            Outcome::Failed => return Err(unanswered(name)),
            Outcome::NoData | Outcome::NoSuchName => {
                self.voids += 1;
                self.too_many_voids()?;
            }
        }
        Ok(answer)
    }

    fn too_many_voids(&self) -> Result<(), Stop> {
        if self.voids > MAX_VOIDS {
            let why = "more than two look-ups found nothing".to_owned();
            return Err(Stop::Permanent(why));
        }
        Ok(())
    }
}

fn unanswered(name: &str) -> Stop {
    Stop::Temporary(format!("the DNS did not answer for {name}"))
}

/// Whether a name is a domain or lies below it.
fn is_or_is_below(name: &str, domain: &str) -> bool {
    let Some(at) = name.len().checked_sub(domain.len()) else {
        return false;
    };
    match name.split_at_checked(at) {
        Some((before, end)) => {
            end.eq_ignore_ascii_case(domain) && (before.is_empty() || before.ends_with('.'))
        }
        None => false,
    }
}
