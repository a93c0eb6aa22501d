//! Why a call fails (RFC 8620 §3.6.2): all error types of methods in one place.

use serde_json::{Map, Value};

use crate::ask::Failure;

/// Why a call fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MethodError {
    /// `serverUnavailable`: later, perhaps.
    #[error("{0}")]
    ServerUnavailable(String),
    /// `serverFail`: ours to mend.
    #[error("{0}")]
    ServerFail(String),
    /// `serverPartialFail`: what was done is not known, or cannot be told.
    #[error("{0}")]
    ServerPartialFail(String),
    /// `unknownMethod`
    #[error("no such method, or of a capability that the request does not use")]
    UnknownMethod,
    /// `invalidArguments`
    #[error("{0}")]
    InvalidArguments(String),
    /// `invalidResultReference`
    #[error("{0}")]
    InvalidResultReference(String),
    /// `accountNotFound`
    #[error("no such account")]
    AccountNotFound,
    /// `fromAccountNotFound` (RFC 8620 §5.4, §6.3)
    #[error("no such account to copy from")]
    FromAccountNotFound,
    /// `accountReadOnly`
    #[error("nothing may be changed in this account")]
    AccountReadOnly,
    /// `accountNotSupportedByMethod`
    #[error("this account has nothing of the kind")]
    AccountNotSupportedByMethod,
    /// `requestTooLarge` (RFC 8620 §5.1, §5.3)
    #[error("more objects than one call may name")]
    RequestTooLarge,
    /// `stateMismatch` (RFC 8620 §5.3, §5.4)
    #[error("the account is not as it was said to be")]
    StateMismatch,
    /// `cannotCalculateChanges` (RFC 8620 §5.2, §5.6)
    #[error("what changed since is not known")]
    CannotCalculateChanges,
    /// `tooManyChanges` (RFC 8620 §5.6)
    #[error("more has changed than is wanted")]
    TooManyChanges,
    /// `anchorNotFound` (RFC 8620 §5.5)
    #[error("the anchor is not among the results")]
    AnchorNotFound,
    /// `unsupportedFilter` (RFC 8620 §5.5)
    #[error("this cannot be filtered by")]
    UnsupportedFilter,
    /// `unsupportedSort` (RFC 8620 §5.5)
    #[error("this cannot be sorted by")]
    UnsupportedSort,
    /// `forbidden` (RFC 8620 §3.6.2)
    #[error("{0}")]
    Forbidden(String),
    /// `unknownDataType` (RFC 9404 §4.3)
    #[error("there is no type {0:?} here")]
    UnknownDataType(String),
}

impl MethodError {
    const fn kind(&self) -> &'static str {
        match self {
            Self::ServerUnavailable(_) => "serverUnavailable",
            Self::ServerFail(_) => "serverFail",
            Self::ServerPartialFail(_) => "serverPartialFail",
            Self::UnknownMethod => "unknownMethod",
            Self::InvalidArguments(_) => "invalidArguments",
            Self::InvalidResultReference(_) => "invalidResultReference",
            Self::AccountNotFound => "accountNotFound",
            Self::FromAccountNotFound => "fromAccountNotFound",
            Self::AccountReadOnly => "accountReadOnly",
            Self::AccountNotSupportedByMethod => "accountNotSupportedByMethod",
            Self::RequestTooLarge => "requestTooLarge",
            Self::StateMismatch => "stateMismatch",
            Self::CannotCalculateChanges => "cannotCalculateChanges",
            Self::TooManyChanges => "tooManyChanges",
            Self::AnchorNotFound => "anchorNotFound",
            Self::UnsupportedFilter => "unsupportedFilter",
            Self::UnsupportedSort => "unsupportedSort",
            Self::Forbidden(_) => "forbidden",
            Self::UnknownDataType(_) => "unknownDataType",
        }
    }

    /// The arguments of the `error` response.
    pub(crate) fn to_arguments(&self) -> Map<String, Value> {
        let mut arguments = Map::new();
        arguments.insert("type".into(), self.kind().into());
        arguments.insert("description".into(), self.to_string().into());
        arguments
    }
}

impl From<Failure> for MethodError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Busy => Self::ServerUnavailable(
                "the server has no memory for this now: try again later, or for less".into(),
            ),
            Failure::Unavailable { reference } => {
                Self::ServerUnavailable(format!("try again later (reference {reference})"))
            }
            Failure::Uncertain { reference } => Self::ServerPartialFail(format!(
                "this may be done or not: look before it is tried again (reference {reference})"
            )),
        }
    }
}
