//! What one call of a hook may use.

use std::time::Duration;

/// What one call of a hook may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Time, waiting for host calls included.
    pub(crate) deadline: Duration,
    /// Time in the guest itself.
    pub(crate) cpu: Duration,
    /// Octets of linear memory of an instance.
    pub(crate) memory: usize,
    /// Host calls.
    pub(crate) host_calls: u32,
    /// Octets that host calls return.
    pub(crate) read: u64,
    /// Octets that the plugin hands to the host.
    pub(crate) output: usize,
    /// Questions to the DNS.
    pub(crate) dns_queries: u32,
    /// Requests over HTTP.
    pub(crate) http_requests: u32,
    /// Lines of log; more are counted and dropped.
    pub(crate) log_lines: u32,
    /// Instances at once.
    pub(crate) instances: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_millis(2000),
            cpu: Duration::from_millis(200),
            memory: 16 << 20,
            host_calls: 10_000,
            read: 4 << 20,
            output: 1 << 20,
            dns_queries: 100,
            http_requests: 10,
            log_lines: 20,
            instances: 64,
        }
    }
}

impl Limits {
    /// A limit as it is written in `policy.toml`; none if there is none of this name.
    pub(crate) fn written(&self, name: &str) -> Option<u64> {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Some(match name {
            "deadline-ms" => milliseconds(self.deadline),
            "cpu-ms" => milliseconds(self.cpu),
            "memory-mib" => (self.memory >> 20) as u64,
            "host-calls" => self.host_calls.into(),
            "read-kib" => self.read >> 10,
            "output-kib" => (self.output >> 10) as u64,
            "dns-queries" => self.dns_queries.into(),
            "http-requests" => self.http_requests.into(),
            "log-lines" => self.log_lines.into(),
            "instances" => self.instances.into(),
            _ => return None,
        })
    }
}
