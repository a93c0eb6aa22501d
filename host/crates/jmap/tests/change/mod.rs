//! What methods that change something ask, and what they are answered, as data.

use serde_json::{Value, json};
use waxwing_jmap::{
    Begun, BlobId, Carried, ChangeAnswer, ChangeAsk, ContentId, EmailChange, EmailId,
    EmailsChanged, InMailboxes, Keywords, MailboxId, Piece, Placing, Refusal, Role, Shaped,
    StoredEmail, ThreadId,
};

fn ids<T: ToString>(ids: &[T]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

fn change_json(change: &EmailChange) -> Value {
    let EmailChange::Update {
        keywords,
        mailboxes,
    } = change
    else {
        return json!("destroy");
    };
    let mut object = json!({});
    if let Some(keywords) = keywords {
        object["keywords"] = match keywords {
            Keywords::Set(keywords) => json!(keywords),
            Keywords::Patch { add, remove } => json!({ "add": add, "remove": remove }),
        };
    }
    if let Some(mailboxes) = mailboxes {
        object["mailboxes"] = match mailboxes {
            InMailboxes::Set(mailboxes) => json!(ids(mailboxes)),
            InMailboxes::Patch { add, remove } => json!({ "add": ids(add), "remove": ids(remove) }),
        };
    }
    object
}

fn placing_json(placing: &Placing) -> Value {
    json!({ "mailboxes": ids(&placing.mailboxes), "keywords": placing.keywords, "received": placing.received })
}

/// A message as text, its lines without CRLF, its blobs by their ids.
pub(crate) fn message(pieces: &[Piece]) -> Value {
    let text: String = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Octets(octets) => String::from_utf8(octets.clone()).unwrap(),
            Piece::Blob(blob, Carried::Base64) => format!("[{blob} in base64]\r\n"),
            Piece::Blob(blob, Carried::Message) => format!("[{blob}]\r\n"),
        })
        .collect();
    json!(text.split("\r\n").collect::<Vec<_>>())
}

pub(crate) fn ask_json(ask: &ChangeAsk) -> Value {
    match ask {
        ChangeAsk::Begin { account } => json!({ "begin": account.to_string() }),
        ChangeAsk::Emails { account, changes } => {
            let changes = changes
                .iter()
                .map(|(id, change)| (id.to_string(), change_json(change)));
            json!({ "emails": account.to_string(), "changes": changes.collect::<Vec<_>>() })
        }
        ChangeAsk::Compose {
            account,
            pieces,
            placing,
        } => json!({
            "compose": account.to_string(), "message": message(pieces), "placing": placing_json(placing)
        }),
        ChangeAsk::Import {
            account,
            blob,
            placing,
        } => json!({
            "import": account.to_string(), "blob": blob.to_string(), "placing": placing_json(placing)
        }),
        ChangeAsk::Shape {
            account,
            mailbox,
            shape,
        } => {
            let mut object = json!({ "shape": account.to_string(), "mailbox": mailbox.map(|id| id.to_string()) });
            let parent = shape.parent.map(|id| id.map(|id| id.to_string()));
            let role = shape.role.map(|role| role.map(Role::name));
            let members = [
                ("name", shape.name.as_ref().map(|name| json!(name))),
                ("parent", parent.map(|id| json!(id))),
                ("role", role.map(|role| json!(role))),
                ("subscribed", shape.subscribed.map(|it| json!(it))),
                ("sortOrder", shape.sort_order.map(|it| json!(it))),
            ];
            for (name, value) in members {
                if let Some(value) = value {
                    object[name] = value;
                }
            }
            object
        }
        ChangeAsk::RemoveMailbox {
            account,
            mailbox,
            with_emails,
        } => json!({
            "remove": mailbox.to_string(), "account": account.to_string(), "withEmails": with_emails
        }),
        ChangeAsk::CopyEmail {
            from,
            email,
            account,
            placing,
            keywords,
        } => json!({
            "copy": email.to_string(), "from": from.to_string(), "to": account.to_string(),
            "placing": placing_json(placing), "keywords": keywords
        }),
    }
}

fn refusal(name: &Value) -> Refusal {
    match name.as_str().unwrap() {
        "notFound" => Refusal::NotFound,
        "noSuchMailbox" => Refusal::NoSuchMailbox,
        "nowhere" => Refusal::Nowhere,
        "tooManyKeywords" => Refusal::TooManyKeywords,
        "keyword" => Refusal::Keyword,
        "overQuota" => Refusal::OverQuota("full".into()),
        "tooLarge" => Refusal::TooLarge(1000),
        "noSuchBlob" => Refusal::NoSuchBlobs(vec![BlobId::Whole(ContentId(7))]),
        "noMessage" => Refusal::NoMessage("no header".into()),
        "busy" => Refusal::Busy,
        "noParent" => Refusal::NoParent,
        "nameTaken" => Refusal::NameTaken,
        "name" => Refusal::Name("it cannot be".into()),
        "roleTaken" => Refusal::RoleTaken,
        "tooMany" => Refusal::TooMany,
        "inbox" => Refusal::Inbox,
        "hasChild" => Refusal::HasChild,
        "hasEmail" => Refusal::HasEmail,
        other => panic!("there is no refusal {other}"),
    }
}

/// The answer that a value is, if it is one of these.
pub(crate) fn answer_of(value: &Value) -> Option<ChangeAnswer> {
    let number = |value: &Value| value.as_u64().unwrap();
    if let Some(state) = value["begun"].as_u64() {
        return Some(ChangeAnswer::Begun(Begun {
            state,
            now: 1_767_225_600_000,
            chance: [0xa7; 16],
            host: "mail.example.org".into(),
        }));
    }
    if let Some(results) = value["emails"].as_array() {
        let result = |value: &Value| match value {
            Value::Null => Ok(()),
            name => Err(refusal(name)),
        };
        return Some(ChangeAnswer::Emails(EmailsChanged {
            before: number(&value["before"]),
            after: number(&value["after"]),
            results: results.iter().map(result).collect(),
        }));
    }
    match &value["shaped"] {
        Value::Null => {}
        Value::String(_) => return Some(ChangeAnswer::Shaped(Err(refusal(&value["shaped"])))),
        shaped => {
            return Some(ChangeAnswer::Shaped(Ok(Shaped {
                mailbox: MailboxId(number(&shaped["mailbox"])),
                before: number(&shaped["before"]),
                after: number(&shaped["after"]),
            })));
        }
    }
    match &value["stored"] {
        Value::Null => None,
        Value::String(_) => Some(ChangeAnswer::Stored(Err(refusal(&value["stored"])))),
        stored => Some(ChangeAnswer::Stored(Ok(StoredEmail {
            email: EmailId(number(&stored["email"])),
            content: ContentId(number(&stored["email"])),
            thread: ThreadId(number(&stored["thread"])),
            size: number(&stored["size"]),
            before: number(&stored["before"]),
            after: number(&stored["after"]),
        }))),
    }
}
