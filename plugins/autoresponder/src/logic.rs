//! Who is a person and what is for whom: decisions without a host. RFC 3834 §2, RFC 5230 §4.5 and §4.6.

/// Fields that name recipients.
pub const ADDRESSING: [&str; 6] = ["To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc"];
/// Fields whose values tell machines from people.
pub const TELLING: [&str; 5] = [
    "Auto-Submitted",
    "Precedence",
    "X-Auto-Response-Suppress",
    "Return-Path",
    "X-Autoreply",
];
/// Addresses of a field that are looked at.
const MAX_ADDRESSES: usize = 1000;
/// Characters of a subject that is quoted in another.
const MAX_SUBJECT: usize = 200;

/// Whether the owner of a local part is a machine, as far as names tell.
pub fn is_machine(local_part: &str) -> bool {
    const NAMES: [&str; 11] = [
        "mailer-daemon",
        "postmaster",
        "listserv",
        "majordomo",
        "mailman",
        "noreply",
        "no-reply",
        "no_reply",
        "donotreply",
        "do-not-reply",
        "bounces",
    ];
    let name = local_part.to_lowercase();
    NAMES.contains(&name.as_str())
        || name.starts_with("owner-")
        || name.starts_with("bounce-")
        || name.starts_with("bounces+")
        || ["-owner", "-request", "-bounces", "-bounce", "-relay"]
            .iter()
            .any(|end| name.ends_with(end))
}

/// Whether a field of this name is one that lists add (RFC 2369, RFC 2919).
pub fn is_of_list(name: &str) -> bool {
    let begin = name.get(..5).unwrap_or_default();
    begin.eq_ignore_ascii_case("List-") || name.eq_ignore_ascii_case("Mailing-List")
}

/// Whether a field of [`TELLING`] leaves it possible that a person wrote the message and wants answers.
pub fn is_human(name: &str, value: &str) -> bool {
    let value = value.trim().to_lowercase();
    let word = value
        .split([';', ' ', '\t', '('])
        .next()
        .unwrap_or_default();
    match name {
        // RFC 3834 §5.
        "Auto-Submitted" => word == "no",
        "Precedence" => !matches!(word, "bulk" | "list" | "junk" | "auto_reply"),
        "X-Auto-Response-Suppress" => value == "none",
        "Return-Path" => value != "<>",
        _ => false,
    }
}

/// Whether a field Content-Type is that of a report (RFC 6522), which nobody reads an answer to.
pub fn is_report(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("multipart/report")
}

/// Whether a moment is in a window, of which the end is not a part (RFC 8621 §8).
pub fn is_within(from: Option<u64>, to: Option<u64>, now: u64) -> bool {
    from.is_none_or(|from| from <= now) && to.is_none_or(|to| now < to)
}

/// Whether a text is as a pattern with `*` says.
pub fn matches(pattern: &str, text: &str) -> bool {
    let Some((begin, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(begin) else {
        return false;
    };
    let mut pieces: Vec<&str> = rest.split('*').collect();
    let end = pieces.pop().unwrap_or_default();
    for piece in pieces {
        match text.find(piece) {
            Some(at) => text = text.get(at + piece.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    text.ends_with(end)
}

/// A subject by a pattern; of the subject that is answered it has one line.
pub fn subject(pattern: &str, of: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let quoted: String = of.chars().map(plain).take(MAX_SUBJECT).collect();
    let whole = pattern.replace("{subject}", quoted.trim());
    whole.trim_end().to_owned()
}

/// The addresses of a field (RFC 5322 §3.4), in their order.
pub fn addresses(field: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut token = String::new();
    // Whether the address of the mailbox at hand stood in angle brackets: then the rest of it is a name.
    let mut angled = false;
    let (mut quoted, mut escaped, mut depth) = (false, false, 0_u32);
    for character in field.chars() {
        if found.len() >= MAX_ADDRESSES {
            break;
        }
        if escaped {
            escaped = false;
            if depth == 0 {
                token.push(character);
            }
            continue;
        }
        match character {
            '\\' if quoted || depth > 0 => escaped = true,
            '"' if depth == 0 => quoted = !quoted,
            _ if quoted => token.push(character),
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            '<' => {
                token.clear();
                angled = true;
            }
            '>' => take(&mut token, &mut found),
            ',' | ';' => {
                if !angled {
                    take(&mut token, &mut found);
                }
                token.clear();
                angled = false;
            }
            // What stands before is the name of a group.
            ':' => token.clear(),
            _ => token.push(character),
        }
    }
    if !angled {
        take(&mut token, &mut found);
    }
    found
}

fn take(token: &mut String, found: &mut Vec<String>) {
    let address = std::mem::take(token);
    let address = address.trim();
    if address.contains('@') {
        found.push(address.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_have_names() {
        for machine in [
            "MAILER-DAEMON",
            "owner-rust",
            "rust-request",
            "Rust-Bounces",
            "noreply",
            "bounces+42",
        ] {
            assert!(is_machine(machine), "{machine}");
        }
        for person in ["alice", "requests", "owner", "bob-owner-x", "bounce"] {
            assert!(!is_machine(person), "{person}");
        }
    }

    #[test]
    fn fields_tell_machines_from_people() {
        assert!(is_of_list("list-id") && is_of_list("List-Unsubscribe") && !is_of_list("Listen"));
        for (name, value, human) in [
            ("Auto-Submitted", "no", true),
            ("Auto-Submitted", "No (a person)", true),
            ("Auto-Submitted", "auto-replied; owner-email=x", false),
            ("Auto-Submitted", "", false),
            ("Precedence", "Bulk", false),
            ("Precedence", "first-class", true),
            ("X-Auto-Response-Suppress", "OOF, AutoReply", false),
            ("X-Auto-Response-Suppress", "None", true),
            ("Return-Path", "<>", false),
            ("Return-Path", "<bob@example.net>", true),
            ("X-Autoreply", "yes", false),
        ] {
            assert_eq!(is_human(name, value), human, "{name}: {value}");
        }
    }

    #[test]
    fn reports_have_their_type() {
        assert!(is_report("Multipart/Report; report-type=delivery-status"));
        assert!(!is_report("multipart/mixed; x=multipart/report"));
    }

    #[test]
    fn a_window_has_its_beginning_and_not_its_end() {
        assert!(is_within(None, None, 5));
        assert!(is_within(Some(5), Some(6), 5));
        assert!(!is_within(Some(6), None, 5));
        assert!(!is_within(None, Some(5), 5));
    }

    #[test]
    fn stars_are_any_characters() {
        for (pattern, text, fits) in [
            ("a@b.test", "a@b.test", true),
            ("*@b.test", "a@b.test", true),
            ("*@b.test", "a@c.b.test", false),
            ("news*@*.test", "news-42@b.test", true),
            ("*x*x", "ax", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn subjects_are_one_line() {
        assert_eq!(
            subject("Auto: {subject}", "Lunch?\r\nBcc: x"),
            "Auto: Lunch?  Bcc: x"
        );
        assert_eq!(subject("Auto: {subject}", ""), "Auto:");
        assert_eq!(subject("{subject}", &"ä".repeat(300)).chars().count(), 200);
    }

    #[test]
    fn addresses_are_found_in_any_form() {
        let found = addresses(
            "Alice <alice@example.org>, bob@example.org (Bob, \\) really), \"Carol, Dr. <x@y.test>\" <carol@example.org>,\
             Team: dave@example.org, <erin@example.org>;, undisclosed:;",
        );
        let wanted = [
            "alice@example.org",
            "bob@example.org",
            "carol@example.org",
            "dave@example.org",
            "erin@example.org",
        ];
        assert_eq!(found, wanted);
        assert!(addresses("nobody").is_empty());
        assert_eq!(addresses(&"a@b.test,".repeat(3000)).len(), MAX_ADDRESSES);
    }
}
