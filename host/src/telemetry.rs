//! What the operator sees: the log on standard error, and figures.
//!
//! Invariants: no mail content and no password in a line; each error told to a peer carries a reference, and the line
//! that has the cause carries the same one.

use std::fmt;
use std::io::IsTerminal;
use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Upper bounds of the histograms' buckets, in seconds: from a cheap plugin call to a deadline.
const SECONDS: [f64; 14] = [
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05,
    0.1, 1.0, 10.0,
];
/// How often figures are gathered into their histograms.
const UPKEEP: Duration = Duration::from_secs(5);

/// What is wrong with a log filter.
pub(crate) fn filter_problem(filter: &str) -> Option<String> {
    EnvFilter::try_new(filter)
        .err()
        .map(|error| format!("{filter:?} is no filter: {error}"))
}

/// Sends the log to standard error. Once a process; a server started in a program that has a log keeps that one.
pub(crate) fn start_log(log: &Log) {
    let filter = EnvFilter::try_new(&log.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt()
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let _kept = match log.format {
        LogFormat::Compact => lines.compact().with_target(false).try_init(),
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .try_init(),
    };
}

/// The figures of this process. The `metrics` facade has one recorder a process, so servers in one process share it.
#[derive(Clone)]
pub(crate) struct Figures(PrometheusHandle);

impl Figures {
    /// The recorder, installed by the first caller.
    pub(crate) fn start() -> Self {
        static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
        let handle = HANDLE.get_or_init(|| {
            let builder = PrometheusBuilder::new();
            let builder = builder
                .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)
                .unwrap_or_else(|_| PrometheusBuilder::new());
            let recorder = builder.build_recorder();
            let handle = recorder.handle();
            if metrics::set_global_recorder(recorder).is_err() {
                tracing::warn!("another recorder of metrics is installed; /metrics stays empty");
            }
            describe();
            handle
        });
        Self(handle.clone())
    }

    /// The text of `/metrics`.
    pub(crate) fn render(&self) -> String {
        self.0.render()
    }

    /// Gathers histograms until the task is dropped.
    pub(crate) async fn upkeep(self) {
        let mut ticks = tokio::time::interval(UPKEEP);
        loop {
            ticks.tick().await;
            self.0.run_upkeep();
        }
    }
}

fn describe() {
    use metrics::{describe_counter, describe_gauge};
    describe_counter!(
        "waxwing_messages_accepted_total",
        "Messages that were answered with a yes."
    );
    describe_counter!(
        "waxwing_messages_refused_total",
        "Messages that were refused or deferred after their content."
    );
    describe_counter!(
        "waxwing_verdicts_total",
        "What was decided about messages, for each of their recipients, by verdict."
    );
    describe_counter!(
        "waxwing_messages_delivered_total",
        "Copies that were filed into mailboxes."
    );
    describe_counter!("waxwing_logins_total", "Logins, by protocol and outcome.");
    describe_counter!("waxwing_connections_total", "Connections, by listener.");
    describe_counter!(
        "waxwing_connections_refused_total",
        "Connections over a limit, by listener."
    );
    describe_counter!(
        "waxwing_limits_hit_total",
        "What was refused or cut for a limit, by limit and by whom it counts."
    );
    describe_counter!(
        "waxwing_search_messages_total",
        "Messages that searches left out by the index, or read, by which of both."
    );
    describe_gauge!(
        "waxwing_pressure",
        "How short room is, by what: 1 strangers are not let in, 2 their messages are not taken, 3 nobody's."
    );
    describe_gauge!(
        "waxwing_store_lag_seconds",
        "How long the present commit takes, or the last one took."
    );
    describe_gauge!("waxwing_store_waiting", "Changes that wait for a commit.");
    describe_gauge!("waxwing_sessions", "Sessions that are open, by protocol.");
    describe_gauge!("waxwing_queue_depth", "Messages that wait to be sent on.");
    describe_gauge!("waxwing_queue_held", "Messages that wait for an operator.");
    describe_gauge!("waxwing_queue_connections", "Connections to other servers.");
    describe_counter!(
        "waxwing_queue_recipients_total",
        "Recipients that were tried, by outcome."
    );
    describe_counter!(
        "waxwing_queue_notices_total",
        "Reports to senders, by kind."
    );
    metrics::gauge!("waxwing_queue_depth").set(0.0);
}

/// What a peer is told of a failure, and what finds the operator's line about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reference(u64);

impl Reference {
    /// A new one.
    pub(crate) fn new() -> Self {
        Self(rand::random::<u64>() & ((1 << 40) - 1))
    }

    /// Logs a failure with its chain of causes, and gives the reference to tell.
    pub(crate) fn log(what: &str, session: u64, error: &dyn std::error::Error) -> Self {
        let reference = Self::new();
        let mut causes = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !causes.ends_with(&cause_text) {
                causes = format!("{causes}: {cause_text}");
            }
            source = cause.source();
        }
        tracing::error!(%reference, session, error = causes, "{what}");
        reference
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Crockford's base 32: no letter that is read as another.
        const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
        let digit = |place: u64| {
            DIGITS
                .get((self.0 >> (place * 5)) as usize & 31)
                .map_or('0', |digit| char::from(*digit))
        };
        f.write_str(&(0..8).rev().map(digit).collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_short_and_differ() {
        let (one, other) = (Reference::new(), Reference::new());
        assert_eq!(one.to_string().len(), 8);
        assert_ne!(one, other);
        assert_eq!(Reference(0).to_string(), "00000000");
        assert_eq!(Reference(31).to_string(), "0000000z");
    }

    #[test]
    fn filters_are_checked() {
        assert_eq!(filter_problem("info,waxwing_policy=debug"), None);
        assert!(
            filter_problem("info,waxwing=loudly")
                .unwrap()
                .contains("no filter")
        );
    }
}
