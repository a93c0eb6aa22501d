//! Every reply of the SMTP server, one function each.
//!
//! Standards: RFC 5321 §4.2 (codes), RFC 3463 and RFC 5248 (enhanced status), RFC 4954 §6, RFC 3207 §4, RFC 2033.
//! Invariants: no two have the same text; none tells the peer more than it needs.
