//! What is said to who is too slow, too many or too much, of all sessions together.

use waxwing_mail::Reply;

use super::reply;

/// Closes: content came below the rate that is asked for.
#[must_use]
pub fn too_slow() -> Reply {
    reply(421, 4, 2, "The content comes too slowly; closing")
}

/// Closes: nobody logged in, and the session went on for as long as that may.
#[must_use]
pub fn session_too_long() -> Reply {
    reply(
        421,
        4,
        2,
        "This session has lasted long enough; connect again",
    )
}

/// Closes: others need the room. RFC 3463 §3.5: congestion.
#[must_use]
pub fn crowded() -> Reply {
    reply(421, 4, 5, "Too many sessions; closing those that are idle")
}

/// Closes: RFC 3463 §3.8, a matter of policy.
#[must_use]
pub fn excess() -> Reply {
    reply(421, 7, 0, "Too much from your network; try again later")
}

/// To RCPT: RFC 3463 §3.6 (X.5.3).
#[must_use]
pub fn too_many_recipients_lately() -> Reply {
    reply(
        452,
        5,
        3,
        "Too many recipients from your network; try again later",
    )
}
