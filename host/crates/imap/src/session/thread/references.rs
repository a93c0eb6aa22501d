//! REFERENCES (RFC 5256 §3): threads by what replies to what. REFS (draft-ietf-morg-inthread) is the same without a look at
//! subjects, and with the thread last in which something came last.
//!
//! Invariants: no message is its own ancestor; however many references messages have, there are no more nodes and no
//! more steps than their bounds.

use std::collections::HashMap;

use waxwing_message::Summary;

use super::Message;
use super::forest::Forest;
use super::message_id::message_ids;

/// References of one message that are looked at, from the last one back.
const MAX_REFERENCES: usize = 100;
/// Nodes for messages that are only referred to, beside one for each that is there.
const MAX_MISSING: usize = 100_000;
/// Steps up the trees in search of loops. Beyond, no message that could make one is put under another.
const MAX_STEPS: u32 = 20_000_000;

/// Who is under whom, as far as messages were read.
#[derive(Debug)]
pub(super) struct References {
    by_id: HashMap<Box<[u8]>, usize>,
    nodes: Vec<Link>,
    /// Nodes whose message was not read.
    missing: usize,
    /// The messages' nodes.
    read: Vec<usize>,
    steps: u32,
    /// Octets of IDs.
    octets: usize,
    /// Threads of one subject are one (step 5).
    by_subject: bool,
}

#[derive(Debug, Default)]
struct Link {
    parent: Option<usize>,
    /// Its message was read.
    read: bool,
}

impl Default for References {
    fn default() -> Self {
        Self {
            by_id: HashMap::new(),
            nodes: Vec::new(),
            missing: 0,
            read: Vec::new(),
            steps: MAX_STEPS,
            octets: 0,
            by_subject: true,
        }
    }
}

impl References {
    /// As REFS has it.
    pub(super) fn whatever_the_subjects() -> Self {
        Self {
            by_subject: false,
            ..Self::default()
        }
    }

    /// Octets of all message IDs that are known.
    pub(super) fn octets(&self) -> usize {
        self.octets
    }

    /// The next message (step 1).
    pub(super) fn add(&mut self, summary: Option<&Summary>) {
        let envelope = summary.map(|summary| &summary.envelope);
        let id = envelope.and_then(|envelope| envelope.message_id.as_deref());
        let node = self.node_of(message_ids(id.unwrap_or_default()).next());
        self.read.push(node);
        let mut ids: Vec<Box<[u8]>> = summary
            .map(|summary| message_ids(&summary.references).collect())
            .unwrap_or_default();
        if ids.is_empty() {
            // The first valid ID of In-Reply-To is the only reference.
            let reply = envelope.and_then(|envelope| envelope.in_reply_to.as_deref());
            ids.extend(message_ids(reply.unwrap_or_default()).next());
        }
        let first = ids.len().saturating_sub(MAX_REFERENCES);
        let mut last = None;
        for id in ids.into_iter().skip(first) {
            let Some(referred) = self.referred(id) else {
                continue;
            };
            // (A) A link that there is stays.
            let free = self
                .nodes
                .get(referred)
                .is_some_and(|link| link.parent.is_none());
            if let Some(parent) = last
                && free
            {
                self.link(parent, referred);
            }
            last = Some(referred);
        }
        // (B) The last reference is the parent, whatever was thought before.
        if let Some(link) = self.nodes.get_mut(node) {
            link.parent = None;
        }
        if let Some(parent) = last {
            self.link(parent, node);
        }
    }

    /// The node of a message: that of its ID, if no message before had the same.
    fn node_of(&mut self, id: Option<Box<[u8]>>) -> usize {
        let known = id.as_ref().and_then(|id| self.by_id.get(id)).copied();
        if let Some(at) = known
            && let Some(link) = self.nodes.get_mut(at).filter(|link| !link.read)
        {
            link.read = true;
            self.missing -= 1;
            return at;
        }
        let at = self.nodes.len();
        self.nodes.push(Link {
            parent: None,
            read: true,
        });
        if let Some(id) = id.filter(|_| known.is_none()) {
            self.octets += id.len();
            self.by_id.insert(id, at);
        }
        at
    }

    /// The node that a reference means, a new one if need be.
    fn referred(&mut self, id: Box<[u8]>) -> Option<usize> {
        if let Some(&at) = self.by_id.get(&id) {
            return Some(at);
        }
        if self.missing >= MAX_MISSING {
            return None;
        }
        self.missing += 1;
        self.nodes.push(Link::default());
        self.octets += id.len();
        self.by_id.insert(id, self.nodes.len() - 1);
        Some(self.nodes.len() - 1)
    }

    /// Puts a node under another, unless that would make a loop.
    fn link(&mut self, parent: usize, child: usize) {
        let mut above = Some(parent);
        while let Some(at) = above {
            if at == child || self.steps == 0 {
                return;
            }
            self.steps -= 1;
            above = self.nodes.get(at).and_then(|link| link.parent);
        }
        if let Some(link) = self.nodes.get_mut(child) {
            link.parent = Some(parent);
        }
    }

    /// The threads of the messages that were read, which come in the same order (steps 2 to 6).
    pub(super) fn thread(self, messages: &[Message]) -> Forest {
        let mut forest = Forest::default();
        for _ in &self.nodes {
            forest.push(None, Vec::new());
        }
        for (message, at) in messages.iter().zip(&self.read) {
            if let Some(node) = forest.nodes.get_mut(*at) {
                node.message = Some(message.clone());
            }
        }
        for (at, link) in self.nodes.iter().enumerate() {
            match link.parent.and_then(|parent| forest.nodes.get_mut(parent)) {
                Some(parent) => parent.children.push(at),
                None => forest.roots.push(at),
            }
        }
        prune(&mut forest);
        forest.sort();
        if self.by_subject {
            forest.merge_subjects();
            forest.sort();
        } else {
            forest.sort_by_last();
        }
        forest
    }
}

/// Takes out those that are only referred to (step 3).
fn prune(forest: &mut Forest) {
    for at in forest.downwards().into_iter().rev() {
        let children = without_dummies(forest, at);
        if let Some(node) = forest.nodes.get_mut(at) {
            node.children = children;
        }
    }
    let roots = std::mem::take(&mut forest.roots);
    for root in roots {
        match *forest.children(root) {
            [] if forest.is_dummy(root) => {}
            // Its only child takes its place; more of them keep it.
            [only] if forest.is_dummy(root) => forest.roots.push(only),
            _ => forest.roots.push(root),
        }
    }
}

/// The children, with those of a dummy in its place.
fn without_dummies(forest: &Forest, at: usize) -> Vec<usize> {
    let children = forest.children(at).iter();
    let flat = children.flat_map(|&child| {
        if forest.is_dummy(child) {
            forest.children(child).to_vec()
        } else {
            vec![child]
        }
    });
    flat.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages as `id subject < references`, dated in their order; the threads as THREAD writes them.
    fn thread(messages: &[(&str, &str, &str)]) -> String {
        threads(References::default(), messages)
    }

    fn threads(mut references: References, messages: &[(&str, &str, &str)]) -> String {
        let mut read = Vec::new();
        for (index, (id, subject, refers)) in messages.iter().enumerate() {
            let raw = format!("Message-ID: {id}\r\nReferences: {refers}\r\n\r\n");
            references.add(Some(&Summary::read(raw.as_bytes())));
            let reply = subject.starts_with("Re: ");
            read.push(Message {
                uid: index as u32 + 1,
                date: index as i64,
                came: index as i64,
                subject: subject.trim_start_matches("Re: ").as_bytes().into(),
                reply,
            });
        }
        let forest = references.thread(&read);
        let mut out = Vec::new();
        let mut root = 0;
        while forest.write(&mut out, root, Some) {
            root += 1;
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn replies_are_under_what_they_reply_to() {
        let threads = thread(&[
            ("<a@x>", "one", ""),
            ("<b@x>", "Re: one", "<a@x>"),
            ("<c@x>", "Re: one", "<a@x> <b@x>"),
            ("<d@x>", "Re: one", "<a@x>"),
            ("<e@x>", "two", ""),
        ]);
        assert_eq!(threads, "(1 (2 3)(4))(5)");
    }

    #[test]
    fn a_parent_that_is_not_there_keeps_its_children_together() {
        let siblings = [("<a@x>", "p", "<gone@x>"), ("<b@x>", "q", "<gone@x>")];
        assert_eq!(thread(&siblings), "((1)(2))");
        assert_eq!(thread(&siblings[..1]), "(1)");
        let deep = [("<a@x>", "p", "<x@x> <y@x> <z@x>"), ("<b@x>", "p", "<a@x>")];
        assert_eq!(thread(&deep), "(1 2)");
    }

    #[test]
    fn one_subject_is_one_thread() {
        assert_eq!(
            thread(&[("<a@x>", "s", ""), ("<b@x>", "Re: s", "")]),
            "(1 2)"
        );
        assert_eq!(
            thread(&[("<a@x>", "Re: s", ""), ("<b@x>", "s", "")]),
            "(2 1)"
        );
        assert_eq!(
            thread(&[("<a@x>", "s", ""), ("<b@x>", "s", "")]),
            "((1)(2))"
        );
        let three = [("<a@x>", "s", ""), ("<b@x>", "s", ""), ("<c@x>", "s", "")];
        assert_eq!(thread(&three), "((1)(2)(3))");
        assert_eq!(thread(&[("<a@x>", "", ""), ("<b@x>", "", "")]), "(1)(2)");
    }

    #[test]
    fn where_subjects_do_not_count_what_came_last_does() {
        let messages = [
            ("<a@x>", "one", ""),
            ("<b@x>", "one", ""),
            ("<c@x>", "Re: one", "<a@x>"),
            ("<d@x>", "p", "<gone@x>"),
            ("<e@x>", "q", "<gone@x>"),
            ("<f@x>", "r", "<b@x>"),
        ];
        let refs = threads(References::whatever_the_subjects(), &messages);
        assert_eq!(refs, "(1 3)((4)(5))(2 6)");
    }

    #[test]
    fn loops_and_doubles_are_not_followed() {
        let circle = [("<a@x>", "p", "<b@x>"), ("<b@x>", "q", "<a@x>")];
        assert_eq!(thread(&circle), "(2 1)");
        assert_eq!(thread(&[("<a@x>", "p", "<a@x>")]), "(1)");
        let twice = [
            ("<a@x>", "p", ""),
            ("<a@x>", "q", ""),
            ("<c@x>", "r", "<a@x>"),
        ];
        assert_eq!(thread(&twice), "(1 3)(2)");
    }

    #[test]
    fn depth_and_breadth_cost_no_more_than_their_bounds() {
        let mut references = References::default();
        let mut messages = Vec::new();
        for index in 0..20_000u32 {
            let raw = format!(
                "Message-ID: <{index}@x>\r\nReferences: <{}@x>\r\n\r\n",
                index + 1
            );
            references.add(Some(&Summary::read(raw.as_bytes())));
            messages.push(Message {
                uid: index + 1,
                date: 0,
                came: 0,
                subject: Box::new([]),
                reply: false,
            });
        }
        let forest = references.thread(&messages);
        let mut out = Vec::new();
        assert!(forest.write(&mut out, 0, Some));
        assert!(out.starts_with(b"(20000 19999 "));
    }
}
