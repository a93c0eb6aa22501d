//! What a domain is to publish in the DNS for its mail to work and to be believed, and whether it does.
//!
//! Standards: RFC 5321 §5 (MX); RFC 7208 (SPF); RFC 6376 (DKIM); RFC 7489 (DMARC); RFC 8461 (MTA-STS); RFC 8460 (reports about TLS); RFC 7672
//! (DANE); RFC 6186 and 8314 (where programs find their services); RFC 8659 (who may issue certificates).
//!
//! The files: `site` (what of the server it depends on), `records` (what to publish), `check` (what is wrong with what is).

mod check;
mod records;
mod site;

pub(crate) use check::check;
pub(crate) use records::records;
pub(crate) use site::{Offer, Orders, Site, offers, policy, port};
