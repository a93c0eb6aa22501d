//! `Email/query` and `Email/queryChanges` (RFC 8621 §4.4, §4.5): from what is cheapest to know of emails to what is dearest, and of no more of
//! them than the result needs.

use std::collections::HashSet;

use serde_json::Value;
use waxwing_message::Summary;

use super::ask::{Kind, MailAnswer, MailAsk};
use super::changes::since_then;
use super::email_filter::{EmailFilter, Known, Sifting};
use super::email_get::{TOGETHER, summaries};
use super::email_sort::{Direction, EmailSort};
use super::emails::{Email, Emails};
use super::mailbox::emails;
use crate::ask::{Answer, Ask};
use crate::context::{Context, mistaken};
use crate::error::MethodError;
use crate::id::{AccountId, ContentId, EmailId, ThreadId};
use crate::methods::Arguments;
use crate::standard::{Found, Query, QueryChanged, QueryChanges, State};

/// Emails that are looked at as soon as an index is asked about them.
const FEW: usize = 16;
/// Emails that are looked at together where it may be enough to find some.
const SOME: usize = 64;

/// What is asked for.
struct Wanted {
    account: AccountId,
    filter: EmailFilter,
    sort: EmailSort,
    collapse: bool,
}

pub(crate) async fn query(
    mut arguments: Arguments,
    context: &Context,
) -> Result<Arguments, MethodError> {
    let collapse = collapse(&mut arguments)?;
    let query = Query::read(arguments)?;
    let wanted = Wanted {
        account: context.account(&query.account_id)?.id,
        filter: EmailFilter::read(query.filter)?,
        sort: EmailSort::read(&query.sort)?,
        collapse,
    };
    let emails = emails(wanted.account, context).await?;
    let running = Running {
        wanted: &wanted,
        emails: &emails,
        context,
    };
    let found = running.run(query.window.enough()).await?;
    let ids = found.into_iter().filter_map(|at| emails.at(at));
    let found = Found {
        state: State(emails.state),
        // What is in a message never changes: one that nothing has happened to matches as before, and has the same place among others.
        can_calculate: true,
        ids: ids.map(|email| email.id).collect(),
    };
    query.window.cut(query.account_id, found)
}

pub(super) async fn changes(
    mut arguments: Arguments,
    context: &Context,
) -> Result<Arguments, MethodError> {
    let collapse = collapse(&mut arguments)?;
    let mut changes = QueryChanges::read(arguments)?;
    let wanted = Wanted {
        account: context.account(&changes.account_id)?.id,
        filter: EmailFilter::read(changes.filter.take())?,
        sort: EmailSort::read(&changes.sort)?,
        collapse,
    };
    // The results before what changed: what changes meanwhile is told now, and again from the state of the results.
    let emails = emails(wanted.account, context).await?;
    let touched = wanted.touched(&emails, changes.since, context).await?;
    let running = Running {
        wanted: &wanted,
        emails: &emails,
        context,
    };
    let found = running.run(None).await?;
    let ids = found.into_iter().filter_map(|at| emails.at(at));
    let changed = QueryChanged {
        until: State(emails.state),
        ids: ids.map(|email| email.id).collect(),
        touched,
    };
    changed.to_arguments(&changes)
}

/// `collapseThreads`.
fn collapse(arguments: &mut Arguments) -> Result<bool, MethodError> {
    match arguments.remove("collapseThreads") {
        None => Ok(false),
        Some(Value::Bool(collapse)) => Ok(collapse),
        Some(_) => Err(MethodError::InvalidArguments(
            "collapseThreads is true or false".into(),
        )),
    }
}

impl Wanted {
    /// The emails that may have come into the results, gone from them, or moved in them.
    async fn touched(
        &self,
        emails: &Emails,
        since: State,
        context: &Context,
    ) -> Result<HashSet<EmailId>, MethodError> {
        let happened = since_then(self.account, Kind::Email, since, None, context).await?;
        if happened.more {
            return Err(MethodError::CannotCalculateChanges);
        }
        let lists = [&happened.created, &happened.updated, &happened.destroyed];
        let ids = lists.into_iter().flatten().map(|id| EmailId(*id));
        let mut touched: HashSet<EmailId> = ids.collect();
        if touched.is_empty() || !self.is_of_threads() {
            return Ok(touched);
        }
        // What one email is changes whether another of its thread is there, and which of them stands for all.
        let moved = since_then(self.account, Kind::Thread, since, None, context).await?;
        if moved.more {
            return Err(MethodError::CannotCalculateChanges);
        }
        let changed = touched.iter().filter_map(|id| emails.get(*id));
        let mut threads: HashSet<ThreadId> = changed.map(|email| email.thread).collect();
        threads.extend(moved.updated.iter().map(|id| ThreadId(*id)));
        for thread in threads {
            let others = emails.thread(thread).iter();
            touched.extend(others.filter_map(|at| emails.at(*at)).map(|email| email.id));
        }
        Ok(touched)
    }

    fn is_of_threads(&self) -> bool {
        self.collapse || self.filter.is_of_threads() || self.sort.is_of_threads()
    }
}

/// Emails are being found.
struct Running<'r> {
    wanted: &'r Wanted,
    emails: &'r Emails,
    context: &'r Context,
}

/// An email that may match.
struct Candidate<'r> {
    at: u32,
    email: &'r Email,
    /// Bit n: needle n is surely not in it.
    absent: u64,
    /// Whether it matches, if that is known.
    matches: Option<bool>,
}

impl<'r> Running<'r> {
    /// The places in the list of those that match, in the order that is wanted; no more than are enough, if it is said how many are.
    async fn run(&self, enough: Option<usize>) -> Result<Vec<u32>, MethodError> {
        let direction = self.wanted.sort.is_of_list();
        // Only what is found in its order may be left before all is found.
        let enough = enough.filter(|_| direction.is_some());
        let sifting = Sifting::new(&self.wanted.filter, self.emails);
        let mut candidates = self.candidates(&sifting, direction);
        self.sift(&sifting, &mut candidates).await?;
        let mut found: Vec<u32> = Vec::new();
        let mut threads: HashSet<ThreadId> = HashSet::new();
        let together = if enough.is_some() { SOME } else { TOGETHER };
        let mut rest = candidates.as_mut_slice();
        while !rest.is_empty() {
            let (some, others) = rest.split_at_mut(next(rest, together));
            rest = others;
            self.look(&sifting, some).await?;
            for candidate in some.iter().filter(|it| it.matches == Some(true)) {
                // Where the order comes later, so does which email stands for its thread.
                let first = !self.wanted.collapse
                    || direction.is_none()
                    || threads.insert(candidate.email.thread);
                if first {
                    found.push(candidate.at);
                }
            }
            if enough.is_some_and(|enough| found.len() >= enough) {
                return Ok(found);
            }
        }
        if direction.is_none() {
            found = self.sorted(found).await?;
            let thread = |at: &u32| self.emails.at(*at).map(|email| email.thread);
            found.retain(|at| {
                !self.wanted.collapse || thread(at).is_some_and(|it| threads.insert(it))
            });
        }
        Ok(found)
    }

    /// Those of which the list does not say that they do not match.
    fn candidates(
        &self,
        sifting: &Sifting<'_>,
        direction: Option<Direction>,
    ) -> Vec<Candidate<'r>> {
        let same = self.wanted.filter.is_of_texts();
        let mut first: Option<Option<bool>> = None;
        let candidate = |(at, email): (u32, &'r Email)| {
            let matches = match first {
                Some(matches) if same => matches,
                _ => *first.insert(sifting.matches(at, email, Known::default())),
            };
            (matches != Some(false)).then_some(Candidate {
                at,
                email,
                absent: 0,
                matches,
            })
        };
        let all = (0..).zip(self.emails.list());
        let mut candidates: Vec<_> = all.filter_map(candidate).collect();
        if direction == Some(Direction::OldestFirst) {
            candidates.reverse();
        }
        candidates
    }

    /// Leaves out what an index says that it lacks what is looked for.
    async fn sift(
        &self,
        sifting: &Sifting<'_>,
        candidates: &mut Vec<Candidate<'r>>,
    ) -> Result<(), MethodError> {
        let needles = &self.wanted.filter.needles;
        let unknown = |candidate: &&Candidate<'_>| candidate.matches.is_none();
        let asked = candidates.iter().filter(unknown);
        let places: Vec<_> = asked.map(|candidate| candidate.email.place()).collect();
        if needles.is_empty() || places.len() <= FEW {
            return Ok(());
        }
        let ask = MailAsk::Sift {
            account: self.wanted.account,
            places,
            needles: needles.clone(),
        };
        let Answer::Mail(MailAnswer::Absent(absent)) = self.context.ask(Ask::Mail(ask)).await?
        else {
            return Err(mistaken());
        };
        let mut absent = absent.into_iter();
        let same = self.wanted.filter.is_of_texts();
        let mut before: Option<(u64, Option<bool>)> = None;
        for candidate in candidates.iter_mut().filter(|it| it.matches.is_none()) {
            candidate.absent = absent.next().unwrap_or(0);
            if let Some((absent, matches)) = before
                && same
                && absent == candidate.absent
            {
                candidate.matches = matches;
                continue;
            }
            let known = Known {
                absent: candidate.absent,
                ..Known::default()
            };
            candidate.matches = sifting.matches(candidate.at, candidate.email, known);
            before = Some((candidate.absent, candidate.matches));
        }
        candidates.retain(|candidate| candidate.matches != Some(false));
        Ok(())
    }

    /// Looks at those of which it is not known whether they match.
    async fn look(
        &self,
        sifting: &Sifting<'_>,
        candidates: &mut [Candidate<'r>],
    ) -> Result<(), MethodError> {
        let unknown: Vec<&mut Candidate<'_>> = candidates
            .iter_mut()
            .filter(|candidate| candidate.matches.is_none())
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let read = match self.wanted.filter.needs_summary {
            true => {
                let emails: Vec<&Email> = unknown.iter().map(|it| it.email).collect();
                summaries(self.wanted.account, &emails, self.context).await?
            }
            false => vec![None; unknown.len()],
        };
        let mut unread = Vec::new();
        for (candidate, octets) in unknown.into_iter().zip(read) {
            // What cannot be understood was written by an older version: then the content is looked at, and nothing else of it is known.
            let summary = octets.and_then(|octets| Summary::decode(&octets).ok());
            let known = Known {
                summary: summary.as_ref(),
                absent: candidate.absent,
                ..Known::default()
            };
            candidate.matches = sifting.matches(candidate.at, candidate.email, known);
            if candidate.matches.is_none() {
                unread.push((candidate, summary));
            }
        }
        if unread.is_empty() || self.wanted.filter.keys.is_empty() {
            return Ok(());
        }
        let content = |email: &Email| (ContentId(email.id.0), email.size);
        let ask = MailAsk::Texts {
            account: self.wanted.account,
            contents: unread.iter().map(|(it, _)| content(it.email)).collect(),
            keys: self.wanted.filter.keys.clone(),
        };
        let Answer::Mail(MailAnswer::Matched(matched)) = self.context.ask(Ask::Mail(ask)).await?
        else {
            return Err(mistaken());
        };
        for ((candidate, summary), matched) in unread.into_iter().zip(matched) {
            let known = Known {
                summary: summary.as_ref(),
                // One that is gone matches nothing.
                matched: Some(matched.unwrap_or(0)),
                absent: candidate.absent,
            };
            candidate.matches = sifting.matches(candidate.at, candidate.email, known);
        }
        Ok(())
    }

    /// The same in the order that is wanted.
    async fn sorted(&self, found: Vec<u32>) -> Result<Vec<u32>, MethodError> {
        let keys = self.wanted.sort.bind(self.emails);
        let needs_summary = self.wanted.sort.needs_summary();
        let mut keyed: Vec<(Box<[u8]>, u32)> = Vec::with_capacity(found.len());
        for some in found.chunks(TOGETHER) {
            let places = some
                .iter()
                .filter_map(|at| Some((*at, self.emails.at(*at)?)));
            let (places, emails): (Vec<u32>, Vec<&Email>) = places.unzip();
            let read = match needs_summary {
                true => summaries(self.wanted.account, &emails, self.context).await?,
                false => vec![None; emails.len()],
            };
            for ((at, email), octets) in places.into_iter().zip(emails).zip(read) {
                let summary = octets.and_then(|octets| Summary::decode(&octets).ok());
                keyed.push((keys.key(at, email, summary.as_ref()), at));
            }
        }
        keyed.sort_unstable();
        Ok(keyed.into_iter().map(|(_, at)| at).collect())
    }
}

/// How many candidates come next: all up to so many of which something has to be found out.
fn next(candidates: &[Candidate<'_>], together: usize) -> usize {
    let mut unknown = 0;
    let fit = candidates.iter().take_while(|candidate| {
        unknown += usize::from(candidate.matches.is_none());
        unknown <= together
    });
    fit.count().max(1)
}
