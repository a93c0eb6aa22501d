//! What of a request is written down, and the list of it.
//!
//! Every request is named here: a new one that is not does not compile. What is written is picked, member by member, so that no secret gets
//! there because nobody thought of it.

use serde_json::{Value, json};
use waxwing_policy::Candidate;
use waxwing_store::{AuditAt, AuditPage, AuditRow, QueueAction, Store};

use super::keys::KeyRequest;
use super::mail::MailRequest;
use super::rules::RuleRequest;
use super::{
    CertificateRequest, DomainRequest, Failure, PluginRequest, QueueRequest, QueueSelection,
    Request,
};

/// Rows of a list that does not say how many.
const LISTED: usize = 100;

/// What is written down of a change.
pub(super) struct Deed {
    pub(super) action: &'static str,
    pub(super) subject: String,
    pub(super) detail: Value,
}

impl Deed {
    fn new(action: &'static str, subject: impl Into<String>, detail: Value) -> Option<Self> {
        Some(Self {
            action,
            subject: subject.into(),
            detail,
        })
    }

    fn of(action: &'static str, subject: &str) -> Option<Self> {
        Self::new(action, subject, Value::Null)
    }
}

/// What a request changes; none: it only looks.
pub(super) fn deed(request: &Request) -> Option<Deed> {
    match request {
        Request::DomainAdd { domain } => Deed::of("domain-add", domain),
        Request::DomainRemove { domain } => Deed::of("domain-remove", domain),
        Request::DomainQuota { quota, .. } | Request::AccountQuota { quota, .. }
            if quota.is_empty() =>
        {
            None
        }
        Request::DomainQuota { domain, quota } => {
            Deed::new("domain-quota", domain, json!({ "quota": quota }))
        }
        Request::DomainKey(request) => key_deed(request),
        Request::Domain(DomainRequest::MtaSts { domain, policy }) => {
            Deed::new("domain-mta-sts", domain, json!({ "policy": policy }))
        }
        Request::Domain(DomainRequest::NoMtaSts { domain }) => {
            Deed::of("domain-no-mta-sts", domain)
        }
        Request::AccountAdd {
            addresses,
            password,
            quota,
        } => Deed::new(
            "account-add",
            addresses.join(" "),
            json!({ "password": password.is_some(), "quota": quota }),
        ),
        Request::AccountRemove { address } => Deed::of("account-remove", address),
        Request::AccountPassword { address, password } => Deed::new(
            "account-password",
            address,
            json!({ "closed": password.is_none() }),
        ),
        Request::AccountQuota { address, quota } => {
            Deed::new("account-quota", address, json!({ "quota": quota }))
        }
        Request::AccountTotp { address, enabled } => {
            Deed::new("account-totp", address, json!({ "enabled": enabled }))
        }
        Request::AccountRecoveryCodes { address } => Deed::of("recovery-codes-make", address),
        Request::CredentialAdd {
            address,
            kind,
            name,
            scopes,
            expires,
        } => Deed::new(
            "credential-add",
            address,
            json!({ "kind": kind, "name": name, "scopes": scopes, "expires": expires }),
        ),
        Request::CredentialRemove { address, kind, id } => Deed::new(
            "credential-remove",
            address,
            json!({ "kind": kind, "id": id }),
        ),
        Request::AliasAdd { address, targets } => {
            Deed::new("alias-add", address, json!({ "targets": targets }))
        }
        Request::AliasRemove { address } => Deed::of("alias-remove", address),
        Request::Plugin(request) => plugin_deed(request),
        Request::PluginRollback { to, reason } => {
            Deed::new("plugin-rollback", "", json!({ "to": to, "reason": reason }))
        }
        Request::Rules(RuleRequest::Save { file, text, .. }) => {
            Deed::new("rules-save", file, json!({ "octets": text.len() }))
        }
        Request::Queue(QueueRequest::Act { action, which }) => queue_deed(*action, which),
        Request::ReportSend => Deed::of("report-send", ""),
        Request::TokenAdd {
            name,
            scopes,
            expires,
        } => Deed::new(
            "token-add",
            name,
            json!({ "scopes": scopes, "expires": expires }),
        ),
        Request::TokenRemove { id } => Deed::of("token-remove", &id.to_string()),
        Request::Mail(request) => mail_deed(request),
        Request::Certificate(CertificateRequest::Order { name }) => {
            Deed::of("certificate-order", name.as_deref().unwrap_or_default())
        }
        Request::DomainList
        | Request::Domain(DomainRequest::Dns { .. } | DomainRequest::Check { .. })
        | Request::AccountList { .. }
        | Request::AccountShow { .. }
        | Request::CredentialList { .. }
        | Request::AliasList { .. }
        | Request::AuditList { .. }
        | Request::FlowShow { .. }
        | Request::Status
        | Request::Certificate(CertificateRequest::List)
        | Request::PluginList
        | Request::PluginDiff { .. }
        | Request::PluginHistory
        | Request::Rules(_)
        | Request::Queue(QueueRequest::List { .. } | QueueRequest::Show { .. })
        | Request::ReportList
        | Request::TokenList
        | Request::Trace { .. }
        | Request::Verify => None,
    }
}

fn plugin_deed(request: &PluginRequest) -> Option<Deed> {
    match request {
        PluginRequest::Builds => None,
        // It changes nothing, but tells of mail, and costs the server work.
        PluginRequest::Replay {
            candidate,
            messages,
        } => replay_deed(candidate, *messages),
        PluginRequest::Try {
            step,
            plugin,
            name,
            percent,
            ..
        } => Deed::new(
            "plugin-try",
            step,
            json!({ "plugin": plugin, "name": name, "percent": percent }),
        ),
        PluginRequest::Mode {
            step,
            mode,
            percent,
            ..
        } => Deed::new(
            "plugin-mode",
            step,
            json!({ "mode": mode, "percent": percent }),
        ),
        PluginRequest::Promote { step, .. } => Deed::of("plugin-promote", step),
        PluginRequest::Withdraw { step, .. } => Deed::of("plugin-withdraw", step),
        PluginRequest::Restore { .. } => Deed::of("plugin-restore", ""),
    }
}

fn replay_deed(candidate: &Candidate, messages: Option<usize>) -> Option<Deed> {
    let (step, what) = match candidate {
        Candidate::Trial { step } => (step.as_str(), Value::Null),
        Candidate::Build { step, plugin } => (step.as_str(), json!({ "plugin": plugin })),
        Candidate::File { step, path } => (step.as_str(), json!({ "file": path })),
        Candidate::Policy { text } => ("", json!({ "octets": text.len() })),
    };
    Deed::new(
        "plugin-replay",
        step,
        json!({ "candidate": what, "messages": messages }),
    )
}

fn key_deed(request: &KeyRequest) -> Option<Deed> {
    match request {
        KeyRequest::List { .. } => None,
        KeyRequest::Add { domain, import } => {
            let selector = import.as_ref().map(|import| &import.selector);
            Deed::new("domain-key-add", domain, json!({ "imported": selector }))
        }
        KeyRequest::Rotate { domain } => Deed::of("domain-key-rotate", domain),
        KeyRequest::Remove { domain, selector } => {
            Deed::new("domain-key-remove", domain, json!({ "selector": selector }))
        }
    }
}

fn queue_deed(action: QueueAction, which: &QueueSelection) -> Option<Deed> {
    let action = match action {
        QueueAction::Hold => "queue-hold",
        QueueAction::Release => "queue-release",
        QueueAction::Retry => "queue-retry",
        QueueAction::Remove => "queue-remove",
    };
    let subject = match which {
        QueueSelection::Id(id) => id.as_str(),
        _ => "",
    };
    Deed::new(action, subject, json!({ "which": which }))
}

/// Whoever opens an account's mail moves it in or out; what is moved then is not written down, message by message.
pub(super) fn mail_deed(request: &MailRequest) -> Option<Deed> {
    match request {
        MailRequest::Open { address } => Deed::of("mail-open", address),
        MailRequest::Make { .. }
        | MailRequest::Subscribe { .. }
        | MailRequest::Known { .. }
        | MailRequest::Put(_)
        | MailRequest::List { .. }
        | MailRequest::Read { .. } => None,
    }
}

/// Part of the list, the latest first.
pub(super) async fn list(
    store: &Store,
    before: Option<&str>,
    who: Option<String>,
    subject: Option<String>,
    limit: Option<usize>,
) -> Result<Value, Failure> {
    let before = before.map(place).transpose()?;
    let limit = limit.unwrap_or(LISTED);
    let page = AuditPage {
        before,
        who: who.unwrap_or_default(),
        subject: subject.unwrap_or_default(),
        limit,
    };
    let rows = store.audit_log(&page).await?;
    let full = rows.len() >= limit;
    let next = rows.last().filter(|_| full).map(|row| named(row.at));
    Ok(json!({ "items": rows.iter().map(row).collect::<Vec<_>>(), "next": next }))
}

fn row(of: &AuditRow) -> Value {
    json!({
        "at": of.at.0, "who": of.entry.who, "origin": of.entry.origin, "action": of.entry.action, "subject": of.entry.subject,
        "detail": serde_json::from_str::<Value>(&of.entry.detail).unwrap_or_default(), "outcome": of.outcome,
    })
}

fn named(AuditAt(at, id): AuditAt) -> String {
    format!("{at}-{id}")
}

fn place(text: &str) -> Result<AuditAt, Failure> {
    let read = text
        .split_once('-')
        .and_then(|(at, id)| Some(AuditAt(at.parse().ok()?, id.parse().ok()?)));
    read.ok_or_else(|| {
        Failure::data("`before` is no place in the list: give the `next` of a page as it was")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::{Import, QuotaChange};

    #[test]
    fn no_secret_is_written_down() {
        let secret = || "s3cr3t".to_owned();
        for request in [
            Request::AccountAdd {
                addresses: vec!["a@b.test".into()],
                password: Some(secret()),
                quota: QuotaChange::default(),
            },
            Request::AccountPassword {
                address: "a@b.test".into(),
                password: Some(secret()),
            },
            Request::DomainKey(KeyRequest::Add {
                domain: "b.test".into(),
                import: Some(Import {
                    selector: "s".into(),
                    file: secret(),
                }),
            }),
            Request::Rules(RuleRequest::Save {
                file: "rules/a.toml".into(),
                text: secret(),
                digest: None,
            }),
            Request::Plugin(PluginRequest::Replay {
                candidate: Candidate::Policy { text: secret() },
                messages: None,
            }),
        ] {
            let deed = deed(&request).unwrap();
            let written = format!("{} {} {}", deed.action, deed.subject, deed.detail);
            assert!(!written.contains("s3cr3t"), "{written}");
        }
    }

    #[test]
    fn places_are_read_as_they_are_told() {
        let at = AuditAt(1_700_000_000_000, 7);
        assert_eq!(place(&named(at)), Ok(at));
        for wrong in ["", "7", "x-y", "-"] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }
}
