//! CRC-32C (Castagnoli).
//!
//! Standards: RFC 4960 appendix B, to which `proxy-protocol.txt` §2.2.3 refers.

/// The polynomial, its bits reversed.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// The checksum of the pieces in their order. Bit by bit: headers are short and rare.
pub(super) fn crc32c(pieces: [&[u8]; 3]) -> u32 {
    let mut sum = !0_u32;
    for octet in pieces.into_iter().flatten() {
        sum ^= u32::from(*octet);
        for _ in 0..8 {
            let carry = (sum & 1) * POLYNOMIAL;
            sum = (sum >> 1) ^ carry;
        }
    }
    !sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_check_value() {
        assert_eq!(crc32c([b"1234", b"", b"56789"]), 0xe306_9283);
    }
}
