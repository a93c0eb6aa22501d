//! Automatic answers, for messages that are in the mailboxes of who answers.
//!
//! Standards: RFC 3834 §3 (what an answer is like), RFC 5230 §5, RFC 5321 §4.5.5 (the null path is never answered).
//! Invariants: policy wishes an answer, and the store gives it once; whatever fails here costs an answer and nothing else.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;
use waxwing_jmap::Letter;
use waxwing_mail::{Address, QueueId, ReversePath};
use waxwing_policy::Response;
use waxwing_store::{Account, Answered, NewAnswer, Store};

use super::super::complete::complete;
use super::super::fields::Header;
use super::super::jmap::identities_of;
use super::super::now_millis;
use super::deliver::{Fate, Judged};
use crate::outgoing::{self, Notices};
use crate::wiring::Parts;

/// Senders who are answered at once.
const ANSWERED: u32 = 64;
/// How long the reply to a message waits for its answers.
const PROMPT: Duration = Duration::from_secs(2);

/// An answer that a step wishes.
#[derive(Debug)]
pub(crate) struct Wished {
    account: String,
    response: Response,
}

impl Wished {
    /// By an account, if it is wished.
    pub(crate) fn by(account: &str, response: Option<Response>) -> Option<Self> {
        response.map(|response| Self {
            account: account.to_owned(),
            response,
        })
    }
}

/// Takes out those of recipients who got the message.
pub(super) fn wished(judged: &mut [Judged]) -> Vec<Wished> {
    let kept = |one: &&mut Judged| matches!(one.fate, Fate::Keep(_));
    let kept = judged.iter_mut().filter(kept);
    kept.flat_map(|one| std::mem::take(&mut one.responses))
        .collect()
}

/// Room for those who are answered beside the sessions that brought their messages.
#[derive(Debug)]
pub(crate) struct Answering(Arc<Semaphore>);

impl Default for Answering {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ANSWERED as usize)))
    }
}

impl Answering {
    /// Waits until all of them have been, but not beyond a moment.
    pub(crate) async fn end(&self, until: Instant) {
        let all = self.0.acquire_many(ANSWERED);
        if tokio::time::timeout_at(until, all).await.is_err() {
            tracing::warn!("the server ends before all answers were given");
        }
    }
}

/// Answers the sender beside the session, whose client is not to wait for each of many recipients: it does for [`PROMPT`], and no longer.
/// Where there is no room by then, nobody is answered.
pub(super) async fn beside(
    parts: &Arc<Parts>,
    session: u64,
    (sender, header): (ReversePath, Header),
    wished: Vec<Wished>,
) {
    if wished.is_empty() {
        return;
    }
    let until = Instant::now() + PROMPT;
    let room = Arc::clone(&parts.answering.0).acquire_owned();
    let Ok(Ok(room)) = tokio::time::timeout_at(until, room).await else {
        metrics::counter!("waxwing_responses_total", "outcome" => "busy")
            .increment(wished.len() as u64);
        return tracing::warn!(session, answers = wished.len(), "no room to answer");
    };
    let parts = Arc::clone(parts);
    let task = tokio::spawn(async move {
        to_sender(&parts, session, (&sender, &header), wished.iter()).await;
        drop(room);
    });
    // It goes on without who waits.
    let _in_time = tokio::time::timeout_at(until, task).await;
}

/// Answers the sender for all accounts that got a message, each once. Trouble is logged under the session's number.
pub(crate) async fn to_sender(
    parts: &Parts,
    session: u64,
    (sender, header): (&ReversePath, &Header),
    wished: impl Iterator<Item = &Wished>,
) {
    let Some(to) = sender.address() else { return };
    let mut answered: Vec<&str> = Vec::new();
    for wished in wished {
        let account = wished.account.as_str();
        if answered.contains(&account) {
            continue;
        }
        answered.push(account);
        let outcome = match one(parts, to, header, wished).await {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::warn!(session, account, %error, "an answer could not be given");
                "failed"
            }
        };
        metrics::counter!("waxwing_responses_total", "outcome" => outcome).increment(1);
        tracing::info!(session, account, outcome, "response");
    }
}

/// Gives an answer; what became of it in a word.
async fn one(
    parts: &Parts,
    to: &Address,
    header: &Header,
    wished: &Wished,
) -> Result<&'static str, Box<dyn std::error::Error + Send + Sync>> {
    let found = parts.store.directory().account(&wished.account).await?;
    let account = found.ok_or("the account is gone")?;
    let response = &wished.response;
    let now = now_millis();
    let queue_id = QueueId::new(u64::try_from(now).unwrap_or(0), rand::random()).to_string();
    let name = name_of(&parts.store, &account, &response.author).await?;
    let letter = Letter {
        from: (&name, &response.author.to_string()),
        to: &to.to_string(),
        subject: &response.subject,
        fields: &fields(header),
        text: response.text.as_deref(),
        html: response.html.as_deref(),
        mark: format!("{:032x}", rand::random::<u128>()),
    };
    let content = complete(letter.written().into(), &parts.config.hostname);
    // What was rewritten here leads back to who sent it (SRS).
    let path = waxwing_mail::ForwardPath::Address(to.clone());
    let lead = match parts
        .outgoing
        .rewritten(&waxwing_mail::Recipient::new(path))
    {
        Some(Ok(first)) => first,
        _ => to.clone(),
    };
    // Such a path bears a day, and who wrote would be told again the next one.
    let sender = lead.to_string();
    let letter = outgoing::letter(parts, &queue_id, lead, content.to_vec()).await;
    let mut letter: Notices = letter.map_err(|reply| reply.to_string())?;
    if letter.is_empty() {
        return Ok("unwanted");
    }
    let answer = NewAnswer {
        account: account.id,
        sender,
        handle: response.handle.clone(),
        period: i64::try_from(response.period.as_millis()).unwrap_or(i64::MAX),
        most_a_day: response.most_a_day,
    };
    let (stored, queued) = letter.take();
    Ok(match parts.store.respond(answer, stored, queued).await? {
        Answered::Yes(submitted) => {
            letter.arrived(parts, &submitted.stored);
            "sent"
        }
        Answered::Lately => "lately",
        Answered::TooMany => "too many",
    })
}

/// The name under which the account sends from an address, or from its own.
async fn name_of(
    store: &Store,
    account: &Account,
    author: &Address,
) -> Result<String, waxwing_store::Error> {
    let author = author.to_string();
    let identities = identities_of(store, account).await?;
    let named = |(_, one): &&(_, waxwing_jmap::Identity)| one.email.eq_ignore_ascii_case(&author);
    let found = identities.iter().find(named).or(identities.first());
    Ok(found.map_or_else(String::new, |(_, one)| one.name.clone()))
}

/// What says that no person wrote it, and to what it answers.
fn fields(header: &Header) -> Vec<(&'static str, String)> {
    let mut fields = vec![
        // RFC 3834 §3.1.7, §5.
        ("Auto-Submitted", "auto-replied".to_owned()),
        // Those who do not know the field above may know this one.
        ("X-Auto-Response-Suppress", "All".to_owned()),
    ];
    // RFC 5322 §3.6.4: those of the message, and the message.
    let id = &header.message_id;
    if !id.is_empty() && id.is_ascii() {
        let references = format!("{} <{id}>", header.references);
        fields.push(("In-Reply-To", format!("<{id}>")));
        fields.push(("References", references.trim_start().to_owned()));
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_what_it_answers_to() {
        let header = |message_id: &str, references: &str| Header {
            message_id: message_id.into(),
            references: references.into(),
            ..Header::default()
        };
        let of = |header: &Header, name: &str| {
            let fields = fields(header);
            let found = fields.into_iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value)
        };
        let answered = header("2@example.net", "<0@example.net> <1@example.net>");
        let references = "<0@example.net> <1@example.net> <2@example.net>";
        assert_eq!(of(&answered, "References").as_deref(), Some(references));
        let first = header("2@example.net", "");
        assert_eq!(of(&first, "References").as_deref(), Some("<2@example.net>"));
        assert_eq!(of(&header("", "<1@example.net>"), "References"), None);
        assert_eq!(
            of(&first, "Auto-Submitted").as_deref(),
            Some("auto-replied")
        );
    }
}
