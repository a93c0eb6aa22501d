//! Compression of a connection (RFC 4978, RFC 1951).
//!
//! Invariants: a connection keeps the window that its peer may refer to and what it sent last, and nothing for what it
//! says itself; however much comes of a few octets, it is handed on in bounded pieces, so that it meets the session's
//! limits.

use std::cell::RefCell;
use std::io;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// Octets that are decompressed at a time.
const PIECE: usize = 64 * 1024;
/// What a sync flush adds to what is compressed, and some more.
const FLUSH: usize = 64;

thread_local! {
    static PLAIN: RefCell<Box<[u8]>> = RefCell::new(vec![0; PIECE].into_boxed_slice());
    static DEFLATE: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), false));
}

/// What the peer sends, decompressed.
#[derive(Debug)]
pub(super) struct Inflate {
    state: Decompress,
    /// What came and is not decompressed yet.
    came: Vec<u8>,
    /// How much of it is.
    at: usize,
    /// There may be more of what came before.
    more: bool,
    /// The peer has ended its stream.
    ended: bool,
}

impl Default for Inflate {
    fn default() -> Self {
        Self {
            // RFC 4978 §4: without the header of zlib.
            state: Decompress::new(false),
            came: Vec::new(),
            at: 0,
            more: false,
            ended: false,
        }
    }
}

impl Inflate {
    /// Whether something may be had without more from the peer.
    pub(super) fn is_ready(&self) -> bool {
        self.more || self.ended || self.at < self.came.len()
    }

    /// Takes what came, when nothing is ready any more.
    pub(super) fn push(&mut self, octets: &[u8]) {
        self.came = octets.to_vec();
        self.at = 0;
    }

    /// Hands a piece to `take`: how many octets it has, 0 at the end of the stream, `None` if more must come first.
    ///
    /// # Errors
    /// What came is not compressed.
    pub(super) fn give(&mut self, take: impl FnOnce(&[u8])) -> io::Result<Option<usize>> {
        PLAIN.with_borrow_mut(|plain| {
            let given = self.piece(plain)?;
            let piece = given.and_then(|given| plain.get(..given));
            if let Some(piece) = piece.filter(|piece| !piece.is_empty()) {
                take(piece);
            }
            Ok(given)
        })
    }

    fn piece(&mut self, plain: &mut [u8]) -> io::Result<Option<usize>> {
        if self.ended {
            return Ok(Some(0));
        }
        let rest = self.came.get(self.at..).unwrap_or_default();
        let (taken, given) = (self.state.total_in(), self.state.total_out());
        let status = self
            .state
            .decompress(rest, plain, FlushDecompress::None)
            .map_err(broken)?;
        let count = |octets| usize::try_from(octets).unwrap_or(usize::MAX);
        let taken = count(self.state.total_in() - taken);
        let given = count(self.state.total_out() - given);
        self.at += taken;
        if self.at >= self.came.len() {
            // An idle connection keeps no buffer.
            (self.came, self.at) = (Vec::new(), 0);
        }
        self.more = given == plain.len();
        self.ended = status == Status::StreamEnd;
        match given {
            0 if self.ended => Ok(Some(0)),
            0 if taken == 0 && !self.came.is_empty() => Err(io::ErrorKind::InvalidData.into()),
            0 => Ok(None),
            given => Ok(Some(given)),
        }
    }
}

/// Octets compressed, up to their last (a sync flush). Each call begins anew, and refers to nothing that was sent before: so one
/// compressor does for all connections of a thread.
///
/// # Errors
/// The compressor's.
pub(super) fn deflate(octets: &[u8]) -> io::Result<Vec<u8>> {
    DEFLATE.with_borrow_mut(|state| {
        state.reset();
        let mut out = Vec::with_capacity(octets.len() / 2 + FLUSH);
        loop {
            let taken = usize::try_from(state.total_in()).unwrap_or(usize::MAX);
            let rest = octets.get(taken..).unwrap_or_default();
            state
                .compress_vec(rest, &mut out, FlushCompress::Sync)
                .map_err(broken)?;
            let all = state.total_in() == octets.len() as u64;
            if all && out.len() < out.capacity() {
                return Ok(out);
            }
            out.reserve(out.len() + FLUSH);
        }
    })
}

fn broken(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a peer sees of what was sent in pieces, fed to it so many octets at a time.
    fn heard(sent: &[Vec<u8>], at_once: usize) -> Vec<u8> {
        let mut inflate = Inflate::default();
        let mut heard = Vec::new();
        for octets in sent.concat().chunks(at_once) {
            inflate.push(octets);
            while inflate.is_ready() {
                let given = inflate.give(|piece| {
                    assert!(piece.len() <= PIECE);
                    heard.extend_from_slice(piece);
                });
                if given.unwrap() == Some(0) {
                    return heard;
                }
            }
        }
        heard
    }

    #[test]
    fn what_is_compressed_comes_back_however_it_is_cut() {
        let large: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        let pieces = [&b"* OK\r\n"[..], b"", &large, &[b'a'; 100_000], b"a OK\r\n"];
        let sent: Vec<_> = pieces.iter().map(|piece| deflate(piece).unwrap()).collect();
        assert!(sent[3].len() < 1_000, "compressed to {}", sent[3].len());
        for at_once in [1, 7, 4_096, usize::MAX] {
            assert!(heard(&sent, at_once) == pieces.concat(), "cut at {at_once}");
        }
    }

    #[test]
    fn a_stream_that_ends_is_the_end() {
        let mut state = Compress::new(Compression::best(), false);
        let mut sent = Vec::with_capacity(100);
        state
            .compress_vec(b"a LOGOUT\r\n", &mut sent, FlushCompress::Finish)
            .unwrap();
        sent.extend_from_slice(b"more");
        assert_eq!(heard(&[sent], 3), b"a LOGOUT\r\n");
    }

    #[test]
    fn what_is_not_compressed_is_an_error() {
        let mut inflate = Inflate::default();
        inflate.push(b"a NOOP\r\na NOOP\r\na NOOP\r\n");
        let mut outcome = Ok(None);
        while inflate.is_ready() && outcome.is_ok() {
            outcome = inflate.give(|_| ());
        }
        assert!(outcome.is_err(), "{outcome:?}");
    }

    #[test]
    fn a_bomb_comes_in_pieces() {
        let bomb = deflate(&vec![0; 32 << 20]).unwrap();
        let mut inflate = Inflate::default();
        let (mut pieces, mut octets) = (0, 0);
        for part in bomb.chunks(PIECE) {
            inflate.push(part);
            while inflate.is_ready() {
                if let Some(given) = inflate.give(|_| ()).unwrap() {
                    (pieces, octets) = (pieces + 1, octets + given);
                }
            }
        }
        assert_eq!(octets, 32 << 20);
        assert!(pieces >= 512, "{pieces} pieces");
    }
}
