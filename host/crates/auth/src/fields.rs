//! Header fields that tell results.
//!
//! Standards: RFC 8601 (Authentication-Results); RFC 7208 §9.1 (Received-SPF); RFC 8616 §6 and RFC 6532 (internationalised messages).
//! Invariant: nothing that a stranger wrote ends a line, a comment or a quoted string of ours.

mod claims;
mod received_spf;
mod results;
mod words;

pub use claims::claims_id;
pub use received_spf::received_spf;
pub use results::{authentication_results, result_list};
