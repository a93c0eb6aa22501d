//! Threads as trees, and how they are written (RFC 5256 §4). Nothing here recurses: there is no limit to the depth.

use std::collections::HashMap;

use super::Message;
use crate::encode::{Out, number};

/// Trees of messages.
#[derive(Debug, Default)]
pub(super) struct Forest {
    pub(super) nodes: Vec<Node>,
    /// The threads, in order.
    pub(super) roots: Vec<usize>,
}

/// A message, or a place where one is missing.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) message: Option<Message>,
    pub(super) children: Vec<usize>,
}

enum Step {
    Open(usize),
    Close,
}

impl Forest {
    pub(super) fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    pub(super) fn node(&self, at: usize) -> Option<&Node> {
        self.nodes.get(at)
    }

    pub(super) fn push(&mut self, message: Option<Message>, children: Vec<usize>) -> usize {
        self.nodes.push(Node { message, children });
        self.nodes.len() - 1
    }

    pub(super) fn children(&self, at: usize) -> &[usize] {
        self.node(at).map_or(&[], |node| &node.children)
    }

    pub(super) fn is_dummy(&self, at: usize) -> bool {
        self.node(at).is_none_or(|node| node.message.is_none())
    }

    /// The message, or in the place of one that is missing its first child.
    pub(super) fn head(&self, at: usize) -> Option<&Message> {
        let node = self.node(at)?;
        match &node.message {
            Some(message) => Some(message),
            None => self.node(*node.children.first()?)?.message.as_ref(),
        }
    }

    /// What siblings are ordered by: the date, and with equal dates the order of the mailbox (RFC 5256 §2.2).
    fn order(&self, at: usize) -> (i64, u32) {
        self.head(at)
            .map_or((i64::MAX, u32::MAX), |message| (message.date, message.uid))
    }

    /// All nodes below the roots, each before its children.
    pub(super) fn downwards(&self) -> Vec<usize> {
        let mut order = self.roots.clone();
        let mut next = 0;
        while let Some(&at) = order.get(next) {
            order.extend_from_slice(self.children(at));
            next += 1;
        }
        order
    }

    /// Sorts siblings by date, the youngest generation first (RFC 5256 §3, step 6).
    pub(super) fn sort(&mut self) {
        for at in self.downwards().into_iter().rev() {
            let Some(node) = self.nodes.get_mut(at) else {
                continue;
            };
            let mut children = std::mem::take(&mut node.children);
            children.sort_by_cached_key(|child| self.order(*child));
            if let Some(node) = self.nodes.get_mut(at) {
                node.children = children;
            }
        }
        let mut roots = std::mem::take(&mut self.roots);
        roots.sort_by_cached_key(|root| self.order(*root));
        self.roots = roots;
    }

    /// Sorts the threads by what came last in each.
    pub(super) fn sort_by_last(&mut self) {
        let mut last: Vec<(i64, u32)> = vec![(i64::MIN, 0); self.nodes.len()];
        for at in self.downwards().into_iter().rev() {
            let below = self.children(at).iter();
            let below = below.filter_map(|child| last.get(*child)).max().copied();
            let message = self.node(at).and_then(|node| node.message.as_ref());
            let own = message.map(|message| (message.came, message.uid));
            if let (Some(last), Some(newest)) = (last.get_mut(at), own.max(below)) {
                *last = newest;
            }
        }
        self.roots.sort_by_key(|root| last.get(*root).copied());
    }

    /// Merges threads of the same subject (RFC 5256 §3, step 5). The roots are sorted.
    pub(super) fn merge_subjects(&mut self) {
        let mut table: HashMap<Box<[u8]>, usize> = HashMap::new();
        for at in self.roots.clone() {
            let Some((subject, reply)) = self.subject(at) else {
                continue;
            };
            let better = table.get(&subject).is_none_or(|&known| {
                let known_replies = self.subject(known).is_some_and(|(_, reply)| reply);
                !self.is_dummy(known) && (self.is_dummy(at) || known_replies && !reply)
            });
            if better {
                table.insert(subject, at);
            }
        }
        let mut replaced: HashMap<usize, usize> = HashMap::new();
        let mut kept = Vec::with_capacity(self.roots.len());
        for at in std::mem::take(&mut self.roots) {
            let known = self.subject(at);
            let known = known.and_then(|(subject, _)| Some((*table.get(&subject)?, subject)));
            match known {
                Some((known, subject)) if known != at => {
                    if let Some(dummy) = self.merge(at, known) {
                        table.insert(subject, dummy);
                        replaced.insert(known, dummy);
                    }
                }
                _ => kept.push(at),
            }
        }
        let current = |root: usize| *replaced.get(&root).unwrap_or(&root);
        self.roots = kept.into_iter().map(current).collect();
    }

    /// The thread's subject, and whether it is a reply; `None` if it is empty.
    fn subject(&self, at: usize) -> Option<(Box<[u8]>, bool)> {
        let head = self.head(at)?;
        let reply = head.reply && !self.is_dummy(at);
        (!head.subject.is_empty()).then(|| (head.subject.clone(), reply))
    }

    /// Puts a thread to another one of its subject; gives the dummy that takes the place of that one, if one does.
    fn merge(&mut self, at: usize, known: usize) -> Option<usize> {
        let replies = |at: usize| self.subject(at).is_some_and(|(_, reply)| reply);
        if self.is_dummy(known) {
            let joined = if self.is_dummy(at) {
                let node = self.nodes.get_mut(at);
                node.map(|node| std::mem::take(&mut node.children))
                    .unwrap_or_default()
            } else {
                vec![at]
            };
            self.adopt(known, joined);
            return None;
        }
        if replies(at) && !replies(known) {
            self.adopt(known, vec![at]);
            return None;
        }
        Some(self.push(None, vec![known, at]))
    }

    fn adopt(&mut self, parent: usize, children: Vec<usize>) {
        if let Some(node) = self.nodes.get_mut(parent) {
            node.children.extend(children);
        }
    }

    /// Writes a thread; `false` if there is none of that number.
    pub(super) fn write(
        &self,
        out: &mut Out,
        root: usize,
        shown: impl Fn(u32) -> Option<u32>,
    ) -> bool {
        let Some(&root) = self.roots.get(root) else {
            return false;
        };
        let mut steps = vec![Step::Open(root)];
        while let Some(step) = steps.pop() {
            match step {
                Step::Close => out.push(b')'),
                Step::Open(at) => {
                    out.push(b'(');
                    self.members(out, at, &mut steps, &shown);
                }
            }
        }
        true
    }

    /// `nz-number *(SP nz-number) [SP thread-nested]`: down to where the thread splits.
    fn members(
        &self,
        out: &mut Out,
        at: usize,
        steps: &mut Vec<Step>,
        shown: &impl Fn(u32) -> Option<u32>,
    ) {
        let mut at = at;
        steps.push(Step::Close);
        while let Some(node) = self.node(at) {
            if let Some(message) = &node.message {
                number(out, shown(message.uid).unwrap_or(message.uid));
                if !node.children.is_empty() {
                    out.push(b' ');
                }
            }
            match *node.children.as_slice() {
                [] => return,
                [only] => at = only,
                ref children => {
                    let nested = children.iter().rev();
                    steps.extend(nested.map(|child| Step::Open(*child)));
                    return;
                }
            }
        }
    }
}
