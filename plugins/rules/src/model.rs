//! What a rule file says, once it has been read and found good.

use ipnet::IpNet;

/// All rules in an order in which each comes after those that it names.
#[derive(Debug, Default)]
pub struct RuleSet {
    /// The rules.
    pub rules: Vec<Rule>,
    /// Every regular expression; [`Expr::Pattern`] counts them from 0. The host matches all in one pass.
    pub patterns: Vec<Pattern>,
}

impl RuleSet {
    /// The names of the header fields that rules want to be there or not, sorted.
    #[must_use]
    pub fn fields(&self) -> Vec<String> {
        let mut names = Vec::new();
        self.each_test(&mut |test| {
            if let Expr::Fact(Fact::HeaderExists(name, _)) = test {
                names.push(name.clone());
            }
        });
        names.sort();
        names.dedup();
        names
    }

    /// Whether a rule asks for what other plugins found.
    #[must_use]
    pub fn looks_at_findings(&self) -> bool {
        let mut looks = false;
        self.each_test(&mut |test| looks |= matches!(test, Expr::Finding(_)));
        looks
    }

    fn each_test(&self, look: &mut impl FnMut(&Expr)) {
        let mut ahead: Vec<&Expr> = self.rules.iter().map(|rule| &rule.condition).collect();
        while let Some(expr) = ahead.pop() {
            match expr {
                Expr::All(inner) | Expr::Any(inner) => ahead.extend(inner),
                Expr::Not(inner) => ahead.push(inner),
                test => look(test),
            }
        }
    }
}

/// What a regular expression is matched against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// Every field of this name (lower-case), decoded and unfolded.
    Header(String),
    /// Every field as `Name: value`.
    AnyHeader,
    /// The text that a reader sees.
    Body,
    /// The HTML source.
    Html,
    /// The message as it came.
    Raw,
    /// Each address of a page or picture.
    Url,
    /// Each attachment's file name.
    Attachment,
    /// The reverse-path; empty for the null one.
    Sender,
    /// Each recipient.
    Recipient,
    /// The name in EHLO or HELO.
    Helo,
}

/// One regular expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// What it is matched against.
    pub subject: Subject,
    /// In the syntax of the host's engine (no look-around, no back-references).
    pub regex: String,
    /// Letters match in both cases.
    pub case_insensitive: bool,
    /// Where it stands, as a JSON pointer into the settings.
    pub pointer: String,
}

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name, which is the finding's.
    pub name: String,
    /// What it means, for whoever asks why.
    pub description: String,
    /// What it adds to the score; none: a building block for other rules, not reported.
    pub score: Option<f64>,
    /// When it holds.
    pub condition: Expr,
    /// What it decides by itself.
    pub then: Option<Then>,
    /// Nobody hears of it but rules that name it, and it names none: it is looked at when one of them wants to know.
    pub on_demand: bool,
}

/// What a rule decides without regard to the score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// Take it; later rules of the chain and thresholds do not count.
    Accept,
    /// 450 with this text.
    Defer(String),
    /// 550 with this text.
    Reject(String),
    /// Answer 250 and drop it.
    Discard,
    /// Keep it for the operator.
    Quarantine,
}

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// The pattern of this number matches.
    Pattern(usize),
    /// Something known of the message or the session.
    Fact(Fact),
    /// The rule of this index in [`RuleSet::rules`] holds.
    Rule(usize),
    /// An earlier plugin has this finding.
    Finding(String),
    /// All hold; an empty list holds.
    All(Vec<Expr>),
    /// One holds.
    Any(Vec<Expr>),
    /// It does not hold.
    Not(Box<Expr>),
}

/// A test that needs no regular expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// A field of this name is there (or not).
    HeaderExists(String, bool),
    /// A part has one of these types; `image/*` means all of them.
    AttachmentType(Vec<String>),
    /// More attachments than this.
    AttachmentsOver(u64),
    /// More recipients than this.
    RecipientsOver(u64),
    /// More octets than this.
    SizeOver(u64),
    /// Fewer octets than this.
    SizeUnder(u64),
    /// The client is in one of these networks.
    Client(Vec<IpNet>),
    /// The client logged in (or not).
    Authenticated(bool),
    /// The connection is encrypted (or not).
    Tls(bool),
}
