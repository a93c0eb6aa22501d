//! An attempt for some recipients of a leg, over all addresses of their way.
//!
//! Standards: RFC 5321 §5.1 (each address in turn); RFC 7435 (without TLS where it fails and is not demanded); RFC 6152 §3
//! (what a host does not take is converted); RFC 8689 §4.2.1.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use waxwing_mail::Body;
use waxwing_queue::attempt::{Attempt, Conversation, Failure, Fate, Said, Then};
use waxwing_sasl::{Credentials, Login};
use waxwing_smtp::client::{
    Cause, ClientConfig, ClientTimeouts, Offers, Outgoing as Sent, Protocol, Stage, TlsUse,
};
use waxwing_store::Leased;

use super::counted::{self, Came};
use super::demand::{self, Demand, Refusal};
use super::line::{Down, Line, Terms};
use super::plan::Way;
use super::published::{self, Published, Sts};
use super::resolve::{Found, Nowhere, Stop, stops};
use super::{Outgoing, dial, facts, heard};
use crate::answer::now_millis;
use crate::wiring::Parts;

/// How often one address is asked to take the rest of the recipients.
const MAX_ROUNDS: usize = 100;

/// Sends for one job, and keeps the line from message to message.
pub(super) struct Courier<'a> {
    parts: &'a Parts,
    kept: Option<Kept>,
}

/// A line with the way that it was made for.
struct Kept {
    way: Way,
    host: String,
    line: Line,
}

/// A message to be sent: the leg, its content, and the places of those recipients that it is for.
#[derive(Clone, Copy)]
pub(super) struct Parcel<'a> {
    pub(super) leg: &'a Leased,
    pub(super) content: &'a Bytes,
    pub(super) recipients: &'a [usize],
}

/// What is sent behind a parcel: the leg, and the places of those recipients that it is for.
#[derive(Clone, Copy)]
pub(super) struct Next<'a> {
    pub(super) leg: &'a Leased,
    pub(super) recipients: &'a [usize],
}

/// What an attempt came to.
pub(super) struct Tried {
    /// Every recipient.
    pub(super) ends: Vec<End>,
    /// No host was reached.
    pub(super) unreached: bool,
}

/// What became of a recipient.
pub(super) struct End {
    /// Its place in the leg.
    pub(super) place: usize,
    pub(super) fate: Fate,
    /// The host that has said so. Not all of a leg need have the same: what one does not take, another may.
    pub(super) via: Via,
}

/// A host, and how it was talked to.
#[derive(Clone, Debug, Default)]
pub(super) struct Via {
    /// Its name and address; empty if there was none.
    pub(super) host: String,
    pub(super) tls: Option<&'static str>,
    /// It sends reports of its own of what it took (RFC 3461 §5.2.1).
    pub(super) dsn: bool,
    /// It promises delivery in time (RFC 2852).
    pub(super) deliver_by: bool,
}

impl<'a> Courier<'a> {
    pub(super) fn new(parts: &'a Parts) -> Self {
        Self { parts, kept: None }
    }

    /// Whether there is a line that the next message can go over.
    pub(super) fn is_up(&self) -> bool {
        self.kept.is_some()
    }

    /// Whether the next message was begun with the last one: its place is that one's.
    pub(super) fn has_begun(&self) -> bool {
        self.kept.as_ref().is_some_and(|kept| kept.line.has_begun())
    }

    /// Says goodbye to the host that was talked to last.
    pub(super) async fn done(&mut self) {
        if let Some(kept) = self.kept.take() {
            kept.line.quit().await;
        }
    }

    /// Tries to send. `next` goes the same way when this is done, and is begun with it where the host lets it.
    pub(super) async fn send(
        &mut self,
        way: &Way,
        parcel: Parcel<'_>,
        next: Option<Next<'_>>,
    ) -> Tried {
        let mut round = Round {
            attempt: Attempt::new(parcel.recipients.iter().copied()),
            via: Via::default(),
            vias: HashMap::new(),
        };
        if self.kept.as_ref().is_some_and(|kept| kept.way != *way) {
            self.done().await;
        }
        let mut then = Then::NextAddress;
        let mut heard = None;
        if let Some(kept) = &mut self.kept
            && let Some(said) = round.over(kept, parcel, next).await
        {
            then = said;
            heard = Some(kept.host.clone());
        }
        self.drop_the_dead();
        if then == Then::NextAddress {
            let seed = parcel.leg.leg.0.unsigned_abs() ^ u64::from(parcel.leg.attempts) << 40;
            match stops(self.parts, way, seed).await {
                Ok(mut stops) => {
                    // Who has answered is not asked again at once.
                    stops.retain(|stop| heard.as_ref() != Some(&stop.label()));
                    self.visit(way, stops, (parcel, next), &mut round).await;
                }
                Err(nowhere) => return round.nowhere(nowhere),
            }
        }
        round.finish()
    }

    async fn visit(
        &mut self,
        way: &Way,
        stops: Vec<Stop>,
        (parcel, next): (Parcel<'_>, Option<Next<'_>>),
        round: &mut Round,
    ) {
        let sts = self.policy(way, &stops).await;
        for stop in stops {
            // The host that the kept line led to has been heard.
            self.done().await;
            round.via = Via {
                host: stop.label(),
                ..Via::default()
            };
            let then = match self.open(way, &stop, &sts).await {
                Ok(line) => {
                    let mut kept = Kept {
                        way: way.clone(),
                        host: stop.label(),
                        line,
                    };
                    let then = round.over(&mut kept, parcel, next).await;
                    self.kept = Some(kept);
                    self.drop_the_dead();
                    then.unwrap_or(Then::NextAddress)
                }
                Err(conversation) => round.heard(conversation),
            };
            if then != Then::NextAddress {
                return;
            }
        }
    }

    fn drop_the_dead(&mut self) {
        self.kept.take_if(|kept| kept.line.offers.is_none());
    }

    /// A line to an address, without TLS at the second try where that may be.
    async fn open(&self, way: &Way, stop: &Stop, sts: &Sts) -> Result<Line, Conversation<usize>> {
        if stop.address.is_none() {
            // What goes over a socket of this machine is seen by nobody else: TLS has nothing to add.
            let line = self.dial(way, stop, (TlsUse::Never, &Demand::Never)).await;
            return line.map_err(|failed| failed.conversation(way));
        }
        let published = match demand::asks_hosts(way, stop) {
            true => published::of(&self.parts.resolver, stop, sts).await,
            false => Published::NOTHING,
        };
        let demand = demand::demand(way, stop, &published);
        let using = match &demand {
            Demand::Refuse(refusal) => {
                let came = Came::Refused(refusal.reason);
                counted::session(self.parts, way, stop, &published, came);
                return Err(refused(way, stop, *refusal));
            }
            _ if stop.implicit_tls => TlsUse::Implicit,
            Demand::Never => TlsUse::Never,
            Demand::Opportunistic | Demand::Noted => TlsUse::Opportunistic,
            Demand::Encrypt | Demand::Verify | Demand::Dane(_) => TlsUse::Required,
        };
        let first = match self.dial(way, stop, (using, &demand)).await {
            Ok(line) => {
                counted::session(self.parts, way, stop, &published, Came::Up(&line));
                return Ok(line);
            }
            Err(first) => first,
        };
        if let Failed::Line(down) = &first {
            counted::session(self.parts, way, stop, &published, Came::Down(down));
        }
        let handshake =
            matches!(&first, Failed::Line(down) if down.failure.stage == Stage::StartTls);
        if !(handshake && using == TlsUse::Opportunistic) {
            return Err(first.conversation(way));
        }
        tracing::info!(
            host = stop.name,
            reason = first.text(),
            "TLS failed, and is not demanded: on without it"
        );
        let again = self.dial(way, stop, (TlsUse::Never, &demand)).await;
        again.map_err(|failed| failed.conversation(way))
    }

    /// The policy of MTA-STS that applies, where any may.
    async fn policy(&self, way: &Way, stops: &[Stop]) -> Sts {
        let by_mx = stops.iter().any(|stop| stop.found != Found::Named);
        if !by_mx || !demand::asks_policy(way) {
            return Sts::Nothing;
        }
        let Outgoing {
            policies, client, ..
        } = &self.parts.outgoing;
        let domain = way.mail_domain();
        let looked = policies.policy(self.parts, client, domain).await;
        if looked.failed {
            counted::no_policy(self.parts, domain);
        }
        looked.sts
    }

    async fn dial(
        &self,
        way: &Way,
        stop: &Stop,
        (using, demand): (TlsUse, &Demand),
    ) -> Result<Line, Failed> {
        let config = &self.parts.config;
        let mut session = ClientConfig::new(config.hostname.as_str());
        session.tls = using;
        bound(&mut session.timeouts, config.queue.reply.duration());
        if stop.lmtp {
            session.protocol = Protocol::Lmtp;
        }
        if let Some(name) = &stop.secret {
            session.login = Some(self.login(name).await.map_err(Failed::Dial)?);
        }
        let source = way.plan.source.as_deref();
        let stream = match stop.address {
            Some(address) => dial::connect(&config.queue, source, address).await,
            None => dial::socket(&config.queue, Path::new(&stop.name)).await,
        };
        let stream = stream.map_err(Failed::Dial)?;
        let tls = &self.parts.outgoing.tls;
        let terms = Terms {
            config: session,
            handshake: tls.handshake(demand, &stop.name, way.mail_domain()),
            name: &stop.name,
            write: config.timeouts.write.duration(),
        };
        Line::open(stream, terms).await.map_err(Failed::Line)
    }

    /// The login of a name; its file is read each time, so that it can be changed.
    async fn login(&self, name: &str) -> Result<Login, String> {
        let known = self.parts.config.queue.credentials.iter();
        let found = known.clone().find(|login| login.name == name);
        let found = found.ok_or_else(|| format!("there are no [[queue.credentials]] {name}"))?;
        let file = tokio::fs::read_to_string(&found.password_file).await;
        let text = file.map_err(|error| format!("{}: {error}", found.password_file.display()))?;
        let password = text.lines().next().unwrap_or_default();
        Ok(Login {
            credentials: Credentials::new(found.user.as_str(), password),
            nonce: format!("{:032x}", rand::random::<u128>()),
        })
    }
}

/// What it means that a host cannot be sent to at all.
fn refused(way: &Way, stop: &Stop, refusal: Refusal) -> Conversation<usize> {
    let text = format!("{}: {}", stop.name, refusal.reason);
    // What could not be found out is looked at again.
    if way.require_tls && !refusal.passing {
        return Conversation::Unfit(Failure {
            // RFC 8689 §4.2.1: encryption needed.
            status: "5.7.10".to_owned(),
            said: text,
            by_server: false,
        });
    }
    Conversation::Insecure(text)
}

/// No reply takes longer than is configured.
fn bound(timeouts: &mut ClientTimeouts, most: Duration) {
    for time in [
        &mut timeouts.greeting,
        &mut timeouts.command,
        &mut timeouts.mail,
        &mut timeouts.rcpt,
        &mut timeouts.data,
        &mut timeouts.block,
        &mut timeouts.content,
    ] {
        *time = (*time).min(most);
    }
}

/// Why there is no line.
enum Failed {
    Dial(String),
    Line(Down),
}

impl Failed {
    fn conversation(self, way: &Way) -> Conversation<usize> {
        match self {
            // RFC 8689 §4.2.1: a host without such TLS does not get it; another may. If none has it, the message comes back.
            Self::Line(down) if way.require_tls && is_unfit(&down) => {
                Conversation::Unfit(Failure {
                    status: "5.7.10".to_owned(),
                    said: Self::Line(down).text(),
                    by_server: false,
                })
            }
            Self::Dial(text) => Conversation::Unreachable(text),
            Self::Line(down) if down.failure.stage == Stage::StartTls => {
                Conversation::Insecure(Self::Line(down).text())
            }
            Self::Line(down) => heard::down(&down),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Dial(text) => text.clone(),
            Self::Line(down) => down
                .trouble
                .clone()
                .unwrap_or_else(|| heard::words(&down.failure)),
        }
    }
}

/// Whether a host has no TLS that will do: it offers none, refuses it for good, or shows a certificate that is not good. A handshake
/// that breaks, a 4yz and silence are passing trouble.
fn is_unfit(down: &Down) -> bool {
    let lasts = match &down.failure.cause {
        Cause::Lacks(_) => true,
        Cause::Reply(reply) => reply.code.is_permanent(),
        _ => down.noted.is_some(),
    };
    lasts && down.failure.stage == Stage::StartTls
}

/// An attempt while it goes from address to address.
struct Round {
    attempt: Attempt<usize>,
    /// The host that is talked to.
    via: Via,
    /// The host that said the last word about each recipient.
    vias: HashMap<usize, Via>,
}

impl Round {
    /// Sends over a line until it is of no more use for this message. None: the line had died before.
    async fn over(
        &mut self,
        kept: &mut Kept,
        parcel: Parcel<'_>,
        next: Option<Next<'_>>,
    ) -> Option<Then> {
        self.via = Via {
            host: kept.host.clone(),
            tls: kept.line.tls,
            ..Via::default()
        };
        for _ in 0..MAX_ROUNDS {
            let open: Vec<usize> = self.attempt.open().copied().collect();
            let Some(offers) = kept.line.offers.as_deref() else {
                break;
            };
            self.via.deliver_by = offers.deliver_by;
            let (message, content) = fitted(parcel, &open, offers);
            let next = next.and_then(|next| announced(next, offers));
            let outcome = kept.line.send(message, &content, next).await;
            if outcome.untried {
                return None;
            }
            self.via.dsn = outcome.dsn;
            let then = self.heard(heard::sent(&outcome, &open));
            if then != Then::SameAddress {
                return Some(then);
            }
        }
        Some(Then::Stop)
    }

    /// Takes in what the host that is talked to has said.
    fn heard(&mut self, conversation: Conversation<usize>) -> Then {
        let spoken_of: Vec<usize> = match &conversation {
            Conversation::Answered { recipients, .. } => {
                recipients.iter().map(|(one, _)| *one).collect()
            }
            _ => self.attempt.open().copied().collect(),
        };
        let said = spoken_of.into_iter().map(|one| (one, self.via.clone()));
        self.vias.extend(said);
        self.attempt.heard(conversation)
    }

    fn finish(mut self) -> Tried {
        let result = self.attempt.finish();
        let end = |(place, fate)| End {
            place,
            fate,
            via: self.vias.remove(&place).unwrap_or_default(),
        };
        Tried {
            ends: result.recipients.into_iter().map(end).collect(),
            unreached: result.back_off,
        }
    }

    fn nowhere(self, nowhere: Nowhere) -> Tried {
        let failure = Failure {
            status: nowhere.status,
            said: nowhere.text,
            by_server: false,
        };
        let fate = |failure: Failure| match nowhere.permanent {
            true => Fate::Permanent(failure),
            false => Fate::Transient(failure),
        };
        let open: Vec<usize> = self.attempt.open().copied().collect();
        let mut tried = self.finish();
        for end in &mut tried.ends {
            if open.contains(&end.place) {
                end.fate = fate(failure.clone());
            }
        }
        tried
    }
}

/// The message as the host takes it: what needs 8 bits and finds 7 is converted, if it can be.
fn fitted(parcel: Parcel<'_>, recipients: &[usize], offers: &Offers) -> (Sent, Bytes) {
    let mut envelope = facts::envelope(parcel.leg, recipients, now_millis());
    let mut content = parcel.content.clone();
    if !takes(offers, envelope.body)
        && let Ok(converted) = waxwing_message::seven_bit(&content)
    {
        content = converted.into();
        envelope.body = Body::SevenBit;
    }
    let size = content.len() as u64;
    (Sent { envelope, size }, content)
}

/// What a host can be told of a message before its content is there, if that need not be converted.
fn announced(next: Next<'_>, offers: &Offers) -> Option<Sent> {
    let envelope = facts::envelope(next.leg, next.recipients, now_millis());
    takes(offers, envelope.body).then_some(Sent {
        envelope,
        size: next.leg.message.size,
    })
}

/// Whether a host takes such content.
fn takes(offers: &Offers, body: Body) -> bool {
    match body {
        Body::SevenBit => true,
        Body::EightBitMime => offers.eight_bit,
        Body::BinaryMime => offers.binary && offers.chunking,
    }
}

/// The last words about a recipient.
pub(super) fn words(fate: &Fate) -> String {
    match fate {
        Fate::Relayed(Said { code, text }) => format!("{code} {text}"),
        Fate::Transient(failure) | Fate::Permanent(failure) => failure.said.clone(),
    }
}

#[cfg(test)]
mod tests {
    use rustls::CertificateError;
    use waxwing_mail::Reply;
    use waxwing_smtp::client::Lack;

    use super::*;

    #[test]
    fn only_what_lasts_makes_a_host_unfit_for_what_requires_tls() {
        let down = |stage, cause, noted| Down {
            failure: waxwing_smtp::client::Failure { stage, cause },
            trouble: None,
            noted,
        };
        let at_tls = |cause| down(Stage::StartTls, cause, None);
        let reply = |code| Cause::Reply(Reply::new(code, None, "hm"));
        assert!(is_unfit(&at_tls(Cause::Lacks(Lack::StartTls))));
        assert!(is_unfit(&at_tls(reply(502))));
        let bad = rustls::Error::InvalidCertificate(CertificateError::Expired);
        assert!(is_unfit(&down(Stage::StartTls, Cause::Closed, Some(bad))));
        // RFC 3207 §4: TLS not available due to temporary reason.
        assert!(!is_unfit(&at_tls(reply(454))));
        assert!(!is_unfit(&at_tls(Cause::Closed)));
        assert!(!is_unfit(&at_tls(Cause::TimedOut)));
        assert!(!is_unfit(&down(Stage::Greeting, reply(554), None)));
    }
}
