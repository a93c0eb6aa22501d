//! `message`: the content, and the patterns that are looked for in it.
//!
//! A part's handle is its number and, in the upper half, the call that it was given in: of use in no other.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use wasmtime::component::Resource;
use wasmtime::{Result, bail};

use crate::bindings::waxwing::policy::message::{
    Header, Hit, Host, HostMessage, HostPart, HostPatternSet, Message, Part, PatternSet, Scope, Url,
};
use crate::fault::Fault;
use crate::state::{MAX_PART_HANDLES, MAX_PATTERN_SETS, Patterns, State};
use crate::view::{self, FieldView, MessageView, PartView, Pattern, PatternSetBuilder, head};

const MAX_READ: usize = 256 << 10;
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
                .map(|field| state.header(&view, *index, field)))
        })
    }

    fn headers(&mut self, _: Resource<Message>, name: String) -> Result<Vec<Header>> {
        self.host_call("message.headers", name, |state, name| {
            let view = state.message()?.clone();
            Ok(view
                .named(name)
                .take(MAX_NAMED)
                .map(|(index, field)| state.header(&view, index, field))
                .collect())
        })
    }

    fn first(&mut self, _: Resource<Message>, name: String) -> Result<Option<String>> {
        self.host_call("message.first", name, |state, name| {
            let view = state.message()?.clone();
            Ok(view.first(name).map(|value| state.cut(value, usize::MAX)))
        })
    }

    fn raw_header(&mut self, _: Resource<Message>, index: u32) -> Result<Option<Vec<u8>>> {
        self.host_call("message.raw-header", index, |state, index| {
            let view = state.message()?.clone();
            let Some(field) = view.fields().get(at(*index)) else {
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
            Ok(view
                .fields()
                .iter()
                .map(|field| state.cut(&field.name, usize::MAX))
                .collect())
        })
    }

    fn subject(&mut self, _: Resource<Message>) -> Result<String> {
        self.host_call("message.subject", (), |state, ()| {
            let view = state.message()?.clone();
            Ok(view
                .first("Subject")
                .map(|subject| state.cut(subject, usize::MAX))
                .unwrap_or_default())
        })
    }

    fn from_addresses(&mut self, _: Resource<Message>) -> Result<Vec<String>> {
        self.host_call("message.from-addresses", (), |state, ()| {
            let authors = state.message()?.authors();
            Ok(authors
                .iter()
                .take(MAX_NAMED)
                .map(|author| state.cut(author, usize::MAX))
                .collect())
        })
    }

    fn message_id(&mut self, _: Resource<Message>) -> Result<Option<String>> {
        self.host_call("message.message-id", (), |state, ()| {
            let id = state.message()?.message_id();
            Ok(id.map(|id| state.cut(&id, usize::MAX)))
        })
    }

    fn read(&mut self, _: Resource<Message>, offset: u64, length: u32) -> Result<Vec<u8>> {
        self.host_call(
            "message.read",
            (offset, length),
            |state, (offset, length)| {
                let view = state.message()?.clone();
                let octets = view.read(*offset, at(*length).min(MAX_READ));
                let granted = state.take_read(octets.len());
                Ok(octets.get(..granted).unwrap_or_default().to_vec())
            },
        )
    }

    fn part_count(&mut self, _: Resource<Message>) -> Result<u32> {
        self.host_call("message.part-count", (), |state, ()| {
            Ok(narrow(state.message()?.parts().len()))
        })
    }

    fn part(&mut self, _: Resource<Message>, index: u32) -> Result<Option<Resource<Part>>> {
        self.host_call("message.part", index, |state, index| {
            if *index > u32::from(u16::MAX) || at(*index) >= state.message()?.parts().len() {
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
            Ok(state.cut(view.text(), at(*max_bytes)))
        })
    }

    fn urls(&mut self, _: Resource<Message>, max: u32) -> Result<Vec<Url>> {
        self.host_call("message.urls", max, |state, max| {
            let view = state.message()?.clone();
            let links = view.links().iter().take(at(*max));
            Ok(links
                .map(|link| Url {
                    text: state.cut(&link.text, MAX_URL),
                    scheme: link.scheme.clone(),
                    host: link.host.clone(),
                    anchor: link
                        .anchor
                        .as_deref()
                        .map(|anchor| state.cut(anchor, MAX_URL)),
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
                let hits = state
                    .ready(*set)
                    .map(|set| set.search(&view, at(*per_pattern).clamp(1, MAX_PER_PATTERN)));
                Ok(hits.unwrap_or_default().into_iter().map(hit).collect())
            },
        )
    }

    fn sha256(&mut self, _: Resource<Message>) -> Result<Vec<u8>> {
        self.host_call("message.sha256", (), |state, ()| {
            Ok(state.message()?.sha256().to_vec())
        })
    }

    fn drop(&mut self, _: Resource<Message>) -> Result<()> {
        Ok(())
    }
}

impl HostPart for State {
    fn index(&mut self, part: Resource<Part>) -> Result<u32> {
        self.host_call("part.index", part.rep(), |state, part| {
            state.part_at(*part, |index, _, _| index)
        })
    }

    fn parent(&mut self, part: Resource<Part>) -> Result<Option<u32>> {
        self.host_call("part.parent", part.rep(), |state, part| {
            state.part_at(*part, |_, part, _| part.parent())
        })
    }

    fn depth(&mut self, part: Resource<Part>) -> Result<u32> {
        self.host_call("part.depth", part.rep(), |state, part| {
            state.part_at(*part, |_, part, _| part.depth())
        })
    }

    fn content_type(&mut self, part: Resource<Part>) -> Result<String> {
        self.host_call("part.content-type", part.rep(), |state, part| {
            state.part_at(*part, |_, part, _| part.content_type().to_owned())
        })
    }

    fn content_type_param(&mut self, part: Resource<Part>, name: String) -> Result<Option<String>> {
        self.host_call(
            "part.content-type-param",
            (part.rep(), name),
            |state, (part, name)| {
                state.part_at(*part, |_, part, _| {
                    part.content_type_param(name).map(str::to_owned)
                })
            },
        )
    }

    fn disposition(&mut self, part: Resource<Part>) -> Result<Option<String>> {
        self.host_call("part.disposition", part.rep(), |state, part| {
            state.part_at(*part, |_, part, _| part.disposition())
        })
    }

    fn filename(&mut self, part: Resource<Part>) -> Result<Option<String>> {
        self.host_call("part.filename", part.rep(), |state, part| {
            state.part_at(*part, |_, part, _| part.filename().map(str::to_owned))
        })
    }

    fn transfer_encoding(&mut self, part: Resource<Part>) -> Result<String> {
        self.host_call("part.transfer-encoding", part.rep(), |state, part| {
            state.part_at(*part, |_, part, _| part.transfer_encoding())
        })
    }

    fn header(&mut self, part: Resource<Part>, name: String) -> Result<Option<String>> {
        self.host_call("part.header", (part.rep(), name), |state, (part, name)| {
            let value = state.part_at(*part, |_, part, view| {
                let block = part.header().of(view.raw());
                let field = waxwing_message::header::fields(block).find(|field| field.is(name));
                field.map(|field| {
                    waxwing_message::decode_words(&field.unfolded())
                        .trim()
                        .to_owned()
                })
            })?;
            Ok(value.map(|value| state.cut(&value, usize::MAX)))
        })
    }

    fn raw_range(&mut self, part: Resource<Part>) -> Result<(u64, u64)> {
        self.host_call("part.raw-range", part.rep(), |state, part| {
            state.part_at(*part, |_, part, _| {
                (u64::from(part.body().start), u64::from(part.body().end))
            })
        })
    }

    fn decoded_size(&mut self, part: Resource<Part>) -> Result<u64> {
        self.host_call("part.decoded-size", part.rep(), |state, part| {
            state.part_at(*part, |_, part, view| wide(part.decoded(view.raw()).len()))
        })
    }

    fn read(&mut self, part: Resource<Part>, offset: u64, length: u32) -> Result<Vec<u8>> {
        self.host_call(
            "part.read",
            (part.rep(), offset, length),
            |state, (part, offset, length)| {
                let mut octets = state.part_at(*part, |_, part, view| {
                    let decoded = part.decoded(view.raw());
                    let start = usize::try_from(*offset)
                        .unwrap_or(usize::MAX)
                        .min(decoded.len());
                    let end = start
                        .saturating_add(at(*length).min(MAX_READ))
                        .min(decoded.len());
                    decoded.get(start..end).unwrap_or_default().to_vec()
                })?;
                octets.truncate(state.take_read(octets.len()));
                Ok(octets)
            },
        )
    }

    fn text(&mut self, part: Resource<Part>, max_bytes: u32) -> Result<Option<String>> {
        self.host_call(
            "part.text",
            (part.rep(), max_bytes),
            |state, (part, max_bytes)| {
                let view = state.message()?.clone();
                let part = state.own_part(*part, &view)?;
                Ok(part
                    .text(view.raw())
                    .map(|text| state.cut(text, at(*max_bytes))))
            },
        )
    }

    fn sha256(&mut self, part: Resource<Part>) -> Result<Vec<u8>> {
        self.host_call("part.sha256", part.rep(), |state, part| {
            state.part_at(*part, |_, part, view| {
                Sha256::digest(part.decoded(view.raw())).to_vec()
            })
        })
    }

    fn drop(&mut self, _: Resource<Part>) -> Result<()> {
        self.parts_held = self.parts_held.saturating_sub(1);
        Ok(())
    }
}

impl HostPatternSet for State {
    fn new(&mut self) -> Result<Resource<PatternSet>> {
        self.host_call("pattern-set.new", (), |state, ()| {
            if state.patterns.len() >= MAX_PATTERN_SETS {
                return state.stop(Fault::Limit("the number of pattern sets"));
            }
            state
                .patterns
                .push(Patterns::Building(PatternSetBuilder::default()));
            Ok(Resource::new_own(narrow(state.patterns.len() - 1)))
        })
    }

    fn add(
        &mut self,
        set: Resource<PatternSet>,
        scope: Scope,
        regex: String,
        case_insensitive: bool,
    ) -> Result<std::result::Result<u32, String>> {
        self.host_call(
            "pattern-set.add",
            (set.rep(), scope, regex),
            |state, (set, scope, regex)| {
                let pattern = Pattern {
                    scope: from_scope(scope),
                    regex: regex.clone(),
                    case_insensitive,
                };
                let cache = state.shared.patterns.clone();
                Ok(match state.patterns.get_mut(at(*set)) {
                    Some(Patterns::Building(builder)) => builder
                        .add(pattern, &cache)
                        .map_err(|error| error.to_string()),
                    _ => Err("the set is compiled already".into()),
                })
            },
        )
    }

    fn compile(&mut self, set: Resource<PatternSet>) -> Result<std::result::Result<(), String>> {
        self.host_call("pattern-set.compile", set.rep(), |state, set| {
            let cache = state.shared.patterns.clone();
            let Some(slot) = state.patterns.get_mut(at(*set)) else {
                bail!("no such pattern set");
            };
            let Patterns::Building(builder) = std::mem::replace(slot, Patterns::Dropped) else {
                return Ok(Err("the set is compiled already".into()));
            };
            Ok(match builder.compile(&cache) {
                Ok(compiled) => {
                    state.shared.keep(&compiled);
                    *slot = Patterns::Ready(compiled);
                    Ok(())
                }
                Err(error) => Err(error.to_string()),
            })
        })
    }

    fn search_value(
        &mut self,
        set: Resource<PatternSet>,
        name: String,
        text: String,
    ) -> Result<Vec<Hit>> {
        self.host_call(
            "pattern-set.search-value",
            (set.rep(), name, text),
            |state, (set, name, text)| {
                let hits = state.ready(*set).map(|set| set.search_value(name, text));
                Ok(hits.unwrap_or_default().into_iter().map(hit).collect())
            },
        )
    }

    fn drop(&mut self, set: Resource<PatternSet>) -> Result<()> {
        if let Some(slot) = self.patterns.get_mut(at(set.rep())) {
            *slot = Patterns::Dropped;
        }
        Ok(())
    }
}

impl State {
    fn ready(&self, set: u32) -> Option<Arc<view::PatternSet>> {
        match self.patterns.get(at(set)) {
            Some(Patterns::Ready(set)) => Some(set.clone()),
            _ => None,
        }
    }

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

    /// The part of a handle of this call.
    fn own_part<'a>(&self, handle: u32, view: &'a MessageView) -> Result<&'a PartView> {
        if handle >> 16 != u32::from(self.call) {
            bail!("a part's handle was kept over the end of its call");
        }
        view.parts()
            .get(at(handle & 0xffff))
            .ok_or_else(|| wasmtime::format_err!("no such part"))
    }

    fn part_at<T>(
        &self,
        handle: u32,
        look: impl FnOnce(u32, &PartView, &MessageView) -> T,
    ) -> Result<T> {
        let view = self.message()?;
        Ok(look(handle & 0xffff, self.own_part(handle, view)?, view))
    }
}

fn from_scope(scope: &Scope) -> view::Scope {
    match scope {
        Scope::Raw => view::Scope::Raw,
        Scope::Headers => view::Scope::Headers,
        Scope::Header(name) => view::Scope::Header(name.to_ascii_lowercase()),
        Scope::Body => view::Scope::Body,
        Scope::Text => view::Scope::Text,
        Scope::Html => view::Scope::Html,
        Scope::Urls => view::Scope::Urls,
        Scope::AttachmentNames => view::Scope::AttachmentNames,
        Scope::Value(name) => view::Scope::Value(name.clone()),
    }
}

fn hit(hit: view::Hit) -> Hit {
    Hit {
        pattern: hit.pattern,
        offset: hit.offset,
        length: hit.length,
        excerpt: hit.excerpt,
    }
}

fn at(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

fn narrow(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
