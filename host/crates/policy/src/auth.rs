//! What is known of who a message is from (RFC 8601), as the host hands it to policy and plugins ask for it.

/// A result (RFC 8601 §2.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthVerdict {
    /// There is nothing to verify, or nothing was verified.
    #[default]
    None,
    /// It holds.
    Pass,
    /// It does not.
    Fail,
    /// Probably not.
    SoftFail,
    /// No statement either way.
    Neutral,
    /// It holds, but not for this server's taste.
    Policy,
    /// Something did not answer.
    TempError,
    /// What was published cannot be read.
    PermError,
}

/// What a domain asks for its mail (RFC 7489 §6.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DmarcPolicy {
    /// No record.
    #[default]
    Absent,
    /// Nothing.
    None,
    /// To be put aside.
    Quarantine,
    /// To be refused.
    Reject,
}

/// A result about a domain or a name of a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DomainVerdict {
    /// The result.
    pub verdict: AuthVerdict,
    /// About whom.
    pub domain: String,
    /// For people.
    pub detail: String,
}

/// A result about a signature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DkimVerdict {
    /// The result.
    pub verdict: AuthVerdict,
    /// `d=`.
    pub domain: String,
    /// `s=`.
    pub selector: String,
    /// `a=`.
    pub algorithm: String,
    /// `t=y`.
    pub testing: bool,
    /// For people.
    pub detail: String,
}

/// A result about the author's domain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DmarcVerdict {
    /// The result.
    pub verdict: AuthVerdict,
    /// The domain of the From field.
    pub from_domain: String,
    /// The domain whose record counted.
    pub record_domain: String,
    /// What it asks for.
    pub policy: DmarcPolicy,
    /// SPF passed for a domain that fits.
    pub spf_aligned: bool,
    /// A signature of a domain that fits holds.
    pub dkim_aligned: bool,
}

/// A result about those who passed the message on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArcVerdict {
    /// The result.
    pub verdict: AuthVerdict,
    /// Who sealed it, newest first.
    pub sealers: Vec<String>,
}

/// All results of a message; what was not computed is [`AuthVerdict::None`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthResults {
    /// The client's name and address.
    pub iprev: DomainVerdict,
    /// SPF of the greeting.
    pub spf_helo: DomainVerdict,
    /// SPF of the reverse-path.
    pub spf: DomainVerdict,
    /// Each signature.
    pub dkim: Vec<DkimVerdict>,
    /// The author's domain.
    pub dmarc: DmarcVerdict,
    /// The chain of sealers.
    pub arc: ArcVerdict,
}
