//! The result of SEARCH: `* SEARCH` (RFC 3501 §7.2.5) or `* ESEARCH` (RFC 4731), in pieces.

use std::io::Write as _;

use crate::ask::Answer;
use crate::encode::{Out, number, string, texts};
use crate::session::context::Wanted;
use crate::session::job::{Core, Flow, Job, failed};
use crate::session::message_limit::Beyond;
use crate::session::prepare;
use crate::session::relevancy::ScoreList;
use crate::session::search::{Found, Then};
use crate::session::selected::Selected;
use crate::types::{Enough, FetchItem, Returns, SearchKey, UidSet};

/// Numbers that are written between two looks at how much output there is.
const WRITTEN: u32 = 8_000;
/// Runs of UIDs that are kept for `$`.
const MAX_SAVED: usize = 10_000;

pub(crate) fn begin(
    core: &mut Core,
    uid: bool,
    returns: Option<Returns>,
    fetched: Vec<FetchItem>,
    key: Option<SearchKey>,
) -> Flow {
    let wanted = if returns.is_some_and(|returns| returns.update) {
        match Wanted::new(core, key.as_ref(), uid, fetched) {
            Ok(wanted) => Some(wanted),
            Err(refusal) => return Flow::Tagged(refusal),
        }
    } else {
        None
    };
    // RFC 9051 §6.4.4: ESEARCH also where nothing is said of what to return.
    let all = Returns {
        all: true,
        ..Returns::default()
    };
    let returns = returns.or_else(|| core.enabled.rev2.then_some(all));
    let save = returns.is_some_and(|returns| returns.save);
    let tell = Tell {
        uid,
        returns,
        wanted,
    };
    prepare::begin(core, uid, key, save, Box::new(tell))
}

#[derive(Debug)]
struct Tell {
    uid: bool,
    returns: Option<Returns>,
    /// Its changes are to be told.
    wanted: Option<Wanted>,
}

impl Then for Tell {
    fn beyond(&self) -> Beyond {
        Beyond::Highest
    }

    fn scored(&self) -> bool {
        self.returns.is_some_and(|returns| returns.relevancy)
    }

    fn enough(&self) -> Enough {
        self.returns.map_or(Enough::All, |returns| returns.enough())
    }

    fn found(self: Box<Self>, core: &mut Core, found: Found) -> Flow {
        let Some(selected) = &mut core.selected else {
            return Flow::Tagged(texts::NOTHING_SELECTED);
        };
        let Some(returns) = self.returns else {
            core.out.extend_from_slice(b"* SEARCH");
            let modseq = found.modseq(&found.uids);
            return write(
                found.uids,
                self.uid,
                Form::Numbers { modseq },
                None,
                Box::new(Over),
            );
        };
        let whole = core.limited.is_none();
        if let Some(wanted) = self.wanted.map(|wanted| wanted.only_if(whole)) {
            wanted.keep(&mut core.out, &mut selected.contexts, &found.uids);
        }
        let about = returns.of(&found.uids);
        if returns.save && !save(selected, &about) {
            return Flow::Done(texts::NOT_SAVED);
        }
        if returns.is_silent() {
            return Flow::Done(texts::ok("SEARCH completed, result saved"));
        }
        head(&mut core.out, &core.tag, self.uid);
        body(core, &returns, found, self.uid, Box::new(Over))
    }
}

/// What comes behind a result.
pub(crate) trait Next: std::fmt::Debug + Send {
    /// Goes on.
    fn next(self: Box<Self>, core: &mut Core) -> Flow;
}

/// Nothing.
#[derive(Debug)]
struct Over;

impl Next for Over {
    fn next(self: Box<Self>, _core: &mut Core) -> Flow {
        Flow::Done(texts::ok("SEARCH completed"))
    }
}

/// The result behind the head of its response, then what comes next.
pub(crate) fn body(
    core: &mut Core,
    returns: &Returns,
    found: Found,
    uid: bool,
    next: Box<dyn Next>,
) -> Flow {
    let Some(selected) = &core.selected else {
        return next.next(core);
    };
    ends(&mut core.out, selected, returns, &found.uids, uid);
    if let Some(modseq) = found.modseq(&returns.of(&found.uids)) {
        // RFC 4731 §3.2
        let _ = write!(core.out, " MODSEQ {modseq}");
    }
    let scores = returns.relevancy.then(|| {
        // Of those that are listed, if there is a list.
        let listed = returns.partial.map(|range| range.of(&found.uids));
        let about = listed.unwrap_or_else(|| returns.of(&found.uids));
        ScoreList::new(&found.scores, about.iter())
    });
    let Some(range) = returns.partial else {
        let all = if returns.all {
            found.uids
        } else {
            UidSet::new()
        };
        if !all.is_empty() {
            core.out.extend_from_slice(b" ALL ");
        }
        return write(all, uid, Form::Set { end: "" }, scores, next);
    };
    // RFC 9394 §3.1: NIL where nothing is at these places.
    let part = range.of(&found.uids);
    let _ = write!(core.out, " PARTIAL ({range} ");
    let end = if part.is_empty() { "NIL)" } else { ")" };
    write(part, uid, Form::Set { end }, scores, next)
}

/// `* ESEARCH (TAG "…") [UID]`
pub(crate) fn head(out: &mut Out, tag: &str, uid: bool) {
    out.extend_from_slice(b"* ESEARCH (TAG ");
    string(out, tag.as_bytes());
    out.push(b')');
    if uid {
        out.extend_from_slice(b" UID");
    }
}

/// MIN, MAX and COUNT; the first two only if anything was found (RFC 4731 §3.1).
fn ends(out: &mut Out, selected: &Selected, returns: &Returns, found: &UidSet, uid: bool) {
    let ends = [
        (returns.min, "MIN", found.first()),
        (returns.max, "MAX", found.last()),
    ];
    for (wanted, name, end) in ends {
        let shown = end.and_then(|end| selected.shown(end, uid));
        if let (true, Some(shown)) = (wanted, shown) {
            let _ = write!(out, " {name} {shown}");
        }
    }
    if returns.count {
        let _ = write!(out, " COUNT {}", found.len());
    }
}

/// Keeps what `$` means from now on; `false` if that is too much (RFC 5182 §2.5).
pub(crate) fn save(selected: &mut Selected, about: &UidSet) -> bool {
    let fits = about.ranges().count() <= MAX_SAVED;
    if fits {
        selected.saved = about.clone();
        selected.saved.shrink();
    }
    fits
}

/// How numbers are written.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// One by one, then the highest modification sequence.
    Numbers { modseq: Option<u64> },
    /// As a sequence-set, then this.
    Set { end: &'static str },
}

/// The result is being written.
#[derive(Debug)]
struct Writing {
    uids: UidSet,
    uid: bool,
    form: Form,
    written: u32,
    /// What comes behind the numbers.
    scores: Option<ScoreList>,
    next: Box<dyn Next>,
}

impl Writing {
    /// The scores, then the end of the line.
    fn end(mut self: Box<Self>, core: &mut Core) -> Flow {
        if let Some(scores) = &mut self.scores
            && !scores.write(&mut core.out)
        {
            // So that it comes here again, even if no numbers were told.
            self.written = self.written.max(1);
            return Flow::Resume(self);
        }
        core.out.extend_from_slice(b"\r\n");
        self.next.next(core)
    }
}

fn write(
    uids: UidSet,
    uid: bool,
    form: Form,
    scores: Option<ScoreList>,
    next: Box<dyn Next>,
) -> Flow {
    Flow::Resume(Box::new(Writing {
        uids,
        uid,
        form,
        written: 0,
        scores,
        next,
    }))
}

impl Job for Writing {
    fn answer(self: Box<Self>, _core: &mut Core, answer: Answer) -> Flow {
        failed(&answer, false)
    }

    fn resume(mut self: Box<Self>, core: &mut Core) -> Flow {
        let Some(selected) = &core.selected else {
            return Flow::Tagged(texts::NOTHING_SELECTED);
        };
        if self.written > 0 && self.written >= self.uids.len() {
            return self.end(core);
        }
        let next = self.written.saturating_add(WRITTEN);
        let piece = self.uids.slice(self.written + 1, next);
        let shown = piece.iter().filter_map(|uid| selected.shown(uid, self.uid));
        match self.form {
            Form::Numbers { .. } => {
                for shown in shown {
                    core.out.push(b' ');
                    number(&mut core.out, shown);
                }
            }
            Form::Set { .. } if piece.is_empty() => {}
            Form::Set { .. } => {
                if self.written > 0 {
                    core.out.push(b',');
                }
                let _ = write!(core.out, "{}", shown.collect::<UidSet>());
            }
        }
        self.written = next;
        if self.written < self.uids.len() {
            return Flow::Resume(self);
        }
        match self.form {
            // RFC 7162 §3.1.5: the highest modification sequence of what is found.
            Form::Numbers {
                modseq: Some(modseq),
            } => {
                let _ = write!(core.out, " (MODSEQ {modseq})");
            }
            Form::Numbers { modseq: None } => {}
            Form::Set { end } => core.out.extend_from_slice(end.as_bytes()),
        }
        self.end(core)
    }

    fn amid_response(&self) -> bool {
        true
    }
}
