//! Relevancy scores of what was found (RFC 6203 §4), in pieces.

use crate::encode::{Out, number};

/// Scores that are written between two looks at how much output there is.
const WRITTEN: usize = 8_000;

/// Of each message found its score, ascending by UID.
#[derive(Debug, Default)]
pub(crate) struct Scores(Vec<(u32, u8)>);

impl Scores {
    pub(crate) fn new(mut scores: Vec<(u32, u8)>) -> Self {
        scores.sort_unstable();
        Self(scores)
    }

    pub(crate) fn of(&self, uid: u32) -> u8 {
        let place = self.0.binary_search_by_key(&uid, |(uid, _)| *uid);
        let found = place.ok().and_then(|place| self.0.get(place));
        found.map_or(1, |(_, score)| *score)
    }
}

/// Scores that are being written.
#[derive(Debug)]
pub(crate) struct ScoreList {
    scores: Vec<u8>,
    written: usize,
}

impl ScoreList {
    /// Those of these messages, in this order.
    pub(crate) fn new(scores: &Scores, uids: impl Iterator<Item = u32>) -> Self {
        Self {
            scores: uids.map(|uid| scores.of(uid)).collect(),
            written: 0,
        }
    }

    /// Writes some; whether it was the last of ` RELEVANCY (n …)`.
    pub(crate) fn write(&mut self, out: &mut Out) -> bool {
        if self.written == 0 {
            out.extend_from_slice(b" RELEVANCY (");
        }
        let next = self.written.saturating_add(WRITTEN).min(self.scores.len());
        let piece = self.scores.get(self.written..next).unwrap_or_default();
        for (place, score) in piece.iter().enumerate() {
            if self.written + place > 0 {
                out.push(b' ');
            }
            number(out, u32::from(*score));
        }
        self.written = next;
        let last = next == self.scores.len();
        if last {
            out.push(b')');
        }
        last
    }
}
