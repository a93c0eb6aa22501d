//! `vacation`: what the accounts of the world answer.

use super::world;

pub use crate::bindings::imports::vacation::{VacationError, VacationResponse};

fn available() -> Result<(), VacationError> {
    if world(|world| world.unavailable) {
        return Err(VacationError::Unavailable("told to be".to_owned()));
    }
    Ok(())
}

pub fn look_up(account: &str) -> Result<VacationResponse, VacationError> {
    available()?;
    let found = world(|world| world.directory.accounts.get(account).cloned());
    let set = found.unwrap_or_default().vacation;
    Ok(VacationResponse {
        is_enabled: set.enabled,
        from_unix_ms: set.from,
        to_unix_ms: set.to,
        subject: set.subject,
        text_body: set.text,
        html_body: set.html,
        version: set.version,
    })
}

pub fn addresses(account: &str) -> Result<Vec<String>, VacationError> {
    available()?;
    let found = world(|world| world.directory.accounts.get(account).cloned());
    let identities = found.unwrap_or_default().identities;
    Ok(std::iter::once(account.to_owned())
        .chain(identities)
        .collect())
}
