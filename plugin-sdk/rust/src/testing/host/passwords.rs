//! `passwords`, which cost nothing here: a hash is the password behind `plain:`.

use super::world;

pub use crate::bindings::imports::passwords::PasswordsError;

fn available() -> Result<(), PasswordsError> {
    if world(|world| world.unavailable) {
        return Err(PasswordsError::Unavailable("told to be".to_owned()));
    }
    Ok(())
}

pub fn hash(password: &str) -> Result<String, PasswordsError> {
    available()?;
    if password.len() > 1024 {
        return Err(PasswordsError::TooLong);
    }
    Ok(format!("plain:{password}"))
}

pub fn verify(password: &str, stored: &str) -> Result<bool, PasswordsError> {
    available()?;
    stored
        .strip_prefix("plain:")
        .map(|stored| stored == password)
        .ok_or_else(|| PasswordsError::Unsupported("no hash of the test kit".to_owned()))
}
