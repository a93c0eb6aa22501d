//! How a step fails: each cause has its own word, for the ledger, the figures and the operator.

use std::fmt;

/// Why a call of a plugin has no answer that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The plugin said so: something it needs did not answer.
    Unavailable(String),
    /// The plugin said so: a fault of its own.
    Internal(String),
    /// It trapped.
    Trap(String),
    /// It took longer than `deadline-ms`.
    Deadline,
    /// It computed longer than `cpu-ms`.
    Cpu,
    /// It wanted more than `memory-mib`.
    Memory,
    /// It called the host more often than `host-calls`, or said more than `output-kib`.
    Limit(&'static str),
    /// Its answer makes no sense.
    Nonsense(String),
    /// No instance came free in time.
    Overload,
    /// It could not be set up.
    Init(String),
    /// It failed so often that it was not asked.
    Broken,
    /// One of the others, and what led to it.
    Explained(Box<Fault>, Box<str>),
}

impl Fault {
    /// The word in figures and ledger.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "unavailable",
            Self::Internal(_) => "internal",
            Self::Trap(_) => "trap",
            Self::Deadline => "deadline",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Limit(_) => "limit",
            Self::Nonsense(_) => "nonsense",
            Self::Overload => "overload",
            Self::Init(_) => "init",
            Self::Broken => "broken",
            Self::Explained(fault, _) => fault.word(),
        }
    }

    /// The limit that was hit, by its name in `policy.toml`.
    pub(crate) fn limit(&self) -> Option<&'static str> {
        match self {
            Self::Deadline => Some("deadline-ms"),
            Self::Cpu => Some("cpu-ms"),
            Self::Memory => Some("memory-mib"),
            Self::Limit(name) => Some(name),
            Self::Explained(fault, _) => fault.limit(),
            _ => None,
        }
    }

    /// Whether the step is to blame: not for what it needs and does not get, nor for what it was not asked.
    pub(crate) fn is_its_own(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Overload | Self::Broken => false,
            Self::Explained(fault, _) => fault.is_its_own(),
            _ => true,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(text) => write!(f, "unavailable: {text}"),
            Self::Internal(text) => write!(f, "internal error: {text}"),
            Self::Trap(text) => write!(f, "trapped: {text}"),
            Self::Deadline => f.write_str("took longer than deadline-ms"),
            Self::Cpu => f.write_str("computed longer than cpu-ms"),
            Self::Memory => f.write_str("wanted more memory than memory-mib"),
            Self::Limit(what) => write!(f, "went beyond {what}"),
            Self::Nonsense(text) => write!(f, "answered nonsense: {text}"),
            Self::Overload => f.write_str("no instance came free before deadline-ms"),
            Self::Init(text) => write!(f, "could not be set up: {text}"),
            Self::Broken => f.write_str("was not asked: it keeps failing, its breaker is open"),
            Self::Explained(fault, trail) => write!(f, "{fault}{trail}"),
        }
    }
}
