//! What a search can leave out.

use crate::codec::{Damaged, Reader};
use crate::needles::Needles;
use crate::places::Places;

/// Of each needle the UIDs of those messages of a pack that surely do not hold it, ascending.
///
/// # Errors
/// [`Damaged`] octets.
pub fn sift(octets: &[u8], needles: &Needles) -> Result<Vec<Vec<u32>>, Damaged> {
    let mut reader = Reader::open(octets)?;
    let mut found = vec![Places::default(); needles.grams.len()];
    let mut wanted = needles.grams.iter().zip(&mut found).peekable();
    while let Some((gram, posting)) = reader.next()? {
        while wanted.next_if(|(next, _)| **next < gram).is_some() {}
        match wanted.peek_mut() {
            None => break,
            Some((next, places)) if **next == gram => **places = posting.places(),
            Some(_) => {}
        }
    }
    let all = Places::first(reader.uids.len());
    let absent = |needle: &Vec<usize>| -> Vec<u32> {
        let having = needle.iter().filter_map(|gram| found.get(*gram));
        let may = having
            .fold(all, |may, places| may.and(*places))
            .or(reader.unknown);
        let messages = (0..=u8::MAX).zip(&reader.uids);
        let absent = messages.filter(|(place, _)| !may.contains(*place));
        absent.map(|(_, uid)| *uid).collect()
    };
    Ok(needles.each.iter().map(absent).collect())
}
