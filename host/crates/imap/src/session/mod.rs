//! The session: what arrives becomes commands, commands become jobs, jobs ask and write.
//!
//! A job is a command that has begun. It runs until it needs an answer or its output is to be sent, and consumes
//! itself at each turn. One job runs at a time; commands that arrive meanwhile wait in the framing's buffer.

mod acl;
mod append;
mod binary;
mod catenate;
mod changed;
mod connection;
mod context;
mod copy;
mod decoder;
mod dispatch;
mod enable;
mod esearch;
mod evaluate;
mod expunge;
mod fetch;
mod fetch_row;
mod framing;
mod fuzzy;
mod gathering;
mod idle;
mod job;
mod list;
mod login;
mod mailboxes;
mod message_limit;
mod metadata;
mod metadata_news;
mod notify;
mod poll;
mod prepare;
mod progress;
mod quota;
mod relevancy;
mod search;
mod search_result;
mod select;
mod selected;
mod sort;
mod sort_key;
mod sorted;
mod store;
mod telling;
mod thread;
mod watch;
mod watched;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use waxwing_sasl::SaslError;
use waxwing_session::{Counts, Cut, Step};

use crate::ask::{Answer, Ask};
use crate::config::{Config, Tls};
use crate::encode::texts;
use connection::Greeting;
use framing::{Event, Framing};
use job::{Core, Flow, Job, Waiting};

/// Output is sent when there is this much of it, though a job could go on.
pub(crate) const FLUSH: usize = 64 * 1024;
/// Octets of commands that may wait while one is running.
const MAX_WAITING: usize = 1 << 20;

/// An IMAP session of one connection.
#[derive(Debug)]
pub struct Session {
    core: Core,
    framing: Framing,
    turn: Turn,
    /// When the peer last did something, or was answered that.
    last_activity: Instant,
    /// The time for logging in runs from here: from the beginning, later by what the server took for itself.
    login_since: Instant,
    /// What the client did, failed logins left out.
    counts: Counts,
    /// The bound that ended the session.
    limit: Option<&'static str>,
    /// Something changed in the account.
    woken: bool,
    /// What is at work looks for news by itself, and not because the client said anything.
    unasked: bool,
    shutting_down: bool,
}

/// Whose turn it is.
#[derive(Debug)]
enum Turn {
    /// The client's: a command is to come.
    Command,
    /// The client's: what it sends belongs to a command that has begun.
    Input(Waiting),
    /// The job's.
    Job(Flow),
    /// The answering side's.
    Answer(Box<dyn Job>),
    /// Nobody's.
    Closed,
}

impl Session {
    /// A session for a connection that was just accepted.
    #[must_use]
    pub fn new(config: Arc<Config>, now: Instant) -> Self {
        let secured = config.tls == Tls::Active;
        Self {
            core: Core::new(config, secured),
            framing: Framing::default(),
            turn: Turn::Job(Flow::Ask(Ask::Connect, Box::new(Greeting))),
            last_activity: now,
            login_since: now,
            counts: Counts::default(),
            limit: None,
            woken: false,
            unasked: false,
            shutting_down: false,
        }
    }

    /// What is written so far, as a step.
    fn flush(&mut self) -> Option<Step<Ask>> {
        (!self.core.out.is_empty())
            .then(|| Step::Write(Bytes::from(std::mem::take(&mut self.core.out))))
    }

    /// Says goodbye; what is still to come is not looked at.
    fn close(&mut self, bye: &str) {
        self.limit = texts::limit(bye);
        self.core.out.extend_from_slice(bye.as_bytes());
        self.end();
    }

    fn end(&mut self) {
        self.turn = Turn::Closed;
        self.framing = Framing::default();
        self.core.selected = None;
    }

    /// Carries a job on; gives the step to make, if any.
    fn advance(&mut self, flow: Flow) -> Option<Step<Ask>> {
        match flow {
            Flow::Ask(ask, job) => {
                if self.core.out.len() >= FLUSH / 4
                    || self.core.progress.take_urgent()
                    || matches!(ask, Ask::Login { .. } | Ask::Keys { .. })
                {
                    let step = self.flush();
                    if step.is_some() {
                        self.turn = Turn::Job(Flow::Ask(ask, job));
                        return step;
                    }
                }
                self.turn = Turn::Answer(job);
                return Some(Step::Ask(ask));
            }
            Flow::Resume(job) => {
                if self.core.out.len() >= FLUSH {
                    let step = self.flush();
                    self.turn = Turn::Job(Flow::Resume(job));
                    return step;
                }
                self.turn = Turn::Job(job.resume(&mut self.core));
            }
            Flow::Content(content, job) => {
                self.turn = Turn::Job(Flow::Resume(job));
                return Some(Step::Content(content));
            }
            Flow::Input(waiting) => {
                self.framing.expect(&waiting);
                self.turn = Turn::Input(waiting);
            }
            Flow::Done(response) => {
                if response.status != texts::Status::Ok {
                    notify::disown(&mut self.core);
                }
                let response = message_limit::told(&mut self.core, response);
                self.turn = Turn::Job(poll::then(&mut self.core, response));
            }
            Flow::Tagged(response) => {
                let tag = std::mem::take(&mut self.core.tag);
                response.write(&mut self.core.out, &tag);
                self.turn = Turn::Command;
                self.count_bad(response.status == texts::Status::Bad);
            }
            Flow::StartTls => {
                if let Some(step) = self.flush() {
                    self.turn = Turn::Job(Flow::StartTls);
                    return Some(step);
                }
                // RFC 3501 §6.2.1: what was sent before the handshake must not be taken as sent behind it.
                self.framing = Framing::default();
                self.turn = Turn::Input(Waiting::Handshake);
                return Some(Step::StartTls);
            }
            Flow::Compress => {
                // RFC 4978 §3: the client sends nothing before it has the answer, for it could not know how.
                self.turn = Turn::Job(if self.framing.waiting() > 0 {
                    Flow::Tagged(texts::WAIT_FOR_COMPRESS)
                } else {
                    let tag = std::mem::take(&mut self.core.tag);
                    texts::ok("DEFLATE active").write(&mut self.core.out, &tag);
                    Flow::Compressed
                });
            }
            Flow::Compressed => {
                if let Some(step) = self.flush() {
                    self.turn = Turn::Job(Flow::Compressed);
                    return Some(step);
                }
                self.core.compressed = true;
                self.turn = Turn::Command;
                return Some(Step::Compress);
            }
            Flow::Stranger(response) => {
                self.login_since = self.last_activity;
                self.turn = Turn::Job(Flow::Tagged(response));
            }
            Flow::Refuse { response, literal } => {
                let drained = self
                    .framing
                    .discard(literal, self.core.config.limits.message);
                self.turn = Turn::Job(if drained {
                    Flow::Done(response)
                } else {
                    Flow::Bye(texts::BYE_LITERAL)
                });
            }
            Flow::Next => self.turn = Turn::Command,
            Flow::Close => self.end(),
            Flow::Bye(text) => self.close(text),
        }
        None
    }

    fn count_bad(&mut self, bad: bool) {
        self.counts.commands = self.counts.commands.saturating_add(1);
        self.counts.errors = self.counts.errors.saturating_add(u32::from(bad));
        self.core.bad_commands = if bad { self.core.bad_commands + 1 } else { 0 };
        if self.core.bad_commands >= self.core.config.limits.bad_commands {
            self.close(texts::BYE_BAD);
        } else if self.core.failed_logins >= self.core.config.limits.failed_logins {
            self.close(texts::BYE_LOGINS);
        }
    }

    /// Takes what the client sent, if it is its turn; gives a step, or whether anything was taken.
    fn take_input(&mut self) -> Result<bool, Step<Ask>> {
        let limits = self.core.config.limits;
        let next = self
            .framing
            .next(&limits, self.core.logged_in, self.core.names());
        let Some(event) = next else {
            return Ok(false);
        };
        self.unasked = false;
        match (event, std::mem::replace(&mut self.turn, Turn::Command)) {
            (Event::Endless, _) => self.close(texts::BYE_LINE),
            (Event::LiteralTooLarge, _) => self.close(texts::BYE_LITERAL),
            (Event::Continue, turn) => {
                self.core.out.extend_from_slice(b"+ go on\r\n");
                self.turn = turn;
            }
            (
                Event::Content(content),
                Turn::Input(Waiting::Url {
                    size,
                    mut octets,
                    catenating,
                }),
            ) => {
                octets.extend_from_slice(&content);
                self.turn = Turn::Input(Waiting::Url {
                    size,
                    octets,
                    catenating,
                });
            }
            (Event::Content(content), mut turn) => {
                if let Turn::Input(Waiting::Message { watch, .. }) = &mut turn {
                    watch.look(&content);
                }
                self.turn = turn;
                return Err(Step::Content(content));
            }
            (Event::Refused { .. }, Turn::Input(Waiting::Response(_, exchange)))
                if exchange.unreadable() == SaslError::Unconfirmed =>
            {
                self.close(texts::BYE_UNCONFIRMED);
            }
            (Event::Refused { tag, response }, _) => {
                response.write(&mut self.core.out, tag.as_deref().unwrap_or("*"));
                self.count_bad(true);
            }
            (Event::Command(octets), _) => {
                self.turn = Turn::Job(dispatch::command(&mut self.core, &octets));
            }
            (Event::Append { tag, head, literal }, _) => {
                self.turn = Turn::Job(append::begin(
                    &mut self.core,
                    &mut self.framing,
                    tag,
                    head,
                    literal,
                ));
            }
            (Event::Line(line), Turn::Input(waiting)) => {
                self.turn = Turn::Job(waiting.line(&mut self.core, &mut self.framing, &line));
            }
            (Event::Line(_), turn) => self.turn = turn,
        }
        Ok(true)
    }

    /// IDLE hears of changes at once, and so does who has asked for that (RFC 5465 §3.1).
    fn take_news(&mut self) -> bool {
        let idling = matches!(self.turn, Turn::Input(Waiting::Done));
        let between = matches!(self.turn, Turn::Command)
            && self.core.notify.is_some()
            && !self.framing.inside_command();
        if !self.woken || !(idling || between) {
            return false;
        }
        self.woken = false;
        let flow = if idling {
            poll::while_idle(&mut self.core)
        } else {
            poll::between(&mut self.core)
        };
        match flow {
            Some(flow) => {
                self.unasked = true;
                self.turn = Turn::Job(flow);
                true
            }
            None => false,
        }
    }
}

impl waxwing_session::Session for Session {
    type Ask = Ask;
    type Answer = Answer;

    fn receive(&mut self, bytes: &[u8], now: Instant) {
        if matches!(self.turn, Turn::Closed) {
            return;
        }
        self.last_activity = now;
        self.core.progress.is_now(now);
        self.framing.push(bytes);
        let running = matches!(self.turn, Turn::Answer(_));
        if running && self.framing.waiting() > MAX_WAITING {
            self.close(texts::BYE_FLOOD);
        }
    }

    fn step(&mut self) -> Step<Ask> {
        loop {
            match std::mem::replace(&mut self.turn, Turn::Closed) {
                Turn::Closed => return self.flush().unwrap_or(Step::Close),
                Turn::Answer(job) => {
                    self.turn = Turn::Answer(job);
                    return Step::Read;
                }
                Turn::Job(flow) => {
                    if let Some(step) = self.advance(flow) {
                        return step;
                    }
                }
                turn @ (Turn::Command | Turn::Input(_)) => {
                    let between = matches!(turn, Turn::Command | Turn::Input(Waiting::Done));
                    self.turn = turn;
                    if self.shutting_down && between && !self.framing.inside_command() {
                        self.close(texts::BYE_SHUTDOWN);
                        continue;
                    }
                    if self.core.out.len() >= FLUSH
                        && let Some(step) = self.flush()
                    {
                        return step;
                    }
                    match self.take_input() {
                        Ok(true) => {}
                        Err(step) => return step,
                        Ok(false) if self.take_news() => {}
                        Ok(false) => {
                            self.core.out.shrink_to_fit();
                            return self.flush().unwrap_or(Step::Read);
                        }
                    }
                }
            }
        }
    }

    fn answer(&mut self, answer: Answer, now: Instant) {
        self.core.progress.is_now(now);
        let taken = now.saturating_duration_since(self.last_activity);
        self.login_since = self.login_since.checked_add(taken).unwrap_or(now);
        if !self.unasked {
            self.last_activity = now;
        }
        match std::mem::replace(&mut self.turn, Turn::Closed) {
            Turn::Answer(job) => {
                if let Answer::Failed(crate::Error::Disconnect(reason)) = &answer {
                    texts::bye(&mut self.core.out, reason);
                    return self.end();
                }
                self.turn = Turn::Job(job.answer(&mut self.core, answer));
            }
            turn => self.turn = turn,
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let limits = &self.core.config.limits;
        // Before login what the peer sends does not give it more time.
        let (since, timeout) = if self.core.logged_in {
            (self.last_activity, limits.idle_timeout)
        } else {
            (self.login_since, limits.login_timeout)
        };
        let due = self.core.gathering.due();
        match &self.turn {
            Turn::Command | Turn::Input(Waiting::Done) => {
                since.checked_add(timeout).into_iter().chain(due).min()
            }
            Turn::Input(_) => since.checked_add(timeout),
            // The server itself is at work.
            Turn::Job(_) | Turn::Answer(_) | Turn::Closed => None,
        }
    }

    fn expire(&mut self, now: Instant) {
        // Sooner than autologout: what changed since then is looked at.
        self.core.progress.is_now(now);
        self.woken |= self.core.gathering.take_due(now);
        // RFC 3501 §5.4: autologout.
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.close(texts::BYE_IDLE);
        }
    }

    fn bound(&mut self) {
        self.core.channel.bound = true;
    }

    fn certified(&mut self) {
        self.core.channel.certified = true;
    }

    fn secured(&mut self, now: Instant) {
        self.last_activity = now;
        self.framing = Framing::default();
        self.core.secured = true;
        self.turn = Turn::Command;
    }

    fn wake(&mut self) {
        self.woken = true;
    }

    fn shutdown(&mut self) {
        self.shutting_down = true;
    }

    fn cut(&mut self, why: Cut) {
        let sayable = match &self.turn {
            Turn::Command => true,
            Turn::Input(waiting) => !matches!(waiting, Waiting::Handshake),
            Turn::Job(flow) => !flow.amid_response(),
            Turn::Answer(job) => !job.amid_response(),
            Turn::Closed => false,
        };
        if sayable {
            // RFC 3501 §7.1.5: BYE may come at any time, but not within another response.
            self.close(match why {
                Cut::Shutdown => texts::BYE_SHUTDOWN,
                Cut::Crowded => texts::BYE_CROWDED,
                Cut::Excess => texts::BYE_EXCESS,
            });
        } else {
            self.end();
        }
    }

    fn limit(&self) -> Option<&'static str> {
        self.limit
    }

    fn counts(&self) -> Counts {
        let failed = self.core.failed_logins;
        Counts {
            commands: self.counts.commands,
            errors: self.counts.errors.saturating_add(failed),
        }
    }
}
