//! How much of a message, its envelope and its session a step may see: `view` in `policy.toml`.
//!
//! Invariant: what is hidden answers as if it were not there, by whichever call it is asked for. Here it is decided, in the capabilities it
//! is obeyed.

use crate::hook::Hook;
use crate::view::Scope;

/// What a step may see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Everything.
    #[default]
    All,
    /// The header, the envelope and the session; nothing of the body.
    Headers,
    /// The content without who writes to whom from where.
    NoAddresses,
    /// The links of the message.
    Urls,
    /// The digests of its attachments.
    AttachmentDigests,
}

/// Fields in which no address is to be expected. An unknown field may hold anything, and stays hidden.
const ANONYMOUS_FIELDS: [&str; 17] = [
    "accept-language",
    "auto-submitted",
    "comments",
    "content-disposition",
    "content-language",
    "content-transfer-encoding",
    "content-type",
    "date",
    "importance",
    "keywords",
    "list-id",
    "mime-version",
    "precedence",
    "subject",
    "user-agent",
    "x-mailer",
    "x-priority",
];

impl Sight {
    /// All of them, in the order in which they narrow.
    pub(crate) const ALL: [Self; 5] = [
        Self::All,
        Self::Headers,
        Self::NoAddresses,
        Self::Urls,
        Self::AttachmentDigests,
    ];

    /// Its name in `policy.toml`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Headers => "headers",
            Self::NoAddresses => "no-addresses",
            Self::Urls => "urls",
            Self::AttachmentDigests => "attachment-digests",
        }
    }

    /// Addresses of mail and of the network, names of people and machines.
    pub(crate) fn addresses(self) -> bool {
        matches!(self, Self::All | Self::Headers)
    }

    /// A header field of this name, of the message or of a part.
    pub(crate) fn field(self, name: &str) -> bool {
        match self {
            Self::All | Self::Headers => true,
            Self::NoAddresses => ANONYMOUS_FIELDS
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known)),
            Self::Urls | Self::AttachmentDigests => false,
        }
    }

    /// The body's octets and text, and names of files.
    pub(crate) fn body(self) -> bool {
        matches!(self, Self::All | Self::NoAddresses)
    }

    /// The links.
    pub(crate) fn links(self) -> bool {
        matches!(self, Self::All | Self::NoAddresses | Self::Urls)
    }

    /// The parts: all, or those that are attachments.
    pub(crate) fn part(self, attachment: bool) -> bool {
        self.body() || (attachment && self == Self::AttachmentDigests)
    }

    /// What patterns are looked for in.
    pub(crate) fn scope(self, scope: &Scope) -> bool {
        match scope {
            Scope::Raw => self == Self::All,
            Scope::Headers => self.addresses(),
            Scope::Header(name) => self.field(name),
            Scope::Body | Scope::Text | Scope::Html | Scope::AttachmentNames => self.body(),
            // Among the links are those to addresses.
            Scope::Urls => matches!(self, Self::All | Self::Urls),
            Scope::Value(_) => true,
        }
    }

    /// Whether a hook can be asked without showing what is hidden: some are handed it with the question.
    pub(crate) fn fits(self, hook: Hook) -> bool {
        self.addresses()
            || matches!(
                hook,
                Hook::Connect
                    | Hook::MailFrom
                    | Hook::Data
                    | Hook::Message
                    | Hook::Verdict
                    | Hook::Submit
                    | Hook::Tick
            )
    }
}
