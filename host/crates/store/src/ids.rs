//! Row numbers, one type each, never used twice.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// A domain served here.
    DomainId
);
id!(
    /// An account.
    AccountId
);
id!(
    /// A mailbox; a re-created mailbox of the same path has another number.
    MailboxId
);
id!(
    /// A queued message's way to one destination.
    LegId
);
id!(
    /// A lease of legs: what tells a worker's turn from the next one's.
    LeaseId
);
id!(
    /// The content of one message, shared by its copies.
    BlobId
);
