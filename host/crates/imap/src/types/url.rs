//! IMAP URLs of messages and parts of them (RFC 5092, RFC 5550), as CATENATE has them (RFC 4469).

use waxwing_message::Section;

use crate::types::MailboxName;

/// What a URL is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageUrl {
    /// Of which mailbox.
    pub mailbox: MailboxName,
    /// The UIDVALIDITY that it has to have.
    pub uid_validity: Option<u32>,
    /// Which message.
    pub uid: u32,
    /// Which part of it.
    pub section: Section,
    /// `;PARTIAL=`: from which octet on, and how many.
    pub partial: Option<(u64, Option<u64>)>,
}
