//! The body of a message as parts to be shown one after the other, and parts to be offered (RFC 8621 §4.1.4).

use waxwing_message::{Body, Part};

/// A part and what is in it. Messages inside are not looked into.
#[derive(Debug)]
pub(super) struct Node<'p> {
    /// Its number among the others, as IMAP has it (RFC 3501 §6.4.5); none of a multipart.
    pub(super) id: Option<String>,
    pub(super) part: &'p Part,
    pub(super) children: Vec<Node<'p>>,
}

impl<'p> Node<'p> {
    /// The tree of a message.
    pub(super) fn of(root: &'p Part) -> Self {
        match &root.content {
            Body::Multipart(_) => Self::at(root, ""),
            _ => Self::at(root, "1"),
        }
    }

    fn at(part: &'p Part, number: &str) -> Self {
        let Body::Multipart(parts) = &part.content else {
            return Self {
                id: Some(number.to_owned()),
                part,
                children: Vec::new(),
            };
        };
        let children = (1..).zip(parts).map(|(nth, child)| {
            let dot = if number.is_empty() { "" } else { "." };
            Self::at(child, &format!("{number}{dot}{nth}"))
        });
        Self {
            id: None,
            part,
            children: children.collect(),
        }
    }

    /// The parts that are no multiparts, in order.
    pub(super) fn leaves(&self) -> Vec<&Self> {
        let mut leaves = Vec::new();
        self.gather(&mut leaves);
        leaves
    }

    fn gather<'s>(&'s self, leaves: &mut Vec<&'s Self>) {
        if self.id.is_some() {
            leaves.push(self);
        }
        for child in &self.children {
            child.gather(leaves);
        }
    }

    /// `type/subtype` in small letters.
    pub(super) fn media_type(&self) -> String {
        let (kind, subtype) = (&self.part.media_type, &self.part.media_subtype);
        format!("{kind}/{subtype}").to_ascii_lowercase()
    }

    /// RFC 8621 §4.1.4: the file name, or for old programs the name of its type.
    pub(super) fn name(&self) -> Option<&str> {
        let filename = self.part.disposition_params.iter();
        let mut filename = filename.filter(|param| param.name == "filename");
        let name = filename.next().map(|param| param.value.as_str());
        name.or_else(|| self.part.param("name"))
    }

    fn is_text(&self) -> bool {
        self.part.media_type.eq_ignore_ascii_case("text")
    }

    /// Whether it is shown where it stands.
    fn is_media(&self) -> bool {
        let shown = ["image", "audio", "video"];
        let is = |kind: &&str| self.part.media_type.eq_ignore_ascii_case(kind);
        shown.iter().any(is)
    }
}

/// What is shown and what is offered.
#[derive(Debug, Default)]
pub(super) struct Flat<'t> {
    pub(super) text: Vec<&'t Node<'t>>,
    pub(super) html: Vec<&'t Node<'t>>,
    pub(super) attachments: Vec<&'t Node<'t>>,
}

impl<'t> Flat<'t> {
    pub(super) fn of(root: &'t Node<'t>) -> Self {
        let mut flat = Self::default();
        let both = Lists {
            text: true,
            html: true,
        };
        flat.read(std::slice::from_ref(root), "mixed", false, both);
        flat
    }

    /// Whether there is something that a reader may want to keep.
    pub(super) fn has_attachment(&self) -> bool {
        let offered = |node: &&&Node<'_>| !node.part.disposition.eq_ignore_ascii_case("inline");
        self.attachments.iter().any(|node| offered(&node))
    }

    /// The algorithm of RFC 8621 §4.1.4, whose names it has. Its lists that are null are those that `into` leaves out.
    fn read(&mut self, parts: &'t [Node<'t>], multipart: &str, in_alternative: bool, into: Lists) {
        let (text_length, html_length) = (self.text.len(), self.html.len());
        let alternative = multipart == "alternative";
        let mut into = into;
        for (nth, node) in parts.iter().enumerate() {
            if node.id.is_none() {
                let inner = node.part.media_subtype.to_ascii_lowercase();
                let in_alternative = in_alternative || inner == "alternative";
                self.read(&node.children, &inner, in_alternative, into);
                continue;
            }
            let (plain, html) = (node.part.is("text", "plain"), node.part.is("text", "html"));
            let named = node.name().is_some_and(|name| !name.is_empty());
            let inline = !node.part.is_attachment()
                && (plain || html || node.is_media())
                && (nth == 0 || (multipart != "related" && (node.is_media() || !named)));
            if !inline {
                self.attachments.push(node);
                continue;
            }
            if alternative {
                match (plain, html) {
                    (true, _) => self.text_if(into, node),
                    (_, true) => self.html_if(into, node),
                    _ => self.attachments.push(node),
                }
                continue;
            }
            if in_alternative {
                into.html &= !plain;
                into.text &= !html;
            }
            self.text_if(into, node);
            self.html_if(into, node);
            // Deviation from the algorithm, not from what attachments are: one that is in neither list is not lost.
            let nowhere = !into.text && !into.html;
            if nowhere || (!(into.text && into.html) && node.is_media()) {
                self.attachments.push(node);
            }
        }
        if alternative && into.text && into.html {
            let found = (self.text.len() > text_length, self.html.len() > html_length);
            match found {
                (false, true) => {
                    let html = self.html.get(html_length..).unwrap_or_default();
                    self.text.extend_from_slice(html);
                }
                (true, false) => {
                    let text = self.text.get(text_length..).unwrap_or_default();
                    self.html.extend_from_slice(text);
                }
                _ => {}
            }
        }
    }

    fn text_if(&mut self, into: Lists, node: &'t Node<'t>) {
        if into.text {
            self.text.push(node);
        }
    }

    fn html_if(&mut self, into: Lists, node: &'t Node<'t>) {
        if into.html {
            self.html.push(node);
        }
    }
}

/// Which lists a part may be put into.
#[derive(Debug, Clone, Copy)]
struct Lists {
    text: bool,
    html: bool,
}

/// The charset that the text of a part is in, as its header says or leaves to be known (RFC 8621 §4.1.4).
pub(super) fn charset<'p>(node: &Node<'p>) -> Option<&'p str> {
    let named = node.part.param("charset");
    named.or_else(|| node.is_text().then_some("us-ascii"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `type[,disposition][:name][(children)]`, each part with a name for the test in front of it.
    fn flat(raw: &str) -> [Vec<String>; 3] {
        let raw = raw.replace('\n', "\r\n");
        let root = Part::read(raw.as_bytes());
        let tree = Node::of(&root);
        let flat = Flat::of(&tree);
        [flat.text, flat.html, flat.attachments].map(|list| {
            let body = |node: &&Node<'_>| {
                let text = String::from_utf8_lossy(node.part.body.of(raw.as_bytes()));
                text.chars().next().unwrap_or('-').to_string()
            };
            list.iter().map(body).collect()
        })
    }

    fn multipart(kind: &str, boundary: &str, parts: &[String]) -> String {
        let mut text = format!("Content-Type: multipart/{kind}; boundary={boundary}\n\n");
        for part in parts {
            text.push_str(&format!("--{boundary}\n{part}\n"));
        }
        text.push_str(&format!("--{boundary}--"));
        text
    }

    fn leaf(kind: &str, disposition: &str, body: &str) -> String {
        let disposition = match disposition {
            "" => String::new(),
            other => format!("Content-Disposition: {other}\n"),
        };
        format!("Content-Type: {kind}\n{disposition}\n{body}")
    }

    fn sorted<const N: usize>(letters: [&str; N]) -> Vec<Vec<String>> {
        letters
            .iter()
            .map(|word| word.chars().map(String::from).collect())
            .collect()
    }

    #[test]
    fn the_example_of_rfc_8621() {
        let inner = multipart(
            "mixed",
            "m3",
            &[
                leaf("text/plain", "inline", "B"),
                leaf("image/jpeg", "inline", "C"),
                leaf("text/plain", "inline", "D"),
            ],
        );
        let related = multipart(
            "related",
            "r",
            &[leaf("text/html", "", "E"), leaf("image/jpeg", "", "F")],
        );
        let middle = multipart(
            "mixed",
            "m2",
            &[
                multipart("alternative", "a", &[inner, related]),
                leaf("image/jpeg", "attachment", "G"),
                leaf("application/x-excel", "", "H"),
                leaf("message/rfc822", "", "J: x\n\ny"),
            ],
        );
        let whole = multipart(
            "mixed",
            "m1",
            &[
                leaf("text/plain", "inline", "A"),
                middle,
                leaf("text/plain", "inline", "K"),
            ],
        );
        assert_eq!(flat(&whole).to_vec(), sorted(["ABCDK", "AEK", "CFGHJ"]));
    }

    #[test]
    fn alternatives_of_which_one_is_missing() {
        let only = |kind: &str| multipart("alternative", "a", &[leaf(kind, "", "X")]);
        assert_eq!(flat(&only("text/html")).to_vec(), sorted(["X", "X", ""]));
        assert_eq!(flat(&only("text/plain")).to_vec(), sorted(["X", "X", ""]));
        assert_eq!(flat(&only("text/calendar")).to_vec(), sorted(["", "", "X"]));
    }

    #[test]
    fn names_and_places_tell_attachments() {
        let named = leaf("text/plain; name=a.txt", "", "N");
        let mixed = |parts: &[String]| flat(&multipart("mixed", "m", parts)).to_vec();
        assert_eq!(
            mixed(&[named.clone(), leaf("text/plain", "", "P")]),
            sorted(["NP", "NP", ""])
        );
        assert_eq!(
            mixed(&[leaf("text/plain", "", "P"), named]),
            sorted(["P", "P", "N"])
        );
        assert_eq!(
            flat(&leaf("image/png", "", "I")).to_vec(),
            sorted(["I", "I", ""])
        );
        assert_eq!(
            flat(&leaf("image/png", "attachment", "I")).to_vec(),
            sorted(["", "", "I"])
        );
    }

    #[test]
    fn parts_have_the_numbers_of_imap() {
        let inner = multipart(
            "alternative",
            "a",
            &[leaf("text/plain", "", "1"), leaf("text/html", "", "2")],
        );
        let whole = multipart(
            "mixed",
            "m",
            &[inner, leaf("message/rfc822", "", "A: b\n\nc")],
        )
        .replace('\n', "\r\n");
        let root = Part::read(whole.as_bytes());
        let tree = Node::of(&root);
        let ids: Vec<&str> = tree
            .leaves()
            .iter()
            .filter_map(|node| node.id.as_deref())
            .collect();
        assert_eq!(ids, ["1.1", "1.2", "2"]);
        let plain = Part::read(b"A: b\r\n\r\nc");
        assert_eq!(Node::of(&plain).id.as_deref(), Some("1"));
    }
}
