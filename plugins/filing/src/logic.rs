//! Which mailbox a message belongs into: decisions without a host. RFC 5233 (subaddresses).

use crate::settings::Settings;

/// The longest detail that becomes a mailbox's name.
const LONGEST_DETAIL: usize = 64;

/// The mailbox that a recipient's local part asks for; none for INBOX.
///
/// The detail comes from whoever wrote the address, so it is held to letters, digits and a few marks, names one
/// level only, and reaches none of the mailboxes that have a purpose of their own.
pub fn wanted_mailbox(settings: &Settings, local_part: &str) -> Option<String> {
    let at = local_part
        .find(|c| settings.separators.contains(c))
        .filter(|at| *at > 0)?;
    let detail: String = local_part.get(at..)?.chars().skip(1).collect();
    let fits = !detail.is_empty()
        && detail.len() <= LONGEST_DETAIL
        && detail
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '+'))
        && !detail.starts_with('.');
    if !fits {
        return None;
    }
    let name = format!("{}{detail}", settings.prefix);
    let kept_out = settings
        .never
        .iter()
        .any(|never| never.to_lowercase() == name.to_lowercase());
    (!kept_out).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_names_a_mailbox() {
        let settings = Settings {
            prefix: "Lists/".into(),
            ..Settings::default()
        };
        assert_eq!(
            wanted_mailbox(&settings, "alice+rust").as_deref(),
            Some("Lists/rust")
        );
        assert_eq!(
            wanted_mailbox(&settings, "alice+größe").as_deref(),
            Some("Lists/größe")
        );
        assert_eq!(wanted_mailbox(&settings, "alice"), None);
    }

    #[test]
    fn strangers_reach_no_mailbox_with_a_purpose_and_no_path() {
        let settings = Settings::default();
        for local_part in [
            "alice+trash",
            "alice+INBOX",
            "alice+",
            "alice+a/b",
            "alice+../x",
            "alice+a\u{0}",
            "+x",
        ] {
            assert_eq!(wanted_mailbox(&settings, local_part), None, "{local_part}");
        }
        assert_eq!(
            wanted_mailbox(&settings, &format!("alice+{}", "x".repeat(65))),
            None
        );
    }
}
