//! How SORT orders messages (RFC 5256, RFC 5957).

/// What messages are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKey {
    /// `ARRIVAL`: the internal date.
    Arrival,
    /// `CC`: the local part of the first address of Cc.
    Cc,
    /// `DATE`: when it was sent.
    Date,
    /// `FROM`
    From,
    /// `SIZE`
    Size,
    /// `SUBJECT`: the base subject.
    Subject,
    /// `TO`
    To,
    /// `DISPLAYFROM`: how the first author is shown (RFC 5957).
    DisplayFrom,
    /// `DISPLAYTO`
    DisplayTo,
    /// `RELEVANCY`: what fits best comes first (RFC 6203 §6).
    Relevancy,
}

impl SortKey {
    /// All of them with their names.
    pub const ALL: [(Self, &'static str); 10] = [
        (Self::Arrival, "ARRIVAL"),
        (Self::Cc, "CC"),
        (Self::Date, "DATE"),
        (Self::From, "FROM"),
        (Self::Size, "SIZE"),
        (Self::Subject, "SUBJECT"),
        (Self::To, "TO"),
        (Self::DisplayFrom, "DISPLAYFROM"),
        (Self::DisplayTo, "DISPLAYTO"),
        (Self::Relevancy, "RELEVANCY"),
    ];

    /// Whether the row alone does not tell it.
    #[must_use]
    pub fn needs_summary(self) -> bool {
        !matches!(self, Self::Arrival | Self::Size | Self::Relevancy)
    }
}

/// One of the criteria of SORT, the first of which counts most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortCriterion {
    /// By what.
    pub key: SortKey,
    /// `REVERSE`: descending.
    pub reverse: bool,
}
