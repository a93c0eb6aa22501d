//! The words for results.

/// What came of a method (RFC 8601 §2.7.1); SPF, whose words differ, has its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// There was nothing to verify.
    #[default]
    None,
    /// It holds.
    Pass,
    /// It does not.
    Fail,
    /// It is not acceptable here, whether it holds or not.
    Policy,
    /// It could not be read.
    Neutral,
    /// The DNS did not answer.
    TempError,
    /// What is needed to verify it is missing or wrong for good.
    PermError,
}

impl Verdict {
    /// As header fields say it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Policy => "policy",
            Self::Neutral => "neutral",
            Self::TempError => "temperror",
            Self::PermError => "permerror",
        }
    }
}
