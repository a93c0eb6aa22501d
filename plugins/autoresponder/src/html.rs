//! HTML that a user wrote as an answer, as a text for readers that show none.

/// Elements that end a line.
const BREAKS: [&str; 10] = ["br", "p", "div", "li", "tr", "h1", "h2", "h3", "ul", "ol"];
/// Elements of which nothing is shown.
const HIDDEN: [&str; 3] = ["style", "script", "head"];
const ENTITIES: [(&str, &str); 6] = [
    ("&nbsp;", " "),
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&quot;", "\""),
    ("&#39;", "'"),
    ("&amp;", "&"),
];

/// What a reader sees of it, roughly.
pub fn text(html: &str) -> String {
    let mut shown = String::with_capacity(html.len());
    let mut hidden: Option<String> = None;
    let mut rest = html;
    while let Some((before, behind)) = rest.split_once('<') {
        if hidden.is_none() {
            push(&mut shown, before);
        }
        let (tag, after) = behind.split_once('>').unwrap_or((behind, ""));
        rest = after;
        let closes = tag.starts_with('/');
        let name = tag.trim_start_matches('/');
        let end = name.find(|c: char| !c.is_ascii_alphanumeric());
        let name = name.get(..end.unwrap_or(name.len())).unwrap_or_default();
        let name = name.to_ascii_lowercase();
        match &hidden {
            Some(until) if closes && *until == name => hidden = None,
            Some(_) => {}
            None if !closes && HIDDEN.contains(&name.as_str()) => hidden = Some(name),
            None if BREAKS.contains(&name.as_str()) => line(&mut shown),
            None => {}
        }
    }
    if hidden.is_none() {
        push(&mut shown, rest);
    }
    for (entity, character) in ENTITIES {
        shown = shown.replace(entity, character);
    }
    shown.trim().to_owned()
}

/// Line ends of HTML are spaces.
fn push(shown: &mut String, piece: &str) {
    for character in piece.chars() {
        let space = character.is_ascii_whitespace();
        if !space {
            shown.push(character);
        } else if !shown.ends_with([' ', '\n']) {
            shown.push(' ');
        }
    }
}

/// One empty line at most.
fn line(shown: &mut String) {
    while shown.ends_with(' ') {
        shown.pop();
    }
    if !shown.ends_with("\n\n") {
        shown.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn paragraphs_are_lines() {
        let html = "<html><head><style>p { color: red }</style></head>\n<body><p>Back on\n  <b>Monday</b>.</p><p>Alice &amp; Bob<br>&lt;away&gt;</p></body></html>";
        assert_eq!(text(html), "Back on Monday.\n\nAlice & Bob\n<away>");
    }

    #[test]
    fn what_does_not_end_ends_with_it() {
        assert_eq!(text("a <b"), "a");
        assert_eq!(text("<script>x"), "");
        assert_eq!(text("plain"), "plain");
    }
}
