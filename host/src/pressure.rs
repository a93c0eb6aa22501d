//! How short room is, and who is told so first.
//!
//! What is watched: memory for the content of messages, free space of the data directory, and how late the store is. The shorter
//! it gets, the more are told to come again: first strangers who connect to hand over mail, then those who begin a message, and at
//! the very end those who have logged in.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use waxwing_store::Store;

use crate::budget::Budget;
use crate::config::Limits;

/// How often disk and store are looked at.
const ROUND: Duration = Duration::from_millis(500);

/// How short room is; each includes what the ones before it say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pressure {
    /// There is enough.
    #[default]
    None,
    /// Strangers with mail are not let in.
    Tight,
    /// Strangers who are in already begin no message.
    Short,
    /// Nobody begins a message.
    Exhausted,
}

/// What the pressure comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Memory,
    Disk,
    Store,
}

/// The gauges; read at every connection and at every MAIL.
#[derive(Debug)]
pub(crate) struct Gauges {
    budget: Arc<Budget>,
    disk: AtomicU8,
    store: AtomicU8,
}

impl Gauges {
    pub(crate) fn new(budget: Arc<Budget>) -> Arc<Self> {
        Arc::new(Self {
            budget,
            disk: AtomicU8::new(0),
            store: AtomicU8::new(0),
        })
    }

    /// How short room is now, and of what.
    pub(crate) fn now(&self) -> (Pressure, Source) {
        let memory = of_share(self.budget.used_percent());
        let disk = Pressure::from_bits(self.disk.load(Ordering::Relaxed));
        let store = Pressure::from_bits(self.store.load(Ordering::Relaxed));
        let all = [
            (memory, Source::Memory),
            (disk, Source::Disk),
            (store, Source::Store),
        ];
        all.into_iter()
            .max_by_key(|(pressure, _)| *pressure)
            .unwrap_or((memory, Source::Memory))
    }

    /// Whether a class is to be told to come again; counts it if so.
    pub(crate) fn refuses(&self, class: Pressure) -> Option<Source> {
        let (pressure, source) = self.now();
        (pressure >= class).then(|| {
            metrics::counter!("waxwing_limits_hit_total", "limit" => source.as_str(), "scope" => class.as_str())
                .increment(1);
            source
        })
    }

    /// Looks at disk and store until it is dropped.
    pub(crate) async fn watch(
        self: Arc<Self>,
        store: Store,
        limits: Limits,
        data: std::path::PathBuf,
    ) {
        let mut rounds = tokio::time::interval(ROUND);
        loop {
            rounds.tick().await;
            let disk = match free_space(&data) {
                Some(free) => of_disk(free, limits.disk_reserve.bytes()),
                // What cannot be asked says nothing; writing will.
                None => Pressure::None,
            };
            let lag = store.lag();
            let late = of_lag(lag, limits.store_delay.duration());
            self.note(&self.disk, disk, Source::Disk);
            self.note(&self.store, late, Source::Store);
            metrics::gauge!("waxwing_store_lag_seconds").set(lag.as_secs_f64());
            metrics::gauge!("waxwing_store_waiting").set(waiting(&store));
            let memory = of_share(self.budget.used_percent());
            gauge(memory, Source::Memory);
        }
    }

    fn note(&self, kept: &AtomicU8, pressure: Pressure, source: Source) {
        let before = Pressure::from_bits(kept.swap(pressure as u8, Ordering::Relaxed));
        gauge(pressure, source);
        if before < pressure {
            tracing::warn!(
                of = source.as_str(),
                level = pressure.as_str(),
                "room is short: strangers are told to come again first"
            );
        } else if before > pressure {
            tracing::info!(
                of = source.as_str(),
                level = pressure.as_str(),
                "there is more room again"
            );
        }
    }
}

impl Pressure {
    fn from_bits(bits: u8) -> Self {
        match bits {
            0 => Self::None,
            1 => Self::Tight,
            2 => Self::Short,
            _ => Self::Exhausted,
        }
    }

    /// Who is told to come again, as metrics and logs name it.
    fn as_str(self) -> &'static str {
        match self {
            Self::None => "nobody",
            Self::Tight => "connections",
            Self::Short => "strangers",
            Self::Exhausted => "everybody",
        }
    }
}

impl Source {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Store => "store",
        }
    }
}

/// Of memory: what large messages may not take is for the small ones, so the first level lies above that.
fn of_share(used_percent: u64) -> Pressure {
    match used_percent {
        0..=84 => Pressure::None,
        85..=91 => Pressure::Tight,
        92..=97 => Pressure::Short,
        _ => Pressure::Exhausted,
    }
}

fn of_disk(free: u64, reserve: u64) -> Pressure {
    if free < reserve / 2 {
        Pressure::Exhausted
    } else if free < reserve {
        Pressure::Short
    } else if free < reserve.saturating_add(reserve / 4) {
        Pressure::Tight
    } else {
        Pressure::None
    }
}

fn of_lag(lag: Duration, delay: Duration) -> Pressure {
    if lag < delay {
        Pressure::None
    } else if lag < 2 * delay {
        Pressure::Tight
    } else if lag < 4 * delay {
        Pressure::Short
    } else {
        Pressure::Exhausted
    }
}

fn gauge(pressure: Pressure, source: Source) {
    metrics::gauge!("waxwing_pressure", "of" => source.as_str()).set(f64::from(pressure as u8));
}

fn waiting(store: &Store) -> f64 {
    f64::from(u32::try_from(store.waiting()).unwrap_or(u32::MAX))
}

/// Octets that this user may still write where a path is.
fn free_space(path: &Path) -> Option<u64> {
    let space = rustix::fs::statvfs(path).ok()?;
    Some(space.f_bavail.saturating_mul(space.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_rises_through_the_classes() {
        use Pressure::{Exhausted, None, Short, Tight};
        for (percent, pressure) in [
            (0, None),
            (84, None),
            (85, Tight),
            (92, Short),
            (98, Exhausted),
        ] {
            assert_eq!(of_share(percent), pressure, "{percent}");
        }
        for (free, pressure) in [(1250, None), (1249, Tight), (999, Short), (499, Exhausted)] {
            assert_eq!(of_disk(free, 1000), pressure, "{free}");
        }
        // No reserve: the disk says nothing until it is full.
        assert_eq!(of_disk(0, 0), None);
        for (lag, pressure) in [(999, None), (1000, Tight), (2000, Short), (4000, Exhausted)] {
            let lag = Duration::from_millis(lag);
            assert_eq!(of_lag(lag, Duration::from_secs(1)), pressure, "{lag:?}");
        }
    }

    #[test]
    fn the_shortest_counts() {
        let gauges = Gauges::new(Budget::new(1_000));
        assert_eq!(gauges.refuses(Pressure::Tight), None);
        gauges.note(&gauges.disk, Pressure::Tight, Source::Disk);
        gauges.note(&gauges.store, Pressure::Short, Source::Store);
        assert_eq!(gauges.now(), (Pressure::Short, Source::Store));
        assert_eq!(gauges.refuses(Pressure::Short), Some(Source::Store));
        assert_eq!(gauges.refuses(Pressure::Exhausted), None);
        gauges.note(&gauges.store, Pressure::None, Source::Store);
        assert_eq!(gauges.now(), (Pressure::Tight, Source::Disk));
    }

    #[test]
    fn the_space_of_a_disk_is_known() {
        assert!(free_space(&std::env::temp_dir()).is_some_and(|free| free > 0));
        assert_eq!(free_space(Path::new("/no/such/place")), Option::None);
    }
}
