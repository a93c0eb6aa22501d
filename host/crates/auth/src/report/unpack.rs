//! What reports are packed in.

use std::io::{Cursor, Read, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use zip::ZipArchive;

use super::ReportError;

/// Unpacks a report, at most so many octets of it: gzip, zip (its first file), or as it is.
pub fn unpack(octets: &[u8], limit: usize) -> Result<Vec<u8>, ReportError> {
    if octets.len() > limit {
        return Err(ReportError::TooLarge(limit));
    }
    match octets {
        // RFC 1952 §2.3.1.
        [0x1f, 0x8b, ..] => bounded(GzDecoder::new(octets), limit),
        [b'P', b'K', 3, 4, ..] => {
            let mut archive = ZipArchive::new(Cursor::new(octets)).map_err(packed)?;
            bounded(archive.by_index(0).map_err(packed)?, limit)
        }
        _ => Ok(octets.to_vec()),
    }
}

/// Packs a report with gzip (RFC 7489 §7.2.1.1, RFC 8460 §3).
pub fn pack(octets: &[u8]) -> Result<Vec<u8>, ReportError> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(octets).map_err(packed)?;
    encoder.finish().map_err(packed)
}

fn bounded(reader: impl Read, limit: usize) -> Result<Vec<u8>, ReportError> {
    let mut octets = Vec::new();
    let one_more = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    reader
        .take(one_more)
        .read_to_end(&mut octets)
        .map_err(packed)?;
    if octets.len() > limit {
        return Err(ReportError::TooLarge(limit));
    }
    Ok(octets)
}

fn packed(error: impl std::fmt::Display) -> ReportError {
    ReportError::Packed(error.to_string())
}
