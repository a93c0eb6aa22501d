//! What is bounded, as the capability of the core tells it (RFC 8620 §2).

/// Limits of requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Octets of an upload.
    pub size_upload: u64,
    /// Uploads of an account at a time.
    pub concurrent_upload: u32,
    /// Octets of a request.
    pub size_request: usize,
    /// Requests of an account at a time.
    pub concurrent_requests: u32,
    /// Calls in a request.
    pub calls_in_request: usize,
    /// Objects that one call gets.
    pub objects_in_get: usize,
    /// Objects that one call creates, updates and destroys, or copies.
    pub objects_in_set: usize,
    /// Seconds for which a message may be held back (RFC 8621 §1.3.2).
    pub delayed_send: u64,
    /// Levels of mailboxes (RFC 8621 §1.3.1).
    pub mailbox_depth: usize,
    /// Octets of a mailbox's name (RFC 8621 §1.3.1).
    pub size_mailbox_name: usize,
    /// Octets of a content that a call puts together (RFC 9404 §3.1).
    pub size_blob_set: u64,
    /// Sources of such a content (RFC 9404 §3.1).
    pub data_sources: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            size_upload: 50_000_000,
            // RFC 8620 §2: 4 is suggested as the least for both.
            concurrent_upload: 4,
            size_request: 10_000_000,
            concurrent_requests: 8,
            // RFC 8620 §2: 16 is suggested as the least, and 500 objects.
            calls_in_request: 32,
            objects_in_get: 1000,
            objects_in_set: 1000,
            delayed_send: 0,
            mailbox_depth: 32,
            size_mailbox_name: 255,
            // All of it is in memory at once.
            size_blob_set: 8 << 20,
            // RFC 9404 §3.1: 64 at least.
            data_sources: 256,
        }
    }
}
