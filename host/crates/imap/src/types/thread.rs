//! How THREAD groups messages (RFC 5256 §3; draft-ietf-morg-inthread).

/// An algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThreadAlgorithm {
    /// `ORDEREDSUBJECT`: by the base subject.
    OrderedSubject,
    /// `REFERENCES`: by what replies to what.
    References,
    /// `REFS`: by what replies to what, whatever the subjects say, and in the order of what came last in each.
    Refs,
}

impl ThreadAlgorithm {
    /// All of them with their names.
    pub const ALL: [(Self, &'static str); 3] = [
        (Self::OrderedSubject, "ORDEREDSUBJECT"),
        (Self::References, "REFERENCES"),
        (Self::Refs, "REFS"),
    ];
}
