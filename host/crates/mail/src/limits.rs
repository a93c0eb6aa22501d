//! Sizes that the standards fix, in octets unless said otherwise (RFC 5321 §4.5.3.1).

/// The longest local part. RFC 5321 §4.5.3.1.1 asks for 64 at least, and §4.5.3.1 for more where it can be had: the
/// return addresses of mailing lists, which carry their subscriber's address, are longer.
pub const LOCAL_PART: usize = 200;
/// RFC 5321 §4.5.3.1.2: the longest domain.
pub const DOMAIN: usize = 255;
/// RFC 1035 §2.3.4: the longest label of a domain.
pub const LABEL: usize = 63;
/// RFC 5321 §4.5.3.1.3: the longest path, with its brackets and source route.
pub const PATH: usize = 256;
/// RFC 5321 §4.5.3.1.4: the longest command line, CRLF included, before extensions add to it.
pub const COMMAND_LINE: usize = 512;
/// RFC 5321 §4.5.3.1.5: the longest reply line, code and CRLF included.
pub const REPLY_LINE: usize = 512;
/// RFC 5321 §4.5.3.1.6: the longest line of content, CRLF included, that a sender may use.
pub const TEXT_LINE: usize = 1000;
/// RFC 5321 §4.5.3.1.8: the fewest recipients that a server must take.
pub const RECIPIENTS: usize = 100;
/// RFC 4954 §4: the longest line of an AUTH exchange, CRLF included.
pub const AUTH_LINE: usize = 12_288;
/// RFC 3461 §4.4: the longest value of ENVID=, encoded.
pub const ENVELOPE_ID: usize = 100;
/// RFC 3461 §4.2: the longest value of ORCPT=, encoded.
pub const ORIGINAL_RECIPIENT: usize = 500;
