//! The MIME parts of a message in a row, decoded when they are asked for.

use std::borrow::Cow;
use std::sync::OnceLock;

use waxwing_message::{Body, Part, Span, html_text};

/// A part of a message.
#[derive(Debug)]
pub(crate) struct PartView {
    parent: Option<u32>,
    depth: u32,
    content_type: String,
    part: Part,
    source: OnceLock<Option<String>>,
    text: OnceLock<Option<String>>,
}

impl PartView {
    /// The number of the part that holds it; none for the message itself.
    #[must_use]
    pub(crate) fn parent(&self) -> Option<u32> {
        self.parent
    }

    /// How deep it lies; 0 for the message itself.
    #[must_use]
    pub(crate) fn depth(&self) -> u32 {
        self.depth
    }

    /// Lower-case `type/subtype`; `text/plain` where none is given (RFC 2045 §5.2).
    #[must_use]
    pub(crate) fn content_type(&self) -> &str {
        &self.content_type
    }

    /// A parameter of Content-Type.
    #[must_use]
    pub(crate) fn content_type_param(&self, name: &str) -> Option<&str> {
        self.part.param(name)
    }

    /// Content-Disposition in lower case, if it is given (RFC 2183).
    #[must_use]
    pub(crate) fn disposition(&self) -> Option<String> {
        let disposition = self.part.disposition.to_ascii_lowercase();
        (!disposition.is_empty()).then_some(disposition)
    }

    /// The file name of Content-Disposition, or else the name of Content-Type.
    #[must_use]
    pub(crate) fn filename(&self) -> Option<&str> {
        self.part
            .disposition_params
            .iter()
            .find(|param| param.name.eq_ignore_ascii_case("filename"))
            .map(|param| param.value.as_str())
            .or_else(|| self.part.param("name"))
    }

    /// Content-Transfer-Encoding in lower case; `7bit` where none is given (RFC 2045 §6.1).
    #[must_use]
    pub(crate) fn transfer_encoding(&self) -> String {
        match self.part.encoding.as_str() {
            "" => "7bit".to_owned(),
            encoding => encoding.to_ascii_lowercase(),
        }
    }

    /// Whether it is an attachment: said to be one, or neither text nor a container.
    #[must_use]
    pub(crate) fn is_attachment(&self) -> bool {
        self.disposition().as_deref() == Some("attachment")
            || !["text/", "multipart/"]
                .iter()
                .any(|kind| self.content_type.starts_with(kind))
    }

    /// Where its own header lies.
    #[must_use]
    pub(crate) fn header(&self) -> Span {
        self.part.header
    }

    /// Where its encoded body lies.
    #[must_use]
    pub(crate) fn body(&self) -> Span {
        self.part.body
    }

    /// Whether it is HTML.
    #[must_use]
    pub(crate) fn is_html(&self) -> bool {
        self.part.is("text", "html")
    }

    /// The body without its transfer encoding; that of a multipart as it lies.
    #[must_use]
    pub(crate) fn decoded<'a>(&self, raw: &'a [u8]) -> Cow<'a, [u8]> {
        self.part.decoded(raw)
    }

    /// The decoded text as its author wrote it, HTML with its tags; none if it is no text.
    pub(crate) fn source(&self, raw: &[u8]) -> Option<&str> {
        self.source
            .get_or_init(|| self.part.source_text(raw))
            .as_deref()
    }

    /// The decoded text, HTML reduced to what a reader sees; none if it is no text.
    pub(crate) fn text(&self, raw: &[u8]) -> Option<&str> {
        if !self.is_html() {
            return self.source(raw);
        }
        self.text
            .get_or_init(|| self.source(raw).map(html_text))
            .as_deref()
    }
}

/// The parts of a tree in the order in which they stand. The depth of the tree is bounded by whoever read it;
/// this walk does not recurse.
pub(super) fn flatten(root: Part) -> Vec<PartView> {
    let mut flat: Vec<PartView> = Vec::new();
    let mut ahead = vec![(root, None, 0)];
    while let Some((mut part, parent, depth)) = ahead.pop() {
        let number = u32::try_from(flat.len()).ok();
        match std::mem::take(&mut part.content) {
            Body::Leaf => {}
            Body::Multipart(parts) => {
                ahead.extend(
                    parts
                        .into_iter()
                        .rev()
                        .map(|child| (child, number, depth + 1)),
                );
                // What is no leaf any more must not be taken for text.
                part.content = Body::Multipart(Vec::new());
            }
            Body::Message {
                envelope,
                part: inner,
            } => {
                ahead.push((*inner, number, depth + 1));
                part.content = Body::Message {
                    envelope,
                    part: Box::default(),
                };
            }
        }
        flat.push(PartView {
            parent,
            depth,
            content_type: content_type(&part),
            part,
            source: OnceLock::new(),
            text: OnceLock::new(),
        });
    }
    flat
}

fn content_type(part: &Part) -> String {
    if part.media_type.is_empty() {
        return "text/plain".to_owned();
    }
    format!("{}/{}", part.media_type, part.media_subtype).to_ascii_lowercase()
}
