//! Texts of messages, read and looked up in a search index over some of them.

use waxwing_imap::types::{MailboxId, TextKey, UidSet};
use waxwing_imap::{Answer, Error, TextMatch, each_text};
use waxwing_index::{Grams, Needles, Pack, sift};
use waxwing_message::Summary;

use super::{Fake, Message};

/// Messages of a pack.
const TOGETHER: usize = 7;

impl Fake {
    fn messages(&self, mailbox: MailboxId) -> Result<&[Message], Error> {
        let mut mailboxes = self.mailboxes.iter();
        let mailbox = mailboxes.find(|m| m.id == mailbox);
        Ok(&mailbox.ok_or(Error::NonExistent)?.messages)
    }

    /// Which keys the texts of these messages match.
    pub(crate) fn search_text(
        &self,
        mailbox: MailboxId,
        uids: &UidSet,
        keys: &[TextKey],
    ) -> Result<Answer, Error> {
        let wanted = self
            .messages(mailbox)?
            .iter()
            .filter(|m| uids.contains(m.uid));
        let judge = |m: &Message| TextMatch {
            uid: m.uid,
            matched: TextKey::matches(keys, &self.contents[m.content]),
        };
        Ok(Answer::TextMatches(wanted.map(judge).collect()))
    }

    /// Of each needle the messages that surely lack it, among those that are indexed.
    pub(crate) fn sift(
        &self,
        mailbox: MailboxId,
        uids: &UidSet,
        needles: &[Vec<String>],
    ) -> Result<Answer, Error> {
        let messages = self.messages(mailbox)?;
        let indexed: Vec<_> = messages.iter().filter(|m| (self.indexed)(m.uid)).collect();
        let mut absent = vec![UidSet::new(); needles.len()];
        let mut grams = Grams::default();
        for messages in indexed.chunks(TOGETHER) {
            let mut pack = Pack::default();
            for message in messages {
                let summary = Summary::decode(&message.summary).unwrap();
                let content = &self.contents[message.content];
                each_text(content, &summary, |text| grams.add(text));
                assert!(pack.push(message.uid, &mut grams));
            }
            let lacking = sift(&pack.encode(), &Needles::new(needles)).unwrap();
            for (absent, lacking) in absent.iter_mut().zip(lacking) {
                let lacking = lacking.into_iter().filter(|uid| uids.contains(*uid));
                lacking.for_each(|uid| absent.insert(uid));
            }
        }
        Ok(Answer::Absent(absent))
    }
}
