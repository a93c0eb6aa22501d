//! How THREAD groups messages (RFC 5256 §3).

/// An algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThreadAlgorithm {
    /// `ORDEREDSUBJECT`: by the base subject.
    OrderedSubject,
    /// `REFERENCES`: by what replies to what.
    References,
}

impl ThreadAlgorithm {
    /// All of them with their names.
    pub const ALL: [(Self, &'static str); 2] = [
        (Self::OrderedSubject, "ORDEREDSUBJECT"),
        (Self::References, "REFERENCES"),
    ];
}
