//! Administration: what the commands ask, and who answers: a running server over its socket, or the store itself.
//!
//! Two ways lead here, and each request is the same for both: the commands' socket, and the HTTP API (`admin/api.rs`). What a request needs of a
//! token says `scope.rs`, what of it is written down `audit.rs`; both name every request, so that none can be forgotten.
//!
//! The socket is `admin.sock` in the data directory, mode 0600: who may write there may do all this. It speaks JSON,
//! one request and one answer a line.

pub(crate) mod api;
mod audit;
mod certificate;
mod credentials;
mod domain;
mod execute;
mod keys;
pub(crate) mod mail;
mod peer;
mod perform;
mod plugins;
mod queue;
mod rules;
mod scope;
mod socket;
mod tokens;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use waxwing_store::{AdminScope, CredentialKind, Scope};

pub(crate) use certificate::CertificateRequest;
pub(crate) use credentials::totp_uri;
pub(crate) use domain::DomainRequest;
pub(crate) use execute::plain;
pub(crate) use keys::{Import, KeyRequest};
pub(crate) use peer::own_user;
pub(crate) use perform::{Actor, mail_begun, perform};
pub(crate) use plugins::{ModeName, PluginRequest};
pub(crate) use queue::{QueueRequest, QueueSelection};
pub(crate) use rules::RuleRequest;
pub(crate) use scope::scope;
pub(crate) use socket::{Line, ask, bind, serve};

/// What an administrator wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub(crate) enum Request {
    DomainAdd {
        domain: String,
    },
    DomainList,
    DomainRemove {
        domain: String,
    },
    DomainQuota {
        domain: String,
        quota: QuotaChange,
    },
    DomainKey(KeyRequest),
    Domain(DomainRequest),
    AccountAdd {
        addresses: Vec<String>,
        password: Option<String>,
        quota: QuotaChange,
    },
    AccountList {
        domain: Option<String>,
        /// A part of the list, with what more there is; the whole list if there is none.
        #[serde(default)]
        page: Option<Page>,
    },
    AccountShow {
        address: String,
    },
    AccountRemove {
        address: String,
    },
    AccountPassword {
        address: String,
        password: Option<String>,
    },
    AccountQuota {
        address: String,
        quota: QuotaChange,
    },
    AccountTotp {
        address: String,
        enabled: bool,
    },
    AccountRecoveryCodes {
        address: String,
    },
    CredentialAdd {
        address: String,
        kind: CredentialKind,
        name: String,
        scopes: Vec<Scope>,
        expires: Option<i64>,
    },
    CredentialList {
        address: String,
        kind: CredentialKind,
    },
    CredentialRemove {
        address: String,
        kind: CredentialKind,
        id: i64,
    },
    AliasAdd {
        address: String,
        targets: Vec<String>,
    },
    AliasList {
        domain: Option<String>,
        #[serde(default)]
        page: Option<Page>,
    },
    AliasRemove {
        address: String,
    },
    AuditList {
        /// The place of the last row of the page before.
        before: Option<String>,
        who: Option<String>,
        subject: Option<String>,
        limit: Option<usize>,
    },
    FlowShow {
        /// So many minutes back from now.
        minutes: usize,
    },
    Rules(rules::RuleRequest),
    Status,
    Certificate(CertificateRequest),
    Plugin(PluginRequest),
    PluginList,
    PluginDiff {
        step: Option<String>,
    },
    PluginHistory,
    PluginRollback {
        to: Option<u64>,
        reason: Option<String>,
    },
    Mail(mail::MailRequest),
    Queue(QueueRequest),
    ReportList,
    ReportSend,
    TokenAdd {
        name: String,
        scopes: Vec<AdminScope>,
        expires: Option<i64>,
    },
    TokenList,
    TokenRemove {
        id: i64,
    },
    Trace {
        id: String,
    },
    Verify,
}

/// A part of a list of addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Page {
    /// Only what has this in it.
    pub(crate) search: Option<String>,
    /// Only what comes after this.
    pub(crate) after: Option<String>,
    pub(crate) limit: usize,
}

/// A change of limits; what is absent stays, `Some(None)` takes the limit away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuotaChange {
    #[serde(default, skip_serializing_if = "Option::is_none", with = "present")]
    pub(crate) bytes: Option<Option<u64>>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "present")]
    pub(crate) messages: Option<Option<u64>>,
}

impl QuotaChange {
    /// The limits after the change.
    pub(crate) fn apply(self, quota: waxwing_store::Quota) -> waxwing_store::Quota {
        waxwing_store::Quota {
            bytes: self.bytes.unwrap_or(quota.bytes),
            messages: self.messages.unwrap_or(quota.messages),
        }
    }

    pub(crate) fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// Tells `null` (take the limit away) from absence (leave it).
mod present {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        value: &Option<Option<u64>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.flatten().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Option<u64>>, D::Error> {
        Option::<u64>::deserialize(deserializer).map(Some)
    }
}

/// How a command ends that did not do what it should; the codes of sysexits.h.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Exit {
    /// 1: what was looked for was found, and is wrong.
    Findings,
    /// 64: the command is written wrongly.
    Usage,
    /// 65: what was given is wrong.
    Data,
    /// 65: what was named is not there.
    Missing,
    /// 65: what is there is in the way.
    Conflict,
    /// 65: what is there is not what it was when somebody decided.
    Stale,
    /// 69: something that is needed is not there.
    Unavailable,
    /// 70: a fault of the program.
    Software,
    /// 75: try again.
    Temporary,
    /// 78: the configuration is wrong.
    Configuration,
}

impl Exit {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Findings => 1,
            Self::Usage => 64,
            Self::Data | Self::Missing | Self::Conflict | Self::Stale => 65,
            Self::Unavailable => 69,
            Self::Software => 70,
            Self::Temporary => 75,
            Self::Configuration => 78,
        }
    }
}

/// Why a request was not done: a sentence for the administrator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{text}")]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) text: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self {
            exit,
            text: text.into(),
        }
    }

    pub(crate) fn data(text: impl Into<String>) -> Self {
        Self::new(Exit::Data, text)
    }

    pub(crate) fn missing(text: impl Into<String>) -> Self {
        Self::new(Exit::Missing, text)
    }
}

impl From<waxwing_store::Error> for Failure {
    fn from(error: waxwing_store::Error) -> Self {
        use waxwing_store::Error;
        let exit = match error {
            Error::InUse { .. } | Error::Full | Error::Closed => Exit::Temporary,
            Error::Database(_) | Error::Uncertain(_) | Error::Blob { .. } => Exit::Unavailable,
            Error::Corrupt(_) | Error::PasswordHash(_) => Exit::Software,
            Error::NoSuchDomain(_)
            | Error::NoSuchAccount(_)
            | Error::NoSuchAlias(_)
            | Error::NoSuchCredential(_)
            | Error::NoSuchToken(_) => Exit::Missing,
            Error::AlreadyExists(_) | Error::DomainInUse(_) => Exit::Conflict,
            _ => Exit::Data,
        };
        Self::new(exit, error.to_string())
    }
}

/// The answer line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Response {
    Done(Value),
    Failed(Failure),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_survive_the_socket() {
        let some = QuotaChange {
            bytes: Some(Some(5)),
            messages: Some(None),
        };
        for request in [
            Request::DomainList,
            Request::AccountQuota {
                address: "a@b.test".into(),
                quota: some,
            },
            Request::AccountQuota {
                address: "a@b.test".into(),
                quota: QuotaChange::default(),
            },
            Request::Trace { id: "x".into() },
            Request::DomainKey(KeyRequest::Add {
                domain: "b.test".into(),
                import: Some(Import {
                    selector: "s".into(),
                    file: "-----BEGIN".into(),
                }),
            }),
            Request::Queue(QueueRequest::Show { id: "x".into() }),
            Request::Queue(QueueRequest::Act {
                action: waxwing_store::QueueAction::Hold,
                which: QueueSelection::Sender(String::new()),
            }),
        ] {
            let line = serde_json::to_string(&request).unwrap();
            assert_eq!(
                serde_json::from_str::<Request>(&line).unwrap(),
                request,
                "{line}"
            );
        }
    }

    #[test]
    fn limits_change_one_by_one() {
        let had = waxwing_store::Quota {
            bytes: Some(1),
            messages: Some(2),
        };
        let change = QuotaChange {
            bytes: Some(None),
            messages: None,
        };
        assert_eq!(
            change.apply(had),
            waxwing_store::Quota {
                bytes: None,
                messages: Some(2)
            }
        );
    }
}
