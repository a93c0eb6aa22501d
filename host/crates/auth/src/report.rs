//! Reports that servers send each other.
//!
//! Standards: RFC 7489 §7.2 and Appendix C (DMARC aggregate reports); RFC 8460 (SMTP TLS reports); RFC 1952 (gzip).
//! Invariants: what is unpacked and what is read of it is bounded; a report of a stranger is data and never markup.

pub mod aggregate;
mod aggregate_read;
mod aggregate_write;
mod mail;
pub mod tls;
mod unpack;

pub use mail::{ReportMail, mail_of_aggregate, mail_of_tls};
pub use unpack::{pack, unpack};

/// Why a report cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// What was sent is larger than allowed, packed or unpacked.
    #[error("the report is larger than {0} octets")]
    TooLarge(usize),
    /// It cannot be unpacked.
    #[error("the report cannot be unpacked: {0}")]
    Packed(String),
    /// It is not what it should be.
    #[error("the report cannot be read: {0}")]
    Malformed(String),
    /// Mail cannot be made of it.
    #[error("no mail can be made of the report: {0}")]
    Mail(String),
}
