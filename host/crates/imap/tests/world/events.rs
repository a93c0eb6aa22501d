//! What happens in the world in memory while a session asks.

use std::time::Duration;

use waxwing_imap::types::MailboxName;

use super::{Fake, file, mailbox};

impl Fake {
    pub(super) fn happen(&mut self, kind: &str) {
        self.asked.push(kind.to_owned());
        let times = self.asked.iter().filter(|asked| *asked == kind).count();
        for (_, _, event) in self
            .events
            .clone()
            .iter()
            .filter(|(wanted, count, _)| wanted == kind && *count == times)
        {
            if let Some(share) = event.strip_prefix("acl ") {
                self.modseq += 1;
                self.share(share);
                continue;
            }
            if let Some(note) = event.strip_prefix("note ") {
                self.note(note);
                continue;
            }
            let words: Vec<&str> = event.split(' ').collect();
            if words[0] == "take" {
                self.taking = Duration::from_secs(words[1].parse().unwrap());
                continue;
            }
            if words[0] == "arrive" {
                let path = match words[1].split_once(':') {
                    Some((owner, mailbox)) => self.path(owner, mailbox),
                    None => words[1].to_owned(),
                };
                self.store(&path, &file(words[2]), mailbox::flags(&words[3..]));
                continue;
            }
            if self.happen_to_name(&words) {
                continue;
            }
            self.modseq += 1;
            let modseq = self.modseq;
            let mailbox = self.find(&MailboxName::new(words[1]).unwrap()).unwrap();
            if words[0] == "delete" {
                let name = mailbox.name.clone();
                self.mailboxes.retain(|mailbox| mailbox.name != name);
                continue;
            }
            if words[0] == "forget" {
                mailbox.forget(modseq);
                continue;
            }
            let uid: u32 = words[2].parse().unwrap();
            match words[0] {
                "expunge" => mailbox.remove(uid, modseq),
                _ => mailbox.flag(uid, &mailbox::flags(&words[3..]), modseq),
            }
        }
    }

    /// Whether it is an event of a mailbox's name; then it happens.
    fn happen_to_name(&mut self, words: &[&str]) -> bool {
        let name = MailboxName::new(words[1]).unwrap();
        match words[0] {
            "create" => drop(self.create(&name).unwrap()),
            "rename" => {
                let to = MailboxName::new(words[2]).unwrap();
                drop(self.rename(&name, &to).unwrap());
            }
            "subscribe" | "unsubscribe" => {
                self.find(&name).unwrap().subscribed = words[0] == "subscribe";
            }
            _ => return false,
        }
        true
    }
}
