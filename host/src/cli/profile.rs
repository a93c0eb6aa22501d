//! `waxwing account profile`: how a phone gets its settings.

use serde_json::json;
use waxwing_mail::Address;

use super::{Common, ask, load, print as form, put};
use crate::admin::{Exit, Failure, QuotaChange, Request};
use crate::discovery::{profile_link, qr};

pub(super) fn print(common: &Common, address: String, svg: bool) -> Result<(), Failure> {
    // Whoever scans a code of an account that is not there finds out late.
    let quota = QuotaChange::default();
    let known = ask(common, &Request::AccountQuota { address, quota })?;
    let name = form::text(&known, "address");
    let parsed = Address::parse(&name)
        .map_err(|error| Failure::data(format!("{name:?} is no address: {error}")))?;
    let link = profile_link(&load(common)?, &parsed).ok_or_else(|| {
        Failure::new(
            Exit::Configuration,
            "no listener speaks http with TLS: profiles are served there",
        )
    })?;
    let code = if svg {
        qr::svg(&link)
    } else {
        qr::terminal(&link)
    };
    let code = code.unwrap_or_default();
    put(&if common.json {
        form::json(&json!({ "address": name, "link": link, "svg": qr::svg(&link) }))
    } else if svg {
        code
    } else {
        format!("{code}\n{link}\n")
    });
    Ok(())
}
