//! What methods of identities and submissions ask, and what they are answered, as data.

use serde_json::{Value, json};

use super::change::message;
use waxwing_jmap::{
    Addressed, Changes, Delivered, EmailId, Envelope, Identity, IdentityId, Kept, KeptChange,
    NotKept, Refusal, SendAnswer, SendAsk, Sendable, Submission, SubmissionId, ThreadId, Undo,
    Vacation, VacationNow,
};

fn address_json(of: &Addressed) -> Value {
    match &of.parameters {
        None => json!(of.email),
        Some(parameters) => json!([of.email, parameters]),
    }
}

fn envelope_json(of: &Envelope) -> Value {
    let recipients: Vec<Value> = of.rcpt_to.iter().map(address_json).collect();
    json!({ "from": address_json(&of.mail_from), "to": recipients })
}

pub(crate) fn ask_json(ask: &SendAsk) -> Value {
    match ask {
        SendAsk::Identities { account } => json!({ "identities": account.to_string() }),
        SendAsk::PutIdentity {
            account,
            id,
            identity,
        } => json!({
            "putIdentity": account.to_string(), "id": id.map(|id| id.to_string()),
            "identity": [identity.name, identity.email, identity.reply_to, identity.bcc, identity.text_signature, identity.html_signature],
        }),
        SendAsk::RemoveIdentity { account, id } => {
            json!({ "removeIdentity": account.to_string(), "id": id.to_string() })
        }
        SendAsk::Changes {
            account,
            kind,
            since,
            most,
        } => {
            let kind = match kind {
                Kept::Identity => "identity",
                Kept::Submission => "submission",
            };
            json!({ "changes": account.to_string(), "of": kind, "since": since, "most": most })
        }
        SendAsk::Submissions {
            account,
            which,
            status,
        } => {
            let ids = |ids: &Vec<SubmissionId>| ids.iter().map(ToString::to_string).collect();
            let which: Option<Vec<String>> = which.as_ref().map(ids);
            json!({ "submissions": account.to_string(), "which": which, "status": status })
        }
        SendAsk::Sendable { account, email } => {
            json!({ "sendable": account.to_string(), "email": email.to_string() })
        }
        SendAsk::Submit {
            account,
            email,
            thread,
            identity,
            envelope,
        } => json!({
            "submit": account.to_string(), "email": email.to_string(), "thread": thread.to_string(),
            "identity": identity.to_string(), "envelope": envelope_json(envelope),
        }),
        SendAsk::Notify {
            account,
            pieces,
            envelope,
        } => json!({
            "notify": account.to_string(), "message": message(pieces), "envelope": envelope_json(envelope),
        }),
        SendAsk::Cancel { account, id } => {
            json!({ "cancel": account.to_string(), "id": id.to_string() })
        }
        SendAsk::Forget { account, id } => {
            json!({ "forget": account.to_string(), "id": id.to_string() })
        }
        SendAsk::Vacation { account } => json!({ "vacation": account.to_string() }),
        SendAsk::PutVacation { account, vacation } => json!({
            "putVacation": account.to_string(),
            "vacation": [vacation.enabled, vacation.from, vacation.to, vacation.subject, vacation.text, vacation.html],
        }),
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

fn numbers(value: &Value) -> Vec<u64> {
    value.as_array().into_iter().flatten().map(number).collect()
}

/// `[id, name, email, mayDelete]`
fn identity(row: &Value) -> (IdentityId, Identity) {
    let identity = Identity {
        name: text(&row[1]),
        email: text(&row[2]),
        may_delete: row[3] == true,
        ..Identity::default()
    };
    (IdentityId(number(&row[0])), identity)
}

/// `[id, identity, email, thread, sendAt, undo]`
fn submission(row: &Value) -> Submission {
    let address = |email: &str| Addressed {
        email: email.into(),
        parameters: None,
    };
    Submission {
        id: SubmissionId(number(&row[0])),
        identity: IdentityId(number(&row[1])),
        email: EmailId(number(&row[2])),
        thread: ThreadId(number(&row[3])),
        envelope: Envelope {
            mail_from: address("alice@example.org"),
            rcpt_to: vec![address("bob@example.org")],
        },
        send_at: row[4].as_i64().unwrap() * 1000,
        undo: match row[5].as_str().unwrap() {
            "pending" => Undo::Pending,
            "final" => Undo::Final,
            _ => Undo::Canceled,
        },
        status: vec![(
            "bob@example.org".into(),
            "250 2.0.0 taken".into(),
            Delivered::Queued,
        )],
    }
}

fn not_kept(value: &Value) -> NotKept {
    let why = || "why".to_owned();
    match value.as_str().unwrap() {
        "address" => NotKept::Address(why()),
        "sender" => NotKept::Sender(why()),
        "parameters" => NotKept::Parameters(why()),
        "recipients" => NotKept::Recipients(vec!["bob@example.org".into()], why()),
        "authors" => NotKept::Authors(why()),
        "message" => NotKept::Message(why()),
        "sending" => NotKept::Sending(why()),
        "gone" => NotKept::Gone,
        "tooLarge" => NotKept::Refused(Refusal::TooLarge(1000)),
        "tooMany" => NotKept::Refused(Refusal::OverQuota(why())),
        "notFound" => NotKept::Refused(Refusal::NotFound),
        other => panic!("there is no refusal {other}"),
    }
}

/// The answer that a value is, if it is one of these.
pub(crate) fn answer_of(value: &Value) -> Option<SendAnswer> {
    if let Some(list) = value["identities"].as_array() {
        let state = number(&value["state"]);
        return Some(SendAnswer::Identities(
            state,
            list.iter().map(identity).collect(),
        ));
    }
    if let Some(list) = value["submissions"].as_array() {
        let state = number(&value["state"]);
        return Some(SendAnswer::Submissions(
            state,
            list.iter().map(submission).collect(),
        ));
    }
    if let Some(given) = value["vacation"].as_array() {
        let text = |at: usize| given[at].as_str().map(str::to_owned);
        return Some(SendAnswer::Vacation(VacationNow {
            state: number(&value["state"]),
            changed: number(&value["changed"]),
            vacation: Vacation {
                enabled: given[0] == true,
                from: text(1),
                to: text(2),
                subject: text(3),
                text: text(4),
                html: text(5),
            },
        }));
    }
    if let Some(changes) = value.get("changes") {
        let changes = (!changes.is_null()).then(|| Changes {
            until: number(&changes["until"]),
            more: changes["more"] == true,
            created: numbers(&changes["created"]),
            updated: numbers(&changes["updated"]),
            destroyed: numbers(&changes["destroyed"]),
            ..Changes::default()
        });
        return Some(SendAnswer::Changes(changes));
    }
    if let Some(sendable) = value.get("sendable") {
        let lists = |value: &Value| value.as_array().into_iter().flatten().map(texts).collect();
        let sendable = (!sendable.is_null()).then(|| Sendable {
            thread: 3,
            size: number(&sendable["size"]),
            senders: lists(&sendable["senders"]),
            authors: lists(&sendable["authors"]),
            recipients: texts(&sendable["recipients"]),
            most_octets: 1000,
            most_recipients: 3,
        });
        return Some(SendAnswer::Sendable(sendable));
    }
    match &value["notified"] {
        Value::Null => {}
        Value::String(_) => return Some(SendAnswer::Notified(Err(not_kept(&value["notified"])))),
        _ => return Some(SendAnswer::Notified(Ok(()))),
    }
    match &value["kept"] {
        Value::Null => None,
        Value::String(_) => Some(SendAnswer::Kept(Err(not_kept(&value["kept"])))),
        kept => Some(SendAnswer::Kept(Ok(KeptChange {
            id: number(&kept["id"]),
            before: number(&kept["before"]),
            after: number(&kept["after"]),
            send_at: 1_767_225_600_000,
            pending: kept["pending"] == true,
        }))),
    }
}
