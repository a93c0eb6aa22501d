//! Whether a notification is wanted, and by whom.

use super::Action;

/// What `NOTIFY` asked for a recipient (RFC 3461 §4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asked {
    /// There was a `NOTIFY`; without one failures are told, and delays may be.
    pub given: bool,
    /// `NEVER`: the others are not set.
    pub never: bool,
    /// `SUCCESS`
    pub success: bool,
    /// `FAILURE`
    pub failure: bool,
    /// `DELAY`
    pub delay: bool,
}

/// Whether a recipient's sender wants to be told. `tell_delays`: whether delays are told to those who did not say
/// (RFC 3461 §4.1 leaves that to the server).
pub fn is_wanted(action: Action, asked: Asked, tell_delays: bool) -> bool {
    if asked.never {
        return false;
    }
    match action {
        Action::Failed => !asked.given || asked.failure,
        Action::Delayed => {
            if asked.given {
                asked.delay
            } else {
                tell_delays
            }
        }
        // RFC 3461 §5.2.2, §5.2.7: only if asked for.
        Action::Delivered | Action::Relayed | Action::Expanded => asked.success,
    }
}

/// What becomes of failures of mail with the null reverse path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DoubleBounce {
    /// They are written into the ledger and nowhere else.
    #[default]
    Drop,
    /// This address is told; failures to tell it are dropped.
    Tell(String),
}

/// The address that a notification goes to; none: nobody is told. `sender` is the reverse path without `<>`,
/// `recipients` are those that it is about.
pub fn addressee<'a>(
    action: Action,
    sender: &'a str,
    recipients: &[&str],
    double_bounce: &'a DoubleBounce,
) -> Option<&'a str> {
    if !sender.is_empty() {
        return Some(sender);
    }
    // RFC 5321 §4.5.5, RFC 3464 §2: a notification is never answered with a notification.
    let DoubleBounce::Tell(postmaster) = double_bounce else {
        return None;
    };
    let itself = recipients
        .iter()
        .any(|recipient| recipient.eq_ignore_ascii_case(postmaster));
    (action == Action::Failed && !itself).then_some(postmaster)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_unless_refused() {
        let none = Asked::default();
        let success = Asked {
            given: true,
            success: true,
            ..none
        };
        let never = Asked {
            given: true,
            never: true,
            ..none
        };
        let wanted = |asked| {
            [Action::Failed, Action::Delayed, Action::Relayed].map(|a| is_wanted(a, asked, true))
        };
        assert_eq!(wanted(none), [true, true, false]);
        assert_eq!(wanted(success), [false, false, true]);
        assert_eq!(wanted(never), [false, false, false]);
        assert!(!is_wanted(Action::Delayed, none, false));
        let delay = Asked {
            given: true,
            delay: true,
            ..none
        };
        assert!(
            is_wanted(Action::Delayed, delay, false) && !is_wanted(Action::Failed, delay, false)
        );
    }

    #[test]
    fn the_null_path_is_never_answered() {
        let tell = DoubleBounce::Tell("postmaster@us.example".to_owned());
        let to = |action, sender, recipients: &[&str], policy| {
            addressee(action, sender, recipients, policy).map(str::to_owned)
        };
        assert_eq!(
            to(Action::Delayed, "a@b.example", &["x@y.example"], &tell).as_deref(),
            Some("a@b.example")
        );
        assert_eq!(
            to(Action::Failed, "", &["x@y.example"], &DoubleBounce::Drop),
            None
        );
        assert_eq!(
            to(Action::Failed, "", &["x@y.example"], &tell).as_deref(),
            Some("postmaster@us.example")
        );
        assert_eq!(to(Action::Delayed, "", &["x@y.example"], &tell), None);
        assert_eq!(
            to(Action::Failed, "", &["Postmaster@us.example"], &tell),
            None,
            "a triple bounce"
        );
    }
}
