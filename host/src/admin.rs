//! Administration: what the commands ask, and who answers: a running server over its socket, or the store itself.
//!
//! The socket is `admin.sock` in the data directory, mode 0600: who may write there may do all this. It speaks JSON,
//! one request and one answer a line.

mod certificate;
mod credentials;
mod domain;
mod execute;
mod keys;
pub(crate) mod mail;
mod peer;
mod queue;
mod socket;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use waxwing_store::{CredentialKind, Scope};

pub(crate) use certificate::CertificateRequest;
pub(crate) use credentials::totp_uri;
pub(crate) use domain::DomainRequest;
pub(crate) use execute::{execute, plain};
pub(crate) use keys::{Import, KeyRequest};
pub(crate) use queue::{QueueRequest, QueueSelection};
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
    },
    AliasRemove {
        address: String,
    },
    Status,
    Certificate(CertificateRequest),
    PluginList,
    PluginDiff {
        step: Option<String>,
    },
    PluginHistory,
    PluginPromote {
        step: String,
    },
    PluginRollback {
        to: Option<u64>,
        reason: Option<String>,
    },
    Mail(mail::MailRequest),
    Queue(QueueRequest),
    ReportList,
    ReportSend,
    Trace {
        id: String,
    },
    Verify,
}

/// A change of limits; what is absent stays, `Some(None)` takes the limit away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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
            Self::Data => 65,
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
}

impl From<waxwing_store::Error> for Failure {
    fn from(error: waxwing_store::Error) -> Self {
        use waxwing_store::Error;
        let exit = match error {
            Error::InUse { .. } | Error::Full | Error::Closed => Exit::Temporary,
            Error::Database(_) | Error::Blob { .. } => Exit::Unavailable,
            Error::Corrupt(_) | Error::PasswordHash(_) => Exit::Software,
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
