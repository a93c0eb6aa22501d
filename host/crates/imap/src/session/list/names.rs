//! The names that LIST and LSUB choose from: mailboxes, subscriptions, and the levels above them.
//!
//! Invariant: a level is kept as a place in the name of a mailbox below it, so that deep hierarchies cost little.

use std::collections::BTreeMap;

use crate::types::{ListForm, ListSelection, MailboxInfo};

/// All names, INBOX first, then in order.
#[derive(Debug)]
pub(super) struct Names {
    mailboxes: Vec<MailboxInfo>,
    nodes: Vec<Node>,
}

/// A name of the hierarchy.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Node {
    /// The mailbox whose name this is, or begins with this.
    of: usize,
    /// Octets of the name.
    end: usize,
    /// It is that mailbox's own name.
    own: bool,
    /// It meets the criteria.
    pub(super) chosen: bool,
    /// Mailboxes exist below it.
    pub(super) children: bool,
    /// A name below it meets the criteria.
    pub(super) chosen_below: bool,
    /// So does one that is not shown itself.
    pub(super) hidden_below: bool,
}

impl Names {
    /// The names of an account, with those that meet `selection` marked.
    pub(super) fn new(
        mailboxes: Vec<MailboxInfo>,
        form: ListForm,
        selection: ListSelection,
    ) -> Self {
        // RFC 5258 §3.5: what is below counts even if the levels above it are no names themselves.
        let levels = form == ListForm::Lsub || selection.recursive;
        let mut nodes: BTreeMap<(bool, &str), Node> = BTreeMap::new();
        for (of, info) in mailboxes.iter().enumerate() {
            let chosen = chosen(info, selection);
            let name = info.name.as_str();
            let node = nodes.entry(key(name)).or_default();
            (node.of, node.end, node.own, node.chosen) = (of, name.len(), true, chosen);
            let counts_above = info.exists || (chosen && levels);
            if !counts_above {
                continue;
            }
            for (end, _) in name.match_indices('/') {
                let level = name.get(..end).unwrap_or_default();
                let fresh = Node {
                    of,
                    end,
                    ..Node::default()
                };
                let node = nodes.entry(key(level)).or_insert(fresh);
                node.children |= info.exists;
                node.chosen_below |= chosen;
            }
        }
        let nodes = nodes.into_values().collect();
        Self { mailboxes, nodes }
    }

    /// The node at a place of the order.
    pub(super) fn at(&self, at: usize) -> Option<Node> {
        self.nodes.get(at).copied()
    }

    /// The node of this name.
    pub(super) fn find(&self, wanted: &str) -> Option<Node> {
        let order = |node: &Node| key(self.name(*node)).cmp(&key(wanted));
        self.nodes
            .binary_search_by(order)
            .ok()
            .and_then(|at| self.at(at))
    }

    /// The name of a node.
    pub(super) fn name(&self, node: Node) -> &str {
        name(&self.mailboxes, node)
    }

    /// The mailbox of that name, or the subscription; a level is neither.
    pub(super) fn info(&self, node: Node) -> Option<&MailboxInfo> {
        self.mailboxes.get(node.of).filter(|_| node.own)
    }

    /// A node that meets the criteria is not shown: the levels above it stand for it.
    pub(super) fn mark_hidden(&mut self, node: Node) {
        let Self { mailboxes, nodes } = self;
        let hidden = name(mailboxes, node);
        for (end, _) in hidden.match_indices('/') {
            let level = hidden.get(..end).unwrap_or_default();
            let found =
                nodes.binary_search_by(|other| key(name(mailboxes, *other)).cmp(&key(level)));
            if let Some(node) = found.ok().and_then(|at| nodes.get_mut(at)) {
                node.hidden_below = true;
            }
        }
    }
}

fn name(mailboxes: &[MailboxInfo], node: Node) -> &str {
    let mailbox = mailboxes.get(node.of);
    mailbox
        .and_then(|info| info.name.as_str().get(..node.end))
        .unwrap_or_default()
}

fn key(name: &str) -> (bool, &str) {
    (name != "INBOX", name)
}

/// Whether a mailbox meets the criteria; a subscription of one that is gone only where subscriptions are asked for.
fn chosen(info: &MailboxInfo, selection: ListSelection) -> bool {
    (info.exists || selection.subscribed)
        && (info.subscribed || !selection.subscribed)
        && (info.special_use.is_some() || !selection.special_use)
}
