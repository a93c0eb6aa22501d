//! LIST and LSUB (RFC 3501 §6.3.8, §6.3.9) with CHILDREN (RFC 3348) and SPECIAL-USE (RFC 6154).

use std::collections::BTreeMap;

use crate::ask::{Answer, Ask};
use crate::encode::{mailbox as write_mailbox, texts};
use crate::session::job::{Core, Flow, Job, failed};
use crate::session::mailboxes::bad_name;
use crate::types::{ListCommand, MailboxInfo, MailboxName, SpecialUse};

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
    let list = List {
        pattern: Pattern::new(&pattern),
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
    fn answer(self: Box<Self>, core: &mut Core, answer: Answer) -> Flow {
        let Answer::Mailboxes(mailboxes) = answer else {
            return failed(&answer, false);
        };
        let nodes = self.nodes(&mailboxes);
        // INBOX first, then by name.
        let inbox = nodes.get_key_value("INBOX");
        let others = nodes.iter().filter(|(name, _)| **name != "INBOX");
        for (name, node) in inbox.into_iter().chain(others) {
            if self.shows(name, *node) {
                self.write(core, name, *node);
            }
        }
        Flow::Done(texts::ok(if self.lsub {
            "LSUB completed"
        } else {
            "LIST completed"
        }))
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

    fn shows(&self, name: &str, node: Node) -> bool {
        // RFC 3501 §6.3.9: with `%`, LSUB shows a name for the subscribed ones below it. LIST shows a parent that is
        // no mailbox in any case.
        let stands_for_children = node.children
            && if self.lsub {
                self.pattern.one_level
            } else {
                !node.exists && !self.only_subscribed && !self.only_special_use
            };
        (node.listed || stands_for_children) && self.pattern.matches(name)
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
    tokens: Vec<Token>,
    one_level: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Char(char),
    Any,
    Level,
}

impl Pattern {
    fn new(pattern: &str) -> Self {
        let mut tokens: Vec<Token> = Vec::new();
        for c in pattern.chars() {
            let token = match c {
                '*' => Token::Any,
                '%' => Token::Level,
                other => Token::Char(other),
            };
            // A run of wildcards is one: all `%`, or as wide as `*`.
            match (tokens.last_mut(), token) {
                (Some(last @ (Token::Any | Token::Level)), Token::Any) => *last = Token::Any,
                (Some(Token::Any | Token::Level), Token::Level) => {}
                _ => tokens.push(token),
            }
        }
        // RFC 3501 §5.1: INBOX is compared without case.
        let levels = pattern.split('/').next().unwrap_or_default();
        if levels.eq_ignore_ascii_case("INBOX") {
            for (token, c) in tokens.iter_mut().zip("INBOX".chars()) {
                *token = Token::Char(c);
            }
        }
        let one_level = tokens.contains(&Token::Level);
        Self { tokens, one_level }
    }

    /// Whether the name matches; takes at most name times pattern steps.
    fn matches(&self, name: &str) -> bool {
        // reachable[n]: the first n tokens match what was read so far.
        let mut reachable = vec![false; self.tokens.len() + 1];
        if let Some(start) = reachable.first_mut() {
            *start = true;
        }
        self.skip_wildcards(&mut reachable);
        for c in name.chars() {
            let mut next = vec![false; reachable.len()];
            for (index, token) in self.tokens.iter().enumerate() {
                if !reachable.get(index).copied().unwrap_or(false) {
                    continue;
                }
                let (stays, moves) = match token {
                    Token::Any => (true, false),
                    Token::Level => (c != '/', false),
                    Token::Char(wanted) => (false, *wanted == c),
                };
                let target = if moves { index + 1 } else { index };
                if (stays || moves)
                    && let Some(place) = next.get_mut(target)
                {
                    *place = true;
                }
            }
            reachable = next;
            self.skip_wildcards(&mut reachable);
        }
        reachable.last().copied().unwrap_or(false)
    }

    /// A wildcard may match nothing.
    fn skip_wildcards(&self, reachable: &mut [bool]) {
        for (index, token) in self.tokens.iter().enumerate() {
            let here = reachable.get(index).copied().unwrap_or(false);
            if here
                && !matches!(token, Token::Char(_))
                && let Some(place) = reachable.get_mut(index + 1)
            {
                *place = true;
            }
        }
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
