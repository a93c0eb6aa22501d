//! The walk up the tree of names, to records and to the organizational domain.
//!
//! Standards: RFC 9989 §4.10.

use std::collections::HashMap;

use super::record::{DmarcRecord, Psd};
use crate::dns::{Lookups, Outcome, RecordKind, is_name};

/// RFC 9989 §4.10: names that one walk asks for.
const MAX_STEPS: usize = 8;

/// The DNS did not answer for this name.
pub(super) struct Unanswered(pub(super) String);

/// What names have been asked for, so that domains of one message share answers.
pub(super) struct Walker<'a> {
    lookups: &'a Lookups<'a>,
    known: HashMap<String, Option<DmarcRecord>>,
}

impl<'a> Walker<'a> {
    pub(super) fn new(lookups: &'a Lookups<'a>) -> Self {
        Self {
            lookups,
            known: HashMap::new(),
        }
    }

    /// The record of a name itself. RFC 7489 §6.6.3: where there are several, there is none.
    pub(super) async fn record(&mut self, domain: &str) -> Result<Option<DmarcRecord>, Unanswered> {
        if let Some(known) = self.known.get(domain) {
            return Ok(known.clone());
        }
        let name = format!("_dmarc.{domain}");
        let answer = self.lookups.ask(&name, RecordKind::Txt).await;
        if answer.outcome == Outcome::Failed {
            return Err(Unanswered(name));
        }
        let mut records = answer.texts().filter_map(DmarcRecord::parse);
        let record = match (records.next(), records.next()) {
            (Some(record), None) => Some(record),
            _ => None,
        };
        self.known.insert(domain.to_owned(), record.clone());
        Ok(record)
    }

    /// The records of a domain and of those above it, from below.
    pub(super) async fn records(
        &mut self,
        domain: &str,
    ) -> Result<Vec<(String, DmarcRecord)>, Unanswered> {
        let mut found = Vec::new();
        let mut at = domain;
        for step in 0..MAX_STEPS {
            if let Some(record) = self.record(at).await? {
                let decided = record.psd != Psd::Unknown;
                found.push((at.to_owned(), record));
                if decided {
                    break;
                }
            }
            match above(at, step) {
                Some(next) => at = next,
                None => break,
            }
        }
        Ok(found)
    }

    /// RFC 9989 §4.10.2: the organizational domain of a domain.
    pub(super) async fn organizational(&mut self, domain: &str) -> Result<String, Unanswered> {
        let records = self.records(domain).await?;
        Ok(organizational(domain, &records))
    }
}

/// The organizational domain, given the records on the way up.
pub(super) fn organizational(domain: &str, records: &[(String, DmarcRecord)]) -> String {
    // One label below a public suffix.
    let suffix = |(at, record): &&(String, DmarcRecord)| record.psd == Psd::Yes && at != domain;
    if let Some((suffix, _)) = records.iter().find(suffix) {
        return below(domain, suffix);
    }
    // The highest name with a record; a walk goes no higher than one that says psd=n.
    let highest = records.last().map(|(at, _)| at.clone());
    highest.unwrap_or_else(|| domain.to_owned())
}

/// RFC 9989 §4.10: the next name: one label shorter, but of long names the last seven labels come second.
fn above(domain: &str, step: usize) -> Option<&str> {
    let labels = domain.split('.').count();
    let dropped = if step == 0 && labels > MAX_STEPS {
        labels - (MAX_STEPS - 1)
    } else {
        1
    };
    let mut rest = domain;
    for _ in 0..dropped {
        rest = rest.split_once('.')?.1;
    }
    Some(rest)
}

/// The name one label below a suffix, on the way to a domain.
fn below(domain: &str, suffix: &str) -> String {
    let before = domain.strip_suffix(suffix).unwrap_or_default();
    let label = before.trim_end_matches('.').rsplit('.').next();
    format!("{}.{suffix}", label.unwrap_or_default())
}

/// Whether two domains could have one organizational domain at all: they end in two labels that are the same.
pub(super) fn related(one: &str, other: &str) -> bool {
    let common = one
        .rsplit('.')
        .zip(other.rsplit('.'))
        .take_while(|(a, b)| a == b)
        .count();
    is_name(one) && common >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_once() {
        let mut at = "a.b.c.d.e.f.g.h.i.j.mail.example";
        let mut asked = vec![at];
        for step in 0..MAX_STEPS - 1 {
            let Some(next) = above(at, step) else { break };
            at = next;
            asked.push(at);
        }
        assert_eq!(asked.len(), 8);
        assert_eq!(asked.get(1), Some(&"f.g.h.i.j.mail.example"));
        assert_eq!(asked.last(), Some(&"example"));
    }
}
