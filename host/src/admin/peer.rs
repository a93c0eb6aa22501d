//! Who asks over the administration socket: the user whose process is at its other end, as the kernel knows it.

use tokio::net::UnixStream;

/// The accounts of this machine.
const ACCOUNTS: &str = "/etc/passwd";

/// The user's name, or `uid N` where that has none here.
pub(super) fn user(stream: &UnixStream) -> String {
    match stream.peer_cred() {
        Ok(peer) => told(peer.uid()),
        Err(_) => "unknown".to_owned(),
    }
}

/// The user whose process this is.
pub(crate) fn own_user() -> String {
    told(rustix::process::getuid().as_raw())
}

fn told(uid: u32) -> String {
    // Accounts of other sources than the file are told by their number: the history is no place to wait for a directory.
    let accounts = std::fs::read_to_string(ACCOUNTS).unwrap_or_default();
    name(&accounts, uid).map_or_else(|| format!("uid {uid}"), ToOwned::to_owned)
}

/// The name of a user by passwd(5): `name:password:UID:…`.
fn name(accounts: &str, uid: u32) -> Option<&str> {
    let uid = uid.to_string();
    let mut lines = accounts.lines().map(|line| line.split(':'));
    lines.find_map(|mut parts| {
        let name = parts.next().filter(|name| !name.is_empty())?;
        (parts.nth(1) == Some(uid.as_str())).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_told_by_name() {
        let accounts = "root:x:0:0:root:/root:/bin/sh\n\n:x:7:\nbroken\nmail:x:8:8::/var/mail:\n";
        assert_eq!(name(accounts, 0), Some("root"));
        assert_eq!(name(accounts, 8), Some("mail"));
        assert_eq!(name(accounts, 7), None);
        assert_eq!(name(accounts, 80), None);
    }

    #[tokio::test]
    async fn the_other_end_is_who_made_it() {
        let (one, _other) = UnixStream::pair().unwrap();
        let expected = one.peer_cred().unwrap().uid();
        let told = user(&one);
        assert!(
            told != "unknown" && (expected != 0 || told == "root"),
            "{told}"
        );
    }
}
