//! An envelope that is looked at and not kept: from a [`Summary`], or straight from its octets without a copy of each field.

use crate::codec::{DecodeError, Reader};
use crate::summary::{AddressItem, Envelope};

/// The fields of an [`Envelope`], borrowed.
#[derive(Debug, Clone, Copy)]
pub struct EnvelopeView<'a> {
    /// Date as written; may be there without a value, as the others.
    pub date: Option<&'a [u8]>,
    /// Subject, with its encoded words.
    pub subject: Option<&'a [u8]>,
    /// From.
    pub from: Addresses<'a>,
    /// Sender; empty when absent.
    pub sender: Addresses<'a>,
    /// Reply-To; empty when absent.
    pub reply_to: Addresses<'a>,
    /// To.
    pub to: Addresses<'a>,
    /// Cc.
    pub cc: Addresses<'a>,
    /// Bcc.
    pub bcc: Addresses<'a>,
    /// In-Reply-To.
    pub in_reply_to: Option<&'a [u8]>,
    /// Message-ID with its angle brackets.
    pub message_id: Option<&'a [u8]>,
}

/// An element of an address list, as [`AddressItem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressView<'a> {
    /// A mailbox.
    Mailbox {
        /// Display name.
        name: &'a str,
        /// The source route.
        route: &'a str,
        /// What stands before the last `@`.
        local: &'a str,
        /// What stands behind it.
        domain: &'a str,
    },
    /// A group begins.
    GroupStart(&'a str),
    /// The group ends.
    GroupEnd,
}

/// An address list: an iterator over its elements.
#[derive(Debug, Clone, Copy)]
pub struct Addresses<'a>(List<'a>);

#[derive(Debug, Clone, Copy)]
enum List<'a> {
    Kept(&'a [AddressItem]),
    /// So many elements, which have been read once before.
    Octets(usize, Reader<'a>),
}

impl<'a> EnvelopeView<'a> {
    /// The envelope of an encoded summary.
    ///
    /// # Errors
    /// As [`crate::Summary::decode_fields`].
    pub fn of(summary: &'a [u8]) -> Result<Self, DecodeError> {
        let (_, mut reader) = Reader::begin(summary)?;
        let date = reader.optional()?;
        reader.sent()?;
        Ok(Self {
            date,
            subject: reader.optional()?,
            from: Addresses::read(&mut reader)?,
            sender: Addresses::read(&mut reader)?,
            reply_to: Addresses::read(&mut reader)?,
            to: Addresses::read(&mut reader)?,
            cc: Addresses::read(&mut reader)?,
            bcc: Addresses::read(&mut reader)?,
            in_reply_to: reader.optional()?,
            message_id: reader.optional()?,
        })
    }
}

impl<'a> From<&'a Envelope> for EnvelopeView<'a> {
    fn from(envelope: &'a Envelope) -> Self {
        Self {
            date: envelope.date.as_deref(),
            subject: envelope.subject.as_deref(),
            from: Addresses::from(envelope.from.as_slice()),
            sender: Addresses::from(envelope.sender.as_slice()),
            reply_to: Addresses::from(envelope.reply_to.as_slice()),
            to: Addresses::from(envelope.to.as_slice()),
            cc: Addresses::from(envelope.cc.as_slice()),
            bcc: Addresses::from(envelope.bcc.as_slice()),
            in_reply_to: envelope.in_reply_to.as_deref(),
            message_id: envelope.message_id.as_deref(),
        }
    }
}

impl<'a> Addresses<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let count = reader.count()?;
        let list = *reader;
        for _ in 0..count {
            reader.address()?;
        }
        Ok(Self(List::Octets(count, list)))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self.0 {
            List::Kept(items) => items.is_empty(),
            List::Octets(count, _) => count == 0,
        }
    }
}

impl<'a> From<&'a [AddressItem]> for Addresses<'a> {
    fn from(items: &'a [AddressItem]) -> Self {
        Self(List::Kept(items))
    }
}

impl<'a> Iterator for Addresses<'a> {
    type Item = AddressView<'a>;

    fn next(&mut self) -> Option<AddressView<'a>> {
        match &mut self.0 {
            List::Kept(items) => {
                let (first, rest) = items.split_first()?;
                *items = rest;
                Some(first.into())
            }
            List::Octets(count, reader) => {
                *count = count.checked_sub(1)?;
                reader.address().ok()
            }
        }
    }
}

impl<'a> From<&'a AddressItem> for AddressView<'a> {
    fn from(item: &'a AddressItem) -> Self {
        match item {
            AddressItem::Mailbox {
                name,
                route,
                local,
                domain,
            } => Self::Mailbox {
                name,
                route,
                local,
                domain,
            },
            AddressItem::GroupStart(name) => Self::GroupStart(name),
            AddressItem::GroupEnd => Self::GroupEnd,
        }
    }
}

impl From<AddressView<'_>> for AddressItem {
    fn from(view: AddressView<'_>) -> Self {
        match view {
            AddressView::Mailbox {
                name,
                route,
                local,
                domain,
            } => Self::Mailbox {
                name: name.to_owned(),
                route: route.to_owned(),
                local: local.to_owned(),
                domain: domain.to_owned(),
            },
            AddressView::GroupStart(name) => Self::GroupStart(name.to_owned()),
            AddressView::GroupEnd => Self::GroupEnd,
        }
    }
}
