//! Delivery status notifications: who is to be told what, and the message that tells it.
//!
//! Standards: RFC 3461 (what senders ask), RFC 3464 (the report), RFC 6522 (multipart/report), RFC 6533 (with SMTPUTF8),
//! RFC 3834 (automatic answers), RFC 5321 §4.5.5 and §6.1 (null reverse path).
//! Invariants: a notification has the null reverse path and none is made for one, so that no two servers notify each
//! other; what is returned of a message is bounded; no text of a peer can add a field or a part.

mod asked;
mod content;
mod fields;
mod report;

pub use asked::{Asked, DoubleBounce, addressee, is_wanted};
pub use content::{MAX_RETURNED, ReturnContent};
pub use report::{Composed, Notice, Report, compose};

/// What a report says of a recipient (RFC 3464 §2.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Given up.
    Failed,
    /// Not delivered yet, and still tried.
    Delayed,
    /// Delivered here.
    Delivered,
    /// Handed to a server that does not promise notifications.
    Relayed,
    /// Delivered here and sent on to others.
    Expanded,
}

impl Action {
    /// The word in the report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Action::Failed => "failed",
            Action::Delayed => "delayed",
            Action::Delivered => "delivered",
            Action::Relayed => "relayed",
            Action::Expanded => "expanded",
        }
    }
}
