//! JMAP requests.

use std::sync::Arc;

use waxwing_jmap::{
    Access, AccountId, Answer, Ask, Exchange, Failure, Limits, Request, Step, Viewer,
};
use waxwing_jmap::{
    Begun, ChangeAnswer, ChangeAsk, ContentId, EmailId, EmailsChanged, Identity, IdentityId,
    MailboxId, NotKept, Piece, SendAnswer, SendAsk, Sendable, Shaped, StoredEmail, ThreadId,
    Vacation, VacationNow,
};

/// Steps that no request within the limits needs.
const MAX_STEPS: usize = 50_000;
/// Octets of a response that no request of so few octets can make.
const MAX_RESPONSE: usize = 64 << 20;

/// A request: it is refused or comes to an end, and its response is bounded.
pub fn jmap(octets: &[u8]) {
    let limits = Arc::new(Limits::default());
    let Ok(request) = Request::parse(Some("application/json"), octets, &limits) else {
        return;
    };
    let calls = request.calls.len();
    let viewer = Viewer {
        username: "alice".into(),
        accounts: vec![Access {
            id: AccountId(1),
            name: "alice".into(),
            personal: true,
            read_only: false,
        }],
    };
    let mut exchange = Exchange::new(request, Arc::new(viewer), limits);
    for _ in 0..MAX_STEPS {
        match exchange.step() {
            Step::Ask(Ask::CopyContents { contents, .. }) => {
                exchange.answer(Answer::Copied(vec![true; contents.len()]));
            }
            Step::Ask(Ask::Change(ask)) => exchange.answer(Answer::Change(changed(ask))),
            Step::Ask(Ask::Send(ask)) => exchange.answer(Answer::Send(sent(ask))),
            Step::Ask(Ask::Mail(ask)) => {
                exchange.answer(Answer::Mail(super::jmap_mail::answer(ask)));
            }
            Step::Ask(_) => {
                let reference = "x".into();
                exchange.answer(Answer::Failed(Failure::Unavailable { reference }));
            }
            Step::Done(response) => {
                assert!(response.responses.len() >= calls, "every call is answered");
                let text = response.to_json().to_string();
                assert!(text.len() < MAX_RESPONSE, "{} octets", text.len());
                return;
            }
        }
    }
    panic!("a request does not end");
}

/// Everything that is to be changed is.
fn changed(ask: ChangeAsk) -> ChangeAnswer {
    match ask {
        ChangeAsk::Begin { .. } => ChangeAnswer::Begun(Begun {
            state: 1,
            now: 0,
            chance: [0; 16],
            host: "mail.example".into(),
        }),
        ChangeAsk::Emails { changes, .. } => ChangeAnswer::Emails(EmailsChanged {
            before: 1,
            after: 2,
            results: vec![Ok(()); changes.len()],
        }),
        ChangeAsk::Compose { pieces, .. } => {
            for piece in &pieces {
                if let Piece::Octets(octets) = piece {
                    let mut lines = octets.split(|octet| *octet == b'\n');
                    assert!(lines.all(|line| line.len() <= 999), "a line is too long");
                }
            }
            stored()
        }
        ChangeAsk::Import { .. } | ChangeAsk::CopyEmail { .. } => stored(),
        ChangeAsk::Shape { .. } | ChangeAsk::RemoveMailbox { .. } => {
            ChangeAnswer::Shaped(Ok(Shaped {
                mailbox: MailboxId(9),
                before: 1,
                after: 2,
            }))
        }
    }
}

fn stored() -> ChangeAnswer {
    ChangeAnswer::Stored(Ok(StoredEmail {
        email: EmailId(9),
        content: ContentId(9),
        thread: ThreadId(3),
        size: 10,
        before: 1,
        after: 2,
    }))
}

fn sent(ask: SendAsk) -> SendAnswer {
    match ask {
        SendAsk::Identities { .. } => {
            SendAnswer::Identities(1, vec![(IdentityId(0), Identity::default())])
        }
        SendAsk::Changes { .. } => SendAnswer::Changes(None),
        SendAsk::Submissions { .. } => SendAnswer::Submissions(1, Vec::new()),
        SendAsk::Sendable { .. } => SendAnswer::Sendable(Some(Sendable {
            authors: vec![vec!["a@b.example".into()]],
            most_octets: 10,
            most_recipients: 10,
            ..Sendable::default()
        })),
        SendAsk::Vacation { .. } => SendAnswer::Vacation(VacationNow {
            state: 1,
            changed: 1,
            vacation: Vacation::default(),
        }),
        SendAsk::Notify { .. } => SendAnswer::Notified(Err(NotKept::Gone)),
        SendAsk::PutIdentity { .. }
        | SendAsk::PutVacation { .. }
        | SendAsk::RemoveIdentity { .. }
        | SendAsk::Submit { .. }
        | SendAsk::Cancel { .. }
        | SendAsk::Forget { .. } => SendAnswer::Kept(Err(NotKept::Gone)),
    }
}
