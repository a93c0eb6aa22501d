//! An automatic answer that a step wishes, held to what an answer can be.

use std::time::Duration;

use crate::bindings::waxwing::policy::actions as wit;
use crate::outcome::Response;

use super::types::to_address;

/// Octets of a subject, a body and a handle.
const MAX_SUBJECT: usize = 2000;
const MAX_BODY: usize = 128 << 10;
const MAX_HANDLE: usize = 128;
/// The longest time within which there is one answer, in seconds: 400 days.
const MAX_PERIOD: u32 = 400 * 24 * 3600;
/// Answers of an account a day.
const MOST: u32 = 10_000;

/// The answer, or what is wrong with it.
pub(super) fn checked(reply: wit::Response) -> Result<Response, wit::ActionError> {
    let invalid = |text: &str| wit::ActionError::Invalid(text.to_owned());
    let author = to_address(&reply.author);
    let author = author.ok_or_else(|| invalid("the author of an answer is no address"))?;
    if reply.subject.len() > MAX_SUBJECT || reply.subject.contains(char::is_control) {
        return Err(invalid("the subject of an answer is one line"));
    }
    let bodies = [&reply.text, &reply.html];
    if bodies.iter().all(|body| body.is_none()) {
        return Err(invalid("an answer says something"));
    }
    if bodies
        .into_iter()
        .flatten()
        .any(|body| body.len() > MAX_BODY)
    {
        let text = format!("a body of an answer has {MAX_BODY} octets at most");
        return Err(wit::ActionError::Limit(text));
    }
    if reply.handle.len() > MAX_HANDLE || reply.handle.contains(char::is_control) {
        return Err(invalid("the handle of an answer is short and on one line"));
    }
    if !(1..=MAX_PERIOD).contains(&reply.period_seconds) {
        let text = format!("the period of an answer is 1 to {MAX_PERIOD} seconds");
        return Err(wit::ActionError::Invalid(text));
    }
    Ok(Response {
        author,
        subject: reply.subject,
        text: reply.text,
        html: reply.html,
        period: Duration::from_secs(reply.period_seconds.into()),
        handle: reply.handle,
        most_a_day: reply.most_a_day.min(MOST),
    })
}

#[cfg(test)]
mod tests {
    use crate::bindings::waxwing::policy::types::MailAddress;

    use super::*;

    fn reply() -> wit::Response {
        wit::Response {
            author: MailAddress {
                local_part: "alice".into(),
                domain: "example.org".into(),
            },
            subject: "Away".into(),
            text: Some("Back soon.\r\n".into()),
            html: None,
            period_seconds: 604_800,
            handle: "7".into(),
            most_a_day: u32::MAX,
        }
    }

    #[test]
    fn an_answer_is_what_can_be_sent() {
        let response = checked(reply()).unwrap();
        assert_eq!(response.author.to_string(), "alice@example.org");
        assert_eq!(response.most_a_day, MOST);
        let wrong: [fn(&mut wit::Response); 8] = [
            |reply| reply.author.local_part.clear(),
            |reply| reply.subject = "Away\r\nBcc: x@y.test".into(),
            |reply| reply.subject = "x".repeat(2001),
            |reply| reply.text = None,
            |reply| reply.html = Some("x".repeat(MAX_BODY + 1)),
            |reply| reply.handle = "x".repeat(129),
            |reply| reply.period_seconds = 0,
            |reply| reply.period_seconds = MAX_PERIOD + 1,
        ];
        for (place, spoil) in wrong.into_iter().enumerate() {
            let mut reply = reply();
            spoil(&mut reply);
            assert!(checked(reply).is_err(), "{place}");
        }
    }
}
