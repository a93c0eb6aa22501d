//! The message that is being sent.

use super::ask::Outgoing;
use super::encoder::Encoder;
use super::failure::Fate;

/// A message, and how far it has come.
pub(super) struct Running {
    pub(super) outgoing: Outgoing,
    /// As far as they are known, one for each recipient.
    pub(super) fates: Vec<Option<Fate>>,
    /// The index of the recipient whose RCPT is to be sent next.
    pub(super) next: usize,
    /// How many recipients this transaction is for.
    pub(super) most: usize,
    /// Those that the peer took.
    pub(super) accepted: Vec<usize>,
    /// MAIL was refused: what follows in the group is refused, too.
    pub(super) mail_refused: bool,
    /// DATA was sent in the group of the last RCPT.
    pub(super) data_sent: bool,
    /// The peer has answered something.
    pub(super) answered: bool,
    pub(super) transfer: Transfer,
    /// Octets of content that were asked for so far.
    pub(super) offset: u64,
}

/// How the content is sent.
pub(super) enum Transfer {
    Data(Encoder),
    /// BDAT of text.
    Chunks(Encoder),
    /// BDAT of any octets.
    Binary,
}

impl Running {
    pub(super) fn new(outgoing: Outgoing, most: usize, transfer: Transfer) -> Self {
        let count = outgoing.envelope.recipients.len();
        Self {
            fates: vec![None; count],
            outgoing,
            next: 0,
            most: most.min(count),
            accepted: Vec::new(),
            mail_refused: false,
            data_sent: false,
            answered: false,
            transfer,
            offset: 0,
        }
    }

    /// Notes a fate, unless there is one already.
    pub(super) fn settle(&mut self, index: usize, fate: Fate) {
        if let Some(place @ None) = self.fates.get_mut(index) {
            *place = Some(fate);
        }
    }

    /// Whether the peer took every recipient.
    pub(super) fn took_all(&self) -> bool {
        self.accepted.len() == self.fates.len()
    }

    /// Octets that are still to be asked for.
    pub(super) fn left(&self) -> u64 {
        self.outgoing.size.saturating_sub(self.offset)
    }
}
