//! What an attempt means: which host comes next, which recipients are done, which are tried again, whether the whole
//! destination is to be left alone for a while.
//!
//! Standards: RFC 5321 §4.2.1 (classes of replies), §4.5.4 (retrying), §5.1 (each address in turn), RFC 7504 (521).

/// A reply of the other server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The code, 200 to 599.
    pub code: u16,
    /// The text, lines joined; its enhanced status code first, if it has one.
    pub text: String,
}

/// How a conversation with one address ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conversation<R> {
    /// No connection, no TLS where it was demanded, or it broke or fell silent before MAIL was answered.
    Unreachable(String),
    /// TLS that is demanded could not be had, or not with a certificate that will do: it may be put right (RFC 8461 §5, RFC 7672 §2.2).
    Insecure(String),
    /// A 4yz or 5yz greeting, or such a reply to EHLO.
    Refused(Said),
    /// The host does not offer what the message needs (RFC 6531 §3.6, RFC 6152 §3, RFC 8689 §4.2.1, RFC 1870 §6): another may.
    Unfit(Failure),
    /// A 4yz or 5yz reply to MAIL.
    SenderRefused(Said),
    /// Recipients were answered.
    Answered {
        /// What was said of each; not every recipient need be among them if the connection broke.
        recipients: Vec<(R, Said)>,
        /// What became of the content for those that were accepted.
        content: Content<R>,
    },
}

/// What became of a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content<R> {
    /// Nobody was accepted, so it was not sent.
    NotSent,
    /// The reply to DATA, BDAT or the end of the content: the server has taken it or not.
    Answered(Said),
    /// A reply to the content for each recipient that was accepted (RFC 2033 §4.2).
    Each(Vec<(R, Said)>),
    /// The connection broke or fell silent before that reply.
    Lost(String),
}

/// What became of a recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// The next host has it.
    Relayed(Said),
    /// To be tried again.
    Transient(Failure),
    /// Given up.
    Permanent(Failure),
}

/// Why a recipient was not relayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The enhanced status code (RFC 3463).
    pub status: String,
    /// What was said, or what happened.
    pub said: String,
    /// Whether the other server said it: then it is a diagnostic code of SMTP (RFC 3464 §2.3.6).
    pub by_server: bool,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The next address, if there is one, with the recipients that are open.
    NextAddress,
    /// The same address again, with the recipients that are open: it took as many as it takes at a time.
    SameAddress,
    /// Nothing more this time.
    Stop,
}

/// An attempt on a destination, over all its addresses.
#[derive(Debug)]
pub struct Attempt<R> {
    open: Vec<(R, Option<Failure>)>,
    done: Vec<(R, Fate)>,
    /// Addresses that were tried, and those of them that will never take mail.
    tried: u32,
    never: u32,
    reached: bool,
}

/// What an attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Result<R> {
    /// Every recipient with its fate.
    pub recipients: Vec<(R, Fate)>,
    /// No address was reached: the destination as a whole is to be left alone for a while.
    pub back_off: bool,
}

impl Said {
    fn is_positive(&self) -> bool {
        (200..400).contains(&self.code)
    }

    /// What is neither 4yz nor 5yz where only those make sense is not understood, and comes again.
    fn is_permanent(&self) -> bool {
        (500..600).contains(&self.code)
    }

    /// The enhanced status code at the start of the text, if it is of the reply's class (RFC 2034 §3); else the class.
    pub fn status(&self) -> String {
        let class = if self.is_permanent() { '5' } else { '4' };
        let first = self
            .text
            .split_ascii_whitespace()
            .next()
            .unwrap_or_default();
        if is_status(first) && first.starts_with(class) {
            return first.to_owned();
        }
        format!("{class}.0.0")
    }

    fn failure(&self) -> Failure {
        Failure {
            status: self.status(),
            said: format!("{} {}", self.code, self.text),
            by_server: true,
        }
    }
}

/// RFC 3463 §2: class "." subject "." detail, of up to three digits each.
fn is_status(text: &str) -> bool {
    let mut parts = text.split('.');
    let number =
        |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let three = [parts.next(), parts.next(), parts.next()];
    three.iter().all(|part| part.is_some_and(number)) && parts.next().is_none()
}

fn trouble(status: &str, what: &str) -> Failure {
    Failure {
        status: status.to_owned(),
        said: what.to_owned(),
        by_server: false,
    }
}

impl<R: Clone + PartialEq> Attempt<R> {
    /// An attempt for these recipients.
    pub fn new(recipients: impl IntoIterator<Item = R>) -> Attempt<R> {
        Attempt {
            open: recipients
                .into_iter()
                .map(|recipient| (recipient, None))
                .collect(),
            done: Vec::new(),
            tried: 0,
            never: 0,
            reached: false,
        }
    }

    /// The recipients to be sent to next.
    pub fn open(&self) -> impl Iterator<Item = &R> {
        self.open.iter().map(|(recipient, _)| recipient)
    }

    /// Takes in how the conversation with one address ended.
    pub fn heard(&mut self, conversation: Conversation<R>) -> Then {
        self.tried = self.tried.saturating_add(1);
        match conversation {
            Conversation::Unreachable(what) => {
                // RFC 3463 §3.5: X.4.1, no answer from host.
                self.all_failed(&trouble("4.4.1", &what));
                Then::NextAddress
            }
            Conversation::Insecure(what) => {
                self.reached = true;
                // RFC 3463 §3.8: X.7.5, cryptographic failure.
                self.all_failed(&trouble("4.7.5", &what));
                Then::NextAddress
            }
            Conversation::Refused(said) => {
                self.reached = true;
                // RFC 7504 §3, RFC 5321 §3.1: this host takes none; another may.
                self.never = self.never.saturating_add(u32::from(said.is_permanent()));
                self.all_failed(&said.failure());
                Then::NextAddress
            }
            Conversation::Unfit(failure) => {
                self.reached = true;
                self.never = self.never.saturating_add(1);
                self.all_failed(&failure);
                Then::NextAddress
            }
            Conversation::SenderRefused(said) if said.is_permanent() => {
                self.reached = true;
                for (recipient, _) in self.open.drain(..) {
                    self.done.push((recipient, Fate::Permanent(said.failure())));
                }
                Then::Stop
            }
            Conversation::SenderRefused(said) => {
                self.reached = true;
                self.all_failed(&said.failure());
                Then::NextAddress
            }
            Conversation::Answered {
                recipients,
                content,
            } => {
                self.reached = true;
                self.answered(recipients, content)
            }
        }
    }

    fn all_failed(&mut self, failure: &Failure) {
        for (_, last) in &mut self.open {
            *last = Some(failure.clone());
        }
    }

    fn answered(&mut self, replies: Vec<(R, Said)>, content: Content<R>) -> Then {
        let mut accepted = false;
        let mut too_many = false;
        for (recipient, said) in replies {
            let Some(at) = self.open.iter().position(|(open, _)| *open == recipient) else {
                continue;
            };
            if said.is_positive() {
                accepted = true;
                // Whatever it is: who has had an answer to the content is not sent to again at once.
                let (recipient, _) = self.open.remove(at);
                let fate = content.fate_of(&recipient);
                self.done.push((recipient, fate));
                continue;
            }
            // RFC 5321 §4.5.3.1.10: 552 to RCPT is to be taken for 452, too many recipients. To the content, it is a full mailbox.
            too_many |= matches!(said.code, 452 | 552);
            let mut failure = said.failure();
            if said.is_permanent() && said.code != 552 {
                let (recipient, _) = self.open.remove(at);
                self.done.push((recipient, Fate::Permanent(failure)));
            } else if let Some((_, last)) = self.open.get_mut(at) {
                if said.code == 552 {
                    failure.status = "4.5.3".to_owned();
                }
                *last = Some(failure);
            }
        }
        match (
            self.open.is_empty(),
            content.is_taken() && too_many,
            accepted,
        ) {
            (true, ..) => Then::Stop,
            (false, true, _) => Then::SameAddress,
            // RFC 5321 §4.5.3.2.6: whether a lost reply was a yes is not known. Not at once, and not by another host.
            (false, false, true) => Then::Stop,
            (false, false, false) => Then::NextAddress,
        }
    }

    /// What it came to, when no address is left or [`Then::Stop`] was said.
    pub fn finish(self) -> Result<R> {
        // Every host there is says that it takes no mail: it is not going to.
        let never = self.tried > 0 && self.never == self.tried;
        let mut recipients = self.done;
        for (recipient, failure) in self.open {
            let failure = failure.unwrap_or_else(|| trouble("4.4.2", "not tried yet"));
            recipients.push((
                recipient,
                match never {
                    true => Fate::Permanent(failure),
                    false => Fate::Transient(failure),
                },
            ));
        }
        Result {
            recipients,
            back_off: self.tried > 0 && !self.reached,
        }
    }
}

impl<R: PartialEq> Content<R> {
    /// Whether the server has it for anybody.
    fn is_taken(&self) -> bool {
        match self {
            Content::Answered(said) => said.is_positive(),
            Content::Each(answers) => answers.iter().any(|(_, said)| said.is_positive()),
            Content::NotSent | Content::Lost(_) => false,
        }
    }

    /// What its end means for a recipient that was accepted.
    fn fate_of(&self, recipient: &R) -> Fate {
        match self {
            Content::Answered(said) => fate_by(said),
            Content::Each(answers) => {
                let own = answers.iter().find(|(one, _)| one == recipient);
                let unanswered =
                    || Fate::Transient(trouble("4.4.2", "the content was not answered"));
                own.map_or_else(unanswered, |(_, said)| fate_by(said))
            }
            // RFC 3463 §3.5: X.4.2, bad connection.
            Content::Lost(what) => Fate::Transient(trouble("4.4.2", what)),
            Content::NotSent => Fate::Transient(trouble("4.4.2", "the content was not sent")),
        }
    }
}

/// What a reply to the content means.
fn fate_by(said: &Said) -> Fate {
    match said {
        said if said.is_positive() => Fate::Relayed(said.clone()),
        said if said.is_permanent() => Fate::Permanent(said.failure()),
        said => Fate::Transient(said.failure()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(code: u16, text: &str) -> Said {
        Said {
            code,
            text: text.to_owned(),
        }
    }

    fn answered(replies: &[(u8, u16)], content: Content<u8>) -> Conversation<u8> {
        let recipients = replies
            .iter()
            .map(|(r, code)| (*r, said(*code, "hm")))
            .collect();
        Conversation::Answered {
            recipients,
            content,
        }
    }

    fn taken() -> Content<u8> {
        Content::Answered(said(250, "2.0.0 OK"))
    }

    /// R relayed, T transient, P permanent; by recipient.
    fn fates(attempt: Attempt<u8>) -> String {
        let mut fates = attempt.finish().recipients;
        fates.sort_by_key(|(recipient, _)| *recipient);
        let letter = |fate: &Fate| match fate {
            Fate::Relayed(_) => 'R',
            Fate::Transient(_) => 'T',
            Fate::Permanent(_) => 'P',
        };
        fates.iter().map(|(_, fate)| letter(fate)).collect()
    }

    #[test]
    fn a_host_that_lacks_something_gives_way_to_another() {
        let unfit = || {
            Conversation::Unfit(Failure {
                status: "5.6.7".to_owned(),
                said: "no SMTPUTF8".to_owned(),
                by_server: false,
            })
        };
        let mut attempt = Attempt::new([1]);
        assert_eq!(attempt.heard(unfit()), Then::NextAddress);
        assert_eq!(attempt.heard(answered(&[(1, 250)], taken())), Then::Stop);
        assert_eq!(fates(attempt), "R");
        let mut alone = Attempt::new([1]);
        alone.heard(unfit());
        assert_eq!(fates(alone), "P", "every host lacks it");
        let mut one_of_two = Attempt::new([1]);
        one_of_two.heard(unfit());
        one_of_two.heard(Conversation::Unreachable("no answer".to_owned()));
        assert_eq!(fates(one_of_two), "T", "the other may have it");
    }

    #[test]
    fn each_recipient_for_itself() {
        let mut attempt = Attempt::new([1, 2, 3]);
        let then = attempt.heard(answered(&[(1, 250), (2, 550), (3, 450)], taken()));
        assert_eq!(then, Then::Stop);
        assert_eq!(fates(attempt), "RPT");
    }

    #[test]
    fn addresses_are_tried_in_turn() {
        let mut attempt = Attempt::new([1]);
        assert_eq!(
            attempt.heard(Conversation::Unreachable("refused".to_owned())),
            Then::NextAddress
        );
        assert_eq!(
            attempt.heard(Conversation::Refused(said(421, "busy"))),
            Then::NextAddress
        );
        assert_eq!(
            attempt.heard(Conversation::SenderRefused(said(451, "later"))),
            Then::NextAddress
        );
        assert_eq!(
            attempt.heard(answered(&[(1, 450)], Content::NotSent)),
            Then::NextAddress
        );
        assert_eq!(attempt.heard(answered(&[(1, 250)], taken())), Then::Stop);
        assert_eq!(fates(attempt), "R");
    }

    #[test]
    fn a_destination_that_is_not_reached_is_left_alone() {
        let mut attempt = Attempt::new([1]);
        attempt.heard(Conversation::Unreachable("no route".to_owned()));
        attempt.heard(Conversation::Unreachable("timed out".to_owned()));
        let result = attempt.finish();
        assert!(result.back_off);
        let Fate::Transient(failure) = &result.recipients[0].1 else {
            panic!("{result:?}");
        };
        assert_eq!(
            (failure.status.as_str(), failure.said.as_str()),
            ("4.4.1", "timed out")
        );
        assert!(!Attempt::new([1]).finish().back_off);
    }

    #[test]
    fn only_if_all_hosts_refuse_for_good_it_is_for_good() {
        let mut attempt = Attempt::new([1]);
        attempt.heard(Conversation::Refused(said(521, "no mail here")));
        attempt.heard(Conversation::Unreachable("timed out".to_owned()));
        assert_eq!(fates(attempt), "T");
        let mut attempt = Attempt::new([1]);
        attempt.heard(Conversation::Refused(said(554, "no")));
        attempt.heard(Conversation::Refused(said(521, "no")));
        assert_eq!(fates(attempt), "P");
    }

    #[test]
    fn a_sender_refused_for_good_ends_it() {
        let mut attempt = Attempt::new([1, 2]);
        assert_eq!(
            attempt.heard(Conversation::SenderRefused(said(550, "5.7.1 no"))),
            Then::Stop
        );
        assert_eq!(fates(attempt), "PP");
    }

    #[test]
    fn a_lost_reply_waits_and_asks_nobody_else() {
        let mut attempt = Attempt::new([1, 2]);
        let lost = Content::Lost("connection reset".to_owned());
        assert_eq!(
            attempt.heard(answered(&[(1, 250), (2, 550)], lost)),
            Then::Stop
        );
        assert_eq!(fates(attempt), "TP");
    }

    #[test]
    fn too_many_at_a_time_go_in_turns() {
        let mut attempt = Attempt::new([1, 2, 3]);
        assert_eq!(
            attempt.heard(answered(&[(1, 250), (2, 452), (3, 552)], taken())),
            Then::SameAddress
        );
        assert_eq!(attempt.open().copied().collect::<Vec<_>>(), [2, 3]);
        assert_eq!(
            attempt.heard(answered(&[(2, 250), (3, 250)], taken())),
            Then::Stop
        );
        assert_eq!(fates(attempt), "RRR");
    }

    #[test]
    fn a_mailbox_that_is_full_is_not_too_many_recipients() {
        // RFC 2033 §4.2: 452 to the content, of one recipient.
        let each = |codes: &[(u8, u16)]| {
            let answers = codes.iter().map(|(r, code)| (*r, said(*code, "hm")));
            Content::Each(answers.collect())
        };
        let mut attempt = Attempt::new([1, 2]);
        let content = each(&[(1, 250), (2, 452)]);
        assert_eq!(
            attempt.heard(answered(&[(1, 250), (2, 250)], content)),
            Then::Stop
        );
        assert_eq!(fates(attempt), "RT");
        // Too many at RCPT are sent to at once, and the full mailbox is not.
        let mut attempt = Attempt::new([1, 2, 3]);
        let content = each(&[(1, 250), (2, 452)]);
        let then = attempt.heard(answered(&[(1, 250), (2, 250), (3, 452)], content));
        assert_eq!(then, Then::SameAddress);
        assert_eq!(attempt.open().copied().collect::<Vec<_>>(), [3]);
        attempt.heard(answered(&[(3, 250)], each(&[(3, 552)])));
        assert_eq!(fates(attempt), "RTP");
    }

    #[test]
    fn statuses_are_of_the_class_of_the_reply() {
        assert_eq!(said(550, "5.1.1 unknown").status(), "5.1.1");
        assert_eq!(said(550, "4.1.1 odd").status(), "5.0.0");
        assert_eq!(said(450, "come back").status(), "4.0.0");
        assert_eq!(said(550, "5.1111.1 odd").status(), "5.0.0");
        assert_eq!(said(550, "5.1.1.1").status(), "5.0.0");
    }

    fn any_conversation() -> impl Strategy<Value = Conversation<u8>> {
        let code = prop_oneof![
            Just(250u16),
            Just(450),
            Just(452),
            Just(550),
            Just(552),
            Just(421),
            any::<u16>()
        ];
        let content = (code.clone(), 0u8..4).prop_map(|(code, kind)| match kind {
            0 => Content::NotSent,
            1 => Content::Lost("lost".to_owned()),
            2 => Content::Each(vec![(0, said(code, "hm")), (3, said(250, "hm"))]),
            _ => Content::Answered(said(code, "hm")),
        });
        let replies = prop::collection::vec((0u8..6, code.clone()), 0..8);
        prop_oneof![
            Just(Conversation::Unreachable("gone".to_owned())),
            code.clone()
                .prop_map(|code| Conversation::Refused(said(code, "no"))),
            code.prop_map(|code| Conversation::SenderRefused(said(code, "no"))),
            (replies, content).prop_map(|(replies, content)| answered(&replies, content)),
        ]
    }

    proptest! {
        #[test]
        fn every_recipient_has_one_fate(conversations in prop::collection::vec(any_conversation(), 0..6)) {
            let mut attempt = Attempt::new(0u8..5);
            for conversation in conversations {
                attempt.heard(conversation);
            }
            let mut recipients: Vec<u8> = attempt.finish().recipients.into_iter().map(|(r, _)| r).collect();
            recipients.sort_unstable();
            prop_assert_eq!(recipients, (0..5).collect::<Vec<_>>());
        }
    }
}
