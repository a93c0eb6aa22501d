//! "Why is this here?": what policy did with a message, as the ledger has it, for who has it in a mailbox.
//!
//! `GET /mail/why/{emailId}` answers `{"score", "verdict", "steps": [{"plugin", "hook", "verdict", "findings": [{"symbol", "weight",
//! "evidence"}]}]}`; the score is null where nothing was recorded, or the record is too old.
//! Invariant: which record it is, a message says itself, in the field Received that this server wrote, or that somebody has forged: only a
//! record by which a message came into this very account is told, and of it nothing that is about others.

use std::collections::HashSet;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};
use waxwing_jmap::EmailId;
use waxwing_store::{BlobId, LedgerRow};

use super::refusal::Refusal;
use super::visitor::Visitor;
use super::{json_response, unavailable};

/// Octets of a message in which our own fields are: they are on top.
const TOP: usize = 16 * 1024;

pub(super) async fn tell(
    State(visitor): State<Arc<Visitor>>,
    Path(email): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let account = visitor.identify(&headers).await?;
    let missing = || Refusal::not_found("no such email");
    let id = EmailId::parse(&email).ok_or_else(missing)?;
    let blob = BlobId(i64::try_from(id.0).map_err(|_| missing())?);
    let store = &visitor.parts.store;
    let failed = |error| unavailable("the record of a message could not be read", &error);
    let found = store.which_has(account.id, &HashSet::from([blob])).await;
    if !found.map_err(failed)?.contains(&blob) {
        return Err(missing());
    }
    let top = store.read_blob(blob, 0, TOP).await.map_err(failed)?;
    let mut told = json!({ "score": null, "verdict": "", "steps": [] });
    if let Some(queue_id) = queue_id(&top, &visitor.parts.config.hostname) {
        let rows = store.trace(queue_id).await.map_err(failed)?;
        let own = rows
            .iter()
            .find_map(|row| of_account(row, &account.address));
        told = own.unwrap_or(told);
    }
    let mut response = json_response(StatusCode::OK, &told, "application/json");
    let fresh = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, fresh);
    Ok(response)
}

/// RFC 5321 §4.4: the id of the first field Received, if it is by this server.
fn queue_id<'m>(message: &'m [u8], host: &str) -> Option<&'m str> {
    let top = match std::str::from_utf8(message) {
        Ok(top) => top,
        Err(error) => std::str::from_utf8(message.get(..error.valid_up_to())?).ok()?,
    };
    let header = top.split("\r\n\r\n").next()?;
    let from = header.find("Received: ").filter(|at| {
        *at == 0
            || header
                .get(..*at)
                .is_some_and(|before| before.ends_with("\r\n"))
    })?;
    let field = header.get(from..)?;
    let end = field.match_indices("\r\n").map(|(at, _)| at).find(|at| {
        !field
            .get(at + 2..)
            .is_some_and(|next| next.starts_with([' ', '\t']))
    });
    let field = field.get(..end.unwrap_or(field.len()))?;
    let words: Vec<&str> = field.split_whitespace().collect();
    let behind = |name: &str| {
        let at = words.iter().position(|word| *word == name)?;
        words.get(at + 1).map(|word| word.trim_end_matches(';'))
    };
    (behind("by")? == host).then(|| behind("id"))?
}

/// What of a record is about an account; none if it is not about it.
fn of_account(row: &LedgerRow, address: &str) -> Option<Value> {
    let mut record: Value = serde_json::from_str(&row.json).ok()?;
    let ledger = record.get_mut("policy")?;
    waxwing_policy::complete_ledger(ledger, row.roster.as_ref().map(|roster| &*roster.json));
    let list = |of: &Value, name: &str| {
        let found = of.get(name).and_then(Value::as_array);
        found.cloned().unwrap_or_default()
    };
    let text = |of: &Value, name: &str| {
        let found = of.get(name).and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    let filed_here = |filed: &Value| {
        let account = filed.as_str().and_then(|filed| filed.split(' ').next());
        account.is_some_and(|account| account.eq_ignore_ascii_case(address))
    };
    let recipients = list(&record, "recipients");
    let mut own = recipients
        .iter()
        .filter(|recipient| list(recipient, "filed").iter().any(filed_here))
        .peekable();
    let verdict = text(own.peek()?, "verdict");
    let mut named: HashSet<String> = own.map(|recipient| text(recipient, "address")).collect();
    named.insert(address.to_owned());
    // A verdict is about a domain.
    let domains: Vec<String> = named
        .iter()
        .filter_map(|address| Some(address.rsplit_once('@')?.1.to_owned()))
        .collect();
    named.extend(domains);
    let ledger = record.get("policy")?;
    let about_others = |step: &Value| {
        let about = text(step, "about");
        !about.is_empty() && !named.contains(&about)
    };
    let steps: Vec<Value> = list(ledger, "steps")
        .iter()
        .filter(|step| !about_others(step))
        .map(|step| {
            let findings: Vec<Value> = list(step, "findings").iter().map(finding).collect();
            json!({
                "plugin": text(step, "step"),
                "hook": text(step, "hook"),
                "verdict": text(step, "verdict"),
                "findings": findings,
            })
        })
        .collect();
    let score = ledger.get("score").and_then(Value::as_f64);
    let score = score.map(|score| (score * 100.0).round() / 100.0);
    Some(json!({ "score": score, "verdict": verdict, "steps": steps }))
}

fn finding(of: &Value) -> Value {
    let evidence = of.get("options").and_then(Value::as_array);
    let evidence: Vec<&str> = evidence
        .map(|list| list.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    json!({
        "symbol": of.get("name"),
        "weight": of.get("score"),
        "evidence": evidence.join(", "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_our_own_field() {
        let ours = "Return-Path: <a@b>\r\nReceived: from x ([192.0.2.1])\r\n\tby mx.example with ESMTPS\r\n\tid 4kQ;\r\n\tFri, 27 Nov\r\n\
                    Received: by other.example id 5\r\n\r\nReceived: by mx.example id 6\r\n";
        assert_eq!(queue_id(ours.as_bytes(), "mx.example"), Some("4kQ"));
        assert_eq!(queue_id(ours.as_bytes(), "other.example"), None);
        for none in [
            "",
            "Subject: x\r\n\r\nReceived: by mx.example id 6\r\n",
            "Subject: Received: by mx.example id 6\r\n\r\n",
            "Received: by mx.example\r\nid 6\r\n\r\n",
            "Received: by mx.example id\r\n\r\n",
        ] {
            assert_eq!(queue_id(none.as_bytes(), "mx.example"), None, "{none}");
        }
        let cut = [
            b"Received: by mx.example id 7\r\nSubject: ".as_slice(),
            b"\xff",
        ]
        .concat();
        assert_eq!(queue_id(&cut, "mx.example"), Some("7"));
    }

    fn row(json: &Value) -> LedgerRow {
        LedgerRow {
            queue_id: "q".into(),
            message_id: String::new(),
            at: 0,
            generation: 1,
            outcome: "delivered".into(),
            json: json.to_string(),
            roster: None,
        }
    }

    #[test]
    fn only_what_is_the_accounts_own() {
        let record = row(&json!({
            "recipients": [
                {"address": "bob@x.test", "verdict": "deliver", "filed": ["bob@x.test INBOX"]},
                {"address": "sales@x.test", "verdict": "junk", "filed": ["alice@x.test Junk Mail"]},
            ],
            "policy": {"generation": 1, "score": 5.126, "steps": [
                {"step": "senders", "hook": "rcpt-to", "verdict": "pass", "about": "bob@x.test"},
                {"step": "filing", "hook": "deliver", "verdict": "pass", "about": "alice@x.test"},
                {"step": "verdict", "hook": "verdict", "verdict": "junk", "about": "x.test"},
                {"step": "verdict", "hook": "verdict", "verdict": "deliver", "about": "y.test"},
                {"step": "rules", "hook": "message", "verdict": "pass",
                 "findings": [{"name": "SPAM", "weight": 1.0, "score": 5.126, "options": ["a", "b"]}]},
            ]},
        }));
        let told = of_account(&record, "alice@x.test").unwrap();
        assert_eq!(
            (&told["score"], &told["verdict"]),
            (&json!(5.13), &json!("junk"))
        );
        let steps: Vec<_> = told["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|step| &step["plugin"])
            .collect();
        assert_eq!(steps, ["filing", "verdict", "rules"]);
        let finding = json!({"symbol": "SPAM", "weight": 5.126, "evidence": "a, b"});
        assert_eq!(told["steps"][2]["findings"][0], finding);
        assert!(!told.to_string().contains("bob"));
        for other in ["carol@x.test", "alice@x.tes", ""] {
            assert!(of_account(&record, other).is_none());
        }
    }
}
