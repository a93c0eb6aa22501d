//! Why an object is not created, changed or destroyed while others of the same call are (RFC 8620 §5.3, §5.4; RFC 8621 §2.5, §4.6, §6.3, §7.5).

use serde_json::{Value, json};

use crate::error::MethodError;

/// A SetError.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SetError {
    /// `notFound`
    NotFound,
    /// `forbidden`
    Forbidden(String),
    /// `overQuota`
    OverQuota(String),
    /// `tooLarge`; of submissions with what is taken at most.
    TooLarge(Option<u64>),
    /// `rateLimit`
    RateLimit(String),
    /// `invalidPatch`
    InvalidPatch(String),
    /// `willDestroy`
    WillDestroy,
    /// `singleton`
    Singleton,
    /// `invalidProperties`: which, and what is wrong with them.
    InvalidProperties(Vec<String>, String),
    /// `blobNotFound`
    BlobNotFound(Vec<String>),
    /// `tooManyKeywords`
    TooManyKeywords,
    /// `mailboxHasChild`
    MailboxHasChild,
    /// `mailboxHasEmail`
    MailboxHasEmail,
    /// `invalidEmail`: properties of the email.
    InvalidEmail(Vec<String>, String),
    /// `tooManyRecipients`: how many may be.
    TooManyRecipients(u64),
    /// `noRecipients`
    NoRecipients,
    /// `invalidRecipients`
    InvalidRecipients(Vec<String>, String),
    /// `forbiddenMailFrom`
    ForbiddenMailFrom(String),
    /// `forbiddenFrom`
    ForbiddenFrom(String),
    /// `forbiddenToSend`
    ForbiddenToSend(String),
    /// `cannotUnsend`
    CannotUnsend,
    /// `mdnAlreadySent` (RFC 9007 §2.1)
    MdnAlreadySent,
    /// `serverFail`, as of a method: it is not done, and it is not for what the client wants.
    ServerFail(String),
}

/// What came of one object of a call. Once something of the call is `done` it does not fail as a whole (RFC 8620 §3.6.2), since whoever is
/// told so repeats all of it; but by what may be done or not.
pub(crate) fn of_one<T>(
    result: Result<Result<T, SetError>, MethodError>,
    done: bool,
) -> Result<Result<T, SetError>, MethodError> {
    match result {
        Err(error @ MethodError::ServerPartialFail(_)) => Err(error),
        Err(error) if done => Ok(Err(SetError::ServerFail(error.to_string()))),
        other => other,
    }
}

impl SetError {
    /// `invalidProperties` for one of them.
    pub(crate) fn property(name: &str, wrong: impl Into<String>) -> Self {
        Self::InvalidProperties(vec![name.to_owned()], wrong.into())
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::NotFound => "notFound",
            Self::Forbidden(_) => "forbidden",
            Self::OverQuota(_) => "overQuota",
            Self::TooLarge(_) => "tooLarge",
            Self::RateLimit(_) => "rateLimit",
            Self::InvalidPatch(_) => "invalidPatch",
            Self::WillDestroy => "willDestroy",
            Self::Singleton => "singleton",
            Self::InvalidProperties(..) => "invalidProperties",
            Self::BlobNotFound(_) => "blobNotFound",
            Self::TooManyKeywords => "tooManyKeywords",
            Self::MailboxHasChild => "mailboxHasChild",
            Self::MailboxHasEmail => "mailboxHasEmail",
            Self::InvalidEmail(..) => "invalidEmail",
            Self::TooManyRecipients(_) => "tooManyRecipients",
            Self::NoRecipients => "noRecipients",
            Self::InvalidRecipients(..) => "invalidRecipients",
            Self::ForbiddenMailFrom(_) => "forbiddenMailFrom",
            Self::ForbiddenFrom(_) => "forbiddenFrom",
            Self::ForbiddenToSend(_) => "forbiddenToSend",
            Self::CannotUnsend => "cannotUnsend",
            Self::MdnAlreadySent => "mdnAlreadySent",
            Self::ServerFail(_) => "serverFail",
        }
    }

    fn description(&self) -> &str {
        match self {
            Self::NotFound => "there is none",
            Self::WillDestroy => "the same call destroys it",
            Self::Singleton => "there is one, and always is",
            Self::TooLarge(_) => "it is larger than what is taken",
            Self::BlobNotFound(_) => "a blob is not there",
            Self::TooManyKeywords => "it would have more keywords than one may have",
            Self::MailboxHasChild => "there are mailboxes in it",
            Self::MailboxHasEmail => "there are emails in it",
            Self::TooManyRecipients(_) => "there are more recipients than are taken at once",
            Self::NoRecipients => "there is nobody to send it to",
            Self::CannotUnsend => "it is on its way",
            Self::MdnAlreadySent => "one was sent, or is not to be",
            Self::Forbidden(text)
            | Self::OverQuota(text)
            | Self::RateLimit(text)
            | Self::InvalidPatch(text)
            | Self::InvalidProperties(_, text)
            | Self::InvalidEmail(_, text)
            | Self::InvalidRecipients(_, text)
            | Self::ForbiddenMailFrom(text)
            | Self::ForbiddenFrom(text)
            | Self::ForbiddenToSend(text)
            | Self::ServerFail(text) => text,
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut object = json!({ "type": self.kind(), "description": self.description() });
        let more = match self {
            Self::InvalidProperties(properties, _) | Self::InvalidEmail(properties, _) => {
                Some(("properties", json!(properties)))
            }
            Self::BlobNotFound(blobs) => Some(("notFound", json!(blobs))),
            Self::TooLarge(Some(most)) => Some(("maxSize", json!(most))),
            Self::TooManyRecipients(most) => Some(("maxRecipients", json!(most))),
            Self::InvalidRecipients(wrong, _) => Some(("invalidRecipients", json!(wrong))),
            _ => None,
        };
        if let (Some((name, value)), Some(members)) = (more, object.as_object_mut()) {
            members.insert(name.into(), value);
        }
        object
    }
}
