//! `message`: the content, and the patterns that are looked for in it.
//!
//! A part's handle is its number and, in the upper half, the call that it was given in: of use in no other.

mod part;
mod patterns;

use std::ops::Range;

use wasmtime::Result;
use wasmtime::component::Resource;

use self::patterns::hit;
use crate::bindings::waxwing::policy::message::{
    Header, Hit, Host, HostMessage, Message, Part, PatternSet, Url,
};
use crate::fault::Fault;
use crate::sight::Sight;
use crate::state::{MAX_PART_HANDLES, State};
use crate::view::{self, FieldView, MessageView, head};

pub(super) const MAX_READ: u64 = 256 << 10;
const MAX_NAMED: usize = 100;
const MAX_URL: usize = 2048;
const MAX_PER_PATTERN: usize = 100;

impl Host for State {}

impl HostMessage for State {
    fn size(&mut self, _: Resource<Message>) -> Result<u64> {
        self.host_call("message.size", (), |state, ()| {
            Ok(wide(state.message()?.raw().len()))
        })
    }

    fn body_offset(&mut self, _: Resource<Message>) -> Result<u64> {
        self.host_call("message.body-offset", (), |state, ()| {
            Ok(wide(state.message()?.body_offset()))
        })
    }

    fn header_count(&mut self, _: Resource<Message>) -> Result<u32> {
        self.host_call("message.header-count", (), |state, ()| {
            Ok(narrow(state.message()?.fields().len()))
        })
    }

    fn header_at(&mut self, _: Resource<Message>, index: u32) -> Result<Option<Header>> {
        self.host_call("message.header-at", index, |state, index| {
            let view = state.message()?.clone();
            Ok(view
                .fields()
                .get(at(*index))
                .filter(|field| state.sight().field(&field.name))
                .map(|field| state.header(&view, *index, field)))
        })
    }

    fn headers(&mut self, _: Resource<Message>, name: String) -> Result<Vec<Header>> {
        self.host_call("message.headers", name, |state, name| {
            let view = state.message()?.clone();
            let sight = state.sight();
            Ok(view
                .named(name)
                .filter(|_| sight.field(name))
                .take(MAX_NAMED)
                .map(|(index, field)| state.header(&view, index, field))
                .collect())
        })
    }

    fn first(&mut self, _: Resource<Message>, name: String) -> Result<Option<String>> {
        self.host_call("message.first", name, |state, name| {
            let view = state.message()?.clone();
            Ok(state.field(&view, name))
        })
    }

    fn has(&mut self, _: Resource<Message>, names: Vec<String>) -> Result<Vec<bool>> {
        self.host_call("message.has", names, |state, names| {
            let view = state.message()?.clone();
            let sight = state.sight();
            let has = |name: &String| sight.field(name) && view.named(name).next().is_some();
            Ok(names.iter().map(has).collect())
        })
    }

    fn raw_header(&mut self, _: Resource<Message>, index: u32) -> Result<Option<Vec<u8>>> {
        self.host_call("message.raw-header", index, |state, index| {
            let view = state.message()?.clone();
            let sight = state.sight();
            let seen = |field: &&FieldView| sight.field(&field.name);
            let Some(field) = view.fields().get(at(*index)).filter(seen) else {
                return Ok(None);
            };
            let value = view.raw_value(field);
            let length = state.take_read(value.len());
            Ok(value.get(..length).map(<[u8]>::to_vec))
        })
    }

    fn header_names(&mut self, _: Resource<Message>) -> Result<Vec<String>> {
        self.host_call("message.header-names", (), |state, ()| {
            let view = state.message()?.clone();
            let sight = state.sight();
            Ok(view
                .fields()
                .iter()
                .filter(|field| sight.field(&field.name))
                .map(|field| state.cut(&field.name, usize::MAX))
                .collect())
        })
    }

    fn subject(&mut self, _: Resource<Message>) -> Result<String> {
        self.host_call("message.subject", (), |state, ()| {
            let view = state.message()?.clone();
            Ok(state.field(&view, "Subject").unwrap_or_default())
        })
    }

    fn from_addresses(&mut self, _: Resource<Message>) -> Result<Vec<String>> {
        self.host_call("message.from-addresses", (), |state, ()| {
            let view = state.message()?.clone();
            if !state.sight().field("From") {
                return Ok(Vec::new());
            }
            Ok(view
                .authors()
                .iter()
                .take(MAX_NAMED)
                .map(|author| state.cut(author, usize::MAX))
                .collect())
        })
    }

    fn message_id(&mut self, _: Resource<Message>) -> Result<Option<String>> {
        self.host_call("message.message-id", (), |state, ()| {
            let id = state.message()?.message_id();
            Ok(id
                .filter(|_| state.sight().field("Message-ID"))
                .map(|id| state.cut(&id, usize::MAX)))
        })
    }

    fn read(&mut self, _: Resource<Message>, offset: u64, length: u32) -> Result<Vec<u8>> {
        self.host_call(
            "message.read",
            (offset, length),
            |state, (offset, length)| {
                let view = state.message()?.clone();
                let seen = state.octets(&view);
                let wanted = *offset..offset.saturating_add(u64::from(*length).min(MAX_READ));
                // What lies before or behind what may be seen is not there.
                let (start, end) = (wanted.start.max(seen.start), wanted.end.min(seen.end));
                let octets = if start == wanted.start {
                    view.read(
                        start,
                        usize::try_from(end.saturating_sub(start)).unwrap_or(0),
                    )
                } else {
                    &[]
                };
                let granted = state.take_read(octets.len());
                Ok(octets.get(..granted).unwrap_or_default().to_vec())
            },
        )
    }

    fn part_count(&mut self, _: Resource<Message>) -> Result<u32> {
        self.host_call("message.part-count", (), |state, ()| {
            let view = state.message()?;
            Ok(if state.sight().part(true) {
                narrow(view.parts().len())
            } else {
                0
            })
        })
    }

    fn part(&mut self, _: Resource<Message>, index: u32) -> Result<Option<Resource<Part>>> {
        self.host_call("message.part", index, |state, index| {
            let sight = state.sight();
            let view = state.message()?;
            // Only the parts themselves tell which of them are attachments.
            let seen = *index <= u32::from(u16::MAX)
                && sight.part(true)
                && view
                    .parts()
                    .get(at(*index))
                    .is_some_and(|part| sight.part(part.is_attachment()));
            if !seen {
                return Ok(None);
            }
            if state.parts_held >= MAX_PART_HANDLES {
                return state.stop(Fault::Limit("the number of handles of parts"));
            }
            state.parts_held += 1;
            Ok(Some(Resource::new_own(u32::from(state.call) << 16 | index)))
        })
    }

    fn text(&mut self, _: Resource<Message>, max_bytes: u32) -> Result<String> {
        self.host_call("message.text", max_bytes, |state, max_bytes| {
            let view = state.message()?.clone();
            if !state.sight().body() {
                return Ok(String::new());
            }
            Ok(state.cut(view.text(), at(*max_bytes)))
        })
    }

    fn urls(&mut self, _: Resource<Message>, max: u32) -> Result<Vec<Url>> {
        self.host_call("message.urls", max, |state, max| {
            let view = state.message()?.clone();
            let sight = state.sight();
            if !sight.links() {
                return Ok(Vec::new());
            }
            let seen =
                |link: &&view::Link| sight.scope(&view::Scope::Urls) || link.scheme != "mailto";
            let links = view.links().iter().filter(seen).take(at(*max));
            Ok(links
                .map(|link| Url {
                    text: state.cut(&link.text, MAX_URL),
                    scheme: link.scheme.clone(),
                    host: link.host.clone(),
                    anchor: link.anchor().map(|anchor| state.cut(&anchor, MAX_URL)),
                    part: link.part,
                })
                .collect())
        })
    }

    fn search(
        &mut self,
        _: Resource<Message>,
        patterns: Resource<PatternSet>,
        per_pattern: u32,
    ) -> Result<Vec<Hit>> {
        self.host_call(
            "message.search",
            (patterns.rep(), per_pattern),
            |state, (set, per_pattern)| {
                let view = state.message()?.clone();
                let hits = state.ready(*set).map(|set| {
                    set.search(
                        &view,
                        state.sight(),
                        at(*per_pattern).clamp(1, MAX_PER_PATTERN),
                    )
                });
                Ok(hits.unwrap_or_default().into_iter().map(hit).collect())
            },
        )
    }

    fn tokens(&mut self, _: Resource<Message>, max: u32) -> Result<Vec<u64>> {
        self.host_call("message.tokens", max, |state, max| {
            let view = state.message()?.clone();
            // Among them are those of who wrote it.
            if state.sight() != Sight::All {
                return Ok(Vec::new());
            }
            let tokens = view.tokens();
            let wanted = tokens.len().min(at(*max));
            let granted = state.take_read(wanted * size_of::<u64>()) / size_of::<u64>();
            Ok(tokens.get(..granted).unwrap_or_default().to_vec())
        })
    }

    fn sha256(&mut self, _: Resource<Message>) -> Result<Vec<u8>> {
        self.host_call("message.sha256", (), |state, ()| {
            let view = state.message()?;
            Ok(if state.sight().body() {
                view.sha256().to_vec()
            } else {
                Vec::new()
            })
        })
    }

    fn drop(&mut self, _: Resource<Message>) -> Result<()> {
        Ok(())
    }
}

impl State {
    /// The beginning of a text, as far as the call may still read.
    fn cut(&mut self, text: &str, length: usize) -> String {
        let granted = self.take_read(length.min(text.len()));
        head(text, granted).to_owned()
    }

    fn header(&mut self, view: &MessageView, index: u32, field: &FieldView) -> Header {
        let name = self.cut(&field.name, usize::MAX);
        Header {
            index,
            name,
            value: self.cut(view.value(field), usize::MAX),
        }
    }

    /// The value of the topmost field of a name, if it may be seen.
    fn field(&mut self, view: &MessageView, name: &str) -> Option<String> {
        let value = view.first(name).filter(|_| self.sight().field(name))?;
        Some(self.cut(value, usize::MAX))
    }

    /// Which octets of a message may be seen as they lie.
    fn octets(&self, view: &MessageView) -> Range<u64> {
        let (border, end) = (wide(view.body_offset()), wide(view.raw().len()));
        match self.sight() {
            Sight::All => 0..end,
            Sight::Headers => 0..border,
            Sight::NoAddresses => border..end,
            Sight::Urls | Sight::AttachmentDigests => 0..0,
        }
    }
}

pub(super) fn at(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

pub(super) fn narrow(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

pub(super) fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
