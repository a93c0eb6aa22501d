//! ORDEREDSUBJECT (RFC 5256 §3): messages of one base subject are a thread.

use super::Message;
use super::forest::Forest;

/// The threads: the first message of each, with the others as its children.
pub(super) fn thread(messages: &[Message]) -> Forest {
    let mut sorted: Vec<&Message> = messages.iter().collect();
    sorted.sort_by_key(|message| (&message.subject, message.date, message.uid));
    let mut forest = Forest::default();
    for thread in sorted.chunk_by(|one, other| one.subject == other.subject) {
        let Some((first, others)) = thread.split_first() else {
            continue;
        };
        let mut children = Vec::with_capacity(others.len());
        for message in others {
            children.push(forest.push(Some((*message).clone()), Vec::new()));
        }
        let root = forest.push(Some((*first).clone()), children);
        forest.roots.push(root);
    }
    forest.sort();
    forest
}
