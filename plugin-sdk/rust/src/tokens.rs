//! Features of messages, as [`Message::tokens`](crate::host::Message::tokens) gives them.

/// The hash of a feature, such as `subject:invoice`, `url:shop.example`, `buy` or `buy now`: FNV-1a with 64 bits.
///
/// ```
/// use waxwing_plugin::tokens::hash;
/// # use waxwing_plugin::prelude::*;
///
/// fn speaks_of_invoices(message: &Message) -> bool {
///     message.tokens(4096).contains(&hash("subject:invoice"))
/// }
/// ```
#[must_use]
pub fn hash(feature: &str) -> u64 {
    feature.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
