//! LIST and LSUB (RFC 3501 §6.3.8, §6.3.9) with CHILDREN (RFC 3348) and SPECIAL-USE (RFC 6154).

use std::collections::{BTreeMap, VecDeque};

use crate::ask::{Answer, Ask};
use crate::encode::{mailbox as write_mailbox, texts};
use crate::error::Error;
use crate::session::job::{Core, Flow, Job, failed};
use crate::session::mailboxes::bad_name;
use crate::types::{ListCommand, MailboxInfo, MailboxName, SpecialUse};

/// Wildcards of a pattern; each costs a look at every name.
const MAX_WILDCARDS: usize = 32;
/// Names that are held against the pattern before others have a turn.
const NAMES: usize = 128;

pub(crate) fn begin(core: &mut Core, command: ListCommand) -> Flow {
    let pattern = match command.pattern {
        Ok(pattern) => pattern,
        Err(error) => return bad_name(error),
    };
    let done = if command.lsub {
        "LSUB completed"
    } else {
        "LIST completed"
    };
    if command.separator && !command.lsub {
        // RFC 3501 §6.3.8: an empty pattern asks for the separator and the root.
        core.out
            .extend_from_slice(b"* LIST (\\Noselect) \"/\" \"\"\r\n");
        return Flow::Done(texts::ok(done));
    }
    let pattern = Pattern::new(&pattern);
    if pattern.wildcards() > MAX_WILDCARDS {
        return Flow::Done(texts::failure(
            &Error::Limit(String::from("too many wildcards")),
            false,
        ));
    }
    let list = List {
        pattern,
        lsub: command.lsub,
        only_subscribed: command.only_subscribed || command.lsub,
        only_special_use: command.only_special_use,
        show_subscribed: command.show_subscribed || command.only_subscribed,
    };
    Flow::Ask(Ask::Mailboxes, Box::new(list))
}

#[derive(Debug)]
struct List {
    pattern: Pattern,
    lsub: bool,
    only_subscribed: bool,
    only_special_use: bool,
    show_subscribed: bool,
}

/// A name of the hierarchy; those that only have inferiors too.
#[derive(Debug, Default, Clone, Copy)]
struct Node {
    /// It is itself among what is listed.
    listed: bool,
    exists: bool,
    selectable: bool,
    subscribed: bool,
    children: bool,
    special_use: Option<SpecialUse>,
}

impl Job for List {
    fn answer(self: Box<Self>, _core: &mut Core, answer: Answer) -> Flow {
        let Answer::Mailboxes(mailboxes) = answer else {
            return failed(&answer, false);
        };
        let mut nodes = self.nodes(&mailboxes);
        // INBOX first, then by name.
        let inbox = nodes.remove_entry("INBOX");
        let names = inbox.into_iter().chain(nodes);
        let names: VecDeque<(String, Node)> = names
            .filter(|(_, node)| self.might_show(*node))
            .map(|(name, node)| (name.to_owned(), node))
            .collect();
        Flow::Resume(Box::new(Listing { list: *self, names }))
    }
}

/// The names that may have to be shown are held against the pattern.
#[derive(Debug)]
struct Listing {
    list: List,
    names: VecDeque<(String, Node)>,
}

impl Job for Listing {
    fn answer(self: Box<Self>, _core: &mut Core, _answer: Answer) -> Flow {
        Flow::Resume(self)
    }

    fn resume(mut self: Box<Self>, core: &mut Core) -> Flow {
        for _ in 0..NAMES {
            let Some((name, node)) = self.names.pop_front() else {
                return Flow::Done(texts::ok(if self.list.lsub {
                    "LSUB completed"
                } else {
                    "LIST completed"
                }));
            };
            if self.list.pattern.matches(&name) {
                self.list.write(core, &name, node);
            }
        }
        Flow::Ask(Ask::Yield, self)
    }
}

impl List {
    fn nodes<'a>(&self, mailboxes: &'a [MailboxInfo]) -> BTreeMap<&'a str, Node> {
        let mut nodes: BTreeMap<&str, Node> = BTreeMap::new();
        for info in mailboxes {
            let listed = (!self.only_subscribed || info.subscribed)
                && (!self.only_special_use || info.special_use.is_some())
                && (info.exists || self.only_subscribed);
            let name = info.name.as_str();
            let node = nodes.entry(name).or_default();
            *node = Node {
                listed,
                exists: info.exists,
                selectable: info.selectable && info.exists,
                subscribed: info.subscribed,
                children: node.children,
                special_use: info.special_use,
            };
            // LSUB knows only of the subscribed ones, LIST of those that are there.
            if if self.lsub { listed } else { info.exists } {
                for (end, _) in name.match_indices('/') {
                    if let Some(parent) = name.get(..end) {
                        nodes.entry(parent).or_default().children = true;
                    }
                }
            }
        }
        nodes
    }

    /// Whether it is shown if its name matches.
    fn might_show(&self, node: Node) -> bool {
        // RFC 3501 §6.3.9: with `%`, LSUB shows a name for the subscribed ones below it. LIST shows a parent that is
        // no mailbox in any case.
        let stands_for_children = node.children
            && if self.lsub {
                self.pattern.one_level
            } else {
                !node.exists && !self.only_subscribed && !self.only_special_use
            };
        node.listed || stands_for_children
    }

    fn write(&self, core: &mut Core, name: &str, node: Node) {
        let Ok(mailbox) = MailboxName::new(name) else {
            return;
        };
        let out = &mut core.out;
        out.extend_from_slice(if self.lsub { b"* LSUB (" } else { b"* LIST (" });
        let mut attributes = Vec::with_capacity(4);
        if self.lsub {
            if !node.listed {
                attributes.push("\\Noselect");
            }
        } else {
            if !node.selectable {
                attributes.push("\\Noselect");
            }
            attributes.push(if node.children {
                "\\HasChildren"
            } else {
                "\\HasNoChildren"
            });
            if self.show_subscribed && node.subscribed {
                attributes.push("\\Subscribed");
            }
            attributes.extend(node.special_use.map(SpecialUse::as_str));
        }
        out.extend_from_slice(attributes.join(" ").as_bytes());
        out.extend_from_slice(b") \"/\" ");
        write_mailbox(out, &mailbox);
        out.extend_from_slice(b"\r\n");
    }
}

/// A pattern of LIST: `*` is anything, `%` anything within a level.
#[derive(Debug)]
struct Pattern {
    pieces: Vec<Piece>,
    one_level: bool,
}

/// A wildcard, but for the first piece, and what stands behind it.
#[derive(Debug, Default)]
struct Piece {
    wildcard: Option<Wildcard>,
    literal: String,
}

/// The wider one is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wildcard {
    Level,
    Any,
}

impl Pattern {
    fn new(pattern: &str) -> Self {
        // RFC 3501 §5.1: INBOX is compared without case.
        let (first, rest) = pattern.split_at(pattern.find('/').unwrap_or(pattern.len()));
        let first = if first.eq_ignore_ascii_case("INBOX") {
            "INBOX"
        } else {
            first
        };
        let mut pieces: Vec<Piece> = Vec::new();
        let mut piece = Piece::default();
        for c in first.chars().chain(rest.chars()) {
            let wildcard = match c {
                '*' => Wildcard::Any,
                '%' => Wildcard::Level,
                other => {
                    piece.literal.push(other);
                    continue;
                }
            };
            // A run of wildcards is one: all `%`, or as wide as `*`.
            if piece.wildcard.is_some() && piece.literal.is_empty() {
                piece.wildcard = piece.wildcard.max(Some(wildcard));
            } else {
                let next = Piece {
                    wildcard: Some(wildcard),
                    literal: String::new(),
                };
                pieces.push(std::mem::replace(&mut piece, next));
            }
        }
        pieces.push(piece);
        let one_level = |piece: &Piece| piece.wildcard == Some(Wildcard::Level);
        Self {
            one_level: pieces.iter().any(one_level),
            pieces,
        }
    }

    fn wildcards(&self) -> usize {
        self.pieces.len() - 1
    }

    /// Whether the name matches; looks at it once for each wildcard.
    fn matches(&self, name: &str) -> bool {
        // reached[n]: what was read of the pattern can match the first n octets.
        let mut reached = vec![false; name.len() + 1];
        if let Some(start) = reached.first_mut() {
            *start = true;
        }
        for piece in &self.pieces {
            reached = piece.after(name.as_bytes(), &reached);
        }
        reached.last().copied().unwrap_or(false)
    }
}

impl Piece {
    /// The places where this piece can end if it begins at those that were reached.
    fn after(&self, name: &[u8], reached: &[bool]) -> Vec<bool> {
        let mut ends = vec![false; reached.len()];
        let mut open = false;
        for (at, begins) in reached.iter().enumerate() {
            let before = at.checked_sub(1).and_then(|last| name.get(last));
            let goes_on = match self.wildcard {
                None => false,
                Some(Wildcard::Any) => true,
                Some(Wildcard::Level) => before != Some(&b'/'),
            };
            open = *begins || (open && goes_on);
            let literal = self.literal.as_bytes();
            if open
                && name.get(at..).is_some_and(|rest| rest.starts_with(literal))
                && let Some(end) = ends.get_mut(at + literal.len())
            {
                *end = true;
            }
        }
        ends
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn patterns_match_as_rfc_3501_says() {
        let cases = [
            ("*", "a/b", true),
            ("%", "a/b", false),
            ("%", "a", true),
            ("%/%", "a/b", true),
            ("a/%", "a/b/c", false),
            ("a*", "a/b/c", true),
            ("inbox", "INBOX", true),
            ("inbox/%", "INBOX/x", true),
            ("Sent", "sent", false),
            ("*%", "a/b", true),
            ("%*", "a/b", true),
            ("%%", "a/b", false),
            ("", "a", false),
            ("a%c", "abc", true),
            ("a%c", "a/c", false),
            ("*a%b", "xa/ab", true),
            ("%b*d", "abcd/d", true),
            ("%/*ü%", "a/b/xüy", true),
            ("*/%", "a/b/c", true),
            ("abc", "ab", false),
        ];
        for (pattern, name, matches) in cases {
            assert_eq!(
                Pattern::new(pattern).matches(name),
                matches,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn a_hostile_pattern_takes_bounded_time() {
        let pattern = Pattern::new(&"*a".repeat(512));
        assert!(!pattern.matches(&"a".repeat(500)));
    }
}
