//! What FETCH asks for (RFC 3501 §6.4.5); macros are spelt out by the parser.

use waxwing_message::Section;

/// A data item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchItem {
    /// `UID`
    Uid,
    /// `FLAGS`
    Flags,
    /// `INTERNALDATE`
    InternalDate,
    /// `RFC822.SIZE`
    Size,
    /// `ENVELOPE`
    Envelope,
    /// `BODY`: the structure without extension data.
    Body,
    /// `BODYSTRUCTURE`
    BodyStructure,
    /// `BINARY[…]<…>` (RFC 3516): the part without its transfer encoding.
    Binary {
        /// Numbers of the part; none for the whole message.
        path: Vec<u32>,
        /// First octet and number of octets, of what is decoded.
        partial: Option<(u64, u64)>,
        /// `BINARY.PEEK`: `\Seen` is not set.
        peek: bool,
    },
    /// `BINARY.SIZE[…]` (RFC 3516)
    BinarySize {
        /// Numbers of the part; none for the whole message.
        path: Vec<u32>,
    },
    /// `PREVIEW` (RFC 8970)
    Preview,
    /// `SAVEDATE` (RFC 8514)
    SaveDate,
    /// `EMAILID` (RFC 8474)
    EmailId,
    /// `THREADID` (RFC 8474)
    ThreadId,
    /// `MODSEQ` (RFC 7162 §3.1.4.2)
    ModSeq,
    /// `BODY[…]<…>` and its older names.
    Section {
        /// Which section.
        section: Section,
        /// First octet and number of octets.
        partial: Option<(u64, u64)>,
        /// `BODY.PEEK`, `RFC822.HEADER`: `\Seen` is not set.
        peek: bool,
        /// How the response names it.
        name: SectionName,
    },
}

/// By which name a section was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SectionName {
    /// `BODY[…]`
    Body,
    /// `RFC822`
    Rfc822,
    /// `RFC822.HEADER`
    Rfc822Header,
    /// `RFC822.TEXT`
    Rfc822Text,
}
