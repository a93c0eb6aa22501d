//! Protocol dialogues as data: text in the RFCs' own `C:` and `S:` form, and a runner that holds a session to it.
//!
//! A file is one behaviour. It runs straight into a [`Session`](waxwing_session::Session), cut at every byte, cut at
//! random, and over any [`Wire`], for instance TCP to the real server. Only tests depend on this crate.
//!
//! ```text
//! # The title: what this shows, with the RFC's section.
//! % listener submission          a directive, for whoever sets the scene
//! S: +OK <*>                     a line from the server; <*> is any run of characters
//! S* * LIST <*>                  any number of such lines; an S: line or X: close must follow
//! C: USER alice@waxwing.test     a line to the server; consecutive ones are sent as one (pipelining)
//! C= raw\r\n\x00                 octets to the server as they stand: \r \n \t \0 \\ \xNN
//! A: MailFrom <*>                the Debug text of an ask that the session must have made by now
//! T: tls                         the TLS handshake happens here
//! W: 10m                         time passes
//! X: close                       the server closes here; also hangup, wake, shutdown, cut (shutdown, crowded, excess)
//! ```
//!
//! With `% side client` before the first line it is a client that is held to the dialogue: its lines are `C:` and `C*`, and
//! what it is sent is `S:` and `S=`. Mismatches then speak of the session as `S:`. `X: hangup` is the server's.
//!
//! `{base64:…}` (with escapes inside) and `{repeat:1000:x}` work in `C:`, `C=` and `S:` lines.
//!
//! Invariants: every line that the server sends is either expected or a mismatch; a mismatch names file and line.

mod bless;
mod escape;
mod folder;
mod memory;
mod parse;
mod pattern;
mod run;

pub use bless::bless;
pub use escape::{escape, unescape};
pub use folder::{Report, check_folder, dialogues_in};
pub use memory::{SessionWire, Split, World};
pub use parse::{Dialogue, Line, LineKind};
pub use pattern::Pattern;
pub use run::{Mismatch, Received, Wire, run};
