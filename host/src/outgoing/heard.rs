//! What a conversation came to, in the terms in which an attempt is judged.
//!
//! Standards: RFC 5321 §4.2.1, §4.5.3.2.6; RFC 3463.

use waxwing_mail::Reply;
use waxwing_queue::attempt::{Content, Conversation, Failure as Told, Said};
use waxwing_smtp::client::{Cause, Failure, Fate, Lack, Outcome, Stage};

use super::line::Down;

/// A line that did not come up.
pub(super) fn down(down: &Down) -> Conversation<usize> {
    match (&down.failure.stage, &down.failure.cause) {
        // A login that is refused, or TLS, is ours to put right: mail waits for it.
        (Stage::Greeting | Stage::Hello, Cause::Reply(reply)) => Conversation::Refused(said(reply)),
        _ => {
            let mut text = words(&down.failure);
            if let Some(trouble) = &down.trouble {
                text = format!("{text}: {trouble}");
            }
            Conversation::Unreachable(text)
        }
    }
}

/// A message that was handed to a line, for the recipients at these places of the leg.
pub(super) fn sent(outcome: &Outcome, recipients: &[usize]) -> Conversation<usize> {
    let failures = || outcome.fates.iter().filter_map(Fate::failure);
    let all_at_mail = failures().count() == outcome.fates.len()
        && failures().all(|failure| failure.stage == Stage::Mail);
    if all_at_mail && let Some(failure) = failures().next() {
        return match &failure.cause {
            Cause::Reply(reply) => Conversation::SenderRefused(said(reply)),
            Cause::Lacks(_) => Conversation::Unfit(told(failure)),
            _ => Conversation::Unreachable(words(failure)),
        };
    }
    answered(outcome, recipients)
}

fn answered(outcome: &Outcome, recipients: &[usize]) -> Conversation<usize> {
    let is_taken = |fate: &Fate| matches!(fate, Fate::Taken(_));
    // RFC 2033 §4.2: by LMTP each recipient has an answer to the content. By SMTP there is one, and it is everybody's.
    let own = outcome.fates.iter().any(is_taken) || differ(outcome);
    let mut content = Content::NotSent;
    let (mut answers, mut each) = (Vec::new(), Vec::new());
    for (fate, recipient) in outcome.fates.iter().zip(recipients) {
        let failure = match fate {
            Fate::Taken(reply) => {
                answers.push((*recipient, yes()));
                each.push((*recipient, said(reply)));
                continue;
            }
            Fate::Failed(failure) => failure,
        };
        match (failure.stage, &failure.cause) {
            (Stage::Data | Stage::Content, cause) => {
                answers.push((*recipient, yes()));
                each.push((*recipient, to_content(failure)));
                content = match cause {
                    Cause::Reply(reply) => Content::Answered(said(reply)),
                    _ => Content::Lost(words(failure)),
                };
            }
            (_, Cause::Reply(reply)) => answers.push((*recipient, said(reply))),
            (_, Cause::Lacks(Lack::Recipients(most))) => answers.push((
                *recipient,
                Said {
                    code: 452,
                    text: format!("4.5.3 {most} recipients are taken at a time"),
                },
            )),
            // Not answered: it is open still.
            _ => {}
        }
    }
    if own {
        content = Content::Each(each);
    }
    Conversation::Answered {
        recipients: answers,
        content,
    }
}

/// What is taken for the answer to a RCPT whose recipient came as far as the content.
fn yes() -> Said {
    Said {
        code: 250,
        text: "accepted".to_owned(),
    }
}

/// A recipient's own answer to the content. One that never came, where others had theirs, lets it be tried again.
fn to_content(failure: &Failure) -> Said {
    match &failure.cause {
        Cause::Reply(reply) => said(reply),
        _ => Said {
            code: 451,
            text: format!("4.4.2 {}", words(failure)),
        },
    }
}

/// Whether recipients had answers to the content that are not the same.
fn differ(outcome: &Outcome) -> bool {
    let answer = |fate: &Fate| match fate {
        Fate::Failed(failure) if matches!(failure.stage, Stage::Data | Stage::Content) => {
            Some(match &failure.cause {
                Cause::Reply(reply) => Some(said(reply)),
                _ => None,
            })
        }
        _ => None,
    };
    let mut answers = outcome.fates.iter().filter_map(answer);
    let first = answers.next();
    answers.any(|answer| Some(answer) != first)
}

pub(super) fn said(reply: &Reply) -> Said {
    let text = reply.text.replace('\n', " ");
    Said {
        code: reply.code.get(),
        text: match reply.enhanced {
            Some(status) => format!("{status} {text}"),
            None => text,
        },
    }
}

fn told(failure: &Failure) -> Told {
    Told {
        status: failure.status().to_string(),
        said: words(failure),
        by_server: false,
    }
}

/// For the log, the operator and reports.
pub(super) fn words(failure: &Failure) -> String {
    let at = match failure.stage {
        Stage::Greeting => "at its greeting",
        Stage::Hello => "at EHLO",
        Stage::StartTls => "at STARTTLS",
        Stage::Auth => "at the login",
        Stage::Mail => "at MAIL",
        Stage::Rcpt => "at RCPT",
        Stage::Data => "at DATA",
        Stage::Content => "at the content",
    };
    match &failure.cause {
        Cause::Reply(reply) => format!("{} {}", reply.code.get(), said(reply).text),
        Cause::Closed => format!("the connection was lost {at}"),
        Cause::TimedOut => format!("the server fell silent {at}"),
        Cause::Nonsense => format!("the server answered nonsense {at}"),
        Cause::Impostor => "the server does not know the password that it asks for".to_owned(),
        Cause::Content => "the content could not be read here".to_owned(),
        Cause::Lacks(lack) => lacks(lack),
    }
}

fn lacks(lack: &Lack) -> String {
    match lack {
        Lack::StartTls => "the server offers no TLS, which is demanded".to_owned(),
        Lack::Auth => "the server offers no login that may be used".to_owned(),
        Lack::EightBitMime => {
            "the server takes no 8-bit content, and it cannot be converted".to_owned()
        }
        Lack::BinaryMime => {
            "the server takes no binary content, and it cannot be converted".to_owned()
        }
        Lack::SmtpUtf8 => "the server takes no internationalised addresses (SMTPUTF8)".to_owned(),
        Lack::RequireTls => {
            "the server does not promise TLS on the rest of the way (REQUIRETLS)".to_owned()
        }
        Lack::DeliverBy => "the server does not promise delivery in time (DELIVERBY)".to_owned(),
        Lack::Size(most) => format!("the server takes messages of at most {most} octets"),
        Lack::Recipients(most) => format!("the server takes {most} recipients at a time"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16) -> Reply {
        Reply::new(code, None, "hm")
    }

    fn failed(stage: Stage, cause: Cause) -> Fate {
        Fate::Failed(Failure { stage, cause })
    }

    fn outcome(fates: Vec<Fate>) -> Outcome {
        Outcome {
            fates,
            dsn: false,
            untried: false,
        }
    }

    /// The answers to the content, recipient by recipient.
    fn own(content: Content<usize>) -> Vec<(usize, u16)> {
        let Content::Each(answers) = content else {
            panic!("{content:?}");
        };
        let codes = answers.iter().map(|(who, said)| (*who, said.code));
        codes.collect()
    }

    #[test]
    fn each_recipient_keeps_its_answer() {
        let fates = vec![
            Fate::Taken(reply(250)),
            failed(Stage::Rcpt, Cause::Reply(reply(550))),
            failed(Stage::Rcpt, Cause::Closed),
        ];
        let Conversation::Answered {
            recipients,
            content,
        } = sent(&outcome(fates), &[4, 5, 6])
        else {
            panic!("answered");
        };
        let codes: Vec<_> = recipients
            .iter()
            .map(|(who, said)| (*who, said.code))
            .collect();
        assert_eq!(codes, [(4, 250), (5, 550)]);
        assert_eq!(own(content), [(4, 250)]);
    }

    #[test]
    fn answers_to_the_content_are_each_recipients_own() {
        let at_content = |cause| failed(Stage::Content, cause);
        let codes = |fates| {
            let Conversation::Answered {
                recipients,
                content,
            } = sent(&outcome(fates), &[0, 1])
            else {
                panic!("answered");
            };
            assert!(recipients.iter().all(|(_, said)| said.code == 250));
            own(content)
        };
        let taken = || Fate::Taken(reply(250));
        for cause in [Cause::Closed, Cause::TimedOut, Cause::Nonsense] {
            assert_eq!(
                codes(vec![taken(), at_content(cause)]),
                [(0, 250), (1, 451)]
            );
        }
        let (full, unknown) = (reply(452), reply(550));
        assert_eq!(
            codes(vec![
                at_content(Cause::Reply(full.clone())),
                at_content(Cause::Reply(unknown.clone()))
            ]),
            [(0, 452), (1, 550)]
        );
        assert_eq!(
            codes(vec![
                at_content(Cause::Reply(unknown)),
                at_content(Cause::Closed)
            ]),
            [(0, 550), (1, 451)]
        );
    }

    #[test]
    fn a_content_without_an_answer_is_lost() {
        let fates = vec![failed(Stage::Content, Cause::Closed)];
        let heard = sent(&outcome(fates), &[0]);
        assert!(
            matches!(heard, Conversation::Answered { content: Content::Lost(_), ref recipients } if recipients.len() == 1)
        );
    }

    #[test]
    fn what_all_failed_by_at_mail_is_the_senders() {
        let at_mail = |cause| sent(&outcome(vec![failed(Stage::Mail, cause)]), &[0]);
        assert!(matches!(
            at_mail(Cause::Reply(reply(550))),
            Conversation::SenderRefused(_)
        ));
        assert!(matches!(
            at_mail(Cause::Lacks(Lack::SmtpUtf8)),
            Conversation::Unfit(told) if told.status == "5.6.7"
        ));
        assert!(matches!(
            at_mail(Cause::TimedOut),
            Conversation::Unreachable(_)
        ));
    }
}
