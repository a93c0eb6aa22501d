//! Messages read into packs, when the processor has nothing better to do.

use bytes::Bytes;
use waxwing_imap::each_text;
use waxwing_index::{Grams, Pack};
use waxwing_message::Summary;
use waxwing_store::{Error, Result};

use super::aside::Aside;

/// Reads messages; keeps its room for the next ones.
#[derive(Default)]
pub(super) struct Packer {
    /// None while it is lent to the thread, or was lost with it.
    grams: Option<Grams>,
    /// None before there is something to do, and after it died.
    aside: Option<Aside>,
}

/// A message as the store has it.
pub(super) struct Source {
    pub(super) uid: u32,
    /// As rows are answered with it.
    pub(super) summary: Bytes,
    /// None: it cannot be read now.
    pub(super) content: Option<Bytes>,
}

impl Packer {
    /// The pack with as many of these messages as it takes, and how many it took.
    pub(super) async fn add(
        &mut self,
        mut pack: Pack,
        sources: Vec<Source>,
    ) -> Result<(Pack, usize)> {
        let mut grams = self.grams.take().unwrap_or_default();
        let work = move || {
            let mut taken = 0;
            for source in &sources {
                if pack.is_full() || !source.push(&mut pack, &mut grams) {
                    break;
                }
                taken += 1;
            }
            (pack, taken, grams)
        };
        let aside = match self.aside.take() {
            Some(aside) => aside,
            None => Aside::start("search-index").map_err(|error| {
                tracing::warn!(%error, "the search index waits for a thread");
                Error::Closed
            })?,
        };
        let (pack, taken, grams) = aside.run(work).await.ok_or(Error::Closed)?;
        (self.aside, self.grams) = (Some(aside), Some(grams));
        Ok((pack, taken))
    }
}

impl Source {
    fn push(&self, pack: &mut Pack, grams: &mut Grams) -> bool {
        // Of a message whose summary cannot be read, searches have to find out by themselves what it matches.
        let (Some(content), Ok(summary)) = (&self.content, Summary::decode(&self.summary)) else {
            return pack.push_unknown(self.uid);
        };
        each_text(content, &summary, |text| grams.add(text));
        pack.push(self.uid, grams)
    }
}
