//! `message.part`: one part of a message. Who has the handle may see the part; what of it is decided here.

use sha2::{Digest, Sha256};
use wasmtime::component::Resource;
use wasmtime::{Result, bail};

use super::{MAX_READ, at, wide};
use crate::bindings::waxwing::policy::message::{HostPart, Part};
use crate::state::State;
use crate::view::{MessageView, PartView};

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
                let seen = state.sight().body();
                state.part_at(*part, |_, part, _| {
                    let value = part.content_type_param(name).filter(|_| seen);
                    value.map(str::to_owned)
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
            let seen = state.sight().body();
            state.part_at(*part, |_, part, _| {
                part.filename().filter(|_| seen).map(str::to_owned)
            })
        })
    }

    fn transfer_encoding(&mut self, part: Resource<Part>) -> Result<String> {
        self.host_call("part.transfer-encoding", part.rep(), |state, part| {
            state.part_at(*part, |_, part, _| part.transfer_encoding())
        })
    }

    fn header(&mut self, part: Resource<Part>, name: String) -> Result<Option<String>> {
        self.host_call("part.header", (part.rep(), name), |state, (part, name)| {
            if !state.sight().field(name) {
                return Ok(None);
            }
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
                if !state.sight().body() {
                    return Ok(Vec::new());
                }
                let mut octets = state.part_at(*part, |_, part, view| {
                    let decoded = part.decoded(view.raw());
                    let start = usize::try_from(*offset)
                        .unwrap_or(usize::MAX)
                        .min(decoded.len());
                    let end = start
                        .saturating_add(
                            usize::try_from(u64::from(*length).min(MAX_READ)).unwrap_or(0),
                        )
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
                if !state.sight().body() {
                    return Ok(None);
                }
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

impl State {
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
